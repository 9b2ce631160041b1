import type { AppCaller } from '../http/caller.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { Viewed } from '../library/phone-view.ts';
import { CodedError } from '../platform/errors.ts';
import type { Target } from './dav-request.ts';

/** Where a request points, in a library that is open and a view that is prepared. */
export type At = Readonly<{ open: OpenLibrary; caller: AppCaller; target: Target }>;

/** @throws {CodedError} `not-found` */
export function there({ open, caller, target }: At): Viewed {
  const found = open.view.at(caller.phoneId, target.path);
  if (found !== undefined) return found;
  throw new CodedError('not-found', 'This phone has nothing of this name on the box.');
}
