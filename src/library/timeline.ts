/**
 * A person's photos and videos in the order of the clock on the wall where they were taken, a page at a time.
 * A page mark is a place between two entries, so it holds while entries come and go; nothing is counted or skipped.
 */
import { posix } from 'node:path';
import { CodedError } from '../platform/errors.ts';
import { namedPath } from './item-origin.ts';
import type { OpenLibrary } from './open-library.ts';
import { type Place, placeCursor, readPlace } from './pages.ts';
import type { AssetRow } from './store.ts';
import type { AssetDetails, Entry, TimelinePage, TimelineQuery } from './timeline-contract.ts';
import type { DetailsRow, EntryRow, Range, ShownKind, Source } from './timeline-store.ts';

/** What a date can be (ECMA-262, section 21.4.1.1), and one more. */
export const endOfTime = 8.64e15 + 1;
const limitDefault = 200;
const dayMs = 86_400_000;
const phonesShownMax = 100;
const bothKinds = ['photo', 'video'] as const;

type Rows = Pick<OpenLibrary, 'timeline'>;
type Opposite = Readonly<Record<'older' | 'newer', 'older' | 'newer'>>;
const opposite: Opposite = { older: 'newer', newer: 'older' };

/** @throws {CodedError} `invalid-request` for a day that is none, or a mark that the box did not give. */
export function timelinePage(library: Rows, personId: string, query: TimelineQuery): TimelinePage {
  const { direction = 'older', limit = limitDefault } = query;
  const range = rangeOf(query);
  const begin = beginning(query, direction);
  const source = sourceOf(library, personId, query.phone);
  if (source === undefined) return { entries: [], older: null, newer: null };
  const next = (from: Place, towards: 'older' | 'newer', count: number) =>
    places(library, { source, kind: query.kind, from, range, towards, limit: count });
  const found = next(begin, direction, limit + 1);
  const page = found.slice(0, limit);
  const [first, last] = [page[0], page.at(-1)];
  const onwards = found.length > limit && last !== undefined ? last : undefined;
  // An empty page lies between two entries. The mark for the way back must not leave out the one it was asked from.
  const back = first ?? { wall: begin.wall, id: Math.max(0, begin.id + (direction === 'older' ? -1 : 1)) };
  const backwards = next(back, opposite[direction], 1).length > 0 ? back : undefined;
  const mark = (place: Place | undefined) => (place === undefined ? null : placeCursor(place));
  const ids = page.map(({ id }) => id);
  return {
    entries: entriesOf(library, direction === 'older' ? ids : ids.reverse()),
    older: mark(direction === 'older' ? onwards : backwards),
    newer: mark(direction === 'older' ? backwards : onwards),
  };
}

/** Newest first. */
export function timelineMonths(
  { timeline }: Rows,
  personId: string,
  query: { phone?: string | undefined; kind?: ShownKind | undefined },
): Array<{ month: string; count: number }> {
  return timeline.months(personId, query.phone?.toLowerCase() ?? '', query.kind ?? null);
}

/** As the grid shows them, in the order of `ids`; what is gone meanwhile is left out. */
export function entriesOf({ timeline }: Rows, ids: readonly number[]): Entry[] {
  const entries: Entry[] = [];
  for (const row of timeline.entries(ids)) {
    const { kind } = row;
    if (kind === 'photo' || kind === 'video') {
      entries.push({ id: row.id, kind, ...looksOf(row), picture: row.picture ?? 'wanted' });
    }
  }
  return entries;
}

/** Of these ids, what is in this person's timeline, in their order. */
export function ownEntries(library: Rows, personId: string, ids: readonly number[]): Entry[] {
  return entriesOf(library, library.timeline.shownOf(personId, ids));
}

/** @throws {CodedError} `not-found`, also for what is another person's, or is not there any more. */
export function assetDetails(
  { timeline }: Rows,
  personId: string,
  id: number,
  nameOfPhone: (phoneId: string) => string,
): AssetDetails {
  const row = timeline.details(id);
  if (row?.person_id !== personId || row.state !== 'present') {
    throw new CodedError('not-found', 'There is no such file in your library. It may have been deleted.');
  }
  const other = row.pair === null ? undefined : timeline.otherHalf(row);
  return {
    id,
    kind: row.kind,
    ...looksOf(row),
    picture: row.kind === 'photo' || row.kind === 'video' ? (row.picture ?? 'wanted') : null,
    refusal: refusalOf(row),
    path: row.path,
    sha256: row.sha256.toString('hex'),
    mtime: row.mtime,
    addedAt: row.added_at,
    capturedFrom: row.captured_from,
    fromBrowser: row.from_browser === 1,
    // A pair may be shown as one although both halves are here: nothing is missing of either.
    incomplete: other === undefined ? incompleteOf(row) : null,
    other: other === undefined ? null : halfOf(other),
    phones: timeline
      .itemsOf(id, phonesShownMax)
      .map(({ phone_id, path }) => ({ phone: phone_id, name: nameOfPhone(phone_id), path: namedPath(path) })),
  };
}

/**
 * The days asked for, by the clock where it was taken. @throws {CodedError} `invalid-request` for a day that is none.
 */
export function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }): Range {
  return {
    from: from === undefined ? -endOfTime : midnight(from),
    before: to === undefined ? endOfTime : midnight(to) + dayMs,
  };
}

/** Undefined: this phone has sent nothing of this person's. */
export function sourceOf({ timeline }: Rows, personId: string, phone: string | undefined): Source | undefined {
  if (phone === undefined) return { of: 'person', id: personId };
  const id = phone.toLowerCase();
  return timeline.hasPhone(personId, id) ? { of: 'phone', id } : undefined;
}

export type AskedPlaces = Readonly<{
  source: Source;
  kind: ShownKind | undefined;
  from: Place;
  range: Range;
  towards: 'older' | 'newer';
  limit: number;
}>;

/** Photos and videos are read each in their order, since the index begins with the kind, and merged. */
export function places({ timeline }: Rows, { source, kind, from, range, towards, limit }: AskedPlaces): Place[] {
  const kinds = kind === undefined ? bothKinds : [kind];
  const sign = towards === 'older' ? -1 : 1;
  return kinds
    .flatMap((one) => timeline.places(source, one, from, range, towards, limit))
    .sort((a, b) => sign * (a.wall - b.wall || a.id - b.id))
    .slice(0, limit);
}

function beginning({ cursor, month }: TimelineQuery, direction: 'older' | 'newer'): Place {
  if (cursor !== undefined && month !== undefined) {
    throw new CodedError('invalid-request', 'A page begins at a page mark or at a month, not at both.');
  }
  if (cursor !== undefined) return readPlace(cursor);
  if (month !== undefined) return { wall: endOfMonth(month), id: 0 };
  return { wall: direction === 'older' ? endOfTime : -endOfTime, id: 0 };
}

function endOfMonth(month: string): number {
  const [year = 0, number = 0] = month.split('-').map(Number);
  // Months count from 0 here, so this one's number is the next one's.
  return new Date(0).setUTCFullYear(year, number, 1);
}

function midnight(day: string): number {
  const ms = Date.parse(`${day}T00:00:00Z`);
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day)) return ms;
  throw new CodedError('invalid-request', `There is no day ${day}. Nothing was changed.`);
}

function looksOf(row: EntryRow): Omit<Entry, 'id' | 'kind' | 'picture'> {
  return {
    name: posix.basename(row.path),
    mediaType: row.media_type,
    size: row.size,
    capturedLocal: row.captured_local,
    capturedAt: row.captured_at,
    width: row.width,
    height: row.height,
    durationMs: row.duration_ms,
    thumbhash: row.thumbhash === null ? null : row.thumbhash.toString('base64'),
    motion: motionOf(row),
    incomplete: incompleteOf(row),
  };
}

function motionOf({ motion_asset, motion_length }: EntryRow): Entry['motion'] {
  if (motion_asset !== null) return { from: 'pair', asset: motion_asset };
  return motion_length === null ? null : { from: 'inside' };
}

function incompleteOf({ pair, kind, motion_asset }: EntryRow): Entry['incomplete'] {
  if (pair === null || motion_asset !== null) return null;
  if (kind === 'photo') return 'motion-missing';
  return kind === 'video' ? 'still-missing' : null;
}

function refusalOf({ picture, code, reason }: DetailsRow): AssetDetails['refusal'] {
  if (picture !== 'refused') return null;
  return {
    code: code ?? 'unreadable',
    reason: reason ?? 'No picture can be made of this file. The file itself is safe.',
  };
}

function halfOf({ id, kind, path, size }: AssetRow): AssetDetails['other'] {
  return kind === 'photo' || kind === 'video' ? { id, kind, name: posix.basename(path), size } : null;
}
