/**
 * Recovery codes: ten for each person, for when no phone is at hand. Only their digests are kept, and each opens once.
 * Never limits tries (the guard does); never shows a code a second time.
 */
import { createHash } from 'node:crypto';
import type { PersonCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { normalCode, randomCode } from '../platform/identifiers.ts';
import { actorOf } from './audit.ts';
import { CodesStore } from './codes-store.ts';
import type { PartOptions } from './parts.ts';

/** What the parts that change a factor have in common. Each function here is called inside `database.write`. */
export type FactorOptions = PartOptions &
  Readonly<{
    /** Throws `confirm-first` unless the person has just shown to be there. */
    requireConfirmed: (caller: PersonCaller) => void;
    /** Whether the password alone opens no door. */
    hasSecondFactor: (personId: string) => boolean;
    /** A factor came, changed or went: every other session of the person ends. What it throws takes the change back. */
    onFactorChanged: (personId: string, keepSessionId: string) => void;
  }>;

const codesEach = 10;
/** 4 groups of 4 symbols: 80 bits (NIST SP 800-63B-4, section 3.1.2.1, asks for 64). */
const groups = 4;

export class RecoveryCodes {
  readonly #options: FactorOptions;
  readonly #store: CodesStore;

  constructor(options: FactorOptions) {
    this.#options = options;
    this.#store = new CodesStore(options.database);
  }

  /** How many are unused. */
  left(personId: string): number {
    return this.#store.recoveryCodesLeft(personId);
  }

  /**
   * Ten new codes, shown to the person who asked; the old ones are dead, and the person's other sessions end.
   * @throws {CodedError} `confirm-first`, `conflict` (there is no second factor that they could stand in for)
   */
  renew(caller: PersonCaller): Promise<string[]> {
    const { database, requireConfirmed, hasSecondFactor, record, notify, onFactorChanged } = this.#options;
    return database.write(() => {
      requireConfirmed(caller);
      if (!hasSecondFactor(caller.personId)) {
        throw new CodedError(
          'conflict',
          'Recovery codes stand in for a second factor, and you have none. Add an authenticator or a phone first.',
        );
      }
      const codes = this.replace(caller.personId);
      record({ event: 'recovery-codes-replaced', actor: actorOf(caller), subject: caller.personId });
      notify(caller.personId, 'recovery-codes-replaced');
      onFactorChanged(caller.personId, caller.sessionId);
      return codes;
    });
  }

  /** Makes ten new codes and kills the old ones. Only inside `database.write`. */
  replace(personId: string): string[] {
    const { now, randomBytes } = this.#options;
    const codes = Array.from({ length: codesEach }, () => randomCode(randomBytes, groups));
    this.#store.deleteRecoveryCodes(personId);
    for (const code of codes) this.#store.insertRecoveryCode(personId, digestOf(code), now());
    return codes;
  }

  /**
   * Uses a code up: true once for each. Only inside the `database.write` that grants what it is for; a write that throws
   * has not used it. Digests are looked up, never compared byte by byte with what was typed.
   */
  take(personId: string, code: string): boolean {
    const { now, record, notify } = this.#options;
    if (!this.#store.useRecoveryCode(personId, digestOf(code), now())) return false;
    const left = this.left(personId);
    record({ event: 'recovery-code-used', actor: `person:${personId}`, subject: personId, detail: { left } });
    notify(personId, 'recovery-code-used', { left });
    return true;
  }

  /** Kills all of a person's codes. Only inside `database.write`. */
  forget(personId: string): void {
    this.#store.deleteRecoveryCodes(personId);
  }
}

/** 80 random bits need no slow hash: nobody tries them all. */
function digestOf(code: string): Buffer {
  return createHash('sha256').update(normalCode(code)).digest();
}
