/**
 * Parts of one file go into it one after the other, whatever order their requests come in: a later one waits here,
 * unread, until those before it are in. In memory: after a restart the app sends again what was not acknowledged.
 */
import { CodedError } from '../platform/errors.ts';

type Line = { waiting: number; changed: PromiseWithResolvers<void>; current: { number: number } | undefined };

const waitingMax = 16;
/** While another part comes in, a later one may wait so many times as long. */
const waitsMax = 10;

export class PartLine {
  readonly #waitMs: number;
  readonly #lines = new Map<string, Line>();

  /** `waitMs`: how long a part waits while nothing of its file comes in. */
  constructor(options: { waitMs: number }) {
    this.#waitMs = options.waitMs;
  }

  /**
   * Runs `work` once `isDue` says so and no part before it is under way. The same part again does not wait for itself:
   * its app has lost the first connection. @throws {CodedError} `busy` when what is before does not come
   */
  async inTurn<T>(file: string, number: number, isDue: () => boolean, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(file) ?? { waiting: 0, changed: Promise.withResolvers<void>(), current: undefined };
    this.#lines.set(file, line);
    line.waiting++;
    const mine = { number };
    try {
      if (line.waiting > waitingMax) throw busy();
      await this.#wait(line, number, isDue);
      line.current = mine;
      return await work();
    } finally {
      line.waiting--;
      if (line.current === mine) line.current = undefined;
      line.changed.resolve();
      line.changed = Promise.withResolvers<void>();
      if (line.waiting === 0) this.#lines.delete(file);
    }
  }

  /** Whether a part of this file comes in or waits. */
  isTaken(file: string): boolean {
    return this.#lines.has(file);
  }

  async #wait(line: Line, number: number, isDue: () => boolean): Promise<void> {
    const isMyTurn = () => (line.current === undefined || line.current.number >= number) && isDue();
    if (isMyTurn()) return;
    const limit = Promise.withResolvers<never>();
    limit.promise.catch(() => undefined);
    let waits = 0;
    // The one before may be large, and the Wi-Fi slow: as long as it comes in, it is worth waiting for.
    const timer = setInterval(() => {
      if (++waits >= waitsMax || line.current === undefined) limit.reject(busy());
    }, this.#waitMs);
    try {
      while (!isMyTurn()) await Promise.race([line.changed.promise, limit.promise]);
    } finally {
      clearInterval(timer);
    }
  }
}

function busy(): CodedError {
  return new CodedError(
    'busy',
    'The part of the file before this one has not come yet. What came is kept; send this one again in a moment.',
  );
}
