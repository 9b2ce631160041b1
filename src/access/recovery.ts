/**
 * Owns what somebody at the box itself may do for a person who is locked out: a new password, or no second factor any
 * more. Never both within ten minutes: the later one begins to count then, and meanwhile every device of the person
 * shows what was asked for, and can stop it. Called by its routes and the boot file; over the network only for a member's
 * second factor, by the owner, and always ten minutes later.
 */
import { CodedError } from '../platform/errors.ts';
import type { AuditEntry } from './audit.ts';
import { HouseholdStore, type ListedSession } from './household-store.ts';
import type { Invitation, Invitations } from './invitations.ts';
import type { PartOptions } from './parts.ts';
import { personNameKey } from './people.ts';

export type RecoveryOptions = PartOptions &
  Readonly<{
    invitations: Pick<Invitations, 'openInWrite'>;
    /** Lets rest what guessing wore out. Inside `database.write`. */
    clearThrottleInWrite?: (personId: string) => void;
  }>;

/** How it was asked for, for the audit log; `markInWrite` shares the commit of what was asked for. */
export type AskedAt = Readonly<{ door: 'console' | 'boot-file'; markInWrite?: () => void }>;
export type FactorReset = Readonly<{ person: string; validFrom: number; done: boolean }>;
type Asked = Readonly<{ door: AskedAt['door'] | 'owner'; actor: string; from: number; markInWrite?: () => void }>;

/** So far apart are the ends of a password and of a second factor that its person did not bring about. */
export const apartMs = 10 * 60_000;

export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #rows: HouseholdStore;

  /** On an open database. */
  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#rows = new HouseholdStore(options.database);
  }

  /** @throws {CodedError} `not-found` */
  personByName(name: string): { id: string; name: string } {
    const nameKey = personNameKey(name);
    const found = this.#rows.taken().find((person) => person.name_key === nameKey);
    return this.#living(found?.id ?? '');
  }

  /**
   * A link and code, shown once, with which the person chooses a new password; the old one works until then.
   * @throws {CodedError} `not-found`
   */
  async resetPassword(personId: string, { door, markInWrite }: AskedAt): Promise<Invitation & { person: string }> {
    const { database, now, notify, invitations } = this.#options;
    return await database.write(() => {
      const { name } = this.#living(personId);
      const other = this.#rows.factorReset(personId);
      const validFrom = this.#apartFrom(other && (other.done_at ?? other.valid_from), now());
      const invitation = invitations.openInWrite(personId, 'reset', validFrom);
      markInWrite?.();
      this.#record('password-reset-asked', personId, { door, later: validFrom > now() });
      notify(personId, 'password-reset-asked', { validFrom });
      return { ...invitation, person: name };
    });
  }

  /**
   * Takes every second factor of the person away, and ends their sessions: at once, or ten minutes after a new password
   * was asked for. @throws {CodedError} `not-found`
   */
  async resetSecondFactor(personId: string, asked: AskedAt): Promise<FactorReset> {
    return await this.#resetFactorFrom(personId, { ...asked, actor: 'console', from: 0 });
  }

  /**
   * The same by the owner's page, for a member who lost their phone: never at once, since a session can be stolen and a
   * person cannot be asked. @throws {CodedError} `not-found`; `forbidden` for the owner, who has the box itself
   */
  async resetMembersFactor(personId: string, actor: string): Promise<FactorReset> {
    if (this.#rows.person(personId)?.role === 'owner') {
      throw new CodedError(
        'forbidden',
        'The owner’s second lock is taken away at the box itself: on its screen, or by nightjar.txt. Nothing was changed.',
      );
    }
    return await this.#resetFactorFrom(personId, { door: 'owner', actor, from: this.#options.now() + apartMs });
  }

  async #resetFactorFrom(personId: string, { door, actor, from, markInWrite }: Asked): Promise<FactorReset> {
    const { database, now, notify } = this.#options;
    return await database.write(() => {
      const { name } = this.#living(personId);
      const at = now();
      const validFrom = Math.max(from, this.#apartFrom(this.#rows.passwordResetAt(personId), at));
      const done = validFrom <= at;
      this.#rows.putFactorReset({ person_id: personId, asked_at: at, valid_from: validFrom, done_at: null });
      markInWrite?.();
      const detail = { door, later: !done };
      this.#options.record({ event: 'second-factor-reset-asked', actor, subject: personId, detail });
      if (done) this.#resetNow(personId, actor);
      else notify(personId, 'second-factor-reset-asked', { validFrom });
      return { person: name, validFrom, done };
    });
  }

  /** Does what has waited its ten minutes. Housekeeping, each minute. Returns how many. */
  async runDue(): Promise<number> {
    const { database, now } = this.#options;
    if (this.#rows.dueFactorResets(now()).length === 0) return 0;
    return await database.write(() => {
      const due = this.#rows.dueFactorResets(now());
      // Who asked stands in the log with the asking; that it came to this is the box's own doing.
      for (const personId of due) this.#resetNow(personId, 'box');
      return due.length;
    });
  }

  /** The person says no, from a session of their own: what waits does not happen, what was given out is dead. */
  async object(personId: string): Promise<{ stopped: number }> {
    const { database, now, notify } = this.#options;
    return await database.write(() => {
      const dropped = this.#rows.dropFactorReset(personId) ? 1 : 0;
      const stopped = dropped + this.#rows.closeInvitations(personId, now());
      if (stopped > 0) {
        this.#options.record({ event: 'recovery-stopped', actor: `person:${personId}`, subject: personId });
        notify(personId, 'recovery-stopped', { stopped });
      }
      return { stopped };
    });
  }

  /** @throws {CodedError} `not-found` */
  sessions(personId: string): ListedSession[] {
    return this.#rows.sessions(this.#living(personId).id);
  }

  /** Every session of the person ends, and every browser of theirs is a stranger again. @throws {CodedError} `not-found` */
  async endSessions(personId: string): Promise<{ ended: number }> {
    return await this.#options.database.write(() => {
      const ended = this.#rows.endSessions(this.#living(personId).id);
      this.#record('sessions-ended', personId, { ended });
      return { ended };
    });
  }

  #resetNow(personId: string, actor: string): void {
    const { now, notify, record, clearThrottleInWrite } = this.#options;
    this.#rows.endFactors(personId, now());
    this.#rows.endSessions(personId);
    clearThrottleInWrite?.(personId);
    this.#rows.markFactorsReset(personId, now());
    record({ event: 'second-factor-reset', actor, subject: personId });
    notify(personId, 'second-factor-reset');
  }

  /** When something asked for `at` may count, whose other half was asked for at `other`. What is ahead of the clock is just now. */
  #apartFrom(other: number | undefined, at: number): number {
    return other !== undefined && other > at - apartMs ? at + apartMs : at;
  }

  #record(event: string, subject: string, detail: NonNullable<AuditEntry['detail']>): void {
    this.#options.record({ event, actor: 'console', subject, detail });
  }

  #living(id: string): { id: string; name: string } {
    const row = this.#rows.person(id);
    if (row !== undefined && row.removed_at === null) return { id, name: row.name };
    throw new CodedError('not-found', 'There is no such person on this box. Nothing was changed.');
  }
}
