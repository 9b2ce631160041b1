/**
 * Owns the password of each person: trying it, choosing it, changing it, and when it has to be replaced.
 * Never says why a name and a password do not belong together; never hashes before the guard has let a try through.
 * Called by the parts of this room.
 */
import type { HalfwayCaller, PersonCaller } from '../http/caller.ts';
import type { Statement } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { actorOf } from './audit.ts';
import type { Guard, Subject, Try } from './guard.ts';
import type { PartOptions } from './parts.ts';
import { checkNewPassword } from './password-rules.ts';
import type { Passwords } from './passwords.ts';
import type { Policies } from './policies.ts';
import type { SessionBook } from './session-book.ts';

export type PasswordLockOptions = PartOptions &
  Readonly<{
    passwords: Passwords;
    guard: Guard;
    policies: Policies;
    book: SessionBook;
    boxName: () => string;
    /**
     * The person is about to have this password: makes ready whatever the old one opened, and says what to write beside
     * the new hash (inside the same `database.write`).
     */
    onChosen: (personId: string, password: string, current: string | undefined) => Promise<() => void>;
  }>;
/** A password that was right. Settle it in the write that grants what it is for. */
export type ProvenPassword = Readonly<{ personId: string; attempt: Try; stored: string; renewed: string | undefined }>;
/** A new password that is ready to be written. */
export type ChosenPassword = Readonly<{ personId: string; hash: string; alongside: () => void }>;

type LockRow = {
  id: string;
  name: string;
  password_hash: string | null;
  password_changed_at: number | null;
  created_at: number;
};

export class PasswordLock {
  readonly #options: PasswordLockOptions;
  readonly #row: Statement<[string], LockRow>;
  readonly #setHash: Statement<[string, string]>;
  readonly #set: Statement<[string, number, string]>;
  readonly #impossibleHash: string;

  constructor(options: PasswordLockOptions) {
    this.#options = options;
    const { database, passwords } = options;
    this.#row = database.prepare(
      'SELECT id, name, password_hash, password_changed_at, created_at FROM person WHERE id = ? AND removed_at IS NULL',
    );
    this.#setHash = database.prepare('UPDATE person SET password_hash = ? WHERE id = ?');
    this.#set = database.prepare('UPDATE person SET password_hash = ?, password_changed_at = ? WHERE id = ?');
    this.#impossibleHash = passwords.impossibleHash();
  }

  /** Says whether the policy wants another one. */
  hasExpired(personId: string): boolean {
    const row = this.#row.get(personId);
    if (row === undefined) return false;
    return this.#options.policies.hasExpired(this.#options.now() - (row.password_changed_at ?? row.created_at));
  }

  /**
   * Tries a password. `personId` undefined: nobody has the name that was typed; the same work is done, and the answer is
   * the same. Refusals by the guard come before any of it.
   * @throws {CodedError} `wrong-password` with the message `refusal`, `too-many-requests`, `busy`
   */
  async try(
    personId: string | undefined,
    password: string,
    subject: Subject,
    refusal: string,
  ): Promise<ProvenPassword> {
    const { database, guard, passwords, record, notify } = this.#options;
    guard.check('password', subject);
    const attempt = await database.write(() => guard.countInWrite('password', subject));
    const stored = (personId === undefined ? undefined : this.#row.get(personId)?.password_hash) ?? null;
    const stranger = subject.known === undefined;
    const right = await passwords
      .verify(password, stored ?? this.#impossibleHash, { stranger })
      .catch(async (error: unknown) => {
        // Nobody looked at it: who floods the box must not make the failures of others.
        await database.write(() => guard.notTriedInWrite(attempt));
        throw error;
      });
    if (right && personId !== undefined && stored !== null) {
      const renewed = passwords.isOutdated(stored) ? await passwords.hash(password).catch(() => undefined) : undefined;
      return { personId, attempt, stored, renewed };
    }
    await database.write(() => {
      record({ event: 'sign-in-failed', actor: 'nobody', ...(personId !== undefined && { subject: personId }) });
      const failures = (attempt.before?.failures ?? 0) + 1;
      // Once in a row of them: a list that an attacker fills is not read.
      if (personId !== undefined && failures === failuresToldOf) notify(personId, 'wrong-passwords', { failures });
    });
    throw new CodedError('wrong-password', refusal);
  }

  /**
   * The proof counts: the guard gives the try back, a hash of another cost is replaced. Only inside `database.write`.
   * @throws {CodedError} `wrong-password` when the password was changed meanwhile
   */
  settleInWrite({ personId, attempt, stored, renewed }: ProvenPassword): void {
    if (this.#row.get(personId)?.password_hash !== stored) {
      throw new CodedError('wrong-password', 'The password was changed at this moment. Sign in with the new one.');
    }
    this.#options.guard.succeededInWrite(attempt);
    if (renewed !== undefined) this.#setHash.run(renewed, personId);
  }

  /**
   * A new password by the rules, and not the one that is there. `current`: that one, where it was just typed.
   * @throws {CodedError} `weak-password`, `busy`, `not-found`
   */
  async choose(personId: string, password: string, current?: string): Promise<ChosenPassword> {
    const hash = await this.#hash(personId, password);
    return { personId, hash, alongside: await this.#options.onChosen(personId, password, current) };
  }

  async #hash(personId: string, password: string): Promise<string> {
    const { passwords, boxName } = this.#options;
    const row = this.#row.get(personId);
    if (row === undefined) throw new CodedError('not-found', 'This person is not there any more.');
    checkNewPassword(password, [row.name, boxName()]);
    if (row.password_hash !== null && (await passwords.verify(password, row.password_hash))) {
      throw new CodedError(
        'weak-password',
        'That is the password you have now. Nothing was changed; choose another one.',
      );
    }
    return passwords.hash(password);
  }

  /** Sets a chosen password; every session of the person but this one ends. Only inside `database.write`. */
  setInWrite({ personId, hash, alongside }: ChosenPassword, keepSessionId: string | undefined): void {
    this.#set.run(hash, this.#options.now(), personId);
    alongside();
    this.#options.book.endOthersInWrite(personId, keepSessionId);
  }

  /**
   * Changes one's own password: the current one, and the new one twice.
   * @throws {CodedError} `invalid-request` (the two differ), `wrong-password`, `weak-password`, `too-many-requests`
   */
  async change(
    caller: PersonCaller,
    asked: Readonly<{ current: string; password: string; again: string }>,
    subject: Subject,
  ): Promise<void> {
    if (asked.password.normalize('NFC') !== asked.again.normalize('NFC')) {
      throw new CodedError('invalid-request', 'The two new passwords differ. Nothing was changed; type both again.');
    }
    const { personId } = caller;
    const proven = await this.try(personId, asked.current, subject, notYourPassword);
    const chosen = await this.choose(personId, asked.password, asked.current).catch(async (error: unknown) => {
      // The current one was right all the same: its try is given back.
      await this.#options.database.write(() => this.settleInWrite(proven));
      throw error;
    });
    await this.#options.database.write(() => {
      this.settleInWrite(proven);
      this.setInWrite(chosen, caller.sessionId);
      this.recordChangeInWrite(caller);
    });
  }

  /** Only inside `database.write`, beside the change. */
  recordChangeInWrite(caller: PersonCaller | HalfwayCaller): void {
    const { record, notify } = this.#options;
    record({ event: 'password-changed', actor: actorOf(caller), subject: caller.personId });
    notify(caller.personId, 'password-changed');
  }
}

export const notYourPassword = 'That is not your password. Nothing was changed; try again.';
const failuresToldOf = 10;
