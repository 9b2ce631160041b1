import type { Schedule } from './config-store.ts';
import { lastDue, nextDue, type TimeOfDay } from './nights.ts';

/**
 * A backup each night, for as long as it runs. Owns: when the next one is, and that none is forgotten over sleep, a
 * failure, or a clock that was set. Never: two at once, or a word to the box. For session.ts.
 */

export type Planned = Readonly<{
  event: 'planned';
  /** Milliseconds since 1970. */
  at: number;
  /** `missed`: its time has passed while nobody was awake for it. `retry`: the last one left something waiting. */
  why: 'nightly' | 'missed' | 'retry';
}>;
export type Night = Readonly<{
  /** Nothing waits any more. */
  good: boolean;
  /** Says when the next one is, if there is one, and lets the box go. Never rejects. */
  end: (nextAt: number | null) => Promise<void>;
}>;
export type NightlyParts = Readonly<{
  time: TimeOfDay;
  schedule: Schedule;
  save: (schedule: Schedule) => Promise<void>;
  /** One backup; `nextAt` is when the next will be if it goes well. Throws only what ends all of it. */
  backUp: (nextAt: number) => Promise<Night>;
  onPlanned: (planned: Planned) => void;
  /** The wall clock. */
  now: () => number;
  random: () => number;
  /** Resolves early when `signal` ends it. Sleep of the machine need not count. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  signal: AbortSignal;
}>;

const retryAfterMs = [15, 30, 60, 120].map((minutes) => minutes * 60_000);
/** After waking, or a start: time for the network to come up. */
const soonMs = 5000;
const soonJitterMs = 10_000;
/** How long a sleep of the machine may go unnoticed after it is over. */
const lookEveryMs = 60_000;
/** A good run in the future was written while the clock was wrong. */
const clockSlackMs = 3600_000;

/** Resolves when `signal` ends it. */
export async function runNightly(parts: NightlyParts): Promise<void> {
  await new Nightly(parts).run();
}

class Nightly {
  readonly #parts: NightlyParts;
  #schedule: Schedule;
  #failures = 0;

  constructor(parts: NightlyParts) {
    this.#parts = parts;
    this.#schedule = parts.schedule;
  }

  async run(): Promise<void> {
    const { now, signal, backUp } = this.#parts;
    let planned = await this.#plan(this.#next());
    while (await this.#reached(planned.at)) {
      const startedAt = now();
      const due = this.#nextDue();
      await this.#save({ ...this.#schedule, nextAt: due });
      const night = await backUp(due);
      if (signal.aborted) return await night.end(null);
      this.#failures = night.good ? 0 : this.#failures + 1;
      if (night.good) this.#schedule = { ...this.#schedule, lastGoodAt: startedAt };
      planned = await this.#plan(night.good ? this.#next() : this.#again());
      await night.end(planned.at);
    }
  }

  #nextDue(): number {
    return nextDue(this.#parts.time, this.#schedule.jitterMs, this.#parts.now());
  }

  #next(): Planned {
    const { time, now, random } = this.#parts;
    const nowMs = now();
    const { lastGoodAt, jitterMs } = this.#schedule;
    const known = lastGoodAt !== null && lastGoodAt <= nowMs + clockSlackMs ? lastGoodAt : Number.NEGATIVE_INFINITY;
    if (known >= lastDue(time, jitterMs, nowMs)) return { event: 'planned', at: this.#nextDue(), why: 'nightly' };
    return { event: 'planned', at: nowMs + soonMs + Math.floor(random() * soonJitterMs), why: 'missed' };
  }

  #again(): Planned {
    const due = this.#nextDue();
    const afterMs = retryAfterMs[Math.min(this.#failures, retryAfterMs.length) - 1] ?? 0;
    const at = this.#parts.now() + afterMs;
    if (at < due) return { event: 'planned', at, why: 'retry' };
    this.#failures = 0;
    return { event: 'planned', at: due, why: 'nightly' };
  }

  async #plan(planned: Planned): Promise<Planned> {
    await this.#save({ ...this.#schedule, nextAt: planned.at });
    this.#parts.onPlanned(planned);
    return planned;
  }

  /** A full disk here must not keep photos from being sent: without it, the next start does one run too many. */
  async #save(schedule: Schedule): Promise<void> {
    this.#schedule = schedule;
    await this.#parts.save(schedule).catch(() => {});
  }

  /** Waits by the wall clock. False: stopped. A clock that was set back makes it wait for tonight, not for years. */
  async #reached(plannedAt: number): Promise<boolean> {
    const { now, sleep, signal } = this.#parts;
    for (let at = plannedAt; !signal.aborted; at = Math.min(at, this.#nextDue())) {
      const leftMs = at - now();
      if (leftMs <= 0) return true;
      await sleep(Math.min(leftMs, lookEveryMs), signal);
    }
    return false;
  }
}
