/**
 * Reads the one thing that the library wants from Apple's maker note: the identifier that both halves of a Live Photo
 * carry. Pure, and bounded by the note's own bytes.
 *
 * The note is `Apple iOS`, a zero, a version, the byte order, and a TIFF directory (TIFF 6.0, section 2) whose offsets
 * count from the note's first byte.
 */
const head = 'Apple iOS\0';
const byteOrderAt = 12;
const directoryAt = 14;
const entryBytes = 12;
const entriesMax = 512;
const contentIdentifierTag = 0x0011;
const asciiType = 2;
const identifierBytesMax = 64;

/** The content identifier as it stands there, or undefined. */
export function contentIdentifier(note: Uint8Array): string | undefined {
  const bytes = Buffer.from(note.buffer, note.byteOffset, note.byteLength);
  if (bytes.length < directoryAt + 2 || bytes.toString('latin1', 0, head.length) !== head) return undefined;
  const order = bytes.toString('latin1', byteOrderAt, directoryAt);
  if (order !== 'MM' && order !== 'II') return undefined;
  const short = (at: number) => (order === 'MM' ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at));
  const long = (at: number) => (order === 'MM' ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at));
  const entries = Math.min(short(directoryAt), entriesMax);
  for (let entry = 0; entry < entries; entry++) {
    const at = directoryAt + 2 + entry * entryBytes;
    if (at + entryBytes > bytes.length) return undefined;
    if (short(at) !== contentIdentifierTag || short(at + 2) !== asciiType) continue;
    const length = long(at + 4);
    const value = length <= 4 ? at + 8 : long(at + 8);
    if (length > identifierBytesMax || value + length > bytes.length) return undefined;
    return bytes.toString('latin1', value, value + length).replace(/[\s\0]+$/, '');
  }
  return undefined;
}
