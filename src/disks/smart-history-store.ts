/** The rows of what disks told: how each is asked, its last reading, one row a day, what the box saw. Private to this room. */
import type { Database } from '../platform/database.ts';
import type { DiskEvents, Growth } from './disk-measures.ts';
import type { SmartReading } from './smart-reading.ts';
import { isSmartType, type SmartType } from './smart-types.ts';

export type AskedDisk = Readonly<{
  smartType: SmartType | null;
  silentTries: number;
  asleep: boolean;
  lookedAt: number;
  reading: SmartReading | null;
  readAt: number | null;
  shortTestAt: number | null;
  longTestAt: number | null;
}>;
/** Of one day, since 1970, UTC. */
export type DayReading = Readonly<{
  day: number;
  temperatureC: number | null;
  powerOnHours: number | null;
  reallocated: number | null;
  pending: number | null;
  offlineUncorrectable: number | null;
  reportedUncorrect: number | null;
  crcErrors: number | null;
  mediaErrors: number | null;
  wearPercentUsed: number | null;
  availableSparePercent: number | null;
}>;
export type DiskEventKind = 'io-error' | 'read-only' | 'damaged-file';

type AskedRow = {
  smart_type: string | null;
  silent_tries: number;
  asleep: number;
  looked_at: number;
  reading: string | null;
  read_at: number | null;
  short_test_at: number | null;
  long_test_at: number | null;
};

export const keptDays = 400;
/** Growth is looked at over as many days, and so are events. */
const growthDays = 30;
const dayMs = 24 * 60 * 60_000;

const dayColumns = `day, temperature_c AS temperatureC, power_on_hours AS powerOnHours, reallocated, pending,
  offline_uncorrectable AS offlineUncorrectable, reported_uncorrect AS reportedUncorrect, crc_errors AS crcErrors,
  media_errors AS mediaErrors, wear_percent AS wearPercentUsed, spare_percent AS availableSparePercent`;

function dayOf(at: number): number {
  return Math.floor(at / dayMs);
}

/** Changes only inside `database.write`. */
export class SmartHistoryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  asked(diskId: string): AskedDisk | undefined {
    const row = this.#database.get<AskedRow>('SELECT * FROM disk_health WHERE disk_id = ?', diskId);
    if (row === undefined) return undefined;
    return {
      smartType: isSmartType(row.smart_type) ? row.smart_type : null,
      silentTries: row.silent_tries,
      asleep: row.asleep !== 0,
      lookedAt: row.looked_at,
      reading: row.reading === null ? null : (JSON.parse(row.reading) as SmartReading),
      readAt: row.read_at,
      shortTestAt: row.short_test_at,
      longTestAt: row.long_test_at,
    };
  }

  put(diskId: string, { smartType, silentTries, asleep, lookedAt, reading, readAt }: AskedDisk): void {
    this.#database.run(
      `INSERT INTO disk_health (disk_id, smart_type, silent_tries, asleep, looked_at, reading, read_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (disk_id) DO UPDATE SET smart_type = excluded.smart_type, silent_tries = excluded.silent_tries,
         asleep = excluded.asleep, looked_at = excluded.looked_at, reading = excluded.reading, read_at = excluded.read_at`,
      diskId,
      smartType,
      silentTries,
      asleep ? 1 : 0,
      lookedAt,
      reading === null ? null : JSON.stringify(reading),
      readAt,
    );
  }

  putTest(diskId: string, kind: 'short' | 'long', at: number): void {
    const column = kind === 'short' ? 'short_test_at' : 'long_test_at';
    this.#database.run(`UPDATE disk_health SET ${column} = ? WHERE disk_id = ?`, at, diskId);
  }

  /** The last reading of a day stands for it, with the day's highest temperature. Forgets what is older than 400 days. */
  putDay(diskId: string, at: number, reading: SmartReading): void {
    this.#database.run(
      `INSERT INTO disk_reading (disk_id, day, temperature_c, power_on_hours, reallocated, pending,
         offline_uncorrectable, reported_uncorrect, crc_errors, media_errors, wear_percent, spare_percent)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (disk_id, day) DO UPDATE SET
         temperature_c = max(coalesce(temperature_c, excluded.temperature_c),
                             coalesce(excluded.temperature_c, temperature_c)),
         power_on_hours = excluded.power_on_hours, reallocated = excluded.reallocated, pending = excluded.pending,
         offline_uncorrectable = excluded.offline_uncorrectable, reported_uncorrect = excluded.reported_uncorrect,
         crc_errors = excluded.crc_errors, media_errors = excluded.media_errors, wear_percent = excluded.wear_percent,
         spare_percent = excluded.spare_percent`,
      diskId,
      dayOf(at),
      reading.temperatureC,
      reading.powerOnHours,
      reading.reallocated,
      reading.pending,
      reading.offlineUncorrectable,
      reading.reportedUncorrect,
      reading.crcErrors,
      reading.mediaErrors,
      reading.wearPercentUsed,
      reading.availableSparePercent,
    );
    this.#database.run('DELETE FROM disk_reading WHERE disk_id = ? AND day <= ?', diskId, dayOf(at) - keptDays);
  }

  /** The oldest first. */
  days(diskId: string, at: number, daysMax: number): DayReading[] {
    return this.#database.all<DayReading>(
      `SELECT ${dayColumns} FROM disk_reading WHERE disk_id = ? AND day > ? ORDER BY day LIMIT ?`,
      diskId,
      dayOf(at) - daysMax,
      keptDays + 1,
    );
  }

  /** Since the oldest row of the last 30 days; null: there is none of an earlier day, or it is another disk's. */
  growth(diskId: string, at: number, now: SmartReading): Growth | null {
    const then = this.#database.get<DayReading>(
      `SELECT ${dayColumns} FROM disk_reading WHERE disk_id = ? AND day >= ? AND day < ? ORDER BY day LIMIT 1`,
      diskId,
      dayOf(at) - growthDays,
      dayOf(at),
    );
    if (then === undefined || (rise(then.powerOnHours, now.powerOnHours) ?? 0) < 0) return null;
    const grown = (count: 'reallocated' | 'pending' | 'reportedUncorrect' | 'mediaErrors' | 'crcErrors') => {
      const by = rise(then[count], now[count]);
      return by === null ? null : Math.max(0, by);
    };
    return {
      days: dayOf(at) - then.day,
      reallocated: grown('reallocated'),
      pending: grown('pending'),
      reportedUncorrect: grown('reportedUncorrect'),
      mediaErrors: grown('mediaErrors'),
      crcErrors: grown('crcErrors'),
    };
  }

  addEvents(diskId: string, at: number, kind: DiskEventKind, times: number): void {
    this.#database.run(
      `INSERT INTO disk_event (disk_id, day, kind, times) VALUES (?, ?, ?, ?)
       ON CONFLICT (disk_id, day, kind) DO UPDATE SET times = min(times + excluded.times, 1000000000)`,
      diskId,
      dayOf(at),
      kind,
      times,
    );
    this.#database.run('DELETE FROM disk_event WHERE day <= ?', dayOf(at) - keptDays);
  }

  /** Of the last 30 days. */
  events(diskId: string, at: number): DiskEvents {
    const rows = this.#database.all<{ kind: DiskEventKind; times: number }>(
      'SELECT kind, sum(times) AS times FROM disk_event WHERE disk_id = ? AND day > ? GROUP BY kind',
      diskId,
      dayOf(at) - growthDays,
    );
    const of = (kind: DiskEventKind) => rows.find((row) => row.kind === kind)?.times ?? 0;
    return { ioErrors: of('io-error'), readOnlyRemounts: of('read-only'), damagedFiles: of('damaged-file') };
  }
}

function rise(then: number | null, now: number | null): number | null {
  return then === null || now === null ? null : now - then;
}
