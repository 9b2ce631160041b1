/** When a copy off the box is due, and what of the first one is copied at a time. Pure. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Phones come when they are put down to charge, in the first hours of their window. */
const afterOpeningMs = 3 * hourMs;
/** Whatever the nights are, or where the box is off at night. */
const ageMsMax = 36 * hourMs;
export const triesMax = 3;
const backOffMs = 20 * minuteMs;
export const checkEveryMs = 7 * dayMs;
export const pruneEveryMs = 7 * dayMs;
export const drillEveryMs = 30 * dayMs;
/** One a week: all of it is read back in a quarter of a year. */
export const checkParts = 13;

/** `tries`: that failed in this night. */
export type DueFacts = Readonly<{
  now: number;
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: number | undefined;
  createdAt: number;
  lastSuccessAt: number | null;
  lastTriedAt: number | null;
  triesSince: Readonly<{ night: number; tries: number }>;
}>;

export function isDue({ now, nightSince, createdAt, lastSuccessAt, lastTriedAt, triesSince }: DueFacts): boolean {
  const tonight = nightSince !== undefined && now >= nightSince + afterOpeningMs && (lastSuccessAt ?? 0) < nightSince;
  const late = (lastSuccessAt ?? createdAt) < now - ageMsMax;
  if (!tonight && !late) return false;
  const tries = triesSince.night === nightOf(nightSince, now) ? triesSince.tries : 0;
  if (tries >= triesMax) return false;
  return tries === 0 || lastTriedAt === null || lastTriedAt > now || now - lastTriedAt >= backOffMs * tries;
}

/** By which tries are counted: the window, or by day the day. */
export function nightOf(nightSince: number | undefined, now: number): number {
  return nightSince ?? Math.floor(now / dayMs) * dayMs;
}

/** The part that is read back after `part`. */
export function partAfter(part: number | undefined): number {
  return ((part ?? 0) % checkParts) + 1;
}

export type Unit = Readonly<{ path: string; bytes: number }>;

/**
 * How far a copy goes this time: through the last of these folders; undefined: all that there is. An engine that was stopped
 * reads everything again that is in no snapshot; a first copy over a slow line takes weeks. `through`: is there already.
 */
export function stageOf(units: readonly Unit[], through: string | null, stageBytes: number): string | undefined {
  const rest = units.filter(({ path }) => through === null || path > through);
  let bytes = 0;
  for (const [index, unit] of rest.entries()) {
    bytes += unit.bytes;
    if (bytes >= stageBytes) return index === rest.length - 1 ? undefined : unit.path;
  }
  return undefined;
}
