/**
 * Runs another program for the worker: its output is bytes, its input may be given piece by piece, and it never outlives
 * the job. Children carry no environment but a search path.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemCode } from '../platform/errors.ts';
import { workerProgram } from './protocol.ts';
import { Refusal } from './refusal.ts';

const errorCharsMax = 4096;
const toolEnvironment = { PATH: workerProgram.env.PATH, LANG: 'C', MALLOC_ARENA_MAX: '2' };

export type ToolLimits = {
  signal: AbortSignal;
  timeoutMs: number;
  outputBytesMax: number;
  /** Awaited piece by piece; its end closes the program's input. */
  input?: Iterable<Buffer>;
};

/**
 * Resolves with the exit status and what was written. @throws {Refusal} `tool-missing` when it is not installed,
 * `too-slow`, and `damaged` when it writes more than it may; whatever the signal's reason is on abort.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  limits: ToolLimits,
): Promise<{ status: number | null; output: Buffer; errors: string }> {
  limits.signal.throwIfAborted();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: toolEnvironment, cwd: '/' });
  const stop = Promise.withResolvers<never>();
  const onAbort = () => stop.reject(limits.signal.reason);
  const timer = setTimeout(() => stop.reject(tooSlow()), limits.timeoutMs);
  limits.signal.addEventListener('abort', onAbort);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.outputBytesMax) stop.reject(new Refusal('damaged', `${program} wrote more than it should.`));
    else chunks.push(chunk);
  });
  child.stderr.setEncoding('latin1').on('data', (text: string) => {
    if (errors.length < errorCharsMax) errors += text.slice(0, errorCharsMax);
  });
  child.on('error', (error) => stop.reject(startRefusal(program, error)));
  child.stdin.on('error', () => undefined); // It may end before it has read everything.
  try {
    const closed = once(child, 'close') as Promise<[number | null]>;
    closed.catch(() => undefined); // `error` is told by `stop`.
    const fed = feed(child.stdin, limits.input ?? []);
    fed.catch((error) => stop.reject(error));
    const [status] = await Promise.race([closed, stop.promise]);
    return { status, output: Buffer.concat(chunks, bytes), errors: errors.trim() };
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', onAbort);
    child.kill('SIGKILL');
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.destroy();
  }
}

async function feed(pipe: NodeJS.WritableStream, input: Iterable<Buffer>): Promise<void> {
  for (const piece of input) {
    if (!pipe.writable) return;
    if (!pipe.write(piece)) await roomOrEnd(pipe);
  }
  pipe.end();
}

/** A program that has gone takes nothing more. */
function roomOrEnd(pipe: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      pipe.off('drain', go).off('close', go);
      resolve();
    };
    pipe.on('drain', go).on('close', go);
  });
}

function tooSlow(): Refusal {
  return new Refusal('too-slow', 'The file took too long to read. It is kept as it is.');
}

function startRefusal(program: string, error: Error): Refusal {
  const missing = ['ENOENT', 'EACCES', 'ENOTDIR'].includes(systemCode(error) ?? '');
  if (!missing) return new Refusal('unreadable', `${program} could not be started.`, { cause: error });
  return new Refusal('tool-missing', `${program} is not installed on this box, and this kind of file needs it.`, {
    cause: error,
  });
}
