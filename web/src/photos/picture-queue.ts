/**
 * Owns which tile's picture is fetched next. A browser has six connections to the box: one is the event stream's, and
 * one stays free for what people do. Pictures that the box has yet to make wait in a lane of their own.
 */

export type Lane = 'ready' | 'wanted';
const atOnceMax: Readonly<Record<Lane, number>> = { ready: 3, wanted: 1 };

type Job = { lane: Lane; start: () => void; running: boolean };

export class PictureQueue {
  readonly #waiting = new Set<Job>();
  readonly #running: Record<Lane, number> = { ready: 0, wanted: 0 };

  /** Calls `start` when it has its turn. Returns what must be called when it is done, or not wanted any more. */
  add(lane: Lane, start: () => void): () => void {
    const job: Job = { lane, start, running: false };
    this.#waiting.add(job);
    this.#next();
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#waiting.delete(job);
      if (job.running) this.#running[lane] -= 1;
      this.#next();
    };
  }

  #next(): void {
    for (const job of this.#waiting) {
      if (this.#running[job.lane] >= atOnceMax[job.lane]) continue;
      this.#waiting.delete(job);
      this.#running[job.lane] += 1;
      job.running = true;
      job.start();
    }
  }
}
