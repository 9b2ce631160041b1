/**
 * Takes bytes from a stream into a file: hashes them as they arrive, writes about 1 MiB at a time while the next are
 * received, and starts a sync every 16 MiB without waiting for it. Knows neither doors nor catalogues.
 */
import type { Hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { writeAll } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';
import { IncomingMessage } from '../platform/node-http.ts';

const writeBytes = 1024 * 1024;
/** Received and not yet written; past this the sender is made to wait. */
const waitingBytesMax = 4 * 1024 * 1024;
const syncBytes = 16 * 1024 * 1024;
/** Written and not yet synced; past this the sender is made to wait for the disk. */
const unsyncedBytesMax = 4 * syncBytes;

export type ReceiveOptions = Readonly<{
  /** Undefined: the bytes are counted and dropped. */
  file: FileHandle | undefined;
  /** Where the first byte goes; everything before is synced. */
  position: number;
  /** Updated with every byte that was taken; not to be used after a failure. */
  hash: Hash | undefined;
  /** One byte more is an error. */
  bytesMax: number;
  /** Without a byte for so long, the sender is given up. */
  idleMs: number;
  /** Ends the stream early, as when another request wants the same upload. */
  stop: AbortSignal;
  /** Told after each sync: everything before this position is durable. Its own failure ends the receiving. */
  synced: (position: number) => Promise<void>;
  /** Told after each write, of about 1 MiB: everything before this position is in the file, and not yet durable. */
  written?: (position: number) => void;
}>;

/**
 * `end`: the stream ended by itself. `broken`: the sender went away. `stopped`: by `stop`. `idle`: by the time limit.
 * `too-long`: more came than `bytesMax`; nothing past it was kept. In each case all `written` bytes are in the file.
 */
export type Received = Readonly<{ written: number; ended: 'end' | 'broken' | 'stopped' | 'idle' | 'too-long' }>;

/** @throws what the file threw (`ENOSPC`, `EIO`...), after reading was stopped. */
export async function receive(stream: Readable, options: ReceiveOptions): Promise<Received> {
  const receiver = new Receiver(stream, options);
  return await receiver.run();
}

/** Reads and drops what comes, under the same limits. */
export async function drop(
  stream: Readable,
  options: Pick<ReceiveOptions, 'bytesMax' | 'idleMs' | 'stop'>,
): Promise<Received> {
  return await receive(stream, { ...options, file: undefined, position: 0, hash: undefined, synced: async () => {} });
}

class Receiver {
  readonly #stream: Readable;
  readonly #options: ReceiveOptions;
  /** What an HTTP request brought was made for its reader alone, and nobody else looks at it again. */
  readonly #ownsChunks: boolean;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #taken = 0;
  #written = 0;
  #syncStarted: number;
  #synced: number;
  #ended: Received['ended'] | undefined;
  #error: unknown;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #wake: () => void = () => undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(stream: Readable, options: ReceiveOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#ownsChunks = stream instanceof IncomingMessage;
    this.#syncStarted = options.position;
    this.#synced = options.position;
  }

  async run(): Promise<Received> {
    const stream = this.#stream;
    const onData = (chunk: Buffer) => this.#take(chunk);
    const onEnd = () => this.#end('end');
    const onBroken = () => this.#end('broken');
    const onStop = () => this.#end('stopped');
    this.#armIdle();
    this.#options.stop.addEventListener('abort', onStop, { once: true });
    stream
      .on('data', onData)
      .once('end', onEnd)
      .once('error', onBroken)
      .once('close', onBroken)
      .once('aborted', onBroken);
    if (this.#options.stop.aborted) onStop();
    else if (stream.readableEnded) onEnd();
    else if (stream.destroyed) onBroken();
    try {
      await this.#drive();
    } finally {
      this.#disarmIdle();
      this.#options.stop.removeEventListener('abort', onStop);
      stream
        .off('data', onData)
        .off('end', onEnd)
        .off('error', onBroken)
        .off('close', onBroken)
        .off('aborted', onBroken);
      // A late error of a stream that nobody reads any more must not bring the process down.
      stream.on('error', () => undefined);
      stream.pause();
    }
    return { written: this.#written, ended: this.#ended ?? 'broken' };
  }

  /** Waits for the end of the stream and for all that was taken to be written; then for a sync under way. */
  async #drive(): Promise<void> {
    while (true) {
      if (this.#error !== undefined) break;
      if (this.#ended !== undefined) {
        if (this.#writing === undefined && this.#queuedBytes === 0) break;
        this.#startWrite();
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.#error !== undefined || (this.#ended !== undefined && this.#writing === undefined)) resolve();
      });
    }
    await Promise.allSettled([this.#writing, this.#syncing]);
    if (this.#error !== undefined) throw this.#error;
  }

  #take(chunk: Buffer): void {
    if (this.#ended !== undefined || this.#error !== undefined) return;
    this.#armIdle();
    if (this.#taken + chunk.length > this.#options.bytesMax) {
      this.#end('too-long');
      return;
    }
    this.#taken += chunk.length;
    this.#options.hash?.update(chunk);
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes >= writeBytes) this.#startWrite();
    this.#pace();
  }

  #end(how: Received['ended']): void {
    this.#ended ??= how;
    this.#disarmIdle();
    this.#wake();
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#stream.pause();
    this.#wake();
  }

  #startWrite(): void {
    if (this.#writing !== undefined || this.#queuedBytes === 0 || this.#error !== undefined) return;
    const buffers = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    const at = this.#options.position + this.#written;
    this.#writing = this.#write(buffers, at).then(
      (bytes) => {
        this.#writing = undefined;
        this.#written += bytes;
        this.#options.written?.(at + bytes);
        if (this.#ownsChunks) for (const buffer of buffers) giveBack(buffer);
        this.#startSync();
        if (this.#queuedBytes >= writeBytes) this.#startWrite();
        this.#pace();
        this.#wake();
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#fail(error);
      },
    );
  }

  async #write(buffers: Buffer[], at: number): Promise<number> {
    const { file } = this.#options;
    return file === undefined ? buffers.reduce((sum, one) => sum + one.length, 0) : await writeAll(file, buffers, at);
  }

  #startSync(): void {
    const position = this.#options.position + this.#written;
    const { file } = this.#options;
    if (file === undefined || this.#syncing !== undefined || position - this.#syncStarted < syncBytes) return;
    this.#syncStarted = position;
    this.#syncing = file
      .datasync()
      .then(() => this.#options.synced(position))
      .then(
        () => {
          this.#synced = position;
          this.#syncing = undefined;
          this.#startSync();
          this.#pace();
        },
        (error: unknown) => {
          this.#syncing = undefined;
          this.#fail(error);
        },
      );
  }

  /** Lets the sender run, or makes it wait for the disk. */
  #pace(): void {
    const unsynced = this.#options.position + this.#written - this.#synced;
    const wait = this.#queuedBytes >= waitingBytesMax || (unsynced >= unsyncedBytesMax && this.#syncing !== undefined);
    if (wait && !this.#stream.isPaused()) {
      this.#stream.pause();
      this.#disarmIdle();
    } else if (!wait && this.#stream.isPaused() && this.#ended === undefined && this.#error === undefined) {
      this.#armIdle();
      this.#stream.resume();
    }
  }

  #armIdle(): void {
    if (this.#idle === undefined) {
      this.#idle = setTimeout(() => this.#end('idle'), this.#options.idleMs);
      this.#idle.unref();
    } else {
      this.#idle.refresh();
    }
  }

  #disarmIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
  }
}

/**
 * Frees the memory of a written chunk at once. Left to the garbage collector, every 15 to 20 MB received cost a full
 * collection (measured: about half of the CPU of a 3 MB photo), and some 50 MB more memory.
 */
export function giveBack(chunk: Buffer): void {
  const memory = chunk.buffer;
  // A part of something larger may be shared with others.
  if (memory instanceof ArrayBuffer && memory.byteLength === chunk.byteLength) memory.transfer(0);
}

/** The error for a stream that did not end by itself before the whole file was there. */
export function interrupted(ended: Received['ended']): CodedError {
  switch (ended) {
    case 'too-long':
      return new CodedError(
        'too-large',
        'More bytes came than the upload was announced with. What was announced is kept; check the file on the phone.',
      );
    case 'stopped':
      return new CodedError(
        'upload-interrupted',
        'Another request took this upload over. What came is kept; ask for the offset, and go on from there.',
      );
    case 'idle':
      return new CodedError(
        'upload-interrupted',
        'No bytes came for too long. What came is kept; ask for the offset, and go on from there.',
      );
    default:
      return new CodedError(
        'upload-interrupted',
        'The connection broke. What came is kept; ask for the offset, and go on from there.',
      );
  }
}
