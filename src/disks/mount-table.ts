/** What the kernel says of the helper's mounts, by folder: proc_pid_mountinfo(5). Pure but for the one file read. */
import { readFile } from 'node:fs/promises';

/** Where the helper mounts; every mount is a folder of this one. */
export const mountRoot = '/run/nightjar/disks';

export type HelperMount = Readonly<{
  /** As it was mounted. */
  readOnly: boolean;
  /** The filesystem refuses to write though it was mounted for that: it met an error. */
  stopped: boolean;
}>;

const stoppedWords = new Set(['ro', 'emergency_ro', 'shutdown']);

export async function readMounts(mountInfo: string): Promise<ReadonlyMap<string, HelperMount>> {
  const found = new Map<string, HelperMount>();
  for (const line of (await readFile(mountInfo, 'utf8')).split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , , point = '', options = ''] = before.split(' ');
    if (!point.startsWith(`${mountRoot}/`)) continue;
    const readOnly = options.split(',').includes('ro');
    const ofFilesystem = after.split(' ')[2] ?? '';
    const stopped = !readOnly && ofFilesystem.split(',').some((word) => stoppedWords.has(word));
    // Of two at one place the later one is on top.
    found.set(point.slice(mountRoot.length + 1), { readOnly, stopped });
  }
  return found;
}
