/**
 * Pictures and videos made on the spot, whose right look is known: four quarters (red, green / blue, white) on a
 * 2:1 picture, so that every turn, mirroring and exchange of channels shows.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp, { type Sharp } from 'sharp';

const run = promisify(execFile);

export type Rgb = readonly [number, number, number];
export const quarters: readonly [Rgb, Rgb, Rgb, Rgb] = [
  [200, 30, 40],
  [40, 160, 60],
  [30, 60, 190],
  [240, 240, 240],
];

/** `width` must be even, and the picture is half as high. */
export function quarteredPixels(width: number, colours: readonly Rgb[] = quarters): Buffer {
  const height = width / 2;
  const pixels = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colours[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)] ?? [0, 0, 0];
      pixels.set(colour, (y * width + x) * 3);
    }
  }
  return pixels;
}

export function quartered(width = 640, colours?: readonly Rgb[]): Sharp {
  return sharp(quarteredPixels(width, colours), { raw: { width, height: width / 2, channels: 3 } });
}

/** The four quarters' colours, from their middles: first row, second row. */
export async function quartersOf(picture: Buffer): Promise<Rgb[]> {
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return [0.25, 0.75].flatMap((y) =>
    [0.25, 0.75].map((x): Rgb => {
      const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * info.channels;
      return [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0];
    }),
  );
}

/** The largest difference of any channel of any quarter. */
export function difference(some: readonly Rgb[], others: readonly Rgb[]): number {
  return Math.max(
    ...some.flatMap((rgb, index) => rgb.map((value, channel) => Math.abs(value - (others[index]?.[channel] ?? 999)))),
  );
}

/** What it wrote. @throws when it failed. */
export async function tool(program: string, args: readonly string[]): Promise<string> {
  return (await run(program, [...args], { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

export async function hasTool(program: string): Promise<boolean> {
  return await run('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}

/** One MP4 of a second or more, from the quartered picture. `args` go before the output. */
export async function quarteredVideo(
  dir: string,
  name: string,
  args: readonly string[] = [],
  seconds = 2,
): Promise<string> {
  const still = join(dir, `${name}.png`);
  await quartered(320).png().toFile(still);
  const path = join(dir, name);
  const input = ['-v', 'error', '-y', '-loop', '1', '-framerate', '10', '-i', still, '-t', String(seconds)];
  const colours = ['-vf', 'scale=out_color_matrix=bt709:out_range=limited,format=yuv420p'];
  const tags = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'];
  await tool('ffmpeg', [...input, ...colours, '-c:v', 'libx264', '-preset', 'ultrafast', ...tags, ...args, path]);
  return path;
}

/** XMP in a JPEG's APP1 segment, right after its start. */
export function withXmp(jpeg: Buffer, inner: string): Buffer {
  const xmp =
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    `${inner}</rdf:RDF></x:xmpmeta>`;
  const body = Buffer.from(`http://ns.adobe.com/xap/1.0/\0${xmp}`, 'latin1');
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

/** What Samsung's phones put behind a picture; the layout is described in src/media/motion.ts. */
export function samsungTrailer(blocks: ReadonlyArray<{ name: string; content: Buffer }>): Buffer {
  const pieces = blocks.map(({ name, content }) => {
    const head = Buffer.from(`\0\0\x30\x0a\0\0\0\0${name}`, 'latin1');
    head.writeUInt32LE(name.length, 4);
    return Buffer.concat([head, content]);
  });
  const table = Buffer.alloc(12 + pieces.length * 12 + 8);
  table.write('SEFH', 'latin1');
  table.writeUInt32LE(107, 4);
  table.writeUInt32LE(pieces.length, 8);
  for (const [index, piece] of pieces.entries()) {
    const back = pieces.slice(index).reduce((sum, { length }) => sum + length, 0);
    table.writeUInt16LE(0x0a30, 12 + index * 12 + 2);
    table.writeUInt32LE(back, 12 + index * 12 + 4);
    table.writeUInt32LE(piece.length, 12 + index * 12 + 8);
  }
  table.writeUInt32LE(table.length - 8, table.length - 8);
  table.write('SEFT', table.length - 4, 'latin1');
  return Buffer.concat([...pieces, table]);
}

/** A box of ISO/IEC 14496-12. */
export function isoBox(type: string, ...body: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.reduce((sum, { length }) => sum + length, 0), 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...body]);
}

/** The first `bytes` bytes of `source`, as `target`. */
export async function cutCopy(source: string, target: string, bytes: number): Promise<string> {
  await writeFile(target, (await readFile(source)).subarray(0, bytes));
  return target;
}
