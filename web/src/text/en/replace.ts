import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, duration, moment, plural } from '../format.ts';

type Mirror = ReplyOf<'GET /api/mirrors'>['mirrors'][number];
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** From one disk to another: because it fails, because it is too small, or because it is dead. */
export const replace = {
  title: 'Move to another disk',
  lead: 'For a disk that fails or is too small. You can leave this page and come back at any time: it goes on where it was.',
  safeTitle: 'What is safe now',
  safeLibrary: 'The library is there, and takes in what comes.',
  safeMissing: 'The library’s disk is not there. The box takes nothing in; new photos wait on the phones.',
  safeCopy: (name: string) => `Everything is on “${name}” too.`,
  safeBehind: (name: string, n: number) =>
    n === 0 ? `The box has just begun with “${name}”.` : `“${name}” lacks ${files(n)} yet.`,
  safeAway: (name: string, at: number, now: number) => `“${name}” was last there ${moment(at, now)}.`,
  safeNoCopy: 'There is no second copy yet.',
  safeAttached: (name: string) => `“${name}” is attached, and has what it had.`,
  verdicts: {
    watch: (name: string) => `The disk “${name}” shows a first sign of trouble.`,
    'replace-soon': (name: string) => `The disk “${name}” should be replaced soon. It still works.`,
    failing: (name: string) =>
      `The disk “${name}” is failing: it may stop any day. Leave it plugged in until the last step.`,
  },
  why: 'Why',

  steps: ['Plug in the new disk', 'Everything goes onto it', 'It becomes the library', 'The old disk'],
  stepsLabel: 'Steps of the move',
  done: 'done',

  plugIn:
    'Any disk with room for everything. Plug it in beside the old one, and choose “Use it as a mirror” on its page. It is copied to in the background; the box can be used meanwhile.',
  plugInAgain: (names: string) => `${names} can be used as well: plug it in again.`,
  toDisks: 'Choose the new disk',
  chooseText: 'Which one is to become the library?',
  choose: (name: string) => `Move to “${name}”`,
  copying: (name: string, waiting: Mirror['waiting']) =>
    `“${name}” lacks ${files(waiting.files)}, ${bytes(waiting.bytes)}. This page may be closed.`,
  begun: (name: string) => `The box has just begun with “${name}”. This page may be closed.`,
  progress: (mirror: Mirror) => `${count(mirror.files)} of ${files(mirror.files + mirror.waiting.files)}`,
  left: (seconds: number) => `${duration(seconds * 1000)} left`,
  full: (name: string) => `“${name}” is full: it is too small for everything. Choose a larger disk.`,
  failing: (name: string) => `“${name}” cannot be read or written. Check its cord, or choose another disk.`,
  awayNow: (name: string) => `“${name}” is not attached. Plug it in, and it goes on by itself.`,
  resting: 'Copying rests while somebody sends or looks at pictures.',
  anyway: 'The old disk gives no more? Take its cord out: this page then says what can be done.',
  ready: (name: string, n: number) =>
    `“${name}” has everything: ${files(n)}, each read back. The change takes moments; phones and apps go on as before.`,
  promote: (name: string) => `Let “${name}” become the library`,
  promoteTitle: (name: string) => `Let “${name}” become the library?`,
  promoteText:
    'New photos go to it from then on, and the disk that is the library now becomes its mirror. Nothing is removed from either.',
  movingPreparing: (name: string) => `The last of it goes onto “${name}”. Nothing has changed yet.`,
  movingSwitched: (name: string) => `“${name}” is the library as soon as it is there.`,
  begunAt: (at: number, now: number) => `Begun ${moment(at, now)}.`,
  cancel: 'Call it off',
  cancelled: 'Called off. Everything is as it was.',
  movedTitle: 'The move is done',
  moved: (at: number, now: number) =>
    `The new disk became the library ${moment(at, now)}. Phones and apps notice nothing.`,
  oldMirror: (name: string) =>
    `“${name}”, the disk from before, is its mirror now. If it is sound, leave it: two disks are better than one.`,
  oldFailing: (name: string) =>
    `Is it failing? Let the box stop mirroring to “${name}”, eject it on the page Disks, and put another disk in as a mirror.`,
  oldUnseen: 'The disk from before is not attached. Plugged in again, it becomes a mirror and catches up.',
  oldLeft:
    'The disk from before was away when it was decided, so the box leaves it alone. Should it come back, its photos can be imported.',
  missingNow: (n: number) =>
    plural(n, {
      one: '1 file was on the old disk only. It is asked for again from the phone that sent it.',
      other: `${count(n)} files were on the old disk only. They are asked for again from the phones that sent them.`,
    }),
  missingNone: 'What only the old disk had comes again from the phones that still have it, by itself.',
  showMissing: 'Show which',
  toMirrors: 'See the mirrors',
  oncemore: 'Move to another disk again',

  deadTitle: 'The library’s disk is not there',
  deadText:
    'Check its cord and its power first: once it is back, all goes on as before, and nothing is missing. Only if it is dead, let a mirror take its place.',
  deadNone: 'No mirror is attached either. Attach the library’s disk, or a mirror, and this page goes on by itself.',
  deadWhole: (name: string, at: number, now: number) =>
    `“${name}” had everything ${moment(at, now)}. What came in after that is asked for again from the phones.`,
  deadLacks: (name: string, n: number, at: number, now: number) =>
    plural(n, {
      one: `“${name}” lacked 1 file ${moment(at, now)}: it would be missing until its phone sends it again.`,
      other: `“${name}” lacked ${count(n)} files ${moment(at, now)}: they would be missing until their phones send them again.`,
    }),
  deadUnknown: (name: string) =>
    `The box does not know what “${name}” lacks. What it does lack is asked for again from the phones.`,
  deadHolds: (n: number, size: number) => `It holds ${files(n)}, ${bytes(size)}.`,
  deadGone: 'What is on no phone any more, and on no mirror, is gone with the dead disk.',
  deadPromote: (name: string) => `Go on with “${name}”`,
  deadConfirmTitle: (name: string) => `Go on with “${name}”, without the old disk?`,
  deadConfirmText:
    'The old disk is left alone from then on, also if it comes back. Photos that only it had come again from the phones that still have them.',
  deadConfirm: (name: string) => `Let “${name}” become the library`,
  empty: 'There is no library yet',
  emptyText: 'First a disk is chosen for the photos.',
} as const;
