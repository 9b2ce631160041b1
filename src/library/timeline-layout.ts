/**
 * The shape of a whole timeline, so that a grid knows every row's height before any picture: days, ids and ratios alone,
 * a few bytes an entry. Read a slice at a time: a page may have tens of thousands, and others have their turn between.
 */
import { setImmediate } from 'node:timers/promises';
import type { OpenLibrary } from './open-library.ts';
import { type Place, placeCursor, readPlace } from './pages.ts';
import { endOfTime, places, rangeOf, sourceOf } from './timeline.ts';
import type { LayoutQuery, TimelineLayout } from './timeline-contract.ts';

const limitDefault = 10_000;
const sliceRowsMax = 1_000;
const dayMs = 86_400_000;
/** What is longer or narrower is shown cut. */
const [ratioMin, ratioMax] = [20, 1_000];

/** @throws {CodedError} `invalid-request` for a day that is none, or a mark that the box did not give. */
export async function timelineLayout(
  library: Pick<OpenLibrary, 'timeline'>,
  personId: string,
  query: LayoutQuery,
  { sliceRows = sliceRowsMax } = {},
): Promise<TimelineLayout> {
  const { limit = limitDefault, phone, kind, cursor } = query;
  const range = rangeOf(query);
  const layout: TimelineLayout = { days: [], ids: [], ratios: [], next: null };
  let from: Place = cursor === undefined ? { wall: endOfTime, id: 0 } : readPlace(cursor);
  const source = sourceOf(library, personId, phone);
  if (source === undefined) return layout;
  while (layout.ids.length < limit) {
    const wanted = Math.min(sliceRows, limit - layout.ids.length);
    const found = places(library, { source, kind, from, range, towards: 'older', limit: wanted });
    add(layout, found, library);
    const last = found.at(-1);
    if (last === undefined || found.length < wanted) return layout;
    from = last;
    await setImmediate();
  }
  const more = places(library, { source, kind, from, range, towards: 'older', limit: 1 }).length > 0;
  layout.next = more ? placeCursor(from) : null;
  return layout;
}

function add(layout: TimelineLayout, found: readonly Place[], { timeline }: Pick<OpenLibrary, 'timeline'>): void {
  let number = Number.NaN;
  for (const { wall, id } of found) {
    layout.ids.push(id);
    const of = Math.floor(wall / dayMs);
    let current = layout.days.at(-1);
    if (of !== number) {
      number = of;
      const day = new Date(of * dayMs).toISOString().slice(0, 10);
      if (current?.day !== day) layout.days.push({ day, count: 0 });
      current = layout.days.at(-1);
    }
    if (current !== undefined) current.count += 1;
  }
  for (const { width, height } of timeline.shapes(found.map(({ id }) => id))) {
    layout.ratios.push(ratioOf(width, height));
  }
}

function ratioOf(width: number | null, height: number | null): number {
  if (!width || !height) return 0;
  return Math.min(Math.max(Math.round((width / height) * 100), ratioMin), ratioMax);
}
