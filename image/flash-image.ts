/**
 * The image as it lies in a file: which one, whether it is what was built (checksum, signature), and its bytes as pieces.
 * Everything about it is known before anything is written. Reads only.
 */
import { createHash, createVerify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createZstdDecompress } from 'node:zlib';
import { Refusal } from './flash-refusal.ts';
import { sectorBytes } from './flash-target.ts';

/** What is written, read back and compared at a time. */
export const pieceBytes = 4 * 1024 * 1024;

export type Plan = Readonly<{
  path: string;
  bytes: number;
  /** SHA-256 of each piece; the last one may be shorter. */
  digests: readonly Buffer[];
  /** Where the partition begins that people edit `nightjar.txt` on. */
  bootselAt: number;
}>;

/** The newest one in `dir`. @throws {Refusal} when there is none. */
export async function newestImage(dir: string): Promise<string> {
  const names = (await readdir(dir).catch(() => [])).filter((name) => /^nightjar-.*-pi\.img\.zst$/.test(name));
  const found = await Promise.all(names.map(async (name) => ({ name, at: (await stat(join(dir, name))).mtimeMs })));
  const [newest] = found.sort((a, b) => b.at - a.at);
  if (newest === undefined) {
    throw new Refusal(`There is no image in ${dir}. Make one by "make image", or name one by IMAGE=...`);
  }
  return join(dir, newest.name);
}

/**
 * Reads the whole image once: checksum, signature (by `certificate`, PEM; undefined: not asked for), every piece's digest,
 * where its partitions begin.
 * @throws {Refusal} when it is damaged, somebody else's, no image of Nightjar, or has more than `bytesMax`.
 */
export async function checkImage(
  path: string,
  bytesMax: number,
  signal: AbortSignal,
  certificate: string | undefined,
): Promise<Plan> {
  const wanted = await checksumOf(path);
  const signature = certificate === undefined ? undefined : await signatureOf(path);
  const sum = createHash('sha256');
  const signed = createVerify('sha256');
  const digests: Buffer[] = [];
  let bytes = 0;
  let bootselAt: number | undefined;
  const packed = (chunk: Buffer) => {
    sum.update(chunk);
    signed.update(chunk);
  };
  try {
    for await (const piece of imagePieces(path, Buffer.alloc(pieceBytes), packed)) {
      signal.throwIfAborted();
      if (bytes === 0) bootselAt = partitionAt(piece, 'bootsel');
      bytes += piece.length;
      if (bytes > bytesMax)
        throw new Refusal('The image is larger than the disk, which is too small. Nothing was written.');
      digests.push(createHash('sha256').update(piece).digest());
    }
  } catch (error) {
    if (error instanceof Refusal || signal.aborted) throw error;
    throw new Refusal(`${path} is damaged or cannot be read (${(error as Error).message}). Nothing was written.`);
  }
  if (sum.digest('hex') !== wanted) {
    throw new Refusal(
      `${path} is not what ${basename(path)}.sha256 says: it was damaged or changed. Nothing was written; fetch or make it again.`,
    );
  }
  if (certificate !== undefined && signature !== undefined && !signed.verify(certificate, signature)) {
    throw new Refusal(
      `${path} was not signed by your key. Nothing was written; --any-signature takes it all the same.`,
    );
  }
  if (bootselAt === undefined || bytes % sectorBytes !== 0) {
    throw new Refusal(`${path} is no image of Nightjar: it has no partition "bootsel". Nothing was written.`);
  }
  return { path, bytes, digests, bootselAt };
}

/** The image's bytes, unpacked, in pieces of `room.length` (the last may be shorter): each is `room`, filled anew. */
export async function* imagePieces(
  path: string,
  room: Buffer,
  packed: (chunk: Buffer) => void = () => undefined,
): AsyncGenerator<Buffer> {
  const unpacking = createZstdDecompress({ chunkSize: 1024 * 1024 });
  const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
  source.on('data', (chunk) => packed(chunk as Buffer));
  source.on('error', (error) => unpacking.destroy(error)).pipe(unpacking);
  try {
    let filled = 0;
    for await (const chunk of unpacking as AsyncIterable<Buffer>) {
      for (let from = 0; from < chunk.length; ) {
        const copied = chunk.copy(room, filled, from);
        from += copied;
        filled += copied;
        if (filled < room.length) continue;
        yield room;
        filled = 0;
      }
    }
    if (filled > 0) yield room.subarray(0, filled);
  } finally {
    source.destroy();
    unpacking.destroy();
  }
}

async function checksumOf(path: string): Promise<string> {
  const text = await readFile(`${path}.sha256`, 'utf8').catch(() => '');
  const [, sum] = /^([0-9a-f]{64})\b/.exec(text) ?? [];
  if (sum === undefined) {
    throw new Refusal(
      `There is no ${basename(path)}.sha256 beside the image: nobody can say whether it is whole. Nothing was written.`,
    );
  }
  return sum;
}

/** As `openssl dgst -sha256 -sign` makes it. */
async function signatureOf(path: string): Promise<Buffer> {
  return await readFile(`${path}.sig`).catch(() => {
    throw new Refusal(
      `There is no ${basename(path)}.sig beside the image, though you have a key for it. Nothing was written; make the image again, or take it without by --any-signature.`,
    );
  });
}

/** Where the partition of that name begins, in bytes (GPT: UEFI 2.10, section 5.3); undefined: there is none. */
export function partitionAt(start: Buffer, wanted: string): number | undefined {
  const header = start.subarray(sectorBytes, 2 * sectorBytes);
  if (header.length < sectorBytes || header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const table = Number(header.readBigUInt64LE(72)) * sectorBytes;
  const entryBytes = header.readUInt32LE(84);
  const entries = Math.min(header.readUInt32LE(80), 128);
  for (let at = table; at < table + entries * entryBytes && at + 128 <= start.length; at += entryBytes) {
    const name = start.toString('utf16le', at + 56, at + 128).replace(/\0.*$/s, '');
    if (name === wanted) return Number(start.readBigUInt64LE(at + 32)) * sectorBytes;
  }
  return undefined;
}
