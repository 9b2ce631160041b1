/**
 * The rows of pairings. Private to this room. Verbs that change something are only for use inside `database.write`.
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
  /** The person; null: the console. */
  opened_by: string | null;
  refused_at: number | null;
  /** The phone that came of it. */
  phone_id: string | null;
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
  openedBy: string | null;
}>;
const pairingColumns = `id, person_id, phone_name, base_folder, code_sha256, created_at, expires_at, tries_left, redeemed_at,
  replaces_phone_id, may_approve, session_id, opened_by, refused_at, phone_id`;

export class PairingStore {
  readonly #insertPairing: Statement<
    [
      ...[string, string, string, string, Buffer, Buffer, number, number, number],
      ...[string | null, number, string | null, string | null],
    ]
  >;
  readonly #closePairings: Statement<[number]>;
  readonly #closePairing: Statement<[string]>;
  readonly #refusePairing: Statement<[number, string]>;
  readonly #latestPairingBy: Statement<[string | null, number], PairingRow>;
  readonly #pairingBySecret: Statement<[Buffer], PairingRow>;
  readonly #openPairing: Statement<[number, number], PairingRow>;
  readonly #pairingsByCode: Statement<[Buffer], PairingRow>;
  readonly #countWrongCode: Statement<[string]>;
  readonly #redeem: Statement<[number, string, string]>;
  readonly #deleteOldPairings: Statement<[number]>;

  constructor(database: Database) {
    this.#insertPairing = database.prepare(
      `INSERT INTO pairing (id, person_id, phone_name, base_folder, secret_sha256, code_sha256, created_at, expires_at,
       tries_left, replaces_phone_id, may_approve, session_id, opened_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#closePairing = database.prepare(
      'UPDATE pairing SET expires_at = created_at WHERE id = ? AND redeemed_at IS NULL',
    );
    this.#refusePairing = database.prepare(
      'UPDATE pairing SET expires_at = created_at, refused_at = ? WHERE id = ? AND redeemed_at IS NULL',
    );
    this.#latestPairingBy = database.prepare(
      `SELECT ${pairingColumns} FROM pairing WHERE opened_by IS ? AND created_at > ?
       ORDER BY created_at DESC, rowid DESC LIMIT 1`,
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
    this.#deleteOldPairings = database.prepare('DELETE FROM pairing WHERE expires_at <= ?');
  }

  /** Closes whatever pairing is open and opens this one: there is one at a time. */
  openNew(pairing: NewPairing): void {
    const { id, personId, phoneName, baseFolder, secretSha256, codeSha256, createdAt, expiresAt, triesLeft } = pairing;
    const { replacesPhoneId, mayApprove, sessionId, openedBy } = pairing;
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
      openedBy,
    );
  }

  /** Over from its very beginning, as those above. */
  close(id: string): void {
    this.#closePairing.run(id);
  }

  refuse(id: string, at: number): void {
    this.#refusePairing.run(at, id);
  }

  /** The newest, in whatever state; `openedBy` null: at the console. */
  latestBy(openedBy: string | null, since: number): PairingRow | undefined {
    return this.#latestPairingBy.get(openedBy, since);
  }

  bySecret(secretSha256: Buffer): PairingRow | undefined {
    return this.#pairingBySecret.get(secretSha256);
  }

  open(now: number): PairingRow | undefined {
    return this.#openPairing.get(now, now);
  }

  /** The newest two with this code, open or not. */
  byCode(codeSha256: Buffer): PairingRow[] {
    return this.#pairingsByCode.all(codeSha256);
  }

  countWrongCode(id: string): void {
    this.#countWrongCode.run(id);
  }

  markRedeemed(id: string, phoneId: string, at: number): void {
    this.#redeem.run(at, phoneId, id);
  }

  /** Those that ended before; returns how many. */
  removeOld(before: number): number {
    return this.#deleteOldPairings.run(before).changes;
  }
}
