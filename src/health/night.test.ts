import { expect, test } from 'vitest';
import { nightOf, openSince, silentNights, usualHours } from './night.ts';
import { nightStrip } from './strip.ts';

const utc = (text: string) => Date.parse(`${text}:00Z`);

test.each([
  ['at noon', 'Europe/Berlin', '2026-06-10T10:00', '2026-06-09T18:00', '2026-06-10T06:00', '2026-06-09T18:00'],
  [
    'late in the evening',
    'Europe/Berlin',
    '2026-06-10T21:59',
    '2026-06-09T18:00',
    '2026-06-10T06:00',
    '2026-06-09T18:00',
  ],
  ['after midnight', 'Europe/Berlin', '2026-06-10T22:00', '2026-06-10T18:00', '2026-06-11T06:00', '2026-06-09T18:00'],
  ['as it closes', 'Europe/Berlin', '2026-06-11T06:00', '2026-06-10T18:00', '2026-06-11T06:00', '2026-06-10T18:00'],
  [
    'when the clocks go forward',
    'Europe/Berlin',
    '2026-03-29T10:00',
    '2026-03-28T19:00',
    '2026-03-29T06:00',
    '2026-03-28T19:00',
  ],
  [
    'west of Greenwich',
    'America/New_York',
    '2026-06-10T03:00',
    '2026-06-09T00:00',
    '2026-06-09T12:00',
    '2026-06-09T00:00',
  ],
  [
    'where hours begin at a quarter',
    'Asia/Kathmandu',
    '2026-06-10T10:00',
    '2026-06-09T14:15',
    '2026-06-10T02:15',
    '2026-06-09T14:15',
  ],
  [
    'in no zone that there is',
    'Nowhere/None',
    '2026-06-10T10:00',
    '2026-06-09T20:00',
    '2026-06-10T08:00',
    '2026-06-09T20:00',
  ],
])('the window %s in %s', (_when, zone, now, from, to, since) => {
  expect(nightOf(utc(now), zone)).toEqual({ from: utc(from), to: utc(to), since: utc(since) });
});

test.each([
  ['in the evening', '2026-06-10T18:00', '2026-06-10T18:00'],
  ['before that', '2026-06-10T17:59', undefined],
  ['after midnight', '2026-06-11T02:00', '2026-06-10T18:00'],
  ['as it closes', '2026-06-11T06:00', undefined],
])('the window that is open %s', (_when, now, since) => {
  expect(openSince(utc(now), 'Europe/Berlin', usualHours)).toBe(since === undefined ? undefined : utc(since));
});

test.each([
  ['in the night that is over', '2026-03-29T01:00', 0],
  ['the day before', '2026-03-28T18:59', 1],
  ['the night before', '2026-03-27T19:00', 1],
  ['just before that', '2026-03-27T18:59', 2],
  ['a week ago, before the clocks went forward', '2026-03-22T12:00', 7],
])('nights without a sign, when the last was %s', (_when, sign, nights) => {
  const night = nightOf(utc('2026-03-29T10:00'), 'Europe/Berlin');
  expect(silentNights(utc(sign), night, 'Europe/Berlin')).toBe(nights);
});

const window = { from: utc('2026-06-09T18:00'), to: utc('2026-06-10T06:00') };
const minuteMs = 60_000;

test('the strip has a lane a phone, and a burst for each ten minutes in which something came', () => {
  const phones = [
    { id: 'b', name: 'B' },
    { id: 'a', name: 'A' },
  ];
  const at = (minutes: number, phoneId: string, files: number) => ({
    at: window.from + minutes * minuteMs,
    phoneId,
    files,
    bytes: 1,
  });
  const arrivals = [at(-5, 'a', 100), at(0, 'a', 1), at(5, 'a', 2), at(10, 'a', 4), at(10, 'gone', 9), at(720, 'a', 8)];
  expect(nightStrip(window, phones, arrivals)).toEqual({
    ...window,
    lanes: [
      {
        phone: 'a',
        name: 'A',
        bursts: [
          { at: window.from, count: 3 },
          { at: window.from + 10 * minuteMs, count: 4 },
        ],
      },
      { phone: 'b', name: 'B', bursts: [] },
    ],
    others: 0,
  });
});

test('of many phones those that brought most have a lane, by name', () => {
  const phones = [...'hgfedcba'].map((name) => ({ id: name, name }));
  const arrivals = [...'cdefgh'].map((phoneId, index) => ({ at: window.from, phoneId, files: index + 1, bytes: 1 }));
  const { lanes, others } = nightStrip(window, phones, arrivals);
  expect([lanes.map(({ name }) => name).join(''), others]).toEqual(['cdefgh', 2]);
});
