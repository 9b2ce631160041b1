/**
 * The list of attached disks: asked of the helper when the kernel's changed, with what is this box's own taken up and what
 * was pulled let go of. Private to `attached-disks.ts`.
 */
import { readFile } from 'node:fs/promises';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { type AttachedDisk, lastingId, roleOf, type Standing, sameDisk, viewOf } from './attached-disk.ts';
import type { DiskMounting } from './disk-mounting.ts';
import type { Judgement } from './disk-verdict.ts';
import type { DiskHelper } from './helper.ts';
import type { HelperDisk } from './helper-protocol.ts';
import { KernelTrouble, type Trouble } from './kernel-trouble.ts';
import { readMounts } from './mount-table.ts';

export type DiskRollDeps = Readonly<{
  helper: Pick<DiskHelper, 'list'>;
  boxId: string;
  libraryDiskId: () => string | undefined;
  libraryId: () => string | undefined;
  judgement: (diskId: string) => Judgement;
  /** What the kernel met on a disk that is in use. */
  onTrouble: (trouble: Trouble) => Promise<void>;
  /** Something that pages show is otherwise. */
  onChange: () => void;
  /** This one was not there before; it may be asked how it is. */
  onFound: (disk: Pick<AttachedDisk, 'id' | 'told'>) => void;
  /** The library's disk is mounted. */
  onLibraryThere: () => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** The kernel's list of disks, and of mounts; made ones in tests. */
  partitions?: string;
  mountInfo?: string;
  watchMs?: number;
}>;

const troubleEveryLooks = 20;
/** While the helper does not answer, or works on a disk. */
const againMs = 5_000;
const againMsMax = 300_000;
const disksMax = 64;

export class DiskRoll {
  readonly #deps: DiskRollDeps;
  readonly #mounting: DiskMounting;
  readonly #trouble = new KernelTrouble();
  #disks: AttachedDisk[] = [];
  #helper: 'ok' | 'missing' | 'failing' | 'unknown' = 'unknown';
  #turning: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #stopped = true;
  #kernel: string | undefined;
  #looks = 0;
  #lists = 0;
  #againAt = 0;
  #waitMs = againMs;
  #shown = '';

  constructor(deps: DiskRollDeps, mounting: DiskMounting) {
    this.#deps = deps;
    this.#mounting = mounting;
  }

  open(): void {
    this.#stopped = false;
    this.#watchOn(0);
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#ticking;
    await this.settled();
    for (const { volumes } of this.#disks) for (const volume of volumes) await this.#mounting.closeMirror(volume);
  }

  get helper(): 'ok' | 'missing' | 'failing' | 'unknown' {
    return this.#helper;
  }

  get disks(): readonly AttachedDisk[] {
    return this.#disks;
  }

  /** Asks the helper anew, and takes up what is this box's own. */
  async lookNow(): Promise<void> {
    const mine = this.#turning.then(() => this.#look());
    this.#turning = mine.catch(() => undefined);
    await mine;
  }

  /** Until nobody looks for disks. */
  async settled(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.#turning; ) {
      seen = this.#turning;
      await seen;
    }
  }

  /** A verb is over: a list that was asked for before knows nothing of it. */
  end(disk: AttachedDisk): void {
    disk.doing = undefined;
    disk.doneAtList = this.#lists;
  }

  /** Says so when something that pages show is otherwise. */
  tell(): void {
    const standing = this.standing();
    const shown = JSON.stringify(this.#disks.map((disk) => viewOf(disk, standing)));
    if (shown !== this.#shown) this.#deps.onChange();
    this.#shown = shown;
  }

  standing(): Standing {
    const { boxId, libraryDiskId, libraryId, judgement } = this.#deps;
    return { boxId, libraryDiskId: libraryDiskId(), libraryId: libraryId(), judgement };
  }

  /** Uses what is this box's own, where the disk is free for it. */
  async takeUp(disk: AttachedDisk): Promise<void> {
    if (!isFree(disk)) return;
    disk.tried = true;
    try {
      await this.#mounting.takeUp(disk, await this.#mounts());
    } catch (error) {
      disk.failed = failureOf('attach', error, this.#deps);
      // The helper was at work on it: the next look tries again. Anything else would be no better then.
      disk.tried = !(error instanceof CodedError && error.code === 'busy');
    }
    await this.settle(disk);
  }

  /** After anything was mounted or unmounted: mirrors are held or let go of, and the library is opened. */
  async settle(disk: AttachedDisk): Promise<void> {
    for (const volume of disk.volumes) await this.#mounting.tend(volume, disk.id);
    const { libraryDiskId } = this.standing();
    if (disk.volumes.some((volume) => roleOf(volume, { libraryDiskId }) === 'library'))
      await this.#deps.onLibraryThere();
  }

  #watchOn(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick()
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'the disks could not be looked for'))
        .finally(() => this.#watchOn(this.#deps.watchMs ?? 3_000));
    }, ms).unref();
  }

  async #tick(): Promise<void> {
    const again = this.#againAt !== 0 && this.#deps.now() >= this.#againAt;
    if (again || (await this.#kernelList()) !== this.#kernel) await this.lookNow();
    for (const { volumes, id, doing } of this.#disks)
      if (doing === undefined) for (const volume of volumes) await this.#mounting.tend(volume, id);
    if (this.#looks++ % troubleEveryLooks === 0) await this.#lookForTrouble();
  }

  async #lookForTrouble(): Promise<void> {
    const used = this.#disks.flatMap(({ id: diskId, told, volumes }) =>
      volumes.flatMap(({ told: { name: volume, uuid }, mounted }) =>
        mounted?.as === 'use' ? [{ diskId, disk: told.key.name, volume, uuid, folder: mounted.folder }] : [],
      ),
    );
    for (const one of await this.#trouble.news(used, await this.#mounts())) await this.#deps.onTrouble(one);
  }

  async #mounts(): ReturnType<typeof readMounts> {
    return await readMounts(this.#deps.mountInfo ?? '/proc/self/mountinfo');
  }

  async #look(): Promise<void> {
    const list = ++this.#lists;
    const listed = await this.#list();
    if (listed === undefined) return;
    this.#again(listed.some(({ status }) => status === 'busy'));
    for (const disk of this.#disks) {
      const there = listed.some(({ key }) => sameDisk(key, disk.told.key));
      if (!there && disk.doing === undefined) await this.#drop(disk);
    }
    for (const told of listed) {
      const known = this.#disks.find((one) => sameDisk(one.told.key, told.key));
      const disk = known ?? this.#add(told);
      if (isMidway(disk, list)) continue;
      await this.#renew(disk, told);
      if (!disk.tried && !disk.ejected) await this.takeUp(disk);
      if (known === undefined && isFree(disk)) this.#deps.onFound(disk);
    }
    this.#helper = 'ok';
    this.tell();
  }

  /** Undefined: nobody knows. */
  async #list(): Promise<HelperDisk[] | undefined> {
    const kernel = await this.#kernelList();
    this.#kernel = kernel;
    try {
      const listed = (await this.#deps.helper.list()).slice(0, disksMax);
      // Else one that came meanwhile, and goes before the next look, would be there for good.
      if ((await this.#kernelList()) !== kernel) this.#kernel = undefined;
      return listed;
    } catch (error) {
      this.#helper = error instanceof CodedError && error.code === 'command-missing' ? 'missing' : 'failing';
      if (this.#helper === 'failing') this.#deps.log.warn({ err: error }, 'the disks could not be listed');
      this.#again(true);
      return undefined;
    }
  }

  async #kernelList(): Promise<string> {
    return await kernelList(this.#deps.partitions ?? '/proc/partitions');
  }

  #again(soon: boolean): void {
    this.#againAt = soon ? this.#deps.now() + this.#waitMs : 0;
    this.#waitMs = soon ? Math.min(this.#waitMs * 2, againMsMax) : againMs;
  }

  #add(told: HelperDisk): AttachedDisk {
    const id = lastingId(told);
    const taken = this.#disks.some((one) => one.id === id);
    const disk: AttachedDisk = {
      ...{ id: taken ? `${id}-${told.key.name}` : id, told, volumes: [], ejected: false, tried: false },
      ...{ doing: undefined, doneAtList: 0, failed: undefined, checked: undefined },
    };
    this.#disks = [...this.#disks, disk];
    return disk;
  }

  /** What is still the same filesystem keeps what is known of it. */
  async #renew(disk: AttachedDisk, told: HelperDisk): Promise<void> {
    disk.told = told;
    // It could not be looked into just now.
    if (told.volumes.length === 0 && (told.status === 'ours' || told.status === 'busy')) return;
    const before = disk.volumes;
    disk.volumes = told.volumes.map((one) => {
      const same = before.find(
        ({ told: { name, uuid, type } }) => name === one.name && uuid === one.uuid && type === one.type,
      );
      return same === undefined
        ? { told: one, found: undefined, mounted: undefined }
        : Object.assign(same, { told: one });
    });
    if (disk.volumes.some((volume) => !before.includes(volume))) disk.tried = false;
    for (const volume of new Set([...before, ...disk.volumes])) {
      if (volume.mounted === undefined || (disk.volumes.includes(volume) && volume.told.folder !== null)) continue;
      // Somebody else unmounted it.
      await this.#mounting.closeMirror(volume);
      volume.mounted = undefined;
      disk.tried = false;
    }
  }

  /** It was pulled, or another one is in its place. */
  async #drop(disk: AttachedDisk): Promise<void> {
    this.#disks = this.#disks.filter((one) => one !== disk);
    try {
      await (await this.#mounting.release(disk))();
    } catch (error) {
      this.#deps.log.warn({ err: error, disk: disk.id }, 'a disk that was pulled could not be let go of');
    }
  }
}

/** What this list tells of it is of before a verb that was under way, or is. */
function isMidway({ doing, doneAtList }: AttachedDisk, list: number): boolean {
  return doing?.begun === true || doneAtList >= list;
}

/** By nobody but this box. */
export function isFree({ told: { status } }: Pick<AttachedDisk, 'told'>): boolean {
  return status === 'free' || status === 'ours';
}

/** What one was told of a failure. */
export function failureOf(
  verb: NonNullable<AttachedDisk['failed']>['verb'],
  error: unknown,
  { now, log }: Pick<DiskRollDeps, 'now' | 'log'>,
): NonNullable<AttachedDisk['failed']> {
  const unknown = 'Something went wrong in the box itself. Look at the list to see how far it came, and try again.';
  const known = error instanceof CodedError ? error : new CodedError('internal', unknown, { cause: error });
  if (known !== error || verb === 'attach') log.warn({ err: error, verb }, 'a disk could not be used as it was to be');
  return { verb, code: known.code, message: known.message, at: now() };
}

// As in the helper, and the loops that stand for disks in tests.
const diskNames = /^(sd[a-z]{1,3}|nvme\d{1,3}n\d{1,3}|mmcblk\d{1,3}|vd[a-z]{1,2}|loop\d{1,4})$/;

/** Every disk and partition with its size, and each disk's number: another one in its place has another. Wakes nobody. */
async function kernelList(partitions: string): Promise<string> {
  const list = await readFile(partitions, 'utf8').catch(() => '');
  const names = list.split('\n').map((line) => line.trim().split(/\s+/).at(-1) ?? '');
  const read = (name: string) => readFile(`/sys/block/${name}/diskseq`, 'utf8').catch(() => '');
  return list + (await Promise.all(names.filter((name) => diskNames.test(name)).map(read))).join('');
}
