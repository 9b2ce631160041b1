import { appendFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { migrationsOf } from '../../test/support/additive.ts';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { MirrorWorld } from '../../test/support/mirror-world.ts';
import { migrationsDir } from '../../test/support/open-library.ts';
import { cataloguePath } from '../library/open-library.ts';
import { Database } from '../platform/database.ts';
import { catalogueBeforePath } from './mirror-catalogue.ts';
import { MirrorDisk } from './mirror-disk.ts';
import { promoteFromMirror, takePromoted } from './promoted-catalogue.ts';

const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2025-07-14T09:30:00' });

/** A program that knows a migration more, and that who knows them all but this may use what it made. */
function saidByNewer(path: string, { add, known }: { add: string; known: number }): void {
  const raw = new Sqlite(path);
  raw.exec(add);
  raw.pragma(`user_version = ${known + 1}`);
  raw.pragma(`application_id = ${(known + 1) * 2 ** 16 + known}`);
  raw.close();
}

type State = { id: number; state: string; path: string };

it('makes a catalogue of the last copy on the mirror and its journal, and of the copy before when that is broken', async () => {
  await using world = await MirrorWorld.make();
  const { box } = world;
  const upload = async (seed: number) => (await box.upload(`DCIM/${seed}.jpg`, picture(seed))).id;
  const ids: number[] = [];
  for (let seed = 1; seed <= 3; seed += 1) ids.push(await upload(seed));
  await world.attach();
  await world.complete();
  // A night, and with it a second copy of the catalogue.
  world.night = true;
  box.box.clock += 86_400_000;
  await expect.poll(async () => (await world.state()).catalogueAt).toBe(box.box.clock);
  world.night = false;
  // After it: new ones, one to the trash, one there and back, one erased; and one that the mirror never gets.
  for (let seed = 4; seed <= 6; seed += 1) ids.push(await upload(seed));
  await world.complete();
  await box.trash.trash(box.personId, [ids[0] ?? 0, ids[1] ?? 0]);
  await expect.poll(() => box.relocations()).toBe(0);
  await world.complete();
  await box.trash.restore(box.personId, [ids[1] ?? 0]);
  await world.complete();
  const diskId = (await world.state()).diskId;
  await world.takeAway();
  await upload(7);
  await world.attach();
  const attached = world.attached;
  if (attached === undefined) throw new Error('It is not attached.');
  world.attached = undefined;
  await world.it.letGo(diskId);
  const all = box.open.database.all<State>('SELECT id, state, path FROM asset WHERE id <= 6 ORDER BY id');
  const items = box.open.database.all(
    'SELECT phone_id, path, size, mtime, asset_id FROM phone_item WHERE asset_id <= 6',
  );
  const shown = box.open.database.all('SELECT id, shown FROM asset WHERE id <= 6 ORDER BY id');

  const mirror = new MirrorDisk(attached);
  const opened = async <T>(ask: (database: Database) => T): Promise<T> => {
    const database = Database.open(world.at('.nightjar/promoted.sqlite'), { migrationsDir, create: false });
    try {
      return ask(database);
    } finally {
      database.close();
    }
  };
  const isRight = async () =>
    await opened((database) => {
      expect(database.all('SELECT id, state, path FROM asset ORDER BY id')).toEqual(all);
      expect(database.all('SELECT phone_id, path, size, mtime, asset_id FROM phone_item')).toEqual(items);
      expect(database.all('SELECT id, shown FROM asset ORDER BY id')).toEqual(shown);
      expect(database.all('SELECT * FROM mirror')).toEqual([]);
      expect(database.all('SELECT * FROM relocation')).toEqual([{ asset_id: ids[0] }]);
      expect(database.get('SELECT files FROM person_usage')).toEqual({ files: 6 });
    });
  // A plug left a line half-written, and a line leads elsewhere.
  const journal = (await readdir(world.at('.nightjar/mirrored'))).sort().at(-1);
  const outside = { copy: { id: 5, path: '../elsewhere', size: 1, at: 1 } };
  await appendFile(world.at(`.nightjar/mirrored/${journal}`), `\n${JSON.stringify(outside)}\n{"asset":{"id":9`);
  expect(await promoteFromMirror(mirror, migrationsDir, 1)).toEqual({ missing: 0, skipped: 1 });
  await isRight();
  // As the box left it that tried a newer version and went back; then of one that says nothing of older ones.
  const copies = [cataloguePath, catalogueBeforePath].map((path) => world.at(path));
  const kept = await Promise.all(copies.map((path) => readFile(path)));
  const known = migrationsOf(migrationsDir).length;
  for (const path of copies) saidByNewer(path, { add: 'ALTER TABLE asset ADD COLUMN more TEXT', known });
  expect(await promoteFromMirror(mirror, migrationsDir, 1)).toEqual({ missing: 0, skipped: 1 });
  await isRight();
  for (const path of copies) saidByNewer(path, { add: 'CREATE VIEW more AS SELECT 1', known });
  await expect(promoteFromMirror(mirror, migrationsDir, 1)).rejects.toThrow(/Install that newer version first/);
  await Promise.all(copies.map((path, index) => writeFile(path, kept[index] ?? '')));
  await truncate(world.at('.nightjar/library.sqlite'), 20_000);
  expect(await promoteFromMirror(mirror, migrationsDir, 1)).toMatchObject({ missing: 0 });
  await isRight();

  await takePromoted(attached.disk);
  await takePromoted(attached.disk);
  expect(JSON.parse(await readFile(world.at('.nightjar/disk.json'), 'utf8'))).toMatchObject({
    role: 'library',
    diskId,
  });
  expect(await readdir(world.at('.nightjar/mirrored'))).toEqual([]);
  expect(await readFile(world.at(`${july}/2.jpg`))).toEqual(picture(2));
  expect(await readFile(world.at(`.nightjar/trash/${ids[0]}`))).toEqual(picture(1));
  await attached.disk.close();
});
