import { expect, test } from 'vitest';
import { CodedError } from './errors.ts';
import { Throttle } from './throttle.ts';

function throttleAt(clock: { ms: number }, keysMax = 3): Throttle {
  return new Throttle({
    now: () => clock.ms,
    freeTries: 3,
    delayMsFirst: 1_000,
    delayMsMax: 8_000,
    triesMax: 10,
    restMs: 60_000,
    keysMax,
  });
}

function waitOf(throttle: Throttle, key: string): number {
  try {
    throttle.attempt(key);
    return 0;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    expect(error.code).toBe('too-many-requests');
    return Number(error.facts.retryAfterSeconds);
  }
}

test('the waits grow, reach their limit, and end in a long rest', () => {
  const clock = { ms: 0 };
  const throttle = throttleAt(clock);
  const waits: number[] = [];
  for (let count = 0; count < 11; count += 1) {
    const wait = waitOf(throttle, 'box');
    waits.push(wait);
    clock.ms += wait * 1000;
    if (wait > 0) expect(waitOf(throttle, 'box')).toBe(0);
  }
  expect(waits).toEqual([0, 0, 0, 1, 2, 4, 8, 8, 8, 8, 60]);
});

test('success forgets, other keys do not wait, and a clock set back does not stretch the wait', () => {
  const clock = { ms: 1_000_000 };
  const throttle = throttleAt(clock);
  for (let count = 0; count < 3; count += 1) throttle.attempt('a');
  expect(waitOf(throttle, 'a')).toBe(1);
  expect(waitOf(throttle, 'b')).toBe(0);
  clock.ms = 0;
  expect(waitOf(throttle, 'a')).toBe(1);
  clock.ms = 1_000;
  expect(waitOf(throttle, 'a')).toBe(0);
  throttle.succeeded('a');
  expect(waitOf(throttle, 'a')).toBe(0);
});

test('keys are limited, and old ones make room', () => {
  const clock = { ms: 0 };
  const throttle = throttleAt(clock, 2);
  throttle.attempt('a');
  throttle.attempt('b');
  expect(waitOf(throttle, 'c')).toBe(8);
  clock.ms = 60_001;
  expect(waitOf(throttle, 'c')).toBe(0);
});
