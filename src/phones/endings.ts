/**
 * The end of all phones of a person at once: when the person is removed, and when their data is deleted. Those of deleted
 * data keep the digest of their credential, by which they are told so instead of being strangers; it opens nothing.
 * Called by the composition root, which gives it to access and to `identify`.
 */
import { createHash } from 'node:crypto';
import type { Approvers } from '../access/approvers.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';

export class PhoneEndings {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #approvers: Pick<Approvers, 'phoneEndedInWrite'>;

  constructor(options: { database: Database; now: () => number; approvers: Pick<Approvers, 'phoneEndedInWrite'> }) {
    this.#database = options.database;
    this.#now = options.now;
    this.#approvers = options.approvers;
  }

  /** Every credential of the person's phones ends, and every pairing. Inside `database.write`. */
  endInWrite(personId: string): void {
    this.#revokeInWrite(personId);
    this.#database.run(
      'DELETE FROM phone_credential WHERE phone_id IN (SELECT id FROM phone WHERE person_id = ?)',
      personId,
    );
  }

  /**
   * The same because the person's data is deleted: with the next backup it would all come back. Returns all phones that
   * the person ever had. `sessionId` asked for it and goes on. Inside `database.write`.
   */
  goneInWrite(personId: string, sessionId: string | undefined): string[] {
    const living = this.#database.all<{ id: string }>(
      'SELECT id FROM phone WHERE person_id = ? AND revoked_at IS NULL',
      personId,
    );
    this.#revokeInWrite(personId);
    for (const { id } of living) this.#approvers.phoneEndedInWrite(id, personId, sessionId);
    this.#database.run('UPDATE phone SET gone_at = ? WHERE person_id = ? AND gone_at IS NULL', this.#now(), personId);
    return this.#database
      .all<{ id: string }>('SELECT id FROM phone WHERE person_id = ?', personId)
      .map((row) => row.id);
  }

  /** For a token that is no phone's. @throws {CodedError} `gone` when it was, and its person's data was deleted. */
  refuseGone(token: string): void {
    const digest = createHash('sha256').update(token).digest();
    const row = this.#database.get(
      `SELECT 1 FROM phone_credential JOIN phone ON phone.id = phone_id
       WHERE secret_sha256 = ? AND gone_at IS NOT NULL AND revoked_at IS NOT NULL`,
      digest,
    );
    if (row === undefined) return;
    throw new CodedError(
      'gone',
      'The photos of this phone’s person were deleted from the box at their wish, and the phone with them. What is on the phone is untouched. To back up anew, pair it again.',
    );
  }

  #revokeInWrite(personId: string): void {
    const at = this.#now();
    this.#database.run('UPDATE phone SET revoked_at = ? WHERE person_id = ? AND revoked_at IS NULL', at, personId);
    // Over from their very beginning, so that no clock that is set back revives them.
    this.#database.run(
      'UPDATE pairing SET expires_at = created_at WHERE person_id = ? AND redeemed_at IS NULL',
      personId,
    );
  }
}
