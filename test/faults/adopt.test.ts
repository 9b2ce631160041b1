/**
 * Kills while a new box adopts the disk of another, and that disk pulled meanwhile: afterwards it is either as new as before
 * or the whole other box.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { App } from '../support/app.ts';
import { goodPassword } from '../support/box-state.ts';
import { maySkip, rounds, say, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon, type DaemonOptions } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';

const minuteMs = 60_000;
const clock = { ms: Date.now() };
/** The new box's code, as `Daemon` presets it. */
const code = 'FAULT-TEST-CODE';

let dir = '';
let old: OldBox;
let round = 0;
/** A new box that was started once, and never claimed. */
let newState: string;

type OldBox = Readonly<{ app: App; diskDir: string; token: string }>;

/** A box that was used and is off now, with a sealed copy of it on its disk. */
async function makeOld(diskDir?: string): Promise<OldBox> {
  const env = diskDir === undefined ? {} : { NIGHTJAR_DISK_DIR: diskDir };
  const app = await App.startClaimed(env, { now: () => clock.ms, pollMs: 200 });
  const made = { app, diskDir: diskDir ?? app.diskDir };
  await app.console('POST', '/api/recovery-key', { password: goodPassword });
  const phone = await app.pair('Bob', 'Pixel');
  await phone.send('DCIM/1.jpg', exifJpeg({ seed: 1, bytes: 5_000, takenLocal: '2026-06-09T18:00:00' }));
  clock.ms += 11 * minuteMs;
  const copies = () =>
    readdirSync(join(made.diskDir, '.nightjar/box-state')).filter((name) => name.endsWith('.sealed'));
  await vi.waitFor(() => expect(copies()).toHaveLength(1), { timeout: 15_000 });
  await app.stop();
  return { ...made, token: phone.token };
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nja-'));
  old = await makeOld();
  newState = join(dir, 'new');
  mkdirSync(newState);
  await (await start({ dir, stateDir: newState, diskDir: join(dir, 'none') })).stop();
});
afterAll(async () => {
  await old?.app[Symbol.asyncDispose]();
  if (dir !== '') await rm(dir, { recursive: true, force: true });
});

const start = (options: DaemonOptions) => Daemon.start({ ...options, ...(treeDir !== undefined && { treeDir }) });
const root = (stateDir: string) => readFileSync(join(stateDir, 'tls/authority.json'), 'utf8');
const adopt = (box: Daemon) => box.consoleReply('POST', '/api/setup/adopt', { code, password: goodPassword });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const setUp = async (box: Daemon) => (await box.health().catch(() => ({}) as Record<string, unknown>))['setUp'];

/** A new box with its own copy of the disk. */
function place(): DaemonOptions {
  round += 1;
  const at = { dir, stateDir: join(dir, `s${round}`), diskDir: join(dir, `d${round}`) };
  cpSync(newState, at.stateDir, { recursive: true });
  cpSync(old.diskDir, at.diskDir, { recursive: true });
  return at;
}

/** What is wrong with a box that is said to be the old one. */
async function wrongWith(box: Daemon, { app, token }: OldBox = old): Promise<string[]> {
  const wrong: string[] = [];
  if (root(box.stateDir) !== root(app.stateDir)) wrong.push('It has the people, and another root.');
  const status = await box.ask('GET', '/api/phone/status', { token });
  if (status.status !== 200) wrong.push(`The phone is told ${status.status} ${status.body}`);
  else if (JSON.parse(status.body.toString())['safe'] !== 1)
    wrong.push(`The phone's photo is not there: ${status.body}`);
  const left = readdirSync(box.stateDir).filter((name) => name.startsWith('adopt') || name.startsWith('setup-code'));
  return left.length === 0 ? wrong : [...wrong, `There is left: ${left.join(', ')}`];
}

/** Adopts once, whole; returns how long that takes, with the start that follows. */
async function whole(): Promise<number> {
  await using box = await start(place());
  const from = performance.now();
  expect((await adopt(box)).status).toBe(200);
  await vi.waitFor(async () => expect(await setUp(box)).toBe(true), { timeout: 20_000 });
  const tookMs = performance.now() - from;
  await box.libraryOpen();
  expect(await wrongWith(box)).toEqual([]);
  return tookMs;
}

it.skipIf(maySkip && process.getuid?.() !== 0)('adopts from a disk that is only looked at', async () => {
  const at = place();
  const disk = join(dir, 'looked-at');
  mkdirSync(disk);
  // As an old box leaves it whose plug was pulled: the last that it wrote stands in the log alone.
  const path = join(String(at.diskDir), '.nightjar/library.sqlite');
  const catalogue = new Sqlite(path);
  catalogue.exec("INSERT INTO person VALUES ('00000000-0000-4000-8000-00000000000d', 'Dora', 'Dora')");
  cpSync(String(at.diskDir), disk, { recursive: true });
  catalogue.close();
  execFileSync('mount', ['--bind', disk, disk]);
  try {
    execFileSync('mount', ['-o', 'remount,bind,ro', disk]);
    await using box = await start({ ...at, diskDir: disk });
    const adopted = await adopt(box);
    expect(adopted.status, adopted.body.toString()).toBe(200);
    expect(JSON.parse(adopted.body.toString())).toMatchObject({
      people: [{ name: 'Alice' }, { name: 'Bob', files: 1 }, { name: 'Dora', files: 0 }],
      phones: 1,
    });
    await vi.waitFor(async () => expect(await setUp(box)).toBe(true), { timeout: 20_000 });
    execFileSync('mount', ['-o', 'remount,bind,rw', disk]);
    await box.libraryOpen();
    expect(await wrongWith(box)).toEqual([]);
  } finally {
    execFileSync('umount', [disk]);
  }
});

it('is never half of one and half of the other', async () => {
  const seed = suiteSeed('adopt');
  const random = new Random(seed);
  const tookMs = await whole();
  const count = rounds(2, 100);
  let before = 0;
  for (let done = 0; done < count; done += 1) {
    const at = place();
    await using box = await start(at);
    const asked = adopt(box).catch(() => undefined);
    await pause(random.next() * tookMs);
    await box.kill();
    await asked;
    // And once more on its way up.
    if (random.chance(0.5)) {
      const again = Daemon.launch({ ...at, ...(treeDir !== undefined && { treeDir }) });
      await pause(random.next() * 2 * tookMs);
      await again.kill();
    }
    await box.restart();
    const adopted = (await setUp(box)) === true;
    if (!adopted) {
      before += 1;
      expect(root(box.stateDir), 'it is new, with its own root').toBe(root(newState));
      expect(readdirSync(box.stateDir)).toContain('setup-code');
      expect((await adopt(box)).status).toBe(200);
      await vi.waitFor(async () => expect(await setUp(box)).toBe(true), { timeout: 20_000 });
    }
    await box.libraryOpen();
    expect(await wrongWith(box), `round ${done + 1}, ${adopted ? 'adopted' : 'new'} after the kill`).toEqual([]);
    await box.kill();
    for (const folder of [at.stateDir, at.diskDir]) if (folder !== undefined) rmSync(folder, { recursive: true });
  }
  const told = `within ${Math.round(tookMs)} ms; ${before} before it was decided`;
  await recordResult({ suite: 'adopt, kills', seed, rounds: count, failures: 0, told });
});

const missing = await loopDisksMissing();
if (missing !== undefined) say(`disks cannot be pulled here: ${missing}`);
it.skipIf(missing !== undefined && maySkip)(
  'says why not when the disk is pulled meanwhile, and adopts it later',
  async () => {
    if (missing !== undefined) throw new Error(`Disks cannot be pulled here: ${missing}`);
    const seed = suiteSeed('adopt, pulled');
    const random = new Random(seed);
    const disk = await LoopDisk.make(dir, 'pulled', 256);
    const from = await makeOld(disk.path);
    try {
      await disk.keep();
      const count = rounds(2, 100);
      let before = 0;
      let tookMs = 1_500;
      for (let done = 1; done <= count; done += 1) {
        await disk.giveBack();
        const stateDir = join(dir, `p${done}`);
        cpSync(newState, stateDir, { recursive: true });
        await using box = await start({ dir, stateDir, diskDir: disk.path });
        const asked = adopt(box);
        await pause(random.next() * tookMs);
        await disk.cut();
        const { status, body } = await asked.catch((error: unknown) => {
          throw new Error(`round ${done}: no answer, and the box ${box.running ? 'runs' : 'ended'}`, { cause: error });
        });
        const what = `round ${done}: ${status} ${body}`;
        // It says in words what happened, or it had decided already.
        if (status !== 200) expect(JSON.parse(body.toString()), what).not.toMatchObject({ code: 'internal' });
        await disk.unmount({ lazyAllowed: false });
        expect(readdirSync(disk.path), what).toEqual([]);
        await disk.mount();
        if (status !== 200) {
          before += 1;
          expect(await setUp(box), what).toBe(false);
          expect(root(box.stateDir), what).toBe(root(newState));
          const startedMs = performance.now();
          const again = await adopt(box);
          expect(again.status, `${what}, then ${again.body}`).toBe(200);
          tookMs = performance.now() - startedMs;
        }
        await vi.waitFor(async () => expect(await setUp(box)).toBe(true), { timeout: 20_000 });
        await box.libraryOpen();
        expect(await wrongWith(box, from), what).toEqual([]);
        await box.kill();
        rmSync(stateDir, { recursive: true });
      }
      const told = `${before} before it was decided; each the old box afterwards`;
      await recordResult({ suite: 'adopt, pulled', seed, rounds: count, failures: 0, told });
    } finally {
      await disk.remove();
      await from.app[Symbol.asyncDispose]();
    }
  },
);
