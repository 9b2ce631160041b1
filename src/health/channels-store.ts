/** The rows of channels and of what is still to be sent. Private to this room; changes only inside `database.write`. */
import type { Database } from '../platform/database.ts';

export type ChannelKind = 'mail' | 'webhook';
export type ChannelRow = { kind: ChannelKind; settings: string; secret: string | null };
export type OutboxRow = {
  id: number;
  channel: ChannelKind;
  message: string;
  created_at: number;
  next_at: number;
  attempts: number;
  last_error: string | null;
};

/** Some four hours: a server that is down takes none of them, one that refuses a message for what it is takes the next. */
const triesBeforeOthers = 8;

/** Nothing is put off for longer: what waits beyond it was put down by a clock that was wrong. */
const waitMsMax = 24 * 60 * 60_000;

export class ChannelsStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  channel(kind: ChannelKind): ChannelRow | undefined {
    return this.#database.get('SELECT kind, settings, secret FROM channel WHERE kind = ?', kind);
  }

  put({ kind, settings, secret }: ChannelRow): void {
    this.#database.run(
      `INSERT INTO channel (kind, settings, secret) VALUES (?, ?, ?)
       ON CONFLICT (kind) DO UPDATE SET settings = excluded.settings, secret = excluded.secret`,
      kind,
      settings,
      secret,
    );
  }

  remove(kind: ChannelKind): void {
    this.#database.run('DELETE FROM channel WHERE kind = ?', kind);
    this.dropWaiting(kind);
  }

  // --- what is to be sent -------------------------------------------------------------------------------------------

  add(channel: ChannelKind, message: string, at: number): void {
    this.#database.run(
      'INSERT INTO outbox (channel, message, created_at, next_at) VALUES (?, ?, ?, ?)',
      channel,
      message,
      at,
      at,
    );
  }

  /** The oldest that is due; what was refused so often by itself lets the others go first. */
  due(channel: ChannelKind, now: number): OutboxRow | undefined {
    return this.#database.get(
      `SELECT * FROM outbox WHERE channel = ? AND (next_at <= ? OR next_at > ?)
       ORDER BY attempts >= ${triesBeforeOthers}, id LIMIT 1`,
      channel,
      now,
      now + waitMsMax,
    );
  }

  sent(id: number): void {
    this.#database.run('DELETE FROM outbox WHERE id = ?', id);
  }

  /** The whole channel waits: what the other side did not take of one, it most likely will not take of the next. */
  putOff(channel: ChannelKind, id: number, nextAt: number, error: string): void {
    this.#database.run('UPDATE outbox SET attempts = attempts + 1, last_error = ? WHERE id = ?', error, id);
    this.#database.run('UPDATE outbox SET next_at = max(next_at, ?) WHERE channel = ?', nextAt, channel);
  }

  /** As if none of it had been tried. */
  tryNow(channel: ChannelKind, now: number): void {
    this.#database.run('UPDATE outbox SET next_at = ?, attempts = 0 WHERE channel = ?', now, channel);
  }

  waiting(channel: ChannelKind): { messages: number; oldest: OutboxRow | undefined } {
    const row = this.#database.get<{ n: number }>('SELECT count(*) AS n FROM outbox WHERE channel = ?', channel);
    const oldest = this.#database.get<OutboxRow>('SELECT * FROM outbox WHERE channel = ? ORDER BY id LIMIT 1', channel);
    return { messages: row?.n ?? 0, oldest };
  }

  dropWaiting(channel: ChannelKind): void {
    this.#database.run('DELETE FROM outbox WHERE channel = ?', channel);
  }

  /** The oldest beyond so many, and what nobody took for so long. */
  trim(channel: ChannelKind, rowsMax: number, createdBefore: number): number {
    return this.#database.run(
      `DELETE FROM outbox WHERE channel = ? AND (created_at < ? OR id IN (
         SELECT id FROM outbox WHERE channel = ? ORDER BY id DESC LIMIT -1 OFFSET ?))`,
      channel,
      createdBefore,
      channel,
      rowsMax,
    ).changes;
  }
}
