/** What the first visit to the home page costs: everything that the page, its script and its styles bring along. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { WebHouse } from '../support/web.ts';

type Chunk = Readonly<{
  file: string;
  isEntry?: boolean;
  imports?: readonly string[];
  css?: readonly string[];
}>;
const dir = new URL('../../dist/web', import.meta.url).pathname;
const kilo = 1000;
/** Promised. Aimed at: 45 and 10. */
const scriptBytesMax = 100 * kilo;
const styleBytesMax = 30 * kilo;
const fontBytesMax = 45 * kilo;
/** In the first view of a language of the West; the others are loaded for their letters alone. */
const firstFonts = /(figtree|bricolage-grotesque)-latin-(wght|600)-normal-[\w-]+\.woff2$/;

async function manifest(): Promise<Readonly<Record<string, Chunk>>> {
  return JSON.parse(await readFile(join(dir, '.vite/manifest.json'), 'utf8')) as Readonly<Record<string, Chunk>>;
}

/** A chunk with everything that is imported for it at once. */
function withImports(chunks: Readonly<Record<string, Chunk>>, names: readonly string[]): Set<Chunk> {
  const found = new Set<Chunk>();
  const add = (name: string) => {
    const chunk = chunks[name];
    if (chunk === undefined || found.has(chunk)) return;
    found.add(chunk);
    for (const one of chunk.imports ?? []) add(one);
  };
  for (const name of names) add(name);
  return found;
}

/** Gzipped, in bytes; of what every server would send. */
async function packed(files: Iterable<string>): Promise<number> {
  let bytes = 0;
  for (const file of new Set(files)) bytes += gzipSync(await readFile(join(dir, file))).length;
  return bytes;
}

it('loads home with at most 100 KB of scripts, 30 KB of styles and 45 KB of fonts', async () => {
  const chunks = await manifest();
  const entry = Object.keys(chunks).find((name) => chunks[name]?.isEntry === true) ?? '';
  const loaded = [...withImports(chunks, [entry, 'src/home/home.tsx'])];
  // The one that the test is about is really among them.
  expect(loaded.map(({ file }) => basename(file))).toContainEqual(expect.stringMatching(/^home-/));
  const page = await readFile(join(dir, 'index.html'), 'utf8');
  const plain = [...page.matchAll(/<script src="\/([^"]+)"/g)].map(([, file = '']) => file);
  const linked = [...page.matchAll(/<link rel="stylesheet"[^>]*href="\/([^"]+)"/g)].map(([, file = '']) => file);
  const scripts = await packed([...loaded.map(({ file }) => file), ...plain]);
  const styles = [...loaded.flatMap(({ css = [] }) => css), ...linked];
  const sheets = await Promise.all([...new Set(styles)].map((file) => readFile(join(dir, file), 'utf8')));
  const fonts = new Set(
    sheets.flatMap((sheet) => [...sheet.matchAll(/url\(\/?([^)"']+\.woff2)\)/g)].map(([, file = '']) => file)),
  );
  let fontBytes = 0;
  for (const file of fonts) if (firstFonts.test(file)) fontBytes += (await readFile(join(dir, file))).length;
  const sizes = { scripts, styles: await packed(styles), fonts: fontBytes };
  expect(sizes.fonts).toBeGreaterThan(20 * kilo);
  expect(sizes.styles).toBeGreaterThan(kilo);
  expect(sizes.scripts, JSON.stringify(sizes)).toBeLessThanOrEqual(scriptBytesMax);
  expect(sizes.styles, JSON.stringify(sizes)).toBeLessThanOrEqual(styleBytesMax);
  expect(sizes.fonts, JSON.stringify(sizes)).toBeLessThanOrEqual(fontBytesMax);
});

it('asks for no more than that in a browser', async () => {
  await using house = await WebHouse.start();
  const visitor = await house.visit();
  await visitor.signIn();
  const asked = new Set<string>();
  visitor.page.on('request', (request) => void asked.add(new URL(request.url()).pathname.slice(1)));
  await visitor.go('/');
  await visitor.page.getByRole('heading', { level: 1 }).waitFor();
  await visitor.page.waitForLoadState('networkidle');
  const files = [...asked].filter((path) => /\.(js|css|woff2)$/.test(path));
  const of = (end: string) => files.filter((path) => path.endsWith(end));
  expect(of('.js').length).toBeGreaterThan(2);
  expect(await packed(of('.js'))).toBeLessThanOrEqual(scriptBytesMax);
  expect(await packed(of('.css'))).toBeLessThanOrEqual(styleBytesMax);
  expect(await packed(of('.woff2'))).toBeLessThanOrEqual(fontBytesMax);
  // One question to the box for all that the page shows, and what every page asks.
  expect([...asked].filter((path) => path.startsWith('api/')).sort()).toEqual([
    'api/events',
    'api/home',
    'api/sessions/current',
  ]);
});
