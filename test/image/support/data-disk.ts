/** A disk that is attached to the emulated box: a sparse file on this machine, on one of three buses. */
import { execFile } from 'node:child_process';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Card } from './card.ts';

export type Bus = 'virtio' | 'nvme' | 'usb';
const GiB = 1024 ** 3;

export class DataDisk {
  readonly bus: Bus;
  readonly serial: string;
  readonly path: string;

  private constructor(bus: Bus, serial: string, path: string) {
    this.bus = bus;
    this.serial = serial;
    this.path = path;
  }

  /** A new, empty one. `serial`: letters and digits, at most 20. */
  static async make(bus: Bus, serial: string, path: string, sizeBytes = 4 * GiB): Promise<DataDisk> {
    await writeFile(path, '');
    await truncate(path, sizeBytes);
    return new DataDisk(bus, serial, path);
  }

  /** One that comes from another computer, with the files of a folder (ext4, one partition's worth: the whole disk). */
  static async withFiles(bus: Bus, serial: string, path: string, folder: string): Promise<DataDisk> {
    const disk = await DataDisk.make(bus, serial, path);
    await promisify(execFile)('mke2fs', ['-q', '-t', 'ext4', '-L', 'stick', '-d', folder, path]);
    return disk;
  }

  /**
   * As QMP's `blockdev-add` and `-blockdev` take it. What was written is here when QEMU is killed, flushed or not: to flush
   * would only take time.
   */
  get blockdev(): Record<string, unknown> {
    const cache = { 'no-flush': true };
    return {
      'node-name': `n-${this.serial}`,
      driver: 'raw',
      cache,
      file: { driver: 'file', cache, filename: this.path },
    };
  }

  /** As `device_add` and `-device` take it. `port`: a free PCI Express port, for those that need one. */
  device(port: string): Record<string, unknown> {
    const common = { id: this.serial, drive: `n-${this.serial}`, serial: this.serial };
    if (this.bus === 'usb') return { driver: 'usb-storage', bus: 'usb.0', removable: true, ...common };
    return { driver: this.bus === 'nvme' ? 'nvme' : 'virtio-blk-pci', bus: port, ...common };
  }

  /** What is wrong with its filesystems after their journals were replayed. `dir`: for copies. */
  async damage(dir: string): Promise<string[]> {
    return await new Card(this.path).damage(dir);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
