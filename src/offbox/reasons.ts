/** Why a copy off the box did not come about: told from what the engine says, and said in words. Pure. */
import { CodedError } from '../platform/errors.ts';

export const offboxReasons = [
  'not-installed',
  'unreachable',
  'refused',
  'wrong-password',
  'no-copy-there',
  'taken',
  'locked',
  'full-there',
  'disk',
  'damaged',
  'busy',
  'time',
  'stopped',
  'failed',
] as const;
export type OffboxReason = (typeof offboxReasons)[number];

const sentences: Readonly<Record<OffboxReason, string>> = {
  'not-installed':
    'The program for copies off the box is not installed. On Debian: apt-get install restic (and openssh-client for another machine by ssh).',
  unreachable: 'The other side does not answer. Look whether it is on, and whether the address is right.',
  refused: 'The other side does not let the box in. Look at the name, the password or the key there.',
  'wrong-password': 'There is a copy at that place, and the password does not open it.',
  'no-copy-there': 'There is no copy at that place.',
  taken: 'There is a copy at that place already. Give its password, or choose another place.',
  locked: 'Somebody else works on the copy just now.',
  'full-there': 'The other side is full.',
  disk: 'The library’s disk is not there, or does not answer.',
  damaged: 'What is there is damaged. Begin a new copy at another place; keep this one until that is whole.',
  busy: 'Phones were sending for a long time. It goes on when they are done.',
  time: 'It took longer than a night may. The next one goes on.',
  stopped: 'It was stopped. The next night goes on.',
  failed: 'It ended in an error.',
};

/** In this order: who is let in by nobody often says more than one of them. */
const signs: ReadonlyArray<readonly [RegExp, OffboxReason]> = [
  [/wrong password or no key found/i, 'wrong-password'],
  [/already initialized|config file already exists/i, 'taken'],
  [/unable to create lock|already locked/i, 'locked'],
  [/no space left|quota exceeded|not enough (space|storage)|insufficient storage|\b507\b/i, 'full-there'],
  [
    /repository contains errors|Pack ID does not match|ciphertext verification failed|invalid data returned|data corrupted/i,
    'damaged',
  ],
  [
    /permission denied|access denied|Host key verification failed|HOST IDENTIFICATION HAS CHANGED|\b40[13]\b|InvalidAccessKeyId|SignatureDoesNotMatch|unauthorized|certificate/i,
    'refused',
  ],
  [
    /connection (refused|reset|timed out|closed)|no such host|could not resolve|no route to host|network is unreachable|i\/o timeout|timeout|broken pipe|\bEOF\b|\b50[0234]\b|bad gateway|subprocess ssh exited|sftp session|file already closed/i,
    'unreachable',
  ],
  [/unable to open config file|repository does not exist|Is there a repository/i, 'no-copy-there'],
];

export function reasonOf(said: string): OffboxReason {
  return signs.find(([sign]) => sign.test(said))?.[1] ?? 'failed';
}

/** `detail`: what the engine said, without secrets. */
export function offboxFailed(reason: OffboxReason, detail = ''): CodedError {
  return new CodedError('offbox-failed', `${sentences[reason]}${detail === '' ? '' : ` (${detail})`}`, {
    facts: { reason },
  });
}

/** Why something thrown ended it. */
export function reasonIn(error: unknown): OffboxReason {
  const reason = error instanceof CodedError ? error.facts['reason'] : undefined;
  return offboxReasons.find((one) => one === reason) ?? 'failed';
}
