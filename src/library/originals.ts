/**
 * Gives originals back: whole or one range of them, with a strong ETag that is the content's checksum (RFC 9110,
 * sections 8.8.3, 13 and 14). Several ranges in one request are answered with the whole, as the RFC allows.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { posix } from 'node:path';
import type { FastifyReply } from 'fastify';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { OpenLibrary } from './open-library.ts';
import type { AssetRow } from './store.ts';

export type Original = Readonly<{ asset: AssetRow; file: FileHandle }>;

const savedType = 'application/octet-stream';

/** Without O_NONBLOCK a named pipe would hold one of the few threads that all files are read by, for ever. */
export const originalFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** @throws {CodedError} `not-found` also for another person's photo, and for one whose file was taken away. */
export async function openOriginal(library: OpenLibrary, personId: string, id: number): Promise<Original> {
  const asset = library.rows.asset(id);
  if (asset === undefined || asset.person_id !== personId || asset.state !== 'present') {
    throw new CodedError('not-found', 'There is no such photo in this library.');
  }
  const place = library.disk.resolve(asset.path);
  const file = await open(place, originalFlags).catch(async (error: unknown) => {
    const code = systemCode(error);
    const gone = code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || (await isSomethingElse(place));
    if (!gone) throw error;
    return await notThere(library, asset, 'is not on the disk any more. Somebody moved or removed it there.');
  });
  try {
    const stat = await file.stat();
    if (stat.isFile() && stat.size === asset.size) return { asset, file };
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return await notThere(library, asset, 'was changed on the disk, so it is not the photo that came in.');
}

/** A socket or a device in its place says ENXIO when it is opened, as a disk that is gone does. */
async function isSomethingElse(place: string): Promise<boolean> {
  const stat = await lstat(place).catch(() => undefined);
  return stat !== undefined && !stat.isFile();
}

/** What is found to be gone is not had any more: a phone that still has it sends it again. */
async function notThere(library: OpenLibrary, asset: AssetRow, what: string): Promise<never> {
  await library.disk.check();
  await library.database.write(() => library.rows.markMissing(asset.id));
  throw new CodedError('not-found', `The file "${asset.path}" ${what}`);
}

/** The video inside a motion photo: what is sent in place of the whole file. Bytes. */
type MotionPart = Readonly<{ offset: number; length: number }>;

/** Answers with the original (or with the video inside it), and closes it in every case. */
export async function sendOriginal(
  { asset, file }: Original,
  reply: FastifyReply,
  { withBody, part }: { withBody: boolean; part?: MotionPart },
): Promise<void> {
  const { headers } = reply.request;
  const etag = `"${asset.sha256.toString('hex')}${part === undefined ? '' : '-motion'}"`;
  const name = posix.basename(asset.path);
  const length = part?.length ?? asset.size;
  const first = part?.offset ?? 0;
  reply
    .header('ETag', etag)
    .header('Accept-Ranges', 'bytes')
    .header('Cache-Control', 'private, no-cache')
    .header('Last-Modified', new Date(asset.mtime ?? asset.added_at).toUTCString())
    // An original is untrusted: it is shown as the picture or video that its name says, or saved, and never run as a page.
    .header('Content-Type', part === undefined ? shownType(asset) : 'video/mp4')
    .header(
      'Content-Disposition',
      `${shownType(asset) === savedType ? 'attachment' : 'inline'}; filename*=UTF-8''${encode(part === undefined ? name : `${name}.mp4`)}`,
    );
  if (matches(headers['if-none-match'], etag)) {
    await file.close();
    reply.code(304).send();
    return;
  }
  const wanted = headers['if-range'] === undefined || headers['if-range'] === etag ? headers.range : undefined;
  const range = rangeOf(wanted, length);
  if (range === 'unsatisfiable') {
    await file.close();
    reply.code(416).header('Content-Range', `bytes */${length}`).send();
    return;
  }
  const { start, end } = range ?? { start: 0, end: length - 1 };
  if (range !== undefined) reply.code(206).header('Content-Range', `bytes ${start}-${end}/${length}`);
  reply.header('Content-Length', String(end - start + 1));
  if (!withBody || length === 0) {
    await file.close();
    reply.send();
    return;
  }
  reply.send(file.createReadStream({ start: first + start, end: first + end, highWaterMark: 256 * 1024 }));
}

/** What a browser is told of an original: pictures and videos, and no form of them that can hold a script. */
function shownType({ kind, media_type: type }: AssetRow): string {
  const shown = (kind === 'photo' || kind === 'video') && /^(image|video)\/[a-z0-9.-]+$/.test(type);
  return shown ? type : savedType;
}

/** One `bytes=` range within `size`; undefined when there is none that counts (RFC 9110, section 14.1.2). */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== '' && Number(last) < start) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** RFC 8187, section 3.2.1. */
function encode(name: string): string {
  return encodeURIComponent(name).replaceAll(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
