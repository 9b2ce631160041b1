import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Database } from '../platform/database.ts';
import { timelinePage } from './timeline.ts';
import type { LayoutQuery } from './timeline-contract.ts';
import { timelineLayout } from './timeline-layout.ts';
import { TimelineStore } from './timeline-store.ts';

const pixel = '00000000-0000-4000-8000-000000000001';
const count = 60;
/** Days of which some share a moment, and one that is before 1970. */
const localOf = (id: number) =>
  id % 20 === 0 ? '1969-12-31T23:59:59' : `2024-0${1 + (id % 3)}-0${1 + (id % 7)}T${id % 2 === 0 ? 10 : 23}:59:59`;
/** Width and height; none is known of every fifth. A panorama, a strip, and ordinary ones. */
const shapeOf = (id: number): [number, number] | undefined =>
  id % 5 === 0 ? undefined : id === 1 ? [50_000, 1_000] : id === 2 ? [10, 4_000] : [4_000 + id, 3_000];

let dir: string;
let database: Database;
let timeline: TimelineStore;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-layout-'));
  const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
  database = Database.open(join(dir, 'library.sqlite'), { migrationsDir, create: true });
  timeline = new TimelineStore(database);
  const sql = (text: string, ...values: unknown[]) => database.prepare(text).run(...values);
  await database.write(() => {
    for (const id of ['alice', 'bob']) sql('INSERT INTO person (id, name, folder) VALUES (?, ?, ?)', id, id, id);
    for (let id = 1; id <= count; id++) {
      const [local, kind] = [localOf(id), id % 4 === 0 ? 'video' : 'photo'];
      const wall = Date.parse(`${local}Z`);
      sql(
        `INSERT INTO asset (id, person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
           captured_from, captured_wall, state, added_at)
         VALUES (?, ?, ?, ?, ?, 'x/y', 1, ?, ?, ?, 'metadata', ?, 'publishing', 0)`,
        ...[id, id > 55 ? 'bob' : 'alice', `${id}.x`, `${id}.x`, kind, Buffer.from(`${id}`), wall, local, wall],
      );
      const item = `INSERT INTO phone_item (phone_id, parent, path, asset_id, seen_at) VALUES (?, '', ?, ?, 0)`;
      if (id % 2 === 0 && id <= 55) sql(item, pixel, `${id}`, id);
      sql("UPDATE asset SET state = 'present' WHERE id = ?", id);
      sql('UPDATE picture SET width = ?, height = ? WHERE asset_id = ?', ...(shapeOf(id) ?? [null, null]), id);
    }
  });
});
afterAll(async () => {
  database.close();
  await rm(dir, { recursive: true, force: true });
});

function ratioOf(id: number): number {
  const shape = shapeOf(id);
  return shape === undefined ? 0 : Math.min(Math.max(Math.round((100 * shape[0]) / shape[1]), 20), 1_000);
}

const asked = fc.record(
  {
    kind: fc.constantFrom('photo' as const, 'video' as const),
    phone: fc.constantFrom(pixel, pixel.replace(/1$/, 'b')),
    from: fc.constantFrom('2024-01-03', '1969-12-31'),
    to: fc.constantFrom('2024-02-29', '2024-01-01'),
    limit: fc.integer({ min: 1, max: 30 }),
  },
  { requiredKeys: ['limit'] },
);

it('has what the pages of the timeline have, in pages and slices of any size', async () => {
  await fc.assert(
    fc.asyncProperty(asked, fc.integer({ min: 1, max: 9 }), async (query, sliceRows) => {
      const { entries } = timelinePage({ timeline }, 'alice', { ...query, limit: 1_000 });
      const seen: Array<{ id: number; day: string; ratio: number }> = [];
      let cursor: string | null | undefined;
      for (let pages = 0; cursor !== null; pages++) {
        expect(pages).toBeLessThanOrEqual(count);
        const page: LayoutQuery = { ...query, ...(cursor === undefined ? {} : { cursor }) };
        const layout = await timelineLayout({ timeline }, 'alice', page, { sliceRows });
        const days = layout.days.flatMap((day) => Array.from({ length: day.count }, () => day.day));
        expect([days.length, layout.ratios.length]).toEqual([layout.ids.length, layout.ids.length]);
        expect(layout.ids.length).toBeLessThanOrEqual(query.limit);
        expect(new Set(days).size).toBe(layout.days.length);
        for (const [at, id] of layout.ids.entries()) {
          seen.push({ id, day: days[at] ?? '', ratio: layout.ratios[at] ?? -1 });
        }
        cursor = layout.next;
      }
      const wanted = entries.map(({ id, capturedLocal }) => ({
        id,
        day: capturedLocal.slice(0, 10),
        ratio: ratioOf(id),
      }));
      expect(seen).toEqual(wanted);
    }),
    { numRuns: 200 },
  );
});

it('lets others have their turn between slices', async () => {
  let turns = 0;
  let over = false;
  const turn = () => {
    turns += 1;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  const { ids } = await timelineLayout({ timeline }, 'alice', {}, { sliceRows: 5 });
  over = true;
  expect(ids).toHaveLength(55);
  expect(turns).toBeGreaterThanOrEqual(10);
});
