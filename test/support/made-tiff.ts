/** Makes TIFF files (6.0) as raw files are made: directories, and blocks of bytes that they point to. */

/** A number, the place of a block or of a directory, or the length of a block. All are written as LONG. */
type Value = number | { block: number } | { lengthOf: number } | { directory: number };
export type Directory = {
  entries: ReadonlyArray<readonly [tag: number, values: readonly Value[]]>;
  /** Reached only through another one's entry, not as the next one. */
  apart?: boolean;
};

export function tiffFile(directories: readonly Directory[], blocks: readonly Buffer[], bigEndian = false): Buffer {
  const sizes = directories.map(({ entries }) => 2 + entries.length * 12 + 4 + outsideBytes(entries));
  const places = sizes.map((_, index) => 8 + sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
  const headBytes = 8 + sizes.reduce((sum, size) => sum + size, 0);
  const blockPlaces = blocks.map(
    (_, index) => headBytes + blocks.slice(0, index).reduce((sum, { length }) => sum + length, 0),
  );
  const head = Buffer.alloc(headBytes);
  const u16 = (value: number, at: number) =>
    bigEndian ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at);
  const u32 = (value: number, at: number) =>
    bigEndian ? head.writeUInt32BE(value, at) : head.writeUInt32LE(value, at);
  const numberOf = (value: Value): number => {
    if (typeof value === 'number') return value;
    if ('block' in value) return blockPlaces[value.block] ?? 0;
    return 'lengthOf' in value ? (blocks[value.lengthOf]?.length ?? 0) : (places[value.directory] ?? 0);
  };
  head.write(bigEndian ? 'MM\0*' : 'II*\0', 'latin1');
  u32(8, 4);
  for (const [index, { entries }] of directories.entries()) {
    const at = places[index] ?? 0;
    const nextAt = at + 2 + entries.length * 12;
    let outsideAt = nextAt + 4;
    u16(entries.length, at);
    for (const [entry, [tag, values]] of entries.entries()) {
      const entryAt = at + 2 + entry * 12;
      u16(tag, entryAt);
      u16(4, entryAt + 2);
      u32(values.length, entryAt + 4);
      const valuesAt = values.length === 1 ? entryAt + 8 : outsideAt;
      if (values.length > 1) u32(outsideAt, entryAt + 8);
      for (const [place, value] of values.entries()) u32(numberOf(value), valuesAt + place * 4);
      if (values.length > 1) outsideAt += values.length * 4;
    }
    u32(places[nextOf(directories, index)] ?? 0, nextAt);
  }
  return Buffer.concat([head, ...blocks]);
}

function outsideBytes(entries: Directory['entries']): number {
  return entries.reduce((sum, [, values]) => sum + (values.length > 1 ? values.length * 4 : 0), 0);
}

/** -1 for the last one. */
function nextOf(directories: readonly Directory[], index: number): number {
  if (directories[index]?.apart === true) return -1;
  return directories.findIndex((directory, other) => other > index && directory.apart !== true);
}
