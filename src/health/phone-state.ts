/**
 * What is said of one phone, from what the box holds of it: pure. Never says more than is known: of a client that does
 * not tell what it has there are no counts, and it is never all safe.
 */
import type { PhoneStanding } from '../library/standing.ts';
import type { ListedPhone } from '../phones/phone-list.ts';
import type { HomePhone, PhoneStateCode } from './contract.ts';
import { type Night, silentNights } from './night.ts';
import { byName } from './strip.ts';

const hourMs = 60 * 60_000;
/** What a phone told of longer ago says nothing of today's photos. One night may be late. */
const toldMsMax = 36 * hourMs;
export const silentNightsUsual = 3;

/** Of one phone. */
export type Known = Readonly<{
  phone: ListedPhone;
  /** Undefined: it never told of anything. Null: nobody knows, since the library was not read yet. */
  standing: PhoneStanding | undefined | null;
  fromBrowser: number;
  newSinceWindow: { count: number; bytes: number };
  arriving: { count: number } | undefined;
}>;
export type Moment = Readonly<{
  now: number;
  night: Night;
  zone: string;
  /** From so many on a phone is silent. Default: 3. */
  silentNightsMin?: number;
}>;

/** Worst first. */
const order: readonly PhoneStateCode[] = [
  'silent',
  'refused',
  'waiting',
  'not-yet',
  'unknown',
  'new',
  'arriving',
  'came-in',
  'all-safe',
];

export function homePhone(known: Known, moment: Moment): HomePhone {
  const { phone, standing, newSinceWindow, arriving } = known;
  const { id, name, personId, person, client, tells } = phone;
  return {
    id,
    name,
    personId,
    person,
    client,
    tells,
    state: stateOf(known, moment),
    counts: countsOf(known),
    newSinceWindow,
    arriving: arriving ?? null,
    lastReceivedAt: standing?.lastArrivedAt ?? null,
    lastSignAt: lastSignOf(known),
    awayUntil: phone.awayUntil,
    fromBrowser: known.fromBrowser,
    silentNights: nightsWithout(known, moment),
  };
}

/** Worst state first, then by name. */
export function inOrder(phones: readonly HomePhone[]): HomePhone[] {
  return phones.toSorted((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || byName(a, b));
}

/** The first that is true. */
function stateOf(known: Known, moment: Moment): PhoneStateCode {
  const { standing, arriving } = known;
  const counts = countsOf(known);
  if (arriving !== undefined) return 'arriving';
  if (standing === null) return 'unknown';
  if (nightsWithout(known, moment) >= (moment.silentNightsMin ?? silentNightsUsual)) return 'silent';
  if (counts !== null && counts.refused > counts.deleted) return 'refused';
  if (counts !== null && counts.waiting > 0) return 'waiting';
  // What its browser gave came in by no night.
  if ((standing?.lastArrivedAt ?? null) === null && (counts?.seen ?? 0) === 0) {
    return known.fromBrowser > 0 ? 'not-yet' : 'new';
  }
  if (counts !== null && toldOfAll(known, moment)) return 'all-safe';
  return (standing?.lastArrivedAt ?? 0) >= moment.night.since ? 'came-in' : 'not-yet';
}

/** Whether its client tells what it has, so that what is safe can be held against it. */
export function tellsAll({ tells }: Pick<ListedPhone, 'tells'>): boolean {
  return tells.includes('waiting') && tells.includes('refused');
}

function countsOf({ phone, standing, fromBrowser }: Known): HomePhone['counts'] {
  if (!tellsAll(phone) || standing === null) return null;
  const { seen = 0, safe = 0, refused = 0, deleted = 0 } = standing ?? {};
  return { seen, safe, waiting: seen - safe - refused, refused, deleted, fromBrowser };
}

/** What the device before it told of says nothing of the one that took its place. */
function toldOfAll({ phone, standing }: Known, { now }: Moment): boolean {
  const toldAt = standing?.toldAt ?? null;
  return toldAt !== null && toldAt >= phone.joinedAt && now - toldAt < toldMsMax;
}

/**
 * A phone that comes and has nothing new gives a sign of life; one that said when it comes, or of which somebody said
 * that it is away, is not missed before; one that only ever was a page never is: a browser brings nothing by night.
 */
function nightsWithout(known: Known, { now, night, zone }: Moment): number {
  const { nextAt, awayUntil, client } = known.phone;
  if (nextAt !== null && nextAt > now) return 0;
  if (client === 'web-page' && (known.standing?.lastArrivedAt ?? null) === null) return 0;
  return silentNights(Math.max(lastSignOf(known), awayUntil ?? 0), night, zone);
}

/** Milliseconds since 1970, UTC; that it was paired is one. */
function lastSignOf({ phone, standing }: Known): number {
  return Math.max(phone.joinedAt, phone.lastSeenAt ?? 0, standing?.lastArrivedAt ?? 0, standing?.toldAt ?? 0);
}
