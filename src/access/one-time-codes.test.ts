import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { anna, bert, FactorBox, halfway } from '../../test/support/factor-box.ts';
import { codeRefused } from './one-time-codes.ts';
import { codeOfStep, stepOf } from './totp.ts';

const minuteMs = 60_000;

test('an authenticator is shown once, counts after its first code, and brings ten recovery codes', async () => {
  await using box = new FactorBox();
  const begun = await box.codes.begin(anna, '  Old phone ');
  expect(begun).toMatchObject({ name: 'Old phone', expiresAt: box.clock.ms + 15 * minuteMs, boxTime: box.clock.ms });
  const key = begun.textKey.replaceAll(' ', '');
  expect(begun.otpauthUrl).toContain(`otpauth://totp/nightjar:anna?secret=${key}&issuer=nightjar&`);
  expect(begun.textKey).toMatch(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
  const code = box.codeNow(box.secretOf(begun.id));
  expect([await box.take(code), box.codes.count('anna')]).toEqual(['wrong', 0]);
  expect(box.codes.list('anna')).toMatchObject([{ name: 'Old phone', confirmed: false, lastUsedAt: null }]);

  const { recoveryCodes } = await box.codes.confirm(anna, begun.id, code);
  expect([recoveryCodes.length, box.recovery.left('anna'), box.codes.count('anna')]).toEqual([10, 10, 1]);
  expect(JSON.stringify(box.codes.list('anna'))).not.toContain(key);
  expect(box.told).toEqual([
    'audit authenticator-added by person:anna',
    'notice authenticator-added to anna',
    'sessions of anna end but here',
  ]);
  expect(await box.take(code), 'the code that confirmed it').toBe('used');
  expect(await codeOf(box.codes.confirm(anna, begun.id, box.codeNow(box.secretOf(begun.id), 1)))).toBe('not-found');
  expect((await box.withAuthenticator()).recoveryCodes, 'there are ten left').toEqual([]);
});

test('a first code that is wrong, far or late turns nothing on', async () => {
  await using box = new FactorBox();
  const { id } = await box.codes.begin(anna, 'Phone');
  const secret = box.secretOf(id);
  for (const code of ['', '12345', '1234567', 'abcdef', box.codeNow(secret, 2), box.codeNow(secret, -2)]) {
    expect(await codeOf(box.codes.confirm(anna, id, code)), code).toBe('wrong-code');
  }
  expect(await codeOf(box.codes.confirm(bert, id, box.codeNow(secret)))).toBe('not-found');
  box.clock.ms += 15 * minuteMs - 1;
  expect(box.codes.list('anna')).toHaveLength(1);
  box.clock.ms += 1;
  expect(box.codes.list('anna')).toHaveLength(0);
  expect(await codeOf(box.codes.confirm(anna, id, box.codeNow(secret)))).toBe('not-found');
  expect([box.codes.count('anna'), box.told]).toEqual([0, []]);
});

test('housekeeping drops what nobody confirmed in 15 minutes, a clock that jumped back included, and nothing else', async () => {
  await using box = new FactorBox();
  await box.withAuthenticator();
  await box.codes.begin(anna, 'Waiting');
  expect(await box.codes.dropUnconfirmed()).toBe(0);
  box.clock.ms += 15 * minuteMs;
  expect(await box.codes.dropUnconfirmed()).toBe(1);
  await box.codes.begin(anna, 'From the future');
  box.clock.ms -= 15 * minuteMs;
  expect(await box.codes.dropUnconfirmed()).toBe(1);
  expect([box.count('authenticator'), box.codes.count('anna')]).toEqual([1, 1]);
});

test('codes of now, of the step before and of the step after open; two steps away they do not', async () => {
  for (const [away, taken] of [
    [-1, 'right'],
    [0, 'right'],
    [1, 'right'],
    [-2, { stepsAway: -2 }],
    [2, { stepsAway: 2 }],
    [-20, { stepsAway: -20 }],
    [20, { stepsAway: 20 }],
    [-21, 'wrong'],
    [21, 'wrong'],
  ] as const) {
    await using box = new FactorBox();
    const { secret } = await box.withAuthenticator();
    expect(await box.take(box.codeNow(secret, away)), `${away} steps away`).toEqual(taken);
  }
});

test('the window moves at the first millisecond of a step', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const code = box.codeNow(secret);
  box.clock.ms += 60_000;
  expect(await box.take(code)).toEqual({ stepsAway: -2 });
  await using other = new FactorBox();
  const { secret: its } = await other.withAuthenticator();
  const its0 = other.codeNow(its);
  other.clock.ms += 59_999;
  expect(await other.take(its0)).toBe('right');
});

test('a code opens once: not in its step, not in the next, not after a restart, nor does an older one', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const code = box.codeNow(secret);
  const before = box.codeNow(secret, -1);
  expect(await box.take(code)).toBe('right');
  expect(await box.take(code)).toBe('used');
  await box.reopen();
  expect([await box.take(code), await box.take(before)]).toEqual(['used', 'used']);
  box.clock.ms += 30_000;
  expect(await box.take(code)).toBe('used');
  box.clock.ms -= 60_000;
  expect(await box.take(code), 'the clock went back').toBe('used');
  box.clock.ms += 60_000;
  expect(await box.take(box.codeNow(secret))).toBe('right');
});

test('of twenty tries of one code at once one wins', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const code = box.codeNow(secret);
  const taken = await Promise.all(Array.from({ length: 20 }, () => box.take(code)));
  expect(taken.filter((one) => one === 'right')).toHaveLength(1);
  expect(taken.filter((one) => one === 'used')).toHaveLength(19);
});

test('a write that fails has used no code', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const code = box.codeNow(secret);
  const failing = box.database.write(() => {
    expect(box.codes.take('anna', code)).toBe('right');
    throw new Error('the session could not be written');
  });
  await expect(failing).rejects.toThrow('could not be written');
  expect(await box.take(code)).toBe('right');
});

test('a code recognised ahead of its time never opens, and those around it do', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const ahead = box.codeNow(secret, 6);
  expect(await box.take(ahead)).toEqual({ stepsAway: 6 });
  await box.reopen();
  for (let step = 1; step <= 5; step += 1) {
    box.clock.ms += 30_000;
    expect(await box.take(box.codeNow(secret)), `step ${step}`).toBe('right');
    expect(await box.take(ahead), `step ${step}`).toEqual(step < 5 ? { stepsAway: 6 - step } : 'used');
  }
  box.clock.ms += 30_000;
  expect(await box.take(ahead), 'in its own step').toBe('used');
  expect(box.count('seen_step')).toBe(0);
});

test('a code recognised after its time does not open when the clock goes back', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const code = box.codeNow(secret, -6);
  expect(await box.take(code)).toEqual({ stepsAway: -6 });
  box.clock.ms -= 6 * 30_000;
  expect(await box.take(code)).toBe('used');
});

test('whatever is typed in whatever order, no step opens twice, nor one that a far code told of', async () => {
  await using box = new FactorBox();
  const { secret } = await box.withAuthenticator();
  const opened = new Set<number>();
  const toldOf = new Set<number>();
  const attempt = fc.record({ passes: fc.integer({ min: -3, max: 5 }), away: fc.integer({ min: -4, max: 4 }) });
  const property = fc.asyncProperty(fc.array(attempt, { maxLength: 20 }), async (attempts) => {
    box.clock.ms += 100 * 30_000;
    for (const { passes, away } of attempts) {
      box.clock.ms += passes * 30_000;
      const step = stepOf(box.clock.ms) + away;
      const taken = await box.take(codeOfStep(secret, step));
      if (typeof taken === 'object') toldOf.add(step);
      if (taken !== 'right') continue;
      expect(Math.abs(away)).toBeLessThanOrEqual(1);
      expect([opened.has(step), toldOf.has(step)]).toEqual([false, false]);
      opened.add(step);
    }
  });
  // One seed: once in a thousand runs two steps near each other would have the same code.
  await fc.assert(property, { numRuns: 40, endOnFailure: true, seed: 5 });
  expect(Math.min(opened.size, toldOf.size)).toBeGreaterThan(20);
});

test('each of several authenticators opens, is renamed and removed; another person’s does not exist', async () => {
  await using box = new FactorBox();
  const one = await box.withAuthenticator();
  const two = await box.withAuthenticator();
  expect([await box.take(box.codeNow(one.secret)), await box.take(box.codeNow(two.secret))]).toEqual([
    'right',
    'right',
  ]);
  expect(await box.take(box.codeNow(one.secret, 1), 'bert')).toBe('wrong');
  expect(await box.codes.rename(anna, two.id, ' Tablet ')).toMatchObject({ name: 'Tablet', confirmed: true });
  expect(await codeOf(box.codes.rename(bert, two.id, 'Mine'))).toBe('not-found');
  expect(await codeOf(box.codes.remove(bert, two.id))).toBe('not-found');
  expect(await codeOf(box.codes.rename(anna, two.id, '\u202e'))).toBe('invalid-name');
  box.told.length = 0;
  await box.codes.remove(anna, one.id);
  expect(await box.take(box.codeNow(one.secret, 1))).toBe('wrong');
  expect(box.recovery.left('anna')).toBe(10);
  expect(box.told).toEqual([
    'audit authenticator-removed by person:anna',
    'notice authenticator-removed to anna',
    'sessions of anna end but here',
  ]);
  box.policyRequires = true;
  expect(await codeOf(box.codes.remove(anna, two.id))).toBe('conflict');
  expect([box.codes.count('anna'), box.recovery.left('anna')], 'taken back whole').toEqual([1, 10]);
  box.policyRequires = false;
  await box.codes.remove(anna, two.id);
  expect([box.codes.count('anna'), box.recovery.left('anna')], 'the last one').toEqual([0, 0]);
});

test('a person has ten authenticators at most', async () => {
  await using box = new FactorBox();
  const begun = await Promise.all(Array.from({ length: 11 }, (_, n) => codeOf(box.codes.begin(anna, `App ${n}`))));
  expect(begun).toEqual([...Array(10).fill('none'), 'conflict']);
  expect(await codeOf(box.codes.begin(bert, 'App'))).toBe('none');
  box.clock.ms += 15 * minuteMs;
  expect(await codeOf(box.codes.begin(anna, 'Again')), 'the ten were never confirmed').toBe('none');
});

test('nothing changes without a recent confirmation', async () => {
  await using box = new FactorBox();
  const { id } = await box.codes.begin(anna, 'Phone');
  box.confirmed.clear();
  const code = box.codeNow(box.secretOf(id));
  for (const refused of [
    box.codes.begin(anna, 'Other'),
    box.codes.confirm(anna, id, code),
    box.codes.rename(anna, id, 'Other'),
    box.codes.remove(anna, id),
    box.recovery.renew(anna),
  ]) {
    expect(await codeOf(refused)).toBe('confirm-first');
  }
  expect([box.told, box.count('recovery_code')]).toEqual([[], 0]);
  expect(box.codes.list('anna')).toMatchObject([{ name: 'Phone', confirmed: false }]);
});

test('on the way in only who has to enrol may, and only while there is no second factor', async () => {
  await using box = new FactorBox();
  for (const stage of ['second-factor', 'new-password'] as const) {
    expect(await codeOf(box.codes.begin(halfway(stage), 'Mine'))).toBe('sign-in-incomplete');
  }
  const theirs = await box.codes.begin(halfway('enrol', 'a thief'), 'Mine');
  const hers = await box.codes.begin(halfway('enrol', 'her own'), 'Hers');
  const code = box.codeNow(box.secretOf(hers.id));
  expect(await codeOf(box.codes.confirm(halfway('second-factor'), hers.id, code))).toBe('sign-in-incomplete');
  const { recoveryCodes } = await box.codes.confirm(halfway('enrol', 'her own'), hers.id, code);
  expect([recoveryCodes.length, box.told.at(-1)]).toEqual([10, 'sessions of anna end but her own']);
  const late = box.codes.confirm(halfway('enrol', 'a thief'), theirs.id, box.codeNow(box.secretOf(theirs.id)));
  expect(await codeOf(late)).toBe('sign-in-incomplete');
  expect(await codeOf(box.codes.begin(halfway('enrol', 'a thief'), 'Another'))).toBe('sign-in-incomplete');
  expect(box.codes.count('anna')).toBe(1);
});

test('a refusal says how far the code is, and what the box thinks it is', () => {
  const now = Date.UTC(2026, 10, 21, 20, 45);
  const far = (stepsAway: number) => codeRefused({ stepsAway }, now, 'Europe/Vienna').message;
  expect(far(-6)).toContain('That code is from 3 minutes ago. The box thinks it is 21:45.');
  expect([far(-2), far(2), far(20)].map((text) => text.split('.')[0])).toEqual([
    'That code is from a minute ago',
    'That code is from a minute ahead',
    'That code is from 10 minutes ahead',
  ]);
  const refused = [codeRefused('used', now), codeRefused('wrong', now), codeRefused({ stepsAway: -6 }, now)];
  expect(refused.map(({ code, facts }) => [code, facts])).toEqual([
    ['code-used', {}],
    ['wrong-code', { boxTime: now }],
    ['wrong-code', { boxTime: now, stepsAway: -6 }],
  ]);
});
