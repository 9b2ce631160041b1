import fc from 'fast-check';
import { expect, test } from 'vitest';
import { zoneLocalTime, zoneMoment, zoneOffsetMs } from './zone.ts';

const hourMs = 3_600_000;

test.each([
  ['Europe/Berlin', '2024-01-15T12:00:00Z', 1],
  ['Europe/Berlin', '2024-07-15T12:00:00Z', 2],
  ['Asia/Kathmandu', '2024-07-15T12:00:00Z', 5.75],
  ['America/St_Johns', '2024-01-15T12:00:00Z', -3.5],
  ['Pacific/Kiritimati', '2024-01-15T12:00:00Z', 14],
  ['UTC', '1969-12-31T23:59:59Z', 0],
])('%s at %s is %f hours ahead', (zone, at, hours) => {
  expect(zoneOffsetMs(Date.parse(at), zone)).toBe(hours * hourMs);
});

test('local time at the edges of summer time', () => {
  expect(zoneLocalTime(Date.parse('2024-03-31T00:59:59Z'), 'Europe/Berlin')).toBe('2024-03-31T01:59:59');
  expect(zoneLocalTime(Date.parse('2024-03-31T01:00:00Z'), 'Europe/Berlin')).toBe('2024-03-31T03:00:00');
  expect(zoneLocalTime(Date.parse('2024-12-31T23:30:00.999Z'), 'Europe/Berlin')).toBe('2025-01-01T00:30:00');
  expect(zoneLocalTime(Date.parse('1969-12-31T23:59:59.001Z'), 'UTC')).toBe('1969-12-31T23:59:59');
});

test('the hour that comes twice is the first of the two', () => {
  expect(zoneMoment('2024-10-27T02:30:00', 'Europe/Berlin')).toBe(Date.parse('2024-10-27T00:30:00Z'));
  expect(zoneMoment('2024-11-03T01:30:00', 'America/New_York')).toBe(Date.parse('2024-11-03T05:30:00Z'));
});

test('an hour that summer time leaves out is read with the offset before it', () => {
  expect(zoneMoment('2024-03-31T02:30:00', 'Europe/Berlin')).toBe(Date.parse('2024-03-31T01:30:00Z'));
  expect(zoneMoment('2024-03-10T02:30:00', 'America/New_York')).toBe(Date.parse('2024-03-10T07:30:00Z'));
});

test('a day that a zone left out does not break the reading', () => {
  expect(zoneMoment('2011-12-29T23:00:00', 'Pacific/Apia')).toBe(Date.parse('2011-12-30T09:00:00Z'));
  expect(zoneMoment('2011-12-31T00:30:00', 'Pacific/Apia')).toBe(Date.parse('2011-12-30T10:30:00Z'));
});

test('a zone that nobody knows is UTC', () => {
  expect(zoneMoment('2024-07-15T12:00:00', 'Mars/Olympus')).toBe(Date.parse('2024-07-15T12:00:00Z'));
});

test('any moment of any zone has a wall clock that leads back to it, or to its twin in autumn', () => {
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Africa/Casablanca'];
  const moments = fc.date({ min: new Date('1900-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(moments, fc.constantFrom(...zones), (date, zone) => {
      const at = Math.floor(date.getTime() / 1000) * 1000;
      const local = zoneLocalTime(at, zone);
      const back = zoneMoment(local, zone);
      expect(zoneLocalTime(back, zone)).toBe(local);
      expect(back).toBeLessThanOrEqual(at);
      expect(at - back).toBeLessThanOrEqual(2 * hourMs);
    }),
    { numRuns: 500 },
  );
});
