import type { ReplyOf } from '../../ask/ask.ts';

type Code = ReplyOf<'GET /api/disks/:id/health'>['reasons'][number]['code'];

/** How a disk is, in a word. */
export const diskVerdicts = {
  fine: 'Fine',
  'tells-nothing': 'Tells nothing',
  watch: 'Watch',
  'replace-soon': 'Replace soon',
  failing: 'Failing',
  missing: 'Missing',
  away: 'Away',
  folder: 'A folder',
  new: 'Not used',
  foreign: 'Not ours',
} as const;

/** Why, without a number, for a line. */
const brief: Readonly<Record<Code, string>> = {
  'self-assessment-failed': 'It says itself that it is failing',
  'attribute-failing': 'Its own figures say that it is failing',
  'attribute-worn': 'It is past the life that it was made for',
  'attribute-failed-before': 'One of its figures was too bad once',
  reallocated: 'It had to replace bad places',
  'reallocated-blocks': 'It had to replace bad places',
  'reallocated-growing': 'It replaces more and more bad places',
  pending: 'Places on it can no longer be read',
  'pending-growing': 'More and more places become unreadable',
  'offline-uncorrectable': 'Places on it can no longer be read',
  'reported-uncorrect': 'It could not give all that was asked',
  'reported-uncorrect-flash': 'It could not give all that was asked',
  'uncorrect-growing': 'It gives less and less of what is asked',
  'command-timeouts': 'It did not always answer in time',
  'several-signs': 'It shows several signs of failing',
  'crc-errors': 'Its cable or plug garbled something',
  'crc-errors-growing': 'Its cable or plug garbles what is sent',
  worn: 'It is nearly worn out',
  'spare-low': 'Its spare room is nearly used up',
  'nvme-spare-exhausted': 'Its spare room is used up',
  'nvme-temperature': 'It is too hot, or too cold',
  'nvme-degraded': 'It is no longer reliable',
  'nvme-read-only': 'It lets nobody write to it',
  'nvme-backup-failed': 'It may lose what is written when the power fails',
  'media-errors': 'It gave wrong data',
  'media-errors-growing': 'It gives wrong data more and more often',
  'self-test-failed': 'Its last self-test failed',
  'self-test-failed-before': 'An earlier self-test failed',
  hot: 'It is hot',
  aged: 'It is old',
  'io-errors': 'Reading or writing it failed',
  'read-only-remounts': 'It stopped taking anything new',
  'damaged-files': 'Files on it were not what came',
  'tells-nothing': 'It tells nothing of itself',
};

/** Empty for a code that this page does not know. */
export function reasonBrief(code: string | null): string {
  return code !== null && code in brief ? brief[code as Code] : '';
}
