import type { Facts, Need } from '../facts.ts';
import { silentNights } from '../night.ts';

/** A mirror that is carried away and back each week is no trouble. */
const nightsMin = 8;
/** Who was told once, and did nothing, hears of it again. */
const levels = [30, 90];

export function mirrorMissing({ owner, mirrors, night, zone }: Facts): Need[] {
  if (!owner || mirrors === null) return [];
  return mirrors.flatMap(({ disk, name, attached, seenAt: since }) => {
    const nights = attached ? 0 : silentNights(since, night, zone);
    if (nights < nightsMin) return [];
    const level = levels.filter((one) => nights >= one).length;
    return [{ code: 'mirror-missing', severity: 'watch', params: { disk, name, nights, since }, level } as const];
  });
}
