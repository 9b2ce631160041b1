/**
 * The rows of the trash: what is in it, what is on its way, and how many days it has seen. Private to the library room.
 */
import type { Database } from '../platform/database.ts';
import type { AssetRow, AssetState } from './store.ts';

export type TrashedRow = AssetRow & { trashed_at: number; trashed_day: number; trash_days: number };
export type Calendar = { day: number; counted_at: number };

const dayMs = 86_400_000;
/** What people are told where nobody decided otherwise. */
export const trashDaysUsual = 30;

const trashedColumns = `id, person_id, path, kind, media_type, size, sha256, mtime, captured_at, captured_local, pair, state,
  added_at, trashed_at, trashed_day, coalesce(trash_days, ${trashDaysUsual}) AS trash_days`;

/** Verbs that change rows run inside `database.write`, unless they say that they are unsynced. */
export class TrashStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  page(personId: string, before: { at: number; id: number }, limit: number): TrashedRow[] {
    return this.#database
      .prepare<[string, number, number, number], TrashedRow>(
        `SELECT ${trashedColumns} FROM asset WHERE person_id = ? AND state = 'trashed' AND (trashed_at, id) < (?, ?)
         ORDER BY trashed_at DESC, id DESC LIMIT ?`,
      )
      .all(personId, before.at, before.id, limit);
  }

  count(personId: string): { count: number; bytes: number } {
    const row = this.#database
      .prepare<[string], { count: number; bytes: number }>(
        `SELECT count(*) AS count, coalesce(sum(size), 0) AS bytes FROM asset WHERE person_id = ? AND state = 'trashed'`,
      )
      .get(personId);
    return row ?? { count: 0, bytes: 0 };
  }

  /** `days`: what its owner is told; it stays as long, whatever is decided later. */
  trash(assetId: number, at: number, days: number): void {
    this.#database
      .prepare(
        `UPDATE asset SET trashed_from = state, state = 'trashed', trashed_at = ?, trash_days = ?,
           trashed_day = (SELECT day FROM trash_calendar)
         WHERE id = ?`,
      )
      .run(at, days, assetId);
    this.beginRelocation(assetId);
  }

  /** Its file is on its way, from this commit on. */
  beginRelocation(assetId: number): void {
    this.#database.prepare('INSERT INTO relocation (asset_id) VALUES (?) ON CONFLICT DO NOTHING').run(assetId);
  }

  /** Back in its place, or known to have no file. What was damaged before is not `present` now. */
  restored(assetId: number, state: Extract<AssetState, 'present' | 'missing' | 'damaged'>): void {
    this.#database
      .prepare(
        `UPDATE asset SET state = iif(? = 'present' AND trashed_from IS 'damaged', 'damaged', ?), trashed_at = NULL,
           trashed_day = NULL, trashed_from = NULL
         WHERE id = ? AND state = 'trashed'`,
      )
      .run(state, state, assetId);
    this.#database.prepare('DELETE FROM relocation WHERE asset_id = ?').run(assetId);
  }

  /** For good: the row stays, so that the next backup does not bring the photo back. Its path is free for others. */
  tombstone(assetId: number): void {
    this.#database
      .prepare(
        "UPDATE asset SET state = 'deleted', path_key = '.nightjar/deleted/' || id WHERE id = ? AND state = 'trashed'",
      )
      .run(assetId);
    this.beginRelocation(assetId);
  }

  relocations(afterId: number, limit: number): number[] {
    return this.#database
      .prepare<[number, number], { asset_id: number }>(
        'SELECT asset_id FROM relocation WHERE asset_id > ? ORDER BY asset_id LIMIT ?',
      )
      .all(afterId, limit)
      .map((row) => row.asset_id);
  }

  isRelocating(assetId: number): boolean {
    return this.#database.prepare('SELECT 1 FROM relocation WHERE asset_id = ?').get(assetId) !== undefined;
  }

  /**
   * Of those that are still in the state in which they were settled: what was put into the trash meanwhile is on its way
   * again. Unsynced: settled once more, it is settled.
   */
  endRelocations(settled: ReadonlyArray<Readonly<{ id: number; state: AssetState }>>): void {
    this.#database.writeRelaxed((prepare) => {
      const end = prepare(
        'DELETE FROM relocation WHERE asset_id = ? AND (SELECT state FROM asset WHERE id = asset_id) = ?',
      );
      for (const { id, state } of settled) end.run(id, state);
    });
  }

  calendar(): Calendar {
    const row = this.#database.prepare<[], Calendar>('SELECT day, counted_at FROM trash_calendar').get();
    return row ?? { day: 0, counted_at: 0 };
  }

  countDay(at: number): void {
    this.#database.prepare('UPDATE trash_calendar SET day = day + 1, counted_at = ?').run(at);
  }

  /** What a wrong clock put into the future begins its days now. */
  pullBack(now: number): void {
    this.#database.prepare("UPDATE asset SET trashed_at = ? WHERE state = 'trashed' AND trashed_at > ?").run(now, now);
  }

  /** Of this person, what was there for `days`, and for as long as was said when it went there. */
  due(facts: { personId: string; afterId: number; now: number; day: number; days: number; limit: number }): number[] {
    return this.#database
      .prepare<[typeof facts], { id: number }>(
        // `+id`: through the index of what is in the trash, and not through every row.
        `SELECT id FROM asset WHERE person_id = @personId AND state = 'trashed' AND +id > @afterId
           AND trashed_at <= @now - max(@days, coalesce(trash_days, ${trashDaysUsual})) * ${dayMs}
           AND trashed_day <= @day - max(@days, coalesce(trash_days, ${trashDaysUsual}))
         ORDER BY +id LIMIT @limit`,
      )
      .all(facts)
      .map(({ id }) => id);
  }

  /** Whose trash holds anything. */
  people(): string[] {
    return this.#database
      .prepare<[], { id: string }>("SELECT DISTINCT person_id AS id FROM asset WHERE state = 'trashed'")
      .all()
      .map(({ id }) => id);
  }
}
