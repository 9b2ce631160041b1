/**
 * The rows of phones' items: what each phone told of, and what became of it. Private to the library room.
 */
import type { Database } from '../platform/database.ts';
import { browserPathRange, type ItemOrigin } from './item-origin.ts';
import type { AssetRow, AssetState } from './store.ts';

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

export type ItemFacts = {
  phoneId: string;
  /** Default: an app told of it. */
  origin?: ItemOrigin;
  parent: string;
  path: string;
  key: string | null;
  size: number;
  mtime: number | null;
  seenAt: number;
};

export type ItemCounts = {
  seen: number;
  safe: number;
  refused: number;
  /** Of the refused. */
  deleted: number;
  lastReceivedAt: number | null;
};

type ItemOfAsset = { item_id: number; item_path: string; item_mtime: number | null };

/** There are four. */
const refusalCodesMax = 20;
export type SafeRow = Pick<AssetRow, 'id' | 'path' | 'size' | 'sha256' | 'added_at'> & {
  verified_at: number | null;
  /** yyyy-mm */
  month: string;
  item_id: number;
  item_path: string;
  item_key: string | null;
  item_mtime: number | null;
  /** Copies on other disks that read back right, and when one of them was read last. */
  mirrors: number;
  mirrored_at: number | null;
};

export class ItemStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  item(phoneId: string, path: string): ItemRow | undefined {
    return this.#database.get(`${itemQuery} WHERE phone_item.phone_id = +? AND phone_item.path = +?`, phoneId, path);
  }

  /** As `item`, all at once: a tenth of the time for a thousand of them. */
  itemsAt(phoneId: string, paths: readonly string[]): Map<string, ItemRow> {
    const found = new Map<string, ItemRow>();
    const asText = paths.filter((path) => path.isWellFormed() && !path.includes('\0'));
    for (const row of this.#database.all<ItemRow>(itemsQuery, JSON.stringify(asText), phoneId))
      found.set(row.path, row);
    // What JSON and SQLite do not write alike is asked for by itself.
    for (const path of asText.length === paths.length ? [] : paths) {
      const row = found.has(path) ? undefined : this.item(phoneId, path);
      if (row !== undefined) found.set(path, row);
    }
    return found;
  }

  itemByKey(phoneId: string, key: string): ItemRow | undefined {
    return this.#database.get(
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
    this.#database.run('UPDATE phone_item SET seen_at = max(seen_at, ?) WHERE id = ?', seenAt, itemId);
  }

  /** Inside `write`: what waits, or was deleted here for good, and is not on the phone any more. */
  forgetWaiting(phoneId: string, notSeenSince: number): number {
    return this.#database.run(
      `DELETE FROM phone_item WHERE phone_id = ? AND folder = 0 AND seen_at < ?
         AND (asset_id IS NULL OR (SELECT state FROM asset WHERE id = asset_id) = 'deleted')`,
      phoneId,
      notSeenSince,
    ).changes;
  }

  /** `refused` counts with `deleted`: what its owner deleted here, be it in the trash or gone. */
  counts(phoneId: string): ItemCounts {
    const row = this.#database.get<ItemCounts>(
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

  /** Files that came from this phone's browser, and that no app has sent. Other than `counts`, and no part of it. */
  fromBrowser(phoneId: string): number {
    const row = this.#database.get<{ n: number }>(
      `SELECT count(DISTINCT asset.id) AS n FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.path >= ? AND phone_item.path < ? AND phone_item.origin = 'browser'
         AND asset.state = 'present' AND asset.from_browser = 1`,
      phoneId,
      ...browserPathRange,
    );
    return row?.n ?? 0;
  }

  /** When the last of these came; null: none ever did. Also of what an app sent meanwhile, or what was deleted. */
  lastFromBrowser(phoneId: string): number | null {
    const row = this.#database.get<{ at: number | null }>(
      `SELECT max(asset.added_at) AS at FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.path >= ? AND phone_item.path < ? AND phone_item.origin = 'browser'`,
      phoneId,
      ...browserPathRange,
    );
    return row?.at ?? null;
  }

  /** What its owner deleted comes last: of that the phone's person knows. */
  refusals(phoneId: string, limit: number): Array<{ path: string; refusal: string }> {
    return this.#database.all(
      `SELECT phone_item.path, coalesce(refusal, 'deleted') AS refusal
       FROM phone_item LEFT JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_id = ? AND folder = 0 AND (refusal IS NOT NULL OR asset.state IN ('trashed', 'deleted'))
       ORDER BY refusal IS NULL, phone_item.id LIMIT ?`,
      phoneId,
      limit,
    );
  }

  /** By code, without what its owner deleted here. */
  refusalCounts(phoneId: string): Array<{ refusal: string; count: number }> {
    return this.#database.all(
      `SELECT refusal, count(*) AS count FROM phone_item
       WHERE phone_id = ? AND folder = 0 AND refusal IS NOT NULL GROUP BY refusal ORDER BY refusal LIMIT ${refusalCodesMax}`,
      phoneId,
    );
  }

  /** Of its app: under the names of a browser's picker several may be the same. */
  itemsWithAssets(phoneId: string, afterId: number, limit: number): Array<AssetRow & ItemOfAsset> {
    return this.#database.all(
      `SELECT asset.*, phone_item.id AS item_id, phone_item.path AS item_path, phone_item.mtime AS item_mtime
       FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.id > ? AND origin = 'app' AND asset.state = 'present'
         AND substr(phone_item.path, 1, 1) <> '/'
       ORDER BY phone_item.id LIMIT ?`,
      phoneId,
      afterId,
      limit,
    );
  }

  /** Of its app, what is present, told of as it is, and on its way nowhere. Whether the file is there is not known here. */
  safeItems(phoneId: string, personId: string, afterId: number, limit: number): SafeRow[] {
    return this.#database.all(
      `SELECT asset.id, asset.path, asset.size, asset.sha256, asset.added_at, asset.verified_at,
         substr(captured_local, 1, 7) AS month, phone_item.id AS item_id,
         phone_item.path AS item_path, phone_item.key AS item_key, phone_item.mtime AS item_mtime,
         (SELECT count(*) FROM mirrored WHERE asset_id = asset.id AND path = asset.path) AS mirrors,
         (SELECT max(mirrored.verified_at) FROM mirrored WHERE asset_id = asset.id AND path = asset.path) AS mirrored_at
       FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.id > ? AND folder = 0 AND origin = 'app' AND refusal IS NULL
         AND substr(phone_item.path, 1, 1) <> '/'
         AND asset.state = 'present' AND asset.from_browser = 0 AND asset.person_id = ?
         AND phone_item.size = asset.size
         AND NOT EXISTS (SELECT 1 FROM relocation WHERE asset_id = asset.id)
         AND NOT EXISTS (SELECT 1 FROM erasure WHERE erasure.person_id = asset.person_id AND asset_max >= asset.id)
       ORDER BY phone_item.id LIMIT ?`,
      phoneId,
      afterId,
      personId,
      limit,
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
    return this.#database.get(
      `SELECT phone_item.path AS phone_path, asset.path FROM phone_item JOIN asset ON asset.id = phone_item.asset_id
       WHERE phone_item.phone_id = ? AND phone_item.path BETWEEN ? AND ?
         AND asset.kind IN ('photo', 'video')
       ORDER BY asset.kind, asset.id LIMIT 1`,
      phoneId,
      from,
      to,
    );
  }

  #putItem(item: ItemFacts, assetId: number | null, refusal: string | null): void {
    this.#database.run(
      putQueries[item.origin ?? 'app'],
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
}

/** What came from a browser is filed apart (`schema/library/0005`). */
const putQuery = (columns: string, values: string) =>
  `INSERT INTO phone_item (phone_id, parent, path, key, size, mtime, asset_id, refusal, seen_at${columns})
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?${values})
   ON CONFLICT (phone_id, path) DO UPDATE SET key = coalesce(excluded.key, key), size = excluded.size,
     mtime = excluded.mtime, asset_id = excluded.asset_id, refusal = excluded.refusal,
     seen_at = max(seen_at, excluded.seen_at), folder = excluded.folder`;
const putQueries: Readonly<Record<ItemOrigin, string>> = {
  app: putQuery('', ''),
  browser: putQuery(', origin, folder', ", 'browser', 1"),
};

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
