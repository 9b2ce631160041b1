/**
 * What the daemon and the media worker say to each other over a unix socket: one JSON line for each job, answered by
 * one JSON line and then the pictures' bytes. And how the worker is started. Both sides import this file and nothing
 * else of each other.
 *
 *   daemon: {"id":1,"file":"/disk/Photos/...","kind":"photo","name":"IMG_1.HEIC"}\n
 *   worker: {"id":1,"ok":true,...,"grid":9120,"preview":180233}\n<grid, WebP><preview, WebP>
 *   daemon: {"id":2,"file":"/disk/.nightjar/thumbs/...","kind":"jpeg","name":"","part":{"offset":0,"length":9120}}\n
 *   worker: {"id":2,"ok":true,...,"grid":0,"preview":11034}\n<JPEG>
 *   worker: {"id":3,"ok":false,"code":"damaged","reason":"...",...}\n
 *
 * One connection and one job at a time; a second connection is closed at once. A connection that closes without an
 * answer to a job means that the worker died of it: it crashed, took too long or too much memory. Before the worker
 * leaves for want of work, or on SIGTERM, it says {"bye":true}: what is not answered then may be asked again.
 */
import { fileURLToPath } from 'node:url';

/** Longest side, in pixels; nothing is enlarged. */
export const gridPixels = 320;
export const previewPixels = 1600;

/** A line of either side, its end included. A path has at most 4096 bytes, each at most six in JSON. */
export const lineBytesMax = 32 * 1024;
/** Each of the two pictures: more than 1600 x 1600 pixels of noise take. */
export const pictureBytesMax = 8 * 1024 * 1024;

/** From the job's line to its answer; then the worker is killed. The daemon waits a little longer than that. */
export const photoMsMax = 30_000;
export const videoMsMax = 60_000;

/**
 * The file's content decides how it is read; `kind` gives the deadline, and `name` tells raw pictures from TIFF. `jpeg`: a
 * picture that was made before, at `part` of its file, is wanted as JPEG; it comes as the preview, with an empty grid.
 */
export type MediaJob = {
  /** Given back in the answer. */
  id: number;
  /** Absolute path. Only read. */
  file: string;
  kind: 'photo' | 'video' | 'jpeg';
  name: string;
  part?: { offset: number; length: number };
};

/** A video inside the picture's file: the place of a whole MP4, which begins with its `ftyp` box. */
export type EmbeddedVideo = { offset: number; length: number };

/**
 * - `damaged`: not readable as what it says it is; asking again gives the same.
 * - `unsupported`: whole, as far as one can tell, but of a kind that this box cannot draw.
 * - `too-large`: more pixels or bytes than this box can hold.
 * - `too-slow`: a program took longer than it may.
 * - `tool-missing`: a program is not installed (ffmpeg, heif-convert); it may be later.
 * - `unreadable`: the file could not be opened or read: gone, or the disk failed. Worth asking again.
 */
export type RefusalCode = 'damaged' | 'unsupported' | 'too-large' | 'too-slow' | 'tool-missing' | 'unreadable';

type MediaDone = {
  id: number;
  ok: true;
  /** Of the original, the right way up. */
  width: number;
  height: number;
  /** Of a video; null for a still picture, and when the video does not tell. */
  durationMs: number | null;
  /** Base64, at most 25 bytes. */
  thumbhash: string | null;
  motion: EmbeddedVideo | null;
  /** Byte lengths of what follows the line. */
  grid: number;
  preview: number;
};

type MediaRefused = {
  id: number;
  ok: false;
  code: RefusalCode;
  /** Whole sentences, for a person. */
  reason: string;
  /** What is known although there is no picture. */
  durationMs: number | null;
  motion: EmbeddedVideo | null;
};

type MediaBye = { bye: true };

export type MediaAnswer = MediaDone | MediaRefused | MediaBye;

/** Resident anonymous memory of the worker and its children, in bytes; above it, everything of it is killed. */
export const memoryBytesMax = 160 * 1024 * 1024;

/**
 * How the daemon starts the worker: `spawn(process.execPath, [...nodeArguments, program, socketPath], { env, ... })`,
 * `detached`, so that one signal reaches it and its children (`process.kill(-pid, 'SIGKILL')`).
 * On the device systemd starts the same program, and hands it the socket as file descriptor 3.
 */
export const workerProgram = {
  program: fileURLToPath(new URL('./worker-main.ts', import.meta.url)),
  nodeArguments: ['--max-old-space-size=64', '--max-semi-space-size=1', '--expose-gc'],
  env: {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin',
    LANG: 'C',
    // One decode at a time: more threads of either kind would only keep freed memory apart.
    UV_THREADPOOL_SIZE: '2',
    MALLOC_ARENA_MAX: '2',
    VIPS_CONCURRENCY: '1',
    // Pixels go back to the system when they are freed; glibc would keep up to 32 MiB of each size that it has seen.
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072',
  },
} as const;
