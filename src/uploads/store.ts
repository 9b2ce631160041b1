/**
 * The rows of uploads, in the library's catalogue. Private to the uploads room.
 */
import type { Database } from '../platform/database.ts';

type UploadState = 'receiving' | 'finished' | 'refused';

type UploadRow = {
  id: string;
  phone_id: string;
  person_id: string;
  door: string;
  length: number | null;
  synced: number;
  facts: string;
  state: UploadState;
  asset_id: number | null;
  refusal: string | null;
  reason: string | null;
  created_at: number;
  touched_at: number;
};

/** With what became of the asset that a finished upload became. */
export type FoundUpload = UploadRow & { asset_state: string | null };

/** Finished, and its file is in its place (or its owner deleted it there): only then may it be called safe. */
export function isSafe(row: FoundUpload): boolean {
  return row.state === 'finished' && row.asset_state !== null && safeStates.includes(row.asset_state);
}

const safeStates = ['present', 'trashed', 'deleted'];

export type NewUploadRow = Pick<
  UploadRow,
  'id' | 'phone_id' | 'person_id' | 'door' | 'length' | 'facts' | 'created_at'
>;

const takenBack = "state = 'finished' AND asset_id IS NULL";

/** Verbs that change rows run inside `database.write`, so that they share its commit with what belongs to them. */
export class UploadStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  upload(id: string): FoundUpload | undefined {
    return this.#database
      .prepare<[string], FoundUpload>(
        `SELECT upload.*, asset.state AS asset_state FROM upload LEFT JOIN asset ON asset.id = upload.asset_id
         WHERE upload.id = ?`,
      )
      .get(id);
  }

  openCount(phoneId: string): number {
    const row = this.#database
      .prepare<[string], { n: number }>("SELECT count(*) AS n FROM upload WHERE phone_id = ? AND state = 'receiving'")
      .get(phoneId);
    return row?.n ?? 0;
  }

  insert(row: NewUploadRow): void {
    this.#database
      .prepare(
        `INSERT INTO upload (id, phone_id, person_id, door, length, facts, state, created_at, touched_at)
         VALUES (?, ?, ?, ?, ?, ?, 'receiving', ?, ?) ON CONFLICT (id) DO NOTHING`,
      )
      .run(row.id, row.phone_id, row.person_id, row.door, row.length, row.facts, row.created_at, row.created_at);
  }

  /**
   * Always changes the row: SQLite skips a write of equal values, and then nothing is synced, not even an unsynced note
   * of the same bytes.
   */
  noteSynced(id: string, bytes: number, now: number): void {
    this.#database
      .prepare('UPDATE upload SET synced = ?, touched_at = max(touched_at + 1, ?) WHERE id = ?')
      .run(bytes, now, id);
  }

  /** Unsynced: a lost note only makes a phone send a little more again. */
  noteSyncedRelaxed(id: string, bytes: number): void {
    this.#database.writeRelaxed((prepare) => prepare('UPDATE upload SET synced = ? WHERE id = ?').run(bytes, id));
  }

  /** Is no touch: start-up must see which uploads their phone was never told of. */
  finish(id: string, length: number, assetId: number): void {
    this.#database
      .prepare("UPDATE upload SET state = 'finished', length = ?, asset_id = ? WHERE id = ?")
      .run(length, assetId, id);
  }

  refuse(id: string, code: string, reason: string, now: number): void {
    this.#database
      .prepare("UPDATE upload SET state = 'refused', refusal = ?, reason = ?, touched_at = ? WHERE id = ?")
      .run(code, reason, now, id);
  }

  hasTakenBack(): boolean {
    return this.#database.prepare(`SELECT 1 FROM upload WHERE ${takenBack} LIMIT 1`).get() !== undefined;
  }

  /**
   * Finished in the catalogue, but the asset was taken back at start: it goes on from what is durable of it. One of
   * which nothing was ever reported was never noted, so never touched, and is dropped: nobody knows its name.
   */
  reopenTakenBack(): void {
    this.#database.prepare(`DELETE FROM upload WHERE ${takenBack} AND touched_at = created_at`).run();
    this.#database.prepare(`UPDATE upload SET state = 'receiving' WHERE ${takenBack}`).run();
  }

  remove(id: string): void {
    this.#database.prepare('DELETE FROM upload WHERE id = ?').run(id);
  }

  receiving(limit: number): Array<Pick<UploadRow, 'phone_id' | 'length' | 'synced' | 'facts' | 'touched_at'>> {
    return this.#database.all(
      "SELECT phone_id, length, synced, facts, touched_at FROM upload WHERE state = 'receiving' LIMIT ?",
      limit,
    );
  }

  receivingIds(): string[] {
    return this.#database
      .prepare<[], { id: string }>("SELECT id FROM upload WHERE state = 'receiving'")
      .all()
      .map((row) => row.id);
  }

  /** The phone's unfinished uploads that nobody went on with since `time`, oldest first. */
  idleOfPhone(phoneId: string, time: number, limit: number): string[] {
    return this.#database
      .prepare<[string, number, number], { id: string }>(
        `SELECT id FROM upload WHERE phone_id = ? AND state = 'receiving' AND touched_at < ?
         ORDER BY touched_at LIMIT ?`,
      )
      .all(phoneId, time, limit)
      .map((row) => row.id);
  }

  /** Also ended ones. */
  ofPhone(phoneId: string, limit: number): string[] {
    return this.#database
      .prepare<[string, number], { id: string }>('SELECT id FROM upload WHERE phone_id = ? LIMIT ?')
      .all(phoneId, limit)
      .map((row) => row.id);
  }

  untouchedSince(time: number, limit: number): string[] {
    return this.#database
      .prepare<[number, number], { id: string }>('SELECT id FROM upload WHERE touched_at < ? LIMIT ?')
      .all(time, limit)
      .map((row) => row.id);
  }

  /** Unsynced: a lost touch only lets an idle upload expire a little earlier. */
  touch(id: string, now: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare('UPDATE upload SET touched_at = max(touched_at, ?) WHERE id = ?').run(now, id),
    );
  }
}
