/**
 * Damaged copies that made room for the same photo when it came again: kept out of view for 90 days, never overwritten,
 * gone with their photo when that is deleted for good. Nobody needs them any more; somebody may still want to look.
 */
import { lstat, readdir, unlink, utimes } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, publish, syncFolder } from '../platform/durable-files.ts';
import type { OpenLibrary } from './open-library.ts';
import type { AssetRow } from './store.ts';

const asideFolder = '.nightjar/damaged';
/** Of one photo; a disk that damages it more often has no more to show. */
const copiesMax = 5;
const keptMs = 90 * 24 * 3_600_000;
const removedAtOnceMax = 10_000;

/** Takes whatever stands in its place out of view, durably. False: it stays, and the photo takes another name. */
export async function setAside(open: OpenLibrary, { id, path }: AssetRow, now: number): Promise<boolean> {
  await open.folders.make(asideFolder);
  const place = open.disk.resolve(path);
  if (!(await lstat(place)).isFile()) return false;
  for (const name of namesOf(id)) {
    const kept = open.disk.resolve(`${asideFolder}/${name}`);
    // Done before, and interrupted: the same file, so published again.
    if ((await publish(place, kept)) === 'taken') continue;
    // From when on it is kept; when it was taken stands in the catalogue.
    await utimes(kept, now / 1_000, now / 1_000);
    await syncFolder(open.disk.resolve(asideFolder));
    await unlink(place).catch(ignoreMissing);
    await syncFolder(open.disk.resolve(posix.dirname(path)));
    return true;
  }
  return false;
}

/** Their photos are gone for good. */
export async function removeAside(open: OpenLibrary, assetIds: readonly number[]): Promise<void> {
  for (const name of assetIds.flatMap(namesOf)) {
    await unlink(open.disk.resolve(`${asideFolder}/${name}`)).catch(ignoreMissing);
  }
}

/** What was kept for long enough. */
export async function removeOldAside(open: OpenLibrary, now: number): Promise<void> {
  const names = (await readdir(open.disk.resolve(asideFolder)).catch(ignoreMissing)) ?? [];
  for (const name of names.slice(0, removedAtOnceMax)) {
    const kept = open.disk.resolve(`${asideFolder}/${name}`);
    const facts = await lstat(kept).catch(ignoreMissing);
    if (facts?.isFile() === true && facts.mtimeMs < now - keptMs) await unlink(kept).catch(ignoreMissing);
  }
}

function namesOf(assetId: number): string[] {
  return Array.from({ length: copiesMax }, (_, index) => (index === 0 ? `${assetId}` : `${assetId}-${index}`));
}
