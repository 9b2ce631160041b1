import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import { noApprovers } from '../../test/support/no-approvers.ts';
import type { Person } from '../access/access.ts';
import type { PersonCaller } from '../http/caller.ts';
import { Phones } from './phones.ts';

const consoleCaller = { kind: 'console' } as const;
const minuteMs = 60_000;

/** Anna the owner, Tom and Eva. `heard`: what was told, `to state`; `noted`: notices. */
async function setUp(box: BoxState) {
  const { access, owner } = await box.openClaimed();
  const { database, now, log } = box;
  const heard: string[] = [];
  const noted: unknown[] = [];
  const open = () => {
    const phones = new Phones({
      ...noApprovers,
      database,
      access,
      boxFacts: () => ({ name: 'nightjar', addresses: ['nightjar.local:8443'], fingerprint: 'ab'.repeat(32) }),
      tell: (to, { state }) => void heard.push(`${to === null ? 'console' : access.person(to)?.name} ${state}`),
      notify: (to, kind, detail) => void noted.push([to, kind, detail]),
      now,
      randomBytes,
      log,
    });
    phones.open();
    return phones;
  };
  const [tom, eva] = [await box.addPerson('Tom'), await box.addPerson('Eva')];
  return {
    phones: open(),
    open,
    owner,
    anna: as(owner, 'anna’s'),
    tom: as(tom),
    tomsElsewhere: as(tom, 'other'),
    eva: as(eva),
    heard,
    noted,
  };
}

function as({ id, role }: Person, sessionId = 'session'): PersonCaller {
  return { kind: 'person', personId: id, role, sessionId };
}

test('the session that opened a pairing is shown its link and code again; nobody else is', async () => {
  await using box = new BoxState();
  const { phones, open, anna, tom, tomsElsewhere, eva } = await setUp(box);
  expect(phones.currentPairing(tom)).toBeUndefined();
  const opened = await phones.createPairing(tom, {}, '10.0.0.2');
  expect(opened).toMatchObject({ phone: '', welcome: 'http://192.168.1.5/' });
  const own = phones.currentPairing(tom);
  expect(own).toMatchObject({
    ...opened,
    state: 'open',
    by: 'Tom',
    openedAt: box.clock.ms,
    triesLeft: 5,
    trustedAt: null,
    joined: null,
  });
  const [link, code] = [null, null];
  // It may bring a second factor: neither the owner nor a page that was left open elsewhere may take it for that.
  expect(phones.currentPairing(tomsElsewhere)).toMatchObject({ id: opened.id, state: 'open', link, code });
  expect(phones.currentPairing(anna)).toMatchObject({ id: opened.id, state: 'open', link, code });
  expect(phones.currentPairing(consoleCaller)).toMatchObject({ id: opened.id, link, code });
  expect(phones.currentPairing(eva)).toBeUndefined();
  // After a restart it goes on for whoever has them.
  const again = open();
  expect(again.currentPairing(tom)).toMatchObject({ id: opened.id, state: 'open', link, code });
  expect((await again.redeemPairing({ code: opened.code }, {})).phone).toBe('Tom’s phone');
});

test('whoever opened it hears what becomes of it, each thing once', async () => {
  await using box = new BoxState();
  const { phones, tom, heard } = await setUp(box);
  const { code } = await phones.createPairing(tom, { phone: 'iPhone' }, '::ffff:10.0.0.2');
  phones.probed('10.0.0.2');
  expect(heard).toEqual([]);
  box.clock.ms += minuteMs;
  for (const address of ['::ffff:10.0.0.3', '10.0.0.3', '10.0.0.4']) phones.probed(address);
  for (let times = 0; times < 3; times++) await phones.lookAtPairing({ code });
  expect(heard).toEqual(['Tom trusted', 'Tom looked-at']);
  expect(phones.currentPairing(tom)).toMatchObject({ trustedAt: box.clock.ms, lookedAt: box.clock.ms });
  const { phoneId } = await phones.redeemPairing({ code }, {});
  expect(phones.currentPairing(tom)).toMatchObject({
    state: 'joined',
    link: null,
    code: null,
    joined: { phoneId, phone: 'iPhone', at: box.clock.ms },
  });
  phones.probed('10.0.0.9');
  expect(heard).toEqual(['Tom trusted', 'Tom looked-at', 'Tom joined']);
  box.clock.ms += 61 * minuteMs;
  expect(phones.currentPairing(tom)).toBeUndefined();
});

test('a pairing is closed by who opened it, the owner, a newer one, or its time', async () => {
  await using box = new BoxState();
  const { phones, anna, tom, eva, heard } = await setUp(box);
  const toms = await phones.createPairing(tom, { phone: 'One' });
  await phones.closePairing(eva);
  expect(phones.currentPairing(tom)?.state).toBe('open');
  await phones.closePairing(tom);
  expect(phones.currentPairing(tom)).toMatchObject({ id: toms.id, state: 'closed', link: null });
  expect(await codeOf(phones.redeemPairing({ code: toms.code }, {}))).toBe('pairing-expired');
  await phones.createPairing(tom, { phone: 'Two' });
  await phones.closePairing(anna);
  await phones.closePairing(anna);
  expect(heard).toEqual(['Tom closed', 'Tom closed']);
  await phones.createPairing(tom, { phone: 'Three' });
  await phones.createPairing(consoleCaller, { person: 'Anna' });
  expect(heard.slice(2)).toEqual(['Tom closed']);
  const last = await phones.createPairing(anna, {});
  expect(heard.slice(3)).toEqual(['console closed']);
  box.clock.ms += 15 * minuteMs;
  phones.probed('10.0.0.3');
  expect(phones.currentPairing(anna)).toMatchObject({ id: last.id, state: 'closed', link: null });
  expect(heard).toHaveLength(4);
});

test('“this is not my phone” ends a pairing, and tells who opened it', async () => {
  await using box = new BoxState();
  const { phones, anna, tom, heard, noted } = await setUp(box);
  const opened = await phones.createPairing(anna, { person: 'Tom', phone: 'Pixel' });
  expect(await codeOf(phones.refusePairing({ code: '0000-0000' }))).toBe('pairing-unknown');
  expect(phones.currentPairing(anna)).toMatchObject({ state: 'open', triesLeft: 4 });
  await phones.refusePairing({ code: opened.code });
  expect(phones.currentPairing(anna)).toMatchObject({ state: 'refused', link: null, joined: null });
  expect(phones.currentPairing(tom)).toBeUndefined();
  expect(heard).toEqual(['Anna refused']);
  expect(noted).toEqual([[anna.personId, 'pairing-refused', { phone: 'Pixel', person: 'Tom' }]]);
  const audit = box.database.all<{ event: string; actor: string; subject: string }>(
    "SELECT event, actor, subject FROM audit WHERE event = 'pairing-refused'",
  );
  expect(audit).toEqual([{ event: 'pairing-refused', actor: 'nobody', subject: tom.personId }]);
  for (const ended of [phones.redeemPairing({ code: opened.code }, {}), phones.refusePairing({ code: opened.code })]) {
    await expect(ended).rejects.toMatchObject({
      code: 'pairing-expired',
      message: expect.stringContaining('not their phone'),
    });
  }
  expect(phones.list(anna)).toEqual([]);
});

test('a phone names itself and chooses a folder, of its own person alone', async () => {
  await using box = new BoxState();
  const { phones, anna, tom } = await setUp(box);
  const redeem = async (by: object, asked: object = { person: 'Tom' }) =>
    phones.redeemPairing({ code: (await phones.createPairing(anna, asked)).code }, by);
  expect(await redeem({ phone: ' Tom’s iPhone ', baseFolder: 'Photos/Tom/iPhone' })).toMatchObject({
    phone: 'Tom’s iPhone',
    baseFolder: 'Photos/Tom/iPhone',
  });
  box.clock.ms += 1;
  expect(await redeem({ phone: 'Mine' }, { person: 'Tom', phone: 'Pixel' })).toMatchObject({ phone: 'Mine' });
  expect(await redeem({}, { person: 'Tom', phone: 'Pixel' })).toMatchObject({
    phone: 'Pixel',
    baseFolder: 'Photos/Tom',
  });
  const { code } = await phones.createPairing(anna, { person: 'Tom' });
  expect(await phones.lookAtPairing({ code })).toMatchObject({
    phone: '',
    by: 'Anna',
    openedAt: box.clock.ms,
    folders: ['Photos/Tom', 'Photos/Tom/iPhone'],
  });
  for (const by of [
    { baseFolder: 'Photos/Anna' },
    { baseFolder: 'Photos/Tom/..' },
    { phone: 'a\u202eb' },
    { phone: ' ' },
  ]) {
    expect([by, await codeOf(phones.redeemPairing({ code }, by))]).toEqual([by, 'invalid-name']);
  }
  // Nothing of it was used up.
  const last = await phones.redeemPairing({ code }, { phone: 'Last' });
  const [, , , listed] = phones.list(tom);
  expect(listed).toMatchObject({ id: last.phoneId, name: 'Last', joinedAt: box.clock.ms, joinedRecently: true });
  box.clock.ms += 24 * 60 * minuteMs;
  expect(phones.list(tom)[3]).toMatchObject({ joinedRecently: false, approver: false });
  // A move keeps the folder, unless the new phone says otherwise.
  const moved = await redeem({ baseFolder: 'Photos/Tom/new' }, { replaces: last.phoneId });
  expect(moved).toMatchObject({ phoneId: last.phoneId, phone: 'Last', baseFolder: 'Photos/Tom/new' });
  expect(phones.list(tom)[3]).toMatchObject({
    baseFolder: 'Photos/Tom/new',
    joinedAt: box.clock.ms,
    joinedRecently: true,
  });
});
