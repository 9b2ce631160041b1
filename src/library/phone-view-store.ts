/**
 * The rows of phones' views: the names that a phone's apps see, as files and folders. Private to the library room.
 * Verbs that change rows are for inside `write`.
 */
import type { Database } from '../platform/database.ts';
import { hiddenPath, hiddenRoot } from './item-origin.ts';
import type { AssetState } from './store.ts';

export type ViewRow = {
  id: number;
  path: string;
  folder: number;
  mtime: number | null;
  seen_at: number;
  asset_id: number | null;
  size: number | null;
  sha256: Buffer | null;
  kind: 'photo' | 'video' | 'sidecar' | 'file' | null;
  media_type: string | null;
  state: AssetState | null;
  captured_at: number | null;
  added_at: number | null;
  digests: string | null;
};

const columns = `phone_item.id, phone_item.path, folder, phone_item.mtime, seen_at, asset_id, asset.size, sha256, kind,
  media_type, asset.state, captured_at, added_at,
  (SELECT group_concat(upper(algorithm) || ':' || lower(hex(digest)), ' ') FROM asset_digest WHERE asset_id = asset.id)
    AS digests`;
const tables = 'phone_item LEFT JOIN asset ON asset.id = asset_id';
/** A folder, or a file that the box has or whose owner deleted it here: what is wanted again is not seen. */
const visible = `((folder = 1 AND origin = 'app') OR asset.state IN ('present', 'trashed', 'deleted'))`;

export class PhoneViewStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  at(phoneId: string, path: string): ViewRow | undefined {
    return this.#database.get(
      `SELECT ${columns} FROM ${tables} WHERE phone_id = +? AND phone_item.path = +? AND ${visible}`,
      phoneId,
      path,
    );
  }

  byId(phoneId: string, id: number): ViewRow | undefined {
    return this.#database.get(
      `SELECT ${columns} FROM ${tables} WHERE phone_item.id = ? AND phone_id = ? AND ${visible}`,
      id,
      phoneId,
    );
  }

  /** What is directly in a folder, after the row `afterId`, in the order of its rows. */
  children(phoneId: string, parent: string, afterId: number, limit: number): ViewRow[] {
    return this.#database.all(
      `SELECT ${columns} FROM ${tables}
       WHERE phone_id = +? AND parent = +? AND phone_item.id > ? AND ${visible} ORDER BY phone_item.id LIMIT ?`,
      phoneId,
      parent,
      afterId,
      limit,
    );
  }

  bytesBelow(phoneId: string, folder: string): number {
    const [from, to] = below(folder);
    const row = this.#database.get<{ bytes: number | null }>(
      `SELECT sum(asset.size) AS bytes FROM phone_item JOIN asset ON asset.id = asset_id
       WHERE phone_id = ? AND phone_item.path >= ? AND phone_item.path < ? AND asset.state = 'present'
         AND substr(phone_item.path, 1, 1) <> '/'`,
      phoneId,
      from,
      to,
    );
    return row?.bytes ?? 0;
  }

  /** How many there are, and the bytes of the longest; 0 without any. */
  namesBelow(phoneId: string, folder: string): { names: number; bytes: number } {
    const [from, to] = below(folder);
    const row = this.#database.get<{ names: number; bytes: number }>(
      `SELECT count(*) AS names, coalesce(max(octet_length(path)), 0) AS bytes
       FROM phone_item WHERE phone_id = ? AND path >= ? AND path < ?`,
      phoneId,
      from,
      to,
    );
    return row ?? { names: 0, bytes: 0 };
  }

  folderCount(phoneId: string): number {
    const row = this.#database.get<{ n: number }>(
      "SELECT count(*) AS n FROM phone_item WHERE phone_id = ? AND folder = 1 AND origin = 'app'",
      phoneId,
    );
    return row?.n ?? 0;
  }

  version(phoneId: string): number | undefined {
    return this.#database.get<{ version: number }>('SELECT version FROM phone_view WHERE phone_id = ?', phoneId)
      ?.version;
  }

  begin(phoneId: string): void {
    this.#database.run('INSERT INTO phone_view (phone_id, version) VALUES (?, 1) ON CONFLICT DO NOTHING', phoneId);
  }

  lastItemId(): number {
    return this.#database.get<{ id: number | null }>('SELECT max(id) AS id FROM phone_item')?.id ?? 0;
  }

  /** Folders that names of this phone are in, of rows after `afterId`, and that may have no row of their own. */
  parentsAfter(phoneId: string, afterId: number): string[] {
    const rows =
      afterId === 0
        ? this.#database.all<{ parent: string }>(
            'SELECT DISTINCT parent FROM phone_item WHERE phone_id = ? AND parent > ?',
            phoneId,
            '',
          )
        : this.#database.all<{ parent: string }>(
            'SELECT DISTINCT parent FROM phone_item WHERE id > ? AND +phone_id = ? AND parent > ?',
            afterId,
            phoneId,
            '',
          );
    return rows.map(({ parent }) => parent).filter((parent) => !parent.startsWith('/'));
  }

  /** What the box wanted again under this name gives way: the phone has a folder there. */
  putFolder(phoneId: string, parent: string, path: string, now: number): void {
    this.#database.run(
      `INSERT INTO phone_item (phone_id, parent, path, folder, seen_at) VALUES (?, ?, ?, 1, ?)
       ON CONFLICT (phone_id, path) DO UPDATE SET folder = 1, asset_id = NULL, size = NULL, mtime = NULL, key = NULL,
         refusal = NULL, seen_at = excluded.seen_at WHERE folder = 0`,
      phoneId,
      parent,
      path,
      now,
    );
  }

  /** The row at a name, or those below it in slices; also what is not visible. */
  itemsFrom(phoneId: string, path: string, options: { below: boolean; limit: number }): HideableRow[] {
    const [from, to] = options.below ? below(path) : [path, `${path}\0`];
    return this.#database.all(
      `SELECT id, path, folder, asset_id FROM phone_item WHERE phone_id = ? AND path >= ? AND path < ? LIMIT ?`,
      phoneId,
      from,
      to,
      options.limit,
    );
  }

  /** Whether another name in view holds this file. */
  isNamedElsewhere(phoneId: string, assetId: number, itemId: number): boolean {
    const row = this.#database.get(
      `SELECT 1 FROM phone_item WHERE asset_id = ? AND phone_id = ? AND id <> ? AND folder = 0`,
      assetId,
      phoneId,
      itemId,
    );
    return row !== undefined;
  }

  remove(itemId: number): void {
    this.#database.run('DELETE FROM phone_item WHERE id = ?', itemId);
  }

  hide(itemId: number, path: string): void {
    this.#database.run(
      'UPDATE phone_item SET path = ?, parent = ? WHERE id = ?',
      hiddenPath(itemId, path),
      hiddenRoot,
      itemId,
    );
  }

  /** One name, without what is below it. */
  rename(itemId: number, parent: string, path: string): void {
    this.#database.run('UPDATE phone_item SET path = ?, parent = ? WHERE id = ?', path, parent, itemId);
  }

  renameBelow(phoneId: string, folder: string, to: string): void {
    const [first, last] = below(folder);
    this.#database.run(
      `UPDATE phone_item SET path = ? || substr(path, length(?) + 1), parent = ? || substr(parent, length(?) + 1)
       WHERE phone_id = ? AND path >= ? AND path < ?`,
      to,
      folder,
      to,
      folder,
      phoneId,
      first,
      last,
    );
  }

  putDigest(assetId: number, algorithm: string, digest: Buffer): void {
    this.#database.run(
      'INSERT INTO asset_digest (asset_id, algorithm, digest) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      assetId,
      algorithm,
      digest,
    );
  }
}

export type HideableRow = { id: number; path: string; folder: number; asset_id: number | null };

/** Every path below `folder` lies between the two: '0' is the letter after '/'. The top has no such range. */
function below(folder: string): readonly [string, string] {
  return folder === '' ? ['', '\u{10ffff}'] : [`${folder}/`, `${folder}0`];
}
