/**
 * The window in which phones come in, by the clock of the house: pure, and the only place that knows its hours until
 * nights have settings of their own. Decides what "last night" is, and how many nights a phone has missed.
 */
import { zoneLocalTime, zoneMoment } from '../library/zone.ts';

const opensAt = '20:00:00';
const closesAt = '08:00:00';
const dayMs = 24 * 60 * 60_000;

/** Milliseconds since 1970, UTC. */
export type Window = Readonly<{ from: number; to: number }>;
/** `since`: when the last window opened that is over. While one is open, there is time yet to come in. */
export type Night = Window & Readonly<{ since: number }>;

/** From yesterday evening to this morning; it stays this one until midnight. */
export function nightOf(now: number, zone: string): Night {
  const today = Date.parse(zoneLocalTime(now, zone).slice(0, 10));
  const { from, to } = windowThatEnds(today, zone);
  return { from, to, since: now < to ? windowThatEnds(today - dayMs, zone).from : from };
}

/** Nights that are over, in which there was no sign of a phone whose last sign was at `sign`. */
export function silentNights(sign: number, { since }: Pick<Night, 'since'>, zone: string): number {
  if (sign >= since) return 0;
  // By the clock on the wall: a night of 11 or 13 hours is one.
  const wall = (at: number) => Date.parse(`${zoneLocalTime(at, zone)}Z`);
  return Math.max(1, Math.ceil((wall(since) - wall(sign)) / dayMs));
}

/** `day`: midnight of its morning, as if that clock were UTC. */
function windowThatEnds(day: number, zone: string): Window {
  const date = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  return {
    from: zoneMoment(`${date(day - dayMs)}T${opensAt}`, zone),
    to: zoneMoment(`${date(day)}T${closesAt}`, zone),
  };
}
