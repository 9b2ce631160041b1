/**
 * Which disk may be written: a whole one, that nobody uses and the system does not stand on. Judged by what the kernel
 * lists (the rules are the device's own, `disk-helper/rules.mts`), and by the kernel's claim when it is opened. Reads only.
 */
import { readFile, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { amount } from '../src/console/print.ts';
import { runCommand } from '../src/platform/commands.ts';
import type { Block, Kernel } from '../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { listedDisks, mountsOf, statusOf } from '../system/usr/lib/nightjar/disk-helper/rules.mts';
import { cleanText } from '../system/usr/lib/nightjar/disk-helper/text.mts';
import { Refusal } from './flash-refusal.ts';

/** What the image's partition table counts in. */
export const sectorBytes = 512;
const lookMsMax = 20_000;
const linesMax = 24;

/**
 * The disk behind `path` (`/dev/sdb`, or a link to it). `testDisks`: these alone, of whatever kind.
 * @throws {Refusal} when it is none that may be written.
 */
export async function findTarget(path: string, kernel: Kernel, testDisks?: readonly string[]): Promise<Block> {
  const device = await realpath(path).catch(() => '');
  const name = basename(device);
  const disks = listedDisks(kernel, testDisks);
  const disk = device === `/dev/${name}` ? disks.find((one) => one.name === name) : undefined;
  if (disk === undefined) throw new Refusal(noDisk(path, name, kernel, disks));
  refuseUsed(disk, kernel);
  if (disk.readOnly) {
    throw new Refusal(`${path} can only be read. If it is a card, slide its lock back. Nothing was written.`);
  }
  const blockBytes = Number(await readFile(`/sys/block/${disk.name}/queue/logical_block_size`, 'utf8'));
  if (blockBytes !== sectorBytes) {
    const why = `counts in blocks of ${blockBytes} bytes, and the image in such of ${sectorBytes}`;
    throw new Refusal(`${path} ${why}: nothing would start from it. Nothing was written.`);
  }
  return disk;
}

function noDisk(path: string, name: string, kernel: Kernel, disks: readonly Block[]): string {
  const whole = kernel.blocks.find(({ parts }) => parts.some((part) => part.name === name));
  if (whole !== undefined) {
    return `${path} is a partition. Give the whole disk: DEV=/dev/${whole.name}. Nothing was written.`;
  }
  if (kernel.blocks.some((block) => block.name === name && block.sizeBytes === 0)) {
    return `There is nothing in ${path}: plug the card in. Nothing was written.`;
  }
  const free = disks.filter((disk) => statusOf(kernel, disk) === 'free').map((disk) => `  ${titleOf(disk)}`);
  const list = free.length === 0 ? 'No disk is free to be written.' : `Free to be written:\n${free.join('\n')}`;
  return `${path} is no disk of this computer that can be written. Nothing was written. ${list}`;
}

function refuseUsed(disk: Block, kernel: Kernel): void {
  const path = `/dev/${disk.name}`;
  const status = statusOf(kernel, disk);
  if (status === 'free') return;
  if (status === 'system') {
    throw new Refusal(`This computer's own system stands on ${path}. Nothing was written; look for the right name.`);
  }
  const points = mountsOf(kernel, [disk.name, ...disk.parts.map((part) => part.name)]).map(({ point }) => point);
  if (points.length > 0) {
    throw new Refusal(`${path} is mounted at ${points.join(', ')}. Nothing was written; unmount it first.`);
  }
  throw new Refusal(`${path} is in use: something stands on it (RAID, LVM, a loop). Nothing was written.`);
}

/** Model, serial number, size. */
export function titleOf(disk: Block): string {
  const serial = disk.serial === '' ? 'without a serial number' : `serial ${disk.serial}`;
  const parts = [disk.model === '' ? 'a disk without a name' : disk.model, serial, amount(disk.sizeBytes)];
  return `/dev/${disk.name}: ${parts.join(', ')}`;
}

/** What is on it, a line a partition, as far as `lsblk` can say. */
export async function contentOf(disk: Block): Promise<readonly string[]> {
  const args = ['--json', '--output', 'NAME,SIZE,FSTYPE,LABEL,PARTLABEL', `/dev/${disk.name}`];
  const limits = { timeoutMs: lookMsMax, outputBytesMax: 256 * 1024 };
  const looked = await runCommand('lsblk', args, limits).catch(() => undefined);
  const lines = looked?.status === 0 ? linesOf(JSON.parse(looked.stdout)) : [];
  return lines.length > 0 ? lines.slice(0, linesMax) : ['nothing that this computer knows'];
}

type Listed = {
  name?: string;
  size?: string;
  fstype?: string;
  label?: string;
  partlabel?: string;
  children?: Listed[];
};

function linesOf({ blockdevices = [] }: { blockdevices?: Listed[] }): string[] {
  const all = blockdevices.flatMap((disk) => [disk, ...(disk.children ?? [])]);
  return all.flatMap(({ name, size, fstype, label, partlabel }, index) => {
    const said = [fstype, label ?? partlabel].filter((text) => typeof text === 'string' && text !== '');
    if (index === 0 && said.length === 0) return [];
    // Labels are a stranger's words.
    return cleanText([name, size, ...said].join('  '), 100);
  });
}
