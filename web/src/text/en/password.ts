import { plural } from '../format.ts';

/** Choosing a password, wherever that is. */
export const password = {
  hint: 'At least 15 characters; four words are fine.',
  missing: (missing: number) =>
    plural(missing, {
      one: 'One more character; four words are fine.',
      other: `${missing} more characters; four words are fine.`,
    }),
  longEnough: (length: number) => `${length} characters: long enough.`,
} as const;
