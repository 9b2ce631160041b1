/**
 * Small pictures for apps' lists, of what this phone has in view: those that the box made already, or makes now. JPEG,
 * which is what every version of the apps reads; the box's own pages take WebP.
 */
import type { FastifyReply } from 'fastify';
import type { Routes } from '../http/contract.ts';
import type { Viewed } from '../library/phone-view.ts';
import { CodedError } from '../platform/errors.ts';
import { type At, there } from './at.ts';
import { type AppInput, type Verb, verbRoutes } from './dav-reply.ts';
import { targetBelow } from './dav-request.ts';
import type { Files } from './files.ts';

/** `bytes` makes the JPEG; `etag`, in quotes, is known before. */
type Shown = Readonly<{ bytes: () => Promise<Buffer>; etag: string }>;
export type PreviewsDeps = Readonly<{
  files: Files;
  /** @throws {CodedError} `not-found`, `no-picture`, `busy` */
  picture: (personId: string, assetId: number, size: 'grid' | 'preview', signal: AbortSignal) => Promise<Shown>;
}>;

/** Pixels of the small one. */
const gridPixels = 320;
const pixelsUsual = 32;
const cache = 'private, max-age=86400';
const byPathPath = '/index.php/apps/files/api/v1/thumbnail';

/** By the id of a name (`fileId`), by its path (`file`), or by the path behind two sizes, as older apps ask. */
export function previewRoutes(deps: PreviewsDeps): Routes[] {
  const byQuery: Verb = async (input, reply) => {
    const query = new URLSearchParams(input.request.raw.url?.split('?', 2)[1] ?? '');
    const id = query.get('fileId') ?? query.get('fileid');
    const size = sizeFor(query.get('x'), query.get('y'));
    if (id !== null) {
      const find = ({ open, caller }: At) =>
        /^\d{1,15}$/.test(id) ? open.view.byId(caller.phoneId, Number(id)) : undefined;
      return await send(deps, input, reply, { path: '', size, find });
    }
    const path = (query.get('file') ?? '').split('/').filter((part) => part !== '');
    return await send(deps, input, reply, { path: path.join('/'), size, find: there });
  };
  const byPath: Verb = async (input, reply) => {
    const { path } = targetBelow(input.request.raw.url ?? '', byPathPath);
    const [x = '', y = '', ...name] = path.split('/');
    await send(deps, input, reply, { path: name.join('/'), size: sizeFor(x, y), find: there });
  };
  return [
    verbRoutes('previews', ['/index.php/core/preview', '/index.php/core/preview.png'], { GET: byQuery }),
    verbRoutes('thumbnails', [`${byPathPath}/*`], { GET: byPath }),
  ];
}

type Wanted = Readonly<{ path: string; size: 'grid' | 'preview'; find: (at: At) => Viewed | undefined }>;

async function send(
  { files, picture }: PreviewsDeps,
  input: AppInput,
  reply: FastifyReply,
  { path, size, find }: Wanted,
): Promise<void> {
  const { caller, request } = input;
  const found = await files.at(input, async (at) => find(at), { base: '', path });
  if (found?.kind !== 'file' || !found.isPicture || found.deleted) {
    throw new CodedError('no-picture', 'There is no picture of this.');
  }
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  const { bytes, etag } = await picture(caller.personId, found.assetId, size, gone.signal);
  reply.header('ETag', etag).header('Cache-Control', cache).header('Vary', 'Authorization');
  if (request.headers['if-none-match'] === etag) {
    reply.code(304).send();
    return;
  }
  reply.header('Content-Type', 'image/jpeg').send(await bytes());
}

function sizeFor(x: string | null, y: string | null): 'grid' | 'preview' {
  const pixels = Math.max(...[x, y].map((text) => Number(text ?? pixelsUsual) || pixelsUsual));
  return pixels <= gridPixels ? 'grid' : 'preview';
}
