import { bytes, clock, count, day, daysAgo, localDay, moment, plural } from '../format.ts';

const photos = (n: number) => plural(n, { one: '1 photo', other: `${count(n)} photos` });
const phonesOf = (n: number) => plural(n, { one: '1 phone', other: `${count(n)} phones` });
const dayMs = 86_400_000;
/** “tomorrow at 08:00”. */
const comes = (at: number, now: number) =>
  new Date(at).getDate() === new Date(now).getDate() ? `today at ${clock(at)}` : `tomorrow at ${clock(at)}`;
const few = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];

export const home = {
  title: 'Home',
  phones: 'Phones',
  pair: 'Pair a phone',
  pairFirst: 'Pair the first phone',
  pairFirstText: 'It takes about two minutes. From then on its photos come in by themselves.',
  nothingNeeds: 'Nothing needs you',
  nextNight: (opensAt: string) => `The next night begins at ${opensAt}.`,
  alerts: 'All alerts',
  lastNight: 'Last night',
  nightOf: (night: string, now: number) =>
    daysAgo(night, now) === 0 ? 'Last night' : `The night to ${localDay(night, now)}`,
  allNights: 'All nights',
  seeReport: 'See the report',
  firstNight: (at: number, now: number) => `The first night is not over yet. Its report is here ${comes(at, now)}.`,
  newFiles: (n: number) => plural(n, { one: '1 new file', other: `${count(n)} new files` }),
  nightFrom: (n: number, size: number, phones: number) =>
    n === 0 ? 'Nothing new came in.' : `${bytes(size)} from ${phonesOf(phones)}.`,
  notCounted: 'The disk was away at its end: the next report counts it.',
  nightWaiting: (files: number, videos: number) =>
    videos > 0
      ? `${plural(videos, { one: '1 video waits', other: `${count(videos)} videos wait` })}: open the app while charging.`
      : `${plural(files, { one: '1 file waits', other: `${count(files)} files wait` })}: open the app while charging.`,
  nightSilent: (n: number) => plural(n, { one: '1 phone was silent.', other: `${count(n)} phones were silent.` }),
  disks: 'Disks',
  allDisks: 'See them',
  diskName: { library: 'The photos’ disk', mirror: 'A mirror', other: 'A disk' },
  diskRoles: { library: 'Library', mirror: 'Mirror, with everything on it', other: 'Choose what it is for' },
  diskBehind: (n: number) => plural(n, { one: 'Mirror, lacks 1 file', other: `Mirror, lacks ${count(n)} files` }),
  diskAway: (at: number, now: number) => `Last here ${moment(at, now)}`,
  diskGone: 'Plug it in again',
  noDisk: 'No disk holds photos yet.',
  chooseDisk: 'Choose one',
  oneDisk: 'Everything is on one disk.',
  addDisk: 'Add a second one',
  room: 'Room',
  ofDisk: (total: number) => `of ${bytes(total)}`,
  free: (free: number) => `${bytes(free)} free`,
  used: (free: number, total: number) => `${bytes(total - free)} of ${bytes(total)} are used`,
  lasts: (days: number, now: number) => `At this pace it lasts until about ${day(now + days * dayMs, now, undefined)}.`,
  mayUse: (left: number, quota: number) => `You may use ${bytes(left)} more of your ${bytes(quota)}.`,
  mayUseNoMore: (quota: number) =>
    `You have used all of your ${bytes(quota)}: empty the trash, or ask for more. What came in is safe.`,
  roomUnknown: 'The disk does not answer.',
  mine: 'Your photos, new since last night',
  seeAll: 'See all',
  newPhoto: (n: number, of: number) => `New photo ${count(n)} of ${count(of)}`,
  newVideo: (n: number, of: number) => `New video ${count(n)} of ${count(of)}`,
  moreNeeds: (n: number) => plural(n, { one: 'One more', other: `${count(n)} more` }),
  strip: 'When photos came in last night',
  others: (n: number) => plural(n, { one: 'and one more', other: `and ${count(n)} more` }),
  kept: 'What the box knew last. Its disk is away.',
  verdicts: {
    'needs-you': (n: number) =>
      plural(n, { one: 'One thing needs you.', other: `${few[n] ?? count(n)} things need you.` }),
    needsText: 'Nothing that reached the box is lost.',
    needsTextLost: 'Some files on the disk are missing or damaged, and have to come again.',
    'no-phone': 'Pair the first phone.',
    arriving: (person: string) => `${person}’s photos are coming in.`,
    arrivingText: (n: number, phones: number) =>
      phones > 1
        ? `${plural(n, { one: '1 is', other: `${count(n)} are` })} here so far from this phone; ${phonesOf(phones)} are sending.`
        : `${plural(n, { one: '1 is', other: `${count(n)} are` })} here so far.`,
    'all-safe': 'Every photo is safe.',
    allSafeText: (safe: number, phones: number) =>
      plural(phones, {
        one: `All ${count(safe)} of this phone are here.`,
        other: `All ${count(safe)} of ${phonesOf(phones)} are here.`,
      }),
    'came-in': 'Everyone’s photos came in last night.',
    oneCameIn: (name: string) => `${name} came in last night.`,
    cameInText: (n: number, phones: number) =>
      n === 0
        ? 'Nothing new since the evening, and nobody was missed.'
        : `${count(n)} new from ${phonesOf(phones)}, each one checked.`,
    'some-came': (came: number, of: number) => `${count(came)} of ${phonesOf(of)} came in last night.`,
    onlyNew: 'The first photos are still to come.',
    onlyNewText: (n: number) =>
      plural(n, {
        one: 'One phone is paired and has sent nothing yet.',
        other: `${phonesOf(n)} are paired and have sent nothing yet.`,
      }),
    needsTextNew: (n: number, phones: number) =>
      `Nothing that reached the box is lost. ${plural(n, { one: '1 new file', other: `${count(n)} new files` })} came in last night from ${phonesOf(phones)}.`,
    someText: (nights: number) =>
      plural(nights, {
        one: 'The rest may still come: a phone counts as silent after one night.',
        other: `The rest may still come: a phone counts as silent after ${count(nights)} nights.`,
      }),
  },
} as const;

type PhoneFacts = Readonly<{
  state: string;
  counts: Readonly<{ seen: number; safe: number; waiting: number; refused: number; deleted: number }> | null;
  newSinceWindow: Readonly<{ count: number; bytes: number }>;
  arriving: Readonly<{ count: number }> | null;
  lastReceivedAt: number | null;
  /** Copies that its browser gave. */
  fromBrowser: number;
}>;

/** Two lines of evidence for a phone: what is here, and what is known besides. */
export function evidence(phone: PhoneFacts, now: number): readonly [string, string] {
  const { counts, newSinceWindow, arriving, lastReceivedAt, fromBrowser } = phone;
  const last = lastReceivedAt === null ? 'Nothing yet' : `Last photo ${moment(lastReceivedAt, now)}`;
  const fresh = newSinceWindow.count;
  if (phone.state === 'unknown') return ['Its counts are on the disk', 'They are here again when the disk is'];
  if (phone.state === 'new') return ['Paired, nothing sent yet', 'Open its app at home once'];
  if (arriving === null && lastReceivedAt === null && fromBrowser > 0) {
    return [`${photos(fromBrowser)} from its browser`, 'No app of it has sent anything yet'];
  }
  if (arriving !== null) return [`${photos(arriving.count)} so far`, last];
  if (counts !== null) {
    const wanted = counts.seen - counts.deleted;
    return [
      `${count(counts.safe)} of ${count(wanted)} are here`,
      fresh === 0 ? last : `${count(fresh)} new, ${lower(last)}`,
    ];
  }
  const line = fresh === 0 || lastReceivedAt === null ? last : `${count(fresh)} new, ${moment(lastReceivedAt, now)}`;
  return [line, 'This app does not tell what it still holds'];
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
