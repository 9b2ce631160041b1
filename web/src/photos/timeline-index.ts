/**
 * Owns the shape of a whole timeline in this tab: ids, ratios and days, newest first, ten bytes an entry. Never changes:
 * each change makes a new one, so that whoever looks at one (the open viewer) keeps what it looks at.
 */

/** Consecutive entries of one day, `first` the position of its newest. */
export type Day = Readonly<{ day: string; first: number; count: number }>;
/** As `GET /api/timeline/layout` tells it. */
export type LayoutPage = Readonly<{
  days: ReadonlyArray<Readonly<{ day: string; count: number }>>;
  ids: ArrayLike<number>;
  /** Width in hundredths of the height; 0: not known yet. */
  ratios: ArrayLike<number>;
}>;

export class TimelineIndex {
  static readonly empty = new TimelineIndex(new Float64Array(0), new Uint16Array(0), []);

  readonly ids: Float64Array;
  readonly ratios: Uint16Array;
  readonly days: readonly Day[];

  private constructor(ids: Float64Array, ratios: Uint16Array, days: readonly Day[]) {
    this.ids = ids;
    this.ratios = ratios;
    this.days = days;
  }

  /** Of pages that follow each other; a day may go on from one to the next. */
  static of(pages: readonly LayoutPage[]): TimelineIndex {
    const length = pages.reduce((sum, { ids }) => sum + ids.length, 0);
    const [ids, ratios] = [new Float64Array(length), new Uint16Array(length)];
    const days: Day[] = [];
    let at = 0;
    for (const page of pages) {
      ids.set(page.ids, at);
      ratios.set(page.ratios, at);
      let first = at;
      for (const { day, count } of page.days) {
        const last = days.at(-1);
        if (last?.day === day) days[days.length - 1] = { ...last, count: last.count + count };
        else days.push({ day, first, count });
        first += count;
      }
      at += page.ids.length;
    }
    return new TimelineIndex(ids, ratios, days);
  }

  get count(): number {
    return this.ids.length;
  }

  idAt(position: number): number | undefined {
    return this.ids[position];
  }

  /** -1: it is not here. A look through all of them: a millisecond for a million. */
  positionOf(id: number): number {
    return this.ids.indexOf(id);
  }

  /** Where this day stands in `days`. */
  dayAt(position: number): number {
    let [low, high] = [0, this.days.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.days[middle]?.first ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  append(page: LayoutPage): TimelineIndex {
    return TimelineIndex.of([this, page]);
  }

  /** Of the whole month (`yyyy-mm`): what is there now in place of what was. */
  withMonth(month: string, page: LayoutPage): TimelineIndex {
    const newer = this.#part(this.days.filter(({ day }) => day.slice(0, 7) > month));
    const older = this.#part(this.days.filter(({ day }) => day.slice(0, 7) < month));
    return TimelineIndex.of([newer, page, older]);
  }

  without(gone: ReadonlySet<number>): TimelineIndex {
    if (!this.ids.some((id) => gone.has(id))) return this;
    const kept = this.days.map(({ day, first, count }) => {
      const positions = Array.from({ length: count }, (_, at) => first + at).filter(
        (at) => !gone.has(this.ids[at] ?? 0),
      );
      return { day, positions };
    });
    const positions = kept.flatMap((one) => one.positions);
    return TimelineIndex.of([
      {
        days: kept.flatMap((one) =>
          one.positions.length === 0 ? [] : [{ day: one.day, count: one.positions.length }],
        ),
        ids: positions.map((at) => this.ids[at] ?? 0),
        ratios: positions.map((at) => this.ratios[at] ?? 0),
      },
    ]);
  }

  /** With these ratios, by id. */
  withRatios(known: ReadonlyMap<number, number>): TimelineIndex {
    const ratios = this.ratios.slice();
    for (const [id, ratio] of known) {
      const at = this.positionOf(id);
      if (at !== -1) ratios[at] = ratio;
    }
    return new TimelineIndex(this.ids, ratios, this.days);
  }

  #part(days: readonly Day[]): LayoutPage {
    const [first, last] = [days[0], days.at(-1)];
    if (first === undefined || last === undefined) return TimelineIndex.empty;
    const end = last.first + last.count;
    return { days, ids: this.ids.subarray(first.first, end), ratios: this.ratios.subarray(first.first, end) };
  }
}

/** As the index has them: a picture whose size is known. */
export function ratioOf(width: number | null, height: number | null): number {
  if (!width || !height) return 0;
  return Math.min(Math.max(Math.round((width / height) * 100), 20), 1000);
}
