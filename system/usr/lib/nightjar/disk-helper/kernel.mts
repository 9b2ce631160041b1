/** What the kernel lists: block devices, mounts, swaps. Reads `/sys` and `/proc` only, and opens no device. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cleanText } from './text.mts';

export type Part = Readonly<{
  name: string;
  /** `major:minor`. */
  dev: string;
  sizeBytes: number;
  /** What stands on it: `dm-0`, `md127`. */
  holders: readonly string[];
}>;
export type Block = Part &
  Readonly<{
    diskseq: number;
    readOnly: boolean;
    spinning: boolean;
    bus: 'usb' | 'sata' | 'nvme' | 'mmc' | 'other';
    model: string;
    serial: string;
    parts: readonly Part[];
    /** What it stands on. */
    slaves: readonly string[];
    /** A loop's file or device; '' for everything else. */
    backing: string;
  }>;
export type Mount = Readonly<{ dev: string; point: string; type: string; source: string; options: string }>;
export type Kernel = Readonly<{
  blocks: readonly Block[];
  mounts: readonly Mount[];
  swaps: readonly string[];
  /** The devices of each btrfs that is mounted: its mounts name one of them at most. */
  btrfs: readonly (readonly string[])[];
}>;

const devicesMax = 512;
const mountsMax = 10_000;

/** `root`: where `sys` and `proc` are; another folder in tests. @throws when there is more of anything than is looked at. */
export function readKernel(root = '/'): Kernel {
  const blocks = join(root, 'sys/block');
  const filesystems = join(root, 'sys/fs/btrfs');
  const names = list(blocks);
  const mountLines = readFileSync(join(root, 'proc/self/mountinfo'), 'utf8').trimEnd().split('\n');
  if (names.length > devicesMax || mountLines.length > mountsMax) throw new Error('too many devices or mounts');
  const swapLines = text(join(root, 'proc/swaps')).split('\n').slice(1);
  return {
    blocks: names.flatMap((name) => readBlock(join(blocks, name), name) ?? []),
    mounts: mountLines.map(readMount),
    swaps: swapLines.map((line) => decoded(line.split(/\s/)[0] ?? '')).filter((path) => path !== ''),
    btrfs: list(filesystems).map((uuid) => list(join(filesystems, uuid, 'devices'))),
  };
}

/** Undefined when it was pulled just now. */
function readBlock(dir: string, name: string): Block | undefined {
  const path = text(join(dir, 'dev')) === '' ? undefined : realpathSync(dir);
  if (path === undefined) return undefined;
  const vendor = text(join(dir, 'device/vendor'));
  const model = text(join(dir, 'device/model')) || text(join(dir, 'device/name'));
  return {
    ...readPart(dir, name),
    diskseq: Number(text(join(dir, 'diskseq')) || 0),
    readOnly: text(join(dir, 'ro')) !== '0',
    spinning: text(join(dir, 'queue/rotational')) === '1',
    bus: busOf(path),
    // libata has "ATA" for every maker; a PCI device has a number.
    model: cleanText(/^(ATA|0x.*)?$/.test(vendor) ? model : `${vendor} ${model}`),
    serial: serialOf(dir, path),
    parts: list(dir)
      .filter((part) => text(join(dir, part, 'partition')) !== '')
      .map((part) => readPart(join(dir, part), part)),
    slaves: list(join(dir, 'slaves')),
    backing: text(join(dir, 'loop/backing_file')),
  };
}

function readPart(dir: string, name: string): Part {
  // In sectors of 512 bytes, whatever the disk's own are.
  const sizeBytes = Number(text(join(dir, 'size')) || 0) * 512;
  return { name, dev: text(join(dir, 'dev')), sizeBytes, holders: list(join(dir, 'holders')) };
}

function busOf(path: string): Block['bus'] {
  if (/\/usb\d+\//.test(path)) return 'usb';
  if (/\/ata\d+\//.test(path)) return 'sata';
  if (path.includes('/nvme')) return 'nvme';
  return path.includes('/mmc') ? 'mmc' : 'other';
}

function serialOf(dir: string, path: string): string {
  // SCSI's vital product data, page 80h (SPC-4, section 7.8.18): four bytes, then the serial number.
  const page = bytes(join(dir, 'device/vpd_pg80')).subarray(4).toString('latin1');
  let serial = page || text(join(dir, 'device/serial')) || text(join(dir, 'serial'));
  // Else that of the USB bridge it hangs from.
  for (let at = path, up = 0; serial.trim() === '' && up < 8; at = dirname(at), up++) serial = text(join(at, 'serial'));
  return cleanText(serial);
}

/** proc_pid_mountinfo(5). */
function readMount(line: string): Mount {
  const [first = '', second = ''] = line.split(' - ');
  const [, , dev = '', , point = ''] = first.split(' ');
  const [type = '', source = '', options = ''] = second.split(' ');
  return { dev, point: decoded(point), type, source: decoded(source), options: decoded(options) };
}

function decoded(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function bytes(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

function text(file: string): string {
  return bytes(file).toString('utf8').trim();
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    // Any other failure must not look like "nobody uses it".
    if (isGone(error)) return [];
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
}
