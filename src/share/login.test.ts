import { expect, test } from 'vitest';
import { loginFor } from './login.ts';

test('a name is one that every system takes, and nobody else’s', () => {
  const none = new Set<string>();
  expect(loginFor('Alice', none)).toBe('alice');
  expect(loginFor('Zoë Müller-Groß', none)).toBe('zoe-muller-gross');
  expect(loginFor('李', none)).toBe('photos');
  expect(loginFor('-- Root --', none)).toBe('root-photos');
  expect(loginFor('a'.repeat(60), none)).toBe('a'.repeat(20));
  expect(loginFor('ALICE', new Set(['alice', 'alice-2']))).toBe('alice-3');
  // The share of one’s other files is no other person’s, either way round.
  expect(loginFor('Alice files', new Set(['alice']))).toBe('alice-files-2');
  expect(loginFor('Alice', new Set(['alice-files']))).toBe('alice-2');
});
