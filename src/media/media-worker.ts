/**
 * The daemon's end of the worker program: started on demand (or by the system, on the device), one job at a time, gone
 * when idle. What it answers is not believed either: every length has a limit, and an answer that does not come, or
 * makes no sense, ends the connection and the program with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { compileCacheForChild } from '../platform/compile-cache.ts';
import { CodedError } from '../platform/errors.ts';
import { AnswerReader, WorkerLeft } from './answer-reader.ts';
import type { PictureAnswer, PictureJob, PictureMaker } from './pictures.ts';
import { type MediaJob, photoMsMax, videoMsMax, workerProgram } from './protocol.ts';

type MediaWorkerDeps = Readonly<{
  /** Of a program that the system starts when somebody connects. Undefined: an own program is started. */
  socket: string | undefined;
  /** Another program, for tests of what a broken one costs. */
  program?: string;
}>;

type Job = Omit<MediaJob, 'id'>;

/** The worker keeps its own, shorter limits; this much later it is ended from here. */
const graceMs = 15_000;
const startMsMax = 20_000;
const connectEveryMs = 50;
const stopMsMax = 2_000;

export class MediaWorker implements PictureMaker {
  readonly #deps: MediaWorkerDeps;
  readonly #closing = new AbortController();
  #running: Running | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #lastId = 0;

  constructor(deps: MediaWorkerDeps) {
    this.#deps = deps;
  }

  /**
   * One at a time, in order. @throws {CodedError} `command-failed` when it ended without an answer; `command-missing`
   * when it does not start, which is no file's fault; `stopping`.
   */
  async decode(job: PictureJob, signal: AbortSignal): Promise<PictureAnswer> {
    return await this.#inTurn(job, signal);
  }

  /** A picture that was made before, as JPEG: the answer's preview. @throws as `decode` */
  async jpeg(it: Required<Pick<MediaJob, 'file' | 'part'>>, signal: AbortSignal): Promise<PictureAnswer> {
    return await this.#inTurn({ ...it, name: '', kind: 'jpeg' }, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#turn;
    await this.#end();
  }

  /** The process id of the own program, while it runs. */
  get pid(): number | undefined {
    return this.#running?.child?.pid;
  }

  async #inTurn(job: Job, signal: AbortSignal): Promise<PictureAnswer> {
    const work = () => this.#decode(job, AbortSignal.any([signal, this.#closing.signal]));
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  async #decode(job: Job, signal: AbortSignal): Promise<PictureAnswer> {
    if (signal.aborted) throw new CodedError('stopping', 'The disk or the box is being stopped.');
    try {
      return await this.#ask(job, signal);
    } catch (error) {
      if (error instanceof WorkerLeft) return await this.#ask(job, signal);
      throw error;
    }
  }

  async #ask(job: Job, signal: AbortSignal): Promise<PictureAnswer> {
    if (this.#running?.ended === true) await this.#end();
    this.#running ??= await this.#start(signal);
    const limitMs = (job.kind === 'video' ? videoMsMax : photoMsMax) + graceMs;
    try {
      return await this.#running.ask({ id: ++this.#lastId, ...job }, limitMs, signal);
    } catch (error) {
      // Whatever it was, it does not get another job.
      await this.#end();
      throw error;
    }
  }

  async #start(signal: AbortSignal): Promise<Running> {
    const { socket, program } = this.#deps;
    if (socket !== undefined) return new Running(await connected(socket, signal, () => false), undefined);
    const dir = await mkdtemp(join(tmpdir(), 'nightjar-media-')).catch((error: unknown) => {
      throw notStarted(error);
    });
    const path = join(dir, 'socket');
    const { nodeArguments, env } = workerProgram;
    const args = [...nodeArguments, program ?? workerProgram.program, path];
    // Detached: a group of its own, so that one signal ends it with the programs that it runs.
    const child = spawn(process.execPath, args, {
      env: { ...env, ...compileCacheForChild() },
      cwd: '/',
      stdio: 'ignore',
      detached: true,
    });
    let ended = false;
    child.once('exit', () => {
      ended = true;
    });
    child.once('error', () => {
      ended = true;
    });
    child.unref();
    // Uploads go first: pictures take what is left of the processor.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    try {
      return new Running(await connected(path, signal, () => ended), child);
    } catch (error) {
      killGroup(child);
      throw error;
    } finally {
      // Nobody connects a second time, and a daemon that is killed leaves nothing behind.
      await rm(dir, { recursive: true, force: true });
    }
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.end();
  }
}

/** A connection to a running program. */
class Running {
  readonly child: ChildProcess | undefined;
  readonly #socket: Socket;
  #ended = false;
  #asked = false;

  constructor(socket: Socket, child: ChildProcess | undefined) {
    this.#socket = socket;
    this.child = child;
    const noteEnd = () => {
      this.#ended = true;
    };
    socket.on('error', noteEnd);
    socket.on('close', noteEnd);
    // What comes without having been asked is its farewell.
    socket.on('data', () => {
      if (!this.#asked) this.#ended = true;
    });
    // An idle worker does not hold the daemon's own end.
    socket.unref();
  }

  /** True once it has ended, also while nobody asked: after a minute without a job it does so by itself. */
  get ended(): boolean {
    return this.#ended;
  }

  async ask(job: MediaJob, limitMs: number, signal: AbortSignal): Promise<PictureAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<PictureAnswer>();
    const reader = new AnswerReader(job.id, resolve, reject);
    const fail = (what: string) => reject(new CodedError('command-failed', what));
    const onData = (bytes: Buffer) => reader.take(bytes);
    const onClose = () => fail('The worker ended without an answer.');
    const onAbort = () => reject(new CodedError('stopping', 'The disk or the box is being stopped.'));
    const timer = setTimeout(() => fail(`The worker did not answer within ${limitMs} ms.`), limitMs);
    this.#socket.on('data', onData).once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#asked = true;
    try {
      // It may have been aborted while the program started.
      if (signal.aborted) onAbort();
      else if (this.#ended) onClose();
      else this.#socket.write(`${JSON.stringify(job)}\n`);
      return await promise;
    } finally {
      this.#asked = false;
      clearTimeout(timer);
      this.#socket.off('data', onData).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
    }
  }

  async end(): Promise<void> {
    this.#socket.destroy();
    const { child } = this;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      killGroup(child);
      // One that waits for a vanished disk cannot be killed, and is not waited for.
      const limit = new AbortController();
      await Promise.race([exit, wait(stopMsMax, undefined, { signal: limit.signal }).catch(() => undefined)]);
      limit.abort();
    }
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function connected(path: string, signal: AbortSignal, gaveUp: () => boolean): Promise<Socket> {
  const tries = Math.ceil(startMsMax / connectEveryMs);
  for (let tried = 0; tried < tries && !signal.aborted && !gaveUp(); tried++) {
    const socket = await tryToConnect(path);
    if (socket !== undefined) return socket;
    await wait(connectEveryMs);
  }
  if (signal.aborted) throw new CodedError('stopping', 'The disk or the box is being stopped.');
  throw notStarted();
}

function notStarted(cause?: unknown): CodedError {
  return new CodedError('command-missing', 'The program that makes pictures does not start.', { cause });
}

async function tryToConnect(path: string): Promise<Socket | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', () => resolve(undefined));
  });
}
