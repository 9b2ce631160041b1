/**
 * A day in the life of a box, on the whole app with a clock that tests turn: what runs out, waits or begins anew does so at
 * its moment, seen a millisecond before and at it, and a clock that is set back gives nothing away. Sessions, the idle lock
 * and confirmations: sign-in.test.ts. Years: long-life.test.ts.
 */
import { expect, test } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { day, House, hour, minute, must, problem, second, secretOf, sendCode, stage } from '../support/house.ts';

const [words, others] = ['quite another four words', 'yet another set of words'] as const;

const look = (house: House, secret: unknown) => house.app.ask('POST', '/api/invitations/look', {}, { secret });
const redeem = (house: House, secret: unknown, password: string = words) =>
  house.app.ask('POST', '/api/invitations/redeem', {}, { secret, password });

async function invite(house: House, person: string): Promise<{ id: string; secret: string }> {
  const added = must(await house.alice.ask('POST', '/api/people', { person }), 201);
  const { person: made, invitation } = added as { person: { id: string }; invitation: { link: string } };
  return { id: made.id, secret: secretOf(invitation.link) };
}

test('an invitation lasts seven days, a pairing a quarter of an hour, an authenticator as long for its first code', async () => {
  await using house = await House.make();
  const { id, secret } = await invite(house, 'Bob');
  const pairing = must(await house.alice.ask('POST', '/api/pairings', { phone: 'Pixel' }), 201);
  const keys = [{ secret: secretOf(String(pairing['link'])) }, { code: pairing['code'] }];
  const lookAt = (key: object) => house.app.ask('POST', '/api/pairings/look', {}, key);
  const begun = must(await house.alice.ask('POST', '/api/authenticators', { name: 'Phone' }), 201);
  const later = must(await house.alice.ask('POST', '/api/authenticators', { name: 'Tablet' }), 201);
  const confirm = ({ id: which, textKey }: Record<string, unknown>) =>
    house.alice.ask('POST', `/api/authenticators/${which}/confirm`, { code: house.codeNow(String(textKey)) });

  const made = house.clock.ms;
  house.clock.ms = made + 15 * minute - 1;
  for (const key of keys) expect((await lookAt(key)).status).toBe(200);
  // So late she has to show again that it is she.
  await house.confirm();
  expect((await confirm(begun)).status).toBe(200);
  house.clock.ms = made + 15 * minute;
  for (const key of keys) expect(problem(await lookAt(key))).toEqual([410, 'pairing-expired']);
  expect(problem(await confirm(later))).toEqual([404, 'not-found']);
  const { authenticators } = must(await house.alice.ask('GET', '/api/authenticators'), 200);
  expect(authenticators).toHaveLength(1);

  house.clock.ms = made + 7 * day - 1;
  expect((await look(house, secret)).status).toBe(200);
  house.clock.ms = made + 7 * day;
  for (const ask of [look, redeem]) expect(problem(await ask(house, secret))).toEqual([410, 'invitation-expired']);
  // A newer one takes the place of an older at once, and a restart changes none of it.
  const invitation = async () => {
    const { invitation: next } = must(await house.alice.ask('POST', `/api/people/${id}/invitation`), 201);
    return secretOf((next as { link: string }).link);
  };
  const [one, two] = [await invitation(), await invitation()];
  await house.app.restart();
  expect(problem(await look(house, one))).toEqual([410, 'invitation-expired']);
  expect((await redeem(house, two)).status).toBe(201);
});

test('what was given out dies with a clock that is set back to before it, and what was over stays over', async () => {
  await using house = await House.make();
  const replaced = await invite(house, 'Bob');
  const { invitation } = must(await house.alice.ask('POST', `/api/people/${replaced.id}/invitation`), 201);
  const current = secretOf((invitation as { link: string }).link);
  const open = async (phone: string) => {
    const { link, code } = must(await house.alice.ask('POST', '/api/pairings', { phone }), 201);
    return [{ secret: secretOf(String(link)) }, { code }];
  };
  const [older, newer] = [await open('Pixel'), await open('Galaxy')];
  must(await house.alice.ask('POST', '/api/authenticators', { name: 'Phone' }), 201);
  const made = house.clock.ms;
  const isOver = async (secret: string, keys: object[]) => {
    expect(problem(await look(house, secret))).toEqual([410, 'invitation-expired']);
    for (const key of keys) {
      const answer = await house.app.ask('POST', '/api/pairings/look', {}, key);
      expect(problem(answer)).toEqual([410, 'pairing-expired']);
    }
  };
  await isOver(replaced.secret, older);
  // Nobody knows how long ago it was: a pairing of a false future must not be good for years.
  for (const backMs of [1, 15 * minute - 1, 15 * minute, 400 * day]) {
    house.clock.ms = made - backMs;
    await isOver(replaced.secret, older);
    await isOver(current, newer);
    const { authenticators } = must(await house.alice.ask('GET', '/api/authenticators'), 200);
    expect([backMs, authenticators]).toEqual([backMs, backMs < 15 * minute ? [expect.anything()] : []]);
  }
  house.clock.ms = made;
  await isOver(replaced.secret, older);
  expect((await look(house, current)).status).toBe(200);
});

test('a request for approval lasts ten minutes, and dies with a clock that is set back', async () => {
  await using house = await House.make();
  const phone = await house.approver(house.alice, 'Pixel');
  const ask = async () => {
    const browser = house.browser();
    await browser.signIn('Alice', goodPassword);
    const { id, digits } = must(await browser.ask('POST', '/api/sessions/current/approval'), 201);
    const asked = house.clock.ms;
    const signed = await house.signed(phone, String(digits));
    const state = async () => must(await browser.ask('GET', `/api/sessions/current/approval/${id}`), 200)['state'];
    return { asked, state, answer: () => phone.hand.json('POST', signed.path, signed.answer) };
  };
  const [late, intime] = [await ask(), await ask()];
  house.clock.ms = late.asked + 10 * minute;
  expect(await late.state()).toBe('dead');
  expect(problem(await late.answer())).toEqual([410, 'approval-over']);
  house.clock.ms = intime.asked + 10 * minute - 1;
  expect((await intime.answer()).status).toBe(200);
  expect(await intime.state()).toBe('approved');
  const back = await ask();
  house.clock.ms = back.asked - minute - 1;
  expect(problem(await back.answer())).toEqual([410, 'approval-over']);
  expect(await back.state()).toBe('dead');
});

test('wrong passwords wait 2 s, twice that, at most a quarter of an hour, and after a hundred a day; set back, no less', async () => {
  await using house = await House.make();
  const stranger = (password = 'not her password') => house.browser().signIn('Alice', password);
  for (let count = 0; count < 5; count += 1) expect(problem(await stranger())).toEqual([401, 'wrong-password']);
  for (let failures = 5; failures < 100; failures += 1) {
    const waitMs = Math.min(2 * second * 2 ** (failures - 5), 15 * minute);
    house.clock.ms += waitMs - 1;
    // Not even the right one is looked at.
    expect([failures, ...problem(await stranger(goodPassword))]).toEqual([failures, 429, 'too-many-requests']);
    house.clock.ms += 1;
    expect([failures, ...problem(await stranger())]).toEqual([failures, 401, 'wrong-password']);
  }
  const rested = house.clock.ms;
  house.clock.ms = rested + day - 1;
  expect((await stranger(goodPassword)).headers['retry-after']).toBe('1');
  // Set back, it begins anew: as long as it ever was, and not longer.
  house.clock.ms = rested - 30 * day;
  expect((await stranger(goodPassword)).headers['retry-after']).toBe('86400');
  await house.app.restart();
  house.clock.ms += day - 1;
  expect(problem(await stranger(goodPassword))).toEqual([429, 'too-many-requests']);
  house.clock.ms += 1;
  expect(stage(await stranger(goodPassword))).toEqual([201, 'open']);
}, 120_000);

test('tries of codes from new browsers come back one each two hours, at most five, whatever the clock does', async () => {
  await using house = await House.make();
  await house.enrol(house.alice);
  const attacker = house.browser();
  const guess = async () => {
    await attacker.signIn('Alice', goodPassword);
    return problem(await sendCode(attacker, 'not-it'))[0];
  };
  const untilRefused = async () => {
    for (let count = 0; count < 20; count += 1) if ((await guess()) === 429) return count;
    throw new Error('There was no end to the tries.');
  };
  expect(await untilRefused()).toBe(5);
  for (let count = 0; count < 3; count += 1) {
    house.clock.ms += 2 * hour - 1;
    expect(await guess()).toBe(429);
    house.clock.ms += 1;
    expect([await guess(), await guess()]).toEqual([401, 429]);
  }
  house.clock.ms -= 10 * day;
  expect(await guess()).toBe(429);
  house.clock.ms += 2 * hour - 1;
  expect(await guess()).toBe(429);
  house.clock.ms += 1;
  expect(await untilRefused()).toBe(1);
  house.clock.ms += 2 * day;
  expect(await untilRefused()).toBe(5);
}, 120_000);

test('a code counts in its step and half a minute around it, and none of before when the clock is set back', async () => {
  await using house = await House.make();
  const { textKey } = await house.enrol(house.alice);
  house.clock.ms = Math.ceil((house.clock.ms + minute) / 30_000) * 30_000;
  const begins = house.clock.ms;
  /** At `afterMs` from the beginning of a step that is so many away from the first, its own code. */
  const tryAt = async (steps: number, afterMs: number) => {
    house.clock.ms = begins + steps * 30 * second;
    const code = house.codeNow(textKey);
    house.clock.ms += afterMs;
    // From her own browser, where ten wrong ones cost nothing.
    await house.alice.ask('DELETE', '/api/sessions/current');
    await house.alice.signIn('Alice', goodPassword);
    const answer = await sendCode(house.alice, code);
    return answer.status === 200 ? 'open' : problem(answer)[1];
  };
  expect(await tryAt(10, -30 * second)).toBe('open');
  expect(await tryAt(20, minute - 1)).toBe('open');
  // A millisecond's difference: what is too early or too late is recognised, and used up by that.
  expect(await tryAt(30, minute)).toBe('wrong-code');
  expect(await tryAt(30, minute - 1)).toBe('code-used');
  expect(await tryAt(40, -30 * second - 1)).toBe('wrong-code');
  expect(await tryAt(40, 0)).toBe('code-used');
  expect(await tryAt(41, 0)).toBe('open');
  // The clock is set back: no code of before opens anything, neither one that was used nor one that was not.
  for (const steps of [41, 35, 20, 5]) expect([steps, await tryAt(steps, 0)]).toEqual([steps, 'code-used']);
  expect(await tryAt(42, 0)).toBe('open');
});

test('a password runs out on its day, and the next one as long after it was chosen', async () => {
  await using house = await House.make();
  await house.putPolicy({ passwordExpiryDays: 90 });
  let chosen = house.clock.ms;
  let password: string = goodPassword;
  for (const next of [words, others]) {
    house.clock.ms = chosen + 90 * day - 1;
    expect(stage(await house.browser().signIn('Alice', password))).toEqual([201, 'open']);
    house.clock.ms = chosen - day;
    expect(stage(await house.browser().signIn('Alice', password))).toEqual([201, 'open']);
    house.clock.ms = chosen + 90 * day;
    const browser = house.browser();
    expect(stage(await browser.signIn('Alice', password))).toEqual([201, 'new-password']);
    house.clock.ms += minute;
    const renewed = await browser.ask('POST', '/api/sessions/current/new-password', { password: next });
    expect(stage(renewed)).toEqual([200, 'open']);
    [password, chosen] = [next, house.clock.ms];
  }
});

test('the console resets password and second factor ten minutes apart, in either order, and an hour’s link is an hour’s', async () => {
  await using house = await House.make();
  const { textKey } = await house.enrol(house.alice);
  const { id } = (await house.alice.current())['person'] as { id: string };
  const resetPassword = async () => must(await house.app.console('POST', `/api/people/${id}/password-reset`), 201);
  const resetFactor = async () => must(await house.app.console('POST', `/api/people/${id}/second-factor-reset`), 200);
  const stageNow = async (password: string) => stage(await house.browser().signIn('Alice', password))[1];

  // Password first: the factor stays for ten minutes more.
  let at = house.clock.ms;
  const { code } = await resetPassword();
  house.clock.ms = at + 10 * minute - 1;
  const waiting = await resetFactor();
  expect(waiting).toMatchObject({ done: false, validFrom: house.clock.ms + 10 * minute });
  expect((await house.notices()).slice(0, 2)).toEqual(['second-factor-reset-asked', 'password-reset-asked']);
  expect((await redeem(house, code)).status).toBe(201);
  house.clock.ms = Number(waiting['validFrom']) - 1;
  await house.app.restart();
  expect(await stageNow(words)).toBe('second-factor');
  // Set back, it only waits longer.
  house.clock.ms -= 5 * minute;
  await house.app.restart();
  expect(await stageNow(words)).toBe('second-factor');
  house.clock.ms = Number(waiting['validFrom']);
  await house.app.restart();
  await expect.poll(() => stageNow(words)).toBe('open');
  const fresh = house.browser();
  await fresh.signIn('Alice', words);
  expect((await house.notices(fresh))[0]).toBe('second-factor-reset');
  expect(problem(await fresh.ask('POST', '/api/sessions/current/code', { code: house.codeNow(textKey) }))[0]).toBe(409);

  // The factor first: the link begins to count ten minutes later, and lasts an hour from then.
  house.clock.ms += hour;
  at = house.clock.ms;
  expect(await resetFactor()).toMatchObject({ done: true, validFrom: at });
  house.clock.ms = at + 10 * minute - 1;
  const early = await resetPassword();
  const from = house.clock.ms + 10 * minute;
  expect(early).toMatchObject({ validFrom: from, expiresAt: from + hour });
  house.clock.ms = from - 1;
  expect(problem(await redeem(house, early['code'], others))).toEqual([403, 'too-early']);
  house.clock.ms = from + hour;
  expect(problem(await redeem(house, early['code'], others))).toEqual([410, 'invitation-expired']);
  house.clock.ms = from + hour - 1;
  expect((await redeem(house, early['code'], others)).status).toBe(201);
  // Ten minutes apart, both are at once.
  house.clock.ms += day;
  at = house.clock.ms;
  expect(await resetFactor()).toMatchObject({ done: true });
  house.clock.ms = at + 10 * minute;
  expect(await resetPassword()).toMatchObject({ validFrom: house.clock.ms });
});
