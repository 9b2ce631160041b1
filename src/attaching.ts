/**
 * The attached disks, put together: what is done with them, and how each of them is. A part of the composition root, which
 * alone calls it.
 */

import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { actorOf } from './access/audit.ts';
import type { Admission } from './admission.ts';
import type { LiveEvent } from './api.ts';
import type { FirstRunFacts } from './appliance/first-run.ts';
import { diskIdSetting } from './copies.ts';
import { AttachedDisks } from './disks/attached-disks.ts';
import type { AttachedMirror } from './disks/disk.ts';
import { DiskHealth, type HealthDisk } from './disks/disk-health.ts';
import { disksRoutes } from './disks/disks-routes.ts';
import { diskHealthRoutes } from './disks/health-routes.ts';
import { DiskHelper, helperSocketPath } from './disks/helper.ts';
import { mountRoot } from './disks/mount-table.ts';
import type { HomeView } from './health/contract.ts';
import type { WatchFacts } from './health/facts.ts';
import { homeDisks, type StandingDisk } from './health/home-disks.ts';
import type { Routes } from './http/contract.ts';
import type { LiveEvents } from './http/live-events.ts';
import type { Database } from './platform/database.ts';
import { CodedError } from './platform/errors.ts';
import type { JobHandler } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import type { Storage } from './storage.ts';

/** Another helper than the machine's, and where it mounts. */
export type PlantedDisks = Readonly<{
  socketPath: string;
  mountRoot?: string;
  mountInfo?: string;
  /** The kernel's list of disks. */
  partitions?: string;
  watchMs?: number;
  replyWithinMs?: number;
}>;

type AttachingDeps = Readonly<{
  storage: Pick<Storage, 'library'>;
  admission: Admission;
  live: LiveEvents<LiveEvent>;
  database: Database;
  boxId: string;
  config: Readonly<{ diskDir: string | undefined; mirrorDirs: readonly string[] }>;
  letGo: Readonly<{
    mirror: (markerId: string) => Promise<void>;
    /** As an import names it. */
    source: (source: string) => Promise<void>;
  }>;
  planted: PlantedDisks | undefined;
  now: () => number;
  log: Logger;
}>;

export class Attaching {
  readonly #deps: AttachingDeps;
  readonly #disks: AttachedDisks;
  readonly #health: DiskHealth;
  readonly #settings: Settings;
  readonly #socketPath: string;
  readonly #stop = new AbortController();

  constructor(deps: AttachingDeps) {
    this.#deps = deps;
    const { storage, admission, live, database, boxId, letGo, planted, now, log } = deps;
    const { library } = storage;
    const settings = new Settings(database);
    this.#settings = settings;
    this.#socketPath = planted?.socketPath ?? helperSocketPath;
    const helper = new DiskHelper({ socketPath: this.#socketPath });
    this.#disks = new AttachedDisks({
      mountRoot,
      ...planted,
      ...{ helper, database, settings, boxId },
      libraryDiskId: () => settings.text(diskIdSetting),
      libraryId: () => (library.state === 'ok' ? library.current().disk.libraryId : undefined),
      isNewBox: () => !admission.access.claimed(),
      makeLibrary: (path) => library.create(boxId, path),
      takeLibrary: (markerId) => this.#takeLibrary(markerId),
      // Once it was found; then every six hours, as a job.
      onFound: ({ id, told: { bus } }) => {
        if (bus !== 'other') void this.#readNow({ id, transport: bus });
      },
      onLibraryThere: () => library.lookNow(),
      letGo: { look: letGo.source, mirror: letGo.mirror, library: () => library.hold() },
      judgement: (diskId) => this.#health.judgement(diskId),
      onTrouble: ({ diskId, kind, times }) => this.#health.saw(diskId, kind, times),
      // Nobody's own: every owner hears of it.
      onChange: () => live.tell({ personId: '', owners: true }, { type: 'disks' }, { latestOf: 'disks' }),
      ...{ randomBytes, randomUUID, now, log },
    });
    this.#health = new DiskHealth({
      database,
      disks: () => this.#watched(),
      smart: (id, type) => helper.smart(this.#keyOf(id), type, { wake: false }),
      onVerdict: () => this.#disks.noteHealth(),
      selfTest: (id, type, kind) => helper.selfTest(this.#keyOf(id), type, kind),
      now,
      log,
    });
  }

  /** After the library was looked for: a disk of this box's own is taken up within moments. */
  start(): void {
    this.#disks.open();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#disks.close();
  }

  /** Unmounted and spun down, before the machine goes off. Never rejects. */
  async letGoOfAll(limitMs: number): Promise<void> {
    await this.#disks.letGoOfAll(limitMs);
  }

  /** It stays on after all. Never rejects. */
  async takeBack(): Promise<void> {
    await this.#disks.takeBack();
  }

  /** The configured folder becomes the library; without one, the owner chooses one of the attached disks. */
  async claimed(): Promise<void> {
    const { config, storage, boxId } = this.#deps;
    if (config.diskDir === undefined && existsSync(this.#socketPath)) return;
    await this.#takeLibrary(await storage.library.create(boxId));
  }

  /** Whoever was told that the box is set up may pair and send at once. */
  async #takeLibrary(markerId: string): Promise<void> {
    await this.#settings.putText(diskIdSetting, markerId);
    await this.#deps.storage.library.lookNow();
  }

  mirrors(): readonly AttachedMirror[] {
    return this.#disks.mirrors();
  }

  placeOf(markerId: string): string | undefined {
    return this.#disks.placeOf(markerId);
  }

  /** Where disks are looked at that another box has marked. */
  foreignPlaces(): string[] {
    return this.#disks.foreignPlaces();
  }

  routes(): Routes[] {
    const { admission, database, config } = this.#deps;
    const { access } = admission;
    const library = config.diskDir === undefined ? [] : [{ role: 'library', folder: config.diskDir } as const];
    return [
      disksRoutes({
        disks: this.#disks,
        folders: [...library, ...config.mirrorDirs.map((folder) => ({ role: 'mirror', folder }) as const)],
        requireConfirmed: (caller) => access.parts.book.requireConfirmed(caller),
        record: (event, caller, detail) =>
          database.write(() => access.record({ event, actor: actorOf(caller), detail })),
      }),
      diskHealthRoutes(this.#health),
    ];
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    return { ...this.#health.handlers() };
  }

  /** For the checks: how each attached disk is that can be asked. */
  standings(): WatchFacts['disks'] {
    return this.#disks.watched().map(({ id, told }) => {
      const { verdict, reasons } = this.#health.judgement(id);
      return { disk: id, name: told.printedName, verdict, reason: reasons[0]?.code ?? null };
    });
  }

  /** For the home page. */
  home(mirrors: WatchFacts['mirrors']): NonNullable<HomeView['disks']> {
    return homeDisks({ attached: this.#standing(), mirrors, library: this.#deps.storage.library.state });
  }

  #standing(): StandingDisk[] {
    const listed = this.#disks.list();
    return (
      this.standings()?.flatMap((one) => {
        const view = listed.find(({ id }) => id === one.disk);
        const used = view?.volumes.find(({ role }) => role !== null);
        const free = view?.state === 'free' || view?.state === 'looked-at';
        return { ...one, role: used?.role ?? null, markerId: used?.markerId ?? null, free };
      }) ?? []
    );
  }

  /** For the first run: whether there is a choice to make. */
  get choice(): FirstRunFacts['disks'] {
    if (this.#disks.helper !== 'ok') return 'none-to-make';
    if (this.#deps.storage.library.state === 'none') return 'where-photos-live';
    return this.#disks.mirrors().length > 0 ? 'none-to-make' : 'second-disk';
  }

  looks(): { source: string; path: string }[] {
    return this.#disks.looks();
  }

  /** It gave back other bytes than it was given, or none. A folder that stands as a disk has nothing to tell of. */
  sawDamage(markerId: string): void {
    const id = this.#disks.idOf(markerId);
    if (id === undefined) return;
    this.#health.saw(id, 'damaged-file').then(
      () => this.#disks.noteHealth(),
      (err: unknown) => this.#deps.log.warn({ err, disk: id }, 'what a disk gave back could not be noted'),
    );
  }

  async #readNow(disk: HealthDisk): Promise<void> {
    try {
      await this.#health.read(disk, this.#stop.signal);
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#deps.log.warn({ err: error, disk: disk.id }, 'a new disk could not be asked how it is');
    }
  }

  #watched(): HealthDisk[] {
    return this.#disks.watched().flatMap(({ id, told: { bus } }) => (bus === 'other' ? [] : [{ id, transport: bus }]));
  }

  #keyOf(id: string) {
    const found = this.#disks.watched().find((one) => one.id === id);
    if (found !== undefined) return found.told.key;
    throw new CodedError('not-found', 'This disk is not attached. Nothing was done.');
  }
}
