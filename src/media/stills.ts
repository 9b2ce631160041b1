/** Still pictures that sharp reads: JPEG, PNG, GIF (its first frame), WebP, AVIF, TIFF. Limits first, then one decode. */
import sharp, { type Metadata, type SharpOptions } from 'sharp';
import { matrixProfile, toSrgb } from './icc-matrix.ts';
import { damaged, Refusal, tooManyPixels } from './refusal.ts';
import { type Raw, readSmall } from './render.ts';
import { sizeUpright, type Upright, uprightOfExif } from './upright.ts';

export type Still = {
  /** At most 1600 on a side, as stored. */
  raw: Raw;
  upright: Upright;
  /** Of the original, the right way up. */
  width: number;
  height: number;
};
type Read = Still & { storedWidth: number; storedHeight: number; orientation: number | undefined };

/** What one decode may hold in memory beside what the program itself does; see `memoryBytesMax`. */
const decodeBytesMax = 96 * 1024 * 1024;
/** However little memory it needs: time. About 6 s of a Pi's for a JPEG. */
const pixelsMax = 250_000_000;
export const stillBytesMax = 512 * 1024 * 1024;

const options: SharpOptions = {
  // A picture of which part is missing is refused, not shown half grey: a backup that is damaged should be noticed.
  // What decoders merely warn of (stray bytes between segments, as some phones write) is let pass.
  failOn: 'error',
  sequentialRead: true,
  limitInputPixels: pixelsMax,
  unlimited: false,
  pages: 1,
};

/** @throws {Refusal} `damaged`, `too-large`, `unsupported`. */
export async function readStill(source: string | Buffer): Promise<Read> {
  try {
    const metadata = await sharp(source, { ...options, limitInputPixels: false }).metadata();
    const { width, height } = metadata;
    refuseLarge(metadata);
    const upright = metadata.format === 'heif' ? uprightOfExif(1) : uprightOfExif(metadata.orientation);
    const profile = isPlainRgb(metadata) && metadata.icc ? matrixProfile(metadata.icc) : undefined;
    const raw = await readSmall(sharp(source, { ...options, ignoreIcc: profile !== undefined }));
    if (profile) toSrgb(raw, profile);
    const { orientation } = metadata;
    return { raw, upright, ...sizeUpright(upright, metadata), storedWidth: width, storedHeight: height, orientation };
  } catch (error) {
    throw refusalOf(error);
  }
}

function isPlainRgb({ space, depth, channels }: Metadata): boolean {
  return space === 'srgb' && depth === 'uchar' && (channels === 3 || channels === 4);
}

/** libvips tells in words only; each of these is a picture that is not whole, or not one at all. */
function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : damaged(error);
}

function refuseLarge(metadata: Metadata): void {
  const { width, height } = metadata;
  if (!(width > 0 && height > 0)) throw damaged();
  const pixels = width * height;
  const most = Math.min(pixelsMax, Math.floor(decodeBytesMax / bytesPerPixel(metadata)));
  if (pixels > most) throw tooManyPixels(pixels, most);
}

/** What its decoder keeps of the whole picture, measured or, where that tells nothing, counted. */
function bytesPerPixel(metadata: Metadata): number {
  const { format, channels, depth } = metadata;
  const sampleBytes = depth === 'uchar' || depth === 'char' ? 1 : depth === 'ushort' || depth === 'short' ? 2 : 4;
  if (format === 'jpeg') {
    if (metadata.isProgressive !== true) return 0.1;
    // All coefficients, two bytes each.
    return (
      2 *
      (metadata.chromaSubsampling?.startsWith('4:2:0')
        ? 1.5
        : metadata.chromaSubsampling?.startsWith('4:2:2')
          ? 2
          : channels)
    );
  }
  if (format === 'png') return metadata.isProgressive === true ? channels * sampleBytes : 0.1;
  if (format === 'tiff') return 0.4;
  if (format === 'webp') return 4;
  if (format === 'gif') return 8;
  return 20 * sampleBytes; // AVIF: its planes, those it is predicted from, and the picture itself
}
