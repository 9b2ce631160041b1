/**
 * The bytes of one upload: `incoming/<id>`, its running checksum, and how far it is synced. Knows no meaning, no row
 * and no door.
 *
 * A write or sync that failed is never believed later: Linux forgets the pages of a failed sync, and the next sync
 * succeeds without them. So after any failure the file is cut back to the last sync that succeeded.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CodedError, systemCode } from '../platform/errors.ts';
import { drop, type Received, receive } from './receiving.ts';

const readBytes = 1024 * 1024;

export type TakeOptions = Readonly<{
  bytesMax: number;
  idleMs: number;
  stop: AbortSignal;
  /** Told after each sync under way, with the position that is durable. Its failure ends the taking. */
  synced: (position: number) => Promise<void>;
}>;

export class ReceivedFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #received = 0;
  /** As `#received`, with what a `take` that goes on has written; otherwise 0. Counts for nothing. */
  #arriving = 0;
  #synced = 0;
  /** What was durable when it was opened. Synced again before it counts, but no failure takes it back. */
  #found = 0;
  #hash: Hash | undefined;
  /** A write that failed may have left bytes past those that count. */
  #mayBeLonger = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Bytes that count; not all of them need be durable. */
  get received(): number {
    return this.#received;
  }

  /** Those, and what comes now and may be taken back. */
  get arriving(): number {
    return Math.max(this.#received, this.#arriving);
  }

  get synced(): number {
    return this.#synced;
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /**
   * Opens a new file, or the one of which `wholeBytes` are known to be durable. What lies behind those does not count:
   * after a power cut a file can be longer than its bytes (an append within a block commits the length before the data).
   */
  async open(wholeBytes: number | 'new'): Promise<void> {
    if (this.#file !== undefined) return;
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    const file = await open(this.#path, wholeBytes === 'new' ? flags | constants.O_EXCL : flags, 0o644);
    try {
      const received = wholeBytes === 'new' ? 0 : Math.min((await file.stat()).size, wholeBytes);
      if (wholeBytes !== 'new') await file.truncate(received);
      this.#received = received;
      this.#found = received;
      this.#synced = 0;
      this.#hash = received === 0 ? createHash('sha256') : undefined;
      this.#file = file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends what the stream brings. @throws what the file threw; then everything since the last sync is gone. */
  async take(stream: Readable, options: TakeOptions): Promise<Received> {
    const hash = await this.#runningHash();
    const position = this.#received;
    this.#hash = undefined;
    return await this.#believed(async () => {
      const { synced, ...others } = options;
      const result = await receive(stream, {
        ...others,
        file: this.#opened(),
        position,
        hash,
        synced: async (at) => {
          this.#synced = at;
          await synced(at);
        },
        written: (at) => {
          this.#arriving = at;
        },
      }).finally(() => {
        this.#arriving = 0;
      });
      this.#received = position + result.written;
      this.#hash = hash;
      return result;
    });
  }

  /** Reads the stream to its end, or to `bytesMax`, and keeps nothing. */
  async ignore(stream: Readable, options: Omit<TakeOptions, 'synced'>): Promise<Received> {
    return await drop(stream, options);
  }

  /** Makes everything received durable. */
  async sync(): Promise<void> {
    const position = this.#received;
    if (this.#synced >= position && position > 0) return;
    await this.#believed(() => this.#opened().datasync());
    this.#synced = position;
  }

  /** Drops everything from `offset` on. */
  async truncate(offset: number): Promise<void> {
    await this.#opened().truncate(offset);
    this.#received = offset;
    this.#synced = Math.min(this.#synced, offset);
    this.#found = Math.min(this.#found, offset);
    this.#hash = offset === 0 ? createHash('sha256') : undefined;
  }

  /** Makes the file as long as what counts: a failed write may have left more. And gives it its time, in ms. */
  async prepare(mtime: number | null | undefined): Promise<void> {
    const file = this.#opened();
    if (this.#mayBeLonger) {
      await file.truncate(this.#received);
      this.#mayBeLonger = false;
      // The shorter length has to be durable too.
      this.#synced = 0;
    }
    // Beyond what a filesystem can hold the time is only in the catalogue.
    const seconds = (mtime ?? 0) / 1_000;
    if (seconds > 0 && seconds < 2 ** 32) await file.utimes(seconds, seconds);
  }

  async sha256(): Promise<Buffer> {
    const hash = await this.#runningHash();
    this.#hash = hash;
    return hash.copy().digest();
  }

  /** The checksum by another algorithm, read back from the file. */
  async digest(algorithm: string): Promise<Buffer> {
    return (await this.#hashOf(algorithm)).digest();
  }

  /** Lets the file go, so that the disk can be unmounted. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Closes and removes the file. Not synced: what a crash leaves is removed at start. */
  async remove(): Promise<void> {
    await this.close().catch(() => undefined);
    await unlink(this.#path).catch((error: unknown) => {
      if (systemCode(error) === undefined) throw error;
    });
  }

  async #believed<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#received = Math.max(this.#synced, this.#found);
      this.#hash = this.#received === 0 ? createHash('sha256') : undefined;
      // Best effort: what counts is remembered here, and the file is cut again before it is published.
      this.#mayBeLonger = true;
      await this.#file?.truncate(this.#received).catch(() => undefined);
      throw error;
    }
  }

  async #runningHash(): Promise<Hash> {
    return this.#hash ?? (await this.#hashOf('sha256'));
  }

  async #hashOf(algorithm: string): Promise<Hash> {
    const hash = createHash(algorithm);
    if (this.#received === 0) return hash;
    let bytes = 0;
    const stream = createReadStream(this.#path, { end: this.#received - 1, highWaterMark: readBytes });
    for await (const chunk of stream) {
      hash.update(chunk);
      bytes += chunk.length;
    }
    if (bytes === this.#received) return hash;
    throw new CodedError('busy', 'The received file changed while it was read. Try again.');
  }

  #opened(): FileHandle {
    if (this.#file !== undefined) return this.#file;
    throw new CodedError(
      'disk-missing',
      'The disk went away. What was acknowledged is safe; the box goes on when it is back.',
    );
  }
}
