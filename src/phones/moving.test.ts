import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ApprovalWorld, place } from '../../test/support/approval-world.ts';
import { ApproverKey } from '../../test/support/approver-phone.ts';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import { CodedError } from '../platform/errors.ts';
import { parsePairingLink } from './pairing-link.ts';
import { type OpenPairing, Phones } from './phones.ts';

const consoleCaller = { kind: 'console' } as const;

async function setUp(box: BoxState): Promise<{ world: ApprovalWorld; phones: Phones }> {
  const world = await ApprovalWorld.make(box);
  const { database, now, log } = box;
  const phones = new Phones({
    database,
    access: {
      claimed: () => true,
      person: () => world.owner,
      personByName: () => world.owner,
      record: (entry) => void world.recorded.push(entry),
    },
    approvers: world.approvers,
    requireConfirmed: () => {
      if (!world.confirmed) throw new CodedError('confirm-first', 'Confirm first.');
    },
    boxFacts: () => ({ name: 'nightjar', addresses: ['nightjar.local:8443'], fingerprint: 'ab'.repeat(32) }),
    welcome: () => 'http://192.168.1.5/',
    tell: () => undefined,
    notify: () => undefined,
    now,
    randomBytes,
    log,
  });
  phones.open();
  const sql = `INSERT INTO session (id, token_sha256, person_id, user_agent, address, created_at, last_used_at, expires_at)
    VALUES ('open-session', x'00', ?, '', '', 0, 0, 9e15)`;
  await database.write(() => void database.run(sql, world.owner.id));
  return { world, phones };
}

function keyOf(pairing: OpenPairing): { secret: string } {
  return { secret: parsePairingLink(pairing.link)?.secret ?? '' };
}

test('a phone brings its key in the pairing that a confirmed session opened, and approves with it', async () => {
  await using box = new BoxState();
  const { world, phones } = await setUp(box);
  const pairing = await phones.createPairing(world.caller, { phone: 'Pixel' });
  expect(await phones.lookAtPairing(keyOf(pairing))).toMatchObject({ mayApprove: true, replaces: null });
  const key = await ApproverKey.make();
  // A key that is none: nothing is paired, and the link still works.
  expect(await codeOf(phones.redeemPairing(keyOf(pairing), { approverKey: 'AAAA' }))).toBe('invalid-request');
  const redeemed = await phones.redeemPairing(keyOf(pairing), { client: 'web-page', approverKey: key.publicKey });
  expect(redeemed).toMatchObject({ approver: true, recoveryCodes: expect.objectContaining({ length: 10 }) });
  // The session that opened it goes on; the others are told to end.
  expect(world.factors).toEqual(['added open-session']);
  expect(world.approvers.list(world.owner.id)).toMatchObject([{ name: 'Pixel', phoneId: redeemed.phoneId }]);
  await phones.change(world.caller, redeemed.phoneId, { name: 'Pixel 9' });
  expect(world.approvers.list(world.owner.id)).toMatchObject([{ name: 'Pixel 9' }]);
  const asked = await world.approvals.open(await world.halfway('one'), place);
  expect(asked.approvers).toEqual(['Pixel 9']);
  await phones.revoke(world.caller, redeemed.phoneId);
  expect(world.factors.at(-1)).toBe('lost open-session');
  expect(world.approvers.list(world.owner.id)).toEqual([]);
});

test('a pairing without a confirmed session behind it pairs, and leaves the key aside', async () => {
  await using box = new BoxState();
  const { world, phones } = await setUp(box);
  const redeem = async (pairing: OpenPairing) => {
    const { publicKey } = await ApproverKey.make();
    return phones.redeemPairing(keyOf(pairing), { approverKey: publicKey });
  };
  world.confirmed = false;
  const unconfirmed = await phones.createPairing(world.caller, { phone: 'One' });
  world.confirmed = true;
  expect(await redeem(unconfirmed)).toMatchObject({ approver: false, recoveryCodes: [] });
  // The console: for whoever has no second factor, and still has none when the phone comes.
  const first = await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Two' });
  world.hasFactor = true;
  expect((await redeem(first)).approver).toBe(false);
  expect((await redeem(await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Three' }))).approver).toBe(
    false,
  );
  world.hasFactor = false;
  expect((await redeem(await phones.createPairing(consoleCaller, { person: 'Anna', phone: 'Four' }))).approver).toBe(
    true,
  );
  // The session that opened it was ended meanwhile: by the person, who saw that it was a thief's.
  const thiefs = await phones.createPairing(world.caller, { phone: 'Five' });
  await box.database.write(() => void box.database.run("DELETE FROM session WHERE id = 'open-session'"));
  expect(await codeOf(redeem(thiefs))).toBe('pairing-expired');
  expect(world.approvers.count(world.owner.id)).toBe(1);
});

test('a new phone takes the old one’s place: the same phone, and nothing that the old one held', async () => {
  await using box = new BoxState();
  const { world, phones } = await setUp(box);
  const oldKey = await ApproverKey.make();
  const opened = await phones.createPairing(world.caller, { phone: 'Pixel 6', baseFolder: 'Photos/Anna/Mobile' });
  const old = await phones.redeemPairing(keyOf(opened), { client: 'web-page', approverKey: oldKey.publicKey });
  await box.database.write(
    () =>
      void box.database.run(
        "INSERT INTO phone_credential (phone_id, door, secret_sha256, created_at) VALUES (?, 'webdav', x'01', 0)",
        old.phoneId,
      ),
  );
  world.confirmed = false;
  expect(await codeOf(phones.createPairing(world.caller, { replaces: old.phoneId }))).toBe('confirm-first');
  world.confirmed = true;
  expect(await codeOf(phones.createPairing(world.caller, { replaces: 'nobody’s' }))).toBe('not-found');
  const move = await phones.createPairing(world.caller, { replaces: old.phoneId, phone: 'Pixel 9' });
  expect(await phones.lookAtPairing(keyOf(move))).toMatchObject({
    phone: 'Pixel 9',
    replaces: 'Pixel 6',
    baseFolder: 'Photos/Anna/Mobile',
  });
  // Until the new one is there the old one works.
  expect(phones.phoneByToken(old.token)?.phoneId).toBe(old.phoneId);
  const asked = await world.approvals.open(await world.halfway('one'), place);
  const newKey = await ApproverKey.make();
  const moved = await phones.redeemPairing(keyOf(move), { client: 'web-page', approverKey: newKey.publicKey });
  expect(moved).toMatchObject({ phoneId: old.phoneId, phone: 'Pixel 9', approver: true });
  expect(phones.phoneByToken(old.token)).toBeUndefined();
  expect(phones.phoneByToken(moved.token)?.phoneId).toBe(old.phoneId);
  expect(phones.phone(old.phoneId)).toMatchObject({ baseFolder: 'Photos/Anna/Mobile', name: 'Pixel 9' });
  expect(box.database.all('SELECT door FROM phone_credential')).toEqual([{ door: 'page' }]);
  expect(phones.list(world.caller)).toHaveLength(1);
  const caller = { kind: 'phone', phoneId: old.phoneId, personId: world.owner.id, phoneName: 'Pixel 9' } as const;
  const answer = { id: asked.id, digits: asked.digits, at: box.clock.ms, phoneId: old.phoneId };
  const origin = 'https://nightjar.local:8443';
  const byOld = await oldKey.answer({ ...answer, origin });
  expect(await codeOf(world.approvals.answer(caller, asked.id, byOld))).toBe('forbidden');
  expect(await codeOf(world.approvals.answer(caller, asked.id, await newKey.answer({ ...answer, origin })))).toBe(
    'none',
  );
  expect(world.recorded.some(({ event }) => event === 'phone-moved')).toBe(true);
});

test('a move is over when the phone is revoked before it', async () => {
  await using box = new BoxState();
  const { world, phones } = await setUp(box);
  const old = await phones.redeemPairing(keyOf(await phones.createPairing(world.caller, { phone: 'Old' })), {});
  const move = await phones.createPairing(world.caller, { replaces: old.phoneId });
  await phones.revoke(world.caller, old.phoneId);
  expect(await codeOf(phones.redeemPairing(keyOf(move), {}))).toBe('pairing-expired');
  expect(phones.list(world.caller)).toEqual([]);
});

test('a renewed page token ends the page’s last one and no other', async () => {
  await using box = new BoxState();
  const { world, phones } = await setUp(box);
  const pair = async (client: string) =>
    phones.redeemPairing(keyOf(await phones.createPairing(world.caller, { phone: client })), { client });
  const [page, program] = [await pair('web-page'), await pair('nightjar-phone')];
  const renew = (id: string) => box.database.write(() => phones.renewPageTokenInWrite(id));
  const [newPage, programsPage] = [await renew(page.phoneId), await renew(program.phoneId)];
  const known = [page.token, program.token, newPage, programsPage].map((token) => phones.phoneByToken(token)?.phoneId);
  expect(known).toEqual([undefined, program.phoneId, page.phoneId, program.phoneId]);
});
