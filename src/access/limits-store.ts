/** The rows of what each person may use. Private to this room; changes only inside `database.write`. */
import type { Database } from '../platform/database.ts';

export type LimitRow = { quota_bytes: number | null; trash_days: number | null };

export class LimitsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  of(personId: string): LimitRow | undefined {
    return this.#database.get('SELECT quota_bytes, trash_days FROM person_limit WHERE person_id = ?', personId);
  }

  put(personId: string, quotaBytes: number | null, trashDays: number | null): void {
    this.#database.run(
      `INSERT INTO person_limit (person_id, quota_bytes, trash_days) VALUES (?, ?, ?)
       ON CONFLICT (person_id) DO UPDATE SET quota_bytes = excluded.quota_bytes, trash_days = excluded.trash_days`,
      personId,
      quotaBytes,
      trashDays,
    );
  }
}
