import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, count, duration, moment, plural } from '../format.ts';

type Copy = NonNullable<ReplyOf<'GET /api/offbox'>['copy']>;
type Activity = NonNullable<ReplyOf<'GET /api/offbox'>['activity']>;
type Reason = NonNullable<Copy['problem']>['reason'];
type Result = NonNullable<Copy['drill']>['files'][number]['result'];
type Kind = Copy['target']['kind'];
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** The copy on another machine. */
export const offbox = {
  title: 'Copy off the box',
  card: 'Copy off the box',
  cardText: 'For the day the house burns down: everything once more, encrypted, on another machine.',
  toPage: 'Set it up, or see how it stands',
  ownerOnly: 'The copy off the box is the owner’s',
  ownerOnlyText: 'Ask whoever owns the box whether there is one.',

  leadNone: 'Nothing leaves the box',
  leadNew: 'One step is left',
  leadNever: 'The first copy is still to come',
  leadOff: 'Nothing is copied by itself',
  leadFine: (at: number, now: number) => `Everything is there, as of ${moment(at, now)}`,
  leadProblem: 'The last try did not come about',
  text: 'All photos and files, each person’s, with the catalogue and the sealed settings of the box, once more on a machine elsewhere. Encrypted before it leaves: whoever has that machine sees nothing. Each night only what is new is sent, after the phones are done.',
  missing: 'A program is missing on the box',
  missingText: 'Copies off the box are made by restic. Install it on the box, then come back.',
  install: 'On Debian',

  where: 'Where to',
  kind: 'Where the copy goes',
  kinds: {
    sftp: 'Another machine, by ssh',
    rest: 'A REST server of restic',
    s3: 'An object store (S3)',
    folder: 'A folder of this machine',
  } satisfies Record<Kind, string>,
  kindHints: {
    sftp: 'Any computer that is on at night: a NAS, a rented server, a box at a friend’s.',
    rest: 'Started with “--append-only” it lets nobody take anything away, not even somebody who took over this box.',
    s3: 'At a provider, or a store of your own.',
    folder: 'Set up on the box’s console.',
  } satisfies Record<Kind, string>,
  host: 'Machine',
  hostHint: 'Its name or address.',
  port: 'Port',
  user: 'User name there',
  path: 'Folder there',
  pathHint: 'It is made if it is not there.',
  url: 'Address',
  urlHint: 'Begins with https:// or http://.',
  restUser: 'User name (if it wants one)',
  restPassword: 'Password',
  bucket: 'Bucket',
  prefix: 'Folder in it (may stay empty)',
  keyId: 'Access key',
  keySecret: 'Secret key',
  secretKept: 'Kept as it is, while the place stays the same.',
  upload: 'At most, in kB a second (empty: as fast as the line)',
  uploadWrong: 'A number from 16 on.',
  appendOnly: 'The other side lets nothing be taken away (append-only): the box thins nothing out there',
  existing: 'There is a copy of mine at that place already',
  existingPassword: 'Its password',
  existingHint: 'As you wrote it down.',
  nightly: 'Copy each night',
  nightlyHint: 'Off: only when you ask for it.',
  save: 'Save the place',
  change: 'Change',
  leaves: (host: string) => `Encrypted data leaves the box for ${host} from then on.`,

  almost: 'Let the box in there, then begin',
  almostText: 'On the other machine, add this line to the file .ssh/authorized_keys of that user:',
  almostOther: 'The box looks whether it gets in, and makes the place ready.',
  sshKey: 'Key of this box',
  begin: 'Begin',
  begun: 'The place is ready.',
  passwordTitle: 'Write this password down',
  passwordText:
    'Without it nobody can open the copy: not the other side, not we, not you. Keep it where it does not burn with the house. The sealed copies of the box hold it too, once there is a recovery key.',
  password: 'Password of the copy',
  wrote: 'I wrote it down',
  done: 'Done',
  showPassword: 'Show the password',

  state: 'How it stands',
  run: 'Copy now',
  stop: 'Stop',
  again: 'Try again',
  held: (n: number, size: number) => `${files(n)}, ${bytes(size)}`,
  there: (size: number) => `${bytes(size)} there, old states included`,
  unread: (n: number) => `${files(n)} could not be read for it.`,
  never: 'No copy was made yet.',
  since: (at: number, now: number) => `Last whole copy: ${moment(at, now)}.`,
  problem: (at: number, now: number) => `Tried ${moment(at, now)}.`,
  safe: 'The library on the box’s disk is not touched by it.',
  activity: {
    begin: 'The place is being made ready',
    copy: 'It is being copied',
    'thin-out': 'Old states are thinned out',
    check: 'A part is being read back',
    drill: 'Some photos are brought back, to see that it works',
    restore: 'Everything is brought back to a folder',
  } satisfies Record<Activity['kind'], string>,
  far: ({ files: n, ofFiles, bytes: size, ofBytes }: Activity) =>
    `${count(n)} of ${files(ofFiles)}, ${bytes(size)} of ${bytes(ofBytes)}`,
  left: (seconds: number) => `about ${duration(seconds * 1000)} left`,
  resting: 'It rests while somebody sends or looks at pictures.',
  begunSaid: 'Begun.',

  proof: 'Whether it can be read',
  check: 'Read back',
  checkFine: (part: number, parts: number, at: number, now: number) =>
    `Part ${part} of ${parts} was right, ${moment(at, now)}. One a week: all of it within a quarter of a year.`,
  checkBad: (at: number, now: number) => `Damaged: found ${moment(at, now)}. Begin a new copy at another place.`,
  checkNever: 'Nothing was read back yet. It begins after the first copy.',
  checkNow: 'Read the next part back',
  drill: 'Restore drill',
  drillText: 'A random handful of photos is brought back from there, and compared with what came from the phones.',
  drillFine: (n: number, at: number, now: number) =>
    `${plural(n, { one: 'The one photo', other: `All ${count(n)}` })} came back as they are here, ${moment(at, now)}.`,
  drillNone: 'There was nothing to bring back yet.',
  drillBad: (at: number, now: number) => `Not everything came back as it is here, ${moment(at, now)}.`,
  drillNever: 'None was made yet.',
  drillNow: 'Try a restore',
  results: {
    right: 'As it is here',
    'other-bytes': 'Other bytes',
    missing: 'Did not come back',
  } satisfies Record<Result, string>,
  of: (person: string, size: number) => `${person}, ${bytes(size)}`,

  hostKey: 'The other machine is known by its key',
  limit: (kib: number) => `At most ${count(kib)} kB a second.`,
  appendOnlyOn: 'Nothing is taken away there by this box.',
  keptFor: 'Kept: each day of two weeks, each week of two months, each month of two years.',
  remove: 'Copy there no more',
  removeTitle: 'Copy there no more?',
  removeText:
    'What is there stays, and opens by its password: write that down first. This box forgets it, with the way there.',
  removed: 'Nothing is copied any more.',

  back: 'On the day you need it',
  /** Printed or written down: by then nobody can look here. */
  backSteps: (place: string): ReadonlyArray<Readonly<{ what: string; where?: string; command?: string }>> => [
    {
      what: 'A new box, with an empty disk',
      where: 'Do not set it up. Have the password of the copy at hand, and your own or the recovery key.',
    },
    { what: 'On its console, bring everything back', command: `nightjar offbox restore DISK --from ${place}` },
    { what: 'Make it this box', command: 'nightjar adopt --password-stdin' },
  ],
  backElse:
    'Or bring it back to any folder of this box, and import from there what is missing. “nightjar offbox help” says more.',

  reasons: {
    'not-installed': 'restic, or ssh, is not installed on the box.',
    unreachable: 'The other side does not answer. Is it on, and is the address right?',
    refused: 'The other side does not let the box in. Look at the name, the password or the key there.',
    'wrong-password': 'There is a copy at that place, and the password does not open it.',
    'no-copy-there': 'There is no copy at that place.',
    taken: 'There is a copy at that place already. Give its password, or choose another place.',
    locked: 'Somebody else works on the copy just now.',
    'full-there': 'The other side is full.',
    disk: 'The library’s disk was not there, or was full.',
    damaged: 'What is there is damaged. Begin a new copy at another place, and keep this one until that is whole.',
    busy: 'Phones were sending for a long time. It goes on when they are done.',
    time: 'It took longer than a night may. The next one goes on.',
    stopped: 'It was stopped. The next night goes on.',
    failed: 'It ended in an error.',
  } satisfies Record<Reason, string>,
} as const;
