import { expect, test } from 'vitest';
import type { PhoneStanding } from '../library/standing.ts';
import { tellingsOf } from '../phones/clients.ts';
import type { ListedPhone } from '../phones/phone-list.ts';
import { nightOf } from './night.ts';
import { homePhone, inOrder, type Known } from './phone-state.ts';

const zone = 'Europe/Berlin';
/** A Wednesday noon there. */
const now = Date.parse('2026-06-10T10:00:00Z');
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const moment = { now, night: nightOf(now, zone), zone };

const listed: ListedPhone = {
  id: 'phone',
  name: 'Pixel',
  person: 'Mia',
  personId: 'mia',
  baseFolder: 'Photos/Mia',
  client: 'nightjar-phone',
  clientVersion: null,
  createdAt: now - 300 * dayMs,
  joinedAt: now - 300 * dayMs,
  joinedRecently: false,
  approver: false,
  lastSeenAt: now - hourMs,
  nextAt: null,
  plannedAt: null,
  awayUntil: null,
  tells: tellingsOf('nightjar-phone'),
};
const allHere: PhoneStanding = {
  phoneId: 'phone',
  seen: 10,
  safe: 10,
  refused: 0,
  deleted: 0,
  lastArrivedAt: now - 9 * hourMs,
  toldAt: now - 9 * hourMs,
};

type Given = Readonly<{
  phone?: Partial<ListedPhone>;
  /** Null: it never told of anything; `away`: the library was not read yet. */
  standing?: Partial<PhoneStanding> | null | 'away';
  arriving?: { count: number };
}>;
function known({ phone, standing, arriving }: Given): Known {
  return {
    phone: { ...listed, ...phone },
    standing: standing === 'away' ? null : standing === null ? undefined : { ...allHere, ...standing },
    fromBrowser: 0,
    newSinceWindow: { count: 0, bytes: 0 },
    arriving,
  };
}
/** An app that the box knows nothing of. */
const app = { client: 'PhotoSync', tells: tellingsOf('PhotoSync') };
const longAgo = { lastSeenAt: now - 5 * dayMs };

const rows: ReadonlyArray<[when: string, Given, state: string, silentNights: number]> = [
  ['all that it told of is here', {}, 'all-safe', 0],
  ['it told so 36 hours ago', { standing: { toldAt: now - 36 * hourMs } }, 'came-in', 0],
  ['it told so a little later', { standing: { toldAt: now - 36 * hourMs + 1 } }, 'all-safe', 0],
  ['it never told of all that it has', { standing: { toldAt: null } }, 'came-in', 0],
  ['another device took its place since it told so', { phone: { joinedAt: now - 8 * hourMs } }, 'came-in', 0],
  ['the disk was away ever since the box started', { standing: 'away' }, 'unknown', 0],
  ['its owner deleted two of them here', { standing: { safe: 8, refused: 2, deleted: 2 } }, 'all-safe', 0],
  ['the box refused one', { standing: { safe: 7, refused: 3, deleted: 2 } }, 'refused', 0],
  ['one waits', { standing: { safe: 9 } }, 'waiting', 0],
  ['one waits and one is refused', { standing: { safe: 8, refused: 1 } }, 'refused', 0],
  ['files of it arrive', { standing: { safe: 8, refused: 1 }, arriving: { count: 0 } }, 'arriving', 0],
  ['files of it arrive after a week', { ...{ phone: longAgo }, arriving: { count: 1 } }, 'arriving', 0],
  ['its app does not tell', { phone: app }, 'came-in', 0],
  ['its app does not tell what waits', { phone: app, standing: { safe: 1, refused: 1 } }, 'came-in', 0],
  [
    'nothing of it came since the window opened',
    { phone: app, standing: { lastArrivedAt: now - dayMs } },
    'not-yet',
    0,
  ],
  ['nothing of it ever came', { phone: app, standing: null }, 'new', 0],
  ['it told of files, and none came yet', { standing: { safe: 0, lastArrivedAt: null, toldAt: null } }, 'waiting', 0],
  [
    'it was paired days ago, and never came back',
    { phone: { ...app, joinedAt: now - 5 * dayMs, lastSeenAt: now - 5 * dayMs }, standing: null },
    'silent',
    5,
  ],
  [
    'no sign of it for three nights',
    {
      phone: { ...app, lastSeenAt: Date.parse('2026-06-07T17:59:59Z') },
      standing: { lastArrivedAt: now - 9 * dayMs, toldAt: null },
    },
    'silent',
    3,
  ],
  [
    'a sign of it as the third night began',
    {
      phone: { ...app, lastSeenAt: Date.parse('2026-06-07T18:00:00Z') },
      standing: { lastArrivedAt: now - 9 * dayMs, toldAt: null },
    },
    'not-yet',
    2,
  ],
  [
    'nothing new for a week, but it came and told so',
    { phone: { lastSeenAt: now - 5 * dayMs }, standing: { lastArrivedAt: now - 9 * dayMs } },
    'all-safe',
    0,
  ],
  [
    'it said that it comes next week',
    {
      phone: { ...longAgo, nextAt: now + dayMs },
      standing: { lastArrivedAt: now - 9 * dayMs, toldAt: now - 5 * dayMs },
    },
    'not-yet',
    0,
  ],
  [
    'it meant to come two days ago',
    {
      phone: { ...longAgo, nextAt: now - 2 * dayMs },
      standing: { lastArrivedAt: now - 9 * dayMs, toldAt: now - 5 * dayMs },
    },
    'silent',
    5,
  ],
  [
    'silent, with a file that was refused',
    { phone: longAgo, standing: { safe: 9, refused: 1, lastArrivedAt: now - 9 * dayMs, toldAt: now - 5 * dayMs } },
    'silent',
    5,
  ],
];

test.each(rows)('%s', (_when, given, state, nights) => {
  const { state: found, silentNights } = homePhone(known(given), moment);
  expect([found, silentNights]).toEqual([state, nights]);
});

test('what is counted adds up, and is said only of a client that tells', () => {
  const standing = { seen: 10, safe: 5, refused: 3, deleted: 1 };
  expect(homePhone({ ...known({ standing }), fromBrowser: 2 }, moment).counts).toEqual({
    seen: 10,
    safe: 5,
    waiting: 2,
    refused: 3,
    deleted: 1,
    fromBrowser: 2,
  });
  expect(homePhone(known({ standing, phone: app }), moment).counts).toBeNull();
  expect(homePhone(known({ standing: 'away' }), moment).counts).toBeNull();
  expect(homePhone(known({ standing: null }), moment).counts).toMatchObject({ seen: 0, waiting: 0 });
});

test('of a phone that only its browser sent from, nothing came in yet; but it is not new', () => {
  const page = known({ phone: { client: 'web-page', tells: [] }, standing: null });
  expect(homePhone(page, moment)).toMatchObject({ state: 'new', fromBrowser: 0, counts: null });
  expect(homePhone({ ...page, fromBrowser: 50 }, moment)).toMatchObject({ state: 'not-yet', fromBrowser: 50 });
  // A browser brings nothing by night, so it is not missed; once an app of it sent something, it is.
  const silent = { ...page, phone: { ...page.phone, ...longAgo } };
  expect(homePhone(silent, moment)).toMatchObject({ state: 'new', silentNights: 0 });
  const withApp = { ...silent, standing: { ...allHere, toldAt: null, lastArrivedAt: now - 5 * dayMs } };
  expect(homePhone(withApp, moment)).toMatchObject({ state: 'silent', silentNights: 5 });
});

test('before this night is over, nobody has missed it; who came in since the evening before has come in', () => {
  const night = Date.parse('2026-06-09T23:00:00Z');
  const early = { now: night, night: nightOf(night, zone), zone };
  const cameAt = (lastArrivedAt: number) =>
    homePhone(known({ phone: { ...app, lastSeenAt: night }, standing: { lastArrivedAt } }), early).state;
  expect(cameAt(Date.parse('2026-06-08T18:00:00Z'))).toBe('came-in');
  expect(cameAt(Date.parse('2026-06-08T17:59:59Z'))).toBe('not-yet');
});

test('the worst state comes first, and of one state the names decide', () => {
  const phone = homePhone(known({}), moment);
  const phones = [
    { ...phone, id: '1', name: 'B', state: 'all-safe' as const },
    { ...phone, id: '2', name: 'b', state: 'silent' as const },
    { ...phone, id: '4', name: 'A', state: 'all-safe' as const },
    { ...phone, id: '3', name: 'A', state: 'all-safe' as const },
    { ...phone, id: '5', name: 'Z', state: 'refused' as const },
  ];
  expect(inOrder(phones).map(({ id }) => id)).toEqual(['2', '5', '3', '4', '1']);
});
