/**
 * Counts what a known caller was refused because it is not theirs (403, and 404 where a thing of another's is answered as
 * one that is not there), and writes it into the audit log now and then: one row for each caller, route and minute.
 * In memory until then: a lost count is no lost change. Told by the HTTP server; never throws.
 */
import type { Caller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import type { Logger } from '../platform/log.ts';
import { type AuditEntry, actorOf } from './audit.ts';

export type RefusalsOptions = Readonly<{
  database: Database;
  record: (entry: AuditEntry) => void;
  log: Pick<Logger, 'warn'>;
  /** How long refusals are gathered before they are written. */
  gatherMs?: number;
}>;

const gatherMsUsual = 60_000;
/** Callers are known, so these are few; past this the rest is counted together. */
const keysMax = 500;

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #counts = new Map<string, { actor: string; status: number; route: string; count: number }>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** `route`: method and the path's pattern, so that no name and no id gets into the log. */
  note(caller: Caller, status: number, route: string): void {
    if (caller.kind === 'nobody' || caller.kind === 'console' || (status !== 403 && status !== 404)) return;
    const actor = actorOf(caller);
    const key = this.#counts.size < keysMax ? `${actor} ${status} ${route}` : actor;
    const known = this.#counts.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#counts.size < keysMax * 2) this.#counts.set(key, { actor, status, route, count: 1 });
    this.#timer ??= setTimeout(() => void this.write(), this.#options.gatherMs ?? gatherMsUsual).unref();
  }

  /** Writes what was gathered. Never rejects. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = [...this.#counts.values()];
    this.#counts.clear();
    if (gathered.length === 0) return;
    const { database, record, log } = this.#options;
    await database
      .write(() => {
        for (const { actor, ...detail } of gathered) record({ event: 'access-refused', actor, detail });
      })
      .catch((error: unknown) => log.warn({ err: error }, 'refusals could not be written into the audit log'));
  }

  /** What is still in memory is written before the database closes. */
  async close(): Promise<void> {
    await this.write();
  }
}
