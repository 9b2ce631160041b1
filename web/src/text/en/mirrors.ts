import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, duration, moment, plural } from '../format.ts';

type Mirrors = ReplyOf<'GET /api/mirrors'>;
type Mirror = Mirrors['mirrors'][number];
export type MirrorState =
  | 'complete'
  | 'copying'
  | 'resting'
  | 'behind'
  | 'beginning'
  | 'away'
  | 'full'
  | 'failing'
  | 'moving'
  | 'alone';
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** The disks that hold everything a second time. */
export const mirrors = {
  title: 'Mirrors',
  disks: 'Disks',
  lead: 'A mirror is a second disk with a copy of everything, in the same folders. The box keeps it up to date by itself, and reads each copy back.',
  verdict: ({ library, mirrors: all }: Mirrors) => {
    if (library.state === 'missing') return 'The library’s disk is not there.';
    if (library.state === 'none') return 'No disk holds photos yet.';
    const there = all.filter((one) => one.attached && one.problem !== 'failing');
    const complete = there.filter((one) => one.waiting.files === 0 && one.lastCompleteAt !== null).length;
    if (complete > 0) {
      return plural(complete + 1, { one: '', other: `Everything is on ${count(complete + 1)} disks.` });
    }
    if (all.length === 0) return 'Everything is on one disk only.';
    const lacks = Math.min(...all.map((one) => one.waiting.files));
    return lacks === 0
      ? all.some(({ attached }) => attached)
        ? 'The mirror is attached, and cannot be relied on just now.'
        : 'No mirror is attached just now.'
      : plural(lacks, { one: '1 file is on one disk only.', other: `${count(lacks)} files are on one disk only.` });
  },
  none: 'No mirror yet',
  noneText: 'A single disk is not a backup: when it fails, what is on it alone is gone. Any second disk will do.',
  addOne: 'Choose a disk',
  addAnother: 'Add a mirror',
  missing: 'The library’s disk is not there',
  missingText:
    'The box takes nothing in until it is back. Check its cord first. If it is dead, a mirror can take its place.',
  toReplace: 'Let a mirror take its place',

  states: {
    complete: 'Complete',
    copying: 'Copying',
    resting: 'Resting',
    behind: 'Behind',
    beginning: 'Beginning',
    away: 'Away',
    full: 'Full',
    failing: 'Cannot be used',
    moving: 'Becomes the library',
    alone: 'Attached',
  } satisfies Record<MirrorState, string>,
  says: (state: MirrorState, mirror: Mirror, now: number) => {
    const { waiting, seenAt, files: held } = mirror;
    switch (state) {
      case 'complete':
        return 'Everything is on it, and each file was read back.';
      case 'copying':
        return `It lacks ${files(waiting.files)}, ${bytes(waiting.bytes)}.`;
      case 'resting':
        return `It lacks ${files(waiting.files)}. Copying rests while somebody sends or looks at pictures.`;
      case 'behind':
        return `It lacks ${files(waiting.files)}, ${bytes(waiting.bytes)}. The box tries again by itself.`;
      case 'beginning':
        return 'The box has just begun with it.';
      case 'away':
        return waiting.files === 0
          ? `Last there ${moment(seenAt, now)}. Nothing has come in since that it lacks.`
          : `Last there ${moment(seenAt, now)}. It lacks ${files(waiting.files)} by now, and catches up by itself once it is attached.`;
      case 'full':
        return `It has no room for ${files(waiting.files)}. What is on it stays right. A larger disk can take its place.`;
      case 'failing':
        return 'It is attached, and cannot be read or written. Check its cord; the box tries again by itself.';
      case 'moving':
        return 'It takes the library’s place.';
      default:
        return held === 0
          ? 'What is on it is known when it becomes the library, or the library is back.'
          : `${files(held)} were on it when the library was there last.`;
    }
  },
  progress: (mirror: Mirror) => `${count(mirror.files)} of ${files(mirror.files + mirror.waiting.files)}`,
  left: (seconds: number) => `${duration(seconds * 1000)} left`,
  holds: 'Holds',
  held: (mirror: Mirror) => `${files(mirror.files)}, ${bytes(mirror.bytes)}`,
  completeAt: 'Complete last',
  readBack: 'Read back',
  readBackSince: (at: number, now: number) => `each since ${moment(at, now)}`,
  catalogue: 'Catalogue',
  never: 'not yet',
  at: (at: number, now: number) => moment(at, now),
  facts: (name: string) => `What is known of “${name}”`,
  showLacking: 'Show what it lacks',
  promote: 'Put it in the library’s place',
  forget: 'Stop mirroring',
  forgetThis: (name: string) => `Stop mirroring to “${name}”`,
  forgetTitle: (name: string) => `Stop mirroring to “${name}”?`,
  forgetText:
    'Nothing on it is changed, and nothing new goes to it. It can be a mirror again later: then all of it is read once.',
  forgetAction: (name: string) => `Stop mirroring to “${name}”`,
  forgotten: (name: string) => `“${name}” is no mirror any more.`,
  lackingTitle: (name: string) => `What “${name}” lacks`,
  lackingNone: 'Nothing: everything of the library is on it.',
  lackingMore: 'Show more',
  size: bytes,
  moving: 'A disk is taking the library’s place',
  movingShow: 'Show how far it is',
  others: 'Also',
  ways: {
    replace: { title: 'Move to another disk', text: 'A bigger one, or when this one fails: step by step' },
    import: { title: 'Import photos', text: 'From a card, an old disk, a Takeout' },
    export: { title: 'Take everything out', text: 'A plain copy in any folder or disk' },
  },
} as const;
