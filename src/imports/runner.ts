/**
 * Goes on with the imports of each library that opens, one at a time, until it closes: which one is next, what becomes of
 * one that cannot go on. Only `Imports` makes one.
 */
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { ImportReport } from './contract.ts';
import { Source, type SourceDeps } from './sources.ts';
import type { ImportRow, ImportStore } from './store.ts';
import { Tally } from './tally.ts';

export type RunnerDeps = Readonly<{
  library: Library;
  uploads: Uploads;
  sources: SourceDeps;
  rowsOf: (open: OpenLibrary) => ImportStore;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

const limits = {
  reportEveryMs: 5_000,
  waitMs: 2_000,
  waitMsMax: 3_600_000,
  lookMs: 15_000,
  letGoMs: 60_000,
};

type Running = {
  readonly row: ImportRow;
  readonly stop: AbortController;
  readonly report: ImportReport;
  readonly ended: Promise<void>;
  /** How long it leaves its disk alone. */
  restMs: number;
};

export class ImportRunner {
  readonly #deps: RunnerDeps;
  #wake = Promise.withResolvers<void>();
  #running: Running | undefined;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /** Call before the library is opened. */
  open(): void {
    this.#deps.library.onOpened(async (open) => {
      const done = open.served.then(() => this.#follow(open));
      open.beforeClosing(() => {
        this.#running?.stop.abort();
        this.#wake.resolve();
        return done;
      });
    });
  }

  /** There is one more. */
  wake(): void {
    this.#wake.resolve();
  }

  /** How far the one that goes on now is. */
  reportOf(id: string): ImportReport | undefined {
    return this.#running?.row.id === id ? this.#running.report : undefined;
  }

  /** Ends what goes on, if it is one of these; nothing comes of it when this returns. Its row says that it has ended. */
  async stop(which: (row: ImportRow) => boolean): Promise<void> {
    const running = this.#running;
    if (running === undefined || !which(running.row)) return;
    running.stop.abort();
    await running.ended;
  }

  /** Lets a disk go, so that it can be unmounted: imports from it wait for a minute before they look for it again. */
  async letGo(source: string): Promise<void> {
    const { library, rowsOf, now } = this.#deps;
    // First, or the next one from there begins when this one ends.
    if (library.state === 'ok') {
      const open = library.current();
      await open.database
        .write(() => rowsOf(open).rest(source, now() + limits.letGoMs))
        .catch(async (error: unknown) => void (await library.failed(open, error)));
    }
    const running = this.#running;
    if (running === undefined || running.row.source !== source) return;
    running.restMs = limits.letGoMs;
    running.stop.abort(
      new CodedError('not-found', 'The disk that is imported from was let go. What was imported is safe.'),
    );
    await running.ended;
  }

  /** Never rejects. */
  async #follow(open: OpenLibrary): Promise<void> {
    const { now, log, library } = this.#deps;
    while (!open.closing.aborted) {
      this.#wake = Promise.withResolvers();
      try {
        const row = this.#deps.rowsOf(open).next(now());
        if (row === undefined) await this.#rest(this.#deps.rowsOf(open).dueAt());
        else await this.#run(open, row);
      } catch (error) {
        if (open.closing.aborted) return;
        log.warn({ err: await library.failed(open, error) }, 'imports go on in a moment');
        await this.#rest();
      }
    }
  }

  /** `until`: ms since 1970, or undefined: nothing waits. */
  async #rest(until?: number): Promise<void> {
    const waitMs = until === undefined ? limits.lookMs : Math.min(limits.lookMs, Math.max(0, until - this.#deps.now()));
    const timer = setTimeout(() => this.#wake.resolve(), waitMs);
    timer.unref();
    await this.#wake.promise;
    clearTimeout(timer);
  }

  async #run(open: OpenLibrary, row: ImportRow): Promise<void> {
    const { uploads, library, now, log } = this.#deps;
    const rows = this.#deps.rowsOf(open);
    const tally = new Tally();
    const stop = new AbortController();
    const ended = Promise.withResolvers<void>();
    this.#running = { row, stop, report: tally.report, ended: ended.promise, restMs: 0 };
    try {
      await open.database.write(() => rows.run(row.id));
      // What was half received when it ended: it is read again.
      await uploads.forgetPhones(open, [row.id]);
      await this.#carryAll(open, rows, row, tally, stop.signal);
      // The place of a disk that is not mounted is an empty folder.
      if (tally.seen === 0 && rows.hasItems(row.id)) {
        throw new CodedError('not-found', 'The folder that is imported from is empty now. What was imported is safe.');
      }
      await uploads.forgetPhones(open, [row.id]);
      await open.database.write(() => {
        rows.report(row.id, tally.report);
        open.items.forgetWaiting(row.id, Number.MAX_SAFE_INTEGER);
        rows.end(row.id, { state: 'done', at: now() });
      });
      log.info({ import: row.id, files: tally.seen }, 'an import is done');
    } catch (thrown) {
      if (open.closing.aborted) return;
      const error = await library.failed(open, thrown);
      if (open.closing.aborted) return;
      await this.#keepFrom(open, rows, row, tally, error);
    } finally {
      this.#running = undefined;
      ended.resolve();
    }
  }

  async #carryAll(
    open: OpenLibrary,
    rows: ImportStore,
    row: ImportRow,
    tally: Tally,
    stopped: AbortSignal,
  ): Promise<void> {
    const { sources, uploads, now } = this.#deps;
    // Loaded when somebody imports: seldom.
    const [{ Carrying }, { walk }] = await Promise.all([import('./carrying.ts'), import('./walk.ts')]);
    const source = await Source.open(sources, row);
    try {
      const signal = AbortSignal.any([stopped, open.closing]);
      const carrying = new Carrying({ library: open, uploads, rows, row, source, tally, now, signal });
      let reportedAt = performance.now();
      await walk(source.folder, {
        allFiles: row.all_files === 1,
        signal,
        isOwn: (folder) => source.isOwn(folder),
        leftOut: (path, reason, kind) => tally.leftOut(path, reason, kind),
        failed: (path, error) => carrying.unreadable(path, error),
        take: async (files) => {
          if (rows.import(row.id)?.state !== 'running') throw new CodedError('conflict', 'This import was ended.');
          await carrying.take(files);
          if (performance.now() - reportedAt < limits.reportEveryMs) return;
          reportedAt = performance.now();
          await open.database.write(() => rows.report(row.id, tally.report));
        },
      });
    } finally {
      await source.close();
    }
  }

  /** Stopped by somebody; else it waits and tries again, or has nobody left to bring anything to. */
  async #keepFrom(open: OpenLibrary, rows: ImportStore, row: ImportRow, tally: Tally, error: unknown): Promise<void> {
    const { now, log } = this.#deps;
    const reason = error instanceof CodedError ? error.code : 'internal';
    const isOver = reason === 'unauthenticated' || reason === 'forbidden';
    // Any file more, and it begins anew with waiting.
    const tries = importedIn(tally.report) > importedIn(JSON.parse(row.report) as ImportReport) ? 0 : row.tries;
    const nextAt =
      now() +
      Math.max(this.#running?.restMs ?? 0, Math.min(limits.waitMsMax, limits.waitMs * 2 ** Math.min(tries, 10)));
    await open.database.write(() => {
      if (tally.seen > 0) rows.report(row.id, tally.report);
      // It went with its person's data, and so does what was told of meanwhile.
      if (rows.import(row.id) === undefined) open.items.forgetWaiting(row.id, Number.MAX_SAFE_INTEGER);
      if (isOver) rows.end(row.id, { state: 'failed', reason, at: now() });
      else rows.wait(row.id, { reason, nextAt, tries: tries + 1 });
    });
    if (rows.import(row.id)?.state !== 'waiting' && !isOver) return;
    log.warn({ err: error, import: row.id }, isOver ? 'an import cannot go on' : 'an import waits');
  }
}

function importedIn({ imported }: ImportReport): number {
  return Object.values(imported).reduce((sum, { files }) => sum + files, 0);
}
