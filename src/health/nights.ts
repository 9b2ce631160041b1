/**
 * Owns the nights: when they are, and their reports. Each report is made once the window of its night is over, and kept.
 * Never moves or reads a photo, never says that a night was well that it does not know of. node-cron only says when it is
 * time; a job makes the report, so that no restart, plug or pulled disk takes one away.
 * Called by the watch and by its own routes.
 *
 * What came is counted from where the last counted report ended, in spans of five minutes that meet: each file that ever
 * came in is in exactly one report, and their sums are what is on the disk and what was deleted there since.
 */
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { arrivalsEveryMs, type WaitingKinds } from '../library/standing.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { Settings } from '../platform/settings.ts';
import type { Unfinished } from '../uploads/uploads.ts';
import type { Looker } from './alert-book.ts';
import type { KeptAlert } from './alerts-contract.ts';
import { type ClosedNight, type Hours, lastClosed, openSince, usualHours } from './night.ts';
import { NightsStore } from './nights-store.ts';
import { silentNightsUsual } from './phone-state.ts';
import { nightReport, ownPart, type ReportFacts } from './report.ts';
import type { NightReport } from './reports-contract.ts';
import { bytesPerDay, type DiskSample, fullInDays, trendNights } from './trend.ts';

export type NightsDeps = Readonly<{
  database: Database;
  settings: Settings;
  library: Pick<Library, 'current' | 'state' | 'failed'>;
  unfinished: (open: OpenLibrary) => ReadonlyMap<string, Unfinished>;
  /** What was read again in between. */
  verified: (open: OpenLibrary, span: { from: number; to: number }) => NightReport['verified'];
  /** What each mirror got in between. */
  mirrored: (open: OpenLibrary, span: { from: number; to: number }) => NightReport['mirrored'];
  boxCopy: () => NightReport['boxCopy'];
  /** Free space that receiving leaves alone. */
  reserveBytes: number;
  /** IANA, of the house. */
  zone: () => string;
  /** Calls at a time of day (`cron.ts`). */
  daily: (at: string, zone: string, run: () => void) => { stop: () => void };
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** Told inside the write that keeps a report. */
  onReportInWrite: (report: NightReport) => void;
  now: () => number;
}>;
export type NightSettings = Hours & Readonly<{ silentNights: number }>;
/** How it stands with everybody at the end of a night. */
export type AtNightsEnd = Pick<ReportFacts, 'phones' | 'disk'> & Readonly<{ alerts: readonly KeptAlert[] }>;

const settingsSetting = 'nights.settings';
const countedFromSetting = 'nights.counted-from';
const nightsKept = 400;
/** A window of less would find many phones asleep. */
const windowMinutesMin = 60;
/** Later than any night. */
const afterAll = '9999-12-31';

export class Nights {
  readonly #deps: NightsDeps;
  readonly #rows: NightsStore;
  #settings: NightSettings = { ...usualHours, silentNights: silentNightsUsual };
  #countedFrom = 0;
  #fullInDays: number | null = null;
  #latest: NightReport | undefined;
  #alarm: { key: string; stop: () => void } | undefined;

  constructor(deps: NightsDeps) {
    this.#deps = deps;
    this.#rows = new NightsStore(deps.database);
  }

  /** Reads what was decided. The first time, it also puts down from when on arrivals are counted. */
  async open(): Promise<void> {
    const { settings, now } = this.#deps;
    const kept = settings.text(settingsSetting);
    if (kept !== undefined) this.#settings = { ...this.#settings, ...(JSON.parse(kept) as NightSettings) };
    this.#countedFrom = Number(await settings.lasting(countedFromSetting, () => String(beginOf(now()))));
    this.#forecast();
  }

  /** Calls `onClosed` each time that a window closes; again after a change, from then on by the new one. */
  follow(onClosed: () => void): void {
    const { daily, zone } = this.#deps;
    const { closesAt } = this.#settings;
    const key = `${closesAt} ${zone()}`;
    if (this.#alarm?.key === key) return;
    this.#alarm?.stop();
    this.#alarm = { key, ...daily(closesAt, zone(), onClosed) };
  }

  close(): void {
    this.#alarm?.stop();
    this.#alarm = undefined;
  }

  get settings(): NightSettings {
    return this.#settings;
  }

  /** When the window that is open now began; undefined: it is day. */
  get since(): number | undefined {
    return openSince(this.#deps.now(), this.#deps.zone(), this.#settings);
  }

  /** As `trend.ts`, after the last night. */
  get fullInDays(): number | null {
    return this.#fullInDays;
  }

  /** How full the library's disk was after each of so many last nights, the oldest first, and by how much it fills. */
  roomOf(last: number): { nights: DiskSample[]; bytesPerDay: number | null } {
    const nights = this.#rows.room(this.#toCome(), Math.max(last, trendNights));
    return { nights: nights.slice(-last), bytesPerDay: bytesPerDay(nights) };
  }

  view(): NightSettings & { nextReportAt: number } {
    const { now, zone } = this.#deps;
    const closed = lastClosed(now(), zone(), this.#settings);
    // Summer begins and ends within it: any moment of tomorrow will do to find its end.
    const nextReportAt = lastClosed(closed.to + 36 * 60 * 60_000, zone(), this.#settings).to;
    return { ...this.#settings, nextReportAt };
  }

  /** @throws {CodedError} `invalid-request` for a window of less than an hour */
  async change(asked: { [K in keyof NightSettings]?: NightSettings[K] | undefined }, by: PersonCaller | ConsoleCaller) {
    const before = this.#settings;
    const { opensAt = before.opensAt, closesAt = before.closesAt, silentNights = before.silentNights } = asked;
    const settings: NightSettings = { opensAt, closesAt, silentNights };
    if (minutesBetween(opensAt, closesAt) < windowMinutesMin) {
      throw new CodedError(
        'invalid-request',
        'The window has to be open for an hour at least, and for less than a whole day. Nothing was changed.',
      );
    }
    await this.#deps.database.write(() => {
      this.#deps.settings.putTextInWrite(settingsSetting, JSON.stringify(settings));
      this.#deps.record({ event: 'nights-changed', actor: actorOf(by), detail: settings });
    });
    this.#settings = settings;
    return this.view();
  }

  /** The night whose report is due and not there. A night that was over before the box knew nights has none. */
  due(): ClosedNight | undefined {
    const { now, zone, library } = this.#deps;
    if (library.state === 'none') return undefined;
    const night = lastClosed(now(), zone(), this.#settings);
    return night.to <= this.#countedFrom || this.#rows.has(night.night) ? undefined : night;
  }

  /** Makes the report that is due, if one is. Durable when it returns; safe to repeat. */
  async make({ phones, disk, alerts }: AtNightsEnd): Promise<NightReport | undefined> {
    const night = this.due();
    if (night === undefined) return undefined;
    const { database, onReportInWrite, now } = this.#deps;
    const from = Math.max(this.#countedFrom, this.#rows.countedTo(now()) ?? 0);
    const known = await this.#fromLibrary({ from, to: Math.max(from, beginOf(night.to)) }, phones);
    if (disk !== null) this.#forecast({ night: night.night, ...disk });
    const report = nightReport({
      ...known,
      night,
      madeAt: now(),
      phones,
      silentNightsMin: this.#settings.silentNights,
      disk,
      fullInDays: this.#fullInDays,
      alerts,
      boxCopy: this.#deps.boxCopy(),
    });
    await database.write(() => {
      if (!this.#rows.put(report)) return;
      this.#latest = undefined;
      if (disk !== null) this.#rows.putRoom({ night: night.night, ...disk });
      this.#rows.forget(nightsKept);
      onReportInWrite(report);
    });
    return report;
  }

  /** The last first; a member sees their part. `before`: a night. */
  list(
    caller: PersonCaller | ConsoleCaller,
    { before = afterAll, limit }: { before?: string | undefined; limit: number },
  ) {
    const found = this.#rows.reports(before, limit + 1).map((report) => partOf(report, caller));
    const page = found.slice(0, limit);
    const reports = page.map(({ night, madeAt, library, total, phones, alerts }) => ({
      night,
      madeAt,
      library,
      count: total.count,
      bytes: total.bytes,
      phones: phones.filter(({ came }) => came.count > 0).length,
      alerts: alerts.length,
    }));
    return { reports, next: found.length > limit ? (page.at(-1)?.night ?? null) : null };
  }

  /** The last report as they may see it; undefined: there is none yet. */
  latest(viewer: Looker): NightReport | undefined {
    const before = this.#toCome();
    if (this.#latest === undefined || this.#latest.night >= before) [this.#latest] = this.#rows.reports(before, 1);
    return this.#latest && partOf(this.#latest, viewer);
  }

  /** @throws {CodedError} `not-found` */
  read(caller: PersonCaller | ConsoleCaller, night: string): NightReport {
    const report = this.#rows.report(night);
    if (report !== undefined) return partOf(report, caller);
    throw new CodedError('not-found', 'The box made no report of that night, or it is older than 400 days.');
  }

  /** Where the disk is away nothing is counted: the next report does. */
  async #fromLibrary(
    span: { from: number; to: number },
    phones: AtNightsEnd['phones'],
  ): Promise<
    Pick<
      ReportFacts,
      'library' | 'counted' | 'brought' | 'pictures' | 'unfinished' | 'waiting' | 'verified' | 'mirrored'
    >
  > {
    const { library } = this.#deps;
    const nothing = {
      brought: [],
      pictures: [],
      unfinished: new Map(),
      waiting: new Map(),
      verified: null,
      mirrored: null,
    };
    const away = { library: 'missing', counted: { from: span.from, to: span.from }, ...nothing } as const;
    if (library.state !== 'ok') return away;
    const open = library.current();
    try {
      const { standing } = open;
      const people = [...new Set(phones.map(({ personId }) => personId))];
      const holding = phones.filter(({ counts }) => (counts?.waiting ?? 0) > 0);
      return {
        library: 'ok',
        counted: span,
        brought: standing.brought(span.from, span.to),
        pictures: people.flatMap((id) => standing.pictures(id, span.from, span.to)),
        unfinished: this.#deps.unfinished(open),
        verified: this.#deps.verified(open, span),
        mirrored: this.#deps.mirrored(open, span),
        waiting: new Map<string, WaitingKinds>(holding.map(({ id }) => [id, standing.waitingKinds(id)])),
      };
    } catch (error) {
      const why = await library.failed(open, error);
      if (library.state === 'ok') throw why;
      return away;
    }
  }

  /** A night that can only have been seen by a clock that was wrong. Zones are less than two days apart. */
  #toCome(): string {
    return new Date(this.#deps.now() + 48 * 60 * 60_000).toISOString().slice(0, 10);
  }

  #forecast(now?: { night: string; totalBytes: number; freeBytes: number }): void {
    const kept = this.#rows.room(this.#toCome(), trendNights).filter(({ night }) => night !== now?.night);
    this.#fullInDays = fullInDays(now === undefined ? kept : [...kept, now], this.#deps.reserveBytes);
  }
}

function partOf(report: NightReport, caller: Looker): NightReport {
  return caller.kind === 'console' || caller.role === 'owner' ? report : ownPart(report, caller.personId);
}

/** When the five minutes begin in which it lies. */
function beginOf(at: number): number {
  return Math.floor(at / arrivalsEveryMs) * arrivalsEveryMs;
}

function minutesBetween(opensAt: string, closesAt: string): number {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return (minutes(closesAt) - minutes(opensAt) + 24 * 60) % (24 * 60);
}
