/** People open their own photos from a computer: the whole box, Debian's smbd, and smbclient as that computer. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runConsole } from '../../src/console/commands.ts';
import { App } from '../support/app.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { freePort } from '../support/free-port.ts';

const photo = exifJpeg({ seed: 41, bytes: 300_000, takenLocal: '2025-06-01T10:00:00' });
const bobs = exifJpeg({ seed: 42, bytes: 5_000, takenLocal: '2025-06-01T10:00:00' });
const within = { timeout: 15_000, interval: 100 };
/** Only root may mount. */
const isRoot = process.getuid?.() === 0;

let app: App;
let callers: Callers;
let port = 0;
/** What stands behind the disk's folder, where that is mounted. */
let backing = '';
const passwords: Record<string, string> = {};

beforeAll(async () => {
  port = await freePort();
  app = await App.start({ NIGHTJAR_SHARE_PORT: String(port) });
  backing = app.diskDir;
  if (isRoot) {
    backing = join(app.dir, 'backing');
    mkdirSync(backing);
    mount();
  }
  await app.claim();
  callers = await Callers.make(app);
  const phone = await app.pair('Alice', 'Alice-Phone');
  await phone.send('DCIM/photo.jpg', photo);
  await phone.send('Documents/notes.txt', Buffer.from('not a photo'));
  await callers.phones.member.send('DCIM/bobs.jpg', bobs);
  const folder = join(app.diskDir, 'Photos/Alice');
  symlinkSync('/etc/passwd', join(folder, 'out'));
  symlinkSync(join(app.diskDir, 'Photos/Bob'), join(folder, 'bob'));
  writeFileSync(join(folder, 'a:b?.txt'), 'as another computer named it');
});
afterAll(async () => {
  callers.close();
  await app.stop();
  if (isRoot && isMounted()) execFileSync('umount', [app.diskDir]);
  await app[Symbol.asyncDispose]();
});

const mount = () => execFileSync('mount', ['--bind', backing, app.diskDir]);
const isMounted = () => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${app.diskDir} `);

function as(person: string) {
  return headersOf(callers.session(person, { confirmed: true }));
}

async function view(person = 'Alice') {
  return (await app.ask('GET', '/api/share', as(person))).json();
}

async function makePassword(person: string): Promise<void> {
  const { status, text, json } = await app.ask('POST', '/api/share/password', as(person));
  expect(status, text).toBe(201);
  passwords[person] = String(json()['password']);
  expect(passwords[person]).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){4}[0-9a-hjkmnp-tv-z]{4}$/);
  await expect.poll(async () => (await view()).state, within).toBe('serving');
}

const credentials = (person: string) => ['-U', `${person.toLowerCase()}%${passwords[person] ?? ''}`];

/** What smbclient said and wrote. */
function smb(share: string, commands: string, options: readonly string[]): Promise<string> {
  const args = ['-p', String(port), '-t', '30', ...options, `//127.0.0.1/${share}`, '-c', commands];
  return new Promise((resolve) => {
    execFile('smbclient', args, { timeout: 60_000, cwd: app.dir }, (_, out, err) => resolve(`${out}${err}`));
  });
}

/** Names of the shares that are shown. */
async function shares(options: readonly string[]): Promise<string[]> {
  const said = await new Promise<string>((resolve) => {
    const args = ['-p', String(port), '-g', ...options, '-L', '127.0.0.1'];
    execFile('smbclient', args, { timeout: 60_000 }, (_, out) => resolve(out));
  });
  return [...said.matchAll(/^Disk\|([^|]+)\|/gm)].map(([, name = '']) => name);
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

/** Processes of Samba that this box has. */
function processes(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(join(app.stateDir, 'share'));
    } catch {
      return false;
    }
  });
}

function openFiles(pid: string): string[] {
  const fds = `/proc/${pid}/fd`;
  return readdirSync(fds).flatMap((fd) => {
    try {
      return [readlinkSync(join(fds, fd))];
    } catch {
      return [];
    }
  });
}

/** A client that stays: what it is asked to do, and all that it said. */
function client(person: string) {
  const args = ['-p', String(port), ...credentials(person), `//127.0.0.1/${person.toLowerCase()}`];
  const child = spawn('stdbuf', ['-oL', 'smbclient', ...args], { cwd: app.dir });
  const it = { said: '', gone: false, ask: (line: string) => child.stdin.write(`${line}\n`), end: () => child.kill() };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      it.said += piece.toString();
    });
  }
  child.stdin.on('error', () => undefined);
  child.once('exit', () => {
    it.gone = true;
  });
  return it;
}

async function run(...args: string[]): Promise<string> {
  let said = '';
  const say = (text: string) => {
    said += `${text}\n`;
  };
  const terminal = { stateDir: app.stateDir, input: (async function* () {})(), columns: 80, now: Date.now };
  await runConsole(args, { ...terminal, out: say, err: say });
  return said;
}

it('is off until the owner says otherwise', async () => {
  expect(await view()).toMatchObject({ on: false, state: 'off', problem: null, mine: null, passwords: 0 });
  expect(await run('share')).toContain('The share is off.');
  expect((await app.ask('POST', '/api/share/password', as('Alice'))).status).toBe(409);
  const unconfirmed = headersOf(callers.session('Alice'));
  expect((await app.ask('PUT', '/api/share', unconfirmed, { on: true })).json()['code']).toBe('confirm-first');
  expect(await answers()).toBe(false);
  const on = await app.ask('PUT', '/api/share', as('Alice'), { on: true });
  expect(on.status, on.text).toBe(200);
  expect(on.json()).toMatchObject({ on: true, state: 'nobody', port });
  // Nobody has a password: nothing listens.
  expect(processes()).toEqual([]);
  await makePassword('Alice');
  await makePassword('Bob');
  expect(await view('Bob')).toMatchObject({ state: 'serving', mine: { login: 'bob' }, passwords: null });
  expect(await run('share', 'status')).toMatch(
    /The share is on\.\nPeople with a password for it: 2\n {2}smb:\/\/\S+:\d+/,
  );
});

it('gives a photo back byte for byte, and what is no photo', async () => {
  const said = await smb('alice', 'cd 2025\\2025-06; get photo.jpg got.jpg', credentials('Alice'));
  expect(said).not.toContain('NT_STATUS');
  expect(readFileSync(join(app.dir, 'got.jpg')).equals(photo)).toBe(true);
  await smb('alice-files', 'cd Documents; get notes.txt', credentials('Alice'));
  expect(readFileSync(join(app.dir, 'notes.txt'), 'utf8')).toBe('not a photo');
  // Windows cannot have that name: it is shown another, and reads it all the same.
  const [, short = ''] = /^ {2}(\S+~\S+)/m.exec(await smb('alice', 'ls', credentials('Alice'))) ?? [];
  await smb('alice', `get ${short} short.txt`, credentials('Alice'));
  expect(readFileSync(join(app.dir, 'short.txt'), 'utf8')).toBe('as another computer named it');
});

it('takes nothing, changes nothing and removes nothing', async () => {
  const before = await app.filesInView();
  writeFileSync(join(app.dir, 'mine.jpg'), bobs);
  const tried = [
    'put mine.jpg',
    'put mine.jpg 2025\\2025-06\\photo.jpg',
    'del 2025\\2025-06\\photo.jpg',
    'rename 2025\\2025-06\\photo.jpg x.jpg',
    'mkdir new',
    'rmdir 2025',
    'setmode 2025\\2025-06\\photo.jpg +r',
    'hardlink 2025\\2025-06\\photo.jpg y.jpg',
  ];
  const said = await Promise.all(tried.map((command) => smb('alice', command, credentials('Alice'))));
  for (const [index, command] of tried.entries()) expect(said[index], command).toMatch(/NT_STATUS_/);
  expect(await app.filesInView()).toEqual(before);
  expect(readFileSync(join(app.diskDir, 'Photos/Alice/2025/2025-06/photo.jpg')).equals(photo)).toBe(true);
});

it('shows and opens to each their own alone', async () => {
  const shown = await Promise.all([shares(credentials('Alice')), shares(credentials('Bob'))]);
  expect(shown).toEqual([['alice', 'alice-files'], ['bob']]);
  for (const share of ['alice', 'alice-files']) {
    expect(await smb(share, 'ls', credentials('Bob'))).toContain('tree connect failed: NT_STATUS_ACCESS_DENIED');
  }
  const refused: ReadonlyArray<readonly [string[], RegExp]> = [
    [['-U', `alice%${passwords['Bob']}`], /LOGON_FAILURE/],
    [['-U', 'alice%'], /LOGON_FAILURE/],
    [['-U', `box%${passwords['Bob']}`], /LOGON_FAILURE/],
    [['-U', `root%${passwords['Alice']}`], /LOGON_FAILURE/],
    [['-N'], /ACCESS_DENIED/],
    [['-U', 'guest%'], /LOGON_FAILURE/],
    [['-m', 'NT1', '--option=client min protocol=NT1', ...credentials('Alice')], /protocol negotiation failed/],
    [['-m', 'SMB2', ...credentials('Alice')], /protocol negotiation failed/],
  ];
  const answered = await Promise.all(refused.map(([options]) => smb('alice', 'ls', options)));
  for (const [index, [options, reason]] of refused.entries()) {
    expect(answered[index], options.join(' ')).toMatch(reason);
    expect(answered[index]).not.toContain('2025');
  }
});

it('crosses the network encrypted, also for a client that would not mind', async () => {
  const heard: Buffer[] = [];
  const wire = createServer((from) => {
    const to = connect({ port, host: '127.0.0.1' });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('data', (piece: Buffer) => void heard.push(piece)).pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => wire.once('listening', resolve));
  const { port: at } = wire.address() as AddressInfo;
  const plain = ['--option=client smb encrypt=off', '--option=client signing=disabled', ...credentials('Alice')];
  await smb('alice', 'get 2025\\2025-06\\photo.jpg heard.jpg', ['-p', String(at), ...plain]);
  wire.close();
  expect(readFileSync(join(app.dir, 'heard.jpg')).equals(photo)).toBe(true);
  const said = Buffer.concat(heard);
  expect(said.length).toBeGreaterThan(photo.length);
  for (let offset = 0; offset < photo.length; offset += 10_000)
    expect(said.includes(photo.subarray(offset, offset + 32)), String(offset)).toBe(false);
  expect(said.includes(Buffer.from('photo.jpg', 'utf16le'))).toBe(false);
});

it('leads nowhere else on the disk or the box', async () => {
  const seen = await smb('alice', 'ls', credentials('Alice'));
  expect(seen).toContain('2025');
  expect(seen).not.toMatch(/out|bob|nightjar/);
  const paths = ['out', 'bob\\2025', '..\\Bob\\2025', '..\\..\\.nightjar\\disk.json', '.nightjar\\disk.json'];
  const got = await Promise.all(paths.map((path) => smb('alice', `get ${path} stolen`, credentials('Alice'))));
  for (const [index, path] of paths.entries()) expect(got[index], path).toMatch(/NT_STATUS_/);
  const others = ['IPC$', 'root', 'print$', 'C$', 'global'];
  const opened = await Promise.all(others.map((share) => smb(share, 'ls', credentials('Alice'))));
  for (const [index, share] of others.entries()) expect(opened[index], share).toMatch(/NT_STATUS_/);
  expect(existsSync(join(app.dir, 'stolen'))).toBe(false);
});

it('ends at once for whoever is inside when the password is taken away or made anew', async () => {
  for (const how of ['made anew', 'taken away']) {
    const inside = client('Alice');
    inside.ask('ls');
    await expect.poll(() => inside.said, within).toContain('2025');
    const before = passwords['Alice'] ?? '';
    if (how === 'made anew') await makePassword('Alice');
    else expect((await app.ask('DELETE', '/api/share/password', as('Alice'))).json()['mine']).toBe(null);
    inside.said = '';
    inside.ask('ls');
    await expect.poll(() => inside.gone || /NT_STATUS_/.test(inside.said), within).toBe(true);
    expect(inside.said).not.toContain('2025');
    inside.end();
    await expect.poll(answers, within).toBe(true);
    expect(await smb('alice', 'ls', ['-U', `alice%${before}`])).toContain('LOGON_FAILURE');
  }
  await makePassword('Alice');
  expect(await smb('alice', 'ls', credentials('Alice'))).toContain('2025');
});

it.skipIf(!isRoot)('holds no disk that goes, also with a file open, and is back with it', async () => {
  execFileSync('mkfifo', [join(app.dir, 'pipe')]);
  const inside = client('Alice');
  // Nobody reads from the pipe: the photo stays open.
  inside.ask('get 2025\\2025-06\\photo.jpg pipe');
  await expect.poll(() => processes().flatMap(openFiles), within).toContainEqual(expect.stringContaining('photo.jpg'));
  const unmount = () => execFileSync('umount', [app.diskDir], { stdio: 'ignore' });
  expect(unmount).toThrow();
  const marker = join(backing, '.nightjar/disk.json');
  renameSync(marker, `${marker}.away`);
  await expect.poll(async () => (await view()).state, within).toBe('disk-away');
  await expect.poll(() => attempt(unmount), within).toBe(true);
  inside.end();
  expect(await answers()).toBe(false);
  renameSync(`${marker}.away`, marker);
  mount();
  await expect.poll(async () => (await view()).state, within).toBe('serving');
  expect(await smb('alice', 'ls', credentials('Alice'))).toContain('2025');
});

it('is over for who leaves the house, goes on after a restart, and ends with the box', async () => {
  const bob = callers.personId('Bob');
  expect(await smb('bob', 'ls', credentials('Bob'))).toContain('2025');
  expect((await app.ask('DELETE', `/api/people/${bob}`, as('Alice'))).status).toBe(204);
  await expect.poll(() => smb('bob', 'ls', credentials('Bob')), within).toContain('LOGON_FAILURE');
  await app.stop();
  expect(await answers()).toBe(false);
  expect(processes()).toEqual([]);
  await app.start();
  await expect.poll(async () => (await view()).state, within).toBe('serving');
  expect(await smb('alice', 'ls', credentials('Alice'))).toContain('2025');
  // Killed from outside: it is there again.
  for (const pid of processes()) attempt(() => process.kill(Number(pid), 'SIGKILL'));
  await expect.poll(async () => (await view()).state, within).not.toBe('serving');
  await expect.poll(() => smb('alice', 'ls', credentials('Alice')), within).toContain('2025');
});

it('is turned off for everybody, and says nothing secret', async () => {
  expect(await run('share', 'off')).toContain('The share is off.');
  expect(await answers()).toBe(false);
  expect(processes()).toEqual([]);
  const { entries } = (await app.console('GET', '/api/audit?limit=200')).json() as { entries: { event: string }[] };
  const events = entries.map(({ event }) => event).filter((event) => event.startsWith('share'));
  expect(new Set(events)).toEqual(
    new Set(['share-turned-on', 'share-password-made', 'share-password-revoked', 'share-turned-off']),
  );
  const told = [...app.logged, JSON.stringify(entries)].join('\n');
  for (const secret of Object.values(passwords)) expect(told).not.toContain(secret);
  expect(app.ownErrors()).toEqual([]);
});

function attempt(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}
