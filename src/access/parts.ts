/** What every part of the room is given: its rows, the time, chance, and the two ways to tell what happened. */
import type { Database } from '../platform/database.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import type { AuditEntry } from './audit.ts';

export type PartOptions = Readonly<{
  database: Database;
  now: () => number;
  randomBytes: RandomBytes;
  /** Only inside `database.write`, beside the change that it tells of. */
  record: (entry: AuditEntry) => void;
  /** Puts a notice where the person sees it on all their devices. Only inside `database.write`. Never a secret. */
  notify: (personId: string, kind: string, detail?: Readonly<Record<string, string | number | boolean>>) => void;
}>;
