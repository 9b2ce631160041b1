/**
 * The box's certificates as OpenSSL and Node judge them: of what it shows, and of what a thief could make. Chromium:
 * test/browser/certificates.test.ts.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, issueLeaf, type KeyAndCertificate, type LeafNames } from '../../src/http/certificates.ts';
import { App } from '../support/app.ts';

const dayMs = 86_400_000;

type Ran = Readonly<{ code: number | null; out: string }>;

function run(command: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 50_000,
      killSignal: 'SIGKILL',
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out }));
  });
}

describe('the box’s certificates', () => {
  let app: App;
  let dir: string;
  let authority: Authority;
  const file = (name: string) => join(dir, name);

  beforeAll(async () => {
    app = await App.startClaimed();
    dir = await mkdtemp(join(tmpdir(), 'nightjar-certificates-'));
    authority = JSON.parse(await readFile(join(app.stateDir, 'tls/authority.json'), 'utf8')) as Authority;
    await writeFile(file('root.pem'), authority.root);
    await writeFile(file('issuer.pem'), authority.intermediate.certificate);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  async function verify(leaf: KeyAndCertificate, ...more: string[]): Promise<Ran> {
    await writeFile(file('leaf.pem'), leaf.certificate);
    const trust = [
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      file('root.pem'),
      '-untrusted',
      file('issuer.pem'),
    ];
    return await run('openssl', ['verify', ...trust, ...more, file('leaf.pem')]);
  }

  it('are a chain that OpenSSL follows to the root that is handed out, by name and by address', async () => {
    for (const [which, how] of [
      ['name-leaf', ['-verify_hostname', 'nightjar.local']],
      ['address-leaf', ['-verify_ip', '127.0.0.1']],
    ] as const) {
      const leaf = JSON.parse(await readFile(join(app.stateDir, 'tls', `${which}.json`), 'utf8')) as KeyAndCertificate;
      expect(await verify(leaf, ...how)).toMatchObject({ code: 0, out: expect.stringContaining('OK') });
    }
    const pem = await fetch(`http://127.0.0.1:${app.httpPort}/nightjar-root.pem`);
    await writeFile(file('given.pem'), await pem.text());
    const at = [
      '-connect',
      `127.0.0.1:${app.httpsPort}`,
      '-CAfile',
      file('given.pem'),
      '-verify_return_error',
      '-showcerts',
    ];
    for (const how of [
      ['-servername', 'nightjar.local', '-verify_hostname', 'nightjar.local'],
      ['-noservername', '-verify_ip', '127.0.0.1'],
    ]) {
      const { code, out } = await run('openssl', ['s_client', ...at, ...how]);
      expect([code, /Verification: OK/.test(out)], out).toEqual([0, true]);
      expect(out.match(/-----BEGIN CERTIFICATE-----/g)).toHaveLength(3);
      expect(out).toMatch(/^ 0 s:.*\n\s+i:.*issuer/m);
      expect(out).toMatch(/^ 2 s:(.*root.*)\n\s+i:\1$/m);
    }
    const wrong = await run('openssl', ['s_client', ...at, '-verify_hostname', 'evil.example']);
    expect(wrong.code).not.toBe(0);
  });

  /** What somebody with the stolen issuer's key would make. */
  const stolen: ReadonlyArray<readonly [what: string, names: LeafNames, verifyAs: readonly string[]]> = [
    ['a public name', { hosts: ['www.example.com'], addresses: [] }, ['-verify_hostname', 'www.example.com']],
    ['a public name beside one of the box', { hosts: ['nightjar.local', 'example.com'], addresses: [] }, []],
    ['every name', { hosts: ['*.com'], addresses: [] }, []],
    ['a public IPv4 address', { hosts: [], addresses: ['8.8.8.8'] }, ['-verify_ip', '8.8.8.8']],
    ['a public IPv6 address', { hosts: [], addresses: ['2606:4700::1111'] }, []],
  ];
  const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 90 * dayMs) };
  const issue = (names: LeafNames) => issueLeaf(authority.intermediate, names, validity);

  it.each(
    stolen,
  )('a certificate for %s by the stolen issuer is worth nothing to OpenSSL and to Node', async (_, names, as) => {
    const leaf = await issue(names);
    const { code, out } = await verify(leaf, ...as);
    expect(code).not.toBe(0);
    expect(out).toMatch(/permitted subtree violation/);
    await using server = await serve(leaf, authority);
    expect(await server.trusted(authority.root, names.hosts[0] ?? '')).toBe('UNSPECIFIED');
  });

  it('the same for a name of the box is good: it is the name that is refused above', async () => {
    const leaf = await issue({ hosts: ['nightjar.local'], addresses: ['192.168.7.1'] });
    expect((await verify(leaf, '-verify_hostname', 'nightjar.local')).code).toBe(0);
    await using server = await serve(leaf, authority);
    expect(await server.trusted(authority.root, 'nightjar.local')).toBe('trusted');
  });

  /** Made by OpenSSL itself with the stolen key, as far as it goes: other kinds of names, other uses, another issuer below. */
  async function signedByOpenSsl(extensions: string): Promise<Ran> {
    await writeFile(file('issuer.key'), authority.intermediate.key);
    await writeFile(file('more.cnf'), extensions);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('x.key')];
    await run('openssl', ['req', '-new', ...key, '-subj', '/CN=x', '-out', file('x.csr')]);
    const signer = ['-CA', file('issuer.pem'), '-CAkey', file('issuer.key'), '-days', '30'];
    const signed = await run('openssl', [
      'x509',
      '-req',
      '-in',
      file('x.csr'),
      ...signer,
      '-extfile',
      file('more.cnf'),
      '-out',
      file('x.pem'),
    ]);
    if (signed.code !== 0) throw new Error(signed.out);
    return signed;
  }

  const chainTo = () => ['-CAfile', file('root.pem'), '-untrusted', file('issuer.pem')];

  it('nor does the stolen issuer sign mail, code or people, or make an issuer below it', async () => {
    const leafUse = 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n';
    for (const [extensions, purpose] of [
      ['extendedKeyUsage=emailProtection\nsubjectAltName=email:someone@example.com\n', 'smimesign'],
      ['extendedKeyUsage=clientAuth\nsubjectAltName=URI:https://example.com/\n', 'sslclient'],
      ['extendedKeyUsage=codeSigning\nsubjectAltName=URI:https://example.com/\n', 'any'],
      ['extendedKeyUsage=timeStamping\nsubjectAltName=email:a@example.com\n', 'timestampsign'],
    ] as const) {
      await signedByOpenSsl(leafUse + extensions);
      const { code, out } = await run('openssl', ['verify', '-purpose', purpose, ...chainTo(), file('x.pem')]);
      // OpenSSL's `any` asks for no use at all: what it lets through must still be no server of any name.
      if (purpose === 'any') {
        const server = await run('openssl', ['verify', '-purpose', 'sslserver', ...chainTo(), file('x.pem')]);
        expect(server.code, server.out).not.toBe(0);
      } else expect([purpose, code === 0], out).toEqual([purpose, false]);
    }
    // Mail and address names beside serverAuth: a name of a kind that is not constrained makes it no server of a host.
    await signedByOpenSsl(
      `${leafUse}extendedKeyUsage=serverAuth\nsubjectAltName=email:a@example.com,URI:https://example.com/\n`,
    );
    const host = await run('openssl', ['verify', '-verify_hostname', 'example.com', ...chainTo(), file('x.pem')]);
    expect(host.out).toMatch(/hostname mismatch/i);
    await signedByOpenSsl('basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n');
    const below = file('below.pem');
    await writeFile(below, await readFile(file('x.pem')));
    await writeFile(file('below.key'), await readFile(file('x.key')));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('y.key')];
    await run('openssl', ['req', '-new', ...key, '-subj', '/CN=y', '-out', file('y.csr')]);
    await writeFile(file('y.cnf'), `${leafUse}extendedKeyUsage=serverAuth\nsubjectAltName=DNS:nightjar.local\n`);
    const signer = ['-CA', below, '-CAkey', file('below.key'), '-days', '30', '-extfile', file('y.cnf')];
    await run('openssl', ['x509', '-req', '-in', file('y.csr'), ...signer, '-out', file('y.pem')]);
    await writeFile(file('both.pem'), `${await readFile(below, 'utf8')}${authority.intermediate.certificate}`);
    const deep = await run('openssl', [
      'verify',
      '-CAfile',
      file('root.pem'),
      '-untrusted',
      file('both.pem'),
      file('y.pem'),
    ]);
    expect(deep.out).toMatch(/path length constraint exceeded/);
  });
});

/** A server of its own with this certificate. */
async function serve(leaf: KeyAndCertificate, { intermediate, root }: Authority) {
  const cert = leaf.certificate + intermediate.certificate + root;
  const server: Server = createServer({ key: leaf.key, cert }, (_, response) => response.end('the page behind it'));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    /** `trusted`, or Node's word for why not. */
    trusted: (ca: string, servername: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca, servername, rejectUnauthorized: false }, () => {
          resolve(socket.authorized ? 'trusted' : String(socket.authorizationError));
          socket.destroy();
        });
        socket.once('error', reject);
      }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
