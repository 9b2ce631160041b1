/**
 * What a person is called, and the folder that follows from it. Decides names; keeps nothing.
 */
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { fileNameKey, legalFileName } from '../platform/file-names.ts';

/** Leaves room below the 255 bytes of a name for a suffix. */
const folderBytesMax = 200;
const suffixMax = 1_000;

/** A valid person's name: trimmed, NFC, 1 to 64 characters. @throws {CodedError} `invalid-name` */
export function personName(text: string): string {
  return displayName(text, 'a person');
}

/** By which two people are told apart: never by case alone. */
export function personNameKey(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

/** The folder for a new person: the name as disks take it, with a suffix where another person's differs by case alone. */
export function personFolder(name: string, taken: readonly string[]): string {
  const base = legalFileName(name.replace(/^[. ]+/, '_'), folderBytesMax);
  const keys = new Set(taken.map(fileNameKey));
  if (!keys.has(fileNameKey(base))) return base;
  for (let suffix = 2; suffix <= suffixMax; suffix += 1) {
    const folder = `${base}-${suffix}`;
    if (!keys.has(fileNameKey(folder))) return folder;
  }
  throw new CodedError(
    'conflict',
    'Too many people have had a name like this one. Nothing was changed; choose another.',
  );
}
