/**
 * The people of a state that was copied some nights ago, and of the library as it is today. Verbs that change something are
 * only for use inside `database.write` of that state.
 */
import { personName, personNameKey } from '../access/people.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { CataloguePerson } from './catalogue-check.ts';

/** Who is of the house, the first first. */
export function peopleOf(database: Database): Array<{ id: string; name: string; role: string }> {
  return database.all('SELECT id, name, role FROM person WHERE removed_at IS NULL ORDER BY created_at, rowid');
}

/**
 * Who came after the copy was made has photos in the library, but no place in the copy: without one their photos were
 * nobody's, and their folder could be given away again. They cannot sign in until the owner lets them choose a password.
 */
export function addMissingPeople(database: Database, people: readonly CataloguePerson[], now: number): void {
  const taken = database.all<{ id: string; name_key: string }>('SELECT id, name_key FROM person');
  const keys = new Set(taken.map((one) => one.name_key));
  const ids = new Set(taken.map((one) => one.id));
  for (const { id, name, folder } of people) {
    if (ids.has(id)) continue;
    const free = [name, folder, `${folder} ${id.slice(0, 8)}`]
      .flatMap(legal)
      .find((it) => !keys.has(personNameKey(it)));
    if (free === undefined) continue;
    keys.add(personNameKey(free));
    database.run(
      `INSERT INTO person (id, name, name_key, folder, role, created_at) VALUES (?, ?, ?, ?, 'member', ?)
       ON CONFLICT DO NOTHING`,
      id,
      free,
      personNameKey(free),
      folder,
      now,
    );
  }
}

/** The library is only a disk's word. */
function legal(name: string): string[] {
  try {
    return [personName(name)];
  } catch (error) {
    if (error instanceof CodedError) return [];
    throw error;
  }
}
