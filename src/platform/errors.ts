/**
 * Errors that a caller can act on. `code` is stable and machine-readable; the HTTP status for each code is decided
 * once, in `http/problem.ts`. `message` is for a person: what happened, what is safe, what to do next.
 */
export type ErrorCode =
  // the request
  | 'invalid-request'
  | 'invalid-name'
  | 'too-large'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'method-not-allowed'
  | 'unsupported-media-type'
  | 'unknown-host'
  | 'cross-origin'
  | 'https-required'
  | 'too-many-requests'
  | 'precondition-failed'
  | 'conflict'
  // setting up, pairing, signing in
  | 'already-set-up'
  | 'not-set-up'
  | 'wrong-setup-code'
  | 'not-adoptable'
  | 'wrong-password'
  | 'weak-password'
  | 'sign-in-incomplete'
  | 'confirm-first'
  | 'locked'
  | 'wrong-code'
  | 'code-used'
  | 'approval-over'
  | 'invitation-unknown'
  | 'invitation-used'
  | 'invitation-expired'
  | 'too-early'
  | 'gone'
  | 'pairing-unknown'
  | 'pairing-used'
  | 'pairing-expired'
  // uploads
  | 'offset-mismatch'
  | 'upload-busy'
  | 'upload-gone'
  | 'upload-interrupted'
  | 'length-mismatch'
  | 'checksum-mismatch'
  | 'empty-picture'
  | 'too-many-uploads'
  | 'video-tools-missing'
  | 'over-quota'
  | 'tus-version'
  // pictures
  | 'no-picture'
  // disks
  | 'disk-missing'
  | 'disk-foreign'
  | 'disk-full'
  | 'folder-blocked'
  // what goes off the box
  | 'send-failed'
  | 'offbox-failed'
  // the box itself
  | 'command-missing'
  | 'command-failed'
  | 'not-this-machine'
  | 'busy'
  | 'stopping'
  | 'internal';

export class CodedError extends Error {
  readonly code: ErrorCode;
  /** Extra members for the problem document (RFC 9457, section 3.2). Never secrets. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; facts?: Record<string, string | number | boolean> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CodedError';
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/** The `code` of a Node system error (`ENOSPC`, `EIO`...) or of SQLite (`SQLITE_FULL`...); otherwise undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const fullCodes = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'disk-full']);
const goneCodes = new Set(['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'EROFS', 'ESHUTDOWN', 'EUCLEAN', 'ENOTCONN']);
// CORRUPT too: that is how SQLite tells of a read that failed with EIO (SQLITE_IOERR_CORRUPTFS).
const goneSqlite = /^SQLITE_(IOERR|READONLY|CANTOPEN|CORRUPT)/;

/** Whether an error, of whatever operation, says that the disk is full. */
export function diskIsFull(error: unknown): boolean {
  return fullCodes.has(systemCode(error) ?? '');
}

/** Whether an error, of whatever operation, says that the disk is gone, or is another one. */
export function diskIsGone(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return code === 'disk-missing' || code === 'disk-foreign' || goneCodes.has(code) || goneSqlite.test(code);
}
