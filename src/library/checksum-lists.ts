/**
 * Owns the `SHA256SUMS` of each folder of photos: what `sha256sum -c` checks, without us.
 * Never lists what is not in its place, never replaces a file that it did not write; the catalogue is the truth.
 * Called by the library's own parts (trash before it moves a file), by its job, and by the composition root.
 *
 * `Files/` has no lists: it mirrors the phones' own folders, and nothing is added to those.
 */
import { lstat, open as openFile, rename, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsGone, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { ChecksumListStore, type ListedAsset } from './checksum-lists-store.ts';
import { factsOf } from './file-facts.ts';
import type { Library } from './library.ts';
import type { OpenLibrary } from './open-library.ts';
import { candidateNames, pathKey } from './placement.ts';

const listName = 'SHA256SUMS';
/** Outside every folder that phones or people use. One at a time. */
const temporaryPath = '.nightjar/checksum-list.new';
const jobKind = 'checksum-lists';
/** The key of a recurring job. */
const jobKey = '';
const restMsUsual = 60_000;
const recurMs = 3_600_000;
const leaseMs = 600_000;
const rowsAtOnce = 1_000;
const namesTriedMax = 100;

type Beside = { noted: boolean; turn: Promise<void>; rows: ChecksumListStore };

export class ChecksumLists {
  readonly #deps: Readonly<{ library: Library; now: () => number; log: Pick<Logger, 'warn'>; restMs?: number }>;
  readonly #beside = new WeakMap<OpenLibrary, Beside>();

  /** `restMs`: how long after a change the lists are written, and so how often at most. */
  constructor(deps: { library: Library; now: () => number; log: Pick<Logger, 'warn'>; restMs?: number }) {
    this.#deps = deps;
  }

  /** Follows the library as it opens. Call before it is opened. */
  open(): void {
    const { library } = this.#deps;
    library.addWork((open) => ({
      [jobKind]: {
        version: 1,
        leaseMs,
        attemptsMax: 5,
        // What nobody noted (a file that was found to be gone) is listed within the hour.
        everyMs: recurMs,
        run: async (_job, signal) => this.#rewriteAll(open, signal),
      },
    }));
    library.onOpened(async (open) => {
      if (this.#of(open).rows.behind('', 1).length > 0) this.note(open);
    });
  }

  /**
   * Says that some list is behind: which, its own row says, changed together with the asset. For `Publishing`'s
   * `onPublished` too: costs nothing while a rewriting is due.
   */
  note(open: OpenLibrary): void {
    const beside = this.#of(open);
    if (beside.noted) return;
    beside.noted = true;
    const dueAt = this.#deps.now() + (this.#deps.restMs ?? restMsUsual);
    // Not waited for: when a crash takes it back, the next opening finds the rows that are behind.
    open.database
      .write(() => open.jobs.enqueue(jobKind, jobKey, {}, dueAt))
      .catch(() => {
        beside.noted = false;
      });
  }

  /** Makes the list of `folder` what the catalogue says, if it is not. The trash does so before it moves a file. */
  async rewrite(open: OpenLibrary, folder: string): Promise<void> {
    const beside = this.#of(open);
    const mine = beside.turn.then(() => this.#rewriteAlone(open, beside.rows, folder));
    beside.turn = mine.catch(() => undefined);
    await mine;
  }

  async #rewriteAll(open: OpenLibrary, signal: AbortSignal): Promise<void> {
    const beside = this.#of(open);
    beside.noted = false;
    let failure: { error: unknown } | undefined;
    for (let after: string | undefined = ''; after !== undefined; ) {
      const folders = beside.rows.behind(after, rowsAtOnce);
      for (const folder of folders) {
        signal.throwIfAborted();
        await this.rewrite(open, folder).catch((error: unknown) => {
          // One folder must not keep the others from their lists.
          if (diskIsGone(error)) throw error;
          this.#deps.log.warn({ err: error, folder }, 'a checksum list could not be written');
          failure ??= { error };
        });
      }
      after = folders.at(-1);
    }
    if (failure !== undefined) throw failure.error;
  }

  async #rewriteAlone(open: OpenLibrary, rows: ChecksumListStore, folder: string): Promise<void> {
    const list = rows.list(folder);
    if (list === undefined || list.state === 'right') return;
    // Before the catalogue is read: whatever changes from here on marks it again.
    rows.begin(folder);
    const [first] = pageOf(rows, folder, '');
    const there = (await factsOf(open.disk.resolve(folder)))?.isDirectory() === true;
    if (first === undefined) {
      if (list.name !== null && there) await removeList(open, folder, list.name);
      rows.forget(folder);
      return;
    }
    if (there) {
      const name = list.name ?? (await this.#chooseName(open, rows, folder));
      await this.#write(open, rows, folder, name);
    }
    // Without its folder (moved away by hand) there is nothing to list; the next photo makes it again.
    rows.end(folder);
  }

  /** A name that nothing has: not the disk, and not a phone's own file of that name that is on its way. */
  async #chooseName(open: OpenLibrary, rows: ChecksumListStore, folder: string): Promise<string> {
    let tried = 0;
    for (const name of candidateNames(listName)) {
      const path = `${folder}/${name}`;
      if (++tried > namesTriedMax) break;
      if (open.rows.pathTaken(pathKey(path)) || (await factsOf(open.disk.resolve(path))) !== undefined) continue;
      await open.database.write(() => rows.setName(folder, name));
      return name;
    }
    throw new CodedError('conflict', `There is no free name for the checksum list in "${folder}". Tidy that folder.`);
  }

  async #write(open: OpenLibrary, rows: ChecksumListStore, folder: string, name: string): Promise<void> {
    const temporary = open.disk.resolve(temporaryPath);
    await unlink(temporary).catch(ignoreMissing);
    const file = await openFile(temporary, 'wx', 0o644);
    try {
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page: ListedAsset[] = pageOf(rows, folder, after);
        const lines = page.filter(({ path }) => posix.dirname(path) === folder).map(lineOf);
        await file.writeFile(lines.join(''));
        after = page.at(-1)?.path_key;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
    await open.disk.check();
    // Refuses to walk through a link that leads elsewhere.
    await open.folders.make(folder);
    await rename(temporary, open.disk.resolve(`${folder}/${name}`));
    await syncFolder(open.disk.resolve(folder));
  }

  #of(open: OpenLibrary): Beside {
    const known = this.#beside.get(open);
    if (known !== undefined) return known;
    const made = { noted: false, turn: Promise.resolve(), rows: new ChecksumListStore(open.database) };
    this.#beside.set(open, made);
    return made;
  }
}

/** What is present in `folder` (and below it) behind the key `after`. '0' is the letter after '/'. */
function pageOf(rows: ChecksumListStore, folder: string, after: string): ListedAsset[] {
  const key = pathKey(folder);
  return rows.present(after === '' ? `${key}/` : after, `${key}0`, rowsAtOnce);
}

async function removeList(open: OpenLibrary, folder: string, name: string): Promise<void> {
  const path = open.disk.resolve(`${folder}/${name}`);
  const facts = await lstat(path).catch(ignoreMissing);
  if (facts?.isFile() !== true) return;
  await open.disk.check();
  await unlink(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  await syncFolder(open.disk.resolve(folder));
}

/** As GNU `sha256sum` writes it: a name with a backslash or a line break is escaped, and its line begins with one. */
export function lineOf({ path, sha256 }: Pick<ListedAsset, 'path' | 'sha256'>): string {
  const name = posix.basename(path);
  const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === name ? '' : '\\'}${sha256.toString('hex')}  ${escaped}\n`;
}
