/**
 * Writes the image and reads it back, both past the page cache (O_DIRECT, open(2)): what is compared is what the disk gives
 * back, and not what this computer remembers. The disk is claimed meanwhile, so nothing mounts it.
 *
 * Its first piece, which holds the partition table, comes last: a disk that was not written to the end starts nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { amount } from '../src/console/print.ts';
import { systemCode } from '../src/platform/errors.ts';
import type { Block } from '../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { imagePieces, type Plan, pieceBytes } from './flash-image.ts';
import { Interrupted, Refusal } from './flash-refusal.ts';

/** The largest block of any disk, and what every allocator aligns to. */
const alignmentMax = 4_096;
const alignmentMin = 16;
/** At the disk's end: an older partition table's copy lies there, and a disk that is smaller than it says has no such place. */
const endBytes = 1024 * 1024;

export type Step = 'writing' | 'reading back';
/** Told after each piece, and at a step's beginning with 0 bytes. Waited for. */
export type Progress = (step: Step, bytes: number, ofBytes: number) => void | Promise<void>;

export class TargetDisk {
  readonly #disk: Block;
  readonly #file: FileHandle;
  /** Where the kernel takes memory for direct reads and writes: `pieceBytes`. */
  readonly #room: Buffer;
  /** What was left at the disk's end; empty when the image reaches there. */
  #end: Buffer = Buffer.alloc(0);

  private constructor(disk: Block, file: FileHandle, room: Buffer) {
    this.#disk = disk;
    this.#file = file;
    this.#room = room;
  }

  /** @throws {Refusal} when somebody uses it, or it is another one by now. */
  static async claim(disk: Block): Promise<TargetDisk> {
    const path = `/dev/${disk.name}`;
    // EXCL: the kernel refuses what is mounted or stood upon, also in another namespace, and lets nobody mount it meanwhile.
    const flags =
      constants.O_RDWR | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_DIRECT;
    const file = await open(path, flags).catch((error: unknown) => {
      throw new Refusal(`${path} ${unopened(systemCode(error))} Nothing was written.`, { cause: error });
    });
    try {
      const facts = await file.stat();
      const number = `${Math.floor(facts.rdev / 256) % 4096}:${(facts.rdev % 256) + Math.floor(facts.rdev / 2 ** 20) * 256}`;
      if (!facts.isBlockDevice() || number !== disk.dev) {
        throw new Refusal(`Another disk is at ${path} by now. Nothing was written; look again.`);
      }
      return new TargetDisk(disk, file, await alignedRoom(file, path));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws {Refusal} when the disk takes it no more, the image changed, or `signal` ended it: it starts nothing then. */
  async write(plan: Plan, progress: Progress, signal: AbortSignal): Promise<void> {
    const count = plan.digests.length;
    try {
      await progress('writing', 0, plan.bytes);
      await this.#put(Buffer.alloc(Math.min(pieceBytes, plan.bytes)), 0);
      await this.#putEnd(plan);
      const first = Buffer.alloc(Math.min(pieceBytes, plan.bytes));
      let index = 0;
      for await (const piece of imagePieces(plan.path, this.#room)) {
        if (signal.aborted) throw new Interrupted(this.#unfinished());
        const digest = createHash('sha256').update(piece).digest();
        if (plan.digests[index]?.equals(digest) !== true) throw imageChanged(plan);
        if (index === 0) piece.copy(first);
        else await this.#put(piece, index * pieceBytes);
        index++;
        await progress('writing', Math.min(index * pieceBytes, plan.bytes), plan.bytes);
      }
      if (index !== count) throw imageChanged(plan);
      await this.#put(first, 0);
      await this.#sync();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw imageChanged(plan, error);
    }
  }

  /** Compares every byte that was written. @throws {Refusal} at the first piece that is another. */
  async readBack(plan: Plan, progress: Progress, signal: AbortSignal): Promise<void> {
    await progress('reading back', 0, plan.bytes);
    for (let index = 0; index < plan.digests.length; index++) {
      if (signal.aborted) throw new Interrupted(this.#unchecked());
      const at = index * pieceBytes;
      const piece = await this.#get(at, Math.min(pieceBytes, plan.bytes - at));
      if (plan.digests[index]?.equals(createHash('sha256').update(piece).digest()) !== true) {
        throw this.#broken(`gives back other bytes than were written (at ${amount(at)})`);
      }
      await progress('reading back', at + piece.length, plan.bytes);
    }
    if (this.#end.length === 0) return;
    const end = await this.#get(this.#disk.sizeBytes - endBytes, endBytes);
    if (!end.equals(this.#end)) {
      throw this.#broken(
        `keeps nothing at its end: it is smaller than the ${amount(this.#disk.sizeBytes)} that it says`,
      );
    }
    await this.#put(Buffer.alloc(endBytes), this.#disk.sizeBytes - endBytes);
    await this.#sync();
  }

  async release(): Promise<void> {
    await this.#file.close();
  }

  /** Random bytes: nothing else can give them back. */
  async #putEnd(plan: Plan): Promise<void> {
    if (this.#disk.sizeBytes - endBytes < plan.bytes) return;
    this.#end = randomBytes(endBytes);
    await this.#put(this.#end, this.#disk.sizeBytes - endBytes);
  }

  async #put(bytes: Buffer, at: number): Promise<void> {
    // Only that memory is aligned.
    if (bytes.buffer !== this.#room.buffer) bytes.copy(this.#room);
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(this.#room, done, bytes.length - done, at + done);
        if (bytesWritten === 0) throw new Error('it takes nothing');
        done += bytesWritten;
      }
    } catch (error) {
      throw this.#broken(`cannot be written (at ${amount(at)})`, error);
    }
  }

  async #sync(): Promise<void> {
    await this.#file.sync().catch((error: unknown) => {
      throw this.#broken('did not keep what was written', error);
    });
  }

  async #get(at: number, length: number): Promise<Buffer> {
    try {
      for (let done = 0; done < length; ) {
        const { bytesRead } = await this.#file.read(this.#room, done, length - done, at + done);
        if (bytesRead === 0) throw new Error('it ends there');
        done += bytesRead;
      }
    } catch (error) {
      throw this.#broken(`cannot be read back (at ${amount(at)})`, error);
    }
    return this.#room.subarray(0, length);
  }

  #unfinished(): string {
    return `Stopped in the middle: /dev/${this.#disk.name} is not finished and starts nothing. Run the same again to write it.`;
  }

  #unchecked(): string {
    return `Stopped in the middle: /dev/${this.#disk.name} is written, but was not read back to the end, and has no name and no setup code yet. Run the same again.`;
  }

  #broken(what: string, cause?: unknown): Refusal {
    const why = cause === undefined ? '' : ` (${(cause as Error).message})`;
    return new Refusal(`/dev/${this.#disk.name} ${what}${why}. Do not use it: take another card or disk.`, { cause });
  }
}

function imageChanged(plan: Plan, cause?: unknown): Refusal {
  const text = `${plan.path} was changed, or cannot be read any more, while it was written. The disk is not finished: run the same again.`;
  return new Refusal(text, { cause });
}

function unopened(code: string | undefined): string {
  if (code === 'EBUSY') return 'is in use, the kernel says.';
  if (code === 'EACCES' || code === 'EPERM') return 'may only be written by root: run this with sudo.';
  return code === 'EROFS' ? 'can only be read.' : 'cannot be opened.';
}

/** Node does not say where memory lies: one place after the other is tried until the kernel takes it. */
async function alignedRoom(file: FileHandle, path: string): Promise<Buffer> {
  const memory = Buffer.allocUnsafeSlow(pieceBytes + alignmentMax);
  for (let at = 0; at < alignmentMax; at += alignmentMin) {
    try {
      await file.read(memory, at, alignmentMax, 0);
      return memory.subarray(at, at + pieceBytes);
    } catch (error) {
      if (systemCode(error) === 'EINVAL') continue;
      throw new Refusal(`${path} cannot be read (${(error as Error).message}). Nothing was written.`, { cause: error });
    }
  }
  throw new Refusal(`${path} takes no direct reads, so nothing could be compared. Nothing was written.`);
}
