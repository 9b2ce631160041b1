import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import { implement } from './contract.ts';
import { BoxIdentity } from './identity.ts';
import { HttpServer } from './server.ts';
import { hasAesInstructions, tlsSettings } from './tls-settings.ts';

let dir: string;
let server: HttpServer;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-tls-'));
  server = new HttpServer({
    routes: [
      implement(
        { one: { method: 'GET', path: '/', access: 'public', summary: 'x', status: 200, reply: Type.Object({}) } },
        { one: async () => ({}) },
      ),
    ],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
});
afterEach(async () => {
  await server.close();
  await rm(dir, { recursive: true });
});

async function listen(aesInstructions: boolean): Promise<number> {
  const settings = tlsSettings(aesInstructions);
  const identity = await BoxIdentity.open({ stateDir: dir, name: 'nightjar', addresses: [], now: Date.now, settings });
  return await server.listenHttps(0, identity);
}

/** What `openssl s_client` says it was given: `protocol cipher`, or `none`. */
async function chosen(port: number, ...more: string[]): Promise<string> {
  const args = ['s_client', '-connect', `127.0.0.1:${port}`, ...more];
  const child = spawn('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  const [, protocol, cipher] = /New, (TLSv1\.\d), Cipher is (\S+)/.exec(text) ?? [];
  return protocol === undefined ? 'none' : `${protocol} ${cipher}`;
}

// What most clients offer: AES first.
const tls13 = ['-ciphersuites', 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256'];
const tls12 = [
  '-tls1_2',
  '-cipher',
  'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305',
];
const byName = ['-servername', 'nightjar.local'];

test('without AES instructions ChaCha20 is chosen whatever the client would rather have, by name and by address', async () => {
  const port = await listen(false);
  for (const how of [[], byName]) {
    expect(await chosen(port, ...tls13, ...how)).toBe('TLSv1.3 TLS_CHACHA20_POLY1305_SHA256');
    expect(await chosen(port, ...tls12, ...how)).toBe('TLSv1.2 ECDHE-ECDSA-CHACHA20-POLY1305');
  }
  expect(await chosen(port, '-ciphersuites', 'TLS_AES_256_GCM_SHA384')).toBe('TLSv1.3 TLS_AES_256_GCM_SHA384');
});

test('with them AES is, but for a client that puts ChaCha20 first', async () => {
  const port = await listen(true);
  const chaChaFirst = ['-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'];
  for (const how of [[], byName]) {
    expect(await chosen(port, ...tls13, ...how)).toBe('TLSv1.3 TLS_AES_128_GCM_SHA256');
    expect(await chosen(port, ...tls12, ...how)).toBe('TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256');
    expect(await chosen(port, ...chaChaFirst, ...how)).toBe('TLSv1.3 TLS_CHACHA20_POLY1305_SHA256');
  }
});

const weak = [
  'AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'kRSA:@SECLEVEL=0',
  'aNULL:eNULL:@SECLEVEL=0',
].map((cipher) => ['-tls1_2', '-cipher', cipher]);

test('nothing older than TLS 1.2, nothing without forward secrecy, no block modes, no weak suites', async () => {
  const port = await listen(true);
  const old = ['-cipher', 'ALL:@SECLEVEL=0'];
  for (const how of [['-tls1', ...old], ['-tls1_1', ...old], ...weak]) {
    expect(await chosen(port, ...how), how.join(' ')).toBe('none');
    expect(await chosen(port, ...how, ...byName), how.join(' ')).toBe('none');
  }
});
test.each([
  ['flags\t\t: fpu vme sse2 pclmulqdq aes xsave\nflags\t\t: fpu aes', true],
  ['Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid', true],
  // A Raspberry Pi 4: no AES, no SHA.
  ['processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nModel\t\t: Raspberry Pi 4 Model B Rev 1.1\n', false],
  ['flags\t: aes\nflags\t: sse2', false],
  ['flags\t: vaes aesx', false],
  ['model name\t: aes', false],
  ['', false],
])('%j: AES instructions are %s', (cpuinfo, expected) => {
  expect(hasAesInstructions(cpuinfo)).toBe(expected);
});
