import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cutCopy,
  difference,
  hasTool,
  quartered,
  quarteredPixels,
  quarteredVideo,
  quarters,
  quartersOf,
  tool,
} from '../../test/support/made-media.ts';
import { type Decoded, decode } from './decode.ts';
import { type Nclx, readTiledPicture } from './heif-boxes.ts';
import { drawTiles } from './heif-tiles.ts';
import { OpenFile } from './open-file.ts';
import { pictureBytesMax } from './protocol.ts';
import { Refusal } from './refusal.ts';
import { runTool } from './tool.ts';

const [ffmpeg, heifEnc, heifConvert] = await Promise.all(['ffmpeg', 'heif-enc', 'heif-convert'].map(hasTool));
const [red, green, blue, white] = quarters;
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-decode-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const made = (name: string) => join(dir, name);

async function draw(file: string, kind: 'photo' | 'video' = 'photo'): Promise<Decoded> {
  const context = { signal: AbortSignal.timeout(60_000), known: { motion: null } };
  return await decode({ id: 1, file, kind, name: basename(file) }, context);
}

async function refusal(file: string, kind: 'photo' | 'video' = 'photo'): Promise<Pick<Refusal, 'code' | 'message'>> {
  return await draw(file, kind).then(
    () => ({ code: 'damaged' as const, message: 'none: it was drawn' }),
    (error) => {
      if (error instanceof Refusal) return { code: error.code, message: error.message };
      throw error;
    },
  );
}

/** Both pictures look as they should, within what lossy codecs do to plain colours. */
async function expectQuarters(drawn: Decoded, colours = quarters, within = 12): Promise<void> {
  expect(difference(await quartersOf(drawn.preview), colours)).toBeLessThanOrEqual(within);
  expect(difference(await quartersOf(drawn.grid), colours)).toBeLessThanOrEqual(within);
}

describe('still pictures', () => {
  test.each([
    ['a.jpg', () => quartered(2000).jpeg({ quality: 95 })],
    ['progressive.jpg', () => quartered(2000).jpeg({ quality: 95, progressive: true })],
    ['a.png', () => quartered(2000).png()],
    ['interlaced.png', () => quartered(2000).png({ progressive: true })],
    ['palette.png', () => quartered(2000).png({ palette: true })],
    ['deep.png', () => quartered(2000).toColourspace('rgb16').png()],
    ['a.gif', () => quartered(2000).gif()],
    ['a.webp', () => quartered(2000).webp({ quality: 95 })],
    ['lossless.webp', () => quartered(2000).webp({ lossless: true })],
    ['a.avif', () => quartered(2000).avif({ effort: 0 })],
    ['a.tif', () => quartered(2000).tiff({ compression: 'lzw' })],
    ['deep.tif', () => quartered(2000).toColourspace('rgb16').tiff()],
    ['a.heic', () => quartered(2000).jpeg()], // a name that lies
  ] as const)('%s', async (name, make) => {
    await make().toFile(made(name));
    const drawn = await draw(made(name));
    expect(drawn).toMatchObject({ width: 2000, height: 1000, durationMs: null, motion: null });
    expect(await sharp(drawn.preview).metadata()).toMatchObject({ width: 1600, height: 800, format: 'webp' });
    expect(await sharp(drawn.grid).metadata()).toMatchObject({ width: 320, height: 160, format: 'webp' });
    await expectQuarters(drawn);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('turned and mirrored as EXIF orientation %i says', async (orientation) => {
    const file = made(`orientation-${orientation}.jpg`);
    await quartered(2000).jpeg({ quality: 95 }).withMetadata({ orientation }).toFile(file);
    const drawn = await draw(file);
    // EXIF 3.0, 4.6.5.1.11: where the stored first row and column belong.
    const shown = {
      1: [red, green, blue, white],
      2: [green, red, white, blue],
      3: [white, blue, green, red],
      4: [blue, white, red, green],
      5: [red, blue, green, white],
      6: [blue, red, white, green],
      7: [white, green, blue, red],
      8: [green, white, red, blue],
    }[orientation];
    expect(difference(await quartersOf(drawn.preview), shown ?? [])).toBeLessThanOrEqual(12);
    expect([drawn.width, drawn.height]).toEqual(orientation < 5 ? [2000, 1000] : [1000, 2000]);
  });

  test('is never enlarged, and may be one pixel', async () => {
    await quartered(2).png().toFile(made('tiny.png'));
    const drawn = await draw(made('tiny.png'));
    expect(await sharp(drawn.preview).metadata()).toMatchObject({ width: 2, height: 1 });
    await sharp({ create: { width: 4000, height: 1, channels: 3, background: '#123456' } })
      .png()
      .toFile(made('line.png'));
    expect(await draw(made('line.png'))).toMatchObject({ width: 4000, height: 1 });
  });

  test('wide colours become sRGB', async () => {
    const colours = [red, green, [60, 80, 150], white] as const;
    const file = made('p3.jpg');
    const jpeg = { quality: 97, chromaSubsampling: '4:4:4' };
    await quartered(2000, colours).withIccProfile('p3').jpeg(jpeg).toFile(file);
    // Stored as other numbers than they are in sRGB: shown as they are, they would be wrong.
    const stored = await sharp(file, { ignoreIcc: true }).png().toBuffer();
    expect(difference(await quartersOf(stored), colours)).toBeGreaterThan(12);
    await expectQuarters(await draw(file), colours, 8);
  });

  test('printing colours become sRGB', async () => {
    const file = made('cmyk.jpg');
    await quartered(2000).toColourspace('cmyk').withIccProfile('cmyk').jpeg({ quality: 97 }).toFile(file);
    // Inks cannot be all of these colours; taken the wrong way round they would be off by 200.
    await expectQuarters(await draw(file), quarters, 90);
  });

  test('grey stays grey, and what is see-through stays so', async () => {
    await quartered(400).greyscale().toColourspace('b-w').png().toFile(made('grey.png'));
    const [first = [0, 0, 0]] = await quartersOf((await draw(made('grey.png'))).preview);
    expect(Math.max(...first) - Math.min(...first)).toBeLessThanOrEqual(4);
    await quartered(400).ensureAlpha(0.5).png().toFile(made('alpha.png'));
    const { preview, thumbhash } = await draw(made('alpha.png'));
    expect(await sharp(preview).metadata()).toMatchObject({ hasAlpha: true });
    expect(thumbhash).not.toBeNull();
  });

  test('of a moving GIF, the first picture', async () => {
    const other = quarteredPixels(400, [white, white, white, white]);
    const frames = Buffer.concat([quarteredPixels(400), other]);
    await sharp(frames, { raw: { width: 400, height: 400, channels: 3, pageHeight: 200 } })
      .gif({ delay: [50, 50] })
      .toFile(made('moving.gif'));
    const drawn = await draw(made('moving.gif'));
    expect(drawn).toMatchObject({ width: 400, height: 200 });
    await expectQuarters(drawn, quarters, 20);
  });

  test('noise at its largest fits what the daemon takes', async () => {
    const pixels = Buffer.alloc(1600 * 1600 * 3);
    for (let at = 0, seed = 1; at < pixels.length; at++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      pixels[at] = seed >>> 24;
    }
    await sharp(pixels, { raw: { width: 1600, height: 1600, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toFile(made('noise.png'));
    expect((await draw(made('noise.png'))).preview.length).toBeLessThan(pictureBytesMax / 2);
  });
});

describe('HEIF', () => {
  test.skipIf(!heifEnc || !ffmpeg)('8 bits and 10 bits', async () => {
    await quartered(2000).png().toFile(made('source.png'));
    for (const [name, args] of [
      ['one.heic', ['-q', '80', '-p', 'x265:preset=ultrafast']],
      ['deep.heic', ['-q', '80', '-b', '10', '-p', 'x265:preset=ultrafast']],
    ] as const) {
      await tool('heif-enc', [...args, '-o', made(name), made('source.png')]);
      const drawn = await draw(made(name));
      expect(drawn).toMatchObject({ width: 2000, height: 1000 });
      expect(await sharp(drawn.preview).metadata()).toMatchObject({ width: 1600, height: 800 });
      await expectQuarters(drawn);
    }
  });

  test.skipIf(!heifEnc || !heifConvert)('what ffmpeg cannot draw goes to heif-convert', async () => {
    // A crop (clap) in the properties: heif-enc makes one of odd sizes.
    await quartered(1002).resize(1001, 501, { fit: 'fill', kernel: 'nearest' }).png().toFile(made('odd.png'));
    await tool('heif-enc', ['-q', '80', '-p', 'x265:preset=ultrafast', '-o', made('odd.heic'), made('odd.png')]);
    const drawn = await draw(made('odd.heic'));
    expect(drawn).toMatchObject({ width: 1001, height: 501 });
    await expectQuarters(drawn);
  });

  test.skipIf(!heifEnc || !ffmpeg)(
    'range and matrix are those that the file names; a high range becomes an ordinary one',
    async () => {
      await quartered(640).png().toFile(made('ranged.png'));
      await tool('heif-enc', ['-q', '90', '-b', '10', '-o', made('ranged.heic'), made('ranged.png')]);
      using file = OpenFile.open(made('ranged.heic'));
      const picture = readTiledPicture(file);
      if (!picture) throw new Error('heif-enc made something else.');
      const shown = async (nclx: Nclx | null) => {
        const limits = { signal: AbortSignal.timeout(60_000), timeoutMs: 60_000 };
        const { data, width, height } = await drawTiles(file, { ...picture, nclx }, 1600, limits);
        return await quartersOf(
          await sharp(data, { raw: { width, height, channels: 3 } })
            .png()
            .toBuffer(),
        );
      };
      const plain = { primaries: 1, transfer: 13, matrix: 6, fullRange: true };
      expect(difference(await shown(plain), quarters)).toBeLessThanOrEqual(12);
      expect(difference(await shown({ ...plain, matrix: 1 }), quarters)).toBeGreaterThan(12);
      expect(difference(await shown({ ...plain, fullRange: false }), quarters)).toBeGreaterThan(12);
      // The same numbers in PQ mean a hundred times the light of paper: all that is light becomes white.
      const [r = [0, 0, 0], , , w = [0, 0, 0]] = await shown({ ...plain, primaries: 9, transfer: 16, matrix: 9 });
      expect(Math.min(...w)).toBeGreaterThan(250);
      expect(r[0]).toBeGreaterThan(2 * r[1]);
    },
  );

  test.skipIf(!heifEnc)('without ffmpeg and heif-convert, small ones are drawn by libheif itself', async () => {
    await quartered(640).png().toFile(made('small.png'));
    await tool('heif-enc', ['-q', '80', '-o', made('small.heic'), made('small.png')]);
    const program = new URL('./heif-wasm-main.ts', import.meta.url).pathname;
    const limits = { signal: AbortSignal.timeout(60_000), timeoutMs: 60_000, outputBytesMax: 640 * 320 * 4 + 8 };
    const { status, output } = await runTool(process.execPath, [program, made('small.heic'), '4000000'], limits);
    expect({ status, bytes: output.length }).toEqual({ status: 0, bytes: 640 * 320 * 4 + 8 });
    expect([output.readUInt32LE(0), output.readUInt32LE(4)]).toEqual([640, 320]);
    const picture = sharp(output.subarray(8), { raw: { width: 640, height: 320, channels: 4 } });
    expect(difference(await quartersOf(await picture.png().toBuffer()), quarters)).toBeLessThanOrEqual(12);
    const larger = await runTool(process.execPath, [program, made('small.heic'), '1000'], limits);
    expect(larger).toMatchObject({ status: 3, output: Buffer.alloc(0) });
  });

  test.skipIf(!ffmpeg)('a large AVIF is drawn without libaom', async () => {
    await quartered(3200).avif({ effort: 0, quality: 70, chromaSubsampling: '4:2:0' }).toFile(made('large.avif'));
    const drawn = await draw(made('large.avif'));
    expect(drawn).toMatchObject({ width: 3200, height: 1600 });
    await expectQuarters(drawn);
  });
});

describe.skipIf(!ffmpeg)('videos', () => {
  test.each(['a.bmp', 'a.jxl'])('and still pictures that ffmpeg alone reads: %s', async (name) => {
    await quartered(2000).png().toFile(made('still.png'));
    const written = await tool('ffmpeg', ['-v', 'error', '-y', '-i', made('still.png'), made(name)]).catch(
      () => undefined,
    );
    if (written === undefined) return; // An ffmpeg without this format.
    const drawn = await draw(made(name));
    expect(drawn).toMatchObject({ width: 2000, height: 1000, durationMs: null });
    await expectQuarters(drawn);
  });

  test('a poster, its size and how long it lasts', async () => {
    const drawn = await draw(await quarteredVideo(dir, 'a.mp4'), 'video');
    expect(drawn).toMatchObject({ width: 320, height: 160, durationMs: 2000, motion: null });
    await expectQuarters(drawn);
  });

  // ISO/IEC 14496-12, 8.3.2: a, b, c, d of the track's matrix; (1, 0) goes to (a, b).
  test.each([
    ['a quarter with the clock', [0, 1, -1, 0], [blue, red, white, green]],
    ['a half', [-1, 0, 0, -1], [white, blue, green, red]],
    ['a quarter against the clock', [0, -1, 1, 0], [green, white, red, blue]],
  ] as const)('upright when it is to be turned by %s', async (_, [a, b, c, d], shown) => {
    const file = await quarteredVideo(dir, 'turned.mp4');
    const bytes = readFileSync(file);
    const matrixAt = bytes.indexOf('tkhd', 0, 'latin1') + 4 + 40;
    for (const [index, value] of [a, b, 0, c, d].entries()) bytes.writeInt32BE(value * 65_536, matrixAt + index * 4);
    writeFileSync(file, bytes);
    const drawn = await draw(file, 'video');
    expect([drawn.width, drawn.height]).toEqual(a === 0 ? [160, 320] : [320, 160]);
    expect(difference(await quartersOf(drawn.preview), shown)).toBeLessThanOrEqual(14);
  });

  test('10 bits with high dynamic range', async () => {
    const hdr = [
      '-vf',
      'zscale=t=smpte2084:p=bt2020:m=bt2020nc:r=limited:npl=200,format=yuv420p10le',
      '-c:v',
      'libx265',
    ];
    const tags = [
      '-x265-params',
      'log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc',
      '-tag:v',
      'hvc1',
    ];
    const plain = await quarteredVideo(dir, 'sdr.mp4', [], 1);
    const made_ = await tool('ffmpeg', ['-v', 'error', '-y', '-i', plain, ...hdr, ...tags, made('hdr.mp4')]).catch(
      () => undefined,
    );
    if (made_ === undefined) return; // An ffmpeg without zscale or x265.
    const drawn = await draw(made('hdr.mp4'), 'video');
    // Not the same light, but the same colours: red is mostly red, and so on.
    const [r, g, b, w] = await quartersOf(drawn.preview);
    expect(r?.[0]).toBeGreaterThan(Math.max(r?.[1] ?? 0, r?.[2] ?? 0) * 1.5);
    expect(g?.[1]).toBeGreaterThan(Math.max(g?.[0] ?? 0, g?.[2] ?? 0) * 1.5);
    expect(b?.[2]).toBeGreaterThan(Math.max(b?.[0] ?? 0, b?.[1] ?? 0) * 1.5);
    expect(Math.min(...(w ?? [0]))).toBeGreaterThan(120);
  });

  test('without a moving picture: why not', async () => {
    const sound = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'sine', '-t', '1', '-c:a', 'aac', made('sound.m4v')];
    await tool('ffmpeg', sound);
    expect(await refusal(made('sound.m4v'), 'video')).toMatchObject({ code: 'unsupported' });
    writeFileSync(made('list.mp4'), '#EXTM3U\n#EXTINF:1,\n/etc/passwd\n');
    expect(await refusal(made('list.mp4'), 'video')).toMatchObject({ code: 'unsupported' });
    const cut = await cutCopy(await quarteredVideo(dir, 'whole.mp4'), made('cut.mp4'), 3000);
    expect(await refusal(cut, 'video')).toMatchObject({ code: 'damaged' });
  });

  test('a video that is named as a picture is drawn as what it is', async () => {
    const video = await quarteredVideo(dir, 'b.mp4');
    writeFileSync(made('b.jpg'), readFileSync(video));
    expect(await draw(made('b.jpg'))).toMatchObject({ durationMs: 2000 });
  });
});

describe('what is refused', () => {
  test.each(['a.jpg', 'a.png', 'a.gif', 'a.webp', 'a.avif', 'a.tif'])('%s cut in half', async (name) => {
    const whole = made(`whole-${name}`);
    const noisy = {
      create: {
        width: 600,
        height: 400,
        channels: 3,
        background: '#000',
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
      },
    } as const;
    await sharp(noisy).toFile(whole);
    const half = await cutCopy(whole, made(`half-${name}`), Math.floor(readFileSync(whole).length / 2));
    const { code, message } = await refusal(half);
    expect({ code, message }).toEqual({ code: 'damaged', message: expect.stringMatching(/damaged or cut short/) });
  });

  test('bombs, by what their headers say', async () => {
    const gif = await quartered(20).gif().toBuffer();
    for (const at of [6, 8, gif.indexOf('2c00000000', 'hex') + 5, gif.indexOf('2c00000000', 'hex') + 7]) {
      gif.writeUInt16LE(60_000, at);
    }
    for (const bomb of [pngHead(60_000, 60_000), gif]) {
      writeFileSync(made('bomb'), bomb);
      expect(await refusal(made('bomb'))).toEqual({ code: 'too-large', message: expect.stringMatching(/megapixels/) });
    }
  });

  test('a real bomb: 300 megapixels in a small file', async () => {
    await sharp({ create: { width: 20_000, height: 15_000, channels: 3, background: '#000' }, limitInputPixels: false })
      .png({ compressionLevel: 9 })
      .toFile(made('real.png'));
    expect(await refusal(made('real.png'))).toEqual({
      code: 'too-large',
      message: expect.stringMatching(/300 megapixels/),
    });
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(5000)],
    ['text', Buffer.from('Dear diary, today I took no picture.')],
    [
      'svg',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/passwd"/></svg>'),
    ],
    ['pdf', Buffer.from('%PDF-1.4\n%%EOF')],
  ])('a file of %s', async (name, bytes) => {
    writeFileSync(made(`${name}.jpg`), bytes);
    expect((await refusal(made(`${name}.jpg`))).code).toBe('unsupported');
  });
});

function pngHead(width: number, height: number): Buffer {
  const bytes = Buffer.from('89504e470d0a1a0a0000000d494844520000000000000000080200000000000000', 'hex');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return Buffer.concat([bytes, Buffer.from('0000010049444154', 'hex'), Buffer.alloc(512)]);
}

describe('a picture that was made before', () => {
  const jpegOf = (file: string, part: { offset: number; length: number }) => {
    const context = { signal: AbortSignal.timeout(60_000), known: { motion: null } };
    return decode({ id: 1, file, kind: 'jpeg', name: '', part }, context);
  };

  test('becomes a JPEG of the same size, of its own part of the file', async () => {
    const file = made('before.jpg');
    writeFileSync(file, await quartered(2000).jpeg({ quality: 95 }).toBuffer());
    const { grid, preview } = await draw(file);
    const both = made('before.both');
    writeFileSync(both, Buffer.concat([grid, preview]));
    for (const [part, pixels] of [
      [{ offset: 0, length: grid.length }, 320],
      [{ offset: grid.length, length: preview.length }, 1600],
    ] as const) {
      const drawn = await jpegOf(both, part);
      expect(drawn.preview.subarray(0, 3).toString('hex')).toBe('ffd8ff');
      expect([drawn.grid.length, Math.max(drawn.width, drawn.height)]).toEqual([0, pixels]);
      expect(difference(await quartersOf(drawn.preview), quarters)).toBeLessThanOrEqual(12);
    }
    for (const part of [
      { offset: 0, length: grid.length + preview.length + 1 },
      { offset: 1, length: grid.length },
      { offset: -1, length: 20 },
      { offset: 0, length: 2 ** 40 },
    ]) {
      await expect(jpegOf(both, part)).rejects.toMatchObject({ code: 'damaged' });
    }
  });
});
