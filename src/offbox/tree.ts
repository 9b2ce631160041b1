/**
 * What is copied off the box, as it lies on the library's disk: the folders of photos and files with their sidecars and
 * checksum lists, the trash, the sealed copies of the box state; and beside them what is made for the copy alone: the
 * catalogue as it is at one moment, and a marker that fits any filesystem. Not: what is still coming in, and pictures that
 * can be made again. Paths in a snapshot are those on the disk.
 */
import { mkdir, open as openFile, readdir, rename, rm } from 'node:fs/promises';
import { type OpenLibrary, trashFolder } from '../library/open-library.ts';
import { pathKey } from '../library/placement.ts';
import { ignoreMissing, replaceFileDurably } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { Unit } from './schedule.ts';

export const offboxFolder = '.nightjar/offbox';
/** Of the copy of the catalogue and its marker; a restore puts them in their places. */
export const aloneFolder = `${offboxFolder}/library`;
export const cacheFolder = `${offboxFolder}/cache`;
export const tmpFolder = `${offboxFolder}/tmp`;
export const targetsPath = `${offboxFolder}/targets`;
const sealedFolder = '.nightjar/box-state';
const unitsMax = 5_000;
const unitDepth = 3;

const readme = `This is what a Nightjar box copied off itself. Photos and files are in plain folders beside this one.

To make it a library that a new box adopts ("nightjar offbox restore" does this by itself): in the folder .nightjar,
move offbox/library/library.sqlite and offbox/library/disk.json one level up to .nightjar, and remove offbox.
`;

/** Folders for the engine, on the library's disk. */
export async function prepareFolders(open: OpenLibrary): Promise<void> {
  for (const folder of [aloneFolder, cacheFolder, tmpFolder]) {
    await mkdir(open.disk.resolve(folder), { recursive: true, mode: 0o700 });
  }
  // What an engine left that was killed.
  for (const name of await readdir(open.disk.resolve(tmpFolder))) {
    await rm(open.disk.resolve(`${tmpFolder}/${name}`), { recursive: true, force: true });
  }
}

/**
 * Copies the catalogue, as it is now: before the files, so that whatever it names is among them.
 * @throws {CodedError} `disk-full`, and what the disk says
 */
export async function putCatalogue(open: OpenLibrary, reserveBytes: number): Promise<void> {
  const { disk, database } = open;
  const sizes = 'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size';
  const size = database.get<{ bytes: number }>(sizes)?.bytes ?? 0;
  if ((await disk.freeBytes()) < reserveBytes + 2 * size) {
    throw new CodedError('disk-full', 'There is no room on the library’s disk to copy its catalogue.');
  }
  const temporary = `${offboxFolder}/library.new`;
  for (const end of ['', '-journal', '-wal', '-shm']) await rm(disk.resolve(`${temporary}${end}`), { force: true });
  // By its name: SQLite finds that out from any other path. A place where nothing is mounted has no such folder.
  await database.copyTo(disk.named(temporary), (run) => {
    // Their bytes are not in the copy.
    run("DELETE FROM upload WHERE state = 'receiving'");
  });
  await disk.check({ byReading: true });
  await rename(disk.resolve(temporary), disk.resolve(`${aloneFolder}/library.sqlite`));
  // Wherever it is restored to, it is a library, and this box's.
  const marker = { ...disk.marker, role: 'library', libraryId: disk.libraryId, filesystem: null };
  await replaceFileDurably(disk.resolve(`${aloneFolder}/disk.json`), `${JSON.stringify(marker, null, 2)}\n`);
  await replaceFileDurably(disk.resolve(`${aloneFolder}/README.txt`), readme);
}

/** Folders of the library's own at the top of its disk. */
async function topFolders(open: OpenLibrary): Promise<string[]> {
  const entries = await readdir(open.disk.resolve(''), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && knows(open, entry.name))
    .map(({ name }) => name)
    .sort();
}

/** Writes the list of what is copied: all of it, or of the folders those up to `through`. */
export async function putTargets(
  open: OpenLibrary,
  units: readonly Unit[],
  through: string | undefined,
): Promise<void> {
  const { disk } = open;
  const folders =
    through === undefined
      ? await topFolders(open)
      : units.filter(({ path }) => path <= through).map(({ path }) => path);
  const others: string[] = [];
  for (const path of [sealedFolder, trashFolder, aloneFolder]) {
    const there = await readdir(disk.resolve(path)).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOTDIR') ignoreMissing(error);
      return undefined;
    });
    if (there !== undefined) others.push(path);
  }
  const file = await openFile(disk.resolve(targetsPath), 'w', 0o600);
  try {
    await file.writeFile([...folders, ...others].map((path) => `${path}\0`).join(''));
  } finally {
    await file.close();
  }
}

/** Folders of the first levels, in order, with what the catalogue has in them. None where there are too many. */
export async function unitsOf(open: OpenLibrary): Promise<Unit[]> {
  const units: Unit[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    const below = depth >= unitDepth ? [] : await foldersIn(open, path);
    if (below.length === 0) units.push({ path, bytes: bytesUnder(open, path) });
    for (const name of below) if (units.length <= unitsMax) await visit(`${path}/${name}`, depth + 1);
  };
  for (const top of await topFolders(open)) await visit(top, 1);
  return units.length > unitsMax ? [] : units.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function foldersIn(open: OpenLibrary, path: string): Promise<string[]> {
  const entries = await readdir(open.disk.resolve(path), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function knows(open: OpenLibrary, folder: string): boolean {
  return (
    open.database.get('SELECT 1 FROM asset WHERE path_key > ? AND path_key < ? LIMIT 1', ...under(folder)) !== undefined
  );
}

function bytesUnder(open: OpenLibrary, folder: string): number {
  const row = open.database.get<{ bytes: number | null }>(
    'SELECT sum(size) AS bytes FROM asset WHERE path_key > ? AND path_key < ?',
    ...under(folder),
  );
  return row?.bytes ?? 0;
}

/** Between which keys everything in it lies: `0` comes after `/`. */
function under(folder: string): [string, string] {
  const key = pathKey(folder);
  return [`${key}/`, `${key}0`];
}
