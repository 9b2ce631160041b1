/** The real engine on a folder: it rests while the box is busy, ends when told to, and goes with whoever started it. */
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Engine } from './engine.ts';
import { remoteFor } from './remote.ts';

const dir = mkdtempSync(join(tmpdir(), 'nightjar-engine-'));
const box = { busy: false };
const rested: boolean[] = [];
const engine = new Engine({ busy: () => box.busy, onResting: (resting) => void rested.push(resting) });
const signal = new AbortController().signal;
let order: Omit<Parameters<Engine['run']>[0], 'args' | 'rests'>;

beforeAll(async () => {
  const target = { kind: 'folder', path: join(dir, 'there') } as const;
  const facts = { target, password: 'a password', secret: null, sshKey: null, knownHosts: '' };
  order = { remote: await remoteFor(facts, dir), cwd: dir, tmpDir: dir, timeoutMs: 60_000, signal };
  writeFileSync(join(dir, 'large'), randomBytes(12e6));
  await engine.run({ ...order, args: ['init'], rests: false });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Programs that work on that folder, as the kernel tells of them. */
const working = () => {
  const found = execFileSync('sh', ['-c', `ps -eo stat=,args= | grep -F 'restic --no-cache' | grep -v grep || true`]);
  return found
    .toString()
    .split('\n')
    .filter((line) => line.includes('backup'))
    .map((line) => line.trim().charAt(0));
};

it('rests while the box is busy, and goes on', async () => {
  const running = engine.run({ ...order, args: ['backup', 'large'], uploadKiBPerSecond: 4_000, rests: true });
  await expect.poll(working).toHaveLength(1);
  box.busy = true;
  await expect.poll(working).toEqual(['T']);
  expect(rested.at(-1)).toBe(true);
  box.busy = false;
  expect((await running).status).toBe(0);
});

it('ends when it is no longer wanted, and leaves nothing locked', async () => {
  const stop = new AbortController();
  const args = ['backup', '--force', 'large'];
  const running = engine.run({ ...order, args, uploadKiBPerSecond: 500, signal: stop.signal, rests: true });
  writeFileSync(join(dir, 'large'), randomBytes(12e6));
  await expect.poll(working).toHaveLength(1);
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: 'offbox-failed', facts: { reason: 'stopped' } });
  expect(working()).toEqual([]);
});

it('is killed with who started it; its lock is taken away by who comes next', async () => {
  writeFileSync(join(dir, 'large'), randomBytes(12e6));
  const code = `
    import { Engine } from ${JSON.stringify(new URL('./engine.ts', import.meta.url).pathname)};
    const engine = new Engine({ busy: () => false, onResting() {} });
    const order = ${JSON.stringify({ ...order, signal: undefined })};
    void engine.run({ ...order, signal: new AbortController().signal, args: ['backup', '--force', 'large'],
      uploadKiBPerSecond: 500, rests: true });`;
  const other = promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  other.catch(() => undefined);
  await expect.poll(working).toHaveLength(1);
  await expect.poll(() => readLocks().length).toBeGreaterThan(0);
  other.child.kill('SIGKILL');
  await expect.poll(working).toEqual([]);
  // Reading back wants it for itself.
  expect((await engine.run({ ...order, args: ['check'], rests: false })).status).toBe(0);
});

it('says why it failed, and tells no secret', async () => {
  const target = { kind: 'rest', url: 'http://127.0.0.1:9/', user: 'me' } as const;
  const facts = { target, password: 'the repository’s', secret: 'p:ss/w@rd', sshKey: null, knownHosts: '' };
  const remote = await remoteFor(facts, dir);
  const failed = engine.run({ ...order, remote, args: ['snapshots'], rests: false });
  await expect(failed).rejects.toMatchObject({ facts: { reason: 'unreachable' } });
  await expect(failed).rejects.not.toThrow(/p:ss|p%3Ass|repository’s/);
  const missing = new Engine({ busy: () => false, onResting: () => undefined, program: 'no-such-engine' });
  expect(await missing.version()).toBe(undefined);
  await expect(missing.run({ ...order, args: ['version'], rests: false })).rejects.toMatchObject({
    facts: { reason: 'not-installed' },
  });
  expect(readFileSync(join(dir, 'large')).length).toBe(12e6);
});

const readLocks = () =>
  execFileSync('ls', [join(dir, 'there/locks')])
    .toString()
    .split('\n')
    .filter(Boolean);
