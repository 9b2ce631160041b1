import type { Facts, Need } from '../facts.ts';

const dayMs = 24 * 60 * 60_000;
/** The box renews its own a month before: one that is so near its end was not renewed. */
const daysMin = 14;
const veryNearDays = 3;

export function certificateExpiring({ owner, certificates, now }: Facts): Need[] {
  if (!owner) return [];
  return certificates.flatMap(({ which, validUntil }) => {
    const days = Math.floor((validUntil - now) / dayMs);
    if (days >= daysMin) return [];
    const params = { which, days, validUntil };
    const level = days < veryNearDays ? 1 : 0;
    return [{ code: 'certificate-expiring', severity: 'watch', params, level } as const];
  });
}
