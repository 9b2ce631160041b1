import type { System } from '../../ask/system.ts';
import { bytes, clock, count, duration, moment, plural } from '../format.ts';

/** What the browser takes away on each system, before anything is chosen. */
const takenAway: Readonly<Record<System, readonly string[]>> = {
  ios: [
    'Safari turns HEIC pictures into JPEG and leaves out the video of a Live Photo. Places stay only if the picker’s Options keep them.',
    'Wait until the picker has put all of them together: with many photos that takes a while.',
  ],
  android: [
    'The browser may take the place out of a photo. If the picker has a “Browse” in its menu, choosing there keeps more.',
  ],
  computer: ['Files come in as they are.'],
};

export const backup = {
  title: 'Back up now',
  choose: 'Choose photos',
  chooseTitle: 'Choose what should be safe',
  chooseText: 'The box looks first what it has. Nothing is sent twice.',
  takenAwayTitle: 'What the browser takes away',
  takenAway: (system: System) => takenAway[system],
  marked: 'These copies are marked “from the browser”: when an app sends the originals, those come in too.',
  limits: 'Keep this page open while it works. What is safe stays safe.',
  reading: (n: number, of: number) => `Reading what you chose: ${count(n)} of ${count(of)}`,
  asking: 'Asking the box what it has',
  alreadySafe: (n: number) => plural(n, { one: '1 is already safe.', other: `${count(n)} are already safe.` }),

  wereSafe: (n: number) => plural(n, { one: '1 was safe before.', other: `${count(n)} were safe before.` }),

  ofAll: (safe: number, chosen: number) => `${count(safe)} of ${count(chosen)}`,
  ofAllSaid: (safe: number, chosen: number) => `${count(safe)} of ${count(chosen)} safe`,
  left: (ms: number) => {
    const text = duration(ms);
    return `${text.charAt(0).toUpperCase()}${text.slice(1)} left`;
  },
  rate: (perSecond: number) => `${bytes(perSecond)}/s`,
  still: '0 MB/s',
  safe: 'safe',
  waiting: 'waiting',
  refused: 'refused',
  screenOn: 'The screen stays on. You can close this page: what is safe stays safe.',
  screenMay: 'Keep the screen on. You can close this page: what is safe stays safe.',
  away: 'The box does not answer. It goes on by itself.',
  held: (reason: string) => `${reason} It goes on by itself.`,
  paused: 'Paused',
  pause: 'Pause',
  goOn: 'Go on',
  files: 'Files',
  more: (n: number) => `and ${count(n)} more`,
  rowWaits: 'Waits',
  rowChecking: 'Checking',
  rowOnDisk: (size: number, sent: number) => `${bytes(size)}, ${bytes(sent)} on the disk`,
  rowAllHere: (size: number) => `${bytes(size)}, all here`,
  rowSafe: (size: number) => `${bytes(size)}, safe`,
  rowSize: (size: number) => bytes(size),
  rowSafeLabel: 'safe',
  rowRefusedLabel: 'refused',
  percent: (share: number) => `${Math.floor(share * 100)} %`,

  empty: 'The phone gave 0 bytes. Try this one again.',
  unreadable: 'The phone could not read it. Open it there once, then try again.',
  tooMany: (max: number) => `At most ${count(max)} at a time. Choose fewer.`,
  stranger: 'The box does not know this phone any more. What is safe stays safe.',
  strangerWay: 'See what to do',

  stoppedTitle: 'It stopped in the middle',
  stoppedText: (at: number, now: number, safe: number) =>
    `The page was closed ${sameDay(at, now) ? `at ${clock(at)}` : moment(at, now)}. Nothing that reached the box is lost: ${
      safe === 1 ? '1 is safe' : `${count(safe)} are safe`
    }, and what was half here goes on where it stopped.`,
  stoppedHow: 'Choose the same photos again.',
  stoppedWhy: 'A web page may not keep them while it is closed. Nothing is sent twice.',
  leaveIt: 'Leave it',
  elsewhereTitle: 'It runs in another tab',
  elsewhereText: 'Look there. One page sends at a time.',

  doneTitle: (safe: number) => plural(safe, { one: '1 is safe', other: `${count(safe)} are safe` }),
  doneText: 'On the disk, and each one checked.',
  noneSafe: 'None of them came in',
  wereRefused: (n: number) => plural(n, { one: '1 was refused', other: `${count(n)} were refused` }),
  tryAgain: (n: number) => plural(n, { one: 'Try this one again', other: `Try ${count(n)} again` }),
  done: 'Done',
  moreToSend: 'Choose more',
};

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}
