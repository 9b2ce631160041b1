import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The files of a folder by relative path, with their SHA-256. Hidden ones are left out, as the client does. */
export type Tree = Readonly<{
  name: string;
  files: ReadonlyMap<string, string>;
  bytes: number;
  /** By the checksum of their first bytes: to know a file of which not more has arrived. */
  beginnings: ReadonlyMap<string, { path: string; size: number }>;
}>;

const beginningBytes = 64 * 1024;

export async function checksums(dir: string): Promise<Tree> {
  const files = new Map<string, string>();
  const beginnings = new Map<string, { path: string; size: number }>();
  let bytes = 0;
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(dir.length + 1);
    if (!entry.isFile() || relative.split('/').some((part) => part.startsWith('.'))) continue;
    const { size } = await stat(path);
    bytes += size;
    files.set(relative, await sha256Of(path));
    if (size > beginningBytes) beginnings.set(await sha256Of(path, beginningBytes), { path: relative, size });
  }
  return { name: basename(dir), files, bytes, beginnings };
}

/** A file of `tree` of which between a tenth and nine tenths lie in `incoming`. */
export async function inTheMiddle(
  incoming: string,
  tree: Tree,
): Promise<{ path: string; percent: number } | undefined> {
  for (const name of await readdir(incoming)) {
    const path = join(incoming, name);
    const has = await stat(path).then(
      (facts) => facts.size,
      () => 0,
    );
    if (has <= beginningBytes) continue;
    const whole = tree.beginnings.get(await sha256Of(path, beginningBytes).catch(() => ''));
    const share = whole === undefined ? 0 : has / whole.size;
    if (whole !== undefined && share > 0.1 && share < 0.9)
      return { path: whole.path, percent: Math.round(share * 100) };
  }
  return undefined;
}

async function sha256Of(path: string, bytes = Number.MAX_SAFE_INTEGER): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk);
  return hash.digest('hex');
}
