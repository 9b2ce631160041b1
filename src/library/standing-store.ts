/**
 * What is kept of each phone for the home page: its counts, when its files came, and what came in of late. Private to
 * the library room, like the other stores; who has an open library asks it. Quick whatever the library holds.
 */
import type { Database } from '../platform/database.ts';
import type { Arrivals, NewEntry, PhoneStanding } from './standing.ts';

/** More than a box has phones, revoked ones included. */
const standingsMax = 1_000;
/** Two days of that many phones, all of them sending all day. */
const arrivalsMax = 20_000;

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
      `SELECT at, phone_id AS phoneId, files, bytes FROM phone_arrival WHERE at >= ? ORDER BY at LIMIT ${arrivalsMax}`,
      from,
    );
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
