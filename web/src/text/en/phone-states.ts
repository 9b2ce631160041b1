import { count, dayShort, plural } from '../format.ts';

/** The word of each state, as its pill says it. */
export const phoneStates = {
  new: 'New',
  arriving: 'Arriving now',
  refused: (n: number) => `${count(n)} refused`,
  waiting: (n: number) => `${count(n)} waiting`,
  'all-safe': 'All safe',
  'came-in': 'Came in',
  'not-yet': 'Not yet',
  unknown: 'Not known',
  silent: (nights: number) => plural(nights, { one: 'Silent 1 night', other: `Silent ${count(nights)} nights` }),
  away: (until: number, now: number) => `Away until ${dayShort(until, now)}`,
} as const;
