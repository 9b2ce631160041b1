/** What is being done off the box just now: one thing at a time, which can be stopped, and how far it is. */
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError } from '../platform/errors.ts';
import type { ActivityView } from './contract.ts';

export type Doing = Readonly<{ kind: ActivityView['kind']; signal: AbortSignal }>;
type Running = { view: ActivityView; stop: AbortController; done: Promise<void>; of: OpenLibrary | undefined };

export class Activities {
  readonly #now: () => number;
  #running: Running | undefined;
  #closed = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** It ends because somebody wants that. */
  get isStopping(): boolean {
    return this.#running?.stop.signal.aborted === true;
  }

  get view(): ActivityView | null {
    return this.#running?.view ?? null;
  }

  /** @throws {CodedError} `conflict` */
  requireIdle(): void {
    if (!this.busy && !this.#closed) return;
    throw new CodedError('conflict', 'Something is being done on the copy off the box. Wait for it, or stop it first.');
  }

  /**
   * Begins at once; resolves or rejects as `work` does. `of`: the library that it works on, which does not close before it.
   * @throws {CodedError} `conflict`, synchronously, while something else is being done
   */
  run(
    what: { kind: ActivityView['kind']; of: OpenLibrary | undefined },
    work: (doing: Doing) => Promise<void>,
  ): Promise<void> {
    this.requireIdle();
    const { kind, of } = what;
    const stop = new AbortController();
    const nothing = { files: 0, ofFiles: 0, bytes: 0, ofBytes: 0, secondsLeft: null };
    const view: ActivityView = { kind, startedAt: this.#now(), resting: false, ...nothing };
    const signal = of === undefined ? stop.signal : AbortSignal.any([stop.signal, of.closing]);
    const running: Running = { view, stop, of, done: Promise.resolve() };
    this.#running = running;
    const working = work({ kind, signal }).finally(() => {
      this.#running = undefined;
    });
    running.done = working.catch(() => undefined);
    return working;
  }

  note(progress: Partial<ActivityView>): void {
    if (this.#running !== undefined) this.#running.view = { ...this.#running.view, ...progress };
  }

  /** Ends what runs, and waits for it. */
  async stop(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.done;
  }

  async endOf(open: OpenLibrary): Promise<void> {
    if (this.#running?.of === open) await this.stop();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.stop();
  }
}
