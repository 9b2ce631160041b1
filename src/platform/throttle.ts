/**
 * Slows down guessing: counts tries by key and makes each further one wait longer. In memory, bounded, and without a
 * timer. Never knows what is guessed. A try is counted before its outcome is known, so that many at once gain nothing.
 */
import { CodedError } from './errors.ts';

export type ThrottleOptions = Readonly<{
  now: () => number;
  /** Tries that cost no wait. */
  freeTries: number;
  /** The wait after the last free try; it doubles with each further one. */
  delayMsFirst: number;
  delayMsMax: number;
  /** From this many failures in a row on, each wait is `restMs`. */
  triesMax: number;
  restMs: number;
  keysMax: number;
}>;

type Tries = { count: number; countedAt: number; delayMs: number };

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #byKey = new Map<string, Tries>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Counts a try. @throws {CodedError} `too-many-requests` with `retryAfterSeconds` while the key has to wait. */
  attempt(key: string): void {
    const now = this.#options.now();
    const tries = this.#byKey.get(key) ?? { count: 0, countedAt: now, delayMs: 0 };
    // A clock that was set back must not stretch a wait.
    if (tries.countedAt > now) tries.countedAt = now;
    const waitMs = tries.countedAt + tries.delayMs - now;
    if (waitMs > 0) throw tooMany(waitMs);
    if (!this.#byKey.has(key) && this.#byKey.size >= this.#options.keysMax) this.#forgetOld(now);
    tries.count += 1;
    tries.countedAt = now;
    tries.delayMs = this.#delayAfter(tries.count);
    this.#byKey.set(key, tries);
  }

  /** The last try of this key was right: its failures are forgotten. */
  succeeded(key: string): void {
    this.#byKey.delete(key);
  }

  #delayAfter(count: number): number {
    const { freeTries, delayMsFirst, delayMsMax, triesMax, restMs } = this.#options;
    if (count < freeTries) return 0;
    if (count >= triesMax) return restMs;
    return Math.min(delayMsFirst * 2 ** Math.min(count - freeTries, 30), delayMsMax);
  }

  /** Makes room: keys whose longest wait is over go; when none is, nobody new may try. */
  #forgetOld(now: number): void {
    for (const [key, tries] of this.#byKey) {
      if (now - tries.countedAt > this.#options.restMs) this.#byKey.delete(key);
    }
    if (this.#byKey.size >= this.#options.keysMax) throw tooMany(this.#options.delayMsMax);
  }
}

function tooMany(waitMs: number): CodedError {
  const seconds = Math.ceil(waitMs / 1000);
  const wait = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`;
  return new CodedError('too-many-requests', `Too many tries. Nothing was changed. The next one can be in ${wait}.`, {
    facts: { retryAfterSeconds: seconds },
  });
}
