import { expect, test } from 'vitest';
import { CodedError } from './errors.ts';
import { createLog } from './log.ts';

const secret = 'S3CRET-qq77';

function logged(run: (log: ReturnType<typeof createLog>) => void, level = 'info'): string[] {
  const lines: string[] = [];
  run(createLog({ level, destination: { write: (line: string) => lines.push(line) } }));
  return lines;
}

test('a line is JSON with a level, a time and a message', () => {
  const [line] = logged((log) => log.info({ phones: 3 }, 'started'));
  expect(JSON.parse(line ?? '')).toMatchObject({ level: 'info', phones: 3, msg: 'started' });
  expect(Date.parse(JSON.parse(line ?? '').time)).toBeGreaterThan(0);
});

test.each([
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
  'code',
])('the value of %s is hidden at every depth', (key) => {
  let value: unknown = { [key]: secret, kept: 'yes' };
  for (let depth = 0; depth < 8; depth += 1) {
    const [line] = logged((log) => log.info({ at: value }, 'x'));
    expect(line).not.toContain(secret);
    expect(line).toContain('yes');
    value = { deeper: value };
  }
  const [top] = logged((log) => log.info({ [key]: secret }, 'x'));
  expect(top).not.toContain(secret);
  const [child] = logged((log) => log.child({ [key]: secret, kept: 'yes' }).info('x'));
  expect(child).not.toContain(secret);
  expect(child).toContain('yes');
});

test('values that are lists or hold quotes are hidden too', () => {
  const lines = logged((log) => {
    log.info({ 'set-cookie': [`a=${secret}`] }, 'x');
    log.info({ a: { b: { c: { d: { e: { password: `"q\\" ${secret}` } } } } } }, 'x');
    log.info({ request: { headers: { 'x-anything': secret } } }, 'x');
  });
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain(secret);
});

test('a request shows its method and path, nothing of its query, fragment or headers', () => {
  const lines = logged((log) => {
    const request = { method: 'GET', url: `/pair?s=${secret}#s=${secret}`, headers: { authorization: secret } };
    log.info({ req: request, res: { statusCode: 200, headers: { 'set-cookie': secret } } }, 'answered');
    log.info({ link: `https://nightjar.local:8443/pair#s=${secret}&f=00` }, 'paired');
    log.warn(`somebody opened https://192.168.1.2:8443/pair#s=${secret}`);
    log.warn(`sent Authorization: Bearer ${secret} and Cookie: __Host-nightjar=${secret}; a=b`);
  });
  expect(lines.join('')).not.toContain(secret);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ req: { method: 'GET', path: '/pair' }, res: { status: 200 } });
});

test('an error keeps its stack, its reason and its cause, and loses its other members', () => {
  const cause = Object.assign(new Error('no space left'), { code: 'ENOSPC', request: { token: secret } });
  const error = new CodedError('disk-full', `The disk is full: https://host/pair#s=${secret}`, { cause });
  const [line] = logged((log) => log.error({ err: error }, 'failed'));
  expect(line).not.toContain(secret);
  const { err } = JSON.parse(line ?? '');
  expect(err).toMatchObject({ type: 'CodedError', reason: 'disk-full', cause: { reason: 'ENOSPC' } });
  expect(err.stack).toContain('log.test.ts');
});

test('the level is a floor', () => {
  expect(logged((log) => log.info('x'), 'warn')).toHaveLength(0);
  expect(logged((log) => log.fatal('x'), 'silent')).toHaveLength(0);
});
