import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import { noApprovers } from '../../test/support/no-approvers.ts';
import type { PersonCaller, PhoneCaller } from '../http/caller.ts';
import { Phones } from './phones.ts';

const consoleCaller = { kind: 'console' } as const;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Anna the owner and Tom, a phone each. `written` counts what was written to the phones since, but for their last use. */
async function setUp(box: BoxState) {
  const { access, owner } = await box.openClaimed();
  const { database, now, log } = box;
  const boxFacts = () => ({ name: 'nightjar', addresses: ['10.0.0.7:8443'], fingerprint: 'ab'.repeat(32) });
  const phones = new Phones({ ...noApprovers, database, access, boxFacts, now, randomBytes, log });
  phones.open();
  const pair = async (person: string): Promise<PhoneCaller> => {
    const { code } = await phones.createPairing(consoleCaller, { person, phone: `${person}’s` });
    const { token } = await phones.redeemPairing({ code }, { client: 'nightjar-phone', clientVersion: '1' });
    const caller = phones.phoneByToken(token);
    if (caller === undefined) throw new Error('not paired');
    return caller;
  };
  const tom = await box.addPerson('Tom');
  const caller = ({ id, role }: { id: string; role: 'owner' | 'member' }): PersonCaller => ({
    kind: 'person',
    personId: id,
    role,
    sessionId: 'session',
  });
  const phoneOf = { anna: await pair('Anna'), tom: await pair('Tom') };
  database.run('CREATE TEMP TABLE written (id TEXT)');
  database.run(
    'CREATE TEMP TRIGGER count_written AFTER UPDATE ON main.phone WHEN old.last_seen_at IS new.last_seen_at BEGIN INSERT INTO written VALUES (new.id); END',
  );
  const written = () => database.get<{ n: number }>('SELECT count(*) AS n FROM written')?.n;
  return { phones, anna: caller(owner), tom: caller(tom), phoneOf, written, listed: () => phones.list(consoleCaller) };
}

test('everybody renames their own phones, the owner and the console any', async () => {
  await using box = new BoxState();
  const { phones, anna, tom, phoneOf, listed } = await setUp(box);
  expect(await codeOf(phones.change(tom, phoneOf.anna.phoneId, { name: 'Mine' }))).toBe('not-found');
  expect(await phones.change(tom, phoneOf.tom.phoneId, { name: ' Tom’s 2 ' })).toMatchObject({
    name: 'Tom’s 2',
    person: 'Tom',
  });
  expect((await phones.change(anna, phoneOf.tom.phoneId, { name: 'Tom’s 3' })).name).toBe('Tom’s 3');
  expect((await phones.change(consoleCaller, phoneOf.anna.phoneId, { name: 'Tom’s 3' })).name).toBe('Tom’s 3');
  expect(listed().map(({ name }) => name)).toEqual(['Tom’s 3', 'Tom’s 3']);
  expect(await codeOf(phones.change(anna, phoneOf.tom.phoneId, { name: '\u200e' }))).toBe('invalid-name');
  await phones.revoke(anna, phoneOf.tom.phoneId);
  expect(await codeOf(phones.change(anna, phoneOf.tom.phoneId, { name: 'Back' }))).toBe('not-found');
});

test('a folder is changed within its person’s, by them, the owner, and the phone itself, and only when it is another', async () => {
  await using box = new BoxState();
  const { phones, anna, tom, phoneOf, written } = await setUp(box);
  const id = phoneOf.tom.phoneId;
  expect(await phones.change(tom, id, { baseFolder: 'Photos/Tom/One' })).toMatchObject({
    baseFolder: 'Photos/Tom/One',
  });
  expect(await phones.change(anna, id, { baseFolder: 'Photos/Tom/Two', name: 'Mobile' })).toMatchObject({
    baseFolder: 'Photos/Tom/Two',
    name: 'Mobile',
  });
  for (const by of [
    phones.change(tom, id, { baseFolder: 'Photos/Anna' }),
    phones.changeOwn(phoneOf.tom, { baseFolder: 'Photos' }),
  ])
    expect(await codeOf(by)).toBe('invalid-name');
  expect(await codeOf(phones.change(tom, phoneOf.anna.phoneId, { baseFolder: 'Photos/Anna/x' }))).toBe('not-found');
  expect(await phones.changeOwn(phoneOf.tom, { baseFolder: 'Photos/Tom/Two', name: ' Mobile ' })).toMatchObject({ id });
  expect(written()).toBe(2);
  expect(await phones.changeOwn(phoneOf.tom, { baseFolder: 'Photos/Tom' })).toMatchObject({ baseFolder: 'Photos/Tom' });
  expect(phones.own(phoneOf.tom)).toMatchObject({ id, name: 'Mobile', folders: ['Photos/Tom'] });
  expect(phones.phone(id)?.baseFolder).toBe('Photos/Tom');
  expect(phones.own(phoneOf.anna)).toMatchObject({ folders: ['Photos/Anna'] });
  // On a memory card every write counts.
  let answered = 'none';
  for (let times = 0; answered === 'none' && times < 20; times++)
    answered = await codeOf(phones.changeOwn(phoneOf.tom, { name: `Mobile ${times}` }));
  expect(answered).toBe('too-many-requests');
});

test('a plan is kept, and told again unchanged it is not written again', async () => {
  await using box = new BoxState();
  const { phones, phoneOf, written, listed } = await setUp(box);
  const plan = { nextAt: box.clock.ms + 14 * hourMs, client: 'nightjar-phone', clientVersion: '2' };
  await phones.plan(phoneOf.anna, plan);
  const at = box.clock.ms;
  box.clock.ms += 1_000;
  for (let times = 0; times < 100; times += 1) await phones.plan(phoneOf.anna, plan);
  expect(written()).toBe(1);
  expect(listed()).toMatchObject([
    { clientVersion: '2', nextAt: plan.nextAt, plannedAt: at },
    { clientVersion: '1', nextAt: null, plannedAt: null },
  ]);
  await phones.plan(phoneOf.anna, { nextAt: plan.nextAt });
  expect(written()).toBe(1);
  await phones.plan(phoneOf.anna, { nextAt: plan.nextAt, clientVersion: '3' });
  expect([written(), listed()[0]?.clientVersion]).toEqual([2, '3']);
  // That there is no schedule is worth a row, too: it was never told before.
  await phones.plan(phoneOf.tom, { nextAt: null });
  expect(listed()[1]).toMatchObject({ nextAt: null, plannedAt: box.clock.ms });
});

test('a flood of plans is a few writes, shuts out no other phone, and passes', async () => {
  await using box = new BoxState();
  const { phones, phoneOf, written } = await setUp(box);
  const codes: string[] = [];
  const change = async (phone: PhoneCaller) => {
    box.clock.ms += 1;
    return codeOf(phones.plan(phone, { nextAt: box.clock.ms }));
  };
  for (let times = 0; times < 100; times += 1) codes.push(await change(phoneOf.anna));
  expect(codes).toEqual([...Array(6).fill('none'), ...Array(94).fill('too-many-requests')]);
  expect(written()).toBe(6);
  expect(await change(phoneOf.tom)).toBe('none');
  box.clock.ms += 10_000;
  expect([await change(phoneOf.anna), await change(phoneOf.anna)]).toEqual(['none', 'too-many-requests']);
  // A night later all is as at first; nor does a clock that is set back shut anybody out.
  box.clock.ms += dayMs;
  for (let times = 0; times < 6; times += 1) expect(await change(phoneOf.anna)).toBe('none');
  box.clock.ms -= 10 * dayMs;
  expect(await change(phoneOf.anna)).toBe('none');
});

test('a time that is far off is refused and changes nothing', async () => {
  await using box = new BoxState();
  const { phones, phoneOf, written } = await setUp(box);
  const at = (ms: number) => codeOf(phones.plan(phoneOf.anna, { nextAt: box.clock.ms + ms }));
  expect([await at(-dayMs - 1), await at(32 * dayMs + 1)]).toEqual(['invalid-request', 'invalid-request']);
  expect(written()).toBe(0);
  expect([await at(-dayMs), await at(32 * dayMs)]).toEqual(['none', 'none']);
});
