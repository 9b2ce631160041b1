/**
 * A program of its own that reads the dates of still pictures: untrusted bytes are parsed here and nowhere near the
 * daemon. What hangs or blows up costs one picture's date. Only capture-reader.ts starts it.
 *
 * Takes { file } from its parent, answers { metadata }; says { ready: true } once it can take the first. Ends with the
 * channel to its parent.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import ExifReader, { type ExpandedTags } from 'exifreader';
import { contentIdentifier } from './apple-maker-note.ts';
import { type Metadata, type StillTags, stillMetadata } from './capture-date.ts';

/** Phones write their dates within the first 64 KiB; XMP, thumbnails and profiles may come before them. */
const prefixBytes = 256 * 1024;
/** For TIFF and raw files, whose directories lie anywhere. */
const longPrefixBytes = 2 * 1024 * 1024;
/** A block of metadata outside the prefix: read by itself, whatever lies before it. */
const blockBytesMax = 1024 * 1024;
const blocksMax = 4;
/** The furthest place of such a block. The bytes between are zeros that never become memory. */
const reachBytes = 256 * 1024 * 1024;
const textCharsMax = 64;

// Only what is named is parsed: no thumbnail, profile, or picture within the picture. Of the maker note come the bytes.
const includeTags = {
  exif: [
    'DateTimeOriginal',
    'SubSecTimeOriginal',
    'OffsetTimeOriginal',
    'DateTimeDigitized',
    'OffsetTimeDigitized',
    'OffsetTime',
    'DateTime',
    'GPSDateStamp',
    'GPSTimeStamp',
    'MakerNote',
  ],
  xmp: true as const,
};

/** One for all files: garbage of this size would double the worker's memory. */
const prefixBuffer = Buffer.alloc(prefixBytes);

type Range = { start: number; end: number };

process.on('message', (message: { file: string }) => {
  process.send?.({ metadata: read(message.file) });
});
process.send?.({ ready: true });
// Kept for the next start, also when this one is killed.
flushCompileCache();

function read(file: string): Metadata | undefined {
  try {
    const fd = openSync(file, 'r');
    try {
      return readOpen(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // Unreadable, or no format that is known here: the caller has other dates.
  }
}

function readOpen(fd: number): Metadata | undefined {
  const size = fstatSync(fd).size;
  const prefix = readAt(fd, prefixBuffer.subarray(0, Math.min(size, prefixBytes)), { start: 0, end: prefixBytes });
  const first = parse(prefix);
  if (size <= prefix.length || hasDateTaken(first.metadata)) return first.metadata;
  const tiff = isTiff(prefix);
  const outside = tiff ? [] : first.blocks.filter((block) => block.end > prefix.length && block.end <= size);
  if (outside.length > 0) return parse(withBlocks(fd, prefix, outside)).metadata ?? first.metadata;
  if (!tiff && first.readable) return first.metadata;
  const long = readAt(fd, Buffer.alloc(Math.min(size, longPrefixBytes)), { start: 0, end: longPrefixBytes });
  return parse(long).metadata ?? first.metadata;
}

function parse(bytes: Buffer): { metadata: Metadata | undefined; blocks: readonly Range[]; readable: boolean } {
  try {
    const tags = ExifReader.load(bytes, { expanded: true, includeTags, includeOffsets: true });
    const blocks = (tags.metadataRange?.blocks ?? []).filter(({ type }) => type === 'exif' || type === 'xmp');
    return { metadata: withContentId(stillMetadata(stillTags(tags)), tags), blocks, readable: true };
  } catch {
    return { metadata: undefined, blocks: [], readable: false };
  }
}

function withContentId(metadata: Metadata | undefined, tags: ExpandedTags): Metadata | undefined {
  const exif: Readonly<Record<string, unknown>> = { ...tags.exif };
  const note = exif['MakerNote'];
  if (typeof note !== 'object' || note === null || !('value' in note) || !Array.isArray(note.value)) return metadata;
  const contentId = contentIdentifier(Uint8Array.from(note.value as number[]));
  return contentId === undefined ? metadata : { moments: metadata?.moments ?? [], contentId };
}

/** The file as far as the last block, with only the prefix and the blocks filled in. */
function withBlocks(fd: number, prefix: Buffer, blocks: readonly Range[]): Buffer {
  const wanted = blocks.filter(({ end }) => end <= reachBytes).slice(0, blocksMax);
  const bytes = Buffer.alloc(Math.max(prefix.length, ...wanted.map(({ end }) => end)));
  prefix.copy(bytes);
  for (const { start, end } of wanted) readAt(fd, bytes, { start, end: Math.min(end, start + blockBytesMax) });
  return bytes;
}

/** Fills `bytes` at the range's own place, as far as the file and the buffer go. */
function readAt(fd: number, bytes: Buffer, range: Range): Buffer {
  const end = Math.min(range.end, bytes.length);
  let at = Math.max(0, range.start);
  while (at < end) {
    const count = readSync(fd, bytes, at, end - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes;
}

function isTiff(bytes: Buffer): boolean {
  const order = bytes.toString('latin1', 0, 2);
  return order === 'II' || order === 'MM';
}

function hasDateTaken(metadata: Metadata | undefined): boolean {
  return metadata?.moments.some((moment) => 'local' in moment && !moment.lastResort) ?? false;
}

function stillTags(tags: ExpandedTags): StillTags {
  const exif: Readonly<Record<string, unknown>> = { ...tags.exif };
  const xmp: Readonly<Record<string, unknown>> = { ...tags.xmp };
  return {
    dateTimeOriginal: textOf(exif.DateTimeOriginal),
    subSecTimeOriginal: textOf(exif.SubSecTimeOriginal),
    offsetTimeOriginal: textOf(exif.OffsetTimeOriginal),
    dateTimeDigitized: textOf(exif.DateTimeDigitized),
    offsetTimeDigitized: textOf(exif.OffsetTimeDigitized),
    offsetTime: textOf(exif.OffsetTime),
    xmpDateTimeOriginal: textOf(xmp.DateTimeOriginal),
    xmpDateCreated: textOf(xmp.DateCreated),
    xmpCreateDate: textOf(xmp.CreateDate),
    gpsDate: textOf(exif.GPSDateStamp),
    gpsTime: textOf(exif.GPSTimeStamp),
    dateTime: textOf(exif.DateTime),
  };
}

function textOf(tag: unknown): string | undefined {
  if (typeof tag !== 'object' || tag === null || !('description' in tag)) return undefined;
  const { description } = tag;
  return typeof description === 'string' && description.length <= textCharsMax ? description : undefined;
}
