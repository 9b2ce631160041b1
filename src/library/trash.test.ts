import { readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { buildDateMs } from '../platform/build-date.ts';
import { TrashStore } from './trash-store.ts';

const dayMs = 86_400_000;
const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number, takenLocal = '2025-07-14T09:30:00') =>
  exifJpeg({ seed, bytes: 5000 + seed, takenLocal });
const never = new AbortController().signal;

let box: KeepingBox;
beforeEach(async () => {
  box = await KeepingBox.make();
  box.box.clock = buildDateMs + 100 * dayMs;
});
afterEach(() => box[Symbol.asyncDispose]());

const trash = (...ids: number[]) => box.trash.trash(box.personId, ids);
const restore = (...ids: number[]) => box.trash.restore(box.personId, ids);
const settled = () => expect.poll(() => box.relocations()).toBe(0);
const look = () => box.trash.empty(box.open, never);
const inTrash = async () => (await readdir(box.at('.nightjar/trash'))).sort();

describe('the end of thirty days', () => {
  it('takes for good what was there for thirty days, and nothing younger', async () => {
    const old = await box.upload('DCIM/old.jpg', picture(1));
    const young = await box.upload('DCIM/young.jpg', picture(2));
    await trash(old.id);
    await settled();
    for (let day = 1; day <= 30; day++) {
      box.box.clock += dayMs;
      if (day === 2) {
        await trash(young.id);
        await settled();
      }
      await look();
      if (day < 30) expect(box.state(old.id), `day ${day}`).toBe('trashed');
    }
    expect(box.state(old.id)).toBe('deleted');
    expect(box.state(young.id)).toBe('trashed');
    expect(await inTrash()).toEqual([String(young.id)]);
    // It may be told twice.
    expect(new Set(box.deleted)).toEqual(new Set([old.id]));
    expect(box.told.filter(({ type }) => type === 'deleted')).toEqual([{ type: 'deleted', assets: [old.id] }]);
    // Its name is free, and its content stays away.
    expect((await box.upload('DCIM/again.jpg', picture(1))).id).toBe(old.id);
    expect(box.state(old.id)).toBe('deleted');
    expect((await box.upload('DCIM/other/old.jpg', picture(3))).path).toBe(`${july}/old.jpg`);
  });

  it('is not brought near by a clock that jumps, nor by one that was wrong when it began', async () => {
    const one = await box.upload('DCIM/1.jpg', picture(1));
    await trash(one.id);
    await settled();
    // Ten years at once, and looks that are repeated.
    box.box.clock += 3650 * dayMs;
    for (let again = 0; again < 40; again++) await look();
    expect(box.state(one.id)).toBe('trashed');
    const two = await box.upload('DCIM/2.jpg', picture(2));
    await trash(two.id);
    // Right again: what was trashed in the future begins its days now.
    box.box.clock -= 3650 * dayMs;
    await look();
    const [newest] = box.trash.page(box.personId, undefined, 1);
    expect([newest?.asset.id, newest?.trashedAt]).toEqual([two.id, box.box.clock]);
    expect(newest?.goneAt).toBe(box.box.clock + 30 * dayMs);
    // A clock that was never set: trashed in 1970, and no look counts before this program was made.
    const now = box.box.clock;
    box.box.clock = 1_000;
    const three = await box.upload('DCIM/3.jpg', picture(3));
    await trash(three.id);
    for (let again = 0; again < 40; again++) {
      box.box.clock += dayMs;
      await look();
    }
    box.box.clock = now;
    for (let day = 1; day < 30; day++) {
      box.box.clock += dayMs;
      await look();
      // The jump ahead and the one back were a day each.
      if (day < 28) expect(box.state(one.id), `day ${day}`).toBe('trashed');
      expect([box.state(two.id), box.state(three.id)], `day ${day}`).toEqual(['trashed', 'trashed']);
    }
    for (let day = 1; day <= 3; day++) {
      box.box.clock += dayMs;
      await look();
    }
    expect([one, two, three].map(({ id }) => box.state(id))).toEqual(['deleted', 'deleted', 'deleted']);
  });

  it('is as many days as each went there with, or as are chosen by then if those are more', async () => {
    const ids: number[] = [];
    for (const [seed, days] of [7, 30, 60].entries()) {
      const { id } = await box.upload(`DCIM/${seed}.jpg`, picture(seed + 1));
      ids.push(id);
      box.trashDays = days;
      await trash(id);
    }
    await settled();
    box.trashDays = 7;
    const gone: Array<number | undefined> = ids.map(() => undefined);
    for (let day = 1; day <= 61; day++) {
      box.box.clock += dayMs;
      await look();
      for (const [index, id] of ids.entries()) if (box.state(id) === 'deleted') gone[index] ??= day;
    }
    expect(gone).toEqual([7, 30, 60]);
  });

  it('keeps what is brought back, and begins anew when it is trashed again', async () => {
    const { id } = await box.upload('DCIM/1.jpg', picture(1));
    await trash(id);
    for (let day = 1; day <= 29; day++) {
      box.box.clock += dayMs;
      await look();
    }
    await restore(id);
    await trash(id);
    for (let day = 1; day <= 29; day++) {
      box.box.clock += dayMs;
      await look();
      expect(box.state(id)).toBe('trashed');
    }
    await restore(id);
    for (let day = 1; day <= 40; day++) {
      box.box.clock += dayMs;
      await look();
    }
    expect(box.state(id)).toBe('present');
    expect(await readFile(box.at(`${july}/1.jpg`))).toEqual(picture(1));
  });

  it('comes for the others also when one cannot be moved', async () => {
    const stuck = await box.upload('DCIM/1.jpg', picture(1, '2024-01-05T10:00:00'));
    const other = await box.upload('DCIM/2.jpg', picture(2));
    const folder = box.at('Photos/Alice/2024/2024-01');
    await rename(folder, `${folder}-away`);
    await symlink('2024-01', folder);
    await trash(stuck.id, other.id);
    await expect.poll(() => box.relocations()).toBe(1);
    for (let day = 1; day < 30; day++) {
      box.box.clock += dayMs;
      await look();
    }
    box.box.clock += dayMs;
    await expect(look()).rejects.toMatchObject({ code: 'ELOOP' });
    expect([box.state(stuck.id), box.state(other.id)]).toEqual(['trashed', 'deleted']);
    expect(new Set(box.deleted)).toEqual(new Set([other.id]));
    // In one step: a look between two would find no file, and believe that somebody took it away.
    await symlink('2024-01-away', `${folder}-again`);
    await rename(`${folder}-again`, folder);
    await look();
    expect(box.state(stuck.id)).toBe('deleted');
    await expect.poll(() => readdir(folder)).not.toContain('1.jpg');
  });
});

describe('what goes together', () => {
  it('both halves of a pair, and the sidecars that stand beside them', async () => {
    const still = await box.upload('DCIM/IMG_1.jpg', picture(1), { pair: 'p' });
    const video = await box.upload('DCIM/IMG_1.mov', Buffer.from('not really a video'), { pair: 'p' });
    const sidecars = [];
    for (const name of ['IMG_1.AAE', 'IMG_O1.AAE', 'IMG_1.xmp', 'IMG_1.jpg.xmp', 'IMG_1.jpg.json']) {
      sidecars.push(await box.upload(`DCIM/${name}`, Buffer.from(name)));
    }
    for (const { path } of [video, ...sidecars]) expect(path.startsWith(`${july}/IMG_`), path).toBe(true);
    const other = await box.upload('DCIM/IMG_10.AAE', Buffer.from('of another'), { mtime: Date.UTC(2025, 6, 3) });
    expect(other.path).toBe(`${july}/IMG_10.AAE`);
    const all = [still, video, ...sidecars].map(({ id }) => id).sort();
    expect((await trash(video.id)).sort()).toEqual(all);
    await settled();
    expect((await readdir(box.at(july))).filter((name) => name !== 'SHA256SUMS')).toEqual(['IMG_10.AAE']);
    expect((await restore(still.id)).restored.sort()).toEqual(all);
    expect(await trash(sidecars[0]?.id ?? 0)).toEqual([sidecars[0]?.id]);
    await trash(still.id);
    expect((await box.trash.delete(box.personId, [still.id])).sort()).toEqual(all);
    expect(await inTrash()).toEqual([]);
    expect(box.state(other.id)).toBe('present');
  });

  it('a sidecar stays with the photo that stays', async () => {
    const raw = await box.upload('DCIM/A.dng', picture(1));
    const jpeg = await box.upload('DCIM/A.jpg', picture(2));
    const shared = await box.upload('DCIM/A.xmp', Buffer.from('of both'));
    const own = await box.upload('DCIM/A.jpg.xmp', Buffer.from('of one'));
    expect((await trash(jpeg.id)).sort()).toEqual([jpeg.id, own.id]);
    expect((await trash(raw.id)).sort()).toEqual([raw.id, shared.id]);
    expect((await box.trash.delete(box.personId, [jpeg.id])).sort()).toEqual([jpeg.id, own.id]);
    expect((await restore(raw.id)).restored.sort()).toEqual([raw.id, shared.id]);
  });

  it('a half that comes when its owner deleted the other goes straight to the trash', async () => {
    const still = await box.upload('DCIM/IMG_1.jpg', picture(1), { pair: 'p' });
    await trash(still.id);
    await settled();
    box.box.clock += dayMs;
    const video = await box.upload('DCIM/IMG_1.mov', Buffer.from('late'), { pair: 'p' });
    expect(video).toMatchObject({ state: 'trashed', path: `${july}/IMG_1.mov` });
    await settled();
    expect(await inTrash()).toEqual([String(still.id), String(video.id)].sort());
    expect(box.trash.page(box.personId, undefined, 10).map(({ asset }) => asset.id)).toEqual([video.id, still.id]);
    expect(box.open.items.counts('phone-1')).toMatchObject({ seen: 2, safe: 0, refused: 2, deleted: 2 });
    expect((await restore(still.id)).restored.sort()).toEqual([still.id, video.id]);
    expect(await readFile(box.at(`${july}/IMG_1.mov`), 'utf8')).toBe('late');
    // Gone for good: a half of it can still be had back for thirty days.
    const second = await box.upload('DCIM/IMG_2.jpg', picture(2), { pair: 'q' });
    await trash(second.id);
    await box.trash.delete(box.personId, [second.id]);
    const third = await box.upload('DCIM/IMG_2.mov', Buffer.from('later'), { pair: 'q' });
    expect(third.state).toBe('trashed');
    await settled();
    expect((await restore(third.id)).restored).toEqual([third.id]);
    // One that is kept: the next one is kept too.
    expect((await box.upload('DCIM/IMG_2.AAE', Buffer.from('edit'), { pair: 'q' })).state).toBe('present');
  });

  it('an edited copy of a deleted photo is a photo that nobody deleted', async () => {
    const still = await box.upload('DCIM/IMG_1.jpg', picture(1), { pair: 'p' });
    await box.upload('DCIM/IMG_1.mov', Buffer.from('a video'), { pair: 'p' });
    await trash(still.id);
    await settled();
    const edited = await box.upload('DCIM/IMG_1.jpg', picture(2), { pair: 'p' });
    expect(edited.state).toBe('present');
    expect(await readFile(box.at(edited.path))).toEqual(picture(2));
    expect(box.state(still.id)).toBe('trashed');
  });

  it('not more than a hundred files that say the same pair', { timeout: 120_000 }, async () => {
    const files = [];
    for (let at = 0; at < 102; at++) {
      files.push(await box.upload(`DCIM/${at}.jpg`, Buffer.from(`not a picture ${at}`), { pair: 'p' }));
    }
    expect(files.filter(({ pair }) => pair === 'p').length).toBe(100);
    const gone = await trash(files[0]?.id ?? 0);
    expect(gone.length).toBe(100);
    // It belongs to nothing that was deleted, whatever it says.
    expect((await box.upload('DCIM/late.mov', Buffer.from('late'), { pair: 'p' })).state).toBe('present');
  });

  it('of one person only, also when two use the same string for their pairs', async () => {
    const mine = await box.upload('DCIM/IMG_1.jpg', picture(1), { pair: 'p' });
    const theirs = await box.upload('DCIM/IMG_1.jpg', picture(1), { pair: 'p' }, box.box.stranger.phoneId);
    expect(await trash(mine.id)).toEqual([mine.id]);
    expect(box.state(theirs.id)).toBe('present');
    await expect(trash(theirs.id)).rejects.toMatchObject({ code: 'not-found' });
    const late = await box.upload('DCIM/IMG_1.mov', Buffer.from('b'), { pair: 'p' }, box.box.stranger.phoneId);
    expect(late).toMatchObject({ state: 'present', path: 'Photos/Bob/2025/2025-07/IMG_1.mov' });
  });
});

it('does not take for settled what went to the trash while others were settled', async () => {
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  const rows = new TrashStore(box.open.database);
  await box.open.database.write(() => rows.trash(id, 1, 30));
  rows.endRelocations([{ id, state: 'present' }]); // As it was when the others were looked at.
  expect(box.relocations()).toBe(1);
  rows.endRelocations([{ id, state: 'trashed' }]);
  expect(box.relocations()).toBe(0);
});

it('brings back into a month that somebody removed', async () => {
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await trash(id);
  await settled();
  await rm(box.at('Photos/Alice/2025'), { recursive: true });
  expect(await restore(id)).toEqual({ restored: [id], missing: [] });
  expect(await readFile(box.at(`${july}/1.jpg`))).toEqual(picture(1));
});

it('keeps damaged bytes damaged on their way there and back', async () => {
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await box.open.database.write(() => box.open.rows.markDamaged(id));
  await trash(id);
  await settled();
  expect(await restore(id)).toEqual({ restored: [id], missing: [] });
  expect(box.state(id)).toBe('damaged');
  await box.upload('DCIM/1.jpg', picture(1));
  expect(box.state(id)).toBe('present');
});

it('believes what lies in its place by its bytes alone', async () => {
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await trash(id);
  await settled();
  // Moved back by hand, without us.
  await writeFile(box.at(`${july}/1.jpg`), await readFile(box.at(`.nightjar/trash/${id}`)));
  await rm(box.at(`.nightjar/trash/${id}`));
  expect(await restore(id)).toEqual({ restored: [id], missing: [] });
  await trash(id);
  await settled();
  await rm(box.at(`.nightjar/trash/${id}`));
  await writeFile(box.at(`${july}/1.jpg`), Buffer.alloc(5001));
  expect(await restore(id)).toEqual({ restored: [], missing: [id] });
  expect(box.state(id)).toBe('missing');
  expect((await stat(box.at(`${july}/1.jpg`))).size).toBe(5001);
});

it('is still trashed when its phone was just sending it again', async () => {
  const bytes = picture(1);
  const { id } = await box.upload('DCIM/1.jpg', bytes);
  await rm(box.at(`${july}/1.jpg`));
  // Whichever comes first: never back without its owner.
  await Promise.allSettled([box.upload('DCIM/1.jpg', bytes), trash(id)]);
  await expect.poll(() => box.state(id)).not.toBe('publishing');
  await trash(id);
  expect(box.state(id)).toBe('trashed');
  await box.upload('DCIM/1.jpg', bytes);
  expect(box.state(id)).toBe('trashed');
  expect(await box.box.incoming()).toEqual([]);
});

it('pages newest first, and counts what is there', async () => {
  const ids = [];
  for (let at = 0; at < 5; at++) {
    const { id } = await box.upload(`DCIM/${at}.jpg`, picture(at));
    box.box.clock += 1000;
    await trash(id);
    ids.unshift(id);
  }
  expect(box.trash.page(box.personId, undefined, 10).map(({ asset }) => asset.id)).toEqual(ids);
  const [first, second] = box.trash.page(box.personId, undefined, 2);
  expect([first?.asset.id, second?.asset.id]).toEqual(ids.slice(0, 2));
  const rest = box.trash.page(box.personId, { at: second?.trashedAt ?? 0, id: second?.asset.id ?? 0 }, 10);
  expect(rest.map(({ asset }) => asset.id)).toEqual(ids.slice(2));
  expect(box.trash.size(box.personId)).toEqual({ count: 5, bytes: 25_010 });
  expect(box.trash.size(box.box.stranger.person.id)).toEqual({ count: 0, bytes: 0 });
});
