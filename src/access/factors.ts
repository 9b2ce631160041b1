/**
 * Which second factors a person has, and what follows when one comes or goes: since when the password alone opens no
 * door, and that every other session ends. Knows neither codes nor keys; those are the parts that it counts.
 */
import type { Statement } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { PartOptions } from './parts.ts';

/** How a second factor can be shown at sign-in, the handiest first. */
export type Way = 'approval' | 'code' | 'recovery';

export type FactorsOptions = Pick<PartOptions, 'database' | 'now'> &
  Readonly<{
    /** Phones that may approve sign-ins of the person. */
    approvers: (personId: string) => number;
    /** Confirmed authenticators. */
    authenticators: (personId: string) => number;
    /** Recovery codes that were not used: a way in, but no second factor of their own. */
    recoveryCodesLeft: (personId: string) => number;
    /** Inside `database.write`. */
    forgetRecoveryCodesInWrite: (personId: string) => void;
    /** The policy. */
    required: () => boolean;
    /** Ends every session of the person but this one. Inside `database.write`. */
    endOthersInWrite: (personId: string, sessionId: string | undefined) => number;
  }>;

export class Factors {
  readonly #options: FactorsOptions;
  readonly #setSince: Statement<[number | null, string]>;
  readonly #since: Statement<[string], { second_factor_since: number | null }>;

  constructor(options: FactorsOptions) {
    this.#options = options;
    const { database } = options;
    this.#setSince = database.prepare('UPDATE person SET second_factor_since = ? WHERE id = ?');
    this.#since = database.prepare('SELECT second_factor_since FROM person WHERE id = ?');
  }

  /** Whether the password alone does not open the door. */
  has(personId: string): boolean {
    return this.#options.authenticators(personId) > 0 || this.#options.approvers(personId) > 0;
  }

  /** The ways that this person can take now; none without a second factor. */
  ways(personId: string): Way[] {
    if (!this.has(personId)) return [];
    const ways: Way[] = [];
    if (this.#options.approvers(personId) > 0) ways.push('approval');
    if (this.#options.authenticators(personId) > 0) ways.push('code');
    if (this.#options.recoveryCodesLeft(personId) > 0) ways.push('recovery');
    return ways;
  }

  /**
   * A factor came or went by the person's own hand: call it when its row has, in the same `database.write`, which is
   * taken back when it was the last one and the policy demands one. All other sessions of the person end; without
   * `sessionId` (a phone), every one. @throws {CodedError} `conflict`
   */
  changedInWrite(personId: string, sessionId: string | undefined): void {
    if (this.has(personId)) this.addedInWrite(personId, sessionId);
    else this.removedInWrite(personId, sessionId);
  }

  /** As `changedInWrite`, for one that came. */
  addedInWrite(personId: string, sessionId: string | undefined): void {
    if (this.#since.get(personId)?.second_factor_since === null) this.#setSince.run(this.#options.now(), personId);
    this.#options.endOthersInWrite(personId, sessionId);
  }

  /** As `changedInWrite`, for one that went. @throws {CodedError} `conflict` */
  removedInWrite(personId: string, sessionId: string | undefined): void {
    if (!this.has(personId) && this.#options.required()) {
      throw new CodedError(
        'conflict',
        'This is your last second factor, and this box requires one of everyone. Nothing was changed; add another first.',
      );
    }
    this.lostInWrite(personId, sessionId);
  }

  /** A factor is gone whatever the policy says: its phone was lost or revoked. What is due is asked for at sign-in. */
  lostInWrite(personId: string, sessionId: string | undefined): void {
    if (!this.has(personId)) {
      this.#setSince.run(null, personId);
      // They stood in for what is gone: whoever finds them must not come in by them when there is a factor again.
      this.#options.forgetRecoveryCodesInWrite(personId);
    }
    this.#options.endOthersInWrite(personId, sessionId);
  }
}
