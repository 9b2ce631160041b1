/**
 * Owns the web app as it is served: files with their content's hash in their name, which never change, and the one page
 * that loads them. Never holds a file's content: the system's cache does. What is packed once (brotli) goes out packed.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CodedError, systemCode } from '../platform/errors.ts';
import { type TSchema, Type } from '../platform/schema.ts';
import type { Contract, Routes } from './contract.ts';
import { pageHeaders } from './security-headers.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};
const immutable = 'public, max-age=31536000, immutable';
const pageFile = 'index.html';
const filesMax = 500;
const PageOf = Type.Object({ page: Type.String({ maxLength: 200 }) });

type WebFile = Readonly<{
  path: string;
  type: string;
  etag: string;
  packed: boolean;
  /** Its content's hash is in its name. */
  lasting: boolean;
}>;

/**
 * Serves what `vite build web` left in `dir`, and its page at `pages` (Fastify's paths). Undefined: it was not built.
 * `dir/assets` is immutable; the rest is asked for anew each time, by its ETag.
 */
export async function webApp(dir: string, pages: readonly string[]): Promise<Routes | undefined> {
  const files = await findFiles(dir);
  const page = files.get(`/${pageFile}`);
  if (page === undefined) return undefined;
  const contract: Record<string, Contract[string]> = {};
  const handlers: Record<string, unknown> = {};
  const add = (method: 'GET' | 'HEAD', path: string, serve: Serve, params: { params?: TSchema } = {}) => {
    const name = `web app ${method} ${path}`;
    contract[name] = { method, path, access: 'public', summary: 'The web app', status: 200, raw: true, ...params };
    handlers[name] = serve;
  };
  // One route for all of them: each costs memory.
  const asset: Serve = async (input, reply) => {
    const file = files.get(`/assets/${input.params['file']}`);
    if (file === undefined) throw new CodedError('not-found', 'There is no such file here. Load the page again.');
    await serve(file, input, reply);
  };
  add('GET', '/assets/:file', asset, { params: Type.Object({ file: Type.String({ maxLength: 200 }) }) });
  for (const [path, file] of files) {
    const own = path !== `/${pageFile}` && !path.slice(1).includes('/');
    if (own) add('GET', path, (input, reply) => serve(file, input, reply));
  }
  for (const path of pages) {
    for (const method of ['GET', 'HEAD'] as const) {
      add(method, path, (input, reply) => serve(page, input, reply), path.includes(':page') ? { params: PageOf } : {});
    }
  }
  return { contract, handlers };
}

type Asked = Readonly<{ request: FastifyRequest; params: Readonly<Record<string, unknown>> }>;
type Serve = (asked: Asked, reply: FastifyReply) => Promise<void>;

async function findFiles(dir: string): Promise<ReadonlyMap<string, WebFile>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.length > filesMax) throw new CodedError('internal', `There are more than ${filesMax} files in ${dir}.`);
  const names = new Set(entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
  const files = new Map<string, WebFile>();
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const packed = names.has(`${name}.br`);
    const path = packed ? `${name}.br` : name;
    const content = await readFile(path);
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    const own = name.slice(dir.length);
    files.set(own, { path, type, etag, packed, lasting: own.startsWith('/assets/') });
  }
  return files;
}

async function serve(file: WebFile, { request }: Asked, reply: FastifyReply): Promise<void> {
  const isPage = /^text\/(html|javascript)/.test(file.type);
  const packed = file.packed && acceptsBrotli(request.headers['accept-encoding']);
  // Another form is another representation (RFC 9110, section 8.8.3).
  const etag = packed || !file.packed ? file.etag : file.etag.replace(/"$/, '-plain"');
  const known = request.headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true;
  // Before any header is set: what is not there has none of them.
  const kept = known ? undefined : await contentOf(file.path);
  const lasting = { 'cache-control': file.lasting ? immutable : 'no-cache' };
  reply.headers({ ...(isPage ? pageHeaders : {}), ...lasting, vary: 'accept-encoding', etag });
  if (kept === undefined) {
    reply.code(304).send();
    return;
  }
  const content = packed || !file.packed ? kept : await promisify(brotliDecompress)(kept);
  if (packed) reply.header('content-encoding', 'br');
  reply.code(200).headers({ 'content-type': file.type, 'content-length': content.length });
  reply.send(request.method === 'HEAD' ? undefined : content);
}

async function contentOf(path: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new CodedError('not-found', 'The pages of the box were built anew while it ran. Start the box again.');
  });
}

/** Not with a weight of nought (RFC 9110, section 12.5.3). */
function acceptsBrotli(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((one) => /^\s*br\s*(;\s*q=(?!0(\.0*)?\s*$).*)?$/.test(one));
}
