import { isIP } from 'node:net';
import { Failure } from './failure.ts';

/**
 * Where a box may answer. Plain http exists for this machine's own loopback only. With a `servername` the certificate is
 * asked for and checked by that name, not by the host. A link-local IPv6 host has its zone: `fe80::1%eth0`.
 */
export type Address = Readonly<{ secure: boolean; host: string; port: number; servername?: string }>;

export const addressesMax = 16;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** `https://host:port`, the form that is stored and shown. */
export function originOf(address: Address): string {
  return `${address.secure ? 'https' : 'http'}://${hostPortOf(address)}`;
}

/** `host:port`, IPv6 in brackets. */
export function hostPortOf(address: Address): string {
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}

/** As `hostPortOf`, for the Host header: a zone means something on this machine only (RFC 6874, section 1). */
export function hostHeaderOf(address: Address): string {
  return hostPortOf({ ...address, host: address.host.replace(/%.*$/, '') });
}

/** Throws `invalid-link` for anything but https, or http on loopback: credentials never cross a network in clear. */
export function addressOf(origin: string): Address {
  const [, zoned, portOfZoned] =
    /^https:\/\/\[(fe[89ab][0-9a-f]:[0-9a-f:]+%[\w.:-]{1,32})\]:(\d{1,5})$/i.exec(origin) ?? [];
  // A zone has no place in an URL, and is needed to connect.
  if (zoned !== undefined && isIP(zoned) === 6) return { secure: true, host: zoned, port: Number(portOfZoned) };
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    throw new Failure('invalid-link', `“${origin.slice(0, 80)}” is not an address of a box.`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (url.username !== '' || url.password !== '' || host === '') {
    throw new Failure('invalid-link', 'The address holds something that does not belong there.');
  }
  if (url.protocol === 'https:') return { secure: true, host, port: url.port === '' ? 443 : Number(url.port) };
  if (url.protocol === 'http:' && isLoopback(host)) {
    return { secure: false, host, port: url.port === '' ? 80 : Number(url.port) };
  }
  throw new Failure('https-required', 'A phone pairs over https only; plain http is for the same machine (localhost).');
}

/** Keeps the first of each, at most `addressesMax`. */
export function distinct(addresses: readonly Address[]): Address[] {
  const first = new Map<string, Address>();
  for (const address of addresses) {
    const key = `${originOf(address)} ${address.servername ?? ''}`;
    if (!first.has(key)) first.set(key, address);
  }
  return [...first.values()].slice(0, addressesMax);
}
