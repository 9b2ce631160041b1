/**
 * The pairing link: `https://HOST:PORT/pair#s=...&f=...&a=...&n=...`. Everything secret sits in the fragment, which no
 * browser sends: it is in no request line, no log and never on http (RFC 3986, section 3.5).
 */
export type PairingLink = Readonly<{
  /** `host:port` that the link opens; an IPv6 address in brackets. */
  host: string;
  secret: string;
  /** SHA-256 of the box's root certificate (DER), lower-case hexadecimal. */
  fingerprint: string;
  /** Every `host:port` at which the box answers, best first. */
  addresses: readonly string[];
  /** The box's name. */
  box: string;
}>;

const linkLengthMax = 4_096;
const addressesMax = 32;
const addressForm = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?\]):\d{1,5}$/;

export function buildPairingLink(link: PairingLink): string {
  const fragment = new URLSearchParams({
    s: link.secret,
    f: link.fingerprint,
    a: link.addresses.join(','),
    n: link.box,
  });
  return `https://${link.host}/pair#${fragment}`;
}

/** The parts of a link, or undefined when it is not a pairing link. */
export function parsePairingLink(text: string): PairingLink | undefined {
  if (text.length > linkLengthMax || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'https:' || url.pathname !== '/pair') return undefined;
  const fragment = new URLSearchParams(url.hash.slice(1));
  const secret = fragment.get('s') ?? '';
  const fingerprint = fragment.get('f') ?? '';
  const addresses = (fragment.get('a') ?? '').split(',').filter((address) => address !== '');
  if (!/^[A-Za-z0-9-]{22,64}$/.test(secret) || !/^[0-9a-f]{64}$/.test(fingerprint)) return undefined;
  if (addresses.length > addressesMax || addresses.some((address) => !addressForm.test(address))) return undefined;
  const host = url.port === '' ? `${url.hostname}:443` : url.host;
  return { host, secret, fingerprint, addresses, box: fragment.get('n') ?? '' };
}
