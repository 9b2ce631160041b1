/**
 * The index of names, and the rows that a search looks at. Private to the library room.
 */
import type { Database, Statement } from '../platform/database.ts';
import type { ShownKind } from './timeline-store.ts';

export type NamedRow = {
  id: number;
  person_id: string;
  path: string;
  kind: ShownKind | 'sidecar' | 'file';
  captured_wall: number;
  shown: 0 | 1;
};

const namedColumns = 'id, person_id, path, kind, captured_wall, shown';

export class SearchStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Names of assets up to this one are in the index. */
  indexEnd(): number {
    return this.#database.all<{ asset_id: number }>('SELECT asset_id FROM name_index_end')[0]?.asset_id ?? 0;
  }

  /** Assets from `from` up to before `before` whose names may match, the last first. */
  candidates(match: string, range: { from: number; before: number }, limit: number): number[] {
    return this.#database
      .all<{ id: number }>(
        `SELECT rowid AS id FROM name_index WHERE name_index MATCH ? AND rowid < ? AND rowid >= ?
       ORDER BY rowid DESC LIMIT ?`,
        match,
        range.before,
        range.from,
        limit,
      )
      .map(({ id }) => id);
  }

  /** What is present of a person from `from` up to before `before`, the last first. */
  present(personId: string, range: { from: number; before: number }, limit: number): NamedRow[] {
    return this.#database.all(
      `SELECT ${namedColumns} FROM asset WHERE person_id = ? AND state = 'present' AND id < ? AND id >= ?
       ORDER BY id DESC LIMIT ?`,
      personId,
      range.before,
      range.from,
      limit,
    );
  }

  named(id: number): NamedRow | undefined {
    return this.#database.all<NamedRow>(`SELECT ${namedColumns} FROM asset WHERE id = ?`, id)[0];
  }

  isOfPhone(phoneId: string, { kind, captured_wall, id }: NamedRow): boolean {
    const query = `SELECT 1 FROM shown_by_phone WHERE phone_id = ? AND kind = ? AND captured_wall = ? AND asset_id = ?`;
    return this.#database.all(query, phoneId, kind, captured_wall, id).length > 0;
  }
}

/**
 * Inside a transaction: puts the names of the next `count` assets into the index, and how far it goes now. Stops before
 * what is being published, which may still get another name. Returns how many assets it passed.
 */
export function indexNames(
  prepare: (sql: string) => Statement,
  count: number,
  nameOf: (path: string) => string,
): number {
  const next = prepare(
    `SELECT id, kind, path FROM asset WHERE id > (SELECT asset_id FROM name_index_end)
       AND id < coalesce((SELECT min(asset_id) FROM publishing WHERE previous IS NULL), 9223372036854775807)
     ORDER BY id LIMIT ?`,
  ).all(count) as Array<{ id: number; kind: string; path: string }>;
  const last = next.at(-1);
  if (last === undefined) return 0;
  const put = prepare('INSERT INTO name_index (rowid, name) VALUES (?, ?)');
  for (const { id, kind, path } of next) {
    if (kind === 'photo' || kind === 'video') put.run(id, nameOf(path));
  }
  prepare('UPDATE name_index_end SET asset_id = ?').run(last.id);
  return next.length;
}
