import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../test/support/asking.ts';
import { createLog } from '../platform/log.ts';
import { HttpServer } from './server.ts';
import { webApp } from './web-app.ts';

const html = `<!doctype html><title>Home</title>${'<p>hello</p>'.repeat(50)}`;
const script = `export const words = ${JSON.stringify('hello '.repeat(100))};`;
const font = Buffer.from([0, 1, 2, 3]);
let folder: string;
let dir: string;
let server: HttpServer;
let port: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightjar-web-app-'));
  // Wherever the box is installed, only what lies in the app's own `assets` never changes.
  dir = join(folder, 'assets/web');
  await mkdir(join(dir, 'assets'), { recursive: true });
  await mkdir(join(dir, '.vite'));
  for (const [name, text] of [
    ['index.html', html],
    ['theme.js', script],
    ['assets/app-1a2b.js', script],
  ] as const) {
    await writeFile(join(dir, name), text);
    await writeFile(join(dir, `${name}.br`), brotliCompressSync(text));
  }
  await writeFile(join(dir, 'assets/letters-3c4d.woff2'), font);
  await writeFile(join(dir, 'secret.txt'), 'of no known kind');
  await writeFile(join(dir, '.vite/manifest.json'), '{}');
  const routes = await webApp(dir, ['/', '/photos/:page']);
  if (routes === undefined) throw new Error('It was not found.');
  server = new HttpServer({
    routes: [routes],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
  port = await server.listenHttp(0);
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) => ask({ port, path, headers });
/** The bytes as they come, before anything is unpacked. */
async function bytes(path: string, headers: Record<string, string>): Promise<Buffer> {
  const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  return Buffer.from(await reply.arrayBuffer());
}

it('gives the page at each of its addresses, to be asked for anew each time, and none of it in a frame', async () => {
  for (const path of ['/', '/photos/12']) {
    const { status, text, headers } = await get(path);
    expect([status, text]).toEqual([200, html]);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
  const head = await ask({ port, path: '/', method: 'HEAD' });
  expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', String(html.length)]);
});

it('gives files with a hash in their name for good, those without to be asked for anew', async () => {
  const asset = await get('/assets/app-1a2b.js');
  expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  expect(asset.headers['content-type']).toBe('text/javascript; charset=utf-8');
  expect((await get('/theme.js')).headers['cache-control']).toBe('no-cache');
  const letters = await get('/assets/letters-3c4d.woff2', { 'accept-encoding': 'br' });
  expect(letters.headers['content-type']).toBe('font/woff2');
  expect(letters.headers['content-encoding']).toBeUndefined();
});

it.each([
  ['br', true],
  ['gzip, deflate, br;q=0.5', true],
  ['gzip, br; q=0.001', true],
  ['br;q=0', false],
  ['br; q=0.000', false],
  ['gzip', false],
  ['brotli', false],
  ['', false],
])('to “accept-encoding: %s” packed: %s', async (accepted, packed) => {
  const { headers } = await get('/assets/app-1a2b.js', { 'accept-encoding': accepted });
  expect(headers['content-encoding']).toBe(packed ? 'br' : undefined);
  // What is in between keeps the two apart.
  expect(headers.vary).toBe('accept-encoding');
  expect(Number(headers['content-length'])).toBe(packed ? brotliCompressSync(script).length : script.length);
  expect((await bytes('/assets/app-1a2b.js', { 'accept-encoding': accepted })).toString()).toBe(script);
});

it('gives nothing again to whoever has it, in the form that they have', async () => {
  for (const encoding of ['br', 'identity']) {
    const { headers } = await get('/', { 'accept-encoding': encoding });
    const etag = String(headers.etag);
    const again = await get('/', { 'accept-encoding': encoding, 'if-none-match': `"other", ${etag}` });
    expect([again.status, again.text, again.headers.etag]).toEqual([304, '', etag]);
  }
  const packed = String((await get('/', { 'accept-encoding': 'br' })).headers.etag);
  expect((await get('/', { 'if-none-match': packed })).status).toBe(200);
});

it('gives nothing else of the folder, and keeps nobody waiting a year for what is not there', async () => {
  for (const path of [
    '/secret.txt',
    '/.vite/manifest.json',
    '/index.html',
    '/assets/none.js',
    '/assets/..%2findex.html',
    '/assets/app-1a2b.js.br',
    '/theme.js.br',
  ]) {
    const { status, headers } = await get(path);
    expect([path, status]).toEqual([path, 404]);
    expect(headers['cache-control'] ?? '').not.toContain('immutable');
  }
  // Built anew while the box ran.
  await rm(join(dir, 'assets/app-1a2b.js.br'));
  const gone = await get('/assets/app-1a2b.js');
  expect(gone.status).toBe(404);
  expect(gone.headers['cache-control'] ?? '').not.toContain('immutable');
  expect(gone.headers.etag).toBeUndefined();
});

it('is not there while it was not built', async () => {
  expect(await webApp(join(dir, 'none'), ['/'])).toBeUndefined();
});

describe.skipIf(!(await isBuilt()))('what was built', () => {
  it('has its packed form beside every file that packing makes smaller', async () => {
    const root = builtDir();
    const names = (await readdir(root, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('.vite'))
      .map((entry) => join(entry.parentPath, entry.name));
    const texts = names.filter((name) => /\.(html|js|css|svg|webmanifest)$/.test(name));
    expect(texts.length).toBeGreaterThan(10);
    expect(texts.filter((name) => !names.includes(`${name}.br`))).toEqual([]);
  });

  it('packs what it serves', async () => {
    expect(await webApp(builtDir(), ['/'])).toBeDefined();
    const page = join(builtDir(), 'index.html');
    expect(brotliDecompressSync(await readFile(`${page}.br`)).toString()).toBe(await readFile(page, 'utf8'));
  });
});

function builtDir(): string {
  return new URL('../../dist/web', import.meta.url).pathname;
}

async function isBuilt(): Promise<boolean> {
  return await stat(join(builtDir(), 'index.html')).then(
    () => true,
    () => false,
  );
}
