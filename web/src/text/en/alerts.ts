import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, day, moment, plural } from '../format.ts';
import { reasonBrief } from './disk-verdicts.ts';

type Alert = ReplyOf<'GET /api/alerts'>['open'][number];
type Code = Alert['code'];
type Advice = Alert['advice']['code'];
type Params = Alert['params'];
export type AlertFacts = Readonly<{ code: Code; params: Params }>;
/** `own`: it is about a phone of who looks. */
type Looking = Readonly<{ own: boolean; now: number }>;

const number = (params: Params, name: string) => Number(params[name] ?? 0);
const word = (params: Params, name: string) => String(params[name] ?? '');
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });
const nights = (n: number) => plural(n, { one: '1 night', other: `${count(n)} nights` });
const days = (n: number) => plural(n, { one: '1 day', other: `${count(n)} days` });
/** Of a disk: the worst of why, as a sentence. */
const why = (params: Params) => {
  const text = reasonBrief(word(params, 'reason'));
  return text === '' ? '' : `${text}. `;
};
const times = (n: number) => plural(n, { one: 'once', other: `${count(n)} times` });
const channelNames: Readonly<Record<string, string>> = { mail: 'E-mail', webhook: 'The webhook' };
const certificateNames: Readonly<Record<string, string>> = {
  name: 'The certificate for the box’s name',
  address: 'The certificate for the box’s addresses',
  owner: 'Your own certificate',
};

export const alerts = {
  title: 'What needs you',
  lead: (n: number) =>
    n === 0 ? 'Nothing needs you.' : plural(n, { one: 'One thing needs you.', other: `${count(n)} things need you.` }),
  all: 'All alerts',
  list: 'What is known, and what is over',
  open: 'Open',
  seen: 'Seen',
  seenText: 'You know of these. The box asks again only if one grows worse.',
  over: 'Over',
  overText: 'Kept for 400 days.',
  overNone: 'Nothing has been over yet.',
  noneTitle: 'Nothing needs you',
  noneText: 'The box says so here, and on the home page, when something does.',
  older: 'Show older ones',
  seenAction: 'Seen',
  seenThis: (title: string) => `Seen: ${title}`,
  seenSaid: 'It is folded away until it grows worse or is over.',
  since: (since: number, now: number) => `Since ${moment(since, now)}`,
  overAt: (at: number, now: number) => `Over ${moment(at, now)}`,
  fromTo: (from: number, to: number, now: number) => `From ${moment(from, now)} until ${moment(to, now)}`,
  folded: (n: number) => plural(n, { one: 'One thing you have seen', other: `${count(n)} things you have seen` }),
  away: (person: string) => `${person} is away`,
  awayOwn: 'I am away',
  awayTitle: (phone: string) => `Until when is ${phone} away?`,
  awayText: 'Nobody misses it until then. It ends by itself; photos that come meanwhile are welcome.',
  awayDate: 'Back on',
  awayDays: ['In a week', 'In two weeks', 'In a month'],
  awaySave: 'Away until then',
  awaySaid: (phone: string, until: string) => `${phone} is away until ${until}.`,
  awayPast: 'Choose a day from tomorrow on, at most a year ahead.',
  home: 'It is back',
  awayCard: 'Away',
  awayCardText: 'On a journey, or in a drawer for a while? Then nobody need miss it.',
  awayUntil: (until: number, now: number) => `Away until ${day(until, now)}. Nobody misses it before.`,
  awaySet: 'It is away',
} as const;

type Words = Readonly<{ title: string; text: string }>;

/** What happened, and what is still true; one or two sentences. */
const facts: Readonly<Record<Code, (params: Params, looking: Looking) => Words>> = {
  'disk-missing': () => ({
    title: 'The disk is not there',
    text: 'What came in is on it, unharmed. New photos wait on the phones.',
  }),
  'disk-foreign': () => ({
    title: 'Another disk is in its place',
    text: 'The box writes nothing to it. Your photos are on the disk that was here before.',
  }),
  'disk-read-only': () => ({
    title: 'The disk cannot be written to',
    text: 'What is on it can still be read. New photos wait on the phones.',
  }),
  'disk-failing': (params) => ({
    title: 'The disk gives errors',
    text:
      params['times'] === undefined
        ? 'The box cannot use it. New photos wait on the phones.'
        : `Reading or writing failed ${times(number(params, 'times'))} of late. What the box called safe is on it.`,
  }),
  'disk-full': (params) => ({
    title: 'The disk is full',
    text: `${bytes(number(params, 'freeBytes'))} are kept free, so that nothing breaks. What came in is safe; new photos wait on the phones.`,
  }),
  'disk-nearly-full': (params) => ({
    title:
      params['days'] === undefined
        ? 'The disk is nearly full'
        : `The disk lasts for about ${days(number(params, 'days'))} more`,
    text: `${bytes(number(params, 'freeBytes'))} are free. What is here stays, and new photos still come in.`,
  }),
  'verification-failed': (params) => ({
    title: plural(number(params, 'count'), {
      one: 'One file on the disk is missing or damaged',
      other: `${count(number(params, 'count'))} files on the disk are missing or damaged`,
    }),
    text: 'The box reads all files again, and compares them with what came. It asks for these again.',
  }),
  'refused-files': (params) => ({
    title: `${word(params, 'name')}: ${plural(number(params, 'count'), { one: 'one file was refused', other: `${count(number(params, 'count'))} files were refused` })}`,
    text: 'Everything else of this phone is safe.',
  }),
  'phone-silent': (params, { own, now }) => ({
    title: own
      ? `Your ${word(params, 'name')} has been silent for ${nights(number(params, 'nights'))}`
      : `${word(params, 'name')} has been silent for ${nights(number(params, 'nights'))}`,
    text: `Last heard of: ${moment(number(params, 'since'), now)}. Everything that came before is safe.`,
  }),
  'phone-stalled': (params, { own }) => ({
    title: own
      ? `${files(number(params, 'count'))} of your ${word(params, 'name')} do not come in`
      : `${word(params, 'name')}: ${files(number(params, 'count'))} do not come in`,
    text: `The phone has held them for ${nights(number(params, 'nights'))}. Everything that came is safe.`,
  }),
  'mirror-missing': (params, { now }) => ({
    title: `The mirror ${word(params, 'name')} has been away for ${nights(number(params, 'nights'))}`,
    text: `It was last there: ${moment(number(params, 'since'), now)}. What came in since is on one disk only.`,
  }),
  'mirror-behind': (params) => ({
    title: `The mirror ${word(params, 'name')} lacks ${files(number(params, 'count'))}`,
    text: `It has not caught up for ${nights(number(params, 'nights'))}. What it has is right, and the library is whole.`,
  }),
  'offbox-behind': (params, { now }) => ({
    title: `The copy off the box was not made for ${nights(number(params, 'nights'))}`,
    text: `What is there is as of ${moment(number(params, 'since'), now)}. The library itself is safe on its disk.`,
  }),
  'offbox-damaged': () => ({
    title: 'The copy off the box is damaged',
    text: 'What was read back from there is not what was sent. The library itself is safe on its disk.',
  }),
  'disk-watch': (params) => ({
    title: `The disk ${word(params, 'name')} shows a first sign of trouble`,
    text: `${why(params)}It works, and what is on it can be read.`,
  }),
  'disk-replace-soon': (params) => ({
    title: `The disk ${word(params, 'name')} should be replaced soon`,
    text: `${why(params)}It still works; disks like this one fail more often than others.`,
  }),
  'disk-replace-now': (params) => ({
    title: `The disk ${word(params, 'name')} is failing`,
    text: `${why(params)}It may stop any day; what it still gives can be read.`,
  }),
  'second-factor-missing': () => ({
    title: 'Only the password guards this box',
    text: 'Whoever learns it has everything.',
  }),
  'clock-behind': () => ({
    title: 'The box does not know the time',
    text: 'Photos are kept by their own dates, so they are in the right folders. Nights and one-time codes may be off.',
  }),
  'clock-ahead': (params) => ({
    title: `The box’s clock is ${plural(Math.max(1, Math.round(number(params, 'seconds') / 60)), { one: '1 minute', other: `${count(Math.round(number(params, 'seconds') / 60))} minutes` })} ahead`,
    text: 'Photos keep their own dates. One-time codes may not fit until time has caught up.',
  }),
  'video-tools-missing': () => ({
    title: 'Videos wait on their phones',
    text: 'The box cannot read when a video was taken: the program ffprobe is missing. Photos come in as usual.',
  }),
  'memory-high': (params) => ({
    title: 'The box is short of memory',
    text: `${count(number(params, 'percent'))} % of it are in use. What came in is safe; the box may be slow.`,
  }),
  'temperature-high': (params) => ({
    title: `The box is hot: ${count(number(params, 'celsius'))} °C`,
    text: 'It works more slowly to protect itself. What came in is safe.',
  }),
  'certificate-expiring': (params) => ({
    title: `${certificateNames[word(params, 'which')] ?? 'A certificate'} runs out in ${days(number(params, 'days'))}`,
    text: 'After that, phones and browsers do not trust the box until there is a new one. No photo is touched by it.',
  }),
  'channel-failing': (params, { now }) => ({
    title: `${channelNames[word(params, 'channel')] ?? 'A channel'} does not get through`,
    text: `${plural(number(params, 'waiting'), { one: '1 message waits', other: `${count(number(params, 'waiting'))} messages wait` })} since ${moment(number(params, 'since'), now)}. Nothing of it is lost; the box tries again by itself.`,
  }),
};

type Action = Readonly<{ label: string; href: string }>;
type Todo = Readonly<{
  text: string;
  action?: (params: Params) => Action;
  /** A quiet way besides. */
  more?: (params: Params) => Action;
}>;
const diskPage = (params: Params) => `/disks/${encodeURIComponent(word(params, 'disk'))}`;
/** What to do: one sentence, and where. */
const advice: Readonly<Record<Advice, Todo>> = {
  'put-the-disk-back': {
    text: 'Plug the disk in again: the box goes on by itself.',
    action: () => ({ label: 'See the disks', href: '/disks' }),
  },
  'put-the-right-disk-back': {
    text: 'Plug the right one in: the box goes on by itself.',
    action: () => ({ label: 'See the disks', href: '/disks' }),
  },
  'replace-the-disk': {
    text: 'Check its cord first; if it stays so, copy the photos to another disk soon.',
    action: () => ({ label: 'See the disks', href: '/disks' }),
  },
  'make-room': {
    text: 'Empty the trash, or think of a larger disk.',
    action: () => ({ label: 'Empty the trash', href: '/photos/trash' }),
  },
  'open-the-phones-that-have-them': {
    text: 'Open the backup app on the phones that have them, and they come again.',
    action: () => ({ label: 'Show which', href: '/originals' }),
  },
  'look-at-the-refused': {
    text: 'The phone’s page says which, and why.',
    action: (params) => ({ label: 'Show the phone', href: `/phones/${word(params, 'phone')}` }),
  },
  'open-the-app-at-home': {
    text: 'Opening its app once on the home Wi-Fi is often enough.',
    action: (params) => ({ label: 'Show the fix', href: `/phones/${word(params, 'phone')}/fix` }),
  },
  'open-the-app-while-charging': {
    text: 'Open the app while the phone charges, and they go on.',
    action: (params) => ({ label: 'Show the fix', href: `/phones/${word(params, 'phone')}/fix` }),
  },
  'add-a-second-factor': {
    text: 'Add a phone that approves, or one-time codes.',
    action: () => ({ label: 'Add a second lock', href: '/security' }),
  },
  'tell-the-time': {
    text: 'Sign in from a device whose clock is right, or let the box ask the internet.',
    action: () => ({ label: 'Set the time', href: '/settings' }),
  },
  'check-the-clock': {
    text: 'Check the clock of the machine that the box runs on.',
    action: () => ({ label: 'See the time', href: '/settings' }),
  },
  'install-the-video-tools': { text: 'Install ffmpeg on the box: the videos then come in by themselves.' },
  'restart-the-box': { text: 'Restart the box; if it comes back, something on the machine takes too much.' },
  'cool-the-box': { text: 'Give it some air, and take it out of the sun.' },
  'renew-the-certificate': {
    text: 'Put a new one of yours in its place; the box’s own is renewed by a restart.',
    action: () => ({ label: 'See the certificates', href: '/settings' }),
  },
  'attach-the-mirror': {
    text: 'Attach it: the box brings it up to date by itself.',
    action: () => ({ label: 'See the mirrors', href: '/disks/mirrors' }),
  },
  'look-at-the-mirror': {
    text: 'Look whether it is full, or fails.',
    action: () => ({ label: 'See the mirrors', href: '/disks/mirrors' }),
  },
  'look-at-the-copy': {
    text: 'Its page says why, and tries it again.',
    action: () => ({ label: 'See the copy', href: '/offbox' }),
  },
  'begin-the-copy-anew': {
    text: 'Begin a new copy at another place, and keep this one until that is whole.',
    action: () => ({ label: 'See the copy', href: '/offbox' }),
  },
  'look-at-the-disk': {
    text: 'Check its cord, and see that the photos are on a second disk as well.',
    action: (params) => ({ label: 'See the disk', href: diskPage(params) }),
  },
  'plan-a-new-disk': {
    text: 'Get another disk and attach it as a mirror; when it has everything, it can take this one’s place.',
    action: (params) => ({ label: 'See the disk', href: diskPage(params) }),
  },
  'replace-that-disk': {
    text: 'Attach another disk as a mirror now, let it take this one’s place, and leave this one plugged in until then.',
    action: () => ({ label: 'Replace this disk', href: '/disks/replace' }),
    more: (params) => ({ label: 'What the box saw', href: diskPage(params) }),
  },
  'check-the-channel': {
    text: 'Look at its settings, and send a test.',
    action: () => ({ label: 'Look at its settings', href: '/settings' }),
  },
};

/** What happened, what is still true, what to do: at most three sentences and one button. */
export function alertWords(alert: AlertFacts & Readonly<{ advice: Advice }>, looking: Looking) {
  const { title, text } = facts[alert.code](alert.params, looking);
  const { text: todo, action, more } = advice[alert.advice];
  const { params } = alert;
  return { title, sentences: [text, todo], action: action?.(params), more: more?.(params) } as const;
}

export function alertTitle({ code, params }: AlertFacts, looking: Looking): string {
  return facts[code](params, looking).title;
}

/** In a line, once it is over. */
const ends: Readonly<Record<Code, (params: Params) => string>> = {
  'disk-missing': () => 'The disk is back',
  'disk-foreign': () => 'The right disk is back',
  'disk-read-only': () => 'The disk can be written to again',
  'disk-failing': () => 'The disk gives no more errors',
  'disk-full': () => 'The disk has room again',
  'disk-nearly-full': () => 'The disk has enough room again',
  'verification-failed': () => 'Every file on the disk is what came again',
  'refused-files': (params) => `No file of ${word(params, 'name')} is refused any more`,
  'phone-silent': (params) => `${word(params, 'name')} is back`,
  'phone-stalled': (params) => `The files of ${word(params, 'name')} come in again`,
  'mirror-missing': (params) => `The mirror ${word(params, 'name')} is back`,
  'mirror-behind': (params) => `The mirror ${word(params, 'name')} has everything again`,
  'offbox-behind': () => 'The copy off the box was made again',
  'offbox-damaged': () => 'What is in the copy off the box is right again',
  'disk-watch': (params) => `The disk ${word(params, 'name')} shows no more signs of trouble`,
  'disk-replace-soon': (params) => `The disk ${word(params, 'name')} need not be replaced soon any more`,
  'disk-replace-now': (params) => `The disk ${word(params, 'name')} is not failing any more, or is gone`,
  'second-factor-missing': () => 'A second lock guards the box',
  'clock-behind': () => 'The box knows the time again',
  'clock-ahead': () => 'The box’s clock is right again',
  'video-tools-missing': () => 'Videos come in again',
  'memory-high': () => 'The box has enough memory again',
  'temperature-high': () => 'The box has cooled down',
  'certificate-expiring': () => 'The certificate was renewed',
  'channel-failing': (params) => `${channelNames[word(params, 'channel')] ?? 'A channel'} gets through again`,
};

export function overWords({ code, params }: AlertFacts): string {
  return ends[code](params);
}
