/**
 * What the kernel met on the disks that are in use, counted from when each was first looked at: errors of their filesystems,
 * commands that a disk did not answer, and filesystems that stopped writing. Reads `/sys` and the list of mounts only, which
 * wakes no disk.
 *
 * `ioerr_cnt` is not read: every answer of a disk to smartctl is an error to it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HelperMount } from './mount-table.ts';
import type { DiskEventKind } from './smart-history-store.ts';

/** `folder`: of its mount; `volume`, `disk`: the kernel's names. */
export type UsedVolume = Readonly<{ diskId: string; disk: string; volume: string; uuid: string; folder: string }>;
export type Trouble = Readonly<{ diskId: string; kind: DiskEventKind; times: number }>;

const filesMax = 16;

export class KernelTrouble {
  readonly #sys: string;
  /** By disk, volume and place. */
  #counted = new Map<string, number>();
  #stopped = new Set<string>();

  constructor({ sys = '/sys' }: { sys?: string } = {}) {
    this.#sys = sys;
  }

  /** What is new since the last call. A volume that is not named any more is forgotten. */
  async news(used: readonly UsedVolume[], mounts: ReadonlyMap<string, HelperMount>): Promise<Trouble[]> {
    const counted = new Map<string, number>();
    const stopped = new Set<string>();
    const news: Trouble[] = [];
    for (const { diskId, disk, volume, uuid, folder } of used) {
      let times = 0;
      for (const [place, count] of await this.#counts(disk, volume, uuid)) {
        const key = `${diskId} ${place}`;
        times += Math.max(0, count - (this.#counted.get(key) ?? count));
        counted.set(key, count);
      }
      if (times > 0) news.push({ diskId, kind: 'io-error', times });
      if (mounts.get(folder)?.stopped !== true) continue;
      stopped.add(folder);
      if (!this.#stopped.has(folder)) news.push({ diskId, kind: 'read-only', times: 1 });
    }
    this.#counted = counted;
    this.#stopped = stopped;
    return news;
  }

  async #counts(disk: string, volume: string, uuid: string): Promise<[string, number][]> {
    const found: [string, number][] = [];
    // In hexadecimal; SCSI's alone, which USB and SATA are too.
    const timeouts = await text(join(this.#sys, 'block', disk, 'device/iotmo_cnt'));
    if (/^0x[0-9a-f]+$/i.test(timeouts)) found.push(['timeouts', Number(timeouts)]);
    const ext4 = await text(join(this.#sys, 'fs/ext4', volume, 'errors_count'));
    if (/^\d+$/.test(ext4)) found.push([`ext4 ${volume}`, Number(ext4)]);
    const devices = join(this.#sys, 'fs/btrfs', uuid, 'devinfo');
    const ids = uuid === '' ? [] : await readdir(devices).catch(() => []);
    for (const id of ids.slice(0, filesMax)) {
      const stats = await text(join(devices, id, 'error_stats'));
      const sum = [...stats.matchAll(/^\w+_errs (\d+)$/gm)].reduce((all, [, count]) => all + Number(count), 0);
      found.push([`btrfs ${id}`, sum]);
    }
    return found;
  }
}

async function text(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}
