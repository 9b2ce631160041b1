/** How fast something goes of late, by the machine's clock. */
const spanMs = 60_000;
const samplesMax = 1_000;

export class Rate {
  readonly #clock: () => number;
  #samples: Array<{ at: number; bytes: number }> = [];

  /** `clock`: milliseconds that never go back. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    const now = this.#clock();
    this.#samples = this.#samples.filter(({ at }) => now - at < spanMs).slice(-samplesMax);
    this.#samples.push({ at: now, bytes });
  }

  /** Bytes a second over the last minute; undefined: too little happened to tell. */
  perSecond(): number | undefined {
    const now = this.#clock();
    const [first, ...rest] = this.#samples.filter(({ at }) => now - at < spanMs);
    if (first === undefined || rest.length === 0) return undefined;
    const bytes = rest.reduce((total, one) => total + one.bytes, 0);
    return Math.round((bytes * 1_000) / Math.max(1, now - first.at));
  }
}
