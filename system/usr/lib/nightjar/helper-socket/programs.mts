/** Runs other programs for the privileged helpers: by absolute path, without a shell, with next to no environment. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Refusal } from './refusal.mts';

export type Ran = { status: number; out: string; err: string };
export type Run = Readonly<{
  /** As sentences call it. */
  name: string;
  path: string;
  args: readonly string[];
  timeoutMs: number;
  input?: string | undefined;
  /** What a program that does not end may mean. */
  late: string;
}>;

const outputBytesMax = 512 * 1024;
const lockPollMs = 50;

/** @throws {Refusal} `program-missing`, `timeout`, or `failed` when a signal ended it. */
export function runProgram({ name, path, args, timeoutMs, input = '', late }: Run): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, { env: { LC_ALL: 'C' }, cwd: '/', shell: false });
    // Killed and not waited for: what waits for a dead disk cannot be killed.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Refusal('timeout', `${name} was stopped after ${timeoutMs / 1000} s. ${late}`));
    }, timeoutMs);
    const texts = [child.stdout, child.stderr].map((stream) => {
      let kept = '';
      // The end of what it says, read to the end: a full pipe would hold it up.
      stream.setEncoding('utf8').on('data', (text: string) => {
        kept = (kept + text).slice(-outputBytesMax);
      });
      return () => kept;
    });
    child.stdin.on('error', () => undefined).end(input);
    child.on('error', () => {
      clearTimeout(timer);
      reject(new Refusal('program-missing', `${name} is not installed on this box. Nothing was done by it.`));
    });
    child.on('close', (status) => {
      clearTimeout(timer);
      if (status === null) reject(new Refusal('failed', `${name} was ended before it had finished.`));
      else resolve({ status, out: texts[0]?.() ?? '', err: texts[1]?.() ?? '' });
    });
  });
}

/** One at a time for each name, on the whole machine. Undefined: somebody else has it, still after `waitMs`. */
export async function lock(name: string, waitMs: number): Promise<(() => void) | undefined> {
  for (let leftMs = waitMs; ; leftMs -= lockPollMs) {
    // A name in the kernel, with no file: whoever dies holds it no longer.
    const server = createServer();
    const taken = await new Promise((resolve) => {
      server.once('error', resolve).listen(`\0${name}`, () => resolve(undefined));
    });
    if (taken === undefined) return () => void server.close();
    if (leftMs <= 0) return undefined;
    await wait(lockPollMs);
  }
}
