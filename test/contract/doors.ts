/**
 * What every door promises, whatever it speaks: what it called safe is safe, what was cut off goes on, a photo that comes
 * by two doors is one, and no name leads anywhere. On a real daemon whose disk can be cut, filled and taken away.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { pathKey } from '../../src/library/placement.ts';
import { rounds } from '../support/counts.ts';
import type { Daemon } from '../support/daemon.ts';
import { fill } from '../support/disk-box.ts';
import { type Door, isSafe } from '../support/doors.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { sha256 } from '../support/fault-phone.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import type { LoopDisk } from '../support/loop-disk.ts';
import type { Random } from '../support/random.ts';

/** `doors` are of two phones of one person. */
export type DoorsWorld = Readonly<{
  daemon: Daemon;
  disk: LoopDisk;
  phone: HandPhone;
  doors: readonly [Door, Door];
  random: Random;
}>;

const poll = { timeout: 20_000, interval: 50 };
const pieces = 6;
const pieceBytes = 200_000;
const killedWithinMs = 350;
/** Legal on every disk that may be plugged in; at its end never a dot or a space, which some drop. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const legalName = /^[^<>:"\\|?*\u0000-\u001f\u007f]{1,255}(?<![. ])$/;
const reservedName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

let seed = 7_000;
const picture = () => exifJpeg({ seed: seed++, bytes: 60_000, takenLocal: '2025-07-14T09:30:00' });

/** Refused by every door, with nothing kept. */
const refused = [
  '../up.jpg',
  '..',
  '.',
  'a/../../up.jpg',
  '/../../etc/up.jpg',
  'zero\0.jpg',
  `${'n'.repeat(1_100)}.jpg`,
  'd/'.repeat(80).concat('x.jpg'),
];
/** Kept by every door, each as a file of its own under a legal name. */
const kept = [
  ...['CON.jpg', 'aux', 'LPT1.txt', 'nul.jpg', 'com1.tar.gz', '.nightjar', '-rf', '~', '%2e%2e%2fup.jpg', '%00.jpg'],
  ...[
    'case.jpg',
    'CASE.JPG',
    'Case.jpg',
    'e\u0301.jpg',
    '\u00e9.jpg',
    'E\u0301.JPG',
    'ﬁ.txt',
    'fi.txt',
    'ß.txt',
    'ss.txt',
  ],
  ...[
    'dots...',
    'dots.',
    'dots',
    'space ',
    ' space',
    'space',
    'a\u0001b\u001f.jpg',
    'tab\t.jpg',
    'line\nend.jpg',
    'x\u007f.jpg',
  ],
  ...[
    'a:b*?"<>|.jpg',
    'back\\slash.jpg',
    '\u202egpj.exe.jpg',
    '💾.jpg',
    `${'ü'.repeat(140)}.jpg`,
    `${'n'.repeat(300)}.jpg`,
  ],
  ...['folder ./inner.txt', 'folder/inner.txt', 'FOLDER/inner.txt'],
];

export function doorContract(name: 'tus' | 'WebDAV', world: () => DoorsWorld): void {
  describe(`${name}: what every door promises`, () => {
    let box: DoorsWorld;
    let door: Door;
    let other: Door;
    beforeEach(() => {
      box = world();
      const [first, second] = box.doors;
      [door, other] = first.name === name ? [first, second] : [second, first];
    });

    /** How many assets, and how many files on the disk, hold these bytes. */
    const held = async (bytes: Buffer) => {
      const { assets } = await library(box.phone);
      return assets.filter((one) => one.sha256 === sha256(bytes)).length;
    };
    const expectHeld = async (files: readonly Buffer[]) => {
      const { phone } = box;
      const { assets } = await library(phone);
      for (const bytes of files) {
        const asset = assets.find((one) => one.sha256 === sha256(bytes));
        const original = await box.daemon.ask('GET', `/api/assets/${asset?.id}/original`, { token: phone.token });
        expect(sha256(original.body)).toBe(sha256(bytes));
      }
    };
    const whole = async (path: string, bytes: Buffer) => {
      const sending = await door.begin(path, bytes);
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const answer = await sending.append(at, bytes.subarray(at, at + pieceBytes));
        expect(isSafe(answer), answer.text).toBe(true);
      }
      return sending;
    };

    it('what it called safe survives a power cut, also a piece', async () => {
      const { daemon, disk } = box;
      const [small, large, part] = [picture(), randomBytes(pieces * pieceBytes), randomBytes(2 * pieceBytes)];
      const begun = await door.begin('cut/part.bin', part);
      expect(isSafe(await begun.append(0, part.subarray(0, pieceBytes)))).toBe(true);
      expect(isSafe(await (await whole('cut/large.bin', large)).finish())).toBe(true);
      expect(isSafe(await door.send('cut/small.jpg', small))).toBe(true);
      await disk.cut();
      await daemon.kill();
      await disk.remount();
      await daemon.restart();
      await daemon.libraryOpen();
      await expectHeld([small, large]);
      expect(await begun.offset()).toBe(pieceBytes);
      expect(isSafe(await begun.append(pieceBytes, part.subarray(pieceBytes)))).toBe(true);
      expect(isSafe(await begun.finish())).toBe(true);
      await expectHeld([part]);
    });

    it('goes on after a connection that broke, from what it has', async () => {
      const bytes = randomBytes(2 * pieceBytes);
      const sending = await door.begin('broken.bin', bytes);
      await sending.append(0, bytes.subarray(0, 50_000));
      await sending.breakOff(50_000, bytes.subarray(50_000), 120_000);
      const offset = (await sending.offset()) ?? -1;
      expect(offset).toBeGreaterThanOrEqual(50_000);
      expect(offset).toBeLessThan(bytes.length);
      expect(isSafe(await sending.append(offset, bytes.subarray(offset)))).toBe(true);
      expect(isSafe(await sending.finish())).toBe(true);
      await expectHeld([bytes]);
    });

    it('a photo that comes by the other door as well is one photo and one file', async () => {
      const [early, late] = [picture(), picture()];
      const files = async () => (await filesInView(box.daemon.diskDir)).length;
      const before = await files();
      expect(isSafe(await door.send(`${name}/first.jpg`, early))).toBe(true);
      expect(isSafe(await other.send(`${name}/again.jpg`, early))).toBe(true);
      const both = await Promise.all([door.send(`${name}/b.jpg`, late), other.send(`${name}/c.jpg`, late)]);
      expect(both.map(isSafe)).toEqual([true, true]);
      expect(await (await whole(`${name}/as-parts.jpg`, early)).finish()).toSatisfy(isSafe);
      expect([await held(early), await held(late), (await files()) - before]).toEqual([1, 1, 2]);
    });

    it('a box that is killed has every piece that it acknowledged, and in the end the file, once', async () => {
      const { daemon, random } = box;
      for (let round = 0; round < rounds(1, 100); round++) {
        const bytes = randomBytes(pieces * pieceBytes);
        const path = `kills/${name}-${round}.bin`;
        const sending = await door.begin(path, bytes);
        const kill = new Promise<void>((resolve, reject) => {
          setTimeout(() => daemon.kill().then(resolve, reject), random.whole(0, killedWithinMs));
        });
        let acked = 0;
        let safe = false;
        const send = async (from: number) => {
          for (let at = from; at < bytes.length; at += pieceBytes) {
            if (!isSafe(await sending.append(at, bytes.subarray(at, at + pieceBytes)))) return;
            acked = Math.min(bytes.length, at + pieceBytes);
          }
          safe = isSafe(await sending.finish());
        };
        // Its connection goes with the box.
        await send(0).catch(() => undefined);
        await kill;
        await daemon.restart();
        await daemon.libraryOpen();
        const there = await sending.offset();
        if (there !== undefined) {
          expect([there >= acked, safe], `round ${round}`).toEqual([true, false]);
          await send(there);
          expect(safe, `round ${round}`).toBe(true);
        }
        await expectHeld([bytes]);
        expect(await held(bytes)).toBe(1);
      }
      // And right after it was called safe.
      const last = picture();
      expect(isSafe(await door.send('kills/last.jpg', last))).toBe(true);
      await daemon.kill();
      await daemon.restart();
      await daemon.libraryOpen();
      await expectHeld([last]);
    });

    it('a full disk is told so, and takes the rest when there is room', async () => {
      const { daemon, disk } = box;
      const [before, more] = [picture(), randomBytes(3 * 1024 * 1024)];
      expect(isSafe(await door.send('full/before.jpg', before))).toBe(true);
      await fill(join(disk.path, 'others'));
      const told = await door.send('full/more.bin', more);
      expect([told.status, /room|full/.test(told.text)]).toEqual([507, true]);
      expect(await held(more)).toBe(0);
      await expectHeld([before]);
      await rm(join(disk.path, 'others'));
      await expect.poll(async () => isSafe(await door.send('full/more.bin', more)), poll).toBe(true);
      await expectHeld([before, more]);
      expect(await readdir(join(daemon.diskDir, '.nightjar/incoming'))).toHaveLength(0);
    });

    it('a disk that vanished is "not now", never "not known", and it goes on when the disk is back', async () => {
      const { daemon, disk } = box;
      const [before, during, after] = [picture(), picture(), randomBytes(2 * pieceBytes)];
      expect(isSafe(await door.send('gone/before.jpg', before))).toBe(true);
      const begun = await door.begin('gone/after.bin', after);
      expect(isSafe(await begun.append(0, after.subarray(0, pieceBytes)))).toBe(true);
      await disk.cut();
      await disk.unmount({ lazyAllowed: false });
      await expect.poll(async () => (await door.send('gone/during.jpg', during)).status, poll).toBe(503);
      // Nothing was written to the empty place.
      expect(await readdir(disk.path)).toEqual([]);
      await disk.mount();
      await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
      await expectHeld([before]);
      expect(await begun.offset()).toBe(pieceBytes);
      expect(isSafe(await begun.append(pieceBytes, after.subarray(pieceBytes)))).toBe(true);
      expect(isSafe(await begun.finish())).toBe(true);
      expect(isSafe(await door.send('gone/during.jpg', during))).toBe(true);
      await expectHeld([after, during]);
    });

    it('no name leads elsewhere, and none takes the place of another', async () => {
      const { daemon } = box;
      const before = await filesInView(daemon.diskDir);
      for (const path of refused) {
        const bytes = randomBytes(500);
        const { status } = await door.send(path, bytes);
        expect([path, status >= 400 && status < 500, await held(bytes)]).toEqual([path, true, 0]);
      }
      expect(await filesInView(daemon.diskDir)).toEqual(before);
      const files = kept.map((path) => ({ path, bytes: randomBytes(500) }));
      for (const { path, bytes } of files) expect([path, isSafe(await door.send(path, bytes))]).toEqual([path, true]);
      await expectHeld(files.map(({ bytes }) => bytes));
      const after = await filesInView(daemon.diskDir);
      expect(after).toHaveLength(before.length + files.length);
      expect(new Set(after.map(pathKey)).size).toBe(after.length);
      for (const path of after) {
        expect(path).toMatch(/^(Photos|Files)\//);
        for (const step of path.split('/')) {
          expect([step, legalName.test(step), reservedName.test(step)]).toEqual([step, true, false]);
        }
      }
    });
  });
}

async function library(phone: HandPhone): Promise<Awaited<ReturnType<HandPhone['library']>>> {
  return await phone.library('?limit=1000');
}

/** Without the checksum lists, which the box writes when nothing came for a while. */
async function filesInView(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((path) => !/^\.nightjar\/|^README-NIGHTJAR|^lost\+found|(^|\/)SHA256SUMS$/.test(path))
    .sort();
}
