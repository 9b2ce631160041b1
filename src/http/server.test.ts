import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, type Question } from '../../test/support/asking.ts';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import type { Caller } from './caller.ts';
import { type Contract, implement } from './contract.ts';
import { healthContract } from './health.ts';
import { BoxIdentity } from './identity.ts';
import { certificateRoutes, staticPage } from './pages.ts';
import { HttpServer, type HttpServerDeps, transportOf } from './server.ts';
import { welcomePage } from './welcome.ts';

const Seen = Type.Object({ transport: Type.String(), caller: Type.String() });
const contract = {
  open: { method: 'GET', path: '/api/open', access: 'public', summary: 'x', status: 200, reply: Seen },
  change: { method: 'POST', path: '/api/open', access: 'public', summary: 'x', status: 201, reply: Seen },
  phone: { method: 'GET', path: '/api/phone', access: 'phone', summary: 'x', status: 200, reply: Seen },
  both: { method: 'GET', path: '/api/both', access: 'phone-or-person', summary: 'x', status: 200, reply: Seen },
  person: { method: 'GET', path: '/api/person', access: 'person', summary: 'x', status: 200, reply: Seen },
  owner: { method: 'GET', path: '/api/owner', access: 'owner', summary: 'x', status: 200, reply: Seen },
} as const satisfies Contract;
const see = async ({ caller, request }: { caller: Caller; request: Parameters<typeof transportOf>[0] }) => ({
  transport: transportOf(request),
  caller: caller.kind,
});
const handlers = { open: see, change: see, phone: see, both: see, person: see, owner: see };

const callers: Record<string, Caller> = {
  'Bearer phone': { kind: 'phone', phoneId: 'p', personId: 'a', phoneName: 'Pixel' },
  'Bearer member': { kind: 'person', personId: 'a', role: 'member', sessionId: 's' },
  'Bearer owner': { kind: 'person', personId: 'o', role: 'owner', sessionId: 's' },
};

let dir: string;
let identity: BoxIdentity;
let logged: string[];
let identified: number;
let credentials: Array<string | undefined>;
let servers: HttpServer[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-server-'));
  identity = await BoxIdentity.open({ stateDir: dir, name: 'nightjar', addresses: [], now: Date.now });
});
afterAll(() => rm(dir, { recursive: true }));
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
});

function make(options: Partial<HttpServerDeps> = {}): HttpServer {
  logged = [];
  identified = 0;
  credentials = [];
  const server = new HttpServer({
    routes: [
      implement(contract, handlers),
      implement(healthContract, {
        health: async ({ request }) => {
          credentials.push(request.headers.authorization, request.headers.cookie);
          return { status: 'ok', box: 'nightjar', version: '0.1.0', setUp: true, disk: 'ok' };
        },
      }),
      certificateRoutes(identity.rootDer),
      staticPage('/', 'text/html', '<p>the app</p>'),
      staticPage('/pair', 'text/html', '<style>p{}</style><p>pair</p>'),
    ],
    identify: (request) => {
      identified += 1;
      if (transportOf(request) === 'console') return { kind: 'console' };
      return callers[request.headers.authorization ?? ''] ?? { kind: 'nobody' };
    },
    allowHost: (host) => host === 'nightjar.local',
    log: createLog({ level: 'debug', destination: { write: (line: string) => logged.push(line) } }),
    loopbackHttp: true,
    welcome: (host) => welcomePage({ box: 'nightjar', fingerprint: identity.fingerprint, host, httpsPort: 8443 }),
    ...options,
  });
  servers.push(server);
  return server;
}

function tls(question: Question): Question {
  return { ...question, tls: { ca: identity.rootPem, servername: 'localhost' } };
}

test('answers by the clock that the box goes by', async () => {
  const port = await make({ now: () => Date.parse('2031-02-03T04:05:06.7Z') }).listenHttp(0);
  for (const path of ['/api/open', '/nothing']) {
    expect((await ask({ port, path })).headers.date).toBe('Mon, 03 Feb 2031 04:05:06 GMT');
  }
});

test('each listener says how a request came, and its host is checked', async () => {
  const server = make();
  const http = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  const socketPath = join(dir, 'console.sock');
  await server.listenConsole(socketPath);
  expect((await ask({ port: http, path: '/api/open' })).json()).toEqual({
    transport: 'loopback-http',
    caller: 'nobody',
  });
  expect((await ask({ host: '::1', port: http, path: '/api/open' })).json()).toMatchObject({
    transport: 'loopback-http',
  });
  expect((await ask(tls({ port: https, path: '/api/open' }))).json()).toEqual({ transport: 'https', caller: 'nobody' });
  expect((await ask({ socketPath, path: '/api/open', headers: { host: 'anything' } })).json()).toEqual({
    transport: 'console',
    caller: 'console',
  });
  for (const question of [{ port: http }, tls({ port: https })]) {
    const answer = await ask({ ...question, path: '/api/open', headers: { host: 'evil.example' } });
    expect(answer.status).toBe(421);
    expect(answer.json()).toMatchObject({ code: 'unknown-host' });
  }
  const named = { port: https, path: '/api/open', headers: { host: `nightjar.local:${https}` } };
  expect((await ask({ ...named, tls: { ca: identity.rootPem, servername: 'nightjar.local' } })).status).toBe(200);
});

test('access: nobody is 401, the wrong caller 403, the right one in', async () => {
  const port = await make().listenHttp(0);
  const status = async (path: string, authorization?: string) =>
    (await ask({ port, path, headers: authorization === undefined ? {} : { authorization } })).status;
  const paths = ['/api/open', '/api/phone', '/api/both', '/api/person', '/api/owner'];
  const row = (authorization?: string) => Promise.all(paths.map((path) => status(path, authorization)));
  expect(await row()).toEqual([200, 401, 401, 401, 401]);
  expect(await row('Bearer phone')).toEqual([200, 200, 200, 403, 403]);
  expect(await row('Bearer member')).toEqual([200, 403, 200, 200, 403]);
  expect(await row('Bearer owner')).toEqual([200, 403, 200, 200, 200]);
  expect((await ask({ port, path: '/api/phone' })).headers['www-authenticate']).toBe('Bearer');
});

test.each([
  ['Forwarded', 'for=192.0.2.1'],
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-Real-IP', '192.0.2.1'],
  ['Via', '1.1 proxy'],
])('loopback http with %s is refused, and nobody is asked who it is', async (name, value) => {
  const port = await make().listenHttp(0);
  const answer = await ask({ port, path: '/api/phone', headers: { authorization: 'Bearer phone', [name]: value } });
  expect(answer.status).toBe(403);
  expect(answer.json()).toMatchObject({ code: 'https-required' });
  expect(identified).toBe(0);
});

/** The machine's own address on a network: a peer that is not loopback. */
const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test.each([
  ['loopback http switched off', '127.0.0.1', false],
  ['another address of the network', ownAddress, true],
])('plain http (%s) reads no credential and shows only what is public', async (_, address, loopbackHttp) => {
  if (address === undefined) return;
  const server = make({ loopbackHttp });
  const port = await server.listenHttp(0);
  const https = await server.listenHttps(0, identity);
  const headers = { authorization: 'Bearer owner', cookie: '__Host-nightjar=x', 'x-forwarded-for': '127.0.0.1' };
  const get = (path: string, method = 'GET') => ask({ host: address, port, path, method, headers });

  expect((await get('/api/health')).json()).toMatchObject({ status: 'ok', setUp: true });
  const certificate = await get('/nightjar-root.crt');
  expect(certificate.headers['content-type']).toBe('application/x-x509-ca-cert');
  const page = await get('/');
  expect(page.text).toContain(identity.fingerprint.slice(0, 4));
  expect(page.text).toContain('/nightjar-root.crt');
  expect(page.headers['content-security-policy']).toContain("style-src 'self';");
  const redirect = await get('/pair?x=1');
  expect([redirect.status, redirect.headers.location]).toEqual([308, `https://${address}:${https}/pair?x=1`]);
  for (const path of ['/api/open', '/api/owner', '/api/nothing', '/api/health?x=1']) {
    const answer = await get(path);
    expect([path, answer.status]).toEqual([path, path.startsWith('/api/health') ? 200 : 403]);
  }
  expect((await get('/api/open', 'POST')).json()).toMatchObject({ code: 'https-required' });
  expect((await get('/pair', 'POST')).status).toBe(403);
  expect((await ask({ host: address, port, path: '/', headers: { host: 'evil.example' } })).status).toBe(421);
  expect(identified).toBe(0);
  expect(credentials).toEqual(Array(credentials.length).fill(undefined));
  expect(credentials.length).toBeGreaterThan(0);
});

test('on loopback http the app itself is at /', async () => {
  const port = await make().listenHttp(0);
  expect((await ask({ port, path: '/' })).text).toBe('<p>the app</p>');
});

test('a change that a page of another origin asks for is refused', async () => {
  const server = make();
  const https = await server.listenHttps(0, identity);
  const post = (headers: Record<string, string>) =>
    ask(
      tls({ port: https, path: '/api/open', method: 'POST', headers: { authorization: 'Bearer owner', ...headers } }),
    );
  expect((await post({})).status).toBe(201);
  expect((await post({ origin: `https://127.0.0.1:${https}` })).status).toBe(201);
  for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${https}`, 'https://127.0.0.1']) {
    expect((await post({ origin })).json()).toMatchObject({ code: 'cross-origin', status: 403 });
  }
  expect((await post({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
});

test('every answer carries the security headers, problems included; the API is not cached', async () => {
  const port = await make().listenHttp(0);
  for (const path of ['/api/open', '/api/phone', '/api/nothing', '/pair', '/%zz']) {
    const { headers } = await ask({ port, path });
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    const own =
      path === '/pair'
        ? /^default-src 'self'; .*frame-ancestors 'none'/
        : /^sandbox; default-src 'none'; .*frame-ancestors 'none'/;
    expect(headers['content-security-policy']).toMatch(own);
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['permissions-policy']).toContain('geolocation=()');
    expect(headers['strict-transport-security']).toBeUndefined();
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-resource-policy']).toBe('same-origin');
    expect(headers['cache-control']).toBe(path === '/pair' ? 'no-cache' : 'no-store');
  }
});

test('unknown paths are 404, known ones with another method 405 with Allow, HEAD is not made up', async () => {
  const port = await make().listenHttp(0);
  const missing = await ask({ port, path: '/api/nothing' });
  expect(missing.status).toBe(404);
  expect(missing.headers['content-type']).toBe('application/problem+json');
  expect(missing.json()).toMatchObject({ code: 'not-found', status: 404 });
  const wrong = await ask({ port, path: '/api/open', method: 'DELETE' });
  expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, POST']);
  expect((await ask({ port, path: '/api/open', method: 'HEAD' })).status).toBe(405);
  expect((await ask({ port, path: '/%zz' })).json()).toMatchObject({ code: 'invalid-request' });
  expect((await ask({ port, path: `/${'a'.repeat(5000)}` })).json()).toMatchObject({ code: 'invalid-request' });
  expect((await ask({ port, path: `/${'a'.repeat(20_000)}` })).json()).toMatchObject({ code: 'invalid-request' });
});

test('the log names routes and no paths, queries or credentials', async () => {
  const port = await make().listenHttp(0);
  await ask({ port, path: '/api/open?token=S3CRET', headers: { authorization: 'Bearer S3CRET' } });
  await ask({ port, path: '/api/S3CRET' });
  await expect.poll(() => logged.length).toBeGreaterThanOrEqual(2);
  expect(logged.join('')).toContain('"route":"/api/open"');
  expect(logged.join('')).not.toContain('S3CRET');
});

test('a renewed certificate is presented to new connections', async () => {
  const server = make();
  const port = await server.listenHttps(0, identity);
  const before = await ask(tls({ port, path: '/api/open' }));
  expect(before.status).toBe(200);
  const named = { ca: identity.rootPem, servername: 'owl.local' };
  const renamed = { port, path: '/api/open', headers: { host: '127.0.0.1' }, tls: named };
  await expect(ask(renamed)).rejects.toThrow(/altnames/);
  await identity.update({ name: 'owl', addresses: ['10.9.8.7'] });
  server.refreshTls();
  expect((await ask(renamed)).status).toBe(200);
  await identity.update({ name: 'nightjar', addresses: [] });
});
