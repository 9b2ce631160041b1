/**
 * What a daemon asked of the kernel, in order: reads a trace that strace wrote of all its threads. A call that ended
 * before another began did so in truth, since strace holds each thread at both ends of each call.
 */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const writtenMsMax = 10_000;
const calls =
  'fsync,fdatasync,pwrite64,pwritev,pwritev2,write,writev,linkat,link,unlink,mkdir,mkdirat,rename,renameat,renameat2';

/**
 * One system call; `began` and `ended` are places in the trace, or times in seconds where threads were traced apart. A
 * call that never ended has `ended` Infinity.
 */
export type SystemCall = Readonly<{ name: string; args: string; began: number; ended: number; result: string }>;

/** Why nothing can be traced here; undefined when it can. */
export function tracingMissing(): string | undefined {
  try {
    execFileSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `strace does not work here (Debian: apt-get install strace): ${(error as Error).message.split('\n')[0]}`;
  }
}

/** The words before the daemon's command: strace steps aside (-D), so that the process started is the daemon itself. */
export function traceTo(file: string): string[] {
  return ['strace', '-D', '-f', '-y', '-qq', '-s', '48', '-e', 'signal=none', '-e', `trace=${calls}`, '-o', file];
}

/** The same for one thread that strace attaches to, to be read by `readTimedTraces`. */
export function traceThreadTo(file: string): string[] {
  return ['-y', '-ttt', '-T', '-s', '48', '-e', 'signal=none', '-e', `trace=${calls}`, '-o', file];
}

/** Puts together what was traced of several threads, by the clock that they share. */
export async function readTimedTraces(files: readonly string[]): Promise<SystemTrace> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  const all = texts.flatMap((text) => text.split('\n')).flatMap(parseTimed);
  return new SystemTrace(all.sort((a, b) => a.began - b.began));
}

/** Reads a trace whose daemon has ended; waits for strace to have written all of it. */
export async function readTrace(file: string): Promise<SystemTrace> {
  const deadline = Date.now() + writtenMsMax;
  let text = await readFile(file, 'utf8');
  for (;;) {
    await pause(200);
    const more = await readFile(file, 'utf8');
    if (more.length === text.length) return new SystemTrace(parse(more));
    if (Date.now() > deadline) throw new Error('strace did not stop writing.');
    text = more;
  }
}

export class SystemTrace {
  readonly calls: readonly SystemCall[];

  constructor(all: readonly SystemCall[]) {
    this.calls = all;
  }

  /** Each HTTP answer's first byte on its way, in order. */
  answers(): SystemCall[] {
    return this.calls.filter(({ name, args }) => /^writev?$/.test(name) && /HTTP\/1\.1 \d{3}/.test(args));
  }

  /** What happened after answer `index - 1` had been given, and the answer `index` itself. */
  untilAnswer(index: number): { window: SystemTrace; answer: SystemCall } {
    const answers = this.answers();
    const answer = answers[index];
    if (answer === undefined) throw new Error(`The trace has ${answers.length} answers, none at ${index}.`);
    const from = answers[index - 1]?.began ?? -1;
    const within = this.calls.filter((call) => call.began > from && call.began <= answer.began);
    return { window: new SystemTrace(within), answer };
  }

  find(name: RegExp, args: RegExp): SystemCall[] {
    return this.calls.filter((call) => name.test(call.name) && args.test(call.args) && !call.result.startsWith('-1'));
  }

  writesTo(path: RegExp): SystemCall[] {
    return this.find(/^(pwrite64|pwritev2?|writev?)$/, fileOf(path));
  }

  /** Syncs of a file or folder whose path ends as `path` says. */
  syncsOf(path: RegExp): SystemCall[] {
    return this.find(/^f(data)?sync$/, fileOf(path));
  }
}

/** With -y, strace shows the file behind a number: `17</path/of/it>`. */
function fileOf(path: RegExp): RegExp {
  return new RegExp(`^\\d+<[^>]*${path.source}>`);
}

function parseTimed(line: string): SystemCall[] {
  const [, at, name = '', args = '', result = '', took] =
    /^(\d+\.\d+) (\w+)\((.*)\)\s+=\s(.*) <(\d+\.\d+)>$/.exec(line) ?? [];
  if (at === undefined) return [];
  return [{ name, args, began: Number(at), ended: Number(at) + Number(took), result }];
}

function parse(text: string): SystemCall[] {
  const found: Array<{ name: string; args: string; began: number; ended: number; result: string }> = [];
  const open = new Map<string, { name: string; args: string; began: number; ended: number; result: string }>();
  for (const [at, line] of text.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>(.*)\s=\s(.*)$/.exec(rest);
    const call = resumed === null ? undefined : open.get(thread);
    if (resumed !== null && call !== undefined) {
      call.args += resumed[2];
      call.ended = at;
      call.result = resumed[3] ?? '';
      open.delete(thread);
      continue;
    }
    const begun = /^(\w+)\((.*)<unfinished \.\.\.>$/.exec(rest);
    if (begun !== null) {
      const it = { name: begun[1] ?? '', args: begun[2] ?? '', began: at, ended: Number.POSITIVE_INFINITY, result: '' };
      open.set(thread, it);
      found.push(it);
      continue;
    }
    const whole = /^(\w+)\((.*)\)\s+=\s(.*)$/.exec(rest);
    if (whole !== null) {
      found.push({ name: whole[1] ?? '', args: whole[2] ?? '', began: at, ended: at, result: whole[3] ?? '' });
    }
  }
  return found;
}
