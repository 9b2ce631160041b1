/** What the checks are given: all that the box knows just now and that may need somebody, as one person may see it. */
import type { LibraryState } from '../library/library.ts';
import type { CodedError } from '../platform/errors.ts';
import type { HomePhone } from './contract.ts';

export type Facts = Readonly<{
  now: number;
  /** Who looks: the owner hears of the whole box, a member of what keeps their own photos out. */
  owner: boolean;
  /** Those that they may see. */
  phones: readonly HomePhone[];
  library: LibraryState;
  /** Why the library is not open. */
  problem: CodedError | undefined;
  /** When it was lost to a disk that would not read or write. */
  breaks: readonly number[];
  /** Of its disk; null: it is away, or does not answer. */
  room: Readonly<{ totalBytes: number; freeBytes: number }> | null;
  /** What receiving leaves alone. */
  reserveBytes: number;
  /** Of who looks. */
  secondFactor: boolean;
  /** Its steps are done or put off: what is missing from then on is said here. */
  firstRunOver: boolean;
  clockBehind: boolean;
  videoToolsMissing: boolean;
}>;
