/**
 * Reads the boxes of a HEIF file (ISO/IEC 14496-12 and 23008-12) as far as its main picture needs: which items make it
 * up, where their bytes lie, and what turns, crops and colours them. Decodes nothing. What it cannot follow (overlays,
 * items in several files, tiles that differ) is left to a whole HEIF library.
 */
import type { OpenFile } from './open-file.ts';
import { damaged } from './refusal.ts';

const metaBytesMax = 4 * 1024 * 1024;
const boxesMax = 4096;
const itemsMax = 4096;
const extentsMax = 64;
const propertiesMax = 64;
const profileBytesMax = 4 * 1024 * 1024;

export type Place = { offset: number; length: number };
type Box = { type: string; body: Buffer };

/** ISO/IEC 23091-2 (CICP) code points. */
export type Nclx = { primaries: number; transfer: number; matrix: number; fullRange: boolean };

/** What is done to the decoded picture, in this order. `turn`: quarter turns against the clock. */
type HeifTransform = { turn: number } | { mirror: 'left-right' | 'top-bottom' } | { crop: Buffer };

export type TiledPicture = {
  codec: 'hevc' | 'av1';
  /** Before the transforms. */
  width: number;
  height: number;
  transforms: HeifTransform[];
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
  /** Row by row. Each one's extents, in order. */
  tiles: Place[][];
  /** The body of the `hvcC` or `av1C` box that all tiles share. */
  config: Buffer;
  icc: Buffer | null;
  nclx: Nclx | null;
};

type Item = {
  id: number;
  type: string;
  extents: Place[];
  inIdat: boolean;
  properties: Box[];
  parts: number[];
  thumbnailOf: number | undefined;
};
type Heif = { items: Map<number, Item>; primary: number; idat: Buffer };

/** The boxes of the file itself: a type and where the body lies. */
export function* topBoxes(file: OpenFile): Generator<{ type: string } & Place> {
  let at = 0;
  for (let count = 0; count < boxesMax && at + 8 <= file.size; count++) {
    const head = file.read(at, 16);
    if (head.length < 8) return;
    let size = head.readUInt32BE(0);
    let headBytes = 8;
    if (size === 1) {
      if (head.length < 16) return;
      size = Number(head.readBigUInt64BE(8));
      headBytes = 16;
    }
    if (size === 0) size = file.size - at;
    if (size < headBytes || !Number.isSafeInteger(at + size)) return;
    yield { type: head.toString('latin1', 4, 8), offset: at + headBytes, length: size - headBytes };
    at += size;
  }
}

/**
 * The main picture, when it is one HEVC or AV1 item or a plain grid of them; undefined when it is something else.
 * @throws {Refusal} `damaged` when the boxes contradict themselves or the file.
 */
export function readTiledPicture(file: OpenFile): TiledPicture | undefined {
  for (const box of topBoxes(file)) {
    if (box.type !== 'meta') continue;
    if (box.length > metaBytesMax || box.offset + box.length > file.size) throw damaged();
    try {
      return pictureOf(heifOf(file.read(box.offset, box.length)), file);
    } catch (error) {
      if (error instanceof RangeError) throw damaged(error); // A field that lies outside its box.
      throw error;
    }
  }
  return undefined;
}

function heifOf(meta: Buffer): Heif {
  const heif: Heif = { items: new Map(), primary: 0, idat: Buffer.alloc(0) };
  const boxes = new Map([...boxesIn(meta.subarray(4))].map((box) => [box.type, box.body]));
  const empty = Buffer.alloc(0);
  readInfo(boxes.get('iinf') ?? empty, heif);
  readLocations(boxes.get('iloc') ?? empty, heif);
  readReferences(boxes.get('iref') ?? empty, heif);
  readProperties(boxes.get('iprp') ?? empty, heif);
  const pitm = boxes.get('pitm') ?? empty;
  if (pitm.length > 4) heif.primary = pitm[0] === 0 ? pitm.readUInt16BE(4) : pitm.readUInt32BE(4);
  heif.idat = boxes.get('idat') ?? empty;
  return heif;
}

function* boxesIn(bytes: Buffer): Generator<Box> {
  let at = 0;
  for (let count = 0; count < boxesMax && at + 8 <= bytes.length; count++) {
    const size = bytes.readUInt32BE(at) || bytes.length - at;
    if (size < 8 || at + size > bytes.length) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), body: bytes.subarray(at + 8, at + size) };
    at += size;
  }
}

/** 23008-12 and 14496-12, 8.11.6. */
function readInfo(iinf: Buffer, heif: Heif): void {
  if (iinf.length === 0) return;
  for (const { type, body } of boxesIn(iinf.subarray(iinf[0] === 0 ? 6 : 8))) {
    const version = body[0] ?? 0;
    if (type !== 'infe' || version < 2 || heif.items.size >= itemsMax) continue;
    const id = version === 2 ? body.readUInt16BE(4) : body.readUInt32BE(4);
    const at = version === 2 ? 8 : 10;
    const none = { extents: [], inIdat: false, properties: [], parts: [], thumbnailOf: undefined };
    heif.items.set(id, { id, type: body.toString('latin1', at, at + 4), ...none });
  }
}

/** Whole numbers of the sizes that the box itself names, one after the other. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws {RangeError} past the end, or for a size that no field has. */
  next(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (bytes === 0) return 0;
    if (bytes <= 6) return this.#bytes.readUIntBE(at, bytes);
    const value = Number(this.#bytes.readBigUInt64BE(at));
    if (bytes !== 8 || !Number.isSafeInteger(value)) throw new RangeError('Not a place in a file.');
    return value;
  }
}

/** 14496-12, 8.11.3. */
function readLocations(iloc: Buffer, heif: Heif): void {
  if (iloc.length === 0) return;
  const fields = new Fields(iloc);
  const version = fields.next(1);
  fields.next(3);
  const sizes = fields.next(2);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexBytes = version === 0 ? 0 : sizes & 15;
  const idBytes = version < 2 ? 2 : 4;
  const count = fields.next(idBytes);
  for (let index = 0; index < count && index < itemsMax; index++) {
    const item = heif.items.get(fields.next(idBytes));
    const method = version === 0 ? 0 : fields.next(2) & 15;
    const elsewhere = fields.next(2) !== 0 || method > 1;
    const base = fields.next(baseBytes);
    const extents = fields.next(2);
    if (extents > extentsMax) throw damaged();
    for (let extent = 0; extent < extents; extent++) {
      fields.next(indexBytes);
      const offset = base + fields.next(offsetBytes);
      const place = { offset, length: fields.next(lengthBytes) };
      if (item && !elsewhere) item.extents.push(place);
    }
    if (item) item.inIdat = method === 1;
  }
}

/** What a derived picture is made of (`dimg`), and what is a small copy of what (`thmb`): 23008-12, 6.4.4 and 6.4.7. */
function readReferences(iref: Buffer, heif: Heif): void {
  if (iref.length === 0) return;
  const idBytes = iref[0] === 0 ? 2 : 4;
  for (const { type, body } of boxesIn(iref.subarray(4))) {
    if (type !== 'dimg' && type !== 'thmb') continue;
    const fields = new Fields(body);
    const item = heif.items.get(fields.next(idBytes));
    const count = Math.min(fields.next(2), itemsMax);
    if (type === 'thmb' && item && count > 0) item.thumbnailOf = fields.next(idBytes);
    else for (let index = 0; index < count; index++) item?.parts.push(fields.next(idBytes));
  }
}

/** 23008-12, 9.3. */
function readProperties(iprp: Buffer, heif: Heif): void {
  const inner = [...boxesIn(iprp)];
  const properties = [...boxesIn(inner.find(({ type }) => type === 'ipco')?.body ?? Buffer.alloc(0))];
  for (const { type, body } of inner) if (type === 'ipma') associate(body, properties, heif);
}

function associate(ipma: Buffer, properties: readonly Box[], heif: Heif): void {
  const fields = new Fields(ipma);
  const idBytes = fields.next(1) === 0 ? 2 : 4;
  const wide = (fields.next(3) & 1) === 1;
  const count = fields.next(4);
  for (let index = 0; index < count && index < itemsMax; index++) {
    const item = heif.items.get(fields.next(idBytes));
    for (let left = fields.next(1); left > 0; left--) {
      const number = wide ? fields.next(2) & 0x7fff : fields.next(1) & 0x7f;
      const property = properties[number - 1];
      if (item && property && item.properties.length < propertiesMax) item.properties.push(property);
    }
  }
}

function pictureOf(heif: Heif, file: OpenFile): TiledPicture | undefined {
  const named = heif.items.get(heif.primary);
  // A file may name its thumbnail as the picture to begin with.
  const primary = heif.items.get(named?.thumbnailOf ?? heif.primary) ?? named;
  if (primary && codecs.has(primary.type)) return shapeOf([primary], primary, { columns: 1, rows: 1 }, file);
  if (primary?.type !== 'grid') return undefined;
  const [extent] = primary.extents;
  if (!extent || extent.length > 64) return undefined;
  const bytes = primary.inIdat
    ? heif.idat.subarray(extent.offset, extent.offset + extent.length)
    : file.read(extent.offset, extent.length);
  // 23008-12, 6.6.2.3: version, flags, rows - 1, columns - 1, then the size of what is shown of it.
  const [rows, columns] = [bytes.readUInt8(2) + 1, bytes.readUInt8(3) + 1];
  const sideBytes = (bytes.readUInt8(1) & 1) === 1 ? 4 : 2;
  const size = { width: bytes.readUIntBE(4, sideBytes), height: bytes.readUIntBE(4 + sideBytes, sideBytes) };
  const tiles = primary.parts.map((id) => heif.items.get(id)).filter((item) => item !== undefined);
  if (tiles.length !== rows * columns || tiles.some(({ type }) => !codecs.has(type))) return undefined;
  return shapeOf(tiles, primary, { columns, rows, ...size }, file);
}

const codecs = new Map<string, { codec: TiledPicture['codec']; config: string }>([
  ['hvc1', { codec: 'hevc', config: 'hvcC' }],
  ['av01', { codec: 'av1', config: 'av1C' }],
]);

type GridShape = { columns: number; rows: number; width?: number; height?: number };

/** Undefined when the tiles are not all alike: then they cannot be decoded as one stream. */
function shapeOf(tiles: Item[], whole: Item, grid: GridShape, file: OpenFile): TiledPicture | undefined {
  const [first] = tiles;
  const kind = codecs.get(first?.type ?? '');
  const config = first && kind && propertyOf(first, kind.config);
  const ispe = first && propertyOf(first, 'ispe');
  if (!kind || !config || !ispe) return undefined;
  for (const tile of tiles) {
    const alike = propertyOf(tile, kind.config)?.equals(config) && propertyOf(tile, 'ispe')?.equals(ispe);
    if (!alike || tile.inIdat || tile.extents.length === 0) return undefined;
    if (tile !== whole && transformsOf(tile).length > 0) return undefined;
    for (const { offset, length } of tile.extents) if (offset + length > file.size) throw damaged();
  }
  const [tileWidth, tileHeight] = [ispe.readUInt32BE(4), ispe.readUInt32BE(8)];
  const { columns, rows, width = tileWidth, height = tileHeight } = grid;
  const covered = width > 0 && height > 0 && width <= tileWidth * columns && height <= tileHeight * rows;
  if (!covered) throw damaged();
  const places = tiles.map(({ extents }) => extents);
  const shape = { width, height, columns, rows, tileWidth, tileHeight, tiles: places, config };
  return { codec: kind.codec, ...shape, transforms: transformsOf(whole), ...colourOf(whole, first) };
}

function propertyOf(item: Item, type: string): Buffer | undefined {
  return item.properties.find((property) => property.type === type)?.body;
}

function transformsOf(item: Item): HeifTransform[] {
  return item.properties.flatMap(({ type, body }): HeifTransform[] => {
    if (type === 'irot') return [{ turn: body.readUInt8(0) & 3 }];
    // 23008-12:2022, 6.5.12: 1 exchanges the left and the right part, 0 the top and the bottom part.
    if (type === 'imir') return [{ mirror: (body.readUInt8(0) & 1) === 1 ? 'left-right' : 'top-bottom' }];
    return type === 'clap' ? [{ crop: body }] : [];
  });
}

/** `colr`, 14496-12, 12.1.5. A grid may leave it to its tiles. */
function colourOf(...items: Array<Item | undefined>): { icc: Buffer | null; nclx: Nclx | null } {
  let icc: Buffer | null = null;
  let nclx: Nclx | null = null;
  for (const { type, body } of items.flatMap((item) => item?.properties ?? [])) {
    if (type !== 'colr') continue;
    const kind = body.toString('latin1', 0, 4);
    if ((kind === 'prof' || kind === 'rICC') && body.length <= profileBytesMax) icc ??= body.subarray(4);
    if (kind !== 'nclx') continue;
    const [primaries, transfer, matrix] = [body.readUInt16BE(4), body.readUInt16BE(6), body.readUInt16BE(8)];
    nclx ??= { primaries, transfer, matrix, fullRange: body.readUInt8(10) >> 7 === 1 };
  }
  return { icc, nclx };
}
