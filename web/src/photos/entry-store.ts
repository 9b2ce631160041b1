/**
 * Owns what this tab knows of single entries: names, kinds, thumbhashes. Asks for what is shown and not known, one
 * request at a time; one that nobody looks at any more is cancelled. Keeps the last few thousand.
 */
import { ask, type ReplyOf } from '../ask/ask.ts';

export type Entry = ReplyOf<'GET /api/timeline/entries'>['entries'][number];

const keptMax = 4_000;
const perRequest = 150;
/** While somebody scrolls fast, what passes is not asked for. */
const settleMs = 60;
const retryMs = 3_000;

export class EntryStore {
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Set<() => void>();
  #wanted: readonly number[] = [];
  /** Asked for and not told of: they are gone. */
  readonly #gone = new Set<number>();
  #running: { ids: ReadonlySet<number>; abort: AbortController } | undefined;
  #timer: number | undefined;
  #askedAt = 0;

  get(id: number): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Calls `listener` whenever something became known. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  put(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries.delete(entry.id);
      this.#entries.set(entry.id, entry);
    }
    this.#forget();
    for (const listener of this.#listeners) listener();
  }

  change(id: number, change: Partial<Entry>): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.put([{ ...entry, ...change }]);
  }

  /** What became of it is to be asked anew. */
  drop(ids: Iterable<number>): void {
    for (const id of ids) {
      this.#entries.delete(id);
      this.#gone.delete(id);
    }
  }

  /** What is shown now, the most wanted first. */
  want(ids: readonly number[]): void {
    this.#wanted = ids;
    const { ids: asked, abort } = this.#running ?? {};
    if (asked !== undefined && !ids.some((id) => asked.has(id))) abort?.abort();
    if (this.#timer !== undefined || this.#missing().length === 0) return;
    const wait = Math.max(0, this.#askedAt + settleMs - performance.now());
    this.#timer = window.setTimeout(() => void this.#ask(), wait);
  }

  #missing(): number[] {
    return this.#wanted.filter((id) => !this.#entries.has(id) && !this.#gone.has(id)).slice(0, perRequest);
  }

  async #ask(): Promise<void> {
    this.#timer = undefined;
    const missing = this.#missing();
    if (missing.length === 0 || this.#running !== undefined) return;
    const abort = new AbortController();
    this.#running = { ids: new Set(missing), abort };
    this.#askedAt = performance.now();
    let again = 0;
    try {
      const { entries } = await ask('GET /api/timeline/entries', {
        query: { ids: missing.join() },
        signal: abort.signal,
      });
      const told = new Set(entries.map(({ id }) => id));
      for (const id of missing) if (!told.has(id)) this.#gone.add(id);
      this.put(entries);
    } catch {
      if (!abort.signal.aborted) again = retryMs;
    } finally {
      this.#running = undefined;
    }
    if (this.#timer === undefined && this.#missing().length > 0) {
      this.#timer = window.setTimeout(() => void this.#ask(), again);
    }
  }

  #forget(): void {
    if (this.#entries.size <= keptMax) return;
    const shown = new Set(this.#wanted);
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= keptMax) return;
      if (!shown.has(id)) this.#entries.delete(id);
    }
  }
}
