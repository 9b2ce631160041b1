/**
 * How another box's state takes the place of a new box's, in the state folder: all of it or none, wherever the plug is
 * pulled. It is made ready in `adopting`; that this folder becomes `adopted` is the one moment at which it is decided;
 * the next start moves what is in it to its place, before anything of the state is opened.
 */
import { readdir, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';

const stagingName = 'adopting';
const catalogueEnd = '.catalogue';
const decidedName = 'adopted';
const databaseName = 'nightjar.sqlite';

/** Where it is made ready. */
export function stagingDir(stateDir: string): string {
  return join(stateDir, stagingName);
}

/** Where a catalogue is copied to that cannot be read in its place. */
export function catalogueDir(stateDir: string): string {
  return `${stagingDir(stateDir)}${catalogueEnd}`;
}

/** What an adoption left that came to nothing. */
export async function discardStaging(stateDir: string): Promise<void> {
  for (const end of ['', '.partial', catalogueEnd]) {
    await rm(`${stagingDir(stateDir)}${end}`, { recursive: true, force: true });
  }
}

/** What is ready, and durable, counts from here on. */
export async function decideAdoption(stateDir: string): Promise<void> {
  await syncFolder(stagingDir(stateDir));
  await rename(stagingDir(stateDir), join(stateDir, decidedName));
  // Where that fails, a pulled plug may still take it back, to the whole new box; the next start syncs it in any case.
  await syncFolder(stateDir).catch(() => undefined);
}

/**
 * Brings a decided adoption to its end, however often it was interrupted; returns whether there was one. Call before
 * anything of the state is opened. `beforeStep`: what it throws ends it there, as a pulled plug does.
 */
export async function finishAdoption(stateDir: string, beforeStep = (_step: string): void => undefined) {
  const decided = join(stateDir, decidedName);
  const names = await readdir(decided).catch(ignoreMissing);
  if (names === undefined) {
    beforeStep('discard');
    await discardStaging(stateDir);
    return false;
  }
  if (names.includes(databaseName)) {
    // The log of the new box's own database: SQLite would take it for the other's.
    for (const end of ['-wal', '-shm']) {
      beforeStep(`remove ${end}`);
      await unlink(join(stateDir, `${databaseName}${end}`)).catch(ignoreMissing);
    }
    await syncFolder(stateDir);
  }
  // The certificates first: never the other box's people with a root that none of their phones knows.
  for (const name of names.toSorted((a, b) => Number(a === databaseName) - Number(b === databaseName))) {
    const place = join(stateDir, name);
    beforeStep(`clear ${name}`);
    if (name !== databaseName) await rm(place, { recursive: true, force: true });
    beforeStep(`move ${name}`);
    await rename(join(decided, name), place);
    await syncFolder(stateDir);
  }
  beforeStep('end');
  await rm(decided, { recursive: true, force: true });
  await syncFolder(stateDir);
  return true;
}
