import { createHash } from 'node:crypto';
import { link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join, sep } from 'node:path';
import { syncFolder } from './config-store.ts';
import { Refusal, systemCodeOf } from './failure.ts';
import { hashItem, partSuffix } from './inventory.ts';

/**
 * Where restored files go. Owns: keeping inside the chosen folder, and never overwriting a file that differs.
 * Never: trusts a name that came from the network. For restore.
 */

const nameBytesMax = 255;
const suffixesMax = 1000;

/**
 * The parts of a path that the box gave, if it stays inside a folder: relative, without `.`, `..`, NUL or empty parts.
 * @throws {Refusal} `unsafe-name`
 */
export function safeParts(path: unknown): string[] {
  const unsafe = new Refusal(
    'unsafe-name',
    'The box gave a name that does not stay inside the folder; it was left out.',
  );
  if (typeof path !== 'string' || path === '' || path.length > 4096) throw unsafe;
  const parts = path.split('/');
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || part.includes('\0')) throw unsafe;
    if (sep !== '/' && /[\\:]/.test(part)) throw unsafe;
    if (Buffer.byteLength(part) > nameBytesMax || part.toLowerCase().endsWith(partSuffix)) throw unsafe;
  }
  return parts;
}

/** Makes the folders of `parts` below `root`, one by one: one that is a link could lead outside. */
export async function makeFolders(root: string, parts: readonly string[]): Promise<string> {
  let dir = root;
  for (const part of parts) {
    dir = join(dir, part);
    await mkdir(dir).catch(async (error: unknown) => {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      if (!(await lstat(dir)).isDirectory()) {
        throw new Refusal('name-taken', `There is something else in place of the folder ${dir}.`);
      }
    });
  }
  return dir;
}

export type Place = Readonly<{ present: boolean; file: string }>;

/** The first of `name`, `name (2)`... that is free, or that holds this very content already. */
export async function findPlace(wanted: string, size: number, sha256: string): Promise<Place> {
  for (let n = 1; n <= suffixesMax; n += 1) {
    const file = n === 1 ? wanted : suffixed(wanted, n);
    const there = await lstat(file).catch((error: unknown) => {
      if (systemCodeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (there === null) return { present: false, file };
    const item = { path: file, file, size: there.size, mtime: Math.trunc(there.mtimeMs) };
    if (there.isFile() && there.size === size && (await hashItem(item)) === sha256) return { present: true, file };
  }
  throw new Refusal('name-taken', `There are ${suffixesMax} other files of this name here.`);
}

function suffixed(file: string, n: number): string {
  const extension = extname(file);
  const stem = basename(file, extension);
  return join(dirname(file), `${shorten(stem, nameBytesMax - Buffer.byteLength(extension) - 8)} (${n})${extension}`);
}

function shorten(name: string, bytesMax: number): string {
  let short = name;
  while (Buffer.byteLength(short) > bytesMax) short = [...short].slice(0, -1).join('');
  return short;
}

/** Where the bytes gather: beside the place, so that the last step is a rename. */
export function partOf(wanted: string): string {
  const name = basename(wanted);
  if (Buffer.byteLength(name + partSuffix) <= nameBytesMax) return wanted + partSuffix;
  return join(dirname(wanted), createHash('sha256').update(name).digest('hex').slice(0, 32) + partSuffix);
}

/**
 * Gives a complete, synced part its name without overwriting anything: a hard link, or where there are none (FAT, some
 * of Android's folders) an exclusive empty claim that is then renamed over. False: the name was taken meanwhile.
 */
export async function publish(part: string, file: string): Promise<boolean> {
  try {
    await link(part, file);
    await unlink(part);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EMLINK'].includes(code ?? '')) throw error;
    try {
      await (await open(file, 'wx')).close();
    } catch (claimed) {
      if (systemCodeOf(claimed) === 'EEXIST') return false;
      throw claimed;
    }
    await rename(part, file);
  }
  await syncFolder(dirname(file));
  return true;
}
