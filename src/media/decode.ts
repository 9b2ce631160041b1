/**
 * One file in, its pictures out: looks at the file's first bytes, and gives it to what can read it.
 * Never writes to the library, and never trusts a name: a video named .jpg is a video.
 */
import { readHeif, readLargeAvif } from './heif.ts';
import { findMotion } from './motion.ts';
import { OpenFile } from './open-file.ts';
import type { EmbeddedVideo, MediaJob } from './protocol.ts';
import { photoMsMax, pictureBytesMax, previewPixels, videoMsMax } from './protocol.ts';
import { bestPreview, type RawFile, readTiffPreviews, searchPreviews } from './raw-preview.ts';
import { Refusal, unsupported } from './refusal.ts';
import { type Rendered, render, renderJpeg } from './render.ts';
import { readStill, type Still, stillBytesMax } from './stills.ts';
import { asStored, sizeUpright, uprightOfExif } from './upright.ts';
import { readPoster } from './video.ts';

export type Decoded = Rendered & {
  width: number;
  height: number;
  durationMs: number | null;
  motion: EmbeddedVideo | null;
};

/** What a refusal may carry besides. */
export type Known = { motion: EmbeddedVideo | null };

/** `known` is filled in as soon as something is. @throws {Refusal}; anything else means that the worker is not well. */
export type Decode = (job: MediaJob, context: { signal: AbortSignal; known: Known }) => Promise<Decoded>;

/** Programs are stopped a little before the worker would be killed: that leaves a reason. */
const toolShare = 0.8;

export const decode: Decode = async (job, { signal, known }) => {
  using file = OpenFile.open(job.file);
  if (job.kind === 'jpeg') return { ...(await renderJpeg(madeBefore(file, job))), durationMs: null, motion: null };
  const content = contentOf(file);
  const until = performance.now() + (job.kind === 'video' ? videoMsMax : photoMsMax) * toolShare;
  const limits: Limits = {
    signal,
    /** What is left for the next program: together they have one deadline. */
    get timeoutMs() {
      return Math.max(1, until - performance.now());
    },
  };
  if (content === 'video') {
    const { raw, width, height, durationMs } = await readPoster(job.file, limits);
    return { ...(await render(raw, asStored)), width, height, durationMs, motion: null };
  }
  if (file.size > stillBytesMax) {
    throw new Refusal('too-large', 'The file is larger than any picture that this box can show. It is kept as it is.');
  }
  if (content === 'jpeg' || content === 'heif') known.motion = findMotion(file);
  const { raw, upright, width, height } = await readContent(content, file, job, limits);
  return { ...(await render(raw, upright)), width, height, durationMs: null, motion: known.motion };
};

/** A picture of this program's own making. It has read strangers' files, so its end is believed no more than theirs. */
function madeBefore(file: OpenFile, { part }: MediaJob): Buffer {
  const bytes = part === undefined || part.length > pictureBytesMax ? undefined : file.read(part.offset, part.length);
  const isWhole = bytes !== undefined && bytes.length === part?.length && bytes.toString('latin1', 8, 12) === 'WEBP';
  if (!isWhole) throw new Refusal('damaged', 'The picture that was made of this file is not whole any more.');
  return bytes;
}

type Content = 'jpeg' | 'plain' | 'heif' | 'avif' | 'tiff' | 'raw' | 'bmp_pipe' | 'jpegxl_pipe' | 'video' | 'unknown';
type Limits = { readonly signal: AbortSignal; readonly timeoutMs: number };

async function readContent(content: Content, file: OpenFile, job: MediaJob, limits: Limits): Promise<Still> {
  if (content === 'heif') return await readHeif(file, limits);
  if (content === 'tiff') return await readTiff(file, job);
  if (content === 'raw') return await readPreview(file, searchPreviews(file));
  if (content === 'avif') return (await readLargeAvif(file, limits)) ?? (await readStill(file.path));
  if (content === 'bmp_pipe' || content === 'jpegxl_pipe') {
    // ffmpeg reads these still pictures as well; sharp does not.
    return { ...(await readPoster(file.path, limits, content)), upright: asStored };
  }
  if (content === 'unknown') throw unsupported('this kind of file');
  return await readStill(file.path);
}

async function readTiff(file: OpenFile, job: MediaJob): Promise<Still> {
  const raw = readTiffPreviews(file);
  const isRaw = raw.isDng || !/\.tiff?$/i.test(job.name);
  if (!isRaw) return await readStill(file.path);
  if (raw.previews.length > 0) return await readPreview(file, raw);
  const found = searchPreviews(file);
  if (found.previews.length > 0) return await readPreview(file, { ...found, orientation: raw.orientation });
  return await readStill(file.path);
}

async function readPreview(file: OpenFile, raw: RawFile): Promise<Still> {
  const best = bestPreview(raw.previews, previewPixels);
  if (!best) throw unsupported('this raw picture: there is no finished picture in it');
  const still = await readStill(file.read(best.offset, best.length));
  // Some previews tell their own orientation, some leave it to the raw picture's.
  const upright = still.orientation === undefined ? uprightOfExif(raw.orientation) : still.upright;
  return { ...still, upright, ...sizeUpright(upright, raw) };
}

const videoBrands = /^(qt {2}|isom|iso\d|mp4\d|avc1|M4V|M4A|3g[pe2]|mmp4|MSNV|f4v|dash|XAVC|CAEP|NIKO)/;

const videoStarts = ['1a45dfa3', '000001ba', '000001b3', '3026b275'];

/** By the first bytes. */
function contentOf(file: OpenFile): Content {
  const head = file.read(0, 64);
  const text = head.toString('latin1');
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('\x89PNG\r\n\x1a\n') || text.startsWith('GIF8')) return 'plain';
  if (text.startsWith('RIFF')) return text.slice(8, 12) === 'WEBP' ? 'plain' : 'video';
  if (/^(II[*+]\0|MM\0[*+]|II(RO|RS|U\0)|MMOR)/.test(text)) return 'tiff';
  if (text.startsWith('FUJIFILM') || text.startsWith('FOVb')) return 'raw';
  if (text.startsWith('BM')) return 'bmp_pipe';
  if (text.startsWith('\xff\x0a') || text.slice(4, 8) === 'JXL ') return 'jpegxl_pipe';
  if (text.slice(4, 8) === 'ftyp') return contentOfBrands(head);
  // QuickTime before it had brands; Matroska; MPEG; ASF; MPEG-TS, plain or with times before each packet.
  if (['moov', 'mdat', 'wide', 'free', 'skip', 'pnot'].includes(text.slice(4, 8))) return 'video';
  if (videoStarts.includes(head.toString('hex', 0, 4)) || head[0] === 0x47 || head[4] === 0x47) return 'video';
  return 'unknown';
}

/** ISO/IEC 14496-12, 4.3: the main brand, a version, then those that it also meets. */
function contentOfBrands(head: Buffer): Content {
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = [head.toString('latin1', 8, 12)];
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.toString('latin1', at, at + 4));
  const [main = ''] = brands;
  if (main === 'crx ') return 'raw';
  if (main === 'msf1' || main === 'hevc' || main === 'hevx') return brands.includes('mif1') ? 'heif' : 'video';
  if (brands.includes('avif') || brands.includes('avis')) return 'avif';
  if (brands.some((brand) => /^(hei[cxms]|mif[12]|miaf|mi[hM])/.test(brand))) return 'heif';
  return videoBrands.test(main) ? 'video' : 'unknown';
}
