import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../test/support/free-port.ts';
import { ntHash } from './nt-hash.ts';
import { checkServer, ShareServer } from './server.ts';

const program = new URL('../../system/usr/lib/nightjar/share/serve', import.meta.url).pathname;
const nobody = 65_534;
const within = { timeout: 15_000, interval: 50 };
let dir: string;
let listening: Server | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nj-share-'));
  chmodSync(dir, 0o755);
});
afterEach(async () => {
  await new Promise((resolve) => (listening === undefined ? resolve(undefined) : listening.close(resolve)));
  listening = undefined;
  rmSync(dir, { recursive: true });
});

/** A socket as the system opens it: whoever connects speaks to what `take` starts. */
async function socketOf(take: (socket: Socket) => void): Promise<string> {
  const path = join(dir, 'share.sock');
  listening = createServer({ pauseOnConnect: true, allowHalfOpen: true }, take);
  await new Promise((resolve) => listening?.listen(path, () => resolve(undefined)));
  return path;
}

function smb(port: number, commands: string): Promise<string> {
  const args = ['-p', String(port), '-U', 'zoe%long and random', '//127.0.0.1/zoe', '-c', commands];
  return new Promise((resolve) =>
    execFile('smbclient', args, { cwd: dir, timeout: 20_000 }, (_, out, err) => resolve(out + err)),
  );
}

// As system/usr/lib/systemd/system/nightjar-share@.service has it: not the daemon's user, not root, nothing but reading.
test.skipIf(process.getuid?.() !== 0)(
  'the system may run it as another user, who sees what everybody may',
  async () => {
    const port = await freePort();
    // What smbd would make something else of.
    const shared = join(dir, 'a %u "disk"; # 100 %', 'Photos', 'Zoë');
    mkdirSync(shared, { recursive: true });
    writeFileSync(join(shared, 'open.jpg'), 'a photo');
    writeFileSync(join(shared, 'closed.jpg'), 'not for others', { mode: 0o600 });
    const own = join(dir, 'own');
    mkdirSync(own);
    chownSync(own, nobody, nobody);
    const started: ChildProcess[] = [];
    const socket = await socketOf((peer) => {
      const rights = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--no-new-privs'];
      const stdio = [peer, peer, 'ignore'] as const;
      started.push(spawn('setpriv', [...rights, 'sh', program, own, String(port)], { stdio: [...stdio] }));
      peer.destroy();
    });
    const place = { socket, dir: '/not/used', port };
    await checkServer(place);
    const server = new ShareServer(place, {
      box: 'NIGHTJAR',
      people: [{ login: 'zoe', ntHash: ntHash('long and random') }],
      shares: [{ name: 'zoe', login: 'zoe', path: shared }],
    });
    await expect.poll(() => server.serving, within).toBe(true);
    expect(await smb(port, 'get open.jpg got')).not.toContain('NT_STATUS');
    expect(readFileSync(join(dir, 'got'), 'utf8')).toBe('a photo');
    expect(await smb(port, 'get closed.jpg none')).toMatch(/NT_STATUS/);
    const [smbd = ''] = readFileSync(join(own, 'run/pid/smbd.pid'), 'utf8').split('\n');
    expect(readFileSync(`/proc/${smbd}/status`, 'utf8')).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
    await server.end();
    expect(await server.ended).toBe(undefined);
    expect(() => readFileSync(`/proc/${smbd}/exe`)).toThrow();
    expect(readdirSync(own)).toEqual([]);
    expect(started).toHaveLength(2);
  },
);

test('what is ended the moment that it began leaves nothing running', async () => {
  const place = { socket: undefined, dir: join(dir, 'own'), port: await freePort() };
  const server = new ShareServer(place, {
    box: 'NIGHTJAR',
    people: [{ login: 'zoe', ntHash: ntHash('long and random') }],
    shares: [{ name: 'zoe', login: 'zoe', path: dir }],
  });
  // Not killed for being late: what serves would not be ended then.
  await server.end();
  expect(await server.ended).toBe(undefined);
  await expect.poll(() => [readdirSync(place.dir), processesOf(place.dir)], within).toEqual([[], []]);
});

test('what serves is ended also when the program around it was killed alone', async () => {
  const place = { socket: undefined, dir: join(dir, 'own'), port: await freePort() };
  const server = new ShareServer(place, { box: 'NIGHTJAR', people: [], shares: [] });
  await expect.poll(() => server.serving, within).toBe(true);
  for (const pid of processesOf(`${program}\0${place.dir}`)) process.kill(pid, 'SIGKILL');
  expect(processesOf(place.dir)).not.toEqual([]);
  await server.end();
  await expect.poll(() => processesOf(place.dir), within).toEqual([]);
});

function processesOf(words: string): number[] {
  const isIt = (pid: string) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words);
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter(isIt).map(Number);
}

test('a box without Samba says what to install, and a foreign port whose it is', async () => {
  const place = { socket: await socketOf((peer) => peer.resume().end('missing samba\n')), dir, port: 1 };
  await expect(checkServer(place)).rejects.toMatchObject({
    code: 'command-missing',
    message: expect.stringContaining('apt-get install samba libnss-wrapper'),
  });
  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, () => resolve(undefined)));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const run = { socket: undefined, dir: join(dir, 'own'), port };
  const server = new ShareServer(run, { box: 'NIGHTJAR', people: [], shares: [] });
  expect(await server.ended).toBe('port-taken');
  expect(server.serving).toBe(false);
  await new Promise((resolve) => taken.close(resolve));
  const deep = { ...run, dir: join(dir, 'a folder with blanks') };
  expect(await new ShareServer(deep, { box: 'B', people: [], shares: [] }).ended).toBe('folder-unsuitable');
});
