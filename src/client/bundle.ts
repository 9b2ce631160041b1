/**
 * Makes `dist/nightjar-phone.tgz`: the phone client as one plain JavaScript file in an npm package without dependencies.
 * The same source gives the same bytes: fixed times, owners and order. Run by `npm run build:client`.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Writes the tarball; returns its path. */
export async function bundleClient(outDir = join(root, 'dist')): Promise<string> {
  const { version, license } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const work = await mkdtemp(join(tmpdir(), 'nightjar-bundle-'));
  try {
    const bin = join(work, 'package', 'bin');
    await build({
      root,
      configFile: false,
      logLevel: 'warn',
      publicDir: false,
      build: {
        ssr: join(root, 'src/client/main.ts'),
        target: 'node20',
        outDir: bin,
        emptyOutDir: true,
        minify: false,
        rolldownOptions: { output: { entryFileNames: 'nightjar-phone.mjs', codeSplitting: false } },
      },
      ssr: { noExternal: true },
    });
    const manifest = {
      name: 'nightjar-phone',
      version,
      description: 'Backs up the folders of a phone or computer to its Nightjar box, and brings them back.',
      license,
      type: 'module',
      engines: { node: '>=20' },
      bin: { 'nightjar-phone': 'bin/nightjar-phone.mjs' },
    };
    await writeFile(join(work, 'package', 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await chmod(join(work, 'package', 'package.json'), 0o644);
    await chmod(join(bin, 'nightjar-phone.mjs'), 0o755);
    await chmod(bin, 0o755);
    await chmod(join(work, 'package'), 0o755);
    await mkdir(outDir, { recursive: true });
    const tarball = join(outDir, 'nightjar-phone.tgz');
    await writeFile(`${tarball}.new`, gzipSync(await tar(work), { level: 9 }));
    await rename(`${tarball}.new`, tarball);
    return tarball;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function tar(folder: string): Promise<Buffer> {
  const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];
  const options = { encoding: 'buffer' as const, maxBuffer: 64 * 1024 * 1024 };
  return (await run('tar', [...fixed, '-C', folder, '-cf', '-', 'package'], options)).stdout;
}

if (import.meta.main) process.stdout.write(`${await bundleClient()}\n`);
