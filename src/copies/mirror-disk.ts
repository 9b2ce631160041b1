/**
 * The files of one mirror: copied there under another name, made durable, given their name without replacing anything,
 * read back past the page cache. Knows rows only through what it is told, and never removes what it was not told to.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open as openFile, readdir, rename, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import type { AttachedMirror, Disk } from '../disks/disk.ts';
import { factsOf } from '../library/file-facts.ts';
import { writeReadme } from '../library/readme.ts';
import { FolderMaker, ignoreMissing, publish, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { type BeforePiece, type Bytes, copyChecked } from './copy-bytes.ts';
import { MirrorJournal } from './mirror-journal.ts';
import type { OriginalReader } from './read-original.ts';

const incoming = '.nightjar/incoming';
const damagedFolder = '.nightjar/damaged';
const displacedFolder = '.nightjar/displaced';
const listTemporary = `${incoming}/list`;
const keptAsideMax = 5;
/** Enough to know it by; as `sha256sum` writes it (a backslash: names with line feeds). */
const listHeadBytes = 64 * 1024;
const listLine = /^\\?[0-9a-f]{64} [ *]./;
/** Leftovers of copies that were interrupted. */
const leftoversMax = 10_000;

export class MirrorDisk {
  readonly disk: Disk;
  readonly diskId: string;
  readonly name: string;
  readonly folders: FolderMaker;
  readonly journal: MirrorJournal;
  #ready = false;

  constructor({ disk, diskId, name }: AttachedMirror) {
    this.disk = disk;
    this.diskId = diskId;
    this.name = name;
    this.folders = new FolderMaker((relative) => disk.resolve(relative));
    this.journal = new MirrorJournal(disk, this.folders);
  }

  /** Before its first use since it was attached. */
  async prepare(): Promise<void> {
    await this.disk.check();
    if (this.#ready) return;
    await this.folders.make(incoming);
    for (const name of (await readdir(this.disk.resolve(incoming))).slice(0, leftoversMax)) {
      await unlink(this.disk.resolve(`${incoming}/${name}`)).catch(ignoreMissing);
    }
    if ((await factsOf(this.disk.resolve('README-NIGHTJAR.txt'))) === undefined)
      await writeReadme(this.disk.resolve(''));
    this.#ready = true;
  }

  /** Copies the file at `source` under another name; see `copyChecked`. */
  async receive(source: string, asset: Bytes & { id: number }, beforePiece: BeforePiece): Promise<boolean> {
    return await copyChecked(source, this.#temporary(asset.id), asset, beforePiece);
  }

  /** Makes what was received durable. */
  async syncReceived(id: number): Promise<void> {
    await this.syncFile(`${incoming}/${id}`);
  }

  /** Whether what was received is those bytes, on the medium. */
  async holdsReceived(
    reader: OriginalReader,
    asset: Bytes & { id: number },
    beforePiece: BeforePiece,
  ): Promise<boolean> {
    return await this.holds(reader, `${incoming}/${asset.id}`, asset, beforePiece);
  }

  async syncFile(path: string): Promise<void> {
    const file = await openFile(this.disk.resolve(path), 'r');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /**
   * Gives what was received its name. What stands there, and is not it already, is kept out of view: `ours`, a damaged
   * copy; or else somebody's own. Durable only after `syncFolders`.
   */
  async place(id: number, path: string, ours: boolean): Promise<void> {
    await this.#publish(this.#temporary(id), path, { id, ours });
  }

  /** The other name of what is in its place now. */
  async forgetReceived(id: number): Promise<void> {
    await unlink(this.#temporary(id)).catch(ignoreMissing);
  }

  async syncFolders(paths: Iterable<string>): Promise<void> {
    for (const folder of new Set([...paths].map((path) => posix.dirname(path)))) {
      await syncFolder(this.disk.resolve(folder));
    }
  }

  /** Durable when it returns. False: there is no such file. */
  async move(id: number, from: string, to: string): Promise<boolean> {
    if ((await factsOf(this.disk.resolve(from)))?.isFile() !== true) return false;
    await this.#publish(this.disk.resolve(from), to, { id, ours: false });
    await this.syncFolders([to]);
    await this.remove(from);
    return true;
  }

  /** Durable when it returns. */
  async remove(path: string): Promise<void> {
    await unlink(this.disk.resolve(path)).catch(ignoreGone);
    if ((await factsOf(this.disk.resolve(posix.dirname(path)))) !== undefined) await this.syncFolders([path]);
  }

  /** Whether what lies there are those bytes, on the medium. */
  async holds(reader: OriginalReader, path: string, { sha256 }: Pick<Bytes, 'sha256'>, beforePiece: BeforePiece) {
    const read = await reader.read(this.disk.resolve(path), beforePiece);
    return typeof read !== 'string' && read.sha256.equals(sha256);
  }

  /** Writes a checksum list whole. `ours`: the one that is there is, and makes room; anything else is kept out of view. */
  async writeList(path: string, pieces: Iterable<string>, ours: boolean): Promise<void> {
    await unlink(this.disk.resolve(listTemporary)).catch(ignoreMissing);
    const file = await openFile(this.disk.resolve(listTemporary), 'wx', 0o644);
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.folders.make(posix.dirname(path));
    if (!ours && !(await this.#isListOrNothing(path))) {
      const place = createHash('sha256').update(path).digest('hex').slice(0, 16);
      await this.#setAside(path, `list-${place}`, displacedFolder);
    }
    await rename(this.disk.resolve(listTemporary), this.disk.resolve(path));
    await this.syncFolders([path]);
  }

  /** A list that was made when this disk was a library says less than the one that takes its place. */
  async #isListOrNothing(path: string): Promise<boolean> {
    const facts = await factsOf(this.disk.resolve(path));
    if (facts === undefined) return true;
    if (!facts.isFile()) return false;
    const file = await openFile(this.disk.resolve(path), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(listHeadBytes), 0, listHeadBytes, 0);
      const lines = buffer.toString('utf8', 0, bytesRead).split('\n').slice(0, -1);
      return lines.every((line) => listLine.test(line)) && (lines.length > 0 || facts.size === 0);
    } finally {
      await file.close();
    }
  }

  #temporary(id: number): string {
    return this.disk.resolve(`${incoming}/${id}`);
  }

  async #publish(source: string, path: string, { id, ours }: { id: number; ours: boolean }): Promise<void> {
    // A folder that somebody removed by hand is made again, once.
    for (let tries = 0; tries < 4; tries += 1) {
      try {
        await this.folders.make(posix.dirname(path));
        if ((await publish(source, this.disk.resolve(path))) === 'published') return;
        await this.#setAside(path, id, ours ? damagedFolder : displacedFolder);
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' || tries > 0) throw error;
        this.folders.forget();
      }
    }
    throw new CodedError('conflict', 'Something on the mirror takes the name of a photo again and again.');
  }

  async #setAside(path: string, id: number | string, folder: string): Promise<void> {
    await this.folders.make(folder);
    const place = this.disk.resolve(path);
    if (!(await lstat(place)).isFile()) {
      throw new CodedError('folder-blocked', 'Something that is no file has the name of a photo on the mirror.');
    }
    for (let number = 0; number < keptAsideMax; number += 1) {
      const kept = `${folder}/${id}${number === 0 ? '' : `-${number}`}`;
      if ((await publish(place, this.disk.resolve(kept))) === 'taken') continue;
      await this.syncFolders([kept]);
      await unlink(place).catch(ignoreMissing);
      return;
    }
    if (folder !== damagedFolder) {
      throw new CodedError('conflict', 'Too many files on the mirror stood in the place of one photo.');
    }
    await unlink(place).catch(ignoreMissing);
  }
}

function ignoreGone(error: unknown): void {
  if (systemCode(error) !== 'ENOTDIR') ignoreMissing(error);
}
