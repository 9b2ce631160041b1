/**
 * The rows of access: people and sessions. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';

export type PersonRow = {
  id: string;
  name: string;
  folder: string;
  role: 'owner' | 'member';
};
export type SessionRow = {
  id: string;
  person_id: string;
  role: 'owner' | 'member';
  last_used_at: number;
};
export type NewSession = Readonly<{
  id: string;
  tokenSha256: Buffer;
  personId: string;
  userAgent: string;
  address: string;
  createdAt: number;
  expiresAt: number;
}>;

const personColumns = 'id, name, folder, role';

export class AccessStore {
  readonly #owner: Statement<[], PersonRow>;
  readonly #person: Statement<[string], PersonRow>;
  readonly #personByKey: Statement<[string], PersonRow & { password_hash: string | null }>;
  readonly #people: Statement<[], PersonRow>;
  readonly #taken: Statement<[], { name_key: string; folder: string }>;
  readonly #insertPerson: Statement<[string, string, string, string, string, string | null, number]>;
  readonly #session: Statement<[Buffer, number], SessionRow>;
  readonly #insertSession: Statement<[string, Buffer, string, string, string, number, number, number]>;
  readonly #touchSession: Statement<[number, number, string]>;
  readonly #deleteSession: Statement<[string]>;
  readonly #deleteExpired: Statement<[number]>;
  readonly #deleteOldest: Statement<[string, string, number]>;

  constructor(database: Database) {
    this.#owner = database.prepare(
      `SELECT ${personColumns} FROM person WHERE role = 'owner' AND removed_at IS NULL LIMIT 1`,
    );
    this.#person = database.prepare(`SELECT ${personColumns} FROM person WHERE id = ? AND removed_at IS NULL`);
    this.#personByKey = database.prepare(
      `SELECT ${personColumns}, password_hash FROM person WHERE name_key = ? AND removed_at IS NULL`,
    );
    this.#people = database.prepare(
      `SELECT ${personColumns} FROM person WHERE removed_at IS NULL ORDER BY created_at, rowid`,
    );
    this.#taken = database.prepare('SELECT name_key, folder FROM person');
    this.#insertPerson = database.prepare(
      `INSERT INTO person (id, name, name_key, folder, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#session = database.prepare(
      `SELECT session.id, person_id, role, last_used_at FROM session JOIN person ON person.id = person_id
       WHERE token_sha256 = ? AND expires_at > ? AND removed_at IS NULL`,
    );
    this.#insertSession = database.prepare(
      `INSERT INTO session (id, token_sha256, person_id, user_agent, address, created_at, last_used_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#touchSession = database.prepare('UPDATE session SET last_used_at = ?, expires_at = ? WHERE id = ?');
    this.#deleteSession = database.prepare('DELETE FROM session WHERE id = ?');
    this.#deleteExpired = database.prepare('DELETE FROM session WHERE expires_at <= ?');
    this.#deleteOldest = database.prepare(
      `DELETE FROM session WHERE person_id = ? AND id NOT IN
       (SELECT id FROM session WHERE person_id = ? ORDER BY last_used_at DESC LIMIT ?)`,
    );
  }

  owner(): PersonRow | undefined {
    return this.#owner.get();
  }

  person(id: string): PersonRow | undefined {
    return this.#person.get(id);
  }

  personByKey(nameKey: string): (PersonRow & { password_hash: string | null }) | undefined {
    return this.#personByKey.get(nameKey);
  }

  people(): PersonRow[] {
    return this.#people.all();
  }

  /** Every name and folder ever given, removed people's too: their photos are still there. */
  taken(): Array<{ name_key: string; folder: string }> {
    return this.#taken.all();
  }

  insertPerson(person: PersonRow & { nameKey: string; passwordHash: string | null; createdAt: number }): void {
    const { id, name, nameKey, folder, role, passwordHash, createdAt } = person;
    this.#insertPerson.run(id, name, nameKey, folder, role, passwordHash, createdAt);
  }

  sessionByToken(tokenSha256: Buffer, now: number): SessionRow | undefined {
    return this.#session.get(tokenSha256, now);
  }

  /** Adds a session; expired ones go, and so do the person's longest unused above `perPersonMax`. */
  insertSession(session: NewSession, perPersonMax: number): void {
    const { id, tokenSha256, personId, userAgent, address, createdAt, expiresAt } = session;
    this.#deleteExpired.run(createdAt);
    this.#deleteOldest.run(personId, personId, perPersonMax - 1);
    this.#insertSession.run(id, tokenSha256, personId, userAgent, address, createdAt, createdAt, expiresAt);
  }

  touchSession(id: string, at: number, expiresAt: number): void {
    this.#touchSession.run(at, expiresAt, id);
  }

  deleteSession(id: string): boolean {
    return this.#deleteSession.run(id).changes > 0;
  }
}
