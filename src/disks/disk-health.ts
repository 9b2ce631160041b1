/**
 * Owns what disks tell of themselves: asks each every six hours, has them test themselves, keeps what they said for 400
 * days, and says how each is.
 * Never touches a device: what needs root is asked of the helper, through `smart` and `selfTest`. Wakes no sleeping disk
 * to ask it. Never says that a disk is well which said nothing.
 * Called by its own routes, by the jobs, by who sees kernel errors or damaged files, and by who tells people.
 */
import type { Logger } from 'pino';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { JobHandler } from '../platform/jobs.ts';
import type { DiskEvents } from './disk-measures.ts';
import { type Judgement, judge } from './disk-verdict.ts';
import type { DiskHealthView } from './health-contract.ts';
import {
  type AskedDisk,
  type DayReading,
  type DiskEventKind,
  keptDays,
  SmartHistoryStore,
} from './smart-history-store.ts';
import { readSmartctl, type SmartReading } from './smart-reading.ts';
import { nextTypes, outcomeOf, type SmartOutcome, type SmartType, type Transport } from './smart-types.ts';

/** One that is attached now. `id`: what it is known by for good (a serial number, a WWN), not where it is plugged in. */
export type HealthDisk = Readonly<{ id: string; transport: Transport }>;

export type DiskHealthDeps = Readonly<{
  database: Database;
  disks: () => readonly HealthDisk[] | Promise<readonly HealthDisk[]>;
  /**
   * What `smartctl --json -x -n standby -d <type>` printed of the disk, parsed, and its exit status, which is no failure.
   * @throws when smartctl could not be run at all, or the disk is gone.
   */
  smart: (diskId: string, type: SmartType, signal: AbortSignal) => Promise<{ exitStatus: number; report: unknown }>;
  /** Begins the disk's own test (`smartctl -t`), which runs in the disk while it works on. Some know none: no matter. */
  selfTest: (diskId: string, type: SmartType, kind: SelfTestKind, signal: AbortSignal) => Promise<unknown>;
  /** Told after each reading after which the verdict is another than before. */
  onVerdict?: (diskId: string, judgement: Judgement) => void;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}>;
export type SelfTestKind = 'short' | 'long';
type RecurringHandler = JobHandler & Readonly<{ everyMs: number }>;

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const readEveryMs = 6 * hourMs;
/** Looked for daily; each disk is tested so often. */
const testEveryMs: Readonly<Record<SelfTestKind, number>> = { short: 7 * dayMs, long: 30 * dayMs };
/** A box has a few disks; a machine with more has somebody else to watch them. */
const disksMax = 32;
/** After as many readings (three days) that told nothing, what a disk said before is no word on it any more. */
const staleTries = 12;

export class DiskHealth {
  readonly #deps: DiskHealthDeps;
  readonly #rows: SmartHistoryStore;

  constructor(deps: DiskHealthDeps) {
    this.#deps = deps;
    this.#rows = new SmartHistoryStore(deps.database);
  }

  /** Jobs of the box's database, each to run every `everyMs`. */
  handlers(): Readonly<Record<'read-disks' | 'short-disk-test' | 'long-disk-test', RecurringHandler>> {
    const often = { version: 1, leaseMs: hourMs, attemptsMax: 2 };
    return {
      'read-disks': { ...often, everyMs: readEveryMs, run: (_job, signal) => this.readAll(signal) },
      'short-disk-test': { ...often, everyMs: dayMs, run: (_job, signal) => this.testDue('short', signal) },
      'long-disk-test': { ...often, everyMs: dayMs, run: (_job, signal) => this.testDue('long', signal) },
    };
  }

  /** Asks every attached disk, one after the other. @throws when of several disks none could be asked. */
  async readAll(signal: AbortSignal): Promise<void> {
    await this.#each(await this.#attached(), signal, (disk) => this.read(disk, signal));
  }

  /** Asks one disk now. @throws what `smart` throws; what was known stays, and is believed no longer than of a silent disk. */
  async read(disk: HealthDisk, signal: AbortSignal): Promise<void> {
    const before = this.#rows.asked(disk.id);
    const verdictBefore = before === undefined ? undefined : this.#judge(disk.id, before).verdict;
    const tried = await this.#ask(disk, before, signal).catch(async (error: unknown) => {
      // Running into its limit is how a dying disk answers.
      if (before !== undefined && error instanceof CodedError && error.code === 'command-failed')
        await this.#deps.database.write(() => this.#rows.put(disk.id, silentNow(before, this.#deps.now())));
      throw error;
    });
    if (tried === undefined) return;
    const at = this.#deps.now();
    const asked = askedNow(before, tried, at);
    await this.#deps.database.write(() => {
      this.#rows.put(disk.id, asked);
      if (tried.outcome === 'told') this.#rows.putDay(disk.id, at, tried.reading);
    });
    const judgement = this.#judge(disk.id, asked);
    if (judgement.verdict !== verdictBefore) this.#deps.onVerdict?.(disk.id, judgement);
  }

  /**
   * Begins the tests that are due: the short one of every disk, the long one of the disk that waits longest, so that two
   * copies are never slow at once. None on a disk that is failing (reading all of it may be its last), tests already,
   * or sleeps; one that sleeps at every look is woken once it is due twice over.
   */
  async testDue(kind: SelfTestKind, signal: AbortSignal): Promise<void> {
    const due = (await this.#attached())
      .map((disk) => ({ disk, asked: this.#rows.asked(disk.id) }))
      .filter((one): one is { disk: HealthDisk; asked: AskedDisk } => one.asked !== undefined)
      .filter(({ disk, asked }) => this.#isDue(disk, asked, kind))
      .toSorted((a, b) => lastTest(a.asked, kind) - lastTest(b.asked, kind))
      .slice(0, kind === 'short' ? disksMax : 1);
    await this.#each(due, signal, async ({ disk, asked }) => {
      if (asked.smartType === null) return;
      await this.#deps.selfTest(disk.id, asked.smartType, kind, signal);
      await this.#deps.database.write(() => this.#rows.putTest(disk.id, kind, this.#deps.now()));
    });
  }

  /**
   * Asks it, and begins its test unless it runs one already. A person chose so: a failing disk is tested too.
   * @throws {CodedError} `not-found` when it is not attached, `conflict` when it knows no tests; what the helper throws
   */
  async testNow(diskId: string, kind: SelfTestKind): Promise<void> {
    const disk = (await this.#attached()).find(({ id }) => id === diskId);
    if (disk === undefined) throw new CodedError('not-found', 'This disk is not attached. Nothing was done.');
    const { signal } = new AbortController();
    await this.read(disk, signal);
    const asked = this.#rows.asked(diskId);
    if (asked?.smartType == null) {
      throw new CodedError('conflict', 'This disk tells nothing of itself, so it cannot be told to test itself.');
    }
    if (asked.reading?.selfTests.running != null) return;
    await this.#deps.selfTest(diskId, asked.smartType, kind, signal);
    await this.#deps.database.write(() => this.#rows.putTest(diskId, kind, this.#deps.now()));
    await this.read(disk, signal);
  }

  /** Something that the box itself saw of the disk. `times`: how often, 1 to a million; anything else is left out. */
  async saw(diskId: string, kind: DiskEventKind, times = 1): Promise<void> {
    if (!Number.isSafeInteger(times) || times < 1) return;
    await this.#deps.database.write(() =>
      this.#rows.addEvents(diskId, this.#deps.now(), kind, Math.min(times, 1_000_000)),
    );
  }

  /** How it is, as far as is known; a disk that was never asked tells nothing. */
  judgement(diskId: string): Judgement {
    return this.#judge(diskId, this.#rows.asked(diskId));
  }

  /** `days`: of history, 1 to 400. @throws {CodedError} `not-found` for a disk that was never asked. */
  view(diskId: string, days: number): DiskHealthView {
    const asked = this.#rows.asked(diskId);
    if (asked === undefined) {
      throw new CodedError(
        'not-found',
        'This disk has not been asked how it is yet. Look again once it was attached for some hours.',
      );
    }
    const history = this.#rows.days(diskId, this.#deps.now(), Math.min(days, keptDays));
    const { verdict, advice, reasons } = this.#judge(diskId, asked);
    return {
      id: diskId,
      verdict,
      advice,
      reasons: reasons.map((reason) => ({ ...reason, params: { ...reason.params } })),
      lookedAt: asked.lookedAt,
      asleep: asked.asleep,
      readAt: asked.readAt,
      now: asked.reading === null ? null : nowView(asked.reading),
      events: this.#rows.events(diskId, this.#deps.now()),
      history: history.map(dayView),
    };
  }

  async #attached(): Promise<readonly HealthDisk[]> {
    return (await this.#deps.disks()).slice(0, disksMax);
  }

  /** What fails for one is no reason to leave out the others; when all fail, something else is wrong. */
  async #each<One>(all: readonly One[], signal: AbortSignal, run: (one: One) => Promise<void>): Promise<void> {
    const errors: unknown[] = [];
    for (const one of all) {
      signal.throwIfAborted();
      try {
        await run(one);
      } catch (error) {
        errors.push(error);
        this.#deps.log.warn({ error }, 'A disk could not be asked how it is; the others are.');
      }
    }
    if (errors.length > 0 && errors.length === all.length) throw errors[0];
  }

  /** The first way of asking that brings an answer; else the one that at least says what it is. Undefined: no way. */
  async #ask(disk: HealthDisk, before: AskedDisk | undefined, signal: AbortSignal): Promise<Tried | undefined> {
    let best: Tried | undefined;
    for (const type of nextTypes(disk.transport, before?.smartType ?? null, before?.silentTries ?? 0)) {
      signal.throwIfAborted();
      const { report, exitStatus } = await this.#deps.smart(disk.id, type, signal);
      const reading = readSmartctl(report, exitStatus);
      const tried = { type, reading, outcome: outcomeOf(reading) };
      if (tried.outcome === 'told' || tried.outcome === 'asleep') return tried;
      if (best === undefined || (best.outcome === 'silent' && tried.outcome === 'identified')) best = tried;
    }
    return best;
  }

  #judge(diskId: string, asked: AskedDisk | undefined): Judgement {
    const at = this.#deps.now();
    const events = this.#rows.events(diskId, at);
    const said = this.#judgeReading(diskId, asked?.reading ?? null, asked?.readAt ?? at, events);
    const stale = asked === undefined || asked.silentTries >= staleTries;
    // That it was bad is not over because it says nothing any more.
    if (!stale || said.verdict === 'replace-soon' || said.verdict === 'failing') return said;
    return judge({ reading: null, growth: null, events });
  }

  #judgeReading(diskId: string, reading: SmartReading | null, readAt: number, events: DiskEvents): Judgement {
    // Compared with the days before the reading, however long ago that was: a disk may have been away since.
    const growth = reading === null ? null : this.#rows.growth(diskId, readAt, reading);
    return judge({ reading, growth, events });
  }

  #isDue(disk: HealthDisk, asked: AskedDisk, kind: SelfTestKind): boolean {
    const waitedMs = this.#deps.now() - lastTest(asked, kind);
    const { smartType, reading } = asked;
    if (smartType === null || reading === null || asked.silentTries > 0) return false;
    if (waitedMs < testEveryMs[kind] * (asked.asleep ? 2 : 1)) return false;
    if (asked.asleep && waitedMs === Number.POSITIVE_INFINITY) return false;
    return reading.selfTests.running === null && this.#judge(disk.id, asked).verdict !== 'failing';
  }
}

type Tried = Readonly<{ type: SmartType; reading: SmartReading; outcome: SmartOutcome }>;

/** A disk that sleeps, or says nothing for once, keeps what it said before. */
function askedNow(before: AskedDisk | undefined, { type, reading, outcome }: Tried, at: number): AskedDisk {
  const told = outcome === 'told';
  const asleep = outcome === 'asleep';
  const silentTries = before?.silentTries ?? 0;
  const better = told || (outcome === 'identified' && before?.readAt == null);
  return {
    smartType: told ? type : (before?.smartType ?? null),
    silentTries: told ? 0 : asleep ? silentTries : silentTries + 1,
    asleep,
    lookedAt: at,
    reading: better ? reading : (before?.reading ?? null),
    readAt: told ? at : (before?.readAt ?? null),
    shortTestAt: before?.shortTestAt ?? null,
    longTestAt: before?.longTestAt ?? null,
  };
}

function silentNow(before: AskedDisk, at: number): AskedDisk {
  return { ...before, silentTries: before.silentTries + 1, asleep: false, lookedAt: at };
}

function lastTest(asked: AskedDisk, kind: SelfTestKind): number {
  return (kind === 'short' ? asked.shortTestAt : asked.longTestAt) ?? Number.NEGATIVE_INFINITY;
}

function nowView(reading: SmartReading): NonNullable<DiskHealthView['now']> {
  const { deviceType: _, asleep: _asleep, criticalWarning: _warning, failing: _failing, ...told } = reading;
  const { failedBefore: _before, exit: _exit, selfTests, ...plain } = told;
  return {
    ...plain,
    selfTests: selfTests.done.map((test) => ({ ...test })),
    testing: selfTests.running === null ? null : { ...selfTests.running },
  };
}

function dayView({ day, ...counts }: DayReading): DiskHealthView['history'][number] {
  return { day: new Date(day * dayMs).toISOString().slice(0, 10), ...counts };
}
