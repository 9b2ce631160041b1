/** The rows of alerts. Private to this room; changes only inside `database.write`. */
import type { Database } from '../platform/database.ts';
import type { Alert, AlertCode } from './contract.ts';

type AlertState = 'pending' | 'raised' | 'acknowledged' | 'cleared';
export type AlertRow = {
  id: number;
  code: AlertCode;
  key: string;
  phone_id: string | null;
  person_id: string | null;
  severity: Alert['severity'];
  level: number;
  params: string;
  state: AlertState;
  since: number;
  raised_at: number | null;
  acknowledged_at: number | null;
  acknowledged_by: string | null;
  quiet_since: number | null;
  cleared_at: number | null;
};

/** More than a house has phones, times what can be wrong with each. */
const openMax = 2_000;

export class AlertsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  open(): AlertRow[] {
    return this.#database.all(`SELECT * FROM alert WHERE state <> 'cleared' ORDER BY id LIMIT ${openMax}`);
  }

  /** The last first; `personId`: only what concerns that person's phones. */
  cleared(before: { at: number; id: number }, limit: number, personId: string | null): AlertRow[] {
    return this.#database.all(
      `SELECT * FROM alert WHERE state = 'cleared' AND (cleared_at, id) < (?, ?) AND (? IS NULL OR person_id = ?)
       ORDER BY cleared_at DESC, id DESC LIMIT ?`,
      before.at,
      before.id,
      personId,
      personId,
      limit,
    );
  }

  insert(row: Omit<AlertRow, 'id'>): number {
    const { lastInsertRowid } = this.#database.run(
      `INSERT INTO alert (code, key, phone_id, person_id, severity, level, params, state, since, raised_at,
         acknowledged_at, acknowledged_by, quiet_since, cleared_at)
       VALUES (@code, @key, @phone_id, @person_id, @severity, @level, @params, @state, @since, @raised_at,
         @acknowledged_at, @acknowledged_by, @quiet_since, @cleared_at)`,
      row,
    );
    return Number(lastInsertRowid);
  }

  update(row: AlertRow): void {
    this.#database.run(
      `UPDATE alert SET level = @level, params = @params, state = @state, raised_at = @raised_at,
         acknowledged_at = @acknowledged_at, acknowledged_by = @acknowledged_by, quiet_since = @quiet_since,
         cleared_at = @cleared_at
       WHERE id = @id`,
      row,
    );
  }

  remove(id: number): void {
    this.#database.run('DELETE FROM alert WHERE id = ?', id);
  }

  /** A batch of what was cleared long ago. */
  forget(clearedBefore: number): number {
    return this.#database.run(
      `DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 'cleared' AND cleared_at < ? LIMIT 500)`,
      clearedBefore,
    ).changes;
  }
}
