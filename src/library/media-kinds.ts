/**
 * What a file is, told by its name alone: the name decides where a file goes before anything has been decoded.
 * Media types are IANA's where there is one; raw pictures have none, so theirs are the names in common use.
 */
export type MediaKind = 'photo' | 'video' | 'sidecar' | 'file';

const photos: Readonly<Record<string, string>> = {
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  jpe: 'image/jpeg',
  heic: 'image/heic',
  heif: 'image/heif',
  hif: 'image/heif',
  avif: 'image/avif',
  png: 'image/png',
  gif: 'image/gif',
  webp: 'image/webp',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  bmp: 'image/bmp',
  jxl: 'image/jxl',
  dng: 'image/x-adobe-dng',
  cr2: 'image/x-canon-cr2',
  cr3: 'image/x-canon-cr3',
  nef: 'image/x-nikon-nef',
  nrw: 'image/x-nikon-nrw',
  arw: 'image/x-sony-arw',
  srf: 'image/x-sony-srf',
  sr2: 'image/x-sony-sr2',
  orf: 'image/x-olympus-orf',
  rw2: 'image/x-panasonic-rw2',
  raf: 'image/x-fuji-raf',
  pef: 'image/x-pentax-pef',
  srw: 'image/x-samsung-srw',
  rwl: 'image/x-leica-rwl',
  '3fr': 'image/x-hasselblad-3fr',
  iiq: 'image/x-phaseone-iiq',
  x3f: 'image/x-sigma-x3f',
};

// No `.ts`: far more often a program than a recording. No `.lrv`: a camera's rough copy of a video, not a video to keep
// among the photos; it is kept as a file.
const videos: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  mov: 'video/quicktime',
  '3gp': 'video/3gpp',
  '3g2': 'video/3gpp2',
  mkv: 'video/matroska',
  webm: 'video/webm',
  avi: 'video/vnd.avi',
  mts: 'video/mp2t',
  m2ts: 'video/mp2t',
  mpg: 'video/mpeg',
  mpeg: 'video/mpeg',
  wmv: 'video/x-ms-wmv',
  insv: 'video/mp4',
};

const kinds = new Map<string, { kind: MediaKind; mediaType: string }>();
for (const [extension, mediaType] of Object.entries(photos)) kinds.set(extension, { kind: 'photo', mediaType });
for (const [extension, mediaType] of Object.entries(videos)) kinds.set(extension, { kind: 'video', mediaType });
kinds.set('aae', { kind: 'sidecar', mediaType: 'application/xml' });
kinds.set('xmp', { kind: 'sidecar', mediaType: 'application/rdf+xml' });

/** Anything else is served as bytes: a guess such as text/html would let a stored file run as a page of the box. */
const anyFile = { kind: 'file', mediaType: 'application/octet-stream' } as const;

/** Tells the kind and media type of a file by the extension of its name (or path), whatever its case. */
export function mediaKind(name: string): { kind: MediaKind; mediaType: string } {
  const known = kinds.get(extensionOf(name));
  if (known) return known;
  if (isTakeoutSidecar(name)) return { kind: 'sidecar', mediaType: 'application/json' };
  return anyFile;
}

/** Lower case, without the dot; '' when there is none (`.jpg` alone is a hidden file without an extension). */
function extensionOf(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const dot = base.lastIndexOf('.');
  return dot <= 0 ? '' : base.slice(dot + 1).toLowerCase();
}

/**
 * Google Takeout: `NAME.EXT.json`, later `NAME.EXT.supplemental-metadata.json`, whose long middle is cut at any letter
 * so that the name fits, and `(2)` before `.json` for the second of the same name. Other `.json` files are files.
 */
function isTakeoutSidecar(name: string): boolean {
  const match = /^(.+?)(?:\.([a-z-]*))?(?:\(\d{1,4}\))?\.json$/i.exec(name.slice(name.lastIndexOf('/') + 1));
  if (!match) return false;
  const [, stem = '', middle = ''] = match;
  if (isMedia(`${stem}.${middle}`)) return true;
  return 'supplemental-metadata'.startsWith(middle.toLowerCase()) && isMedia(stem);
}

function isMedia(name: string): boolean {
  const kind = kinds.get(extensionOf(name))?.kind;
  return kind === 'photo' || kind === 'video';
}
