/**
 * The rows of one-time codes and of recovery codes. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database } from '../platform/database.ts';

export type AuthenticatorRow = {
  id: string;
  name: string;
  secret: Buffer;
  created_at: number;
  confirmed_at: number | null;
  last_step: number;
  last_used_at: number | null;
};

const columns = 'id, name, secret, created_at, confirmed_at, last_step, last_used_at';

export class CodesStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  personName(personId: string): string | undefined {
    const sql = 'SELECT name FROM person WHERE id = ? AND removed_at IS NULL';
    return this.#database.get<{ name: string }>(sql, personId)?.name;
  }

  authenticators(personId: string): AuthenticatorRow[] {
    const sql = `SELECT ${columns} FROM authenticator WHERE person_id = ? ORDER BY created_at, rowid`;
    return this.#database.all<AuthenticatorRow>(sql, personId);
  }

  /** Only among the person's own: another's does not exist for them. */
  authenticator(id: string, personId: string): AuthenticatorRow | undefined {
    const sql = `SELECT ${columns} FROM authenticator WHERE id = ? AND person_id = ?`;
    return this.#database.get<AuthenticatorRow>(sql, id, personId);
  }

  countConfirmed(personId: string): number {
    const sql = 'SELECT count(*) AS n FROM authenticator WHERE person_id = ? AND confirmed_at IS NOT NULL';
    return this.#database.get<{ n: number }>(sql, personId)?.n ?? 0;
  }

  insertAuthenticator(row: { id: string; personId: string; name: string; secret: Buffer; createdAt: number }): void {
    const sql = 'INSERT INTO authenticator (id, person_id, name, secret, created_at) VALUES (?, ?, ?, ?, ?)';
    this.#database.run(sql, row.id, row.personId, row.name, row.secret, row.createdAt);
  }

  confirmAuthenticator(id: string, at: number, step: number): void {
    const sql = 'UPDATE authenticator SET confirmed_at = ?, last_used_at = ?, last_step = ? WHERE id = ?';
    this.#database.run(sql, at, at, step, id);
  }

  renameAuthenticator(id: string, name: string): void {
    this.#database.run('UPDATE authenticator SET name = ? WHERE id = ?', name, id);
  }

  deleteAuthenticator(id: string): void {
    this.#database.run('DELETE FROM authenticator WHERE id = ?', id);
  }

  /** Those that nobody confirmed and that were begun outside `from` (exclusive) to `to` (inclusive). */
  deleteUnconfirmed(from: number, to: number): number {
    const sql = 'DELETE FROM authenticator WHERE confirmed_at IS NULL AND (created_at <= ? OR created_at > ?)';
    return this.#database.run(sql, from, to).changes;
  }

  /** No code of `step` or before counts any more. Never goes back. */
  raiseLastStep(id: string, step: number): void {
    this.#database.run('UPDATE authenticator SET last_step = max(last_step, ?) WHERE id = ?', step, id);
    this.#database.run('DELETE FROM seen_step WHERE authenticator_id = ? AND step <= ?', id, step);
  }

  touchAuthenticator(id: string, at: number): void {
    this.#database.run('UPDATE authenticator SET last_used_at = ? WHERE id = ?', at, id);
  }

  /** The code of this one step to come will not count; those below `oldest` are over and forgotten. */
  markSeen(id: string, step: number, oldest: number): void {
    this.#database.run('DELETE FROM seen_step WHERE authenticator_id = ? AND step < ?', id, oldest);
    this.#database.run('INSERT OR IGNORE INTO seen_step (authenticator_id, step) VALUES (?, ?)', id, step);
  }

  wasSeen(id: string, step: number): boolean {
    const sql = 'SELECT 1 FROM seen_step WHERE authenticator_id = ? AND step = ?';
    return this.#database.get(sql, id, step) !== undefined;
  }

  insertRecoveryCode(personId: string, sha256: Buffer, at: number): void {
    const sql = 'INSERT INTO recovery_code (person_id, sha256, created_at) VALUES (?, ?, ?)';
    this.#database.run(sql, personId, sha256, at);
  }

  /** True for the one call that uses it up. */
  useRecoveryCode(personId: string, sha256: Buffer, at: number): boolean {
    const sql = 'UPDATE recovery_code SET used_at = ? WHERE person_id = ? AND sha256 = ? AND used_at IS NULL';
    return this.#database.run(sql, at, personId, sha256).changes === 1;
  }

  deleteRecoveryCodes(personId: string): void {
    this.#database.run('DELETE FROM recovery_code WHERE person_id = ?', personId);
  }

  recoveryCodesLeft(personId: string): number {
    const sql = 'SELECT count(*) AS n FROM recovery_code WHERE person_id = ? AND used_at IS NULL';
    return this.#database.get<{ n: number }>(sql, personId)?.n ?? 0;
  }
}
