import { expect, test } from 'vitest';
import { BoxState } from '../../test/support/box-state.ts';
import { Random } from '../../test/support/random.ts';
import type { CodedError } from '../platform/errors.ts';
import { Guard, nobodySubject, type Subject, type Try, type TryKind } from './guard.ts';

const elsewhere: Subject = { person: 'anna', known: undefined };
const atHome: Subject = { person: 'anna', known: 'browser-1' };
const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

/** A guard on a real box state; `restart` is what a pulled plug leaves. */
class Gate {
  readonly box = new BoxState();
  authenticators = 0;
  guard = this.#open();

  async restart(): Promise<void> {
    await this.box.stop();
    this.guard = this.#open();
  }

  #open(): Guard {
    const { database, now } = this.box;
    return new Guard({ database, now, authenticators: () => this.authenticators });
  }

  /** What a try meets: 'taken', or the seconds to wait, or 'resting'. */
  async try(kind: TryKind, subject: Subject, right = false): Promise<'taken' | 'resting' | number> {
    try {
      this.guard.check(kind, subject);
      await this.box.database.write(() => {
        const counted: Try = this.guard.countInWrite(kind, subject);
        if (right) this.guard.succeededInWrite(counted);
      });
      return 'taken';
    } catch (error) {
      const { code, facts } = error as CodedError;
      expect(code).toBe('too-many-requests');
      return facts['resting'] === true ? 'resting' : Number(facts['retryAfterSeconds']);
    }
  }

  async many(count: number, kind: TryKind, subject: Subject): Promise<Array<'taken' | 'resting' | number>> {
    const met: Array<'taken' | 'resting' | number> = [];
    for (let n = 0; n < count; n += 1) met.push(await this.try(kind, subject));
    return met;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
  }
}

test('five passwords are free elsewhere, then each waits twice as long, to fifteen minutes', async () => {
  await using gate = new Gate();
  expect(await gate.many(6, 'password', elsewhere)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 2]);
  const waits: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    const wait = Number(await gate.try('password', elsewhere));
    waits.push(wait);
    gate.box.clock.ms += wait * second - 1;
    expect(await gate.try('password', elsewhere)).toBe(1);
    gate.box.clock.ms += 1;
    expect(await gate.try('password', elsewhere)).toBe('taken');
  }
  expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
});

test('a hundred in a row rest for a day; a day without any breaks the row; a plug pulled meanwhile changes nothing', async () => {
  await using gate = new Gate();
  let taken = 0;
  while (taken < 100) {
    const met = await gate.try('password', elsewhere);
    if (met === 'taken') taken += 1;
    else gate.box.clock.ms += Number(met) * second;
    if (taken % 20 === 7) await gate.restart();
  }
  expect(await gate.try('password', elsewhere)).toBe(day / second);
  await gate.restart();
  gate.box.clock.ms += day - 1;
  expect(await gate.try('password', elsewhere)).toBe(1);
  gate.box.clock.ms += 1;
  expect(await gate.many(6, 'password', elsewhere)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 2]);
});

test('failures from elsewhere never make a known browser wait, nor the other way round', async () => {
  await using gate = new Gate();
  for (const kind of ['password', 'code', 'recovery'] as const) {
    await gate.many(30, kind, elsewhere);
    expect(await gate.many(11, kind, atHome)).toEqual([...Array<string>(10).fill('taken'), 2]);
    expect(await gate.try(kind, { ...atHome, known: 'browser-2' })).toBe('taken');
    expect(await gate.try(kind, { person: 'tom', known: undefined })).toBe('taken');
  }
});

test('a success gives back its own try and no more elsewhere; on its own browser all that went before', async () => {
  await using gate = new Gate();
  await gate.many(4, 'password', elsewhere);
  expect(await gate.try('password', elsewhere, true)).toBe('taken');
  expect(await gate.many(2, 'password', elsewhere)).toEqual(['taken', 2]);
  await gate.many(4, 'code', elsewhere);
  for (let n = 0; n < 20; n += 1) expect(await gate.try('code', elsewhere, true)).toBe('taken');
  expect(await gate.many(2, 'code', elsewhere)).toEqual(['taken', 2 * 3_600]);
  await gate.many(9, 'password', atHome);
  expect(await gate.try('password', atHome, true)).toBe('taken');
  expect(await gate.many(11, 'password', atHome)).toEqual([...Array<string>(10).fill('taken'), 2]);
});

test('a try that was not made costs nothing, and clears nothing, also on a known browser', async () => {
  await using gate = new Gate();
  const { database } = gate.box;
  for (const [subject, free] of [[elsewhere, 5] as const, [atHome, 10] as const]) {
    for (let n = 0; n < 20; n += 1) {
      const counted = await database.write(() => gate.guard.countInWrite('password', subject));
      await database.write(() => gate.guard.notTriedInWrite(counted));
    }
    await gate.many(free - 1, 'password', subject);
    const counted = await database.write(() => gate.guard.countInWrite('password', subject));
    await database.write(() => gate.guard.notTriedInWrite(counted));
    expect(await gate.many(2, 'password', subject)).toEqual(['taken', 2]);
  }
});

test('of tries at once each is counted before any is answered', async () => {
  await using gate = new Gate();
  const { database } = gate.box;
  const counted = await Promise.allSettled(
    Array.from({ length: 20 }, () => database.write(() => gate.guard.countInWrite('password', elsewhere))),
  );
  expect(counted.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  // Somebody else's failures between a try and its success stay.
  const first = await database.write(() => gate.guard.countInWrite('code', elsewhere));
  await database.write(() => gate.guard.countInWrite('code', elsewhere));
  await database.write(() => gate.guard.succeededInWrite(first));
  expect(await gate.many(5, 'code', elsewhere)).toEqual(['taken', 'taken', 'taken', 'taken', 7_200]);
});

test('codes elsewhere: five, then one each two hours; at a hundred they rest until cleared, which fills no purse', async () => {
  await using gate = new Gate();
  expect(await gate.many(6, 'code', elsewhere)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 7_200]);
  for (let taken = 5; taken < 100; taken += 1) {
    gate.box.clock.ms += 2 * hour - 1;
    expect(await gate.try('code', elsewhere)).toBe(1);
    gate.box.clock.ms += 1;
    expect(await gate.try('code', elsewhere)).toBe('taken');
    if (taken % 30 === 0) await gate.restart();
  }
  gate.box.clock.ms += 400 * day;
  expect(await gate.try('code', elsewhere)).toBe('resting');
  // Recovery codes have a purse of their own that never rests; a known browser goes on.
  expect(await gate.try('recovery', elsewhere)).toBe('taken');
  expect(await gate.try('code', atHome)).toBe('taken');
  await gate.box.database.write(() => gate.guard.clearInWrite('anna', ['browser-1']));
  expect(await gate.many(6, 'code', elsewhere)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 7_200]);
  await gate.box.database.write(() => gate.guard.clearInWrite('anna', []));
  expect(await gate.try('code', elsewhere)).toBe(7_200);
  await gate.box.database.write(() => gate.guard.forgetInWrite('anna', []));
  expect(await gate.try('code', elsewhere)).toBe('taken');
});

test.each([1, 2, 3, 10])('however many authenticators, a code is hit as rarely: %i', async (count) => {
  await using gate = new Gate();
  gate.authenticators = count;
  let taken = 0;
  const begun = gate.box.clock.ms;
  while (gate.box.clock.ms - begun < 365 * day) {
    const met = await gate.try('code', elsewhere);
    if (met === 'taken') taken += 1;
    else if (met !== 'resting') gate.box.clock.ms += met * second;
    // The person lets them go on each time, which is the worst for them.
    else await gate.box.database.write(() => gate.guard.clearInWrite('anna', []));
  }
  const years = 1 / ((taken * 3 * count) / 1_000_000);
  expect(years).toBeGreaterThan(50);
  // Nor is anybody kept waiting for longer than that asks for.
  expect(years).toBeLessThan(80);
  expect(await gate.many(10, 'code', atHome)).toEqual(Array<string>(10).fill('taken'));
}, 180_000);

test('an authenticator that is added slows the tries down at once, and recovery codes not at all', async () => {
  await using gate = new Gate();
  await gate.many(5, 'code', elsewhere);
  expect(await gate.try('code', elsewhere)).toBe(7_200);
  gate.authenticators = 4;
  expect(await gate.try('code', elsewhere)).toBe(4 * 7_200);
  await gate.many(5, 'recovery', elsewhere);
  expect(await gate.try('recovery', elsewhere)).toBe(7_200);
});

test('recovery codes elsewhere are as slow, and never rest', async () => {
  await using gate = new Gate();
  await gate.many(5, 'recovery', elsewhere);
  for (let n = 0; n < 150; n += 1) {
    gate.box.clock.ms += 2 * hour;
    expect(await gate.try('recovery', elsewhere)).toBe('taken');
  }
});

test('a known browser’s codes rest at a hundred failures as well', async () => {
  await using gate = new Gate();
  for (let n = 0; n < 100; n += 1) {
    gate.box.clock.ms += 15 * minute;
    expect(await gate.try('code', atHome)).toBe('taken');
  }
  gate.box.clock.ms += 30 * day;
  expect(await gate.try('code', atHome)).toBe('resting');
  expect(await gate.try('code', elsewhere)).toBe('taken');
});

test('a clock set back neither frees nor lengthens a wait', async () => {
  await using gate = new Gate();
  for (const [kind, count, waitMs] of [
    ['password', 8, 16 * second],
    ['code', 5, 2 * hour],
  ] as const) {
    for (let taken = 0; taken < count; ) {
      const met = await gate.try(kind, elsewhere);
      if (met === 'taken') taken += 1;
      else gate.box.clock.ms += Number(met) * second;
    }
    gate.box.clock.ms -= 365 * day;
    expect(await gate.try(kind, elsewhere)).toBe(waitMs / second);
    await gate.restart();
    gate.box.clock.ms += waitMs - 1;
    expect(await gate.try(kind, elsewhere)).toBe(1);
    gate.box.clock.ms += 1;
    expect(await gate.try(kind, elsewhere)).toBe('taken');
  }
});

test('names that nobody has are counted like people, and take no more than their room', async () => {
  await using gate = new Gate();
  const nobody = nobodySubject('abc', undefined);
  expect(await gate.many(6, 'password', nobody)).toEqual(['taken', 'taken', 'taken', 'taken', 'taken', 2]);
  const { database } = gate.box;
  const fill = database.prepare(
    `WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 4_200)
     INSERT INTO throttle (key, failures, last_failed_at, tokens) SELECT 'password of nobody-' || n, 1, n, 4 FROM count`,
  );
  await database.write(() => fill.run());
  const rows = () => database.get<{ n: number }>('SELECT count(*) AS n FROM throttle')?.n;
  const before = rows();
  await gate.many(3, 'password', nobodySubject('another', undefined));
  expect(rows()).toBe(before);
  // The one that was tried most outlives those that were tried once.
  expect(await gate.try('password', nobody)).toBe(2);
});

/**
 * Whatever is tried, wherever, with clocks that jump back and starts in between: over any stretch the codes tried from
 * elsewhere are at most the purse and what it was refilled in the time that passed forwards, and a known browser that
 * has not failed itself is never kept waiting.
 */
test.each([1, 2, 3, 4, 5, 6])('property: no way round the purse, no way to stop a known browser (%i)', async (seed) => {
  await using gate = new Gate();
  const random = new Random(seed);
  const below = (count: number) => random.whole(0, count - 1);
  let taken = 0;
  let passedMs = 0;
  const begun = gate.box.clock.ms;
  for (let step = 0; step < 400; step += 1) {
    const what = below(20);
    if (what < 12) {
      if ((await gate.try('code', elsewhere)) === 'taken') taken += 1;
    } else if (what < 14) {
      await gate.try('code', elsewhere, true);
    } else if (what < 17) {
      const ms = below(3 * hour);
      gate.box.clock.ms += ms;
      passedMs += ms;
    } else if (what === 17) {
      gate.box.clock.ms -= below(5 * hour);
    } else if (what === 18) {
      await gate.restart();
    } else {
      await gate.box.database.write(() => gate.guard.clearInWrite('anna', ['browser-1']));
    }
    expect(await gate.try('code', atHome, true)).toBe('taken');
    expect(taken).toBeLessThanOrEqual(5 + passedMs / (2 * hour) + 1e-6);
  }
  expect(taken).toBeGreaterThan(5);
  expect(passedMs).toBeGreaterThan(gate.box.clock.ms - begun);
});
