import { bytes, count, moment, plural } from '../format.ts';

type Params = Readonly<Record<string, string | number>>;
const number = (params: Params, name: string) => Number(params[name] ?? 0);
const word = (params: Params, name: string) => String(params[name] ?? '');

const photos = (n: number) => plural(n, { one: '1 photo', other: `${count(n)} photos` });
const phonesOf = (n: number) => plural(n, { one: '1 phone', other: `${count(n)} phones` });
const few = ['No', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine'];

export const home = {
  title: 'Home',
  phones: 'Phones',
  pair: 'Pair a phone',
  pairFirst: 'Pair the first phone',
  pairFirstText: 'It takes about two minutes. From then on its photos come in by themselves.',
  nothingNeeds: 'Nothing needs you',
  nothingNeedsText: 'The box says so here when something does.',
  room: 'Room',
  ofDisk: (total: number) => `of ${bytes(total)}`,
  free: (free: number) => `${bytes(free)} free`,
  used: (free: number, total: number) => `${bytes(total - free)} of ${bytes(total)} are used`,
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
    someText: 'The rest may still come: a phone counts as silent after three nights.',
  },
} as const;

type AlertWords = Readonly<{ title: string; text: string; action?: Readonly<{ label: string; href: string }> }>;

/** What happened, what is still true, what to do; at most one button. */
export function alertWords(code: string, params: Params): AlertWords {
  const texts: Readonly<Record<string, () => AlertWords>> = {
    'disk-missing': () => ({
      title: 'The disk is not there',
      text: 'What came in is on it, unharmed. New photos wait on the phones. Plug the disk in again.',
    }),
    'disk-foreign': () => ({
      title: 'Another disk is in its place',
      text: 'The box writes nothing to it. Your photos are on the disk that was here before: plug that one in again.',
    }),
    'disk-read-only': () => ({
      title: 'The disk cannot be written to',
      text: 'What is on it can still be read. New photos wait on the phones. Unplug it, plug it in again; if it stays so, it needs replacing.',
    }),
    'disk-failing': () => ({
      title: 'The disk gives errors',
      text: `Reading or writing failed ${plural(number(params, 'times'), { one: 'once', other: `${count(number(params, 'times'))} times` })} of late. What the box called safe is on it. Copy it to another disk soon.`,
    }),
    'disk-full': () => ({
      title: 'The disk is full',
      text: `${bytes(number(params, 'freeBytes'))} are kept free, so that nothing breaks. What came in is safe; new photos wait on the phones. Make room, or plug in a larger disk.`,
      action: { label: 'Empty the trash', href: '/photos/trash' },
    }),
    'refused-files': () => ({
      title: `${word(params, 'name')}: ${plural(number(params, 'count'), { one: 'one file was refused', other: `${count(number(params, 'count'))} files were refused` })}`,
      text: 'Everything else of this phone is safe. The phone’s page says why.',
      action: { label: 'Show the phone', href: `/phones/${word(params, 'phone')}` },
    }),
    'second-factor-missing': () => ({
      title: 'Only the password guards this box',
      text: 'Whoever learns it has everything. Add a phone that approves, or one-time codes.',
      action: { label: 'Add a second lock', href: '/security' },
    }),
    'clock-behind': () => ({
      title: 'The box does not know the time',
      text: 'Photos are kept by their own dates, so they are in the right folders. Nights and codes may be off. Set the time.',
      action: { label: 'Set the time', href: '/settings' },
    }),
    'video-tools-missing': () => ({
      title: 'Videos wait on their phones',
      text: 'The box cannot read when a video was taken: the program ffprobe is missing. Photos come in as usual. Install ffmpeg on the box.',
    }),
  };
  return texts[code]?.() ?? { title: code, text: '' };
}

type PhoneFacts = Readonly<{
  state: string;
  counts: Readonly<{ seen: number; safe: number; waiting: number; refused: number; deleted: number }> | null;
  newSinceWindow: Readonly<{ count: number; bytes: number }>;
  arriving: Readonly<{ count: number }> | null;
  lastReceivedAt: number | null;
}>;

/** Two lines of evidence for a phone: what is here, and what is known besides. */
export function evidence(phone: PhoneFacts, now: number): readonly [string, string] {
  const { counts, newSinceWindow, arriving, lastReceivedAt } = phone;
  const last = lastReceivedAt === null ? 'Nothing yet' : `Last photo ${moment(lastReceivedAt, now)}`;
  const fresh = newSinceWindow.count;
  if (phone.state === 'unknown') return ['Its counts are on the disk', 'They are here again when the disk is'];
  if (phone.state === 'new') return ['Paired, nothing sent yet', 'Open its app at home once'];
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
