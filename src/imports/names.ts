/**
 * What names on a foreign disk say: how a name that is no text is written down, and what is never a photo to keep. Pure.
 */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { mediaKind } from '../library/media-kinds.ts';

/**
 * Why something is left out. `system`: what a system keeps for itself, recycle bins too. `rough-copy`: a camera's small
 * copy of what is beside it. `other-kind`: neither picture nor video. `no-file`: a link, pipe or device. `other-disk`:
 * something else is mounted there. `loop`: the folder holds itself. `too-deep`. `own-library`: the box's own.
 * `deleted`: its owner deleted it here. `changed`: while it was read. `unreadable`: its disk does not give it.
 */
export const leftOutReasons = [
  'system',
  'rough-copy',
  'other-kind',
  'no-file',
  'other-disk',
  'loop',
  'too-deep',
  'own-library',
  'deleted',
  'changed',
  'unreadable',
  'empty-picture',
  'invalid-name',
  'video-tools-missing',
  'conflict',
] as const;
export type LeftOutReason = (typeof leftOutReasons)[number];
/** Of these somebody should look at each: it may have been a photo. */
export const problemReasons: ReadonlySet<LeftOutReason> = new Set<LeftOutReason>([
  'no-file',
  'other-disk',
  'loop',
  'too-deep',
  'changed',
  'unreadable',
  'empty-picture',
  'invalid-name',
  'video-tools-missing',
  'conflict',
]);

const systemFiles = new Set(['thumbs.db', 'ehthumbs.db', 'desktop.ini', '.ds_store', '.localized', 'autorun.inf']);
const systemFolders = new Set([
  '$recycle.bin',
  'recycler',
  'recycled',
  '#recycle',
  '.trashes',
  '.trash',
  'system volume information',
  '.spotlight-v100',
  '.fseventsd',
  '.temporaryitems',
  '.documentrevisions-v100',
  '.thumbnails',
  '@eadir',
  'lost+found',
  'lost.dir',
  '.nightjar',
  '.git',
]);

/** Undefined: it is looked into. */
export function folderLeftOut(name: string): LeftOutReason | undefined {
  const key = name.toLowerCase();
  return systemFolders.has(key) || key.startsWith('.trash-') ? 'system' : undefined;
}

/** Undefined: it is taken. `allFiles`: also what is neither picture, video nor a note beside one. */
export function fileLeftOut(name: string, allFiles: boolean): LeftOutReason | undefined {
  const key = name.toLowerCase();
  // `._NAME`: what macOS leaves on disks that cannot hold its notes.
  if (systemFiles.has(key) || key.startsWith('._')) return 'system';
  if (key.endsWith('.thm') || key.endsWith('.lrv')) return 'rough-copy';
  return allFiles || mediaKind(name).kind !== 'file' ? undefined : 'other-kind';
}

/**
 * The name as text. One that is no UTF-8 is read as Latin-1, with a mark made of its bytes, so that two names never
 * become one; files of one stem keep one stem.
 */
export function nameOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  const latin = bytes.toString('latin1');
  const extension = posix.extname(latin);
  const plain = /^\.[ -~]{1,16}$/.test(extension) ? extension : '';
  const stem = latin.slice(0, latin.length - plain.length);
  const mark = createHash('sha256').update(Buffer.from(stem, 'latin1')).digest('hex').slice(0, 12);
  return `${stem}~${mark}${plain}`;
}
