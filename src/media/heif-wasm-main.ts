/**
 * A program of its own: `node heif-wasm-main.ts FILE PIXELS_MAX` writes width and height (32 bits each, little-endian)
 * and RGBA pixels of the first picture in FILE, upright, to its output. libheif in WebAssembly, for machines without
 * ffmpeg and heif-convert.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

type HeifImage = {
  get_width(): number;
  get_height(): number;
  display(image: { data: Uint8ClampedArray; width: number; height: number }, done: (result: unknown) => void): void;
};
type LibHeif = { HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[] } };

const [, , file = '', pixelsMax = '0'] = process.argv;
const libheif = createRequire(import.meta.url)('libheif-js/wasm-bundle') as LibHeif;
const [image] = new libheif.HeifDecoder().decode(readFileSync(file));
if (!image) process.exit(2);
const [width, height] = [image.get_width(), image.get_height()];
if (!(width > 0 && height > 0 && width * height <= Number(pixelsMax))) process.exit(3);
const picture = { data: new Uint8ClampedArray(width * height * 4), width, height };
image.display(picture, (result) => {
  if (!result) process.exit(2);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(width, 0);
  head.writeUInt32LE(height, 4);
  process.stdout.write(head);
  process.stdout.write(Buffer.from(picture.data.buffer));
});
