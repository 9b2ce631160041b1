/**
 * The rows of a person whose data is being deleted, in slices. Private to the library room.
 */
import type { Database } from '../platform/database.ts';
import type { AssetState } from './store.ts';

export type ErasureRow = {
  person_id: string;
  folder: string;
  phones: string;
  asked_at: number;
  asset_max: number;
  files: number;
  done: number;
};
type AssetPlace = { id: number; path: string; state: AssetState };

/** Verbs that change rows run inside `database.write`. */
export class ErasureStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  erasure(personId: string): ErasureRow | undefined {
    return this.#database.get('SELECT * FROM erasure WHERE person_id = ?', personId);
  }

  erasures(): ErasureRow[] {
    return this.#database.all('SELECT * FROM erasure ORDER BY asked_at');
  }

  /** Asked for again, it takes in what came since. */
  begin(it: { personId: string; folder: string; phones: string; askedAt: number }): void {
    this.#database.run(
      `INSERT INTO erasure (person_id, folder, phones, asked_at, asset_max, files)
       SELECT ?, ?, ?, ?, coalesce(max(id), 0), count(*) FILTER (WHERE state <> 'deleted') FROM asset WHERE person_id = ?
       ON CONFLICT (person_id) DO UPDATE SET phones = excluded.phones, asset_max = excluded.asset_max,
         files = erasure.done + excluded.files
           + (SELECT count(*) FROM erased_file WHERE erased_file.person_id = excluded.person_id)`,
      it.personId,
      it.folder,
      it.phones,
      it.askedAt,
      it.personId,
    );
  }

  end(personId: string): void {
    this.#database.run('DELETE FROM month_count WHERE person_id = ? AND count = 0', personId);
    // Only where nothing came in meanwhile: who is still on the box is copied here again before their next file.
    this.#database.run(
      'DELETE FROM person WHERE id = ? AND NOT EXISTS (SELECT 1 FROM asset WHERE person_id = person.id)',
      personId,
    );
    this.#database.run('DELETE FROM erasure WHERE person_id = ?', personId);
  }

  publishing(personId: string, assetMax: number): Array<{ asset_id: number; source: string }> {
    return this.#database.all(
      `SELECT asset_id, source FROM publishing JOIN asset ON asset.id = asset_id WHERE person_id = ? AND asset.id <= ?`,
      personId,
      assetMax,
    );
  }

  /** Still in the library, in the trash, or known to be damaged or missing. */
  held({ person_id: personId, asset_max: assetMax }: ErasureRow, limit: number): AssetPlace[] {
    return this.#database.all(
      `SELECT id, path, state FROM asset
       WHERE person_id = ? AND id <= ? AND state IN ('present', 'missing', 'damaged', 'trashed') LIMIT ?`,
      personId,
      assetMax,
      limit,
    );
  }

  /**
   * Gone from every list of people and phones from this commit on; its file is still to be removed. Its checksum goes now:
   * the same photo that comes in meanwhile is a new one, and not one that its owner deleted.
   */
  takeAway(personId: string, { id, path }: AssetPlace): void {
    this.#database.run("UPDATE asset SET state = 'deleted', sha256 = randomblob(32) WHERE id = ?", id);
    this.#database.run(
      'INSERT INTO erased_file (person_id, path, asset_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      personId,
      path,
      id,
    );
  }

  files(personId: string, limit: number): Array<{ asset_id: number; path: string }> {
    return this.#database.all(
      'SELECT asset_id, path FROM erased_file WHERE person_id = ? ORDER BY path, asset_id LIMIT ?',
      personId,
      limit,
    );
  }

  /** What was deleted for good before: tombstones, whose files are gone. */
  tombstones({ person_id: personId, asset_max: assetMax }: ErasureRow, limit: number): number[] {
    return this.#database
      .all<{ id: number }>(
        "SELECT id FROM asset WHERE person_id = ? AND id <= ? AND state = 'deleted' LIMIT ?",
        personId,
        assetMax,
        limit,
      )
      .map(({ id }) => id);
  }

  /** What hangs on an asset (picture, relocation, publishing) goes with its row. */
  forget(personId: string, ids: readonly number[]): void {
    for (const id of ids) {
      this.#database.run('DELETE FROM phone_item WHERE asset_id = ?', id);
      this.#database.run('DELETE FROM upload WHERE asset_id = ?', id);
      this.#database.run('DELETE FROM erased_file WHERE asset_id = ? AND person_id = ?', id, personId);
      this.#database.run('DELETE FROM asset WHERE id = ?', id);
    }
    this.#database.run('UPDATE erasure SET done = min(files, done + ?) WHERE person_id = ?', ids.length, personId);
  }

  /** Returns how many rows went. */
  forgetItems(phoneId: string, limit: number): number {
    return this.#database.run(
      'DELETE FROM phone_item WHERE id IN (SELECT id FROM phone_item WHERE phone_id = ? LIMIT ?)',
      phoneId,
      limit,
    ).changes;
  }

  forgetPhone(phoneId: string): void {
    this.#database.run('DELETE FROM shown_by_phone WHERE phone_id = ?', phoneId);
    this.#database.run('DELETE FROM month_count WHERE phone_id = ?', phoneId);
    this.#database.run('DELETE FROM upload WHERE phone_id = ?', phoneId);
    this.#database.run('DELETE FROM phone_standing WHERE phone_id = ?', phoneId);
    this.#database.run('DELETE FROM phone_view WHERE phone_id = ?', phoneId);
    this.#database.run('DELETE FROM phone_arrival WHERE phone_id = ?', phoneId);
  }

  /** Folders below these whose list is not as the catalogue says. */
  listsBehind(folders: readonly string[]): string[] {
    return folders.flatMap((folder) =>
      this.#database
        .all<{ folder: string }>(
          // '0' is the letter after '/'.
          `SELECT folder FROM checksum_list WHERE (folder = ? OR (folder > ? AND folder < ?)) AND state <> 'right'`,
          folder,
          `${folder}/`,
          `${folder}0`,
        )
        .map((row) => row.folder),
    );
  }

  /**
   * The index cannot take single names out. It is emptied, and filled again by its own job; what it does not have yet is
   * looked for one by one.
   */
  emptyNameIndex(): void {
    this.#database.run("INSERT INTO name_index (name_index) VALUES ('delete-all')");
    this.#database.run('UPDATE name_index_end SET asset_id = 0');
  }

  /** Also the pages that become free are overwritten in the catalogue's own file (SQLite, "PRAGMA secure_delete"). */
  overwriteDeleted(on: boolean): void {
    this.#database.get(`PRAGMA secure_delete = ${on ? 'ON' : 'FAST'}`);
  }
}
