/**
 * The rows of people, and who owns the box. Private to this room.
 * Verbs that change something are only for use inside `database.write`.
 */
import type { Database, Statement } from '../platform/database.ts';

export type PersonRow = {
  id: string;
  name: string;
  folder: string;
  role: 'owner' | 'member';
};

const personColumns = 'id, name, folder, role';

export class AccessStore {
  readonly #owner: Statement<[], PersonRow>;
  readonly #person: Statement<[string], PersonRow>;
  readonly #personByKey: Statement<[string], PersonRow>;
  readonly #people: Statement<[], PersonRow>;
  readonly #taken: Statement<[], { name_key: string; folder: string }>;
  readonly #insertPerson: Statement<[string, string, string, string, string, string | null, number, number | null]>;

  constructor(database: Database) {
    this.#owner = database.prepare(
      `SELECT ${personColumns} FROM person WHERE role = 'owner' AND removed_at IS NULL LIMIT 1`,
    );
    this.#person = database.prepare(`SELECT ${personColumns} FROM person WHERE id = ? AND removed_at IS NULL`);
    this.#personByKey = database.prepare(
      `SELECT ${personColumns} FROM person WHERE name_key = ? AND removed_at IS NULL`,
    );
    this.#people = database.prepare(
      `SELECT ${personColumns} FROM person WHERE removed_at IS NULL ORDER BY created_at, rowid`,
    );
    this.#taken = database.prepare('SELECT name_key, folder FROM person');
    this.#insertPerson = database.prepare(
      `INSERT INTO person (id, name, name_key, folder, role, password_hash, created_at, password_changed_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  owner(): PersonRow | undefined {
    return this.#owner.get();
  }

  person(id: string): PersonRow | undefined {
    return this.#person.get(id);
  }

  personByKey(nameKey: string): PersonRow | undefined {
    return this.#personByKey.get(nameKey);
  }

  people(): PersonRow[] {
    return this.#people.all();
  }

  /** Every name and folder ever given, removed people's too: their photos are still there. */
  taken(): Array<{ name_key: string; folder: string }> {
    return this.#taken.all();
  }

  insertPerson(person: PersonRow & { nameKey: string; passwordHash: string | null; createdAt: number }): void {
    const { id, name, nameKey, folder, role, passwordHash, createdAt } = person;
    this.#insertPerson.run(
      id,
      name,
      nameKey,
      folder,
      role,
      passwordHash,
      createdAt,
      passwordHash === null ? null : createdAt,
    );
  }
}
