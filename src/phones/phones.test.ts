import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import { noApprovers } from '../../test/support/no-approvers.ts';
import type { Access, Person } from '../access/access.ts';
import type { PersonCaller } from '../http/caller.ts';
import { parsePairingLink } from './pairing-link.ts';
import { type OpenPairing, Phones } from './phones.ts';

const consoleCaller = { kind: 'console' } as const;
const boxFacts = {
  name: 'nightjar',
  addresses: ['nightjar.local:8443', '192.168.1.5:8443'],
  fingerprint: 'ab'.repeat(32),
};

function openPhones(box: BoxState, access: Access): Phones {
  const { database, now, log } = box;
  const phones = new Phones({ ...noApprovers, database, access, boxFacts: () => boxFacts, now, randomBytes, log });
  phones.open();
  return phones;
}

async function setUp(box: BoxState): Promise<{ access: Access; phones: Phones; owner: Person }> {
  const { access, owner } = await box.openClaimed();
  return { access, owner, phones: openPhones(box, access) };
}

function keyOf(pairing: OpenPairing): { secret: string } {
  return { secret: parsePairingLink(pairing.link)?.secret ?? '' };
}

function callerFor(person: Person): PersonCaller {
  return { kind: 'person', personId: person.id, role: person.role, sessionId: 'session' };
}

function count(box: BoxState, table: string): number {
  return box.database.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? -1;
}

test('a pairing is looked at without using it up, redeemed once, and the phone is known by its token', async () => {
  await using box = new BoxState();
  const { phones, owner } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'ANNA', phone: ' Pixel 8 ' });
  expect(pairing).toMatchObject({ phone: 'Pixel 8', person: 'Anna', expiresAt: box.clock.ms + 15 * 60_000 });
  expect(pairing.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
  const look = {
    phone: 'Pixel 8',
    person: 'Anna',
    baseFolder: 'Photos/Anna',
    folders: [],
    by: null,
    openedAt: box.clock.ms,
    expiresAt: pairing.expiresAt,
    box: boxFacts.name,
    addresses: boxFacts.addresses,
    fingerprint: boxFacts.fingerprint,
    replaces: null,
    mayApprove: false,
  };
  expect(await phones.lookAtPairing(keyOf(pairing))).toEqual(look);
  expect(await phones.lookAtPairing({ code: pairing.code.toLowerCase().replace('-', ' ') })).toEqual(look);
  const redeemed = await phones.redeemPairing(keyOf(pairing), { client: 'nightjar-phone', clientVersion: '0.1.0' });
  expect(redeemed).toMatchObject({ phone: 'Pixel 8', person: 'Anna', box: 'nightjar' });
  expect(redeemed.token).toMatch(/^[0-9a-f]{64}$/);
  expect(phones.phoneByToken(redeemed.token)).toEqual({
    kind: 'phone',
    phoneId: redeemed.phoneId,
    personId: owner.id,
    phoneName: 'Pixel 8',
  });
  expect(phones.phoneByToken(`${redeemed.token}0`)).toBeUndefined();
  expect(phones.phone(redeemed.phoneId)).toEqual({
    personId: owner.id,
    personFolder: 'Anna',
    baseFolder: 'Photos/Anna',
    name: 'Pixel 8',
  });
  for (const key of [keyOf(pairing), { code: pairing.code }]) {
    expect(await codeOf(phones.lookAtPairing(key))).toBe('pairing-used');
    expect(await codeOf(phones.redeemPairing(key, {}))).toBe('pairing-used');
  }
  expect([count(box, 'phone'), count(box, 'phone_credential')]).toEqual([1, 1]);
});

test('of many redeems at once, by link and by code, one wins', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
  const codes = await Promise.all([
    codeOf(phones.redeemPairing(keyOf(pairing), {})),
    codeOf(phones.redeemPairing({ code: pairing.code }, {})),
    codeOf(phones.redeemPairing(keyOf(pairing), {})),
  ]);
  expect(codes).toEqual(['none', 'pairing-used', 'pairing-used']);
  expect([count(box, 'phone'), count(box, 'phone_credential')]).toEqual([1, 1]);
});

test('a pairing lasts 15 minutes, and a newer one closes it', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const first = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'One' });
  const second = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Two' });
  expect(await codeOf(phones.redeemPairing(keyOf(first), {}))).toBe('pairing-expired');
  expect(await codeOf(phones.redeemPairing({ code: first.code }, {}))).toBe('pairing-expired');
  box.clock.ms += 15 * 60_000 - 1;
  expect(await codeOf(phones.lookAtPairing(keyOf(second)))).toBe('none');
  box.clock.ms += 1;
  expect(await codeOf(phones.redeemPairing(keyOf(second), {}))).toBe('pairing-expired');
  expect(await codeOf(phones.redeemPairing({ code: second.code }, {}))).toBe('pairing-expired');
  expect(count(box, 'phone')).toBe(0);
});

test('five wrong codes, also all at once, end the code but not the link', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
  const wrong = ['A', 'B', 'C', 'D', 'E'].map((letter) => codeOf(phones.lookAtPairing({ code: letter.repeat(8) })));
  expect(await Promise.all(wrong)).toEqual(Array(5).fill('pairing-unknown'));
  expect(await codeOf(phones.redeemPairing({ code: pairing.code }, {}))).toBe('pairing-expired');
  expect(await codeOf(phones.redeemPairing(keyOf(pairing), {}))).toBe('none');
});

test('wrong codes are slowed down over all pairings', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  for (let round = 0; round < 2; round += 1) {
    await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
    for (let tries = 0; tries < 5; tries += 1) {
      expect(await codeOf(phones.lookAtPairing({ code: 'AAAA-AAAA' }))).toBe('pairing-unknown');
    }
  }
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
  expect(await codeOf(phones.lookAtPairing({ code: pairing.code }))).toBe('too-many-requests');
  expect(await codeOf(phones.lookAtPairing(keyOf(pairing)))).toBe('none');
  box.clock.ms += 5_000;
  expect(await codeOf(phones.lookAtPairing({ code: pairing.code }))).toBe('none');
});

test('unknown links and codes are unknown', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  expect(await codeOf(phones.lookAtPairing({ secret: 'f'.repeat(32) }))).toBe('pairing-unknown');
  expect(await codeOf(phones.redeemPairing({ code: 'AAAA-AAAA' }, {}))).toBe('pairing-unknown');
});

test('a revoked phone is refused at its very next request', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
  const { token, phoneId } = await phones.redeemPairing(keyOf(pairing), {});
  expect(phones.phoneByToken(token)?.phoneId).toBe(phoneId);
  await phones.revoke(consoleCaller, phoneId);
  expect(phones.phoneByToken(token)).toBeUndefined();
  expect(phones.list(consoleCaller)).toEqual([]);
  expect(count(box, 'phone_credential')).toBe(0);
  expect(await codeOf(phones.revoke(consoleCaller, phoneId))).toBe('not-found');
  // What it sent before may still have to find its folder.
  expect(phones.phone(phoneId)?.name).toBe('Pixel');
});

test('members see, pair and revoke their own phones only', async () => {
  await using box = new BoxState();
  const { phones, owner } = await setUp(box);
  const tom = callerFor(await box.addPerson('Tom'));
  const anna = callerFor(owner);
  const annas = await phones.redeemPairing(keyOf(await phones.createPairing(anna, { phone: 'Anna’s' })), {});
  const toms = await phones.redeemPairing(keyOf(await phones.createPairing(tom, { phone: 'Tom’s' })), {});
  expect(phones.list(tom).map((phone) => phone.id)).toEqual([toms.phoneId]);
  expect(phones.list(anna).map((phone) => phone.id)).toEqual([annas.phoneId, toms.phoneId]);
  expect(await codeOf(phones.createPairing(tom, { person: 'Anna', phone: 'x' }))).toBe('forbidden');
  expect(await codeOf(phones.createPairing(tom, { person: 'Nobody', phone: 'x' }))).toBe('forbidden');
  expect(await codeOf(phones.revoke(tom, annas.phoneId))).toBe('not-found');
  expect(phones.phoneByToken(annas.token)).toBeDefined();
  expect(await codeOf(phones.revoke(anna, toms.phoneId))).toBe('none');
  expect(await codeOf(phones.createPairing(consoleCaller, { person: 'Nobody', phone: 'x' }))).toBe('not-found');
  expect(await codeOf(phones.createPairing(consoleCaller, { phone: 'x' }))).toBe('invalid-request');
});

test('phones and open pairings outlive a restart', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const first = await phones.redeemPairing(
    keyOf(await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'One' })),
    {},
  );
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Two' });
  await box.stop();
  const again = openPhones(box, await box.openAccess());
  expect(again.phoneByToken(first.token)?.phoneName).toBe('One');
  expect((await again.redeemPairing(keyOf(pairing), {})).phone).toBe('Two');
});

test('the last use is written behind the answer, and at most every ten minutes', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const { token } = await phones.redeemPairing(
    keyOf(await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'One' })),
    {},
  );
  const seen = () => phones.list(consoleCaller)[0]?.lastSeenAt;
  const use = async () => {
    phones.phoneByToken(token);
    await phones.removeExpired();
    return seen();
  };
  const start = box.clock.ms;
  expect(seen()).toBeNull();
  expect(await use()).toBe(start);
  box.clock.ms += 9 * 60_000;
  expect(await use()).toBe(start);
  box.clock.ms += 60_000;
  expect(await use()).toBe(start + 10 * 60_000);
});

test('a credential that was not used in time is dead, and housekeeping removes it with old pairings', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'One' });
  const { token } = await phones.redeemPairing(keyOf(pairing), {});
  box.database.prepare<[number]>('UPDATE phone_credential SET unused_until = ?').run(box.clock.ms + 1_000);
  box.clock.ms += 1_000;
  expect(phones.phoneByToken(token)).toBeUndefined();
  expect(await phones.removeExpired()).toBe(1);
  box.clock.ms += 8 * 24 * 60 * 60_000;
  expect(await phones.removeExpired()).toBe(1);
  expect(await codeOf(phones.lookAtPairing(keyOf(pairing)))).toBe('pairing-unknown');
});

test('a base folder lies inside its person’s', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const folderOf = async (baseFolder: string) => {
    const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'x', baseFolder });
    return (await phones.lookAtPairing(keyOf(pairing))).baseFolder;
  };
  expect(await folderOf('Photos/Anna/Pixel 8/')).toBe('Photos/Anna/Pixel 8');
  expect(await folderOf('Photos/Anna')).toBe('Photos/Anna');
  const bad = [
    '',
    'Photos',
    'Photos/Tom',
    'Photos/Anna2',
    'Photos/Anna/..',
    'Photos/Anna/../Tom',
    'Photos/Anna//x',
    '/Photos/Anna',
    'Photos/Anna/.x',
    'Photos/Anna/CON',
    'Photos/Anna/a:b',
    `Photos/Anna${'/x'.repeat(7)}`,
  ];
  for (const folder of bad) expect([folder, await codeOf(folderOf(folder))]).toEqual([folder, 'invalid-name']);
});

test('no secret, code or token is stored readable, and none is in the audit log', async () => {
  await using box = new BoxState();
  const { phones } = await setUp(box);
  const pairing = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Pixel' });
  const { token } = await phones.redeemPairing(keyOf(pairing), {});
  const bytes = Buffer.concat(
    ['nightjar.sqlite', 'nightjar.sqlite-wal'].map((name) => readFileSync(join(box.dir, name))),
  );
  expect(bytes.includes('phone-paired')).toBe(true);
  for (const secret of [keyOf(pairing).secret, pairing.code, pairing.code.replace('-', ''), token]) {
    expect(bytes.includes(secret)).toBe(false);
  }
});
