/**
 * What mounts and unmounts attached disks, and takes up those that are this box's own. Nothing is written to a disk that
 * holds no marker of this box, unless a person chose it and it is empty. Private to `attached-disks.ts`.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Settings } from '../platform/settings.ts';
import { type AttachedDisk, roleOf, usable, type Volume } from './attached-disk.ts';
import { type AttachedMirror, Disk, type DiskRole } from './disk.ts';
import { hasLibrary, libraryAway, notForUse, otherRole, usedTwice } from './disk-refusals.ts';
import { formerSetting } from './folder-mirrors.ts';
import { lookInto } from './foreign-look.ts';
import type { DiskHelper } from './helper.ts';
import { KnownDisksStore } from './known-disks-store.ts';
import type { HelperMount } from './mount-table.ts';

export type DiskMountingDeps = Readonly<{
  helper: Pick<DiskHelper, 'mount' | 'unmount'>;
  /** Where this process sees what the helper mounts. */
  mountRoot: string;
  /** The box state. */
  database: Database;
  settings: Settings;
  boxId: string;
  libraryDiskId: () => string | undefined;
  /** Undefined while the library is not open. */
  libraryId: () => string | undefined;
  /** Nobody owns the box yet: it may be to become the one whose library is on a disk. */
  isNewBox: () => boolean;
  /** Makes the empty disk at `path` a library, and returns its marker's id. */
  makeLibrary: (path: string) => Promise<string>;
  /** From now on that disk is this box's library, and is there. */
  takeLibrary: (markerId: string) => Promise<void>;
  letGo: Readonly<{
    /** Whoever reads from this look-only mount stops. */
    look: (folder: string) => Promise<void>;
    mirror: (markerId: string) => Promise<void>;
    /** Closed until the returned function was called. */
    library: () => Promise<() => Promise<void>>;
  }>;
  randomUUID: () => string;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

/** Files that were being read are closed within moments. */
const unmountTries = 10;
const unmountEveryMs = 500;

export class DiskMounting {
  readonly #deps: DiskMountingDeps;
  readonly #known: KnownDisksStore;
  readonly #warned = new WeakSet<Volume>();

  readonly #placeOf: (markerId: string) => string | undefined;

  /** `placeOf`: where a disk with this marker is used already. */
  constructor(deps: DiskMountingDeps, placeOf: (markerId: string) => string | undefined) {
    this.#deps = deps;
    this.#placeOf = placeOf;
    this.#known = new KnownDisksStore(deps.database);
  }

  /** Uses what is this box's own, and finds out what is on the rest. @throws what mounting a disk of its own met */
  async takeUp(disk: AttachedDisk, mounts: ReadonlyMap<string, HelperMount>): Promise<void> {
    const errors: unknown[] = [];
    for (const volume of disk.volumes) {
      volume.knownAs = this.#known.ofVolume(volume.told.uuid)?.markerId;
      if (volume.mounted !== undefined || this.#isUsedThroughAnother(volume)) continue;
      try {
        if (volume.told.folder !== null) await this.#takeOver(volume, volume.told.folder, mounts);
        if (volume.mounted === undefined) await this.#takeUpVolume(disk, volume);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  /** A filesystem of several disks (btrfs). */
  #isUsedThroughAnother({ told: { folder }, knownAs }: Volume): boolean {
    if (folder === null || knownAs === undefined) return false;
    return this.#placeOf(knownAs) === join(this.#deps.mountRoot, folder);
  }

  /** It was mounted before this process began. */
  async #takeOver(volume: Volume, folder: string, mounts: ReadonlyMap<string, HelperMount>): Promise<void> {
    const path = join(this.#deps.mountRoot, folder);
    volume.found = await lookInto(path).catch(() => undefined);
    const marker = volume.found?.is === 'marked' ? volume.found.marker : undefined;
    const readOnly = mounts.get(folder)?.readOnly === true;
    // One that was looked at by a box that became this one is used from now on.
    if (readOnly && marker?.diskId !== this.#deps.libraryDiskId()) volume.mounted = { folder, path, as: 'look' };
    else if (readOnly) await this.#unmount(folder);
    else if (marker !== undefined && this.#isOwn(marker.diskId) && this.#placeOf(marker.diskId) === undefined)
      volume.mounted = { folder, path, as: 'use', markerId: marker.diskId };
    else await this.#unmount(folder);
  }

  async #takeUpVolume(disk: AttachedDisk, volume: Volume): Promise<void> {
    const { told, knownAs } = volume;
    try {
      if (knownAs !== undefined) return await this.#mountForUse(disk, volume, knownAs);
    } catch (error) {
      // Another filesystem of the same id, or its marker is gone: it is looked at as any other.
      if (!(error instanceof CodedError && error.code.startsWith('disk-'))) throw error;
    }
    if (!usable.has(told.type)) return;
    await this.#peek(disk, volume);
    const marker = volume.found?.is === 'marked' ? volume.found.marker : undefined;
    if (marker === undefined || marker.diskId !== this.#deps.libraryDiskId()) return;
    // Known by another filesystem: this one is a copy of it, of who knows when. A person may take it.
    const known = this.#known.ofMarker(marker.diskId);
    if (known !== undefined && known.volumeUuid !== told.uuid) return;
    if (marker.boxId === this.#deps.boxId) await this.#mountForUse(disk, volume, marker.diskId);
  }

  /** Mounted read-only for a moment: whoever pulls it meanwhile harms nothing. */
  async #peek(disk: AttachedDisk, volume: Volume): Promise<void> {
    const { folder } = await this.#deps.helper.mount(disk.told.key, volume.told, 'look');
    try {
      const path = join(this.#deps.mountRoot, folder);
      volume.found = await lookInto(path);
      // Kept in sight for whoever sets the box up: it may be carried over to this one.
      if (volume.found.is === 'marked' && this.#deps.isNewBox()) volume.mounted = { folder, path, as: 'look' };
    } finally {
      if (volume.mounted === undefined) await this.#unmount(folder);
    }
  }

  /** Mounts it read-only, and leaves it so. */
  async look(disk: AttachedDisk, volume: Volume): Promise<void> {
    if (volume.mounted !== undefined) return;
    const { folder } = await this.#deps.helper.mount(disk.told.key, volume.told, 'look');
    const path = join(this.#deps.mountRoot, folder);
    volume.mounted = { folder, path, as: 'look' };
    volume.found = await lookInto(path);
  }

  /** @throws {CodedError} `conflict`, saying what to do; `disk-missing` for a mirror without a library */
  async use(disk: AttachedDisk, volume: Volume, role: DiskRole): Promise<void> {
    const libraryDiskId = this.#deps.libraryDiskId();
    const isIt = () => roleOf(volume, { libraryDiskId: this.#deps.libraryDiskId() }) === role;
    if (isIt()) return;
    if (volume.mounted?.as === 'use' && (role === 'mirror' || libraryDiskId !== undefined)) throw otherRole(role);
    if (volume.found === undefined && usable.has(volume.told.type)) await this.#peek(disk, volume);
    const markerId = this.#markerToTakeUp(volume, role);
    if (markerId !== undefined && this.#placeOf(markerId) !== undefined) throw usedTwice();
    if (volume.mounted?.as === 'look') await this.#releaseVolume(volume);
    if (markerId !== undefined && this.#isOwn(markerId)) await this.#mountForUse(disk, volume, markerId);
    else await this.#adopt(disk, volume, role);
  }

  /** Undefined: it is empty. @throws {CodedError} for what may not be used so */
  #markerToTakeUp({ told, found }: Volume, role: DiskRole): string | undefined {
    const { boxId } = this.#deps;
    const libraryDiskId = this.#deps.libraryDiskId();
    const marker = found?.is === 'marked' ? found.marker : undefined;
    const own = marker !== undefined && marker.boxId === boxId;
    if (role === 'library') {
      if (libraryDiskId !== undefined && marker?.diskId !== libraryDiskId) throw hasLibrary();
      if (own && marker.role !== 'mirror') return marker.diskId;
    } else {
      if (marker !== undefined && marker.diskId === libraryDiskId) throw otherRole(role);
      const libraryId = this.#deps.libraryId();
      if (libraryId === undefined) throw libraryAway();
      if (own && marker.role === 'mirror' && marker.libraryId === libraryId) return marker.diskId;
    }
    if (found?.is === 'empty' && usable.has(told.type)) return undefined;
    throw notForUse(found?.is, own);
  }

  async #adopt(disk: AttachedDisk, volume: Volume, role: DiskRole): Promise<void> {
    const { boxId, randomUUID, now, database } = this.#deps;
    const before = volume.mounted?.as === 'use' ? volume.mounted : undefined;
    const folder = before?.folder ?? (await this.#deps.helper.mount(disk.told.key, volume.told, 'use')).folder;
    const path = join(this.#deps.mountRoot, folder);
    try {
      // Again, now that it is mounted for writing: it may have been elsewhere meanwhile.
      volume.found = await lookInto(path);
      this.#markerToTakeUp(volume, role);
      const libraryId = this.#deps.libraryId();
      const facts = { diskId: randomUUID(), boxId, libraryId: libraryId ?? '', now: now() };
      const markerId = role === 'library' ? await this.#deps.makeLibrary(path) : await Disk.adoptMirror(path, facts);
      await database.write(() => this.#remember(disk, volume, markerId));
      volume.knownAs = markerId;
      volume.found = await lookInto(path);
      volume.mounted = { folder, path, as: 'use', markerId };
      if (role === 'library') await this.#deps.takeLibrary(markerId);
    } catch (error) {
      if (volume.mounted === undefined) await this.#unmount(folder).catch(() => undefined);
      throw error;
    }
  }

  /** @throws {CodedError} `disk-missing` or `disk-foreign` when it is not the disk with this marker; then it is unmounted */
  async #mountForUse(disk: AttachedDisk, volume: Volume, markerId: string): Promise<void> {
    const { folder } = await this.#deps.helper.mount(disk.told.key, volume.told, 'use');
    const path = join(this.#deps.mountRoot, folder);
    try {
      await (await Disk.open(path, markerId)).close();
      volume.found = await lookInto(path);
      await this.#deps.database.write(() => this.#remember(disk, volume, markerId));
      volume.knownAs = markerId;
    } catch (error) {
      await this.#unmount(folder).catch(() => undefined);
      throw error;
    }
    volume.mounted = { folder, path, as: 'use', markerId };
    this.#deps.log.info({ disk: disk.id, marker: markerId }, 'a disk of this box is there');
  }

  #remember(disk: AttachedDisk, { told }: Volume, markerId: string): void {
    const row = { markerId, volumeUuid: told.uuid, diskId: disk.id, name: disk.told.printedName };
    this.#known.put(row, this.#deps.now());
  }

  #isOwn(markerId: string): boolean {
    return markerId === this.#deps.libraryDiskId() || this.#known.ofMarker(markerId) !== undefined;
  }

  /** What was on these filesystems is gone. */
  async forget(volumes: readonly Volume[]): Promise<void> {
    await this.#deps.database.write(() => {
      for (const { told } of volumes) if (told.uuid !== '') this.#known.forgetVolume(told.uuid);
    });
  }

  /**
   * Stops what uses it, and unmounts all of it. The library stays closed until the returned function was called.
   * @throws {CodedError} `conflict` when somebody else holds a file of it; then what was unmounted stays so
   */
  async release(disk: Pick<AttachedDisk, 'volumes'>): Promise<() => Promise<void>> {
    const resumes: (() => Promise<void>)[] = [];
    const resume = async () => {
      for (const one of resumes) await one();
    };
    try {
      for (const volume of disk.volumes) await this.#releaseVolume(volume, (one) => resumes.push(one));
    } catch (error) {
      await resume();
      throw error;
    }
    return resume;
  }

  async #releaseVolume(volume: Volume, onHeld: (resume: () => Promise<void>) => void = () => undefined): Promise<void> {
    const { mounted } = volume;
    if (mounted === undefined) return;
    const role = roleOf(volume, { libraryDiskId: this.#deps.libraryDiskId() });
    if (mounted.as === 'look') await this.#deps.letGo.look(mounted.folder);
    if (role === 'library') onHeld(await this.#deps.letGo.library());
    await this.closeMirror(volume);
    await this.#unmount(mounted.folder);
    volume.mounted = undefined;
  }

  async #unmount(folder: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#deps.helper.unmount(folder);
        return;
      } catch (error) {
        const refusal = error instanceof CodedError ? error.facts['refusal'] : undefined;
        if (refusal === 'no-such-disk') return;
        if (refusal !== 'in-use' || tries >= unmountTries) throw error;
      }
      await sleep(unmountEveryMs);
    }
  }

  /** Holds open what is a mirror just now, and lets go of what is none any more, or does not answer. Never throws. */
  async tend(volume: Volume, name: string): Promise<void> {
    const { mounted } = volume;
    const role = roleOf(volume, { libraryDiskId: this.#deps.libraryDiskId() });
    if (mounted?.as !== 'use' || role === 'library') return await this.closeMirror(volume);
    try {
      if (volume.disk !== undefined) await volume.disk.check({ byReading: true });
      else volume.disk = await this.#openMirror(mounted.path, mounted.markerId);
      this.#warned.delete(volume);
    } catch (error) {
      if (!this.#warned.has(volume)) this.#deps.log.warn({ err: error, disk: name }, 'a mirror cannot be used');
      this.#warned.add(volume);
      await this.closeMirror(volume);
    }
  }

  /** Undefined: it is the box's, and no mirror. */
  async #openMirror(path: string, markerId: string): Promise<Disk | undefined> {
    const disk = await Disk.open(path, markerId);
    try {
      if (disk.role !== 'mirror' && this.#deps.settings.text(formerSetting) === markerId) await disk.setRole('mirror');
      if (disk.role === 'mirror') return disk;
      await disk.close();
      return undefined;
    } catch (error) {
      await disk.close();
      throw error;
    }
  }

  async closeMirror(volume: Volume): Promise<void> {
    const { disk } = volume;
    if (disk === undefined) return;
    volume.disk = undefined;
    await this.#deps.letGo.mirror(disk.marker.diskId);
    await disk.close().catch(() => undefined);
  }
}

export function mirrorsOf(disks: readonly AttachedDisk[]): AttachedMirror[] {
  return disks.flatMap(({ volumes, told }) =>
    volumes.flatMap(({ disk }) =>
      disk === undefined ? [] : [{ disk, diskId: disk.marker.diskId, name: told.printedName }],
    ),
  );
}
