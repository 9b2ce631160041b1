/**
 * What the apps of one phone see of it: the names that this phone gave, as a tree. Changing it changes names alone: no
 * verb here removes, overwrites or moves an original, and what is taken out of view stays kept.
 * Called by the doors for apps, with an open library.
 */
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { PhoneViewStore, type ViewRow } from './phone-view-store.ts';
import { parentOf, phonePathBytesMax } from './placement.ts';
import type { AssetState } from './store.ts';

/** `id` is never reused, and stays when another content takes the name. Times in ms since 1970. */
type ViewedFolder = Readonly<{ kind: 'folder'; id: number; path: string; changedAt: number }>;
export type ViewedFile = Readonly<{
  kind: 'file';
  id: number;
  path: string;
  size: number;
  mtime: number;
  assetId: number;
  /** Hexadecimal. */
  sha256: string;
  /** Others that clients sent with it, all right, as `MD5:<hexadecimal> SHA1:<hexadecimal>`; '' when none did. */
  checksums: string;
  mediaType: string;
  /** A photo or video: there may be a picture of it. */
  isPicture: boolean;
  /** Its owner deleted it here: its name stays, so that no app sends it again. */
  deleted: boolean;
  capturedAt: number;
  addedAt: number;
}>;
export type Viewed = ViewedFolder | ViewedFile;

const sliceRows = 1_000;
/** Of names in one change: it is one transaction, which nothing else can pass. */
const movedNamesMax = 50_000;
/** Of one phone: names need files, and folders would cost nobody anything. */
const foldersMax = 50_000;

export class PhoneView {
  readonly #database: Database;
  readonly #store: PhoneViewStore;
  /** By phone: up to which row of the catalogue every name has its folders. */
  readonly #through = new Map<string, number>();
  /** By phone: at most so many folders it has. */
  readonly #folders = new Map<string, number>();

  constructor(database: Database) {
    this.#database = database;
    this.#store = new PhoneViewStore(database);
  }

  /** Gives every name its folders: those that came by another door told none. Called before anything is asked. */
  async prepare(phoneId: string, now: number): Promise<void> {
    const last = this.#store.lastItemId();
    const through = this.#through.get(phoneId);
    if (through === last) return;
    const missing = new Set<string>();
    for (const parent of this.#store.parentsAfter(phoneId, through ?? 0)) this.#addMissing(phoneId, parent, missing);
    const begun = through !== undefined || this.#store.version(phoneId) !== undefined;
    if (missing.size > 0 || !begun) {
      await this.#database.write(() => {
        this.#store.begin(phoneId);
        if (!begun) this.#store.putFolder(phoneId, topParent, '', now);
        for (const path of missing) this.#putFolder(phoneId, path, now);
      });
    }
    this.#through.set(phoneId, last);
  }

  /** '' is the top. */
  at(phoneId: string, path: string): Viewed | undefined {
    return viewed(this.#store.at(phoneId, path));
  }

  byId(phoneId: string, id: number): Viewed | undefined {
    return viewed(this.#store.byId(phoneId, id));
  }

  /** What is directly in a folder, after `afterId`, in order of ids. */
  children(phoneId: string, folder: string, afterId: number, limit: number): Viewed[] {
    return this.#store.children(phoneId, folder, afterId, limit).flatMap((row) => viewed(row) ?? []);
  }

  /** Grows with every change of the view, and survives restarts. */
  version(phoneId: string): number {
    return this.#store.version(phoneId) ?? 0;
  }

  bytesBelow(phoneId: string, folder: string): number {
    return this.#store.bytesBelow(phoneId, folder);
  }

  /** Inside `write`: one that was found right. */
  putChecksum(assetId: number, algorithm: string, digest: Buffer): void {
    this.#store.putDigest(assetId, algorithm, digest);
  }

  /** @throws {CodedError} `conflict` without its parent, `method-not-allowed` where something is. */
  async makeFolder(phoneId: string, path: string, now: number): Promise<void> {
    await this.#database.write(() => {
      if (this.at(phoneId, path) !== undefined) {
        throw new CodedError('method-not-allowed', 'There is something of this name already. Nothing was changed.');
      }
      this.#requireFolder(phoneId, parentOf(path));
      this.#putFolder(phoneId, path, now);
    });
  }

  /** The folder and every one above it that is missing. @throws {CodedError} `conflict` where a file is. */
  async makeFolders(phoneId: string, path: string, now: number): Promise<void> {
    const missing = new Set<string>();
    this.#addMissing(phoneId, path, missing);
    if (missing.size === 0) return;
    await this.#database.write(() => {
      for (const folder of missing) {
        if (this.at(phoneId, folder)?.kind === 'file') throw noFolder();
        this.#putFolder(phoneId, folder, now);
      }
    });
  }

  /** Takes a name out of view, with all below it; what it held stays kept. @throws {CodedError} `not-found` */
  async hide(phoneId: string, path: string): Promise<void> {
    const found = this.at(phoneId, path);
    if (found === undefined) throw notThere();
    if (found.kind === 'folder') {
      const more = { below: true, limit: sliceRows };
      for (let rows = this.#store.itemsFrom(phoneId, path, more); rows.length > 0; ) {
        await this.#database.write(() => {
          for (const row of rows) this.#hide(phoneId, row);
        });
        rows = this.#store.itemsFrom(phoneId, path, more);
      }
    }
    await this.#database.write(() => this.#hideAt(phoneId, path));
  }

  /**
   * Gives a file or a folder another name. What is in view there is hidden first, if `overwrite`.
   * @throws {CodedError} `not-found`, `conflict` without the parent, `forbidden` into itself, `precondition-failed`,
   * `too-large` for a folder of too many names,
   * `invalid-name` where one below would become too long
   */
  async move(phoneId: string, from: string, to: string, overwrite: boolean): Promise<{ replaced: boolean }> {
    this.#requireApart(from, to);
    const { names, bytes } = this.#store.namesBelow(phoneId, from);
    if (names > movedNamesMax) {
      throw new CodedError('too-large', `More than ${movedNamesMax} names cannot be moved at once. Nothing was moved.`);
    }
    if (bytes - Buffer.byteLength(from) + Buffer.byteLength(to) > phonePathBytesMax) {
      throw new CodedError('invalid-name', 'Names in this folder would become too long there. Nothing was moved.');
    }
    const replaced = await this.#clear(phoneId, from, to, overwrite);
    await this.#database.write(() => {
      const found = this.#store.at(phoneId, from);
      if (found === undefined) throw notThere();
      this.#requireFolder(phoneId, parentOf(to));
      this.#giveWay(phoneId, to);
      this.#store.rename(found.id, parentOf(to), to);
      if (found.folder === 1) this.#store.renameBelow(phoneId, from, to);
    });
    return { replaced };
  }

  /** Another name for the same file, or an empty folder of that name. `put` writes the name down, inside `write`. */
  async copy(
    phoneId: string,
    from: string,
    to: string,
    { overwrite, put }: { overwrite: boolean; put: (file: ViewedFile) => void },
  ): Promise<{ replaced: boolean }> {
    this.#requireApart(from, to);
    const replaced = await this.#clear(phoneId, from, to, overwrite);
    await this.#database.write(() => {
      const found = this.at(phoneId, from);
      if (found?.kind !== 'file') throw notThere();
      this.#requireFolder(phoneId, parentOf(to));
      put(found);
    });
    return { replaced };
  }

  /** Makes room for a name. */
  async #clear(phoneId: string, from: string, to: string, overwrite: boolean): Promise<boolean> {
    if (this.at(phoneId, from) === undefined) throw notThere();
    this.#requireFolder(phoneId, parentOf(to));
    const there = this.at(phoneId, to);
    if (there === undefined) return false;
    if (!overwrite) {
      throw new CodedError('precondition-failed', 'There is something of this name already. Nothing was changed.');
    }
    await this.hide(phoneId, to);
    return true;
  }

  #requireApart(from: string, to: string): void {
    if (to !== from && !to.startsWith(`${from}/`) && !from.startsWith(`${to}/`)) return;
    throw new CodedError('forbidden', 'Nothing can be put into itself, or in its own place. Nothing was changed.');
  }

  #requireFolder(phoneId: string, path: string): void {
    if (this.at(phoneId, path)?.kind !== 'folder') throw noFolder();
  }

  /** What waits or is wanted under this name and what it was to be below it: a hidden file has no such name any more. */
  #giveWay(phoneId: string, path: string): void {
    this.#hideAt(phoneId, path);
    for (const row of this.#store.itemsFrom(phoneId, path, { below: true, limit: movedNamesMax })) {
      this.#hide(phoneId, row);
    }
  }

  #hideAt(phoneId: string, path: string): void {
    for (const row of this.#store.itemsFrom(phoneId, path, { below: false, limit: 1 })) this.#hide(phoneId, row);
  }

  #hide(phoneId: string, row: { id: number; path: string; asset_id: number | null }): void {
    const isKept = row.asset_id !== null && !this.#store.isNamedElsewhere(phoneId, row.asset_id, row.id);
    if (isKept) this.#store.hide(row.id, row.path);
    else this.#store.remove(row.id);
  }

  #putFolder(phoneId: string, path: string, now: number): void {
    let folders = this.#folders.get(phoneId) ?? foldersMax;
    // What was removed meanwhile is not counted down.
    if (folders >= foldersMax) folders = this.#store.folderCount(phoneId);
    if (folders >= foldersMax) {
      throw new CodedError(
        'conflict',
        `This phone has ${foldersMax} folders, which is all it can have. None was made.`,
      );
    }
    this.#folders.set(phoneId, folders + 1);
    // A file that the phone had there before, or that is wanted again, keeps its row, under no name.
    if (this.at(phoneId, path)?.kind !== 'folder') this.#hideAt(phoneId, path);
    this.#store.putFolder(phoneId, parentOf(path), path, now);
  }

  /** `path` and what is above it, the upper first, as far as there is no folder. */
  #addMissing(phoneId: string, path: string, missing: Set<string>): void {
    const steps = path.split('/');
    for (let depth = 1; depth <= steps.length; depth++) {
      const folder = steps.slice(0, depth).join('/');
      if (folder !== '' && !missing.has(folder) && this.at(phoneId, folder)?.kind !== 'folder') missing.add(folder);
    }
  }
}

/** Of the top itself: it is no child of anything. */
const topParent = '/';

function viewed(row: ViewRow | undefined): Viewed | undefined {
  if (row === undefined) return undefined;
  const { id, path, asset_id: assetId, sha256 } = row;
  if (row.folder === 1) return { kind: 'folder', id, path, changedAt: row.seen_at };
  if (assetId === null || sha256 === null) return undefined;
  const addedAt = row.added_at ?? row.seen_at;
  return {
    kind: 'file',
    id,
    path,
    size: row.size ?? 0,
    mtime: row.mtime ?? addedAt,
    assetId,
    sha256: sha256.toString('hex'),
    checksums: row.digests ?? '',
    mediaType: row.media_type ?? 'application/octet-stream',
    isPicture: row.kind === 'photo' || row.kind === 'video',
    deleted: isDeleted(row.state),
    capturedAt: row.captured_at ?? addedAt,
    addedAt,
  };
}

function isDeleted(state: AssetState | null): boolean {
  return state === 'trashed' || state === 'deleted';
}

function notThere(): CodedError {
  return new CodedError('not-found', 'There is nothing of this name. Nothing was changed.');
}

function noFolder(): CodedError {
  return new CodedError('conflict', 'There is no such folder to put it in. Nothing was stored; make the folder first.');
}
