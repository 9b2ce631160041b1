/**
 * Owns the timeline of a filter in this tab: asks for its shape page by page, and follows what the box tells live. What
 * comes and goes changes a month at a time; after a silence all of it is asked for again, in the background.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ask, type Refusal } from '../ask/ask.ts';
import { type Heard, useLive } from '../ask/live.ts';
import { asRefusal } from '../ask/use-ask.ts';
import type { EntryStore } from './entry-store.ts';
import { addressOf, daysOf, type Filter } from './filters.ts';
import type { Rest } from './grid-layout.ts';
import { type LayoutPage, ratioOf, TimelineIndex } from './timeline-index.ts';

export type Timeline = Readonly<{
  index: TimelineIndex;
  /** Months whose entries are counted and not known yet. */
  rest: Rest;
  /** Nothing of it is missing. */
  whole: boolean;
  /** A search that found more than is shown. */
  cut: boolean;
  refusal: Refusal | undefined;
}>;
export type TimelineVerbs = Readonly<{
  again: () => void;
  /** These are gone from here: at once, and not only when the box tells it. */
  remove: (ids: readonly number[]) => void;
  /** These are there again. */
  add: (ids: readonly number[]) => void;
}>;

const firstPage = 1_500;
const pageEntries = 10_000;
const pagesMax = 1_000;
const foundMax = 5_000;
const foundPerPage = 500;
/** What comes in one by one is shown together. */
const gatherMs = 1_000;
const addedMax = 1_000;
const perRequest = 200;

/** The last one, for who comes back from another page: shown at once, then asked for again. Another person has another store. */
let kept: { address: string; store: EntryStore; timeline: Timeline } | undefined;

function keptOf(address: string, store: EntryStore): Timeline {
  return kept?.address === address && kept.store === store ? kept.timeline : nothing;
}

const nothing: Timeline = { index: TimelineIndex.empty, rest: [], whole: false, cut: false, refusal: undefined };

/** `isShown`: whether somebody looks at this tile: then its shape is not changed under their eyes. */
export function useTimeline(
  filter: Filter,
  store: EntryStore,
  isShown: (id: number) => boolean,
): [Timeline, TimelineVerbs] {
  const address = addressOf(filter);
  const [state, setState] = useState({ address, timeline: keptOf(address, store) });
  const follower = useMemo(() => {
    return new Follower(filter, store, keptOf(address, store), (timeline) => {
      kept = { address, store, timeline };
      setState({ address, timeline });
    });
  }, [address, store]);
  const shown = useRef(isShown);
  shown.current = isShown;
  useEffect(() => {
    follower.start((id) => shown.current(id));
    return () => follower.stop();
  }, [follower]);
  useLive((event) => follower.hear(event));
  const verbs = useMemo(
    () => ({
      again: () => follower.load(),
      remove: (ids: readonly number[]) => follower.remove(ids),
      add: (ids: readonly number[]) => follower.add(ids),
    }),
    [follower],
  );
  // Of another filter than this one's nothing is shown, not even for a moment.
  return [state.address === address ? state.timeline : nothing, verbs];
}

class Follower {
  readonly #filter: Filter;
  readonly #store: EntryStore;
  readonly #show: (timeline: Timeline) => void;
  #timeline: Timeline;
  #loading: AbortController | undefined;
  #isShown: (id: number) => boolean = () => false;
  readonly #dirtyMonths = new Set<string>();
  readonly #added = new Set<number>();
  readonly #ratios = new Map<number, number>();
  #timer: number | undefined;
  #busy = false;
  #stopped = false;

  constructor(filter: Filter, store: EntryStore, timeline: Timeline, show: (timeline: Timeline) => void) {
    this.#filter = filter;
    this.#store = store;
    this.#timeline = timeline;
    this.#show = show;
  }

  start(isShown: (id: number) => boolean): void {
    this.#stopped = false;
    this.#isShown = isShown;
    this.load();
  }

  stop(): void {
    this.#stopped = true;
    this.#loading?.abort();
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** All of it; what is shown stays until the new one is whole. */
  load(): void {
    this.#loading?.abort();
    const own = new AbortController();
    this.#loading = own;
    const run = this.#filter.name === undefined ? this.#loadLayout(own.signal) : this.#search(own.signal);
    run
      .catch((error: unknown) => {
        if (!own.signal.aborted) this.#put({ refusal: asRefusal(error) });
      })
      .finally(() => {
        if (this.#loading !== own) return;
        this.#loading = undefined;
        this.#soon();
      });
  }

  hear(event: Heard): void {
    if (event.type === 'missed') this.load();
    else if (event.type === 'arrived') {
      if (event.kind === 'photo' || event.kind === 'video') this.#dirty(event.month);
    } else if (event.type === 'restored') this.add(event.assets);
    else if (event.type === 'trashed' || event.type === 'deleted') this.remove(event.assets);
    else if (event.type === 'picture-refused') this.#store.change(event.asset, { picture: 'refused' });
    else if (event.type === 'picture-ready') {
      const { asset, width, height, thumbhash, durationMs } = event;
      this.#store.change(asset, { picture: 'ready', width, height, thumbhash, durationMs });
      this.#ratios.set(asset, ratioOf(width, height));
      this.#soon();
    }
  }

  remove(ids: readonly number[]): void {
    const index = this.#timeline.index.without(new Set(ids));
    if (index !== this.#timeline.index) this.#put({ index });
  }

  add(ids: readonly number[]): void {
    this.#store.drop(ids);
    if (ids.length + this.#added.size > addedMax) this.load();
    else {
      for (const id of ids) this.#added.add(id);
      this.#soon();
    }
  }

  #dirty(month: string): void {
    this.#dirtyMonths.add(month);
    this.#soon();
  }

  #put(change: Partial<Timeline>): void {
    if (this.#stopped) return;
    this.#timeline = { ...this.#timeline, ...change };
    this.#show(this.#timeline);
  }

  async #loadLayout(signal: AbortSignal): Promise<void> {
    const { phone, kind, from, to } = this.#filter;
    const quietly = this.#timeline.whole;
    const dated = from !== undefined || to !== undefined;
    // How much there is behind the first page; of a span of days nobody has counted it.
    const counted =
      dated || quietly ? { months: [] } : await ask('GET /api/timeline/months', { query: { phone, kind }, signal });
    let index = TimelineIndex.empty;
    let cursor: string | undefined;
    for (let pages = 0; pages < pagesMax; pages++) {
      const limit = pages === 0 ? firstPage : pageEntries;
      const query = { ...this.#query(), cursor, limit };
      const page = await ask('GET /api/timeline/layout', { query, signal });
      index = index.append(page);
      const whole = page.next === null;
      if (whole || !quietly) {
        this.#put({ index, rest: whole ? [] : restOf(counted.months, index), whole, refusal: undefined });
      }
      if (page.next === null) return;
      cursor = page.next;
    }
  }

  /** What is found comes by arrival; it is shown by date like everything. */
  async #search(signal: AbortSignal): Promise<void> {
    const { name = '' } = this.#filter;
    const found: Array<Readonly<{ id: number; capturedLocal: string; ratio: number }>> = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < pagesMax; pages++) {
      const query = { ...this.#query(), name, limit: foundPerPage, cursor };
      const page = await ask('GET /api/search', { query, signal });
      for (const { id, capturedLocal, width, height } of page.entries) {
        found.push({ id, capturedLocal, ratio: ratioOf(width, height) });
      }
      if (page.entries.length > 0) this.#store.put(page.entries);
      const cut = page.next !== null && found.length >= foundMax;
      const whole = page.next === null || cut;
      if (whole || page.entries.length > 0) {
        this.#put({ index: TimelineIndex.of([byDate(found)]), rest: [], whole, cut, refusal: undefined });
      }
      if (page.next === null || cut) return;
      cursor = page.next;
    }
  }

  #query(): Readonly<Record<'phone' | 'from' | 'to', string | undefined>> & { kind: Filter['kind'] } {
    const { phone, kind, from, to } = this.#filter;
    return { phone, kind, from, to };
  }

  #soon(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = window.setTimeout(() => {
      this.#timer = undefined;
      void this.#catchUp();
    }, gatherMs);
  }

  /** Works off what the box told; while all is being loaded, and while it works already, that waits. */
  async #catchUp(): Promise<void> {
    if (this.#loading !== undefined || this.#busy) return;
    this.#busy = true;
    try {
      await this.#findMonths();
      const [month] = this.#dirtyMonths;
      if (month !== undefined && this.#filter.name === undefined) await this.#readMonth(month);
      this.#dirtyMonths.delete(month ?? '');
      this.#applyRatios();
    } catch {
      // The stream tells when the box is back, and all is loaded anew.
    } finally {
      this.#busy = false;
    }
    if (this.#dirtyMonths.size > 0 || this.#added.size > 0 || this.#ratios.size > 0) this.#soon();
  }

  async #findMonths(): Promise<void> {
    const ids = [...this.#added].slice(0, perRequest);
    if (ids.length === 0) return;
    const { entries } = await ask('GET /api/timeline/entries', { query: { ids: ids.join() } });
    for (const id of ids) this.#added.delete(id);
    for (const { capturedLocal } of entries) this.#dirtyMonths.add(capturedLocal.slice(0, 7));
    if (this.#filter.name !== undefined && entries.length > 0) this.load();
  }

  async #readMonth(month: string): Promise<void> {
    const days = daysOf(month, this.#filter);
    if (days === undefined) return;
    const pages: LayoutPage[] = [];
    let cursor: string | undefined;
    do {
      const page = await ask('GET /api/timeline/layout', { query: { ...this.#query(), ...days, cursor } });
      pages.push(page);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined && pages.length < pagesMax);
    const index = this.#timeline.index.withMonth(month, TimelineIndex.of(pages));
    // A whole reload may have begun meanwhile: it is newer.
    if (this.#loading === undefined) this.#put({ index });
  }

  /** A picture that was made has a shape: its row is laid out by it once nobody looks at it. */
  #applyRatios(): void {
    const now = new Map([...this.#ratios].filter(([id]) => !this.#isShown(id)));
    for (const id of now.keys()) this.#ratios.delete(id);
    const { index } = this.#timeline;
    const known = new Map([...now].filter(([id]) => index.positionOf(id) !== -1));
    if (known.size > 0) this.#put({ index: index.withRatios(known) });
  }
}

function byDate(found: ReadonlyArray<Readonly<{ id: number; capturedLocal: string; ratio: number }>>): LayoutPage {
  const sorted = found.toSorted((a, b) =>
    a.capturedLocal < b.capturedLocal ? 1 : a.capturedLocal > b.capturedLocal ? -1 : b.id - a.id,
  );
  const days: Array<{ day: string; count: number }> = [];
  for (const { capturedLocal } of sorted) {
    const day = capturedLocal.slice(0, 10);
    const last = days.at(-1);
    if (last?.day === day) last.count += 1;
    else days.push({ day, count: 1 });
  }
  return { days, ids: sorted.map(({ id }) => id), ratios: sorted.map(({ ratio }) => ratio) };
}

/** Of each counted month, what the index does not have yet. */
function restOf(months: Rest, index: TimelineIndex): Rest {
  const last = index.days.at(-1)?.day.slice(0, 7);
  if (last === undefined) return months;
  let inLast = 0;
  for (const { day, count } of index.days) if (day.startsWith(last)) inLast += count;
  return months
    .filter(({ month }) => month <= last)
    .map(({ month, count }) => ({ month, count: month === last ? Math.max(0, count - inLast) : count }))
    .filter(({ count }) => count > 0);
}
