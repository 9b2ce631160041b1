import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database, type Statement } from '../platform/database.ts';
import { nameIndexWork, type SearchLimits, searchNames } from './search.ts';
import { SearchStore } from './search-store.ts';
import type { SearchQuery } from './timeline-contract.ts';
import { TimelineStore } from './timeline-store.ts';

const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
const pixel = '00000000-0000-4000-8000-000000000001';
const walls = [0, 86_400_000, 1_700_000_000_000];

type Made = { name: string; person: string; kind: 'photo' | 'video' | 'file'; state: string; phone: boolean };
type Row = Made & { id: number; wall: number };

let dir: string;
let database: Database;
let library: { timeline: TimelineStore; search: SearchStore };
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-search-'));
  database = Database.open(join(dir, 'library.sqlite'), { migrationsDir, create: true });
  library = { timeline: new TimelineStore(database), search: new SearchStore(database) };
  await database.write(() => {
    for (const id of ['alice', 'bob']) sql('INSERT INTO person (id, name, folder) VALUES (?, ?, ?)', id, id, id);
  });
});
afterEach(async () => {
  database.close();
  await rm(dir, { recursive: true, force: true });
});

function sql(text: string, ...values: unknown[]): void {
  database.prepare(text).run(...values);
}

async function put(made: readonly Made[], firstId: number): Promise<Row[]> {
  const rows = made.map((one, index) => ({ ...one, id: firstId + index, wall: walls[index % 3] as number }));
  await database.write(() => {
    for (const { id, name, person, kind, state, wall, phone } of rows) {
      const local = new Date(wall).toISOString().slice(0, 19);
      sql(
        `INSERT INTO asset (id, person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
           captured_from, captured_wall, state, added_at)
         VALUES (?, ?, ?, ?, ?, 'x/y', 1, ?, 0, ?, 'metadata', ?, 'publishing', 0)`,
        ...[id, person, `Photos/IMG/${name}`, `${id}`, kind, Buffer.from(`${id}`), local, wall],
      );
      const item = `INSERT INTO phone_item (phone_id, parent, path, asset_id, seen_at) VALUES (?, '', ?, ?, 0)`;
      if (phone && person === 'alice') sql(item, pixel, `${id}`, id);
      sql('UPDATE asset SET state = ? WHERE id = ?', state, id);
    }
  });
  return rows;
}

async function indexAll(): Promise<void> {
  await nameIndexWork({ database })['index-names']?.run({} as never, new AbortController().signal);
}

/** All pages, to the end. */
async function searchAll(query: SearchQuery, limits?: SearchLimits): Promise<{ ids: number[]; pages: number }> {
  const ids: number[] = [];
  let cursor: string | null = null;
  for (let pages = 1; pages < 500; pages++) {
    const asked: SearchQuery = cursor === null ? query : { ...query, cursor };
    const { entries, next } = await searchNames(library, 'alice', asked, limits);
    expect(entries.length).toBeLessThanOrEqual(query.limit ?? 200);
    ids.push(...entries.map(({ id }) => id));
    if (next === null) return { ids, pages };
    cursor = next;
  }
  throw new Error('The search does not come to an end.');
}

const folded = (name: string) => name.normalize('NFC').toLowerCase().normalize('NFC');
const letter = fc.oneof(
  fc.constantFrom(...'aAbB'),
  fc.constantFrom(...'aAbB'),
  fc.constantFrom('_', '"', "'", '*', '(', ' ', 'ä', 'A\u0308', 'İ', 'ß', '家', '👍', '\u0301'),
);
const name = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));
const made: fc.Arbitrary<Made> = fc.record({
  name,
  person: fc.constantFrom('alice', 'alice', 'alice', 'bob'),
  kind: fc.constantFrom('photo', 'photo', 'video', 'file'),
  state: fc.constantFrom('present', 'present', 'present', 'trashed', 'publishing'),
  phone: fc.boolean(),
});

describe('searching names', () => {
  it('finds what a look at every name finds, however far the index goes, in pages of any size', async () => {
    let firstId = 1;
    const search = fc.record({
      indexed: fc.array(made, { minLength: 12, maxLength: 30, size: 'max' }),
      recent: fc.array(made, { maxLength: 8 }),
      word: fc.oneof(
        name,
        fc.array(fc.constantFrom(...'ab'), { minLength: 1, maxLength: 4 }).map((letters) => letters.join('')),
        fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 5 }), fc.integer({ min: 1, max: 6 })),
      ),
      filter: fc.record(
        {
          kind: fc.constantFrom('photo' as const, 'video' as const),
          phone: fc.constant(pixel),
          to: fc.constant('1970-01-02'),
        },
        { requiredKeys: [] },
      ),
      limit: fc.integer({ min: 1, max: 6 }),
      limits: fc.record({
        rowsMax: fc.integer({ min: 1, max: 20 }),
        idsMax: fc.integer({ min: 1, max: 40 }),
        stepRows: fc.integer({ min: 1, max: 5 }),
        stepIds: fc.integer({ min: 1, max: 20 }),
      }),
    });
    let found = 0;
    await fc.assert(
      fc.asyncProperty(search, async ({ indexed, recent, word, filter, limit, limits }) => {
        await database.write(() => {
          for (const table of ['phone_item', 'asset', 'month_count']) sql(`DELETE FROM ${table}`);
        });
        const old = await put(indexed, firstId);
        await indexAll();
        const rows = [...old, ...(await put(recent, firstId + indexed.length))];
        firstId += rows.length;
        const part =
          typeof word === 'string'
            ? word
            : [...(indexed[word[0]]?.name ?? 'none')].slice(word[1], word[1] + word[2]).join('');
        if (part === '') return;
        const expected = rows
          .filter(({ person, kind, state }) => person === 'alice' && kind !== 'file' && state === 'present')
          .filter((row) => filter.kind === undefined || row.kind === filter.kind)
          .filter((row) => filter.phone === undefined || row.phone)
          .filter((row) => filter.to === undefined || row.wall < 2 * 86_400_000)
          .filter((row) => folded(row.name).includes(folded(part)))
          .map(({ id }) => id)
          .reverse();
        const { ids } = await searchAll(
          { name: part, limit, ...filter },
          { ...limits, idsMax: limits.idsMax + firstId },
        );
        expect(ids).toEqual(expected);
        found += ids.length;
      }),
      { numRuns: 100 },
    );
    expect(found).toBeGreaterThan(5);
  });

  it('stops when it has looked at enough, and goes on from there', async () => {
    await put(
      Array.from({ length: 30 }, (_, n) => photo(`IMG_${n % 10 === 0 ? 'rare' : 'usual'}_${n}.jpg`)),
      1,
    );
    const limits = { rowsMax: 8, idsMax: 1_000, stepRows: 4, stepIds: 50 };
    const scanned = await searchAll({ name: 'rare' }, limits);
    expect(scanned).toEqual({ ids: [21, 11, 1], pages: 4 });
    // By the index it looks at three rows; but it passes no more ids than it may.
    await indexAll();
    expect(await searchAll({ name: 'rare' }, limits)).toEqual({ ids: [21, 11, 1], pages: 1 });
    expect(await searchAll({ name: 'RARE_' }, { ...limits, idsMax: 6, stepIds: 3 })).toEqual({
      ids: [21, 11, 1],
      pages: 5,
    });
    // Two letters: the index has nothing to say.
    expect(await searchAll({ name: 'ar' }, limits)).toEqual({ ids: [21, 11, 1], pages: 4 });
  });

  it('takes no text for more than letters', async () => {
    await put([photo('a"b OR c*.jpg'), photo('a_b%c.jpg'), photo('NEAR(x).jpg')], 1);
    await indexAll();
    for (const [text, ids] of [
      ['"b OR c*', [1]],
      ['" OR "', []],
      ['a_b', [2]],
      ['b%c', [2]],
      ['a%c', []],
      ['near(', [3]],
      ['rowid:1', []],
      ['a\0b', []],
      ['\0\0\0', []],
      ['IMG/NEAR', []],
      ['Photos', []],
    ] as const) {
      expect((await searchAll({ name: text })).ids, JSON.stringify(text)).toEqual(ids);
    }
    await expect(searchNames(library, 'alice', { name: 'abc', cursor: 'x' })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    await expect(searchNames(library, 'alice', { name: 'abc', from: '2023-02-29' })).rejects.toMatchObject({
      code: 'invalid-request',
    });
  });
});

describe('the index of names', () => {
  it('goes as far as it says, also when it is cut off in the middle', async () => {
    await put(
      Array.from({ length: 5 }, (_, n) => photo(`IMG_${n}.jpg`)),
      1,
    );
    const cut = {
      writeRelaxed: <T>(run: (prepare: (sql: string) => Statement) => T): T =>
        database.writeRelaxed((prepare) =>
          run((text) => {
            if (text.startsWith('UPDATE name_index_end')) throw new Error('the power is gone');
            return prepare(text);
          }),
        ),
    };
    const run = nameIndexWork({ database: cut as unknown as Database })['index-names']?.run;
    await expect(run?.({} as never, new AbortController().signal)).rejects.toThrow('the power is gone');
    const range = { from: 1, before: 1_000 };
    expect([library.search.indexEnd(), library.search.candidates('"img"', range, 9)]).toEqual([0, []]);
    await indexAll();
    expect([library.search.indexEnd(), library.search.candidates('"img"', range, 9)]).toEqual([5, [5, 4, 3, 2, 1]]);
  });

  it('takes many in batches, stops when it is told to, and waits for names that may still change', async () => {
    await put(
      Array.from({ length: 1_001 }, (_, n) => photo(`IMG_${n}.jpg`)),
      1,
    );
    const stop = new AbortController();
    stop.abort(new Error('stopping'));
    await expect(nameIndexWork({ database })['index-names']?.run({} as never, stop.signal)).rejects.toThrow('stopping');
    expect(library.search.indexEnd()).toBe(0);
    await database.write(() => sql("INSERT INTO publishing (asset_id, source) VALUES (901, 'x')"));
    await indexAll();
    expect(library.search.indexEnd()).toBe(900);
    // One whose name it has already is published again: nothing waits for that.
    await database.write(() => sql("UPDATE publishing SET asset_id = 950, previous = 'missing'"));
    await indexAll();
    expect(library.search.indexEnd()).toBe(1_001);
    expect((await searchAll({ name: 'img_1000' })).ids).toEqual([1_001]);
  });
});

function photo(name: string): Made {
  return { name, person: 'alice', kind: 'photo', state: 'present', phone: true };
}
