import { expect, it } from 'vitest';
import { areHalves, halfBytesMax, halvesOf, otherHalves } from './halves.ts';

const video = { size: 3_000_000, hasNote: false };

it.each([
  ['a HEIC and a small video', { name: 'IMG_1.HEIC', hasNote: false }, video, true],
  ['a HEIC and a recording', { name: 'IMG_1.HEIC', hasNote: false }, { ...video, size: halfBytesMax + 1 }, false],
  ['a camera’s JPEG and its next recording', { name: 'IMG_1.JPG', hasNote: false }, video, false],
  ['a JPEG whose note is for both', { name: 'IMG_1.JPG', hasNote: true }, video, true],
  [
    'a JPEG and a video with notes of their own',
    { name: 'IMG_1.JPG', hasNote: true },
    { ...video, hasNote: true },
    false,
  ],
])('%s', (_, photo, moving, halves) => {
  expect(areHalves(photo, moving)).toBe(halves);
});

it('knows names that the other half may have, and calls both alike, apart from every other', () => {
  expect(otherHalves('IMG_1.HEIC')).toContain('IMG_1.MP4');
  expect(otherHalves('IMG_1.MOV')).toContain('IMG_1.HEIC');
  expect(otherHalves('IMG_1.png')).toEqual([]);
  expect(halvesOf('import-1', 'a/IMG_1.HEIC')).toBe(halvesOf('import-1', 'a/IMG_1.MOV'));
  const others = [halvesOf('import-1', 'b/IMG_1.MOV'), halvesOf('import-2', 'a/IMG_1.MOV')];
  expect(others).not.toContain(halvesOf('import-1', 'a/IMG_1.MOV'));
});
