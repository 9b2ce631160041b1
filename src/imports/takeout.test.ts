import { expect, it } from 'vitest';
import { noteNames, noteTime } from './takeout.ts';

it.each([
  ['IMG_1.jpg', 'IMG_1.jpg.json'],
  ['IMG_1.jpg', 'IMG_1.jpg.supplemental-metadata.json'],
  ['IMG_1(2).jpg', 'IMG_1.jpg(2).json'],
  ['IMG_1(2).jpg', 'IMG_1.jpg.supplemental-metadata(2).json'],
  ['party(1).jpg', 'party(1).jpg.json'],
  ['IMG_1-edited.jpg', 'IMG_1.jpg.json'],
  ['IMG_1-edited(1).jpg', 'IMG_1.jpg(1).json'],
  ['IMG_1-bearbeitet.jpg', 'IMG_1.jpg.supplemental-metadata.json'],
  ['IMG_1.MP4', 'IMG_1.MP4.json'],
  ['IMG_1.MP4', 'IMG_1.HEIC.json'],
  // 46 letters before `.json`, cut within either part.
  ['PXL_20260109_120000000.PORTRAIT.jpg', 'PXL_20260109_120000000.PORTRAIT.jpg.supplement.json'],
  [`${'n'.repeat(47)}.jpg`, `${'n'.repeat(46)}.json`],
])('%s may have its note in %s', (name, note) => {
  expect(noteNames(name)).toContain(note);
});

it('looks for few notes, and first for the name itself', () => {
  expect(noteNames('IMG_1.jpg')).toEqual(['IMG_1.jpg.json', 'IMG_1.jpg.supplemental-metadata.json']);
  expect(noteNames('a(1).mp4').length).toBeLessThan(20);
});

it('reads when it was taken, and nothing from what is no such note', () => {
  const note = (timestamp: unknown) => JSON.stringify({ title: 'IMG_1.jpg', photoTakenTime: { timestamp } });
  expect(noteTime(note('1577880000'))).toBe(1_577_880_000_000);
  expect(noteTime(note('-86400'))).toBe(-86_400_000);
  const none = [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '{"photoTakenTime":null}',
    note('0'),
    note('1.5'),
    note('9e99'),
    note({}),
  ];
  for (const text of none) expect(noteTime(text), text).toBeUndefined();
  expect(noteTime('{"__proto__":{"photoTakenTime":{"timestamp":"1577880000"}}}')).toBeUndefined();
});
