/**
 * The catalogue that a mirror gets when it becomes the library: made beside what is there, whole before it has its name, and
 * made anew from the beginning after any end. From the library itself while that is there; else from the copy of the catalogue
 * on the mirror and what its journal says since. What the mirror lacks is missing there, so that phones are asked for it.
 */
import { copyFile, readdir, rename, unlink } from 'node:fs/promises';
import type { Disk } from '../disks/disk.ts';
import { factsOf } from '../library/file-facts.ts';
import { cataloguePath } from '../library/open-library.ts';
import { pathKey } from '../library/placement.ts';
import { Database } from '../platform/database.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsFull, diskIsGone } from '../platform/errors.ts';
import { type CatalogueVerdict, checkCatalogue } from './catalogue-check.ts';
import { catalogueBeforePath, removeDatabase, syncPath } from './mirror-catalogue.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import { type JournalLine, journalFolder } from './mirror-journal.ts';
import type { MirrorSource } from './mirror-pass.ts';
import { MirrorStore } from './mirror-store.ts';

const promotingPath = '.nightjar/incoming/promoting.sqlite';
const promotedPath = '.nightjar/promoted.sqlite';
const linesAtOnce = 200;

/** `missing`: what is not on the mirror, in files. `skipped`: lines of the journal that did not fit. */
export type Promoted = Readonly<{ missing: number; skipped: number }>;

/** While nobody is served from the library, and nothing that it has is left to be mirrored. */
export async function promoteFromLibrary(source: MirrorSource, mirror: MirrorDisk, migrationsDir: string) {
  await mirror.prepare();
  await removeDatabase(mirror, promotingPath);
  await source.database.copyTo(mirror.disk.named(promotingPath), () => undefined);
  return await finish(mirror, migrationsDir, async () => 0);
}

/** @throws {CodedError} `conflict` when no copy of the catalogue on it can be read, or only a newer program can */
export async function promoteFromMirror(mirror: MirrorDisk, migrationsDir: string, now: number): Promise<Promoted> {
  await mirror.prepare();
  let ofNewer = false;
  for (const path of [cataloguePath, catalogueBeforePath]) {
    await removeDatabase(mirror, promotingPath);
    try {
      if ((await factsOf(mirror.disk.resolve(path)))?.isFile() !== true) continue;
      await copyFile(mirror.disk.resolve(path), mirror.disk.resolve(promotingPath));
      const { verdict } = await checked(mirror, migrationsDir);
      ofNewer ||= verdict === 'future';
      await mirror.disk.check({ byReading: verdict !== 'ours' });
      if (verdict !== 'ours') continue;
      return await finish(mirror, migrationsDir, async (database) => await replay(database, mirror, now));
    } catch (error) {
      await mirror.disk.check({ byReading: true });
      if (diskIsFull(error)) throw error;
      // The copy before it, with more of the journal, is as good.
    }
  }
  if (ofNewer) {
    throw new CodedError(
      'conflict',
      'A newer Nightjar made the catalogue on this mirror, and this version cannot read it. Install that newer version first; then it can become the library. Nothing was changed; its photos are in its folders.',
    );
  }
  throw new CodedError(
    'conflict',
    'There is no copy of the catalogue on this mirror that can be read, so it cannot become the library. Nothing was changed; its photos are in its folders.',
  );
}

/** It may have been anywhere: what is in it is looked at before anything of it is run. */
async function checked({ disk }: MirrorDisk, migrationsDir: string): Promise<CatalogueVerdict> {
  const file = disk.named(promotingPath);
  return await checkCatalogue({ file, diskDir: disk.path, migrationsDir, untouched: true, whole: true });
}

/**
 * On the disk that is the library from now on, before its catalogue is opened: gives what was made its name. Safe to repeat.
 */
export async function takePromoted(disk: Disk): Promise<void> {
  const names = await readdir(disk.resolve('.nightjar'));
  if (names.includes('promoted.sqlite')) {
    for (const end of ['-wal', '-shm']) await unlink(disk.resolve(`${cataloguePath}${end}`)).catch(ignoreMissing);
    // What a mirror got says nothing of a library; as a mirror again it begins anew.
    for (const name of (await readdir(disk.resolve(journalFolder)).catch(ignoreMissing)) ?? []) {
      await unlink(disk.resolve(`${journalFolder}/${name}`)).catch(ignoreMissing);
    }
    await rename(disk.resolve(cataloguePath), disk.resolve(catalogueBeforePath)).catch(ignoreMissing);
    await rename(disk.resolve(promotedPath), disk.resolve(cataloguePath));
    await syncFolder(disk.resolve('.nightjar'));
  }
  await disk.setRole('library');
}

async function finish(
  mirror: MirrorDisk,
  migrationsDir: string,
  bringUpToDate: (database: Database) => Promise<number>,
): Promise<Promoted> {
  const database = Database.open(mirror.disk.named(promotingPath), { migrationsDir, create: false });
  let promoted: Promoted;
  try {
    const check = database.get<{ quick_check: string }>('PRAGMA quick_check(1)');
    if (check?.quick_check !== 'ok') throw new CodedError('conflict', 'This copy of the catalogue is damaged.');
    const skipped = await bringUpToDate(database);
    await moveToPlaces(database, mirror);
    promoted = { missing: await settleStates(database, mirror.diskId), skipped };
    // Closing says nothing of a full disk, and what stayed in the log would be lost with its name.
    const log = database.get<{ busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)');
    if (log?.busy !== 0) throw new CodedError('busy', 'The new catalogue cannot be written whole just now.');
  } finally {
    database.close();
  }
  await mirror.disk.check({ byReading: true });
  await syncPath(mirror.disk.resolve(promotingPath));
  await rename(mirror.disk.resolve(promotingPath), mirror.disk.resolve(promotedPath));
  await syncFolder(mirror.disk.resolve('.nightjar'));
  return promoted;
}

/** What moved on the library and not on the mirror yet. */
async function moveToPlaces(database: Database, mirror: MirrorDisk): Promise<void> {
  const rows = database.all<{ id: number; path: string; copyPath: string }>(
    `SELECT asset.id, asset.path, mirrored.path AS copyPath FROM mirrored JOIN asset ON asset.id = asset_id
     WHERE disk_id = ? AND asset.state IN ('present', 'damaged', 'missing') AND mirrored.path <> asset.path`,
    mirror.diskId,
  );
  for (const { id, path, copyPath } of rows) {
    // Moved already, before an interruption, it is not there.
    await mirror.move(id, copyPath, path);
  }
}

/** Everything as it is on the disk that it describes from now on. Returns how many files are missing there. */
async function settleStates(database: Database, diskId: string): Promise<number> {
  return await database.write(() => {
    const here = 'EXISTS (SELECT 1 FROM mirrored WHERE asset_id = asset.id AND disk_id = ?)';
    const { changes: missing } = database.run(
      `UPDATE asset SET state = 'missing', verified_at = NULL WHERE state = 'present' AND NOT ${here}`,
      diskId,
    );
    database.run(`UPDATE asset SET state = 'present' WHERE state IN ('damaged', 'missing') AND ${here}`, diskId);
    database.run(
      `UPDATE asset SET verified_at = (SELECT verified_at FROM mirrored WHERE asset_id = asset.id AND disk_id = ?)
       WHERE state = 'present'`,
      diskId,
    );
    database.run(
      `INSERT INTO relocation (asset_id) SELECT id FROM asset WHERE state = 'trashed' OR (state = 'deleted' AND ${here})
       ON CONFLICT DO NOTHING`,
      diskId,
    );
    database.run("UPDATE checksum_list SET state = 'behind'");
    // Their bytes are on the other disk.
    database.run("DELETE FROM upload WHERE state = 'receiving'");
    for (const table of ['mirrored', 'mirror_wanted', 'mirror_list', 'mirror']) {
      database.run(`DELETE FROM ${table} WHERE disk_id = ?`, diskId);
    }
    return missing;
  });
}

/** Returns how many lines did not fit. */
async function replay(database: Database, mirror: MirrorDisk, now: number): Promise<number> {
  const { diskId, name } = mirror;
  await database.write(() => new MirrorStore(database).put(diskId, name, now));
  const columns = new Columns(database);
  let skipped = 0;
  let waiting: JournalLine[] = [];
  const settle = async () => {
    const writes = waiting.map((line) => database.write(() => applyLine(database, columns, diskId, line)));
    for (const one of await Promise.allSettled(writes)) {
      if (one.status === 'fulfilled') continue;
      if (diskIsGone(one.reason) || diskIsFull(one.reason)) throw one.reason;
      skipped += 1;
    }
    waiting = [];
  };
  for await (const line of mirror.journal.lines()) {
    waiting.push(line);
    if (waiting.length >= linesAtOnce) await settle();
  }
  await settle();
  return skipped;
}

/** Which columns this program knows: what a journal says besides is passed over. */
class Columns {
  readonly asset: readonly string[];
  readonly item: readonly string[];

  constructor(database: Database) {
    const of = (table: string) => database.all<{ name: string }>(`PRAGMA table_info(${table})`).map(({ name }) => name);
    this.asset = of('asset').filter((name) => !['id', 'state', 'shown', 'change'].includes(name));
    this.item = of('phone_item').filter((name) => name !== 'id');
  }
}

function applyLine(database: Database, columns: Columns, diskId: string, line: JournalLine): void {
  const { asset, person, items = [], copy, left, gone, list } = line;
  if (person !== undefined) {
    requireInside(person.folder);
    database.run(
      'INSERT INTO person (id, name, folder) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      person.id,
      person.name,
      person.folder,
    );
  }
  if (asset !== undefined) putAsset(database, columns.asset, asset);
  for (const item of items) putItem(database, columns.item, item);
  if (copy !== undefined) {
    requireInside(copy.path);
    new MirrorStore(database).putCopy(diskId, copy, copy.path, copy.at);
  }
  if (left !== undefined) new MirrorStore(database).dropCopy(diskId, left);
  if (gone !== undefined) {
    database.run('DELETE FROM phone_item WHERE asset_id = ?', gone);
    database.run('DELETE FROM asset WHERE id = ?', gone);
    new MirrorStore(database).dropCopy(diskId, gone);
  }
  if (list !== undefined) {
    requireInside(`${list.folder}/${list.name}`);
    database.run(
      `INSERT INTO checksum_list (folder, name, state) VALUES (?, ?, 'behind')
       ON CONFLICT (folder) DO UPDATE SET name = excluded.name`,
      list.folder,
      list.name,
    );
  }
}

/** As it would have come in: its state last, since the triggers follow that. */
function putAsset(database: Database, columns: readonly string[], row: NonNullable<JournalLine['asset']>): void {
  const { id, state, path } = row;
  requireInside(String(path));
  const names = columns.filter((name) => row[name] !== undefined);
  const values = names.map((name) => {
    if (name === 'sha256') return Buffer.from(String(row[name]), 'hex');
    return name === 'path_key' && state !== 'deleted' ? pathKey(String(path)) : row[name];
  });
  const known = database.get('SELECT 1 FROM asset WHERE id = ?', id) !== undefined;
  if (known) {
    database.run(`UPDATE asset SET ${names.map((name) => `${name} = ?`).join(', ')} WHERE id = ?`, ...values, id);
  } else {
    const marks = names.map(() => ', ?').join('');
    database.run(`INSERT INTO asset (id, state, ${names.join(', ')}) VALUES (?, 'publishing'${marks})`, id, ...values);
  }
  database.run('UPDATE asset SET state = ? WHERE id = ?', state, id);
  database.run('DELETE FROM publishing WHERE asset_id = ?', id);
}

function putItem(database: Database, columns: readonly string[], row: Readonly<Record<string, unknown>>): void {
  const names = columns.filter((name) => row[name] !== undefined);
  database.run(
    `INSERT INTO phone_item (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})
     ON CONFLICT (phone_id, path) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    ...names.map((name) => row[name]),
  );
}

/** What a journal says is believed as little as any file. */
function requireInside(path: string): void {
  const parts = path.split('/');
  if (path === '' || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new CodedError('invalid-request', 'A path leads out of the library.');
  }
}
