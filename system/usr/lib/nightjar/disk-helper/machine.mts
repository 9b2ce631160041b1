/** The only file that acts: runs programs, claims devices, makes folders, lets devices go. Knows no verb. */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { lock, type Ran, runProgram } from '../helper-socket/programs.mts';
import { type Kernel, type Part, readKernel } from './kernel.mts';
import { Refused } from './request.mts';
import { mountRoot } from './rules.mts';

/** By absolute path: nothing is looked for. */
const programs = {
  blkid: '/usr/sbin/blkid',
  blockdev: '/usr/sbin/blockdev',
  btrfs: '/usr/bin/btrfs',
  e2fsck: '/usr/sbin/e2fsck',
  'fsck.exfat': '/usr/sbin/fsck.exfat',
  'fsck.vfat': '/usr/sbin/fsck.vfat',
  'mkfs.exfat': '/usr/sbin/mkfs.exfat',
  'mkfs.ext4': '/usr/sbin/mkfs.ext4',
  mount: '/usr/bin/mount',
  partx: '/usr/bin/partx',
  sfdisk: '/usr/sbin/sfdisk',
  smartctl: '/usr/sbin/smartctl',
  umount: '/usr/bin/umount',
} as const;
export type Program = keyof typeof programs;
export type { Ran };

/** In tests of the rules another one stands here, which only writes down what it was told. */
export type Machine = Readonly<{
  kernel(): Kernel;
  /** @throws {Refused} `program-missing`, `timeout`, or `failed` when a signal ended it. */
  run(program: Program, args: readonly string[], timeoutMs: number, input?: string): Promise<Ran>;
  /** One at a time for each disk. @throws {Refused} `busy` */
  lock(disk: string, waitMs: number): Promise<() => void>;
  /** Opens the device, so that its name stays its own until it is let go. @throws {Refused} */
  hold(device: Part, how: 'shared' | 'exclusive'): () => void;
  makeFolder(folder: string): string;
  removeFolder(folder: string): void;
  /** The kernel writes out what the disk's cache holds, and forgets the disk. */
  detach(disk: string): void;
  wait(ms: number): Promise<void>;
}>;

export const thisMachine: Machine = {
  kernel: () => readKernel(),
  run,
  hold,
  makeFolder,
  removeFolder: (folder) => rmdirSync(join(mountRoot, folder)),
  detach: (disk) => writeFileSync(`/sys/block/${disk}/device/delete`, '1'),
  wait: async (ms) => await wait(ms),
  async lock(disk, waitMs) {
    const unlock = await lock(`nightjar-disk-helper/${disk}`, waitMs);
    if (unlock !== undefined) return unlock;
    throw new Refused('busy', 'The box is working on this disk already. Try again when that is over.');
  },
};

function run(program: Program, args: readonly string[], timeoutMs: number, input = ''): Promise<Ran> {
  const late = 'The disk may be failing.';
  return runProgram({ name: program, path: programs[program], args, timeoutMs, input, late });
}

function hold({ name, dev }: Part, how: 'shared' | 'exclusive'): () => void {
  let fd: number;
  try {
    const claim = how === 'exclusive' ? constants.O_EXCL : 0;
    fd = openSync(`/dev/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | claim);
  } catch (error) {
    // The kernel's own word, also for what is mounted in another namespace.
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') throw new Refused('in-use', 'The kernel says: in use.');
    throw new Refused('no-such-disk', 'The disk cannot be opened. Nothing was done.');
  }
  const facts = fstatSync(fd);
  const number = `${Math.floor(facts.rdev / 256) % 4096}:${(facts.rdev % 256) + Math.floor(facts.rdev / 2 ** 20) * 256}`;
  if (facts.isBlockDevice() && number === dev) return () => closeSync(fd);
  closeSync(fd);
  throw new Refused('changed', 'Another device is in its place now. Nothing was done.');
}

function makeFolder(folder: string): string {
  for (const dir of [dirname(mountRoot), mountRoot]) {
    mkdirSync(dir, { recursive: true, mode: 0o755 });
    const facts = lstatSync(dir);
    // Whoever may rename it could lead a mount elsewhere.
    if (!facts.isDirectory() || facts.uid !== 0 || (facts.mode & 0o022) !== 0) {
      throw new Refused('failed', `${dir} is not a folder of root's alone. Nothing was mounted.`);
    }
  }
  const path = join(mountRoot, folder);
  try {
    rmdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Refused('in-use', `Something else is at ${path}. Nothing was mounted.`);
    }
  }
  // Closed to everybody until something is mounted over it.
  mkdirSync(path, { mode: 0o700 });
  return path;
}
