/** How much room the library's disk has, asked of the disk at most every few seconds, and never waited for long. */
import type { OpenLibrary } from '../library/open-library.ts';
import type { Facts } from './facts.ts';

const freshMs = 2_000;
/** A disk that hangs must not hold the page. */
const waitMs = 1_000;

export class Room {
  readonly #steady: () => number;
  readonly #read: (open: OpenLibrary) => Promise<{ totalBytes: number; freeBytes: number }>;
  #of: OpenLibrary | undefined;
  #askedAt = 0;
  /** The disk itself was asked, and has not come back. */
  #hangs = false;
  #answer: Promise<Facts['room']> = Promise.resolve(null);

  /** `steady`: milliseconds that never go back. `read`: default, the disk itself is asked. */
  constructor(
    steady: () => number,
    read: (open: OpenLibrary) => Promise<{ totalBytes: number; freeBytes: number }> = (open) => open.disk.room(),
  ) {
    this.#steady = steady;
    this.#read = read;
  }

  /** Null: the disk is away, or did not answer. Never rejects. */
  of(open: OpenLibrary | undefined): Promise<Facts['room']> {
    if (open === undefined) return Promise.resolve(null);
    const at = this.#steady();
    if (open !== this.#of || (!this.#hangs && at - this.#askedAt >= freshMs)) {
      this.#of = open;
      this.#askedAt = at;
      this.#answer = this.#ask(open);
    }
    return this.#answer;
  }

  async #ask(open: OpenLibrary): Promise<Facts['room']> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), waitMs);
    this.#hangs = true;
    // Each question that hangs holds one of the few threads that all files are read by: there is one at a time.
    const told = this.#read(open).finally(() => {
      if (this.#of === open) this.#hangs = false;
    });
    try {
      return await Promise.race([told, late.promise]);
    } catch {
      // Gone: the library finds that out by itself, and says why.
      return null;
    } finally {
      clearTimeout(timer);
    }
  }
}
