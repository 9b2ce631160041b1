import { expect, test } from 'vitest';
import { Arriving } from './arriving.ts';

const event = {
  type: 'phone-progress',
  phone: 'one',
  uploads: 1,
  bytes: 0,
  length: null,
  arrived: 0,
  ended: false,
} as const;

function make() {
  const clock = { ms: 1_000_000 };
  return { clock, arriving: new Arriving(() => clock.ms) };
}

test('a phone is arriving from its first byte until it has rested for a minute, over several bursts', () => {
  const { clock, arriving } = make();
  expect(arriving.of('one')).toBeUndefined();
  arriving.note(event);
  expect([arriving.of('one'), arriving.of('two')]).toEqual([{ count: 0 }, undefined]);
  arriving.note({ ...event, uploads: 0, arrived: 2 });
  arriving.note({ ...event, uploads: 0, arrived: 3, ended: true });
  clock.ms += 59_999;
  expect(arriving.of('one')).toEqual({ count: 3 });
  arriving.note({ ...event, arrived: 1 });
  expect(arriving.of('one')).toEqual({ count: 4 });
  clock.ms += 59_999;
  expect(arriving.of('one')).toEqual({ count: 4 });
  clock.ms += 1;
  expect(arriving.of('one')).toBeUndefined();
  // What begins now is counted anew.
  arriving.note({ ...event, arrived: 1 });
  expect(arriving.of('one')).toEqual({ count: 1 });
});

test('the end of a burst is no arrival, and makes it last no longer', () => {
  const { clock, arriving } = make();
  arriving.note({ ...event, uploads: 0, ended: true });
  expect(arriving.of('one')).toBeUndefined();
  arriving.note(event);
  clock.ms += 40_000;
  arriving.note({ ...event, uploads: 0, ended: true });
  clock.ms += 20_000;
  expect(arriving.of('one')).toBeUndefined();
});

test('an end that is told late begins nothing', () => {
  const { clock, arriving } = make();
  arriving.note({ ...event, arrived: 1 });
  clock.ms += 60_000;
  arriving.note({ ...event, uploads: 0, arrived: 1, ended: true });
  expect(arriving.of('one')).toBeUndefined();
});

test('a clock that is set back ends it', () => {
  const { clock, arriving } = make();
  arriving.note(event);
  clock.ms -= 1;
  expect(arriving.of('one')).toBeUndefined();
});
