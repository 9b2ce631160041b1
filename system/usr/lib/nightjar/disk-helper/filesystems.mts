/** What the helper knows of each filesystem: how it is mounted, made and checked. A closed list. */
import type { Program } from './machine.mts';

type Owner = Readonly<{ uid: number; gid: number }>;
type Checking = Readonly<{
  program: Program;
  look: readonly string[];
  repair?: readonly string[];
  repaired: readonly number[];
}>;
type Filesystem = Readonly<{
  /** The kernel's driver. */
  driver: string;
  /** Options by mode; a mode that is not there is refused. */
  use?: string;
  look: string;
  /** For those that keep no owners: everything is the daemon's user's. */
  ownerless?: true;
  check?: Checking;
}>;

/** A disk brings no programs, no devices and no other user's rights, and reading from it writes nothing. */
const always = 'noatime,nosuid,nodev,noexec,nosymfollow';
// `-p`: only what cannot cost a file. What needs more needs a person, and a copy first.
const e2fsck: Checking = { program: 'e2fsck', look: ['-f', '-n'], repair: ['-f', '-p'], repaired: [1, 2] };
// Named, since a crafted superblock may ask for `errors=panic`.
const remount = 'errors=remount-ro';

const known: Readonly<Record<string, Filesystem>> = {
  ext4: { driver: 'ext4', use: remount, look: `${remount},noload`, check: e2fsck },
  ext3: { driver: 'ext4', look: `${remount},noload`, check: e2fsck },
  ext2: { driver: 'ext4', look: `${remount},noload`, check: e2fsck },
  btrfs: {
    driver: 'btrfs',
    use: '',
    look: 'rescue=nologreplay',
    check: { program: 'btrfs', look: ['check', '--readonly'], repaired: [] },
  },
  exfat: {
    ...{ driver: 'exfat', use: remount, look: remount, ownerless: true },
    check: { program: 'fsck.exfat', look: ['-n'], repair: ['-p'], repaired: [1] },
  },
  vfat: {
    ...{ driver: 'vfat', look: `${remount},utf8=1`, ownerless: true },
    check: { program: 'fsck.vfat', look: ['-n'], repair: ['-a'], repaired: [1] },
  },
  ntfs: { driver: 'ntfs3', look: 'iocharset=utf8', ownerless: true },
  hfsplus: { driver: 'hfsplus', look: '', ownerless: true },
};

/** Driver and options of a mount; undefined where the filesystem is not for this mode. */
export function mounting(
  type: string,
  mode: 'use' | 'look',
  owner: Owner,
): [driver: string, options: string] | undefined {
  const filesystem = Object.hasOwn(known, type) ? known[type] : undefined;
  const own = filesystem?.[mode];
  if (filesystem === undefined || own === undefined) return undefined;
  const masks = filesystem.driver === 'hfsplus' ? 'umask=0027' : 'fmask=0137,dmask=0027';
  const owned = filesystem.ownerless === true ? `uid=${owner.uid},gid=${owner.gid},${masks}` : '';
  const parts = [mode === 'look' ? 'ro' : 'rw', always, own, owned];
  return [filesystem.driver, parts.filter((part) => part !== '').join(',')];
}

/** Program, arguments and which exit statuses mean "repaired"; undefined where it cannot be checked, or not repaired. */
export function checking(
  type: string,
  repair: boolean,
): { program: Program; args: readonly string[]; repaired: readonly number[] } | undefined {
  const check = Object.hasOwn(known, type) ? known[type]?.check : undefined;
  const args = repair ? check?.repair : check?.look;
  return check === undefined || args === undefined
    ? undefined
    : { program: check.program, args, repaired: repair ? check.repaired : [] };
}

/** Partition type (UEFI specification, section 5.3.3), program and arguments for a new filesystem. */
export function making(
  type: 'ext4' | 'exfat',
  label: string,
  owner: Owner,
): { partition: string; program: Program; args: readonly string[] } {
  if (type === 'exfat') {
    const args = ['-L', label.slice(0, 11)];
    return { partition: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7', program: 'mkfs.exfat', args };
  }
  // Its root folder is the daemon's user's from the start. Inode tables are written later, by the kernel, while it is
  // used; nothing is discarded: USB bridges are known to hang over it. No blocks are kept for root on a disk of photos.
  const extended = `lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=${owner.uid}:${owner.gid}`;
  const args = ['-q', '-m', '0', '-L', label, '-E', extended];
  return { partition: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', program: 'mkfs.ext4', args };
}
