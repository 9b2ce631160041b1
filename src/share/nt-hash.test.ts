import { expect, test } from 'vitest';
import { md4, ntHash } from './nt-hash.ts';

test('MD4 is as RFC 1320 has it, section A.5', () => {
  const digits = '1234567890'.repeat(8);
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const known: ReadonlyArray<readonly [string, string]> = [
    ['', '31d6cfe0d16ae931b73c59d7e0c089c0'],
    ['abc', 'a448017aaf21d8525fc10ae87aa6729d'],
    [letters, 'd79e1c308aa5bbcdeea8ed63df412da9'],
    [`${letters.toUpperCase()}${letters}0123456789`, '043f8582f241db351ce627e153e7f0e4'],
    [digits, 'e33b4ddc9c38f2199c3e7b164fcc0536'],
  ];
  for (const [text, digest] of known) expect(md4(Buffer.from(text)).toString('hex'), text).toBe(digest);
});

test('a password’s hash is as MS-NLMP has it, section 4.2.2.1.2', () => {
  expect(ntHash('Password').toString('hex')).toBe('a4f49c406510bdcab6824ee7c30fd852');
});
