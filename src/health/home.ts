/**
 * Owns the answer to "is everyone safe?": the verdict, what needs somebody, each phone's state; and tells when it changes.
 * Never reads or writes a photo, never says more than the box knows, and never shows one person's photos to another.
 * Called by its own route; the composition root gives it what the other rooms know, and what the uploads tell.
 */
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { Arrivals, PhoneStanding } from '../library/standing.ts';
import type { ListedPhone } from '../phones/phone-list.ts';
import type { Logger } from '../platform/log.ts';
import type { UploadsEvent } from '../uploads/contract.ts';
import { needsOf } from './alerts.ts';
import type { KeptAlert } from './alerts-contract.ts';
import { Arriving } from './arriving.ts';
import { lastNight, seenAndOver, withIds } from './beside.ts';
import type { Alert, HomeEvent, HomePhone, HomeView } from './contract.ts';
import type { Facts, WatchFacts } from './facts.ts';
import { type Hours, type Night, nightOf } from './night.ts';
import { homePhone, inOrder, tellsAll } from './phone-state.ts';
import type { NightReport } from './reports-contract.ts';
import { Room } from './room.ts';
import { nightStrip } from './strip.ts';
import { verdictOf } from './verdict.ts';

/** Who looks, or would be told. */
export type Viewer = Readonly<{ personId: string; owner: boolean }>;

export type HomeDeps = Readonly<{
  library: Pick<Library, 'current' | 'state' | 'problem' | 'breaks' | 'failed'>;
  /** Every phone that was not revoked. */
  phones: () => readonly ListedPhone[];
  people: () => readonly Viewer[];
  hasSecondFactor: (personId: string) => boolean;
  firstRunOver: () => boolean;
  clockBehind: () => boolean;
  videoToolsMissing: () => boolean;
  /** Free space that receiving leaves alone. */
  reserveBytes: number;
  /** The time zone of the house (IANA). */
  zone: () => string;
  /** When its nights are, and from how many on a phone is silent. */
  nights: () => Hours & Readonly<{ silentNights: number }>;
  /** Alerts that were written down, as they may see them: all that are open, and the last few that were cleared. */
  kept: (viewer: Viewer) => Readonly<{ open: readonly KeptAlert[]; cleared: readonly KeptAlert[] }>;
  /** The last report, as they may see it. */
  lastReport: (viewer: Viewer) => NightReport | undefined;
  nextReportAt: () => number;
  /** Null: they may use as much as there is. */
  quota: (personId: string) => HomeView['quota'];
  /** The library's disk, its mirrors, and what is attached and used for nothing yet. For the owner. */
  disks: (open: OpenLibrary | undefined) => NonNullable<HomeView['disks']>;
  /** What the watch over the nights knows besides. */
  watch: (open: OpenLibrary | undefined) => Omit<WatchFacts, 'night' | 'zone'>;
  /** Asks a disk how much room it has. Default: the disk itself. */
  readRoom?: (open: OpenLibrary) => Promise<{ totalBytes: number; freeBytes: number }>;
  /** Tells a person's pages and phones, and the owners; synchronous, and never throws. */
  tell: (personId: string, event: HomeEvent) => void;
  /** Whether anybody listens to what is told. */
  watched: () => boolean;
  now: () => number;
  log: Logger;
  lookEveryMs?: number;
}>;

/** All that is read once for everybody. */
type Look = Readonly<{
  open: OpenLibrary | undefined;
  now: number;
  night: Night;
  phones: readonly HomePhone[];
  arrivals: readonly Arrivals[];
  room: Facts['room'];
}>;
type FromLibrary = Readonly<{
  standings: ReadonlyMap<string, PhoneStanding>;
  /** Of the phones that tell, and of those of which nothing else came. */
  fromBrowser: ReadonlyMap<string, number>;
  arrivals: readonly Arrivals[];
}>;

const newestMax = 12;

export class Home {
  readonly #deps: HomeDeps;
  readonly #arriving: Arriving;
  readonly #room: Room<OpenLibrary>;
  /** What the library said last: the phones are not worse because the disk is away. Undefined: nothing yet. */
  #known: FromLibrary | undefined;
  /** By person: what was so when they were last told. */
  readonly #told = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: HomeDeps) {
    this.#deps = deps;
    this.#arriving = new Arriving(deps.now);
    this.#room = new Room(() => performance.now(), deps.readRoom ?? ((open) => open.disk.room()));
  }

  /**
   * Begins to look every two seconds, while somebody watches, whether there is anything new to tell. It looks instead of
   * being told by every room: so no change is forgotten, also those that only time makes.
   */
  open(): void {
    const look = () => {
      this.#looking ??= this.#tellChanges()
        .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'what the home page shows could not be told'))
        .finally(() => {
          this.#looking = undefined;
        });
    };
    this.#timer = setInterval(look, this.#deps.lookEveryMs ?? 2_000).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Told of each phone's uploads as they go on. */
  noteUploads(event: UploadsEvent): void {
    this.#arriving.note(event);
  }

  /** All that the page shows first; for the owner all phones, for a member their own. */
  async view(viewer: Viewer): Promise<HomeView> {
    const look = await this.#look();
    const { now: at, night, arrivals, room } = look;
    const phones = seenBy(viewer, look.phones);
    const needs = this.#needs(viewer, look);
    const { lastReport, nextReportAt, nights } = this.#deps;
    const kept = this.#deps.kept(viewer);
    const { silentNights, opensAt } = nights();
    const { fullInDays } = this.#deps.watch(undefined);
    return {
      at,
      verdict: verdictOf(needs, phones, night.since),
      needs: withIds(needs, kept.open, viewer.owner),
      ...seenAndOver(kept, at),
      phones: inOrder(phones),
      library: this.#deps.library.state,
      room,
      fullInDays: fullInDays === null ? null : Math.floor(fullInDays),
      disks: viewer.owner ? this.#deps.disks(look.open) : null,
      quota: this.#deps.quota(viewer.personId),
      nights: { silentNights, opensAt, nextReportAt: nextReportAt(), report: lastNight(lastReport(viewer)) },
      night: nightStrip(night, phones, arrivals),
      mine: this.#mine(viewer.personId, look),
    };
  }

  /** All that the checks are given, as its owner may see it; undefined while nobody owns the box. */
  async house(): Promise<{ facts: Facts } | undefined> {
    const owner = this.#deps.people().find((person) => person.owner);
    return owner && { facts: this.#facts(owner, await this.#look()) };
  }

  async #tellChanges(): Promise<void> {
    if (!this.#deps.watched()) {
      // Whoever comes next is told once more: what changed between their asking and the next look is not lost.
      this.#told.clear();
      return;
    }
    const look = await this.#look();
    for (const viewer of this.#deps.people()) {
      const { personId } = viewer;
      const phones = inOrder(look.phones.filter((phone) => phone.personId === personId));
      const { library, kept, lastReport } = this.#deps;
      const open = kept(viewer).open.map(({ id, state }) => [id, state]);
      const needs = this.#needs(viewer, look);
      const now = JSON.stringify([phones, needs, open, lastReport(viewer)?.night, library.state, look.night]);
      if (this.#told.get(personId) === now) continue;
      this.#told.set(personId, now);
      this.#deps.tell(personId, { type: 'home', person: personId, phones: phones.map(withoutNames) });
    }
  }

  async #look(): Promise<Look> {
    const { now, zone, nights, phones } = this.#deps;
    const at = now();
    const { silentNights: silentNightsMin, ...hours } = nights();
    const night = nightOf(at, zone(), hours);
    const room = await this.#room.of(this.#current());
    const open = this.#current();
    const moment = { now: at, night, zone: zone(), silentNightsMin };
    const listed = phones();
    const known = await this.#fromLibrary(open, night, listed);
    const arrivals = known?.arrivals ?? [];
    const since = sums(arrivals.filter((one) => one.at >= night.from));
    const shown = listed.map((phone) =>
      homePhone(
        {
          phone,
          standing: known === undefined ? null : known.standings.get(phone.id),
          fromBrowser: known?.fromBrowser.get(phone.id) ?? 0,
          newSinceWindow: since.get(phone.id) ?? { count: 0, bytes: 0 },
          arriving: this.#arriving.of(phone.id),
        },
        moment,
      ),
    );
    return { open, now: at, night, phones: shown, arrivals, room };
  }

  async #fromLibrary(
    open: OpenLibrary | undefined,
    night: Night,
    phones: readonly ListedPhone[],
  ): Promise<FromLibrary | undefined> {
    if (open === undefined) return this.#known;
    try {
      const { standing, items } = open;
      const standings = new Map(standing.phones().map((one) => [one.phoneId, one]));
      const asked = phones.filter((phone) => tellsAll(phone) || !standings.get(phone.id)?.lastArrivedAt);
      this.#known = {
        standings,
        fromBrowser: new Map(asked.map(({ id }) => [id, items.fromBrowser(id)])),
        arrivals: standing.arrivals(night.from),
      };
    } catch (error) {
      this.#deps.log.debug({ err: await this.#deps.library.failed(open, error) }, 'the library went away meanwhile');
    }
    return this.#known;
  }

  #current(): OpenLibrary | undefined {
    return this.#deps.library.state === 'ok' ? this.#deps.library.current() : undefined;
  }

  #needs(viewer: Viewer, look: Look): Alert[] {
    return needsOf(this.#facts(viewer, look));
  }

  #facts(viewer: Viewer, { open, now, night, phones, room }: Look): Facts {
    const { library, hasSecondFactor, firstRunOver, clockBehind, videoToolsMissing, reserveBytes, zone } = this.#deps;
    return {
      ...this.#deps.watch(open?.closing.aborted === false ? open : undefined),
      night,
      zone: zone(),
      now,
      owner: viewer.owner,
      phones: seenBy(viewer, phones),
      library: library.state,
      problem: library.problem,
      breaks: library.breaks,
      room,
      reserveBytes,
      secondFactor: hasSecondFactor(viewer.personId),
      firstRunOver: firstRunOver(),
      clockBehind: clockBehind(),
      videoToolsMissing: videoToolsMissing(),
    };
  }

  #mine(personId: string, { open, night }: Look): HomeView['mine'] {
    if (open === undefined || open.closing.aborted) return { count: 0, newest: [] };
    const newest = open.standing
      .newest(personId, night.from, newestMax)
      .map((entry) => ({ ...entry, thumbhash: entry.thumbhash?.toString('base64') ?? null }));
    // Few are all that there are.
    const count = newest.length < newestMax ? newest.length : open.standing.countNew(personId, night.from);
    return { count, newest };
  }
}

/** What a page needs to move its counts. A stream is kept for those who come back: the less is in it, the better. */
function withoutNames(phone: HomePhone) {
  const { id, state, counts, newSinceWindow, arriving, lastReceivedAt, fromBrowser, silentNights } = phone;
  return { id, state, counts, newSinceWindow, arriving, lastReceivedAt, fromBrowser, silentNights };
}

function seenBy({ personId, owner }: Viewer, phones: readonly HomePhone[]): HomePhone[] {
  return phones.filter((phone) => owner || phone.personId === personId);
}

function sums(arrivals: readonly Arrivals[]): Map<string, { count: number; bytes: number }> {
  const byPhone = new Map<string, { count: number; bytes: number }>();
  for (const { phoneId, files, bytes } of arrivals) {
    const { count = 0, bytes: before = 0 } = byPhone.get(phoneId) ?? {};
    byPhone.set(phoneId, { count: count + files, bytes: before + bytes });
  }
  return byPhone;
}
