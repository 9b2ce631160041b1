import type { Facts, Need } from '../facts.ts';

/** Who was told once, and did nothing, hears of it again. */
const levels = [14, 30, 90];

/** One a phone. Who is not missed (`phone-state.ts`) has no silent nights. */
export function phoneSilent({ phones, silentNightsMin }: Facts): Need[] {
  return phones.flatMap(({ id, name, person, lastSignAt, silentNights: nights }) => {
    if (nights < silentNightsMin) return [];
    const params = { phone: id, name, person, nights, since: lastSignAt };
    const level = levels.filter((one) => nights >= one).length;
    return [{ code: 'phone-silent', severity: 'watch', params, level } as const];
  });
}
