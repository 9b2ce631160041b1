/**
 * What keeps the photos and the box as they are, put together: reading the originals again, the mirrors, and the sealed
 * copies of the box state. A part of the composition root, which alone calls it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Admission } from './admission.ts';
import { Adoption } from './copies/adoption.ts';
import { adoptionRoutes } from './copies/adoption-routes.ts';
import { BoxCopies, type BoxCopyState } from './copies/box-copies.ts';
import { boxCopiesRoutes } from './copies/box-copies-routes.ts';
import { LastKnown } from './copies/last-known.ts';
import { Mirroring } from './copies/mirroring.ts';
import { mirrorsRoutes } from './copies/mirrors-routes.ts';
import { Promotion } from './copies/promotion.ts';
import { Verification } from './copies/verification.ts';
import { verificationRoutes } from './copies/verification-routes.ts';
import type { AttachedMirror } from './disks/disk.ts';
import { FolderMirrors } from './disks/folder-mirrors.ts';
import type { Routes } from './http/contract.ts';
import { transportOf } from './http/server.ts';
import type { OpenLibrary } from './library/open-library.ts';
import { Offbox, type OffboxStanding } from './offbox/offbox.ts';
import { offboxRoutes } from './offbox/routes.ts';
import type { Database } from './platform/database.ts';
import type { Destination } from './platform/destinations.ts';
import type { JobHandler } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import type { Presence } from './presence.ts';
import type { Storage } from './storage.ts';

type CopiesDeps = Readonly<{
  storage: Pick<Storage, 'library' | 'uploads' | 'pictures'>;
  admission: Admission;
  presence: Presence;
  database: Database;
  stateDir: string;
  boxId: string;
  config: Readonly<{ diskDir: string | undefined; mirrorDirs: readonly string[] }>;
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  /** Disks that the box attached by itself. */
  attached: Readonly<{
    mirrors: () => readonly AttachedMirror[];
    placeOf: (diskId: string) => string | undefined;
    foreignPlaces: () => readonly string[];
    /** The disk with this marker gave back other bytes than it was given. */
    sawDamage: (diskId: string) => void;
  }>;
  /** Lets the box start anew. */
  restart: () => void;
  /** Something goes elsewhere off the box; resolves when the way is open. */
  onDestinations: () => Promise<void>;
  now: () => number;
  log: Logger;
}>;

/** By which the library is known, of all the disks that may hold it. */
export const diskIdSetting = 'library.disk-id';
const stateMigrationsDir = new URL('schema/box-state', import.meta.url).pathname;
const libraryMigrationsDir = new URL('schema/library', import.meta.url).pathname;
/** After a picture was asked for, the next one is. */
const lookedAtMs = 5_000;
/** Of what is lost, in a report. */
const lostNamedMax = 20;

export class Copies {
  readonly #verification: Verification;
  readonly #boxCopies: BoxCopies;
  readonly #deps: CopiesDeps;
  readonly #folders: FolderMirrors;
  readonly #mirroring: Mirroring;
  readonly #promotion: Promotion;
  readonly #adoption: Adoption;
  readonly #offbox: Offbox;

  constructor(deps: CopiesDeps) {
    this.#deps = deps;
    const { storage, admission, presence, config, nightSince, now, log, ...box } = deps;
    const { library, uploads, pictures } = storage;
    const busy = () => uploads.inUse || pictures.lookedAtWithin(lookedAtMs);
    const onDamage = (diskId: string) => deps.attached.sawDamage(diskId);
    const reading = { library, nightSince, busy, onDamage, now, log };
    this.#verification = new Verification({
      ...reading,
      onLost: () => this.#mirroring.wake(),
      checkMade: (open, id) => pictures.checkMade(open, id),
    });
    const settings = new Settings(box.database);
    this.#folders = new FolderMirrors({
      folders: config.mirrorDirs,
      libraryDir: config.diskDir,
      settings,
      boxId: box.boxId,
      libraryDiskId: () => settings.text(diskIdSetting),
      libraryId: () => (library.state === 'ok' ? library.current().disk.libraryId : undefined),
      letGo: (diskId) => this.#mirroring.letGo(diskId),
      randomUUID,
      now,
      log,
    });
    const mirrors = () => this.mirrors();
    this.#mirroring = new Mirroring({
      ...reading,
      mirrors,
      lastKnown: new LastKnown(settings),
      onDoubt: (_open, id) => this.#verification.suspect(id),
    });
    this.#promotion = new Promotion({
      library,
      mirrors,
      mirroring: this.#mirroring,
      settings,
      database: box.database,
      migrationsDir: libraryMigrationsDir,
      libraryDiskId: () => settings.text(diskIdSetting),
      putLibraryInWrite: (diskId) => settings.putTextInWrite(diskIdSetting, diskId),
      putFormerInWrite: (place, diskId) => this.#folders.putFormerInWrite(place, diskId),
      now,
      log,
    });
    this.#boxCopies = new BoxCopies({
      ...box,
      library,
      recoveryKey: admission.access.parts.recoveryKey,
      boxName: () => presence.name,
      nightSince,
      reserveBytes: uploads.limits.reserveBytes,
      now,
      randomBytes,
      log,
    });
    this.#offbox = this.#makeOffbox(busy);
    this.#adoption = new Adoption({
      access: admission.access,
      copies: this.#boxCopies,
      stateDir: box.stateDir,
      boxId: box.boxId,
      settings,
      places: () => [...(config.diskDir === undefined ? [] : [config.diskDir]), ...deps.attached.foreignPlaces()],
      stateMigrationsDir,
      libraryMigrationsDir,
      diskIdSetting,
      now,
      log,
    });
  }

  /** Before the library is opened. */
  open(): void {
    this.#verification.open();
    this.#mirroring.open();
    this.#promotion.open();
    this.#offbox.open();
  }

  /** After the library was looked for. */
  start(): void {
    this.#folders.open();
    this.#promotion.start();
  }

  /** Before the library is closed. */
  async close(): Promise<void> {
    await this.#offbox.close();
    await this.#promotion.close();
    await this.#folders.close();
  }

  /** In which folder a disk belongs that is not at the configured one. */
  placeOf(diskId: string): string | undefined {
    return this.#deps.attached.placeOf(diskId) ?? this.#folders.placeOf(diskId);
  }

  /** No file on this mirror is open afterwards. */
  async letGo(diskId: string): Promise<void> {
    await this.#mirroring.letGo(diskId);
  }

  routes(): Routes[] {
    const { admission, restart } = this.#deps;
    const { access } = admission;
    return [
      adoptionRoutes({ adoption: this.#adoption, transportOf, restart }),
      verificationRoutes(this.#verification),
      boxCopiesRoutes(this.#boxCopies),
      offboxRoutes(this.#offbox),
      mirrorsRoutes({
        mirroring: this.#mirroring,
        promotion: this.#promotion,
        requireConfirmed: (caller) => access.parts.book.requireConfirmed(caller),
        record: (entry) => this.#deps.database.write(() => access.record(entry)),
      }),
    ];
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    return { ...this.#boxCopies.handlers(), ...this.#offbox.handlers() };
  }

  /** For the checks. */
  offboxStanding(): OffboxStanding {
    return this.#offbox.standing();
  }

  /** Where the copy away from home is. */
  destinations(): Destination[] {
    return this.#offbox.destinations();
  }

  get boxCopy(): BoxCopyState {
    return this.#boxCopies.state;
  }

  /** For the report of a night. */
  mirrored(open: OpenLibrary, span: { from: number; to: number }) {
    return this.#mirroring
      .report(open, span)
      .map(({ files: count, healed, damaged, waiting, diskId: disk, ...rest }) => {
        const { bytes, name, attached, lastCompleteAt } = rest;
        return {
          disk,
          name,
          attached,
          count,
          bytes,
          healed,
          damaged,
          behind: { count: waiting.files, bytes: waiting.bytes },
          lastCompleteAt,
        };
      });
  }

  /** Those that are attached. */
  mirrors(): AttachedMirror[] {
    // The one that became the library a moment ago is held as a mirror until it is looked at.
    const library = this.#promotion.library().diskId;
    const all = [...this.#folders.attached(), ...this.#deps.attached.mirrors()];
    return all.filter(({ diskId }) => diskId !== library);
  }

  /** For the checks. */
  mirrorStandings(open: OpenLibrary) {
    return this.#mirroring.standing(open);
  }

  /** For the report of a night. */
  verified(open: OpenLibrary, span: { from: number; to: number }) {
    const { files: count, bytes, damaged, lost } = this.#verification.report(open, span, lostNamedMax);
    return { count, bytes, damaged, lost: { count: open.standing.damagedCount(), files: lost } };
  }

  #makeOffbox(busy: () => boolean): Offbox {
    const { storage, admission, database, stateDir, boxId, config, nightSince, onDestinations, now, log } = this.#deps;
    const { library, uploads } = storage;
    const { record } = admission.access.parts.options;
    const own = [stateDir, config.diskDir, ...config.mirrorDirs].filter((dir) => dir !== undefined);
    return new Offbox({
      library,
      database,
      stateDir,
      boxId,
      diskDir: config.diskDir,
      ownDirs: () => [
        ...own,
        ...(library.state === 'ok' ? [library.current().disk.path] : []),
        ...this.mirrors().map(({ disk }) => disk.path),
      ],
      nightSince,
      busy,
      reserveBytes: uploads.limits.reserveBytes,
      requireConfirmed: (caller) => admission.access.parts.book.requireConfirmed(caller),
      record,
      onDestinations,
      randomBytes,
      now,
      log,
    });
  }
}
