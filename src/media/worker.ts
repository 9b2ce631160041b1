/**
 * Owns the media worker's side of the socket: takes one job at a time, answers it, leaves when there is no more work.
 * Never decodes (that is handed in), never writes a file. Only worker-main.ts, and programs of tests, call it.
 *
 * Nothing here guards against a decoder that hangs, crashes or eats memory: the watchdog does, from a thread of its own.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Decode, Known } from './decode.ts';
import { lineBytesMax, type MediaAnswer, type MediaJob, memoryBytesMax, photoMsMax, videoMsMax } from './protocol.ts';
import { Refusal } from './refusal.ts';
import { deadlines, type WatchdogData } from './watched.ts';

export type ServeOptions = {
  decode: Decode;
  /** A path for the socket, or the number of a listening socket that was handed over. */
  listen: string | { fd: number };
  idleMs?: number;
  photoMs?: number;
  videoMs?: number;
  memoryBytes?: number;
};

/** Jobs that were sent before the one before was answered. */
const farewellMs = 500;
const orphanedAfterMs = 100;
const startedBy = process.ppid;
const waitingBytesMax = 4 * lineBytesMax;

/** Resolves when it listens. The process ends by itself. */
export async function serve(options: ServeOptions): Promise<void> {
  const worker = new WorkerServer(options);
  await worker.listen();
}

class WorkerServer {
  readonly #options: ServeOptions;
  readonly #server: Server;
  readonly #watchdog: Watchdog;
  #socket: Socket | undefined;
  /** The job before: also one whose connection is gone, since a decode cannot be taken back. */
  #busy: Promise<void> = Promise.resolve();
  #stopping = new AbortController();
  #idle: NodeJS.Timeout | undefined;

  constructor(options: ServeOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#take(socket));
    this.#watchdog = new Watchdog(options.memoryBytes ?? memoryBytesMax);
  }

  async listen(): Promise<void> {
    const { listen } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    if (typeof listen === 'string') this.#server.listen(listen, resolve);
    else this.#server.listen(listen, resolve);
    await promise;
    process.once('SIGTERM', () => this.#leave());
    process.once('SIGINT', () => this.#leave());
    this.#waitForWork();
  }

  #take(socket: Socket): void {
    socket.on('error', () => undefined); // The daemon went away; `close` follows.
    if (this.#socket) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    const gone = new AbortController();
    let waiting = Buffer.alloc(0);
    let working = false;
    const next = async () => {
      if (working) return;
      working = true;
      for (let end = waiting.indexOf(10); end !== -1 && !gone.signal.aborted; end = waiting.indexOf(10)) {
        const line = waiting.subarray(0, end);
        waiting = waiting.subarray(end + 1);
        await this.#answer(socket, line, gone.signal);
      }
      working = false;
    };
    socket.on('data', (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes]);
      const line = waiting.indexOf(10);
      if (waiting.length > waitingBytesMax || (line === -1 ? waiting.length : line + 1) > lineBytesMax)
        socket.destroy();
      else void next();
    });
    socket.on('close', () => {
      gone.abort(new Error('The connection was closed.'));
      this.#socket = undefined;
      // A daemon that was killed leaves a worker that nobody will ask again. Its connection closes just before.
      setTimeout(() => process.ppid !== startedBy && this.#leave(), orphanedAfterMs);
    });
  }

  async #answer(socket: Socket, line: Buffer, gone: AbortSignal): Promise<void> {
    const job = jobOf(line);
    if (!job) {
      socket.destroy();
      return;
    }
    await this.#busy;
    if (gone.aborted) return;
    clearTimeout(this.#idle);
    const done = Promise.withResolvers<void>();
    this.#busy = done.promise;
    const { photoMs = photoMsMax, videoMs = videoMsMax } = this.#options;
    this.#watchdog.begin(job.kind === 'video' ? videoMs : photoMs);
    try {
      await this.#decode(job, socket, AbortSignal.any([gone, this.#stopping.signal]));
    } finally {
      this.#watchdog.end();
      done.resolve();
      // Pixels are held by buffers that the collector does not see the size of: it would let them pile up.
      globalThis.gc?.();
      this.#waitForWork();
    }
  }

  async #decode(job: MediaJob, socket: Socket, signal: AbortSignal): Promise<void> {
    const { id } = job;
    const known: Known = { motion: null };
    try {
      const { grid, preview, thumbhash, width, height, durationMs, motion } = await this.#options.decode(job, {
        signal,
        known,
      });
      const sizes = { grid: grid.length, preview: preview.length };
      say(socket, { id, ok: true, width, height, durationMs, thumbhash, motion, ...sizes });
      socket.write(grid);
      socket.write(preview);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      const { code, message: reason, durationMs } = error;
      say(socket, { id, ok: false, code, reason, durationMs, motion: known.motion });
    }
  }

  #waitForWork(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#leave(), this.#options.idleMs ?? 60_000);
  }

  /** At once: what is being decoded is not waited for, only the programs that it started are ended. */
  #leave(): void {
    this.#server.close();
    this.#stopping.abort(new Error('The media worker was asked to stop.'));
    const socket = this.#socket;
    if (!socket) process.exit(0);
    say(socket, { bye: true });
    socket.end(() => process.exit(0));
    setTimeout(() => process.exit(0), farewellMs);
  }
}

function say(socket: Socket, answer: MediaAnswer): void {
  socket.write(`${JSON.stringify(answer)}\n`);
}

function jobOf(line: Buffer): MediaJob | undefined {
  try {
    const { id, file, kind, name, part }: Partial<MediaJob> = JSON.parse(line.toString('utf8'));
    if (!Number.isSafeInteger(id) || typeof file !== 'string' || !file.startsWith('/')) return undefined;
    if ((kind !== 'photo' && kind !== 'video' && kind !== 'jpeg') || typeof name !== 'string') return undefined;
    if (kind !== 'jpeg') return { id: Number(id), file, kind, name };
    const { offset, length } = part ?? {};
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return undefined;
    return { id: Number(id), file, kind, name, part: { offset: Number(offset), length: Number(length) } };
  } catch {
    return undefined;
  }
}

/** Tells the watching thread what to expect. They share two numbers; the thread needs no event loop of ours to act. */
class Watchdog {
  readonly #deadline: BigInt64Array;

  constructor(memoryBytes: number) {
    const shared = new SharedArrayBuffer(deadlines.bytes);
    this.#deadline = new BigInt64Array(shared);
    const workerData: WatchdogData = { shared, memoryBytes };
    const thread = new Worker(new URL('./worker-watchdog.ts', import.meta.url), {
      workerData,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
    });
    // A worker that nobody watches takes no jobs.
    thread.on('error', () => process.exit(1));
    thread.on('exit', () => process.exit(1));
    thread.unref();
  }

  begin(timeoutMs: number): void {
    this.#set(process.hrtime.bigint() + BigInt(timeoutMs) * 1_000_000n);
  }

  end(): void {
    this.#set(deadlines.none);
  }

  #set(deadline: bigint): void {
    Atomics.store(this.#deadline, 0, deadline);
    Atomics.notify(this.#deadline, 0);
  }
}
