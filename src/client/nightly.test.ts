import { expect, test } from 'vitest';
import type { Schedule } from './config-store.ts';
import { exitCodes, Failure } from './failure.ts';
import { type Planned, runNightly } from './nightly.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const backupMs = 5 * minuteMs;
const jitterMs = 7 * minuteMs;
/** Noon of the machine's own zone, in a month without a change of the clock. */
const noon = new Date(2026, 6, 6, 12).getTime();
const nightOf = (day: number) => new Date(2026, 6, 6 + day, 2, 30).getTime() + jitterMs;

/** A machine with a clock of its own; each backup takes five minutes of it, and ends as `outcomes` say, then well. */
class Machine {
  nowMs = noon;
  schedule: Schedule = { jitterMs, lastGoodAt: nightOf(0), nextAt: null };
  readonly planned: Planned[] = [];
  readonly runs: number[] = [];
  readonly told: (number | null)[] = [];
  outcomes: (boolean | Failure)[] = [];
  sleptMs: number[] = [];
  running = 0;
  /** The machine is asleep, or its clock is set: from the first time on, it is the second. */
  jumps: [fromMs: number, toMs: number][] = [];

  async live(untilMs: number): Promise<void> {
    const stop = new AbortController();
    await runNightly({
      time: { hour: 2, minute: 30 },
      schedule: this.schedule,
      save: async (schedule) => {
        this.schedule = schedule;
      },
      backUp: async (nextAt) => {
        this.told.push(nextAt);
        this.running += 1;
        expect(this.running).toBe(1);
        this.runs.push(this.nowMs);
        this.nowMs += backupMs;
        await Promise.resolve();
        this.running -= 1;
        const outcome = this.outcomes.shift() ?? true;
        if (typeof outcome !== 'boolean') throw outcome;
        return { good: outcome, end: async (at) => void this.told.push(at) };
      },
      onPlanned: (planned) => this.planned.push(planned),
      now: () => this.nowMs,
      random: () => 0.5,
      sleep: async (ms) => {
        expect(ms).toBeGreaterThan(0);
        this.sleptMs.push(ms);
        this.nowMs += ms;
        const [jump] = this.jumps;
        if (jump !== undefined && this.nowMs >= jump[0]) {
          this.nowMs = jump[1];
          this.jumps.shift();
        }
        if (this.nowMs >= untilMs && this.jumps.length === 0) stop.abort();
      },
      signal: stop.signal,
    });
  }
}

test('a week of nights', async () => {
  const machine = new Machine();
  await machine.live(nightOf(7) + 12 * hourMs);
  expect(machine.runs).toEqual([1, 2, 3, 4, 5, 6, 7].map(nightOf));
  expect(Math.max(...machine.sleptMs)).toBeLessThanOrEqual(minuteMs);
  expect(machine.planned[0]).toEqual({ event: 'planned', at: nightOf(1), why: 'nightly' });
  // Before each: the night after it; after each: the same, since it went well.
  expect(machine.told.slice(0, 4)).toEqual([nightOf(2), nightOf(2), nightOf(3), nightOf(3)]);
  expect(machine.schedule).toEqual({ jitterMs, lastGoodAt: nightOf(7), nextAt: nightOf(8) });
});

test('makes up for a night that it slept over, soon after it wakes', async () => {
  const machine = new Machine();
  machine.jumps = [[nightOf(1) - hourMs, nightOf(1) + 6 * hourMs]];
  await machine.live(nightOf(2) + hourMs);
  expect(machine.runs).toEqual([nightOf(1) + 6 * hourMs, nightOf(2)]);
});

test('sleeping over three nights is made up for once', async () => {
  const machine = new Machine();
  machine.jumps = [[nightOf(1) - hourMs, nightOf(3) + hourMs]];
  await machine.live(nightOf(4) + hourMs);
  expect(machine.runs).toEqual([nightOf(3) + hourMs, nightOf(4)]);
});

test('started late, it makes up for the night soon; started again, it does not', async () => {
  const machine = new Machine();
  machine.schedule = { jitterMs, lastGoodAt: nightOf(-1), nextAt: null };
  await machine.live(noon + hourMs);
  expect(machine.planned[0]?.why).toBe('missed');
  expect(machine.runs).toEqual([noon + 10_000]);
  await machine.live(nightOf(1) + hourMs);
  expect(machine.runs).toEqual([noon + 10_000, nightOf(1)]);
});

test('a backup that leaves something waiting is tried again, later each time, until the next night', async () => {
  const machine = new Machine();
  machine.outcomes = Array.from({ length: 15 }, () => false);
  await machine.live(nightOf(2) + hourMs);
  const minutes = machine.runs.map((at, index) => (at - backupMs - (machine.runs[index - 1] ?? at)) / minuteMs);
  expect(minutes.slice(1, 6)).toEqual([15, 30, 60, 120, 120]);
  const second = machine.runs.indexOf(nightOf(2));
  expect(second).toBe(14);
  expect(minutes.slice(1, second).every((wait) => wait >= 15 && wait <= 120)).toBe(true);
  expect(machine.runs[second + 1]).toBe(nightOf(2) + backupMs + 15 * minuteMs);
  expect(machine.schedule.lastGoodAt).toBe(nightOf(2) + backupMs + 15 * minuteMs);
  expect(machine.planned.filter(({ why }) => why === 'retry').map(({ at }) => at)).toEqual(
    machine.runs.filter((at) => at !== nightOf(1) && at !== nightOf(2)),
  );
});

test('ends when there is no pairing any more', async () => {
  const machine = new Machine();
  machine.outcomes = [true, new Failure('revoked', 'Revoked.', exitCodes.unpaired)];
  await expect(machine.live(nightOf(5))).rejects.toMatchObject({ code: 'revoked' });
  expect(machine.runs).toEqual([nightOf(1), nightOf(2)]);
});

test('a clock that was years ahead, and is set right, costs no night', async () => {
  const machine = new Machine();
  const ahead = new Date(2031, 0, 1, 12).getTime();
  machine.schedule = { jitterMs, lastGoodAt: ahead, nextAt: null };
  machine.nowMs = ahead;
  machine.jumps = [[ahead + hourMs, noon]];
  await machine.live(nightOf(2) + hourMs);
  expect(machine.runs).toEqual([nightOf(1), nightOf(2)]);
});

test('keeps its times when they cannot be written down', async () => {
  const machine = new Machine();
  Object.defineProperty(machine, 'schedule', {
    get: () => ({ jitterMs, lastGoodAt: nightOf(0), nextAt: null }),
    set: () => {
      throw new Error('ENOSPC');
    },
  });
  await machine.live(nightOf(2) + hourMs);
  expect(machine.runs).toEqual([nightOf(1), nightOf(2)]);
});
