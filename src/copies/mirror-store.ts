/**
 * The rows of mirrors, in the catalogue: what each has, what it still has to follow, what is damaged there. Private to
 * this room. A mirror follows the library by the order of its changes (`asset.change`), so what it lacks is what changed
 * since it was last looked at for it, however long it was away.
 */
import type { Database } from '../platform/database.ts';

export type MirrorRow = Readonly<{
  diskId: string;
  name: string;
  addedAt: number;
  seenAt: number;
  doneChange: number;
  doneId: number;
  behindSince: number | null;
  completeAt: number | null;
  catalogueAt: number | null;
  catalogueChange: number;
  forgotten: 0 | 1;
  files: number;
  bytes: number;
}>;
/** What a mirror has to know of an asset. */
export type MirroredAsset = Readonly<{
  id: number;
  path: string;
  size: number;
  sha256: Buffer;
  kind: 'photo' | 'video' | 'sidecar' | 'file';
  state: 'publishing' | 'present' | 'missing' | 'damaged' | 'trashed' | 'deleted';
  change: number;
}>;
/** A copy that read back right. */
export type CopyRow = Readonly<{ assetId: number; path: string; size: number; verifiedAt: number }>;
export type CopyToRead = CopyRow & Readonly<{ sha256: Buffer }>;
export type Healable = MirroredAsset & Readonly<{ copyPath: string; counts: 0 | 1 }>;
export type Sum = Readonly<{ files: number; bytes: number }>;
export type LackingRow = Readonly<{
  id: number;
  person: string;
  path: string;
  kind: MirroredAsset['kind'];
  size: number;
}>;

const mirrorColumns = `disk_id AS diskId, name, added_at AS addedAt, seen_at AS seenAt, done_change AS doneChange,
  done_id AS doneId, behind_since AS behindSince, complete_at AS completeAt, catalogue_at AS catalogueAt,
  catalogue_change AS catalogueChange, forgotten, files, bytes`;
const assetColumns = 'asset.id, asset.path, asset.size, asset.sha256, asset.kind, asset.state, asset.change';
const copyColumns = 'asset_id AS assetId, mirrored.path, mirrored.size, mirrored.verified_at AS verifiedAt';
const dayMs = 86_400_000;
/** What NULL stands for (`schema/library/0007`). */
const trashDaysUsual = 30;

/** Verbs that change rows run inside `write`. */
export class MirrorStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  // --- mirrors ------------------------------------------------------------------------------------------------------

  mirrors(): MirrorRow[] {
    return this.#database.all(`SELECT ${mirrorColumns} FROM mirror WHERE forgotten = 0 ORDER BY added_at, disk_id`);
  }

  mirror(diskId: string): MirrorRow | undefined {
    return this.#database.get(`SELECT ${mirrorColumns} FROM mirror WHERE disk_id = ?`, diskId);
  }

  put(diskId: string, name: string, at: number): void {
    this.#database.run(
      `INSERT INTO mirror (disk_id, name, added_at, seen_at, behind_since) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (disk_id) DO UPDATE SET name = excluded.name, seen_at = max(seen_at, excluded.seen_at)`,
      diskId,
      name,
      at,
      at,
      at,
    );
  }

  /** Unsynced: a minute more or less says nothing. */
  seen(diskId: string, at: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare('UPDATE mirror SET seen_at = ? WHERE disk_id = ?').run(at, diskId),
    );
  }

  /** Unsynced, like the one before. */
  complete(diskId: string, at: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare('UPDATE mirror SET complete_at = ? WHERE disk_id = ?').run(at, diskId),
    );
  }

  noteBehind(diskId: string, since: number): void {
    this.#database.run('UPDATE mirror SET behind_since = coalesce(behind_since, ?) WHERE disk_id = ?', since, diskId);
  }

  noteComplete(diskId: string, at: number): void {
    this.#database.run('UPDATE mirror SET behind_since = NULL, complete_at = ? WHERE disk_id = ?', at, diskId);
  }

  noteCatalogue(diskId: string, { at, change }: { at: number; change: number }): void {
    this.#database.run(
      'UPDATE mirror SET catalogue_at = ?, catalogue_change = ? WHERE disk_id = ?',
      at,
      change,
      diskId,
    );
  }

  /** The next look makes a new copy of the catalogue. */
  catalogueIsOld(diskId: string): void {
    this.#database.run('UPDATE mirror SET catalogue_at = 0 WHERE disk_id = ?', diskId);
  }

  /** From here on it is not followed; wanted again, it begins anew. */
  forget(diskId: string, at: number): void {
    this.#database.run(
      `INSERT INTO mirror (disk_id, name, added_at, seen_at, forgotten) VALUES (?, '', ?, ?, 1)
       ON CONFLICT (disk_id) DO UPDATE SET forgotten = 1, done_change = -1, done_id = 0, behind_since = NULL,
         complete_at = NULL, catalogue_at = NULL, catalogue_change = -1`,
      diskId,
      at,
      at,
    );
  }

  remember(diskId: string, at: number): void {
    this.#database.run(
      'UPDATE mirror SET forgotten = 0, added_at = ?, behind_since = ? WHERE disk_id = ? AND forgotten = 1',
      at,
      at,
      diskId,
    );
  }

  /** A slice of what is known of a forgotten one; false: nothing was left. */
  forgetSome(diskId: string, limit: number): boolean {
    let left = 0;
    for (const [table, key] of [
      ['mirrored', 'asset_id'],
      ['mirror_wanted', 'asset_id'],
      ['mirror_list', 'folder'],
    ] as const) {
      left += this.#database.run(
        `DELETE FROM ${table} WHERE disk_id = ? AND ${key} IN (SELECT ${key} FROM ${table} WHERE disk_id = ? LIMIT ?)`,
        diskId,
        diskId,
        limit,
      ).changes;
    }
    return left > 0;
  }

  lastChange(): number {
    return this.#database.get<{ last: number }>('SELECT last FROM library_change')?.last ?? 0;
  }

  // --- what it has to follow ----------------------------------------------------------------------------------------

  /** What changed since, in its order. */
  changed({ doneChange, doneId }: Pick<MirrorRow, 'doneChange' | 'doneId'>, limit: number): MirroredAsset[] {
    return this.#database.all(
      `SELECT ${assetColumns} FROM asset WHERE (change, id) > (?, ?) ORDER BY change, id LIMIT ?`,
      doneChange,
      doneId,
      limit,
    );
  }

  /** `from`: as it was when the looking began; one that was forgotten meanwhile begins anew. */
  done(
    from: Pick<MirrorRow, 'diskId' | 'doneChange' | 'doneId'>,
    { change, id }: Pick<MirroredAsset, 'change' | 'id'>,
  ) {
    this.#database.run(
      'UPDATE mirror SET done_change = ?, done_id = ? WHERE disk_id = ? AND (done_change, done_id) = (?, ?)',
      change,
      id,
      from.diskId,
      from.doneChange,
      from.doneId,
    );
  }

  asset(id: number): MirroredAsset | undefined {
    return this.#database.get(`SELECT ${assetColumns} FROM asset WHERE id = ?`, id);
  }

  /** What is present and was not looked at for it yet, and what waits out of its turn: about. */
  waiting({ diskId, doneChange, doneId }: MirrorRow): Sum {
    const row = this.#database.get<Sum>(
      `SELECT count(*) AS files, coalesce(sum(size), 0) AS bytes FROM (
         SELECT size FROM asset WHERE (change, id) > (?, ?) AND state = 'present'
         UNION ALL
         SELECT size FROM mirror_wanted JOIN asset ON asset.id = asset_id WHERE disk_id = ? AND state = 'present')`,
      doneChange,
      doneId,
      diskId,
    );
    return row ?? { files: 0, bytes: 0 };
  }

  want(diskId: string, assetId: number, reason: 'damaged' | 'failed', at: number): void {
    this.#database.run(
      `INSERT INTO mirror_wanted (disk_id, asset_id, reason, tried_at) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET tried_at = excluded.tried_at`,
      diskId,
      assetId,
      reason,
      at,
    );
  }

  /** What is present and was tried in vain. */
  refused(diskId: string): number {
    const sql = `SELECT count(*) AS n FROM mirror_wanted JOIN asset ON asset.id = asset_id
      WHERE disk_id = ? AND state = 'present' AND tried_at > 0`;
    return this.#database.get<{ n: number }>(sql, diskId)?.n ?? 0;
  }

  tryAgain(diskId: string): void {
    this.#database.run('UPDATE mirror_wanted SET tried_at = 0 WHERE disk_id = ?', diskId);
  }

  unwant(diskId: string, assetId: number): void {
    this.#database.run('DELETE FROM mirror_wanted WHERE disk_id = ? AND asset_id = ?', diskId, assetId);
  }

  /** Whether what stands there is a damaged copy of ours. */
  isDamaged(diskId: string, assetId: number): boolean {
    const sql = "SELECT 1 FROM mirror_wanted WHERE disk_id = ? AND asset_id = ? AND reason = 'damaged'";
    return this.#database.get(sql, diskId, assetId) !== undefined;
  }

  /** What waits out of its turn, and was not tried since. */
  wanted(diskId: string, triedBefore: number, limit: number): MirroredAsset[] {
    return this.#database.all(
      `SELECT ${assetColumns} FROM mirror_wanted JOIN asset ON asset.id = asset_id
       WHERE disk_id = ? AND asset.state = 'present' AND tried_at < ? LIMIT ?`,
      diskId,
      triedBefore,
      limit,
    );
  }

  // --- what it has --------------------------------------------------------------------------------------------------

  copy(diskId: string, assetId: number): CopyRow | undefined {
    return this.#database.get(
      `SELECT ${copyColumns} FROM mirrored WHERE asset_id = ? AND disk_id = ?`,
      assetId,
      diskId,
    );
  }

  putCopy(diskId: string, { id, size }: Pick<MirroredAsset, 'id' | 'size'>, path: string, at: number): void {
    this.#database.run('DELETE FROM mirrored WHERE asset_id = ? AND disk_id = ?', id, diskId);
    this.#database.run(
      `INSERT INTO mirrored (asset_id, disk_id, path, size, at, verified_at, gone)
       SELECT ?, ?, ?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM asset WHERE id = ?)`,
      id,
      diskId,
      path,
      size,
      at,
      at,
      id,
    );
    this.unwant(diskId, id);
  }

  moveCopy(diskId: string, assetId: number, { path, leaving }: { path: string; leaving: boolean }): void {
    this.#database.run(
      'UPDATE mirrored SET path = ?, leaving = ? WHERE asset_id = ? AND disk_id = ?',
      path,
      leaving ? 1 : 0,
      assetId,
      diskId,
    );
  }

  dropCopy(diskId: string, assetId: number): void {
    this.#database.run('DELETE FROM mirrored WHERE asset_id = ? AND disk_id = ?', assetId, diskId);
  }

  verified(diskId: string, { assetId, path }: Pick<CopyRow, 'assetId' | 'path'>, at: number): void {
    this.#database.run(
      'UPDATE mirrored SET verified_at = ? WHERE asset_id = ? AND disk_id = ? AND path = ?',
      at,
      assetId,
      diskId,
      path,
    );
  }

  /** What was read back longest ago, before; of assets that the library has a file of, or should have. */
  oldest(diskId: string, after: { at: number; id: number }, before: number): CopyToRead | undefined {
    return this.#database.get(
      `SELECT ${copyColumns}, asset.sha256 FROM mirrored JOIN asset ON asset.id = asset_id
       WHERE disk_id = ? AND (mirrored.verified_at, asset_id) > (?, ?) AND mirrored.verified_at < ?
         AND asset.state IN ('present', 'damaged', 'missing', 'trashed')
       ORDER BY mirrored.verified_at, asset_id LIMIT 1`,
      diskId,
      after.at,
      after.id,
      before,
    );
  }

  oldestReadAt(diskId: string): number | undefined {
    const sql = 'SELECT verified_at AS at FROM mirrored WHERE disk_id = ? ORDER BY verified_at LIMIT 1';
    return this.#database.get<{ at: number }>(sql, diskId)?.at;
  }

  /**
   * Lost on the library, and here: to be healed from it. `counts`: 0 for what was found to be no right copy, and not
   * looked at since `before`.
   */
  healable(diskId: string, afterId: number, before: number): Healable | undefined {
    return this.#database.get(
      `SELECT ${assetColumns}, mirrored.path AS copyPath, 1 AS counts
       FROM asset JOIN mirrored ON asset_id = asset.id AND disk_id = ?
       WHERE asset.state IN ('damaged', 'missing') AND asset.id > ?
       UNION ALL
       SELECT ${assetColumns}, asset.path, 0 FROM asset JOIN mirror_wanted ON asset_id = asset.id AND disk_id = ?
       WHERE asset.state IN ('damaged', 'missing') AND asset.id > ? AND reason = 'damaged' AND tried_at < ?
       ORDER BY 1 LIMIT 1`,
      ...[diskId, afterId],
      ...[diskId, afterId, before],
    );
  }

  /** Copies of what was erased. */
  gone(diskId: string, limit: number): CopyRow[] {
    return this.#database.all(
      `SELECT ${copyColumns} FROM mirrored WHERE disk_id = ? AND gone = 1 LIMIT ?`,
      diskId,
      limit,
    );
  }

  /** Copies of what was deleted for good, whose days in the trash are over: by the clock, and by the days it has seen. */
  over(diskId: string, now: number, limit: number): CopyRow[] {
    return this.#database.all(
      `SELECT ${copyColumns} FROM mirrored JOIN asset ON asset.id = asset_id
       WHERE disk_id = ? AND leaving = 1 AND asset.state = 'deleted' AND (trashed_at IS NULL
         OR trashed_at <= ? - coalesce(trash_days, ${trashDaysUsual}) * ${dayMs}
           AND trashed_day <= (SELECT day FROM trash_calendar) - coalesce(trash_days, ${trashDaysUsual}))
       LIMIT ?`,
      diskId,
      now,
      limit,
    );
  }

  /** What is present and not on it, by its id. */
  lacking(diskId: string, after: number, limit: number): LackingRow[] {
    return this.#database.all(
      `SELECT asset.id, person.name AS person, asset.path, asset.kind, asset.size
       FROM asset JOIN person ON person.id = person_id
       WHERE state = 'present' AND asset.id > ?
         AND NOT EXISTS (SELECT 1 FROM mirrored WHERE asset_id = asset.id AND disk_id = ?)
       ORDER BY asset.id LIMIT ?`,
      after,
      diskId,
      limit,
    );
  }
}
