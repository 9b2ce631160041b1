import type { ReplyOf } from '../../ask/ask.ts';
import { count, moment, plural } from '../format.ts';

type Found = ReplyOf<'POST /api/setup/adopt/look'>;
const people = (n: number) => plural(n, { one: '1 person', other: `${count(n)} people` });
const files = (n: number) => plural(n, { one: '1 file', other: `${count(n)} files` });

/** A new box that becomes the one whose disk it is given. */
export const adopting = {
  offer: 'I have a Nightjar disk from another box',
  title: 'Go on with the disk of another box',
  lead: 'The box is broken, and its disk is fine? This box becomes the old one: people, photos and phones come along, and no phone is paired again.',
  plug: 'Attach the old library’s disk to this box, and nothing else of the old one.',
  look: 'Look at the disk',
  lookAgain: 'Look again',
  looking: 'Nothing on it is changed by looking.',
  found: (box: string) => `The library of the box “${box}”`,
  holds: ({ people: who, files: what }: Found) =>
    who === null || what === null
      ? 'What it holds is counted once it is open.'
      : `${people(who)} with ${files(what)} on it.`,
  copyAt: (at: number, now: number) => `The box’s settings were sealed onto it ${moment(at, now)}.`,
  copies: 'Take the box as it was',
  copyOption: (at: number, now: number, newest: boolean) =>
    newest ? `${moment(at, now)} (the newest)` : moment(at, now),
  byPassword: 'Password of the old box’s owner',
  byKey: 'Recovery key of the old box',
  useKey: 'Use the recovery key',
  usePassword: 'Use the password',
  keyOnly: 'The password does not open this one; the recovery key does.',
  what: 'What comes along',
  comes: [
    'Everybody’s photos, where they are: nothing is copied.',
    'People, passwords, second locks and phones, as of the day it was sealed.',
    'The name and the certificates, so that phones notice nothing.',
  ],
  adopt: (box: string) => `Become “${box}”`,
  backToNew: 'Set up a new box instead',
  adopted: (box: string) => `This box is “${box}” now`,
  restarting: 'It starts anew. That takes a minute; phones go on by themselves.',
  ready: 'It is up again. Sign in as on the old box.',
  person: (n: number) => files(n),
  phones: (n: number) =>
    n === 0
      ? 'No phone was paired with it.'
      : plural(n, {
          one: '1 phone goes on without pairing again.',
          other: `${count(n)} phones go on without pairing again.`,
        }),
  signIn: 'Sign in',
  elsewhere: (address: string) => `Does this page not go on? The box answers at ${address} from now on.`,
  peopleLabel: 'People who came along',
} as const;
