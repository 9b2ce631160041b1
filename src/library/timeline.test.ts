import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../platform/database.ts';
import { placeCursor } from './pages.ts';
import { timelineMonths, timelinePage } from './timeline.ts';
import type { TimelinePage, TimelineQuery } from './timeline-contract.ts';
import { TimelineStore } from './timeline-store.ts';

const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
const pixel = '00000000-0000-4000-8000-000000000001';
const tablet = '00000000-0000-4000-8000-00000000000a';
const bobs = '00000000-0000-4000-8000-00000000000b';
/** Few moments, so that many entries share one; at the edges of days and months, before 1970, and where dates end. */
const moments = [
  '1969-12-31T23:59:59',
  '2024-01-31T23:59:59',
  '2024-02-01T00:00:00',
  '2024-02-29T12:00:00',
  '2024-12-31T23:59:59',
  '2025-01-01T00:00:00',
  '9998-12-31T23:59:59',
];
const undone = new Error('taken back');

type Made = { moment: number; kind: 'photo' | 'video'; phone: string | null; person: string };
type Row = Made & { id: number; wall: number; local: string };

const made: fc.Arbitrary<Made> = fc.oneof(
  fc.record({
    moment: fc.nat({ max: moments.length - 1 }),
    kind: fc.constantFrom('photo', 'photo', 'video'),
    phone: fc.constantFrom(pixel, tablet, null),
    person: fc.constant('alice'),
  }),
  fc.record({
    moment: fc.nat({ max: moments.length - 1 }),
    kind: fc.constantFrom('photo', 'video'),
    phone: fc.constant(bobs),
    person: fc.constant('bob'),
  }),
);
const filters = {
  kind: fc.constantFrom('photo' as const, 'video' as const),
  phone: fc.constantFrom(pixel, tablet.toUpperCase(), bobs),
};
const asked = fc.record(
  {
    ...filters,
    direction: fc.constantFrom('older' as const, 'newer' as const),
    from: fc.constantFrom('2024-02-01', '2024-12-31', '1969-12-31'),
    to: fc.constantFrom('2024-02-29', '2024-12-31', '9998-12-31'),
    limit: fc.integer({ min: 1, max: 8 }),
    begin: fc.oneof(
      fc.constant(undefined),
      fc.record({ entry: fc.constantFrom(0, 0, -1, 1, 5) }),
      fc.record({ month: fc.constantFrom('2024-01', '2024-02', '2024-12', '1969-12', '2023-07') }),
      fc.record({
        moment: fc.nat({ max: moments.length - 1 }),
        id: fc.nat({ max: 40 }),
        off: fc.constantFrom(-1, 0, 1),
      }),
    ),
  },
  { requiredKeys: ['limit', 'begin'] },
);

let dir: string;
let database: Database;
let timeline: TimelineStore;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-timeline-'));
  database = Database.open(join(dir, 'library.sqlite'), { migrationsDir, create: true });
  timeline = new TimelineStore(database);
});
afterAll(async () => {
  database.close();
  await rm(dir, { recursive: true, force: true });
});

/** Runs `look` with these rows in the catalogue, and takes them out again. */
async function withRows(all: readonly Made[], look: (rows: Row[]) => void): Promise<void> {
  const sql = (text: string, ...values: unknown[]) => database.prepare(text).run(...values);
  const run = database.write(() => {
    for (const id of ['alice', 'bob']) sql('INSERT INTO person (id, name, folder) VALUES (?, ?, ?)', id, id, id);
    const rows = all.map(({ moment, ...one }, index): Row => {
      const local = moments[moment] as string;
      return { ...one, moment, id: index + 1, local, wall: Date.parse(`${local}Z`) };
    });
    for (const { id, person, kind, local, wall, phone } of rows) {
      sql(
        `INSERT INTO asset (id, person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
           captured_from, captured_wall, state, added_at)
         VALUES (?, ?, ?, ?, ?, 'x/y', 1, ?, ?, ?, 'metadata', ?, 'publishing', 0)`,
        ...[id, person, `${id}.x`, `${id}.x`, kind, Buffer.from(`${id}`), wall, local, wall],
      );
      const item = `INSERT INTO phone_item (phone_id, parent, path, asset_id, seen_at) VALUES (?, '', ?, ?, 0)`;
      if (phone !== null) sql(item, phone, `${id}`, id);
      sql("UPDATE asset SET state = 'present' WHERE id = ?", id);
    }
    look(rows);
    throw undone;
  });
  await run.catch((error: unknown) => {
    if (error !== undone) throw error;
  });
}

/** What a query is about, newest first. */
function matching(rows: readonly Row[], { kind, phone, from, to }: TimelineQuery): Row[] {
  return rows
    .filter((row) => row.person === 'alice')
    .filter((row) => kind === undefined || row.kind === kind)
    .filter((row) => phone === undefined || row.phone === phone.toLowerCase())
    .filter(({ local }) => (from === undefined || local >= from) && (to === undefined || local.slice(0, 10) <= to))
    .sort((a, b) => b.wall - a.wall || b.id - a.id);
}

const ids = (entries: ReadonlyArray<{ id: number }>) => entries.map(({ id }) => id);

describe('a page of the timeline', () => {
  it('is what lies next to its place, and its marks lead to all the others, both ways', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(made, { maxLength: 40, size: 'max' }), asked, async (all, { begin, ...rest }) => {
        await withRows(all, (rows) => {
          const filter: TimelineQuery = rest;
          const there = matching(rows, filter);
          const { query, isOlder } = beginningOf(begin, filter, there);
          const page = timelinePage({ timeline }, 'alice', query);
          const older = there.filter(isOlder);
          const newer = there.filter((row) => !isOlder(row));
          const near = query.direction === 'newer' ? newer.slice(-rest.limit) : older.slice(0, rest.limit);
          expect(ids(page.entries)).toEqual(ids(near));
          // To both ends, a page at a time: nothing twice, nothing left out.
          const before = walk(filter, page, 'newer');
          const after = walk(filter, page, 'older');
          expect([...before, ...ids(page.entries), ...after]).toEqual(ids(there));
        });
      }),
      { numRuns: 400 },
    );
  });

  it('counts its months', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(made, { maxLength: 40, size: 'max' }),
        fc.record(filters, { requiredKeys: [] }),
        async (all, filter) => {
          await withRows(all, (rows) => {
            const counts = new Map<string, number>();
            for (const { local } of matching(rows, filter)) {
              counts.set(local.slice(0, 7), (counts.get(local.slice(0, 7)) ?? 0) + 1);
            }
            const months = timelineMonths({ timeline }, 'alice', filter);
            expect(months.map(({ month, count }) => [month, count])).toEqual([...counts]);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('reads a range of an index, and sorts no more than that', () => {
    const plan = (sql: string, ...values: unknown[]) =>
      (database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as Array<{ detail: string }>).map(
        (row) => row.detail,
      );
    const plans: string[] = [];
    const spy = {
      all: (sql: string, ...values: unknown[]) => {
        plans.push(...plan(sql, ...values));
        return sql.includes('month_count') ? [{}] : [];
      },
    };
    const planned = new TimelineStore(spy as unknown as Database);
    for (const phone of [undefined, pixel]) {
      for (const direction of ['older', 'newer'] as const) {
        timelinePage({ timeline: planned }, 'alice', { direction, from: '2024-01-01', ...(phone && { phone }) });
      }
      timelineMonths({ timeline: planned }, 'alice', phone === undefined ? {} : { phone });
    }
    expect(plans.length).toBeGreaterThan(20);
    expect(plans.filter((detail) => /SCAN (?!wanted)|TEMP B-TREE/.test(detail))).toEqual([]);
  });
});

type Begin = { entry: number } | { month: string } | { moment: number; id: number; off: number } | undefined;

/** The query that begins there, and which entries lie on the older side of it. */
function beginningOf(
  begin: Begin,
  filter: TimelineQuery,
  there: readonly Row[],
): { query: TimelineQuery; isOlder: (row: Row) => boolean } {
  const entry = begin !== undefined && 'entry' in begin ? there.at(begin.entry) : undefined;
  if (begin === undefined || ('entry' in begin && entry === undefined))
    return { query: filter, isOlder: () => filter.direction !== 'newer' };
  if ('month' in begin) {
    return { query: { ...filter, month: begin.month }, isOlder: ({ local }) => local.slice(0, 7) <= begin.month };
  }
  const at = entry ?? placeIn(begin);
  // The mark of an entry: a page begins behind it, whichever way.
  const isOlder = ({ wall, id }: Row) => {
    if (wall !== at.wall) return wall < at.wall;
    return filter.direction === 'newer' ? id <= at.id : id < at.id;
  };
  return { query: { ...filter, cursor: placeCursor(at) }, isOlder };
}

function placeIn(begin: NonNullable<Begin>): { wall: number; id: number } {
  if (!('moment' in begin)) throw new Error('This is no place.');
  return { wall: Date.parse(`${moments[begin.moment]}Z`) + begin.off, id: begin.id };
}

/** All beyond a page on one side, newest first. */
function walk(filter: TimelineQuery, page: TimelinePage, direction: 'older' | 'newer'): number[] {
  const all: number[] = [];
  let cursor = page[direction];
  for (let pages = 0; cursor !== null; pages++) {
    if (pages > 50) throw new Error('The pages do not come to an end.');
    const next = timelinePage({ timeline }, 'alice', { ...filter, direction, cursor });
    // A mark is given only where there is something.
    expect(next.entries).not.toEqual([]);
    expect(next[direction === 'older' ? 'newer' : 'older'] === null).toBe(page.entries.length === 0 && pages === 0);
    if (direction === 'older') all.push(...ids(next.entries));
    else all.unshift(...ids(next.entries));
    cursor = next[direction];
  }
  return all;
}
