import { lstat, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { safeContract } from '../library/safe-contract.ts';
import type { Static } from '../platform/schema.ts';
import type { Box } from './box.ts';
import type { Folders } from './config-store.ts';
import { Failure, Refusal } from './failure.ts';
import type { Patience } from './patience.ts';
import { safeParts } from './place.ts';
import type { RemovableEvent } from './report.ts';

/**
 * Which files of this phone may be removed. Owns: asking the box, and holding each answer against the file that is here.
 * Never: removes anything, or names a file that changed since it was told to the box. For main.ts.
 */

type RoomParts = Readonly<{
  box: Pick<Box, 'call'>;
  patience: Patience;
  folders: Folders;
  onFile: (event: RemovableEvent) => void;
}>;
/** `changed`: another file by now, so it may not go. `gone`: not here any more. `bytes` of `files`. */
type Room = { files: number; bytes: number; changed: number; gone: number };

type Page = Static<typeof safeContract.safeToRemove.reply>;
type Item = Page['items'][number];

const pageItems = 500;
const pagesMax = 100_000;
const looksAtOnce = 64;

/** @throws {Failure} `invalid-answer`, and what the box's last no was. */
export async function findRoom({ box, patience, folders, onFile }: RoomParts): Promise<Room> {
  const dirs = new Map(Object.entries(folders).map(([dir, label]) => [label, dir]));
  const room: Room = { files: 0, bytes: 0, changed: 0, gone: 0 };
  let cursor = '';
  for (let page = 0; page < pagesMax; page += 1) {
    const path = `/api/phone/safe-to-remove?limit=${pageItems}${cursor}`;
    const { items, next } = readPage(await box.call(patience, 'the list', 'GET', path));
    for (let at = 0; at < items.length; at += looksAtOnce) {
      const some = items.slice(at, at + looksAtOnce);
      const looks = await Promise.all(some.map((item) => look(item, dirs)));
      for (const [index, found] of looks.entries()) tell(some[index] as Item, found, room, onFile);
    }
    if (next === null) return room;
    const after = `&cursor=${encodeURIComponent(next)}`;
    if (after === cursor) break;
    cursor = after;
  }
  throw new Failure('invalid-answer', 'The box’s list does not come to an end. Remove nothing by it.');
}

function tell(item: Item, found: string | 'changed' | 'gone', room: Room, onFile: RoomParts['onFile']): void {
  if (found === 'changed' || found === 'gone') {
    room[found] += 1;
    return;
  }
  const { path, size, sha256, receivedAt, verifiedAt } = item;
  room.files += 1;
  room.bytes += size;
  onFile({ event: 'removable', file: found, path, size, sha256, receivedAt, verifiedAt });
}

/** The file's place here, where it is still the one that was told to the box. */
async function look(item: Item, dirs: ReadonlyMap<string, string>): Promise<string | 'changed' | 'gone'> {
  try {
    const [label = '', ...names] = safeParts(item.path);
    const dir = dirs.get(label);
    if (dir === undefined || names.length === 0) return 'gone';
    const file = join(dir, ...names);
    const { isFile, size, mtimeMs } = await lstat(file).then((stats) => ({ ...stats, isFile: stats.isFile() }));
    const same = isFile && size === item.size && Math.trunc(mtimeMs) === item.mtime;
    // Through a link it may be another file, of which this phone never told.
    return same && (await realpath(file)) === file ? file : 'changed';
  } catch (error) {
    if (error instanceof Refusal) return 'gone';
    return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      ? 'gone'
      : 'changed';
  }
}

function readPage(reply: unknown): Page {
  const { items, next } = (reply ?? {}) as Partial<Page>;
  if (Array.isArray(items) && items.every(isItem) && (next === null || typeof next === 'string')) {
    return { items, next };
  }
  throw new Failure('invalid-answer', 'The box’s list cannot be understood. Remove nothing by it.');
}

function isItem(item: unknown): boolean {
  const { path, size, mtime, sha256 } = (item ?? {}) as Partial<Item>;
  return (
    typeof path === 'string' &&
    Number.isSafeInteger(size) &&
    (mtime === null || Number.isSafeInteger(mtime)) &&
    typeof sha256 === 'string'
  );
}
