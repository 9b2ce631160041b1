import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { difference, quartered, quarters, quartersOf } from '../../test/support/made-media.ts';
import { type Directory, tiffFile } from '../../test/support/made-tiff.ts';
import { type Decoded, decode } from './decode.ts';
import { OpenFile } from './open-file.ts';
import { bestPreview, readTiffPreviews } from './raw-preview.ts';

const [red, green, blue, white] = quarters;
let dir: string;
let small: Buffer;
let large: Buffer;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-raw-'));
  small = await quartered(320, [white, white, white, white]).jpeg().toBuffer();
  large = await quartered(2400).jpeg({ quality: 92 }).toBuffer();
});
afterAll(() => rmSync(dir, { recursive: true }));

function write(name: string, bytes: Buffer): string {
  writeFileSync(join(dir, name), bytes);
  return join(dir, name);
}

async function draw(name: string, bytes: Buffer): Promise<Decoded> {
  const job = { id: 1, file: write(name, bytes), kind: 'photo', name } as const;
  return await decode(job, { signal: AbortSignal.timeout(30_000), known: { motion: null } });
}

/** What raw data looks like in DNG: lossless JPEG (T.81, SOF3), which nothing here draws. */
const lossless = Buffer.concat([Buffer.from('ffd8ffc3000e0c0bb80fa0021100021100', 'hex'), Buffer.alloc(4000, 1)]);
const sizeOf = (width: number, height: number): Directory['entries'] => [
  [256, [width]],
  [257, [height]],
];
const jpegStrip = (block: number): Directory['entries'] => [
  [259, [7]],
  [273, [{ block }]],
  [279, [{ lengthOf: block }]],
];

test('DNG: the large preview in a sub-directory, turned as the raw picture says', async () => {
  const dng = tiffFile(
    [
      {
        entries: [
          ...sizeOf(320, 160),
          ...jpegStrip(0),
          [274, [6]],
          [330, [{ directory: 1 }, { directory: 2 }]],
          [50706, [0x0401]],
        ],
      },
      { entries: [...sizeOf(4000, 3000), ...jpegStrip(1)], apart: true },
      { entries: [...sizeOf(2400, 1200), ...jpegStrip(2)], apart: true },
    ],
    [small, lossless, large],
  );
  const drawn = await draw('a.dng', dng);
  expect([drawn.width, drawn.height]).toEqual([3000, 4000]);
  expect(difference(await quartersOf(drawn.preview), [blue, red, white, green])).toBeLessThanOrEqual(12);
  expect(await sharp(drawn.preview).metadata()).toMatchObject({ width: 800, height: 1600 });
});

test.each([
  ['a.nef', true],
  ['a.arw', false],
])('%s: a preview by offset and length, in the next directory', async (name, big) => {
  const raw = tiffFile(
    [
      { entries: sizeOf(6000, 4000) },
      {
        entries: [
          [513, [{ block: 0 }]],
          [514, [{ lengthOf: 0 }]],
        ],
      },
    ],
    [large],
    big,
  );
  const drawn = await draw(name, raw);
  expect(drawn).toMatchObject({ width: 6000, height: 4000 });
  expect(difference(await quartersOf(drawn.preview), quarters)).toBeLessThanOrEqual(12);
});

test('a preview that tells its own orientation keeps it', async () => {
  const turned = await quartered(2400).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const raw = tiffFile([{ entries: [...sizeOf(6000, 3000), [274, [1]], ...jpegStrip(0)] }], [turned]);
  expect(
    difference(await quartersOf((await draw('b.nef', raw)).preview), [blue, red, white, green]),
  ).toBeLessThanOrEqual(12);
});

test('other raw files: the JPEG that stands in them', async () => {
  const raf = Buffer.concat([
    Buffer.from('FUJIFILMCCD-RAW 0201'),
    Buffer.alloc(128),
    small,
    large,
    Buffer.alloc(5000, 9),
  ]);
  const drawn = await draw('a.raf', raf);
  expect(drawn).toMatchObject({ width: 2400, height: 1200 });
  expect(difference(await quartersOf(drawn.preview), quarters)).toBeLessThanOrEqual(12);
});

test('without a preview: why not', async () => {
  const raf = Buffer.concat([Buffer.from('FUJIFILMCCD-RAW 0201'), Buffer.alloc(5000)]);
  await expect(draw('b.raf', raf)).rejects.toMatchObject({ code: 'unsupported', message: /no finished picture/ });
});

test('directories that go round in circles, or out of the file, end', () => {
  const circle = tiffFile([{ entries: [[330, [8, 8, 8]]] }], []);
  circle.writeUInt32LE(8, 10 + 12); // The next directory: itself.
  const cases = [
    circle,
    Buffer.from('II*\0\xff\xff\xff\xff', 'latin1'),
    Buffer.from('MM\0*\0\0\0\x08\xff\xff', 'latin1'),
  ];
  for (const bytes of cases) {
    using file = OpenFile.open(write('c.dng', bytes));
    expect(readTiffPreviews(file).previews).toEqual([]);
  }
});

test('the smallest that is large enough is taken, else the largest', () => {
  const preview = (width: number) => ({ offset: 1, length: 1, width, height: width / 2 });
  expect(bestPreview([preview(160), preview(6000), preview(1620)], 1600)?.width).toBe(1620);
  expect(bestPreview([preview(160), preview(640)], 1600)?.width).toBe(640);
  expect(bestPreview([], 1600)).toBeUndefined();
});
