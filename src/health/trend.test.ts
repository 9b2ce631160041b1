import { expect, test } from 'vitest';
import { type DiskSample, fullInDays } from './trend.ts';

const gigabyte = 1e9;
/** One a night; `used` in GB of a terabyte. */
function samples(used: readonly number[], totalBytes = 1_000 * gigabyte): DiskSample[] {
  return used.map((one, index) => ({
    night: new Date(Date.UTC(2026, 4, 1 + index)).toISOString().slice(0, 10),
    totalBytes,
    freeBytes: totalBytes - one * gigabyte,
  }));
}
const growing = (nights: number, perNight: number, from = 500) =>
  Array.from({ length: nights }, (_, index) => from + index * perNight);

test.each<[string, DiskSample[], number | null]>([
  ['nobody knows yet', [], null],
  ['five days are too few', samples(growing(6, 10)), null],
  ['ten a night, 430 left', samples(growing(8, 10)), 43],
  ['it is not filling up', samples(growing(10, 0)), null],
  ['it empties', samples(growing(10, -1)), null],
  ['one whole phone is not what comes each night', samples([...growing(5, 1), ...growing(5, 1, 800)]), 196],
  ['one whole phone in the first week', samples([...growing(3, 1), ...growing(4, 1, 800)]), null],
  ['a larger disk begins anew', [...samples(growing(10, 50)), ...samples(growing(3, 1), 4e12)], null],
])('%s', (_when, known, days) => {
  const found = fullInDays(known, 0);
  expect(found === null ? null : Math.round(found)).toBe(days);
});

test('a box that was off for a week did not fill a week’s worth in one night', () => {
  const [first, ...rest] = samples(growing(8, 10));
  const late = rest.map((sample, index) => ({ ...sample, night: `2026-05-${String(8 + index).padStart(2, '0')}` }));
  const found = fullInDays([first as DiskSample, ...late], 0);
  expect(found).toBeGreaterThan(43);
  // The reserve is no room.
  expect(fullInDays(samples(growing(8, 10)), 430 * gigabyte)).toBe(0);
});
