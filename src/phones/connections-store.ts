/**
 * The rows of apps' credentials. Private to this room. Verbs that change something are only for use inside
 * `database.write`.
 */
import type { Database } from '../platform/database.ts';

/** What an app speaks. `once`: a code that is exchanged for a password of `nextcloud`. */
export type AppDoor = 'nextcloud' | 'webdav';
export type ConnectionRow = {
  id: number;
  door: AppDoor;
  client: string | null;
  created_at: number;
  last_used_at: number | null;
  unused_until: number | null;
  phone_id: string;
  phone_name: string;
  person_id: string;
  person: string;
};
export type NewConnection = Readonly<{
  phoneId: string;
  door: AppDoor | 'once';
  secretSha256: Buffer;
  client: string | null;
  at: number;
  unusedUntil: number;
}>;

const columns = `phone_credential.id, door, phone_credential.client, phone_credential.created_at, last_used_at,
  unused_until, phone_id, phone.name AS phone_name, person_id, person.name AS person`;
const tables = `phone_credential JOIN phone ON phone.id = phone_id JOIN person ON person.id = person_id`;
const lives = 'revoked_at IS NULL AND removed_at IS NULL';
const ofApps = "door IN ('nextcloud', 'webdav')";

export class ConnectionsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Of a phone that is neither revoked nor of a removed person. */
  bySecret(secretSha256: Buffer): ConnectionRow | undefined {
    return this.#database.get(
      `SELECT ${columns} FROM ${tables} WHERE secret_sha256 = ? AND ${ofApps} AND ${lives}`,
      secretSha256,
    );
  }

  onceBySecret(secretSha256: Buffer): ConnectionRow | undefined {
    return this.#database.get(
      `SELECT ${columns} FROM ${tables} WHERE secret_sha256 = ? AND door = 'once' AND ${lives}`,
      secretSha256,
    );
  }

  connection(id: number): ConnectionRow | undefined {
    return this.#database.get(
      `SELECT ${columns} FROM ${tables} WHERE phone_credential.id = ? AND ${ofApps} AND ${lives}`,
      id,
    );
  }

  /** The newest last. */
  connections(limit: number): ConnectionRow[] {
    return this.#database.all(
      `SELECT ${columns} FROM ${tables} WHERE ${ofApps} AND ${lives} ORDER BY phone_credential.id LIMIT ?`,
      limit,
    );
  }

  /** With codes that were not exchanged. */
  count(phoneId: string): number {
    const row = this.#database.get<{ n: number }>(
      `SELECT count(*) AS n FROM phone_credential WHERE phone_id = ? AND (${ofApps} OR door = 'once')`,
      phoneId,
    );
    return row?.n ?? 0;
  }

  insert({ phoneId, door, secretSha256, client, at, unusedUntil }: NewConnection): number {
    const { lastInsertRowid } = this.#database.run(
      `INSERT INTO phone_credential (phone_id, door, secret_sha256, client, created_at, unused_until)
       VALUES (?, ?, ?, ?, ?, ?)`,
      phoneId,
      door,
      secretSha256,
      client,
      at,
      unusedUntil,
    );
    return Number(lastInsertRowid);
  }

  touch(id: number, phoneId: string, at: number, client: string | null): void {
    this.#database.run(
      'UPDATE phone_credential SET last_used_at = ?, client = coalesce(?, client) WHERE id = ?',
      at,
      client,
      id,
    );
    this.#database.run('UPDATE phone SET last_seen_at = ? WHERE id = ?', at, phoneId);
  }

  remove(id: number): void {
    this.#database.run('DELETE FROM phone_credential WHERE id = ?', id);
  }

  /** Unused codes and passwords of this phone that died, so that they do not fill its places. */
  removeDead(phoneId: string, now: number): void {
    this.#database.run(
      'DELETE FROM phone_credential WHERE phone_id = ? AND last_used_at IS NULL AND unused_until <= ?',
      phoneId,
      now,
    );
  }
}
