import { expect, test } from 'vitest';
import { pathKey } from './placement.ts';
import { neighbourKeys, sidecarName, sidecarTarget, standsBeside } from './sidecars.ts';

test('knows what each sidecar stands beside', () => {
  expect(sidecarTarget('IMG_1.AAE')).toEqual({ stem: 'IMG_1' });
  expect(sidecarTarget('IMG_O1234.AAE')).toEqual({ stem: 'IMG_1234' });
  expect(sidecarTarget('IMG_Old.xmp')).toEqual({ stem: 'IMG_Old' });
  expect(sidecarTarget('DSC_1.xmp')).toEqual({ stem: 'DSC_1' });
  expect(sidecarTarget('DSC_1.jpg.xmp')).toEqual({ name: 'DSC_1.jpg' });
  expect(sidecarTarget('a.jpg.json')).toEqual({ name: 'a.jpg' });
  expect(sidecarTarget('a.jpg.supplemental-metadata.json')).toEqual({ name: 'a.jpg' });
  expect(sidecarTarget('a.jpg.suppl.json')).toEqual({ name: 'a.jpg' });
  expect(sidecarTarget('a.jpg(2).json')).toEqual({ name: 'a(2).jpg' });
  expect(sidecarTarget('a.jpg.supplemental-metadata(2).json')).toEqual({ name: 'a(2).jpg' });
  expect(standsBeside('img_1.aae', 'IMG_1.HEIC')).toBe(true);
  expect(standsBeside('IMG_1.jpg.xmp', 'IMG_1.JPG')).toBe(true);
  expect(standsBeside('IMG_1.jpg.xmp', 'IMG_1.HEIC')).toBe(false);
  expect(standsBeside('IMG_10.AAE', 'IMG_1.HEIC')).toBe(false);
});

test('gives a sidecar the suffix that its photo got', () => {
  expect(sidecarName('IMG_1.AAE', 'IMG_1.HEIC', 'IMG_1.HEIC')).toBe('IMG_1.AAE');
  expect(sidecarName('IMG_1.AAE', 'IMG_1.HEIC', 'IMG_1-2.HEIC')).toBe('IMG_1-2.AAE');
  expect(sidecarName('IMG_1.jpg.xmp', 'IMG_1.jpg', 'IMG_1-2.jpg')).toBe('IMG_1-2.jpg.xmp');
  expect(sidecarName('IMG_O1.AAE', 'IMG_1.HEIC', 'IMG_1-2.HEIC')).toBe('IMG_O1-2.AAE');
  expect(sidecarName('a:b.jpg.json', 'a:b.jpg', 'a_b.jpg')).toBe('a_b.jpg.json');
});

test('looks where every name lies that may stand beside a photo', () => {
  const pairs = [
    ['IMG_1.HEIC', 'IMG_1.AAE'],
    ['IMG_1.HEIC', 'IMG_O1.AAE'],
    ['IMG_1-2.HEIC', 'IMG_O1-2.AAE'],
    ['Ä b.jpg', 'ä b.JPG.xmp'],
    ['a(2).jpg', 'a.jpg(2).json'],
    ['a.jpg', 'a.jpg.supplemental-meta.json'],
  ] as const;
  for (const [photo, sidecar] of pairs) {
    const key = pathKey(`P/${sidecar}`);
    expect(
      neighbourKeys(`P/${photo}`).some(({ from, to }) => from <= key && key < to),
      sidecar,
    ).toBe(true);
  }
  const key = pathKey('P/IMG_10.AAE');
  expect(neighbourKeys('P/IMG_1.HEIC').some(({ from, to }) => from <= key && key < to)).toBe(false);
});
