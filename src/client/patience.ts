import { type Failure, Trouble, Waiting } from './failure.ts';

/**
 * How long to go on after trouble. Owns: back-off, jitter, and the clock that says when to stop trying.
 * Never: knows what is tried. For backup, restore and every single call to the box.
 */

export type PatienceOptions = Readonly<{
  /** Without any progress for this long, what is left stays waiting. */
  patienceMs: number;
  backoffFirstMs?: number;
  backoffMaxMs?: number;
  /** A box that asks for more than this is asked again anyway. */
  retryAfterMaxMs?: number;
  nowMs?: () => number;
  random?: () => number;
  onRetry?: (retry: { code: string; message: string; waitMs: number; what: string }) => void;
}>;

export const patienceDefaultMs = 15 * 60_000;
/** Fast answers without progress that are forgiven before an attempt counts as trouble. */
export const stallsMax = 3;

/** One run's patience. Progress of any item restarts the run's clock; each item has a clock of its own as well. */
export class Patience {
  readonly #options: Required<Omit<PatienceOptions, 'onRetry'>> & Pick<PatienceOptions, 'onRetry'>;
  readonly #stop = new AbortController();
  #failingSinceMs: number | null = null;

  constructor(options: PatienceOptions) {
    this.#options = {
      backoffFirstMs: 1000,
      backoffMaxMs: 30_000,
      retryAfterMaxMs: 120_000,
      nowMs: () => performance.now(),
      random: Math.random,
      ...options,
    };
  }

  /** Ends every wait, and every later one, with `failure`: the run is over. */
  stop(failure: Failure): void {
    this.#stop.abort(failure);
  }

  throwIfStopped(): void {
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
  }

  /** True while the whole run has been without progress for longer than the patience. */
  get isOver(): boolean {
    return this.#failingSinceMs !== null && this.#options.nowMs() - this.#failingSinceMs >= this.#options.patienceMs;
  }

  retry(what: string): Retry {
    return new Retry(this, what);
  }

  progressed(): void {
    this.#failingSinceMs = null;
  }

  /** Waits before the next attempt; throws `Waiting` when patience has run out. Used by `Retry`. */
  async pause(trouble: Trouble, attempt: number, itemFailingSinceMs: number, what: string): Promise<void> {
    this.throwIfStopped();
    const { nowMs, patienceMs, backoffFirstMs, backoffMaxMs, retryAfterMaxMs, random } = this.#options;
    const now = nowMs();
    this.#failingSinceMs ??= now;
    const leftMs = patienceMs - Math.max(now - itemFailingSinceMs, now - this.#failingSinceMs);
    if (leftMs <= 0) throw new Waiting(trouble.code, trouble.message);
    const backoffMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempt, 16)) * (0.5 + random() / 2);
    const askedMs = Math.min(trouble.retryAfterMs, retryAfterMaxMs);
    const waitMs = Math.ceil(Math.min(Math.max(backoffMs, askedMs), leftMs));
    this.#options.onRetry?.({ code: trouble.code, message: trouble.message, waitMs, what });
    await sleep(waitMs, this.#stop.signal);
  }

  now(): number {
    return this.#options.nowMs();
  }
}

/** The attempts at one thing: an upload, a download, a call. */
export class Retry {
  readonly #patience: Patience;
  readonly #what: string;
  #attempt = 0;
  #failingSinceMs: number | null = null;

  constructor(patience: Patience, what: string) {
    this.#patience = patience;
    this.#what = what;
  }

  progressed(): void {
    this.#attempt = 0;
    this.#failingSinceMs = null;
    this.#patience.progressed();
  }

  /** Waits after `trouble`; throws `Waiting` when patience is over, and the run's `Failure` when it was stopped. */
  async after(trouble: Trouble): Promise<void> {
    this.#failingSinceMs ??= this.#patience.now();
    if (this.#attempt + 1 >= trouble.attemptsMax) throw new Waiting(trouble.code, trouble.message);
    await this.#patience.pause(trouble, this.#attempt, this.#failingSinceMs, this.#what);
    this.#attempt += 1;
  }
}

/** Repeats `attempt` while it throws `Trouble`; everything else it throws goes through. */
export async function insist<T>(patience: Patience, what: string, attempt: () => Promise<T>): Promise<T> {
  const retry = patience.retry(what);
  for (;;) {
    patience.throwIfStopped();
    try {
      const result = await attempt();
      retry.progressed();
      return result;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      await retry.after(error);
    }
  }
}

function sleep(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, waitMs);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}
