/** What the media worker and its watchdog share, and what Linux tells of a process and all below it (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

export type WatchdogData = { shared: SharedArrayBuffer; memoryBytes: number };

/** The shared number: nanoseconds of the machine's monotonic clock, or none. */
export const deadlines = { bytes: 8, none: 0n } as const;

const processesMax = 64;

/** Resident anonymous memory of this process and all below it. */
export function treeAnonymousBytes(root: number = process.pid): number {
  let sum = 0;
  for (const pid of processTree(root)) {
    const [, kibibytes = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(contentOf(`/proc/${pid}/status`)) ?? [];
    sum += Number(kibibytes) * 1024;
  }
  return sum;
}

/** This process first; children after their parents. */
export function processTree(root: number = process.pid): number[] {
  const pids = [root];
  for (let index = 0; index < pids.length && pids.length < processesMax; index++) {
    for (const task of namesIn(`/proc/${pids[index]}/task`)) {
      const children = contentOf(`/proc/${pids[index]}/task/${task}/children`);
      pids.push(...children.split(' ').filter(Boolean).map(Number));
    }
  }
  return pids;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // It ended meanwhile, or the kernel does not tell.
  }
}
