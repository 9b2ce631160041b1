import { createHash, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type DetailedPeerCertificate, type SecureContext, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Authority, issueLeaf, type KeyAndCertificate } from './certificates.ts';
import { BoxIdentity, type IdentityNames, type LeafRenewal } from './identity.ts';

const dayMs = 86_400_000;
const november = Date.parse('2026-11-21T12:00:00Z');
const home = { name: 'nightjar', addresses: ['192.168.7.20', 'fd00::7'] };
let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'nightjar-identity-'));
});
afterEach(() => rm(stateDir, { recursive: true }));

function open(names: IdentityNames = home, now = november): Promise<BoxIdentity> {
  return BoxIdentity.open({ stateDir, ...names, now: () => now });
}

async function readJson<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(stateDir, 'tls', name), 'utf8')) as T;
}

type Seen = { authorized: boolean; reason: string; chain: string[]; alternatives: string; protocol: string | null };

/** A real handshake against `identity` by a client that trusts `ca` alone. */
async function handshake(
  server: { key: string; cert: string; contextFor?: (servername: string) => SecureContext },
  client: { ca: string; servername?: string; maxVersion?: 'TLSv1.1' },
): Promise<Seen> {
  const listening = createServer({
    key: server.key,
    cert: server.cert,
    minVersion: 'TLSv1.2',
    SNICallback: (servername, done) => done(null, server.contextFor?.(servername)),
  });
  listening.on('secureConnection', (socket) => socket.on('error', () => undefined));
  listening.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const port = (listening.address() as AddressInfo).port;
  try {
    return await new Promise<Seen>((resolve, reject) => {
      const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...client }, () => {
        const chain: string[] = [];
        let at: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
        const alternatives = at.subjectaltname ?? '';
        for (
          ;
          at !== undefined && chain.length < 9;
          at = at.issuerCertificate === at ? undefined : at.issuerCertificate
        ) {
          chain.push(createHash('sha256').update(at.raw).digest('hex'));
        }
        const reason = String(socket.authorizationError ?? '');
        resolve({ authorized: socket.authorized, reason, chain, alternatives, protocol: socket.getProtocol() });
        socket.destroy();
      });
      socket.on('error', reject);
    });
  } finally {
    listening.close();
  }
}

function serving(identity: BoxIdentity) {
  return { ...identity.defaultKeyAndChain(), contextFor: (servername: string) => identity.contextFor(servername) };
}

test('a client that pins the root is let in by the .local name', async () => {
  const identity = await open();
  const seen = await handshake(serving(identity), { ca: identity.rootPem, servername: 'nightjar.local' });
  expect(seen).toMatchObject({ authorized: true, reason: '', alternatives: 'DNS:nightjar.local' });
  expect(seen.chain).toHaveLength(3);
  expect(seen.chain[2]).toBe(identity.fingerprint);
});

test('and by the address, without a server name', async () => {
  const identity = await open();
  const seen = await handshake(serving(identity), { ca: identity.rootPem });
  expect(seen).toMatchObject({ authorized: true, reason: '' });
  expect(seen.alternatives).toContain('IP Address:192.168.7.20');
  expect(seen.alternatives).toContain('IP Address:127.0.0.1');
  expect(seen.alternatives).toContain('DNS:localhost');
  expect(seen.alternatives).not.toContain('nightjar.local');
  expect(seen.chain[2]).toBe(identity.fingerprint);
});

test('the root of another box is not trusted', async () => {
  const identity = await open();
  const elsewhere = await mkdtemp(join(tmpdir(), 'nightjar-identity-'));
  const other = await BoxIdentity.open({ stateDir: elsewhere, ...home, now: () => november });
  await rm(elsewhere, { recursive: true });
  expect(other.fingerprint).not.toBe(identity.fingerprint);
  const seen = await handshake(serving(identity), { ca: other.rootPem, servername: 'nightjar.local' });
  expect(seen.authorized).toBe(false);
});

test.each([
  { hosts: ['example.com'], addresses: [] },
  { hosts: ['notlocal'], addresses: [] },
  { hosts: ['nightjar.local'], addresses: ['8.8.8.8'] },
  { hosts: ['nightjar.local'], addresses: ['2001:db8::1'] },
])('a certificate of the issuer for $hosts $addresses is worth nothing', async (names) => {
  const identity = await open();
  const authority = await readJson<Authority>('authority.json');
  const validity = { notBefore: new Date(november - dayMs), notAfter: new Date(november + 400 * dayMs) };
  const leaf = await issueLeaf(authority.intermediate, names, validity);
  const cert = leaf.certificate + authority.intermediate.certificate + authority.root;
  const seen = await handshake({ key: leaf.key, cert }, { ca: identity.rootPem, servername: names.hosts[0] ?? '' });
  // Node's word for OpenSSL's "permitted subtree violation"; an untrusted or expired chain has words of its own.
  expect(seen).toMatchObject({ authorized: false, reason: 'UNSPECIFIED' });
});

test.each([
  ['nightjar.local', '10.1.2.3'],
  ['box.home.arpa', '172.31.255.254'],
  ['a.b.internal', '169.254.9.9'],
  ['localhost', '100.127.0.1'],
  ['nightjar.local', 'fe80::1'],
  ['nightjar.local', 'fdff::1'],
])('a certificate for %s and %s is inside the constraints', async (host, address) => {
  const identity = await open();
  const authority = await readJson<Authority>('authority.json');
  const validity = { notBefore: new Date(november - dayMs), notAfter: new Date(november + 400 * dayMs) };
  const leaf = await issueLeaf(authority.intermediate, { hosts: [host], addresses: [address] }, validity);
  const cert = leaf.certificate + authority.intermediate.certificate + authority.root;
  const seen = await handshake({ key: leaf.key, cert }, { ca: identity.rootPem, servername: host });
  expect(seen).toMatchObject({ authorized: true, reason: '' });
});

test('reopening changes nothing', async () => {
  const first = await open();
  const files = await readdir(join(stateDir, 'tls'));
  const before = await Promise.all(files.map((name) => readFile(join(stateDir, 'tls', name))));
  const second = await open(home, november + 300 * dayMs);
  expect(second.fingerprint).toBe(first.fingerprint);
  expect(await readdir(join(stateDir, 'tls'))).toEqual(files);
  expect(await Promise.all(files.map((name) => readFile(join(stateDir, 'tls', name))))).toEqual(before);
  expect(files.sort()).toEqual(['address-leaf.json', 'authority.json', 'name-leaf.json']);
  for (const name of files) expect((await stat(join(stateDir, 'tls', name))).mode & 0o777).toBe(0o600);
});

test('other addresses renew the address leaf and leave the name leaf byte for byte; a rename does the reverse', async () => {
  const identity = await open();
  const read = (name: string) => readFile(join(stateDir, 'tls', name), 'utf8');
  const [name, address] = [await read('name-leaf.json'), await read('address-leaf.json')];
  await identity.update({ ...home, addresses: ['10.0.0.9'] });
  expect(await read('name-leaf.json')).toBe(name);
  expect(await read('address-leaf.json')).not.toBe(address);
  const seen = await handshake(serving(identity), { ca: identity.rootPem });
  expect(seen.alternatives).toContain('10.0.0.9');
  expect(seen.alternatives).not.toContain('192.168.7.20');

  const moved = await read('address-leaf.json');
  await identity.update({ ...home, name: 'owl', addresses: ['10.0.0.9'] });
  expect(await read('address-leaf.json')).toBe(moved);
  const renamed = await handshake(serving(identity), { ca: identity.rootPem, servername: 'owl.local' });
  expect(renamed).toMatchObject({ authorized: true, alternatives: 'DNS:owl.local' });
});

test('the order of addresses does not matter, and public ones and names are left out', async () => {
  await open();
  const before = await readFile(join(stateDir, 'tls', 'address-leaf.json'), 'utf8');
  const identity = await open({ ...home, addresses: ['FD00::7', '2001:db8::5', '192.168.7.20', '9.9.9.9'] });
  expect(await readFile(join(stateDir, 'tls', 'address-leaf.json'), 'utf8')).toBe(before);
  await identity.update({ ...home, hosts: ['photos.example.com', 'box.home.arpa'] });
  const seen = await handshake(serving(identity), { ca: identity.rootPem, servername: 'box.home.arpa' });
  expect(seen).toMatchObject({ authorized: true, alternatives: 'DNS:nightjar.local, DNS:box.home.arpa' });
});

test.each([
  ['a clock that is years behind', Date.parse('1970-01-01T00:00:00Z')],
  ['the build date', november],
  ['a clock two years on', november + 730 * dayMs],
  ['a clock ten years on', november + 3650 * dayMs],
])('leaves made at %s are good for at least 200 and at most 825 days', async (_, now) => {
  const identity = await open(home, now);
  const leaf = new X509Certificate(identity.defaultKeyAndChain().cert);
  const [from, to] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  expect(to - from).toBeLessThanOrEqual(825 * dayMs);
  expect(from).toBeLessThanOrEqual(Math.max(now, Date.parse('2026-11-01T00:00:00Z')));
  expect(to - Math.max(now, november)).toBeGreaterThanOrEqual(199 * dayMs);
});

test('a leaf is renewed within 30 days of its end, and when the clock turns out to be earlier', async () => {
  const serial = async (now: number) =>
    new X509Certificate((await open(home, now)).defaultKeyAndChain().cert).serialNumber;
  const first = await serial(november);
  const end = new X509Certificate(
    (await readJson<KeyAndCertificate>('address-leaf.json')).certificate,
  ).validToDate.getTime();
  expect(await serial(end - 31 * dayMs)).toBe(first);
  const renewed = await serial(end - 29 * dayMs);
  expect(renewed).not.toBe(first);
  expect(await serial(november)).not.toBe(renewed);
});

test('five years, day by day: one renewal each in its time, told once, and no clock that goes back a little changes it', async () => {
  const told: LeafRenewal[] = [];
  let now = november;
  const identity = await BoxIdentity.open({
    stateDir,
    ...home,
    now: () => now,
    onLeafRenewed: (renewal) => void told.push(renewal),
  });
  const nameLeaf = () => readFile(join(stateDir, 'tls', 'name-leaf.json'), 'utf8');
  const renewals: number[] = [];
  let before = await nameLeaf();
  for (let day = 1; day <= 5 * 365; day++) {
    now = november + day * dayMs;
    // Every tenth day the clock is behind by up to three weeks for a while, and once a quarter it starts in 1970.
    const behind = day % 91 === 0 && day < 600 ? 0 : now - (day % 10 === 0 ? (day % 21) * dayMs : 0);
    const due = identity.nameLeafRenewsAt;
    for (const at of [behind, now]) {
      const clock = now;
      now = at;
      await identity.update(home);
      now = clock;
    }
    const after = await nameLeaf();
    const renewed = after !== before;
    expect(renewed, `day ${day}`).toBe(now >= due);
    if (renewed) renewals.push(day);
    before = after;
    const leaf = new X509Certificate((JSON.parse(after) as KeyAndCertificate).certificate);
    expect(leaf.validFromDate.getTime(), `day ${day}`).toBeLessThanOrEqual(now);
    expect(leaf.validToDate.getTime() - now, `day ${day}`).toBeGreaterThan(29 * dayMs);
  }
  expect(renewals.length).toBeGreaterThanOrEqual(2);
  expect(told.filter(({ which }) => which === 'name-leaf')).toEqual(
    renewals.map(() => ({ which: 'name-leaf', why: 'expiry' })),
  );
}, 180_000);

test('why another leaf came is told, and of the first one nothing', async () => {
  const told: LeafRenewal[] = [];
  const at = (names: IdentityNames, now: number) =>
    BoxIdentity.open({ stateDir, ...names, now: () => now, onLeafRenewed: (renewal) => void told.push(renewal) });
  await at(home, november);
  expect(told).toEqual([]);
  await at({ ...home, name: 'owl' }, november);
  expect(told.splice(0)).toEqual([{ which: 'name-leaf', why: 'names' }]);
  await at({ ...home, name: 'owl', addresses: ['10.0.0.9'] }, november);
  expect(told.splice(0)).toEqual([{ which: 'address-leaf', why: 'names' }]);
  await at({ ...home, name: 'owl', addresses: ['10.0.0.9'] }, november + 4_000 * dayMs);
  expect(told.splice(0).map(({ why }) => why)).toEqual(['expiry', 'expiry']);
  await at({ ...home, name: 'owl', addresses: ['10.0.0.9'] }, november);
  expect(told.splice(0).map(({ why }) => why)).toEqual(['clock', 'clock']);
  await writeFile(join(stateDir, 'tls', 'name-leaf.json'), '{');
  await at({ ...home, name: 'owl', addresses: ['10.0.0.9'] }, november);
  expect(told).toEqual([{ which: 'name-leaf', why: 'damaged' }]);
});

test('damaged leaves are made anew; a damaged root stops the start and stays as it is', async () => {
  const { fingerprint } = await open();
  await writeFile(join(stateDir, 'tls', 'name-leaf.json'), '{"hosts":');
  const { key } = await readJson<KeyAndCertificate>('name-leaf.json').catch(() => ({ key: 'none' }));
  expect(key).toBe('none');
  const again = await open();
  expect(again.fingerprint).toBe(fingerprint);
  expect(await handshake(serving(again), { ca: again.rootPem, servername: 'nightjar.local' })).toMatchObject({
    authorized: true,
  });

  await writeFile(join(stateDir, 'tls', 'authority.json'), 'x');
  await chmod(join(stateDir, 'tls', 'authority.json'), 0o600);
  await expect(open()).rejects.toMatchObject({ code: 'internal' });
  expect(await readFile(join(stateDir, 'tls', 'authority.json'), 'utf8')).toBe('x');
});

test('leaves of another issuer (an authority that came from elsewhere) are made anew', async () => {
  await open();
  await rm(join(stateDir, 'tls', 'authority.json'));
  const identity = await open();
  const seen = await handshake(serving(identity), { ca: identity.rootPem, servername: 'nightjar.local' });
  expect(seen.authorized).toBe(true);
});

test('nothing older than TLS 1.2 is spoken', async () => {
  const identity = await open();
  await expect(handshake(serving(identity), { ca: identity.rootPem, maxVersion: 'TLSv1.1' })).rejects.toThrow();
});

test('the root key is nowhere in the state folder', async () => {
  await open();
  const { root, intermediate } = await readJson<Authority>('authority.json');
  const text = await readFile(join(stateDir, 'tls', 'authority.json'), 'utf8');
  expect(text.match(/PRIVATE KEY-----\\n/g)).toHaveLength(2); // the begin and end of one key: the issuer's
  expect(new X509Certificate(root).ca).toBe(true);
  expect(new X509Certificate(intermediate.certificate).ca).toBe(true);
});
