import type { Facts, Need } from '../facts.ts';
import { silentNights } from '../night.ts';

/** The first copy of a large library takes its nights. */
const nightsMin = 3;

/** It is there, and does not get what it should: full, or failing, or too slow. */
export function mirrorBehind({ owner, mirrors, night, zone }: Facts): Need[] {
  if (!owner || mirrors === null) return [];
  return mirrors.flatMap(({ disk, name, attached, behindSince, waiting: count }) => {
    const nights = attached && behindSince !== null && count > 0 ? silentNights(behindSince, night, zone) : 0;
    if (nights < nightsMin) return [];
    return [{ code: 'mirror-behind', severity: 'watch', params: { disk, name, nights, count } } as const];
  });
}
