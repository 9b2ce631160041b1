/**
 * What is said of the whole house, put together: the home page's answer, what needs somebody, the nights and their
 * reports, and what is told off the box; from what every room knows. A part of the composition root, which alone calls it.
 */
import { limitsRoutes } from './access/limits-routes.ts';
import type { PasswordCost } from './access/passwords.ts';
import type { Admission } from './admission.ts';
import type { LiveEvent } from './api.ts';
import type { Appliance } from './appliance/appliance.ts';
import { Attaching, type PlantedDisks } from './attaching.ts';
import { Copies } from './copies.ts';
import { AlertBook } from './health/alert-book.ts';
import { alertsRoutes } from './health/alerts-routes.ts';
import { Channels } from './health/channels.ts';
import { channelsRoutes } from './health/channels-routes.ts';
import { daily } from './health/cron.ts';
import { DisksRoom } from './health/disks-room.ts';
import { disksRoomRoutes } from './health/disks-room-routes.ts';
import type { MachineFacts, WatchFacts } from './health/facts.ts';
import { Home, type Viewer } from './health/home.ts';
import { readMachine } from './health/machine.ts';
import { Nights } from './health/nights.ts';
import { reportsRoutes } from './health/reports-routes.ts';
import { homeRoutes } from './health/routes.ts';
import { Watch } from './health/watch.ts';
import type { Routes } from './http/contract.ts';
import type { LiveEvents } from './http/live-events.ts';
import type { OpenLibrary } from './library/open-library.ts';
import { safeRoutes } from './library/safe-routes.ts';
import type { Clock } from './platform/clock.ts';
import type { Database } from './platform/database.ts';
import type { Destination } from './platform/destinations.ts';
import type { Jobs } from './platform/jobs.ts';
import type { Logger } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import type { Presence } from './presence.ts';
import type { Storage } from './storage.ts';
import type { UploadsEvent } from './uploads/contract.ts';

/** What the machine tells; tests plant another. */
export type Machine = Readonly<{
  read: () => Promise<MachineFacts>;
  /** Default: the library's disk is asked. */
  room?: (open: OpenLibrary) => Promise<{ totalBytes: number; freeBytes: number }>;
}>;
/**
 * What tests put in the place of the box's own: a clock that they turn (ms since 1970), how often due jobs are seen, what
 * a password's hash costs.
 */
export type Planted = Readonly<{
  now?: () => number;
  machine?: Machine;
  pollMs?: number;
  disks?: PlantedDisks;
  passwordCost?: PasswordCost;
}>;

/** How far back the box’s time may go by a pulled plug. */
const saveEveryMs = 3_600_000;
/** Of what is over, at home. */
const overMax = 5;

type OverviewDeps = Readonly<{
  storage: Storage;
  admission: Admission;
  appliance: Appliance;
  presence: Presence;
  live: LiveEvents<LiveEvent>;
  clock: Clock;
  database: Database;
  stateDir: string;
  boxId: string;
  config: Readonly<{ diskDir: string | undefined; mirrorDirs: readonly string[] }>;
  machine: Machine | undefined;
  disks: PlantedDisks | undefined;
  /** What reads from a disk that is only looked at stops. */
  letGoSource: (source: string) => Promise<void>;
  /** Lets the box start anew. */
  restart: () => void;
  /** Something goes elsewhere off the box; resolves when the way is open. Never rejects. */
  onDestinations: () => Promise<void>;
  now: () => number;
  log: Logger;
}>;

export class Overview {
  readonly #deps: OverviewDeps;
  readonly #home: Home;
  readonly #attaching: Attaching;
  readonly #copies: Copies;
  readonly #nights: Nights;
  readonly #book: AlertBook;
  readonly #channels: Channels;
  readonly #watch: Watch;

  /** On parts that are open; close it before them. */
  constructor(deps: OverviewDeps) {
    this.#deps = deps;
    const { admission, presence, database, boxId, now, log } = deps;
    const { options, book } = admission.access.parts;
    const { record } = options;
    this.#channels = new Channels({
      database,
      boxName: () => presence.name,
      boxId: () => boxId,
      record,
      requireConfirmed: (caller) => book.requireConfirmed(caller),
      onDestinations: deps.onDestinations,
      now,
      log,
    });
    this.#book = new AlertBook({
      database,
      now,
      personOf: (phoneId) => admission.phones.phone(phoneId)?.personId ?? null,
      record,
      onChangeInWrite: (change) => this.#channels.tellAlertInWrite(change),
    });
    const letGo = { mirror: (id: string) => this.#copies.letGo(id), source: deps.letGoSource };
    this.#attaching = new Attaching({ ...deps, letGo, planted: deps.disks });
    this.#copies = new Copies({ ...deps, attached: this.#attaching, nightSince: () => this.#nights.since });
    this.#nights = this.#makeNights();
    this.#home = this.#makeHome();
    this.#watch = new Watch({
      database,
      home: this.#home,
      nights: this.#nights,
      book: this.#book,
      channels: this.#channels,
      readSlow: async () => ({
        machine: await (deps.machine?.read ?? readMachine)(),
        certificates: certificatesOf(presence),
      }),
      saveTime: () => deps.clock.save(),
      log,
    });
  }

  async open(): Promise<void> {
    this.#book.open();
    await this.#nights.open();
    this.#copies.open();
    this.#home.open();
  }

  noteUploads(event: UploadsEvent): void {
    this.#home.noteUploads(event);
  }

  routes(): Routes[] {
    const { admission, storage } = this.#deps;
    return [
      homeRoutes(this.#home),
      alertsRoutes(this.#book),
      reportsRoutes(this.#nights),
      disksRoomRoutes(this.#makeRoom()),
      channelsRoutes(this.#channels),
      safeRoutes(storage.library),
      ...this.#attaching.routes(),
      ...this.#copies.routes(),
      limitsRoutes({ limits: admission.limits, used: (personId) => this.#used(personId) }),
    ];
  }

  handlers(): ReturnType<Watch['handlers']> {
    const { clock } = this.#deps;
    const save = { version: 1, leaseMs: 60_000, attemptsMax: 5, everyMs: saveEveryMs, run: () => clock.save() };
    const kept = { ...this.#copies.handlers(), ...this.#attaching.handlers() };
    return { ...this.#watch.handlers(), ...kept, 'save-the-time': save };
  }

  /** With the jobs that its handlers are among. */
  start(jobs: Pick<Jobs, 'enqueue'>): void {
    this.#watch.start(jobs);
    this.#copies.start();
    this.#attaching.start();
  }

  /** For the first run. */
  get diskChoice(): Attaching['choice'] {
    return this.#attaching.choice;
  }

  placeOf(diskId: string): string | undefined {
    return this.#copies.placeOf(diskId);
  }

  /** Where mirrors are attached now. */
  mirrorPlaces(): string[] {
    return this.#copies.mirrors().map(({ disk }) => disk.path);
  }

  /** Where the box goes off the box, of what the owner turned on. */
  destinations(): Destination[] {
    return [...this.#channels.destinations(), ...this.#copies.destinations()];
  }

  /** Before the machine goes off: every attached disk is let go. Never rejects. */
  async letGoOfDisks(limitMs: number): Promise<void> {
    await this.#attaching.letGoOfAll(limitMs);
  }

  /** It stays on after all. Never rejects. */
  async takeDisksBack(): Promise<void> {
    await this.#attaching.takeBack();
  }

  /** Somebody owns the box now. @throws {CodedError} `disk-missing`, `disk-foreign` */
  async claimed(): Promise<void> {
    await this.#attaching.claimed();
  }

  async close(): Promise<void> {
    await this.#watch.close();
    await this.#copies.close();
    await this.#attaching.close();
    await this.#home.close();
  }

  #makeRoom(): DisksRoom {
    const { storage, machine } = this.#deps;
    return new DisksRoom({
      library: storage.library,
      mirrors: () => this.#copies.mirrors(),
      looks: () => this.#attaching.looks(),
      nights: this.#nights,
      reserveBytes: storage.uploads.limits.reserveBytes,
      readRoom: machine?.room,
    });
  }

  #makeNights(): Nights {
    const { storage, admission, appliance, database, now } = this.#deps;
    return new Nights({
      database,
      settings: new Settings(database),
      library: storage.library,
      unfinished: (open) => storage.uploads.unfinished(open),
      verified: (open, span) => this.#copies.verified(open, span),
      mirrored: (open, span) => this.#copies.mirrored(open, span),
      boxCopy: () => this.#copies.boxCopy,
      reserveBytes: storage.uploads.limits.reserveBytes,
      zone: appliance.timeZone,
      daily,
      record: admission.access.parts.options.record,
      onReportInWrite: (report) => this.#channels.tellReportInWrite(report),
      now,
    });
  }

  #makeHome(): Home {
    const { storage, admission, appliance, live, clock, machine, now, log } = this.#deps;
    const { access, phones } = admission;
    return new Home({
      library: storage.library,
      phones: () => phones.list({ kind: 'console' }),
      people: () => access.people().map(({ id, role }) => ({ personId: id, owner: role === 'owner' })),
      hasSecondFactor: (personId) => access.parts.factors.has(personId),
      firstRunOver: () => appliance.firstRun.view().finished,
      clockBehind: () => clock.isBehind(),
      videoToolsMissing: () => storage.reader.videoToolsMissing(),
      reserveBytes: storage.uploads.limits.reserveBytes,
      zone: appliance.timeZone,
      nights: () => this.#nights.settings,
      kept: (viewer) => ({
        open: this.#book.list(asked(viewer)),
        cleared: this.#book.cleared(asked(viewer), undefined, overMax),
      }),
      lastReport: (viewer) => this.#nights.latest(asked(viewer)),
      nextReportAt: () => this.#nights.view().nextReportAt,
      quota: (personId) => {
        const { quotaBytes } = this.#deps.admission.limits.of(personId);
        return quotaBytes === null ? null : { quotaBytes, usedBytes: this.#usedBytes(personId) };
      },
      disks: (open) => this.#attaching.home(this.#mirrorsOf(open)),
      watch: (open) => this.#watched(open),
      ...(machine?.room && { readRoom: machine.room }),
      // Of an older state nobody needs to hear.
      tell: (personId, event) => live.tell({ personId, owners: true }, event, { latestOf: `home of ${personId}` }),
      watched: () => live.open > 0,
      now,
      log,
    });
  }

  #watched(open: OpenLibrary | undefined): Omit<WatchFacts, 'night' | 'zone'> {
    return {
      ...this.#watch.slow,
      silentNightsMin: this.#nights.settings.silentNights,
      fullInDays: this.#nights.fullInDays,
      damaged: damagedIn(open),
      mirrors: this.#mirrorsOf(open),
      offbox: this.#copies.offboxStanding(),
      disks: this.#attaching.standings(),
      aheadMs: this.#deps.appliance.internetAnswer?.aheadMs ?? null,
      failing: this.#channels.failing(),
      book: this.#book,
    };
  }

  /** Null: nobody knows just now. */
  #mirrorsOf(open: OpenLibrary | undefined): WatchFacts['mirrors'] {
    try {
      return open === undefined ? null : this.#copies.mirrorStandings(open);
    } catch {
      return null;
    }
  }

  /** Null: nobody knows just now. */
  #usedBytes(personId: string): number | null {
    try {
      return this.#used(personId)?.bytes ?? null;
    } catch {
      return null;
    }
  }

  #used(personId: string): { files: number; bytes: number } | null {
    const { library } = this.#deps.storage;
    return library.state === 'ok' ? library.current().standing.usage(personId) : null;
  }
}

function asked({ personId, owner }: Viewer) {
  return { kind: 'person', personId, role: owner ? 'owner' : 'member' } as const;
}

/** Null: the library went away meanwhile, which it finds out by itself. */
function damagedIn(open: OpenLibrary | undefined): number | null {
  try {
    return open?.standing.damagedCount() ?? null;
  } catch {
    return null;
  }
}

function certificatesOf({ certificates }: Presence): WatchFacts['certificates'] {
  const { nameValidUntil, addressValidUntil, owners } = certificates;
  return [
    { which: 'name', validUntil: nameValidUntil },
    { which: 'address', validUntil: addressValidUntil },
    ...(owners === null ? [] : [{ which: 'owner', validUntil: owners.validUntil } as const]),
  ];
}
