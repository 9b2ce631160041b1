/** nightjar.txt as the device takes it (`system/usr/lib/nightjar/boot-file`): the real program, on folders in the place of / and of the partition. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withNetwork } from '../../system/usr/lib/nightjar/box-helper/wifi-config.mts';

const program = new URL('../../system/usr/lib/nightjar/boot-file/main.mts', import.meta.url).pathname;
const resetProgram = new URL('../../system/usr/lib/nightjar/factory-reset', import.meta.url).pathname;
const run = promisify(execFile);
const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q me@laptop';
const secrets = ['JADE-OTTER-93-LAMP', 'correct horse battery'];
let root: string;
let boot: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nightjar-txt-'));
  boot = join(root, 'bootsel');
  await mkdir(boot);
  await put('/usr/share/zoneinfo/Europe/Vienna', '');
  await mkdir(join(root, 'usr/lib/nightjar'), { recursive: true });
  await symlink(resetProgram, join(root, 'usr/lib/nightjar/factory-reset'));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
const get = (path: string) => readFile(join(root, path), 'utf8');
const has = (path: string) =>
  stat(join(root, path)).then(
    () => true,
    () => false,
  );
const file = () => get('/bootsel/nightjar.txt');

/** What it said, and its exit status. */
async function perform(verb: 'take' | 'give-back'): Promise<{ said: string; status: number }> {
  const args = ['--root', root, '--folder', boot, verb];
  const ended = await run(process.execPath, [program, ...args]).catch(
    (error: { stdout: string; stderr: string; code: number }) => error,
  );
  const said = ended.stdout + ended.stderr;
  for (const secret of secrets) expect(said).not.toContain(secret);
  return { said, status: 'code' in ended ? ended.code : 0 };
}

const lines = [
  '# A comment: with a colon',
  'Name: Attic',
  `setup-code: ${secrets[0]}`,
  'wifi-name: Café 5',
  `wifi-password : ${secrets[1]}  `,
  'country: at',
  'time-zone: Europe/Vienna',
  `ssh-key: ${key}`,
  'reset-password: Alice',
];

test.each([
  ['as an editor of Linux writes it', '\n', 'utf8', ''],
  ['as an old one of Windows does', '\r\n', 'utf16le', '\uFEFF'],
  ['with a mark at its beginning', '\r\n', 'utf8', '\uFEFF'],
  ['as one of Windows does that calls it ANSI', '\r\n', 'latin1', ''],
] as const)('what it says is done and its secrets are overwritten, %s', async (_how, end, encoding, mark) => {
  const written = Buffer.from(mark + lines.join(end), encoding);
  await put('/bootsel/nightjar.txt', written);
  const before = new Date();
  expect((await perform('take')).status).toBe(0);

  expect(await get('/run/nightjar-box/daemon.env')).toBe(
    `NIGHTJAR_NAME=attic\nTZ=Europe/Vienna\nNIGHTJAR_SETUP_CODE="${secrets[0]}"\n`,
  );
  const wanted = { ssid: 'Café 5', passphrase: secrets[1] ?? '', country: 'AT' };
  expect(await get('/var/lib/nightjar-box/wpa_supplicant.conf')).toBe(withNetwork('', wanted));
  expect(await get('/var/lib/nightjar-box/ssh/authorized_keys')).toBe(`${key}\n`);

  const after = await readFile(join(boot, 'nightjar.txt'));
  expect(after.length).toBe(written.length);
  const text = after.toString(encoding);
  for (const secret of secrets) expect(text).not.toContain(secret);
  const days = [before, new Date()].map((at) => at.toISOString().slice(0, 10));
  const today = days.find((day) => text.includes(`taken ${day}`));
  expect(text.split(end).map((line) => line.trimEnd())).toEqual([
    ...[`${mark}# A comment: with a colon`, 'Name: Attic', `setup-code: taken ${today}`, 'wifi-name: Café 5'],
    ...[`wifi-password : taken ${today}`, 'country: at', 'time-zone: Europe/Vienna', `ssh-key: taken ${today}`],
    'reset-password: Alice',
  ]);
  expect(await get('/run/nightjar/boot/nightjar.txt')).toBe(text);

  // The next boot: what was taken stays as it is, also what was changed elsewhere since.
  await put('/var/lib/nightjar-box/wpa_supplicant.conf', 'another\n');
  await rm(join(root, 'var/lib/nightjar-box/ssh/authorized_keys'));
  expect((await perform('take')).status).toBe(0);
  expect(await get('/var/lib/nightjar-box/wpa_supplicant.conf')).toBe('another\n');
  expect(await has('/var/lib/nightjar-box/ssh/authorized_keys')).toBe(false);
  expect(await get('/run/nightjar-box/daemon.env')).toContain(`NIGHTJAR_SETUP_CODE="${secrets[0]}"`);
});

test('what the daemon did of its line is written back, and nothing else that it changed', async () => {
  await put('/bootsel/nightjar.txt', 'name: attic\nreset-password: Alice\n# the end\n');
  await perform('take');
  const done = 'name: attic\n# reset-password: Alice was done. Type the code ABCD at /join\n# the end\n';
  await put('/run/nightjar/boot/nightjar.txt', done);
  expect((await perform('give-back')).status).toBe(0);
  expect(await file()).toBe(done);

  for (const more of [
    `${done}ssh-key: ${key}\n`,
    done.replace('name: attic', `ssh-key: ${key}`),
    done.replace('# the end', 'factory-reset: yes'),
    '',
  ]) {
    await put('/run/nightjar/boot/nightjar.txt', more);
    expect((await perform('give-back')).said).toContain('nothing was written back');
    expect(await file()).toBe(done);
  }
  await rm(join(root, 'run/nightjar/boot/nightjar.txt'));
  await symlink(join(root, 'usr/share/zoneinfo/Europe/Vienna'), join(root, 'run/nightjar/boot/nightjar.txt'));
  await perform('give-back').catch(() => undefined);
  expect(await file()).toBe(done);
});

test('a factory reset empties the state, keeps machine and versions, and is done once', async () => {
  await put('/bootsel/nightjar.txt', 'factory-reset: yes\nwifi-name: home\nwifi-password: 12345678\n');
  for (const path of [
    'nightjar/nightjar.sqlite',
    'nightjar/copies/one',
    'nightjar-box/setup-code',
    'nightjar-box/ssh/authorized_keys',
  ])
    await put(`/var/lib/${path}`, 'x');
  await put('/var/lib/nightjar-box/machine-id', 'id');
  await put('/var/lib/nightjar-box/slots/A', 'good');
  await put('/var/log/nightjar/warnings.log', 'x');
  expect((await perform('take')).status).toBe(0);
  expect(await readdir(join(root, 'var/lib/nightjar'))).toEqual([]);
  expect((await readdir(join(root, 'var/lib/nightjar-box'))).sort()).toEqual([
    'machine-id',
    'reset-done',
    'slots',
    'wpa_supplicant.conf',
  ]);
  expect(await has('/var/log/nightjar/warnings.log')).toBe(false);
  expect(await file()).toContain('factory-reset: no \n');
  await put('/var/lib/nightjar/nightjar.sqlite', 'x');
  expect((await perform('take')).status).toBe(0);
  expect(await has('/var/lib/nightjar/nightjar.sqlite')).toBe(true);
});

test('a factory reset is done once, also where nightjar.txt cannot be told so', async () => {
  const order = 'factory-reset: yes\n';
  await put('/bootsel/nightjar.txt', order);
  expect((await perform('take')).status).toBe(0);
  // As a card at its end has it: what was written there is not there at the next start.
  await put('/bootsel/nightjar.txt', order);
  await put('/var/lib/nightjar/nightjar.sqlite', 'x');
  expect((await perform('take')).said).toContain('was done at an earlier start');
  expect(await has('/var/lib/nightjar/nightjar.sqlite')).toBe(true);
  // Somebody who wants another one writes a file.
  await put('/bootsel/nightjar.txt', `# once more\n${order}`);
  expect((await perform('take')).said).toContain('nightjar.txt asked for it');
  expect(await has('/var/lib/nightjar/nightjar.sqlite')).toBe(false);
});

test('a Wi-Fi key in hexadecimal is taken as it is; a network without any is said to be left', async () => {
  const psk = 'ab'.repeat(32);
  await put('/bootsel/nightjar.txt', `wifi-name: home\nwifi-password: ${psk.toUpperCase()}\ncountry: UK\n`);
  await perform('take');
  expect(await get('/var/lib/nightjar-box/wpa_supplicant.conf')).toContain('country=GB\n');
  expect(await get('/var/lib/nightjar-box/wpa_supplicant.conf')).toContain(
    `\tpsk=${psk}\n\tkey_mgmt=WPA-PSK WPA-PSK-SHA256\n`,
  );
  await put('/bootsel/nightjar.txt', 'wifi-name: open\n');
  expect((await perform('take')).said).toContain('wifi-name has no wifi-password');
  // For whoever stands before its screen and wonders why it does not join.
  expect(await get('/run/nightjar-box/boot-notes')).toMatch(/^wifi-name has no wifi-password: .*\n$/);
});

test.each([
  ['nothing', undefined],
  ['an empty file', ''],
  ['a picture', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a])],
  ['half of a UTF-16 character', Buffer.from([0xff, 0xfe, 0x41])],
  ['zeros', Buffer.alloc(4_096)],
  ['thousands of lines', 'name: a\n'.repeat(1_900)],
  [
    'a wild file',
    'name: ../../etc\ntime-zone: ../../../etc/passwd\nsetup-code: short\nwifi-name: x\nwifi-password: with\u0007bell1\n',
  ],
  ['options before a key', 'ssh-key: command="/bin/sh" ssh-ed25519 AAAA\nsetup-code: A"\nNIGHTJAR=1\n: :\nname:\n'],
])('%s is harmless, and stays as it is', async (_what, bytes) => {
  if (bytes !== undefined) await put('/bootsel/nightjar.txt', bytes);
  expect((await perform('take')).status).toBe(0);
  expect(await get('/run/nightjar-box/daemon.env')).toBe('');
  expect(await has('/var/lib/nightjar-box')).toBe(false);
  if (bytes !== undefined) expect((await readFile(join(boot, 'nightjar.txt'))).equals(Buffer.from(bytes))).toBe(true);
});

test('a file that is huge, or a folder in its place, is left', async () => {
  await put('/bootsel/nightjar.txt', 'name: attic\n');
  await truncate(join(boot, 'nightjar.txt'), 64 * 1024 * 1024);
  expect((await perform('take')).status).toBe(0);
  await rm(join(boot, 'nightjar.txt'));
  await mkdir(join(boot, 'nightjar.txt'));
  expect((await perform('take')).status).toBe(0);
  expect(await get('/run/nightjar-box/daemon.env')).toBe('');
});
