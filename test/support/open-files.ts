import { readdir, readlink } from 'node:fs/promises';

/** How many descriptors of this process are of a file of this name. */
export async function openFilesNamed(name: string): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.endsWith(`/${name}`)).length;
}
