/**
 * The rows of checksum lists: which folder has one, under which name, and whether it is as the catalogue says.
 * Triggers mark a folder in the very change that makes its list wrong. Private to the library room.
 */
import type { Database } from '../platform/database.ts';

export type ListRow = { folder: string; name: string | null; state: 'behind' | 'in-work' | 'right' };
export type ListedAsset = { path: string; path_key: string; sha256: Buffer };

export class ChecksumListStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  list(folder: string): ListRow | undefined {
    return this.#database
      .prepare<[string], ListRow>('SELECT folder, name, state FROM checksum_list WHERE folder = ?')
      .get(folder);
  }

  /** Folders whose list is not as the catalogue says, from `after` on. */
  behind(after: string, limit: number): string[] {
    return this.#database
      .prepare<[string, number], { folder: string }>(
        "SELECT folder FROM checksum_list WHERE state <> 'right' AND folder > ? ORDER BY folder LIMIT ?",
      )
      .all(after, limit)
      .map(({ folder }) => folder);
  }

  /** What is present below a folder, by path key: the keys lie between the two. */
  present(after: string, before: string, limit: number): ListedAsset[] {
    return this.#database
      .prepare<[string, string, number], ListedAsset>(
        `SELECT path, path_key, sha256 FROM asset
         WHERE path_key > ? AND path_key < ? AND state = 'present' AND kind <> 'file' ORDER BY path_key LIMIT ?`,
      )
      .all(after, before, limit);
  }

  /** Unsynced, like the two below: a list that is written once more is the same list. */
  begin(folder: string): void {
    this.#relaxed("UPDATE checksum_list SET state = 'in-work' WHERE folder = ?", folder);
  }

  /** Not when something changed since it was begun. */
  end(folder: string): void {
    this.#relaxed("UPDATE checksum_list SET state = 'right' WHERE folder = ? AND state = 'in-work'", folder);
  }

  forget(folder: string): void {
    this.#relaxed("DELETE FROM checksum_list WHERE folder = ? AND state = 'in-work'", folder);
  }

  /** Inside `write`, before the first list of a folder is published: what is not ours is never replaced. */
  setName(folder: string, name: string): void {
    this.#database.prepare('UPDATE checksum_list SET name = ? WHERE folder = ?').run(name, folder);
  }

  #relaxed(sql: string, folder: string): void {
    this.#database.writeRelaxed((prepare) => prepare(sql).run(folder));
  }
}
