import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Random } from '../../test/support/random.ts';
import { Database } from '../platform/database.ts';
import { ItemStore } from './items-store.ts';
import { StandingStore } from './standing-store.ts';
import { LibraryStore } from './store.ts';

const migrationsDir = new URL('../schema/library', import.meta.url).pathname;
const phones = ['one', 'two', 'three'] as const;
const states = ['publishing', 'present', 'missing', 'damaged', 'trashed', 'deleted'] as const;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-standing-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(migrations = migrationsDir): Database {
  const database = Database.open(join(dir, 'library.sqlite'), { migrationsDir: migrations, create: true });
  database.run("INSERT OR IGNORE INTO person (id, name, folder) VALUES ('alice', 'Alice', 'Alice')");
  return database;
}

let assets = 0;
function putAsset(database: Database, state: string, { addedAt = 0, kind = 'photo' } = {}): number {
  const path = `Photos/Alice/${++assets}.jpg`;
  return Number(
    database.run(
      `INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
         captured_from, state, added_at)
       VALUES ('alice', ?, ?, ?, 'image/jpeg', 1000, ?, 0, '2026-01-01T00:00:00', 'metadata', ?, ?)`,
      path,
      path,
      kind,
      randomBytes(32),
      state,
      addedAt,
    ).lastInsertRowid,
  );
}

function pick<T>(rng: Random, from: readonly T[]): T {
  return from[rng.whole(0, from.length - 1)] as T;
}

/** Any change that rows may see, as the box's verbs make them or not. */
function change(database: Database, rng: Random): void {
  const items = new ItemStore(database);
  const [phoneId, path] = [pick(rng, phones), `DCIM/${rng.whole(0, 11)}.jpg`];
  const facts = { phoneId, parent: 'DCIM', path, key: null, size: 1000, mtime: null, seenAt: rng.whole(0, 99) };
  const ids = database.all<{ id: number }>('SELECT id FROM asset').map(({ id }) => id);
  const asset = ids.length === 0 ? undefined : pick(rng, ids);
  const steps: Array<() => unknown> = [
    () => items.putWaiting(facts),
    () => items.putRefused(facts, 'unreadable'),
    () => asset !== undefined && items.putSafe(facts, asset),
    () => putAsset(database, pick(rng, states)),
    () => database.run('UPDATE asset SET state = ? WHERE id = ?', pick(rng, states), asset ?? 0),
    () => database.run('DELETE FROM asset WHERE id = ?', asset ?? 0),
    () => database.run('DELETE FROM phone_item WHERE phone_id = ? AND path = ?', phoneId, path),
    () => database.run('UPDATE phone_item SET folder = 1 - folder WHERE phone_id = ? AND path = ?', phoneId, path),
    () => items.forgetWaiting(phoneId, rng.whole(0, 99)),
  ];
  pick(rng, steps)();
}

function counted(database: Database) {
  const kept = new Map(new StandingStore(database).phones().map((it) => [it.phoneId, it]));
  return phones.map((phone) => {
    const { seen = 0, safe = 0, refused = 0, deleted = 0 } = kept.get(phone) ?? {};
    return { seen, safe, refused, deleted };
  });
}

function recounted(database: Database) {
  return phones.map((phone) => {
    const { seen, safe, refused, deleted } = new ItemStore(database).counts(phone);
    return { seen, safe, refused, deleted };
  });
}

function used(database: Database) {
  const people = database.all<{ id: string }>('SELECT DISTINCT person_id AS id FROM asset ORDER BY id');
  return people.map(({ id }) => new StandingStore(database).usage(id));
}

function addedUp(database: Database) {
  return database.all(
    `SELECT count(size) AS files, coalesce(sum(size), 0) AS bytes
     FROM (SELECT person_id, iif(state IN ('publishing', 'present', 'damaged', 'trashed'), size, NULL) AS size FROM asset)
     GROUP BY person_id ORDER BY person_id`,
  );
}

test('the kept counts are those that counting gives, whatever happens to items and assets', () => {
  const database = open();
  const rng = new Random(7);
  for (let step = 0; step < 3_000; step++) {
    change(database, rng);
    if (step % 10 !== 0) continue;
    expect(counted(database), `after step ${step}`).toEqual(recounted(database));
    expect(used(database), `after step ${step}`).toEqual(addedUp(database));
  }
  expect(recounted(database)).not.toEqual(phones.map(() => ({ seen: 0, safe: 0, refused: 0, deleted: 0 })));
  database.close();
});

test('a library of the release before is counted when it is opened, and what came of late with it', () => {
  const before = join(dir, 'before');
  mkdirSync(before);
  for (const name of readdirSync(migrationsDir).filter((one) => one < '0004')) {
    cpSync(join(migrationsDir, name), join(before, name));
  }
  const old = open(before);
  const rng = new Random(11);
  for (let step = 0; step < 400; step++) change(old, rng);
  const dayMs = 86_400_000;
  const items = new ItemStore(old);
  for (const addedAt of [400 * dayMs, 500 * dayMs + 1, 500 * dayMs + 299_999, 500 * dayMs + 300_000]) {
    const path = `late/${addedAt}.jpg`;
    const facts = { phoneId: 'late', parent: 'late', path, key: null, size: 1, mtime: null, seenAt: addedAt };
    items.putSafe(facts, putAsset(old, 'present', { addedAt }));
  }
  old.close();
  const database = open();
  const standing = new StandingStore(database);
  expect(counted(database)).toEqual(recounted(database));
  expect(used(database)).toEqual(addedUp(database));
  expect(standing.phones()).toContainEqual(
    expect.objectContaining({ phoneId: 'late', safe: 4, lastArrivedAt: 500 * dayMs + 300_000, toldAt: null }),
  );
  expect(standing.arrivals(400 * dayMs)).toEqual([
    { at: 500 * dayMs, phoneId: 'late', files: 2, bytes: 2_000 },
    { at: 500 * dayMs + 300_000, phoneId: 'late', files: 1, bytes: 1_000 },
  ]);
  database.close();
});

test('an arrival counts once, for the phone that sent it, in its five minutes; weeks later it is forgotten', () => {
  const database = open();
  const rows = new LibraryStore(database);
  const items = new ItemStore(database);
  const standing = new StandingStore(database);
  const send = (phoneId: string, at: number, asset: number) => {
    const path = `DCIM/${asset}.jpg`;
    items.putSafe({ phoneId, parent: 'DCIM', path, key: null, size: 1, mtime: null, seenAt: at }, asset);
    rows.confirmPublished(asset, { at, trashed: false });
  };
  const day = 86_400_000;
  const first = putAsset(database, 'publishing');
  send('one', 10 * day + 1, first);
  send('one', 10 * day + 299_999, putAsset(database, 'publishing'));
  // Its file was taken away by hand, and another phone that has it too brings it back.
  database.run("UPDATE asset SET state = 'missing' WHERE id = ?", first);
  rows.reserveAgain(first, 'incoming');
  send('two', 10 * day + 300_000, first);
  expect(standing.arrivals(10 * day)).toEqual([
    { at: 10 * day, phoneId: 'one', files: 2, bytes: 2_000 },
    { at: 10 * day + 300_000, phoneId: 'two', files: 1, bytes: 1_000 },
  ]);
  expect(standing.arrivals(10 * day + 1)).toHaveLength(1);
  const lasts = standing.phones().map(({ phoneId, lastArrivedAt }) => [phoneId, lastArrivedAt]);
  expect(lasts).toEqual([
    ['one', 10 * day + 299_999],
    ['two', 10 * day + 300_000],
  ]);
  // The late half of a deleted photo is nothing new.
  const half = putAsset(database, 'publishing');
  rows.confirmPublished(half, { at: 11 * day, trashed: true });
  send('two', 60 * day, putAsset(database, 'publishing'));
  expect(standing.arrivals(0)).toEqual([{ at: 60 * day, phoneId: 'two', files: 1, bytes: 1_000 }]);
  database.close();
});

test('the newest entries of one person, the last first, as many as are asked for, and how many there are', () => {
  const database = open();
  const standing = new StandingStore(database);
  const ids = [100, 300, 200].map((addedAt) => putAsset(database, 'publishing', { addedAt }));
  const file = putAsset(database, 'publishing', { addedAt: 400, kind: 'file' });
  for (const id of [...ids, file]) database.run("UPDATE asset SET state = 'present' WHERE id = ?", id);
  expect(standing.newest('alice', 150, 10).map(({ id }) => id)).toEqual([ids[1], ids[2]]);
  expect(standing.newest('alice', 0, 2).map(({ id }) => id)).toEqual([ids[1], ids[2]]);
  expect(standing.countNew('alice', 0)).toBe(3);
  expect(standing.newest('alice', 0, 1)).toEqual([
    { id: ids[1], kind: 'photo', width: null, height: null, thumbhash: null },
  ]);
  database.run("UPDATE asset SET state = 'trashed' WHERE id = ?", ids[1]);
  expect([standing.countNew('alice', 0), standing.countNew('bob', 0)]).toEqual([2, 0]);
  database.close();
});
