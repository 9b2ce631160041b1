/**
 * When it is time, night after night. Owns: local times, and what daylight saving does to them.
 * Never: looks at the clock. For nightly.ts.
 */

export type TimeOfDay = Readonly<{ hour: number; minute: number }>;

/** `HH:MM`, 24 hours; null when it is anything else. */
export function timeOfDay(text: string): TimeOfDay | null {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text) ?? [];
  if (hour === undefined || Number(hour) > 23 || Number(minute) > 59) return null;
  return { hour: Number(hour), minute: Number(minute) };
}

/** The first due time after `nowMs`: `time` in this machine's zone, plus `jitterMs` (less than a day). */
export function nextDue(time: TimeOfDay, jitterMs: number, nowMs: number): number {
  return duesAround(time, jitterMs, nowMs).find((at) => at > nowMs) as number;
}

/** The last due time up to `nowMs`. */
export function lastDue(time: TimeOfDay, jitterMs: number, nowMs: number): number {
  return duesAround(time, jitterMs, nowMs).findLast((at) => at <= nowMs) as number;
}

/**
 * One for each date, so a time that comes twice is due once. `Date` takes the first of two, and moves one that does not
 * exist on by the hour that is missing (ECMA-262, UTC(t)).
 */
function duesAround({ hour, minute }: TimeOfDay, jitterMs: number, nowMs: number): number[] {
  const today = new Date(nowMs);
  return [-2, -1, 0, 1, 2].map(
    (days) =>
      new Date(today.getFullYear(), today.getMonth(), today.getDate() + days, hour, minute).getTime() + jitterMs,
  );
}
