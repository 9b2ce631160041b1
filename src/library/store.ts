/**
 * The catalogue's rows: prepared statements behind named verbs. Private to the library room.
 */
import type { Database, Statement } from '../platform/database.ts';
import type { CaptureDate } from './capture-date.ts';
import { arrivalsEveryMs } from './standing.ts';

type AssetKind = 'photo' | 'video' | 'sidecar' | 'file';
export type AssetState = 'publishing' | 'present' | 'missing' | 'damaged' | 'trashed' | 'deleted';

export type AssetRow = {
  id: number;
  person_id: string;
  path: string;
  kind: AssetKind;
  media_type: string;
  size: number;
  sha256: Buffer;
  mtime: number | null;
  captured_at: number;
  captured_local: string;
  pair: string | null;
  state: AssetState;
  added_at: number;
};

export type NewAsset = {
  personId: string;
  path: string;
  pathKey: string;
  kind: AssetKind;
  mediaType: string;
  size: number;
  sha256: Buffer;
  mtime: number | null;
  capture: CaptureDate;
  pair: string | null;
  addedAt: number;
  /** A browser handed it over: perhaps not the original. */
  fromBrowser?: boolean;
};

export type PublishingRow = {
  asset_id: number;
  source: string;
  previous: AssetState | null;
  path: string;
  size: number;
  sha256: Buffer;
};

/** Of one pair: a photo has two or three files, and each change of one looks at all of them. */
export const pairMembersMax = 100;
/** Files with one stem in one folder. */
const neighboursMax = 100;
const assetColumns = `id, person_id, path, kind, media_type, size, sha256, mtime, captured_at, captured_local, pair,
  state, added_at`;

export class LibraryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  // --- people -------------------------------------------------------------------------------------------------------

  /** Inside `write`. */
  putPerson(person: { id: string; name: string; folder: string }): void {
    this.#database.run(
      `INSERT INTO person (id, name, folder) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`,
      person.id,
      person.name,
      person.folder,
    );
  }

  personIds(): string[] {
    return this.#database.all<{ id: string }>('SELECT id FROM person').map((row) => row.id);
  }

  // --- assets -------------------------------------------------------------------------------------------------------

  asset(id: number): AssetRow | undefined {
    return this.#database.get(`SELECT ${assetColumns} FROM asset WHERE id = ?`, id);
  }

  assetByContent(personId: string, sha256: Buffer): AssetRow | undefined {
    return this.#database.get(`SELECT ${assetColumns} FROM asset WHERE person_id = ? AND sha256 = ?`, personId, sha256);
  }

  /** Whether it goes with the rest of its person's data: whatever is said of it now is over in a moment. */
  isBeingErased({ id, person_id: personId }: Pick<AssetRow, 'id' | 'person_id'>): boolean {
    const row = this.#database.get('SELECT 1 FROM erasure WHERE person_id = ? AND asset_max >= ?', personId, id);
    return row !== undefined;
  }

  hasAssetOfSize(personId: string, size: number): boolean {
    return (
      this.#database.get('SELECT 1 FROM asset WHERE person_id = ? AND size = ? LIMIT 1', personId, size) !== undefined
    );
  }

  /** The files of a pair, the one that came first first: it chose the folder and the stem. */
  pairMembers(personId: string, pair: string): AssetRow[] {
    return this.#database.all(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND pair = ? ORDER BY id LIMIT ${pairMembersMax}`,
      personId,
      pair,
    );
  }

  /** Whose path key lies in `[from, to)`; not what was deleted for good. */
  assetsBetween(from: string, to: string): AssetRow[] {
    return this.#database.all(
      `SELECT ${assetColumns} FROM asset WHERE path_key >= ? AND path_key < ? ORDER BY path_key LIMIT ${neighboursMax}`,
      from,
      to,
    );
  }

  pathTaken(pathKey: string): boolean {
    return this.#database.get('SELECT 1 FROM asset WHERE path_key = ?', pathKey) !== undefined;
  }

  /** Inside `write`: the asset and its unfinished publishing are one change. */
  reserve(asset: NewAsset, source: string): number {
    const { lastInsertRowid } = this.#database.run(
      `INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, mtime, captured_at, captured_local,
         captured_from, captured_wall, pair, state, added_at, from_browser)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'publishing', ?, ?)`,
      asset.personId,
      asset.path,
      asset.pathKey,
      asset.kind,
      asset.mediaType,
      asset.size,
      asset.sha256,
      asset.mtime,
      asset.capture.at,
      asset.capture.local,
      asset.capture.from,
      wallClockMs(asset.capture),
      asset.pair,
      asset.addedAt,
      asset.fromBrowser === true ? 1 : 0,
    );
    const id = Number(lastInsertRowid);
    this.#database.run('INSERT INTO publishing (asset_id, source) VALUES (?, ?)', id, source);
    return id;
  }

  /** Inside `write`: an asset whose file is gone or damaged is published again from `source`. */
  reserveAgain(assetId: number, source: string): void {
    this.#database.run(
      `INSERT INTO publishing (asset_id, source, previous)
       SELECT id, ?, iif(state = 'damaged', 'damaged', 'missing') FROM asset WHERE id = ?`,
      source,
      assetId,
    );
    this.#database.run("UPDATE asset SET state = 'publishing' WHERE id = ?", assetId);
  }

  /** Inside `write`. */
  movePublishing(assetId: number, path: string, pathKey: string): void {
    this.#database.run('UPDATE asset SET path = ?, path_key = ? WHERE id = ?', path, pathKey, assetId);
  }

  /**
   * The name is on the disk. Unsynced on purpose: start-up works it out again from the file. `trashed`: it is the half
   * of a photo that its owner deleted, and goes on to the trash. `arrived`: a phone sent it.
   */
  confirmPublished(
    assetId: number,
    { at, trashed, arrived = true }: { at: number; trashed: boolean; arrived?: boolean },
  ): void {
    this.#database.writeRelaxed((prepare) => {
      if (trashed) {
        prepare(
          `UPDATE asset SET state = 'trashed', trashed_at = ?, trashed_day = (SELECT day FROM trash_calendar)
           WHERE id = ?`,
        ).run(at, assetId);
        prepare('INSERT OR IGNORE INTO relocation (asset_id) VALUES (?)').run(assetId);
      } else {
        prepare(
          `INSERT INTO mended (asset_id, damage, found_at, mended_at, how)
           SELECT publishing.asset_id, kind, found_at, ?, ? FROM publishing LEFT JOIN damage USING (asset_id)
           WHERE publishing.asset_id = ? AND previous IS NOT NULL`,
        ).run(at, arrived ? 'came-again' : 'from-mirror', assetId);
        // Read again, if ever, from now on: what stands there of the bytes before says nothing of these.
        prepare("UPDATE asset SET state = 'present', verified_at = NULL WHERE id = ?").run(assetId);
        if (arrived) noteArrival(prepare, assetId, at);
      }
      prepare('DELETE FROM publishing WHERE asset_id = ?').run(assetId);
    });
  }

  /** Inside `write`: it is not on the disk, and nothing was acknowledged. `previous`: what it was before. */
  dropReserved(assetId: number, previous: AssetState | null): void {
    if (previous === null) {
      this.#database.run("DELETE FROM asset WHERE id = ? AND state = 'publishing'", assetId);
      return;
    }
    this.#database.run("UPDATE asset SET state = ? WHERE id = ? AND state = 'publishing'", previous, assetId);
    this.#database.run('DELETE FROM publishing WHERE asset_id = ?', assetId);
  }

  /** Inside `write`: the file was taken away by hand. It is wanted again. */
  markMissing(assetId: number): void {
    this.#database.run("UPDATE asset SET state = 'missing' WHERE id = ? AND state = 'present'", assetId);
  }

  /** Inside `write`: the file's bytes are not what was received. It is kept, and wanted again. */
  markDamaged(assetId: number): void {
    this.#database.run("UPDATE asset SET state = 'damaged' WHERE id = ?", assetId);
    this.#database.run('DELETE FROM publishing WHERE asset_id = ?', assetId);
  }

  /** Inside `write`: it was read again, and is what came. False: it changed meanwhile, and nothing is said of it. */
  markVerified({ id, path }: Pick<AssetRow, 'id' | 'path'>, at: number): boolean {
    const sql = "UPDATE asset SET verified_at = ? WHERE id = ? AND path = ? AND state = 'present'";
    return this.#database.run(sql, at, id, path).changes === 1;
  }

  /** Inside `write`: it was read again, and is not what came; it is wanted again. False: it changed meanwhile. */
  markLost({ id, path }: Pick<AssetRow, 'id' | 'path'>, state: 'missing' | 'damaged'): boolean {
    const sql = "UPDATE asset SET state = ? WHERE id = ? AND path = ? AND state = 'present'";
    return this.#database.run(sql, state, id, path).changes === 1;
  }

  /** Inside `write`: what was lost is in its place again, byte for byte. False: it changed meanwhile. */
  markFound({ id, path }: Pick<AssetRow, 'id' | 'path'>, at: number): boolean {
    const sql = `UPDATE asset SET state = 'present', verified_at = ?
      WHERE id = ? AND path = ? AND state IN ('damaged', 'missing')`;
    return this.#database.run(sql, at, id, path).changes === 1;
  }

  unfinishedPublishing(): PublishingRow[] {
    return this.#database.all(`${publishingQuery} ORDER BY asset_id`);
  }

  publishing(assetId: number): PublishingRow | undefined {
    return this.#database.get(`${publishingQuery} WHERE publishing.asset_id = ?`, assetId);
  }

  isPublishingFrom(source: string): boolean {
    return this.#database.get('SELECT 1 FROM publishing WHERE source = ?', source) !== undefined;
  }

  /** What is present of a person, of every kind. */
  assetsAfter(personId: string, afterId: number, limit: number): AssetRow[] {
    return this.#database.all(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND state = 'present' AND id > ? ORDER BY id LIMIT ?`,
      personId,
      afterId,
      limit,
    );
  }
}

/**
 * It came from the phone that told of it last: the one whose upload it is; of its browser, where no app told of it. Each
 * file that comes in is counted once, be it of a phone that is not known any more ('').
 */
function noteArrival(prepare: (sql: string) => Statement, assetId: number, at: number): void {
  const item = prepare(
    `SELECT phone_id AS phone, folder FROM phone_item WHERE asset_id = ? ORDER BY folder, seen_at DESC, id DESC LIMIT 1`,
  ).get(assetId) as { phone: string; folder: number } | undefined;
  const phone = item?.phone ?? '';
  const byApp = item?.folder === 1 ? 0 : 1;
  // What only ever came from its browser says nothing of its app.
  if (item !== undefined && byApp === 1) {
    prepare(
      `INSERT INTO phone_standing (phone_id, last_arrived_at) VALUES (?, ?)
       ON CONFLICT (phone_id) DO UPDATE SET last_arrived_at = excluded.last_arrived_at`,
    ).run(phone, at);
  }
  prepare(
    `INSERT INTO phone_arrival (at, phone_id, files, bytes, browser_files, browser_bytes, again_files, again_bytes)
     SELECT @at, @phone, @byApp, size * @byApp, 1 - @byApp, size * (1 - @byApp), again, size * again
     FROM (SELECT size, EXISTS (SELECT 1 FROM publishing WHERE asset_id = @assetId AND previous IS NOT NULL) AS again
           FROM asset WHERE id = @assetId) WHERE true
     ON CONFLICT (at, phone_id) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
       browser_files = browser_files + excluded.browser_files, browser_bytes = browser_bytes + excluded.browser_bytes,
       again_files = again_files + excluded.again_files, again_bytes = again_bytes + excluded.again_bytes`,
  ).run({ at: Math.floor(at / arrivalsEveryMs) * arrivalsEveryMs, phone, byApp, assetId });
}

/** The clock on the wall as if it were UTC, with the fraction of its second. */
function wallClockMs({ at, local }: CaptureDate): number {
  return Date.parse(`${local}Z`) + (((at % 1000) + 1000) % 1000);
}

const publishingQuery = `SELECT publishing.asset_id, publishing.source, publishing.previous, asset.path, asset.size,
    asset.sha256
  FROM publishing JOIN asset ON asset.id = publishing.asset_id`;
