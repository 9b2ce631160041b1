import { basename, extname } from 'node:path';
import type { Item } from './inventory.ts';

const mediaTypes: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.dng': 'image/x-adobe-dng',
  '.gif': 'image/gif',
  '.heic': 'image/heic',
  '.heif': 'image/heif',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.mov': 'video/quicktime',
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.webm': 'video/webm',
  '.webp': 'image/webp',
};

/** Upload-Metadata (tus, creation): key and base64 of the value. */
export function metadata(item: Item, sha256: string): string {
  const facts: Record<string, string> = {
    filename: basename(item.path),
    filetype: mediaTypes[extname(item.path).toLowerCase()] ?? 'application/octet-stream',
    mtime: String(item.mtime),
    path: item.path,
    sha256,
  };
  return Object.entries(facts)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}
