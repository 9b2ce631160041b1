import { expect, test } from 'vitest';
import { endedSessionCookie, sessionCookie, sessionTokenFrom } from './sessions.ts';

const token = 'A'.repeat(43);

test('each transport has its own cookie, and plain http and the console have none', () => {
  expect(sessionCookie('https', token)).toBe(
    `__Host-nightjar=${token}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure`,
  );
  expect(sessionCookie('loopback-http', token)).toBe(
    `nightjar-loopback=${token}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict`,
  );
  expect(sessionCookie('http', token)).toBeUndefined();
  expect(sessionCookie('console', token)).toBeUndefined();
  expect(endedSessionCookie('https')).toContain('__Host-nightjar=; Path=/; Max-Age=0;');
});

test('a cookie counts only under the name of its transport', () => {
  const header = `theme=dark; __Host-nightjar=${token}`;
  expect(sessionTokenFrom(header, 'https')).toBe(token);
  expect(sessionTokenFrom(header, 'loopback-http')).toBeUndefined();
  expect(sessionTokenFrom(header, 'http')).toBeUndefined();
  expect(sessionTokenFrom('__Host-nightjar=short', 'https')).toBeUndefined();
  expect(sessionTokenFrom(`x${header}`.repeat(400), 'https')).toBeUndefined();
  expect(sessionTokenFrom(undefined, 'https')).toBeUndefined();
});
