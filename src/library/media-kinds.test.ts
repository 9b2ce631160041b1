import { expect, test } from 'vitest';
import { mediaKind } from './media-kinds.ts';

test.each([
  ['IMG_0001.JPG', 'photo', 'image/jpeg'],
  ['DCIM/Camera/a.b.HeIc', 'photo', 'image/heic'],
  ['x.hif', 'photo', 'image/heif'],
  ['x.tif', 'photo', 'image/tiff'],
  ['x.dng', 'photo', 'image/x-adobe-dng'],
  ['x.3fr', 'photo', 'image/x-hasselblad-3fr'],
  ['clip.MOV', 'video', 'video/quicktime'],
  ['clip.3gp', 'video', 'video/3gpp'],
  ['clip.m2ts', 'video', 'video/mp2t'],
  ['clip.avi', 'video', 'video/vnd.avi'],
  ['IMG_0001.AAE', 'sidecar', 'application/xml'],
  ['IMG_0001.xmp', 'sidecar', 'application/rdf+xml'],
  ['IMG_0001.jpg.json', 'sidecar', 'application/json'],
  ['IMG_0001.jpg(2).json', 'sidecar', 'application/json'],
  ['clip.mp4.supplemental-metadata.json', 'sidecar', 'application/json'],
  ['a long name.heic.supplemental-meta(1).json', 'sidecar', 'application/json'],
  ['a very long name.heic..json', 'sidecar', 'application/json'],
])('%s is a %s of %s', (name, kind, mediaType) => {
  expect(mediaKind(name)).toEqual({ kind, mediaType });
});

test.each([
  'notes.json',
  'package.supplemental-metadata.json',
  'a.jpg.settings.json',
  'program.ts',
  'clip.lrv',
  'page.html',
  'picture.svg',
  'jpg',
  '.jpg',
  'folder.jpg/readme',
  'photo.jpg.',
  'a.constructor',
  'a.__proto__',
  '',
])('%s is a file, and its bytes are only bytes', (name) => {
  expect(mediaKind(name)).toEqual({ kind: 'file', mediaType: 'application/octet-stream' });
});
