/**
 * Owns the certificate that the box's owner brings for names of their own (of a public authority, or of the house's).
 * Never writes its files, and never takes the place of the box's own certificates for its own name and addresses.
 * The composition root opens it and looks at it again; the server asks it for a certificate per connection.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import { CodedError } from '../platform/errors.ts';
import { type TlsSettings, tlsSettings } from './tls-settings.ts';

/** PEM files: the certificate with its chain, the leaf first, and its private key. */
export type OwnerCertificateFiles = Readonly<{ certificate: string; key: string }>;
type Loaded = Readonly<{ leaf: X509Certificate; context: SecureContext; signature: string }>;

const fileBytesMax = 256 * 1024;
const namesMax = 100;

export class OwnerCertificate {
  readonly #files: OwnerCertificateFiles;
  readonly #settings: TlsSettings;
  #loaded: Loaded;
  /** The state of the files that was tried last, so that what cannot be used is said once. */
  #tried: string;

  private constructor(files: OwnerCertificateFiles, settings: TlsSettings, loaded: Loaded) {
    this.#files = files;
    this.#settings = settings;
    this.#loaded = loaded;
    this.#tried = loaded.signature;
  }

  /** @throws {CodedError} `invalid-request` when the files cannot be read, are not PEM, or do not belong together. */
  static async open(files: OwnerCertificateFiles, settings = tlsSettings(true)): Promise<OwnerCertificate> {
    return new OwnerCertificate(files, settings, await load(files, settings));
  }

  /** The time after which clients refuse it, ms since 1970. */
  get validUntil(): number {
    return this.#loaded.leaf.validToDate.getTime();
  }

  /** The host names that it was made for, at most 100. */
  get names(): readonly string[] {
    const found = (this.#loaded.leaf.subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g);
    return [...found].flatMap(([, name]) => name ?? []).slice(0, namesMax);
  }

  /** Says whether it was made for this host name (lower case, no port); wildcards count (RFC 6125, section 6.4.3). */
  covers(host: string): boolean {
    return this.#loaded.leaf.checkHost(host, { subject: 'never' }) !== undefined;
  }

  /** Its context for a name that it covers (TLS SNI). */
  contextFor(servername: string | undefined): SecureContext | undefined {
    const host = servername?.toLowerCase().replace(/\.$/, '');
    return host !== undefined && this.covers(host) ? this.#loaded.context : undefined;
  }

  /**
   * Reads the files again if they were changed: certificates are renewed while the box runs. True: there is another.
   * @throws {CodedError} as `open`; the one before stays in use, and the next change is tried again.
   */
  async look(): Promise<boolean> {
    const signature = await signatureOf(this.#files).catch(() => '');
    if (signature === this.#tried) return false;
    this.#tried = signature;
    this.#loaded = await load(this.#files, this.#settings);
    return true;
  }
}

async function load(files: OwnerCertificateFiles, settings: TlsSettings): Promise<Loaded> {
  try {
    const signature = await signatureOf(files);
    const [cert, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]);
    // Says so by itself when the key belongs to another certificate.
    const context = createSecureContext({ ...settings, cert, key });
    return { leaf: new X509Certificate(cert), context, signature };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CodedError(
      'invalid-request',
      `The certificate in NIGHTJAR_TLS_CERT and NIGHTJAR_TLS_KEY cannot be used: ${why}. Give PEM files that belong together, the certificate with its chain, or leave both away.`,
      { cause: error },
    );
  }
}

/** What changes when somebody writes or replaces one of the files. */
async function signatureOf({ certificate, key }: OwnerCertificateFiles): Promise<string> {
  const facts = await Promise.all([certificate, key].map((path) => stat(path)));
  if (facts.some(({ size }) => size > fileBytesMax)) throw new Error('a file is too long to be one');
  return facts.map(({ dev, ino, size, mtimeMs, ctimeMs }) => [dev, ino, size, mtimeMs, ctimeMs].join()).join(';');
}
