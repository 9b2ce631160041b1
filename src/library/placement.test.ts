import { posix } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CodedError } from '../platform/errors.ts';
import { candidateNames, checkPhonePath, fileFolder, pathKey, photoFolder } from './placement.ts';

function first(names: Iterable<string>, count: number): string[] {
  const taken: string[] = [];
  for (const name of names) {
    if (taken.push(name) === count) break;
  }
  return taken;
}

test('a photo lies in the month of the wall clock where it was taken', () => {
  expect(photoFolder('Photos/alice', { local: '2024-12-31T23:59:59' })).toBe('Photos/alice/2024/2024-12');
});

test('another file keeps the folders of the phone, in legal form', () => {
  expect(fileFolder('alice', 'Documents/a:b/x.pdf')).toBe('Files/alice/Documents/a_b');
  expect(fileFolder('alice', 'x.pdf')).toBe('Files/alice');
});

test('folders deeper than a disk can hold are left out', () => {
  const folder = fileFolder('alice', `${Array(20).fill('x'.repeat(255)).join('/')}/x.pdf`);
  expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(3072);
  expect(Buffer.byteLength(folder)).toBeGreaterThan(3072 - 256);
});

test('names to try', () => {
  expect(first(candidateNames('IMG 1.JPG'), 3)).toEqual(['IMG 1.JPG', 'IMG 1-2.JPG', 'IMG 1-3.JPG']);
  expect(first(candidateNames('.nomedia'), 2)).toEqual(['.nomedia', '.nomedia-2']);
  expect(first(candidateNames('a.tar.gz'), 2)).toEqual(['a.tar.gz', 'a.tar-2.gz']);
  expect(first(candidateNames('a?.jpg'), 2)).toEqual(['a_.jpg', 'a_-2.jpg']);
});

test('names to try are limited, different, and fit', () => {
  const names = [...candidateNames(`${'ü'.repeat(200)}.jpeg`)];
  expect(names).toHaveLength(10_000);
  expect(new Set(names.map(pathKey)).size).toBe(10_000);
  expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThanOrEqual(255);
  expect(names.every((name) => name.endsWith('.jpeg') && name.isWellFormed())).toBe(true);
});

test.each([
  ['DCIM/a.JPG', 'dcim/A.jpg'],
  ['Caf\u00e9.jpg', 'CAFE\u0301.JPG'],
  ['stra\u00dfe', 'STRASSE'],
  ['STRA\u1e9eE', 'strasse'],
  ['\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c2'],
  ['\u212a.jpg', 'k.jpg'],
  ['\u017f', 's'],
])('%s and %s are the same name to some disk', (one, other) => {
  expect(pathKey(one)).toBe(pathKey(other));
});

test('case and composition of a path never change its key', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (path) => {
      const key = pathKey(path);
      for (const form of [path.toUpperCase(), path.normalize('NFD')]) expect(pathKey(form)).toBe(key);
    }),
    { numRuns: 2_000 },
  );
});

test('every letter has the key of its upper and its lower case', () => {
  for (let code = 0; code < 0x30000; code += 1) {
    const letter = String.fromCodePoint(code);
    const keys = new Set([letter, letter.toUpperCase(), letter.toLowerCase()].map(pathKey));
    if (keys.size !== 1) expect.fail(`U+${code.toString(16)}`);
  }
});

test.each([
  'DCIM/Camera/IMG_1.jpg',
  'a\\b.jpg',
  '...',
  'a/..b/c..',
  ' ',
  'x'.repeat(1024),
  Array(64).fill('d').join('/'),
])('a phone may say %j', (path) => {
  expect(checkPhonePath(path)).toEqual(path.split('/'));
});

test.each([
  '',
  '/',
  '/etc/passwd',
  'a//b',
  'a/',
  '..',
  'a/../../b',
  './a',
  'a/.',
  'a\0.jpg',
  'a\ud800.jpg',
  'x'.repeat(1025),
  Array(65).fill('d').join('/'),
  Array(10).fill('\u00fc'.repeat(250)).join('/'),
])('a phone may not say %j', (path) => {
  expect(() => checkPhonePath(path)).toThrow(expect.objectContaining({ code: 'invalid-name' }));
});

test('any path is refused as a name, or lies inside its folders in legal names', () => {
  const segment = fc.oneof(
    fc.constantFrom('..', '.', '', '...', '..\\', 'CON', 'a:b', ' ', '\u202e', '..%2f', '~', '\0', '\u2024\u2024'),
    fc.string({ unit: 'binary', maxLength: 300 }),
  );
  const paths = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(segment, { minLength: 1, maxLength: 70 }).map((segments) => segments.join('/')),
  );
  fc.assert(
    fc.property(paths, (path) => {
      try {
        checkPhonePath(path);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        expect(error.code).toBe('invalid-name');
        return;
      }
      for (const name of first(candidateNames(path.slice(path.lastIndexOf('/') + 1)), 3)) {
        const place = `${fileFolder('alice', path)}/${name}`;
        expect(posix.normalize(place)).toBe(place);
        expect(place.startsWith('Files/alice/')).toBe(true);
        expect(place.split('/').every((part) => Buffer.byteLength(part) <= 255)).toBe(true);
        expect(place).not.toContain('\\');
        expect(Buffer.byteLength(place)).toBeLessThanOrEqual(3072 + 256);
      }
    }),
    { numRuns: 1_000 },
  );
});
