/**
 * A thread that reads a catalogue which came from elsewhere, and says what it is. The machine's own SQLite of Node, since
 * that can read a file without leaving a trace beside it; nothing of the catalogue's schema is run before it is known to be
 * ours, text by text. Never writes to it.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { isUsable } from '../platform/migrations.ts';
import type { CatalogueOrder, CataloguePerson, CatalogueVerdict } from './catalogue-check.ts';
import { isSame, onlyAdds, ourSchema, type SchemaRow, schemaOf } from './catalogue-schema.ts';

const cacheKiB = 4_096;
/** Names that a phone gave, and folders of other disks: they lead nowhere on this one. */
const tablesOfOthers = new Set(['phone_item', 'import']);
const pathColumns = new Set(['path', 'folder', 'source']);
const peopleMax = 10_000;
const tooLong = ['id', 'name', 'folder'].map((column) => `octet_length("${column}") > 1000`).join(' OR ');
const foldersMax = 1_000_000;

function check(order: CatalogueOrder): CatalogueVerdict {
  // Immutable: nothing is made beside it, and what stands in its log alone is not seen.
  const url = pathToFileURL(order.file);
  if (order.untouched) url.searchParams.set('immutable', '1');
  let catalogue: DatabaseSync | undefined;
  try {
    catalogue = new DatabaseSync(url, { readOnly: true, allowExtension: false });
    return read(catalogue, order);
  } catch {
    // Cut off, overwritten, or no database at all.
    return { verdict: 'damaged' };
  } finally {
    catalogue?.close();
  }
}

function read(catalogue: DatabaseSync, order: CatalogueOrder): CatalogueVerdict {
  for (const pragma of ['trusted_schema = OFF', 'cell_size_check = ON', 'mmap_size = 0', `cache_size = -${cacheKiB}`])
    catalogue.exec(`PRAGMA ${pragma}`);
  const files = readdirSync(order.migrationsDir)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .sort();
  const { user_version: version } = catalogue.prepare('PRAGMA user_version').get() as { user_version: number };
  const { application_id: word } = catalogue.prepare('PRAGMA application_id').get() as { application_id: number };
  const known = files.length;
  const newer = version > known;
  if (newer && !isUsable({ migrations: version, word, known })) return { verdict: 'future' };
  const schema = schemaOf(catalogue);
  const ours = ourSchema(files.slice(0, Math.max(0, version)).map((name) => join(order.migrationsDir, name)));
  // A newer program said that this one may use it: so after the box went back to its old version.
  if (newer && !onlyAdds(schema, ours)) return { verdict: 'future' };
  if (version < 1 || (!newer && !isSame(schema, ours))) return { verdict: 'foreign' };
  // Without reading it: what is no name of ours would take the box's memory.
  if (catalogue.prepare(`SELECT 1 FROM person WHERE ${tooLong} LIMIT 1`).get() !== undefined)
    return { verdict: 'damaged' };
  if (order.whole) {
    const whole = catalogue.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (whole.quick_check !== 'ok') return { verdict: 'damaged' };
    if (leadsOut(catalogue, schema) || hasLinks(catalogue, order.diskDir)) return { verdict: 'leads-out' };
  }
  const people = catalogue
    .prepare(
      `SELECT id, name, folder,
         (SELECT count(*) FROM asset WHERE person_id = person.id AND state = 'present') AS files
       FROM person LIMIT ?`,
    )
    .all(peopleMax) as CataloguePerson[];
  return { verdict: 'ours', people: people.map((person) => ({ ...person })) };
}

/** Whether a row names a file that is not on the disk: what the box would read, move or remove there. */
function leadsOut(catalogue: DatabaseSync, schema: readonly SchemaRow[]): boolean {
  for (const { name: table } of schema.filter(({ type }) => type === 'table')) {
    if (tablesOfOthers.has(table) || table.includes('_fts') || table.startsWith('sqlite_')) continue;
    const columns = catalogue.prepare('SELECT name FROM pragma_table_info(?)').all(table) as Array<{ name: string }>;
    for (const { name: column } of columns) {
      if (!pathColumns.has(column) && !(table === 'upload' && column === 'id')) continue;
      const out = `"${column}" GLOB '/*' OR '/' || "${column}" || '/' GLOB '*/../*' OR instr("${column}", char(0)) > 0`;
      if (catalogue.prepare(`SELECT 1 FROM "${table}" WHERE ${out} LIMIT 1`).get() !== undefined) return true;
    }
  }
  // A name that is put behind its folder.
  const list = `SELECT 1 FROM checksum_list WHERE name IN ('', '.', '..') OR instr(name, '/') > 0 OR instr(name, char(0)) > 0`;
  if (catalogue.prepare(list).get() !== undefined) return true;
  const elsewhere = `SELECT 1 FROM asset WHERE path NOT GLOB 'Photos/*' AND path NOT GLOB 'Files/*' LIMIT 1`;
  return catalogue.prepare(elsewhere).get() !== undefined;
}

/** Whether a folder that holds photos, or one of the box's own, is a link: it could lead anywhere. */
function hasLinks(catalogue: DatabaseSync, diskDir: string): boolean {
  const known = new Map<string, boolean>();
  const isLink = (relative: string): boolean => {
    if (relative === '.' || relative === '') return false;
    const before = known.get(relative);
    if (before !== undefined) return before;
    const link = isLink(dirname(relative)) || isSymbolicLink(join(diskDir, relative));
    if (known.size < foldersMax) known.set(relative, link);
    return link;
  };
  for (const name of readdirSync(join(diskDir, '.nightjar'))) if (isLink(`.nightjar/${name}`)) return true;
  const folders = catalogue.prepare(`SELECT DISTINCT rtrim(path, replace(path, '/', '')) AS folder FROM asset`);
  for (const row of folders.iterate()) {
    if (isLink(String((row as { folder: string }).folder).replace(/\/+$/, ''))) return true;
  }
  return false;
}

function isSymbolicLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

parentPort?.postMessage(check(workerData as CatalogueOrder));
