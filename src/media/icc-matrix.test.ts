import sharp from 'sharp';
import { expect, test } from 'vitest';
import { quarteredPixels } from '../../test/support/made-media.ts';
import { displayP3, matrixProfile, toSrgb } from './icc-matrix.ts';
import type { Raw } from './render.ts';

/** All combinations of 17 values of each channel. */
const grid = Buffer.from(
  Array.from({ length: 17 ** 3 }, (_, index) => [index % 17, Math.floor(index / 17) % 17, Math.floor(index / 289)])
    .flat()
    .map((value) => Math.round((value / 16) * 255)),
);
const raw = (data: Buffer): Raw => ({ data: Buffer.from(data), width: 17, height: 289, channels: 3 });

async function profileOf(name: string): Promise<Buffer> {
  const picture = sharp(grid, { raw: { width: 17, height: 289, channels: 3 } });
  const { icc } = await sharp(await picture.withIccProfile(name).png().toBuffer()).metadata();
  if (!icc) throw new Error(`${name} was not attached.`);
  return icc;
}

test('Display P3 becomes what Little CMS makes of it', async () => {
  const icc = await profileOf('p3');
  const profile = matrixProfile(icc);
  if (!profile) throw new Error('Not read.');
  // The same numbers, said to be P3: sharp converts them when it reads them.
  const plain = sharp(grid, { raw: { width: 17, height: 289, channels: 3 } });
  const stored = await plain.withIccProfile('p3').tiff({ compression: 'none' }).toBuffer();
  const numbers = await sharp(stored, { ignoreIcc: true }).raw().toBuffer();
  const reference = await sharp(stored).toColourspace('srgb').raw().toBuffer();
  const ours = raw(numbers);
  toSrgb(ours, profile);
  const off = ours.data.map((value, at) => Math.abs(value - (reference[at] ?? 0)));
  expect(off.filter((by) => by > 3).length / off.length).toBeLessThan(0.001);
  expect(numbers.filter((value, at) => Math.abs(value - (reference[at] ?? 0)) > 3).length).toBeGreaterThan(1000);
});

test('sRGB is left alone', async () => {
  const profile = matrixProfile(await profileOf('srgb'));
  if (!profile) throw new Error('Not read.');
  const ours = raw(grid);
  toSrgb(ours, profile);
  expect(ours.data.equals(grid)).toBe(true);
});

test('what is see-through keeps how much', async () => {
  const profile = matrixProfile(await profileOf('p3'));
  if (!profile) throw new Error('Not read.');
  const data = Buffer.from([200, 30, 40, 77, 10, 240, 10, 78]);
  toSrgb({ data, width: 2, height: 1, channels: 4 }, profile);
  expect([data[3], data[7]]).toEqual([77, 78]);
  expect(data[0]).toBeGreaterThan(200);
});

test('other profiles are left to libvips, and broken ones do no harm', async () => {
  const inks = sharp(grid, { raw: { width: 17, height: 289, channels: 3 } })
    .toColourspace('cmyk')
    .withIccProfile('cmyk');
  const { icc: tables } = await sharp(await inks.jpeg().toBuffer()).metadata();
  expect(tables?.length).toBeGreaterThan(1000);
  expect(matrixProfile(tables ?? Buffer.alloc(0))).toBeUndefined();
  const icc = await profileOf('p3');
  for (let length = 0; length < icc.length; length += 7) matrixProfile(icc.subarray(0, length));
  for (let at = 0; at < icc.length; at++) {
    const mutated = Buffer.from(icc);
    mutated[at] = 255 - (mutated[at] ?? 0);
    const profile = matrixProfile(mutated);
    const pixels = quarteredPixels(4);
    if (profile) toSrgb({ data: pixels, width: 4, height: 2, channels: 3 }, profile);
    expect(pixels).toHaveLength(24);
  }
});

test('Display P3 that is only named is the same as its profile', async () => {
  const profile = matrixProfile(await profileOf('p3'));
  if (!profile) throw new Error('Not read.');
  const [named, attached] = [raw(grid), raw(grid)];
  toSrgb(named, displayP3);
  toSrgb(attached, profile);
  // The attached one's curve has a few points only.
  expect(Math.max(...named.data.map((value, at) => Math.abs(value - (attached.data[at] ?? 0))))).toBeLessThanOrEqual(6);
  expect(named.data.equals(grid)).toBe(false);
});
