/**
 * The copy of the catalogue on a mirror: as it is at one moment, under another name until it is durable, the last two kept.
 * Beside it the sealed copies of the box state. With the mirror's journal it is what a mirror is promoted by.
 */
import { copyFile, open as openFile, readdir, rename, unlink } from 'node:fs/promises';
import { cataloguePath } from '../library/open-library.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import type { MirrorSource } from './mirror-pass.ts';
import { type MirrorRow, MirrorStore } from './mirror-store.ts';

export const catalogueBeforePath = '.nightjar/library-before.sqlite';
const temporaryPath = '.nightjar/incoming/library.sqlite';
const sealedFolder = '.nightjar/box-state';
const sealedForm = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.sealed$/;
const sealedKept = 7;
/** Whatever the nights are. */
const ageMsMax = 36 * 3_600_000;
/** A longer journal takes too long to be read again. */
const journalBytesMax = 16 * 1024 * 1024;

/** `nightSince`: when the window of the night that is open now began. */
export function catalogueIsDue(
  { catalogueAt }: MirrorRow,
  it: { nightSince: number | undefined; journalBytes: number; now: number },
): boolean {
  if (catalogueAt === null || it.journalBytes > journalBytesMax) return true;
  return (it.nightSince !== undefined && catalogueAt < it.nightSince) || catalogueAt < it.now - ageMsMax;
}

/** Durable when it returns. @throws what either disk says; then the copies before are as they were. */
export async function copyCatalogue(source: MirrorSource, mirror: MirrorDisk, now: () => number): Promise<void> {
  await mirror.prepare();
  const rows = new MirrorStore(source.database);
  const at = now();
  // Before: what changes while it is copied may be in the copy or not, and is in the journal.
  const change = rows.lastChange();
  const temporary = mirror.disk.resolve(temporaryPath);
  await removeDatabase(mirror, temporaryPath);
  // By its name: SQLite finds that out from any other path. A place where nothing is mounted has no such folder.
  await source.database.copyTo(mirror.disk.named(temporaryPath), () => undefined);
  await mirror.disk.check({ byReading: true });
  await syncPath(temporary);
  await unlink(mirror.disk.resolve(`${cataloguePath}-wal`)).catch(ignoreMissing);
  await unlink(mirror.disk.resolve(`${cataloguePath}-shm`)).catch(ignoreMissing);
  await rename(mirror.disk.resolve(cataloguePath), mirror.disk.resolve(catalogueBeforePath)).catch(ignoreMissing);
  await rename(temporary, mirror.disk.resolve(cataloguePath));
  await syncFolder(mirror.disk.resolve('.nightjar'));
  await mirror.journal.beginAnew();
  await source.database.write(() => rows.noteCatalogue(mirror.diskId, { at, change }));
  await copySealed(source, mirror);
}

export async function removeDatabase(mirror: Pick<MirrorDisk, 'disk'>, path: string): Promise<void> {
  for (const end of ['', '-wal', '-shm', '-journal']) {
    await unlink(mirror.disk.resolve(`${path}${end}`)).catch(ignoreMissing);
  }
}

export async function syncPath(path: string): Promise<void> {
  const file = await openFile(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** They are sealed already, and made under another name: whatever has such a name is whole. */
async function copySealed(source: MirrorSource, mirror: MirrorDisk): Promise<void> {
  const namesOn = async ({ disk }: Pick<MirrorSource, 'disk'>) => {
    const names = (await readdir(disk.resolve(sealedFolder)).catch(ignoreMissing)) ?? [];
    return names.filter((name) => sealedForm.test(name)).sort();
  };
  const there = await namesOn(source);
  if (there.length === 0) return;
  await mirror.folders.make(sealedFolder);
  const kept = await namesOn(mirror);
  for (const name of there.slice(-sealedKept)) {
    if (kept.includes(name)) continue;
    const temporary = mirror.disk.resolve('.nightjar/incoming/sealed');
    await copyFile(source.disk.resolve(`${sealedFolder}/${name}`), temporary);
    await syncPath(temporary);
    await rename(temporary, mirror.disk.resolve(`${sealedFolder}/${name}`));
  }
  await syncFolder(mirror.disk.resolve(sealedFolder));
  for (const old of kept.filter((name) => !there.includes(name)).slice(0, Math.max(0, kept.length - sealedKept))) {
    await unlink(mirror.disk.resolve(`${sealedFolder}/${old}`)).catch(ignoreMissing);
  }
}
