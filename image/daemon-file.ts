/**
 * Makes one JavaScript file of the daemon: `daemon-file.ts APP`, where APP has `src/` and `node_modules/` as they lie in the
 * image; it becomes APP/src/main.mjs. A start that reads some seven hundred modules one by one takes a slow computer seconds
 * and the daemon 15 MB for as long as it runs. Packages with programs of their own for each processor stay outside, and what
 * runs in another thread or process starts from `src/`. The same source gives the same bytes.
 */
import { realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'vite';

if (process.argv[2] === undefined) throw new Error('usage: daemon-file.ts APP');
const root = realpathSync(process.argv[2]);
// The places that it writes beside each module count from here: of the image, and not of who makes it.
process.chdir(root);
const src = join(root, 'src');
const name = 'main.mjs';
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

/** One letter beyond Latin-1, and V8 holds every one of the text in two bytes. In strings and patterns it is the same. */
function inAscii(code: string): string {
  return code.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

await build({
  root,
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  plugins: [ownPlaces],
  build: {
    ssr: join(src, 'main.ts'),
    target: 'node24',
    outDir: src,
    emptyOutDir: false,
    minify: false,
    rolldownOptions: { output: { entryFileNames: name, codeSplitting: false, comments: false } },
  },
  ssr: { noExternal: true, external: outside },
});
const file = join(src, name);
await writeFile(file, inAscii(await readFile(file, 'utf8')));
