/**
 * Owns folders that stand as mirrors (NIGHTJAR_MIRROR_DIRS): which disk belongs in each, and whether it is there.
 * Never makes a mirror of a folder that holds anything, nor twice of one place: an empty mount point is no new disk.
 * Called by the composition root.
 */
import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Settings } from '../platform/settings.ts';
import { type AttachedMirror, Disk } from './disk.ts';

export type FolderMirrorsDeps = Readonly<{
  folders: readonly string[];
  /** Where the first library was: its disk may be a mirror by now. */
  libraryDir: string | undefined;
  settings: Settings;
  boxId: string;
  /** The disk that is the library now, by the settings. */
  libraryDiskId: () => string | undefined;
  /** Of which library the mirrors are to be; undefined while it is not open. */
  libraryId: () => string | undefined;
  /** Whoever uses this disk lets go of it. */
  letGo: (diskId: string) => Promise<void>;
  randomUUID: () => string;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  watchMs?: number;
}>;

/** JSON: which disk belongs in which folder. */
export const mirrorFoldersSetting = 'mirrors.folders';
/** The disk that was the library, until its marker says that it is a mirror. */
export const formerSetting = 'mirrors.former';
/** What an empty filesystem holds. */
const emptyNames = new Set(['lost+found']);

export class FolderMirrors {
  readonly #deps: FolderMirrorsDeps;
  readonly #attached = new Map<string, AttachedMirror>();
  readonly #warned = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(deps: FolderMirrorsDeps) {
    this.#deps = deps;
  }

  /** Begins to look for them. */
  open(): void {
    this.#stopped = false;
    this.#watchOn();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    for (const [folder, mirror] of this.#attached) await this.#release(folder, mirror);
  }

  attached(): readonly AttachedMirror[] {
    return [...this.#attached.values()];
  }

  /** In which folder a disk belongs. */
  placeOf(diskId: string): string | undefined {
    return Object.entries(this.#known()).find(([, known]) => known === diskId)?.[0];
  }

  /** The disk of this folder was the library, and is to be a mirror. Inside the write that makes another one the library. */
  putFormerInWrite(folder: string, diskId: string): void {
    const { settings } = this.#deps;
    settings.putTextInWrite(mirrorFoldersSetting, JSON.stringify({ ...this.#known(), [folder]: diskId }));
    settings.putTextInWrite(formerSetting, diskId);
  }

  /** Looks at every folder, and resolves when it has. */
  async lookNow(): Promise<void> {
    const mine = this.#looking.then(() => this.#look());
    this.#looking = mine.catch(() => undefined);
    await mine;
  }

  #known(): Record<string, string> {
    return JSON.parse(this.#deps.settings.text(mirrorFoldersSetting) ?? '{}') as Record<string, string>;
  }

  #watchOn(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.lookNow()
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'the mirrors could not be looked for'))
        .finally(() => this.#watchOn());
    }, this.#deps.watchMs ?? 1_000).unref();
  }

  async #look(): Promise<void> {
    const { folders, libraryDir } = this.#deps;
    const all = libraryDir === undefined || folders.includes(libraryDir) ? folders : [...folders, libraryDir];
    for (const folder of all) {
      if (this.#stopped) return;
      try {
        await this.#lookAt(folder);
        this.#warned.delete(folder);
      } catch (error) {
        if (!this.#warned.has(folder)) this.#deps.log.warn({ err: error, folder }, 'a mirror is not there');
        this.#warned.add(folder);
      }
    }
  }

  async #lookAt(folder: string): Promise<void> {
    const attached = this.#attached.get(folder);
    const libraryDiskId = this.#deps.libraryDiskId();
    if (attached !== undefined) {
      if (attached.diskId !== libraryDiskId) {
        const gone = await attached.disk.check({ byReading: true }).catch((error: unknown) => error ?? true);
        if (gone === undefined) return;
      }
      await this.#release(folder, attached);
    }
    const diskId = this.#known()[folder] ?? (await this.#adopt(folder));
    if (diskId === undefined || diskId === libraryDiskId) return;
    const disk = await Disk.open(folder, diskId);
    try {
      if (disk.role !== 'mirror' && this.#deps.settings.text(formerSetting) === diskId) await disk.setRole('mirror');
    } catch (error) {
      await disk.close();
      throw error;
    }
    if (disk.role !== 'mirror') {
      await disk.close();
      return;
    }
    this.#attached.set(folder, { disk, diskId, name: basename(folder) });
    this.#deps.log.info({ disk: diskId, folder }, 'a mirror is there');
  }

  /** Undefined: this folder cannot be one, or not yet. */
  async #adopt(folder: string): Promise<string | undefined> {
    const { folders, settings, boxId, libraryId, randomUUID, now } = this.#deps;
    const id = libraryId();
    if (!folders.includes(folder) || id === undefined) return undefined;
    const names = (await readdir(folder)).filter((name) => !emptyNames.has(name));
    if (names.length > 0 && !names.includes('.nightjar')) {
      throw new CodedError('conflict', `${folder} is not empty, so it does not become a mirror.`);
    }
    const diskId = await Disk.adoptMirror(folder, { diskId: randomUUID(), boxId, libraryId: id, now: now() });
    await settings.putText(mirrorFoldersSetting, JSON.stringify({ ...this.#known(), [folder]: diskId }));
    return diskId;
  }

  async #release(folder: string, { disk, diskId }: AttachedMirror): Promise<void> {
    this.#attached.delete(folder);
    await this.#deps.letGo(diskId);
    await disk.close().catch(() => undefined);
  }
}
