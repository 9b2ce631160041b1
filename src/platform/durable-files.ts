/**
 * Owns the few ways in which a file reaches the disk so that a power cut cannot take it back.
 * Never overwrites, except where the verb says "replace". Any room may call it.
 */
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CodedError, systemCode } from './errors.ts';

/** Makes the names in a folder durable: what was created, linked or renamed in it. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Writes a small file whole: afterwards either the old content or the new is there, and a power cut keeps the new. */
export async function replaceFileDurably(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = `${path}.new`;
  await unlink(temporary).catch(ignoreMissing);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(data);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Writes all of `buffers` at `position`. `writev` may write less without an error, so it loops. */
export async function writeAll(file: FileHandle, buffers: Buffer[], position: number): Promise<number> {
  let rest = buffers;
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at);
    // Not seen on Linux for regular files, but a loop needs an end.
    if (bytesWritten === 0)
      throw new CodedError('disk-full', 'The disk took no more bytes. What was acknowledged is safe.');
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
  return at - position;
}

function after(buffers: Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)];
    left -= buffer.length;
  }
  return [];
}

/** What `publish` did: the name is there now, or it was taken by something else. */
export type Published = 'published' | 'taken';

/**
 * Gives the file at `source` the name `target` without ever overwriting. With links (ext4, btrfs) both names exist
 * until the caller removes `source`; without (exFAT) the target is claimed by an empty file and replaced by rename.
 * Durable only after `syncFolder` on the target's folder. Done before (same inode): `published` again.
 */
export async function publish(source: string, target: string): Promise<Published> {
  try {
    await link(source, target);
    return 'published';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return (await sameFile(source, target)) ? 'published' : 'taken';
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'EMLINK') throw error;
  }
  return publishByClaim(source, target);
}

/** `publish` for filesystems without links: claim the name, then rename over the claim. */
export async function publishByClaim(source: string, target: string): Promise<Published> {
  try {
    const claim = await open(target, 'wx', 0o644);
    await claim.close();
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return 'taken';
    throw error;
  }
  await rename(source, target);
  return 'published';
}

async function sameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  return a.ino === b.ino && a.dev === b.dev && a.isFile();
}

/**
 * Makes folders below one root, each durable before it is used, and refuses to walk through anything that is not a
 * real folder (a symlink could lead out of the root).
 */
export class FolderMaker {
  readonly #resolve: (relative: string) => string;
  readonly #known = new Map<string, Promise<void>>();
  static readonly #knownMax = 2_000;

  /** `resolve` turns a path relative to the root into one that can be opened. */
  constructor(resolve: (relative: string) => string) {
    this.#resolve = resolve;
  }

  /** @throws {CodedError} `folder-blocked` where a symlink or a file stands in the way. */
  async make(relative: string): Promise<void> {
    if (relative === '' || relative === '.') return;
    const known = this.#known.get(relative);
    if (known !== undefined) return known;
    if (this.#known.size >= FolderMaker.#knownMax) this.#known.clear();
    const made = this.#makeOne(relative);
    this.#known.set(relative, made);
    try {
      await made;
    } catch (error) {
      this.#known.delete(relative);
      throw error;
    }
  }

  /** Forgets what it knows, after a folder turned out to be gone. */
  forget(): void {
    this.#known.clear();
  }

  async #makeOne(relative: string): Promise<void> {
    const parent = dirname(relative);
    await this.make(parent);
    const path = this.#resolve(relative);
    try {
      await mkdir(path, { mode: 0o755 });
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (!(await lstat(path)).isDirectory()) {
        throw new CodedError(
          'folder-blocked',
          `"${relative}" on the disk is not a folder. Nothing was written there; move it away, and the box goes on.`,
        );
      }
    }
    // Also for a folder that was there: an earlier run may have died between making it and this line.
    await syncFolder(this.#resolve(parent));
  }
}

export function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
