/** How much room a disk has, asked of the disk at most every few seconds, and never waited for long. */
import type { Facts } from './facts.ts';

export type RoomOf = Readonly<{ totalBytes: number; freeBytes: number }>;

const freshMs = 2_000;
/** A disk that hangs must not hold the page. */
const waitMs = 1_000;

export class Room<Of> {
  readonly #steady: () => number;
  readonly #read: (of: Of) => Promise<RoomOf>;
  #of: Of | undefined;
  #askedAt = 0;
  /** The disk itself was asked, and has not come back. */
  #hangs = false;
  #answer: Promise<Facts['room']> = Promise.resolve(null);

  /** `steady`: milliseconds that never go back. `read`: asks the disk. */
  constructor(steady: () => number, read: (of: Of) => Promise<RoomOf>) {
    this.#steady = steady;
    this.#read = read;
  }

  /** Null: the disk is away, or did not answer. Never rejects. */
  of(open: Of | undefined): Promise<Facts['room']> {
    if (open === undefined) return Promise.resolve(null);
    const at = this.#steady();
    if (open !== this.#of || (!this.#hangs && at - this.#askedAt >= freshMs)) {
      this.#of = open;
      this.#askedAt = at;
      this.#answer = this.#ask(open);
    }
    return this.#answer;
  }

  async #ask(open: Of): Promise<Facts['room']> {
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
