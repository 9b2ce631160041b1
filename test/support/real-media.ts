/** Real pictures and videos, where there are some: $NIGHTJAR_MEDIA, or `shared/media` beside the checkout. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mediaKind } from '../../src/library/media-kinds.ts';

const folder = process.env['NIGHTJAR_MEDIA'] || new URL('../../../shared/media', import.meta.url).pathname;

/** Absolute paths, sorted; none where there is no collection. */
export function realMedia(): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ['photo', 'video'].includes(mediaKind(entry.name).kind))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
