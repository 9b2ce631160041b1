/** Folders for what a program insists on writing to a file. In memory where there is room for that; never left behind. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'nightjar-picture-';

function root(): string {
  // Memory: what is written there is read once, and never reaches a memory card.
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

/** Private to this user (0700). The caller removes it. */
export async function temporaryFolder(): Promise<string> {
  return await mkdtemp(join(root(), `${prefix}${process.pid}-`));
}

/** Those of process `pid`, which is about to be killed; without `pid`, those of processes that are gone. */
export function removeTemporaryFolders(pid?: number): void {
  for (const name of readdirSync(root())) {
    const owner = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1] ?? 0);
    if (owner === 0 || (pid === undefined ? isRunning(owner) : owner !== pid)) continue;
    rmSync(join(root(), name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
