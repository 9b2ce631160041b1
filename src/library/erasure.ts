/**
 * Owns the end of a person's data: every original, sidecar, file in the trash, picture, unfinished upload and row, the
 * tombstones too, and at last the empty folders. Never decides whose, never touches another person's, and never removes
 * what the box did not put there. Called by its own routes and by the composition root.
 *
 * One durable row begins it; from then on it goes on after every crash until nothing is left. First everything leaves the
 * library and the checksum lists, then the files go, slice by slice: removed, their folders synced, then their rows.
 */
import { opendir, rmdir, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsGone, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { ChecksumLists } from './checksum-lists.ts';
import { type ErasureRow, ErasureStore } from './erasure-store.ts';
import { factsOf } from './file-facts.ts';
import type { Library } from './library.ts';
import { type OpenLibrary, trashFolder } from './open-library.ts';

export type ErasureDeps = Readonly<{
  library: Library;
  lists: ChecksumLists;
  /** Ends what these phones are sending, and forgets what they sent. */
  forgetPhones: (open: OpenLibrary, phoneIds: readonly string[], personId: string) => Promise<void>;
  /** Their pictures go. May be told twice. */
  onDeleted: (open: OpenLibrary, assetIds: readonly number[]) => Promise<void> | void;
  /** How far it is; synchronous, never throws. */
  tell: (personId: string, progress: ErasureProgress) => void;
  /** Nothing is left. Called before the row that began it goes, so it may be called twice. */
  onErased: (personId: string, facts: { files: number; foreignFiles: number }) => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Files of one slice. */
  filesAtOnce?: number;
}>;
/** In files. `ended`: nothing is left. */
export type ErasureProgress = Readonly<{ files: number; done: number; ended: boolean }>;

const kind = 'erase-person';
const leaseMs = 6 * 3_600_000;
/** It goes on at each opening, so this only spaces out the tries of one day. */
const attemptsMax = 50;
const rowsAtOnce = 500;
const filesAtOnceUsual = 200;
/** As deep as a phone's own folders are kept, below `Files/<person>`. */
const depthMax = 80;
const entriesMax = 1_000_000;

export class Erasure {
  readonly #deps: ErasureDeps;

  constructor(deps: ErasureDeps) {
    this.#deps = deps;
  }

  /** Follows the library as it opens. Call before it is opened. */
  open(): void {
    const { library } = this.#deps;
    library.addWork((open) => ({
      [kind]: {
        version: 1,
        leaseMs,
        attemptsMax,
        run: (job, signal) => this.#guarded(open, () => this.#run(open, job.key, signal)),
      },
    }));
    // A job that failed as often as it may begins anew with each opening: this one is not given up.
    library.onOpened(async (open) => {
      const rows = new ErasureStore(open.database).erasures();
      if (rows.length === 0) return;
      await open.database.write(() => {
        for (const row of rows) open.jobs.enqueue(kind, row.person_id);
      });
    });
  }

  /** Whether it could begin now. @throws {CodedError} `disk-missing`, `not-set-up` */
  check(): void {
    this.#deps.library.current();
  }

  /**
   * Begins it, durably when it returns. `phones`: all that the person ever had; they may not come any more. Asked for
   * again it takes in what came since. @throws {CodedError} `disk-missing`, `upload-busy`
   */
  async begin(person: { id: string; folder: string }, phones: readonly string[]): Promise<ErasureProgress> {
    const open = this.#deps.library.current();
    return await this.#guarded(open, async () => {
      await this.#deps.forgetPhones(open, phones, person.id);
      const store = new ErasureStore(open.database);
      const { id: personId, folder } = person;
      await open.database.write(() => {
        store.begin({ personId, folder, phones: JSON.stringify(phones), askedAt: this.#deps.now() });
        open.jobs.enqueue(kind, personId);
      });
      return this.progress(personId) ?? { files: 0, done: 0, ended: true };
    });
  }

  /** Undefined: none is under way. @throws {CodedError} `disk-missing` */
  progress(personId: string): ErasureProgress | undefined {
    const row = new ErasureStore(this.#deps.library.current().database).erasure(personId);
    return row && { files: row.files, done: row.done, ended: false };
  }

  async #run(open: OpenLibrary, personId: string, signal: AbortSignal): Promise<void> {
    const store = new ErasureStore(open.database);
    const row = store.erasure(personId);
    if (row === undefined) return;
    const phones = JSON.parse(row.phones) as string[];
    store.overwriteDeleted(true);
    try {
      await this.#deps.forgetPhones(open, phones, personId);
      await this.#takeAway(open, store, row, signal);
      await this.#leaveLists(open, store, row, signal);
      await this.#removeFiles(open, store, row, signal);
      await this.#removeTombstones(open, store, row, signal);
      await this.#forgetRows(open, store, phones, signal);
      const foreignFiles = await this.#removeFolders(open, row, signal);
      const { files } = store.erasure(personId) ?? row;
      await this.#deps.onErased(personId, { files, foreignFiles });
      await open.database.write(() => store.end(personId));
      this.#deps.log.info({ files, foreignFiles }, 'the data of a person was deleted at their wish');
      this.#deps.tell(personId, { files, done: files, ended: true });
    } finally {
      if (open.database.open) store.overwriteDeleted(false);
    }
  }

  /** Out of the timeline, the trash and what phones are told they have. */
  async #takeAway(open: OpenLibrary, store: ErasureStore, row: ErasureRow, signal: AbortSignal): Promise<void> {
    for (const { asset_id: id, source } of store.publishing(row.person_id, row.asset_max)) {
      await this.#deps.library.settlePublishing(open, id);
      await unlink(open.incoming(source)).catch(ignoreMissing);
    }
    for (;;) {
      signal.throwIfAborted();
      const held = store.held(row, rowsAtOnce);
      if (held.length === 0) return;
      await open.database.write(() => {
        for (const asset of store.held(row, rowsAtOnce)) store.takeAway(row.person_id, asset);
      });
    }
  }

  /** A list never names what is not in its place. Their own folders hold nothing of others, so the lists go. */
  async #leaveLists(open: OpenLibrary, store: ErasureStore, row: ErasureRow, signal: AbortSignal): Promise<void> {
    for (const folder of store.listsBehind(foldersOf(row))) {
      signal.throwIfAborted();
      await this.#deps.lists.rewrite(open, folder).catch((error: unknown) => {
        if (diskIsGone(error)) throw error;
        // On a full disk there is no room for a list of what came since, and deleting makes some.
        this.#deps.log.warn({ err: error }, 'a checksum list could not be written before its photos were deleted');
      });
    }
  }

  async #removeFiles(open: OpenLibrary, store: ErasureStore, row: ErasureRow, signal: AbortSignal): Promise<void> {
    const { person_id: personId } = row;
    for (;;) {
      signal.throwIfAborted();
      const slice = store.files(personId, this.#deps.filesAtOnce ?? filesAtOnceUsual);
      if (slice.length === 0) return;
      await open.disk.check();
      const ids = slice.map(({ asset_id: id }) => id);
      const folders = await removeSlice(open, slice);
      await this.#deps.onDeleted(open, ids);
      await syncFolders(open, [trashFolder, ...folders]);
      // Only now: without its row nobody would ever find a name that a power cut brought back.
      await open.database.write(() => store.forget(personId, ids));
      const { files, done } = store.erasure(personId) ?? row;
      this.#deps.tell(personId, { files, done, ended: false });
    }
  }

  async #removeTombstones(open: OpenLibrary, store: ErasureStore, row: ErasureRow, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const ids = store.tombstones(row, rowsAtOnce);
      if (ids.length === 0) return;
      for (const id of ids) await unlink(inTrash(open, id)).catch(ignoreMissing);
      await this.#deps.onDeleted(open, ids);
      await syncFolders(open, [trashFolder]);
      await open.database.write(() => store.forget(row.person_id, ids));
    }
  }

  async #forgetRows(
    open: OpenLibrary,
    store: ErasureStore,
    phones: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const phoneId of phones) {
      for (let went = rowsAtOnce; went === rowsAtOnce; ) {
        signal.throwIfAborted();
        went = await open.database.write(() => store.forgetItems(phoneId, rowsAtOnce));
      }
      await open.database.write(() => store.forgetPhone(phoneId));
    }
    await open.database.write(() => store.emptyNameIndex());
  }

  /** Returns how many files are left in them: put there by hand, so nobody's here to remove. */
  async #removeFolders(open: OpenLibrary, row: ErasureRow, signal: AbortSignal): Promise<number> {
    await open.disk.check();
    const count = { files: 0, entries: 0 };
    for (const folder of foldersOf(row)) {
      if (!(await isRealFolder(open, folder))) continue;
      await removeEmpty(open, folder, count, signal, depthMax);
      const parent = posix.dirname(folder);
      if (await isRealFolder(open, parent)) await syncFolder(open.disk.resolve(parent));
    }
    // What comes in later makes its folders anew.
    open.folders.forget();
    return count.files;
  }

  async #guarded<T>(open: OpenLibrary, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }
}

/** Returns the folders whose names changed, all of them real ones. */
async function removeSlice(
  open: OpenLibrary,
  slice: ReadonlyArray<Readonly<{ asset_id: number; path: string }>>,
): Promise<Set<string>> {
  const folders = new Set<string>();
  for (const { asset_id: id, path } of slice) {
    const folder = posix.dirname(path);
    const isReal = folders.has(folder) || (await isRealFolder(open, folder));
    if (isReal) folders.add(folder);
    if (isReal) await removeFile(open.disk.resolve(path));
    await unlink(inTrash(open, id)).catch(ignoreMissing);
    // Once more: a way back from the trash that was under way needs the file there, and now it is nowhere else.
    if (isReal) await removeFile(open.disk.resolve(path));
  }
  return folders;
}

async function syncFolders(open: OpenLibrary, folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    const path = open.disk.resolve(folder);
    if ((await factsOf(path)) !== undefined) await syncFolder(path);
  }
}

function inTrash(open: OpenLibrary, assetId: number): string {
  return open.disk.resolve(`${trashFolder}/${assetId}`);
}

function foldersOf({ folder }: ErasureRow): string[] {
  return [`Photos/${folder}`, `Files/${folder}`];
}

/** Whether every part of it is a folder of this disk: nothing is removed through a link that leads elsewhere. */
async function isRealFolder(open: OpenLibrary, folder: string): Promise<boolean> {
  let path = '';
  for (const part of folder.split('/')) {
    path = path === '' ? part : `${path}/${part}`;
    if ((await factsOf(open.disk.resolve(path)))?.isDirectory() !== true) return false;
  }
  return true;
}

/** Whatever its bytes are by now: it has the name of the person's photo. A folder or a link of that name stays. */
async function removeFile(path: string): Promise<void> {
  if ((await factsOf(path))?.isFile() === true) await unlink(path).catch(ignoreMissing);
}

/** Removes a folder and those in it that are empty, the deepest first, and counts the files that are not. */
async function removeEmpty(
  open: OpenLibrary,
  folder: string,
  count: { files: number; entries: number },
  signal: AbortSignal,
  depth: number,
): Promise<void> {
  const path = open.disk.resolve(folder);
  for await (const entry of await opendir(path)) {
    signal.throwIfAborted();
    if (++count.entries > entriesMax) throw new CodedError('busy', 'There are too many files in the person’s folders.');
    if (entry.isDirectory() && depth > 0) await removeEmpty(open, `${folder}/${entry.name}`, count, signal, depth - 1);
    else count.files += 1;
  }
  await rmdir(path).catch((error: unknown) => {
    const code = systemCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== 'ENOENT') throw error;
  });
}
