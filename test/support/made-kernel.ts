/** A machine's disks as `/sys` and `/proc` tell of them, made up: each disk has a role, so that what may be touched is known. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from './random.ts';

export const roles = [
  ...['free', 'free-parted', 'free-small', 'free-protected', 'ours', 'root', 'root-on-dm', 'boot', 'overlay', 'swap'],
  ...['mounted', 'part-mounted', 'dm', 'md', 'part-held', 'loop-over', 'btrfs', 'btrfs-second', 'btrfs-unseen'],
  ...['half-ours', 'rom', 'loop', 'zram', 'boot-area'],
] as const;
export type Role = (typeof roles)[number];

export type MadeDisk = {
  role: Role;
  name: string;
  serial: string;
  model: string;
  sizeBytes: number;
  diskseq: number;
  bus: 'usb' | 'sata';
  parts: string[];
  /** What the person is asked to type, worked out here once more. */
  printedName: string;
};

export const gigabyte = 1_000_000_000;

/** The roles that a verb may touch at all; everything else is somebody's. */
export function mayTouch(role: Role): boolean {
  return role.startsWith('free') || role === 'ours';
}

/** Files by path, and links; and the disks with the truth about them. */
export class MadeKernel {
  readonly disks: MadeDisk[] = [];
  readonly #files = new Map<string, string>();
  readonly #mounts: string[] = [];
  readonly #swaps = ['Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority'];
  #numbers = 0;

  /** One disk for each role, in this order; `random` chooses names, sizes, models. */
  constructor(random: Random, wanted: readonly Role[]) {
    this.#mount('0:21', '/proc', 'proc', 'proc', 'rw');
    if (!wanted.some((role) => role.startsWith('root') || role === 'overlay')) {
      this.#mount('0:2', '/', 'rootfs', 'rootfs', 'rw');
    }
    for (const role of wanted) this.#add(random, role);
  }

  async write(root: string): Promise<void> {
    this.#files.set('proc/self/mountinfo', `${this.#mounts.join('\n')}\n`);
    this.#files.set('proc/swaps', `${this.#swaps.join('\n')}\n`);
    for (const [path, text] of this.#files) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      // The vital product data are bytes.
      await writeFile(join(root, path), text, path.endsWith('vpd_pg80') ? 'latin1' : 'utf8');
    }
    await mkdir(join(root, 'sys/block'), { recursive: true });
    for (const path of new Set(
      [...this.#files.keys()].map((file) => /^(sys\/devices\/.*?\/block\/[^/]+)\//.exec(file)?.[1]),
    )) {
      if (path !== undefined) await symlink(join('../..', path), join(root, 'sys/block', path.split('/').at(-1) ?? ''));
    }
  }

  #add(random: Random, role: Role): void {
    const index = this.disks.length;
    const letter = String.fromCharCode(97 + index);
    const special: Partial<Record<Role, string>> = { rom: `sr${index}`, loop: `loop${index}`, zram: `zram${index}` };
    const name =
      role === 'boot-area'
        ? `mmcblk${index}boot0`
        : (special[role] ?? (random.chance(0.3) ? `nvme${index}n1` : `sd${letter}`));
    const bus = random.chance(0.6) ? 'usb' : 'sata';
    const [model, shown] = random.chance(0.2)
      ? ['Caf\u00e9  \u202eX1', 'Caf  X1'.replace('  ', ' ')]
      : ['Elements 25A2', 'Elements 25A2'];
    const serial = random.chance(0.2) ? '' : `WX${random.whole(10_000, 99_999)}`;
    const sizeBytes =
      role === 'free-small' ? gigabyte - 512 * random.whole(1, 999_999) : 4096 * random.whole(300_000, 3_000_000_000);
    const size = role === 'free-small' ? Math.floor(sizeBytes / 512) * 512 : sizeBytes;
    const printedName = `${shown} ${serial.slice(-4)}`.trim();
    const disk: MadeDisk = {
      role,
      name,
      serial,
      model,
      sizeBytes: size,
      diskseq: index + 3,
      bus,
      parts: [],
      printedName,
    };
    const whole =
      role === 'free' || role === 'btrfs' || role === 'mounted' || role === 'loop-over' || role === 'free-small';
    const count = whole ? 0 : role === 'dm' || role === 'md' ? random.whole(0, 1) : random.whole(2, 3);
    for (let number = 1; number <= count; number++) disk.parts.push(`${name}${/\d$/.test(name) ? 'p' : ''}${number}`);
    this.disks.push(disk);
    this.#block(this.#dir(disk), disk);
    const dev = this.#numberOf(disk.name);
    const [first = disk.name, second = disk.name] = disk.parts;
    this.#use(disk, { dev, first, second, index });
  }

  /** What makes the role true. */
  #use(disk: MadeDisk, at: { dev: string; first: string; second: string; index: number }): void {
    const { first, second, index } = at;
    const mount = (name: string, point: string, type = 'ext4') =>
      this.#mount(this.#numberOf(name), point, type, `/dev/${name}`, 'rw');
    const over = (name: string, holder: string) => {
      this.#block(`sys/devices/virtual/block/${holder}`, undefined, [name]);
      this.#files.set(`${this.#place(name)}/holders/${holder}`, '');
    };
    const btrfs = (point: string | undefined, names: readonly string[]) => {
      for (const name of names) this.#files.set(`sys/fs/btrfs/uuid-${index}/devices/${name}`, '');
      if (point !== undefined) this.#mount(`0:${60 + index}`, point, 'btrfs', `/dev/${names[0]}`, 'rw');
    };
    const uses: Partial<Record<Role, () => void>> = {
      ours: () => mount(first, `/run/nightjar/disks/aaaa-${index}`),
      'half-ours': () => {
        mount(first, `/run/nightjar/disks/bbbb-${index}`);
        mount(second, `/mnt/half${index}`);
      },
      root: () => mount(second, '/'),
      boot: () => mount(first, '/boot/firmware', 'vfat'),
      'root-on-dm': () => {
        over(second, `dm-${index}`);
        this.#mount(this.#numberOf(`dm-${index}`), '/', 'ext4', '/dev/mapper/root', 'rw');
      },
      overlay: () => {
        mount(second, `/media/root-ro${index}`);
        this.#mount(
          `0:${90 + index}`,
          '/',
          'overlay',
          'overlay',
          `rw,lowerdir=/media/root-ro${index},upperdir=/x,workdir=/y`,
        );
      },
      swap: () => this.#swaps.push(`/dev/${second}\tpartition\t1000\t0\t-2`),
      mounted: () => mount(disk.name, `/mnt/some\\040where${index}`),
      'part-mounted': () => mount(second, `/srv/data${index}`, 'xfs'),
      dm: () => over(first, `dm-${index}`),
      md: () => over(first, `md${index}`),
      // Only from above: a kernel that forgot to list the holder below.
      'part-held': () => this.#block(`sys/devices/virtual/block/dm-${index}`, undefined, [second]),
      'loop-over': () => {
        this.#block(`sys/devices/virtual/block/loop${index}`, undefined);
        this.#files.set(`sys/devices/virtual/block/loop${index}/loop/backing_file`, `/dev/${disk.name}\n`);
      },
      btrfs: () => btrfs(`/srv/b${index}`, [disk.name]),
      'btrfs-second': () => {
        const other = this.disks.find(({ role }) => role === 'btrfs');
        btrfs(`/srv/c${index}`, [other?.name ?? 'sdz', first]);
      },
      'btrfs-unseen': () => btrfs(undefined, [first]),
    };
    uses[disk.role]?.();
  }

  #dir(disk: MadeDisk): string {
    if (['loop', 'zram'].includes(disk.role)) return `sys/devices/virtual/block/${disk.name}`;
    const way = disk.bus === 'usb' ? 'usb1/1-1/1-1:1.0/host4' : 'ata1/host0';
    return `sys/devices/pci0000:00/${way}/target${disk.name}/block/${disk.name}`;
  }

  #block(dir: string, disk: MadeDisk | undefined, slaves: readonly string[] = []): void {
    const facts: Record<string, string> = {
      dev: `8:${this.#numbers++}`,
      size: String((disk?.sizeBytes ?? gigabyte) / 512),
      ro: disk?.role === 'free-protected' ? '1' : '0',
      diskseq: String(disk?.diskseq ?? 99),
      'queue/rotational': '1',
      ...(disk === undefined ? {} : { 'device/model': `${disk.model}   `, 'device/vendor': 'ATA     ' }),
      ...(disk === undefined ? {} : { 'device/vpd_pg80': `\0\x80\0\x10${disk.serial}` }),
    };
    for (const [fact, text] of Object.entries(facts))
      this.#files.set(`${dir}/${fact}`, fact === 'device/vpd_pg80' ? text : `${text}\n`);
    for (const slave of slaves) this.#files.set(`${dir}/slaves/${slave}`, '');
    for (const [index, part] of (disk?.parts ?? []).entries()) {
      this.#files.set(`${dir}/${part}/partition`, `${index + 1}\n`);
      this.#files.set(`${dir}/${part}/dev`, `8:${this.#numbers++}\n`);
      this.#files.set(`${dir}/${part}/size`, '2048\n');
    }
  }

  #place(name: string): string {
    const found = [...this.#files.keys()].find((path) => path.endsWith(`/${name}/dev`));
    return found === undefined ? `sys/none/${name}` : dirname(found);
  }

  #numberOf(name: string): string {
    return (this.#files.get(`${this.#place(name)}/dev`) ?? '0:0').trim();
  }

  #mount(dev: string, point: string, type: string, source: string, options: string): void {
    this.#mounts.push(
      `${30 + this.#mounts.length} 1 ${dev} / ${point} rw,relatime shared:1 - ${type} ${source} ${options}`,
    );
  }
}
