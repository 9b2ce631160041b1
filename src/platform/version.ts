import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of the program whose package.json is in `root`; `unknown` where that says none. */
export async function programVersion(root: string): Promise<string> {
  const file: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : 'unknown';
}
