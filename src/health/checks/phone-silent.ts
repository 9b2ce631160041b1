import type { Facts, Need } from '../facts.ts';

/** Who was told once, and did nothing, hears of it again. */
const levels = [14, 30, 90];

/**
 * One a phone. A phone on holiday is not missed (`silentNights` is 0), nor one that only ever was a page: a browser
 * brings nothing by night.
 */
export function phoneSilent({ phones, silentNightsMin }: Facts): Need[] {
  return phones.flatMap(({ id, name, person, client, lastReceivedAt, lastSignAt, silentNights: nights }) => {
    if (nights < silentNightsMin || (client === 'web-page' && lastReceivedAt === null)) return [];
    const params = { phone: id, name, person, nights, since: lastSignAt };
    const level = levels.filter((one) => nights >= one).length;
    return [{ code: 'phone-silent', severity: 'watch', params, level } as const];
  });
}
