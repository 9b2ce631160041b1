/** What there is under a name on the disk, and whether it is the file that it should be. Follows no link at its end. */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { systemCode } from '../platform/errors.ts';

/** Undefined only when nothing is there: any other failure must never be taken for absence. */
export async function factsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = systemCode(error);
    // ENOTDIR: a file stands where a folder of the path should be.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whether the file at `path` is whole, by its bytes. */
export async function holds(path: string, row: { size: number; sha256: Buffer }): Promise<boolean> {
  const facts = await factsOf(path);
  if (facts?.isFile() !== true || facts.size !== row.size) return false;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest().equals(row.sha256);
}
