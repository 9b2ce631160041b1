/**
 * Says what is in a built image: a bill of materials (CycloneDX 1.6, from dpkg's status and package-lock.json) and a manifest
 * of versions and checksums; beside every file its checksum and its signature by the builder's key. Never says when or where it was built but the commit's time; called by `image/build` alone.
 */
import { execFileSync } from 'node:child_process';
import { createHash, createSign } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DebianPackage, debianPackages, type NodePackage, nodePackages } from './packages.ts';

const top = new URL('..', import.meta.url).pathname;
const option = { type: 'string' } as const;
const { values } = parseArgs({ options: { board: option, base: option, app: option, work: option, name: option } });
const { board = '', base = '', app = '', work = '', name = '' } = values;

const version = name.split('-')[1] ?? '';
const buildDate = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000).toISOString();
const debian = debianPackages(join(work, 'tree'));
const npm = nodePackages(join(top, 'package-lock.json'), join(work, 'tree/usr/lib/nightjar/app'));
const nodeVersion = npm.node;

await main();

async function main(): Promise<void> {
  const images = board === 'container' ? [`${name}.tar.zst`] : [`${name}.img.zst`, `${name}.raucb`];
  const parts = board === 'container' ? [] : ['root.squashfs', 'boot.vfat', 'bootsel.vfat'];
  const described: Record<string, unknown> = {};
  for (const file of parts) described[file] = await measured(join(work, file));
  for (const file of images) described[file] = await sealed(join(work, file));
  const inputs = { base: await kept(base), app: await kept(app) };
  const manifest = {
    name: 'nightjar',
    version,
    board,
    commit: commit(),
    buildDate,
    node: nodeVersion,
    kernel: debian.find((one) => /^linux-image-\d/.test(one.name))?.version,
    inputs,
    files: described,
    debian: Object.fromEntries(debian.map((one) => [one.name, one.version])),
    npm: npm.packages.map((one) => `${one.name}@${one.version}`),
  };
  for (const [kind, content] of Object.entries({ manifest, cdx: materials() })) {
    const path = join(work, `${name}.${kind}.json`);
    writeFileSync(path, `${JSON.stringify(content, null, 1)}\n`);
    await sealed(path);
  }
  process.stderr.write(`  base ${inputs.base.sha256}\n  app  ${inputs.app.sha256}\n`);
  process.stderr.write(`  ${debian.length} Debian packages, ${npm.packages.length} of npm, Node ${nodeVersion}\n`);
}

/** CycloneDX 1.6, JSON (ECMA-424). */
function materials(): object {
  const components = [
    ...debian.map(ofDebian),
    ...npm.packages.map(ofNpm),
    { type: 'platform', name: 'node', version: nodeVersion, purl: `pkg:generic/node@${nodeVersion}` },
  ];
  const digest = createHash('sha256')
    .update(JSON.stringify([components, name, buildDate]))
    .digest('hex');
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
    metadata: {
      timestamp: buildDate,
      component: { type: 'operating-system', 'bom-ref': name, name: 'nightjar', version, description: board },
    },
    components,
  };
}

function ofDebian(one: DebianPackage): object {
  const source = one.source === one.name ? '' : `&upstream=${encodeURIComponent(one.source)}`;
  const purl = `pkg:deb/debian/${encodeURIComponent(one.name)}@${encodeURIComponent(one.version)}?arch=${one.arch}&distro=debian-13${source}`;
  return { type: 'library', 'bom-ref': purl, name: one.name, version: one.version, purl };
}

function ofNpm(one: NodePackage): object {
  const purl = `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`;
  const licenses = one.license === undefined ? {} : { licenses: [{ expression: one.license }] };
  const hashes = one.sha512 === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: one.sha512 }] };
  return {
    type: 'library',
    'bom-ref': `${purl}#${one.path}`,
    name: one.name,
    version: one.version,
    purl,
    ...licenses,
    ...hashes,
  };
}

async function measured(path: string, also?: (piece: Buffer) => void): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(piece);
    also?.(piece);
  }
  return { bytes: statSync(path).size, sha256: hash.digest('hex') };
}

/** Puts beside a file its checksum, as sha256sum reads it, and its signature, as `openssl dgst -sha256 -verify` does. */
async function sealed(path: string): Promise<{ bytes: number; sha256: string }> {
  const sign = createSign('sha256');
  const measure = await measured(path, (piece) => sign.update(piece));
  writeFileSync(`${path}.sha256`, `${measure.sha256}  ${basename(path)}\n`);
  writeFileSync(`${path}.sig`, sign.sign(readFileSync(join(process.env['NIGHTJAR_KEYS'] ?? '', 'update.key'))));
  return measure;
}

/** Of a tar in the cache, beside which its checksum is kept. */
async function kept(path: string): Promise<{ file: string; sha256: string }> {
  const beside = `${path}.sha256`;
  if (!existsSync(beside) || statSync(beside).mtimeMs < statSync(path).ctimeMs - 1000) {
    writeFileSync(beside, `${(await measured(path)).sha256}\n`);
  }
  return { file: basename(path), sha256: readFileSync(beside, 'utf8').trim() };
}

/** With a mark when the checkout is not as it was committed. Undefined: no checkout. */
function commit(): string | undefined {
  try {
    return execFileSync('git', ['-C', top, 'describe', '--always', '--dirty', '--abbrev=40'], {
      encoding: 'utf8',
    }).trim();
  } catch {
    return undefined;
  }
}
