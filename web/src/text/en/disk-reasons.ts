import type { ReplyOf } from '../../ask/ask.ts';
import { count, plural } from '../format.ts';

type Health = ReplyOf<'GET /api/disks/:id/health'>;
export type Reason = Health['reasons'][number];
type Code = Reason['code'];
type Params = Reason['params'];
export type DiskAdvice = Health['advice'];

const value = (params: Params) => params['value'] ?? 0;
const limit = (params: Params) => params['limit'] ?? 0;
const within = (params: Params) => {
  const days = params['days'] ?? 0;
  return plural(days, { one: 'in a day', other: `in ${count(days)} days` });
};
const times = (n: number) => plural(n, { one: 'once', other: `${count(n)} times` });
const places = (n: number) => plural(n, { one: '1 place', other: `${count(n)} places` });

/** Why a disk is as it is: what was seen, with its number; then the technical word, one level deeper. */
const seen: Readonly<Record<Code, (params: Params) => string>> = {
  'self-assessment-failed': () => 'The disk itself says that it is failing.',
  'attribute-failing': () => 'One of its own figures has reached the point at which its maker expects it to fail.',
  'attribute-worn': () => 'By its own figures it is past the life that it was made for.',
  'attribute-failed-before': () => 'One of its own figures was too bad once, and is good again.',
  reallocated: (params) => `It had to replace ${places(value(params))}.`,
  'reallocated-blocks': (params) => `It had to replace ${places(value(params))}.`,
  'reallocated-growing': (params) => `It had to replace ${places(value(params))} more ${within(params)}.`,
  pending: (params) => `${places(value(params))} on it can no longer be read.`,
  'pending-growing': (params) => `${places(value(params))} more became unreadable ${within(params)}.`,
  'offline-uncorrectable': (params) => `${places(value(params))} on it could not be corrected.`,
  'reported-uncorrect': (params) => `It could not give what was asked of it ${times(value(params))}.`,
  'reported-uncorrect-flash': (params) => `It could not give what was asked of it ${times(value(params))}.`,
  'uncorrect-growing': (params) => `It could not give what was asked of it ${times(value(params))} ${within(params)}.`,
  'command-timeouts': (params) => `It did not answer in time ${times(value(params))}.`,
  'several-signs': () => 'It shows several signs at once that disks show before they fail.',
  'crc-errors': (params) => `${times(value(params))} something was garbled on the way to it. That is counted for life.`,
  'crc-errors-growing': (params) => `Something was garbled on the way to it ${times(value(params))} ${within(params)}.`,
  worn: (params) => `${count(value(params))} % of the writing that its maker promised are used up.`,
  'spare-low': (params) =>
    `${count(value(params))} % of its spare room are left; its limit is ${count(limit(params))} %.`,
  'nvme-spare-exhausted': () => 'Its spare room is used up.',
  'nvme-temperature': () => 'It says that it is too hot, or too cold.',
  'nvme-degraded': () => 'It says that it is no longer reliable.',
  'nvme-read-only': () => 'It lets nobody write to it any more.',
  'nvme-backup-failed': () => 'What keeps its memory when the power fails does not work.',
  'media-errors': (params) => `It gave wrong or no data ${times(value(params))}.`,
  'media-errors-growing': (params) => `It gave wrong or no data ${times(value(params))} ${within(params)}.`,
  'self-test-failed': () => 'Its last self-test found something that it could not read.',
  'self-test-failed-before': () => 'An earlier self-test failed; the last one passed.',
  hot: (params) => `It is hot: ${count(value(params))} °C. It should stay below ${count(limit(params))} °C.`,
  aged: (params) => `It has run for ${count(Math.round(value(params) / 8_766))} years. Older disks fail more often.`,
  'io-errors': (params) => `Reading or writing it failed ${times(value(params))} in 30 days.`,
  'read-only-remounts': (params) => `It stopped taking anything new ${times(value(params))} in 30 days.`,
  'damaged-files': (params) =>
    plural(value(params), {
      one: 'One file on it was not what came, in 30 days.',
      other: `${count(value(params))} files on it were not what came, in 30 days.`,
    }),
  'tells-nothing': () => 'It tells nothing of itself, or its enclosure keeps it. So nobody can warn before it fails.',
};

/** What to do about it. */
const advices: Readonly<Record<DiskAdvice, string>> = {
  nothing: 'Nothing needs doing.',
  'keep-a-mirror': 'Keep a second disk as a mirror: then nothing hangs on this one alone.',
  'try-another-enclosure': 'Another enclosure or adapter may let it tell. A mirror helps in any case.',
  'keep-watching': 'Nothing needs doing today. The box watches whether it grows, and says so.',
  'cool-it': 'Give it some air, and take it out of the sun.',
  'check-cable': 'Push its plug in firmly, or try another cable or port.',
  'check-filesystem': 'Have the box check it, below. If it happens again, plan for another disk.',
  'plan-replacement': 'Get another disk, attach it as a mirror, and let it take this one’s place.',
  'replace-now': 'Attach another disk now, and leave this one plugged in until everything is copied.',
};

export function reasonSeen({ code, params }: Pick<Reason, 'code' | 'params'>): string {
  return seen[code](params);
}

export function diskAdvice(code: DiskAdvice): string {
  return advices[code];
}
