/**
 * Owns the reading of capture dates out of files: still pictures in a child process, videos by ffprobe.
 * Never lets a file's content touch the daemon: what hangs, crashes or lies costs the date, and the file is still kept.
 * Only the library calls it.
 *
 * A process and not a worker thread, since a thread's memory limit is no wall: one that ran into it took the whole
 * process with it ("Reached heap limit"), or went on and could not be terminated (tried, Node 24.21). A picture that did
 * so would do it again at each start, when its upload is driven to its end.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import type { RunCommand } from '../platform/commands.ts';
import { compileCacheForChild } from '../platform/compile-cache.ts';
import { CodedError } from '../platform/errors.ts';
import { type Metadata, videoMetadata } from './capture-date.ts';
import type { MediaKind } from './media-kinds.ts';

export type CaptureReaderDeps = {
  runCommand: RunCommand;
  /** Milliseconds since 1970, UTC. */
  now: () => number;
  log: Pick<Logger, 'warn'>;
  /** For one still picture, once the worker runs; three times as long when it was late. */
  timeoutMs?: number;
  videoTimeoutMs?: number;
  /** How long the worker stays without work; then its memory goes back. */
  idleMs?: number;
  /** Path of another worker program, for tests of what a broken one costs. */
  workerProgram?: string;
};

const secondTryFactor = 3;
const workerStartMs = 15_000;
/** More than this at once means that uploads are not limited; it is said, since the folder is chosen only once. */
const waitingMax = 256;
const workerHeapMiBMax = 64;
const workerStopMs = 1_000;
const ownProgram = fileURLToPath(new URL('./capture-worker.ts', import.meta.url));
const ffprobeOutputBytesMax = 1024 * 1024;
const toolsRecheckMs = 60_000;

export class CaptureReader {
  readonly #deps: CaptureReaderDeps;
  readonly #stills = new Line();
  readonly #videos = new Line();
  readonly #closing = new AbortController();
  #worker: StillWorker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #toolsMissing = true;
  #toolsCheckedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: CaptureReaderDeps) {
    this.#deps = deps;
  }

  /** Looks for ffprobe. A box without it opens as well: `videoToolsMissing` tells. */
  async open(): Promise<void> {
    await this.#checkTools();
  }

  /**
   * What `file` (an absolute path) says of its own time, and of the photo that it is a part of; or undefined: nothing, no
   * known format, too slow, no tool.
   * @throws {CodedError} `busy` when too many files wait; `stopping` after `close`. The caller may try again.
   */
  async read(file: string, kind: MediaKind): Promise<Metadata | undefined> {
    this.#refuseWhenClosed();
    if (kind === 'photo') return await this.#stills.run(() => this.#readStill(file));
    if (kind === 'video') return await this.#videos.run(() => this.#readVideo(file));
    return undefined;
  }

  /** True while videos cannot be dated. Looks again, in the background, when the last look is a minute old. */
  videoToolsMissing(): boolean {
    if (this.#toolsMissing && !this.#closing.signal.aborted && this.#isRecheckDue()) void this.#checkTools();
    return this.#toolsMissing;
  }

  /** Stops at once: what still waits is refused, and loses nothing, since its upload is driven on at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#idle);
    await this.#worker?.stop();
    this.#worker = undefined;
  }

  async #readStill(file: string): Promise<Metadata | undefined> {
    this.#refuseWhenClosed();
    clearTimeout(this.#idle);
    const timeoutMs = this.#deps.timeoutMs ?? 3_000;
    try {
      return await this.#askWorker(file, timeoutMs).catch((error: unknown) => {
        // A busy box may have been late, and the folder is chosen only once.
        if (!(error instanceof TooLate) || this.#closing.signal.aborted) throw error;
        return this.#askWorker(file, timeoutMs * secondTryFactor);
      });
    } catch (error) {
      this.#refuseWhenClosed();
      this.#deps.log.warn({ error, file }, 'A picture could not be read for its date; it is kept without.');
      return undefined;
    } finally {
      if (this.#worker) this.#idle = setTimeout(() => this.#endIdleWorker(), this.#deps.idleMs ?? 30_000).unref();
    }
  }

  /** One that fails is not asked again. */
  async #askWorker(file: string, timeoutMs: number): Promise<Metadata | undefined> {
    if (this.#worker?.ended) this.#worker = undefined;
    this.#worker ??= new StillWorker(this.#deps.workerProgram ?? ownProgram);
    try {
      return await this.#worker.read(file, timeoutMs);
    } catch (error) {
      await this.#worker?.stop();
      this.#worker = undefined;
      throw error;
    }
  }

  #endIdleWorker(): void {
    void this.#worker?.stop();
    this.#worker = undefined;
  }

  async #readVideo(file: string): Promise<Metadata | undefined> {
    this.#refuseWhenClosed();
    if (this.#toolsMissing) {
      if (!this.#isRecheckDue()) return undefined;
      await this.#checkTools();
      if (this.#toolsMissing) return undefined;
    }
    try {
      const { status, stdout } = await this.#deps.runCommand('ffprobe', ffprobeArguments(file), {
        timeoutMs: this.#deps.videoTimeoutMs ?? 10_000,
        outputBytesMax: ffprobeOutputBytesMax,
        signal: this.#closing.signal,
      });
      return status === 0 ? parseProbe(stdout) : undefined;
    } catch (error) {
      this.#refuseWhenClosed();
      if (error instanceof CodedError && error.code === 'command-missing') this.#toolsMissing = true;
      this.#deps.log.warn({ error, file }, 'A video could not be read for its date; it is kept without.');
      return undefined;
    }
  }

  #isRecheckDue(): boolean {
    return Math.abs(this.#deps.now() - this.#toolsCheckedAt) >= toolsRecheckMs;
  }

  async #checkTools(): Promise<void> {
    this.#toolsCheckedAt = this.#deps.now();
    try {
      const limits = { timeoutMs: 10_000, outputBytesMax: ffprobeOutputBytesMax, signal: this.#closing.signal };
      this.#toolsMissing = (await this.#deps.runCommand('ffprobe', ['-version'], limits)).status !== 0;
    } catch {
      this.#toolsMissing = true;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing.signal.aborted) throw new CodedError('stopping', 'The box is stopping. Try again in a moment.');
  }
}

/** One at a time, in order, with a limit on how many wait. */
class Line {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= waitingMax) {
      throw new CodedError('busy', 'The box is reading the dates of too many files just now. Try again in a moment.');
    }
    this.#waiting += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

class TooLate extends CodedError {}

type Answer = { ready: true } | { metadata: Metadata | undefined };

/** One running worker; serves one question at a time. A failure of any kind means: stop it and make a new one. */
class StillWorker {
  readonly #child: ChildProcess;
  readonly #ready: Promise<Answer>;
  readonly #exit = Promise.withResolvers<void>();
  #ended = false;
  #settle: { resolve: (answer: Answer) => void; reject: (error: unknown) => void } | undefined;

  constructor(program: string) {
    this.#child = fork(program, [], {
      // Nothing of the daemon's own arguments, environment and folder is its business.
      env: compileCacheForChild(),
      execArgv: [`--max-old-space-size=${workerHeapMiBMax}`, '--max-semi-space-size=1'],
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    // It never holds the daemon's own end, and ends with it: its channel closes.
    this.#child.unref();
    this.#child.channel?.unref();
    this.#child.on('message', (answer) => this.#settle?.resolve(answer as Answer));
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('exit', () => this.#end(new CodedError('internal', 'The reader of dates ended.')));
    this.#ready = this.#answer(workerStartMs);
    this.#ready.catch(() => undefined); // Told to whoever asks first.
  }

  /** True once it has ended, also while nobody asked. */
  get ended(): boolean {
    return this.#ended;
  }

  async read(file: string, timeoutMs: number): Promise<Metadata | undefined> {
    await this.#ready;
    this.#child.send({ file }, (error) => error && this.#end(error));
    const answer = await this.#answer(timeoutMs);
    return 'metadata' in answer ? answer.metadata : undefined;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    // One that waits for a vanished disk cannot be killed, and is not waited for.
    const limit = setTimeout(() => this.#exit.resolve(), workerStopMs);
    await this.#exit.promise;
    clearTimeout(limit);
  }

  #end(error: unknown): void {
    this.#ended = true;
    this.#exit.resolve();
    this.#settle?.reject(error);
  }

  async #answer(timeoutMs: number): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#settle = { resolve, reject };
    const late = new TooLate('internal', `The reader of dates did not answer within ${timeoutMs} ms.`);
    const timer = setTimeout(() => reject(late), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Only the containers of phones and cameras, only this file, and no decoding: a playlist that calls itself .mp4 opens
 * nothing else, and the tags of the header are all that is read.
 */
function ffprobeArguments(file: string): string[] {
  const apple = 'com.apple.quicktime.creationdate,com.apple.quicktime.content.identifier';
  const entries = `format_tags=creation_time,${apple},date:stream_tags=creation_time`;
  return [
    ...['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', 'mov,matroska,avi,mpeg,mpegts,asf'],
    ...['-nofind_stream_info', '-print_format', 'json=compact=1', '-show_entries', entries, `file:${file}`],
  ];
}

function parseProbe(stdout: string): Metadata | undefined {
  const probe: unknown = JSON.parse(stdout);
  const format = tagsOf(member(probe, 'format'));
  const streams = member(probe, 'streams');
  const creationTimes = [format, ...(Array.isArray(streams) ? streams.map(tagsOf) : [])]
    .map((tags) => text(tags, 'creation_time'))
    .filter((value) => value !== undefined);
  const metadata = videoMetadata({
    quickTimeCreationDate: text(format, 'com.apple.quicktime.creationdate'),
    date: text(format, 'date'),
    creationTimes,
  });
  const contentId = text(format, 'com.apple.quicktime.content.identifier');
  return contentId === undefined ? metadata : { moments: metadata?.moments ?? [], contentId };
}

function tagsOf(part: unknown): unknown {
  return member(part, 'tags');
}

function text(value: unknown, name: string): string | undefined {
  const found = member(value, name);
  return typeof found === 'string' && found.length <= 64 ? found : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
