/**
 * Brings a database to the newest schema, or finds that a newer program did and that this one may use it all the same: a box
 * that went back to its old version after an update meets what the new one made. Knows no table. Only `database.ts` calls it.
 *
 * `user_version` of a file says how many migrations it has had; `application_id` says so too, in its upper half, and in its
 * lower one how many of them a program must know to use it.
 * The rule for whoever writes migrations is in `src/schema/README.md`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Sqlite from 'better-sqlite3';
import { CodedError, systemCode } from './errors.ts';

const half = 2 ** 16;

/**
 * Runs the numbered `.sql` files of `dir` that the file has not had, each in a transaction of its own.
 * @throws {CodedError} `internal` when it is newer than this program can use; then nothing was changed
 */
export function migrate(handle: Sqlite.Database, dir: string): void {
  const files = readdirSync(dir)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .sort();
  const current = numberOf(handle, 'user_version');
  if (current > files.length) {
    requireUsable(handle, current, files.length);
    return;
  }
  const from = compatibleFrom(dir, files.length);
  for (const [index, name] of files.entries()) {
    if (index < current) continue;
    const sql = readFileSync(join(dir, name), 'utf8');
    handle.transaction(() => {
      handle.exec(sql);
      handle.pragma(`user_version = ${index + 1}`);
      // In the same commit: where this program ends in between, the one before it has to be let in all the same.
      handle.pragma(`application_id = ${wordOf(index + 1, from)}`);
    })();
  }
  const word = wordOf(files.length, from);
  if (numberOf(handle, 'application_id') !== word) handle.pragma(`application_id = ${word}`);
}

/** What a file says that has had `migrations`: a step on the way asks for no more of them than it has had. */
function wordOf(migrations: number, from: number): number {
  return migrations * half + Math.min(from, migrations);
}

/** How many migrations a program has to know to use what the newest of `dir` makes. */
function compatibleFrom(dir: string, newest: number): number {
  let text: string;
  try {
    text = readFileSync(join(dir, 'compatible-from'), 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return newest;
    throw error;
  }
  const from = Number(text);
  if (/^\d{1,4}\n?$/.test(text) && from >= 1 && from <= newest) return from;
  throw new Error(`${join(dir, 'compatible-from')} holds no number of a migration.`);
}

/**
 * Whether a program that knows `known` migrations may use a file that has had more of them, as the newer one said in `word`
 * (`application_id`). What no program said of this very schema is for none but its own.
 */
export function isUsable({ migrations, word, known }: Record<'migrations' | 'word' | 'known', number>): boolean {
  const from = word % half;
  return Math.floor(word / half) === migrations && from >= 1 && from <= known;
}

function requireUsable(handle: Sqlite.Database, current: number, known: number): void {
  if (isUsable({ migrations: current, word: numberOf(handle, 'application_id'), known })) return;
  throw new CodedError(
    'internal',
    `This database was written by a newer Nightjar (schema ${current}, this one knows ${known}). Update the box; nothing was changed.`,
  );
}

function numberOf(handle: Sqlite.Database, pragma: 'user_version' | 'application_id'): number {
  return Number(handle.pragma(pragma, { simple: true }));
}
