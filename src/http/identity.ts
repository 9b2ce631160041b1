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
import { type TlsSettings, tlsSettings } from './tls-settings.ts';

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
/** Why another leaf took the place of one that was there. */
export type LeafRenewal = Readonly<{
  which: LeafName;
  /** `names`: renamed, or other addresses. `expiry`: it would have run out. `clock`: it had not begun. */
  why: 'names' | 'expiry' | 'clock' | 'damaged';
}>;
export type IdentityOptions = IdentityNames &
  Readonly<{
    stateDir: string;
    now: () => number;
    /** Default: for a CPU with AES instructions. */
    settings?: TlsSettings;
    /**
     * Called when another leaf is in its place and kept; not for the first one. Backup apps pin the exact name leaf, and
     * ask their people again when there is another.
     */
    onLeafRenewed?: (renewal: LeafRenewal) => void;
  }>;

type Leaf = Readonly<{ pair: KeyAndCertificate; context: SecureContext; hosts: readonly string[] }>;
type LeafName = 'name-leaf' | 'address-leaf';
type LeafMaking = Readonly<{ dir: string; authority: Authority; settings: TlsSettings; now: () => number }> &
  Pick<IdentityOptions, 'onLeafRenewed'>;

export class BoxIdentity {
  /** SHA-256 of the root certificate's DER, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly rootPem: string;
  readonly rootDer: Uint8Array;
  readonly settings: TlsSettings;
  readonly #making: LeafMaking;
  #nameLeaf: Leaf;
  #addressLeaf: Leaf;

  private constructor(making: LeafMaking, nameLeaf: Leaf, addressLeaf: Leaf) {
    const root = new X509Certificate(making.authority.root);
    this.rootPem = making.authority.root;
    this.rootDer = root.raw;
    this.fingerprint = createHash('sha256').update(root.raw).digest('hex');
    this.settings = making.settings;
    this.#making = making;
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
    const { now, onLeafRenewed, settings = tlsSettings(true) } = options;
    const making = { dir, authority, settings, now, ...(onLeafRenewed && { onLeafRenewed }) };
    const nameLeaf = await openLeaf(making, 'name-leaf', namesOf(options));
    const addressLeaf = await openLeaf(making, 'address-leaf', addressesOf(options));
    return new BoxIdentity(making, nameLeaf, addressLeaf);
  }

  /** Until when the leaves are good, ms since 1970, and the host names that the name leaf was made for. */
  get leaves(): Readonly<{ nameValidUntil: number; addressValidUntil: number; names: readonly string[] }> {
    const untilOf = ({ pair }: Leaf) => new X509Certificate(pair.certificate).validToDate.getTime();
    return {
      nameValidUntil: untilOf(this.#nameLeaf),
      addressValidUntil: untilOf(this.#addressLeaf),
      names: this.#nameLeaf.hosts,
    };
  }

  /** When `update` will put another name leaf in the place of this one, if it stays at that; ms since 1970. */
  get nameLeafRenewsAt(): number {
    return renewsAt(new X509Certificate(this.#nameLeaf.pair.certificate));
  }

  /**
   * Takes other names or addresses, and renews what runs out; to be called on every change and once a day. A leaf for
   * which nothing changed stays byte for byte. The server is to be told with `refreshTls` after it.
   */
  async update(names: IdentityNames): Promise<void> {
    this.#nameLeaf = await openLeaf(this.#making, 'name-leaf', namesOf(names));
    this.#addressLeaf = await openLeaf(this.#making, 'address-leaf', addressesOf(names));
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
    return { key: this.#addressLeaf.pair.key, cert: chainOf(this.#addressLeaf.pair, this.#making.authority) };
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

async function openLeaf(making: LeafMaking, which: LeafName, names: LeafNames): Promise<Leaf> {
  const { authority, settings, dir, now, onLeafRenewed } = making;
  const path = join(dir, `${which}.json`);
  const text = await readIfThere(path);
  const stored = text === undefined ? undefined : readLeaf(text, authority, names, now());
  const reuse = typeof stored === 'object';
  const pair = reuse ? stored : await makeLeaf(path, authority, names, now());
  const context = createSecureContext({ ...settings, key: pair.key, cert: chainOf(pair, authority) });
  if (stored !== undefined && !reuse) onLeafRenewed?.({ which, why: stored });
  return { pair, context, hosts: names.hosts };
}

async function makeLeaf(path: string, authority: Authority, names: LeafNames, now: number): Promise<KeyAndCertificate> {
  const { issueLeaf } = await import('./certificates.ts');
  const pair = await issueLeaf(authority.intermediate, names, leafValidity(now));
  await replaceFileDurably(path, `${JSON.stringify({ ...names, ...pair }, undefined, 1)}\n`);
  return pair;
}

/** The stored leaf, if it is whole, of this issuer, for exactly these names, and not about to run out; else what it lacks. */
function readLeaf(
  text: string,
  authority: Authority,
  names: LeafNames,
  now: number,
): KeyAndCertificate | LeafRenewal['why'] {
  try {
    const { hosts, addresses, certificate, key } = JSON.parse(text) as LeafNames & KeyAndCertificate;
    const leaf = new X509Certificate(certificate);
    const issuer = new X509Certificate(authority.intermediate.certificate);
    if (!fits({ certificate, key }, issuer)) return 'damaged';
    if (JSON.stringify({ hosts, addresses }) !== JSON.stringify(names)) return 'names';
    const at = Math.max(now, buildDate.getTime());
    if (at < leaf.validFromDate.getTime()) return 'clock';
    return at < renewsAt(leaf) ? { certificate, key } : 'expiry';
  } catch {
    return 'damaged';
  }
}

function renewsAt(leaf: X509Certificate): number {
  return leaf.validToDate.getTime() - leafRenewDays * dayMs;
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
