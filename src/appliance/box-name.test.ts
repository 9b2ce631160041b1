import { expect, test } from 'vitest';
import { boxName } from './box-name.ts';
import { isTimeZone, systemTimeZone, timeZone } from './time-zone.ts';

test.each(['a', 'nightjar', 'attic-2', '4', 'x'.repeat(40), 'a--b--c'])('%s may be a box’s name', (name) => {
  expect(boxName(name)).toBe(name);
});

test.each([
  '',
  'x'.repeat(41),
  'Attic',
  '-a',
  'a-',
  'a.b',
  'a_b',
  'ö',
  'a b',
  ' a',
  'a\n',
  'xn--80a',
  'a\u0000',
])('%j may not', (name) => {
  expect(() => boxName(name)).toThrow(expect.objectContaining({ code: 'invalid-name' }));
});

test.each(['Europe/Vienna', 'UTC', 'America/Argentina/Buenos_Aires', 'Asia/Kolkata'])('%s is a time zone', (zone) => {
  expect(timeZone(zone)).toBe(zone);
});

test.each(['', 'Europe/Nowhere', '+01:00', '-03', 'here', 'Europe/Vienna '])('%j is none', (zone) => {
  expect(() => timeZone(zone)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
});

test('the machine’s own zone is one', () => {
  expect(isTimeZone(systemTimeZone())).toBe(true);
});
