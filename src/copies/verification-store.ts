/**
 * The rows of verification, in the catalogue: what comes next, what was found, how much was read. What an asset is stays
 * the library's own (`OpenLibrary.rows`). Private to this room.
 */
import { arrivalsEveryMs } from '../library/standing.ts';
import type { Database } from '../platform/database.ts';

export type ToRead = Readonly<{ id: number; path: string; size: number; sha256: Buffer; at: number }>;
export type DamageKind = 'missing' | 'other-bytes' | 'unreadable';
export type LostRow = Readonly<{
  id: number;
  personId: string;
  person: string;
  path: string;
  kind: 'photo' | 'video' | 'sidecar' | 'file';
  size: number;
  takenLocal: string;
  /** Null: nobody read it; it is missing, or was found so when the library opened. */
  damage: DamageKind | null;
  foundAt: number | null;
}>;
type MendedRow = LostRow & Readonly<{ mendedAt: number; how: 'from-mirror' | 'came-again' | 'put-back' }>;
export type Tally = Readonly<{ files: number; bytes: number; damaged: number }>;
export type OfAll = Readonly<{ since: number; files: number; bytes: number; ofFiles: number; ofBytes: number }>;
/** After which one in its order. */
export type Place = Readonly<{ at: number; id: number }>;

const columns = 'asset.id, asset.path, asset.size, asset.sha256';

export class VerificationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Not read since it came, in `(after, before)` by when it came; the first that came first. */
  unread(after: Place, before: number): ToRead | undefined {
    return this.#database.get(
      `SELECT ${columns}, added_at AS at FROM asset
       WHERE state = 'present' AND verified_at IS NULL AND (added_at, id) > (?, ?) AND added_at < ?
       ORDER BY added_at, id LIMIT 1`,
      after.at,
      after.id,
      before,
    );
  }

  /** What was read longest ago, in `(after, before)`. */
  oldest(after: Place, before: number): ToRead | undefined {
    return this.#database.get(
      `SELECT ${columns}, verified_at AS at FROM asset
       WHERE state = 'present' AND verified_at IS NOT NULL AND (verified_at, id) > (?, ?) AND verified_at < ?
       ORDER BY verified_at, id LIMIT 1`,
      after.at,
      after.id,
      before,
    );
  }

  present(id: number): ToRead | undefined {
    return this.#database.get(`SELECT ${columns}, added_at AS at FROM asset WHERE id = ? AND state = 'present'`, id);
  }

  /** Known to be lost, and not looked at since `before`: it may be back. By its id, after one. */
  lostToLookAt({ id }: Place, before: number): ToRead | undefined {
    return this.#database.get(
      `SELECT ${columns}, coalesce(looked_at, 0) AS at FROM asset LEFT JOIN damage ON asset_id = asset.id
       WHERE state IN ('damaged', 'missing') AND asset.id > ? AND coalesce(looked_at, 0) < ? ORDER BY asset.id LIMIT 1`,
      id,
      before,
    );
  }

  /** Since when every file was read at least once, or came; undefined: there is none. */
  oldestAt(): number | undefined {
    const first = { at: -1, id: 0 };
    const all = [this.unread(first, Number.MAX_SAFE_INTEGER), this.oldest(first, Number.MAX_SAFE_INTEGER)];
    const times = all.flatMap((row) => (row === undefined ? [] : [row.at]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Not read, nor come, since `before`; counted up to `limit`. */
  overdue(before: number, limit: number): number {
    const sql = `SELECT count(*) AS n FROM (
      SELECT 1 FROM (SELECT 1 FROM asset WHERE state = 'present' AND verified_at IS NULL AND added_at < ? LIMIT ?)
      UNION ALL
      SELECT 1 FROM (SELECT 1 FROM asset WHERE state = 'present' AND verified_at IS NOT NULL AND verified_at < ? LIMIT ?))`;
    return Math.min(limit, this.#database.get<{ n: number }>(sql, before, limit, before, limit)?.n ?? 0);
  }

  /** What the library holds, about: with what is in its trash. */
  size(): { files: number; bytes: number } {
    const sql = 'SELECT coalesce(sum(files), 0) AS files, coalesce(sum(bytes), 0) AS bytes FROM person_usage';
    return this.#database.get(sql) ?? { files: 0, bytes: 0 };
  }

  /** Inside `write`. */
  putDamage(assetId: number, kind: DamageKind, at: number): void {
    this.#database.run(
      `INSERT INTO damage (asset_id, kind, found_at, looked_at) SELECT id, ?, ?, ? FROM asset WHERE id = ?
       ON CONFLICT (asset_id) DO UPDATE SET kind = excluded.kind, looked_at = excluded.looked_at`,
      kind,
      at,
      at,
      assetId,
    );
  }

  /** Inside `write`. */
  count(at: number, { files, bytes, damaged }: Tally): void {
    this.#database.run(
      `INSERT INTO verification_tally (at, files, bytes, damaged) VALUES (?, ?, ?, ?)
       ON CONFLICT (at) DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
         damaged = damaged + excluded.damaged`,
      Math.floor(at / arrivalsEveryMs) * arrivalsEveryMs,
      files,
      bytes,
      damaged,
    );
    this.#database.run('UPDATE verification_of_all SET files = files + ?, bytes = bytes + ?', files, bytes);
  }

  /** In `[from, to)`, both times at which five minutes begin. */
  tally(from: number, to: number): Tally {
    const row = this.#database.get<Tally>(
      `SELECT coalesce(sum(files), 0) AS files, coalesce(sum(bytes), 0) AS bytes, coalesce(sum(damaged), 0) AS damaged
       FROM verification_tally WHERE at >= ? AND at < ?`,
      from,
      to,
    );
    return row ?? { files: 0, bytes: 0, damaged: 0 };
  }

  ofAll(): OfAll | undefined {
    return this.#database.get(
      `SELECT since, files, bytes, of_files AS ofFiles, of_bytes AS ofBytes FROM verification_of_all`,
    );
  }

  /** Inside `write`. Asked again while it is under way, it goes on. */
  beginAll(since: number): void {
    const { files, bytes } = this.size();
    this.#database.run(
      'INSERT OR IGNORE INTO verification_of_all (only_one, since, of_files, of_bytes) VALUES (1, ?, ?, ?)',
      since,
      files,
      bytes,
    );
  }

  /** Inside `write`. `since`: only the one that was asked for then. */
  endAll(since?: number): void {
    this.#database.run('DELETE FROM verification_of_all WHERE since = coalesce(?, since)', since ?? null);
  }

  /** What is lost, by its id, from `after` on: until it has its place again. */
  lost(after: number, limit: number): LostRow[] {
    return this.#database.all(
      `SELECT asset.id, person_id AS personId, person.name AS person, path, asset.kind, size,
         captured_local AS takenLocal, damage.kind AS damage, found_at AS foundAt
       FROM asset JOIN person ON person.id = person_id LEFT JOIN damage ON asset_id = asset.id
       WHERE asset.id IN (
         SELECT id FROM asset WHERE state IN ('damaged', 'missing') AND id > ?
         UNION ALL SELECT asset_id FROM publishing WHERE previous IS NOT NULL AND asset_id > ?)
       ORDER BY asset.id LIMIT ?`,
      after,
      after,
      limit,
    );
  }

  /** What was lost and is there again, the last first. */
  mended(limit: number): MendedRow[] {
    return this.#database.all(
      `SELECT asset.id, person_id AS personId, person.name AS person, path, asset.kind, size,
         captured_local AS takenLocal, mended.damage, mended.found_at AS foundAt, mended_at AS mendedAt, how
       FROM mended JOIN asset ON asset.id = asset_id JOIN person ON person.id = person_id
       WHERE state = 'present' ORDER BY mended.id DESC LIMIT ?`,
      limit,
    );
  }
}
