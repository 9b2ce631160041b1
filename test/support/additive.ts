/** Whether a newer schema only adds to an older one: what a program that knows the older one would trip over. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

type Item = { type: string; name: string; tbl_name: string; sql: string | null };
type Column = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number; hidden: number };

/** The database that the first `count` migrations of `dir` make. */
export function schemaAt(dir: string, count: number): Sqlite.Database {
  const database = new Sqlite(':memory:');
  for (const name of migrationsOf(dir).slice(0, count)) database.exec(readFileSync(join(dir, name), 'utf8'));
  return database;
}

export function migrationsOf(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** In words; empty: the newer one only adds. */
export function notAdditive(older: Sqlite.Database, newer: Sqlite.Database): string[] {
  const before = itemsOf(older);
  const after = itemsOf(newer);
  const tables = new Set(before.filter(({ type }) => type === 'table').map(({ name }) => name));
  const wrong: string[] = [];
  for (const item of before) {
    const now = after.find(({ type, name }) => type === item.type && name === item.name);
    if (now === undefined) wrong.push(`${item.type} ${item.name} is gone`);
    else if (item.type === 'table') wrong.push(...changedColumns(older, newer, item.name));
    else if (now.sql !== item.sql) wrong.push(`${item.type} ${item.name} is another`);
  }
  for (const item of after) {
    const known = before.some(({ type, name }) => type === item.type && name === item.name);
    if (known || !tables.has(item.tbl_name)) continue;
    const rule =
      item.type === 'trigger' || (item.type === 'index' && /^\s*CREATE\s+UNIQUE/i.test(item.sql ?? 'CREATE UNIQUE'));
    if (rule) wrong.push(`${item.type} ${item.name} is a new rule of ${item.tbl_name}`);
  }
  return wrong;
}

function itemsOf(database: Sqlite.Database): Item[] {
  return database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema').all() as Item[];
}

function changedColumns(older: Sqlite.Database, newer: Sqlite.Database, table: string): string[] {
  const before = columnsOf(older, table);
  const after = columnsOf(newer, table);
  const wrong: string[] = [];
  for (const column of before) {
    const now = after.find(({ name }) => name === column.name);
    if (JSON.stringify(now) !== JSON.stringify(column)) wrong.push(`column ${table}.${column.name} is gone or another`);
  }
  for (const column of after) {
    if (before.some(({ name }) => name === column.name)) continue;
    if (column.notnull === 1 && column.dflt_value === null) wrong.push(`column ${table}.${column.name} must be told`);
  }
  // Rules that stand in the table's own text cannot be added by ALTER TABLE ADD COLUMN, but for those of the new column.
  const own = (database: Sqlite.Database) =>
    (itemsOf(database).find(({ type, name }) => type === 'table' && name === table)?.sql ?? '').match(
      /\b(CHECK|UNIQUE)\b/gi,
    );
  if ((own(newer)?.length ?? 0) !== (own(older)?.length ?? 0)) wrong.push(`table ${table} has other rules`);
  return wrong;
}

function columnsOf(database: Sqlite.Database, table: string): Column[] {
  return database
    .prepare('SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)')
    .all(table) as Column[];
}
