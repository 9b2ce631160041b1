import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isoBox, quartered, samsungTrailer, withXmp } from '../../test/support/made-media.ts';
import { decode } from './decode.ts';
import { findMotion } from './motion.ts';
import { OpenFile } from './open-file.ts';

const video = Buffer.concat([
  isoBox('ftyp', Buffer.from('mp42\0\0\0\0mp42isom', 'latin1')),
  isoBox('mdat', Buffer.alloc(5000, 7)),
  isoBox('moov', Buffer.alloc(500)),
]);
let dir: string;
let jpeg: Buffer;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-motion-'));
  jpeg = await quartered().jpeg().toBuffer();
});
afterAll(() => rmSync(dir, { recursive: true }));

function found(...pieces: Buffer[]): ReturnType<typeof findMotion> {
  const path = join(dir, 'a.jpg');
  writeFileSync(path, Buffer.concat(pieces));
  using file = OpenFile.open(path);
  return findMotion(file);
}

const micro = (offset: number) =>
  `<rdf:Description GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="${offset}"/>`;
const container = (...items: Array<[semantic: string, length: number, padding?: number]>) => {
  const list = items.map(
    ([semantic, length, padding = 0]) =>
      `<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="${semantic}" ` +
      `Item:Length="${length}" Item:Padding="${padding}"/></rdf:li>`,
  );
  return `<rdf:Description GCamera:MotionPhoto="1"><Container:Directory><rdf:Seq>${list.join('')}</rdf:Seq></Container:Directory></rdf:Description>`;
};

test('none in a plain picture', () => {
  expect(found(jpeg)).toBeNull();
});

test('a micro video, counted from the end', () => {
  const picture = withXmp(jpeg, micro(video.length));
  expect(found(picture, video)).toEqual({ offset: picture.length, length: video.length });
});

test('a motion photo as an item of a container', () => {
  const picture = withXmp(jpeg, container(['Primary', 0], ['MotionPhoto', video.length]));
  expect(found(picture, video)).toEqual({ offset: picture.length, length: video.length });
});

test('what comes after it in the container is not part of it', () => {
  const depth = Buffer.alloc(300, 3);
  const items = container(['Primary', 0, 8], ['GainMap', 0], ['MotionPhoto', video.length], ['DepthMap', 292, 8]);
  const picture = withXmp(jpeg, items);
  expect(found(picture, video, depth)).toEqual({ offset: picture.length, length: video.length });
});

test("Samsung's trailer", () => {
  const other = { name: 'Image_UTC_Data', content: Buffer.from('1700000000000') };
  const trailer = samsungTrailer([other, { name: 'MotionPhoto_Data', content: video }]);
  const offset = jpeg.length + trailer.indexOf(video);
  expect(found(jpeg, trailer)).toEqual({ offset, length: video.length });
  const first = samsungTrailer([{ name: 'MotionPhoto_Data', content: video }, other]);
  expect(found(jpeg, first)).toEqual({ offset: jpeg.length + first.indexOf(video), length: video.length });
});

test("a HEIC's own box", () => {
  const head = isoBox('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1'));
  const rest = isoBox('meta', Buffer.alloc(40));
  expect(found(head, rest, isoBox('mpvd', video))).toEqual({
    offset: head.length + rest.length + 8,
    length: video.length,
  });
});

test.each([
  ['that lies outside the file', () => [withXmp(jpeg, micro(10 ** 9))]],
  [
    'that is a box of another type',
    () => [withXmp(jpeg, micro(video.length)), Buffer.from(video.toString('latin1').replace('ftyp', 'free'), 'latin1')],
  ],
  ['of no length', () => [withXmp(jpeg, micro(0)), video]],
  ['where no MP4 begins', () => [withXmp(jpeg, micro(video.length - 4)), video]],
  ['with a number that is none', () => [withXmp(jpeg, micro(1).replace('"1"/>', '"99999999999999999999"/>')), video]],
  ['whose container is longer than the file', () => [withXmp(jpeg, container(['MotionPhoto', 10 ** 12])), video]],
  [
    'in a trailer that is cut',
    () => [jpeg, samsungTrailer([{ name: 'MotionPhoto_Data', content: video }]).subarray(0, -9)],
  ],
  [
    'in a trailer that points before the file',
    () => {
      const trailer = samsungTrailer([{ name: 'MotionPhoto_Data', content: video }]);
      trailer.writeUInt32LE(0xffff_ffff, trailer.length - 8 - 8);
      return [jpeg, trailer];
    },
  ],
])('none is believed %s', (_, pieces) => {
  expect(found(...pieces())).toBeNull();
});

test('the picture itself is drawn, and a refusal tells of the video too', async () => {
  const path = join(dir, 'b.jpg');
  const picture = withXmp(jpeg, micro(video.length));
  writeFileSync(path, Buffer.concat([picture, video]));
  const job = { id: 1, file: path, kind: 'photo', name: 'b.jpg' } as const;
  const signal = AbortSignal.timeout(30_000);
  const motion = { offset: picture.length, length: video.length };
  expect(await decode(job, { signal, known: { motion: null } })).toMatchObject({ width: 640, height: 320, motion });
  const broken = Buffer.concat([picture, video]);
  broken.fill(0, picture.indexOf('</x:xmpmeta>') + 12, picture.length);
  writeFileSync(path, broken);
  const known = { motion: null };
  await expect(decode(job, { signal, known })).rejects.toMatchObject({ code: 'damaged' });
  expect(known).toEqual({ motion });
});
