import { expect, test } from 'vitest';
import {
  endedSessionCookie,
  knownBrowserCookie,
  knownBrowserTokenFrom,
  sessionCookie,
  sessionTokenFrom,
} from './sessions.ts';

const token = 'A'.repeat(43);

test('each transport has its own cookie, and plain http and the console have none', () => {
  expect(sessionCookie('https', token)).toBe(
    `__Host-nightjar=${token}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict; Secure`,
  );
  expect(sessionCookie('loopback-http', token)).toBe(
    `nightjar-loopback=${token}; Path=/; Max-Age=7776000; HttpOnly; SameSite=Strict`,
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

test('a browser is known by a cookie of its own, for 400 days, which is no session', () => {
  expect(knownBrowserCookie('https', token)).toBe(
    `__Host-nightjar-known=${token}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict; Secure`,
  );
  expect(knownBrowserCookie('loopback-http', token)).toContain(`nightjar-loopback-known=${token};`);
  expect(knownBrowserCookie('http', token)).toBeUndefined();
  const header = `__Host-nightjar-known=${token}`;
  expect(knownBrowserTokenFrom(header, 'https')).toBe(token);
  expect(knownBrowserTokenFrom(header, 'loopback-http')).toBeUndefined();
  expect(sessionTokenFrom(header, 'https')).toBeUndefined();
});
