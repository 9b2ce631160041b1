/**
 * What is on a disk that nobody vouches for, mounted read-only: whether it is empty, and whose it is by its marker. Every
 * byte is somebody else's word: bounded, no link followed, nothing shown that turns or hides a line.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';
import { systemCode } from '../platform/errors.ts';
import { isOf } from '../platform/schema.ts';
import { type DiskMarker, Marker, markerFolder } from './disk.ts';

/**
 * `empty`: nothing but what a filesystem brings. `marked`: a marker that can be understood. `odd`: there is something in a
 * marker's place, and it is none. `files`: anything else.
 */
export type Found = Readonly<{ is: 'empty' | 'odd' | 'files' } | { is: 'marked'; marker: DiskMarker }>;

/** What new filesystems hold, and what other systems leave on a disk by merely looking at it. */
const emptyNames: ReadonlySet<string> = new Set([
  ...['lost+found', 'System Volume Information', '$RECYCLE.BIN', '.Trashes'],
  ...['.fseventsd', '.Spotlight-V100', '.TemporaryItems', '.DS_Store'],
]);
const markerBytesMax = 64 * 1024;
const entriesMax = 2_000;
const namesMax = 200;
const nameCharsMax = 120;
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** NONBLOCK: a pipe in a file's place must not hold the reader. */
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** @throws what the disk says when it cannot be read at all */
export async function lookInto(folder: string): Promise<Found> {
  const root = await open(folder, folderFlags);
  try {
    const at = `/proc/self/fd/${root.fd}`;
    const marked = await markerIn(at);
    if (marked !== undefined) return marked;
    for await (const { name } of await opendir(at)) if (!emptyNames.has(name)) return { is: 'files' };
    return { is: 'empty' };
  } finally {
    await root.close();
  }
}

/** The folders at the top, by name, for people; `more`: there are others. */
export async function foldersIn(folder: string): Promise<{ names: string[]; more: boolean }> {
  const root = await open(folder, folderFlags);
  try {
    const names: string[] = [];
    let seen = 0;
    for await (const entry of await opendir(`/proc/self/fd/${root.fd}`)) {
      if (++seen > entriesMax || names.length >= namesMax) return { names, more: true };
      if (entry.isDirectory() && !emptyNames.has(entry.name)) names.push(shown(entry.name));
    }
    return { names: names.toSorted(), more: false };
  } finally {
    await root.close();
  }
}

/** Undefined: there is nothing in a marker's place. @throws what the disk says when that cannot be told */
async function markerIn(root: string): Promise<Found | undefined> {
  const odd = { is: 'odd' } as const;
  let folder: FileHandle;
  try {
    folder = await open(`${root}/${markerFolder}`, folderFlags);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    // A link, a file, or a folder of somebody else's.
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'EACCES') return odd;
    throw error;
  }
  try {
    const file = await open(`/proc/self/fd/${folder.fd}/disk.json`, fileFlags);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size > markerBytesMax) return odd;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(markerBytesMax), 0, markerBytesMax, 0);
      const marker: unknown = JSON.parse(buffer.toString('utf8', 0, bytesRead));
      return isOf(Marker, marker) ? { is: 'marked', marker } : odd;
    } finally {
      await file.close();
    }
  } catch {
    return odd;
  } finally {
    await folder.close();
  }
}

// Controls, what turns the direction of writing, what has no width, and halves of characters.
const unshown = /[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF\uFFF9-\uFFFB]|\p{Cs}/gu;

function shown(name: string): string {
  return [...name.replace(unshown, '\uFFFD')].slice(0, nameCharsMax).join('');
}
