/**
 * The signed word of a new version: a small JSON file, and beside it (`<its name>.sig`) a signature with the certificates of
 * whoever signed. Believed only where these lead to the key that the box was made with. Pure.
 */
import { verify, X509Certificate } from 'node:crypto';
import { isOf, type Static, Type } from '../platform/schema.ts';
import type { UpdateReason } from './update-reasons.ts';

const Manifest = Type.Object({
  version: Type.String({ pattern: '^[0-9A-Za-z.+~-]{1,64}$' }),
  board: Type.String({ pattern: '^[a-z]{1,16}$' }),
  /** Of the bundle: https, whole or relative to the manifest's own address. */
  url: Type.String({ minLength: 1, maxLength: 600 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sizeBytes: Type.Integer({ minimum: 1 }),
  /** Before that it is offered to nobody: ISO 8601, UTC. */
  notBefore: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}Z$' }),
});
export type Manifest = Static<typeof Manifest>;

const Signature = Type.Object({
  /** PEM: the signer's certificate, then those between it and the box's own. */
  certificates: Type.String({ maxLength: 16_384 }),
  /** Base64, of SHA-256 over the manifest's bytes (ECDSA: DER; RSA: PKCS #1 v1.5). */
  signature: Type.String({ maxLength: 1_024 }),
});

const chainMax = 4;

export class NotBelieved extends Error {
  readonly reason: UpdateReason;
  constructor(reason: UpdateReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** `keyring`: PEM, the certificates that the box trusts. @throws {NotBelieved} `not-signed`, `wrong-time`, `damaged` */
export function readManifest(bytes: Buffer, signed: Buffer, keyring: string, now: number): Manifest {
  const signature = parsed(signed);
  if (!isOf(Signature, signature))
    throw new NotBelieved('not-signed', 'The list of versions has no signature beside it.');
  const signer = signerOf(signature.certificates, keyring, now);
  const ofSigner = Buffer.from(signature.signature, 'base64');
  if (!holds(() => verify('sha256', bytes, signer.publicKey, ofSigner)))
    throw new NotBelieved('not-signed', 'The list of versions is not signed by this box’s key, or was changed since.');
  const manifest = parsed(bytes);
  if (isOf(Manifest, manifest)) return manifest;
  throw new NotBelieved('damaged', 'The list of versions is signed, and has a form that this version does not know.');
}

/** The signer's certificate, which one of the keyring is, or stands for (RFC 5280, section 6.1, as far as it is used here). */
function signerOf(pem: string, keyring: string, now: number): X509Certificate {
  const chain = certificatesOf(pem).slice(0, chainMax);
  const trusted = certificatesOf(keyring);
  const [signer] = chain;
  if (signer === undefined) throw notOurs();
  let atWrongTime = false;
  for (const [index, one] of chain.entries()) {
    atWrongTime ||= now < one.validFromDate.getTime() || now > one.validToDate.getTime();
    // Whoever signs for another may sign certificates at all.
    if (index > 0 && !one.ca) throw notOurs();
    const known = trusted.some((root) => root.raw.equals(one.raw) || (root.ca && isIssuedBy(one, root)));
    if (known && atWrongTime)
      throw new NotBelieved(
        'wrong-time',
        'The certificate of who signed the list of versions is not valid at this time: it has run out, or the box’s clock is wrong.',
      );
    if (known) return signer;
    const next = chain[index + 1];
    if (next === undefined || !isIssuedBy(one, next)) throw notOurs();
  }
  throw notOurs();
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && holds(() => one.verify(issuer.publicKey));
}

/** A key of a kind that signs in another way throws: it is not this box's. */
function holds(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false;
  }
}

function certificatesOf(pem: string): X509Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return found.map((one) => new X509Certificate(one));
  } catch {
    return [];
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function notOurs(): NotBelieved {
  return new NotBelieved('not-signed', 'The list of versions is not signed by this box’s key.');
}
