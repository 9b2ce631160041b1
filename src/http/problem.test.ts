import { expect, test } from 'vitest';
import { CodedError } from '../platform/errors.ts';
import { toProblem } from './problem.ts';

test('a coded error keeps its code, sentence and facts (RFC 9457, section 3)', () => {
  const problem = toProblem(new CodedError('offset-mismatch', 'It goes on at 7.', { facts: { offset: 7 } }));
  expect(problem).toEqual({
    status: 409,
    body: {
      type: 'urn:nightjar:problem:offset-mismatch',
      title: 'The upload goes on at another place',
      status: 409,
      detail: 'It goes on at 7.',
      code: 'offset-mismatch',
      offset: 7,
    },
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  });
});

test('facts cannot replace the standard members', () => {
  const problem = toProblem(new CodedError('not-found', 'Gone.', { facts: { status: 200, code: 'x', type: 'y' } }));
  expect(problem.body).toMatchObject({ status: 404, code: 'not-found', type: 'urn:nightjar:problem:not-found' });
});

test('401 says how to sign in, 429 and 503 when to come back', () => {
  expect(toProblem(new CodedError('unauthenticated', 'x')).headers['www-authenticate']).toBe('Bearer');
  expect(toProblem(new CodedError('busy', 'x')).headers['retry-after']).toBe('5');
  const told = toProblem(new CodedError('too-many-requests', 'x', { facts: { retryAfterSeconds: 90 } }));
  expect(told.headers['retry-after']).toBe('90');
  expect(told.body).not.toHaveProperty('retryAfterSeconds');
});

test.each([
  ['ENOSPC', 507, 'disk-full'],
  ['EDQUOT', 507, 'disk-full'],
  ['SQLITE_FULL', 507, 'disk-full'],
  ['EIO', 503, 'disk-missing'],
  ['ENODEV', 503, 'disk-missing'],
  ['ENXIO', 503, 'disk-missing'],
  ['ESTALE', 503, 'disk-missing'],
  ['EROFS', 503, 'disk-missing'],
  ['SQLITE_IOERR_WRITE', 503, 'disk-missing'],
  ['ENOENT', 500, 'internal'],
])('%s is answered with %i', (code, status, expected) => {
  const problem = toProblem(Object.assign(new Error(`${code}: /srv/secret-path`), { code }));
  expect(problem).toMatchObject({ status, body: { code: expected } });
  expect(JSON.stringify(problem)).not.toContain('secret-path');
});

test('anything else is internal and tells nothing', () => {
  for (const thrown of [new Error('SELECT * FROM person'), 'text', undefined, { message: 'x' }]) {
    const problem = toProblem(thrown);
    expect(problem).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(JSON.stringify(problem)).not.toContain('SELECT');
  }
});
