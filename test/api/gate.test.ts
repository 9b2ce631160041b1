/** What is decided before anybody asks who is asking: the host, the origin, the way a request came, the certificate. */
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type DetailedPeerCertificate } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueLeaf, makeAuthority } from '../../src/http/certificates.ts';
import { parsePairingLink } from '../../src/phones/pairing-link.ts';
import { App, cookieOf } from '../support/app.ts';
import { ask, jsonBody } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import type { HandPhone } from '../support/hand-phone.ts';

/** What a client does with a link: the certificate among the presented ones that has this fingerprint. */
function pinned(port: number, fingerprint: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      let found: string | undefined;
      let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
      for (let steps = 0; at !== undefined && steps < 8; steps++) {
        if (createHash('sha256').update(at.raw).digest('hex') === fingerprint)
          found = new X509Certificate(at.raw).toString();
        at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
      }
      socket.destroy();
      resolve(found);
    });
    socket.once('error', reject);
  });
}

describe('the gate of the whole box', () => {
  let app: App;
  let phone: HandPhone;
  let owner: string;
  beforeAll(async () => {
    app = await App.start();
    owner = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it('answers only to its own names and to addresses', async () => {
    const status = async (host: string) => (await phone.ask('GET', '/api/phone/status', { headers: { host } })).status;
    for (const host of ['localhost', 'LOCALHOST:1234', '127.0.0.1', '[::1]:8080', 'nightjar.local', 'nightjar.local.'])
      expect(await status(host), host).toBe(200);
    for (const host of [
      'evil.example',
      'nightjar.local.evil.example',
      '127.0.0.1.evil.example',
      'xnightjar.local',
      'localhost@evil',
    ])
      expect(await status(host), host).toBe(421);
  });

  it('changes nothing for a page of another origin', async () => {
    const add = (headers: Record<string, string>, person: string) =>
      app.ask('POST', '/api/people', { cookie: owner, ...headers }, { person });
    const own = `http://127.0.0.1:${app.httpPort}`;
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: own.replace('http:', 'https:') },
      { origin: `http://127.0.0.1:${app.httpPort + 1}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ] as Array<Record<string, string>>) {
      const answer = await add(headers, 'Mallory');
      expect([answer.status, answer.json()['code']], JSON.stringify(headers)).toEqual([403, 'cross-origin']);
    }
    expect((await add({ origin: own, 'sec-fetch-site': 'same-origin' }, 'Bob')).status).toBe(201);
    const names = (await app.console('GET', '/api/people')).text;
    expect(names).not.toContain('Mallory');
    const read = await app.ask('GET', '/api/people', { cookie: owner, origin: 'https://evil.example' });
    expect(Object.keys(read.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  it('takes no credential over http from a proxy', async () => {
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      const answer = await phone.ask('GET', '/api/phone/status', { headers: { [name]: '127.0.0.1' } });
      expect([answer.status, answer.json()['code']], name).toEqual([403, 'https-required']);
    }
  });

  // Through an address of the network's own, this machine is as far away as any other.
  const [address] = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map((one) => one.address);
  it.skipIf(address === undefined)('takes no credential over http from the network', async () => {
    const far = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
      ask({ host: address ?? '', port: app.httpPort, method, path, headers, ...(body === undefined ? {} : { body }) });
    const authorization = `Bearer ${phone.token}`;
    expect((await phone.ask('GET', '/api/phone/status')).status).toBe(200);
    for (const path of ['/api/phone/status', '/api/timeline', '/api/setup', '/api/openapi.json', '/api/people']) {
      const answer = await far('GET', path, { authorization, cookie: owner });
      expect([answer.status, answer.json()['code']], path).toEqual([403, 'https-required']);
    }
    const signIn = jsonBody({ person: 'Alice', password: goodPassword });
    const setUp = jsonBody({ code: setupCode, person: 'Mallory', password: goodPassword });
    const redeem = jsonBody({ secret: 'x'.repeat(32) });
    for (const [path, { body, headers }] of [
      ['/api/sessions', signIn],
      ['/api/setup', setUp],
      ['/api/pairings/redeem', redeem],
      ['/api/uploads', signIn],
    ] as const) {
      const answer = await far('POST', path, headers, body);
      expect([answer.status, answer.headers['set-cookie']], path).toEqual([403, undefined]);
    }
    expect((await far('GET', '/api/health')).status).toBe(200);
    const welcome = await far('GET', '/');
    expect(welcome.status).toBe(200);
    expect(welcome.text).toContain('certificate');
    for (const secret of [setupCode, phone.token, owner]) expect(welcome.text).not.toContain(secret);
    const moved = await far('GET', '/pair?x=1');
    expect([moved.status, moved.headers.location]).toEqual([308, `https://${address}:${app.httpsPort}/pair?x=1`]);
    const root = await far('GET', '/nightjar-root.crt');
    expect(root.headers['content-type']).toBe('application/x-x509-ca-cert');
  });

  it('shows over https the certificate of the link, and only that one is trusted', async () => {
    const opened = await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'Laptop' });
    const link = parsePairingLink(String(opened.json()['link']));
    expect(link?.addresses).toContain(`nightjar.local:${app.httpsPort}`);
    const ca = (await pinned(app.httpsPort, link?.fingerprint ?? '')) ?? '';
    expect(ca).toContain('BEGIN CERTIFICATE');
    const status = (tls: { ca: string; servername?: string }, host = '127.0.0.1') =>
      ask({
        host,
        port: app.httpsPort,
        path: '/api/phone/status',
        headers: { authorization: `Bearer ${phone.token}` },
        tls,
      });
    expect((await status({ ca })).status).toBe(200);
    expect((await status({ ca, servername: 'nightjar.local' })).status).toBe(200);
    await expect(status({ ca, servername: 'evil.example' })).rejects.toThrow(/altnames|Hostname/);
    const other = await App.start();
    try {
      await other.claim();
      const fingerprint = await fingerprintOf(other);
      const strange = (await pinned(other.httpsPort, fingerprint)) ?? '';
      expect(await pinned(app.httpsPort, fingerprint)).toBeUndefined();
      await expect(status({ ca: strange })).rejects.toThrow();
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  it('signs in over https, and the session works there', async () => {
    const tls = { ca: (await pinned(app.httpsPort, await fingerprintOf(app))) ?? '' };
    const { body, headers } = jsonBody({ person: 'Alice', password: goodPassword });
    const answer = await ask({ port: app.httpsPort, method: 'POST', path: '/api/sessions', headers, body, tls });
    const cookie = cookieOf(answer);
    const current = await ask({ port: app.httpsPort, path: '/api/sessions/current', headers: { cookie }, tls });
    expect(current.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('answers what is no HTTP with a problem and closes', async () => {
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connectPlain(app.httpPort, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.once('close', () => resolve(text));
      socket.once('error', reject);
      socket.write('EHLO box\r\n\r\n');
    });
    expect(said).toMatch(/^HTTP\/1.1 400 /);
    expect(said).toContain('"code":"invalid-request"');
  });

  it('has one problem document for all that is refused', async () => {
    for (const [method, path, status, code] of [
      ['GET', '/api/nothing', 404, 'not-found'],
      ['PUT', '/api/uploads', 405, 'method-not-allowed'],
      ['GET', '/api/people', 401, 'unauthenticated'],
      ['GET', `/${'a'.repeat(5000)}`, 400, 'invalid-request'],
    ] as const) {
      const answer = await app.ask(method, path);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.json()).toMatchObject({ type: `urn:nightjar:problem:${code}`, status, code });
      expect(answer.status).toBe(status);
      expect(String(answer.json()['detail'])).toMatch(/\.$/);
    }
    expect((await app.ask('PUT', '/api/uploads')).headers.allow).toBe('OPTIONS, POST');
  });
});

async function fingerprintOf(app: App): Promise<string> {
  const opened = await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'x' });
  return parsePairingLink(String(opened.json()['link']))?.fingerprint ?? '';
}

describe('a certificate of the owner’s own', () => {
  it('serves its names beside the box’s own, which stay as they are', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'nj-gate-'));
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
    const authority = await makeAuthority('a public one', validity);
    const leaf = await issueLeaf(
      authority.intermediate,
      { hosts: ['photos.home.arpa', 'nightjar.local'], addresses: [] },
      validity,
    );
    const [cert, key] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
    await writeFile(cert, leaf.certificate + authority.intermediate.certificate);
    await writeFile(key, leaf.key);
    await using app = await App.start({
      NIGHTJAR_TLS_CERT: cert,
      NIGHTJAR_TLS_KEY: key,
      NIGHTJAR_HOSTS: 'box.home.arpa',
    });
    const status = async (host: string, ca: string) => {
      const question = { port: app.httpsPort, path: '/api/health', headers: { host }, tls: { ca, servername: host } };
      return ask(question).then(
        (answer) => answer.status,
        (error: Error) => error.message,
      );
    };
    const root = await rootPem(app);
    expect(await status('photos.home.arpa', authority.root)).toBe(200);
    expect(await status('photos.home.arpa', root)).not.toBe(200);
    for (const host of ['nightjar.local', 'box.home.arpa', 'localhost'])
      expect(await status(host, root), host).toBe(200);
    expect(await status('elsewhere.home.arpa', authority.root)).not.toBe(200);
    await rm(dir, { recursive: true });
  });
});

async function rootPem(app: App): Promise<string> {
  const { root } = JSON.parse(await readFile(join(app.stateDir, 'tls', 'authority.json'), 'utf8')) as { root: string };
  return root;
}
