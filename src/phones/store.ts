/**
 * The rows of phones: phones, their credentials, and their pairings by `pairings`. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';
import { PairingStore } from './pairing-store.ts';

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
  /** Until then nobody misses it. */
  away_until: number | null;
  /** When the device that it is now was paired, as long as that is remembered. */
  paired_at: number | null;
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

const phoneColumns = `phone.id, phone.name, person.name AS person, person_id, person.folder AS person_folder, base_folder,
  client, client_version, phone.created_at, last_seen_at, next_at, planned_at, away_until,
  (SELECT max(redeemed_at) FROM pairing WHERE pairing.phone_id = phone.id) AS paired_at`;
const phoneTables = 'phone JOIN person ON person.id = person_id';
const phoneLives = 'revoked_at IS NULL AND removed_at IS NULL';

export class PhonesStore {
  readonly pairings: PairingStore;
  readonly #foldersOf: Statement<[string, number], { base_folder: string }>;
  readonly #insertPhone: Statement<[string, string, string, string, string | null, string | null, number]>;
  readonly #insertCredential: Statement<[string, string, Buffer, number, number | null]>;
  readonly #credential: Statement<[Buffer], CredentialRow>;
  readonly #touchCredential: Statement<[number, number]>;
  readonly #touchPhone: Statement<[number, string]>;
  readonly #phones: Statement<[], PhoneRow>;
  readonly #phonesOf: Statement<[string], PhoneRow>;
  readonly #phone: Statement<[string], PhoneRow>;
  readonly #livingPhone: Statement<[string], PhoneRow>;
  readonly #change: Statement<[string, string, string]>;
  readonly #move: Statement<[string, string, string | null, string | null, string]>;
  readonly #deletePageCredentials: Statement<[string]>;
  readonly #plan: Statement<[number | null, number, string | null, string | null, string]>;
  readonly #away: Statement<[number | null, string]>;
  readonly #countPhones: Statement<[], { count: number }>;
  readonly #revoke: Statement<[number, string]>;
  readonly #deleteCredentials: Statement<[string]>;
  readonly #deleteDeadCredentials: Statement<[number]>;

  constructor(database: Database) {
    this.pairings = new PairingStore(database);
    this.#foldersOf = database.prepare(
      `SELECT base_folder FROM phone WHERE person_id = ?
       GROUP BY base_folder ORDER BY max(created_at) DESC, base_folder LIMIT ?`,
    );
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
    this.#change = database.prepare('UPDATE phone SET name = ?, base_folder = ? WHERE id = ?');
    this.#move = database.prepare(
      `UPDATE phone SET name = ?, base_folder = ?, client = ?, client_version = ?, last_seen_at = NULL, next_at = NULL, planned_at = NULL,
         away_until = NULL
       WHERE id = ?`,
    );
    this.#deletePageCredentials = database.prepare("DELETE FROM phone_credential WHERE phone_id = ? AND door = 'page'");
    this.#plan = database.prepare(
      'UPDATE phone SET next_at = ?, planned_at = ?, client = ?, client_version = ? WHERE id = ? AND revoked_at IS NULL',
    );
    this.#away = database.prepare('UPDATE phone SET away_until = ? WHERE id = ?');
    this.#countPhones = database.prepare('SELECT count(*) AS count FROM phone WHERE revoked_at IS NULL');
    this.#revoke = database.prepare('UPDATE phone SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL');
    this.#deleteCredentials = database.prepare('DELETE FROM phone_credential WHERE phone_id = ?');
    this.#deleteDeadCredentials = database.prepare(
      'DELETE FROM phone_credential WHERE last_used_at IS NULL AND unused_until <= ?',
    );
  }

  /** That phones of the person have or had, the latest first. */
  foldersOf(personId: string, limit: number): string[] {
    return this.#foldersOf.all(personId, limit).map((row) => row.base_folder);
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

  change(id: string, { name, baseFolder }: { name: string; baseFolder: string }): void {
    this.#change.run(name, baseFolder, id);
  }

  /** The phone's row goes on for another device, which has none of the old one's credentials. */
  move(
    id: string,
    to: { name: string; baseFolder: string; client: string | null; clientVersion: string | null },
  ): void {
    this.#move.run(to.name, to.baseFolder, to.client, to.clientVersion, id);
    this.#deleteCredentials.run(id);
  }

  deletePageCredentials(phoneId: string): void {
    this.#deletePageCredentials.run(phoneId);
  }

  plan(id: string, { nextAt, plannedAt, client, clientVersion }: NewPlan): void {
    this.#plan.run(nextAt, plannedAt, client, clientVersion, id);
  }

  setAway(id: string, until: number | null): void {
    this.#away.run(until, id);
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
    return this.pairings.removeOld(pairingsBefore) + this.#deleteDeadCredentials.run(now).changes;
  }
}
