/** Owns the `setting` table of box state: small values by name, as JSON. Never a secret that is not a digest. */
import type { Database } from './database.ts';

export class Settings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  text(name: string): string | undefined {
    const row = this.#database
      .prepare<[string], { value: string }>('SELECT value FROM setting WHERE name = ?')
      .get(name);
    const value: unknown = row === undefined ? undefined : JSON.parse(row.value);
    return typeof value === 'string' ? value : undefined;
  }

  /** Durable when it returns. */
  async putText(name: string, value: string): Promise<void> {
    await this.#database.write(() => this.putTextInWrite(name, value));
  }

  /** Only inside `database.write`, beside what belongs to it. */
  putTextInWrite(name: string, value: string): void {
    this.#database
      .prepare(
        'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      )
      .run(name, JSON.stringify(value));
  }

  /** A value that is made once and kept for good. Durable when it returns. */
  async lasting(name: string, make: () => string): Promise<string> {
    const kept = this.text(name);
    if (kept !== undefined) return kept;
    const made = make();
    await this.putText(name, made);
    return made;
  }
}
