/**
 * The rows of sessions. Private to this room. Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';

export type SessionStage = 'second-factor' | 'new-password' | 'enrol' | 'open';
export type SessionWay = 'password' | 'code' | 'recovery' | 'approval';
export type SessionRow = {
  id: string;
  person_id: string;
  role: 'owner' | 'member';
  stage: SessionStage;
  way: SessionWay | null;
  user_agent: string;
  address: string;
  created_at: number;
  last_used_at: number;
  expires_at: number;
  absolute_until: number | null;
  confirmed_at: number | null;
  known_browser_id: string | null;
};
export type NewSession = Omit<SessionRow, 'role' | 'absolute_until'> & {
  token_sha256: Buffer;
  absolute_until: number;
};

const columns = `session.id, person_id, role, stage, way, user_agent, address, session.created_at, last_used_at,
  expires_at, absolute_until, confirmed_at, known_browser_id`;
const tables = 'session JOIN person ON person.id = person_id AND removed_at IS NULL';

export class SessionsStore {
  readonly #byToken: Statement<[Buffer], SessionRow>;
  readonly #byId: Statement<[string], SessionRow>;
  readonly #open: Statement<[string], SessionRow>;
  readonly #insert: Statement<NewSession[]>;
  readonly #touch: Statement<[number, number, number, string]>;
  readonly #confirm: Statement<[number, string | null, string]>;
  readonly #delete: Statement<[string]>;
  readonly #deleteOthers: Statement<[string, string]>;
  readonly #deleteExpired: Statement<[number, number]>;
  readonly #deleteOldest: Statement<[string, string, number]>;
  readonly #halfways: Statement<[string, number], { n: number }>;
  readonly #deleteHalfway: Statement<[string, number]>;

  constructor(database: Database) {
    this.#byToken = database.prepare(`SELECT ${columns} FROM ${tables} WHERE token_sha256 = ?`);
    this.#byId = database.prepare(`SELECT ${columns} FROM ${tables} WHERE session.id = ?`);
    this.#open = database.prepare(
      `SELECT ${columns} FROM ${tables} WHERE person_id = ? AND stage = 'open' ORDER BY last_used_at DESC, session.rowid DESC`,
    );
    this.#insert = database.prepare(
      `INSERT INTO session (id, token_sha256, person_id, stage, way, user_agent, address, created_at, last_used_at,
       expires_at, absolute_until, confirmed_at, known_browser_id)
       VALUES (:id, :token_sha256, :person_id, :stage, :way, :user_agent, :address, :created_at, :last_used_at,
       :expires_at, :absolute_until, :confirmed_at, :known_browser_id)`,
    );
    this.#touch = database.prepare(
      'UPDATE session SET last_used_at = ?, expires_at = ?, absolute_until = ? WHERE id = ?',
    );
    this.#confirm = database.prepare('UPDATE session SET confirmed_at = ?, known_browser_id = ? WHERE id = ?');
    this.#delete = database.prepare('DELETE FROM session WHERE id = ?');
    this.#deleteOthers = database.prepare('DELETE FROM session WHERE person_id = ? AND id <> ?');
    this.#deleteExpired = database.prepare('DELETE FROM session WHERE expires_at <= ? OR absolute_until <= ?');
    this.#deleteOldest = database.prepare(
      `DELETE FROM session WHERE person_id = ? AND stage = 'open' AND id NOT IN
       (SELECT id FROM session WHERE person_id = ? AND stage = 'open' ORDER BY last_used_at DESC, rowid DESC LIMIT ?)`,
    );
    this.#halfways = database.prepare(
      `SELECT count(*) AS n FROM session WHERE person_id = ? AND stage <> 'open' AND (known_browser_id IS NOT NULL) = ?`,
    );
    // Of the address that has most: whoever knows the password and floods the box from one place does not push out
    // somebody who is about to type their code at another.
    this.#deleteHalfway = database.prepare(
      `DELETE FROM session WHERE id = (
         SELECT id FROM session AS one
         WHERE person_id = ? AND stage <> 'open' AND (known_browser_id IS NOT NULL) = ?
         ORDER BY (SELECT count(*) FROM session AS other WHERE other.person_id = one.person_id
           AND other.stage <> 'open' AND other.address = one.address) DESC, created_at, rowid LIMIT 1)`,
    );
  }

  byToken(tokenSha256: Buffer): SessionRow | undefined {
    return this.#byToken.get(tokenSha256);
  }

  byId(id: string): SessionRow | undefined {
    return this.#byId.get(id);
  }

  /** The open sessions of a person, the last used first. */
  openOf(personId: string): SessionRow[] {
    return this.#open.all(personId);
  }

  insert(session: NewSession): void {
    this.#insert.run(session);
  }

  touch(id: string, at: number, expiresAt: number, absoluteUntil: number): void {
    this.#touch.run(at, expiresAt, absoluteUntil, id);
  }

  confirm(id: string, at: number, knownBrowserId: string | null): void {
    this.#confirm.run(at, knownBrowserId, id);
  }

  delete(id: string): boolean {
    return this.#delete.run(id).changes > 0;
  }

  /** Every session of the person but this one; '' spares none. */
  deleteOthers(personId: string, id: string): number {
    return this.#deleteOthers.run(personId, id).changes;
  }

  deleteExpired(now: number): void {
    this.#deleteExpired.run(now, now);
  }

  /** The longest unused open sessions of the person above `max`. */
  deleteOldest(personId: string, max: number): void {
    this.#deleteOldest.run(personId, personId, max);
  }

  /** Makes room for one more session on its way in, apart for known browsers. */
  makeRoomHalfway(personId: string, known: boolean, max: number): void {
    const flag = known ? 1 : 0;
    while ((this.#halfways.get(personId, flag)?.n ?? 0) >= max) this.#deleteHalfway.run(personId, flag);
  }
}
