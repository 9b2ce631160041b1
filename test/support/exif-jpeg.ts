/**
 * Makes pictures like a phone's, without any tool: small grey baseline JPEGs (ITU-T T.81) with EXIF dates, of any size,
 * each with content of its own. They decode everywhere; what makes them large is noise in comment segments.
 */
import { createCipheriv, createHash } from 'node:crypto';

const blocksWide = 16;
const blocksHigh = 12;
/** One segment: marker, length, and at most 65,533 bytes. */
const segmentBytesMax = 65_537;

/**
 * A JPEG of exactly `bytes` bytes (at least 4096), equal for equal arguments and different for each `seed`.
 * `takenLocal` is `yyyy-mm-ddThh:mm:ss`, `offset` `+02:00`; without `offset` the picture tells none.
 */
export function exifJpeg(picture: {
  seed: number;
  bytes: number;
  takenLocal: string;
  offset?: string;
  /** As an iPhone writes it into both halves of a Live Photo. */
  contentId?: string;
}): Buffer {
  const noise = noiseOf(picture.seed);
  const parts = [
    Buffer.from([0xff, 0xd8]),
    segment(
      0xe1,
      Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif(picture.takenLocal, picture.offset, picture.contentId)]),
    ),
    segment(0xdb, Buffer.from([0, ...new Array<number>(64).fill(8)])),
    segment(0xc0, Buffer.from([8, 0, blocksHigh * 8, 0, blocksWide * 8, 1, 1, 0x11, 0])),
    segment(0xc4, Buffer.from([0x00, ...dcCodeCounts, ...dcCodeCategories])),
    segment(0xc4, Buffer.from([0x10, 1, ...new Array<number>(15).fill(0), 0])),
    segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    scan(noise(blocksWide * blocksHigh)),
    Buffer.from([0xff, 0xd9]),
  ];
  const missing = picture.bytes - parts.reduce((sum, part) => sum + part.length, 0);
  if (missing < 4 || picture.bytes < 4096) throw new RangeError('A picture takes at least 4096 bytes.');
  parts.splice(2, 0, ...padding(missing, noise));
  return Buffer.concat(parts);
}

function* padding(bytes: number, noise: (bytes: number) => Buffer): Generator<Buffer> {
  for (let left = bytes; left > 0; ) {
    let length = Math.min(left, segmentBytesMax);
    if (left - length > 0 && left - length < 4) length -= 4; // The next one needs four bytes for its own head.
    yield segment(0xfe, noise(length - 4));
    left -= length;
  }
}

function segment(marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

/** A keystream: as quick as AES, so that gigabytes of test pictures cost nothing. */
function noiseOf(seed: number): (bytes: number) => Buffer {
  const key = createHash('sha256').update(`picture ${seed}`).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (bytes) => {
    const noise = cipher.update(Buffer.alloc(bytes));
    // Some readers look for markers (0xff) without minding where segments end.
    for (let at = noise.indexOf(0xff); at !== -1; at = noise.indexOf(0xff, at + 1)) noise[at] = 0xfe;
    return noise;
  };
}

// T.81, Annex K, table K.3: how many codes of each length, and the size categories they stand for.
const dcCodeCounts = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const dcCodeCategories = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const dcCodes = ['00', '010', '011', '100', '101', '110', '1110', '11110', '111110', '1111110'];

/** One grey value for each block: the difference to the one before, then "no more coefficients" (`0`). */
function scan(greys: Buffer): Buffer {
  let bits = '';
  let before = 0;
  for (const grey of greys) {
    const value = grey - 128;
    const difference = value - before;
    before = value;
    const category = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
    const magnitude = difference > 0 ? difference : difference + 2 ** category - 1;
    bits += `${(dcCodes[category] ?? '') + (category === 0 ? '' : magnitude.toString(2).padStart(category, '0'))}0`;
  }
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(byte);
    if (byte === 0xff) bytes.push(0);
  }
  return Buffer.from(bytes);
}

type Entry = { tag: number; type: 'text' | 'long' | 'bytes'; value: string | number | Buffer };

/** TIFF, big-endian: IFD0 with the camera, then the Exif IFD with the dates (EXIF 3.0, section 4.6). */
function exif(takenLocal: string, offset: string | undefined, contentId: string | undefined): Buffer {
  const date = takenLocal.replaceAll('-', ':').replace('T', ' ');
  const offsets: Entry[] =
    offset === undefined ? [] : [0x9010, 0x9011, 0x9012].map((tag) => ({ tag, type: 'text' as const, value: offset }));
  const camera: Entry[] = [
    { tag: 0x010f, type: 'text', value: 'Nightjar' },
    { tag: 0x0110, type: 'text', value: 'Test Phone' },
    { tag: 0x0132, type: 'text', value: date },
  ];
  const dates: Entry[] = [
    { tag: 0x9003, type: 'text', value: date },
    { tag: 0x9004, type: 'text', value: date },
    ...offsets,
    ...(contentId === undefined ? [] : [{ tag: 0x927c, type: 'bytes' as const, value: appleMakerNote(contentId) }]),
  ];
  const header = Buffer.from('MM\0*\0\0\0\x08', 'latin1');
  const pointer = (to: number): Entry => ({ tag: 0x8769, type: 'long', value: to });
  const exifAt = header.length + directory([...camera, pointer(0)], header.length).length;
  return Buffer.concat([header, directory([...camera, pointer(exifAt)], header.length), directory(dates, exifAt)]);
}

/** A maker note like an iPhone's: offsets count from its own first byte. */
export function appleMakerNote(contentId: string): Buffer {
  const head = Buffer.from('Apple iOS\0\0\x01MM', 'latin1');
  return Buffer.concat([head, directory([{ tag: 0x0011, type: 'text', value: contentId }], head.length)]);
}

function directory(entries: readonly Entry[], at: number): Buffer {
  const head = Buffer.alloc(2 + entries.length * 12 + 4);
  const values: Buffer[] = [];
  let valueAt = at + head.length;
  head.writeUInt16BE(entries.length, 0);
  for (const [index, { tag, type, value }] of entries.entries()) {
    const text = typeof value === 'object' ? value : Buffer.from(`${value}\0`, 'latin1');
    const place = 2 + index * 12;
    head.writeUInt16BE(tag, place);
    head.writeUInt16BE({ text: 2, long: 4, bytes: 7 }[type], place + 2);
    head.writeUInt32BE(type === 'long' ? 1 : text.length, place + 4);
    head.writeUInt32BE(type === 'long' ? Number(value) : valueAt, place + 8);
    if (type === 'long') continue;
    values.push(text);
    valueAt += text.length;
  }
  return Buffer.concat([head, ...values]);
}
