/**
 * Where a phone's new files go: a folder inside its person's, relative to the disk.
 */
import { CodedError } from '../platform/errors.ts';
import { legalFileName } from '../platform/file-names.ts';

const top = 'Photos';
const depthMax = 8;
const lengthMax = 512;

/**
 * `asked` in its stored form, or the default `Photos/<person's folder>`.
 * @throws {CodedError} `invalid-name` unless it is that folder or below, in names that every disk takes.
 */
export function baseFolder(asked: string | undefined, personFolder: string): string {
  const home = `${top}/${personFolder}`;
  if (asked === undefined) return home;
  const folder = asked.normalize('NFC').replace(/\/+$/, '');
  const parts = folder.split('/');
  const inside = folder === home || folder.startsWith(`${home}/`);
  const legal = parts.every((part) => part !== '' && !part.startsWith('.') && legalFileName(part) === part);
  if (!inside || !legal || parts.length > depthMax || folder.length > lengthMax) {
    throw new CodedError(
      'invalid-name',
      `The folder has to be “${home}” or one inside it, at most ${depthMax} deep, in names that every disk takes. Nothing was changed.`,
    );
  }
  return folder;
}
