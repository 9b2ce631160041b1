import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationsOf, notAdditive, schemaAt } from '../../test/support/additive.ts';
import { Database } from './database.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-migrations-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const first = 'CREATE TABLE photo (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;';

/** A release's folder of migrations. */
function release(name: string, migrations: readonly string[], compatibleFrom?: string): string {
  const folder = join(dir, name);
  mkdirSync(folder);
  for (const [index, sql] of migrations.entries()) writeFileSync(join(folder, `000${index + 1}-x.sql`), sql);
  if (compatibleFrom !== undefined) writeFileSync(join(folder, 'compatible-from'), compatibleFrom);
  return folder;
}
const open = (migrationsDir: string) => Database.open(join(dir, 'it.sqlite'), { migrationsDir, create: true });
const versionOf = (database: Database) => database.get<{ user_version: number }>('PRAGMA user_version')?.user_version;

it('lets the release before use what a newer one made, which the newer one then finds as it was', async () => {
  const old = release('old', [first]);
  const next = release('new', [first, "ALTER TABLE photo ADD COLUMN place TEXT NOT NULL DEFAULT 'here';"], '1\n');
  open(old).close();
  const newer = open(next);
  await newer.write(() => newer.run("INSERT INTO photo (name, place) VALUES ('by the new one', 'there')"));
  newer.close();

  const back = open(old);
  expect(versionOf(back)).toBe(2);
  await back.write(() => back.run("INSERT INTO photo (name) VALUES ('by the old one')"));
  back.close();

  const again = open(next);
  expect(versionOf(again)).toBe(2);
  expect(again.all('SELECT name, place FROM photo ORDER BY id')).toEqual([
    { name: 'by the new one', place: 'there' },
    { name: 'by the old one', place: 'here' },
  ]);
  again.close();
});

it('lets the release before in where the newer one ended in the middle of its migrations', () => {
  const old = release('old', [first], '1');
  const column = 'ALTER TABLE photo ADD COLUMN place TEXT;';
  const broken = release('broken', [first, column, 'CREATE TABLE photo (id INTEGER);'], '1');
  open(old).close();
  expect(() => open(broken)).toThrow(/already exists/);
  const back = open(old);
  expect(versionOf(back)).toBe(2);
  back.close();
  open(release('mended', [first, column, 'CREATE TABLE more (id INTEGER);'], '1')).close();
  open(old).close();
});

it('lets the release before in where the newer one was killed in the middle of its migrations', async () => {
  const old = release('old', [first], '1');
  // The third one takes longer than anybody waits.
  const endless =
    'CREATE TABLE more AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;';
  const killed = release('killed', [first, 'ALTER TABLE photo ADD COLUMN place TEXT;', endless], '1');
  open(old).close();
  const program = `
    const { Database } = await import(${JSON.stringify(new URL('./database.ts', import.meta.url).href)});
    Database.open(process.argv[1], { migrationsDir: process.argv[2], create: false });`;
  const path = join(dir, 'it.sqlite');
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path, killed], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)));
  const looks = new Sqlite(path, { readonly: true });
  await expect.poll(() => looks.pragma('user_version', { simple: true }), { timeout: 30_000 }).toBe(2);
  looks.close();
  child.kill('SIGKILL');
  expect(await ended).toBe('SIGKILL');
  const back = open(old);
  expect(versionOf(back)).toBe(2);
  back.close();
});

it('refuses what a newer release made for none but its own, and changes nothing', () => {
  const old = release('old', [first], '1');
  open(release('new', [first, 'ALTER TABLE photo RENAME COLUMN name TO title;'], '2')).close();
  const before = readFileSync(join(dir, 'it.sqlite'));
  expect(() => open(old)).toThrow(/schema 2, this one knows 1/);
  expect(readFileSync(join(dir, 'it.sqlite'))).toEqual(before);
});

it('lets in the release before, and not the one before that', () => {
  const column = (name: string) => `ALTER TABLE photo ADD COLUMN ${name} TEXT;`;
  const one = release('one', [first], '1');
  const two = release('two', [first, column('a')], '1');
  open(release('three', [first, column('a'), column('b')], '2')).close();
  open(two).close();
  expect(() => open(one)).toThrow(/schema 3, this one knows 1/);
});

it('believes no word of the future where no program said it', () => {
  const old = release('old', [first], '1');
  open(old).close();
  const raw = new Sqlite(join(dir, 'it.sqlite'));
  raw.pragma('user_version = 999');
  // As it was written for this schema: for that one it says nothing.
  expect(() => open(old)).toThrow(/newer Nightjar/);
  for (const said of [0, -1, 1, 998 * 2 ** 16 + 1, 999 * 2 ** 16, 999 * 2 ** 16 + 2]) {
    raw.pragma(`application_id = ${said}`);
    expect(() => open(old), String(said)).toThrow(/newer Nightjar/);
  }
  raw.close();
});

it('refuses a folder that says nothing that can be', () => {
  for (const [index, said] of ['2', '0', 'one', ''].entries())
    expect(() => open(release(`r${index}`, [first], said)), said).toThrow(/compatible-from/);
});

for (const schema of ['box-state', 'library']) {
  const folder = new URL(`../schema/${schema}`, import.meta.url).pathname;

  it(`only adds to ${schema} what the release before need not know`, () => {
    const from = Number(readFileSync(join(folder, 'compatible-from'), 'utf8'));
    const files = migrationsOf(folder);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(files.length);
    expect(notAdditive(schemaAt(folder, from), schemaAt(folder, files.length))).toEqual([]);
  });

  it(`lets a program that knows ${schema} up to now use it after a table and a column more`, () => {
    const files = migrationsOf(folder);
    const next = join(dir, 'next');
    mkdirSync(next);
    for (const name of files) copyFileSync(join(folder, name), join(next, name));
    writeFileSync(join(next, '9999-more.sql'), 'CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT;');
    writeFileSync(join(next, 'compatible-from'), String(files.length));
    open(next).close();
    const back = open(folder);
    expect(versionOf(back)).toBe(files.length + 1);
    back.close();
  });
}

it('finds what is not additive', () => {
  const base = `${first} CREATE INDEX by_name ON photo (name); CREATE TRIGGER t AFTER INSERT ON photo BEGIN SELECT 1; END;`;
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ['CREATE TABLE more (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;', undefined],
    ['ALTER TABLE photo ADD COLUMN place TEXT;', undefined],
    ['CREATE INDEX more ON photo (name, id);', undefined],
    ['DROP TABLE photo;', /table photo is gone/],
    ['ALTER TABLE photo RENAME COLUMN name TO title;', /photo\.name is gone or another/],
    ['DROP INDEX by_name;', /index by_name is gone/],
    ['CREATE UNIQUE INDEX one ON photo (name);', /new rule of photo/],
    ['CREATE TRIGGER u BEFORE INSERT ON photo BEGIN SELECT 1; END;', /new rule of photo/],
    ['ALTER TABLE photo ADD COLUMN place TEXT CHECK (length(place) > 3);', /other rules/],
    ['DROP TRIGGER t; CREATE TRIGGER t AFTER INSERT ON photo BEGIN SELECT 2; END;', /trigger t is another/],
  ];
  for (const [index, [change, wrong]] of cases.entries()) {
    const folder = release(`c${index}`, [base, change]);
    const found = notAdditive(schemaAt(folder, 1), schemaAt(folder, 2)).join('; ');
    if (wrong === undefined) expect(found, change).toBe('');
    else expect(found, change).toMatch(wrong);
  }
});
