/**
 * Owns the one received bundle: it is streamed beside its name, and has its name only when all of it is there and synced. What
 * broke off leaves nothing. Never looks into it: RAUC does, as root, which the daemon is not. Only this room calls it.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing, syncFolder, writeAll } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';

export const bundleBytesMax = 600_000_000;
/** What the box needs for itself while a bundle lies there. */
const spareBytes = 64 * 1024 ** 2;

export type Receiving = Readonly<{ bytes: number; ofBytes: number | null; by: 'upload' | 'address' }>;
export type Incoming = Readonly<{
  stream: AsyncIterable<Buffer>;
  by: Receiving['by'];
  /** Null: not told before. */
  lengthBytes: number | null;
  /** Hexadecimal; where it is known what has to come. */
  sha256?: string;
}>;

export class BundleFile {
  readonly #folder: string;
  readonly #freeBytes: (folder: string) => Promise<number>;
  #receiving: Receiving | undefined;

  /** `freeBytes`: default, as its filesystem says. */
  constructor({ folder, freeBytes = freeBytesOf }: { folder: string; freeBytes?: typeof freeBytesOf }) {
    this.#folder = folder;
    this.#freeBytes = freeBytes;
  }

  get path(): string {
    return join(this.#folder, 'bundle.raucb');
  }

  get receiving(): Receiving | undefined {
    return this.#receiving;
  }

  /** Removes what an earlier run of the program had begun. */
  async tidy(): Promise<void> {
    if (this.#receiving === undefined) await unlink(this.#part).catch(ignoreMissing);
  }

  /** Null: there is none. */
  async look(): Promise<{ sizeBytes: number; receivedAt: number } | null> {
    const found = await stat(this.path).catch(ignoreMissing);
    return found === undefined ? null : { sizeBytes: found.size, receivedAt: Math.round(found.mtimeMs) };
  }

  async remove(): Promise<void> {
    await unlink(this.path).catch(ignoreMissing);
  }

  /**
   * Durable, and in the place of an earlier one, when it returns.
   * @throws {CodedError} `busy`, `too-large`, `disk-full`, `length-mismatch`, `checksum-mismatch`; whatever the stream throws
   */
  async receive(incoming: Incoming): Promise<void> {
    if (this.#receiving !== undefined)
      throw new CodedError('busy', 'An update is being received already. Wait for it, and look what becomes of it.');
    const { by, lengthBytes } = incoming;
    this.#receiving = { bytes: 0, ofBytes: lengthBytes, by };
    try {
      if (lengthBytes !== null && lengthBytes > bundleBytesMax) throw tooLarge();
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await unlink(this.#part).catch(ignoreMissing);
      await this.#requireRoom(lengthBytes ?? 0);
      // Of which there is room for one. Not before it is sure that there is: until then it is the better one.
      await this.remove();
      const file = await open(this.#part, 'wx', 0o600);
      try {
        await this.#write(file, incoming);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(this.#part, this.path);
      await syncFolder(this.#folder);
    } finally {
      await rm(this.#part, { force: true }).catch(() => undefined);
      this.#receiving = undefined;
    }
  }

  get #part(): string {
    return join(this.#folder, 'incoming.part');
  }

  async #requireRoom(bytes: number): Promise<void> {
    const earlierBytes = (await this.look())?.sizeBytes ?? 0;
    if ((await this.#freeBytes(this.#folder)) + earlierBytes >= bytes + spareBytes) return;
    throw new CodedError('disk-full', 'There is not enough room on the box for this update. Nothing was changed.', {
      facts: { reason: 'no-room' },
    });
  }

  async #write(file: FileHandle, { stream, by, lengthBytes, sha256 }: Incoming): Promise<void> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of stream) {
      if (bytes + chunk.length > (lengthBytes ?? bundleBytesMax)) throw tooLarge();
      hash.update(chunk);
      bytes += await writeAll(file, [chunk], bytes);
      this.#receiving = { bytes, ofBytes: lengthBytes, by };
    }
    if (bytes === 0 || (lengthBytes !== null && bytes !== lengthBytes))
      throw new CodedError('length-mismatch', 'The update did not come whole. Nothing of it was kept; send it again.');
    if (sha256 !== undefined && hash.digest('hex') !== sha256)
      throw new CodedError('checksum-mismatch', 'Other bytes came than were announced. Nothing of them was kept.');
  }
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function tooLarge(): CodedError {
  return new CodedError('too-large', `No update is larger than ${bundleBytesMax / 1e6} MB. Nothing of it was kept.`);
}
