/** The rows of the nights: their reports, and how full the disk was after each. Private to this room. */
import type { Database } from '../platform/database.ts';
import type { NightReport } from './reports-contract.ts';
import type { DiskSample } from './trend.ts';

type ReportRow = { night: string; report: string };

/** Changes only inside `database.write`. */
export class NightsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  has(night: string): boolean {
    return this.#database.get('SELECT 1 FROM night_report WHERE night = ?', night) !== undefined;
  }

  report(night: string): NightReport | undefined {
    const row = this.#database.get<ReportRow>('SELECT night, report FROM night_report WHERE night = ?', night);
    return row && reportOf(row);
  }

  /** The last first. */
  reports(before: string, limit: number): NightReport[] {
    return this.#database
      .all<ReportRow>(
        'SELECT night, report FROM night_report WHERE night < ? ORDER BY night DESC LIMIT ?',
        before,
        limit,
      )
      .map(reportOf);
  }

  /** Up to when every arrival is in some report. Of a time to come (the clock was wrong then) none counts. */
  countedTo(now: number): number | undefined {
    const sql = 'SELECT max(counted_to) AS at FROM night_report WHERE counted_to <= ?';
    return this.#database.get<{ at: number | null }>(sql, now)?.at ?? undefined;
  }

  /** Of two that go by one name (the zone was changed) the first stays; false: it was there. */
  put(report: NightReport): boolean {
    const { night, window, counted, madeAt } = report;
    const { changes } = this.#database.run(
      `INSERT INTO night_report (night, window_from, window_to, counted_from, counted_to, made_at, report)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (night) DO NOTHING`,
      night,
      window.from,
      window.to,
      counted.from,
      counted.to,
      madeAt,
      JSON.stringify(report),
    );
    return changes > 0;
  }

  putRoom({ night, totalBytes, freeBytes }: DiskSample): void {
    this.#database.run(
      `INSERT INTO disk_room (night, total_bytes, free_bytes) VALUES (?, ?, ?)
       ON CONFLICT (night) DO UPDATE SET total_bytes = excluded.total_bytes, free_bytes = excluded.free_bytes`,
      night,
      totalBytes,
      freeBytes,
    );
  }

  /** The oldest first. */
  room(before: string, limit: number): DiskSample[] {
    return this.#database
      .all<DiskSample>(
        `SELECT night, total_bytes AS totalBytes, free_bytes AS freeBytes FROM disk_room
         WHERE night < ? ORDER BY night DESC LIMIT ?`,
        before,
        limit,
      )
      .reverse();
  }

  /** All but the last so many; by their number: a clock that is years ahead for a morning takes none away. */
  forget(kept: number): void {
    for (const table of ['night_report', 'disk_room']) {
      const sql = `DELETE FROM ${table} WHERE night <= (SELECT night FROM ${table} ORDER BY night DESC LIMIT 1 OFFSET ?)`;
      this.#database.run(sql, kept);
    }
  }
}

/** What a report of an older program does not say, it does not know. */
function reportOf({ report }: ReportRow): NightReport {
  const kept = JSON.parse(report) as Omit<NightReport, 'mirrored'> & Partial<NightReport>;
  return { mirrored: null, ...kept };
}
