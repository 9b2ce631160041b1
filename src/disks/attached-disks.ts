/**
 * Owns what the box knows of the disks that are attached to it, and what is done with each: looked at, used, erased,
 * checked, let go of. Never touches a device itself (the helper does), never wakes a sleeping disk on a timer: the helper
 * is asked when the kernel's list changed. Never writes to a disk that is not this box's own, but for what a person asked.
 * Called by its own routes, by the composition root, and by what watches the disks' health.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '../platform/errors.ts';
import { type AttachedDisk, type DiskVerb, isUsed, type Volume, viewOf, volumeOf } from './attached-disk.ts';
import type { AttachedMirror, DiskRole } from './disk.ts';
import { DiskMounting, type DiskMountingDeps, mirrorsOf } from './disk-mounting.ts';
import { isLibrary, otherDisk, otherName, usedNow } from './disk-refusals.ts';
import { DiskRoll, type DiskRollDeps, failureOf, isFree } from './disk-roll.ts';
import type { Asked, DiskView } from './disks-contract.ts';
import { foldersIn } from './foreign-look.ts';
import type { DiskHelper } from './helper.ts';

export type AttachedDisksDeps = DiskMountingDeps &
  DiskRollDeps &
  Readonly<{ helper: DiskHelper; randomBytes: (size: number) => Buffer; replyWithinMs?: number }>;

type EraseWanted = Readonly<{ name: string; filesystem: 'ext4' | 'exfat'; attached?: number | undefined }>;

const leftMax = 64;

export class AttachedDisks {
  readonly #deps: AttachedDisksDeps;
  readonly #mounting: DiskMounting;
  readonly #roll: DiskRoll;
  /** Those that were let go of and are gone. */
  readonly #left = new Set<string>();
  /** Let go of because the machine was to go off. */
  readonly #toTakeBack = new Set<AttachedDisk>();

  constructor(deps: AttachedDisksDeps) {
    this.#deps = deps;
    this.#mounting = new DiskMounting(deps, (markerId) => this.placeOf(markerId));
    this.#roll = new DiskRoll(deps, this.#mounting);
  }

  /** Begins to look for disks; what is this box's own is taken up as it is found. */
  open(): void {
    this.#roll.open();
  }

  /** What is mounted stays so, and is found again; a verb that is under way ends in the helper. */
  async close(): Promise<void> {
    this.#deps.helper.close();
    await this.#roll.close();
  }

  get helper(): 'ok' | 'missing' | 'failing' | 'unknown' {
    return this.#roll.helper;
  }

  list(): DiskView[] {
    const standing = this.#roll.standing();
    return this.#roll.disks.map((disk) => viewOf(disk, standing));
  }

  mirrors(): AttachedMirror[] {
    return mirrorsOf(this.#roll.disks);
  }

  /** Where the disk with this marker is mounted for use. */
  placeOf(markerId: string): string | undefined {
    const mounts = this.#roll.disks.flatMap(({ volumes }) => volumes.map(({ mounted }) => mounted));
    return mounts.find((mounted) => mounted?.as === 'use' && mounted.markerId === markerId)?.path;
  }

  /** Which of them is used under this marker. */
  idOf(markerId: string): string | undefined {
    const isIt = (disk: AttachedDisk) =>
      disk.volumes.some(({ mounted }) => mounted?.as === 'use' && mounted.markerId === markerId);
    return this.#roll.disks.find(isIt)?.id;
  }

  /** How one is may be otherwise. */
  noteHealth(): void {
    this.#roll.tell();
  }

  /** Where those are looked at that another box has marked. */
  foreignPlaces(): string[] {
    const { boxId } = this.#deps;
    return this.#roll.disks.flatMap(({ volumes }) =>
      volumes.flatMap(({ found, mounted }) =>
        mounted?.as === 'look' && found?.is === 'marked' && found.marker.boxId !== boxId ? [mounted.path] : [],
      ),
    );
  }

  /** What is mounted to be looked at: as an import names it, and where this process sees it. */
  looks(): { source: string; path: string }[] {
    return this.#roll.disks.flatMap(({ volumes }) =>
      volumes.flatMap(({ mounted }) =>
        mounted?.as === 'look' ? [{ source: mounted.folder, path: mounted.path }] : [],
      ),
    );
  }

  /** Those that may be asked how they are. */
  watched(): Pick<AttachedDisk, 'id' | 'told'>[] {
    return this.#roll.disks.filter(isFree);
  }

  /** @throws {CodedError} `conflict` unless it is mounted */
  async folders(id: string, name: string | undefined): Promise<{ names: string[]; more: boolean }> {
    const { mounted } = this.#volume(this.#find(id), name);
    if (mounted === undefined) {
      throw new CodedError('conflict', 'This disk is not mounted. Look at it first; nothing on it is changed by that.');
    }
    return await foldersIn(mounted.path);
  }

  async look(id: string, name: string | undefined): Promise<Asked> {
    return await this.#ask(id, 'look', { name }, async (disk) => {
      this.#requireFree(disk);
      await this.#mounting.look(disk, this.#volume(disk, name));
      disk.ejected = false;
    });
  }

  async use(id: string, role: DiskRole, name: string | undefined): Promise<Asked> {
    return await this.#ask(id, 'use', { role, name }, async (disk) => {
      this.#requireFree(disk);
      await this.#mounting.use(disk, this.#volume(disk, name), role);
      disk.ejected = false;
    });
  }

  /**
   * `attached`: as it was shown to the person, who may have changed the disk since. `onBegin`: nothing speaks against it;
   * waited for before anything is changed, and what it throws is what comes of it.
   */
  async erase(id: string, wanted: EraseWanted, onBegin?: () => Promise<void>): Promise<Asked> {
    return await this.#ask(id, 'erase', wanted, async (disk) => {
      const { refused } = viewOf(disk, this.#roll.standing()).erasing;
      if (refused === 'library') throw isLibrary();
      this.#requireFree(disk);
      if (isUsed(disk)) throw usedNow();
      // Said before anything is let go of; the helper looks again.
      if (wanted.name !== disk.told.printedName) throw otherName();
      if (wanted.attached !== undefined && wanted.attached !== disk.told.key.diskseq) throw otherDisk();
      await onBegin?.();
      await this.#mounting.release(disk);
      const { key } = disk.told;
      const label = `nightjar-${this.#deps.randomBytes(3).toString('hex')}`;
      const before = disk.volumes;
      disk.volumes = [];
      disk.tried = false;
      disk.ejected = false;
      disk.checked = undefined;
      await this.#deps.helper.format(key, { filesystem: wanted.filesystem, label, confirm: wanted.name });
      await this.#mounting.forget(before);
    });
  }

  async eject(id: string): Promise<Asked> {
    return await this.#ask(id, 'eject', {}, async (disk) => {
      this.#requireFree(disk);
      const resume = await this.#mounting.release(disk);
      // Set before it may fail: what was unmounted is not to be mounted again by itself.
      disk.ejected = true;
      try {
        const { state } = await this.#deps.helper.powerOff(disk.told.key);
        if (state === 'off') this.#left.add(id);
        if (this.#left.size > leftMax) this.#left.delete([...this.#left][0] ?? '');
      } finally {
        await resume();
      }
    });
  }

  /** Each disk that nobody else uses is let go of, one beside the other; ends after so long. Never rejects. */
  async letGoOfAll(limitMs: number): Promise<void> {
    const free = this.#roll.disks.filter(({ told: { status } }) => status === 'free' || status === 'ours');
    for (const disk of free) if (!disk.ejected) this.#toTakeBack.add(disk);
    const gone = free.map(async (disk) => {
      await this.eject(disk.id);
      await disk.doing?.done;
    });
    const enough = new AbortController();
    const late = sleep(limitMs, undefined, { signal: enough.signal, ref: false }).catch(() => undefined);
    await Promise.race([Promise.allSettled(gone), late]).finally(() => enough.abort());
  }

  /** The machine stays on after all: what `letGoOfAll` let go of, and is still there, is taken up again. Never rejects. */
  async takeBack(): Promise<void> {
    for (const disk of this.#toTakeBack) {
      if (disk.doing !== undefined) continue;
      disk.ejected = false;
      disk.tried = false;
    }
    this.#toTakeBack.clear();
    await this.#roll.lookNow().catch(() => undefined);
  }

  /** Whoever uses it waits meanwhile, and goes on afterwards. */
  async check(id: string, { repair, volume: name }: { repair: boolean; volume: string | undefined }): Promise<Asked> {
    return await this.#ask(id, 'check', { repair, name }, async (disk) => {
      this.#requireFree(disk);
      const { told } = this.#volume(disk, name);
      const resume = await this.#mounting.release(disk);
      try {
        const { outcome, said } = await this.#deps.helper.check(disk.told.key, told, { repair });
        disk.checked = { outcome, said, at: this.#deps.now() };
      } finally {
        if (!disk.ejected) await this.#roll.takeUp(disk);
        await resume();
      }
    });
  }

  /** Runs one verb at a time on each disk; answers when it is over, or after some seconds. */
  async #ask(
    id: string,
    verb: DiskVerb,
    parameters: object,
    work: (disk: AttachedDisk) => Promise<void>,
  ): Promise<Asked> {
    // One that is being found just now; for one that is known, nobody is kept waiting by a helper that does not answer.
    if (!this.#roll.disks.some((one) => one.id === id)) await this.#roll.settled();
    if (verb === 'eject' && this.#left.has(id) && !this.#roll.disks.some((one) => one.id === id)) return { disk: null };
    const disk = this.#find(id);
    const wanted = JSON.stringify(parameters);
    if (disk.doing !== undefined && (disk.doing.verb !== verb || disk.doing.wanted !== wanted)) {
      throw new CodedError('busy', 'The box is working on this disk already. Nothing was changed; ask again later.');
    }
    // A look that is under way ends first; from then on none touches it.
    const run = () => this.#roll.settled().then(() => this.#run(disk, verb, work));
    disk.doing ??= { verb, wanted, since: this.#deps.now(), begun: false, done: run() };
    const { done } = disk.doing;
    done.catch(() => undefined);
    this.#roll.tell();
    const enough = new AbortController();
    await Promise.race([
      done,
      sleep(this.#deps.replyWithinMs ?? 5_000, undefined, { signal: enough.signal, ref: false }),
    ]).finally(() => enough.abort());
    return { disk: this.#roll.disks.includes(disk) ? viewOf(disk, this.#roll.standing()) : null };
  }

  async #run(disk: AttachedDisk, verb: DiskVerb, work: (disk: AttachedDisk) => Promise<void>): Promise<void> {
    disk.failed = undefined;
    if (disk.doing !== undefined) disk.doing.begun = true;
    try {
      await work(disk);
    } catch (error) {
      disk.failed = failureOf(verb, error, this.#deps);
      throw error;
    } finally {
      await this.#roll.settle(disk);
      this.#roll.end(disk);
      await this.#roll.lookNow().catch(() => undefined);
      this.#roll.tell();
    }
  }

  #find(id: string): AttachedDisk {
    const disk = this.#roll.disks.find((one) => one.id === id);
    if (disk !== undefined) return disk;
    throw new CodedError('not-found', 'This disk is not attached. Nothing was changed; look at the list of disks.');
  }

  #volume(disk: AttachedDisk, name: string | undefined): Volume {
    const volume = volumeOf(disk, name);
    if (volume !== undefined) return volume;
    if (name === undefined) throw new CodedError('conflict', 'This disk is empty. Erase it: then it can be used.');
    throw new CodedError('not-found', 'The disk has no such partition. Nothing was changed.');
  }

  #requireFree({ told: { status } }: AttachedDisk): void {
    if (status === 'free' || status === 'ours') return;
    const why = {
      system: 'The box itself stands on this disk.',
      'in-use': 'Something else on this machine uses this disk. Unmount it there first.',
      busy: 'The box is working on this disk already. Ask again later.',
    };
    throw new CodedError(status === 'busy' ? 'busy' : 'conflict', `${why[status]} Nothing was changed.`);
  }
}
