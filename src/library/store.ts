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
export type ItemCounts = { seen: number; safe: number; refused: number; lastReceivedAt: number | null };
export type Cursor = { at: number; id: number };

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

  /** The half of a pair that came first: it chose the folder and the stem. */
  firstOfPair(personId: string, pair: string): AssetRow | undefined {
    return this.#get(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND pair = ? ORDER BY id LIMIT 1`,
      personId,
      pair,
    );
  }

  /** The media file that a sidecar of this phone stands beside: same folder on the phone, same stem. */
  siblingOnPhone(phoneId: string, parent: string, stem: string): AssetRow | undefined {
    return this.#get(
      `SELECT asset.* FROM asset
       JOIN phone_item ON phone_item.asset_id = asset.id
       WHERE phone_item.phone_id = ? AND phone_item.parent = ? AND asset.kind IN ('photo', 'video')
         AND (phone_item.path = iif(phone_item.parent = '', '', phone_item.parent || '/') || ?
           OR substr(phone_item.path, length(phone_item.parent) + iif(phone_item.parent = '', 1, 2), length(?) + 1) = ? || '.')
       ORDER BY asset.id LIMIT 1`,
      phoneId,
      parent,
      stem,
      stem,
      stem,
    );
  }

  pathTaken(pathKey: string): boolean {
    return this.#get('SELECT 1 FROM asset WHERE path_key = ?', pathKey) !== undefined;
  }

  /** Inside `write`: the asset and its unfinished publishing are one change. */
  reserve(asset: NewAsset, source: string): number {
    const { lastInsertRowid } = this.#run(
      `INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, mtime, captured_at, captured_local,
         captured_from, pair, state, added_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'publishing', ?)`,
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

  /** The name is on the disk. Unsynced on purpose: start-up works it out again from the file. */
  confirmPublished(assetId: number): void {
    this.#database.writeRelaxed((prepare) => {
      prepare("UPDATE asset SET state = 'present' WHERE id = ?").run(assetId);
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

  timeline(personId: string, before: Cursor | undefined, limit: number): AssetRow[] {
    const at = before?.at ?? Number.MAX_SAFE_INTEGER;
    const id = before?.id ?? Number.MAX_SAFE_INTEGER;
    return this.#all(
      `SELECT ${assetColumns} FROM asset WHERE person_id = ? AND state = 'present' AND (captured_at, id) < (?, ?)
       ORDER BY captured_at DESC, id DESC LIMIT ?`,
      personId,
      at,
      id,
      limit,
    );
  }

  // --- phone items --------------------------------------------------------------------------------------------------

  item(phoneId: string, path: string): ItemRow | undefined {
    return this.#get(`${itemQuery} WHERE phone_item.phone_id = ? AND phone_item.path = ?`, phoneId, path);
  }

  itemByKey(phoneId: string, key: string): ItemRow | undefined {
    return this.#get(
      `${itemQuery} WHERE phone_item.phone_id = ? AND phone_item.key = ? ORDER BY phone_item.id DESC LIMIT 1`,
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

  /** Inside `write`. */
  forgetWaiting(phoneId: string, notSeenSince: number): number {
    return this.#run(
      'DELETE FROM phone_item WHERE phone_id = ? AND folder = 0 AND asset_id IS NULL AND seen_at < ?',
      phoneId,
      notSeenSince,
    ).changes;
  }

  counts(phoneId: string): ItemCounts {
    const row = this.#get<ItemCounts>(
      `SELECT count(*) AS seen, count(asset.id) AS safe, count(phone_item.refusal) AS refused,
         max(asset.added_at) AS lastReceivedAt
       FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id AND asset.state = 'present'
       WHERE phone_item.phone_id = ? AND phone_item.folder = 0`,
      phoneId,
    );
    return row ?? { seen: 0, safe: 0, refused: 0, lastReceivedAt: null };
  }

  refusals(phoneId: string, limit: number): Array<{ path: string; refusal: string }> {
    return this.#all(
      'SELECT path, refusal FROM phone_item WHERE phone_id = ? AND refusal IS NOT NULL ORDER BY id LIMIT ?',
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

type ItemOfAsset = { item_id: number; item_path: string; item_mtime: number | null };

const publishingQuery = `SELECT publishing.asset_id, publishing.source, publishing.previous, asset.path, asset.size,
    asset.sha256
  FROM publishing JOIN asset ON asset.id = publishing.asset_id`;

const itemQuery = `SELECT phone_item.id, phone_item.path, phone_item.size, phone_item.mtime, phone_item.asset_id,
    phone_item.refusal, asset.state AS asset_state, asset.sha256 AS asset_sha256
  FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id`;
