/** How fast bytes go, and how long it still takes: said only once it has been steady. */
const windowMs = 10_000;
const steadyMs = 5_000;
const bucketMs = 500;

export class Pace {
  readonly #now: () => number;
  /** Bytes of each half second, the newest last. */
  #buckets: { at: number; bytes: number }[] = [];
  #since: number | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(bytes: number): void {
    const now = this.#now();
    this.#since ??= now;
    const last = this.#buckets.at(-1);
    if (last !== undefined && now - last.at < bucketMs) last.bytes += bytes;
    else this.#buckets.push({ at: now, bytes });
    this.#buckets = this.#buckets.filter(({ at }) => now - at < windowMs);
  }

  /** It stands still: what comes next is measured anew. */
  stop(): void {
    this.#buckets = [];
    this.#since = undefined;
  }

  /** Bytes a second. */
  rate(): number {
    const now = this.#now();
    if (this.#since === undefined) return 0;
    const overMs = Math.max(Math.min(now - this.#since, windowMs), 1_000);
    const recent = this.#buckets.filter(({ at }) => now - at < windowMs);
    return (recent.reduce((total, { bytes }) => total + bytes, 0) * 1000) / overMs;
  }

  /** Undefined until it has gone for 5 s. */
  leftMs(bytes: number): number | undefined {
    const rate = this.rate();
    if (this.#since === undefined || this.#now() - this.#since < steadyMs || rate < 1) return undefined;
    return (bytes / rate) * 1000;
  }
}
