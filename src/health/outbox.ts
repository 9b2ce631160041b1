/**
 * Owns what is still to be sent off the box: put down with the change that it tells of, kept through restarts, tried
 * again with longer and longer waits. Never opens a connection for a channel that is off: there is nothing to send then.
 * Called by the watch: when something is put down, each minute, and when the box stops.
 *
 * A message goes from here when the other side has taken it; one that is taken just when the plug is pulled is sent twice,
 * under the same id.
 */
import { randomInt } from 'node:crypto';
import type { Database } from '../platform/database.ts';
import type { Logger } from '../platform/log.ts';
import type { ChannelKind, ChannelsStore } from './channels-store.ts';
import type { Message } from './message.ts';

export type OutboxDeps = Readonly<{
  database: Database;
  rows: ChannelsStore;
  /** Resolves when the other side has taken it; rejects with why not, without secrets. */
  send: (kind: ChannelKind, message: Message, signal: AbortSignal) => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

const channels: readonly ChannelKind[] = ['mail', 'webhook'];
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const backOffMs = minuteMs;
const backOffMsMax = 6 * 60 * minuteMs;
/** Others must not see by the minute when a box starts: a tenth of the wait is chance. */
const jitter = 0.1;
/** A year of nights, or a very bad week. */
const rowsMax = 500;
const keptMs = 30 * dayMs;
const atOnceMax = 50;
export const sendMsMax = 45_000;
const errorCharsMax = 300;

export class Outbox {
  readonly #deps: OutboxDeps;
  readonly #closing = new AbortController();
  #flushing: Promise<void> | undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** Only inside `database.write`, beside the change that it tells of. */
  putInWrite(kind: ChannelKind, message: Message): void {
    const { rows, now, log } = this.#deps;
    const at = now();
    rows.add(kind, JSON.stringify(message), at);
    const dropped = rows.trim(kind, rowsMax, at - keptMs);
    if (dropped > 0) log.warn({ channel: kind, dropped }, 'the oldest of what could not be sent was given up');
  }

  /** Sends what is due, one after the other; whoever calls meanwhile waits for that. Never rejects. */
  async flush(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#flushing ??= this.#flush()
      .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'what is to be sent waits'))
      .finally(() => {
        this.#flushing = undefined;
      });
    await this.#flushing;
  }

  /** Ends what is being sent: it is sent again after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    await Promise.all(channels.map((kind) => this.#flushOne(kind)));
  }

  async #flushOne(kind: ChannelKind): Promise<void> {
    const { rows, database, now, send, log } = this.#deps;
    for (let count = 0; count < atOnceMax && !this.#closing.signal.aborted; count += 1) {
      const row = rows.due(kind, now());
      if (row === undefined) return;
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(sendMsMax)]);
      try {
        await send(kind, { ...(JSON.parse(row.message) as Message), id: row.id }, signal);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const text = (error instanceof Error ? error.message : String(error)).slice(0, errorCharsMax);
        const waitMs = Math.min(backOffMsMax, backOffMs * 2 ** Math.min(row.attempts, 20));
        const nextAt = now() + waitMs + randomInt(Math.ceil(waitMs * jitter));
        await database.write(() => rows.putOff(kind, row.id, nextAt, text));
        log.info({ channel: kind, attempt: row.attempts + 1, waitMs, why: text }, 'a message could not be sent yet');
        return;
      }
      await database.write(() => rows.sent(row.id));
    }
  }
}
