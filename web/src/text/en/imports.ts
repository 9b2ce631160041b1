import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, moment, plural } from '../format.ts';

type Import = ReplyOf<'GET /api/imports/:id'>;
type Kind = keyof Import['report']['imported'];
const kinds: Readonly<Record<Kind, (n: number) => string>> = {
  photo: (n) => plural(n, { one: '1 photo', other: `${count(n)} photos` }),
  video: (n) => plural(n, { one: '1 video', other: `${count(n)} videos` }),
  sidecar: (n) => plural(n, { one: '1 note beside a photo', other: `${count(n)} notes beside photos` }),
  file: (n) => plural(n, { one: '1 other file', other: `${count(n)} other files` }),
};
/** As the daemon names them (src/imports/names.ts). */
const reasons: Readonly<Record<string, string>> = {
  system: 'Kept by a system for itself, or in a recycle bin',
  'rough-copy': 'A camera’s small copy of what is beside it',
  'other-kind': 'Neither picture nor video',
  'no-file': 'A link or a device, no file',
  'other-disk': 'Another disk is mounted there',
  loop: 'A folder that holds itself',
  'too-deep': 'Too many folders in one another',
  'own-library': 'The box’s own',
  deleted: 'Deleted here before by its owner',
  changed: 'Changed while it was read',
  unreadable: 'Its disk does not give it',
  'empty-picture': 'Empty: it has no bytes',
  'invalid-name': 'A name that the box cannot keep',
  'video-tools-missing': 'A video, and the box lacks the program that reads its date',
  conflict: 'Another file was in its way',
};

/** Photos of other disks and folders. */
export const imports = {
  title: 'Import photos',
  lead: 'From a camera card, an old backup or a Takeout. The box only reads there: nothing on that disk is changed, and what is here already is not copied twice.',
  from: 'From a disk',
  noDisk: 'No other disk is attached',
  noDiskText: 'Plug in a card or a disk: it is shown here, and nothing is written to it.',
  noHelper: 'This box cannot attach disks by itself, so photos are imported from a folder, at its console.',
  look: (name: string) => `Look at ${name}`,
  lookText: 'It is only looked at: mounted so that nothing on it can change.',
  source: 'Disk',
  volume: (label: string, size: number) => (label === '' ? bytes(size) : `${label}, ${bytes(size)}`),
  folder: 'Folder',
  whole: 'All of it',
  folderHint: (n: number) =>
    plural(n, { one: 'There is 1 folder on it.', other: `There are ${count(n)} folders on it.` }),
  folderMore: 'Only the first of its folders are listed.',
  person: 'Whose photos are these?',
  allFiles: 'Also what is neither picture nor video',
  begin: (name: string) => `Import from ${name}`,
  begun: 'The import has begun.',
  ownerOnly: 'The owner of the box attaches disks, and imports from them for you.',
  byFolder: 'From a folder of the box',
  byFolderText: 'Folders of the machine itself are for whoever is at its console, since they may hold anything. There:',
  command: 'Command',
  done: 'Imports',
  none: 'Nothing was imported yet.',
  of: (name: string) => (name === '' ? 'An import' : name),
  forWhom: (person: string, at: number, now: number) => `For ${person}, begun ${moment(at, now)}`,
  states: {
    running: 'Under way',
    waiting: 'Waits',
    done: 'Done',
    stopped: 'Stopped',
    failed: 'Ended early',
  } satisfies Record<Import['state'], string>,
  imported: ({ report, state }: Import) => {
    const parts = (Object.keys(kinds) as Kind[]).flatMap((kind) => {
      const n = report.imported[kind].files;
      return n === 0 ? [] : [kinds[kind](n)];
    });
    return parts.length === 0 ? (state === 'done' ? 'Nothing new' : 'Nothing new so far') : parts.join(', ');
  },
  importedSize: (size: number) => bytes(size),
  had: (n: number) => plural(n, { one: '1 file was here already.', other: `${count(n)} files were here already.` }),
  out: (n: number) => plural(n, { one: '1 was left out.', other: `${count(n)} were left out.` }),
  ended: (at: number, now: number) => `Ended ${moment(at, now)}.`,
  why: (reason: string | null) => {
    switch (reason) {
      case 'not-found':
        return 'Its disk is not there. Attach it and look at it again: the import goes on by itself.';
      case 'disk-missing':
        return 'The library’s disk is not there. The import goes on when it is.';
      case 'disk-full':
        return 'The library’s disk is full. The import goes on when there is room.';
      case 'forbidden':
      case 'unauthenticated':
        return 'The person it was for may not have photos here any more.';
      default:
        return 'Something was in its way. What was imported is safe.';
    }
  },
  tries: (at: number, now: number) => `It tries again by itself, next ${moment(at, now)}.`,
  pause: 'Pause',
  pauseThis: (name: string) => (name === '' ? 'Pause this import' : `Pause the import from ${name}`),
  stopText: 'What was imported stays. Going on brings the rest.',
  goOn: 'Go on',
  goOnThis: (name: string) => (name === '' ? 'Go on with this import' : `Go on with the import from ${name}`),
  goOnConsole: 'It goes on at the console, with the same command:',
  report: 'Report',
  reportOf: (name: string) => (name === '' ? 'of this import' : `of the import from ${name}`),
  reportImported: 'Imported',
  reportHad: 'Here already',
  reportOut: 'Left out',
  reason: (code: string) => reasons[code] ?? 'Left out',
  kind: (kind: Kind, n: number) => kinds[kind](n),
  count,
  problems: 'Worth a look',
  problemsText: 'These may have been photos:',
  problemsMore: (n: number) => plural(n, { one: 'And 1 more.', other: `And ${count(n)} more.` }),
} as const;
