/**
 * The rows of files that come in numbered parts, in the library's catalogue. Private to this room. Verbs that change rows
 * are for inside `write`.
 */
import type { Database } from '../platform/database.ts';

export type PartFolderRow = {
  upload_id: string;
  created_at: number;
  state: 'receiving' | 'finished' | 'refused';
  /** Of the whole, once it has its place. */
  asset_id: number | null;
};
export type PartRow = { number: number; name: string; first_byte: number; bytes: number; at: number };

export class PartsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  folder(phoneId: string, name: string): PartFolderRow | undefined {
    return this.#database.get(
      `SELECT upload_id, part_folder.created_at, state, asset_id FROM part_folder JOIN upload ON upload.id = upload_id
       WHERE part_folder.phone_id = ? AND name = ?`,
      phoneId,
      name,
    );
  }

  /** One of that name that ended before is forgotten. */
  putFolder(phoneId: string, name: string, uploadId: string, at: number): void {
    this.#database.run(
      `INSERT INTO part_folder (phone_id, name, upload_id, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (phone_id, name) DO UPDATE SET upload_id = excluded.upload_id, created_at = excluded.created_at`,
      phoneId,
      name,
      uploadId,
      at,
    );
  }

  /** By number. */
  parts(uploadId: string): PartRow[] {
    return this.#database.all(
      'SELECT number, name, first_byte, bytes, at FROM part WHERE upload_id = ? ORDER BY number',
      uploadId,
    );
  }

  lastPart(uploadId: string): PartRow | undefined {
    return this.#database.get(
      'SELECT number, name, first_byte, bytes, at FROM part WHERE upload_id = ? ORDER BY number DESC LIMIT 1',
      uploadId,
    );
  }

  part(uploadId: string, number: number): PartRow | undefined {
    return this.#database.get(
      'SELECT number, name, first_byte, bytes, at FROM part WHERE upload_id = ? AND number = ?',
      uploadId,
      number,
    );
  }

  partCount(uploadId: string): number {
    return this.#database.get<{ n: number }>('SELECT count(*) AS n FROM part WHERE upload_id = ?', uploadId)?.n ?? 0;
  }

  putPart(uploadId: string, part: PartRow): void {
    this.#database.run(
      'INSERT INTO part (upload_id, number, name, first_byte, bytes, at) VALUES (?, ?, ?, ?, ?, ?)',
      uploadId,
      part.number,
      part.name,
      part.first_byte,
      part.bytes,
      part.at,
    );
  }

  removePart(uploadId: string, number: number): void {
    this.#database.run('DELETE FROM part WHERE upload_id = ? AND number = ?', uploadId, number);
  }

  removeParts(uploadId: string): void {
    this.#database.run('DELETE FROM part WHERE upload_id = ?', uploadId);
  }
}
