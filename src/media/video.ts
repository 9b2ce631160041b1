/**
 * Videos: how long, how large, and one picture of them. ffprobe and ffmpeg open this file and nothing it names, and only
 * the containers of phones and cameras.
 */

import { previewPixels } from './protocol.ts';
import type { Refusal as RefusalType } from './refusal.ts';
import { damaged, Refusal, tooManyPixels, unsupported } from './refusal.ts';
import type { Raw } from './render.ts';
import { runTool, type ToolLimits } from './tool.ts';
import { fitInside } from './upright.ts';

const videoFormats = 'mov,matroska,avi,mpeg,mpegts,asf';
const probeBytesMax = 1024 * 1024;
/** 8K and a little more: one frame of 10 bits is 100 MB. */
const framePixelsMax = 36_000_000;

type Limits = Pick<ToolLimits, 'signal' | 'timeoutMs'>;

export type Poster = { raw: Raw; width: number; height: number; durationMs: number | null };

type Video = { width: number; height: number; durationMs: number | null; hdr: boolean };

/**
 * A frame near the first second, upright. `only`: the one format that the file may have, instead of a video's.
 * @throws {Refusal}, with the duration where that is known.
 */
export async function readPoster(path: string, limits: Limits, only?: 'bmp_pipe' | 'jpegxl_pipe'): Promise<Poster> {
  const formats = only ?? videoFormats;
  const video = await probe(path, formats, limits);
  const size = fitInside(video, previewPixels);
  const tries = [
    { seek: (video.durationMs ?? 0) > 1_500, hdr: video.hdr },
    // A file whose index lies, or an ffmpeg without zscale: better a plain first frame than none.
    { seek: false, hdr: false },
  ];
  let refusal: RefusalType | undefined;
  for (const how of tries) {
    try {
      const data = await frame(path, formats, size, how, limits);
      return { raw: { data, ...size, channels: 3 }, ...video };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = new Refusal(error.code, error.message, { cause: error.cause, durationMs: video.durationMs });
      if (error.code !== 'damaged') throw refusal;
    }
  }
  throw refusal;
}

async function frame(
  path: string,
  formats: string,
  size: { width: number; height: number },
  how: { seek: boolean; hdr: boolean },
  limits: Limits,
): Promise<Buffer> {
  const { width, height } = size;
  const bytes = width * height * 3;
  const args = [
    ...['-v', 'error', '-nostdin', '-threads', '1', '-protocol_whitelist', 'file', '-format_whitelist', formats],
    // Key frames only, and the one before the moment: less to decode, and one frame in memory instead of sixteen.
    ...['-skip_frame', 'nokey', '-noaccurate_seek', ...(how.seek ? ['-ss', '1'] : []), '-i', `file:${path}`],
    ...[
      '-map',
      '0:V:0',
      '-filter_threads',
      '1',
      '-vf',
      `${how.hdr ? `${toneMapping(size)},` : ''}scale=${width}:${height}:flags=bicubic`,
    ],
    ...['-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'],
  ];
  const { status, output, errors } = await runTool('ffmpeg', args, { ...limits, outputBytesMax: bytes });
  if (status !== 0 || output.length !== bytes) throw damaged(new Error(errors));
  return output;
}

/** Filters from a high range (ITU-R BT.2100) to sRGB's, for frames that say what theirs is. */
export function toneMapping(size: { width: number; height: number }): string {
  // Made small first: the curves are computed in floating point.
  return (
    `zscale=w=${size.width}:h=${size.height}:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,` +
    'tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,format=yuv444p'
  );
}

async function probe(path: string, formats: string, limits: Limits): Promise<Video> {
  const entries =
    'format=duration:stream=width,height,duration,sample_aspect_ratio,color_transfer:stream_side_data=rotation:stream_tags=rotate';
  const args = [
    ...['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', formats, '-select_streams', 'V:0'],
    ...['-print_format', 'json=compact=1', '-show_entries', entries, `file:${path}`],
  ];
  const { status, output } = await runTool('ffprobe', args, { ...limits, outputBytesMax: probeBytesMax });
  if (status !== 0) throw damaged();
  let told: Probe;
  try {
    told = JSON.parse(output.toString('utf8')) as Probe;
  } catch (error) {
    throw damaged(error);
  }
  const durationMs = milliseconds(told.format?.duration) ?? milliseconds(told.streams?.[0]?.duration);
  try {
    return { ...shapeOf(told), durationMs };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(error.code, error.message, { durationMs });
  }
}

type Probe = {
  format?: { duration?: unknown };
  streams?: Array<{
    width?: unknown;
    height?: unknown;
    duration?: unknown;
    sample_aspect_ratio?: unknown;
    color_transfer?: unknown;
    side_data_list?: Array<{ rotation?: unknown }>;
  }>;
};

function shapeOf(told: Probe): Omit<Video, 'durationMs'> {
  const stream = told.streams?.[0];
  if (!stream) throw unsupported('this video: there is no moving picture in it');
  let [width, height] = [Number(stream.width), Number(stream.height)];
  if (!(width > 0 && height > 0)) throw damaged();
  if (width * height > framePixelsMax) throw tooManyPixels(width * height, framePixelsMax);
  const [wide = 1, high = 1] = String(stream.sample_aspect_ratio ?? '1:1')
    .split(':')
    .map(Number);
  if (wide > 0 && high > 0 && wide / high > 0.1 && wide / high < 10)
    width = Math.max(1, Math.round((width * wide) / high));
  const rotation = Number(stream.side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0);
  if (Math.round(Math.abs(rotation) / 90) % 2 === 1) [width, height] = [height, width];
  const hdr = ['smpte2084', 'arib-std-b67'].includes(String(stream.color_transfer));
  return { width, height, hdr };
}

/** Null for what is not told, and for what cannot be: more than a year. */
function milliseconds(seconds: unknown): number | null {
  const value = Math.round(Number(seconds) * 1000);
  return typeof seconds === 'string' && value >= 0 && value < 366 * 86_400_000 ? value : null;
}
