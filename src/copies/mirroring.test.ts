import { access, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { MirrorWorld } from '../../test/support/mirror-world.ts';
import { Disk } from '../disks/disk.ts';
import { runCommand } from '../platform/commands.ts';
import { heal } from './healing.ts';
import { MirrorDisk } from './mirror-disk.ts';
import { OriginalReader } from './read-original.ts';

const dayMs = 86_400_000;
const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number, bytes = 5_000) => exifJpeg({ seed, bytes, takenLocal: '2025-07-14T09:30:00' });
const poll = { timeout: 20_000, interval: 20 };

it('copies everything to a mirror, in the same folders, and follows what comes, moves and goes', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  const one = await box.upload('DCIM/1.jpg', picture(1));
  const two = await box.upload('DCIM/2.jpg', picture(2));
  await box.upload('Documents/list.pdf', Buffer.from('a list'));
  await box.upload('DCIM/none.jpg', Buffer.alloc(0)).catch(() => undefined);
  await world.attach();
  await world.complete();
  const { box: inner } = box;
  await expect.poll(() => world.inView(), poll).toEqual([...(await inner.filesInView()), 'README-NIGHTJAR.txt'].sort());
  for (const path of await inner.filesInView()) {
    if (!path.endsWith('SHA256SUMS'))
      expect(await readFile(world.at(path)), path).toEqual(await readFile(box.at(path)));
  }
  // It is whole without us.
  const summed = async () =>
    (
      await runCommand('sh', ['-c', `cd '${world.at(july)}' && sha256sum -c --quiet SHA256SUMS`], {
        timeoutMs: 10_000,
        outputBytesMax: 4_096,
      })
    ).status;
  await expect.poll(summed, poll).toBe(0);
  expect(await world.state()).toMatchObject({ files: 3, attached: true, problem: null, lastCompleteAt: inner.clock });
  expect(await readdir(world.at('.nightjar/incoming'))).toEqual([]);

  // What goes to the trash goes out of view there too, and is gone when its days are over, not before.
  await box.trash.trash(box.personId, [one.id, two.id]);
  await expect.poll(() => box.relocations(), poll).toBe(0);
  await world.complete();
  expect(await world.inView()).not.toContain(`${july}/1.jpg`);
  expect(await readFile(world.at(`.nightjar/trash/${one.id}`))).toEqual(picture(1));
  await box.trash.restore(box.personId, [one.id]);
  await world.complete();
  expect(await readFile(world.at(`${july}/1.jpg`))).toEqual(picture(1));
  await box.trash.delete(box.personId, [two.id]);
  await world.complete();
  expect(await readFile(world.at(`.nightjar/trash/${two.id}`))).toEqual(picture(2));
  for (let day = 0; day < 31; day += 1) {
    inner.clock += dayMs;
    await box.trash.empty(box.open, new AbortController().signal);
  }
  await expect.poll(() => readdir(world.at('.nightjar/trash')), poll).toEqual([]);
  await expect.poll(() => world.state(), poll).toMatchObject({ files: 2 });
  await expect
    .poll(async () => (await readFile(world.at(`${july}/SHA256SUMS`), 'utf8')).split('\n'), poll)
    .toHaveLength(2);

  // What was erased goes at once.
  await box.open.database.write(() => {
    box.open.database.run('DELETE FROM phone_item WHERE asset_id = ?', one.id);
    box.open.database.run('DELETE FROM asset WHERE id = ?', one.id);
  });
  await expect.poll(() => world.inView(), poll).not.toContain(`${july}/1.jpg`);
});

it('catches up after weeks away, and after what was done twice, without replacing anything', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  await box.upload('DCIM/1.jpg', picture(1));
  await world.attach();
  await world.complete();
  await world.takeAway();
  box.box.clock += 30 * dayMs;
  const later = [];
  for (let seed = 2; seed <= 40; seed += 1) later.push(await box.upload(`DCIM/${seed}.jpg`, picture(seed)));
  expect(await world.state()).toMatchObject({ attached: false, waiting: { files: 39, bytes: 39 * 5_000 } });
  // Somebody's own file has a name that is wanted; another is there already, as after an interruption.
  await writeFile(world.at(`${july}/2.jpg`), 'mine');
  await writeFile(world.at(`${july}/3.jpg`), picture(3));
  const { ino } = await stat(world.at(`${july}/3.jpg`));
  await world.attach();
  await world.complete();
  expect(await readFile(world.at(`${july}/2.jpg`))).toEqual(picture(2));
  expect(await readFile(world.at(`.nightjar/displaced/${later[0]?.id}`), 'utf8')).toBe('mine');
  expect((await stat(world.at(`${july}/3.jpg`))).ino).toBe(ino);
  expect(await world.state()).toMatchObject({ files: 40, waiting: { files: 0 } });
  expect(world.it.report(box.open, { from: 0, to: 1e15 })).toMatchObject([{ files: 40, healed: 0, name: 'second' }]);

  // The catalogue goes with it: at first, and each night, the last two.
  const assets = (path: string) => {
    const copy = new Sqlite(world.at(path), { readonly: true });
    const row = copy.prepare('SELECT count(*) AS n FROM asset').get();
    copy.close();
    return row;
  };
  expect(assets('.nightjar/library.sqlite')).toEqual({ n: 40 });
  box.box.clock += dayMs;
  await box.upload('DCIM/41.jpg', picture(41));
  world.night = true;
  await expect.poll(async () => (await world.state()).catalogueAt, poll).toBe(box.box.clock);
  await expect.poll(() => assets('.nightjar/library.sqlite'), poll).toEqual({ n: 41 });
  expect(assets('.nightjar/library-before.sqlite')).toEqual({ n: 40 });

  // Forgotten, it is left alone, until it is wanted again.
  expect(await world.it.forget((await world.state()).diskId)).toBe(true);
  expect(await world.it.state()).toEqual([]);
  await box.upload('DCIM/42.jpg', picture(42));
  await expect(access(world.at(`${july}/42.jpg`))).rejects.toThrow();
  expect(await world.it.remember(world.attached?.diskId ?? '')).toBe(true);
  await world.complete();
  expect(await readFile(world.at(`${july}/42.jpg`))).toEqual(picture(42));
});

it('heals what is damaged or missing from the mirror, and what is damaged there from the library', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  const assets = [];
  for (let seed = 1; seed <= 5; seed += 1) assets.push(await box.upload(`DCIM/${seed}.jpg`, picture(seed)));
  const [one, two, three, four] = assets.map(({ id }) => id) as [number, number, number, number];
  await world.attach();
  await world.complete();
  const rot = async (path: string) => {
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 4, 100);
    await writeFile(path, bytes);
  };
  await rot(box.at(`${july}/1.jpg`));
  await rm(box.at(`${july}/2.jpg`));
  // Here and there: nothing can be healed.
  await truncate(box.at(`${july}/3.jpg`), 10);
  await rot(world.at(`${july}/3.jpg`));
  const brought = box.open.standing.brought(0, 1e15);
  await world.verification.startAll();
  await expect
    .poll(() => [one, two, three].map((id) => box.state(id)), poll)
    .toEqual(['present', 'present', 'damaged']);
  expect(await readFile(box.at(`${july}/1.jpg`))).toEqual(picture(1));
  expect(await readFile(box.at(`${july}/2.jpg`))).toEqual(picture(2));
  expect((await readFile(box.at(`.nightjar/damaged/${one}`))).length).toBe(5_000);
  await expect.poll(() => box.box.incoming(), poll).toEqual([]);
  // No phone sent them.
  expect(box.open.standing.brought(0, 1e15)).toEqual(brought);
  // A mirror that could not be read, and can be again.
  const bad = "SELECT 1 FROM mirror_wanted WHERE asset_id = ? AND reason = 'damaged'";
  await expect.poll(() => box.open.database.get(bad, three), poll).toBeDefined();
  await rot(world.at(`${july}/3.jpg`));
  box.box.clock += dayMs;
  await expect.poll(() => box.state(three), poll).toBe('present');
  await expect.poll(() => world.it.report(box.open, { from: 0, to: 1e15 })[0]?.healed, poll).toBe(3);
  await world.complete();
  await truncate(box.at(`${july}/3.jpg`), 10);
  box.box.clock += 1;
  await rot(world.at(`${july}/3.jpg`));
  await world.verification.startAll();
  await expect.poll(() => box.state(three), poll).toBe('damaged');
  // The phone sends what no disk has: it comes to the mirror again.
  await box.upload('DCIM/3.jpg', picture(3));
  await world.complete();
  expect(await readFile(world.at(`${july}/3.jpg`))).toEqual(picture(3));

  // A slice each night, of the mirror too.
  await rot(world.at(`${july}/4.jpg`));
  await rm(world.at(`${july}/5.jpg`));
  box.box.clock += 38 * dayMs;
  world.night = true;
  await expect.poll(() => readFile(world.at(`${july}/4.jpg`)), poll).toEqual(picture(4));
  await expect.poll(() => readFile(world.at(`${july}/5.jpg`)).catch(() => undefined), poll).toEqual(picture(5));
  expect((await readdir(world.at('.nightjar/damaged'))).sort()).toEqual([`${three}`, `${three}-1`, `${four}`].sort());
  await world.complete();
  expect(world.it.report(box.open, { from: 0, to: 1e15 })).toMatchObject([{ healed: 3, damaged: 4 }]);
});

it('waits while somebody uses the library, and believes no original that is not what came', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await truncate(box.at(`${july}/1.jpg`), 4_999);
  world.busy = true;
  await world.attach();
  await expect
    .poll(
      () =>
        world.state().then(
          ({ resting }) => resting,
          () => false,
        ),
      poll,
    )
    .toBe(true);
  await expect.poll(() => world.inView(), poll).toEqual(['README-NIGHTJAR.txt']);
  world.busy = false;
  // It is not mirrored, and its owner hears of it at once.
  await expect.poll(() => box.state(id), poll).toBe('damaged');
  expect((await world.inView()).filter((path) => path.endsWith('.jpg'))).toEqual([]);
  await box.upload('DCIM/1.jpg', picture(1));
  await world.complete();
  expect(await readFile(world.at(`${july}/1.jpg`))).toEqual(picture(1));
});

it('never becomes a folder on another filesystem when it goes away', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  await world.attach();
  await world.complete();
  await rename(world.dir, `${world.dir}.away`);
  await mkdir(world.dir);
  await box.upload('DCIM/1.jpg', picture(1));
  await expect.poll(async () => (await world.state()).waiting.files, poll).toBe(1);
  await world.it.wake();
  expect(await readdir(world.dir)).toEqual([]);
  await rename(`${world.dir}.away`, world.dir);
  await world.complete();
  expect(await readFile(world.at(`${july}/1.jpg`))).toEqual(picture(1));
});

it('heals from a disk that has what is lost of an earlier time, and believes a bad reading only the second time', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await box.upload('DCIM/2.jpg', picture(2));
  await world.attach();
  const { attached } = world;
  await world.takeAway();
  // As on a disk that was the library before.
  await mkdir(world.at(july), { recursive: true });
  await writeFile(world.at(`${july}/1.jpg`), picture(1));
  await rm(box.at(`${july}/1.jpg`));
  await world.verification.startAll();
  await expect.poll(() => box.state(id), poll).toBe('missing');
  world.attached = {
    disk: await Disk.open(world.dir, attached?.diskId ?? ''),
    diskId: attached?.diskId ?? '',
    name: 'former',
  };
  await expect.poll(() => box.state(id), poll).toBe('present');
  expect(await readFile(box.at(`${july}/1.jpg`))).toEqual(picture(1));
  await world.complete();

  const there = world.attached;
  world.attached = undefined;
  await world.it.letGo(there.diskId);
  const asset = box.open.rows.asset(id);
  if (asset === undefined) throw new Error('It is gone.');
  await box.open.database.write(() => box.open.rows.markLost(asset, 'damaged'));
  let readings = 0;
  const beforePiece = async () => {
    readings += 1;
    await writeFile(world.at(asset.path), readings === 1 ? Buffer.alloc(asset.size) : picture(1));
  };
  const row = { ...asset, change: 0, copyPath: asset.path };
  const how = { library: box.box.library, reader: new OriginalReader(), beforePiece, now: () => box.box.clock };
  expect(await heal(box.open, new MirrorDisk(there), row, how)).toBe('healed');
  await there.disk.close();
});
