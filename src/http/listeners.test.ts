import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../../test/support/asking.ts';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import { type Contract, implement } from './contract.ts';
import { BoxIdentity } from './identity.ts';
import { HttpServer } from './server.ts';

const contract = {
  quick: { method: 'GET', path: '/api/quick', access: 'public', summary: 'x', status: 200, reply: Type.Object({}) },
  slow: { method: 'GET', path: '/api/slow', access: 'public', summary: 'x', status: 200, reply: Type.Object({}) },
  drip: { method: 'GET', path: '/api/drip', access: 'public', summary: 'x', status: 200, raw: true },
} as const satisfies Contract;

let dir: string;
let server: HttpServer;
let release: () => void;
/** Resolves when the slow one is in work. */
let inWork: PromiseWithResolvers<void>;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-listen-'));
  inWork = Promise.withResolvers();
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  server = new HttpServer({
    routes: [
      implement(contract, {
        quick: async () => ({}),
        slow: async () => {
          inWork.resolve();
          await released;
          return {};
        },
        drip: async (_input, reply) => {
          reply.raw.write('begun');
        },
      }),
    ],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
    stopLimitMs: 700,
  });
});
afterEach(async () => {
  release();
  await server.close();
  await rm(dir, { recursive: true });
});

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function took(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

test('stopping ends idle and silent connections at once', async () => {
  const identity = await BoxIdentity.open({ stateDir: dir, name: 'nightjar', addresses: [], now: Date.now });
  const port = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  const agent = new Agent({ keepAlive: true });
  await ask({ port, path: '/api/quick', agent });
  const silent = [connect(port, '127.0.0.1'), connect(https, '127.0.0.1')];
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  for (const socket of silent) socket.on('error', () => undefined);
  await pause(50);
  const ends = Promise.all(silent.map(closed));
  expect(server.stopping.aborted).toBe(false);
  expect(await took(server.close())).toBeLessThan(600);
  expect(server.stopping.aborted).toBe(true);
  await ends;
  agent.destroy();
  await expect(ask({ port, path: '/api/quick' })).rejects.toThrow('ECONNREFUSED');
});

test('a request in work is answered with connection: close, and close waits for it', async () => {
  const port = await server.listenHttp(0);
  const agent = new Agent({ keepAlive: true });
  const answer = ask({ port, path: '/api/slow', agent });
  await inWork.promise;
  const closing = server.close();
  await pause(50);
  release();
  const { status, headers } = await answer;
  expect([status, headers.connection]).toEqual([200, 'close']);
  expect(await took(closing)).toBeLessThan(600);
  agent.destroy();
});

test('what is left at the limit is cut off', async () => {
  const port = await server.listenHttp(0);
  const asked = httpRequest({ port, host: '127.0.0.1', path: '/api/drip', agent: false }).end();
  asked.on('error', () => undefined);
  const response = await new Promise<IncomingMessage>((resolve) => asked.once('response', resolve));
  response.on('error', () => undefined);
  response.resume();
  const elapsed = await took(server.close());
  expect(elapsed).toBeGreaterThan(600);
  expect(elapsed).toBeLessThan(10_000);
});

test('what is no HTTP gets 400, what is no TLS is closed, and the box goes on', async () => {
  const identity = await BoxIdentity.open({ stateDir: dir, name: 'nightjar', addresses: [], now: Date.now });
  const port = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  for (const [at, garbage] of [
    [port, '\u0000\u0001 nonsense\r\n\r\n'],
    [port, `GET /api/quick HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`],
    [https, 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    [https, `\u0016\u0003\u0001${'\u0000'.repeat(200)}`],
  ] as const) {
    const socket = connect(at, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      received += String(chunk);
    });
    socket.on('error', () => undefined);
    socket.end(garbage, 'latin1');
    await closed(socket);
    if (at === port) expect(received).toMatch(/^HTTP\/1.1 400 .*application\/problem\+json.*"invalid-request"/s);
  }
  expect((await ask({ port, path: '/api/quick' })).status).toBe(200);
  expect((await ask({ port: https, path: '/api/quick', tls: { ca: identity.rootPem } })).status).toBe(200);
});

test('the console socket is for its user alone, and a stale one is replaced', async () => {
  const path = join(dir, 'run', 'console.sock');
  await server.listenConsole(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(dir, 'run'))).mode & 0o777).toBe(0o700);
  expect((await ask({ socketPath: path, path: '/api/quick' })).status).toBe(200);

  const second = new HttpServer({
    routes: [],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
  await expect(second.listenConsole(path)).rejects.toMatchObject({ code: 'conflict' });
  expect((await ask({ socketPath: path, path: '/api/quick' })).status).toBe(200);
  await second.close();
});

test('a socket that a killed process left is taken over; a file is not', async () => {
  const path = join(dir, 'console.sock');
  const child = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  const { spawnSync } = await import('node:child_process');
  spawnSync(process.execPath, ['-e', child]);
  expect((await stat(path)).isSocket()).toBe(true);
  await server.listenConsole(path);
  expect((await ask({ socketPath: path, path: '/api/quick' })).status).toBe(200);

  const file = join(dir, 'file.sock');
  await writeFile(file, 'mine');
  await expect(server.listenConsole(file)).rejects.toMatchObject({ code: 'conflict' });
  expect((await stat(file)).size).toBe(4);
});

test('a socket path that is too long is refused in so many words', async () => {
  const longest = join(dir, 'x'.repeat(107 - dir.length - 1));
  expect(Buffer.byteLength(longest)).toBe(107);
  await server.listenConsole(longest);
  await expect(server.listenConsole(`${longest}y`)).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('longer than the 107 bytes'),
  });
});

test('a port that is taken is said to be', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  await expect(server.listenHttp(port, '127.0.0.1')).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining(`port ${port}`),
  });
  other.close();
});
