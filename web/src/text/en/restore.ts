import { bytes, count, plural } from '../format.ts';

const photos = (n: number) => plural(n, { one: '1 photo', other: `${count(n)} photos` });

export const restore = {
  title: 'Get photos back',
  which: 'Which ones?',
  everything: 'Everything of mine',
  thisPhone: 'What this phone sent',
  months: 'Months',
  all: 'All months',
  monthCount: (n: number) => photos(n),
  none: 'Nothing here yet. What this phone sends can be got back from here.',
  chosen: (n: number) => photos(n),
  plan: 'See the plan',
  tooMany: (max: number) =>
    `These are more than ${count(max)} photos, too many for a browser at once. Choose fewer months, and the others after that.`,
  planTitle: 'The plan',
  planShare: (n: number, size: number, rounds: number) =>
    `${photos(n)}, ${bytes(size)}: ${plural(rounds, {
      one: 'one round',
      other: `${count(rounds)} rounds of up to 10`,
    })}, since the phone takes only so many at a time. Each opens the share sheet: choose “Save”.`,
  planZip: (n: number, size: number, rounds: number) =>
    `${photos(n)}, ${bytes(size)}: ${plural(rounds, { one: 'one ZIP file', other: `${count(rounds)} ZIP files` })}, as downloads.`,
  planPairs: (n: number) =>
    plural(n, {
      one: '1 Live Photo comes as a ZIP file, with its video: the share sheet would part the two.',
      other: `${count(n)} Live Photos come as ZIP files, with their videos: the share sheet would part the two.`,
    }),
  planLarge: (n: number) =>
    plural(n, {
      one: '1 file is too large to share, so it is downloaded.',
      other: `${count(n)} files are too large to share, so they are downloaded.`,
    }),
  start: 'Start',
  back: 'Choose others',
  round: (at: number, of: number) => `Round ${at} of ${of}`,
  fetching: (size: number) => `Getting ${bytes(size)} from the box`,
  ready: 'Ready. Save them to the phone now.',
  save: (n: number) => `Save ${photos(n)}`,
  download: (size: number) => `Download ${bytes(size)}`,
  paused: 'The share sheet was closed. Nothing is lost: go on with this round when you like.',
  doneTitle: (n: number) => `${photos(n)} handed to the phone`,
  doneText: 'Look into its photos and downloads. On the box nothing has changed.',
  done: 'Done',
  better: 'A whole library?',
  betterText:
    'For thousands of photos a browser is slow. nightjar-phone restores into a folder, and the disk itself reads in any computer.',
  betterHow: 'How that works',
};
