/**
 * Owns the watch over the house: each minute it looks what needs somebody, at each night's end it makes the report, and
 * what is to be told off the box goes out. Never decides what is wrong (`checks/`), nor what a night was (`nights.ts`).
 * Called by the composition root alone.
 */

import type { Database } from '../platform/database.ts';
import type { JobHandler, Jobs } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import type { AlertBook } from './alert-book.ts';
import { assess } from './alerts.ts';
import type { Channels } from './channels.ts';
import type { WatchFacts } from './facts.ts';
import type { Home } from './home.ts';
import type { Nights } from './nights.ts';

export type SlowFacts = Pick<WatchFacts, 'machine' | 'certificates'>;

export type WatchDeps = Readonly<{
  database: Database;
  home: Pick<Home, 'house'>;
  nights: Nights;
  book: AlertBook;
  channels: Channels;
  /** What is not asked for at every look at a page. */
  readSlow: () => Promise<SlowFacts>;
  /** Writes the box's time down. */
  saveTime: () => Promise<void>;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

const lookKind = 'watch-over';
const reportKind = 'report-the-night';
const lookEveryMs = 60_000;
const leaseMs = 120_000;
/** Of what is old, in looks. */
const forgetEveryLooks = 24 * 60;

export class Watch {
  readonly #deps: WatchDeps;
  #slow: SlowFacts = { machine: { memory: null, celsius: null }, certificates: [] };
  #jobs: Pick<Jobs, 'enqueue'> | undefined;
  #looks = 0;

  constructor(deps: WatchDeps) {
    this.#deps = deps;
  }

  /** As it was at the last look. */
  get slow(): SlowFacts {
    return this.#slow;
  }

  /** What the box's jobs do here; only what has `everyMs` recurs. */
  handlers(): Record<string, JobHandler & { everyMs?: number }> {
    return {
      [lookKind]: { version: 1, leaseMs, attemptsMax: 5, everyMs: lookEveryMs, run: () => this.#look() },
      [reportKind]: { version: 1, leaseMs, attemptsMax: 10, run: () => this.#report() },
    };
  }

  /** Begins to follow the nights; their end puts the report's job down, and the job makes it. */
  start(jobs: Pick<Jobs, 'enqueue'>): void {
    this.#jobs = jobs;
    this.#follow();
  }

  async close(): Promise<void> {
    this.#jobs = undefined;
    this.#deps.nights.close();
    await this.#deps.channels.outbox.close();
  }

  #follow(): void {
    const { nights, log } = this.#deps;
    nights.follow(() => {
      this.#enqueueDue().catch((err: unknown) => log.warn({ err }, 'the end of the night is noticed a little later'));
    });
  }

  /** Whoever was off, or asleep, when the window closed is caught up with here. */
  async #enqueueDue(): Promise<void> {
    const { nights, database } = this.#deps;
    const night = nights.due();
    const jobs = this.#jobs;
    if (night === undefined || jobs === undefined) return;
    await database.write(() => jobs.enqueue(reportKind, night.night));
  }

  async #look(): Promise<void> {
    const { book, channels } = this.#deps;
    this.#follow();
    await this.#takeStock();
    await this.#enqueueDue();
    this.#looks += 1;
    if (this.#looks % forgetEveryLooks === 1) await book.forgetOld();
    // Not waited for: a mail server that is slow must not hold up the box's other jobs.
    void channels.outbox.flush();
  }

  /** Undefined: nobody owns the box yet. */
  async #takeStock() {
    const { home, book } = this.#deps;
    this.#slow = await this.#deps.readSlow();
    const house = await home.house();
    if (house !== undefined) await book.take(assess(house.facts));
    return house;
  }

  async #report(): Promise<void> {
    const { nights, book, channels, saveTime, log } = this.#deps;
    // After a plug the box begins at the time that it wrote down last: before the end of what is counted here, what came
    // then would be in no report.
    await saveTime();
    // Anew: what the report says is open must be what is so at the end of its night.
    const house = await this.#takeStock();
    if (house === undefined) return;
    const { phones, room: disk } = house.facts;
    const report = await nights.make({ phones, disk, alerts: book.list({ kind: 'console' }) });
    if (report === undefined) return;
    log.info({ night: report.night, files: report.total.count, alerts: report.alerts.length }, 'a night is over');
    void channels.outbox.flush();
  }
}
