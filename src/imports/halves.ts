/**
 * Which photo and which video of a folder are one Live Photo, where the files themselves do not say so. Pure.
 *
 * Cameras number photos and recordings in one row, and write `IMG_1.JPG` beside a long `IMG_1.MOV` of its own: only
 * beside a HEIC, or where Takeout has a note of the photo and none of the video, is a small one its moving half.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { stemOf } from '../library/sidecars.ts';

/** A Live Photo's video runs three seconds. */
export const halfBytesMax = 40 * 1024 * 1024;
const photoEndings = ['.HEIC', '.heic', '.HEIF', '.heif', '.JPG', '.jpg', '.JPEG', '.jpeg'];
const videoEndings = ['.MOV', '.mov', '.MP4', '.mp4'];

/** Names that the other half may have; none: it is no half of anything. */
export function otherHalves(name: string): string[] {
  const stem = stemOf(name);
  const ending = posix.extname(name);
  if (photoEndings.includes(ending)) return videoEndings.map((one) => stem + one);
  if (videoEndings.includes(ending)) return photoEndings.map((one) => stem + one);
  return [];
}

/** `video` and `photo` stand in one folder. */
export function areHalves(photo: { name: string; hasNote: boolean }, video: { size: number; hasNote: boolean }) {
  if (video.size > halfBytesMax) return false;
  return /\.hei[cf]$/i.test(photo.name) || (photo.hasNote && !video.hasNote);
}

/** What both halves are called by, of this import alone. `path`: of either. */
export function halvesOf(importId: string, path: string): string {
  const stem = `${importId}/${posix.dirname(path)}/${stemOf(posix.basename(path))}`;
  return `import:${createHash('sha256').update(stem).digest('hex').slice(0, 32)}`;
}
