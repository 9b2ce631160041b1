import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrationsOf } from '../../test/support/additive.ts';
import { migrationsDir } from '../../test/support/open-library.ts';
import { Database } from '../platform/database.ts';
import { checkCatalogue } from './catalogue-check.ts';

const known = migrationsOf(migrationsDir).length;
let dir: string;
let made = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-catalogue-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the program of today says of a catalogue that a newer one made by this, before and after it was opened once. */
async function verdictOn(migration: string, compatibleFrom: number): Promise<string> {
  made += 1;
  const disk = join(dir, String(made));
  mkdirSync(join(disk, '.nightjar'), { recursive: true });
  const newer = join(disk, 'migrations');
  cpSync(migrationsDir, newer, { recursive: true });
  writeFileSync(join(newer, `${known + 1}-x.sql`.padStart(10, '0')), migration);
  writeFileSync(join(newer, 'compatible-from'), String(compatibleFrom));
  const file = join(disk, '.nightjar/library.sqlite');
  const database = Database.open(file, { migrationsDir: newer, create: true });
  await database.write(() => database.run("INSERT INTO person (id, name, folder) VALUES ('a', 'Alice', 'Alice')"));
  database.close();
  const order = { file, diskDir: disk, migrationsDir, whole: true };
  const seen = await checkCatalogue({ ...order, untouched: true });
  if (seen.verdict === 'ours') {
    expect(seen.people).toEqual([{ id: 'a', name: 'Alice', folder: 'Alice', files: 0 }]);
    Database.open(file, { migrationsDir, create: false }).close();
  }
  return seen.verdict;
}

it('takes what a newer program made and only added to, and nothing that it cannot judge', {
  timeout: 120_000,
}, async () => {
  const added = [
    'CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT; CREATE INDEX m ON more (name, id);',
    'ALTER TABLE person ADD COLUMN a TEXT; ALTER TABLE person ADD COLUMN "b" INTEGER NOT NULL DEFAULT -1;',
    "ALTER TABLE asset ADD COLUMN place TEXT NOT NULL DEFAULT 'here'; CREATE INDEX by_place ON asset (place, id DESC);",
    'ALTER TABLE upload ADD COLUMN a REAL DEFAULT 1.5; ALTER TABLE phone_item ADD COLUMN b BLOB;',
  ];
  for (const migration of added) expect(await verdictOn(migration, known), migration).toBe('ours');
  const others = [
    'CREATE TABLE more (id INTEGER) STRICT; CREATE TRIGGER t AFTER INSERT ON more BEGIN DELETE FROM asset; END;',
    'CREATE TRIGGER t AFTER INSERT ON asset BEGIN DELETE FROM asset; END;',
    'CREATE VIEW v AS SELECT 1;',
    'CREATE VIRTUAL TABLE f USING fts5 (a);',
    'CREATE UNIQUE INDEX i ON asset (size);',
    'CREATE INDEX i ON asset (hex(sha256));',
    'CREATE INDEX i ON asset (size) WHERE abs(size) > 1;',
    'ALTER TABLE person ADD COLUMN g TEXT AS (hex(zeroblob(100000000))) VIRTUAL;',
    'ALTER TABLE person ADD COLUMN g TEXT CHECK (length(g) > 3);',
    'ALTER TABLE person ADD COLUMN g TEXT DEFAULT (hex(zeroblob(100000000)));',
    'ALTER TABLE person ADD COLUMN g TEXT REFERENCES asset (id);',
    'ALTER TABLE phone_item RENAME COLUMN mtime TO changed;',
    'CREATE TABLE "odd "" name" (path TEXT);',
    'DROP TABLE relocation;',
  ];
  for (const migration of others) expect(await verdictOn(migration, known), migration).toBe('future');
});

it('takes nothing of which its program said that this one may not use it', async () => {
  const column = 'ALTER TABLE person ADD COLUMN a TEXT;';
  expect(await verdictOn(column, known + 1)).toBe('future');
  expect(await verdictOn(column, known)).toBe('ours');
  const file = join(dir, String(made), '.nightjar/library.sqlite');
  const raw = new Sqlite(file);
  const order = { file, diskDir: join(dir, String(made)), migrationsDir, untouched: false, whole: true };
  for (const word of [0, -1, known, (known + 2) * 2 ** 16 + 1]) {
    raw.pragma(`application_id = ${word}`);
    expect(await checkCatalogue(order), String(word)).toEqual({ verdict: 'future' });
  }
  raw.close();
});
