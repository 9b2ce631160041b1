/**
 * The made pictures on the disk: one file an asset under .nightjar/thumbs, its grid picture first, then its preview, then
 * the CRC-32 of both (ISO 3309, little endian; files of releases before have none).
 * Nothing here is synced: what a power cut takes is noticed when it is read, and made again.
 */
import { type FileHandle, mkdir, open, rename, rm, unlink, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { OpenLibrary } from '../library/open-library.ts';
import { ignoreMissing } from '../platform/durable-files.ts';
import { systemCode } from '../platform/errors.ts';

const thumbsFolder = '.nightjar/thumbs';
const assetsPerFolder = 1_000;
/** What is longer is read as it is sent: hundreds who ask and take nothing must not each hold a whole picture. */
const wholeBytesMax = 64 * 1024;
const headBytes = 12;
const sumBytes = 4;

export type Pictures = Readonly<{ grid: Buffer; preview: Buffer }>;
type Part = Readonly<{ offset: number; length: number; fileBytes: number }>;

/** @throws system errors: a full disk, a disk that is gone. */
export async function writePictures(library: OpenLibrary, assetId: number, { grid, preview }: Pictures): Promise<void> {
  const { folder, file } = placeOf(library, assetId);
  const unfinished = `${file}.new`;
  const write = () => writeFile(unfinished, Buffer.concat([grid, preview, sumOf(grid, preview)]));
  try {
    await write().catch(async (error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
      await mkdir(folder, { recursive: true });
      await write();
    });
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * The bytes of one picture; undefined when its file is gone, or not what was written. A stream holds the file open: it
 * is read to its end, or destroyed.
 */
export async function readPicture(
  library: OpenLibrary,
  assetId: number,
  part: Part,
): Promise<Buffer | Readable | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(placeOf(library, assetId).file, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  let streamed = false;
  try {
    const { size } = await handle.stat();
    if (size !== part.fileBytes && size !== part.fileBytes + sumBytes) return undefined;
    const bytes = Buffer.allocUnsafe(part.length > wholeBytesMax ? headBytes : part.length);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, part.offset);
    if (bytesRead !== bytes.length || !isWebp(bytes, part.length)) return undefined;
    if (bytes.length === part.length) return bytes;
    streamed = true;
    const end = part.offset + part.length - 1;
    return handle.createReadStream({ start: part.offset, end, highWaterMark: wholeBytesMax });
  } finally {
    if (!streamed) await handle.close();
  }
}

/** False: other bytes than were written. `fileBytes`: of both pictures. One that is gone is noticed when it is asked for. */
export async function isAsMade(library: OpenLibrary, assetId: number, fileBytes: number): Promise<boolean> {
  const handle = await open(placeOf(library, assetId).file, 'r').catch(ignoreMissing);
  if (handle === undefined) return true;
  try {
    const { size } = await handle.stat();
    if (size !== fileBytes + sumBytes) return size === fileBytes;
    const bytes = Buffer.allocUnsafe(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytesRead === size && sumOf(bytes.subarray(0, fileBytes)).equals(bytes.subarray(fileBytes));
  } finally {
    await handle.close();
  }
}

function sumOf(...parts: readonly Buffer[]): Buffer {
  const sum = Buffer.allocUnsafe(sumBytes);
  sum.writeUInt32LE(parts.reduce((before, part) => crc32(part, before), 0));
  return sum;
}

/** Where both are, for the program that reads them. */
export function pictureFile(library: OpenLibrary, assetId: number): string {
  return library.disk.named(relativePlace(assetId).file);
}

export async function removePictures(library: OpenLibrary, assetId: number): Promise<void> {
  await unlink(placeOf(library, assetId).file).catch(ignoreMissing);
}

/** RFC 9649, section 2.4: 'RIFF', the length of the rest, 'WEBP'. Zeros that a power cut left are none. */
function isWebp(head: Buffer, length: number): boolean {
  return (
    head.length >= headBytes &&
    head.toString('latin1', 0, 4) === 'RIFF' &&
    head.readUInt32LE(4) + 8 === length &&
    head.toString('latin1', 8, 12) === 'WEBP'
  );
}

function placeOf(library: OpenLibrary, assetId: number): { folder: string; file: string } {
  const { folder, file } = relativePlace(assetId);
  return { folder: library.disk.resolve(folder), file: library.disk.resolve(file) };
}

function relativePlace(assetId: number): { folder: string; file: string } {
  const folder = `${thumbsFolder}/${Math.floor(assetId / assetsPerFolder)}`;
  return { folder, file: `${folder}/${assetId}` };
}
