/** The time zones that a box may be in: names of the IANA database, as this machine and the browsers know them. */
import { CodedError } from '../platform/errors.ts';

/** Node also takes distances from UTC for zones. They know no summer, and are no place where a box can stand. */
const distance = /^[+-]/;

/** @throws {CodedError} `invalid-request` */
export function timeZone(text: string): string {
  if (isTimeZone(text)) return text;
  throw new CodedError(
    'invalid-request',
    'The box does not know that time zone. Choose one by its place, as Europe/Vienna. Its time zone was not changed.',
  );
}

export function isTimeZone(text: string): boolean {
  if (distance.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** What the machine is set to. */
export function systemTimeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
