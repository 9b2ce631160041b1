/** The rows of mirrors beside their copies: their checksum lists, and how much they got. Private to this room. */
import { arrivalsEveryMs } from '../library/standing.ts';
import type { Database } from '../platform/database.ts';
import type { Sum } from './mirror-store.ts';

export type MirrorTally = Sum & Readonly<{ healed: number; damaged: number }>;

/** Verbs that change rows run inside `write`. */
export class MirrorListsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  listBehind(diskId: string, folder: string): void {
    this.#database.run(
      'INSERT INTO mirror_list (disk_id, folder) VALUES (?, ?) ON CONFLICT DO UPDATE SET behind = 1 WHERE behind = 0',
      diskId,
      folder,
    );
  }

  /** Of folders whose list has its name already, as the library writes it. */
  listsBehind(diskId: string, limit: number): Array<{ folder: string; name: string; written: number }> {
    return this.#database.all(
      `SELECT folder, checksum_list.name, written FROM mirror_list JOIN checksum_list USING (folder)
       WHERE disk_id = ? AND behind = 1 AND checksum_list.name IS NOT NULL ORDER BY folder LIMIT ?`,
      diskId,
      limit,
    );
  }

  list(diskId: string, folder: string): { folder: string; name: string; written: number } | undefined {
    return this.#database.get(
      `SELECT folder, checksum_list.name, written FROM mirror_list JOIN checksum_list USING (folder)
       WHERE disk_id = ? AND folder = ? AND checksum_list.name IS NOT NULL`,
      diskId,
      folder,
    );
  }

  listRight(diskId: string, folder: string): void {
    this.#database.run(
      'UPDATE mirror_list SET behind = 0, written = 1 WHERE disk_id = ? AND folder = ?',
      diskId,
      folder,
    );
  }

  /** What of these keys is in its place on the library and here. */
  listed(
    diskId: string,
    after: string,
    before: string,
    limit: number,
  ): Array<{ path: string; key: string; sha256: Buffer }> {
    return this.#database.all(
      `SELECT asset.path, path_key AS key, sha256 FROM asset JOIN mirrored ON asset_id = asset.id AND disk_id = ?
       WHERE path_key > ? AND path_key < ? AND state IN ('present', 'damaged', 'missing') AND kind <> 'file'
         AND mirrored.path = asset.path
       ORDER BY path_key LIMIT ?`,
      diskId,
      after,
      before,
      limit,
    );
  }

  count(diskId: string, at: number, { files = 0, bytes = 0, healed = 0, damaged = 0 }: Partial<MirrorTally>): void {
    this.#database.run(
      `INSERT INTO mirror_tally (at, disk_id, files, bytes, healed, damaged) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes,
         healed = healed + excluded.healed, damaged = damaged + excluded.damaged`,
      Math.floor(at / arrivalsEveryMs) * arrivalsEveryMs,
      diskId,
      files,
      bytes,
      healed,
      damaged,
    );
  }

  /** In `[from, to)`, both times at which five minutes begin. */
  tally(diskId: string, from: number, to: number): MirrorTally {
    const row = this.#database.get<MirrorTally>(
      `SELECT coalesce(sum(files), 0) AS files, coalesce(sum(bytes), 0) AS bytes, coalesce(sum(healed), 0) AS healed,
         coalesce(sum(damaged), 0) AS damaged FROM mirror_tally WHERE disk_id = ? AND at >= ? AND at < ?`,
      diskId,
      from,
      to,
    );
    return row ?? { files: 0, bytes: 0, healed: 0, damaged: 0 };
  }
}
