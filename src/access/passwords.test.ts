import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { checkNewPassword } from './password-rules.ts';
import { Passwords } from './passwords.ts';

test('a hash opens for its password alone, however its letters are composed', async () => {
  const passwords = new Passwords({ randomBytes });
  const stored = await passwords.hash('der große Käfer läuft');
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=32768,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await passwords.verify('der große Ka\u0308fer la\u0308uft', stored)).toBe(true);
  expect(await passwords.verify('der große Kafer lauft', stored)).toBe(false);
  expect(await passwords.verify('', passwords.impossibleHash())).toBe(false);
  await passwords.stop();
});

test('a hash with another cost still opens; one that costs too much or is no hash does not', async () => {
  const passwords = new Passwords({ randomBytes });
  // RFC 9106's algorithm at a small cost: computed with this very code, kept to notice a change of format.
  const { argon2Sync } = await import('node:crypto');
  const nonce = Buffer.alloc(16, 7);
  const tag = argon2Sync('argon2id', { message: 'old', nonce, parallelism: 1, tagLength: 32, memory: 64, passes: 1 });
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const phc = (memory: number) => `$argon2id$v=19$m=${memory},t=1,p=1$${base64(nonce)}$${base64(tag)}`;
  expect(await passwords.verify('old', phc(64))).toBe(true);
  expect(await codeOf(passwords.verify('old', phc(1_000_000)))).toBe('internal');
  expect(await codeOf(passwords.verify('old', '$2b$10$notthis'))).toBe('internal');
  await passwords.stop();
});

test('the thread comes on demand and goes when idle', async () => {
  const passwords = new Passwords({ randomBytes, idleMs: 50 });
  expect(passwords.running).toBe(false);
  await passwords.hash('x');
  expect(passwords.running).toBe(true);
  for (let tries = 0; passwords.running && tries < 100; tries += 1) await sleep(20);
  expect(passwords.running).toBe(false);
  await passwords.hash('x');
  await passwords.stop();
});

test('the queue ends; what waits at a stop is refused', async () => {
  const passwords = new Passwords({ randomBytes });
  const waiting = Array.from({ length: 12 }, () => codeOf(passwords.hash('x')));
  await waiting[0];
  await passwords.stop();
  const codes = await Promise.all(waiting);
  expect(codes.filter((code) => code === 'busy')).toHaveLength(3);
  expect(codes.filter((code) => code === 'stopping').length).toBeGreaterThanOrEqual(6);
  expect(codes[0]).toBe('none');
  expect(await codeOf(passwords.hash('x'))).toBe('stopping');
});

test('long passwords pass; short ones and those that are guessed first do not', () => {
  const takes = (password: string) => {
    try {
      checkNewPassword(password, ['Anna', 'nightjar']);
      return true;
    } catch {
      return false;
    }
  };
  const good = [
    'four words are fine',
    'großer Käfer läuft weit',
    'x7#kQ9!mZ2@pL5w',
    '三十六計逃げるに如かず昔から言う',
    'anna eats seven pears',
  ];
  for (const password of good) expect([password, takes(password)]).toEqual([password, true]);
  const bad = [
    'fourteen chars',
    'aaaaaaaaaaaaaaaa',
    'abababababababab',
    'passwordpassword',
    'Password Password 1',
    '123456789012345678',
    'qwertyuiopasdfghj',
    'annaannaannaanna',
    'Nightjar Anna Nightjar!!!',
    'nightjar-12345678',
    'correct horse battery staple',
    'x'.repeat(300),
  ];
  for (const password of bad) expect([password, takes(password)]).toEqual([password, false]);
});

/** One that ended meanwhile gave way. */
function priorityOf(thread: number): number {
  try {
    return getPriority(thread);
  } catch {
    return 0;
  }
}

// Who has given way already, has nothing to give.
test.runIf(process.platform === 'linux' && getPriority() < 10)(
  'hashing gives way to everything else that the box does',
  async () => {
    const passwords = new Passwords({ randomBytes });
    try {
      await passwords.hash('a password to be hashed');
      const own = getPriority();
      const threads = (await readdir('/proc/self/task')).map(Number);
      expect(threads.filter((thread) => priorityOf(thread) > own)).toHaveLength(1);
    } finally {
      await passwords.stop();
    }
  },
);
