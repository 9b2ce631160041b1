/** The only file that acts: runs programs, reads and writes files of root's. Knows no verb. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { lock, type Ran, runProgram } from '../helper-socket/programs.mts';
import { Refused } from './request.mts';

/** By absolute path: nothing is looked for. */
const programs = {
  date: '/usr/bin/date',
  ip: '/usr/bin/ip',
  nft: '/usr/sbin/nft',
  systemctl: '/usr/bin/systemctl',
  wpa_cli: '/usr/sbin/wpa_cli',
} as const;
export type Program = keyof typeof programs;

/** What root keeps of the box itself. */
export const keptDir = '/var/lib/nightjar-box';

/** In tests of the verbs another one stands here, which only writes down what it was told. Paths are whole. */
export type Machine = Readonly<{
  /** @throws {Refused} `program-missing`, `timeout`, or `failed` when a signal ended it. */
  run(program: Program, args: readonly string[], timeoutMs: number, input?: string): Promise<Ran>;
  /** Undefined where there is none, or it cannot be read. */
  read(path: string): string | undefined;
  /** Names; none where there is no such folder. */
  list(dir: string): string[];
  has(path: string): boolean;
  /** In place of what was there, for root alone; durable when it returns. */
  write(path: string, text: string): void;
  /** Durable too. */
  remove(path: string): void;
  /** @throws {Refused} `busy` */
  lock(what: string): Promise<() => void>;
  wait(ms: number): Promise<void>;
  now(): number;
}>;

const lockMs = 2_000;
const readBytesMax = 256 * 1024;

/** `root`: `/`; another folder, with programs of its own, in tests. */
export function machineAt(root: string): Machine {
  const at = (path: string) => join(root, path);
  return {
    run: async (program, args, timeoutMs, input) => {
      const late = 'What it was to do may be half done.';
      return await runProgram({ name: program, path: at(programs[program]), args, timeoutMs, input, late });
    },
    read: (path) => read(at(path)),
    list: (dir) => list(at(dir)),
    has: (path) => existsSync(at(path)),
    write: (path, text) => write(at(path), text),
    remove(path) {
      rmSync(at(path), { force: true });
      if (existsSync(dirname(at(path)))) syncFolder(dirname(at(path)));
    },
    async lock(what) {
      const unlock = await lock(`nightjar-box-helper${root}${what}`, lockMs);
      if (unlock !== undefined) return unlock;
      throw new Refused('busy', 'The box is doing something of that kind already. Ask again when that is over.');
    },
    wait: async (ms) => await wait(ms),
    now: () => Date.now(),
  };
}

function read(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length <= readBytesMax ? text : undefined;
  } catch {
    return undefined;
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function write(path: string, text: string): void {
  const dir = dirname(path);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const next = `${path}.next`;
  rmSync(next, { force: true });
  const fd = openSync(next, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
  syncFolder(dir);
}

function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
