/**
 * The owner's rules for everyone's sign-in: whether a second factor is required, after how many days a password has to be
 * replaced, after how many minutes a page that was left alone is locked. One value in the settings.
 */
import type { Caller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { Settings } from '../platform/settings.ts';
import { type AuditEntry, actorOf } from './audit.ts';

export type Policy = Readonly<{
  secondFactorRequired: boolean;
  /** Null: never. */
  passwordExpiryDays: number | null;
  /** Null: never. */
  idleLockMinutes: number | null;
}>;

const policySetting = 'access.policy';
const dayMs = 24 * 60 * 60_000;
const minuteMs = 60_000;
/** NIST SP 800-63B-4, section 3.1.1.2, on passwords that have to be replaced. */
export const passwordExpiryNote =
  'Off is better: people who must choose a new password again and again choose weaker ones. Current guidance asks for a change only when a password may have become known to somebody else.';
const firstPolicy: Policy = { secondFactorRequired: false, passwordExpiryDays: null, idleLockMinutes: null };

export class Policies {
  readonly #options: Readonly<{ database: Database; record: (entry: AuditEntry) => void }>;
  readonly #settings: Settings;
  #policy: Policy = firstPolicy;

  constructor(options: Readonly<{ database: Database; record: (entry: AuditEntry) => void }>) {
    this.#options = options;
    this.#settings = new Settings(options.database);
  }

  open(): void {
    const kept = this.#settings.text(policySetting);
    this.#policy = kept === undefined ? firstPolicy : { ...firstPolicy, ...(JSON.parse(kept) as Partial<Policy>) };
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Undefined: pages are not locked. */
  get idleLockMs(): number | undefined {
    const { idleLockMinutes } = this.#policy;
    return idleLockMinutes === null ? undefined : idleLockMinutes * minuteMs;
  }

  /** Whether a password of this age, in milliseconds, has to be replaced. */
  hasExpired(ageMs: number): boolean {
    const { passwordExpiryDays } = this.#policy;
    return passwordExpiryDays !== null && ageMs >= passwordExpiryDays * dayMs;
  }

  /** In force at once, also for who is signed in: what they lack is asked for at their next sign-in. */
  async change(policy: Policy, by: Caller): Promise<Policy> {
    const { database, record } = this.#options;
    const { secondFactorRequired, passwordExpiryDays, idleLockMinutes } = policy;
    const kept: Policy = { secondFactorRequired, passwordExpiryDays, idleLockMinutes };
    await database.write(() => {
      this.#settings.putTextInWrite(policySetting, JSON.stringify(kept));
      const detail = {
        secondFactorRequired,
        passwordExpiryDays: passwordExpiryDays ?? 'off',
        idleLockMinutes: idleLockMinutes ?? 'off',
      };
      record({ event: 'policy-changed', actor: actorOf(by), detail });
    });
    this.#policy = kept;
    return kept;
  }
}
