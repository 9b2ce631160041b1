/**
 * Owns the making of certificates (RFC 5280): a root whose key is never kept, one name-constrained intermediate, leaves.
 * Never reads or writes a file and never looks at the clock; `identity.ts` keeps what is made here.
 * Loaded only when something is to be issued, since the library behind it is large.
 */
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto';
import type { Extension, JsonGeneralNames } from '@peculiar/x509';
import { nameConstraintsValue } from './name-constraints.ts';

/** A certificate and its private key (PKCS #8), both PEM. */
export type KeyAndCertificate = Readonly<{ certificate: string; key: string }>;
export type Authority = Readonly<{ root: string; intermediate: KeyAndCertificate }>;
export type LeafNames = Readonly<{ hosts: readonly string[]; addresses: readonly string[] }>;
export type Validity = Readonly<{ notBefore: Date; notAfter: Date }>;

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/**
 * Makes root and intermediate. The root's private key exists only inside this call, cannot be exported, and is gone
 * after it: nobody who takes the box can make another intermediate that phones would trust.
 * @param label tells this box's root from others in a phone's list of certificates.
 */
export async function makeAuthority(label: string, validity: Validity): Promise<Authority> {
  const x509 = await loadX509();
  const rootKeys = await webcrypto.subtle.generateKey(keyAlgorithm, false, ['sign', 'verify']);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const rootName = [{ CN: [`Nightjar root ${label}`] }];
  const certificateSigning = x509.KeyUsageFlags.keyCertSign;
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: rootName,
    keys: rootKeys,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(certificateSigning, true),
      await x509.SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  const intermediate = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: [{ CN: [`Nightjar issuer ${label}`] }],
    issuer: root.subject,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(certificateSigning, true),
      // Other name forms than DNS and IP are not constrained (RFC 5280, section 4.2.1.10), so other uses are closed.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.Extension('2.5.29.30', true, nameConstraintsValue()),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
    ],
  });
  return {
    root: `${root.toString('pem')}\n`,
    intermediate: { certificate: `${intermediate.toString('pem')}\n`, key: exportKey(keys.privateKey) },
  };
}

/** Signs a server certificate for `names`. Whether they are inside the constraints is for the caller to know. */
export async function issueLeaf(
  issuer: KeyAndCertificate,
  names: LeafNames,
  validity: Validity,
): Promise<KeyAndCertificate> {
  const x509 = await loadX509();
  const issuerCertificate = new x509.X509Certificate(issuer.certificate);
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const alternatives: JsonGeneralNames = [
    ...names.hosts.map((value) => ({ type: 'dns' as const, value })),
    ...names.addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(alternatives),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(issuerCertificate.publicKey),
  ];
  const leaf = await x509.X509CertificateGenerator.create({
    ...validity,
    // No name in it: some verifiers hold a common name that looks like a host against the constraints.
    subject: [{ CN: ['Nightjar box'] }],
    issuer: issuerCertificate.subject,
    publicKey: keys.publicKey,
    signingKey: await importKey(issuer.key),
    signingAlgorithm,
    extensions,
  });
  return { certificate: `${leaf.toString('pem')}\n`, key: exportKey(keys.privateKey) };
}

function exportKey(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign']);
}

type Metadata = Map<unknown, unknown>;

/**
 * The library's container asks for three functions of the abandoned metadata proposal and refuses to load without
 * them. These are they, and nothing else of the box uses them.
 */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  const all = new WeakMap<object, Metadata>();
  const own = (key: unknown, target: object) => all.get(target)?.get(key);
  if (!('getMetadata' in Reflect)) {
    Object.assign(Reflect, {
      defineMetadata(key: unknown, value: unknown, target: object): void {
        const metadata: Metadata = all.get(target) ?? new Map();
        all.set(target, metadata.set(key, value));
      },
      getOwnMetadata: own,
      getMetadata(key: unknown, target: object): unknown {
        for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
          const value = own(key, at);
          if (value !== undefined) return value;
        }
        return undefined;
      },
    });
  }
  return import('@peculiar/x509');
}
