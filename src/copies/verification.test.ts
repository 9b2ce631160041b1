import { chmod, mkdir, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { log } from '../../test/support/open-library.ts';
import { renewalPrefix } from '../library/publishing.ts';
import { safeToRemove } from '../library/safe-to-remove.ts';
import { Verification, type VerificationLimits } from './verification.ts';

const dayMs = 86_400_000;
const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number, bytes = 5_000) => exifJpeg({ seed, bytes, takenLocal: '2025-07-14T09:30:00' });

type World = { box: KeepingBox; it: Verification; night: boolean; busy: boolean };

/** It looks all the time, and reads as fast as it can. */
async function world(limits: Partial<VerificationLimits> = {}): Promise<World & AsyncDisposable> {
  const made = { night: false, busy: false } as World;
  made.box = await KeepingBox.make((library, now) => {
    made.it = new Verification({
      library,
      nightSince: () => (made.night ? now() - 3_600_000 : undefined),
      busy: () => made.busy,
      now,
      log,
      limits: { lookMs: 10, bytesPerSecond: 1e12, bytesPerSecondAsked: 1e12, ...limits },
    });
    made.it.open();
  });
  return Object.assign(made, { [Symbol.asyncDispose]: () => made.box[Symbol.asyncDispose]() });
}
const readAt = ({ box }: World, id: number) =>
  box.open.database.get<{ at: number | null }>('SELECT verified_at AS at FROM asset WHERE id = ?', id)?.at;
const done = ({ it: verification }: World) => expect.poll(async () => (await verification.state()).all).toBeNull();
async function all(of: World): Promise<void> {
  await of.it.startAll();
  await done(of);
}

it('finds what is missing, not what came, or unreadable, and nothing else; the phone sends it again', async () => {
  await using house = await world();
  const { box } = house;
  const assets = [];
  for (let seed = 1; seed <= 5; seed += 1) assets.push(await box.upload(`DCIM/${seed}.jpg`, picture(seed)));
  const [whole, gone, flipped, cut, locked] = assets.map(({ id }) => id) as [number, number, number, number, number];
  await rm(box.at(`${july}/2.jpg`));
  const rotten = await readFile(box.at(`${july}/3.jpg`));
  rotten.writeUInt8(rotten.readUInt8(2_500) ^ 1, 2_500);
  const { atime, mtime } = await stat(box.at(`${july}/3.jpg`));
  await writeFile(box.at(`${july}/3.jpg`), rotten);
  await utimes(box.at(`${july}/3.jpg`), atime, mtime);
  await truncate(box.at(`${july}/4.jpg`), 4_000);
  // A pipe would hold a reader for ever; a folder is no file.
  await rm(box.at(`${july}/5.jpg`));
  await mkdir(box.at(`${july}/5.jpg`));
  // Another time alone is no damage.
  await utimes(box.at(`${july}/1.jpg`), 1, 1);
  await chmod(box.at(`${july}/1.jpg`), 0o600);
  await all(house);
  expect(assets.map(({ id }) => box.state(id))).toEqual(['present', 'missing', 'damaged', 'damaged', 'missing']);
  expect(readAt(house, whole)).toBe(box.box.clock);
  const lost = await house.it.lost(0, 10);
  expect(lost.map(({ id, damage }) => [id, damage])).toEqual([
    [gone, 'missing'],
    [flipped, 'other-bytes'],
    [cut, 'other-bytes'],
    [locked, 'missing'],
  ]);
  expect(lost[1]).toMatchObject({ person: 'Alice', name: '3.jpg', takenLocal: '2025-07-14T09:30:00' });
  expect(await house.it.state()).toMatchObject({ lost: 4, files: 3 });
  expect(house.it.report(box.open, { from: 0, to: 1e15 }, 2)).toMatchObject({ files: 5, damaged: 4, lost: [{}, {}] });

  // It comes again, takes its old name, and what was damaged is kept out of view.
  await box.upload('DCIM/3.jpg', picture(3));
  expect([box.state(flipped), box.open.rows.asset(flipped)?.path]).toEqual(['present', `${july}/3.jpg`]);
  expect(await readFile(box.at(`${july}/3.jpg`))).toEqual(picture(3));
  expect(await readFile(box.at(`.nightjar/damaged/${flipped}`))).toEqual(rotten);
  expect(readAt(house, flipped)).toBeNull();
  expect((await house.it.lost(0, 10)).map(({ id }) => id)).toEqual([gone, cut, locked]);
  // Damaged once more: the first copy stays.
  await truncate(box.at(`${july}/3.jpg`), 10);
  await all(house);
  await box.upload('DCIM/3.jpg', picture(3));
  expect((await readdir(box.at('.nightjar/damaged'))).sort()).toEqual([`${flipped}`, `${flipped}-1`]);
  // Nobody needs them for ever.
  box.box.clock += 91 * dayMs;
  await all(house);
  expect(await readdir(box.at('.nightjar/damaged'))).toEqual([]);
});

it('calls a photo lost until it has its place again', async () => {
  await using house = await world();
  const { box } = house;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await rm(box.at(`${july}/1.jpg`));
  await all(house);
  const source = `${renewalPrefix}${id}`;
  await writeFile(box.open.incoming(source), picture(1));
  const told = async () => [
    box.state(id),
    (await house.it.state()).lost,
    (await house.it.lost(0, 10)).map((file) => file.id),
  ];
  const syncSource = async () => await expect.poll(told).toEqual(['publishing', 1, [id]]);
  expect(await box.box.library.renew(box.open, id, { source, syncSource })).toBe(true);
  expect(await told()).toEqual(['present', 0, []]);
});

it('sees that somebody put a lost file back', async () => {
  await using house = await world();
  const { box } = house;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await rename(box.at(`${july}/1.jpg`), box.at('elsewhere.jpg'));
  await all(house);
  expect(box.state(id)).toBe('missing');
  await rename(box.at('elsewhere.jpg'), box.at(`${july}/1.jpg`));
  box.box.clock += dayMs;
  house.night = true;
  await expect.poll(() => box.state(id)).toBe('present');
  expect(await house.it.lost(0, 10)).toEqual([]);
  expect(await house.it.mended(10)).toMatchObject([
    { id, name: '1.jpg', damage: 'missing', foundAt: box.box.clock - dayMs, mendedAt: box.box.clock, how: 'put-back' },
  ]);
  // And that nobody read it for 30 days, until somebody does.
  house.night = false;
  house.busy = true;
  expect(await house.it.state()).toMatchObject({ overdue: 0 });
  box.box.clock += 31 * dayMs;
  expect(await house.it.state()).toMatchObject({ overdue: 1 });
  house.busy = false;
  await expect.poll(() => house.it.state()).toMatchObject({ overdue: 0 });
});

it('reads what is new, then a slice each night, and by day what is overdue', async () => {
  await using house = await world({ nights: 5, bytesPerNightMin: 1, restMs: 0, overdueMs: 7 * dayMs });
  const { box } = house;
  const ids: number[] = [];
  for (let seed = 1; seed <= 10; seed += 1) ids.push((await box.upload(`DCIM/${seed}.jpg`, picture(seed))).id);
  box.box.clock += dayMs;
  house.night = true;
  const readIn = (at: number) => ids.filter((id) => readAt(house, id) === at).length;
  await expect.poll(() => readIn(box.box.clock)).toBe(10);
  for (let night = 1; night <= 5; night += 1) {
    house.night = false;
    box.box.clock += dayMs;
    house.night = true;
    await expect.poll(() => readIn(box.box.clock), { message: `night ${night}` }).toBe(2);
  }
  expect((await house.it.state()).oldestAt).toBeGreaterThan(box.box.clock - 6 * dayMs);
  // A box that is off at night: in the afternoon, when it has waited for too long.
  house.night = false;
  box.box.clock += 4 * dayMs;
  await expect.poll(() => readIn(box.box.clock)).toBeGreaterThanOrEqual(2);
});

it('waits while somebody uses the disk, stops on demand, and goes on after a restart', async () => {
  await using house = await world();
  const { box } = house;
  const { id } = await box.upload('DCIM/1.jpg', picture(1, 2_000_000));
  house.busy = true;
  await house.it.startAll();
  await expect.poll(() => house.it.state()).toMatchObject({ running: true, waiting: true, all: { ofFiles: 1 } });
  expect(readAt(house, id)).toBeNull();
  await house.it.stopAll();
  expect(await house.it.state()).toMatchObject({ all: null });
  await house.it.startAll();
  await box.box.restart();
  expect(readAt(house, id)).toBeNull();
  house.busy = false;
  await done(house);
  expect(readAt(house, id)).toBe(box.box.clock);
});

it('calls nothing safe to remove that was read wrongly once, while the second reading waits', async () => {
  await using house = await world();
  const { box } = house;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await writeFile(box.at(`${july}/1.jpg`), Buffer.alloc(5_000));
  const safe = async () =>
    (await safeToRemove(box.open, { phoneId: box.box.owner.phoneId, personId: box.personId }, page)).items.length;
  const page = { cursor: undefined, limit: 10 };
  expect(await safe()).toBe(1);
  // Somebody begins to use the disk just after the first reading.
  let asked = 0;
  Object.defineProperty(house, 'busy', { get: () => ++asked > 1, set: () => undefined, configurable: true });
  await house.it.startAll();
  await expect.poll(() => asked).toBeGreaterThan(1);
  expect([box.state(id), await safe()]).toEqual(['present', 0]);
  Object.defineProperty(house, 'busy', { value: false });
  await expect.poll(() => box.state(id)).toBe('damaged');
  expect([await safe(), box.open.doubted.size]).toEqual([0, 0]);
});

it('reads from the medium, whatever memory holds, in pieces that hold nobody up', async () => {
  await using house = await world();
  const { box } = house;
  // Sizes around the pieces of half a megabyte, and none at all.
  const sizes = [1, 511, 512, 4_096, 524_287, 524_288, 524_289, 1_048_577];
  const made = [];
  for (const [index, size] of sizes.entries()) {
    made.push(await box.upload(`DCIM/${index}.bin`, Buffer.alloc(size, index + 1)));
  }
  made.push(await box.upload('DCIM/none.bin', Buffer.alloc(0)));
  await all(house);
  expect(made.map(({ id }) => box.state(id))).toEqual(made.map(() => 'present'));
  expect(made.map(({ id }) => readAt(house, id))).toEqual(made.map(() => box.box.clock));
});
