/**
 * The one row of the recovery key. Private to this room. Verbs that change something are only for use inside
 * `database.write`.
 */
import type { Database } from '../platform/database.ts';

export type RecoveryKeyRow = { fingerprint: string; wraps: string; made_at: number };

export class RecoveryKeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  row(): RecoveryKeyRow | undefined {
    return this.#database.get<RecoveryKeyRow>('SELECT fingerprint, wraps, made_at FROM recovery_key');
  }

  put(row: RecoveryKeyRow): void {
    const sql = `INSERT INTO recovery_key (id, fingerprint, wraps, made_at) VALUES (1, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, wraps = excluded.wraps, made_at = excluded.made_at`;
    this.#database.run(sql, row.fingerprint, row.wraps, row.made_at);
  }

  changeWraps(wraps: string): void {
    this.#database.run('UPDATE recovery_key SET wraps = ?', wraps);
  }

  ownerId(): string | undefined {
    const sql = `SELECT id FROM person WHERE role = 'owner' AND removed_at IS NULL LIMIT 1`;
    return this.#database.get<{ id: string }>(sql)?.id;
  }
}
