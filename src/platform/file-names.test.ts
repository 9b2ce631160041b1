import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileNameKey, legalFileName } from './file-names.ts';

const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  // Raw UTF-16 units: unpaired surrogates among them.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom(
      '.',
      ' ',
      '/',
      '\\',
      'CON',
      'nul',
      'com1',
      'a',
      'é',
      '\u0301',
      '\u0338',
      '<',
      '\u202e',
      '.jpg',
    ),
    maxLength: 150,
  }),
);

test('every name becomes a legal one, and a legal one stays as it is', () => {
  fc.assert(
    fc.property(anyName, (name) => {
      const legal = legalFileName(name);
      expect(legal).not.toBe('');
      expect(legal).not.toBe('.');
      expect(legal).not.toBe('..');
      expect(Buffer.byteLength(legal)).toBeLessThanOrEqual(255);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be left is control characters.
      expect(legal).not.toMatch(/[<>:"/\\|?*\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/);
      expect(legal).not.toMatch(/[. ]$/);
      expect(legal.isWellFormed()).toBe(true);
      expect(legal.normalize('NFC')).toBe(legal);
      expect(legalFileName(legal)).toBe(legal);
    }),
    { numRuns: 2_000 },
  );
});

test('ordinary names are left alone', () => {
  for (const name of [
    'IMG_0001.HEIC',
    'été à Nîmes.jpg',
    '.nomedia',
    '日本 2026.mp4',
    'com10.txt',
    'consul.jpg',
    'a b.c',
  ]) {
    expect(legalFileName(name)).toBe(name.normalize('NFC'));
  }
});

test('names that a disk or Windows refuses are changed as little as possible', () => {
  expect(legalFileName('CON')).toBe('CON_');
  expect(legalFileName('nul.jpg')).toBe('nul_.jpg');
  expect(legalFileName('LPT1 .txt')).toBe('LPT1_ .txt');
  expect(legalFileName('..')).toBe('_');
  expect(legalFileName('')).toBe('_');
  expect(legalFileName('a/b\\c:d')).toBe('a_b_c_d');
  expect(legalFileName('holiday...  ')).toBe('holiday_');
  expect(legalFileName('photo\u202egpj.exe')).toBe('photo_gpj.exe');
  expect(legalFileName('\ud83dx.jpg')).toBe('_x.jpg');
});

test('a long name keeps its extension', () => {
  const legal = legalFileName(`${'é'.repeat(300)}.jpeg`);
  expect(legal.endsWith('é.jpeg')).toBe(true);
  expect(Buffer.byteLength(legal)).toBe(255);
});

test('the key ignores case and composition', () => {
  expect(fileNameKey('E\u0301té')).toBe(fileNameKey('ÉTÉ'));
});
