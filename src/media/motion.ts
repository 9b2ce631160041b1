/**
 * Finds the video inside a motion photo: Google's (XMP `GCamera:MicroVideoOffset`, or a container item `MotionPhoto`),
 * Samsung's (a trailer `SEFT` that names `MotionPhoto_Data`), and the `mpvd` box of HEIC. Believed only when an MP4
 * begins there. Decodes nothing.
 */
import { topBoxes } from './heif-boxes.ts';
import type { OpenFile } from './open-file.ts';
import type { EmbeddedVideo } from './protocol.ts';

/** XMP stands near the beginning; what comes before it are thumbnails and profiles. */
const headBytes = 256 * 1024;
const tailEntriesMax = 64;
const videoBytesMin = 64;

/** Null when there is none, or none that is whole. Never throws for what the file says. */
export function findMotion(file: OpenFile): EmbeddedVideo | null {
  const head = file.read(0, headBytes);
  const found = [boxed(file, head), google(file, head), samsung(file)];
  for (const place of found) if (place && isVideo(file, place)) return place;
  return null;
}

function isVideo(file: OpenFile, { offset, length }: EmbeddedVideo): boolean {
  if (!Number.isSafeInteger(offset) || offset < 16 || length < videoBytesMin || offset + length > file.size)
    return false;
  const start = file.read(offset, 8);
  const size = start.length === 8 ? start.readUInt32BE(0) : 0;
  return start.toString('latin1', 4, 8) === 'ftyp' && size >= 16 && size <= length;
}

/** HEIC: a box of the file's own, after all others. */
function boxed(file: OpenFile, head: Buffer): EmbeddedVideo | undefined {
  if (head.toString('latin1', 4, 8) !== 'ftyp') return undefined;
  for (const { type, offset, length } of topBoxes(file)) if (type === 'mpvd') return { offset, length };
  return undefined;
}

/** "Motion Photo format 1.0" (developer.android.com), and MicroVideo before it: both count from the file's end. */
function google(file: OpenFile, head: Buffer): EmbeddedVideo | undefined {
  const start = head.indexOf('<x:xmpmeta', 0, 'latin1');
  if (start === -1) return undefined;
  const end = head.indexOf('</x:xmpmeta>', start, 'latin1');
  const xmp = head.toString('latin1', start, end === -1 ? head.length : end);
  const items = [
    ...xmp.matchAll(/<(?:Container:Item|rdf:li)\b[^>]{0,1024}?(?:Item:)?Semantic="([^"]{0,32})"[^>]{0,1024}>/g),
  ];
  const at = items.findIndex(([, semantic]) => semantic === 'MotionPhoto');
  const item = items[at];
  if (item) {
    const number = (text: string, name: string) =>
      Number(new RegExp(`\\bItem:${name}="(\\d{1,15})"`).exec(text)?.[1] ?? 0);
    const length = number(item[0], 'Length');
    // Other items, such as a depth map, may come after it.
    const after = items
      .slice(at + 1)
      .reduce((sum, [text]) => sum + number(text, 'Length') + number(text, 'Padding'), 0);
    return { offset: file.size - after - length, length };
  }
  const [, micro] = /MicroVideoOffset(?:="|>)(\d{1,15})/.exec(xmp) ?? [];
  return micro === undefined ? undefined : { offset: file.size - Number(micro), length: Number(micro) };
}

/**
 * After the picture: the blocks, then `SEFH`, version, count and 12 bytes for each block (two zeros, type, distance
 * back from `SEFH`, length), the table's length, `SEFT`; little-endian. A block begins with zeros, type, the length of
 * its name, and the name.
 */
function samsung(file: OpenFile): EmbeddedVideo | undefined {
  const end = file.read(file.size - 8, 8);
  if (end.length < 8 || end.toString('latin1', 4) !== 'SEFT') return undefined;
  const tableBytes = end.readUInt32LE(0);
  const tableAt = file.size - 8 - tableBytes;
  if (tableBytes > 12 + tailEntriesMax * 12) return undefined;
  const table = file.read(tableAt, tableBytes);
  if (table.length < 12 || table.toString('latin1', 0, 4) !== 'SEFH') return undefined;
  const count = Math.min(table.readUInt32LE(8), tailEntriesMax, Math.floor((table.length - 12) / 12));
  for (let index = 0; index < count; index++) {
    const at = 12 + index * 12;
    const [back, blockBytes] = [table.readUInt32LE(at + 4), table.readUInt32LE(at + 8)];
    const block = file.read(tableAt - back, Math.min(blockBytes, 64));
    const nameBytes = block.length < 8 ? 0 : block.readUInt32LE(4);
    if (nameBytes > 48 || block.toString('latin1', 8, 8 + nameBytes) !== 'MotionPhoto_Data') continue;
    const headBytes = 8 + nameBytes;
    return { offset: tableAt - back + headBytes, length: blockBytes - headBytes };
  }
  return undefined;
}
