/** The one row of the copy on another machine. Private to this room; changes only inside `database.write`. */
import type { Database } from '../platform/database.ts';
import type { DrillView, OffboxChange } from './contract.ts';
import type { OffboxReason } from './reasons.ts';

export type OffboxSettings = Omit<OffboxChange, 'secret' | 'password'>;
/** `sshKey`: private, as OpenSSH writes it. `knownHosts`: the other machine's key, as it was seen first. */
export type OffboxSecret = Readonly<{
  password: string;
  secret: string | null;
  sshKey: string | null;
  sshPublicKey: string | null;
  knownHosts: string;
}>;
export type OffboxState = Readonly<{
  /** The place is there, and the password opens it. */
  ready: boolean;
  /** The password was told. */
  told: boolean;
  lastSuccessAt: number | null;
  lastTriedAt: number | null;
  /** Tries that failed since the last success or the beginning of this night. */
  triesSince: Readonly<{ night: number; tries: number }>;
  problem: Readonly<{ reason: OffboxReason; detail: string; at: number }> | null;
  /** Of the first copy: the last folder that is there. */
  through: string | null;
  files: number;
  bytes: number;
  unread: number;
  bytesThere: number | null;
  prunedAt: number | null;
  check: Readonly<{ at: number; ok: boolean; part: number; parts: number }> | null;
  drill: DrillView | null;
}>;
export type OffboxRow = Readonly<{
  settings: OffboxSettings;
  secret: OffboxSecret;
  state: OffboxState;
  createdAt: number;
}>;

export const newState: OffboxState = {
  ready: false,
  told: false,
  lastSuccessAt: null,
  lastTriedAt: null,
  triesSince: { night: 0, tries: 0 },
  problem: null,
  through: null,
  files: 0,
  bytes: 0,
  unread: 0,
  bytesThere: null,
  prunedAt: null,
  check: null,
  drill: null,
};

export class OffboxStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  row(): OffboxRow | undefined {
    const row = this.#database.get<{ settings: string; secret: string; state: string; created_at: number }>(
      'SELECT settings, secret, state, created_at FROM offbox',
    );
    if (row === undefined) return undefined;
    return {
      settings: JSON.parse(row.settings) as OffboxSettings,
      secret: JSON.parse(row.secret) as OffboxSecret,
      state: { ...newState, ...(JSON.parse(row.state) as OffboxState) },
      createdAt: row.created_at,
    };
  }

  put({ settings, secret, state, createdAt }: OffboxRow): void {
    this.#database.run(
      `INSERT INTO offbox (id, settings, secret, state, created_at) VALUES (1, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, secret = excluded.secret, state = excluded.state,
         created_at = excluded.created_at`,
      ...[settings, secret, state].map((one) => JSON.stringify(one)),
      createdAt,
    );
  }

  /** Nothing where it was removed meanwhile. */
  note(change: Partial<OffboxState>): void {
    const row = this.row();
    if (row !== undefined) this.put({ ...row, state: { ...row.state, ...change } });
  }

  noteKnownHosts(knownHosts: string): void {
    const row = this.row();
    if (row !== undefined) this.put({ ...row, secret: { ...row.secret, knownHosts } });
  }

  remove(): void {
    this.#database.run('DELETE FROM offbox');
  }
}
