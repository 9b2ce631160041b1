import type { Facts, Need } from '../facts.ts';
import { silentNights } from '../night.ts';

/** The other side may be off for a night; the first copy over a slow line takes longer, and says so on its page. */
const nightsMin = 4;
/** Who was told once, and did nothing, hears of it again. */
const levels = [14, 60];

/** The copy on another machine does not come about. */
export function offboxBehind({ owner, offbox, night, zone }: Facts): Need[] {
  if (!owner || offbox === null) return [];
  const nights = silentNights(offbox.since, night, zone);
  if (nights < nightsMin) return [];
  const level = levels.filter((one) => nights >= one).length;
  return [{ code: 'offbox-behind', severity: 'watch', params: { nights, since: offbox.since }, level }];
}
