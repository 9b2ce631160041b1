/** What somebody who was thrown out, or never came in, still tries: with slow requests, open pairings, and floods. */
import { connect } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { App } from '../support/app.ts';
import { ApproverKey } from '../support/approver-phone.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Browser } from '../support/browser.ts';
import { codeAt } from '../support/totp.ts';

const minute = 60_000;

async function house() {
  const clock = { ms: Date.UTC(2026, 10, 21, 12) };
  const app = await App.start({}, { now: () => clock.ms });
  const alice = new Browser(app);
  const claimed = await alice.ask('POST', '/api/setup', { code: setupCode, person: 'Alice', password: goodPassword });
  expect(claimed.status).toBe(201);
  return { clock, app, alice, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

/** Pairs a phone by what `browser` opened. */
async function pair(app: App, browser: Browser, publicKey?: string) {
  const opened = await browser.ask('POST', '/api/pairings', { phone: 'Pixel' });
  expect(opened.status, opened.text).toBe(201);
  const body = { code: opened.json()['code'], ...(publicKey !== undefined && { approverKey: publicKey }) };
  const redeemed = await app.ask('POST', '/api/pairings/redeem', {}, body);
  expect(redeemed.status, redeemed.text).toBe(201);
  return redeemed.json() as { phoneId: string; token: string; approver: boolean };
}

test('a request whose body is slow is answered as its session is when the body has come', async () => {
  await using it = await house();
  const thief = new Browser(it.app);
  await thief.signIn('Alice', goodPassword);
  const body = JSON.stringify({ phone: 'Thief' });
  const head = [
    'POST /api/pairings HTTP/1.1',
    `Host: localhost:${it.app.httpPort}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    `Cookie: ${thief.headers()['cookie']}`,
    '\r\n',
  ];
  const socket = connect(it.app.httpPort, '127.0.0.1');
  let answered = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answered += text;
  });
  socket.write(`${head.join('\r\n')}${body.slice(0, 5)}`);
  // An answer to a later request: the first has been read as far as it came.
  await it.alice.ask('GET', '/api/sessions/current');
  expect((await it.alice.ask('DELETE', '/api/sessions')).status).toBe(200);
  socket.write(body.slice(5));
  await expect.poll(() => answered).toMatch(/^HTTP\/1\.1 \d{3}/);
  expect(answered).toMatch(/^HTTP\/1\.1 401/);
});

test('a pairing ends with the session that opened it', async () => {
  await using it = await house();
  const thief = new Browser(it.app);
  await thief.signIn('Alice', goodPassword);
  const { code } = (await thief.ask('POST', '/api/pairings', { phone: 'Thief' })).json();
  const change = { current: goodPassword, password: 'quite another four words', again: 'quite another four words' };
  expect((await it.alice.ask('PUT', '/api/password', change)).status).toBe(204);
  const redeemed = await it.app.ask('POST', '/api/pairings/redeem', {}, { code });
  expect([redeemed.status, redeemed.json()['code']]).toEqual([410, 'pairing-expired']);
});

test('a phone that approves is revoked by whoever confirmed, and its person is told', async () => {
  await using it = await house();
  const { publicKey } = await ApproverKey.make();
  const phone = await pair(it.app, it.alice, publicKey);
  expect(phone.approver).toBe(true);
  it.clock.ms += 11 * minute;
  const refused = await it.alice.ask('DELETE', `/api/phones/${phone.phoneId}`);
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('confirm-first')]);
  expect((await it.alice.current())['secondFactor']).toBe(true);
  await it.alice.ask('POST', '/api/sessions/current/confirm', { password: goodPassword });
  expect((await it.alice.ask('DELETE', `/api/phones/${phone.phoneId}`)).status).toBe(204);
  const { notices } = (await it.alice.ask('GET', '/api/notices')).json() as { notices: Array<{ kind: string }> };
  expect(notices.map(({ kind }) => kind)).toContain('approver-removed');
});

test('the console takes no second factor away by its phone within ten minutes of a new password, nor after', async () => {
  await using it = await house();
  const { people } = (await it.alice.ask('GET', '/api/people')).json() as { people: Array<{ id: string }> };
  const id = people[0]?.id;
  const key = await ApproverKey.make();
  const first = await pair(it.app, it.alice, key.publicKey);
  // The password first: the phone stays for ten minutes.
  expect((await it.app.console('POST', `/api/people/${id}/password-reset`)).status).toBe(201);
  expect((await it.app.console('DELETE', `/api/phones/${first.phoneId}`)).json()['code']).toBe('too-early');
  it.clock.ms += 10 * minute;
  expect((await it.app.console('DELETE', `/api/phones/${first.phoneId}`)).status).toBe(204);
  // The phone first: the link waits.
  const reset = await it.app.console('POST', `/api/people/${id}/password-reset`);
  expect(reset.json()).toMatchObject({ validFrom: it.clock.ms + 10 * minute });
});

test('who knows the password and tries recovery codes keeps no right one from opening', async () => {
  await using it = await house();
  const begun = (await it.alice.ask('POST', '/api/authenticators', { name: 'Phone' })).json() as Record<string, string>;
  const first = { code: codeAt(begun['textKey'] ?? '', it.clock.ms) };
  const confirmed = await it.alice.ask('POST', `/api/authenticators/${begun['id']}/confirm`, first);
  const [right = ''] = confirmed.json()['recoveryCodes'] as string[];
  const send = async (code: string) => {
    const browser = new Browser(it.app);
    await browser.signIn('Alice', goodPassword);
    return (await browser.ask('POST', '/api/sessions/current/recovery', { code })).status;
  };
  const wrong: number[] = [];
  for (let tries = 0; tries < 6; tries++) wrong.push(await send('AAAA-AAAA-AAAA-AAAA'));
  expect(wrong.at(-1)).toBe(429);
  expect([await send(right), await send(right)]).toEqual([200, 429]);
});

test('the failures of a browser that is no longer known are forgotten with it', async () => {
  await using it = await house();
  await it.alice.signIn('Alice', 'not her password at all');
  const database = new Sqlite(join(it.app.stateDir, 'nightjar.sqlite'), { readonly: true });
  const rows = () => database.prepare("SELECT key FROM throttle WHERE key LIKE 'password by %'").all();
  expect(rows()).toHaveLength(1);
  for (let browsers = 0; browsers < 20; browsers++) {
    it.clock.ms += 1_000;
    expect((await new Browser(it.app).signIn('Alice', goodPassword)).status).toBe(201);
  }
  expect(rows()).toEqual([]);
  database.close();
});

test('a flood of names that nobody has neither keeps a known browser out nor counts against it', async () => {
  await using it = await house();
  let over = false;
  const flood = Array.from({ length: 24 }, async (_, lane) => {
    for (let n = 0; !over; n++) {
      await new Browser(it.app).signIn(`nobody ${lane}-${n}`, 'some password of theirs');
    }
  });
  const [statuses, elsewhere]: [number[], number[]] = [[], []];
  for (let tries = 0; tries < 8; tries++) {
    elsewhere.push((await new Browser(it.app).signIn('Alice', goodPassword)).status);
    statuses.push((await it.alice.signIn('Alice', goodPassword)).status);
  }
  over = true;
  await Promise.all(flood);
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 201));
  // Turned away there, since the box is busy, and not for tries that nobody looked at.
  expect(elsewhere).not.toContain(429);
});
