/**
 * The link of an invitation: `https://HOST:PORT/join#s=...&f=...&n=...`. The secret sits in the fragment, which no browser
 * sends: it is in no request line, no log and never on http (RFC 3986, section 3.5).
 */
import { CodedError } from '../platform/errors.ts';

type JoinLink = Readonly<{
  secret: string;
  /** The box's name. */
  name: string;
  /** SHA-256 of the box's root certificate (DER), lower-case hexadecimal. */
  fingerprint: string;
  /** Every `host:port` at which the box answers, best first. */
  addresses: readonly string[];
  /** The one that another device in the same network reaches best. */
  linkAddress?: string;
}>;

/** @throws {CodedError} `internal` while the box knows no address of its own. */
export function buildJoinLink({ secret, name, fingerprint, addresses, linkAddress }: JoinLink): string {
  const host = linkAddress ?? addresses[0];
  if (host === undefined) throw new CodedError('internal', 'The box does not know its own address yet. Try again.');
  return `https://${host}/join#${new URLSearchParams({ s: secret, f: fingerprint, n: name })}`;
}
