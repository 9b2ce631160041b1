/** The rows of passwords for the share. Private to the share room. Verbs that change rows run inside `database.write`. */
import type { Database } from '../platform/database.ts';

export type SharePasswordRow = { person_id: string; login: string; nt_hash: Buffer; made_at: number };
/** Of somebody who is in the house: a trigger takes away the others'. `folder`: theirs on the disk. */
export type SharedRow = SharePasswordRow & { folder: string };

export class ShareStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  all(): SharedRow[] {
    return this.#database.all(
      'SELECT share_password.*, folder FROM share_password JOIN person ON person.id = person_id ORDER BY login',
    );
  }

  of(personId: string): SharedRow | undefined {
    return this.#database.get(
      'SELECT share_password.*, folder FROM share_password JOIN person ON person.id = person_id WHERE person_id = ?',
      personId,
    );
  }

  folderOf(personId: string): string | undefined {
    return this.#database.get<{ folder: string }>(
      'SELECT folder FROM person WHERE id = ? AND removed_at IS NULL',
      personId,
    )?.folder;
  }

  put(row: SharePasswordRow): void {
    this.#database
      .prepare(
        `INSERT INTO share_password (person_id, login, nt_hash, made_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (person_id) DO UPDATE SET nt_hash = excluded.nt_hash, made_at = excluded.made_at`,
      )
      .run(row.person_id, row.login, row.nt_hash, row.made_at);
  }

  /** Whether there was one. */
  remove(personId: string): boolean {
    return this.#database.prepare('DELETE FROM share_password WHERE person_id = ?').run(personId).changes > 0;
  }
}
