/** The first run as a page goes through it, on the whole box: what is open, what is known, what a restart remembers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { App } from '../support/app.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { codeAt } from '../support/totp.ts';

type View = { finished: boolean; steps: Record<string, string>; lock: string | null };

async function viewOf(app: App, cookie: string): Promise<View> {
  return (await app.ask('GET', '/api/first-run', { cookie })).json() as View;
}

function firstOpen({ steps }: View): string | undefined {
  return Object.entries(steps).find(([, state]) => state === 'open')?.[0];
}

test('from the claim to the first phone: each step is left for good, and a restart goes on at the next', async () => {
  await using app = await App.start();
  let cookie = await app.claim();
  const tick = async (step: string, body: object) =>
    (await app.ask('PUT', `/api/first-run/steps/${step}`, { cookie }, body)).status;
  expect(firstOpen(await viewOf(app, cookie))).toBe('box');
  expect(await tick('box', { state: 'done' })).toBe(200);
  expect(await viewOf(app, cookie)).toMatchObject({ finished: false, steps: { you: 'done' } });
  expect(firstOpen(await viewOf(app, cookie))).toBe('lock');

  // One-time codes, which the box sees by itself.
  const begun = await app.ask('POST', '/api/authenticators', { cookie }, { name: 'Phone' });
  const { id, textKey } = begun.json() as { id: string; textKey: string };
  expect(firstOpen(await viewOf(app, cookie))).toBe('lock');
  const confirmed = await app.ask(
    'POST',
    `/api/authenticators/${id}/confirm`,
    { cookie },
    { code: codeAt(textKey, Date.now()) },
  );
  expect(confirmed.status).toBe(200);
  expect(confirmed.json()['recoveryCodes']).toHaveLength(10);
  expect(await viewOf(app, cookie)).toMatchObject({ steps: { lock: 'done', recovery: 'open' }, lock: null });

  await app.restart();
  expect(firstOpen(await viewOf(app, cookie))).toBe('recovery');
  expect(await tick('recovery', { state: 'done' })).toBe(200);
  expect(firstOpen(await viewOf(app, cookie))).toBe('clock');
  await app.ask('PATCH', '/api/box', { cookie }, { internetTime: false });
  expect(firstOpen(await viewOf(app, cookie))).toBe('tell');
  expect(await tick('tell', { state: 'later' })).toBe(200);
  expect(firstOpen(await viewOf(app, cookie))).toBe('phone');
  await app.pair('Alice', 'Pixel');
  expect(await viewOf(app, cookie)).toMatchObject({ finished: true, steps: { phone: 'done' } });

  expect(await tick('nothing', { state: 'done' })).toBe(400);
  expect(await tick('box', { state: 'open' })).toBe(400);
  cookie = '';
  expect(await tick('box', { state: 'done' })).toBe(401);
  expect(app.ownErrors()).toEqual([]);
});

test('put off, it is over all the same; the lock that a phone was to be says so', async () => {
  await using app = await App.start();
  const cookie = await app.claim();
  for (const [step, body] of [
    ['box', { state: 'later' }],
    ['lock', { state: 'done', choice: 'phone' }],
    ['recovery', { state: 'later' }],
    ['clock', { state: 'later' }],
    ['tell', { state: 'later' }],
    ['phone', { state: 'later' }],
  ] as const) {
    expect((await viewOf(app, cookie)).finished).toBe(false);
    await app.ask('PUT', `/api/first-run/steps/${step}`, { cookie }, body);
  }
  const later = {
    box: 'later',
    disk: 'done',
    lock: 'later',
    recovery: 'later',
    clock: 'later',
    tell: 'later',
    phone: 'later',
  };
  expect(await viewOf(app, cookie)).toEqual({ finished: true, steps: { ...later, you: 'done' }, lock: 'phone' });
});

test('a box that was claimed at its console has nothing to go through', async () => {
  await using app = await App.start();
  expect((await app.console('GET', '/api/first-run')).json()).toMatchObject({
    finished: false,
    steps: { you: 'open' },
  });
  await app.console('POST', '/api/setup', { code: setupCode, person: 'Alice', password: goodPassword });
  expect(await viewOf(app, await app.signIn())).toMatchObject({ finished: true, steps: { you: 'done', box: 'later' } });
});

test('whoever starts it at a terminal is shown the way in, which is not in the log', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-announce-'));
  const args = [new URL('../../src/main.ts', import.meta.url).pathname, '--announce'];
  const env = {
    PATH: process.env['PATH'] ?? '',
    NIGHTJAR_STATE_DIR: dir,
    NIGHTJAR_HTTP_PORT: '0',
    NIGHTJAR_HTTPS_PORT: '0',
    NIGHTJAR_DISCOVERY: 'off',
    NIGHTJAR_NAME: 'attic',
    NIGHTJAR_SETUP_CODE: 'Seven & 8-NINE',
  };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { log: '', shown: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.log += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.shown += chunk.toString();
  });
  try {
    await expect.poll(() => said.shown, { timeout: 30_000 }).toContain('--password-stdin');
    const [, httpPort] = /On this computer: {2}http:\/\/localhost:(\d+)\/\n/.exec(said.shown) ?? [];
    const [, httpsPort] = /On your network: {3}https:\/\/attic\.local:(\d+)\/\n/.exec(said.shown) ?? [];
    expect(said.shown).toContain(`  Set it up:         http://localhost:${httpPort}/setup#Seven%20%26%208-NINE\n`);
    expect(said.shown).toContain(`https://attic.local:${httpsPort}/setup#Seven%20%26%208-NINE\n`);
    expect(said.log).toContain('nightjar is ready');
    expect(said.log).not.toContain('NINE');
  } finally {
    const exited = once(child, 'close');
    child.kill('SIGTERM');
    await exited;
    await rm(dir, { recursive: true });
  }
});
