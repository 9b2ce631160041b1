/**
 * The folder that a library is exported to, held open. What is there already is never overwritten; what is written is
 * durable, and read back from the medium, before it gets its name.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { OwnFolders } from '../disks/own-folders.ts';
import {
  FolderMaker,
  ignoreMissing,
  publish,
  replaceFileDurably,
  syncFolder,
  writeAll,
} from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { OriginalReader } from './read-original.ts';

const pieceBytes = 1024 * 1024;
const temporary = '.nightjar-export.part';
const listName = 'SHA256SUMS';
/** A checksum and a path. */
const lineLettersMax = 8_192;
/** SHA-256 in hexadecimal. */
const sumLetters = 64;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const sourceFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const readme = `This folder holds photos and videos that a Nightjar box kept, copied out of it.

You need no special program to read it:

  Photos/PERSON/YEAR/YEAR-MONTH/   the originals, as they came, in the month they were taken
  Files/PERSON/                    everything else
  ${listName}                       the checksum of each file: "sha256sum -c ${listName}" says whether all are whole

It is a copy: change it as you like, the box knows nothing of it.
`;

/** `path` is relative to the library's disk, and to this folder. `mtime` in ms since 1970. */
export type Exported = Readonly<{ path: string; size: number; sha256: Buffer; mtime: number | null }>;

export class ExportTarget {
  readonly #root: FileHandle;
  readonly #reader = new OriginalReader();
  readonly #folders: FolderMaker;

  private constructor(root: FileHandle) {
    this.#root = root;
    this.#folders = new FolderMaker((relative) => this.#at(relative));
  }

  /** @throws {CodedError} `not-found` without such a folder; `forbidden` for the box's own */
  static async open(folder: string, ownDirs: readonly string[]): Promise<ExportTarget> {
    try {
      const path = await realpath(folder);
      const own = await OwnFolders.of(ownDirs);
      if (await own.hold(path)) {
        throw new CodedError('forbidden', 'This folder is the box’s own, or on its disk. Nothing was written there.');
      }
      return new ExportTarget(await open(path, folderFlags));
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw new CodedError(
        'not-found',
        'There is no such folder, or the user that Nightjar runs as may not look into it. Nothing was written.',
        { cause: error },
      );
    }
  }

  async writeReadme(): Promise<void> {
    await replaceFileDurably(this.#at('README-NIGHTJAR.txt'), readme, 0o644);
  }

  /**
   * What stands under this name: nothing, the very file (read from the medium), or something else. Its folder is made.
   * @throws {CodedError} `folder-blocked` where a link or a file stands in a folder's place
   */
  async look({ path, sha256, size }: Exported, beforePiece: (bytes: number) => Promise<void>) {
    // What a link leads to is not in this folder: the library itself, perhaps.
    await this.#folders.make(posix.dirname(path));
    const found = await this.#reader.read(this.#at(path), beforePiece);
    if (found === 'missing') return 'missing';
    return found !== 'changed' && found.bytes === size && found.sha256.equals(sha256) ? 'right' : 'other';
  }

  /**
   * Copies the file at `source`. `damaged`: that is not what came, and nothing was kept. `taken`: something else has its
   * name. @throws what the disks say; {CodedError} `checksum-mismatch`: this folder's disk gives back other bytes
   */
  async copy(source: string, it: Exported, beforePiece: (bytes: number) => Promise<void>) {
    const part = this.#at(temporary);
    await unlink(part).catch(ignoreMissing);
    try {
      if (!(await write(source, part, it, beforePiece))) return 'damaged';
      if ((await this.look({ ...it, path: temporary }, beforePiece)) !== 'right') {
        throw new CodedError(
          'checksum-mismatch',
          'The disk that is exported to gives back other bytes than were written to it. Do not trust it; the library is as it was.',
        );
      }
      if ((await publish(part, this.#at(it.path))) === 'taken') return 'taken';
      await syncFolder(this.#at(posix.dirname(it.path)));
      return 'copied';
    } finally {
      await unlink(part).catch(() => undefined);
    }
  }

  /**
   * Begins the list of checksums anew; `end` puts it in its place. What the one that is there says of other files stays:
   * of other people's, where only the person's of this folder are exported, and of what came from elsewhere.
   */
  async list(
    personFolder?: string,
  ): Promise<{ add: (it: Exported) => Promise<void>; end: (whole: boolean) => Promise<void> }> {
    const part = this.#at(`${temporary}.sums`);
    await unlink(part).catch(ignoreMissing);
    const file = await open(part, 'wx', 0o644);
    const anew = ['Photos', 'Files'].map((top) => `${top}/${personFolder === undefined ? '' : `${personFolder}/`}`);
    await this.#othersOfList(anew, file);
    return {
      add: async ({ path, sha256 }) => void (await file.appendFile(`${sha256.toString('hex')}  ./${path}\n`)),
      end: async (whole) => {
        if (whole) await file.datasync();
        await file.close();
        if (whole) await rename(part, this.#at(listName));
        else await unlink(part).catch(ignoreMissing);
        if (whole) await syncFolder(this.#at(''));
      },
    };
  }

  async #othersOfList(anew: readonly string[], to: FileHandle): Promise<void> {
    const from = await open(this.#at(listName), sourceFlags).catch((error: unknown) => {
      if (['ENOENT', 'ELOOP'].includes(systemCode(error) ?? '')) return undefined;
      throw error;
    });
    if (from === undefined) return;
    try {
      const facts = await from.stat();
      if (!facts.isFile()) return;
      // Letters as they are: names there may be in no encoding.
      const starts = anew.map((one) => Buffer.from(`  ./${one}`).toString('latin1'));
      const isOther = (line: string) => line !== '' && !starts.some((one) => line.startsWith(one, sumLetters));
      let rest = '';
      for await (const piece of from.createReadStream({ encoding: 'latin1', autoClose: false })) {
        const lines = `${rest}${piece}`.split('\n');
        rest = lines.pop() ?? '';
        // No list of ours, nor of sha256sum's.
        if (rest.length > lineLettersMax) return;
        const others = lines.filter(isOther).map((line) => `${line}\n`);
        if (others.length > 0) await to.appendFile(others.join(''), 'latin1');
      }
      if (isOther(rest)) await to.appendFile(`${rest}\n`, 'latin1');
    } finally {
      await from.close();
    }
  }

  async close(): Promise<void> {
    this.#reader.rest();
    await this.#root.close();
  }

  #at(relative: string): string {
    return `/proc/self/fd/${this.#root.fd}/${relative === '.' ? '' : relative}`;
  }
}

/** False: the source is not what came. */
async function write(
  source: string,
  part: string,
  { size, sha256, mtime }: Exported,
  beforePiece: (bytes: number) => Promise<void>,
): Promise<boolean> {
  const from = await open(source, sourceFlags).catch((error: unknown) => {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw error;
  });
  if (from === undefined) return false;
  try {
    const to = await open(part, 'wx', 0o644);
    try {
      const hash = createHash('sha256');
      const piece = Buffer.allocUnsafe(pieceBytes);
      let at = 0;
      for (;;) {
        await beforePiece(pieceBytes);
        const { bytesRead } = await from.read(piece, 0, pieceBytes, at);
        if (bytesRead === 0) break;
        hash.update(piece.subarray(0, bytesRead));
        at += await writeAll(to, [piece.subarray(0, bytesRead)], at);
      }
      if (at !== size || !hash.digest().equals(sha256)) return false;
      const seconds = (mtime ?? 0) / 1_000;
      if (seconds > 0 && seconds < 2 ** 32) await to.utimes(seconds, seconds);
      await to.sync();
      return true;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}
