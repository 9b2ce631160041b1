import { bytes, clock, count, day, localDay, moment, plural } from '../format.ts';

const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });
const videos = (n: number) => plural(n, { one: '1 video waits', other: `${count(n)} videos wait` });
const waits = (n: number) => plural(n, { one: '1 file waits', other: `${count(n)} files wait` });
const nightsOf = (n: number) => plural(n, { one: '1 night', other: `${count(n)} nights` });
const phonesOf = (n: number) => plural(n, { one: '1 phone', other: `${count(n)} phones` });

/** The nights, their reports, and how a silent phone comes back. */
export const nights = {
  title: 'Nights',
  lead: 'What came in, night by night. Kept for 400 days.',
  to: (night: string, now: number) => localDay(night, now),
  window: (from: number, to: number) => `${clock(from)} to ${clock(to)}`,
  brought: (n: number, size: number, phones: number) =>
    n === 0 ? 'Nothing new' : `${files(n)}, ${bytes(size)}, from ${phonesOf(phones)}`,
  alertsOpen: (n: number) => plural(n, { one: '1 alert', other: `${count(n)} alerts` }),
  calm: 'All well',
  diskAway: 'The disk was away',
  older: 'Show older nights',
  noneTitle: 'No night is over yet',
  noneText: (at: number, now: number) => `The first report comes ${day(at, now)} at ${clock(at)}.`,
  all: 'All nights',
  reportTitle: (night: string, now: number) => `The night to ${localDay(night, now)}`,
  reportLead: (from: number, to: number) => `From ${clock(from)} to ${clock(to)}.`,
  missingTitle: 'There is no report of this night',
  missingText: 'The box was off, had no owner yet, or it is longer ago than 400 days.',
  came: 'Came in',
  again: (n: number) =>
    `${plural(n, { one: '1 file came again', other: `${count(n)} files came again` })}, since it was gone or damaged.`,
  notCounted: 'The disk was away when the night ended. What came in is counted in the next report.',
  phones: 'Phones',
  phonesNone: 'No phone was paired yet.',
  phoneCame: (n: number, size: number) => (n === 0 ? 'Nothing new' : `${files(n)}, ${bytes(size)}`),
  fromBrowser: (n: number) => `${count(n)} of them chosen in the browser`,
  pictures: (ready: number, waiting: number, refused: number) => {
    if (waiting > 0) {
      return plural(waiting, {
        one: '1 picture is still being made',
        other: `${count(waiting)} pictures are still being made`,
      });
    }
    if (refused > 0) {
      return plural(refused, {
        one: 'No picture can be made of 1',
        other: `No picture can be made of ${count(refused)}`,
      });
    }
    return plural(ready, { one: '1 picture is made', other: `${count(ready)} pictures are made` });
  },
  waiting: (n: number, ofVideos: number) =>
    ofVideos > 0 ? `${videos(ofVideos)}: open the app while charging` : `${waits(n)}: open the app while charging`,
  begun: (done: number, all: number) => `${bytes(done)} of ${bytes(all)} of it are half here`,
  refused: (n: number) => plural(n, { one: '1 file was refused', other: `${count(n)} files were refused` }),
  silent: (n: number, since: number, now: number) => `Silent for ${nightsOf(n)}, since ${moment(since, now)}`,
  away: (until: number, now: number) => `Away until ${day(until, now)}`,
  seen: (at: number, now: number) => `Last heard of: ${moment(at, now)}`,
  tellsNothing: 'This app does not tell what it still holds',
  pillCame: 'Came in',
  pillNothing: 'Nothing new',
  pillSilent: (n: number) => `Silent ${nightsOf(n)}`,
  pillWaiting: (n: number) => `${count(n)} waiting`,
  pillRefused: (n: number) => `${count(n)} refused`,
  pillAway: 'Away',
  room: 'Room',
  free: (free: number) => `${bytes(free)} free`,
  ofDisk: (total: number) => `of ${bytes(total)}`,
  used: (free: number, total: number) => `${bytes(total - free)} of ${bytes(total)} were used`,
  fullIn: (days: number) =>
    plural(days, {
      one: 'At that pace it is full in a day.',
      other: `At that pace it is full in ${count(days)} days.`,
    }),
  noForecast: 'No end of it is in sight.',
  roomUnknown: 'The disk did not answer.',
  needed: 'What needed somebody',
  nothingNeeded: 'Nothing needed anybody.',
  nowAlerts: 'How it stands today',

  fixTitle: (phone: string) => `How ${phone} comes back`,
  fixStalled: (phone: string) => `How the files of ${phone} come in`,
  fixFine: (phone: string) => `${phone} is well`,
  fixFineText: 'Nothing of it is missed. If it ever falls silent, this page says what helps.',
  fixSilentFor: (n: number, since: number, now: number) =>
    `Silent for ${nightsOf(n)}. Last heard of: ${moment(since, now)}. Everything that came before is safe.`,
  fixWaiting: (n: number) => `${waits(n)} on the phone. Everything that came is safe.`,
  fixSteps: 'Most likely first',
  watching: 'This page watches',
  watchingText: 'It turns as soon as something arrives. You can leave it open.',
  back: (phone: string) => `${phone} is back`,
  backText: (at: number | null, now: number) =>
    at === null ? 'The box has heard of it again.' : `Last photo ${moment(at, now)}.`,
  backDone: 'Nothing else is to be done.',
  backArriving: (n: number) => `${plural(n, { one: '1 photo', other: `${count(n)} photos` })} so far.`,
  showPhone: 'Show the phone',
  toHome: 'Go home',
  pairAgain: 'Pair it again',
  gone: 'This phone is not on the box any more. Every photo that it sent stays.',
} as const;

type Step = Readonly<{ what: string; where: string; pair?: true }>;

const openApp: Step = {
  what: 'Open its backup app once, on the home Wi-Fi',
  where: 'Leave it open until it says that all is uploaded. Phones often close such apps by themselves.',
};
const battery: Step = {
  what: 'Let it work at night',
  where:
    'iPhone: Low Power Mode off; Settings, General, Background App Refresh, on for the app. Android: Settings, Apps, the app, Battery, Unrestricted.',
};
const permission: Step = {
  what: 'Let it see all photos',
  where:
    'iPhone: Settings, Apps, the app, Photos, Full Access. Android: Settings, Apps, the app, Permissions, Photos and videos, Always allow all.',
};
const again: Step = {
  what: 'Signed out, or a phone that was reset?',
  where: 'Pair it again, in place of itself. Nothing is sent twice.',
  pair: true,
};

/** One cause a step, most likely first, by what speaks for the phone. */
export const fixSteps: Readonly<Record<'app' | 'page' | 'command' | 'stalled', readonly Step[]>> = {
  app: [openApp, battery, permission, again],
  page: [
    {
      what: 'Open this box on the phone, at home',
      where: 'Its page has “Back up now”. A page sends photos only while it is open: it cannot come by night.',
    },
    {
      what: 'Connect an app that comes by night',
      where: 'The phone’s page says how. From then on nobody need think of it.',
    },
    again,
  ],
  command: [
    {
      what: 'Open Termux on the home Wi-Fi, and run the backup once',
      where: 'nightjar-phone backup, with the folders as before. Its last line says what is safe.',
    },
    {
      what: 'Let Termux work at night',
      where:
        'Android: Settings, Apps, Termux, Battery, Unrestricted. The same for Termux:API, if its job scheduler is used.',
    },
    {
      what: 'Look whether its job is still planned',
      where:
        'A new version of the system, or of Termux, forgets planned jobs. nightjar-phone status says whether the box is found.',
    },
    again,
  ],
  stalled: [
    {
      what: 'Open the app while the phone charges',
      where: 'On the home Wi-Fi, and leave it open. Large videos need a while; what is half here goes on where it was.',
    },
    battery,
    {
      what: 'Look whether the phone is full',
      where: 'An app that finds no room cannot prepare what it sends. The box still has room for it.',
    },
    permission,
  ],
};
