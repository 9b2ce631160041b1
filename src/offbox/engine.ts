/**
 * Runs restic, the program that makes copies off the box. Knows its words and its exit status, keeps nothing.
 *
 * Why restic (0.14 in Debian 12) and not rclone (1.60): a copy must be worth nothing to whoever has the other machine,
 * survive a box that was taken over, and go back in time. restic encrypts and authenticates everything by itself, stores
 * the same bytes once, keeps snapshots (a photo that was deleted or encrypted by a stranger is still in the older ones),
 * reads a part of what is there back (`check --read-data-subset`), thins out by days, weeks and months, and speaks sftp, REST and
 * S3 alike, also to a server that only ever adds (rest-server --append-only). rclone copies files as they are: its crypt
 * layer has no snapshots, no proof of what is there beyond sizes and times, and a mirror of a damaged library is damaged.
 * It is also a single static program, which a new box can restore with without us.
 *
 * It is meant to fit a box of 1 GB: one core, a garbage collector that is told to be thrifty (GOGC, GOMEMLIMIT: Go 1.19), two
 * connections, no compression of what is compressed already, the lowest priority for CPU and disk. Its cache and its
 * temporary files lie on the library's disk, never on the card that the box starts from. It is stopped (SIGSTOP) while phones
 * send; and it is killed with the box, not outliving it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../platform/commands.ts';
import { type CodedError, systemCode } from '../platform/errors.ts';
import { type OffboxReason, offboxFailed, reasonOf } from './reasons.ts';
import type { Remote } from './remote.ts';

export type Order = Readonly<{
  remote: Remote;
  args: readonly string[];
  /** The folder that it runs in: paths of what is copied, cache and temporary files are relative to it. */
  cwd: string;
  /** Relative to `cwd`, or whole. No cache: nothing is kept between two runs. */
  cacheDir?: string;
  tmpDir: string;
  timeoutMs: number;
  signal: AbortSignal;
  uploadKiBPerSecond?: number | null;
  /** Of what it writes; lines are not kept then. */
  onLine?: (line: string) => void;
  /** Exit statuses that are no failure. */
  accept?: readonly number[];
  /** It rests while the box is busy. */
  rests: boolean;
}>;
export type EngineAnswer = Readonly<{ status: number; stdout: string; stderr: string }>;
export type EngineDeps = Readonly<{
  /** Somebody sends, or looks at pictures. */
  busy: () => boolean;
  onResting: (resting: boolean) => void;
  /** Default: what the search path has. */
  program?: string;
}>;

const outputBytesMax = 16 * 1024 * 1024;
const complaintBytesMax = 64 * 1024;
const lineBytesMax = 64 * 1024;
const detailCharsMax = 240;
const lookMs = 500;
/** Between two files of a phone nobody sends, and the next comes. */
const quietMs = 5_000;
/** Longer the other side need not wait for a word. */
const restMsMax = 10 * 60_000;
/** Less than a library waits for who uses it. */
const endMs = 3_000;
const unlockAgainMs = 3_000;
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const thrift = { GOGC: '20', GOMEMLIMIT: '128MiB', GOMAXPROCS: '1', RESTIC_PROGRESS_FPS: '2' };
/** KILL: one that is stopped hears nothing else. What it leaves locked is unlocked by who comes next. */
const launcher = ['nice', '-n', '19', 'ionice', '-c', '3', 'setpriv', '--pdeathsig', 'KILL'];

export class Engine {
  readonly #deps: EngineDeps;
  readonly #program: string;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#program = deps.program ?? 'restic';
  }

  /** Undefined: it is not installed. */
  async version(): Promise<string | undefined> {
    try {
      const { stdout } = await runCommand(this.#program, ['version'], { timeoutMs: 10_000, outputBytesMax: 4_096 });
      return /^restic (\S{1,32})/.exec(stdout)?.[1] ?? 'unknown';
    } catch (error) {
      if (systemCode(error) === 'command-missing') return undefined;
      throw error;
    }
  }

  /**
   * One run. What another run left locked when it was killed is unlocked; a lock of one that lives stays.
   * @throws {CodedError} `offbox-failed` with its reason
   */
  async run(order: Order): Promise<EngineAnswer> {
    const answer = await this.#once(order);
    if (answer.status === 0 || order.accept?.includes(answer.status) === true) return answer;
    if (reasonOf(answer.stderr) !== 'locked') throw await this.#failure(order, answer);
    let again = await this.#unlocked(order);
    if (reasonOf(again.stderr) === 'locked') {
      // One that was killed just now counts as alive until the system has cleared it away.
      await sleep(unlockAgainMs, undefined, { signal: order.signal }).catch(() => undefined);
      again = await this.#unlocked(order);
    }
    if (again.status === 0 || order.accept?.includes(again.status) === true) return again;
    throw await this.#failure(order, again);
  }

  async #unlocked(order: Order): Promise<EngineAnswer> {
    const unlocking = await this.#once({ ...order, args: ['unlock'], timeoutMs: 120_000, rests: false });
    return unlocking.status === 0 ? await this.#once(order) : unlocking;
  }

  async #failure({ remote }: Order, { stderr }: EngineAnswer): Promise<CodedError> {
    const [program, ...args] = remote.probe ?? [];
    const reason = reasonOf(stderr);
    if (program === undefined || reason !== 'unreachable') return offboxFailed(reason, detailOf(stderr, remote));
    // What ssh said may be lost in the engine.
    const probed = await runCommand(program, args, { timeoutMs: 30_000, outputBytesMax: 64 * 1024 }).catch(
      () => undefined,
    );
    if (probed === undefined || probed.status === 0) return offboxFailed(reason, detailOf(stderr, remote));
    return offboxFailed(reasonOf(probed.stderr), detailOf(probed.stderr, remote));
  }

  async #once(order: Order): Promise<EngineAnswer> {
    const { remote, args, cwd, cacheDir, tmpDir, timeoutMs, signal, uploadKiBPerSecond } = order;
    if (signal.aborted) throw offboxFailed('stopped');
    const all = [
      ...(cacheDir === undefined ? ['--no-cache'] : ['--cache-dir', cacheDir]),
      ...(uploadKiBPerSecond == null ? [] : ['--limit-upload', String(uploadKiBPerSecond)]),
      ...remote.options,
      ...args,
    ];
    const [first = this.#program, ...rest] =
      process.platform === 'linux' ? [...launcher, this.#program, ...all] : [this.#program, ...all];
    const child = spawn(first, rest, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: searchPath, LANG: 'C', TMPDIR: tmpDir, ...thrift, ...remote.env },
      shell: false,
    });
    const end = new Ending(child, timeoutMs, signal);
    const resting = order.rests ? this.#rest(child, end) : undefined;
    try {
      const [stdout, stderr, status] = await Promise.all([
        gather(child.stdout, outputBytesMax, order.onLine),
        gather(child.stderr, complaintBytesMax),
        exitOf(child),
      ]);
      if (end.why !== undefined) throw offboxFailed(end.why);
      // Of the launcher: the program is not there (env(1) and its like say 127), or could not be started.
      if (status === 127 || status === 126) throw offboxFailed('not-installed');
      return { status, stdout, stderr };
    } finally {
      end.over();
      if (resting !== undefined) clearInterval(resting);
      this.#deps.onResting(false);
    }
  }

  /** Stops it while the box is busy, and lets it go on. */
  #rest(child: ChildProcess, end: Ending): NodeJS.Timeout {
    let since: number | undefined;
    let quietSince = 0;
    return setInterval(() => {
      const now = performance.now();
      if (this.#deps.busy()) {
        quietSince = now + quietMs;
        if (since === undefined) {
          since = now;
          child.kill('SIGSTOP');
          this.#deps.onResting(true);
        } else if (now - since > restMsMax) end.now('busy');
      } else if (since !== undefined && now >= quietSince) {
        since = undefined;
        child.kill('SIGCONT');
        this.#deps.onResting(false);
      }
    }, lookMs).unref();
  }
}

/** The end of a run before its own: at its limit, when it is no longer wanted, when it rested for too long. */
class Ending {
  why: OffboxReason | undefined;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  #kill: NodeJS.Timeout | undefined;
  readonly #onAbort = () => this.now('stopped');

  constructor(child: ChildProcess, timeoutMs: number, signal: AbortSignal) {
    this.#child = child;
    this.#signal = signal;
    this.#timer = setTimeout(() => this.now('time'), timeoutMs).unref();
    signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** It takes its lock away and ends; else it is killed. */
  now(why: OffboxReason): void {
    if (this.why !== undefined) return;
    this.why = why;
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGINT');
    this.#kill = setTimeout(() => this.#child.kill('SIGKILL'), endMs).unref();
  }

  over(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#kill);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  return await new Promise<number>((resolve, reject) => {
    child.once('error', (error) => {
      reject(systemCode(error) === 'ENOENT' ? offboxFailed('not-installed') : offboxFailed('failed', error.message));
    });
    child.once('close', (status) => resolve(status ?? 130));
  });
}

/** The end of what it says, where that is more than `bytesMax`; with `onLine` each whole line goes there instead. */
async function gather(
  stream: AsyncIterable<Buffer> | null,
  bytesMax: number,
  onLine?: (line: string) => void,
): Promise<string> {
  let held = '';
  for await (const piece of stream ?? []) {
    held += piece.toString('utf8');
    if (onLine === undefined) held = held.slice(-bytesMax);
    else {
      const lines = held.split('\n');
      held = (lines.pop() ?? '').slice(-lineBytesMax);
      for (const line of lines) onLine(line);
    }
  }
  if (onLine !== undefined && held !== '') onLine(held);
  return onLine === undefined ? held : '';
}

/** What it said last, for the owner's eyes: no secret in it, no control character, no name of a file. */
function detailOf(stderr: string, remote: Remote): string {
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  let line = said.find((one) => one.startsWith('Fatal:')) ?? said.at(-1) ?? '';
  for (const secret of remote.secrets) {
    for (const form of [secret, encodeURIComponent(secret), encodeURI(secret)]) line = line.replaceAll(form, '***');
  }
  return line
    .replace(/^Fatal: /, '')
    .replace(/\p{C}+/gu, ' ')
    .slice(0, detailCharsMax);
}
