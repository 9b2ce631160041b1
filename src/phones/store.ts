/**
 * The rows of phones: phones, their credentials, pairings. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';

export type PairingRow = {
  id: string;
  person_id: string;
  phone_name: string;
  base_folder: string;
  code_sha256: Buffer;
  created_at: number;
  expires_at: number;
  tries_left: number;
  redeemed_at: number | null;
  /** The phone whose place the new one takes. */
  replaces_phone_id: string | null;
  /** 1: its phone's key may become a second factor. */
  may_approve: number;
  /** That opened it; null: the console. */
  session_id: string | null;
};
export type NewPairing = Readonly<{
  id: string;
  personId: string;
  phoneName: string;
  baseFolder: string;
  secretSha256: Buffer;
  codeSha256: Buffer;
  createdAt: number;
  expiresAt: number;
  triesLeft: number;
  replacesPhoneId: string | null;
  mayApprove: boolean;
  sessionId: string | null;
}>;
export type NewPhone = Readonly<{
  id: string;
  personId: string;
  name: string;
  baseFolder: string;
  client: string | null;
  clientVersion: string | null;
  createdAt: number;
}>;
export type PhoneRow = {
  id: string;
  name: string;
  person: string;
  person_id: string;
  person_folder: string;
  base_folder: string;
  client: string | null;
  client_version: string | null;
  created_at: number;
  last_seen_at: number | null;
  next_at: number | null;
  planned_at: number | null;
};
export type NewPlan = Readonly<{
  nextAt: number | null;
  plannedAt: number;
  client: string | null;
  clientVersion: string | null;
}>;
export type CredentialRow = {
  credential_id: number;
  last_used_at: number | null;
  unused_until: number | null;
  phone_id: string;
  phone_name: string;
  person_id: string;
};

/** The phone's programs, and its page: the page's can be renewed by itself when the browser lost it. */
export type ApiDoor = 'api' | 'page';

const pairingColumns = `id, person_id, phone_name, base_folder, code_sha256, created_at, expires_at, tries_left, redeemed_at,
  replaces_phone_id, may_approve, session_id`;
const phoneColumns = `phone.id, phone.name, person.name AS person, person_id, person.folder AS person_folder, base_folder,
  client, client_version, phone.created_at, last_seen_at, next_at, planned_at`;
const phoneTables = 'phone JOIN person ON person.id = person_id';
const phoneLives = 'revoked_at IS NULL AND removed_at IS NULL';

export class PhonesStore {
  readonly #insertPairing: Statement<
    [string, string, string, string, Buffer, Buffer, number, number, number, string | null, number, string | null]
  >;
  readonly #closePairings: Statement<[number]>;
  readonly #pairingBySecret: Statement<[Buffer], PairingRow>;
  readonly #openPairing: Statement<[number, number], PairingRow>;
  readonly #pairingsByCode: Statement<[Buffer], PairingRow>;
  readonly #countWrongCode: Statement<[string]>;
  readonly #redeem: Statement<[number, string, string]>;
  readonly #insertPhone: Statement<[string, string, string, string, string | null, string | null, number]>;
  readonly #insertCredential: Statement<[string, string, Buffer, number, number | null]>;
  readonly #credential: Statement<[Buffer], CredentialRow>;
  readonly #touchCredential: Statement<[number, number]>;
  readonly #touchPhone: Statement<[number, string]>;
  readonly #phones: Statement<[], PhoneRow>;
  readonly #phonesOf: Statement<[string], PhoneRow>;
  readonly #phone: Statement<[string], PhoneRow>;
  readonly #livingPhone: Statement<[string], PhoneRow>;
  readonly #rename: Statement<[string, string]>;
  readonly #move: Statement<[string, string | null, string | null, string]>;
  readonly #deletePageCredentials: Statement<[string]>;
  readonly #plan: Statement<[number | null, number, string | null, string | null, string]>;
  readonly #countPhones: Statement<[], { count: number }>;
  readonly #revoke: Statement<[number, string]>;
  readonly #deleteCredentials: Statement<[string]>;
  readonly #deleteOldPairings: Statement<[number]>;
  readonly #deleteDeadCredentials: Statement<[number]>;

  constructor(database: Database) {
    this.#insertPairing = database.prepare(
      `INSERT INTO pairing (id, person_id, phone_name, base_folder, secret_sha256, code_sha256, created_at, expires_at,
       tries_left, replaces_phone_id, may_approve, session_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#closePairings = database.prepare(
      'UPDATE pairing SET expires_at = created_at WHERE redeemed_at IS NULL AND expires_at > ?',
    );
    this.#pairingBySecret = database.prepare(`SELECT ${pairingColumns} FROM pairing WHERE secret_sha256 = ?`);
    this.#openPairing = database.prepare(
      `SELECT ${pairingColumns} FROM pairing WHERE redeemed_at IS NULL AND expires_at > ? AND created_at <= ? LIMIT 1`,
    );
    this.#pairingsByCode = database.prepare(
      `SELECT ${pairingColumns} FROM pairing WHERE code_sha256 = ? ORDER BY created_at DESC LIMIT 2`,
    );
    this.#countWrongCode = database.prepare(
      'UPDATE pairing SET tries_left = tries_left - 1 WHERE id = ? AND tries_left > 0',
    );
    this.#redeem = database.prepare('UPDATE pairing SET redeemed_at = ?, phone_id = ? WHERE id = ?');
    this.#insertPhone = database.prepare(
      `INSERT INTO phone (id, person_id, name, base_folder, client, client_version, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#insertCredential = database.prepare(
      'INSERT INTO phone_credential (phone_id, door, secret_sha256, created_at, unused_until) VALUES (?, ?, ?, ?, ?)',
    );
    this.#credential = database.prepare(
      `SELECT phone_credential.id AS credential_id, last_used_at, unused_until, phone_id, phone.name AS phone_name,
       person_id FROM phone_credential JOIN phone ON phone.id = phone_id JOIN person ON person.id = person_id
       WHERE door IN ('api', 'page') AND secret_sha256 = ? AND ${phoneLives}`,
    );
    this.#touchCredential = database.prepare('UPDATE phone_credential SET last_used_at = ? WHERE id = ?');
    this.#touchPhone = database.prepare('UPDATE phone SET last_seen_at = ? WHERE id = ?');
    this.#phones = database.prepare(
      `SELECT ${phoneColumns} FROM ${phoneTables} WHERE ${phoneLives} ORDER BY phone.created_at, phone.rowid`,
    );
    this.#phonesOf = database.prepare(
      `SELECT ${phoneColumns} FROM ${phoneTables} WHERE person_id = ? AND ${phoneLives}
       ORDER BY phone.created_at, phone.rowid`,
    );
    this.#phone = database.prepare(`SELECT ${phoneColumns} FROM ${phoneTables} WHERE phone.id = ?`);
    this.#livingPhone = database.prepare(
      `SELECT ${phoneColumns} FROM ${phoneTables} WHERE phone.id = ? AND ${phoneLives}`,
    );
    this.#rename = database.prepare('UPDATE phone SET name = ? WHERE id = ?');
    this.#move = database.prepare(
      `UPDATE phone SET name = ?, client = ?, client_version = ?, last_seen_at = NULL, next_at = NULL, planned_at = NULL
       WHERE id = ?`,
    );
    this.#deletePageCredentials = database.prepare("DELETE FROM phone_credential WHERE phone_id = ? AND door = 'page'");
    this.#plan = database.prepare(
      'UPDATE phone SET next_at = ?, planned_at = ?, client = ?, client_version = ? WHERE id = ? AND revoked_at IS NULL',
    );
    this.#countPhones = database.prepare('SELECT count(*) AS count FROM phone WHERE revoked_at IS NULL');
    this.#revoke = database.prepare('UPDATE phone SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');
    this.#deleteCredentials = database.prepare('DELETE FROM phone_credential WHERE phone_id = ?');
    this.#deleteOldPairings = database.prepare('DELETE FROM pairing WHERE expires_at <= ?');
    this.#deleteDeadCredentials = database.prepare(
      'DELETE FROM phone_credential WHERE last_used_at IS NULL AND unused_until <= ?',
    );
  }

  /** Closes whatever pairing is open and opens this one: there is one at a time. */
  openNewPairing(pairing: NewPairing): void {
    const { id, personId, phoneName, baseFolder, secretSha256, codeSha256, createdAt, expiresAt, triesLeft } = pairing;
    const { replacesPhoneId, mayApprove, sessionId } = pairing;
    // Over from their very beginning, so that no clock that is set back revives them.
    this.#closePairings.run(createdAt);
    this.#insertPairing.run(
      id,
      personId,
      phoneName,
      baseFolder,
      secretSha256,
      codeSha256,
      createdAt,
      expiresAt,
      triesLeft,
      replacesPhoneId,
      mayApprove ? 1 : 0,
      sessionId,
    );
  }

  pairingBySecret(secretSha256: Buffer): PairingRow | undefined {
    return this.#pairingBySecret.get(secretSha256);
  }

  openPairing(now: number): PairingRow | undefined {
    return this.#openPairing.get(now, now);
  }

  /** The newest two with this code, open or not. */
  pairingsByCode(codeSha256: Buffer): PairingRow[] {
    return this.#pairingsByCode.all(codeSha256);
  }

  countWrongCode(id: string): void {
    this.#countWrongCode.run(id);
  }

  markRedeemed(id: string, phoneId: string, at: number): void {
    this.#redeem.run(at, phoneId, id);
  }

  insertPhone(phone: NewPhone): void {
    const { id, personId, name, baseFolder, client, clientVersion, createdAt } = phone;
    this.#insertPhone.run(id, personId, name, baseFolder, client, clientVersion, createdAt);
  }

  insertCredential(phoneId: string, door: ApiDoor, secretSha256: Buffer, at: number, unusedUntil: number | null): void {
    this.#insertCredential.run(phoneId, door, secretSha256, at, unusedUntil);
  }

  /** The credential of a phone that is neither revoked nor of a removed person. */
  credential(secretSha256: Buffer): CredentialRow | undefined {
    return this.#credential.get(secretSha256);
  }

  touch(credentialId: number, phoneId: string, at: number): void {
    this.#touchCredential.run(at, credentialId);
    this.#touchPhone.run(at, phoneId);
  }

  phones(): PhoneRow[] {
    return this.#phones.all();
  }

  phonesOf(personId: string): PhoneRow[] {
    return this.#phonesOf.all(personId);
  }

  /** Also a revoked one: what it sent before may still have to find its place. */
  phone(id: string): PhoneRow | undefined {
    return this.#phone.get(id);
  }

  /** Only one that is neither revoked nor of a removed person. */
  livingPhone(id: string): PhoneRow | undefined {
    return this.#livingPhone.get(id);
  }

  rename(id: string, name: string): void {
    this.#rename.run(name, id);
  }

  /** The phone's row goes on for another device, which has none of the old one's credentials. */
  move(id: string, to: { name: string; client: string | null; clientVersion: string | null }): void {
    this.#move.run(to.name, to.client, to.clientVersion, id);
    this.#deleteCredentials.run(id);
  }

  deletePageCredentials(phoneId: string): void {
    this.#deletePageCredentials.run(phoneId);
  }

  plan(id: string, { nextAt, plannedAt, client, clientVersion }: NewPlan): void {
    this.#plan.run(nextAt, plannedAt, client, clientVersion, id);
  }

  phoneCount(): number {
    return this.#countPhones.get()?.count ?? 0;
  }

  /** Ends the phone and every credential that it has, whichever door. False: it is not there, or was revoked before. */
  revoke(id: string, at: number): boolean {
    if (this.#revoke.run(at, id).changes === 0) return false;
    this.#deleteCredentials.run(id);
    return true;
  }

  /** Removes pairings that ended before `pairingsBefore`, and credentials that died unused by `now`. */
  removeExpired(pairingsBefore: number, now: number): number {
    return this.#deleteOldPairings.run(pairingsBefore).changes + this.#deleteDeadCredentials.run(now).changes;
  }
}
