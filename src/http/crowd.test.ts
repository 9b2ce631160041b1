import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../../test/support/asking.ts';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import { implement } from './contract.ts';
import { Crowd } from './crowd.ts';
import { BoxIdentity } from './identity.ts';
import { HttpServer } from './server.ts';

// Through an address of the network's own, this machine is as far away as any other.
const [far] = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);
const limits = { headersMs: 600, handshakeMs: 600, checkMs: 50, perAddressMax: 8, connectionsMax: 12 };
const path = '/nightjar-root.crt';
let dir: string;
let server: HttpServer;
let identity: BoxIdentity;
let sockets: Socket[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-crowd-'));
  const addresses = far === undefined ? [] : [far];
  identity = await BoxIdentity.open({ stateDir: dir, name: 'nightjar', addresses, now: Date.now });
  sockets = [];
  server = new HttpServer({
    routes: [
      implement(
        { one: { method: 'GET', path, access: 'public', summary: 'x', status: 200, reply: Type.Object({}) } },
        { one: async () => ({}) },
      ),
    ],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
    stopLimitMs: 300,
    limits,
  });
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close();
  await rm(dir, { recursive: true });
});

function open(port: number, host: string): Socket {
  const socket = connect(port, host);
  socket.on('error', () => undefined);
  sockets.push(socket);
  return socket;
}

const connected = (socket: Socket) => new Promise((resolve) => socket.once('connect', resolve));
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));
const alive = () => sockets.filter((socket) => !socket.destroyed).length;

test.skipIf(far === undefined)(
  'one address has its share of connections, over http and over https, and no more',
  async () => {
    for (const port of [await server.listenHttp(0), await server.listenHttps(0, identity)]) {
      const all = Array.from({ length: 30 }, () => open(port, far ?? ''));
      await Promise.all(all.map(connected));
      // A destroyed socket shows as closed a moment later.
      for (const socket of all) socket.resume();
      await expect.poll(alive, { interval: 5 }).toBeLessThanOrEqual(limits.perAddressMax);
      for (const socket of sockets.splice(0)) socket.destroy();
    }
  },
);

test.skipIf(far === undefined)('and who asks from this machine is served meanwhile, whatever others hold', async () => {
  const port = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  for (const at of [port, https]) await Promise.all(Array.from({ length: 8 }, () => connected(open(at, far ?? ''))));
  expect((await ask({ port, path })).status).toBe(200);
  expect((await ask({ port: https, path, tls: { ca: identity.rootPem } })).status).toBe(200);
  for (const socket of sockets.splice(0)) socket.destroy();
  const tls = { ca: identity.rootPem, servername: 'nightjar.local' };
  const again = () => ask({ host: far ?? '', port: https, path, tls }).catch(() => undefined);
  await expect.poll(async () => (await again())?.status).toBe(200);
});

test('who sends nothing, or its headers a byte at a time, is gone in time', async () => {
  const port = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  const silent = open(port, '127.0.0.1');
  const untold = open(https, '127.0.0.1');
  const slow = open(port, '127.0.0.1');
  slow.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n`);
  const dripping = setInterval(() => slow.write('x: y\r\n'), 20);
  const shaken = connectTls({ port: https, host: '127.0.0.1', ca: identity.rootPem });
  sockets.push(shaken);
  shaken.on('error', () => undefined);
  shaken.write('GET / HTTP/1.1\r\n');
  for (const socket of sockets) socket.resume();
  await Promise.all([silent, untold, slow, shaken].map(closed));
  clearInterval(dripping);
  expect((await ask({ port, path })).status).toBe(200);
});

test('a full door takes the idle connection of whoever has the most, and never one in work', () => {
  const busy = new Set<unknown>();
  const crowd = new Crowd({ connectionsMax: 6, perAddressMax: 4, isIdle: (socket) => !busy.has(socket) });
  const admitted = (remoteAddress: string | undefined) => {
    const fake = { remoteAddress, destroyed: false, once: () => fake, destroy: () => (fake.destroyed = true) };
    crowd.admit(fake as unknown as Socket);
    return fake;
  };
  const greedy = Array.from({ length: 4 }, () => admitted('192.168.1.66'));
  const shy = Array.from({ length: 2 }, () => admitted('192.168.1.7'));
  busy.add(greedy[0]);
  expect(admitted('192.168.1.66').destroyed).toBe(true);
  expect(admitted('fe80::1').destroyed).toBe(false);
  expect([...greedy, ...shy].map(({ destroyed }) => destroyed)).toEqual([false, true, false, false, false, false]);
  for (const one of [...greedy, ...shy]) busy.add(one);
  expect(admitted('fe80::2').destroyed).toBe(false); // fe80::1's
  busy.add(greedy[0]);
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', undefined]) {
    expect(Array.from({ length: 20 }, () => admitted(address)).every(({ destroyed }) => !destroyed)).toBe(true);
  }
});
