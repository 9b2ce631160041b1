/**
 * A catalogue with as many rows as are wanted, without their files: written by SQL into a library that no daemon has
 * open. Each phone's photos came in the order in which they were taken, one phone after the other, over ten years.
 */
import { createHash } from 'node:crypto';
import Sqlite from 'better-sqlite3';

export type BigLibrary = Readonly<{
  /** The catalogue, of a stopped daemon. */
  file: string;
  phones: readonly string[];
  count: number;
}>;
/** One row, as the phone tells of it. Times in milliseconds. */
export type BigItem = Readonly<{ path: string; size: number; mtime: number; video: boolean }>;

const years = 10;
const firstMs = Date.UTC(2014, 0, 1);
const videoEvery = 10;
const cacheKiB = 2_000_000;

/** The same items for the same numbers, spread evenly over the years. */
export function itemOf(index: number, count: number): BigItem {
  const mtime = firstMs + Math.floor((index / count) * years * 365.25 * 86_400_000);
  const video = index % videoEvery === videoEvery - 1;
  const [day = '', time = ''] = new Date(mtime).toISOString().replaceAll(/[-:]/g, '').split('T');
  const name = `${video ? 'VID' : 'IMG'}_${day}_${time.slice(0, 6)}${index % 3 === 0 ? '' : `_${index}`}`;
  return {
    path: `DCIM/Camera/${name}.${video ? 'mp4' : 'jpg'}`,
    size: 2_000_000 + ((index * 7919) % 3_000_000),
    mtime,
    video,
  };
}

/** Fills the library of its only person. Returns seconds. */
export function fill({ file, phones, count }: BigLibrary): number {
  const startedAt = performance.now();
  const database = new Sqlite(file, { fileMustExist: true });
  // Nobody else has it open, and nothing is lost with it. The daemon turns its log on again.
  database.pragma('journal_mode = OFF');
  database.pragma('synchronous = OFF');
  database.pragma(`cache_size = -${cacheKiB}`);
  const { id: personId } = database.prepare('SELECT id FROM person').get() as { id: string };
  const put = rowsInto(database, personId);
  const indexes = database
    .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    .all() as Array<{ name: string; sql: string }>;
  const perPhone = Math.ceil(count / phones.length);
  database.transaction(() => {
    // Made again over all rows at once, they take a fraction of the time.
    for (const { name } of indexes) database.exec(`DROP INDEX ${name}`);
    let id = 0;
    for (const [which, phone] of phones.entries()) {
      for (let index = 0; index < perPhone && id < count; index++) put(++id, which, phone, itemOf(index, perPhone));
    }
    for (const { sql } of indexes) database.exec(sql);
    database.exec(`
      INSERT INTO month_count (person_id, phone_id, month, kind, count)
        SELECT person_id, '', substr(captured_local, 1, 7), kind, count(*) FROM asset WHERE shown = 1 GROUP BY 1, 3, 4;
      UPDATE name_index_end SET asset_id = (SELECT max(id) FROM asset);`);
  })();
  database.close();
  return (performance.now() - startedAt) / 1_000;
}

function rowsInto(database: Sqlite.Database, personId: string) {
  const asset = database.prepare(
    `INSERT INTO asset (id, person_id, path, path_key, kind, media_type, size, sha256, mtime, captured_at, captured_local,
       captured_from, captured_wall, state, shown, added_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'metadata', ?, 'present', 1, ?)`,
  );
  const item = database.prepare(
    'INSERT INTO phone_item (phone_id, parent, path, size, mtime, asset_id, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const picture = database.prepare(
    `INSERT INTO picture (asset_id, state, width, height, duration_ms, thumbhash, made_at)
     VALUES (?, 'ready', 4032, 3024, ?, ?, 1)`,
  );
  const name = database.prepare('INSERT INTO name_index (rowid, name) VALUES (?, ?)');
  return (id: number, which: number, phone: string, { path, size, mtime, video }: BigItem): void => {
    const local = new Date(mtime).toISOString().slice(0, 19);
    const base = path.slice(path.lastIndexOf('/') + 1);
    const there = `Photos/Alice/${local.slice(0, 4)}/${local.slice(0, 7)}/${which === 0 ? base : `${which}-${base}`}`;
    const kind = video ? 'video' : 'photo';
    const hash = createHash('sha256').update(`${id}`).digest();
    const type = video ? 'video/mp4' : 'image/jpeg';
    asset.run(id, personId, there, there.toLowerCase(), kind, type, size, hash, mtime, mtime, local, mtime, mtime);
    item.run(phone, 'DCIM/Camera', path, size, mtime, id, mtime);
    picture.run(id, video ? 12_345 : null, hash.subarray(0, 25));
    name.run(id, there.slice(there.lastIndexOf('/') + 1).toLowerCase());
  };
}
