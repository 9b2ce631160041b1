/** What Linux tells of processes, disks and the machine itself. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** CPU seconds; `user` in the program, `system` in the kernel for it. */
export type Cpu = Readonly<{ user: number; system: number }>;

/** proc(5): times in /proc/PID/stat are in units of 1/100 s on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** What the process and all below it have used so far: living ones, and ended ones that were waited for. */
export function treeCpu(rootPid: number): Cpu {
  let user = 0;
  let system = 0;
  for (const times of treeOf(rootPid).values()) {
    user += times.user;
    system += times.system;
  }
  return { user, system };
}

/** The anonymous memory of the process and of each below it, by process id (proc(5), smaps_rollup). */
export function treeAnonymousBytes(rootPid: number): Map<number, { command: string; bytes: number }> {
  const found = new Map<number, { command: string; bytes: number }>();
  for (const pid of treeOf(rootPid).keys()) {
    try {
      const [, kilobytes] = /^Anonymous: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? [];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      const command = words
        .filter((word) => /^[^-]/.test(word))
        .slice(0, 2)
        .map((word) => basename(word));
      found.set(pid, { command: command.join(' '), bytes: Number(kilobytes ?? 0) * 1024 });
    } catch {
      // Ended between the list and now.
    }
  }
  return found;
}

type ProcessTimes = Cpu & Readonly<{ parent: number }>;

function treeOf(rootPid: number): Map<number, ProcessTimes> {
  const all = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const times = statOf(name);
    if (times !== undefined) all.set(Number(name), times);
  }
  const isBelow = (pid: number): boolean => {
    if (pid === rootPid) return true;
    const parent = all.get(pid)?.parent ?? 0;
    return parent > 1 && isBelow(parent);
  };
  return new Map([...all].filter(([pid]) => isBelow(pid)));
}

function statOf(pid: string): ProcessTimes | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined; // Ended between the list and now.
  }
  // Fields from the third on: a program's name may hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (field: number) => Number(fields[field - 3]) / ticksPerSecond;
  // Own time (14, 15) and that of children that were waited for (16, 17).
  return { parent: Number(fields[1]), user: seconds(14) + seconds(16), system: seconds(15) + seconds(17) };
}

/** What our own ended helpers used so far, as `sync`. */
export function endedChildrenCpu(): Cpu {
  const text = readFileSync('/proc/self/stat', 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { user: Number(fields[13]) / ticksPerSecond, system: Number(fields[14]) / ticksPerSecond };
}

export function cpuBetween(before: Cpu, after: Cpu): Cpu {
  return { user: after.user - before.user, system: after.system - before.system };
}

/** Waits until everything written to the filesystem under `dir` is on the disk. */
export async function syncFilesystem(dir: string): Promise<void> {
  await run('sync', ['-f', dir]);
}

/** What was sent and has its own name under `dir`, and its bytes. A folder that is missing holds none. */
export async function receivedUnder(dir: string): Promise<{ files: number; bytes: number }> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isFile() && /\.(mp4|jpg)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(names.map(async (name) => (await stat(name)).size));
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Writes `bytes` from `source` with dd and its own fdatasync. Returns wall seconds. */
export async function ddSeconds(source: string, target: string): Promise<number> {
  const startedAt = performance.now();
  await run('dd', [`if=${source}`, `of=${target}`, 'bs=1M', 'conv=fdatasync']);
  return (performance.now() - startedAt) / 1_000;
}

/** The first line that a program says of itself, or undefined when it is not installed. */
export async function versionOf(program: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(program, args);
    return `${stdout}${stderr}`.split('\n')[0]?.trim();
  } catch {
    return undefined;
  }
}

export async function describeMachine(dir: string): Promise<string[]> {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  return [
    `${cpus().length} cores, ${model}, ${Math.round(totalmem() / 1e9)} GB memory`,
    `Linux ${release()}, ${process.arch}, Node ${process.version}`,
    `${filesystemOf(dir)} under the measured folders`,
  ];
}

/** Type and options of the mount that holds `dir`: the longest mount point that is its beginning. */
function filesystemOf(dir: string): string {
  const path = `${resolve(dir)}/`;
  let found = { point: '', text: 'unknown filesystem' };
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, point = '', type = '', options = ''] = line.split(' ');
    const prefix = point === '/' ? '/' : `${point}/`;
    if (path.startsWith(prefix) && point.length >= found.point.length) found = { point, text: `${type} (${options})` };
  }
  return found.text;
}

export async function freshFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  return path;
}
