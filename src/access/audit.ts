/**
 * The audit log: who did what to whom, inserted and never changed. A detail is never a secret.
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

export class Audit {
  readonly #insert: Statement<[number, string, string, string | null, string]>;
  readonly #now: () => number;

  constructor(database: Database, now: () => number) {
    this.#insert = database.prepare('INSERT INTO audit (at, event, actor, subject, detail) VALUES (?, ?, ?, ?, ?)');
    this.#now = now;
  }

  /** Only inside `database.write`, beside the change that it tells of: both are there, or neither. */
  record(entry: AuditEntry): void {
    const detail = JSON.stringify(entry.detail ?? {});
    this.#insert.run(this.#now(), entry.event, entry.actor, entry.subject ?? null, detail);
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
