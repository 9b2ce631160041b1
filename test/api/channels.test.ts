/**
 * What goes off the box: nothing, until its owner says so; then each message, once the other side takes it, whatever
 * happens in between. The other sides are real sockets on this machine.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { Hook, MailServer } from '../support/channel-servers.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const password = 'correct-mail-horse-77';
const token = 'tk_secret_token_4711';

const hookSettings = { enabled: true, alerts: 'all', reports: true, format: 'ntfy' } as const;
const mailSettings = {
  ...{ enabled: true, alerts: 'all', reports: true, host: '127.0.0.1', security: 'none' },
  ...{ user: null, from: 'box@home.test', to: ['alice@home.test'] },
} as const;
const at = (text: string) => Date.parse(`${text}Z`);

/** A box in UTC, with a phone that was paired at noon. */
async function house(clock: { ms: number }) {
  const machine = {
    read: async () => ({ memory: null, celsius: null }),
    room: async () => ({ totalBytes: 1e12, freeBytes: 5e11 }),
  };
  const app = await App.startClaimed({}, { now: () => clock.ms, machine });
  expect((await app.console('PATCH', '/api/box', { timeZone: 'UTC' })).status).toBe(200);
  const phone = await app.pair('Bob', 'Bobs “Pixel” \u{1f41d}');
  return { app, phone };
}

async function reported(app: App, night: string): Promise<void> {
  await expect.poll(async () => (await app.console('GET', `/api/reports/${night}`)).status).toBe(200);
}

/** Every secret that was ever typed here is in no log line, and in no row but the one that needs it. */
function expectSecret(app: App): void {
  const log = app.logged.join('\n');
  for (const secret of [password, token, 'a-topic-that-nobody-guesses']) expect(log).not.toContain(secret);
  const database = new Sqlite(join(app.stateDir, 'nightjar.sqlite'), { readonly: true, timeout: 5_000 });
  const rows = JSON.stringify([
    database.prepare('SELECT * FROM audit').all(),
    database.prepare('SELECT settings FROM channel').all(),
    database.prepare('SELECT * FROM outbox').all(),
  ]);
  database.close();
  for (const secret of [password, token, 'a-topic-that-nobody-guesses']) expect(rows).not.toContain(secret);
}

it('opens no connection to anybody while no channel is on, whatever happens', async () => {
  await using hook = await Hook.open();
  await using mailServer = await MailServer.open();
  const opened: string[] = [];
  const note = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    // Also of tries that come to nothing. The console's socket is no network.
    socket.on('connectionAttempt', (address: string, port: number | undefined) => {
      if (port !== undefined) opened.push(`${address}:${port}`);
    });
    socket.once('lookup', (_error, _address, _family, host) => {
      if (!host.includes('/')) opened.push(host);
    });
  };
  subscribe('net.client.socket', note);
  try {
    const clock = { ms: at('2026-06-10T12:00') };
    const { app } = await house(clock);
    await using box = app;
    // Set up, and off.
    const off = { ...hookSettings, enabled: false, url: hook.url, token };
    expect((await box.console('PUT', '/api/channels/webhook', off)).status).toBe(200);
    const mailOff = { ...mailSettings, enabled: false, port: mailServer.port };
    expect((await box.console('PUT', '/api/channels/mail', mailOff)).status).toBe(200);
    for (const day of ['11', '12', '13', '14', '15']) {
      clock.ms = at(`2026-06-${day}T09:00`);
      await reported(box, `2026-06-${day}`);
    }
    const { open } = (await box.console('GET', '/api/alerts')).json() as { open: Array<{ code: string }> };
    expect(open.map(({ code }) => code)).toEqual(['phone-silent']);
    const database = new Sqlite(join(box.stateDir, 'nightjar.sqlite'), { readonly: true, timeout: 5_000 });
    expect(database.prepare('SELECT count(*) AS n FROM outbox').get()).toEqual({ n: 0 });
    database.close();
    const own = [box.httpPort, box.httpsPort].map((port) => `127.0.0.1:${port}`);
    expect(opened.filter((one) => !own.includes(one))).toEqual([]);
    // That it is seen when one is opened:
    expect((await box.console('POST', '/api/channels/webhook/test')).status).toBe(200);
    expect(opened.filter((one) => !own.includes(one))).toEqual([new URL(hook.url).host]);
    // It sends from a thread, whose sockets are not seen here.
    expect(mailServer.connections).toBe(0);
    expect((await box.console('POST', '/api/channels/mail/test')).status).toBe(200);
    expect([hook.connections, mailServer.connections]).toEqual([1, 1]);
    expectSecret(box);
  } finally {
    unsubscribe('net.client.socket', note);
  }
});

it('tells a webhook of reports and alerts, tries again, and loses nothing by a restart', async () => {
  await using hook = await Hook.open();
  const clock = { ms: at('2026-06-10T12:00') };
  const { app, phone } = await house(clock);
  await using box = app;
  const set = await box.console('PUT', '/api/channels/webhook', { ...hookSettings, url: hook.url, token });
  expect(set.json()).toMatchObject({ webhook: { origin: new URL(hook.url).origin, tokenSet: true, enabled: true } });
  expect(set.text).not.toMatch(/nobody-guesses|4711/);

  clock.ms = at('2026-06-11T09:00');
  await expect.poll(() => hook.taken.length).toBe(1);
  expect(hook.taken[0]).toMatchObject({
    path: '/a-topic-that-nobody-guesses',
    headers: { authorization: `Bearer ${token}`, title: 'The night of 2026-06-11: 0 new files', priority: 'low' },
  });
  expect(hook.taken[0]?.body).toContain('Nothing new came in.');

  // The other side is down for the night in which the phone is silent for the third time.
  hook.status = 503;
  for (const day of ['12', '13']) {
    clock.ms = at(`2026-06-${day}T09:00`);
    await reported(box, `2026-06-${day}`);
  }
  const waiting = async () =>
    ((await box.console('GET', '/api/channels')).json() as { webhook: { waiting: Record<string, unknown> } }).webhook
      .waiting;
  await expect.poll(async () => (await waiting())['attempts']).toBeGreaterThan(0);
  // 12: a report; 13: the phone, and a report.
  expect(await waiting()).toMatchObject({ messages: 3, error: 'The other side answered 503.' });
  await box.restart();
  expect(await waiting()).toMatchObject({ messages: 3 });
  hook.status = 200;
  clock.ms += hourMs;
  await expect.poll(() => hook.taken.length).toBe(4);
  expect(hook.taken.map(({ headers }) => [headers['priority'], headers['tags']]).slice(1)).toEqual([
    ['low', 'white_check_mark'],
    ['default', 'warning'],
    ['default', 'warning'],
  ]);
  const title = /^=\?UTF-8\?B\?(.+)\?=$/.exec(String(hook.taken[2]?.headers['title']))?.[1] ?? '';
  expect(Buffer.from(title, 'base64').toString()).toBe('Bobs “Pixel” \u{1f41d} (Bob) has been silent for 3 nights');
  expect(hook.taken[2]?.body).toContain('Open the backup app once, at home.');
  await expect.poll(async () => (await waiting())['messages']).toBe(0);

  // Only what is worst, as JSON, without reports.
  const less = { ...hookSettings, alerts: 'act', reports: false, format: 'json' } as const;
  expect((await box.console('PUT', '/api/channels/webhook', less)).status).toBe(200);
  expect((await phone.ask('GET', '/api/phone/status')).status).toBe(200);
  clock.ms += hourMs;
  await expect
    .poll(async () => ((await box.console('GET', '/api/alerts')).json() as { open: unknown[] }).open)
    .toEqual([]);
  expect((await box.console('POST', '/api/channels/webhook/test')).status).toBe(200);
  expect(JSON.parse(hook.taken.at(-1)?.body ?? '')).toMatchObject({ kind: 'test', severity: null });
  expect(hook.taken.length).toBe(5);
  expectSecret(box);
  expect(box.ownErrors()).toEqual([]);
});

it('sends mail, says why not, and never answers a secret back', async () => {
  const server = await MailServer.open();
  const clock = { ms: at('2026-06-10T12:00') };
  const { app } = await house(clock);
  await using box = app;
  const mail = { ...mailSettings, port: server.port };
  const put = (change: object) => box.console('PUT', '/api/channels/mail', { ...mail, ...change });
  // A password never travels in clear.
  expect((await put({ user: 'alice', password })).status).toBe(400);
  expect((await put({ to: ['alice@home.test\r\nBcc: all@the.world'] })).status).toBe(400);
  expect((await put({})).status).toBe(200);
  expect((await box.console('POST', '/api/channels/mail/test')).json()).toEqual({ sent: true });
  expect(server.mails[0]).toMatch(/^Subject: A test from nightjar\r$/m);
  clock.ms = at('2026-06-11T09:00');
  await expect.poll(() => server.mails.length).toBe(2);
  expect(server.mails[1]).toMatch(/^Message-ID:\s+<\d+\.\d+\.[0-9a-f-]{36}@nightjar\.invalid>\r$/im);
  expect(server.mails[1]).toMatch(/^To: alice@home\.test\r$/m);
  await server[Symbol.asyncDispose]();
  const failed = await box.console('POST', '/api/channels/mail/test');
  expect([failed.status, failed.json()['code']]).toEqual([502, 'send-failed']);

  const withPassword = await put({ user: 'alice', password, security: 'tls' });
  expect([withPassword.status, withPassword.json()]).toMatchObject([200, { mail: { passwordSet: true } }]);
  expect(withPassword.text).not.toContain(password);
  // Neither by another server's name nor by another user's does it go anywhere without being typed again.
  expect((await put({ user: 'alice', security: 'tls', host: 'evil.test' })).status).toBe(400);
  expect((await put({ user: 'alice', security: 'tls', reports: false })).json()).toMatchObject({
    mail: { passwordSet: true, reports: false },
  });
  expect((await box.console('DELETE', '/api/channels/mail')).status).toBe(204);
  expect((await box.console('GET', '/api/channels')).json()).toEqual({ mail: null, webhook: null });
  expect((await box.console('POST', '/api/channels/mail/test')).status).toBe(404);
  expectSecret(box);
});
