/**
 * The catalogue's rows: prepared statements behind named verbs. Private to the library room.
 */
import type { Database, Statement } from '../platform/database.ts';
import type { CaptureDate } from './capture-date.ts';

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

export type ItemRow = {
  id: number;
  path: string;
  size: number | null;
  mtime: number | null;
  asset_id: number | null;
  refusal: string | null;
  asset_state: AssetState | null;
  asset_sha256: Buffer | null;
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
};

export type ItemFacts = {
  phoneId: string;
  parent: string;
  path: string;
  key: string | null;
  size: number;
  mtime: number | null;
  seenAt: number;
};

export type PublishingRow = {
  asset_id: number;
  source: string;
  previous: AssetState | null;
  path: string;
  size: number;
  sha256: Buffer;
};
export type ItemCounts = {
  seen: number;
  safe: number;
  refused: number;
  /** Of the refused. */
  deleted: number;
  lastReceivedAt: number | null;
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
    this.#run(
      `INSERT INTO person (id, name, folder) VALUES (?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE name <> excluded.name`,
      person.id,
      person.name,
      person.folder,
    );
  }

  personIds(): string[] {
    return this.#all<{ id: string }>('SELECT id FROM person').map((row) => row.id);
  }

  // --- assets -------------------------------------------------------------------------------------------------------

  asset(id: number): AssetRow | undefined {
    return this.#get(`SELECT ${assetColumns} FROM asset WHERE id = ?`, id);
  }

  assetByContent(personId: string, sha256: Buffer): AssetRow | undefined {
    return this.#get(`SELECT ${assetColumns} FROM asset WHERE person_id = ? AND sha256 = ?`, personId, sha256);
  }

  hasAssetOfSize(personId: string, size: number): boolean {
    return this.#get('SELECT 1 FROM asset WHERE person_id = ? AND size = ? LIMIT 1', personId, size) !== undefined;
  }

  /** The files of a pair, the one that came first first: it chose the folder and the stem. */
  pairMembers(personId: string, pair: string): AssetRow[] {
    return this.#all(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND pair = ? ORDER BY id LIMIT ${pairMembersMax}`,
      personId,
      pair,
    );
  }

  /** The photo or video that a sidecar of this phone stands beside: same folder on the phone, its name or its stem. */
  siblingOnPhone(
    phoneId: string,
    parent: string,
    target: { name: string } | { stem: string },
  ): { phone_path: string; path: string } | undefined {
    const before = parent === '' ? '' : `${parent}/`;
    // '/' is the letter after '.': every name with this stem lies between the two.
    const [from, to] =
      'name' in target
        ? [before + target.name, before + target.name]
        : [`${before + target.stem}.`, `${before + target.stem}/`];
    return this.#get(
      `SELECT phone_item.path AS phone_path, asset.path FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.path BETWEEN ? AND ?
         AND asset.kind IN ('photo', 'video')
       ORDER BY asset.kind, asset.id LIMIT 1`,
      phoneId,
      from,
      to,
    );
  }

  /** Whose path key lies in `[from, to)`; not what was deleted for good. */
  assetsBetween(from: string, to: string): AssetRow[] {
    return this.#all(
      `SELECT ${assetColumns} FROM asset WHERE path_key >= ? AND path_key < ? ORDER BY path_key LIMIT ${neighboursMax}`,
      from,
      to,
    );
  }

  pathTaken(pathKey: string): boolean {
    return this.#get('SELECT 1 FROM asset WHERE path_key = ?', pathKey) !== undefined;
  }

  /** Inside `write`: the asset and its unfinished publishing are one change. */
  reserve(asset: NewAsset, source: string): number {
    const { lastInsertRowid } = this.#run(
      `INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, mtime, captured_at, captured_local,
         captured_from, captured_wall, pair, state, added_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'publishing', ?)`,
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
    );
    const id = Number(lastInsertRowid);
    this.#run('INSERT INTO publishing (asset_id, source) VALUES (?, ?)', id, source);
    return id;
  }

  /** Inside `write`: an asset whose file is gone or damaged is published again from `source`. */
  reserveAgain(assetId: number, source: string): void {
    this.#run(
      `INSERT INTO publishing (asset_id, source, previous)
       SELECT id, ?, iif(state = 'damaged', 'damaged', 'missing') FROM asset WHERE id = ?`,
      source,
      assetId,
    );
    this.#run("UPDATE asset SET state = 'publishing' WHERE id = ?", assetId);
  }

  /** Inside `write`. */
  movePublishing(assetId: number, path: string, pathKey: string): void {
    this.#run('UPDATE asset SET path = ?, path_key = ? WHERE id = ?', path, pathKey, assetId);
  }

  /**
   * The name is on the disk. Unsynced on purpose: start-up works it out again from the file. `trashedAt`: it is the half
   * of a photo that its owner deleted, and goes on to the trash.
   */
  confirmPublished(assetId: number, trashedAt: number | null): void {
    this.#database.writeRelaxed((prepare) => {
      if (trashedAt === null) prepare("UPDATE asset SET state = 'present' WHERE id = ?").run(assetId);
      else {
        prepare(
          `UPDATE asset SET state = 'trashed', trashed_at = ?, trashed_day = (SELECT day FROM trash_calendar)
           WHERE id = ?`,
        ).run(trashedAt, assetId);
        prepare('INSERT OR IGNORE INTO relocation (asset_id) VALUES (?)').run(assetId);
      }
      prepare('DELETE FROM publishing WHERE asset_id = ?').run(assetId);
    });
  }

  /** Inside `write`: it is not on the disk, and nothing was acknowledged. `previous`: what it was before. */
  dropReserved(assetId: number, previous: AssetState | null): void {
    if (previous === null) {
      this.#run("DELETE FROM asset WHERE id = ? AND state = 'publishing'", assetId);
      return;
    }
    this.#run("UPDATE asset SET state = ? WHERE id = ? AND state = 'publishing'", previous, assetId);
    this.#run('DELETE FROM publishing WHERE asset_id = ?', assetId);
  }

  /** Inside `write`: the file was taken away by hand. It is wanted again. */
  markMissing(assetId: number): void {
    this.#run("UPDATE asset SET state = 'missing' WHERE id = ? AND state = 'present'", assetId);
  }

  /** Inside `write`: the file's bytes are not what was received. It is kept, and wanted again. */
  markDamaged(assetId: number): void {
    this.#run("UPDATE asset SET state = 'damaged' WHERE id = ?", assetId);
    this.#run('DELETE FROM publishing WHERE asset_id = ?', assetId);
  }

  unfinishedPublishing(): PublishingRow[] {
    return this.#all(`${publishingQuery} ORDER BY asset_id`);
  }

  publishing(assetId: number): PublishingRow | undefined {
    return this.#get(`${publishingQuery} WHERE publishing.asset_id = ?`, assetId);
  }

  isPublishingFrom(source: string): boolean {
    return this.#get('SELECT 1 FROM publishing WHERE source = ?', source) !== undefined;
  }

  /** What is present of a person, of every kind. */
  assetsAfter(personId: string, afterId: number, limit: number): AssetRow[] {
    return this.#all(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND state = 'present' AND id > ? ORDER BY id LIMIT ?`,
      personId,
      afterId,
      limit,
    );
  }

  // --- phone items --------------------------------------------------------------------------------------------------

  item(phoneId: string, path: string): ItemRow | undefined {
    return this.#get(`${itemQuery} WHERE phone_item.phone_id = +? AND phone_item.path = +?`, phoneId, path);
  }

  /** As `item`, all at once: a tenth of the time for a thousand of them. */
  itemsAt(phoneId: string, paths: readonly string[]): Map<string, ItemRow> {
    const found = new Map<string, ItemRow>();
    const asText = paths.filter((path) => path.isWellFormed() && !path.includes('\0'));
    for (const row of this.#all<ItemRow>(itemsQuery, JSON.stringify(asText), phoneId)) found.set(row.path, row);
    // What JSON and SQLite do not write alike is asked for by itself.
    for (const path of asText.length === paths.length ? [] : paths) {
      const row = found.has(path) ? undefined : this.item(phoneId, path);
      if (row !== undefined) found.set(path, row);
    }
    return found;
  }

  itemByKey(phoneId: string, key: string): ItemRow | undefined {
    return this.#get(
      `${itemQuery} WHERE phone_item.phone_id = +? AND phone_item.key = +? ORDER BY phone_item.id DESC LIMIT 1`,
      phoneId,
      key,
    );
  }

  /** Inside `write`: the phone has this, the box does not (or no longer under this size and time). */
  putWaiting(item: ItemFacts): void {
    this.#putItem(item, null, null);
  }

  /** Inside `write`. */
  putSafe(item: ItemFacts, assetId: number): void {
    this.#putItem(item, assetId, null);
  }

  /** Inside `write`. */
  putRefused(item: ItemFacts, code: string): void {
    this.#putItem(item, null, code);
  }

  /** Inside `write`. */
  markSeen(itemId: number, seenAt: number): void {
    this.#run('UPDATE phone_item SET seen_at = max(seen_at, ?) WHERE id = ?', seenAt, itemId);
  }

  /** Inside `write`: what waits, or was deleted here for good, and is not on the phone any more. */
  forgetWaiting(phoneId: string, notSeenSince: number): number {
    return this.#run(
      `DELETE FROM phone_item WHERE phone_id = ? AND folder = 0 AND seen_at < ?
         AND (asset_id IS NULL OR (SELECT state FROM asset WHERE id = asset_id) = 'deleted')`,
      phoneId,
      notSeenSince,
    ).changes;
  }

  /** `refused` counts with `deleted`: what its owner deleted here, be it in the trash or gone. */
  counts(phoneId: string): ItemCounts {
    const row = this.#get<ItemCounts>(
      `SELECT count(*) AS seen,
         count(*) FILTER (WHERE asset.state = 'present') AS safe,
         count(*) FILTER (WHERE phone_item.refusal IS NOT NULL OR asset.state IN ('trashed', 'deleted')) AS refused,
         count(*) FILTER (WHERE asset.state IN ('trashed', 'deleted')) AS deleted,
         max(asset.added_at) FILTER (WHERE asset.state IN ('present', 'trashed', 'deleted')) AS lastReceivedAt
       FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.folder = 0`,
      phoneId,
    );
    return row ?? { seen: 0, safe: 0, refused: 0, deleted: 0, lastReceivedAt: null };
  }

  /** What its owner deleted comes last: of that the phone's person knows. */
  refusals(phoneId: string, limit: number): Array<{ path: string; refusal: string }> {
    return this.#all(
      `SELECT phone_item.path, coalesce(refusal, 'deleted') AS refusal
       FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_id = ? AND folder = 0 AND (refusal IS NOT NULL OR asset.state IN ('trashed', 'deleted'))
       ORDER BY refusal IS NULL, phone_item.id LIMIT ?`,
      phoneId,
      limit,
    );
  }

  itemsWithAssets(phoneId: string, afterId: number, limit: number): Array<AssetRow & ItemOfAsset> {
    return this.#all(
      `SELECT asset.*, phone_item.id AS item_id, phone_item.path AS item_path, phone_item.mtime AS item_mtime
       FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.id > ? AND asset.state = 'present'
       ORDER BY phone_item.id LIMIT ?`,
      phoneId,
      afterId,
      limit,
    );
  }

  #putItem(item: ItemFacts, assetId: number | null, refusal: string | null): void {
    this.#run(
      `INSERT INTO phone_item (phone_id, parent, path, key, size, mtime, asset_id, refusal, seen_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (phone_id, path) DO UPDATE SET key = coalesce(excluded.key, key), size = excluded.size,
         mtime = excluded.mtime, asset_id = excluded.asset_id, refusal = excluded.refusal,
         seen_at = max(seen_at, excluded.seen_at), folder = 0`,
      item.phoneId,
      item.parent,
      item.path,
      item.key,
      item.size,
      item.mtime,
      assetId,
      refusal,
      item.seenAt,
    );
  }

  #get<Row>(sql: string, ...params: unknown[]): Row | undefined {
    return this.#statement(sql).get(...params) as Row | undefined;
  }

  #all<Row>(sql: string, ...params: unknown[]): Row[] {
    return this.#statement(sql).all(...params) as Row[];
  }

  #run(sql: string, ...params: unknown[]) {
    return this.#statement(sql).run(...params);
  }

  #statement(sql: string): Statement {
    return this.#database.prepare(sql);
  }
}

/** The clock on the wall as if it were UTC, with the fraction of its second. */
function wallClockMs({ at, local }: CaptureDate): number {
  return Date.parse(`${local}Z`) + (((at % 1000) + 1000) % 1000);
}

type ItemOfAsset = { item_id: number; item_path: string; item_mtime: number | null };

const publishingQuery = `SELECT publishing.asset_id, publishing.source, publishing.previous, asset.path, asset.size,
    asset.sha256
  FROM publishing JOIN asset ON asset.id = publishing.asset_id`;

const itemColumns = `phone_item.id, phone_item.path, phone_item.size, phone_item.mtime, phone_item.asset_id,
  phone_item.refusal, asset.state AS asset_state, asset.sha256 AS asset_sha256`;
/**
 * Asked with `= +?`: where SQLite compares a bare `?` with a column while it chooses among partial indexes, it prepares
 * the statement anew for every value, which takes four times as long as running it.
 */
const itemQuery = `SELECT ${itemColumns} FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id`;
const itemsQuery = `SELECT ${itemColumns} FROM json_each(?) AS told
  CROSS JOIN phone_item ON phone_item.phone_id = ? AND phone_item.path = told.value
  LEFT JOIN asset ON asset.id = phone_item.asset_id`;
