import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, localDay, moment, plural } from '../format.ts';

type Damage = ReplyOf<'GET /api/verification'>['lost']['files'][number]['damage'];
type How = ReplyOf<'GET /api/verification'>['mended'][number]['how'];
type Lack = NonNullable<NonNullable<ReplyOf<'GET /api/reports/:night'>['boxCopy']>['lack']>;
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** Whether what is on the disk is still what came, and the sealed copies of the box itself. */
export const originals = {
  title: 'Files read again',
  lead: 'A disk may lose bytes and say nothing. So the box reads every file again within 30 days, at night and while nobody needs the disk, and compares it with what came.',
  card: 'Whether the files are what came',
  none: 'No file is here yet.',
  since: (at: number, now: number) => `Each was read again, or came, since ${moment(at, now)}.`,
  within: (n: number, of: number) => `${count(n)} of ${files(of)} were read, or came, within 30 days`,
  withinAll: 'Everything was read, or came, within 30 days.',
  overdue: (n: number) =>
    plural(n, {
      one: '1 file was not read for 30 days. It is next.',
      other: `${count(n)} files were not read for 30 days. They are next.`,
    }),
  mended: 'Lost, and there again',
  mendedText: 'Found missing or damaged of late, and whole since.',
  mendedBy: (damage: Damage, how: How, at: number, now: number) =>
    `${damages[damage ?? 'unknown']}. ${mendedHow[how]} ${moment(at, now)}.`,
  held: (n: number, size: number) => `${files(n)}, ${bytes(size)}`,
  all: 'Everything is being read',
  allOf: (done: number, of: number, begun: number, now: number) =>
    `${count(done)} of about ${files(of)}, since ${moment(begun, now)}.`,
  allBytes: (done: number, of: number) => `${bytes(done)} of ${bytes(of)}`,
  resting: 'It rests while somebody sends or looks at pictures.',
  readAll: 'Read everything now',
  readAllHint: 'A large disk takes hours. The box can be used meanwhile.',
  stop: 'Stop reading',
  lost: 'Missing or damaged',
  lostCount: (n: number) =>
    plural(n, { one: '1 file is missing or damaged', other: `${count(n)} files are missing or damaged` }),
  whole: 'Every file that was read is what came.',
  lostNone: 'None: every file that was read is what came.',
  more: 'Show more',
  of: (person: string, taken: string, now: number) => `${person}, taken ${localDay(taken, now, undefined)}`,
  found: (damage: Damage, at: number | null, now: number) =>
    at === null ? damages[damage ?? 'unknown'] : `${damages[damage ?? 'unknown']}. Found ${moment(at, now)}.`,
  whatToDo: 'What to do',
  steps: [
    {
      what: 'Open the backup app on the phone that has them',
      where: 'The box asks for them again. What comes takes its old place, and nothing else is sent twice.',
    },
    {
      what: 'On no phone any more? Put a copy of yours in its place',
      where: 'Under the name and in the folder given here. The box looks again each night.',
    },
    {
      what: 'More of them from night to night? Do not wait',
      where: 'The disk is failing, or its cord is. Copy the photos to another disk soon.',
    },
  ],
  show: 'Show which',
  toPage: 'How it stands with the files',

  kept: 'Kept whole',
  readThen: (n: number, size: number) =>
    n === 0 ? 'Nothing was due to be read again.' : `${files(n)} read again, ${bytes(size)}.`,
  damagedThen: (n: number) =>
    plural(n, {
      one: '1 of them was missing or damaged.',
      other: `${count(n)} of them were missing or damaged.`,
    }),
  copyMade: (at: number, now: number) => `The box’s own settings were sealed onto the disk ${moment(at, now)}.`,
  copyNever: 'The box’s own settings were never sealed onto the disk.',
  lack: {
    'no-recovery-key': 'Without a recovery key it cannot seal a copy.',
    'key-not-at-hand': 'It cannot open its recovery key any more: make a new one.',
    'disk-full': 'The disk was too full for a new copy.',
  } satisfies Record<Lack, string>,
  toKey: 'Make a recovery key',
} as const;

const damages: Readonly<Record<NonNullable<Damage> | 'unknown', string>> = {
  missing: 'Not on the disk any more',
  'other-bytes': 'Not what came any more',
  unreadable: 'The disk cannot read it',
  unknown: 'Missing or damaged',
};

const mendedHow: Readonly<Record<How, string>> = {
  'from-mirror': 'Healed from a mirror',
  'came-again': 'Came again from a phone',
  'put-back': 'Put back by hand, and seen',
};
