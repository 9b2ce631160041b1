/** What the triggers of the catalogue keep (`shown`, `shown_by_phone`, `month_count`) is what could be worked out anew. */
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../platform/database.ts';
import { type ItemFacts, ItemStore } from './items-store.ts';
import { LibraryStore } from './store.ts';

const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
const people = ['alice', 'bob'];
/** The first two are Alice's, the last is Bob's. */
const phones = ['pixel', 'tablet', 'iphone'];
const personOf = (phone: number) => people[phone === 2 ? 1 : 0] as string;
const locals = ['2024-01-31T23:59:59', '2024-02-01T00:00:00', '2024-02-01T00:00:00', '1999-12-31T12:00:00'];

const states = ['publishing', 'present', 'missing', 'damaged', 'trashed', 'deleted'] as const;
const phone = fc.nat({ max: phones.length - 1 });
const path = fc.nat({ max: 9 }).map((n) => `DCIM/${n}.jpg`);
const pair = fc.constantFrom(null, null, 'live-1', 'live-2');
const which = fc.nat({ max: 11 });
const arrive = fc.record({
  kind: fc.constant('arrive' as const),
  phone,
  path,
  of: fc.constantFrom('photo', 'video', 'photo', 'video', 'sidecar', 'file'),
  pair,
  local: fc.nat({ max: locals.length - 1 }),
});
const step = fc.oneof(
  arrive,
  arrive,
  arrive,
  fc.record({ kind: fc.constant('state' as const), which, state: fc.constantFrom(...states, 'present' as const) }),
  fc.record({ kind: fc.constant('told' as const), phone, path, which: fc.option(which) }),
  fc.record({ kind: fc.constant('forget' as const), phone }),
  fc.record({ kind: fc.constant('remove-item' as const), which }),
  fc.record({ kind: fc.constant('dropped' as const), phone, path, pair }),
  fc.record({ kind: fc.constant('pair' as const), which, pair }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly #database: Database;
  readonly #rows: LibraryStore;
  readonly #items: ItemStore;
  readonly #assets: Array<{ id: number; phone: number }> = [];
  #count = 0;

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new LibraryStore(database);
    this.#items = new ItemStore(database);
    for (const id of people) this.#rows.putPerson({ id, name: id, folder: id });
  }

  take(step: Step): void {
    const asset = 'which' in step && step.which !== null ? this.#assets[step.which] : undefined;
    switch (step.kind) {
      case 'arrive': {
        const id = this.#reserve(step.phone, step.of, step.pair, locals[step.local] as string);
        this.#items.putSafe(facts(step.phone, step.path), id);
        this.#sql("UPDATE asset SET state = 'present' WHERE id = ?", id);
        this.#assets.push({ id, phone: step.phone });
        return;
      }
      case 'dropped': {
        const id = this.#reserve(step.phone, 'photo', step.pair, '2024-01-01T00:00:00');
        this.#items.putSafe(facts(step.phone, step.path), id);
        this.#rows.dropReserved(id, null);
        return;
      }
      case 'told':
        // Only what a person has can be told as that person's.
        if (asset === undefined || personOf(asset.phone) !== personOf(step.phone)) {
          this.#items.putWaiting(facts(step.phone, step.path));
        } else this.#items.putSafe(facts(step.phone, step.path), asset.id);
        return;
      case 'forget':
        this.#items.forgetWaiting(phones[step.phone] as string, 1e12);
        return;
      case 'remove-item':
        this.#sql(
          'DELETE FROM phone_item WHERE id = (SELECT id FROM phone_item ORDER BY id LIMIT 1 OFFSET ?)',
          step.which,
        );
        return;
      case 'state':
        this.#sql('UPDATE asset SET state = ? WHERE id = ?', step.state, asset?.id ?? 0);
        return;
      case 'pair':
        this.#sql('UPDATE asset SET pair = ? WHERE id = ?', step.pair, asset?.id ?? 0);
    }
  }

  #reserve(of: number, kind: 'photo' | 'video' | 'sidecar' | 'file', pair: string | null, local: string): number {
    const n = ++this.#count;
    return this.#rows.reserve(
      {
        personId: personOf(of),
        path: `Photos/${n}`,
        pathKey: `photos/${n}`,
        kind,
        mediaType: 'image/jpeg',
        size: n,
        sha256: Buffer.from(`${n}`),
        mtime: null,
        capture: { at: Date.parse(`${local}+02:00`) + 250, local, from: 'metadata' },
        pair,
        addedAt: 0,
      },
      `${n}`,
    );
  }

  #sql(text: string, ...values: unknown[]): void {
    this.#database.prepare(text).run(...values);
  }
}

function facts(phone: number, path: string): ItemFacts {
  const phoneId = phones[phone] as string;
  return { phoneId, parent: 'DCIM', path, key: null, size: 1, mtime: 1, seenAt: 0 };
}

type Asset = { id: number; person_id: string; kind: string; pair: string | null; state: string; shown: number };
type Dated = Asset & { captured_wall: number; captured_local: string };

/** What is kept, and what it should be. */
function keptAndTrue(database: Database) {
  const all = <Row>(sql: string) => database.prepare(sql).all() as Row[];
  const assets = all<Dated>('SELECT * FROM asset ORDER BY id');
  const photos = assets.filter(({ kind, state }) => kind === 'photo' && state === 'present');
  const isShown = ({ kind, state, pair, person_id }: Asset) =>
    state === 'present' &&
    (kind === 'photo' ||
      (kind === 'video' && !photos.some((one) => one.person_id === person_id && pair !== null && one.pair === pair)));
  const shown = assets.filter(isShown);
  const byPhone = new Set<string>();
  const counts = new Map<string, number>();
  const add = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const items = all<{ phone_id: string; asset_id: number | null }>('SELECT phone_id, asset_id FROM phone_item');
  for (const { id, person_id, kind, captured_wall, captured_local } of shown) {
    const month = captured_local.slice(0, 7);
    add(`${person_id} - ${month} ${kind}`);
    for (const phone of new Set(items.filter((item) => item.asset_id === id).map(({ phone_id }) => phone_id))) {
      byPhone.add(`${phone} ${kind} ${captured_wall} ${id}`);
      add(`${person_id} ${phone} ${month} ${kind}`);
    }
  }
  type Count = { person_id: string; phone_id: string; month: string; kind: string; count: number };
  const kept = all<Count>('SELECT * FROM month_count WHERE count <> 0').map((row) => {
    const { person_id, phone_id, month, kind, count } = row;
    return `${person_id} ${phone_id === '' ? '-' : phone_id} ${month} ${kind}: ${count}`;
  });
  type Shown = { phone_id: string; kind: string; captured_wall: number; asset_id: number };
  const wanted = all<{ asset_id: number }>('SELECT asset_id FROM picture').map(({ asset_id }) => asset_id);
  return {
    kept: {
      shown: assets.filter((asset) => asset.shown === 1).map(({ id }) => id),
      byPhone: all<Shown>('SELECT * FROM shown_by_phone')
        .map((row) => `${row.phone_id} ${row.kind} ${row.captured_wall} ${row.asset_id}`)
        .sort(),
      counts: kept.sort(),
      withoutPicture: shown.filter(({ id }) => !wanted.includes(id)).map(({ id }) => id),
    },
    true: {
      shown: shown.map(({ id }) => id),
      byPhone: [...byPhone].sort(),
      counts: [...counts].map(([key, count]) => `${key}: ${count}`).sort(),
      withoutPicture: [],
    },
  };
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-shown-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const undone = new Error('taken back');

describe('what the triggers keep', () => {
  it('is true after every step of arrivals, trash, restoring, loss, and items and pairs in any order', async () => {
    const database = Database.open(join(dir, 'steps.sqlite'), { migrationsDir, create: true });
    let most = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
        const run = database.write(() => {
          const world = new World(database);
          for (const one of steps) {
            world.take(one);
            const now = keptAndTrue(database);
            expect(now.kept).toEqual(now.true);
            most = Math.max(most, now.true.byPhone.length);
          }
          throw undone; // The next sequence begins with an empty catalogue.
        });
        await run.catch((error: unknown) => {
          if (error !== undone) throw error;
        });
      }),
      { numRuns: 300 },
    );
    // Sequences in which next to nothing is shown would show nothing.
    expect(most).toBeGreaterThan(5);
    database.close();
  });
});

function putOldAsset(old: Database, n: number): void {
  const local = locals[n % locals.length] as string;
  old
    .prepare(
      `INSERT INTO asset (id, person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
         captured_from, pair, state, added_at) VALUES (?, ?, ?, ?, ?, 'x/y', 1, ?, ?, ?, 'metadata', ?, ?, 0)`,
    )
    .run(
      n + 1,
      people[n % 2],
      `${n}`,
      `${n}`,
      ['photo', 'video', 'photo', 'sidecar', 'video', 'file'][n % 6],
      Buffer.from(`${n}`),
      Date.parse(`${local}-03:00`) + n,
      local,
      n % 5 === 0 ? `live-${n % 7}` : null,
      n % 11 === 0 ? states[n % states.length] : 'present',
    );
}

function putOldItems(old: Database, n: number): void {
  const item = old.prepare('INSERT INTO phone_item (phone_id, parent, path, asset_id, seen_at) VALUES (?, ?, ?, ?, 0)');
  if (n % 3 < 2) item.run(n % 2 === 1 ? 'iphone' : 'pixel', '', `${n}`, n + 1);
  if (n % 4 === 0) item.run('tablet', '', `${n}`, n + 1);
  if (n % 8 === 0) item.run('tablet', '', `${n} again`, n + 1);
}

describe('a library of the first schema', () => {
  it('is shown, counted and wanted as pictures once it is migrated', async () => {
    const first = join(dir, 'first-schema');
    await mkdir(first);
    const [name = ''] = (await readdir(migrationsDir)).sort();
    await copyFile(join(migrationsDir, name), join(first, name));
    const file = join(dir, 'old.sqlite');
    const old = Database.open(file, { migrationsDir: first, create: true });
    await old.write(() => {
      for (const id of people) {
        old.prepare('INSERT INTO person (id, name, folder) VALUES (?, ?, ?)').run(id, id, id);
      }
      for (let n = 0; n < 200; n++) {
        putOldAsset(old, n);
        putOldItems(old, n);
      }
    });
    old.close();
    const database = Database.open(file, { migrationsDir, create: false });
    const { kept, true: expected } = keptAndTrue(database);
    expect(kept).toEqual(expected);
    expect(expected.shown.length).toBeGreaterThan(80);
    expect(expected.byPhone.length).toBeGreaterThan(80);
    const walls = database.prepare<[], { captured_wall: number; captured_local: string; captured_at: number }>(
      'SELECT captured_wall, captured_local, captured_at FROM asset',
    );
    for (const { captured_wall, captured_local, captured_at } of walls.all()) {
      expect(captured_wall).toBe(Date.parse(`${captured_local}Z`) + (((captured_at % 1000) + 1000) % 1000));
    }
    database.close();
  });
});
