/** How fast reading in the background may go, and when it waits for people: pure but for its waiting. */

/** What is owed is slept off in pieces of at least this: timers are no finer. */
const sleepMsMin = 20;
/** A small file costs the disk a seek, whatever it holds. */
const bytesMin = 64 * 1024;
const busyLookMs = 1_000;

export type PaceDeps = Readonly<{
  /** Somebody uses the disk. */
  busy: () => boolean;
  bytesPerSecond: () => number;
  /** Resolves after so long, or rejects when `signal` aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}>;

export class Pace {
  readonly #deps: PaceDeps;
  #owedMs = 0;

  constructor(deps: PaceDeps) {
    this.#deps = deps;
  }

  /** To be waited for before `bytes` are read. Rejects when `signal` aborts. */
  async before(bytes: number, signal: AbortSignal): Promise<void> {
    const { busy, bytesPerSecond, sleep } = this.#deps;
    signal.throwIfAborted();
    while (busy()) await sleep(busyLookMs, signal);
    this.#owedMs += (Math.max(bytes, bytesMin) / bytesPerSecond()) * 1_000;
    if (this.#owedMs < sleepMsMin) return;
    const owedMs = this.#owedMs;
    this.#owedMs = 0;
    await sleep(owedMs, signal);
  }
}

export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms).unref();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}
