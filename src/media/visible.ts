/**
 * The pictures that somebody is looking for just now: what was asked for last comes first, since whoever scrolls has
 * left the rest behind. Bounded; those who ask wait here.
 */
import { CodedError } from '../platform/errors.ts';

const waitingMax = 256;

type Waiting = { done: () => void };

export class Visible {
  readonly #waitMs: number;
  readonly #wake: () => void;
  /** In the order of asking; an asset that is asked for again moves to the end. */
  readonly #asked = new Map<number, Set<Waiting>>();
  #waiting = 0;

  constructor(deps: { waitMs: number; wake: () => void }) {
    this.#waitMs = deps.waitMs;
    this.#wake = deps.wake;
  }

  /** Resolves when the asset's turn has come and gone, when `signal` aborts, or after the longest wait. */
  async wait(assetId: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (this.#waiting >= waitingMax) {
      throw new CodedError('busy', 'Too many pictures are being waited for just now. Ask again in a moment.');
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = { done: resolve };
    const others = this.#asked.get(assetId) ?? new Set();
    this.#asked.delete(assetId);
    this.#asked.set(assetId, others.add(waiting));
    this.#waiting += 1;
    const timer = setTimeout(resolve, this.#waitMs).unref();
    const onAbort = () => resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#wake();
    await promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    this.#waiting -= 1;
    others.delete(waiting);
    if (others.size === 0 && this.#asked.get(assetId) === others) this.#asked.delete(assetId);
  }

  /** The asset that was asked for last and is still waited for. */
  next(): number | undefined {
    return [...this.#asked.keys()].at(-1);
  }

  /** Its turn is over, whatever came of it. */
  done(assetId: number): void {
    const waiting = this.#asked.get(assetId);
    this.#asked.delete(assetId);
    for (const { done } of waiting ?? []) done();
  }
}
