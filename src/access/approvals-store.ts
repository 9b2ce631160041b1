/**
 * The rows of approvals: approvers (phones' public keys) and requests. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';

export type ApproverRow = {
  id: string;
  person_id: string;
  phone_id: string;
  phone_name: string;
  public_key: Buffer;
  created_at: number;
  last_used_at: number | null;
};
export type ApprovalState = 'open' | 'approved' | 'done' | 'denied' | 'dead';
export type ApprovalRow = {
  id: string;
  person_id: string;
  session_id: string | null;
  digits: string;
  browser: string;
  address: string;
  home: number;
  created_at: number;
  expires_at: number;
  tries_left: number;
  state: ApprovalState;
  /** 1 while its session is there and still lacks the second factor. */
  waited_for: number;
};
export type NewApproval = Readonly<{
  id: string;
  personId: string;
  sessionId: string;
  known: boolean;
  digits: string;
  browser: string;
  address: string;
  home: boolean;
  createdAt: number;
  expiresAt: number;
  triesLeft: number;
}>;

const approverColumns =
  'approver.id, approver.person_id, phone_id, phone.name AS phone_name, public_key, approver.created_at, last_used_at';
// A revoked phone has no approver, whatever the approver's own row says.
const livingApprover = `approver JOIN phone ON phone.id = phone_id
  WHERE approver.revoked_at IS NULL AND phone.revoked_at IS NULL AND phone.person_id = approver.person_id`;
const approvalColumns = `approval.id, approval.person_id, session_id, digits, browser, approval.address, home,
  approval.created_at, approval.expires_at, tries_left, state, session.id IS NOT NULL AS waited_for`;
const approvalTables = `approval LEFT JOIN session ON session.id = session_id
  AND session.person_id = approval.person_id AND session.stage = 'second-factor'`;

export class ApprovalsStore {
  readonly #database: Database;
  readonly #ofPhone: Statement<[string], ApproverRow>;
  readonly #ofPerson: Statement<[string], ApproverRow>;
  readonly #approval: Statement<[string], ApprovalRow>;
  readonly #openOf: Statement<[string, number, number, number], ApprovalRow>;

  constructor(database: Database) {
    this.#database = database;
    this.#ofPhone = database.prepare(`SELECT ${approverColumns} FROM ${livingApprover} AND phone_id = ?`);
    this.#ofPerson = database.prepare(
      `SELECT ${approverColumns} FROM ${livingApprover} AND approver.person_id = ? ORDER BY approver.created_at, approver.rowid`,
    );
    this.#approval = database.prepare(`SELECT ${approvalColumns} FROM ${approvalTables} WHERE approval.id = ?`);
    this.#openOf = database.prepare(
      `SELECT ${approvalColumns} FROM ${approvalTables} WHERE approval.person_id = ? AND state = 'open'
       AND approval.expires_at > ? AND approval.created_at <= ? AND session.id IS NOT NULL
       ORDER BY approval.created_at DESC, approval.rowid DESC LIMIT ?`,
    );
  }

  /** The living approver of a living phone. */
  approverOfPhone(phoneId: string): ApproverRow | undefined {
    return this.#ofPhone.get(phoneId);
  }

  approversOf(personId: string): ApproverRow[] {
    return this.#ofPerson.all(personId);
  }

  sessionIsOpen(sessionId: string): boolean {
    return this.#database.get("SELECT 1 FROM session WHERE id = ? AND stage = 'open'", sessionId) !== undefined;
  }

  isSessionOf(sessionId: string, personId: string): boolean {
    const sql = 'SELECT 1 FROM session WHERE id = ? AND person_id = ?';
    return this.#database.get(sql, sessionId, personId) !== undefined;
  }

  /** Also of a revoked one. */
  phoneName(phoneId: string): string {
    return this.#database.get<{ name: string }>('SELECT name FROM phone WHERE id = ?', phoneId)?.name ?? '';
  }

  /** Whether any phone ever registered this key, revoked or not. */
  keyWasSeen(publicKey: Buffer): boolean {
    return this.#database.get('SELECT 1 FROM approver WHERE public_key = ?', publicKey) !== undefined;
  }

  insertApprover(row: { id: string; personId: string; phoneId: string; publicKey: Buffer; createdAt: number }): void {
    this.#database.run(
      'INSERT INTO approver (id, person_id, phone_id, public_key, created_at) VALUES (?, ?, ?, ?, ?)',
      row.id,
      row.personId,
      row.phoneId,
      row.publicKey,
      row.createdAt,
    );
  }

  /** Ends the phone's approver. False: it had none. */
  revokeOfPhone(phoneId: string, at: number): boolean {
    const sql = 'UPDATE approver SET revoked_at = ? WHERE phone_id = ? AND revoked_at IS NULL';
    return this.#database.run(sql, at, phoneId).changes > 0;
  }

  markUsed(approverId: string, at: number): void {
    this.#database.run('UPDATE approver SET last_used_at = ? WHERE id = ?', at, approverId);
  }

  approval(id: string): ApprovalRow | undefined {
    return this.#approval.get(id);
  }

  /** Those that can be answered at `now`; `since`: none older is shown. The newest first. */
  openOf(personId: string, now: number, createdBefore: number, max: number): ApprovalRow[] {
    return this.#openOf.all(personId, now, createdBefore, max);
  }

  insertApproval(row: NewApproval): void {
    this.#database.run(
      `INSERT INTO approval (id, person_id, session_id, known, digits, browser, address, home, created_at, counted_at,
       expires_at, tries_left, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')`,
      row.id,
      row.personId,
      row.sessionId,
      row.known ? 1 : 0,
      row.digits,
      row.browser,
      row.address,
      row.home ? 1 : 0,
      row.createdAt,
      row.createdAt,
      row.expiresAt,
      row.triesLeft,
    );
  }

  /** The ids of what this session had open, which are over now. */
  endOfSession(sessionId: string): string[] {
    const open = this.#database.all<{ id: string }>(
      "SELECT id FROM approval WHERE session_id = ? AND state IN ('open', 'approved')",
      sessionId,
    );
    for (const { id } of open) this.setState(id, 'dead');
    return open.map(({ id }) => id);
  }

  /**
   * When the last `max` of a person's requests of this kind began, those since `since` alone, the oldest first. A clock
   * that was set back must neither give room nor take it for longer than the hour: what lies ahead counts from now.
   */
  countedSince(personId: string, known: boolean, since: number, now: number): number[] {
    this.#database.run('UPDATE approval SET counted_at = ? WHERE person_id = ? AND counted_at > ?', now, personId, now);
    return this.#database
      .all<{ counted_at: number }>(
        'SELECT counted_at FROM approval WHERE person_id = ? AND known = ? AND counted_at > ? ORDER BY counted_at LIMIT 100',
        personId,
        known ? 1 : 0,
        since,
      )
      .map((row) => row.counted_at);
  }

  countTry(id: string): void {
    this.#database.run('UPDATE approval SET tries_left = tries_left - 1 WHERE id = ? AND tries_left > 0', id);
  }

  /** The digits go with the state in which they could be typed. */
  setState(id: string, state: Exclude<ApprovalState, 'open'>, approverId: string | null = null): void {
    const sql = `UPDATE approval SET state = ?, digits = '', approver_id = coalesce(?, approver_id) WHERE id = ?`;
    this.#database.run(sql, state, approverId, id);
  }

  /** Housekeeping: requests and revoked approvers of before these times. How many rows went. */
  removeOld(approvalsBefore: number, approversBefore: number): number {
    const approvals = this.#database.run('DELETE FROM approval WHERE counted_at < ?', approvalsBefore).changes;
    const sql = 'DELETE FROM approver WHERE revoked_at IS NOT NULL AND revoked_at < ?';
    return approvals + this.#database.run(sql, approversBefore).changes;
  }
}
