import type { Facts, Need } from '../facts.ts';
import { silentNights } from '../night.ts';

const levels = [14, 30, 90];

/**
 * One a phone that comes, and holds files that do not. Counted from the first look that saw some of them waiting with
 * nothing new since, so that a photo of this afternoon is no alarm after a week without photos.
 */
export function phoneStalled({ phones, silentNightsMin, night, zone, now, book }: Facts): Need[] {
  return phones.flatMap(({ id, name, person, counts, state, lastReceivedAt, silentNights: silent, awayUntil }) => {
    const count = counts?.waiting ?? 0;
    // Of one that does not come at all another alert tells.
    if (count === 0 || silent >= silentNightsMin) return [];
    const since = Math.max(book.since('phone-stalled', id) ?? now, lastReceivedAt ?? 0, Math.min(awayUntil ?? 0, now));
    const nights = silentNights(since, night, zone);
    // A file came since it was said: that is over, and it takes nights to be so again.
    if (nights < silentNightsMin && book.raised('phone-stalled', id)) return [];
    const params = { phone: id, name, person, count, nights };
    const level = levels.filter((one) => nights >= one).length;
    const need = { code: 'phone-stalled', severity: 'watch', params, level } as const;
    // What is on its way may be the one that is missed: it is said when it did not come in either.
    return [nights >= silentNightsMin && state !== 'arriving' ? need : { ...need, ready: false as const }];
  });
}
