import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { readPlist } from '../../test/support/plist.ts';
import { makeAuthority } from './certificates.ts';
import { mobileConfig } from './mobileconfig.ts';

const validity = { notBefore: new Date(Date.now() - 1_000), notAfter: new Date(Date.now() + 86_400_000) };
let der: Buffer;
let other: Buffer;

beforeAll(async () => {
  der = await rootOf('nightjar 0a0a0a');
  other = await rootOf('nightjar & <co> 0b0b0b');
});

async function rootOf(label: string): Promise<Buffer> {
  return new X509Certificate((await makeAuthority(label, validity)).root).raw;
}

type Profile = Record<string, string> & { PayloadContent: Array<Record<string, string> & { PayloadContent: Buffer }> };
const read = (root: Buffer) => readPlist(mobileConfig(root)) as unknown as Profile;

test('the profile holds this root certificate, whole, and nothing else', () => {
  const profile = read(der);
  expect(profile).toMatchObject({ PayloadType: 'Configuration', PayloadVersion: 1, PayloadRemovalDisallowed: false });
  expect(profile.PayloadContent).toHaveLength(1);
  const [payload] = profile.PayloadContent;
  expect(payload).toMatchObject({ PayloadType: 'com.apple.security.root', PayloadVersion: 1 });
  expect(payload?.PayloadContent.equals(der)).toBe(true);
  expect(payload?.['PayloadDisplayName']).toBe('Nightjar root nightjar 0a0a0a');
  expect(profile['PayloadDescription']).toContain(createHash('sha256').update(der).digest('hex'));
});

test('its identifiers are UUIDs that follow from the certificate', () => {
  const uuids = (profile: Profile) => [profile, ...profile.PayloadContent].map((one) => String(one['PayloadUUID']));
  expect(mobileConfig(der)).toBe(mobileConfig(Buffer.from(der)));
  const all = [...uuids(read(der)), ...uuids(read(other))];
  expect(new Set(all).size).toBe(4);
  for (const uuid of all) expect(uuid).toMatch(/^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
  const identifiers = (profile: Profile) => [profile, ...profile.PayloadContent].map((one) => one['PayloadIdentifier']);
  expect(new Set([...identifiers(read(der)), ...identifiers(read(other))]).size).toBe(4);
});

test('a name is text in it', () => {
  expect(read(other)['PayloadDisplayName']).toBe('Nightjar root nightjar & <co> 0b0b0b');
});

const python = spawnSync('python3', ['-c', 'import plistlib']).status === 0;
test.skipIf(!python)('another reader of property lists finds the same', () => {
  const code =
    'import plistlib,sys;d=plistlib.loads(sys.stdin.buffer.read());sys.stdout.buffer.write(d["PayloadContent"][0]["PayloadContent"])';
  const { stdout, status } = spawnSync('python3', ['-c', code], { input: mobileConfig(der) });
  expect(status).toBe(0);
  expect(stdout.equals(der)).toBe(true);
});
