/**
 * HEIF pictures that sharp cannot read (HEVC inside). Tried in this order: ffmpeg over the tiles, which is quick and
 * needs little memory; `heif-convert` (`heif-dec` in newer systems) for what is not a plain grid; libheif in WebAssembly
 * where neither is installed.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { readTiledPicture, type TiledPicture } from './heif-boxes.ts';
import { drawTiles, isHighRange, planeBytes, uprightOfHeif } from './heif-tiles.ts';
import { displayP3, matrixProfile, toSrgb } from './icc-matrix.ts';
import type { OpenFile } from './open-file.ts';
import { previewPixels, workerProgram } from './protocol.ts';
import { damaged, Refusal, tooManyPixels, unsupported } from './refusal.ts';
import { type Raw, readSmall } from './render.ts';
import { rgbTiff } from './rgb-tiff.ts';
import { readStill, type Still } from './stills.ts';
import { temporaryFolder } from './temporary.ts';
import { runTool, type ToolLimits } from './tool.ts';
import { asStored, sizeUpright } from './upright.ts';

type Limits = Pick<ToolLimits, 'signal' | 'timeoutMs'>;

/** Within it, sharp also gives what is see-through. */
const sharpAvifPixelsMax = 4_000_000;
/** 40 megapixels of what phones write: 4:2:0, 8 bits. */
const tiledBytesMax = 60_000_000;
/** These also hold the whole picture in colours. */
const convertPixelsMax = 12_500_000;
const wasmPixelsMax = 4_000_000;
const outputsMax = 64;

/** AVIF that sharp itself would need too much memory for. @throws {Refusal} */
export async function readLargeAvif(file: OpenFile, limits: Limits): Promise<Still | undefined> {
  const picture = readTiledPicture(file);
  if (picture?.codec !== 'av1' || picture.width * picture.height <= sharpAvifPixelsMax) return undefined;
  return await byTiles(file, limits);
}

/** @throws {Refusal} */
export async function readHeif(file: OpenFile, limits: Limits): Promise<Still> {
  const tiles = await tried(byTiles(file, limits));
  if (!(tiles instanceof Refusal)) return tiles;
  const converter = await tried(byConverter(file, limits));
  if (!(converter instanceof Refusal)) return converter;
  if (converter.code === 'tool-missing') {
    const library = await tried(byLibrary(file, limits));
    if (!(library instanceof Refusal)) return library;
  }
  // What is wrong with the picture tells more than which program is missing.
  if (tiles.code === 'damaged' || tiles.code === 'too-large') throw tiles;
  throw tiles.code === 'unsupported' && converter.code === 'damaged' ? tiles : converter;
}

/** The refusal, when another way may do better. */
async function tried(way: Promise<Still>): Promise<Still | Refusal> {
  try {
    return await way;
  } catch (error) {
    if (error instanceof Refusal && error.code !== 'too-slow' && error.code !== 'unreadable') return error;
    throw error;
  }
}

async function byTiles(file: OpenFile, limits: Limits): Promise<Still> {
  const picture = readTiledPicture(file);
  if (!picture || picture.transforms.some((transform) => 'crop' in transform)) {
    throw unsupported('this kind of HEIF picture');
  }
  const pixels = picture.width * picture.height;
  const bytes = planeBytes(picture);
  if (bytes > tiledBytesMax) throw tooManyPixels(pixels, (pixels / bytes) * tiledBytesMax);
  const drawn = await drawTiles(file, picture, previewPixels, limits);
  const upright = uprightOfHeif(picture);
  const raw = await inSrgb({ ...drawn, channels: 3 }, picture);
  return { raw, upright, ...sizeUpright(upright, picture) };
}

async function inSrgb(raw: Raw, { icc, nclx }: TiledPicture): Promise<Raw> {
  // What has a high range has been brought into sRGB's already.
  if (icc === null || isHighRange(nclx)) {
    if (nclx?.primaries === 12 && nclx.transfer === 13) toSrgb(raw, displayP3);
    return raw;
  }
  const profile = matrixProfile(icc);
  if (profile === undefined) return await readSmall(sharp(rgbTiff(raw.data, raw, icc), { failOn: 'none' }));
  toSrgb(raw, profile);
  return raw;
}

async function byConverter(file: OpenFile, limits: Limits): Promise<Still> {
  refuseLarger(file, convertPixelsMax);
  const folder = await temporaryFolder();
  try {
    const output = join(folder, 'o.jpg');
    const args = ['-q', '92', file.path, output];
    const run = (program: string) => runTool(program, args, { ...limits, outputBytesMax: 1024 * 1024 });
    const { status } = await run('heif-convert').catch((error) => {
      if (error instanceof Refusal && error.code === 'tool-missing') return run('heif-dec');
      throw error;
    });
    // Several pictures in one file become o-1.jpg, o-2.jpg and so on; its depth maps and the like have longer names.
    const names = (await readdir(folder)).filter((name) => /^o(-\d+)?\.jpg$/.test(name)).slice(0, outputsMax);
    const paths = names.sort((a, b) => a.length - b.length || a.localeCompare(b)).map((name) => join(folder, name));
    const path = status === 0 ? (paths[await mainAmong(file, paths, limits)] ?? (await largest(paths))) : undefined;
    if (path === undefined) throw damaged();
    // It has turned the pixels, and may leave the orientation as it was.
    const still = await readStill(path);
    return { ...still, upright: asStored, width: still.storedWidth, height: still.storedHeight };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** They are numbered as heif-info lists them. -1 when it is not there, or lists no main one. */
async function mainAmong(file: OpenFile, paths: readonly string[], limits: Limits): Promise<number> {
  if (paths.length < 2) return 0;
  const told = await runTool('heif-info', [file.path], { ...limits, outputBytesMax: 1024 * 1024 }).catch((error) => {
    if (error instanceof Refusal) return undefined;
    throw error;
  });
  const listed = (told?.output.toString('latin1') ?? '').split('\n').filter((line) => line.startsWith('image: '));
  return listed.length === paths.length ? listed.findIndex((line) => line.endsWith('primary')) : -1;
}

/** What is made of others (a grid, an overlay) is the largest; of several alike, the first. */
async function largest(paths: readonly string[]): Promise<string | undefined> {
  let found: { path: string; pixels: number } | undefined;
  for (const path of paths) {
    const { width, height } = await sharp(path).metadata();
    if (found === undefined || width * height > found.pixels) found = { path, pixels: width * height };
  }
  return found?.path;
}

/** In a process of its own: its memory would stay with the worker, and its loops would hold it. */
async function byLibrary(file: OpenFile, limits: Limits): Promise<Still> {
  refuseLarger(file, wasmPixelsMax);
  const program = fileURLToPath(new URL('./heif-wasm-main.ts', import.meta.url));
  const args = [...workerProgram.nodeArguments, program, file.path, String(wasmPixelsMax)];
  const { status, output } = await runTool(process.execPath, args, {
    ...limits,
    outputBytesMax: wasmPixelsMax * 4 + 8,
  });
  if (status !== 0 || output.length < 8) throw damaged();
  const [width, height] = [output.readUInt32LE(0), output.readUInt32LE(4)];
  const data = output.subarray(8);
  if (data.length !== width * height * 4) throw damaged();
  const raw = await readSmall(sharp(data, { raw: { width, height, channels: 4 } }));
  return { raw, upright: asStored, width, height };
}

/** By what the file says of its main picture; without that, its own length has to do. */
function refuseLarger(file: OpenFile, pixelsMax: number): void {
  const picture = readTiledPicture(file);
  const pixels = picture ? picture.width * picture.height : 0;
  if (pixels > pixelsMax) throw tooManyPixels(pixels, pixelsMax);
}
