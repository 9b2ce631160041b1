/** Copies a file from one disk to another, and only if it is what it should be. One at a time, in pieces. */

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open as openFile, unlink } from 'node:fs/promises';
import { ignoreMissing } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';

export type Bytes = Readonly<{ size: number; sha256: Buffer }>;
export type BeforePiece = (bytes: number) => Promise<void>;

const pieceBytes = 512 * 1024;
/** NONBLOCK: a pipe that stands in a file's place must not hold the reader. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * To a new file, not durable yet. False: the source is missing, cannot be read, or is not those bytes; then nothing stays.
 * Whether it is that file or its whole disk is for the caller to find out. @throws what the disk of `target` says, and
 * whatever `beforePiece` throws, which is waited for before each piece.
 */
export async function copyChecked(
  source: string,
  target: string,
  bytes: Bytes,
  beforePiece: BeforePiece,
): Promise<boolean> {
  const from = await openThere(source);
  if (from === undefined) return false;
  try {
    await unlink(target).catch(ignoreMissing);
    const to = await openFile(target, 'wx', 0o644);
    try {
      if (await pump(from, to, bytes, beforePiece)) return true;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
  await unlink(target).catch(ignoreMissing);
  return false;
}

async function pump(from: FileHandle, to: FileHandle, { size, sha256 }: Bytes, beforePiece: BeforePiece) {
  // One byte more than it should have is one too many.
  const room = () => Buffer.allocUnsafe(Math.min(pieceBytes, size + 1));
  let [piece, other] = [room(), size < pieceBytes ? Buffer.alloc(0) : room()];
  const hash = createHash('sha256');
  let writing = Promise.resolve();
  try {
    for (let at = 0; ; ) {
      await beforePiece(piece.length);
      const bytesRead = await from.read(piece, 0, piece.length, at).then(
        (read) => read.bytesRead,
        () => undefined,
      );
      if (bytesRead === undefined || at + bytesRead > size) return false;
      const read = piece.subarray(0, bytesRead);
      hash.update(read);
      await writing;
      if (bytesRead === 0) return at === size && hash.digest().equals(sha256);
      // The next piece is read meanwhile.
      writing = write(to, read, at);
      // Told to whoever waits for it.
      writing.catch(() => undefined);
      if (other.length === 0) await writing;
      else [piece, other] = [other, piece];
      at += bytesRead;
    }
  } finally {
    // Not while the file is closed.
    await writing.catch(() => undefined);
  }
}

async function write(to: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await to.write(bytes, done, bytes.length - done, at + done);
    if (bytesWritten === 0) throw new CodedError('disk-full', 'The disk took no more bytes.');
    done += bytesWritten;
  }
}

/** Undefined: nothing is there, or no file. */
async function openThere(path: string): Promise<FileHandle | undefined> {
  const file = await openFile(path, flags).catch(() => undefined);
  if (file === undefined || (await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}
