/** Whether a phone is due to send something: pure. Says no more than the box knows of it. */

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

export type DueFacts = Readonly<{
  now: number;
  /** When something of it last came in; null: nothing ever did, and it is new rather than due. */
  lastReceivedAt: number | null;
  /** Files that it told of and that are not here; 0 as well of a client that does not tell. */
  waiting: number;
  awayUntil: number | null;
  /** As `GET /api/nights` gives them. */
  nights: Readonly<{ opensAt: string; closesAt: string; silentNights: number; nextReportAt: number }>;
}>;
/** `waiting`: it holds files; `silent`: nothing came for as many nights as somebody would be told after. */
export type Due = Readonly<{ why: 'waiting' | 'silent'; since: number; waiting: number }>;

/**
 * What waits is due when a whole window brought nothing. Where nobody knows what the phone still holds (a page, most
 * apps), silence for a day is ordinary, and only as many nights as the owner chose are worth a word.
 */
export function dueOf({ now, lastReceivedAt, waiting, awayUntil, nights }: DueFacts): Due | undefined {
  if (lastReceivedAt === null || (awayUntil !== null && awayUntil > now)) return undefined;
  const opened = nights.nextReportAt - dayMs - windowMsOf(nights);
  if (waiting > 0) return lastReceivedAt < opened ? { why: 'waiting', since: lastReceivedAt, waiting } : undefined;
  const enough = opened - (nights.silentNights - 1) * dayMs;
  return lastReceivedAt < enough ? { why: 'silent', since: lastReceivedAt, waiting: 0 } : undefined;
}

function windowMsOf({ opensAt, closesAt }: DueFacts['nights']): number {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
  return ((minutes(closesAt) - minutes(opensAt) + 24 * 60) % (24 * 60) || 24 * 60) * minuteMs;
}
