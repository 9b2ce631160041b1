/**
 * Finds the JPEG that cameras put into their raw files: in TIFF's directories (DNG, CR2, NEF, ARW, PEF, RW2, ...), and
 * elsewhere (CR3, RAF, ORF) by looking for one. Every walk is bounded; nothing is decoded.
 */
import type { OpenFile } from './open-file.ts';

const directoriesMax = 64;
const entriesMax = 1024;
const valuesMax = 64;
const segmentsMax = 256;
const searchedBytes = 8 * 1024 * 1024;
const foundMax = 64;
const previewBytesMax = 64 * 1024 * 1024;

export type Preview = { offset: number; length: number; width: number; height: number };
export type RawFile = {
  previews: Preview[];
  /** EXIF's, of the raw picture; the previews may not tell their own. */
  orientation: number;
  /** The largest picture that the file speaks of. */
  width: number;
  height: number;
  isDng: boolean;
};

const tag = {
  width: 256,
  height: 257,
  compression: 259,
  stripOffsets: 273,
  orientation: 274,
  stripLengths: 279,
  subDirectories: 330,
  jpegOffset: 513,
  jpegLength: 514,
  panasonicJpeg: 0x2e,
  dngVersion: 50706,
} as const;

type Directory = Map<number, { values: number[]; at: number; bytes: number }>;

/** What the directories name. Any TIFF may be asked; most have no preview. */
export function readTiffPreviews(file: OpenFile): RawFile {
  const raw: RawFile = { previews: [], orientation: 1, width: 0, height: 0, isDng: false };
  const head = file.read(0, 8);
  if (head.length < 8) return raw;
  const little = head[0] === 0x49;
  const waiting = [little ? head.readUInt32LE(4) : head.readUInt32BE(4)];
  const seen = new Set<number>();
  for (let at = waiting.shift(); at !== undefined && seen.size < directoriesMax; at = waiting.shift()) {
    if (at === 0 || seen.has(at)) continue;
    const { directory, next } = readDirectory(file, at, little);
    take(file, directory, raw, seen.size === 0);
    seen.add(at);
    waiting.push(...(directory.get(tag.subDirectories)?.values ?? []), next);
  }
  return raw;
}

function take(file: OpenFile, directory: Directory, raw: RawFile, first: boolean): void {
  const value = (number: number) => directory.get(number)?.values[0] ?? 0;
  if (first) raw.orientation = value(tag.orientation) || 1;
  raw.isDng ||= directory.has(tag.dngVersion);
  keepSize(raw, { width: value(tag.width), height: value(tag.height) });
  const panasonic = directory.get(tag.panasonicJpeg);
  const strips = directory.get(tag.stripOffsets)?.values ?? [];
  const places = [
    { offset: value(tag.jpegOffset), length: value(tag.jpegLength) },
    // 6 and 7: JPEG. Several strips are not one file.
    ...(strips.length === 1 && [6, 7].includes(value(tag.compression))
      ? [{ offset: value(tag.stripOffsets), length: value(tag.stripLengths) }]
      : []),
    ...(panasonic ? [{ offset: panasonic.at, length: panasonic.bytes }] : []),
  ];
  for (const place of places) keepPreview(file, raw, place);
}

function keepPreview(file: OpenFile, raw: RawFile, place: { offset: number; length: number }): void {
  if (place.offset <= 0 || place.length <= 0 || place.length > previewBytesMax) return;
  const size = jpegSize(file, place);
  if (!size) return;
  raw.previews.push({ ...place, ...size });
  keepSize(raw, size);
}

function keepSize(raw: RawFile, { width, height }: { width: number; height: number }): void {
  if (width * height <= raw.width * raw.height) return;
  raw.width = width;
  raw.height = height;
}

function readDirectory(file: OpenFile, at: number, little: boolean): { directory: Directory; next: number } {
  const directory: Directory = new Map();
  const u16 = (bytes: Buffer, from: number) => (little ? bytes.readUInt16LE(from) : bytes.readUInt16BE(from));
  const u32 = (bytes: Buffer, from: number) => (little ? bytes.readUInt32LE(from) : bytes.readUInt32BE(from));
  const countBytes = file.read(at, 2);
  const count = countBytes.length < 2 ? 0 : Math.min(u16(countBytes, 0), entriesMax);
  const entries = file.read(at + 2, count * 12 + 4);
  for (let from = 0; from + 12 <= entries.length && from < count * 12; from += 12) {
    const type = u16(entries, from + 2);
    const values = u32(entries, from + 4);
    const valueBytes = type === 3 ? 2 : type === 4 || type === 13 ? 4 : 1;
    const inside = values * valueBytes <= 4;
    const valuesAt = inside ? at + 2 + from + 8 : u32(entries, from + 8);
    const bytes = valueBytes === 1 ? Buffer.alloc(0) : file.read(valuesAt, Math.min(values, valuesMax) * valueBytes);
    const numbers: number[] = [];
    for (let place = 0; place + valueBytes <= bytes.length; place += valueBytes)
      numbers.push(valueBytes === 2 ? u16(bytes, place) : u32(bytes, place));
    directory.set(u16(entries, from), { values: numbers, at: valuesAt, bytes: values });
  }
  return { directory, next: entries.length === count * 12 + 4 ? u32(entries, count * 12) : 0 };
}

/** JPEGs that stand anywhere near the beginning, each up to the next one. */
export function searchPreviews(file: OpenFile): RawFile {
  const raw: RawFile = { previews: [], orientation: 1, width: 0, height: 0, isDng: false };
  const bytes = file.read(0, searchedBytes);
  const start = Buffer.from([0xff, 0xd8, 0xff]);
  let found = 0;
  for (let at = bytes.indexOf(start, 1); at !== -1 && found < foundMax; at = bytes.indexOf(start, at + 3)) {
    keepPreview(file, raw, { offset: at, length: Math.min(file.size - at, previewBytesMax / 2) });
    found++;
  }
  return raw;
}

/** The smallest preview that is large enough, else the largest: more pixels than are shown only cost time. */
export function bestPreview(previews: readonly Preview[], pixels: number): Preview | undefined {
  const sorted = [...previews].sort((a, b) => a.width * a.height - b.width * b.height);
  return sorted.find(({ width, height }) => Math.max(width, height) >= pixels) ?? sorted.at(-1);
}

/** Undefined when no JPEG that can be shown begins there: raw data itself is often lossless JPEG (T.81, SOF3). */
function jpegSize(
  file: OpenFile,
  place: { offset: number; length: number },
): { width: number; height: number } | undefined {
  if (file.read(place.offset, 2).toString('hex') !== 'ffd8') return undefined;
  const end = place.offset + place.length;
  let at = place.offset + 2;
  for (let count = 0; count < segmentsMax && at < end; count++) {
    const segment = file.read(at, 10);
    if (segment.length < 10 || segment[0] !== 0xff) return undefined;
    const marker = segment[1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xc2) return { height: segment.readUInt16BE(5), width: segment.readUInt16BE(7) };
    if ((marker >= 0xc3 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8) || marker === 0xda) return undefined;
    at += 2 + segment.readUInt16BE(2);
  }
  return undefined;
}
