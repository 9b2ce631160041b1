/**
 * Update bundles that no good release is: made from the built one, and signed again. A plain bundle (RAUC Reference, "Bundle
 * Formats") is a squashfs with a manifest and images, a detached CMS signature behind it, and its length in 8 bytes.
 */

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const projectDir = new URL('../../..', import.meta.url).pathname;
const lengthBytes = 8;
const smallBytes = 1024 * 1024;
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
    return await this.#small('stranger', (manifest) => manifest, await strangersKeys(this.#dir));
  }

  /** Signed by the right key, with one bit otherwise since. */
  async withAFlippedBit(): Promise<string> {
    const path = await this.#small('flipped', (manifest) => manifest, ownKeys());
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
    const path = await this.#small('short', (manifest) => manifest, ownKeys());
    await truncate(path, Math.floor((await stat(path)).size * 0.6));
    return path;
  }

  /** Of this builder, and for another board. */
  async ofAnotherBoard(): Promise<string> {
    return await this.#small('board', (manifest) => manifest.replace('nightjar-pi', 'nightjar-pc'), ownKeys());
  }

  /** Of this builder: it starts, and its daemon never does. */
  async thatNeverServes(): Promise<string> {
    const manifest = await this.#manifest();
    const image = join(this.#tree, imageOf(manifest, 'boot'));
    const line = (await run('mtype', ['-i', image, '::cmdline.txt'])).stdout.trim();
    const changed = join(this.#dir, 'cmdline.txt');
    await writeFile(changed, `${line} systemd.mask=nightjar.service\n`);
    await run('mcopy', ['-o', '-i', image, changed, '::cmdline.txt']);
    await writeFile(join(this.#tree, 'manifest.raucm'), await measured(manifest, 'boot', image));
    return await packed(this.#tree, join(this.#dir, 'dead.raucb'), ownKeys());
  }

  /** What is refused before its images are looked at need not bring the real ones over a slow emulated network. */
  async #small(name: string, change: (manifest: string) => string, keys: Keys): Promise<string> {
    const tree = join(this.#dir, `${name}-tree`);
    await mkdir(tree);
    let manifest = await this.#manifest();
    for (const image of ['boot', 'root']) {
      const path = join(tree, imageOf(manifest, image));
      await writeFile(path, randomBytes(smallBytes));
      manifest = await measured(manifest, image, path);
    }
    await writeFile(join(tree, 'manifest.raucm'), change(manifest));
    return await packed(tree, join(this.#dir, `${name}.raucb`), keys);
  }

  async #manifest(): Promise<string> {
    return await readFile(join(this.#tree, 'manifest.raucm'), 'utf8');
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

/** A folder as a signed bundle. */
async function packed(tree: string, path: string, keys: Keys): Promise<string> {
  await rm(path, { force: true });
  const options = ['-quiet', '-no-progress', '-noappend', '-all-root', '-comp', 'zstd', '-Xcompression-level', '3'];
  await run('mksquashfs', [tree, path, ...options], { timeout: toolMsMax });
  await sign(path, keys);
  return path;
}

/** The manifest of a tree in which an image has other bytes now. */
async function measured(manifest: string, image: string, path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  const before = sectionOf(manifest, image);
  const after = before
    .replace(/^sha256=.*$/m, `sha256=${hash.digest('hex')}`)
    .replace(/^size=.*$/m, `size=${(await stat(path)).size}`);
  return manifest.replace(before, after);
}
