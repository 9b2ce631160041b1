/**
 * Which disks there are, who uses them, and which may be touched. Judges what the kernel lists; touches nothing itself.
 * The kernel's own claim (`Machine.hold`) is asked besides, for what is mounted where this process cannot see it.
 */
import { basename } from 'node:path';
import type { DiskKey, HelperDisk } from '../../../../../src/disks/helper-protocol.ts';
import type { Block, Kernel, Mount, Part } from './kernel.mts';
import { Refused } from './request.mts';

/** Every mount that the helper makes is a folder of this one. */
export const mountRoot = '/run/nightjar/disks';
/** Below this nothing is formatted. */
export const formatBytesMin = 1_000_000_000;

export type Status = Exclude<HelperDisk['status'], 'busy'>;

// SATA, USB and SAS; NVMe; cards and eMMC without their boot areas; virtio. No rom, loop, ram, zram, dm or md.
const diskNames = /^(sd[a-z]{1,3}|nvme\d{1,3}n\d{1,3}|mmcblk\d{1,3}|vd[a-z]{1,2})$/;
const systemPoints = ['/', '/boot', '/boot/firmware', '/boot/efi', '/etc', '/home', '/opt', '/root', '/usr', '/var'];
const overlayDepthMax = 8;

/** The disks of this machine; with `testDisks` those alone, of whatever kind. A reader without a card has no size. */
export function listedDisks(kernel: Kernel, testDisks: readonly string[] | undefined): readonly Block[] {
  const isDisk = (name: string) => (testDisks === undefined ? diskNames.test(name) : testDisks.includes(name));
  return kernel.blocks.filter((block) => isDisk(block.name) && block.sizeBytes > 0);
}

export const statusOf = eachOnce((kernel: Kernel, disk: Block): Status => {
  if (systemDisks(kernel).has(disk.name)) return 'system';
  const names = [disk.name, ...disk.parts.map((part) => part.name)];
  const mounts = mountsOf(kernel, names);
  if (mounts.some((mount) => folderOf(mount) === undefined) || isHeld(kernel, disk, names, mounts)) return 'in-use';
  return mounts.length > 0 ? 'ours' : 'free';
});

/** @throws {Refused} unless this very disk is there and its status is one of `allowed`. */
export function findDisk(
  kernel: Kernel,
  key: DiskKey,
  allowed: readonly Status[],
  testDisks: readonly string[] | undefined,
): Block {
  const disk = listedDisks(kernel, testDisks).find(({ name }) => name === key.name);
  if (disk === undefined) throw new Refused('no-such-disk', 'This disk is not attached. Nothing was done.');
  const same = disk.serial === key.serial && disk.sizeBytes === key.sizeBytes && disk.diskseq === key.diskseq;
  if (!same)
    throw new Refused('changed', 'Another disk is in its place now. Nothing was done; look at the list again.');
  const status = statusOf(kernel, disk);
  if (status === 'system') throw new Refused('system-disk', 'The box itself stands on this disk. Nothing was done.');
  if (!allowed.includes(status))
    throw new Refused('in-use', 'This disk is in use. Nothing was done; unmount it first.');
  return disk;
}

/** Where a filesystem may be: the disk's partitions, or all of it when it has none. */
export function volumesOf(disk: Block): readonly Part[] {
  return disk.parts.length > 0 ? disk.parts : [disk];
}

/** @throws {Refused} unless it is a place for a filesystem on this disk that nothing is mounted from. */
export function findVolume(kernel: Kernel, disk: Block, name: string): Part {
  const part = volumesOf(disk).find((one) => one.name === name);
  if (part === undefined) throw new Refused('no-such-disk', 'The disk has no such partition. Nothing was done.');
  // Nor the whole disk, whose filesystem would lie across this partition.
  if (mountsOf(kernel, [name, disk.name]).length > 0) throw new Refused('in-use', 'It is mounted already.');
  return part;
}

/** Model and the end of the serial number, so that two of a kind can be told apart; the same each time it is listed. */
export function printedName(disk: Block): string {
  const typed = (text: string) => text.replace(/[^\x21-\x7e]+/g, ' ').trim();
  const model = typed(disk.model).slice(0, 40).trim();
  const serial = typed(disk.serial).slice(-4).trim();
  return `${model === '' ? `disk ${disk.name}` : model} ${serial}`.trim();
}

/** The name of its folder, when the helper made this mount. */
export function folderOf(mount: Mount): string | undefined {
  return mount.point.startsWith(`${mountRoot}/`) ? mount.point.slice(mountRoot.length + 1) : undefined;
}

export function mountsOf(kernel: Kernel, names: readonly string[]): readonly Mount[] {
  return kernel.mounts.filter((mount) => devicesOf(kernel, mount).some((name) => names.includes(name)));
}

/** The devices that a mount's filesystem lies on, by name. */
export const devicesOf = eachOnce((kernel: Kernel, mount: Mount): readonly string[] => {
  const source = mount.source.startsWith('/dev/') ? basename(mount.source) : '';
  const named = (one: Part) => one.dev === mount.dev || one.name === source;
  const direct = kernel.blocks.flatMap((block) => [block, ...block.parts].filter(named).map(({ name }) => name));
  if (mount.type !== 'btrfs') return direct;
  // Its number is nobody's, and it may lie on several.
  const sets = kernel.btrfs.filter((set) => set.some((name) => direct.includes(name)));
  return [...direct, ...(sets.length > 0 || direct.length > 0 ? sets : kernel.btrfs).flat()];
});

/** Whether anything but a mount stands on it: dm, md, a loop, a btrfs that is mounted who knows where. */
function isHeld(kernel: Kernel, disk: Block, names: readonly string[], mounts: readonly Mount[]): boolean {
  const on = (name: string) => names.includes(name);
  if (disk.holders.length > 0 || disk.parts.some((part) => part.holders.length > 0)) return true;
  if (kernel.blocks.some((block) => block.slaves.some(on) || on(deviceIn(block.backing)))) return true;
  return mounts.length === 0 && kernel.btrfs.some((set) => set.some(on));
}

/** What `/`, `/boot`, `/var`... and swap lie on, down through dm, md, loops and overlays. */
function systemDisks(kernel: Kernel): ReadonlySet<string> {
  const found = new Set<string>();
  const mounts = kernel.mounts.filter(({ point }) => systemPoints.includes(point));
  const todo = [
    ...mounts.flatMap((mount) => below(kernel, mount)),
    ...kernel.swaps.flatMap((path) => under(kernel, path)),
  ];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const block = kernel.blocks.find((one) => one.name === name || one.parts.some((part) => part.name === name));
    if (block === undefined || found.has(block.name)) continue;
    found.add(block.name);
    todo.push(...block.slaves, ...(block.backing === '' ? [] : under(kernel, block.backing)));
  }
  return found;
}

function below(kernel: Kernel, mount: Mount, depth = 0): readonly string[] {
  if (mount.type !== 'overlay' || depth > overlayDepthMax) return devicesOf(kernel, mount);
  const dirs = [...mount.options.matchAll(/(?:lowerdir\+?|datadir\+|upperdir|workdir)=([^,]*)/g)];
  return dirs.flatMap(([, paths = '']) => paths.split(':').flatMap((path) => under(kernel, path, depth + 1)));
}

/** What a file lies on. */
function under(kernel: Kernel, path: string, depth = 0): readonly string[] {
  if (deviceIn(path) !== '') return [deviceIn(path)];
  const holds = ({ point }: Mount) => point === '/' || path === point || path.startsWith(`${point}/`);
  let at: Mount | undefined;
  // Of two at one place the later one is on top.
  for (const mount of kernel.mounts) {
    if (holds(mount) && mount.point.length >= (at?.point.length ?? 0)) at = mount;
  }
  return at === undefined ? [] : below(kernel, at, depth);
}

/** What was read of the kernel does not change any more: judged once, however often it is asked. */
function eachOnce<Of extends object, Value>(judge: (kernel: Kernel, of: Of) => Value): typeof judge {
  const known = new WeakMap<Kernel, WeakMap<Of, Value>>();
  return (kernel, of) => {
    const values = known.get(kernel) ?? new WeakMap<Of, Value>();
    known.set(kernel, values);
    const value = values.get(of) ?? judge(kernel, of);
    values.set(of, value);
    return value;
  };
}

/**
 * `sdb1` for `/dev/sdb1`; '' for what is no device. Of what was opened below another root (a container, a chroot) the kernel
 * tells the whole way there: its end counts as well, and at worst a disk is left alone that is free.
 */
function deviceIn(path: string): string {
  return path.startsWith('/dev/') || /\/dev\/[^/]+$/.test(path) ? basename(path) : '';
}
