import type { Facts, Need } from '../facts.ts';

/** Raised from the first on, over below the second. */
const secondsMin = [300, 120] as const;

/** The box's time never goes back: what is ahead has to be waited for, or put right at the machine. */
export function clockAhead({ owner, aheadMs, book }: Facts): Need[] {
  if (!owner || aheadMs === null) return [];
  const seconds = Math.floor(-aheadMs / 1000);
  if (seconds < secondsMin[book.raised('clock-ahead') ? 1 : 0]) return [];
  return [{ code: 'clock-ahead', severity: 'watch', params: { seconds } }];
}
