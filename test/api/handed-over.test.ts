/** Ports that the system opened (sd_listen_fds(3)): the daemon takes them by their names, and what comes before it waits. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { ask } from '../support/asking.ts';
import { freePort } from '../support/free-port.ts';

const projectDir = new URL('../..', import.meta.url).pathname;
let dir: string | undefined;
let child: ChildProcess | undefined;

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  if (dir !== undefined) await rm(dir, { recursive: true });
  dir = undefined;
});

test('requests that come before the daemon are answered by it, each on its own port', async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-handed-'));
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const env = {
    NIGHTJAR_STATE_DIR: join(dir, 'state'),
    NIGHTJAR_HTTP_PORT: '1',
    NIGHTJAR_HTTPS_PORT: '1',
    NIGHTJAR_DISCOVERY: 'off',
    NODE_COMPILE_CACHE: join(tmpdir(), 'nightjar-test-compile-cache'),
  };
  // In the other order than the daemon opens them: only their names say which is which.
  const sockets = ['--fdname=https:http', '-l', `127.0.0.1:${httpsPort}`, '-l', `127.0.0.1:${httpPort}`];
  const passed = Object.entries(env).flatMap(([name, value]) => ['-E', `${name}=${value}`]);
  const program = [join(projectDir, 'node_modules/.bin/node'), join(projectDir, 'src/main.ts')];
  child = spawn('systemd-socket-activate', [...sockets, ...passed, ...program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  // It listens on both before it waits for somebody; the daemon starts at the first connection.
  await expect.poll(() => said).toContain(`127.0.0.1:${httpPort} as 4`);
  const waited = await ask({ port: httpPort, path: '/api/health' });
  expect([waited.status, waited.json()['setUp']]).toEqual([200, false]);
  const encrypted = { port: httpsPort, path: '/api/health', rejectUnauthorized: false, tls: { ca: '' } };
  expect((await ask(encrypted)).status).toBe(200);
});

test('sockets that were meant for another process are left alone', () => {
  const env = { LISTEN_FDS: '2', LISTEN_FDNAMES: 'other:https', LISTEN_PID: '4711' };
  expect(readConfig(env, 4711).handedOver).toEqual({ http: undefined, https: { fd: 4 } });
  expect(readConfig(env, 4712).handedOver).toEqual({ http: undefined, https: undefined });
  expect(readConfig({ ...env, LISTEN_FDS: '1' }, 4711).handedOver.https).toBeUndefined();
});
