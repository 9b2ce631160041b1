/**
 * Owns who the box is on the network: its root, its issuer and its two server certificates, in `<stateDir>/tls/`.
 * Never makes a new root where there was one: every paired phone has pinned it, and would be locked out.
 * The composition root opens it; the server asks it for a certificate per connection.
 */
import { createHash, createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import { buildDateMs } from '../platform/build-date.ts';
import { replaceFileDurably, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { Authority, KeyAndCertificate, LeafNames, Validity } from './certificates.ts';
import { addressIsPermitted, hostIsPermitted } from './name-constraints.ts';

const dayMs = 86_400_000;
/** Certificates start here whatever the clock says: at first boot it may be wrong, and the phone's is right. */
const buildDate = new Date(buildDateMs);
const authorityYears = 25;
/** Apple refuses server certificates of more than 825 days, root trusted by hand or not. */
const leafDays = 824;
/** A leaf counted from the build date must be good for this long; after that it is counted from the clock. */
const leafDaysLeftMin = 200;
const leafClockSlackDays = 30;
const leafRenewDays = 30;
const addressesMax = 64;
const hostsMax = 16;

export type IdentityNames = Readonly<{
  /** The box's name: `<name>.local`. */
  name: string;
  /** Further host names; those outside the constraints get no certificate. */
  hosts?: readonly string[];
  /** The box's addresses; public ones are left out of the certificate. */
  addresses: readonly string[];
}>;
export type IdentityOptions = IdentityNames & Readonly<{ stateDir: string; now: () => number }>;

type Leaf = Readonly<{ pair: KeyAndCertificate; context: SecureContext; hosts: readonly string[] }>;
type LeafName = 'name-leaf' | 'address-leaf';

export class BoxIdentity {
  /** SHA-256 of the root certificate's DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly rootPem: string;
  readonly rootDer: Uint8Array;
  readonly #dir: string;
  readonly #now: () => number;
  readonly #authority: Authority;
  #nameLeaf: Leaf;
  #addressLeaf: Leaf;

  private constructor(dir: string, now: () => number, authority: Authority, nameLeaf: Leaf, addressLeaf: Leaf) {
    const root = new X509Certificate(authority.root);
    this.rootPem = authority.root;
    this.rootDer = root.raw;
    this.fingerprint = createHash('sha256').update(root.raw).digest('hex');
    this.#dir = dir;
    this.#now = now;
    this.#authority = authority;
    this.#nameLeaf = nameLeaf;
    this.#addressLeaf = addressLeaf;
  }

  /**
   * Loads what is there and makes what is missing, out of date or for other names. Each file is whole or absent, and a
   * leaf that does not fit the issuer is made anew, so a crash anywhere in between is mended by the next start.
   * @throws {CodedError} `internal` when the root or issuer cannot be read: they are never replaced.
   */
  static async open(options: IdentityOptions): Promise<BoxIdentity> {
    const dir = join(options.stateDir, 'tls');
    if ((await mkdir(dir, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(options.stateDir);
    const authority = await openAuthority(dir, options.name);
    const nameLeaf = await openLeaf(dir, 'name-leaf', authority, namesOf(options), options.now());
    const addressLeaf = await openLeaf(dir, 'address-leaf', authority, addressesOf(options), options.now());
    return new BoxIdentity(dir, options.now, authority, nameLeaf, addressLeaf);
  }

  /**
   * Takes other names or addresses, and renews what runs out; to be called on every change and once a day. A leaf for
   * which nothing changed stays byte for byte. The server is to be told with `refreshTls` after it.
   */
  async update(names: IdentityNames): Promise<void> {
    this.#nameLeaf = await openLeaf(this.#dir, 'name-leaf', this.#authority, namesOf(names), this.#now());
    this.#addressLeaf = await openLeaf(this.#dir, 'address-leaf', this.#authority, addressesOf(names), this.#now());
  }

  /** The name leaf for its names (TLS SNI), the address leaf for everything else. */
  contextFor(servername?: string): SecureContext {
    const host = servername?.toLowerCase().replace(/\.$/, '');
    return host !== undefined && this.#nameLeaf.hosts.includes(host)
      ? this.#nameLeaf.context
      : this.#addressLeaf.context;
  }

  /** PEM: the address leaf with its chain, for connections that name no host. */
  defaultKeyAndChain(): { key: string; cert: string } {
    return { key: this.#addressLeaf.pair.key, cert: chainOf(this.#addressLeaf.pair, this.#authority) };
  }
}

async function openAuthority(dir: string, name: string): Promise<Authority> {
  const path = join(dir, 'authority.json');
  const text = await readIfThere(path);
  if (text !== undefined) return readAuthority(path, text);
  const { makeAuthority } = await import('./certificates.ts');
  const notAfter = new Date(buildDate);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + authorityYears);
  const label = `${name} ${randomBytes(3).toString('hex')}`;
  const authority = await makeAuthority(label, { notBefore: buildDate, notAfter });
  await replaceFileDurably(path, `${JSON.stringify(authority, undefined, 1)}\n`);
  return authority;
}

function readAuthority(path: string, text: string): Authority {
  try {
    const authority = JSON.parse(text) as Authority;
    const root = new X509Certificate(authority.root);
    if (root.verify(root.publicKey) && fits(authority.intermediate, root)) return authority;
  } catch {
    // Said below: whatever is wrong with it, the file must not be replaced.
  }
  throw new CodedError(
    'internal',
    `The box's identity in ${path} is damaged. It was left as it is: put it back from a copy. Without that file the box would be a stranger to every phone, which would have to be paired again.`,
  );
}

async function openLeaf(
  dir: string,
  which: LeafName,
  authority: Authority,
  names: LeafNames,
  now: number,
): Promise<Leaf> {
  const path = join(dir, `${which}.json`);
  const stored = readLeaf(await readIfThere(path), authority, names, now);
  const pair = stored ?? (await makeLeaf(path, authority, names, now));
  const context = createSecureContext({ key: pair.key, cert: chainOf(pair, authority), minVersion: 'TLSv1.2' });
  return { pair, context, hosts: names.hosts };
}

async function makeLeaf(path: string, authority: Authority, names: LeafNames, now: number): Promise<KeyAndCertificate> {
  const { issueLeaf } = await import('./certificates.ts');
  const pair = await issueLeaf(authority.intermediate, names, leafValidity(now));
  await replaceFileDurably(path, `${JSON.stringify({ ...names, ...pair }, undefined, 1)}\n`);
  return pair;
}

/** The stored leaf, if it is whole, of this issuer, for exactly these names, and not about to run out. */
function readLeaf(
  text: string | undefined,
  authority: Authority,
  names: LeafNames,
  now: number,
): KeyAndCertificate | undefined {
  if (text === undefined) return undefined;
  try {
    const { hosts, addresses, certificate, key } = JSON.parse(text) as LeafNames & KeyAndCertificate;
    const leaf = new X509Certificate(certificate);
    const at = Math.max(now, buildDate.getTime());
    const same = JSON.stringify({ hosts, addresses }) === JSON.stringify(names);
    const inTime = leaf.validFromDate.getTime() <= at && at < leaf.validToDate.getTime() - leafRenewDays * dayMs;
    const issuer = new X509Certificate(authority.intermediate.certificate);
    return same && inTime && fits({ certificate, key }, issuer) ? { certificate, key } : undefined;
  } catch {
    return undefined;
  }
}

function fits(pair: KeyAndCertificate, issuer: X509Certificate): boolean {
  const certificate = new X509Certificate(pair.certificate);
  return certificate.verify(issuer.publicKey) && certificate.checkPrivateKey(createPrivateKey(pair.key));
}

/** From the build date while that leaves enough; a box that runs this version for years counts from its clock. */
function leafValidity(now: number): Validity {
  const fromBuild = buildDate.getTime();
  const enough = now < fromBuild + (leafDays - leafDaysLeftMin) * dayMs;
  const notBefore = new Date(enough ? fromBuild : now - leafClockSlackDays * dayMs);
  return { notBefore, notAfter: new Date(notBefore.getTime() + leafDays * dayMs) };
}

function namesOf({ name, hosts = [] }: IdentityNames): LeafNames {
  const wanted = [`${name}.local`, ...hosts].map((host) => host.toLowerCase()).filter((host) => host !== 'localhost');
  const [first = '', ...rest] = new Set(wanted.filter(hostIsPermitted));
  return { hosts: [first, ...rest.sort().slice(0, hostsMax)], addresses: [] };
}

function addressesOf({ addresses }: IdentityNames): LeafNames {
  const own = addresses.map((address) => address.replace(/%.*$/, '').toLowerCase()).filter(addressIsPermitted);
  const loopback = ['127.0.0.1', '::1'];
  const others = [...new Set(own)].filter((address) => !loopback.includes(address)).sort();
  return { hosts: ['localhost'], addresses: [...loopback, ...others.slice(0, addressesMax)] };
}

function chainOf(leaf: KeyAndCertificate, authority: Authority): string {
  return leaf.certificate + authority.intermediate.certificate + authority.root;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
