/**
 * update-manifest.ts BUNDLE URL [NOT-BEFORE]: for whoever publishes updates: writes, beside a bundle
 * (`nightjar-<version>-<board>.raucb`), the signed word of it that boxes ask for once a week: `<board>.json` and
 * `<board>.json.sig`. Publish all three over https; URL is where the bundle will be, whole or relative to the word of it.
 * Signed with the key that `make keys` made. NOT-BEFORE: default, now (2026-01-31T00:00:00Z).
 */
import { createHash, createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export type Word = Readonly<{ bundle: string; url: string; notBefore?: string; keys: string }>;

/** Returns the path of the word; its signature is beside it. @throws {Error} in words for who publishes */
export async function writeManifest({ bundle, url, notBefore, keys }: Word): Promise<string> {
  const [, version, board] = /^nightjar-(\d[0-9A-Za-z.+~-]*)-([a-z]+)\.raucb$/.exec(basename(bundle)) ?? [];
  if (version === undefined || board === undefined)
    throw new Error(`${basename(bundle)} is no bundle: it would be nightjar-<version>-<board>.raucb.`);
  const certificates = await readFile(join(keys, 'update.pem'), 'utf8');
  const key = createPrivateKey(await readFile(join(keys, 'update.key'), 'utf8'));
  if (!new X509Certificate(certificates).checkPrivateKey(key))
    throw new Error(`update.key and update.pem in ${keys} differ.`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(bundle)) hash.update(chunk as Buffer);
  const from = notBefore ?? `${new Date().toISOString().slice(0, 19)}Z`;
  const { size: sizeBytes } = await stat(bundle);
  const told = { version, board, url, sha256: hash.digest('hex'), sizeBytes, notBefore: from };
  const bytes = Buffer.from(`${JSON.stringify(told, null, 2)}\n`);
  const path = join(dirname(bundle), `${board}.json`);
  await writeFile(path, bytes);
  const signature = sign('sha256', bytes, key).toString('base64');
  await writeFile(`${path}.sig`, `${JSON.stringify({ certificates, signature }, null, 2)}\n`);
  return path;
}

if (import.meta.main) {
  const [bundle, url, notBefore] = process.argv.slice(2);
  if (
    bundle === undefined ||
    url === undefined ||
    (notBefore !== undefined && !Number.isFinite(Date.parse(notBefore)))
  ) {
    process.stderr.write('update-manifest.ts BUNDLE URL [NOT-BEFORE]\n');
    process.exit(2);
  }
  const configured = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  const keys = process.env['NIGHTJAR_KEYS'] ?? join(configured, 'nightjar-keys');
  const path = await writeManifest({ bundle, url, keys, ...(notBefore !== undefined && { notBefore }) });
  process.stdout.write(`${path}\n${path}.sig\n`);
}
