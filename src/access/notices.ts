/**
 * What a person is to see on all their devices until they have seen it: a recovery code was used, a factor was added,
 * somebody has guessed for long. Short facts in the person's own list; never a secret.
 */
import type { Statement } from '../platform/database.ts';
import type { PartOptions } from './parts.ts';

export type Notice = Readonly<{
  id: number;
  at: number;
  kind: string;
  detail: Readonly<Record<string, string | number | boolean>>;
  seen: boolean;
}>;

const shownMax = 100;
/** Guessing from outside makes some; the oldest go. */
const keptMax = 200;

type Row = { id: number; at: number; kind: string; detail: string; seen_at: number | null };

export class Notices {
  readonly #options: Pick<PartOptions, 'database' | 'now'> &
    Readonly<{ tell?: (personId: string, kind: string, at: number) => void }>;
  readonly #insert: Statement<[string, number, string, string]>;
  readonly #drop: Statement<[string, string, number]>;
  readonly #list: Statement<[string, number], Row>;
  readonly #unseen: Statement<[string], { n: number }>;
  readonly #see: Statement<[number, string, number]>;

  /** `tell` is called when a notice was made, after its commit. */
  constructor(
    options: Pick<PartOptions, 'database' | 'now'> &
      Readonly<{ tell?: (personId: string, kind: string, at: number) => void }>,
  ) {
    this.#options = options;
    const { database } = options;
    this.#insert = database.prepare('INSERT INTO notice (person_id, at, kind, detail) VALUES (?, ?, ?, ?)');
    this.#drop = database.prepare(
      `DELETE FROM notice WHERE person_id = ? AND id <=
       (SELECT id FROM notice WHERE person_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    );
    this.#list = database.prepare(
      'SELECT id, at, kind, detail, seen_at FROM notice WHERE person_id = ? ORDER BY id DESC LIMIT ?',
    );
    this.#unseen = database.prepare('SELECT count(*) AS n FROM notice WHERE person_id = ? AND seen_at IS NULL');
    this.#see = database.prepare('UPDATE notice SET seen_at = ? WHERE person_id = ? AND id <= ? AND seen_at IS NULL');
  }

  /** Only inside `database.write`, beside what it tells of. */
  addInWrite(personId: string, kind: string, detail: Notice['detail'] = {}): void {
    const { now, tell } = this.#options;
    const at = now();
    this.#insert.run(personId, at, kind, JSON.stringify(detail));
    this.#drop.run(personId, personId, keptMax);
    // A write and its commit are one turn of the loop; what is queued here runs when both are done.
    if (tell !== undefined) queueMicrotask(() => tell(personId, kind, at));
  }

  /** The newest first, at most 100. */
  list(personId: string): Notice[] {
    return this.#list.all(personId, shownMax).map(({ id, at, kind, detail, seen_at }) => ({
      id,
      at,
      kind,
      detail: JSON.parse(detail) as Notice['detail'],
      seen: seen_at !== null,
    }));
  }

  unseen(personId: string): number {
    return this.#unseen.get(personId)?.n ?? 0;
  }

  /** Those up to this one were seen; a later one was not, even if it came while the page was read. */
  async see(personId: string, lastId: number): Promise<void> {
    await this.#options.database.write(() => this.#see.run(this.#options.now(), personId, lastId));
  }
}
