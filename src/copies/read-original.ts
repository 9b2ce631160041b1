/**
 * Reads a file as it is on the medium, not as memory remembers it, and says its SHA-256. One file at a time, in pieces of
 * half a megabyte, so that neither memory nor the event loop is held (a piece takes 0.5 ms to hash on x86, about 5 ms on a
 * CPU without SHA instructions).
 *
 * O_DIRECT (open(2)) wants an aligned buffer, and Node does not say where a buffer lies: the first read tries one place
 * after the other in a larger one until the kernel takes it. Where the filesystem knows no O_DIRECT (tmpfs, some FUSE),
 * the file is read through the page cache, which is said.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { systemCode } from '../platform/errors.ts';

const pieceBytes = 512 * 1024;
/** The largest block of any disk. */
const alignmentMax = 4_096;
/** What every allocator aligns to. */
const alignmentMin = 16;
/** NONBLOCK: a pipe that stands in a file's place must not hold the reader. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What the disk or the filesystem says of one file, the disk being there. */
export const unreadableCodes: ReadonlySet<string> = new Set([
  'EIO',
  'EACCES',
  'EPERM',
  'EUCLEAN',
  'EBADMSG',
  'ENODATA',
]);

export type Original = Readonly<{
  sha256: Buffer;
  bytes: number;
  /** False: what was read may have been in memory. */
  fromMedium: boolean;
}>;

export class OriginalReader {
  #memory: Buffer | undefined;
  /** Where in it the kernel takes a buffer; undefined: not tried. */
  #aligned: number | undefined;
  /** Of which device that is known. */
  #alignedFor: bigint | undefined;

  /**
   * `beforePiece` is waited for before each piece of so many bytes at most; what it throws ends the reading. `missing`:
   * there is no file under that name. `changed`: it became another one while it was read.
   * @throws what the disk says.
   */
  async read(path: string, beforePiece: (bytes: number) => Promise<void>): Promise<Original | 'missing' | 'changed'> {
    let direct = true;
    let file = await openFile(path, flags | constants.O_DIRECT).catch(async (error: unknown) => {
      if (systemCode(error) !== 'EINVAL') throw error;
      direct = false;
      return await openFile(path, flags);
    });
    if (file === undefined) return 'missing';
    try {
      const before = await file.stat({ bigint: true });
      if (!before.isFile()) return 'missing';
      if (direct && before.size > 0n && !(await this.#align(file, before.dev))) {
        direct = false;
        await file.close();
        file = await openFile(path, flags);
        if (file === undefined) return 'changed';
      }
      const { sha256, bytes } = await this.#hash(file, Number(before.size), beforePiece);
      const [after, there] = await Promise.all([
        file.stat({ bigint: true }),
        lstat(path, { bigint: true }).catch(() => undefined),
      ]);
      const same = there?.ino === before.ino && there.dev === before.dev && after.ino === before.ino;
      if (!same || after.mtimeNs !== before.mtimeNs || after.size !== before.size) return 'changed';
      return { sha256, bytes, fromMedium: direct };
    } finally {
      await file?.close();
    }
  }

  /** Gives its memory back until the next file. */
  rest(): void {
    this.#memory = undefined;
    this.#aligned = undefined;
    this.#alignedFor = undefined;
  }

  async #hash(file: FileHandle, size: number, beforePiece: (bytes: number) => Promise<void>) {
    const hash = createHash('sha256');
    const places = [0, pieceBytes].map((at) => (this.#aligned ?? 0) + at);
    const pieces = places.map((at) => this.#room().subarray(at, at + pieceBytes)) as [Buffer, Buffer];
    const readFrom = async (place: Buffer, at: number) => {
      await beforePiece(pieceBytes);
      // In an object: waited for by whoever wants it.
      return { reading: file.read(place, 0, pieceBytes, at) };
    };
    let [now, next] = pieces;
    let { reading } = await readFrom(now, 0);
    for (let bytes = 0; ; ) {
      const { bytesRead } = await reading;
      bytes += bytesRead;
      // Not asked beyond its end: direct reads begin at blocks, and few files end at one.
      const last = bytesRead === 0 || bytes >= size;
      // The disk reads on while this one is hashed.
      if (!last) ({ reading } = await readFrom(next, bytes));
      hash.update(now.subarray(0, bytesRead));
      if (last) return { sha256: hash.digest(), bytes };
      [now, next] = [next, now];
    }
  }

  /** False: this filesystem takes none. */
  async #align(file: FileHandle, device: bigint): Promise<boolean> {
    const memory = this.#room();
    if (this.#aligned !== undefined && this.#alignedFor === device) return true;
    for (let at = 0; at < alignmentMax; at += alignmentMin) {
      if (await takes(file, memory, at)) {
        this.#aligned = at;
        this.#alignedFor = device;
        return true;
      }
    }
    this.#aligned = undefined;
    this.#alignedFor = undefined;
    return false;
  }

  #room(): Buffer {
    // Not of Node's pool: its memory does not move as long as it lives.
    this.#memory ??= Buffer.allocUnsafeSlow(2 * pieceBytes + alignmentMax);
    return this.#memory;
  }
}

async function takes(file: FileHandle, memory: Buffer, at: number): Promise<boolean> {
  try {
    await file.read(memory, at, alignmentMax, 0);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EINVAL') return false;
    throw error;
  }
}

/** Undefined: nothing is there, or no file. */
async function openFile(path: string, how: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, how);
  } catch (error) {
    const code = systemCode(error);
    // ELOOP: a link stands in its place; ENOTDIR: a file where a folder of its path should be.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'EISDIR') return undefined;
    throw error;
  }
}
