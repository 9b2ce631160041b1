/**
 * Which passwords a new lock takes: long ones that nobody guesses first. No rules about kinds of characters
 * (NIST SP 800-63B-4, section 3.1.1.2).
 */
import { CodedError } from '../platform/errors.ts';

const charactersMin = 15;
const charactersMax = 256;
/** Fewer different characters than this, apart from well-known words, are no secret. */
const differentMin = 4;

const commonWords = [
  'password',
  'passwort',
  'passphrase',
  'letmein',
  'welcome',
  'nightjar',
  'iloveyou',
  'admin',
  'secret',
];
const commonPhrases = [
  'correcthorsebatterystaple',
  'thequickbrownfox',
  'thequickbrownfoxjumpsoverthelazydog',
  'loremipsumdolorsitamet',
  'maytheforcebewithyou',
  'tobeornottobethatisthequestion',
  'administrator',
  '1q2w3e4r5t6y7u8i9o0p',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qwertyuiop1234567890',
  '1234567890qwertyuiop',
];
const runs = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
];

/**
 * @param names what an attacker tries first: the person's name, the box's.
 * @throws {CodedError} `weak-password`, saying what to do.
 */
export function checkNewPassword(password: string, names: readonly string[]): void {
  const text = password.normalize('NFC');
  const length = [...text].length;
  if (length < charactersMin) {
    throw weak(`It has ${length} characters; it takes at least ${charactersMin}. Four or five words are fine.`);
  }
  if (text.length > charactersMax) throw weak(`It takes at most ${charactersMax} characters.`);
  if (isGuessedFirst(text, names)) {
    throw weak('It is one of those that are guessed first. Four or five words that do not belong together are fine.');
  }
}

function isGuessedFirst(text: string, names: readonly string[]): boolean {
  const bare = onlyLettersAndDigits(text);
  if (isRepeated(bare) || isRun(bare) || commonPhrases.includes(bare)) return true;
  let rest = bare;
  for (const word of [...names.map(onlyLettersAndDigits), ...commonWords]) {
    if (word.length >= 3) rest = rest.replaceAll(word, '');
  }
  if (rest === bare) return new Set(bare).size < differentMin && new Set(text).size < differentMin * 2;
  return new Set(rest).size < differentMin || isRun(rest);
}

function onlyLettersAndDigits(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function isRepeated(text: string): boolean {
  return text !== '' && `${text}${text}`.indexOf(text, 1) < text.length;
}

function isRun(text: string): boolean {
  const backwards = [...text].reverse().join('');
  return runs.some((run) => {
    const endless = run.repeat(Math.ceil(text.length / run.length) + 1);
    return text !== '' && (endless.includes(text) || endless.includes(backwards));
  });
}

function weak(what: string): CodedError {
  return new CodedError('weak-password', `That password will not do. ${what} Nothing was changed.`);
}
