/** Both doors on one box: each passes the same suite. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type DoorsWorld, doorContract } from '../contract/doors.ts';
import { maySkip, say, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { TusDoor, WebDavDoor } from '../support/doors.ts';
import { HandPhone } from '../support/hand-phone.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { recordTests } from '../support/results.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`the doors cannot be held against each other here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('the doors', () => {
  const seed = suiteSeed('doors');
  const parts = new AsyncDisposableStack();
  let dir = '';
  let world: DoorsWorld | undefined;
  recordTests('doors', { seed: () => seed, told: () => 'tus and WebDAV, by one suite' });

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`The doors cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njdo-'));
    const disk = await LoopDisk.make(dir, 'disk', 160);
    parts.defer(() => disk.remove());
    const daemon = await Daemon.start({ dir, diskDir: disk.path, ...(treeDir === undefined ? {} : { treeDir }) });
    parts.use(daemon);
    await daemon.setUp();
    const port = () => Number(new URL(daemon.url).port);
    const phone = new HandPhone(port, await daemon.pair('Alice', 'Pixel'));
    const other = new HandPhone(port, await daemon.pair('Alice', 'Tablet'));
    const doors = [new TusDoor(phone, port), await WebDavDoor.on(other, port)] as const;
    world = { daemon, disk, phone, doors, random: new Random(seed) };
  });
  afterAll(async () => {
    await parts.disposeAsync();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  for (const name of ['tus', 'WebDAV'] as const) {
    doorContract(name, () => {
      if (world === undefined) throw new Error('The box is not there.');
      return world;
    });
  }
});
