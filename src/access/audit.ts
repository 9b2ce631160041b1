/**
 * The audit log: who did what to whom; inserted, never changed, and the oldest dropped at last. A detail is never a secret.
 */
import type { Caller } from '../http/caller.ts';
import type { Database, Statement } from '../platform/database.ts';

export type AuditEntry = Readonly<{
  event: string;
  /** `person:<id>`, `phone:<id>`, `console` or `nobody`. */
  actor: string;
  subject?: string;
  detail?: Readonly<Record<string, string | number | boolean>>;
}>;

/** Anybody can fill it by wrong passwords, so it has an end. */
const auditRowsMax = 10_000;
/** One row is due with each new one; a log that was longer shrinks in steps that hold nobody up. */
const droppedAtOnceMax = 100;

export class Audit {
  readonly #insert: Statement<[number, string, string, string | null, string]>;
  readonly #drop: Statement<[number, number]>;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#insert = database.prepare('INSERT INTO audit (at, event, actor, subject, detail) VALUES (?, ?, ?, ?, ?)');
    this.#drop = database.prepare(
      'DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id <= ? ORDER BY id LIMIT ?)',
    );
    this.#now = now;
  }

  /** Only inside `database.write`, beside the change that it tells of: both are there, or neither. */
  record(entry: AuditEntry): void {
    const detail = JSON.stringify(entry.detail ?? {});
    const { lastInsertRowid } = this.#insert.run(this.#now(), entry.event, entry.actor, entry.subject ?? null, detail);
    this.#drop.run(Number(lastInsertRowid) - auditRowsMax, droppedAtOnceMax);
  }
}

export function actorOf(caller: Caller): string {
  switch (caller.kind) {
    case 'phone':
      return `phone:${caller.phoneId}`;
    case 'person':
      return `person:${caller.personId}`;
    case 'console':
      return 'console';
    case 'nobody':
      return 'nobody';
  }
}
