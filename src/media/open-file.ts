/** A file that is only read, at places that its own content names: every read is checked against the file's end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Refusal } from './refusal.ts';

/** No piece of a header is longer; pixels are read by the decoders. */
const readBytesMax = 64 * 1024 * 1024;

export class OpenFile implements Disposable {
  readonly path: string;
  readonly size: number;
  readonly #fd: number;

  private constructor(path: string, fd: number, size: number) {
    this.path = path;
    this.#fd = fd;
    this.size = size;
  }

  /** @throws {Refusal} `unreadable` when it is not there, not a plain file, or a symbolic link. */
  static open(path: string): OpenFile {
    let fd: number;
    try {
      // Without O_NONBLOCK a named pipe would hold the worker until its deadline.
      fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      throw unreadable(error);
    }
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) throw unreadable();
      return new OpenFile(path, fd, stat.size);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** At most `length` bytes from `offset`: fewer at the end of the file, none outside it. */
  read(offset: number, length: number): Buffer {
    const wanted = Math.min(length, this.size - offset, readBytesMax);
    if (!Number.isSafeInteger(offset) || offset < 0 || !(wanted > 0)) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(wanted);
    let filled = 0;
    try {
      while (filled < wanted) {
        const count = readSync(this.#fd, bytes, filled, wanted - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
    } catch (error) {
      throw unreadable(error);
    }
    return bytes.subarray(0, filled);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function unreadable(cause?: unknown): Refusal {
  return new Refusal('unreadable', 'The file could not be read from the disk just now. The box tries again later.', {
    cause,
  });
}
