/** How long a disk's room lasts, from how full the library's was after each of the last nights: pure. */

export type DiskSample = Readonly<{
  /** yyyy-mm-dd */
  night: string;
  totalBytes: number;
  freeBytes: number;
}>;

const dayMs = 24 * 60 * 60_000;
export const trendNights = 29;
/** Of fewer days, without the one of the largest change, nothing is foretold. */
const daysMin = 6;

/**
 * Days until the room above `reserveBytes` is full, at the mean rate of these nights; null: too few of them, or it does
 * not fill. `samples`: of one disk (those before its size changed are passed over), the oldest first.
 */
export function fullInDays(samples: readonly DiskSample[], reserveBytes: number): number | null {
  return lasts(samples.at(-1)?.freeBytes ?? 0, bytesPerDay(samples), reserveBytes);
}

/** Days that so much free room lasts; null: nobody can tell. */
export function lasts(freeBytes: number, perDay: number | null, reserveBytes: number): number | null {
  return perDay === null ? null : Math.max(0, freeBytes - reserveBytes) / perDay;
}

/** By how much it filled each day of these nights; null: too few of them, or it did not. */
export function bytesPerDay(samples: readonly DiskSample[]): number | null {
  const last = samples.at(-1);
  if (last === undefined) return null;
  const since = samples.findLastIndex(({ totalBytes }) => totalBytes !== last.totalBytes) + 1;
  const own = samples.slice(since).slice(-trendNights);
  const steps = own.slice(1).map((sample, index) => {
    const before = own[index] ?? sample;
    const days = Math.max(1, Math.round((Date.parse(sample.night) - Date.parse(before.night)) / dayMs));
    return { days, bytes: before.freeBytes - sample.freeBytes };
  });
  // The largest is taken for what happens once, and most likely in the first week: somebody's whole phone.
  const usual = withoutLargest(steps);
  const days = usual.reduce((sum, step) => sum + step.days, 0);
  if (days < daysMin) return null;
  const perDay = usual.reduce((sum, step) => sum + step.bytes, 0) / days;
  return perDay <= 0 ? null : perDay;
}

function withoutLargest<Step extends { days: number; bytes: number }>(steps: readonly Step[]): readonly Step[] {
  if (steps.length === 0) return steps;
  const rate = ({ days, bytes }: Step) => Math.abs(bytes) / days;
  const largest = steps.reduce((most, step) => (rate(step) > rate(most) ? step : most));
  return steps.filter((step) => step !== largest);
}
