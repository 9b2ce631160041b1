/**
 * Owns an SQLite file: opening it durably, migrating it, and the two ways to write to it.
 * Never knows what a table means. Any room that keeps rows may call it.
 *
 * A commit with `synchronous=FULL` is an fsync on the event loop (5-30 ms on a Pi), so writes that arrive in one turn
 * of the loop share a commit (group commit). Each runs in a savepoint: one that throws takes back only itself.
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import { CodedError, diskIsFull, diskIsGone, systemCode } from './errors.ts';
import { migrate } from './migrations.ts';

export type Statement<Params extends unknown[] = unknown[], Row = unknown> = Sqlite.Statement<Params, Row>;

/** Writes that may share one commit; more wait for the next. */
const groupCommitMax = 256;
/** Writes that may wait; past this the box is overloaded and says so. */
const waitingWritesMax = 10_000;
const mmapBytes = 0; // A pulled disk under a memory map is a SIGBUS, not an error.
const cacheKiB = 4_096;
const logBytesMax = 8 * 1024 * 1024;

type WaitingWrite = { run: () => unknown; resolve: (value: never) => void; reject: (error: unknown) => void };

export class Database {
  readonly #durable: Sqlite.Database;
  readonly #relaxed: Sqlite.Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #savepoint: Statement;
  readonly #release: Statement;
  readonly #rollbackTo: Statement;
  readonly #prepared = new Map<string, Statement>();
  readonly #preparedRelaxed = new Map<string, Statement>();
  #waiting: WaitingWrite[] = [];
  #scheduled = false;
  #closed = false;

  private constructor(durable: Sqlite.Database, relaxed: Sqlite.Database) {
    this.#durable = durable;
    this.#relaxed = relaxed;
    this.#begin = durable.prepare('BEGIN IMMEDIATE');
    this.#commit = durable.prepare('COMMIT');
    this.#rollback = durable.prepare('ROLLBACK');
    this.#savepoint = durable.prepare('SAVEPOINT one_write');
    this.#release = durable.prepare('RELEASE one_write');
    this.#rollbackTo = durable.prepare('ROLLBACK TO one_write');
  }

  /**
   * Opens `path` and brings it to the newest schema. With `create: false` a missing file is an error: a database on a
   * disk that went away must never be made anew on the folder beneath.
   * A database of a newer program is used as it is, where that program said that this one may (`migrations.ts`).
   * @throws {CodedError} `internal` when the file is newer than this program can use.
   */
  static open(path: string, options: { migrationsDir: string; create: boolean }): Database {
    syncLog(path);
    const durable = new Sqlite(path, { fileMustExist: !options.create, timeout: 5_000 });
    try {
      configure(durable, 'FULL');
      migrate(durable, options.migrationsDir);
      const relaxed = new Sqlite(path, { fileMustExist: true, timeout: 5_000 });
      configure(relaxed, 'NORMAL');
      relaxed.pragma('wal_autocheckpoint = 0');
      return new Database(durable, relaxed);
    } catch (error) {
      durable.close();
      throw error;
    }
  }

  get open(): boolean {
    return !this.#closed;
  }

  /** The first row, or undefined. */
  get<Row>(sql: string, ...params: unknown[]): Row | undefined {
    return this.prepare(sql).get(...params) as Row | undefined;
  }

  all<Row>(sql: string, ...params: unknown[]): Row[] {
    return this.prepare(sql).all(...params) as Row[];
  }

  /** Inside `write`. */
  run(sql: string, ...params: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return this.prepare(sql).run(...params);
  }

  /** A statement that reads, or that runs inside `write`. Prepared once for each text, so texts must be few. */
  prepare<Params extends unknown[] = unknown[], Row = unknown>(sql: string): Statement<Params, Row> {
    return prepareOnce(this.#durable, this.#prepared, sql) as unknown as Statement<Params, Row>;
  }

  /**
   * Runs `run` (synchronous, only statements of this database) in a transaction and resolves with its result when the
   * commit has reached the disk. @throws {CodedError} `disk-full`, `disk-missing`, `busy`; and whatever `run` throws.
   */
  write<T>(run: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#waiting.length >= waitingWritesMax) {
      return Promise.reject(
        new CodedError('busy', 'The box has too much to write down just now. Try again in a moment.'),
      );
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run, resolve: resolve as (value: never) => void, reject });
      if (!this.#scheduled) {
        this.#scheduled = true;
        setImmediate(() => this.#writeWaiting());
      }
    });
  }

  /**
   * Commits at once and without a sync: seen by every later read, lost at a power cut unless a `write` followed. Only
   * for what is worked out again at start.
   */
  writeRelaxed<T>(run: (prepare: (sql: string) => Statement) => T): T {
    if (this.#closed) throw closedError();
    const prepare = (sql: string) => prepareOnce(this.#relaxed, this.#preparedRelaxed, sql);
    try {
      return this.#relaxed.transaction(() => run(prepare)).immediate();
    } catch (error) {
      throw databaseError(error);
    }
  }

  /**
   * Writes the database as it is at one moment to a new file at `path`, whole in itself, a few pages at a time; `tidy`
   * (quick) then changes the copy, and what it deletes is overwritten there. Not synced.
   */
  async copyTo(path: string, tidy: (run: (sql: string) => void) => void): Promise<void> {
    if (this.#closed) throw closedError();
    await this.#durable.backup(path);
    const copy = new Sqlite(path, { fileMustExist: true });
    try {
      copy.pragma('journal_mode = DELETE');
      copy.pragma('synchronous = OFF');
      copy.pragma('secure_delete = ON');
      copy.pragma('foreign_keys = ON');
      copy.transaction(() => tidy((sql) => void copy.exec(sql)))();
    } finally {
      copy.close();
    }
  }

  /** Closes both handles; waiting writes are refused. Safe to call again, and on a disk that is gone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError());
    for (const handle of [this.#relaxed, this.#durable]) {
      try {
        handle.close();
      } catch {
        // The last close checkpoints; on a vanished disk that fails, and the log is replayed when it is back.
      }
    }
  }

  #writeWaiting(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const group = this.#waiting.splice(0, groupCommitMax);
    if (this.#waiting.length > 0) {
      this.#scheduled = true;
      setImmediate(() => this.#writeWaiting());
    }
    const done: Array<() => void> = [];
    try {
      this.#begin.run();
      for (const waiting of group) done.push(this.#runOne(waiting));
      this.#commit.run();
    } catch (error) {
      this.#rollbackQuietly();
      for (const waiting of group) waiting.reject(databaseError(error));
      return;
    }
    for (const settle of done) settle();
  }

  /** Runs one write in its savepoint; returns what to do once the shared commit has succeeded. */
  #runOne(waiting: WaitingWrite): () => void {
    this.#savepoint.run();
    try {
      const value = waiting.run();
      this.#release.run();
      return () => waiting.resolve(value as never);
    } catch (error) {
      // SQLite ends the whole transaction on some errors (full disk, I/O): then there is no savepoint to return to.
      if (!this.#durable.inTransaction) throw error;
      this.#rollbackTo.run();
      this.#release.run();
      return () => waiting.reject(databaseError(error));
    }
  }

  #rollbackQuietly(): void {
    try {
      if (this.#durable.inTransaction) this.#rollback.run();
    } catch {
      // Nothing was committed either way.
    }
  }
}

function prepareOnce(handle: Sqlite.Database, prepared: Map<string, Statement>, sql: string): Statement {
  const known = prepared.get(sql);
  if (known !== undefined) return known;
  const statement = handle.prepare(sql);
  prepared.set(sql, statement);
  return statement;
}

function closedError(): CodedError {
  return new CodedError(
    'disk-missing',
    'The disk went away while the box was writing to it. Nothing that was acknowledged is lost; it goes on when the disk is back.',
  );
}

/** Turns SQLite's disk errors into coded ones; every other error passes unchanged. */
export function databaseError(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  if (diskIsFull(error)) {
    return new CodedError(
      'disk-full',
      'The disk is full. Everything received so far is safe; make room, and the rest goes on.',
      { cause: error },
    );
  }
  if (diskIsGone(error)) {
    return new CodedError(
      'disk-missing',
      'The disk does not answer. Nothing that was acknowledged is lost; the box goes on when the disk is back.',
      { cause: error },
    );
  }
  if (error instanceof TypeError && error.message.includes('not open')) return closedError();
  return error;
}

/**
 * A process that was killed may have committed without its sync having returned. What is read from here on is told to
 * people and phones, so it must not be lost any more; SQLite itself syncs nothing when it finds a log.
 */
function syncLog(path: string): void {
  let file: number;
  try {
    file = openSync(`${path}-wal`, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function configure(handle: Sqlite.Database, synchronous: 'FULL' | 'NORMAL'): void {
  handle.pragma('journal_mode = WAL');
  handle.pragma(`synchronous = ${synchronous}`);
  handle.pragma('foreign_keys = ON');
  handle.pragma('trusted_schema = OFF');
  // What was deleted is overwritten where that costs no write of its own: names of photos are no leftovers.
  handle.pragma('secure_delete = FAST');
  handle.pragma(`cache_size = -${cacheKiB}`);
  handle.pragma(`mmap_size = ${mmapBytes}`);
  // Else each savepoint makes a file in the temporary folder, on the event loop.
  handle.pragma('temp_store = MEMORY');
  // A log that grew once is cut again at the next checkpoint.
  handle.pragma(`journal_size_limit = ${logBytesMax}`);
}
