/**
 * tus Upload-Metadata: `key base64, key base64, ...` (tus 1.0.0, Creation). Keys that nobody knows are ignored.
 */
import { CodedError } from '../platform/errors.ts';
import type { UploadFacts } from './upload.ts';

const valueBytesMax = 8 * 1024;
const pairsMax = 32;
const mtimeMax = 8.64e15;

/**
 * What the metadata says of the file. `path` is the phone's whole path and may be left out for a file that has only a
 * `filename`; where both are given, the path's last part is the name. `mtime` is in ms since 1970, also as a fraction.
 * @throws {CodedError} `invalid-request`, `invalid-name`.
 */
export function uploadFacts(header: string | string[] | undefined): UploadFacts {
  const values = parse(typeof header === 'string' ? header : '');
  const path = values.get('path') ?? values.get('filename');
  if (path === undefined || path === '') {
    throw new CodedError('invalid-name', 'The upload says neither filename nor path. Nothing was begun.');
  }
  const sha256 = values.get('sha256')?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) throw invalid('sha256 must be 64 hexadecimal digits');
  const key = bounded(values, 'key', 512);
  const pair = bounded(values, 'pair', 256);
  const origin = values.get('origin') ?? '';
  // A word that nobody knows must not make an original of what is none.
  if (origin !== '' && origin !== 'app' && origin !== 'browser') throw invalid('origin is app or browser');
  return {
    path,
    mtime: time(values.get('mtime')),
    ...(key === undefined ? {} : { key }),
    ...(pair === undefined ? {} : { pair }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(origin === 'browser' ? { origin } : {}),
  };
}

function parse(header: string): Map<string, string> {
  const values = new Map<string, string>();
  if (header.trim() === '') return values;
  const pairs = header.split(',');
  if (pairs.length > pairsMax) throw invalid(`at most ${pairsMax} keys`);
  for (const pair of pairs) {
    const [key, encoded = '', more] = pair.trim().split(/ +/);
    if (key === undefined || key === '' || more !== undefined || values.has(key))
      throw invalid('each key once, with one value');
    values.set(key, decode(encoded));
  }
  return values;
}

function decode(encoded: string): string {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) || encoded.length > valueBytesMax * 2) throw invalid('values are base64');
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length > valueBytesMax) throw invalid('a value is too long');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CodedError(
      'invalid-name',
      'A name in this upload is not UTF-8 text. Nothing was begun; rename the file on the phone.',
    );
  }
}

function bounded(values: Map<string, string>, key: string, lengthMax: number): string | undefined {
  const value = values.get(key);
  if (value === undefined || value === '') return undefined;
  if (value.length > lengthMax) throw invalid(`${key} may have ${lengthMax} characters`);
  return value;
}

function time(text: string | undefined): number | null {
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!/^-?\d{1,16}(\.\d+)?$/.test(text) || Math.abs(value) > mtimeMax)
    throw invalid('mtime is in milliseconds since 1970');
  return Math.round(value);
}

function invalid(what: string): CodedError {
  return new CodedError('invalid-request', `The upload's metadata cannot be read: ${what}. Nothing was begun.`);
}
