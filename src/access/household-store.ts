/**
 * The rows behind people, invitations and recovery at the box. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database } from '../platform/database.ts';

export type HouseholdRow = {
  id: string;
  name: string;
  folder: string;
  role: 'owner' | 'member';
  can_sign_in: 0 | 1;
  second_factor: 0 | 1;
  invited_until: number | null;
  removed_at: number | null;
  erased_at: number | null;
};
export type InvitationRow = {
  id: string;
  person_id: string;
  kind: 'join' | 'reset';
  created_at: number;
  valid_from: number;
  expires_at: number;
  used_at: number | null;
  person: string;
};
export type NewInvitation = Readonly<{
  id: string;
  personId: string;
  kind: 'join' | 'reset';
  secretSha256: Buffer;
  createdAt: number;
  validFrom: number;
  expiresAt: number;
}>;
export type ListedSession = {
  id: string;
  user_agent: string;
  address: string;
  stage: string;
  created_at: number;
  last_used_at: number;
};
export type FactorReset = { person_id: string; asked_at: number; valid_from: number; done_at: number | null };

const peopleShownMax = 1_000;

export class HouseholdStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  // --- people -------------------------------------------------------------------------------------------------------

  /** Everyone, also who was removed, in the order in which they came. */
  everyone(now: number): HouseholdRow[] {
    return this.#database.all(
      `SELECT id, name, folder, role, password_hash IS NOT NULL AS can_sign_in,
         second_factor_since IS NOT NULL AS second_factor, removed_at, erased_at,
         (SELECT max(expires_at) FROM invitation
          WHERE person_id = person.id AND kind = 'join' AND used_at IS NULL AND expires_at > ?) AS invited_until
       FROM person ORDER BY created_at, rowid LIMIT ${peopleShownMax}`,
      now,
    );
  }

  person(id: string): Pick<HouseholdRow, 'id' | 'name' | 'folder' | 'role' | 'can_sign_in' | 'removed_at'> | undefined {
    return this.#database.get(
      'SELECT id, name, folder, role, password_hash IS NOT NULL AS can_sign_in, removed_at FROM person WHERE id = ?',
      id,
    );
  }

  insertPerson(person: { id: string; name: string; nameKey: string; folder: string; createdAt: number }): void {
    this.#database.run(
      `INSERT INTO person (id, name, name_key, folder, role, created_at) VALUES (?, ?, ?, ?, 'member', ?)`,
      person.id,
      person.name,
      person.nameKey,
      person.folder,
      person.createdAt,
    );
  }

  rename(id: string, name: string, nameKey: string): void {
    this.#database.run('UPDATE person SET name = ?, name_key = ? WHERE id = ?', name, nameKey, id);
  }

  /** Every name and folder ever given: they stay taken. */
  taken(): Array<{ id: string; name_key: string; folder: string }> {
    return this.#database.all('SELECT id, name_key, folder FROM person');
  }

  livingCount(): number {
    const row = this.#database.get<{ n: number }>('SELECT count(*) AS n FROM person WHERE removed_at IS NULL');
    return row?.n ?? 0;
  }

  /** Nothing by which they could come in is left. Their name and folder stay taken. */
  remove(id: string, at: number): void {
    this.#database.run('UPDATE person SET removed_at = ?, password_hash = NULL WHERE id = ?', at, id);
    this.endFactors(id, at);
    this.endSessions(id);
    for (const table of ['invitation', 'factor_reset', 'notice']) {
      this.#database.run(`DELETE FROM ${table} WHERE person_id = ?`, id);
    }
  }

  setErased(id: string, at: number): void {
    this.#database.run('UPDATE person SET erased_at = ? WHERE id = ? AND removed_at IS NOT NULL', at, id);
  }

  // --- sessions and factors -------------------------------------------------------------------------------------------

  /** The browsers that were known are strangers again. Returns how many sessions ended. */
  endSessions(id: string): number {
    this.#database.run('DELETE FROM known_browser WHERE person_id = ?', id);
    return this.#database.run('DELETE FROM session WHERE person_id = ?', id).changes;
  }

  sessions(id: string): ListedSession[] {
    return this.#database.all(
      `SELECT id, user_agent, address, stage, created_at, last_used_at FROM session
       WHERE person_id = ? ORDER BY last_used_at DESC LIMIT 100`,
      id,
    );
  }

  endFactors(id: string, at: number): void {
    this.#database.run('DELETE FROM authenticator WHERE person_id = ?', id);
    this.#database.run('DELETE FROM recovery_code WHERE person_id = ?', id);
    this.#database.run('UPDATE approver SET revoked_at = ? WHERE person_id = ? AND revoked_at IS NULL', at, id);
    this.#database.run("UPDATE approval SET state = 'dead' WHERE person_id = ? AND state = 'open'", id);
    this.#database.run('UPDATE person SET second_factor_since = NULL WHERE id = ?', id);
  }

  // --- invitations --------------------------------------------------------------------------------------------------

  /** Closes whatever is open for this person, and opens this one. */
  openInvitation(it: NewInvitation): void {
    this.closeInvitations(it.personId, it.createdAt);
    this.#database.run(
      `INSERT INTO invitation (id, person_id, kind, secret_sha256, created_at, valid_from, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      it.id,
      it.personId,
      it.kind,
      it.secretSha256,
      it.createdAt,
      it.validFrom,
      it.expiresAt,
    );
  }

  /** Over from their very beginning, so that no clock that is set back revives them. Returns how many could still be used. */
  closeInvitations(personId: string, at: number): number {
    return this.#database.run(
      'UPDATE invitation SET expires_at = created_at WHERE person_id = ? AND used_at IS NULL AND expires_at > ?',
      personId,
      at,
    ).changes;
  }

  /** Of a person who is on the box. */
  invitation(secretSha256: Buffer): InvitationRow | undefined {
    return this.#database.get(
      `SELECT invitation.id, person_id, kind, invitation.created_at, valid_from, expires_at, used_at, name AS person
       FROM invitation JOIN person ON person.id = person_id WHERE secret_sha256 = ? AND removed_at IS NULL`,
      secretSha256,
    );
  }

  useInvitation(id: string, at: number): void {
    this.#database.run('UPDATE invitation SET used_at = ? WHERE id = ?', at, id);
  }

  removeOldInvitations(before: number): number {
    return this.#database.run('DELETE FROM invitation WHERE expires_at < ?', before).changes;
  }

  // --- recovery at the box ------------------------------------------------------------------------------------------

  /** When a new password was last asked for at the box. */
  passwordResetAt(personId: string): number | undefined {
    return this.#database.get<{ at: number }>(
      "SELECT created_at AS at FROM invitation WHERE person_id = ? AND kind = 'reset' ORDER BY created_at DESC LIMIT 1",
      personId,
    )?.at;
  }

  factorReset(personId: string): FactorReset | undefined {
    return this.#database.get('SELECT * FROM factor_reset WHERE person_id = ?', personId);
  }

  putFactorReset({
    person_id: personId,
    asked_at: askedAt,
    valid_from: validFrom,
    done_at: doneAt,
  }: FactorReset): void {
    this.#database.run(
      `INSERT INTO factor_reset (person_id, asked_at, valid_from, done_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (person_id) DO UPDATE SET asked_at = excluded.asked_at, valid_from = excluded.valid_from,
         done_at = excluded.done_at`,
      personId,
      askedAt,
      validFrom,
      doneAt,
    );
  }

  /** Nothing of it is done any more. False: there was none that waits. */
  dropFactorReset(personId: string): boolean {
    return this.#database.run('DELETE FROM factor_reset WHERE person_id = ? AND done_at IS NULL', personId).changes > 0;
  }

  dueFactorResets(now: number): string[] {
    return this.#database
      .all<{ person_id: string }>(
        'SELECT person_id FROM factor_reset WHERE done_at IS NULL AND valid_from <= ? LIMIT 100',
        now,
      )
      .map((row) => row.person_id);
  }

  markFactorsReset(personId: string, at: number): void {
    this.#database.run('UPDATE factor_reset SET done_at = ? WHERE person_id = ?', at, personId);
  }

  // --- what is acted on once --------------------------------------------------------------------------------------------

  setting(name: string): string | undefined {
    return this.#database.get<{ value: string }>('SELECT value FROM setting WHERE name = ?', name)?.value;
  }

  putSetting(name: string, value: string): void {
    this.#database.run(
      'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    );
  }
}
