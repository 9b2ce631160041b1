import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Routes } from './contract.ts';
import { staticPage } from './pages.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The one thing that a page of another origin may load: the welcome page, on plain http, looks by it whether this device
 * trusts the box by now. It says nothing that asking the address would not.
 */
const probe = 'probe.svg';
const probeHeaders = { 'cross-origin-resource-policy': 'cross-origin', 'cache-control': 'no-store' };

/**
 * Serves the files of one folder under `/static/`, and those named in `paths` at a path of their own. They are few and
 * small, so they are read once; what has no known type is not served.
 */
export async function staticFiles(dir: string, paths: Readonly<Record<string, string>>): Promise<Routes[]> {
  const made: Routes[] = [];
  for (const file of await readdir(dir)) {
    const type = types[extname(file)];
    if (type === undefined) continue;
    const path = paths[file] ?? `/static/${file}`;
    made.push(staticPage(path, type, await readFile(join(dir, file)), file === probe ? probeHeaders : {}));
  }
  return made;
}
