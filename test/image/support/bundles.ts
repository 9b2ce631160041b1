/**
 * Update bundles that no good release is: made from the built one, and signed again. A plain bundle (RAUC Reference, "Bundle
 * Formats") is a squashfs with a manifest and images, a detached CMS signature behind it, and its length in 8 bytes.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const projectDir = new URL('../../..', import.meta.url).pathname;
const lengthBytes = 8;
const toolMsMax = 600_000;

type Keys = Readonly<{ key: string; certificate: string }>;

/** The release's own bundle. Undefined: none was built. */
export async function builtBundle(): Promise<string | undefined> {
  const names = await readdir(join(projectDir, 'dist')).catch(() => []);
  const name = names.find((one) => one.startsWith('nightjar-') && one.endsWith('-pi.raucb'));
  return name === undefined ? undefined : join(projectDir, 'dist', name);
}

export class Bundles {
  readonly #dir: string;
  readonly #tree: string;
  readonly #built: string;

  private constructor(dir: string, built: string) {
    this.#dir = dir;
    this.#tree = join(dir, 'tree');
    this.#built = built;
  }

  /** Unpacks the built one in `dir`. */
  static async from(built: string, dir: string): Promise<Bundles> {
    const bundles = new Bundles(dir, built);
    await mkdir(dir, { recursive: true });
    const payload = join(dir, 'payload');
    await bundles.#payload(payload);
    await run('unsquashfs', ['-q', '-n', '-d', bundles.#tree, payload], { timeout: toolMsMax });
    await rm(payload);
    return bundles;
  }

  /** The good one. */
  get good(): string {
    return this.#built;
  }

  /** Right in everything, and signed by somebody else. */
  async ofAStranger(): Promise<string> {
    const path = join(this.#dir, 'stranger.raucb');
    await this.#payload(path);
    await sign(path, await strangersKeys(this.#dir));
    return path;
  }

  /** Signed by the right key, with one bit otherwise since. */
  async withAFlippedBit(): Promise<string> {
    const path = join(this.#dir, 'flipped.raucb');
    await run('cp', ['--sparse=always', this.#built, path]);
    const file = await open(path, 'r+');
    const at = Math.floor((await stat(path)).size / 2);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    await file.write(Buffer.from([byte.readUInt8(0) ^ 1]), 0, 1, at);
    await file.close();
    return path;
  }

  /** As a download that broke off. */
  async cutShort(): Promise<string> {
    const path = join(this.#dir, 'short.raucb');
    await run('cp', ['--sparse=always', this.#built, path]);
    await truncate(path, Math.floor((await stat(path)).size * 0.6));
    return path;
  }

  /** Of this builder, and for another board. */
  async ofAnotherBoard(): Promise<string> {
    return await this.#made('board', async (manifest) => manifest.replace('nightjar-pi', 'nightjar-pc'));
  }

  /** Of this builder: it starts, and its daemon never does. */
  async thatNeverServes(): Promise<string> {
    return await this.#made('dead', async (manifest) => {
      const image = imageOf(manifest, 'boot');
      const path = join(this.#tree, image);
      const line = (await run('mtype', ['-i', path, '::cmdline.txt'])).stdout.trim();
      const changed = join(this.#dir, 'cmdline.txt');
      await writeFile(changed, `${line} systemd.mask=nightjar.service\n`);
      await run('mcopy', ['-o', '-i', path, changed, '::cmdline.txt']);
      return manifest.replace(sectionOf(manifest, 'boot'), await measured(manifest, 'boot', path));
    });
  }

  /** `change`: may change the tree, and says what the manifest becomes. */
  async #made(name: string, change: (manifest: string) => Promise<string>): Promise<string> {
    const path = join(this.#dir, `${name}.raucb`);
    const manifestPath = join(this.#tree, 'manifest.raucm');
    const manifest = await readFile(manifestPath, 'utf8');
    await writeFile(manifestPath, await change(manifest));
    await rm(path, { force: true });
    const options = ['-quiet', '-no-progress', '-noappend', '-all-root', '-comp', 'zstd', '-Xcompression-level', '3'];
    await run('mksquashfs', [this.#tree, path, ...options], { timeout: toolMsMax });
    await writeFile(manifestPath, manifest);
    await sign(path, ownKeys());
    return path;
  }

  /** The built one without its signature. */
  async #payload(path: string): Promise<void> {
    const { size } = await stat(this.#built);
    const file = await open(this.#built);
    const length = Buffer.alloc(lengthBytes);
    await file.read(length, 0, lengthBytes, size - lengthBytes);
    await file.close();
    await run('cp', ['--sparse=always', this.#built, path]);
    await truncate(path, size - lengthBytes - Number(length.readBigUInt64BE()));
  }
}

/** As `make keys` keeps them. */
function ownKeys(): Keys {
  const config = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  const dir = process.env['NIGHTJAR_KEYS'] ?? join(config, 'nightjar-keys');
  return { key: join(dir, 'update.key'), certificate: join(dir, 'update.pem') };
}

async function strangersKeys(dir: string): Promise<Keys> {
  const keys = { key: join(dir, 'stranger.key'), certificate: join(dir, 'stranger.pem') };
  const subject = ['-subj', '/CN=Somebody else', '-addext', 'keyUsage=critical,digitalSignature,keyCertSign'];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  await run('openssl', ['req', '-x509', ...made, ...subject, '-keyout', keys.key, '-out', keys.certificate]);
  return keys;
}

/** RFC 5652: SignedData without its content, behind the squashfs, and how long it is. */
async function sign(path: string, { key, certificate }: Keys): Promise<void> {
  const signature = `${path}.cms`;
  const args = ['-sign', '-binary', '-outform', 'DER', '-md', 'sha256', '-in', path, '-out', signature];
  await run('openssl', ['cms', ...args, '-signer', certificate, '-inkey', key], { timeout: toolMsMax });
  const bytes = await readFile(signature);
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64BE(BigInt(bytes.length));
  await appendFile(path, Buffer.concat([bytes, length]));
  await rm(signature);
}

/** `[image.boot]` and its lines. */
function sectionOf(manifest: string, image: string): string {
  return new RegExp(`\\[image\\.${image}\\]\\n(?:[^\\[\\n][^\\n]*\\n?|\\n)*`).exec(manifest)?.[0] ?? '';
}

function imageOf(manifest: string, image: string): string {
  const name = /^filename=(.+)$/m.exec(sectionOf(manifest, image))?.[1];
  if (name === undefined) throw new Error(`The bundle's manifest names no ${image}:\n${manifest}`);
  return name;
}

/** The section of an image whose bytes are others now. */
async function measured(manifest: string, image: string, path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return sectionOf(manifest, image)
    .replace(/^sha256=.*$/m, `sha256=${hash.digest('hex')}`)
    .replace(/^size=.*$/m, `size=${(await stat(path)).size}`);
}
