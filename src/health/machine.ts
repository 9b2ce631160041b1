/** What the machine tells of itself: memory and temperature, from the kernel's own files (Linux). Reads, never writes. */
import { readdir, readFile } from 'node:fs/promises';
import type { MachineFacts } from './facts.ts';

const memoryFile = '/proc/meminfo';
const thermalFolder = '/sys/class/thermal';
const zonesMax = 32;

/** Never rejects: what this machine does not tell is null. */
export async function readMachine(): Promise<MachineFacts> {
  const [memory, celsius] = await Promise.all([readMemory().catch(() => null), readCelsius().catch(() => null)]);
  return { memory, celsius };
}

/** proc_meminfo(5): `MemTotal` and `MemAvailable`, in KiB. */
async function readMemory(): Promise<MachineFacts['memory']> {
  const text = await readFile(memoryFile, 'utf8');
  const bytesOf = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
  const totalBytes = bytesOf('MemTotal');
  const availableBytes = bytesOf('MemAvailable');
  return Number.isFinite(totalBytes) && Number.isFinite(availableBytes) ? { totalBytes, availableBytes } : null;
}

/** The hottest of its sensors; each tells thousandths of a degree. */
async function readCelsius(): Promise<number | null> {
  const zones = (await readdir(thermalFolder)).filter((name) => name.startsWith('thermal_zone')).slice(0, zonesMax);
  const told = await Promise.all(
    zones.map((zone) => readFile(`${thermalFolder}/${zone}/temp`, 'utf8').then(Number, () => Number.NaN)),
  );
  // Some sensors that are not there tell absolute zero, or 0.
  const degrees = told.map((one) => one / 1000).filter((one) => one > 1 && one < 150);
  return degrees.length === 0 ? null : Math.max(...degrees);
}
