/**
 * Draws the tiles of a HEIF or AVIF file with one ffmpeg: the tiles go in as a stream, frame by frame, the whole picture
 * comes out, already small: all of it is never held in colours. Twice as many pictures per CPU second as decoding a HEIC
 * to a JPEG first; and a 12-megapixel AVIF takes 216 MB in libheif with libaom (measured).
 */
import type { Nclx, TiledPicture } from './heif-boxes.ts';
import type { OpenFile } from './open-file.ts';
import { damaged } from './refusal.ts';
import type { ToolLimits } from './tool.ts';
import { runTool } from './tool.ts';
import { asStored, fitInside, mirroredOn, turnedOn, type Upright } from './upright.ts';
import { toneMapping } from './video.ts';

const startCode = Buffer.from([0, 0, 0, 1]);
const temporalDelimiter = Buffer.from([0x12, 0]);
const tileBytesMax = 64 * 1024 * 1024;

export type Pixels = { data: Buffer; width: number; height: number };

/**
 * RGB, 8 bits, at most `pixelsMax` on the longer side, not yet upright.
 * @throws {Refusal} `damaged` when ffmpeg makes nothing whole of it; `tool-missing`.
 */
export async function drawTiles(
  file: OpenFile,
  picture: TiledPicture,
  pixelsMax: number,
  limits: Pick<ToolLimits, 'signal' | 'timeoutMs'>,
): Promise<Pixels> {
  const { width, height } = fitInside(picture, pixelsMax);
  const bytes = width * height * 3;
  const { nclx } = picture;
  const hevc = picture.codec === 'hevc';
  const filters = [
    `crop=${picture.tileWidth}:${picture.tileHeight}:0:0`,
    ...(picture.tiles.length === 1 ? [] : [`tile=${picture.columns}x${picture.rows}`]),
    `crop=${picture.width}:${picture.height}:0:0:exact=1`,
    isHighRange(nclx)
      ? `${highRange(nclx)},${toneMapping({ width, height })},scale`
      : `scale=${width}:${height}:flags=bicubic${colourOptions(nclx)}`,
  ];
  const args = [
    ...['-v', 'error', '-threads', '1', '-f', hevc ? 'hevc' : 'obu', '-i', 'pipe:0', '-filter_threads', '1'],
    ...['-vf', filters.join(','), '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'],
  ];
  const input = streamOf(file, picture);
  const { status, output, errors } = await runTool('ffmpeg', args, { ...limits, outputBytesMax: bytes, input });
  if (status !== 0 || output.length !== bytes || errors !== '') throw damaged(new Error(errors));
  return { data: output, width, height };
}

/** What ffmpeg holds of the whole picture: its planes, as wide as their samples. */
export function planeBytes(picture: TiledPicture): number {
  const { codec, config } = picture;
  const pixels = picture.tileWidth * picture.tileHeight * picture.tiles.length;
  if (config.length < (codec === 'hevc' ? 23 : 4)) throw damaged();
  // ISO/IEC 14496-15, 8.3.3.1, and AV1 Codec ISO Media File Format Binding, 2.3.3.
  const flags = codec === 'hevc' ? config.readUInt8(16) & 3 : config.readUInt8(2);
  const deep = codec === 'hevc' ? (config.readUInt8(17) & 7) > 0 : (flags & 0x40) !== 0;
  const planes = codec === 'hevc' ? ([1, 1.5, 2, 3][flags] ?? 3) : av1Planes(flags);
  return pixels * planes * (deep ? 2 : 1);
}

function av1Planes(flags: number): number {
  if ((flags & 0x10) !== 0) return 1;
  if ((flags & 0x08) === 0) return 3;
  return (flags & 0x04) === 0 ? 2 : 1.5;
}

/** PQ or HLG: ISO/IEC 23091-2, 16 and 18. */
export function isHighRange(nclx: Nclx | null): nclx is Nclx {
  return nclx?.transfer === 16 || nclx?.transfer === 18;
}

/** What the frames are said to be; ffmpeg's names. */
function highRange(nclx: Nclx): string {
  const transfer = nclx.transfer === 16 ? 'smpte2084' : 'arib-std-b67';
  const primaries = nclx.primaries === 12 ? 'smpte432' : nclx.primaries === 1 ? 'bt709' : 'bt2020';
  const matrix = nclx.matrix === 1 ? 'bt709' : nclx.matrix === 6 ? 'smpte170m' : 'bt2020nc';
  const range = nclx.fullRange ? 'pc' : 'tv';
  return `setparams=range=${range}:color_trc=${transfer}:color_primaries=${primaries}:colorspace=${matrix}`;
}

/** Without `colr`, the stream's own words hold, and where it has none, ITU-R BT.601: ffmpeg's default and libheif's. */
function colourOptions(nclx: Nclx | null): string {
  if (!nclx) return '';
  const matrix = new Map([
    [1, 'bt709'],
    [5, 'bt601'],
    [6, 'bt601'],
    [7, 'smpte240m'],
    [9, 'bt2020'],
  ]).get(nclx.matrix);
  const range = nclx.fullRange ? 'full' : 'limited';
  return `:in_range=${range}${matrix === undefined ? '' : `:in_color_matrix=${matrix}`}`;
}

/**
 * HEVC: parameter sets, then each tile's units, which follow their lengths in the file and a start code in the stream
 * (ITU-T H.265, Annex B). AV1: each tile's units behind a temporal delimiter (AV1 specification, 5.6).
 */
function* streamOf(file: OpenFile, picture: TiledPicture): Generator<Buffer> {
  const { config } = picture;
  try {
    const hevc = picture.codec === 'hevc';
    if (hevc) yield parameterSets(config);
    const lengthBytes = hevc ? (config.readUInt8(21) & 3) + 1 : 0;
    for (const extents of picture.tiles) {
      const length = extents.reduce((sum, extent) => sum + extent.length, 0);
      if (length > tileBytesMax) throw damaged();
      const bytes = Buffer.concat(extents.map((extent) => file.read(extent.offset, extent.length)));
      if (bytes.length !== length) throw damaged();
      yield hevc ? units(bytes, lengthBytes) : delimited(bytes);
    }
  } catch (error) {
    throw error instanceof RangeError ? damaged(error) : error;
  }
}

function units(bytes: Buffer, lengthBytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at + lengthBytes <= bytes.length; ) {
    const length = bytes.readUIntBE(at, lengthBytes);
    at += lengthBytes;
    if (length === 0 || at + length > bytes.length) throw damaged();
    pieces.push(startCode, bytes.subarray(at, at + length));
    at += length;
  }
  return Buffer.concat(pieces);
}

/** Some items bring their own. */
function delimited(bytes: Buffer): Buffer {
  return bytes[0] === temporalDelimiter[0] ? bytes : Buffer.concat([temporalDelimiter, bytes]);
}

/** ISO/IEC 14496-15, 8.3.3.1. */
function parameterSets(hvcC: Buffer): Buffer {
  const pieces: Buffer[] = [];
  let at = 23;
  for (let array = hvcC.readUInt8(22); array > 0; array--) {
    const count = hvcC.readUInt16BE(at + 1);
    at += 3;
    for (let unit = 0; unit < count; unit++) {
      const length = hvcC.readUInt16BE(at);
      if (at + 2 + length > hvcC.length) throw damaged();
      pieces.push(startCode, hvcC.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
  }
  return Buffer.concat(pieces);
}

/** What the file's transforms come to. */
export function uprightOfHeif(picture: TiledPicture): Upright {
  let upright = asStored;
  for (const transform of picture.transforms) {
    if ('turn' in transform) upright = turnedOn(upright, -transform.turn);
    if ('mirror' in transform) upright = mirroredOn(upright, transform.mirror);
  }
  return upright;
}
