/**
 * Power cuts: library and box state on ext4 of their own, cut in the middle of everything. Nothing that was
 * acknowledged may be lost, and the catalogue must equal what is on the disk.
 */
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import { crashRounds } from '../support/crash-rounds.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { FaultBox } from '../support/fault-box.ts';
import { contentOf, type PhoneFile, sha256 } from '../support/fault-phone.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { appendSlowly, appendTo, beginUpload, headOf } from '../support/tus-by-hand.ts';

const MiB = 1024 * 1024;
const missing = await loopDisksMissing();
if (missing !== undefined) say(`power cuts cannot be tested here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('power cuts', () => {
  let dir = '';
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Power cuts cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njpc-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  it('the instrument: a cut drops what was not synced, and keeps what was', async () => {
    const disk = await LoopDisk.make(dir, 'plain', 64);
    try {
      const kept = await open(join(disk.path, 'kept'), 'wx');
      await kept.writeFile('synced');
      await kept.sync();
      await kept.close();
      const folder = await open(disk.path);
      await folder.sync();
      await folder.close();
      await writeFile(join(disk.path, 'kept'), 'written over, not synced');
      await writeFile(join(disk.path, 'lost'), 'not synced');
      expect(await readFile(join(disk.path, 'lost'), 'utf8')).toBe('not synced');
      await disk.cut();
      await expect(writeFile(join(disk.path, 'late'), 'x')).rejects.toThrow('EIO');
      await disk.remount();
      await expect(readFile(join(disk.path, 'lost'))).rejects.toThrow('ENOENT');
      expect(await readFile(join(disk.path, 'kept'), 'utf8')).toBe('synced');
      await disk.unmount();
      expect(await disk.check()).toBe('');
    } finally {
      await disk.remove();
    }
  });

  it('a box that was claimed stays claimed, and its library opens', async () => {
    const box = await FaultBox.make({ dir: join(dir, 'claim'), random: new Random(1), loop: true });
    try {
      await box.setUp();
      await box.crash();
      await box.start();
      expect(await box.daemon.health()).toMatchObject({ setUp: true, disk: 'ok' });
      expect(await box.whatIsWrong({ everything: true })).toEqual([]);
    } finally {
      await box.remove();
    }
  });

  it('a received file that outgrew its synced bytes is cut back to them', async () => {
    // Bytes appended to a block that is there already: ext4 commits the new length with anybody's sync, without them.
    const box = await FaultBox.make({ dir: join(dir, 'length'), random: new Random(2), loop: true });
    try {
      await box.setUp();
      const { token } = await box.daemon.pair('Alice', 'phone');
      const file: PhoneFile = { path: 'large.jpg', kind: 'noise', seed: 1, size: 8 * MiB, takenLocal: '' };
      const bytes = contentOf(file);
      const caller = { daemon: box.daemon, token };
      const begun = await beginUpload(caller, { path: file.path, length: file.size });
      const upload = String(begun.headers['location']);
      const promised = MiB + 100;
      expect((await appendTo(caller, upload, 0, bytes.subarray(0, promised))).status).toBe(204);
      const rest = appendSlowly(caller, upload, promised, file.size - promised);
      rest.write(bytes.subarray(promised, 4 * MiB));
      const received = join(box.daemon.diskDir, '.nightjar/incoming', upload.split('/').at(-1) ?? '');
      await expect.poll(async () => (await stat(received)).size).toBeGreaterThan(2 * MiB);
      const other = exifJpeg({ seed: 1, bytes: 50_000, takenLocal: '2025-07-14T09:30:00' });
      expect((await beginUpload(caller, { path: 'o.jpg', length: other.length, body: other })).status).toBe(201);
      await box.crash();
      rest.destroy();

      await box.start();
      const offset = Number((await headOf(caller, upload)).headers['upload-offset']);
      expect(offset).toBeGreaterThanOrEqual(promised);
      expect((await appendTo(caller, upload, offset, bytes.subarray(offset))).status).toBe(204);
      const library = await box.daemon.ask('GET', '/api/assets', { token });
      expect(library.body.toString()).toContain(sha256(bytes));
      expect(await box.whatIsWrong({ everything: true })).toEqual([]);
    } finally {
      await box.remove();
    }
  });

  it('loses nothing that was acknowledged', async () => {
    const seed = suiteSeed('power cuts');
    const failures = await crashRounds({ suite: 'power cuts', dir, seed, rounds: rounds(8, 200), loop: true });
    expect(failures).toEqual([]);
  });
});
