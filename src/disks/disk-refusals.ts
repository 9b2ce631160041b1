/** Why a disk is not used or erased as it was asked: what is there, and what to do instead. Private to this room. */
import { CodedError } from '../platform/errors.ts';
import type { DiskRole } from './disk.ts';

export function hasLibrary(): CodedError {
  return new CodedError(
    'conflict',
    'This box has a library already. Use the disk as a mirror, and then make the mirror the library. Nothing was changed.',
  );
}

export function otherRole(role: DiskRole): CodedError {
  const message =
    role === 'mirror'
      ? 'This disk is the library. Make a mirror the library first; then this one becomes a mirror. Nothing was changed.'
      : 'This disk is a mirror. To make it the library, promote it. Nothing was changed.';
  return new CodedError('conflict', message);
}

export function libraryAway(): CodedError {
  return new CodedError(
    'disk-missing',
    'The library is not there, so nothing can become its mirror. Attach its disk first. Nothing was changed.',
  );
}

export function notForUse(is: string | undefined, own: boolean): CodedError {
  const why =
    is === 'marked'
      ? own
        ? 'This disk holds something else of this box. Look at it; if nothing on it is needed, erase it.'
        : 'This disk belongs to another Nightjar box. Adopt it, or look at it and import from it; or erase it.'
      : is === 'files' || is === 'odd'
        ? 'This disk holds files. Look at it and import from it, then erase it; or use an empty disk.'
        : 'This disk has no filesystem that the box can use. Erase it: then it has one.';
  return new CodedError('conflict', `${why} Nothing was changed.`);
}

export function isLibrary(): CodedError {
  return new CodedError(
    'conflict',
    'This disk holds the library of this box. Make a mirror the library first. Nothing was changed.',
  );
}

export function usedNow(): CodedError {
  return new CodedError(
    'conflict',
    'The box uses this disk. Eject it first; then it can be erased. Nothing was changed.',
  );
}

export function otherDisk(): CodedError {
  const message = 'Another disk is in its place now. Nothing was changed; look at the list again.';
  return new CodedError('precondition-failed', message);
}

export function usedTwice(): CodedError {
  return new CodedError(
    'conflict',
    'The box uses another disk with the same marker: one of them is a copy. Eject the other one first, or erase this one. Nothing was changed.',
  );
}

export function otherName(): CodedError {
  return new CodedError('invalid-request', 'The name typed is not that of the disk. Nothing was changed.');
}
