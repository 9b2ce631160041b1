import { readFile } from 'node:fs/promises';

/** What the kernel tells of this machine's CPUs (proc(5)); empty where there is no /proc. */
export async function cpuInfo(): Promise<string> {
  return await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
}
