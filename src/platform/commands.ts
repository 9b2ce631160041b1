/**
 * Runs other programs of the machine: without a shell, with an environment of its own, under limits of time and output.
 * Never knows what a program is for. Any room that uses one gets `runCommand` by the door, so that tests can give theirs.
 */
import { spawn } from 'node:child_process';
import { CodedError, systemCode } from './errors.ts';

type CommandResult = {
  /** Exit status. A failure is for the caller to judge: smartctl's, for one, is a bit field. */
  status: number;
  stdout: string;
  stderr: string;
};

export type RunCommand = (
  file: string,
  args: readonly string[],
  limits: { timeoutMs: number; outputBytesMax: number; env?: Readonly<Record<string, string>>; signal?: AbortSignal },
) => Promise<CommandResult>;

/** The daemon's own environment stays its own: it may hold a setup code. */
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin';

/**
 * Runs `file` with `args` and resolves with its exit status and its output (UTF-8, `outputBytesMax` for each stream).
 * At the limits, and when `signal` aborts, it is killed at once and not waited for: a program that waits for a vanished
 * disk cannot be killed. @throws {CodedError} `command-missing` when it is not installed; `command-failed` at a limit,
 * on abort, when a signal ended it, or when it could not be started.
 */
export const runCommand: RunCommand = (file, args, limits) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: searchPath, LANG: 'C', ...limits.env },
      shell: false,
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const fail = (error: CodedError) => {
      release();
      child.kill('SIGKILL');
      // A grandchild may hold the pipes open: without this they would hold the daemon's memory and exit.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(failed(`${file} did not finish within ${limits.timeoutMs} ms and was stopped.`)),
      limits.timeoutMs,
    );
    const onAbort = () => fail(failed(`${file} was stopped: its result is no longer wanted.`));
    const release = () => {
      clearTimeout(timer);
      limits.signal?.removeEventListener('abort', onAbort);
    };
    const collect = (chunks: Buffer[]) => {
      let bytes = 0;
      return (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > limits.outputBytesMax) {
          fail(failed(`${file} wrote more than ${limits.outputBytesMax} bytes and was stopped.`));
        } else {
          chunks.push(chunk);
        }
      };
    };
    child.stdout.on('data', collect(stdout));
    child.stderr.on('data', collect(stderr));
    child.on('error', (error) => fail(startError(file, error)));
    child.on('close', (status, signal) => {
      release();
      if (status === null) reject(failed(`${file} was ended by ${signal ?? 'a signal'}.`));
      else resolve({ status, stdout: text(stdout), stderr: text(stderr) });
    });
    limits.signal?.addEventListener('abort', onAbort);
    if (limits.signal?.aborted) onAbort();
  });

function text(chunks: Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}

function startError(file: string, error: Error): CodedError {
  const code = systemCode(error);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') {
    return new CodedError('command-missing', `${file} is not installed on this box.`, { cause: error });
  }
  return new CodedError('command-failed', `${file} could not be started.`, { cause: error });
}

function failed(message: string): CodedError {
  return new CodedError('command-failed', message);
}
