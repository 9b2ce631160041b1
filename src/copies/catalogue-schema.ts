/**
 * Whether a catalogue's schema is the one that this program makes, or that one and what a newer program may have added to it
 * (`schema/README.md`). Text by text: nothing of it is run here. Only the catalogue's check calls it.
 */
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export type SchemaRow = Readonly<{ type: string; name: string; tbl_name: string; sql: string | null }>;

const schemaSql = 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name';
/** Of what was added to a table's text. */
const addedCharsMax = 4_000;

const name = '"?[A-Za-z][A-Za-z0-9_]{0,60}"?';
const literal = "(?:NULL|[-+]?\\d{1,20}(?:\\.\\d{1,20})?|'[^']*')";
const ruleless = `(?:\\s+NOT NULL\\s+DEFAULT\\s+${literal}|\\s+DEFAULT\\s+${literal}(?:\\s+NOT NULL)?)?`;
/** As ALTER TABLE ADD COLUMN writes them: columns that may be null or have a default, and bring no rule. */
const addedColumns = new RegExp(`^(?:,\\s*${name}\\s+(?:TEXT|INTEGER|REAL|BLOB)${ruleless})+$`, 'i');
/** On columns as they are: no function, no condition, nothing unique. */
const plainIndex = new RegExp(
  `^CREATE INDEX ${name}\\s+ON\\s+${name}\\s*\\(\\s*${name}(?:\\s+DESC)?(?:\\s*,\\s*${name}(?:\\s+DESC)?)*\\s*\\)$`,
  'i',
);
const plainName = new RegExp(`^${name}$`);

export function schemaOf(catalogue: DatabaseSync): SchemaRow[] {
  return catalogue.prepare(schemaSql).all() as SchemaRow[];
}

/** As the migrations make it. */
export function ourSchema(migrations: readonly string[]): SchemaRow[] {
  const made = new DatabaseSync(':memory:');
  try {
    for (const file of migrations) made.exec(readFileSync(file, 'utf8'));
    return schemaOf(made);
  } finally {
    made.close();
  }
}

export function isSame(schema: readonly SchemaRow[], ours: readonly SchemaRow[]): boolean {
  return JSON.stringify(schema) === JSON.stringify(ours);
}

/**
 * Whether all of ours stands there, and besides only new tables, plain indexes, and columns without a rule. Fewer than a newer
 * program may add: no trigger at all, since nobody here could say what it does.
 */
export function onlyAdds(schema: readonly SchemaRow[], ours: readonly SchemaRow[]): boolean {
  const keyOf = (row: SchemaRow) => `${row.type} ${row.name}`;
  const there = new Map(schema.map((row) => [keyOf(row), row]));
  const known = new Set(ours.map(keyOf));
  const oldTables = new Set(ours.filter(({ type }) => type === 'table').map((row) => row.name));
  return (
    there.size === schema.length &&
    ours.every((row) => isKept(row, there.get(keyOf(row)))) &&
    schema.every((row) => known.has(keyOf(row)) || isAddition(row, oldTables))
  );
}

function isKept(row: SchemaRow, now: SchemaRow | undefined): boolean {
  if (now === undefined || now.tbl_name !== row.tbl_name) return false;
  return now.sql === row.sql || (row.type === 'table' && hasMoreColumns(row.sql ?? '', now.sql ?? ''));
}

/** SQLite puts them in one after the other, at one place of the text. */
function hasMoreColumns(before: string, after: string): boolean {
  const length = after.length - before.length;
  if (length <= 0 || length > addedCharsMax) return false;
  for (let at = 0; at <= before.length && before.slice(0, at) === after.slice(0, at); at += 1) {
    const fits = before.slice(at) === after.slice(at + length);
    if (fits && addedColumns.test(after.slice(at, at + length))) return true;
  }
  return false;
}

function isAddition(row: SchemaRow, oldTables: ReadonlySet<string>): boolean {
  const onNew = !oldTables.has(row.tbl_name);
  if (row.type === 'table') return plainName.test(row.name) && !/^sqlite_/i.test(row.name) && isPlainTable(row.sql);
  // Without a text: of a rule that stands in a new table's own.
  return row.type === 'index' && (row.sql === null ? onNew : plainIndex.test(row.sql));
}

function isPlainTable(sql: string | null): boolean {
  return /^CREATE TABLE /i.test(sql ?? '');
}
