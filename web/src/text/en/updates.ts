import type { ReplyOf } from '../../ask/ask.ts';
import { bytes, duration, moment } from '../format.ts';

type Updates = ReplyOf<'GET /api/updates'>;
type Outcome = NonNullable<Updates['outcome']>;
type Reason = NonNullable<Outcome['reason']>;

const named = (version: string | null) => (version === null ? 'the new version' : `version ${version}`);

export const updates = {
  title: 'Updates',
  lead: (version: string) => `The box runs version ${version}.`,
  leadReceiving: 'An update is on its way to the box.',
  leadInstalling: 'The update is being written. The box goes on as before.',
  leadReady: (version: string | null) =>
    version === null ? 'A new version is ready.' : `Version ${version} is ready.`,
  leadTrying: (version: string | null) => `The box tries ${named(version)}.`,
  leadBack: (version: string) => `The box went back to version ${version}.`,
  text: 'A new version is written beside the one that runs, and tried. If it does not answer, the box goes back by itself. Photos are not touched by any of it.',
  notHere:
    'Nightjar runs here on a computer that also does other things: it is updated in the way it was installed there, a container by a newer image.',
  state: 'Now',
  running: 'Runs',
  beside: 'Beside it',
  slots: {
    empty: 'nothing yet',
    unfinished: 'half written; it is never started',
    ready: 'ready, not tried yet',
    failed: 'did not answer when it was tried',
    good: 'would run again',
  },
  slot: (version: string | null, state: string) => (version === null ? state : `${version}: ${state}`),
  receiving: (done: number, of: number | null) =>
    of === null ? `${bytes(done)} are here` : `${bytes(done)} of ${bytes(of)} are here`,
  installing: (percent: number) => `${percent} % is written`,
  installingText: 'It takes some minutes. You may leave this page; phones are served meanwhile.',
  trying: 'It answers, and is being looked at: does it serve, does the library open? Then it is kept.',
  restart: (version: string | null) => `Restart into ${named(version)}`,
  restartText: 'For about two minutes nothing answers. Phones go on afterwards where they were.',
  restartOlder: (version: string | null) => `Go back to ${named(version)}…`,
  olderTitle: (version: string | null) => `Restart into ${named(version)}, which is older?`,
  olderText:
    'It may know less than the one that runs: what only the newer one can show is not shown there. Photos stay.',
  result: {
    installed: (o: Outcome, at: string) => `${capital(named(o.version))} was written ${at}.`,
    updated: (o: Outcome, at: string) =>
      o.before === null
        ? `The update to ${named(o.version)} went well, ${at}.`
        : `The update from ${o.before} to ${o.version ?? 'the new version'} went well, ${at}.`,
    refused: (o: Outcome, at: string) =>
      o.version === null ? `An update was refused ${at}.` : `Version ${o.version} was refused ${at}.`,
    failed: (o: Outcome, at: string) =>
      o.version === null ? `An update failed ${at}.` : `The update to version ${o.version} failed ${at}.`,
    'went-back': (o: Outcome, at: string) =>
      o.version === null ? `An update was tried ${at}.` : `Version ${o.version} was tried ${at}.`,
  } satisfies Record<Outcome['result'], (outcome: Outcome, at: string) => string>,
  at: (at: number, now: number) => moment(at, now),
  reasons: {
    'not-signed': 'Its signature is not by the key that this box trusts. Take the file from where the box came from.',
    'wrong-board': 'It is for another kind of machine. Take the file for this one.',
    damaged: 'The file is not whole. Load it down again.',
    'no-room': 'There is no room for it on the box.',
    older: 'It is older than the version that runs.',
    'skips-a-release':
      'It skips a version: the one that runs could not come back after it. Install the version between first, then this one.',
    busy: 'Another update was under way.',
    interrupted: 'It was interrupted: the power went, or the box restarted. Begin again.',
    'did-not-answer': 'The new version started and did not answer in time, so the old one came back.',
    'library-not-opened': 'The new version could not open the library of your photos, so the old one came back.',
    'did-not-start': 'The new version did not start, so the old one came back.',
    'not-reached': 'The address does not answer, or not with what it should.',
    'wrong-time':
      'Who signed it may not do so at this time: their certificate has run out, or the clock of the box is wrong.',
    'write-failed': 'It could not be written. Does this happen again, the card of the box may be wearing out.',
    other: 'Something else was in its way.',
  } satisfies Record<Reason, string>,
  untouched: {
    installed: '',
    updated: '',
    refused: 'Nothing was changed.',
    failed: 'The version that runs is untouched.',
    'went-back': 'Nothing that reached the box is lost.',
  } satisfies Record<Outcome['result'], string>,
  saw: 'What the box saw',
  olderAll: 'Install the older one all the same',
  file: 'From a file',
  fileText: 'A file that ends in .raucb, for this kind of box. The box looks at its signature before anything else.',
  choose: 'Choose a file…',
  sending: 'On its way to the box',
  sent: (done: number, of: number) => `${bytes(done)} of ${bytes(of)}`,
  left: (ms: number) => `${duration(ms)} left`,
  checking: 'All is there. The box writes it down.',
  cancel: 'Cancel',
  cancelled: 'The upload is cancelled. Nothing of it is kept.',
  broke: 'The upload broke off. Nothing of it is kept; choose the file again.',
  notBundle: 'That is no update: its name does not end in .raucb.',
  tooBig: (max: number) => `That is too big for an update: ${bytes(max)} at most.`,
  received: (size: number, at: string) => `A file of ${bytes(size)} is here since ${at}.`,
  receivedSaid: 'The file is here.',
  install: 'Install it',
  installThis: 'Install',
  installFrom: (name: string) => `Install ${name}`,
  remove: 'Throw it away',
  removed: 'The file is thrown away.',
  begun: 'The update is being written.',
  disk: 'From a USB disk',
  diskText: 'Updates at the top of a disk that is only looked at: the box writes nothing to it.',
  diskNone: 'No update on an attached disk.',
  diskHow: 'Put the file at the top of a stick, plug it in, and choose “Look at …” at Import.',
  toImport: 'To Import',
  onDisk: (size: number, at: string) => `${bytes(size)}, from ${at}`,
  address: 'From an address',
  addressText: 'Off, nothing is asked: the box tells nobody that it exists.',
  weekly: 'Look there once a week',
  weeklyHint:
    'Then one question a week leaves the house (one every six hours while nobody answers), to this address or where it points to. Whoever is there learns your home’s internet address and that it has a Nightjar, and nothing of you or your photos. Nothing is installed by itself.',
  url: 'Address',
  urlHint: 'It begins with https:// and names a signed list. It was given to you with the box, or is your own.',
  urlWrong: 'An address begins with https:// and has no name, password, blank or # in it.',
  urlSave: 'Save the address',
  saved: 'Saved.',
  turnedOn: 'The box looks there once a week.',
  turnedOff: 'The box asks nobody.',
  ask: 'Look now',
  asked: (at: number, now: number) => `Asked ${moment(at, now)}.`,
  never: 'Never asked.',
  offers: (version: string, size: number | null) =>
    size === null ? `Version ${version} is there.` : `Version ${version} is there, ${bytes(size)}.`,
  offersLater: (version: string, at: number, now: number) => `Version ${version} comes ${moment(at, now)}.`,
  offersNothing: (version: string) => `Nothing newer is there: it offers ${version}.`,
  fetchHint: 'The file is fetched from where the list says, which may be another address.',
  fetch: (version: string) => `Fetch and install ${version}`,
} as const;

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
