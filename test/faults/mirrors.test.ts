/**
 * Mirrors on real block devices: a disk pulled, or the box killed, in the middle of mirroring, healing and promoting; and
 * bytes that rot behind the box's back. Nothing that was acknowledged is lost while one good copy is there, and every one of
 * them goes on by itself.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { maySkip, rounds, say, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { exfatMissing } from '../support/exfat-disk.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { sha256 } from '../support/fault-phone.ts';
import { flipByte } from '../support/flip-byte.ts';
import { loopDisksMissing } from '../support/loop-disk.ts';
import { MirrorBox, type Mirrors, poll } from '../support/mirror-box.ts';
import { Random } from '../support/random.ts';
import { RealPhone } from '../support/real-phone.ts';
import { recordResult } from '../support/results.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`mirrors cannot be tested here: ${missing}`);

const noExfat = await exfatMissing();
if (noExfat !== undefined) say(`mirrors on exFAT cannot be tested here: ${noExfat}`);

const filesARound = 6;

describe.skipIf(missing !== undefined && maySkip)('mirrors', () => {
  let dir = '';
  const seed = suiteSeed('mirrors');
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Mirrors cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njm-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });
  const many = rounds(2, 100);
  const record = async (suite: string, box: MirrorBox, told: string) =>
    await recordResult({ suite, seed, rounds: many, failures: 0, told: `${box.phone.safe.size} files, ${told}` });

  /** Half of them while the phone sends. */
  async function pullWhileMirroring(box: MirrorBox, count: number): Promise<number> {
    let caught = 0;
    for (let round = 1; round <= count; round += 1) {
      await box.libraryOpen();
      await box.send(filesARound);
      let what: string;
      if (box.random.chance(0.5)) what = await box.troubleWhileSending(box.random.whole(0, 700));
      else {
        if (box.random.chance(0.8)) await box.running();
        await pause(box.random.whole(0, 250));
        if ((await box.mirrors()).mirrors[0]?.waiting.files !== 0) caught += 1;
        what = await box.trouble();
      }
      await box.whole().catch((error: unknown) => {
        throw new Error(`round ${round} (${what})`, { cause: error });
      });
    }
    await box.expectNothingLost();
    return caught;
  }

  it('goes on after a disk was pulled, or the box killed, in the middle of uploads and of mirroring them', async () => {
    await using box = await MirrorBox.make(join(dir, 'm'), seed);
    const caught = await pullWhileMirroring(box, many);
    await record('mirrors, pulled while sending and mirroring', box, `each on both disks; ${caught} were under way`);
  });

  it.skipIf(noExfat !== undefined && maySkip)('goes on with a mirror on exFAT, too', async () => {
    await using box = await MirrorBox.make(join(dir, 'x'), seed + 3, 'exfat');
    const caught = await pullWhileMirroring(box, rounds(1, 100));
    await record('mirrors on exFAT, pulled while sending and mirroring', box, `${caught} were under way`);
  });

  it('goes on after that in the middle of healing', async () => {
    await using box = await MirrorBox.make(join(dir, 'h'), seed + 1);
    await box.send(2 * filesARound);
    await box.whole();
    for (let round = 1; round <= many; round += 1) {
      // Where a disk damages a file again and again, its next right copy takes another name.
      const paths = [...(await box.bySum()).values()];
      const some = paths.filter(() => box.random.chance(0.5));
      for (const path of some) {
        if (box.random.chance(0.3)) await rm(join(box.disks[0].path, path));
        else await flipByte(join(box.disks[0].path, path), box.random);
      }
      await box.daemon.console('POST', '/api/verification/start');
      await pause(box.random.whole(0, 1_500));
      const what = await box.trouble();
      await box.libraryOpen();
      await box.daemon.console('POST', '/api/verification/start');
      await box.whole();
      const verified = async () => await box.daemon.console('GET', '/api/verification');
      await expect
        .poll(verified, { ...poll, message: `round ${round} (${what})`, timeout: 120_000 })
        .toMatchObject({ all: null, lost: { count: 0 } });
    }
    await box.whole();
    await box.expectNothingLost();
    await record('mirrors, pulled while healing', box, 'each healed');
  });

  it('goes on after that in the middle of promoting', async () => {
    await using box = await MirrorBox.make(join(dir, 'p'), seed + 2);
    let caught = 0;
    for (let round = 1; round <= many; round += 1) {
      await box.whole();
      await box.send(filesARound);
      const [mirror] = (await box.mirrors()).mirrors;
      await box.daemon.console('POST', `/api/mirrors/${mirror?.diskId}/promote`, {});
      // Phones go on sending: what is acknowledged meanwhile must be on the new library too.
      const sending = box.random.chance(0.5) ? box.send(filesARound).catch(() => undefined) : undefined;
      await pause(box.random.whole(0, 1_200));
      if ((await box.mirrors()).promotion !== null) caught += 1;
      const what = await box.trouble();
      await sending;
      // What was begun is on the old disk; a phone sends it from its beginning.
      box.phone.open.clear();
      await box.whole().catch((error: unknown) => {
        throw new Error(`round ${round} (${what})`, { cause: error });
      });
      const [now] = (await box.mirrors()).mirrors;
      expect(now?.diskId, `round ${round} (${what})`).not.toBe(mirror?.diskId);
    }
    await box.expectNothingLost();
    for (const disk of box.disks) {
      const { role } = JSON.parse(await readFile(join(disk.path, '.nightjar/disk.json'), 'utf8')) as { role: string };
      if (role !== 'library') continue;
      const check = new CatalogueCheck(disk.path);
      await check.quiet();
      expect(await check.whatIsWrong({ everything: true })).toEqual([]);
    }
    await record('mirrors, pulled while promoting', box, `each on both disks; ${caught} were under way`);
  });
});

describe('bit rot', () => {
  it('is all found, and healed from the mirror; without one, from the phone', async () => {
    const seed = suiteSeed('bit rot');
    const random = new Random(seed);
    const flips = rounds(40, 1_000);
    const dir = await mkdtemp(join(tmpdir(), 'njr-'));
    await mkdir(join(dir, 'mirror'));
    const env = { NIGHTJAR_MIRROR_DIRS: join(dir, 'mirror') };
    const daemon = await Daemon.start({ dir, env, ...(treeDir === undefined ? {} : { treeDir }) });
    onTestFailed(() => say(daemon.log.split('\n').slice(-60).join('\n')));
    try {
      await daemon.setUp('Alice');
      const phone = new RealPhone(dir);
      const asked = await daemon.console('POST', '/api/pairings', { person: 'Alice', phone: 'Laptop' });
      await phone.pair((asked as { link: string }).link);
      const camera = join(dir, 'Camera');
      const pictures = await fillCamera(camera, { seed, files: flips, random });
      expect((await phone.run('backup', camera)).last).toMatchObject({ safe: flips, waiting: 0 });
      const inFolder = async (root: string, folder: string) => {
        const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
        const files = entries.filter((entry) => entry.isFile() && /^(.+\.jpg|\d+)$/.test(entry.name));
        return files.map((entry) => join(entry.parentPath, entry.name)).sort();
      };
      const sums = async (root: string) => {
        const all = await Promise.all(
          (await inFolder(root, 'Photos')).map(async (path) => sha256(await readFile(path))),
        );
        return all.sort();
      };
      const thumbs = () => inFolder(daemon.diskDir, '.nightjar/thumbs');
      const right = await sums(daemon.diskDir);
      const mirrors = async () => ((await daemon.console('GET', '/api/mirrors')) as Mirrors).mirrors;
      await expect.poll(mirrors, poll).toMatchObject([{ files: flips, waiting: { files: 0 } }]);
      await expect.poll(async () => (await thumbs()).length, { ...poll, timeout: 300_000 }).toBe(pictures);
      const verification = async () => await daemon.console('GET', '/api/verification');
      const rot = async () => {
        const rotten = new Map<string, string>();
        for (const path of [...(await inFolder(daemon.diskDir, 'Photos')), ...(await thumbs())]) {
          await flipByte(path, random);
          rotten.set(path, sha256(await readFile(path)));
        }
        expect(await sums(daemon.diskDir)).not.toEqual(right);
        await daemon.console('POST', '/api/verification/start');
        await expect.poll(verification, { ...poll, timeout: 600_000 }).toMatchObject({ all: null });
        return rotten;
      };
      /** No picture is what it became. */
      const madeAgain = async (rotten: ReadonlyMap<string, string>) => {
        const stillRotten = async () => {
          const found: string[] = [];
          for (const path of await thumbs()) if (sha256(await readFile(path)) === rotten.get(path)) found.push(path);
          return found;
        };
        await expect.poll(stillRotten, { ...poll, timeout: 300_000 }).toEqual([]);
        expect(await thumbs()).toHaveLength(pictures);
      };
      const first = await rot();
      await expect.poll(verification, { ...poll, timeout: 600_000 }).toMatchObject({ lost: { count: 0 } });
      expect(await sums(daemon.diskDir)).toEqual(right);
      expect(await readdir(join(daemon.diskDir, '.nightjar/damaged'))).toHaveLength(flips);
      await madeAgain(first);

      const [mirror] = await mirrors();
      await daemon.console('DELETE', `/api/mirrors/${mirror?.diskId}`);
      const second = await rot();
      expect(await verification()).toMatchObject({ lost: { count: flips } });
      expect((await phone.run('backup', camera)).last).toMatchObject({ safe: flips, waiting: 0 });
      expect(await verification()).toMatchObject({ lost: { count: 0 } });
      expect(await sums(daemon.diskDir)).toEqual(right);
      await madeAgain(second);
      const told = `each original found and healed, ${pictures} thumbnails made again, twice`;
      await recordResult({ suite: 'bit rot', seed, rounds: 2 * (flips + pictures), failures: 0, told });
    } finally {
      await daemon.kill();
      await rm(dir, { recursive: true, force: true });
    }
  });
});

/** A few of them pictures, the others none. Returns how many are. */
async function fillCamera(camera: string, it: { seed: number; files: number; random: Random }): Promise<number> {
  await mkdir(camera);
  const pictures = Math.ceil(it.files / 8);
  for (let n = 0; n < it.files; n += 1) {
    const made = createHash('sha256').update(`${it.seed} ${n}`).digest();
    const noise = Buffer.concat([made, Buffer.alloc(it.random.size(100, 300_000), n)]);
    const options = { seed: it.seed + n, bytes: 20_000, takenLocal: '2025-07-14T09:30:00' };
    await writeFile(join(camera, `${n}.jpg`), n < pictures ? exifJpeg(options) : noise);
  }
  return pictures;
}
