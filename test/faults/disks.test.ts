/**
 * Disks that fill up, vanish, come back, or are swapped, while phones send: each a clear answer, nothing partial in
 * view, nothing on the root filesystem, and the box goes on by itself.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say, suiteSeed } from '../support/counts.ts';
import { answerOf, DiskBox, fill, picture } from '../support/disk-box.ts';
import { contentOf, type PhoneFile, sha256 } from '../support/fault-phone.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { recordTests } from '../support/results.ts';
import { appendSlowly, appendTo, headOf } from '../support/tus-by-hand.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`disks cannot be tested here: ${missing}`);

const MiB = 1024 * 1024;
const never = new AbortController().signal;
const poll = { timeout: 15_000, interval: 50 };

describe.skipIf(missing !== undefined && maySkip)('disks', () => {
  let dir = '';
  const seed = suiteSeed('disks');
  recordTests('disks', { seed: () => seed, told: () => 'each as expected' });
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Disks cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njd-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  it('a disk filled to the last byte in the middle of uploads', async () => {
    await using box = await DiskBox.make(join(dir, 'full'), 192, seed);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const large: PhoneFile = { path: 'DCIM/large.jpg', kind: 'noise', seed: 2, size: 60 * MiB, takenLocal: '' };
    const bytes = contentOf(large);
    const upload = await box.begin(large);
    expect((await appendTo(box.caller, upload, 0, bytes.subarray(0, 10 * MiB))).status).toBe(204);
    const rest = appendSlowly(box.caller, upload, 10 * MiB, large.size - 10 * MiB);
    rest.write(bytes.subarray(10 * MiB, 20 * MiB));
    // It writes in pieces of about 1 MiB; the last waits for more.
    await expect.poll(() => box.receivedBytes(), poll).toBeGreaterThanOrEqual(18 * MiB);

    await fill(join(disk.path, 'somebody else’s file'));
    rest.write(bytes.subarray(20 * MiB));
    const stopped = await answerOf(rest);
    expect(stopped).toMatchObject({ status: 507, problem: { code: 'disk-full' } });
    const small = await box.begin(picture(3)).catch((error: Error) => error.message);
    expect(small).toContain('507');
    // The box lives, and what is there can be read.
    expect(await daemon.health()).toMatchObject({ disk: 'ok' });
    await box.expectReadable([...phone.safe.values()]);
    expect(await box.check.filesInView()).toHaveLength(1);

    await rm(join(disk.path, 'somebody else’s file'));
    const offset = Number((await headOf(box.caller, upload)).headers['upload-offset']);
    expect(offset).toBeGreaterThanOrEqual(10 * MiB);
    expect((await appendTo(box.caller, upload, offset, bytes.subarray(offset))).headers['upload-offset']).toBe(
      String(large.size),
    );
    await phone.send(daemon.url, picture(3), never);
    await box.expectReadable([...phone.safe.values(), { size: large.size, sha256: sha256(bytes) }]);
    await box.expectNothingWrong();
  });

  it('a disk that vanishes in the middle of uploads, and comes back', async () => {
    await using box = await DiskBox.make(join(dir, 'gone'), 512, seed + 1);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const stop = new AbortController();
    const sending = phone.run(daemon.url, stop.signal);
    await expect.poll(() => phone.safe.size, poll).toBeGreaterThanOrEqual(4);
    // What was said in this moment is not heard: a sync that was under way may have ended well, on nothing.
    phone.deaf = true;
    await disk.cut();
    await sending;
    phone.deaf = false;
    await box.expectMissing('disk-missing');

    // The daemon holds nothing on it any more.
    await disk.unmount({ lazyAllowed: false });
    await box.expectMissing('disk-missing');
    await expect.poll(() => box.begin(picture(2)).catch((error: Error) => error.message), poll).toContain('503');
    expect(await readdir(disk.path)).toEqual([]);

    await disk.mount();
    await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
    expect(await phone.checkOffsets(daemon.url)).toEqual([]);
    await phone.finishAll(daemon.url);
    await phone.send(daemon.url, picture(2), never);
    await box.expectReadable([...phone.safe.values()]);
    await box.expectNothingWrong();
  });

  it('a disk taken away between uploads, its empty place, and another disk there', async () => {
    await using box = await DiskBox.make(join(dir, 'swapped'), 128, seed + 2);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const other = await LoopDisk.make(box.dir, 'other', 64);
    try {
      // Held open while it is there: the plug is pulled, as people do.
      await disk.cut();
      await disk.unmount({ lazyAllowed: false });
      await box.expectMissing('disk-missing');
      expect(await readdir(disk.path)).toEqual([]);

      const marker = {
        format: 1,
        diskId: crypto.randomUUID(),
        boxId: crypto.randomUUID(),
        createdAt: 1,
        filesystem: null,
      };
      await mkdir(join(other.path, '.nightjar'));
      await writeFile(join(other.path, '.nightjar/disk.json'), JSON.stringify(marker));
      await other.unmount();
      await other.mount(disk.path);
      const before = await readdir(disk.path, { recursive: true });
      await box.expectMissing('disk-foreign');
      expect(await readdir(disk.path, { recursive: true })).toEqual(before);
      await other.unmount({ lazyAllowed: false, at: disk.path });
    } finally {
      await other.remove();
    }
    await disk.mount();
    await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
    await phone.send(daemon.url, picture(2), never);
    await box.expectReadable([...phone.safe.values()]);
    await box.expectNothingWrong();
  });
});
