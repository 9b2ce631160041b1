import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, dayShort, duration, moment, plural } from '../format.ts';

type Listed = ReplyOf<'GET /api/disks'>;
type Disk = Listed['disks'][number];
type Volume = Disk['volumes'][number];
type Verb = NonNullable<Disk['failed']>['verb'];

const dayMs = 86_400_000;
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });
const times = (n: number) => plural(n, { one: 'once', other: `${count(n)} times` });

/** Roughly, as one says it: what is a year away need not be known to the day. */
function months(days: number): string {
  if (days < 45) return plural(days, { one: 'about 1 day', other: `about ${count(days)} days` });
  const n = Math.round(days / 30.4);
  if (n < 24) return `about ${count(n)} months`;
  return `about ${count(Math.round(days / 365))} years`;
}

export const disks = {
  title: 'Disks',
  leads: {
    failing: (n: number) => plural(n, { one: 'One disk is failing.', other: `${count(n)} disks are failing.` }),
    libraryMissing: 'The disk with the photos is not there. Plug it in: the box goes on by itself.',
    noLibrary: 'No disk holds photos yet. Choose one: the box writes to it only when you say so.',
    single: 'Everything is on one disk. A second one would hold it all again.',
    away: 'A mirror is away. What came in since is on one disk only.',
    begun: 'The box has just begun with the mirror.',
    behind: (n: number) => `The mirror is catching up: it lacks ${files(n)}.`,
    stuck: 'The mirror takes in nothing more just now: it is full, or cannot be used.',
    look: 'Everything is on two disks. One of them should be looked at.',
    twice: 'Everything is on two disks, and none of them shows trouble.',
    twiceFolders: 'Everything is there twice. How every disk is, the box cannot tell.',
  },
  none: 'No disk is plugged in',
  noneText: 'Plug one in: it appears here. The box writes to it only when you say so.',
  helperMissing: 'Folders stand in for disks here',
  helperMissingText:
    'The part of the box that reaches disks is not installed on this machine. The box uses the folders that it was given; how their disks are, it cannot tell.',
  helperFailing: 'The box cannot reach its disks just now',
  helperFailingText: 'What is in use goes on. It tries again by itself.',
  plugIn: 'Plug in another disk and it appears here. Nothing is written to it until you choose what it is for.',
  others: 'Not for photos',
  otherStates: {
    system: 'The box itself stands on it. It is left alone.',
    'in-use': 'Something else on this machine uses it. It is left alone.',
    busy: 'The box is working on it.',
  },
  ways: 'What else can be done',
  mirrors: 'Mirrors',
  mirrorsText: 'How far each is, and letting one take the library’s place',
  replace: 'Replace a disk',
  replaceText: 'A larger one, or one that does not fail',
  bringIn: 'Bring photos in',
  bringInText: 'From a camera’s card, an old backup, a Takeout',
  takeOut: 'Take everything out',
  takeOutText: 'Copy the whole library to a disk or a folder',

  folderText: 'The box was given this folder for the photos. How the disk is that it lies on, it cannot tell.',
  folderName: { library: 'The photos’ folder', mirror: 'A mirror’s folder' },
  facts: ({ sizeBytes, bus, serial }: Pick<Disk, 'sizeBytes' | 'bus' | 'serial'>, filesystem: string, label = '') =>
    [
      bytes(sizeBytes),
      filesystem,
      buses[bus],
      serial === '' ? '' : `no. ${serial}`,
      label === '' ? '' : `called “${label}”`,
    ]
      .filter((one) => one !== '')
      .join(', '),
  filesystems: { ext4: 'ext4', btrfs: 'btrfs', exfat: 'exFAT', '': '' } as Readonly<Record<string, string>>,
  roles: {
    library: 'The library: all photos live here',
    mirror: 'Mirror',
  },
  mirrorWhole: 'Mirror: everything is on it as well',
  mirrorBegun: 'Mirror: the box has just begun with it',
  mirrorAlone: 'Mirror: it has what it had when the library was there last',
  mirrorBehind: (n: number) => `Mirror: lacks ${files(n)}`,
  mirrorLeft: (n: number, seconds: number) => `Mirror: lacks ${files(n)}, ${duration(seconds * 1000)} to go`,
  mirrorAway: (seenAt: number, now: number) => `Mirror: last here ${moment(seenAt, now)}`,
  mirrorProblems: { full: 'Mirror: it is full', failing: 'Mirror: it cannot be used just now' },
  libraryAway: 'The library: plug it in, and the box goes on',
  holds: {
    library: 'The library of this box, not in use',
    mirror: 'A mirror of this box, not in use',
    'own-other': 'Something else of this box',
    'other-box': 'Another box’s library',
    empty: 'Empty',
    files: 'Files of somebody; nothing was written to it',
    odd: 'Something that only looks like a library; nothing was written to it',
    'no-filesystem': 'Nothing that can be read: new, or of another kind',
    unknown: 'Nobody looked yet what is on it',
  } satisfies Readonly<Record<Volume['holds'], string>>,
  noVolume: 'Nothing that can be read: new, or of another kind',
  lookedAt: 'It is looked at; nothing on it is changed',
  ejected: 'It may be pulled now',
  writeProtected: 'It is write-protected by a switch of its own',
  doing: (verb: Verb, since: number, now: number) => `${doings[verb]} since ${moment(since, now)}`,
  failed: (verb: Verb) => faults[verb],
  used: (total: number, free: number) => `${bytes(total - free)} used, ${bytes(free)} free`,
  fullIn: (days: number) => (days === 0 ? 'At this pace full today' : `At this pace full in ${months(days)}`),

  verdictHeads: {
    fine: 'This disk reads and writes as it should.',
    'tells-nothing': 'This disk does not tell how it is.',
    watch: 'This disk works. It should be watched.',
    'replace-soon': 'This disk should be replaced soon.',
    failing: 'This disk is failing.',
  },
  fineText: 'Nothing that disks show before they fail was seen on it.',
  notAsked: 'It was plugged in a moment ago: the box asks it how it is.',
  readAt: (at: number, now: number) => `It told this ${moment(at, now)}.`,
  asleep: 'It sleeps now, and is not woken to be asked.',
  replaceThis: 'Replace this disk',
  gone: 'This disk is not plugged in',
  goneText: 'Plug it in again, or look at the list of those that are.',
  toDisks: 'See all disks',

  room: 'Room',
  roomUsed: (total: number, free: number) => `${bytes(total - free)} used, ${bytes(free)} free`,
  roomChart: (days: number, at: number, reserve: number, now: number) =>
    `At the pace of the last weeks: full ${days === 0 ? 'today' : `${about(at, now)}, in ${months(days)}`}. The last ${bytes(reserve)} stay free, so that the box can always finish its work.`,
  roomFull: (reserve: number) =>
    `It is full: the last ${bytes(reserve)} stay free, so that the box can always finish its work.`,
  roomSteady: (reserve: number) =>
    `It does not fill just now, or too few nights are over to tell. The last ${bytes(reserve)} stay free, so that the box can always finish its work.`,
  roomMirror: 'A mirror fills as the library does.',
  roomNone: 'How much room there is, is known while the disk is in use or looked at.',
  numbers: 'Numbers',
  night: 'Night',
  usedColumn: 'Used',
  freeColumn: 'Free',
  dayColumn: 'Day',
  warmestColumn: 'Warmest',
  temperature: 'Temperature',
  temperatureNow: (celsius: number, days: number) =>
    `${count(celsius)} °C now, ${plural(days, { one: '1 day', other: `${count(days)} days` })}`,
  degrees: (celsius: number) => `${count(celsius)} °C`,
  warmest: (celsius: number, at: string, warm: number) =>
    celsius >= warm
      ? `Warmest: ${count(celsius)} °C on ${at}. That is warm for such a disk: more air would do it good.`
      : `Warmest: ${count(celsius)} °C on ${at}. Such a disk is warm from ${count(warm)} °C on.`,
  warmFrom: (celsius: number) => `warm from ${count(celsius)} °C`,
  tooFew: 'A line comes with the second day.',

  says: 'What the disk says about itself',
  saysNothing: 'Nothing: it does not tell, or its enclosure does not let it.',
  measures: {
    unreadable: 'Unreadable places',
    replaced: 'Places it had to replace',
    notGiven: 'Times it could not give what was asked',
    mediaErrors: 'Wrong or missing data',
    cable: 'Errors on the cable',
    wear: 'Used of its promised writing',
    spare: 'Spare room left',
    on: 'Switched on for',
    unsafe: 'Times the power was pulled',
    firmware: 'Its own program',
  },
  percent: (n: number) => `${count(n)} %`,
  hours: (n: number) => {
    const years = n / 8_766;
    if (years < 1) return plural(n, { one: '1 hour', other: `${count(n)} hours` });
    return `${count(n)} hours (${years.toFixed(1)} years)`;
  },
  fine: 'as it should be',
  notFine: 'should be watched',
  saw: 'What the box saw of it',
  sawText: 'In the last 30 days.',
  sawNothing: 'Nothing went wrong with it in the last 30 days.',
  ioErrors: 'Reading or writing failed',
  readOnly: 'It stopped taking anything new',
  damaged: 'Files that were not what came',
  times,
  tests: 'Self-tests',
  testsText: 'A short one each week, a long one each month, by the disk itself while it works on.',
  testNone: 'It has told of none yet.',
  testKinds: { short: 'Short', long: 'Long', other: 'Another' },
  testOutcomes: { passed: 'passed', failed: 'failed', aborted: 'broken off' },
  testAt: (at: number, now: number) => dayShort(at, now),
  testing: (left: number | null) =>
    left === null ? 'A test runs now.' : `A test runs now: ${count(left)} % are left.`,
  testNow: 'Test now',
  testBegun: 'The disk tests itself now. It works on meanwhile.',

  boxDoes: 'What the box does for it',
  readBack: 'Reading everything back',
  readSince: (oldest: number, now: number) => `all since ${dayShort(oldest, now)}`,
  readOf: (done: number, of: number) => `${count(done)} of ${count(of)}`,
  readNone: 'nothing yet',
  copyOn: (name: string) => `Copy on ${name}`,
  copyWhole: (at: number, now: number) => `complete ${moment(at, now)}`,
  copyBegun: 'just begun',
  copyProblems: { full: 'it is full', failing: 'it cannot be used just now' },
  copyLacks: (n: number, seconds: number | null) =>
    seconds === null ? `lacks ${files(n)}` : `lacks ${files(n)}, ${duration(seconds * 1000)} to go`,
  copyAlone: 'as it was when the library was there last',
  copyAway: (at: number, now: number) => `away since ${moment(at, now)}`,
  twice: 'Everything is on another disk as well, so nothing hangs on this one alone.',
  replaceTwice: 'Let that one take its place, and put in a new disk as the mirror.',
  onlyHere: 'No other disk has everything that is on it.',
  moreSigns: (n: number) => plural(n, { one: 'One more sign', other: `${count(n)} more signs` }),
  noCopy: 'There is no second disk. What this one loses, only the phones may still have.',
  lostNone: 'No damaged photo so far. If one is found, it is healed from the mirror.',
  lostNoneSingle: 'No damaged photo so far. If one is found, a phone that still has it is asked.',
  lost: (n: number) =>
    plural(n, { one: 'One file is missing or damaged.', other: `${count(n)} files are missing or damaged.` }),
  lostShow: 'Show which',
} as const;

const buses: Readonly<Record<Disk['bus'], string>> = { usb: 'USB', sata: 'SATA', nvme: 'NVMe', mmc: 'card', other: '' };
const doings: Readonly<Record<Verb, string>> = {
  look: 'The box looks at it,',
  use: 'The box makes it ready,',
  erase: 'It is being erased,',
  eject: 'The box lets go of it,',
  check: 'It is being checked,',
  attach: 'The box takes it up,',
};
const faults: Readonly<Record<Verb, string>> = {
  look: 'It could not be looked at.',
  use: 'It could not be used.',
  erase: 'It could not be erased.',
  eject: 'The box could not let go of it.',
  check: 'It could not be checked.',
  attach: 'It is this box’s own, and could not be used.',
};

/** “in spring 2030”, “on 3 January”: the nearer, the closer. */
function about(at: number, now: number): string {
  if (at - now < 60 * dayMs) return `about ${dayShort(at, now)}`;
  const when = new Date(at);
  const seasons = ['winter', 'spring', 'summer', 'autumn'];
  return `in ${seasons[Math.floor(((when.getMonth() + 1) % 12) / 3)]} ${when.getFullYear()}`;
}
