import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Folders } from './config-store.ts';
import { Refusal, systemCodeOf, Waiting } from './failure.ts';

/**
 * What this phone holds. Owns: walking folders, the names under which files are told to the box, and reading them.
 * Never: follows a link, or passes over anything without saying so. For backup.
 */

/** `path`: as told to the box. `file`: where it is here. `mtime`: milliseconds since 1970. */
export type Item = Readonly<{ path: string; file: string; size: number; mtime: number }>;
export type Found =
  | Readonly<{ kind: 'file'; item: Item }>
  | Readonly<{ kind: 'unreadable'; path: string; code: string; reason: string; folder: boolean }>
  | Readonly<{ kind: 'left-out'; path: string; code: LeftOutCode }>;
type Folder = Readonly<{ kind: 'folder'; file: string; path: string }>;
export type Root = Readonly<{ dir: string; label: string }>;

/** Why something is no photo to back up: a folder that is left out is one, whatever is in it. */
export const leftOutReasons = {
  link: 'Links are not followed.',
  hidden: 'Its name begins with a dot.',
  special: 'It is neither a file nor a folder.',
  unfinished: 'It is what a restore has not finished yet.',
} as const;
type LeftOutCode = keyof typeof leftOutReasons;

const depthMax = 64;
/** Files of one folder: a look takes long on a phone's storage, and nothing while others are waited for. */
const looksAtOnce = 64;
const pathCharsMax = 4096;
export const partSuffix = '.nightjar-part';
export const readBytes = 256 * 1024;

/**
 * Gives each folder the label that its files' paths begin with: its own name, or `name (2)` when another folder has
 * that already. What was given once stays. Folders that are not there keep the path as asked and fail in the walk.
 */
export async function labelRoots(
  dirs: readonly string[],
  folders: Folders,
): Promise<{ roots: Root[]; folders: Folders }> {
  const known: Folders = { ...folders };
  const roots = new Map<string, Root>();
  for (const asked of dirs) {
    const absolute = resolve(asked);
    const real = await realpath(absolute).catch(() => null);
    const dir = real ?? absolute;
    const label = known[dir] ?? freeLabel(basename(absolute) || 'root', new Set(Object.values(known)));
    if (real !== null) known[dir] = label;
    roots.set(dir, { dir, label });
  }
  return { roots: [...roots.values()], folders: known };
}

function freeLabel(name: string, taken: ReadonlySet<string>): string {
  let label = name;
  for (let n = 2; taken.has(label); n += 1) label = `${name} (${n})`;
  return label;
}

/** All files below the roots, in a stable order, some at a time; one folder's names in memory at a time (per level). */
export async function* walk(roots: readonly Root[]): AsyncGenerator<Found[]> {
  for (const { dir, label } of roots) yield* walkFolder(dir, label, 0);
}

async function* walkFolder(dir: string, path: string, depth: number): AsyncGenerator<Found[]> {
  if (depth > depthMax) {
    yield [unreadable(path, 'too-deep', `There are more than ${depthMax} folders inside each other.`, true)];
    return;
  }
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = await readdir(dir, { withFileTypes: true });
  } catch (error) {
    yield [unreadable(path, 'unreadable', `The folder cannot be read (${systemCodeOf(error)}).`, true)];
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (let at = 0; at < entries.length; at += looksAtOnce) {
    const names = entries.slice(at, at + looksAtOnce).map(({ name }) => name);
    let found: Found[] = [];
    for (const look of await Promise.all(names.map((name) => lookAt(join(dir, name), `${path}/${name}`)))) {
      if (look?.kind === 'folder') {
        yield found;
        found = [];
        yield* walkFolder(look.file, look.path, depth + 1);
      } else if (look !== null) found.push(look);
    }
    yield found;
  }
}

/** Null: it is gone meanwhile. */
async function lookAt(file: string, path: string): Promise<Found | Folder | null> {
  const name = basename(path);
  if (name.startsWith('.')) return { kind: 'left-out', path, code: 'hidden' };
  if (name.endsWith(partSuffix)) return { kind: 'left-out', path, code: 'unfinished' };
  return await lookAtEntry(file, path);
}

async function lookAtEntry(file: string, path: string): Promise<Found | Folder | null> {
  let stats: Stats;
  try {
    stats = await lstat(file);
  } catch (error) {
    const code = systemCodeOf(error);
    // Node shows bytes that are no UTF-8 as U+FFFD, and then cannot find the file. Otherwise it is just gone.
    if (code === 'ENOENT' && !path.includes('\ufffd')) return null;
    const reason = code === 'ENOENT' ? 'Its name is not valid UTF-8: rename it.' : `It cannot be read (${code}).`;
    return unreadable(path, 'unreadable', reason, false);
  }
  if (stats.isDirectory()) return { kind: 'folder', file, path };
  if (stats.isFile() && path.length > pathCharsMax) {
    return unreadable(path, 'invalid-name', 'Its path is longer than the box takes.', false);
  }
  if (stats.isFile()) {
    return { kind: 'file', item: { path, file, size: stats.size, mtime: Math.trunc(stats.mtimeMs) } };
  }
  return { kind: 'left-out', path, code: stats.isSymbolicLink() ? 'link' : 'special' };
}

function unreadable(path: string, code: string, reason: string, folder: boolean): Found {
  return { kind: 'unreadable', path, code, reason, folder };
}

/** Groups what a walk finds. The next group is looked for while one is used. */
export async function* pages<T>(source: AsyncIterable<readonly T[]>, sizeMax: number): AsyncGenerator<T[]> {
  const groups = grouped(source, sizeMax);
  let next = groups.next();
  for (;;) {
    const { done, value } = await next;
    if (done === true) return;
    next = groups.next();
    next.catch(() => {}); // Told when it is asked for.
    yield value;
  }
}

async function* grouped<T>(source: AsyncIterable<readonly T[]>, sizeMax: number): AsyncGenerator<T[], undefined> {
  let page: T[] = [];
  for await (const some of source) {
    for (const one of some) {
      page.push(one);
      if (page.length < sizeMax) continue;
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}

/** Throws `Waiting` when the file is no longer the one that was told to the box. */
async function mustBeUnchanged(item: Item): Promise<void> {
  const now = await stat(item.file).catch((error: unknown) => {
    throw readFailure(error);
  });
  if (now.size !== item.size || Math.trunc(now.mtimeMs) !== item.mtime) throw changed();
}

/**
 * The file's bytes from `start` on, in pieces. The last piece is given only after another look at the file, so that a
 * file that changed meanwhile is never sent whole. Throws `Waiting` (changed) or `Refusal` (unreadable).
 */
export async function* readItem(item: Item, start: number, pieceBytes = readBytes): AsyncGenerator<Buffer> {
  const file = await open(item.file, 'r').catch((error: unknown) => {
    throw readFailure(error);
  });
  try {
    let at = start;
    while (at < item.size) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, item.size - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at).catch((error: unknown) => {
        throw readFailure(error);
      });
      if (bytesRead === 0) throw changed();
      at += bytesRead;
      if (at >= item.size) await mustBeUnchanged(item);
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** SHA-256, lower-case hexadecimal. */
export async function hashItem(item: Item): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readItem(item, 0)) hash.update(piece);
  return hash.digest('hex');
}

function changed(): Waiting {
  return new Waiting('changed', 'It changed while reading; the next run sends it.');
}

function readFailure(error: unknown): Waiting | Refusal {
  const code = systemCodeOf(error);
  if (code === 'ENOENT') return changed();
  return new Refusal('unreadable', `The file cannot be read (${code}).`);
}
