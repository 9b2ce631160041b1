/**
 * The library's disk dies: a mirror becomes the library from what lies on it alone, whatever is pulled meanwhile; phones are
 * asked for what it lacks; and the old disk, when it comes back, is left as it is.
 */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import type { LoopDisk } from '../support/loop-disk.ts';
import { loopDisksMissing } from '../support/loop-disk.ts';
import { MirrorBox, poll } from '../support/mirror-box.ts';
import { recordResult } from '../support/results.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`dead disks cannot be tested here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('a library whose disk is dead', () => {
  const seed = suiteSeed('dead disks');
  let dir = '';
  let box: MirrorBox;
  let one: LoopDisk;
  let two: LoopDisk;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Dead disks cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njk-'));
  });
  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  async function makeFirst(): Promise<void> {
    box = await MirrorBox.make(join(dir, 'd'), seed);
    [one, two] = box.disks as unknown as [LoopDisk, LoopDisk];
    await box.send(6);
    await box.whole();
    await box.daemon.stop();
    await one.keep();
    await two.keep();
    await cp(box.daemon.stateDir, join(dir, 'state'), { recursive: true });
  }

  /** The box as it was at first, running. */
  async function asAtFirst(known: ReadonlyArray<readonly [string, { path: string; size: number; sha256: string }]>) {
    await box.daemon.kill();
    await one.giveBack();
    await two.giveBack();
    await rm(box.daemon.stateDir, { recursive: true });
    await cp(join(dir, 'state'), box.daemon.stateDir, { recursive: true });
    box.phone.safe.clear();
    box.phone.open.clear();
    for (const [path, file] of known) box.phone.safe.set(path, file);
    await box.daemon.restart();
    await box.whole();
  }

  /** Nothing, the box killed, or the mirror pulled and put back. */
  async function trouble(): Promise<string> {
    const kind = box.random.whole(0, 2);
    if (kind === 0) return 'nothing';
    if (kind === 1) {
      await box.daemon.kill();
      await box.daemon.restart();
      return 'killed';
    }
    await two.cut();
    await two.unmount({ lazyAllowed: false });
    expect(await readdir(two.path)).toEqual([]);
    await two.mount();
    return 'mirror pulled';
  }

  const statusOf = async (path: string, json: unknown) => (await box.daemon.consoleReply('POST', path, json)).status;

  it('goes on from the mirror alone, asks phones for what it lacks, and leaves the old disk as it is', async () => {
    const many = rounds(2, 100);
    await makeFirst();
    const first = [...box.phone.safe];
    let lacking = 0;
    for (let round = 1; round <= many; round += 1) {
      await asAtFirst(first);
      await box.send(box.random.whole(0, 8));
      await pause(box.random.whole(0, 400));
      const [mirror] = (await box.mirrors()).mirrors;
      await one.cut();
      await one.unmount({ lazyAllowed: false });
      await expect.poll(async () => (await box.daemon.health())['disk'], poll).toBe('missing');

      // Only who says so gets it without the library's own disk.
      const promote = `/api/mirrors/${mirror?.diskId}/promote`;
      expect(await statusOf(promote, {})).toBe(409);
      await expect.poll(() => statusOf(promote, { anyway: true }), poll).toBe(202);
      await pause(box.random.whole(0, 600));
      const what = `round ${round} (${await trouble()})`;
      await expect.poll(async () => (await box.mirrors()).promotion, { ...poll, message: what }).toBeNull();
      await box.libraryOpen();

      const there = await box.bySum();
      const had = [...box.phone.safe.values()].filter(({ sha256 }) => there.has(sha256));
      expect(had.length, what).toBeGreaterThanOrEqual(Math.min(mirror?.files ?? 0, box.phone.safe.size));
      const gone = box.sent.filter(({ path }) => {
        const file = box.phone.safe.get(path);
        return file !== undefined && !there.has(file.sha256);
      });
      lacking += gone.length;
      for (const file of gone) await box.phone.send(box.daemon.url, file, new AbortController().signal);
      await box.expectNothingLost([two]);
      const check = new CatalogueCheck(two.path);
      await check.quiet();
      // Copied in the last moment before it died, and not noted yet: it lies there under the name that it was to have.
      expect(await check.whatIsWrong({ everything: true, strays: true }), what).toEqual([]);

      await one.mount();
      const before = await contentOf(one.path);
      await box.send(1);
      await box.daemon.restart();
      await box.libraryOpen();
      await box.send(1);
      await box.expectNothingLost([two]);
      expect(await contentOf(one.path), what).toEqual(before);
    }
    const told = `${lacking} files were asked for again`;
    await recordResult({ suite: 'mirrors, the library dead', seed, rounds: many, failures: 0, told });
  });
});

/** Every file below, with what it holds. */
async function contentOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sums = files.map(
    async (file) =>
      `${file} ${createHash('sha256')
        .update(await readFile(file))
        .digest('hex')}`,
  );
  return (await Promise.all(sums)).sort();
}
