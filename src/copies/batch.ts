/** An original that was read again, and was right: `at` that time, in ms since 1970. */
export type Right = Readonly<{ id: number; path: string; bytes: number; at: number }>;

const batchMax = 50;
const batchMs = 5_000;

/** What was right waits for others: a commit is a sync of the disk. */
export class Batch {
  readonly #keep: (files: readonly Right[]) => Promise<void>;
  #files: Right[] = [];
  #since = 0;

  constructor(keep: (files: readonly Right[]) => Promise<void>) {
    this.#keep = keep;
  }

  get bytes(): number {
    return this.#files.reduce((total, { bytes }) => total + bytes, 0);
  }

  async add(file: Right): Promise<void> {
    if (this.#files.length === 0) this.#since = performance.now();
    this.#files.push(file);
    if (this.#files.length >= batchMax || performance.now() - this.#since > batchMs) await this.end();
  }

  async end(): Promise<void> {
    const files = this.#files;
    this.#files = [];
    if (files.length > 0) await this.#keep(files);
  }
}
