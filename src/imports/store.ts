/**
 * The rows of imports. Private to the imports room. Verbs that change rows run inside `database.write`.
 */
import type { Database } from '../platform/database.ts';
import type { ImportReport, ImportView } from './contract.ts';

export type ImportRow = {
  id: string;
  person_id: string;
  person: string;
  name: string;
  source: string;
  folder: string;
  all_files: number;
  by_whom: string;
  state: ImportView['state'];
  reason: string | null;
  next_at: number;
  tries: number;
  report: string;
  created_at: number;
  ended_at: number | null;
};

const shownMax = 100;

export class ImportStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  import(id: string): ImportRow | undefined {
    return this.#database.get('SELECT * FROM import WHERE id = ?', id);
  }

  /** The newest first. `personId` null: everybody's. */
  list(personId: string | null): ImportRow[] {
    return this.#database.all(
      `SELECT * FROM import WHERE person_id = coalesce(?, person_id) ORDER BY created_at DESC, id LIMIT ${shownMax}`,
      personId,
    );
  }

  unended(): number {
    const row = this.#database.get<{ n: number }>(
      "SELECT count(*) AS n FROM import WHERE state IN ('running', 'waiting')",
    );
    return row?.n ?? 0;
  }

  /** The one to go on with. */
  next(now: number): ImportRow | undefined {
    return this.#database.get(
      "SELECT * FROM import WHERE state IN ('running', 'waiting') AND next_at <= ? ORDER BY created_at, id LIMIT 1",
      now,
    );
  }

  /** When the next of those that wait is. */
  dueAt(): number | undefined {
    const query = "SELECT min(next_at) AS at FROM import WHERE state IN ('running', 'waiting')";
    return this.#database.get<{ at: number | null }>(query)?.at ?? undefined;
  }

  begin(row: ImportRow): void {
    this.#database.run(
      `INSERT INTO import (id, person_id, person, name, source, folder, all_files, by_whom, state, next_at, report,
         created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', 0, ?, ?)`,
      row.id,
      row.person_id,
      row.person,
      row.name,
      row.source,
      row.folder,
      row.all_files,
      row.by_whom,
      row.report,
      row.created_at,
    );
  }

  run(id: string): void {
    this.#database.run("UPDATE import SET state = 'running', reason = NULL WHERE id = ? AND state = 'waiting'", id);
  }

  report(id: string, report: ImportReport): void {
    this.#database.run('UPDATE import SET report = ? WHERE id = ?', JSON.stringify(report), id);
  }

  wait(id: string, { reason, nextAt, tries }: { reason: string; nextAt: number; tries: number }): void {
    this.#database.run(
      `UPDATE import SET state = 'waiting', reason = ?, next_at = ?, tries = ?
       WHERE id = ? AND state IN ('running', 'waiting')`,
      reason,
      nextAt,
      tries,
      id,
    );
  }

  /** None from there goes on before. */
  rest(source: string, until: number): void {
    this.#database.run(
      `UPDATE import SET next_at = max(next_at, ?) WHERE source = ? AND state IN ('running', 'waiting')`,
      until,
      source,
    );
  }

  /** False: it had ended. */
  end(id: string, it: { state: 'done' | 'stopped' | 'failed'; reason?: string; at: number }): boolean {
    return (
      this.#database.run(
        `UPDATE import SET state = ?, reason = ?, ended_at = ? WHERE id = ? AND state IN ('running', 'waiting')`,
        it.state,
        it.reason ?? null,
        it.at,
        id,
      ).changes > 0
    );
  }

  endOf(personId: string, at: number): void {
    this.#database.run(
      `UPDATE import SET state = 'stopped', ended_at = ? WHERE person_id = ? AND state IN ('running', 'waiting')`,
      at,
      personId,
    );
  }

  /** What became of a file: its asset's state, and whether it came by this import and under this name first. */
  outcome(row: Pick<ImportRow, 'id' | 'created_at'>, path: string): { state: string; first: boolean } | undefined {
    const found = this.#database.get<{ state: string; first: number }>(
      `SELECT asset.state, asset.added_at >= ? AND NOT EXISTS (
           SELECT 1 FROM phone_item AS other WHERE other.asset_id = item.asset_id AND other.id < item.id
         ) AS first
       FROM phone_item AS item JOIN asset ON asset.id = item.asset_id WHERE item.phone_id = ? AND item.path = ?`,
      row.created_at,
      row.id,
      path,
    );
    return found && { state: found.state, first: found.first === 1 };
  }

  /** Whether there was a file when it went through before. */
  hasItems(importId: string): boolean {
    return this.#database.get('SELECT 1 FROM phone_item WHERE phone_id = ? LIMIT 1', importId) !== undefined;
  }

  /** What the photo of this name, of this import, is called as a half. */
  pairOf(importId: string, path: string): string | null {
    const query = `SELECT asset.pair FROM phone_item JOIN asset ON asset.id = asset_id WHERE phone_id = ? AND phone_item.path = ?`;
    return this.#database.get<{ pair: string | null }>(query, importId, path)?.pair ?? null;
  }
}
