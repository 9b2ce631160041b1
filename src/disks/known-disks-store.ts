/** The rows of disks that are this box's own, by their markers. Private to this room. */
import type { Database } from '../platform/database.ts';

export type KnownDisk = Readonly<{ markerId: string; volumeUuid: string; diskId: string; name: string }>;

const columns = 'marker_id AS markerId, volume_uuid AS volumeUuid, disk_id AS diskId, name';

/** Changes only inside `database.write`. */
export class KnownDisksStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined also for a filesystem without an id, which could be any. */
  ofVolume(uuid: string): KnownDisk | undefined {
    if (uuid === '') return undefined;
    return this.#database.get<KnownDisk>(
      `SELECT ${columns} FROM known_disk WHERE volume_uuid = ? ORDER BY adopted_at DESC LIMIT 1`,
      uuid,
    );
  }

  ofMarker(markerId: string): KnownDisk | undefined {
    return this.#database.get<KnownDisk>(`SELECT ${columns} FROM known_disk WHERE marker_id = ?`, markerId);
  }

  put({ markerId, volumeUuid, diskId, name }: KnownDisk, at: number): void {
    this.#database.run(
      `INSERT INTO known_disk (marker_id, volume_uuid, disk_id, name, adopted_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (marker_id) DO UPDATE SET volume_uuid = excluded.volume_uuid, disk_id = excluded.disk_id,
         name = excluded.name`,
      markerId,
      volumeUuid,
      diskId,
      name,
      at,
    );
  }

  /** What was on this filesystem is gone. */
  forgetVolume(uuid: string): void {
    this.#database.run('DELETE FROM known_disk WHERE volume_uuid = ?', uuid);
  }
}
