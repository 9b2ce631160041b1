/** Bundles on disks that are only looked at. Of such a disk only its top is read, and no link is followed. */
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttachedBundle } from './updates-contract.ts';

/** A disk that is mounted read-only; `id`: as an import names it. */
export type LookedAt = Readonly<{ id: string; path: string }>;

const namesMax = 10_000;
const bundlesMax = 32;
const nameForm = /^[^/\p{Cc}\p{Cs}]{1,249}\.raucb$/u;

export function isBundleName(name: string): boolean {
  return nameForm.test(name) && !name.startsWith('.');
}

/** A disk that does not answer has none. The newest first. */
export async function attachedBundles(disks: readonly LookedAt[]): Promise<AttachedBundle[]> {
  const found = (await Promise.all(disks.map((disk) => onDisk(disk).catch(() => [])))).flat();
  return found.sort((one, other) => other.modifiedAt - one.modifiedAt).slice(0, bundlesMax);
}

async function onDisk({ id, path }: LookedAt): Promise<AttachedBundle[]> {
  const bundles: AttachedBundle[] = [];
  let names = 0;
  for await (const { name } of await opendir(path)) {
    names += 1;
    if (names > namesMax || bundles.length >= bundlesMax) break;
    if (!isBundleName(name)) continue;
    const stat = await lstat(join(path, name)).catch(() => undefined);
    if (stat?.isFile() !== true) continue;
    bundles.push({ source: id, name, sizeBytes: stat.size, modifiedAt: Math.round(stat.mtimeMs) });
  }
  return bundles;
}
