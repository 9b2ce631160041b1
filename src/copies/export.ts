/**
 * Owns the way out: a plain copy of the library, or of one person's part, in any folder that the box can write to.
 * Never changes the library, never overwrites what is in that folder, never counts a file that was not read back.
 * Called by its own routes; only the console begins one.
 *
 * It keeps no row: the same export again reads what is there, and copies what is not.
 */

import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { ExportView } from './export-contract.ts';
import { type ExportedRow, ExportStore } from './export-store.ts';
import type { ExportTarget } from './export-target.ts';

export type ExportDeps = Readonly<{
  library: Pick<Library, 'current' | 'failed'>;
  personByName: (name: string) => Person | undefined;
  /** The library's disk and the state folder. */
  ownDirs: () => readonly string[];
  /** Waited for before each piece: somebody may use the disk. */
  beforePiece: (bytes: number, signal: AbortSignal) => Promise<void>;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

type Person = Readonly<{ id: string; name: string; folder: string }>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };
const problemsMax = 200;
const rowsAtOnce = 200;

export class Export {
  readonly #deps: ExportDeps;
  #beginning = false;
  #view: Writable<ExportView> | undefined;
  /** Whose the listed problems are, in their order. */
  #owners: string[] = [];
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(deps: ExportDeps) {
    this.#deps = deps;
  }

  /** Names of files are their person's alone, and the console's. */
  view(caller: PersonCaller | ConsoleCaller): ExportView | undefined {
    const view = this.#view;
    if (view === undefined || caller.kind === 'console') return view;
    const problems = view.problems.filter((_, index) => this.#owners[index] === caller.personId);
    return { ...view, problems, problemsMore: view.problemsMore + view.problems.length - problems.length };
  }

  /** Begins one. @throws {CodedError} `conflict` while one runs; `not-found`, `forbidden`, `invalid-request`, `disk-missing` */
  async begin(asked: { folder: string; person?: string }): Promise<ExportView> {
    if (this.#beginning || this.#view?.state === 'running') {
      throw new CodedError('conflict', 'An export is under way. Wait for it, or stop it first. Nothing was begun.');
    }
    this.#beginning = true;
    try {
      return await this.#begin(asked);
    } finally {
      this.#beginning = false;
    }
  }

  async #begin(asked: { folder: string; person?: string }): Promise<ExportView> {
    const { library, personByName, ownDirs } = this.#deps;
    if (!asked.folder.startsWith('/') || asked.folder.includes('\0')) {
      throw new CodedError('invalid-request', 'The folder has to be given whole, from “/” on. Nothing was begun.');
    }
    const person = asked.person === undefined ? null : personByName(asked.person);
    if (person === undefined) {
      throw new CodedError('not-found', `Nobody on this box is called “${asked.person}”. Nothing was begun.`);
    }
    const open = library.current();
    // Loaded when somebody leaves: seldom.
    const { ExportTarget } = await import('./export-target.ts');
    const target = await ExportTarget.open(asked.folder, ownDirs());
    const view: Writable<ExportView> = {
      folder: asked.folder,
      person: person?.name ?? null,
      state: 'running',
      reason: null,
      ofFiles: new ExportStore(open.database).count(person?.id ?? null),
      copied: 0,
      had: 0,
      bytes: 0,
      problems: [],
      problemsMore: 0,
    };
    this.#view = view;
    this.#owners = [];
    this.#stop = new AbortController();
    this.#done = this.#run(open, target, person ?? null, view);
    // No file of the library is held when its disk is unmounted.
    open.beforeClosing(() => this.#done);
    return view;
  }

  /** Ends what runs, and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  /** Never rejects. */
  async #run(
    open: OpenLibrary,
    target: ExportTarget,
    person: Person | null,
    view: Writable<ExportView>,
  ): Promise<void> {
    const { library, log } = this.#deps;
    const signal = AbortSignal.any([this.#stop.signal, open.closing]);
    try {
      await this.#copyAll(open, target, person, view, signal);
      view.state = 'done';
      log.info({ files: view.copied + view.had, problems: view.problems.length }, 'an export is done');
    } catch (thrown) {
      if (this.#stop.signal.aborted) {
        view.state = 'stopped';
        return;
      }
      const error = open.closing.aborted ? thrown : await whose(open, library, thrown);
      view.state = 'failed';
      view.reason =
        error instanceof CodedError
          ? error.message
          : (wordsFor(thrown) ??
            'One of the two disks did not take or give its bytes. What was copied is whole; begin the same export again.');
      log.warn({ err: thrown }, 'an export ended early');
    } finally {
      await target.close().catch(() => undefined);
    }
  }

  async #copyAll(
    open: OpenLibrary,
    target: ExportTarget,
    person: Person | null,
    view: Writable<ExportView>,
    signal: AbortSignal,
  ): Promise<void> {
    const rows = new ExportStore(open.database);
    const personId = person?.id ?? null;
    await target.writeReadme();
    const list = await target.list(person?.folder);
    let whole = false;
    try {
      for (let after = 0; ; ) {
        const batch = rows.after(personId, after, rowsAtOnce);
        for (const row of batch) {
          signal.throwIfAborted();
          if (await this.#copyOne(open, target, row, { rows, view, signal })) await list.add(row);
        }
        after = batch.at(-1)?.id ?? 0;
        if (batch.length < rowsAtOnce) break;
      }
      whole = true;
    } finally {
      await list.end(whole);
    }
  }

  /** Whether it is there now. */
  async #copyOne(
    open: OpenLibrary,
    target: ExportTarget,
    it: ExportedRow,
    { rows, view, signal }: { rows: ExportStore; view: Writable<ExportView>; signal: AbortSignal },
  ): Promise<boolean> {
    const beforePiece = (bytes: number) => this.#deps.beforePiece(bytes, signal);
    const there = await target.look(it, beforePiece);
    const came =
      there === 'missing'
        ? await target.copy(open.disk.resolve(it.path), it, beforePiece)
        : there === 'right'
          ? 'had'
          : 'taken';
    if (came === 'copied' || came === 'had') {
      view[came] += 1;
      view.bytes += it.size;
      return true;
    }
    // A disk that is gone has no file at all: then nothing is said of this one.
    if (came === 'damaged') await open.disk.check({ byReading: true });
    // Its owner put it into the trash meanwhile.
    if (came === 'damaged' && rows.after(it.person_id, it.id - 1, 1)[0]?.id !== it.id) return false;
    if (view.problems.length >= problemsMax) view.problemsMore += 1;
    else {
      view.problems.push({ path: it.path, reason: came === 'damaged' ? 'damaged' : 'in-the-way' });
      this.#owners.push(it.person_id);
    }
    return false;
  }
}

function wordsFor(error: unknown): string | undefined {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return 'The disk that is exported to is full. What was copied is whole; make room there, and begin the same export again.';
  if (code === 'EFBIG')
    return 'A file is larger than the disk that is exported to takes (FAT takes 4 GB). What was copied is whole; export to a disk with ext4 or exFAT.';
  return undefined;
}

/** Only what the library's own disk says may close it. */
async function whose(open: OpenLibrary, library: ExportDeps['library'], error: unknown): Promise<unknown> {
  try {
    await open.disk.check({ byReading: true });
    return error;
  } catch (gone) {
    return await library.failed(open, gone);
  }
}
