/**
 * What a WebDAV request says of itself: its target, its destination, its conditions, what comes with its body. Every
 * word of it is a stranger's. Pure, but for reading a small body.
 */
import type { FastifyRequest } from 'fastify';
import { CodedError } from '../platform/errors.ts';

/** `base`: the encoded path of the area's top, without a slash at its end. `path`: below it, decoded; '' at the top. */
export type Target = Readonly<{ base: string; path: string }>;

const bodyBytesMax = 64 * 1024;
const bodyMs = 30_000;
const mtimeMsMax = 8.64e15;

/**
 * The target below `base`. Slashes at its end or twice in a row mean nothing.
 * @throws {CodedError} `invalid-name` for what cannot be decoded; `not-found` for what is not below.
 */
export function targetBelow(url: string, base: string): Target {
  // A fragment is never sent; whoever sends one means something else than all that is named before it.
  if (url.includes('#')) throw new CodedError('invalid-request', 'The address of this request has a "#" in it.');
  const [path = ''] = url.split('?', 1);
  const parts = decoded(path);
  const own = decoded(base);
  if (own.some((part, index) => parts[index] !== part)) {
    throw new CodedError('not-found', 'There is nothing at this address for this phone.');
  }
  return { base, path: parts.slice(own.length).join('/') };
}

/** The path of a `Destination` header (RFC 4918, section 10.3). @throws {CodedError} `invalid-request` */
export function destinationUrl(request: FastifyRequest): string {
  const { destination } = request.headers;
  const base = `http://${request.headers.host ?? 'localhost'}`;
  if (typeof destination !== 'string' || destination === '' || !URL.canParse(destination, base)) {
    throw new CodedError('invalid-request', 'The request does not say where to: its Destination is missing or broken.');
  }
  if (destination.startsWith('/')) return destination;
  return destination.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '') || '/';
}

/** Default: what is there is replaced (RFC 4918, section 10.6). */
export function overwrites(request: FastifyRequest): boolean {
  return request.headers['overwrite'] !== 'F';
}

/** `infinity`, and saying nothing, is answered as 1: no app needs the whole tree at once. */
export function depthOf(request: FastifyRequest): 0 | 1 {
  return request.headers['depth'] === '0' ? 0 : 1;
}

/** @throws {CodedError} `precondition-failed` (RFC 9110, section 13.1). `etag` undefined: there is nothing as yet. */
export function checkConditions(request: FastifyRequest, etag: string | undefined): void {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  const lists = (header: string) =>
    header.trim() === '*' ? etag !== undefined : header.split(',').some((one) => one.trim() === etag);
  if ((match === undefined || lists(match)) && (noneMatch === undefined || !lists(noneMatch))) return;
  throw new CodedError('precondition-failed', 'What is there is not what the app thinks. Nothing was changed.');
}

/** `X-OC-Mtime`, seconds since 1970, also as a fraction; in ms. Null: it says none that can be. */
export function mtimeOf(request: FastifyRequest): number | null {
  const text = request.headers['x-oc-mtime'];
  if (typeof text !== 'string' || !/^-?\d{1,14}(\.\d{1,9})?$/.test(text.trim())) return null;
  const ms = Math.round(Number(text) * 1_000);
  return Math.abs(ms) <= mtimeMsMax ? ms : null;
}

/** Checksums of the whole file by Node's names: `OC-Checksum: SHA1:...`. Algorithms that the box does not know: none. */
export function checksumsIn(request: FastifyRequest): Record<string, string> {
  const header = request.headers['oc-checksum'];
  const checksums: Record<string, string> = {};
  for (const one of typeof header === 'string' ? header.split(/[\s,]+/, 8) : []) {
    const [, name = '', hex = ''] = /^(sha1|sha256|md5):([0-9a-f]{32,64})$/i.exec(one) ?? [];
    if (name !== '') checksums[name.toLowerCase()] = hex.toLowerCase();
  }
  return checksums;
}

/** A header that is a number of bytes. @throws {CodedError} `invalid-request` */
export function bytesIn(request: FastifyRequest, name: 'content-length' | 'oc-total-length'): number | undefined {
  const text = request.headers[name];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new CodedError('invalid-request', `The request must say ${name} as a whole number of bytes.`);
}

/** A part of a file must not be kept as if it were the whole (RFC 9110, section 14.5). */
export function refusePart(request: FastifyRequest): void {
  if (request.headers['content-range'] === undefined) return;
  throw new CodedError('invalid-request', 'A part of a file cannot be put into it. Nothing was changed.');
}

/** @throws {CodedError} `unsupported-media-type` (RFC 4918, section 9.3) */
export function refuseBody(request: FastifyRequest): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length === '0' && encoding === undefined) return;
  throw new CodedError('unsupported-media-type', 'Nobody here knows what to do with a body. Nothing was changed.');
}

/** The whole body of a small request, which may take `ms`. @throws {CodedError} `too-large`, `invalid-request` */
export function smallBody({ raw }: FastifyRequest, bytesMax = bodyBytesMax, ms = bodyMs): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const broken = () => reject(new CodedError('invalid-request', 'The body of this request did not come whole.'));
  const timer = setTimeout(() => raw.destroy(), ms);
  raw.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
    // The rest is read and dropped, so that the answer arrives.
    else reject(new CodedError('too-large', 'The body of this request is too large. Nothing was changed.'));
  });
  raw.once('end', () => resolve(Buffer.concat(chunks)));
  raw.once('error', broken);
  raw.once('close', broken);
  return promise.finally(() => clearTimeout(timer));
}

/** The path of a target, each part encoded (RFC 3986, section 3.3). */
export function hrefOf({ base, path }: Target, isFolder: boolean): string {
  const encoded = path === '' ? '' : `/${path.split('/').map(encodeURIComponent).join('/')}`;
  return `${base}${encoded}${isFolder ? '/' : ''}`;
}

function decoded(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => {
        const name = decodeURIComponent(part);
        if (name.includes('/')) throw new URIError('a slash in a name');
        return name;
      });
  } catch {
    throw new CodedError(
      'invalid-name',
      'The address of this request cannot be read as a name. Nothing was stored; rename the file on the phone.',
    );
  }
}
