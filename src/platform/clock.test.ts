import { beforeEach, expect, it } from 'vitest';
import { Clock } from './clock.ts';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const made = Date.UTC(2026, 10, 1);

/** A machine whose clock can be set, and what the box wrote down on it. */
const machine = { clock: 0, steady: 5_000, saved: undefined as number | undefined };
beforeEach(() => Object.assign(machine, { clock: made + 20 * dayMs, steady: 5_000, saved: undefined }));
const start = () =>
  new Clock({
    system: () => machine.clock,
    steady: () => machine.steady,
    saved: machine.saved,
    save: async (now) => {
      machine.saved = now;
    },
    madeAt: made,
  });
const pass = (ms: number) => {
  machine.clock += ms;
  machine.steady += ms;
};

it('is the machine’s clock where that is right', async () => {
  const clock = start();
  expect(clock.now()).toBe(machine.clock);
  pass(hourMs);
  await clock.save();
  expect(machine.saved).toBe(machine.clock);
  expect(clock.isBehind()).toBe(false);
  expect(clock.tell(machine.clock + 10 * dayMs)).toBe('not-needed');
});

it('never starts before what was written down, nor before it was made, and goes on from there', async () => {
  const before = start();
  pass(30 * dayMs);
  await before.save();
  const last = before.now();
  machine.clock = 0;
  const clock = start();
  expect(clock.now()).toBe(last);
  pass(hourMs);
  expect(clock.now()).toBe(last + hourMs);
  expect(clock.isBehind()).toBe(true);
  machine.saved = undefined;
  machine.clock = 0;
  expect(start().now()).toBe(made);
});

it('does not go back while it runs', async () => {
  const clock = start();
  await clock.save();
  const before = clock.now();
  machine.clock -= 365 * dayMs;
  pass(1_000);
  expect(clock.now()).toBe(before + 1_000);
});

it('takes a browser’s word within bounds, only while it is behind', () => {
  machine.saved = made + 5 * dayMs;
  machine.clock = 0;
  const clock = start();
  expect(clock.tell(made + 4 * dayMs)).toBe('refused');
  expect(clock.tell(made + 500 * dayMs)).toBe('refused');
  expect(clock.tell(Number.NaN)).toBe('refused');
  expect(clock.tell(made + 90 * dayMs)).toBe('used');
  expect(clock.now()).toBe(made + 90 * dayMs);
  pass(hourMs);
  expect(clock.now()).toBe(made + 90 * dayMs + hourMs);
  expect(clock.tell(made + 80 * dayMs)).toBe('refused');
  // The machine learned the time itself, a little later than it was told.
  machine.clock = made + 90 * dayMs + 2 * hourMs;
  expect(clock.now()).toBe(machine.clock);
  expect(clock.isBehind()).toBe(false);
});

it('is told no further than 400 days ahead, however often, and is not held there', async () => {
  machine.saved = made + 5 * dayMs;
  machine.clock = 0;
  const clock = start();
  expect(clock.tell(made + 305 * dayMs)).toBe('used');
  await clock.save();
  expect(clock.tell(made + 605 * dayMs)).toBe('refused');
  expect(clock.now()).toBe(made + 305 * dayMs);
  expect(machine.saved).toBe(made + 5 * dayMs);
  // Nobody said that it was wrong for a day: then it is the time.
  for (let hour = 0; hour <= 25; hour++) {
    pass(hourMs);
    await clock.save();
  }
  expect(machine.saved).toBeGreaterThan(made + 305 * dayMs);
  expect(clock.now()).toBe(made + 305 * dayMs + 26 * hourMs);
});

it('is not held in the future by a clock that was wrong for some hours', async () => {
  machine.saved = machine.clock;
  const clock = start();
  machine.clock += 3650 * dayMs;
  for (let hour = 0; hour < 20; hour++) {
    pass(hourMs);
    await clock.save();
  }
  expect(clock.now()).toBe(machine.clock);
  machine.clock -= 3650 * dayMs;
  expect(clock.now()).toBe(machine.clock);
  expect(start().now()).toBe(machine.clock);
  // One that stays so for a day is what the time is: the box was in a drawer for years.
  machine.clock += 1000 * dayMs;
  const later = start();
  for (let hour = 0; hour <= 25; hour++) {
    await later.save();
    pass(hourMs);
  }
  expect(machine.saved).toBeGreaterThan(machine.clock - 3 * hourMs);
});

it('tells whole milliseconds, however finely the steady count goes, and calls nothing behind that only ticks apart', async () => {
  const clock = start();
  machine.steady += 0.4;
  await clock.save();
  // The machine's clock tells whole milliseconds, so a moment later the steady count may be ahead of it.
  machine.steady += 0.7;
  expect(clock.now()).toBe(machine.clock);
  machine.steady += 1.5;
  expect(Number.isInteger(clock.now())).toBe(true);
  expect(clock.now()).toBeGreaterThan(machine.clock);
  expect(clock.isBehind()).toBe(false);
  await clock.save();
  expect(Number.isInteger(machine.saved)).toBe(true);
});

it('on a device whose clock may have stood still, what is ahead is doubted until somebody told the time', async () => {
  machine.saved = machine.clock - hourMs;
  const asked: number[] = [];
  let kept = false;
  const clock = new Clock({
    system: () => machine.clock,
    steady: () => machine.steady,
    saved: machine.saved,
    save: async () => undefined,
    isRight: (saved) => {
      asked.push(saved);
      return kept;
    },
    madeAt: made,
  });
  // Ahead of what was written down last, and yet behind the world by a week without power.
  expect([clock.isBehind(), clock.isRight(), clock.now()]).toEqual([true, false, machine.clock]);
  expect(clock.tell(machine.clock + 7 * dayMs)).toBe('used');
  expect([clock.isBehind(), clock.now()]).toEqual([true, machine.clock + 7 * dayMs]);
  machine.clock += 7 * dayMs;
  expect([clock.isBehind(), clock.isRight()]).toEqual([false, false]);
  expect(clock.tell(machine.clock + dayMs)).toBe('not-needed');
  kept = true;
  expect(clock.isRight()).toBe(true);
  kept = false;
  expect(clock.isRight()).toBe(true);
  expect(new Set(asked)).toEqual(new Set([machine.saved]));
});
