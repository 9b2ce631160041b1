/**
 * Runs `work` over what is pushed, `atOnce` at a time, holding at most `heldMax` items that have not started. The first
 * error that `work` throws ends the pool: it comes out of `push` and of `drained`, and nothing further starts.
 */
export class Pool<T> {
  readonly #work: (item: T) => Promise<void>;
  readonly #atOnce: number;
  readonly #heldMax: number;
  readonly #held: T[] = [];
  readonly #listeners = new Set<() => void>();
  #running = 0;
  #failed: { error: unknown } | null = null;

  constructor(atOnce: number, heldMax: number, work: (item: T) => Promise<void>) {
    this.#atOnce = atOnce;
    this.#heldMax = heldMax;
    this.#work = work;
  }

  async push(item: T): Promise<void> {
    while (this.#failed === null && this.#held.length >= this.#heldMax) await this.#change();
    this.#throwIfFailed();
    this.#held.push(item);
    this.#startSome();
  }

  /** Resolves when all that was pushed is done; after an error, when all that runs has ended. */
  async drained(): Promise<void> {
    while (this.#running > 0 || (this.#held.length > 0 && this.#failed === null)) await this.#change();
    this.#throwIfFailed();
  }

  #throwIfFailed(): void {
    if (this.#failed !== null) throw this.#failed.error;
  }

  #startSome(): void {
    while (this.#failed === null && this.#running < this.#atOnce && this.#held.length > 0) {
      const item = this.#held.shift() as T;
      this.#running += 1;
      void this.#work(item)
        .catch((error: unknown) => {
          this.#failed ??= { error };
        })
        .finally(() => {
          this.#running -= 1;
          this.#startSome();
          for (const listener of this.#listeners) listener();
        });
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const listener = () => {
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }
}
