import type { Facts, Need } from '../facts.ts';

/** Free room in percent, and days: below the first it is raised, above the second it is over. */
const little = [5, 7] as const;
const some = [15, 18] as const;
const soonDays = [30, 45] as const;
/** Below so many percent, and below so many days, it asks again. */
const levels = [
  { percent: 2, days: 7 },
  { percent: 1, days: 2 },
];

/** Little room is left; or less than a month of it, by what really came of late, on a disk that is filling up. */
export function diskNearlyFull({ room, fullInDays, reserveBytes, owner, book }: Facts): Need[] {
  if (!owner || room === null || room.totalBytes <= 0) return [];
  const at = book.raised('disk-nearly-full') ? 1 : 0;
  const free = Math.max(0, room.freeBytes - reserveBytes);
  const percent = (free / room.totalBytes) * 100;
  const filling = fullInDays !== null && fullInDays < soonDays[at] && percent < some[at];
  if (percent >= little[at] && !filling) return [];
  const days = fullInDays === null ? {} : { days: Math.max(0, Math.floor(fullInDays)) };
  const params = { freeBytes: room.freeBytes, percent: Math.floor(percent), ...days };
  const level = levels.filter((one) => percent < one.percent || (fullInDays ?? Infinity) < one.days).length;
  return [{ code: 'disk-nearly-full', severity: 'watch', params, level }];
}
