/** The way in, on the whole box with a clock that tests turn: each stage, each edge, and who stands in whose way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { App } from '../support/app.ts';
import type { Answer } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Browser } from '../support/browser.ts';
import { Daemon } from '../support/daemon.ts';
import { EventStream } from '../support/event-stream.ts';
import { codeAt } from '../support/totp.ts';

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];
const otherPassword = 'quite another four words';

/** A box that Alice owns, its clock, and the browser on which she claimed it. */
async function house() {
  const clock = { ms: Date.UTC(2026, 10, 21, 12) };
  const app = await App.start({}, { now: () => clock.ms });
  const alice = new Browser(app);
  expect(
    (await alice.ask('POST', '/api/setup', { code: setupCode, person: 'Alice', password: goodPassword })).status,
  ).toBe(201);
  return { clock, app, alice, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

const problem = (answer: Answer) => [answer.status, answer.status < 400 ? undefined : answer.json()['code']];
const stage = (answer: Answer) => [answer.status, answer.status < 400 ? answer.json()['stage'] : answer.json()['code']];

/** Adds an authenticator; resolves with its text key and the recovery codes. */
async function enrol(browser: Browser, clock: { ms: number }) {
  const begun = await browser.ask('POST', '/api/authenticators', { name: 'Phone' });
  expect(begun.status, begun.text).toBe(201);
  const { id, textKey } = begun.json() as { id: string; textKey: string };
  const confirmed = await browser.ask('POST', `/api/authenticators/${id}/confirm`, { code: codeAt(textKey, clock.ms) });
  expect(confirmed.status, confirmed.text).toBe(200);
  // The step of that code is used: go on in the next.
  clock.ms += 30 * second;
  return { id, textKey, recoveryCodes: confirmed.json()['recoveryCodes'] as string[] };
}

const sendCode = (browser: Browser, code: string) => browser.ask('POST', '/api/sessions/current/code', { code });
const putPolicy = async (browser: Browser, policy: object) => {
  const value = { secondFactorRequired: false, passwordExpiryDays: null, idleLockMinutes: null, ...policy };
  const answer = await browser.ask('PUT', '/api/policy', value);
  expect(answer.status, answer.text).toBe(200);
};

test('a password alone opens, gives a session and a known browser, and both are as they say', async () => {
  await using it = await house();
  const browser = new Browser(it.app);
  const signedIn = await browser.signIn('alice', goodPassword);
  expect(signedIn.status).toBe(201);
  expect(signedIn.json()).toEqual({ person: expect.objectContaining({ name: 'Alice' }), stage: 'open', ways: [] });
  expect(signedIn.headers['set-cookie']).toEqual([
    expect.stringMatching(/^nightjar-loopback=[\w-]{43}; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Strict$/),
    expect.stringMatching(/^nightjar-loopback-known=[\w-]{43}; Path=\/; Max-Age=34560000; HttpOnly; SameSite=Strict$/),
  ]);
  expect(await browser.current()).toEqual({
    person: expect.objectContaining({ name: 'Alice', role: 'owner' }),
    stage: 'open',
    ways: [],
    secondFactor: false,
    notices: 0,
    idleLockMs: null,
    confirmedUntil: it.clock.ms + 10 * minute,
  });
  it.clock.ms += minute;
  const { sessions } = (await browser.ask('GET', '/api/sessions')).json() as { sessions: Array<{ current: boolean }> };
  expect(sessions).toHaveLength(2);
  expect(sessions.find(({ current }) => current)).toMatchObject({
    device: 'Firefox on Linux',
    address: '127.0.0.1',
    createdAt: it.clock.ms - minute,
    lastUsedAt: it.clock.ms,
  });
  const known = browser.cookies.get('nightjar-loopback-known');
  expect((await browser.ask('DELETE', '/api/sessions/current')).status).toBe(204);
  expect([...browser.cookies]).toEqual([['nightjar-loopback-known', known]]);
  expect(stage(await browser.signIn('Alice', goodPassword))).toEqual([201, 'open']);
  expect(browser.cookies.get('nightjar-loopback-known')).toBe(known);
});

test('with a second factor the password opens nothing: a code does, once, on one browser', async () => {
  await using it = await house();
  const other = new Browser(it.app);
  await other.signIn('Alice', goodPassword);
  const { textKey, recoveryCodes } = await enrol(it.alice, it.clock);
  expect(recoveryCodes).toHaveLength(10);
  // Every other session ended as the factor came.
  expect(problem(await other.ask('GET', '/api/sessions/current'))).toEqual([401, 'unauthenticated']);
  expect(await it.alice.current()).toMatchObject({ stage: 'open', secondFactor: true });

  const stranger = new Browser(it.app);
  const step = await stranger.signIn('Alice', goodPassword);
  expect([step.status, step.json()]).toEqual([
    201,
    { person: expect.objectContaining({ name: 'Alice' }), stage: 'second-factor', ways: ['code', 'recovery'] },
  ]);
  expect(stranger.cookies.size).toBe(1);
  for (const [method, path] of [
    ['GET', '/api/assets'],
    ['GET', '/api/people'],
    ['GET', '/api/phones'],
    ['GET', '/api/sessions'],
    ['GET', '/api/events'],
    ['GET', '/api/notices'],
    ['PUT', '/api/password'],
    ['POST', '/api/sessions/current/confirm'],
  ] as const) {
    const value = method === 'GET' ? undefined : {};
    expect([path, ...problem(await stranger.ask(method, path, value))]).toEqual([path, 403, 'sign-in-incomplete']);
  }
  // Nor does it go on by what is not due.
  expect(
    problem(await stranger.ask('POST', '/api/sessions/current/new-password', { password: otherPassword })),
  ).toEqual([409, 'conflict']);
  for (const path of ['open', 'unlock'])
    expect(problem(await stranger.ask('POST', `/api/sessions/current/${path}`, { password: goodPassword }))).toEqual([
      409,
      'conflict',
    ]);
  expect(problem(await stranger.ask('POST', '/api/authenticators', { name: 'Mine' }))).toEqual([
    403,
    'sign-in-incomplete',
  ]);

  const right = codeAt(textKey, it.clock.ms);
  const wrong = right === '000000' ? '111111' : '000000';
  expect(problem(await sendCode(stranger, wrong))).toEqual([401, 'wrong-code']);
  const halfway = stranger.copy();
  expect(stage(await sendCode(stranger, right))).toEqual([200, 'open']);
  expect(stranger.session).not.toBe(halfway.session);
  expect(problem(await halfway.ask('GET', '/api/sessions/current'))).toEqual([401, 'unauthenticated']);
  expect((await stranger.ask('GET', '/api/assets')).status).toBe(200);
  expect(problem(await sendCode(stranger, right))).toEqual([409, 'conflict']);

  // The same code, from somewhere else, also after a restart.
  const thief = new Browser(it.app);
  await thief.signIn('Alice', goodPassword);
  expect(problem(await sendCode(thief, right))).toEqual([401, 'code-used']);
  await it.app.restart();
  expect(problem(await sendCode(thief, right))).toEqual([401, 'code-used']);
  expect(await thief.current()).toMatchObject({ stage: 'second-factor', notices: 0, confirmedUntil: null });
});

test('a recovery code opens once, and is told of on all devices', async () => {
  await using it = await house();
  const { recoveryCodes } = await enrol(it.alice, it.clock);
  const [code = ''] = recoveryCodes;
  const send = (browser: Browser, text: string) =>
    browser.ask('POST', '/api/sessions/current/recovery', { code: text });
  const stream = await EventStream.open({ port: it.app.httpPort, headers: it.alice.headers() });
  const browser = new Browser(it.app);
  await browser.signIn('Alice', goodPassword);
  expect(problem(await send(browser, '0000-0000-0000-0000'))).toEqual([401, 'wrong-code']);
  expect(stage(await send(browser, code.toLowerCase()))).toEqual([200, 'open']);
  await expect.poll(() => stream.of('notice').map(({ data }) => data['kind'])).toEqual(['recovery-code-used']);
  stream.cut();
  const again = new Browser(it.app);
  await again.signIn('Alice', goodPassword);
  expect(problem(await send(again, code))).toEqual([401, 'wrong-code']);
  const { notices } = (await it.alice.ask('GET', '/api/notices')).json() as {
    notices: Array<{ id: number; kind: string; seen: boolean }>;
  };
  expect(notices.map(({ kind, seen }) => [kind, seen])).toEqual([
    ['recovery-code-used', false],
    ['authenticator-added', false],
  ]);
  expect(await it.alice.current()).toMatchObject({ notices: 2 });
  await it.alice.ask('POST', '/api/notices/seen', { upTo: notices[1]?.id });
  expect(await it.alice.current()).toMatchObject({ notices: 1 });
});

test('two sign-ins at once with one code: one opens', async () => {
  await using it = await house();
  const { textKey } = await enrol(it.alice, it.clock);
  const browsers = Array.from({ length: 4 }, () => new Browser(it.app));
  for (const browser of browsers) await browser.signIn('Alice', goodPassword);
  const code = codeAt(textKey, it.clock.ms);
  const answers = await Promise.all(browsers.map((browser) => sendCode(browser, code)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
  // And one session's code, sent twice, opens it once.
  it.clock.ms += 30 * second;
  const [one] = browsers.filter((_, index) => answers[index]?.status === 401);
  const twins = [one?.copy(), one?.copy()].filter((twin) => twin !== undefined);
  const next = codeAt(textKey, it.clock.ms);
  const twice = await Promise.all(twins.map((twin) => sendCode(twin, next)));
  expect(twice.map(({ status }) => status).sort()).toEqual([200, 401]);
});

test('failures are counted over a restart; a known browser is not kept waiting by anybody else’s', async () => {
  await using it = await house();
  const attacker = () => new Browser(it.app).signIn('Alice', 'not her password');
  for (let count = 0; count < 5; count += 1) expect(problem(await attacker())).toEqual([401, 'wrong-password']);
  const refused = await attacker();
  expect(problem(refused)).toEqual([429, 'too-many-requests']);
  expect(refused.headers['retry-after']).toBe('2');
  await it.app.restart();
  expect(problem(await attacker())).toEqual([429, 'too-many-requests']);
  expect(problem(await new Browser(it.app).signIn('Alice', goodPassword))).toEqual([429, 'too-many-requests']);
  // A name that nobody has is answered the same, with the same number of tries, also after a restart.
  const nobody = () => new Browser(it.app).signIn('Zoe', 'not her password');
  for (let count = 0; count < 5; count += 1) expect((await nobody()).text).toBe((await wrongAs(it.app, 'Zoe2')).text);
  expect(problem(await nobody())).toEqual([429, 'too-many-requests']);
  await it.app.restart();
  expect(problem(await nobody())).toEqual([429, 'too-many-requests']);
  // Alice, on her own browser, while it goes on.
  await it.alice.ask('DELETE', '/api/sessions/current');
  expect(stage(await it.alice.signIn('Alice', goodPassword))).toEqual([201, 'open']);
  expect(problem(await attacker())).toEqual([429, 'too-many-requests']);
});

function wrongAs(app: App, person: string): Promise<Answer> {
  return new Browser(app).signIn(person, 'not her password');
}

test('who knows the password and guesses codes gets five, then one each two hours, and keeps nobody out', async () => {
  await using it = await house();
  const { textKey } = await enrol(it.alice, it.clock);
  const attacker = new Browser(it.app);
  let taken = 0;
  const guess = async () => {
    expect((await attacker.signIn('Alice', goodPassword)).status).toBe(201);
    const answer = await sendCode(attacker, 'not-it');
    if (answer.status === 401) taken += 1;
    return answer;
  };
  for (let count = 0; count < 5; count += 1) expect(problem(await guess())).toEqual([401, 'wrong-code']);
  expect((await guess()).headers['retry-after']).toBe('7200');
  await it.app.restart();
  expect(problem(await guess())).toEqual([429, 'too-many-requests']);
  // From a new browser not even the right code is looked at; by a recovery code, or at home, she comes in.
  expect(problem(await sendCode(attacker, codeAt(textKey, it.clock.ms)))).toEqual([429, 'too-many-requests']);
  await it.alice.ask('DELETE', '/api/sessions/current');
  expect(stage(await it.alice.signIn('Alice', goodPassword))).toEqual([201, 'second-factor']);
  expect(stage(await sendCode(it.alice, codeAt(textKey, it.clock.ms)))).toEqual([200, 'open']);
  expect(problem(await guess())).toEqual([429, 'too-many-requests']);
  while (taken < 100) {
    it.clock.ms += 2 * hour;
    expect((await guess()).status).toBe(401);
  }
  it.clock.ms += 10 * day;
  const resting = await guess();
  expect([...problem(resting), resting.json()['resting']]).toEqual([429, 'too-many-requests', true]);
  const { notices } = (await it.alice.ask('GET', '/api/notices')).json() as { notices: Array<{ kind: string }> };
  expect(notices[0]?.kind).toBe('codes-rest');
  expect(problem(await it.alice.ask('POST', '/api/me/codes/allow'))).toEqual([403, 'confirm-first']);
  await it.alice.ask('POST', '/api/sessions/current/confirm', { code: codeAt(textKey, it.clock.ms) });
  expect((await it.alice.ask('POST', '/api/me/codes/allow')).status).toBe(204);
  expect(problem(await guess())).toEqual([401, 'wrong-code']);
}, 120_000);

test('a session ends at 30 days without use and at 90 with it, to the millisecond; a clock set back adds nothing', async () => {
  await using it = await house();
  const is = async (browser: Browser) => (await browser.ask('GET', '/api/sessions/current')).status;
  const idle = new Browser(it.app);
  await idle.signIn('Alice', goodPassword);
  it.clock.ms += 30 * day - 1;
  expect(await is(idle)).toBe(200);
  const unused = new Browser(it.app);
  await unused.signIn('Alice', goodPassword);
  it.clock.ms += 30 * day;
  expect(await is(unused)).toBe(401);

  const daily = new Browser(it.app);
  await daily.signIn('Alice', goodPassword);
  const begun = it.clock.ms;
  for (let count = 1; count < 90; count += 1) {
    it.clock.ms = begun + count * day;
    expect(await is(daily)).toBe(200);
    await it.app.ask('GET', '/api/health');
  }
  it.clock.ms = begun + 90 * day - 1;
  expect(await is(daily)).toBe(200);
  it.clock.ms += 1;
  expect(await is(daily)).toBe(401);

  const moved = new Browser(it.app);
  await moved.signIn('Alice', goodPassword);
  it.clock.ms -= 365 * day;
  expect(await is(moved)).toBe(200);
  await it.app.restart();
  it.clock.ms += 30 * day;
  expect(await is(moved)).toBe(401);
});

test('a sign-in that is not finished within half an hour is over', async () => {
  await using it = await house();
  const { textKey } = await enrol(it.alice, it.clock);
  const browser = new Browser(it.app);
  await browser.signIn('Alice', goodPassword);
  it.clock.ms += 30 * minute - 1;
  expect((await browser.ask('GET', '/api/sessions/current')).status).toBe(200);
  it.clock.ms += 1;
  expect(problem(await sendCode(browser, codeAt(textKey, it.clock.ms)))).toEqual([401, 'unauthenticated']);
});

test('who knows the password and floods the box does not push out who is about to type a code', async () => {
  await using it = await house();
  const { textKey } = await enrol(it.alice, it.clock);
  await it.alice.ask('DELETE', '/api/sessions/current');
  await it.alice.signIn('Alice', goodPassword);
  const first = new Browser(it.app);
  await first.signIn('Alice', goodPassword);
  for (let count = 0; count < 100; count += 1) await new Browser(it.app).signIn('Alice', goodPassword);
  // The flood's own address pays for it; a known browser is not in the flood at all.
  expect((await first.ask('GET', '/api/sessions/current')).status).toBe(401);
  expect(stage(await sendCode(it.alice, codeAt(textKey, it.clock.ms)))).toEqual([200, 'open']);
}, 120_000);

test('a password that has run out is replaced at sign-in, and by another one', async () => {
  await using it = await house();
  const { textKey } = await enrol(it.alice, it.clock);
  await putPolicy(it.alice, { passwordExpiryDays: 20 });
  it.clock.ms += 20 * day - 30 * second - 1;
  const early = new Browser(it.app);
  await early.signIn('Alice', goodPassword);
  expect(stage(await sendCode(early, codeAt(textKey, it.clock.ms)))).toEqual([200, 'open']);
  it.clock.ms += minute;
  const browser = new Browser(it.app);
  await browser.signIn('Alice', goodPassword);
  expect(stage(await sendCode(browser, codeAt(textKey, it.clock.ms)))).toEqual([200, 'new-password']);
  expect(problem(await browser.ask('GET', '/api/assets'))).toEqual([403, 'sign-in-incomplete']);
  const renew = (password: string) => browser.ask('POST', '/api/sessions/current/new-password', { password });
  expect(problem(await renew('short'))).toEqual([422, 'weak-password']);
  expect(problem(await renew('Alice nightjar Alice'))).toEqual([422, 'weak-password']);
  expect(problem(await renew(goodPassword))).toEqual([422, 'weak-password']);
  // Who is in stays in until then.
  expect((await early.ask('GET', '/api/assets')).status).toBe(200);
  expect(stage(await renew(otherPassword))).toEqual([200, 'open']);
  expect((await browser.ask('GET', '/api/assets')).status).toBe(200);
  expect((await early.ask('GET', '/api/assets')).status).toBe(401);
  expect(problem(await new Browser(it.app).signIn('Alice', goodPassword))).toEqual([401, 'wrong-password']);
});

test('a policy that demands a second factor lets who is in go on, and leads them to one at their next sign-in', async () => {
  await using it = await house();
  const inside = new Browser(it.app);
  await inside.signIn('Alice', goodPassword);
  await putPolicy(it.alice, { secondFactorRequired: true });
  expect((await inside.ask('GET', '/api/assets')).status).toBe(200);
  const browser = new Browser(it.app);
  expect(stage(await browser.signIn('Alice', goodPassword))).toEqual([201, 'enrol']);
  expect(problem(await browser.ask('GET', '/api/assets'))).toEqual([403, 'sign-in-incomplete']);
  expect(problem(await browser.ask('POST', '/api/sessions/current/open'))).toEqual([409, 'conflict']);
  const before = browser.session;
  const { id, textKey } = await enrol(browser, it.clock);
  expect(stage(await browser.ask('POST', '/api/sessions/current/open'))).toEqual([200, 'open']);
  expect(await browser.current()).toMatchObject({ stage: 'open', secondFactor: true });
  expect(browser.session).not.toBe(before);
  expect((await inside.ask('GET', '/api/assets')).status).toBe(401);
  expect(problem(await browser.ask('DELETE', `/api/authenticators/${id}`))).toEqual([409, 'conflict']);
  const again = new Browser(it.app);
  expect(stage(await again.signIn('Alice', goodPassword))).toEqual([201, 'second-factor']);
  expect(stage(await sendCode(again, codeAt(textKey, it.clock.ms)))).toEqual([200, 'open']);
  await putPolicy(browser, { secondFactorRequired: false });
  expect((await browser.ask('DELETE', `/api/authenticators/${id}`)).status).toBe(204);
  expect(stage(await new Browser(it.app).signIn('Alice', goodPassword))).toEqual([201, 'open']);
});

test('a page left alone is locked for everything but unlocking and leaving, and a listening stream does not keep it', async () => {
  await using it = await house();
  await putPolicy(it.alice, { idleLockMinutes: 5 });
  const page = it.alice;
  const use = async () => problem(await page.ask('GET', '/api/assets'));
  expect((await page.current())['idleLockMs']).toBe(5 * minute);
  for (let count = 0; count < 5; count += 1) {
    it.clock.ms += 5 * minute - 1;
    expect(await use()).toEqual([200, undefined]);
  }
  const stream = await EventStream.open({ port: it.app.httpPort, headers: page.headers() });
  for (let count = 0; count < 5; count += 1) {
    it.clock.ms += minute;
    // A browser that loses its stream opens another by itself.
    const again = await EventStream.open({ port: it.app.httpPort, headers: page.headers() });
    expect(again.status).toBe(count < 4 ? 200 : 401);
    again.cut();
  }
  expect(await use()).toEqual([401, 'locked']);
  // What is locked hears no more.
  await expect.poll(() => stream.ended, { timeout: 40_000 }).toBe('whole');
  for (const [method, path] of [
    ['GET', '/api/people'],
    ['GET', '/api/events'],
    ['GET', '/api/sessions'],
    ['PUT', '/api/password'],
  ] as const) {
    expect(problem(await page.ask(method, path, method === 'PUT' ? {} : undefined))).toEqual([401, 'locked']);
  }
  expect(problem(await sendCode(page, '123456'))).toEqual([409, 'conflict']);
  expect(await page.current()).toMatchObject({ stage: 'locked', notices: 0, confirmedUntil: null });
  // A clock set back, or a restart, does not unlock it.
  it.clock.ms -= hour;
  expect(await use()).toEqual([401, 'locked']);
  it.clock.ms += hour;
  await it.app.restart();
  expect(await use()).toEqual([401, 'locked']);
  const unlock = (password: string) => page.ask('POST', '/api/sessions/current/unlock', { password });
  expect(problem(await unlock('not her password'))).toEqual([401, 'wrong-password']);
  expect((await unlock(goodPassword)).status).toBe(204);
  expect(await use()).toEqual([200, undefined]);
  await it.app.restart();
  expect(await use()).toEqual([200, undefined]);
  it.clock.ms += 5 * minute;
  expect(await use()).toEqual([401, 'locked']);
  expect((await page.ask('DELETE', '/api/sessions/current')).status).toBe(204);
  expect(await use()).toEqual([401, 'unauthenticated']);
}, 60_000);

test('what changes who comes in is confirmed first, within ten minutes', async () => {
  await using it = await house();
  const other = new Browser(it.app);
  await other.signIn('Alice', goodPassword);
  const { sessions } = (await it.alice.ask('GET', '/api/sessions')).json() as {
    sessions: Array<{ id: string; current: boolean }>;
  };
  const otherId = sessions.find(({ current }) => !current)?.id ?? '';
  it.clock.ms += 10 * minute + 1;
  const asked = [
    ['DELETE', '/api/sessions'],
    ['DELETE', `/api/sessions/${otherId}`],
    ['PUT', '/api/policy', { secondFactorRequired: true, passwordExpiryDays: null, idleLockMinutes: null }],
    ['POST', '/api/authenticators', { name: 'Phone' }],
    ['POST', '/api/recovery-codes'],
  ] as const;
  for (const [method, path, value] of asked) {
    expect([path, ...problem(await it.alice.ask(method, path, value))]).toEqual([path, 403, 'confirm-first']);
  }
  const confirm = (value: object) => it.alice.ask('POST', '/api/sessions/current/confirm', value);
  expect(problem(await confirm({ password: 'not her password' }))).toEqual([401, 'wrong-password']);
  expect(problem(await confirm({ code: '123456' }))).toEqual([401, 'wrong-code']);
  expect((await confirm({ password: goodPassword })).json()).toEqual({ confirmedUntil: it.clock.ms + 10 * minute });
  it.clock.ms += 10 * minute;
  expect((await it.alice.ask('DELETE', `/api/sessions/${otherId}`)).status).toBe(204);
  expect((await other.ask('GET', '/api/sessions/current')).status).toBe(401);
  expect((await it.alice.ask('DELETE', `/api/sessions/${otherId}`)).status).toBe(404);
  expect((await it.alice.ask('DELETE', '/api/sessions')).json()).toEqual({ ended: 0 });
  // Nobody knows how long ago it was.
  it.clock.ms -= hour;
  expect(problem(await it.alice.ask('DELETE', '/api/sessions'))).toEqual([403, 'confirm-first']);
});

test('a password is changed by the current one and the new one twice; every other session ends', async () => {
  await using it = await house();
  const other = new Browser(it.app);
  await other.signIn('Alice', goodPassword);
  const change = (current: string, password: string, again = password) =>
    it.alice.ask('PUT', '/api/password', { current, password, again });
  expect(problem(await change('not her password', otherPassword))).toEqual([401, 'wrong-password']);
  expect(problem(await change(goodPassword, otherPassword, `${otherPassword}.`))).toEqual([400, 'invalid-request']);
  expect(problem(await change(goodPassword, goodPassword))).toEqual([422, 'weak-password']);
  expect(problem(await change(goodPassword, 'fourteen chars'))).toEqual([422, 'weak-password']);
  expect((await other.ask('GET', '/api/sessions/current')).status).toBe(200);
  expect((await change(goodPassword, otherPassword)).status).toBe(204);
  expect((await it.alice.ask('GET', '/api/sessions/current')).status).toBe(200);
  expect((await other.ask('GET', '/api/sessions/current')).status).toBe(401);
  expect(problem(await other.signIn('Alice', goodPassword))).toEqual([401, 'wrong-password']);
  expect(stage(await other.signIn('Alice', otherPassword))).toEqual([201, 'open']);
  expect(it.app.ownErrors()).toEqual([]);
  for (const secret of [goodPassword, otherPassword, it.alice.session ?? '-']) {
    expect(it.app.logged.join('')).not.toContain(secret);
  }
});

test('a browser that two people share is known to both; 51 sessions are 50', async () => {
  await using it = await house();
  await putPolicy(it.alice, { passwordExpiryDays: 3 });
  const policy = (await it.alice.ask('GET', '/api/policy')).json();
  expect(policy).toMatchObject({ passwordExpiryDays: 3, passwordExpiryNote: expect.stringContaining('Off is better') });
  const first = new Browser(it.app);
  await first.signIn('Alice', goodPassword);
  for (let count = 0; count < 49; count += 1) {
    it.clock.ms += second;
    expect((await new Browser(it.app).signIn('Alice', goodPassword)).status).toBe(201);
  }
  expect((await it.alice.ask('GET', '/api/sessions/current')).status).toBe(401);
  const { sessions } = (await first.ask('GET', '/api/sessions')).json() as { sessions: unknown[] };
  expect(sessions).toHaveLength(50);
}, 120_000);

test('a code is used up, and a failure counted, whenever the plug is pulled', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-sign-in-'));
  try {
    await using daemon = await Daemon.start({ dir });
    await daemon.setUp();
    const cookie = await daemon.signIn();
    const ask = (method: string, path: string, json: unknown, held = cookie) =>
      daemon.ask(method, path, { json, headers: { cookie: held } });
    const read = (reply: { body: Buffer }) => JSON.parse(reply.body.toString()) as Record<string, string>;
    const { id, textKey = '' } = read(await ask('POST', '/api/authenticators', { name: 'Phone' }));
    const at = Date.now();
    const first = codeAt(textKey, at);
    expect((await ask('POST', `/api/authenticators/${id}/confirm`, { code: first })).status).toBe(200);
    const one = await daemon.signIn();
    const two = await daemon.signIn();
    // The step after: good from now on for a minute at least, however slow the machine.
    const code = codeAt(textKey, at, 1);
    expect((await ask('POST', '/api/sessions/current/code', { code }, one)).status).toBe(200);
    await daemon.kill();
    await daemon.restart();
    const replayed = await ask('POST', '/api/sessions/current/code', { code }, two);
    expect([replayed.status, read(replayed)['code']]).toEqual([401, 'code-used']);
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      statuses.push((await ask('POST', '/api/sessions/current/code', { code: 'not-it' }, two)).status);
      await daemon.kill();
      await daemon.restart();
    }
    // The replay and four more are the five.
    expect(statuses).toEqual([401, 401, 401, 401, 429]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 120_000);
