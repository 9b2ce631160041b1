/**
 * Makes one JavaScript file of the daemon: `daemon-file.ts FILE`, where FILE lies in a copy of `src/`, as `main.mjs`
 * beside `main.ts`. A start that reads some seven hundred modules one by one takes a slow computer seconds and the daemon
 * 15 MB for as long as it runs. Packages with programs of their own for each processor stay outside, and what runs in
 * another thread or process starts from the copy. The same source gives the same bytes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');
const outside = ['better-sqlite3', 'sharp', 'libheif-js'];

/** A module finds what lies beside it from its own place; in one file all have the place of that file. */
const ownPlaces = {
  name: 'own-places',
  transform(code: string, id: string) {
    const path = relative(src, id);
    if (path.startsWith('..') || path === 'main.ts' || !code.includes('import.meta.')) return null;
    if (/import\.meta\.(?!url\b)/.test(code))
      throw new Error(`${path} asks for its place by other than import.meta.url`);
    const place = JSON.stringify(`./${path}`);
    return { code: code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`), map: null };
  },
};

/** V8 holds the text of what runs. Names stay: they are what a stack in the journal says. */
const minify = { compress: false, mangle: false, codegen: { removeWhitespace: true } };

/** One letter beyond Latin-1, and V8 holds every one of the text in two bytes. In strings and patterns it is the same. */
function inAscii(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const file = process.argv[2];
if (file === undefined) throw new Error('usage: daemon-file.ts FILE');
await build({
  root,
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  plugins: [ownPlaces],
  build: {
    ssr: join(src, 'main.ts'),
    target: 'node24',
    outDir: dirname(file),
    emptyOutDir: false,
    minify: false,
    rolldownOptions: { output: { entryFileNames: basename(file), codeSplitting: false, minify, comments: false } },
  },
  ssr: { noExternal: true, external: outside },
});
await writeFile(file, inAscii(await readFile(file, 'utf8')));
