/**
 * Owns the answer to every error: one table from code to status, and the problem document (RFC 9457).
 * Never tells what went on inside: an error without a code is `internal`, and only the log has its stack.
 * The server calls it; a room that writes its own reply (a door with another protocol) may.
 */
import { CodedError, diskIsFull, diskIsGone, type ErrorCode, systemCode } from '../platform/errors.ts';

export type Problem = Readonly<{
  status: number;
  body: Readonly<{ type: string; title: string; status: number; detail: string; code: ErrorCode } & Facts>;
  headers: Readonly<Record<string, string>>;
}>;
type Facts = { [fact: string]: string | number | boolean };

export const problemType = 'application/problem+json';

type Row = readonly [status: number, title: string, retryAfterSeconds?: number];

/** Exhaustive by type: a new code does not compile until it has a row. */
const problems: { readonly [Code in ErrorCode]: Row } = {
  'invalid-request': [400, 'The request is not understood'],
  'invalid-name': [400, 'The name cannot be used'],
  'too-large': [413, 'The request is too large'],
  unauthenticated: [401, 'Sign in first'],
  forbidden: [403, 'Not allowed'],
  'not-found': [404, 'Not found'],
  'method-not-allowed': [405, 'Not possible here'],
  'unsupported-media-type': [415, 'The form of the content is not known'],
  'unknown-host': [421, 'Not a name of this box'],
  'cross-origin': [403, 'Another page is asking'],
  'https-required': [403, 'Only over https'],
  'too-many-requests': [429, 'Too many requests', 30],
  'precondition-failed': [412, 'Something else is there'],
  conflict: [409, 'In conflict with what is there'],
  'already-set-up': [409, 'The box has an owner'],
  'not-set-up': [409, 'The box has no owner yet'],
  'wrong-setup-code': [403, 'Wrong setup code'],
  'not-adoptable': [409, 'This disk cannot be adopted'],
  'wrong-password': [401, 'Wrong name or password'],
  'weak-password': [422, 'The password is too weak'],
  'sign-in-incomplete': [403, 'The sign-in is not finished'],
  'confirm-first': [403, 'Confirm that it is you'],
  locked: [401, 'The page is locked'],
  'wrong-code': [401, 'Wrong code'],
  'code-used': [401, 'The code was used'],
  'approval-over': [410, 'The request is over'],
  'invitation-unknown': [404, 'No such invitation'],
  'invitation-used': [410, 'The invitation was used'],
  'invitation-expired': [410, 'The invitation has expired'],
  'too-early': [403, 'Too early'],
  gone: [410, 'The data was deleted'],
  'pairing-unknown': [404, 'No such pairing'],
  'pairing-used': [410, 'The pairing was used'],
  'pairing-expired': [410, 'The pairing has expired'],
  'offset-mismatch': [409, 'The upload goes on at another place'],
  'upload-busy': [423, 'The upload is being written to', 1],
  'upload-gone': [410, 'The upload is gone'],
  'upload-interrupted': [503, 'The upload was interrupted', 1],
  'length-mismatch': [410, 'The length is wrong'],
  'checksum-mismatch': [410, 'The checksum is wrong'],
  'empty-picture': [410, 'The picture is empty'],
  'too-many-uploads': [429, 'Too many unfinished uploads', 60],
  'video-tools-missing': [503, 'Videos cannot be read'],
  'over-quota': [507, 'No more room for this person'],
  'tus-version': [412, 'Another version of tus is needed'],
  'no-picture': [404, 'There is no picture of this'],
  'disk-missing': [503, 'The disk is not there', 30],
  'disk-foreign': [503, 'Another disk is in its place', 30],
  'disk-full': [507, 'The disk is full'],
  'folder-blocked': [503, 'A folder on the disk is blocked'],
  'send-failed': [502, 'It could not be sent'],
  'offbox-failed': [502, 'The copy off the box failed'],
  'command-missing': [503, 'A program is missing on the box'],
  'command-failed': [500, 'A program of the box failed'],
  'not-this-machine': [409, 'Not on this machine'],
  busy: [503, 'The box is busy', 5],
  stopping: [503, 'The box is stopping', 10],
  internal: [500, 'An error of the box'],
};

/**
 * Turns anything thrown into its answer. A `retryAfterSeconds` among the facts becomes `Retry-After` (RFC 9110,
 * section 10.2.3); else 429 and 503 have the table's.
 */
export function toProblem(error: unknown): Problem {
  const coded = error instanceof CodedError ? error : codedFrom(error);
  const [status, title, tableSeconds] = problems[coded.code];
  const { retryAfterSeconds = tableSeconds, ...facts } = coded.facts;
  return {
    status,
    body: {
      ...facts,
      type: `urn:nightjar:problem:${coded.code}`,
      title,
      status,
      detail: coded.message,
      code: coded.code,
    },
    headers: {
      'content-type': problemType,
      'cache-control': 'no-store',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
      // RFC 9110, section 11.6.1: a 401 says how to do it.
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
  };
}

function codedFrom(error: unknown): CodedError {
  const code = systemCode(error) ?? '';
  if (diskIsFull(error)) {
    return new CodedError(
      'disk-full',
      'The disk is full. What was acknowledged is safe; make room, and the rest goes on.',
    );
  }
  if (diskIsGone(error)) {
    return new CodedError(
      'disk-missing',
      'The disk does not answer. What was acknowledged is safe; the box goes on when the disk is back.',
    );
  }
  if (code.startsWith('FST_ERR_') || hasValidation(error)) {
    const found = codedFromFastify(code, error);
    if (found !== undefined) return found;
  }
  return new CodedError(
    'internal',
    'The box met an error of its own. What was acknowledged is safe; try again, and look into its log if it stays.',
  );
}

function codedFromFastify(code: string, error: unknown): CodedError | undefined {
  if (hasValidation(error)) return describeValidation(error);
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new CodedError('too-large', 'The request holds more than is allowed here. Send it in smaller parts.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new CodedError('unsupported-media-type', 'This takes JSON: send it with Content-Type: application/json.');
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new CodedError('invalid-request', 'The body of the request is not JSON.');
    case 'FST_ERR_NOT_FOUND':
      return new CodedError('not-found', 'There is nothing at this address.');
  }
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return new CodedError('invalid-request', 'The request is not understood.');
  return undefined;
}

type Validation = { keyword: string; instancePath: string; message?: string; params: Record<string, unknown> };
type ValidationError = { validation: Validation[]; validationContext?: string };

function hasValidation(error: unknown): error is ValidationError {
  return typeof error === 'object' && error !== null && 'validation' in error && Array.isArray(error.validation);
}

const partNames: Readonly<Record<string, string>> = { body: 'body', querystring: 'query', params: 'address' };

/** Names the field and the rule, never the value: it may be a password. */
function describeValidation({ validation, validationContext }: ValidationError): CodedError {
  const part = partNames[validationContext ?? ''] ?? 'request';
  // Of a union every branch has its complaint; only the union's own says something true.
  const first = validation.find((one) => one.keyword === 'anyOf') ?? validation[0];
  const missing = first?.params.missingProperty;
  const steps = (first?.instancePath ?? '').split('/').slice(1);
  if (typeof missing === 'string') steps.push(missing);
  const field = steps.join('.').slice(0, 200);
  const rule = first?.keyword === 'anyOf' ? 'has none of the allowed forms' : (first?.message ?? 'is not valid');
  const where = field === '' ? `The ${part}` : `"${field}" in the ${part}`;
  return new CodedError(
    'invalid-request',
    `${where} ${missing === undefined ? rule : 'is missing'}. Nothing was changed.`,
    {
      facts: { part, ...(field === '' ? {} : { field }) },
    },
  );
}
