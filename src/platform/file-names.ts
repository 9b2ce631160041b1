/**
 * Names as disks take them. Owns which characters and lengths are legal on both ext4 and exFAT (and so on Windows);
 * never touches a disk. Any room may call it.
 */

const nameBytesMax = 255;
/** Longer "extensions" are part of a sentence, not an extension. */
const extensionBytesMax = 16;

// <>:"/\|?* and controls are illegal on exFAT; bidirectional controls make a name show as another one than it is; line
// and paragraph separators break every list of names.
const illegal =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: replacing control characters is the point.
  /[<>:"/\\|?*\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]/g;
const loneSurrogate = /[\ud800-\udfff]/gu;
// Windows opens a device for these, whatever extension follows.
const reserved = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?= *(?:\.|$))/i;
const trailingDotsAndSpaces = /[. ]+$/;

/**
 * The legal form of one name (no path): NFC, never empty, never `.` or `..`, without separators, at most `bytesMax`
 * bytes of UTF-8 (a short extension is kept when the rest is cut). A legal name comes back unchanged.
 */
export function legalFileName(name: string, bytesMax: number = nameBytesMax): string {
  const clean = name
    .replace(loneSurrogate, '_')
    .normalize('NFC')
    .replace(illegal, '_')
    .replace(trailingDotsAndSpaces, '_')
    .replace(reserved, (device) => `${device}_`);
  if (clean === '') return '_';
  if (Buffer.byteLength(clean) <= bytesMax) return clean;
  return shorten(clean, bytesMax).replace(trailingDotsAndSpaces, '_');
}

/**
 * The form by which disks that ignore case tell names apart: two names with the same key cannot lie in one folder.
 */
export function fileNameKey(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function shorten(name: string, bytesMax: number): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 ? name.slice(dot) : '';
  const kept = Buffer.byteLength(extension) <= Math.min(extensionBytesMax, bytesMax - 1) ? extension : '';
  const room = bytesMax - Buffer.byteLength(kept);
  const stem = kept === '' ? name : name.slice(0, dot);
  let cut = '';
  let bytes = 0;
  for (const character of stem) {
    bytes += Buffer.byteLength(character);
    if (bytes > room) break;
    cut += character;
  }
  return cut + kept;
}
