/**
 * Owns the `job` table of a database: work that follows a change, written down with it and done afterwards.
 * Never knows what a job means; handlers do, and are idempotent: a job may run again after a crash or a power cut.
 * Any room may call it, for the database whose change its work follows.
 *
 * Taking and ending a job are relaxed writes: when a power cut takes them back, the job runs again, which it may anyway.
 */
import type { Logger } from 'pino';
import type { Database } from './database.ts';
import { CodedError } from './errors.ts';

export type Job = {
  kind: string;
  key: string;
  /** Of the payload's shape: at most the handler's own. */
  version: number;
  payload: unknown;
  /** 1 for the first. */
  attempt: number;
};

export type JobHandler = {
  /** The newest payload shape that it understands. A job of a newer one is left for the program that wrote it. */
  version: number;
  /** Idempotent. `signal` aborts when the lease is over or the box stops; then it should throw soon. */
  run(job: Job, signal: AbortSignal): Promise<void>;
  /** How long one run may take; then the job may be given out again (after a crash: then it is). */
  leaseMs: number;
  attemptsMax: number;
};

export type JobsDeps = {
  database: Database;
  /** Milliseconds since 1970, UTC. */
  now: () => number;
  log: Pick<Logger, 'warn' | 'error'>;
  handlers: Readonly<Record<string, JobHandler>>;
  /** How often to look for work that became due. */
  pollMs?: number;
  /** Jobs at a time. */
  concurrent?: number;
  /** How long `close` waits for running jobs. */
  closeMs?: number;
};

type JobRow = {
  id: number;
  kind: string;
  key: string;
  version: number;
  payload: string;
  lease_until: number;
  attempts: number;
  attempts_max: number;
};
type Parameters = Readonly<Record<string, string | number | null>>;
type Running = { stop: AbortController; done: Promise<void> };

const backOffMs = 5_000;
const backOffMsMax = 3_600_000;
const errorCharsMax = 500;
const payloadBytesMax = 64 * 1024;
/** A disk that does not answer is said once in a while, not at every look. */
const complaintEveryMs = 60_000;
/** The key of the one job of a recurring kind. */
const recurringKey = '';

const sql = {
  enqueue: `
    INSERT INTO job (kind, key, version, payload, run_after, attempts_max, created_at)
    VALUES (@kind, @key, @version, @payload, @runAfter, @attemptsMax, @now)
    ON CONFLICT (kind, key) DO UPDATE SET
      version = excluded.version, payload = excluded.payload, attempts_max = excluded.attempts_max,
      run_after = CASE WHEN failed_at IS NULL AND lease_until IS NULL
        THEN min(run_after, excluded.run_after) ELSE excluded.run_after END,
      attempts = CASE WHEN failed_at IS NULL AND lease_until IS NULL THEN attempts ELSE 0 END,
      lease_until = NULL, failed_at = NULL`,
  ensureRecurring: `
    INSERT INTO job (kind, key, version, run_after, attempts_max, created_at)
    VALUES (@kind, @key, @version, @now, @attemptsMax, @now)
    ON CONFLICT (kind, key) DO UPDATE SET
      version = excluded.version, attempts_max = excluded.attempts_max, failed_at = NULL,
      attempts = CASE WHEN failed_at IS NULL THEN attempts ELSE 0 END,
      run_after = min(run_after, @latest)`,
  giveUp: `
    UPDATE job SET failed_at = @now, lease_until = NULL,
      last_error = coalesce(last_error, 'The box stopped while doing this, more often than it may.')
    WHERE failed_at IS NULL AND lease_until <= @now AND attempts >= attempts_max AND key <> @recurring
      AND id NOT IN (SELECT value FROM json_each(@running))`,
  take: `
    UPDATE job SET attempts = attempts + 1, lease_until = @now +
      (SELECT value ->> 'leaseMs' FROM json_each(@known) WHERE value ->> 'kind' = job.kind)
    WHERE id = (
      SELECT id FROM job
      WHERE failed_at IS NULL AND run_after <= @now AND (lease_until IS NULL OR lease_until <= @now)
        AND EXISTS (SELECT 1 FROM json_each(@known)
                    WHERE value ->> 'kind' = job.kind AND value ->> 'version' >= job.version)
        AND id NOT IN (SELECT value FROM json_each(@running))
      ORDER BY run_after, id LIMIT 1)
    RETURNING id, kind, key, version, payload, lease_until, attempts, attempts_max`,
  remove: 'DELETE FROM job WHERE id = @id AND lease_until = @lease',
  again: `
    UPDATE job SET run_after = @runAfter, lease_until = NULL, attempts = 0, last_error = @error
    WHERE id = @id AND lease_until = @lease`,
  retry: `
    UPDATE job SET run_after = @runAfter, lease_until = NULL, last_error = @error
    WHERE id = @id AND lease_until = @lease`,
  release: `
    UPDATE job SET lease_until = NULL, attempts = attempts - 1
    WHERE id = @id AND lease_until = @lease`,
  fail: `
    UPDATE job SET failed_at = @now, lease_until = NULL, last_error = @error
    WHERE id = @id AND lease_until = @lease`,
};

export class Jobs {
  readonly #deps: JobsDeps;
  readonly #running = new Map<number, Running>();
  readonly #recurring = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerSoon = false;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #state: 'new' | 'open' | 'closed' = 'new';

  constructor(deps: JobsDeps) {
    this.#deps = deps;
  }

  /** Begins to run what is due. */
  open(): void {
    if (this.#state !== 'new') return;
    this.#state = 'open';
    for (const [kind, intervalMs] of this.#recurring) this.#ensureRecurring(kind, intervalMs);
    this.#lookSoon();
  }

  /**
   * Aborts what runs and waits for it, up to `closeMs`. A job that ended so is due at once at the next start and has
   * lost no attempt; one that did not end keeps its lease.
   */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#timer);
    const running = [...this.#running.values()];
    for (const { stop } of running) stop.abort(new CodedError('stopping', 'The box is stopping.'));
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, this.#deps.closeMs ?? 5_000);
    await Promise.race([Promise.all(running.map(({ done }) => done)), limit.promise]);
    clearTimeout(timer);
  }

  /**
   * Writes a job down; synchronous, for use inside `database.write`, so that it commits with the change it follows. A job
   * that waits with the same kind and key is the same job: it takes the newest payload and the earlier time. One that
   * runs just now runs once more afterwards; one that had failed for good begins anew. `runAfter`: milliseconds UTC,
   * default now. @throws {CodedError} `internal` for an unknown kind or a payload above 64 KiB.
   */
  enqueue(kind: string, key: string, payload: unknown = {}, runAfter: number = this.#deps.now()): void {
    const handler = this.#deps.handlers[kind];
    const json = JSON.stringify(payload);
    if (handler === undefined) throw new CodedError('internal', `No part of this box does jobs of the kind ${kind}.`);
    if (Buffer.byteLength(json) > payloadBytesMax) {
      throw new CodedError('internal', `The job ${kind} carries more than ${payloadBytesMax} bytes.`);
    }
    this.#deps.database.prepare(sql.enqueue).run({
      kind,
      key,
      version: handler.version,
      payload: json,
      runAfter,
      attemptsMax: handler.attemptsMax,
      now: this.#deps.now(),
    });
    if (runAfter <= this.#deps.now()) this.#lookSoon();
  }

  /**
   * Runs the jobs of `kind` every `intervalMs` after the last one ended, for ever: failing only makes it wait for its
   * next time. The first is due at once.
   */
  every(kind: string, intervalMs: number): void {
    if (this.#deps.handlers[kind] === undefined) {
      throw new CodedError('internal', `No part of this box does jobs of the kind ${kind}.`);
    }
    this.#recurring.set(kind, intervalMs);
    if (this.#state === 'open') this.#ensureRecurring(kind, intervalMs);
  }

  #ensureRecurring(kind: string, intervalMs: number): void {
    const handler = this.#deps.handlers[kind];
    if (handler === undefined) return;
    const now = this.#deps.now();
    const { version, attemptsMax } = handler;
    const latest = now + intervalMs;
    this.#relaxed(sql.ensureRecurring, { kind, key: recurringKey, version, attemptsMax, now, latest });
  }

  #relaxed(text: string, parameters: Parameters): void {
    this.#deps.database.writeRelaxed((prepare) => prepare(text).run(parameters));
  }

  /** Soon, not now: the write that enqueued has yet to commit, and many may come in one turn. */
  #lookSoon(): void {
    if (this.#state !== 'open' || this.#timerSoon) return;
    clearTimeout(this.#timer);
    this.#timerSoon = true;
    this.#timer = setTimeout(() => this.#look(), 1).unref();
  }

  #look(): void {
    this.#timerSoon = false;
    if (this.#state !== 'open') return;
    this.#timer = setTimeout(() => this.#look(), this.#deps.pollMs ?? 1_000).unref();
    if (!this.#deps.database.open) return;
    try {
      this.#noteTime();
      while (this.#running.size < (this.#deps.concurrent ?? 1)) {
        const row = this.#take();
        if (row === undefined) return;
        this.#start(row);
      }
    } catch (error) {
      this.#complain(error);
    }
  }

  /** After the clock was ahead and was put right, what recurs is due: else it waited for the time that it was. */
  #noteTime(): void {
    const now = this.#deps.now();
    if (now < this.#lookedAt) for (const kind of this.#recurring.keys()) this.#ensureRecurring(kind, 0);
    this.#lookedAt = now;
  }

  /** Leases the next due job to this process; gives up those that crashed the box as often as they may. */
  #take(): JobRow | undefined {
    const now = this.#deps.now();
    const known = Object.entries(this.#deps.handlers).map(([kind, { version, leaseMs }]) => ({
      kind,
      version,
      leaseMs,
    }));
    const running = JSON.stringify([...this.#running.keys()]);
    return this.#deps.database.writeRelaxed((prepare) => {
      prepare(sql.giveUp).run({ now, running, recurring: recurringKey });
      return prepare(sql.take).get({ now, running, known: JSON.stringify(known) }) as JobRow | undefined;
    });
  }

  #start(row: JobRow): void {
    const stop = new AbortController();
    const done = this.#run(row, stop).finally(() => {
      this.#running.delete(row.id);
      this.#lookSoon();
    });
    this.#running.set(row.id, { stop, done });
  }

  /** Never rejects: how the job ended is in its row. */
  async #run(row: JobRow, stop: AbortController): Promise<void> {
    const handler = this.#deps.handlers[row.kind];
    if (handler === undefined) return;
    const lease = setTimeout(
      () => stop.abort(new CodedError('internal', `The job took longer than ${handler.leaseMs} ms.`)),
      handler.leaseMs,
    ).unref();
    let failure: { error: unknown } | undefined;
    try {
      const payload: unknown = JSON.parse(row.payload);
      const { kind, key, version, attempts } = row;
      await handler.run({ kind, key, version, payload, attempt: attempts }, stop.signal);
    } catch (error) {
      failure = { error };
    }
    clearTimeout(lease);
    try {
      if (this.#deps.database.open) this.#end(row, failure);
    } catch (error) {
      this.#complain(error); // The lease runs out, and the job runs again.
    }
  }

  /** Each statement holds only while the lease is ours: a job enqueued again meanwhile has none, and stays due. */
  #end(row: JobRow, failure: { error: unknown } | undefined): void {
    const { id, kind, key } = row;
    const lease = row.lease_until;
    const now = this.#deps.now();
    const intervalMs = key === recurringKey ? this.#recurring.get(kind) : undefined;
    if (failure === undefined) {
      if (intervalMs === undefined) this.#relaxed(sql.remove, { id, lease });
      else this.#relaxed(sql.again, { id, lease, runAfter: now + intervalMs, error: null });
      return;
    }
    if (this.#state === 'closed') {
      this.#relaxed(sql.release, { id, lease });
      return;
    }
    const error = messageOf(failure.error);
    const exhausted = row.attempts >= row.attempts_max;
    if (exhausted && intervalMs !== undefined) {
      this.#relaxed(sql.again, { id, lease, runAfter: now + intervalMs, error });
    } else if (exhausted) {
      this.#relaxed(sql.fail, { id, lease, now, error });
    } else {
      const waitMs = Math.min(backOffMsMax, backOffMs * 2 ** (row.attempts - 1));
      this.#relaxed(sql.retry, { id, lease, runAfter: now + waitMs, error });
    }
    const facts = { kind, key, attempt: row.attempts, error: failure.error };
    if (exhausted) this.#deps.log.error(facts, 'A job failed for the last time.');
    else this.#deps.log.warn(facts, 'A job failed and will be tried again.');
  }

  #complain(error: unknown): void {
    const now = this.#deps.now();
    if (Math.abs(now - this.#complainedAt) < complaintEveryMs) return;
    this.#complainedAt = now;
    this.#deps.log.warn({ error }, 'Jobs cannot be read or written down just now; they wait.');
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, errorCharsMax);
}
