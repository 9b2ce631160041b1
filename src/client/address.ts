import { isIP } from 'node:net';
import { Failure } from './failure.ts';

/** Where a box may answer. Plain http exists for this machine's own loopback only. */
export type Address = Readonly<{ secure: boolean; host: string; port: number }>;

export const addressesMax = 16;

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** `https://host:port`, the form that is stored and shown. */
export function originOf(address: Address): string {
  return `${address.secure ? 'https' : 'http'}://${hostPortOf(address)}`;
}

/** `host:port`, IPv6 in brackets: the Host header. */
export function hostPortOf(address: Address): string {
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Throws `invalid-link` for anything but https, or http on loopback: credentials never cross a network in clear. */
export function addressOf(origin: string): Address {
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
  const byOrigin = new Map(addresses.map((address) => [originOf(address), address]));
  return [...byOrigin.values()].slice(0, addressesMax);
}
