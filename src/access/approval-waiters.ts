/**
 * Who waits to hear that a request is no longer open: browsers, each by a request of its own that is held for a while.
 * Bounded; keeps nothing but their callbacks.
 */
import { CodedError } from '../platform/errors.ts';
import type { ApprovalState } from './approvals-store.ts';

const waitersMax = 128;
/** Of one session: a page that was loaded anew leaves its old poll behind for a moment. */
const perSessionMax = 2;

type Waiter = { id: string; sessionId: string; end: (state: ApprovalState | undefined) => void };

export class ApprovalWaiters {
  /** The oldest first. */
  readonly #waiting = new Set<Waiter>();
  #closed = false;

  /** What `wake` says of this request; undefined when the time is over, who waits is gone, or the box stops. */
  wait(id: string, sessionId: string, waitMs: number, gone: AbortSignal): Promise<ApprovalState | undefined> {
    if (this.#closed || gone.aborted) return Promise.resolve(undefined);
    const own = [...this.#waiting].filter((one) => one.sessionId === sessionId);
    if (own.length >= perSessionMax) own[0]?.end(undefined);
    if (this.#waiting.size >= waitersMax) {
      throw new CodedError(
        'busy',
        'Too many sign-ins wait at this moment. This one goes on; ask again in a few seconds.',
      );
    }
    return new Promise((resolve) => {
      const onGone = () => waiter.end(undefined);
      const waiter: Waiter = {
        id,
        sessionId,
        end: (state) => {
          clearTimeout(timer);
          gone.removeEventListener('abort', onGone);
          this.#waiting.delete(waiter);
          resolve(state);
        },
      };
      const timer = setTimeout(onGone, waitMs);
      gone.addEventListener('abort', onGone, { once: true });
      this.#waiting.add(waiter);
    });
  }

  wake(id: string, state: ApprovalState): void {
    for (const waiter of [...this.#waiting]) if (waiter.id === id) waiter.end(state);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) waiter.end(undefined);
  }
}
