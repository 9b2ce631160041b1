/** One attached disk as the box knows it just now, and what is said of it. Does nothing to it. Private to `attached-disks.ts`. */
import { createHash } from 'node:crypto';
import type { Disk } from './disk.ts';
import type { Judgement } from './disk-verdict.ts';
import type { DiskView, diskVerbs, VolumeView } from './disks-contract.ts';
import type { Found } from './foreign-look.ts';
import type { DiskKey, HelperDisk, HelperVolume } from './helper-protocol.ts';

export type DiskVerb = (typeof diskVerbs)[number];

/** `folder`: as the helper names it; `path`: where this process sees it. */
type Mounted = Readonly<{ folder: string; path: string } & ({ as: 'look' } | { as: 'use'; markerId: string })>;
export type Volume = {
  told: HelperVolume;
  /** By the last look; undefined: nobody could. */
  found: Found | undefined;
  /** The marker that this box knows this filesystem by, also while it cannot be read. */
  knownAs?: string | undefined;
  mounted: Mounted | undefined;
  /** Held open while it is a mirror. */
  disk?: Disk | undefined;
};
export type AttachedDisk = {
  readonly id: string;
  told: HelperDisk;
  volumes: Volume[];
  /** Somebody let go of it, and it is still plugged in: it is not taken up again by itself. */
  ejected: boolean;
  /** What the last tries to take it up came to, so that they are not repeated at each look. */
  tried: boolean;
  /** `begun`: not while it waits for a look that is under way, which may still tell what is on the disk. */
  doing: { verb: DiskVerb; wanted: string; since: number; begun: boolean; done: Promise<void> } | undefined;
  /** How many lists had been asked for when the last verb ended: those tell of before. */
  doneAtList: number;
  failed: NonNullable<DiskView['failed']> | undefined;
  checked: NonNullable<DiskView['checked']> | undefined;
};

/** What the box can use, and so what it looks into by itself. */
export const usable: ReadonlySet<string> = new Set(['ext4', 'btrfs', 'exfat']);
/** As the helper has it: below this nothing is formatted. */
const formatBytesMin = 1_000_000_000;

/** What views are made from, beside the disk. */
export type Standing = Readonly<{
  boxId: string;
  libraryDiskId: string | undefined;
  libraryId: string | undefined;
  judgement: (diskId: string) => Judgement;
}>;

/** By model and serial number where it has one; else by what it is and where it is plugged in, which does not last. */
export function lastingId({ key, model, bus }: HelperDisk): string {
  const plain = (text: string) => text.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[^A-Za-z0-9]+/, '');
  const name = plain(model).slice(0, 60);
  if (key.serial === '') return [bus, name, key.name, key.sizeBytes].filter((part) => part !== '').join('-');
  // What is not plain in it must not make two serial numbers one.
  const serial = /^[A-Za-z0-9._-]{1,50}$/.test(key.serial)
    ? key.serial
    : createHash('sha256').update(key.serial).digest('hex').slice(0, 16);
  return name === '' ? `disk-${serial}` : `${name}-${serial}`;
}

export function sameDisk(a: DiskKey, b: DiskKey): boolean {
  return a.name === b.name && a.serial === b.serial && a.sizeBytes === b.sizeBytes && a.diskseq === b.diskseq;
}

/** The one that was named; else the one that is mounted, the only one, or the largest. */
export function volumeOf({ volumes }: AttachedDisk, name: string | undefined): Volume | undefined {
  if (name !== undefined) return volumes.find(({ told }) => told.name === name);
  const weight = ({ told, mounted }: Volume) =>
    (mounted === undefined ? 0 : 2) + (told.type === '' ? 0 : 1) + told.sizeBytes / 2 ** 60;
  return volumes.toSorted((a, b) => weight(b) - weight(a))[0];
}

export function roleOf(volume: Volume, { libraryDiskId }: Pick<Standing, 'libraryDiskId'>): VolumeView['role'] {
  if (volume.mounted?.as !== 'use') return null;
  return volume.mounted.markerId === libraryDiskId ? 'library' : 'mirror';
}

export function isUsed({ volumes }: AttachedDisk): boolean {
  return volumes.some(({ mounted }) => mounted?.as === 'use');
}

export function viewOf(disk: AttachedDisk, standing: Standing): DiskView {
  const { key, model, printedName, bus, spinning, writeProtected } = disk.told;
  const volumes = disk.volumes.map((volume) => volumeView(volume, standing));
  const { verdict, advice } = standing.judgement(disk.id);
  return {
    ...{ id: disk.id, name: printedName, model, serial: key.serial, bus, sizeBytes: key.sizeBytes },
    ...{ spinning, writeProtected, state: stateOf(disk), volumes, erasing: erasingOf(disk, volumes) },
    doing: disk.doing === undefined ? null : { verb: disk.doing.verb, since: disk.doing.since },
    failed: disk.failed ?? null,
    checked: disk.checked ?? null,
    health: { verdict, advice },
    attached: key.diskseq,
  };
}

function volumeView(volume: Volume, standing: Standing): VolumeView {
  const { told, found, mounted } = volume;
  const own = found?.is === 'marked' && found.marker.boxId === standing.boxId;
  return {
    name: told.name,
    filesystem: told.type,
    label: told.label,
    sizeBytes: told.sizeBytes,
    holds: holdingOf(volume, standing),
    role: roleOf(volume, standing),
    source: mounted?.as === 'look' ? mounted.folder : null,
    markerId: own ? found.marker.diskId : null,
  };
}

function holdingOf({ told, found, knownAs }: Volume, standing: Standing): VolumeView['holds'] {
  // What cannot be read of it is what may still be saved.
  if (knownAs !== undefined && (found === undefined || found.is === 'odd'))
    return knownAs === standing.libraryDiskId ? 'library' : 'mirror';
  if (found === undefined) return told.type === '' ? 'no-filesystem' : 'unknown';
  if (found.is !== 'marked') return found.is;
  const { diskId, boxId, libraryId, role } = found.marker;
  if (diskId === standing.libraryDiskId) return 'library';
  if (boxId !== standing.boxId) return 'other-box';
  return role === 'mirror' && (standing.libraryId ?? libraryId) === libraryId ? 'mirror' : 'own-other';
}

function stateOf(disk: AttachedDisk): DiskView['state'] {
  const { status } = disk.told;
  if (isUsed(disk)) return 'used';
  if (disk.volumes.some(({ mounted }) => mounted !== undefined)) return 'looked-at';
  // As the helper listed it last, before the box let go of it.
  if (status === 'system' || status === 'in-use' || status === 'busy') return status;
  return disk.ejected ? 'ejected' : 'free';
}

function erasingOf(disk: AttachedDisk, volumes: readonly VolumeView[]): DiskView['erasing'] {
  const holds = new Set(volumes.map((volume) => volume.holds));
  const consequences: DiskView['erasing']['consequences'] = ['everything-on-it'];
  if (holds.has('files') || holds.has('unknown') || holds.has('odd')) consequences.push('files');
  if (holds.has('other-box')) consequences.push('other-box');
  if (holds.has('mirror')) consequences.push('own-mirror');
  if (holds.has('own-other')) consequences.push('own-other');
  return { refused: refusalOf(disk, holds), consequences };
}

function refusalOf(disk: AttachedDisk, holds: ReadonlySet<VolumeView['holds']>): DiskView['erasing']['refused'] {
  const { status, writeProtected, key } = disk.told;
  if (status === 'system' || status === 'in-use' || status === 'busy') return status;
  if (holds.has('library')) return 'library';
  if (isUsed(disk)) return 'in-use';
  if (writeProtected) return 'write-protected';
  return key.sizeBytes < formatBytesMin ? 'too-small' : null;
}
