/** What the box helper takes for a request (`system/.../box-helper/request.mts`), and what it makes of names and keys. */
import { expect, it, test } from 'vitest';
import { isPublicKey } from '../../system/usr/lib/nightjar/box-helper/public-key.mts';
import { parseRequest, Refused } from '../../system/usr/lib/nightjar/box-helper/request.mts';
import { Random } from '../../test/support/random.ts';

type Json = Record<string, unknown>;
const key = `ssh-ed25519 ${sshKey('ssh-ed25519')} anna@laptop`;
const good: readonly Json[] = [
  { verb: 'restart' },
  { verb: 'power-off' },
  { verb: 'factory-reset' },
  { verb: 'network', look: true },
  { verb: 'wifi-join', ssid: 'Zuhause 5 GHz', passphrase: 'correct horse "battery" #staple\\', country: 'AT' },
  { verb: 'wifi-join', ssid: 'ü'.repeat(16), passphrase: '', country: '' },
  { verb: 'wifi-forget' },
  { verb: 'ssh-status' },
  { verb: 'ssh', on: true, keys: [key] },
  { verb: 'outbound', ports: [{ protocol: 'tcp', port: 465 }] },
  { verb: 'clock', time: Date.UTC(2027, 1) },
];
const parse = (value: unknown) => parseRequest(typeof value === 'string' ? value : JSON.stringify(value));

/** The first string of SSH in a key says its type (RFC 4253, section 6.6). */
function sshKey(type: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]).toString('base64');
}

it('takes each verb with exactly its members', () => {
  for (const request of good) {
    expect(parse(request)).toEqual(request);
    expect(() => parse({ ...request, force: true }), JSON.stringify(request)).toThrow(Refused);
    for (const member of Object.keys(request)) {
      const { [member]: _gone, ...rest } = request;
      expect(() => parse(rest), `${request['verb']} without ${member}`).toThrow(Refused);
    }
  }
});

const wifi = { verb: 'wifi-join', ssid: 'Net', passphrase: 'password', country: 'AT' };
test.each<[string, Json]>([
  ['no name', { ...wifi, ssid: '' }],
  ['33 octets', { ...wifi, ssid: 'x'.repeat(33) }],
  ['34 octets in 17 letters', { ...wifi, ssid: 'ü'.repeat(17) }],
  ['a line end in the name', { ...wifi, ssid: 'a\nb' }],
  ['half a letter', { ...wifi, ssid: 'a\ud800' }],
  ['7 characters', { ...wifi, passphrase: '1234567' }],
  ['64 characters', { ...wifi, passphrase: 'a'.repeat(64) }],
  ['a line end in the passphrase', { ...wifi, passphrase: 'password\nkey_mgmt=NONE' }],
  ['a tab in it', { ...wifi, passphrase: 'pass\tword' }],
  ['a letter that is no ASCII', { ...wifi, passphrase: 'passwörter' }],
  ['a country of three letters', { ...wifi, country: 'AUT' }],
  ['a country with a line end', { ...wifi, country: 'AT\n' }],
  ['port 0', { verb: 'outbound', ports: [{ protocol: 'tcp', port: 0 }] }],
  ['port 65536', { verb: 'outbound', ports: [{ protocol: 'tcp', port: 65_536 }] }],
  ['a protocol of another kind', { verb: 'outbound', ports: [{ protocol: 'tcp } ; flush ruleset', port: 1 }] }],
  ['33 ports', { verb: 'outbound', ports: Array.from({ length: 33 }, () => ({ protocol: 'tcp', port: 1 })) }],
  ['a time before 1970', { verb: 'clock', time: -1 }],
  ['a time far off', { verb: 'clock', time: Date.UTC(2101, 0) }],
  ['options before a key', { verb: 'ssh', on: true, keys: [`command="sh" ${key}`] }],
  ['two keys in a line', { verb: 'ssh', on: true, keys: [`${key}\n${key}`] }],
  ['a key that says another type', { verb: 'ssh', on: true, keys: [`ssh-ed25519 ${sshKey('ssh-rsa')}`] }],
  ['nine keys', { verb: 'ssh', on: true, keys: Array.from({ length: 9 }, () => key) }],
])('refuses %s, and does not repeat it', (_, request) => {
  expect(() => parse(request)).toThrow('This is no request that the box helper knows. Nothing was done.');
});

it('knows keys as ssh writes them', () => {
  for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'sk-ssh-ed25519@openssh.com', 'ssh-rsa'])
    expect(isPublicKey(`${type} ${sshKey(type)}`), type).toBe(true);
  expect(isPublicKey(`${key}\u001b[2J`)).toBe(false);
  expect(isPublicKey(`ssh-dss ${sshKey('ssh-dss')}`)).toBe(false);
});

const nasty = ['', '/', '../..', '\n', '\0', '}', '$(reboot)', -1, 1.5, 1e308, null, true, [], {}, ['a'], '__proto__'];

it('lets nothing through that is out of bounds, in 6000 mutated requests', () => {
  const random = new Random(20_261_122);
  let taken = 0;
  for (let round = 0; round < 6_000; round++) {
    const request = structuredClone(good[random.whole(0, good.length - 1)] ?? {});
    for (let times = random.whole(0, 2); times > 0; times--) mutate(request, random);
    let line = JSON.stringify(request);
    if (random.chance(0.2))
      line = line.slice(0, random.whole(0, line.length)) + line.slice(random.whole(0, line.length));
    let read: Json;
    try {
      read = parse(line) as unknown as Json;
    } catch (error) {
      expect(error).toBeInstanceOf(Refused);
      continue;
    }
    taken++;
    expect(isWithin(read), line).toBe(true);
  }
  expect(taken).toBeGreaterThan(1_000);
  expect(taken).toBeLessThan(5_000);
});

function mutate(request: Json, random: Random): void {
  const names = Object.keys(request);
  const name = names[random.whole(0, names.length - 1)] ?? 'verb';
  const other = good[random.whole(0, good.length - 1)] ?? {};
  const kind = random.next();
  const bad = structuredClone(nasty[random.whole(0, nasty.length - 1)]);
  if (kind < 0.3) request[name] = bad;
  else if (kind < 0.4) delete request[name];
  else if (kind < 0.55) request[String(bad)] = bad;
  else if (kind < 0.75) Object.assign(request, other);
  else if (typeof request[name] === 'string') request[name] = `${request[name]}${bad}`;
  else if (Array.isArray(request[name])) (request[name] as unknown[]).push(bad);
}

/** Said here once more, in other words than the helper's own. */
function isWithin(request: Json): boolean {
  const members: Readonly<Record<string, readonly string[]>> = {
    network: ['look'],
    'wifi-join': ['ssid', 'passphrase', 'country'],
    ssh: ['on', 'keys'],
    outbound: ['ports'],
    clock: ['time'],
  };
  const { verb, ...rest } = request;
  if (Object.keys(rest).sort().join() !== [...(members[String(verb)] ?? [])].sort().join()) return false;
  const texts = [rest['ssid'], rest['passphrase'], rest['country']].filter((one) => one !== undefined);
  if (texts.some((one) => typeof one !== 'string' || [...one].some((letter) => letter < ' '))) return false;
  const ports = (rest['ports'] ?? []) as { protocol: string; port: number }[];
  const keys = (rest['keys'] ?? []) as string[];
  return (
    ports.every(({ protocol, port }) => /^(tcp|udp)$/.test(protocol) && Number.isInteger(port) && port > 0) &&
    keys.every((line) => /^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [ -~]+)?$/.test(line))
  );
}
