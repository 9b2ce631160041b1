/**
 * The window in which phones come in, by the clock of the house: pure. Decides what "last night" is, which nights are
 * over, and how many of them a phone has missed. Its hours are a setting (`nights.ts`).
 */
import { zoneLocalTime, zoneMoment } from '../library/zone.ts';

const dayMs = 24 * 60 * 60_000;

/** Milliseconds since 1970, UTC. */
export type Window = Readonly<{ from: number; to: number }>;
/** `since`: when the last window opened that is over. While one is open, there is time yet to come in. */
export type Night = Window & Readonly<{ since: number }>;

/** Times of day on the wall, hh:mm. It opens on the day before, unless it opens earlier in the day than it closes. */
export type Hours = Readonly<{ opensAt: string; closesAt: string }>;
/** `night`: yyyy-mm-dd of the day on which it closed. */
export type ClosedNight = Window & Readonly<{ night: string }>;

export const usualHours: Hours = { opensAt: '20:00', closesAt: '08:00' };

/** From yesterday evening to this morning; it stays this one until midnight. */
export function nightOf(now: number, zone: string, hours: Hours = usualHours): Night {
  const today = Date.parse(zoneLocalTime(now, zone).slice(0, 10));
  const { from, to } = windowThatEnds(today, zone, hours);
  return { from, to, since: now < to ? windowThatEnds(today - dayMs, zone, hours).from : from };
}

/** The last night that is over. */
export function lastClosed(now: number, zone: string, hours: Hours = usualHours): ClosedNight {
  const today = Date.parse(zoneLocalTime(now, zone).slice(0, 10));
  const closed = windowThatEnds(today, zone, hours);
  const day = now >= closed.to ? today : today - dayMs;
  return { ...windowThatEnds(day, zone, hours), night: new Date(day).toISOString().slice(0, 10) };
}

/** When the window that is open at `now` began; undefined: none is. */
export function openSince(now: number, zone: string, hours: Hours): number | undefined {
  const today = Date.parse(zoneLocalTime(now, zone).slice(0, 10));
  const windows = [windowThatEnds(today, zone, hours), windowThatEnds(today + dayMs, zone, hours)];
  return windows.find(({ from, to }) => from <= now && now < to)?.from;
}

/** Nights that are over, in which there was no sign of a phone whose last sign was at `sign`. */
export function silentNights(sign: number, { since }: Pick<Night, 'since'>, zone: string): number {
  if (sign >= since) return 0;
  // By the clock on the wall: a night of 11 or 13 hours is one.
  const wall = (at: number) => Date.parse(`${zoneLocalTime(at, zone)}Z`);
  return Math.max(1, Math.ceil((wall(since) - wall(sign)) / dayMs));
}

/** `day`: midnight of its morning, as if that clock were UTC. */
function windowThatEnds(day: number, zone: string, { opensAt, closesAt }: Hours): Window {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const opensOn = opensAt < closesAt ? day : day - dayMs;
  return {
    from: zoneMoment(`${date(opensOn)}T${opensAt}:00`, zone),
    to: zoneMoment(`${date(day)}T${closesAt}:00`, zone),
  };
}
