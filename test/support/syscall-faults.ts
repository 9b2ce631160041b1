/**
 * Makes one system call of a running process fail, with strace's fault injection (strace(1), "Tampering"). Invocations
 * are counted for each thread from the moment of attaching, so it is attached to one thread.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** `main` runs JavaScript and SQLite; `pool` does Node's file calls. Start the daemon with `onePoolThread`. */
type FaultyThread = 'main' | 'pool';
export const onePoolThread = { UV_THREADPOOL_SIZE: '1' };

export type SyscallFault = Readonly<{
  thread: FaultyThread;
  /** Names of the call, with commas. */
  call: string;
  error: string;
  /** Which calls fail, counted from 1: `first..last`. */
  when: string;
  /** Only calls on this file. */
  path?: string;
}>;

const attachMsMax = 10_000;

/** Why faults cannot be injected on this machine; undefined when they can. */
export function whyNoFaults(): string | undefined {
  const tried = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (tried.error !== undefined) return 'strace is not installed';
  return tried.status === 0 ? undefined : `strace may not trace here: ${tried.stderr.trim()}`;
}

export class InjectedFault {
  readonly #child: ChildProcess;
  readonly #logPath: string;

  private constructor(child: ChildProcess, logPath: string) {
    this.#child = child;
    this.#logPath = logPath;
  }

  /** Resolves when the fault is armed. `dir` takes strace's log. */
  static async arm(
    pid: number,
    dir: string,
    { thread, call, error, when, path }: SyscallFault,
  ): Promise<InjectedFault> {
    const tid = thread === 'main' ? pid : await poolThread(pid);
    const logPath = join(dir, `strace-${tid}.log`);
    const inject = `inject=${call}:error=${error}:when=${when}`;
    const filter = path === undefined ? [] : ['-P', path];
    const child = await attachStrace(tid, ['-o', logPath, '-e', `trace=${call}`, '-e', inject, ...filter]);
    return new InjectedFault(child, logPath);
  }

  /** Lets the process go, and says how many calls were made to fail. */
  async disarm(): Promise<number> {
    await detachStrace(this.#child);
    const log = await readFile(this.#logPath, 'utf8').catch(() => '');
    await rm(this.#logPath, { force: true });
    return log.split('\n').filter((line) => line.includes('(INJECTED)')).length;
  }
}

/** Resolves when strace holds the thread. */
export async function attachStrace(tid: number, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn('strace', ['-p', String(tid), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const attached = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`strace ended: ${said}`)));
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('attached')) resolve();
    });
    setTimeout(() => reject(new Error(`strace did not attach: ${said}`)), attachMsMax).unref();
  });
  attached.catch(() => child.kill('SIGTERM'));
  await attached;
  return child;
}

/** Lets the thread go; resolves when strace has written everything. */
export async function detachStrace(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
}

/** The only thread that does Node's file calls, in a daemon that was started with `onePoolThread`. */
export async function poolThread(pid: number): Promise<number> {
  const found: number[] = [];
  for (const tid of await readdir(`/proc/${pid}/task`)) {
    const name = await readFile(`/proc/${pid}/task/${tid}/comm`, 'utf8').catch(() => '');
    if (name.trim() === 'libuv-worker') found.push(Number(tid));
  }
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`The daemon has ${found.length} pool threads, not one.`);
  return only;
}
