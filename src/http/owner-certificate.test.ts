import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from '../platform/log.ts';
import { issueLeaf, makeAuthority } from './certificates.ts';
import { OwnerCertificate } from './owner-certificate.ts';
import { HttpServer } from './server.ts';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };

let dir = '';
let files = { certificate: '', key: '' };
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nj-owner-'));
  files = { certificate: join(dir, 'fullchain.pem'), key: join(dir, 'key.pem') };
});
afterEach(() => rm(dir, { recursive: true }));

/** As a public authority would: a chain for these names. Returns its root. */
async function issue(...hosts: string[]): Promise<string> {
  const authority = await makeAuthority('somebody else', validity);
  const leaf = await issueLeaf(authority.intermediate, { hosts, addresses: [] }, validity);
  await writeFile(files.certificate, leaf.certificate + authority.intermediate.certificate + authority.root);
  await writeFile(`${files.key}.new`, leaf.key);
  await rename(`${files.key}.new`, files.key);
  return authority.root;
}

it('covers its own names and nothing else', async () => {
  await issue('photos.home.arpa', '*.den.internal');
  const owners = await OwnerCertificate.open(files);
  expect(owners.covers('photos.home.arpa')).toBe(true);
  expect(owners.covers('box.den.internal')).toBe(true);
  expect(owners.covers('nightjar.local')).toBe(false);
  expect(owners.covers('a.b.den.internal')).toBe(false);
  expect(owners.contextFor('PHOTOS.home.arpa.')).toBeDefined();
  expect(owners.contextFor('nightjar.local')).toBeUndefined();
  expect(owners.contextFor(undefined)).toBeUndefined();
  expect(owners.validUntil).toBe(Math.trunc(validity.notAfter.getTime() / 1000) * 1000);
});

it('is served for its names, with the box’s own beside it, and renewed while the box runs', async () => {
  const root = await issue('photos.home.arpa');
  const owners = await OwnerCertificate.open(files);
  const box = await makeAuthority('the box', validity);
  const own = await issueLeaf(box.intermediate, { hosts: ['nightjar.local'], addresses: [] }, validity);
  const chain = own.certificate + box.intermediate.certificate;
  const server = new HttpServer({
    routes: [],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => true,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
  const { createSecureContext } = await import('node:tls');
  const fallback = createSecureContext({ key: own.key, cert: chain });
  const port = await server.listenHttps(
    0,
    {
      contextFor: (name) => owners.contextFor(name) ?? fallback,
      defaultKeyAndChain: () => ({ key: own.key, cert: chain }),
    },
    '127.0.0.1',
  );
  const verified = (servername: string, ca: string) =>
    new Promise<true | string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', (error) => resolve(error.message));
    });
  try {
    expect(await verified('photos.home.arpa', root)).toBe(true);
    expect(await verified('nightjar.local', box.root)).toBe(true);
    expect(await verified('photos.home.arpa', box.root)).not.toBe(true);

    const next = await issue('photos.home.arpa');
    expect(await owners.look()).toBe(true);
    expect(await owners.look()).toBe(false);
    expect(await verified('photos.home.arpa', next)).toBe(true);
  } finally {
    await server.close();
  }
});

it('goes on with what it has while the new one cannot be used, and says so once', async () => {
  await issue('photos.home.arpa');
  const owners = await OwnerCertificate.open(files);
  const other = await makeAuthority('another', validity);
  await writeFile(files.certificate, other.root);
  await expect(owners.look()).rejects.toMatchObject({ code: 'invalid-request' });
  expect(await owners.look()).toBe(false);
  expect(owners.covers('photos.home.arpa')).toBe(true);
  await rm(files.key);
  await expect(owners.look()).rejects.toMatchObject({ code: 'invalid-request' });
  expect(await owners.look()).toBe(false);
  await issue('new.home.arpa');
  expect(await owners.look()).toBe(true);
  expect(owners.covers('new.home.arpa')).toBe(true);
});

it.each([
  ['no files', async () => undefined],
  ['what is no certificate', () => writeFile(files.certificate, 'hello')],
  [
    'a key of another certificate',
    async () => {
      await issue('one.home.arpa');
      const other = await makeAuthority('another', validity);
      await writeFile(files.key, other.intermediate.key);
    },
  ],
])('refuses %s, and says which settings', async (_what, prepare) => {
  await prepare();
  await expect(OwnerCertificate.open(files)).rejects.toMatchObject({
    code: 'invalid-request',
    message: expect.stringContaining('NIGHTJAR_TLS_CERT'),
  });
});
