/** What is exported, in the order in which it came. Private to the copies room. */
import type { Database } from '../platform/database.ts';
import type { Exported } from './export-target.ts';

export type ExportedRow = Exported & { id: number; person_id: string };

/** What is known to be damaged or missing as well: who leaves is told of it, and it may be whole again by then. */
const kept = "state IN ('present', 'damaged', 'missing')";

export class ExportStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `personId` null: everybody's. */
  after(personId: string | null, after: number, limit: number): ExportedRow[] {
    const columns = 'SELECT id, person_id, path, size, sha256, mtime FROM asset';
    return personId === null
      ? this.#database.all(`${columns} WHERE ${kept} AND id > ? ORDER BY id LIMIT ?`, after, limit)
      : this.#database.all(
          `${columns} WHERE ${kept} AND person_id = ? AND id > ? ORDER BY id LIMIT ?`,
          personId,
          after,
          limit,
        );
  }

  count(personId: string | null): number {
    const query = `SELECT count(*) AS n FROM asset WHERE ${kept} AND person_id = coalesce(?, person_id)`;
    return this.#database.get<{ n: number }>(query, personId)?.n ?? 0;
  }
}
