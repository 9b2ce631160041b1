/**
 * Where a file lies on the disk, from its date and the phone's name for it. Pure: which names are taken is for the
 * catalogue and the disk to say. All paths are relative to the disk, '/'-separated.
 */
import { posix } from 'node:path';
import { CodedError } from '../platform/errors.ts';
import { legalFileName } from '../platform/file-names.ts';
import type { CaptureDate } from './capture-date.ts';

/** Of the path by which a phone names its item. */
export const phonePathBytesMax = 4096;
const phonePathDepthMax = 64;
const segmentBytesMax = 1024;
const nameBytesMax = 255;
/** Longer "extensions" are part of a sentence, not an extension. */
const extensionBytesMax = 16;
const candidatesMax = 10_000;
/** Leaves room below Linux's 4096 for the disk's own path and the file's name. */
const folderBytesMax = 3072;

/** `<base>/<yyyy>/<yyyy-mm>`, by the wall clock where it was taken. */
export function photoFolder(baseFolder: string, capture: Pick<CaptureDate, 'local'>): string {
  return `${baseFolder}/${capture.local.slice(0, 4)}/${capture.local.slice(0, 7)}`;
}

/**
 * `Files/<person>/<the phone's folders in their legal form>`. Folders nested so deep that no disk could hold the path
 * are left out; the file itself is kept above them.
 */
export function fileFolder(personFolder: string, phonePath: string): string {
  const segments = phonePath.split('/').slice(0, -1);
  let folder = `Files/${personFolder}`;
  for (const segment of segments) {
    const deeper = `${folder}/${legalFileName(segment)}`;
    if (Buffer.byteLength(deeper) > folderBytesMax) break;
    folder = deeper;
  }
  return folder;
}

/**
 * Names to try for a file, best first: its own in legal form, then `name-2.ext`, `name-3.ext`... to 10,000; each at most
 * 255 bytes and legal.
 */
export function* candidateNames(name: string): Generator<string, void, undefined> {
  const legal = legalFileName(name);
  yield legal;
  const extension = extensionOf(legal);
  const stem = legal.slice(0, legal.length - extension.length);
  for (let number = 2; number <= candidatesMax; number += 1) {
    const tail = `-${number}${extension}`;
    yield cut(stem, nameBytesMax - Buffer.byteLength(tail)) + tail;
  }
}

/**
 * The form by which every disk we may meet tells paths apart; equal keys must never be two files. It folds more than any
 * of them (exFAT and NTFS map single letters to upper case, APFS folds fully and ignores composition; lower, upper and
 * lower again is coarser than each): folding too much costs a needless suffix, too little an overwritten file on the
 * next disk.
 */
export function pathKey(path: string): string {
  return path.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

/** The folder part of a phone's path; empty at the top. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

/**
 * Checks the path by which a phone names its item, and returns its segments. Backslashes, colons and the like are legal
 * letters here; they are replaced in the name on the disk. @throws {CodedError} `invalid-name`, saying what is wrong.
 */
export function checkPhonePath(path: string): string[] {
  if (path === '') throw invalid('it is empty');
  if (!path.isWellFormed()) throw invalid('it is not valid Unicode');
  if (path.includes('\0')) throw invalid('it contains a zero character');
  if (Buffer.byteLength(path) > phonePathBytesMax) throw invalid(`it is longer than ${phonePathBytesMax} bytes`);
  if (path.startsWith('/')) throw invalid('it begins with "/", and names are relative to the phone');
  const segments = path.split('/');
  if (segments.length > phonePathDepthMax) throw invalid(`it has more than ${phonePathDepthMax} levels`);
  for (const segment of segments) {
    if (segment === '') throw invalid('it has an empty part between two "/" or at its end');
    if (segment === '.' || segment === '..') throw invalid(`it contains "${segment}"`);
    if (Buffer.byteLength(segment) > segmentBytesMax) throw invalid(`a part is longer than ${segmentBytesMax} bytes`);
  }
  return segments;
}

function invalid(why: string): CodedError {
  return new CodedError(
    'invalid-name',
    `The box cannot keep a file of this name: ${why}. Nothing was stored; give it another name on the phone.`,
  );
}

function extensionOf(name: string): string {
  const extension = posix.extname(name);
  return Buffer.byteLength(extension) <= extensionBytesMax && extension !== '.' ? extension : '';
}

/** Cuts between characters, never within one. */
function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text;
  let kept = '';
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > bytesMax) break;
    kept += character;
  }
  return kept;
}
