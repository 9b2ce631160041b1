/**
 * What is kept of each phone for the home page: its counts, when its files came, and what came in of late. Private to
 * the library room, like the other stores; who has an open library asks it. Quick whatever the library holds.
 */
import type { Database } from '../platform/database.ts';
import { mediaKind } from './media-kinds.ts';
import type { Arrivals, Brought, NewEntry, PhoneStanding, PicturesOf, WaitingKinds } from './standing.ts';

/** More than a box has phones, revoked ones included. */
const standingsMax = 1_000;
/** Two days of that many phones, all of them sending all day. */
const arrivalsMax = 20_000;
/** More than anybody takes or brings in one night. */
const picturesMax = 200_000;
const waitingMax = 10_000;

export class StandingStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Of every phone that ever told of an item; triggers keep the counts. */
  phones(): PhoneStanding[] {
    return this.#database.all(
      `SELECT phone_id AS phoneId, seen, safe, refused, deleted, last_arrived_at AS lastArrivedAt, told_at AS toldAt
       FROM phone_standing LIMIT ${standingsMax}`,
    );
  }

  /** Of all phones, since `from`, the oldest first. */
  arrivals(from: number): Arrivals[] {
    return this.#database.all(
      `SELECT at, phone_id AS phoneId, files, bytes FROM phone_arrival WHERE at >= ? AND files > 0
       ORDER BY at LIMIT ${arrivalsMax}`,
      from,
    );
  }

  /** In `[from, to)`, both times at which five minutes begin: each file that came in is in exactly one such span. */
  brought(from: number, to: number): Brought[] {
    return this.#database.all(
      `SELECT phone_id AS phoneId, sum(files) AS files, sum(bytes) AS bytes, sum(browser_files) AS browserFiles,
         sum(browser_bytes) AS browserBytes, sum(again_files) AS againFiles, sum(again_bytes) AS againBytes
       FROM phone_arrival WHERE at >= ? AND at < ? GROUP BY phone_id LIMIT ${standingsMax}`,
      from,
      to,
    );
  }

  /** Of a person's entries that came in in `[from, to)`, by the phone that told of each last. */
  pictures(personId: string, from: number, to: number): PicturesOf[] {
    return this.#database.all(
      `SELECT phone AS phoneId, count(*) FILTER (WHERE state = 'ready') AS ready,
         count(*) FILTER (WHERE state IS NULL OR state = 'wanted') AS waiting,
         count(*) FILTER (WHERE state = 'refused') AS refused
       FROM (SELECT picture.state, (SELECT phone_id FROM phone_item WHERE asset_id = new.id
               ORDER BY folder, seen_at DESC, id DESC LIMIT 1) AS phone
             FROM (SELECT id FROM asset WHERE person_id = +? AND shown = 1 AND added_at >= +? AND added_at < +?
                   ORDER BY added_at DESC, id DESC LIMIT ${picturesMax}) AS new
             LEFT JOIN picture ON picture.asset_id = new.id)
       WHERE phone IS NOT NULL GROUP BY phone`,
      personId,
      from,
      to,
    );
  }

  /** What the phone has and the box does not, by kind; the first 10,000 of them. */
  waitingKinds(phoneId: string): WaitingKinds {
    const rows = this.#database.all<{ path: string }>(
      `SELECT path FROM phone_item
       WHERE phone_id = ? AND folder = 0 AND asset_id IS NULL AND refusal IS NULL LIMIT ${waitingMax}`,
      phoneId,
    );
    const counts = { photos: 0, videos: 0, others: 0 };
    for (const { path } of rows) {
      const { kind } = mediaKind(path.slice(path.lastIndexOf('/') + 1));
      if (kind === 'photo') counts.photos += 1;
      else if (kind === 'video') counts.videos += 1;
      else counts.others += 1;
    }
    return counts;
  }

  /** What a person's files take, the trash and what is on its way to its place included; triggers keep it. */
  usage(personId: string): { files: number; bytes: number } {
    const row = this.#database.get<{ files: number; bytes: number }>(
      'SELECT files, bytes FROM person_usage WHERE person_id = ?',
      personId,
    );
    return row ?? { files: 0, bytes: 0 };
  }

  /** Files of everybody whose bytes are known not to be there, or not to be what came: until they have their place again. */
  damagedCount(): number {
    const sql = `SELECT (SELECT count(*) FROM asset WHERE state IN ('damaged', 'missing'))
      + (SELECT count(*) FROM publishing WHERE previous IS NOT NULL) AS n`;
    return this.#database.get<{ n: number }>(sql)?.n ?? 0;
  }

  /** Entries of a person's timeline that came in since `from`, the last first. */
  newest(personId: string, from: number, limit: number): NewEntry[] {
    // `+?`: as in timeline-store.ts.
    return this.#database.all(
      `SELECT asset.id, kind, width, height, thumbhash
       FROM (SELECT id, added_at FROM asset WHERE person_id = +? AND shown = 1 AND added_at >= +?
             ORDER BY added_at DESC, id DESC LIMIT ?) AS new
       CROSS JOIN asset ON asset.id = new.id LEFT JOIN picture ON picture.asset_id = new.id
       ORDER BY new.added_at DESC, new.id DESC`,
      personId,
      from,
      limit,
    );
  }

  /** How many there are of these. */
  countNew(personId: string, from: number): number {
    const sql = 'SELECT count(*) AS count FROM asset WHERE person_id = +? AND shown = 1 AND added_at >= +?';
    return this.#database.get<{ count: number }>(sql, personId, from)?.count ?? 0;
  }

  /** Inside `write`: the phone told of all that it has. */
  putTold(phoneId: string, at: number): void {
    this.#database.run(
      `INSERT INTO phone_standing (phone_id, told_at) VALUES (?, ?)
       ON CONFLICT (phone_id) DO UPDATE SET told_at = excluded.told_at`,
      phoneId,
      at,
    );
  }
}
