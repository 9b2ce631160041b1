/** Puts plain RGB pixels and their colour profile into a TIFF (6.0), so that the profile is applied where pixels are read. */

const entryCount = 10;
const headBytes = 8 + 2 + entryCount * 12 + 4 + 6;

/** `pixels`: 8 bits each, RGB, row by row. `profile`: ICC.1. */
export function rgbTiff(pixels: Buffer, size: { width: number; height: number }, profile: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write('II*\0', 0, 'latin1');
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entryCount, 8);
  const bitsAt = headBytes - 6;
  for (const at of [0, 2, 4]) head.writeUInt16LE(8, bitsAt + at);
  const pixelsAt = headBytes + profile.length + (profile.length % 2);
  const [short, long, bytes] = [3, 4, 7];
  const entries: Array<[tag: number, type: number, count: number, value: number]> = [
    [256, long, 1, size.width],
    [257, long, 1, size.height],
    [258, short, 3, bitsAt],
    [259, short, 1, 1], // not compressed
    [262, short, 1, 2], // RGB
    [273, long, 1, pixelsAt],
    [277, short, 1, 3],
    [278, long, 1, size.height],
    [279, long, 1, pixels.length],
    [34675, bytes, profile.length, headBytes],
  ];
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = 10 + index * 12;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8);
  }
  return Buffer.concat([head, profile, Buffer.alloc(profile.length % 2), pixels]);
}
