/**
 * The audit log: who did what to whom; inserted, never changed, and the oldest dropped at last. A detail is never a secret.
 *
 * Anybody can cause some events as often as they like. The same event about the same subject gets a few rows an hour and
 * is counted in the last of them from then on; and what nobody, or nobody with the right, caused has an end of its own,
 * so that a flood never pushes out what people did.
 */
import type { Caller } from '../http/caller.ts';
import type { Database, Statement } from '../platform/database.ts';

export type AuditEntry = Readonly<{
  event: string;
  /** `person:<id>`, `phone:<id>`, `console`, `box` (what had waited for its time) or `nobody`. */
  actor: string;
  subject?: string;
  detail?: Readonly<Record<string, string | number | boolean>>;
}>;

export type AuditLimits = Readonly<typeof auditLimits>;
const auditLimits = {
  rowsMax: 100_000,
  /** Of those, what anybody can cause. */
  floodRowsMax: 20_000,
  keptMs: 400 * 24 * 60 * 60_000,
  /** Of one event by one actor about one subject in an hour; more are counted in the last of them. */
  alikePerHourMax: 5,
  /** How many come in before the ends are looked at. */
  trimEvery: 100,
};
const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const detailCharsMax = 2_000;

export class Audit {
  readonly #insert: Statement<[number, string, string, string | null, string, number]>;
  readonly #alike: Statement<[string, string, string | null, number, number], { id: number; n: number }>;
  readonly #count: Statement<[number]>;
  readonly #dropOld: Statement<[number, number]>;
  readonly #between: Statement<[number, number], { id: number }>;
  readonly #dropMany: Statement<[number]>;
  readonly #dropFlood: Statement<[number]>;
  readonly #size: Statement<[], { n: number }>;
  readonly #floodSize: Statement<[], { n: number }>;
  readonly #now: () => number;
  readonly #limits: AuditLimits;
  #untrimmed: number;

  constructor(database: Database, now: () => number, limits: Partial<AuditLimits> = {}) {
    this.#insert = database.prepare(
      'INSERT INTO audit (at, event, actor, subject, detail, flood) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#alike = database.prepare(
      `SELECT max(id) AS id, count(*) AS n FROM audit
       WHERE event = ? AND actor = ? AND subject IS ? AND at > ? AND at <= ?`,
    );
    this.#count = database.prepare('UPDATE audit SET times = times + 1 WHERE id = ?');
    const oldest = (where: string) =>
      `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE ${where} ORDER BY id LIMIT ?)`;
    this.#dropOld = database.prepare(
      'DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)',
    );
    this.#between = database.prepare('SELECT id FROM audit WHERE at BETWEEN ? AND ? LIMIT 1');
    this.#dropMany = database.prepare(oldest('TRUE'));
    this.#dropFlood = database.prepare(oldest('flood = 1'));
    this.#size = database.prepare('SELECT count(*) AS n FROM audit');
    this.#floodSize = database.prepare('SELECT count(*) AS n FROM audit WHERE flood = 1');
    this.#now = now;
    this.#limits = { ...auditLimits, ...limits };
    this.#untrimmed = this.#limits.trimEvery;
  }

  /** Only inside `database.write`, beside the change that it tells of: both are there, or neither. */
  record(entry: AuditEntry): void {
    const at = this.#now();
    const { event, actor, subject = null } = entry;
    const hourBegan = Math.floor(at / hourMs) * hourMs - 1;
    const alike = this.#alike.get(event, actor, subject, hourBegan, hourBegan + hourMs);
    if (alike !== undefined && alike.n >= this.#limits.alikePerHourMax) {
      this.#count.run(alike.id);
      return;
    }
    const detail = JSON.stringify(entry.detail ?? {});
    this.#insert.run(at, event, actor, subject, detail.length > detailCharsMax ? '{}' : detail, isFlood(entry) ? 1 : 0);
    this.#untrimmed += 1;
    if (this.#untrimmed >= this.#limits.trimEvery) this.#trim(at);
  }

  #trim(at: number): void {
    this.#untrimmed = 0;
    const { rowsMax, floodRowsMax, keptMs, trimEvery } = this.#limits;
    // A log that was longer shrinks in steps that hold nobody up.
    const step = trimEvery * 2;
    // A clock that is wrong for some hours, years ahead, must not empty the log: something was written at about this
    // time, a day ago at least.
    if (this.#between.get(at - keptMs / 2, at - dayMs) !== undefined) this.#dropOld.run(at - keptMs, step);
    const flood = (this.#floodSize.get()?.n ?? 0) - floodRowsMax;
    if (flood > 0) this.#dropFlood.run(Math.min(flood, step));
    const many = (this.#size.get()?.n ?? 0) - rowsMax;
    if (many > 0) this.#dropMany.run(Math.min(many, step));
  }
}

/** What somebody without the right can cause as often as they like. */
function isFlood({ event, actor }: AuditEntry): boolean {
  return actor === 'nobody' || event === 'access-refused' || event.endsWith('-failed');
}

export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'phone':
    case 'app':
      return `phone:${caller.phoneId}`;
    case 'person':
    case 'halfway':
      return `person:${caller.personId}`;
    case 'console':
      return 'console';
    case 'nobody':
      return 'nobody';
  }
}
