import { BlockList, isIPv4 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** The ranges that a home network uses: private, link-local, and what carriers and overlay networks hand out. */
const local = new BlockList();
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('100.64.0.0', 10, 'ipv4');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

const addressesMax = 32;

/** This machine's addresses on local networks, IPv4 first; no loopback, no public ones, no zone suffix. */
export function localAddresses(): string[] {
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address, family }) => !internal && local.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6'))
    .map(({ address }) => address);
  return [...new Set([...found.filter((one) => isIPv4(one)), ...found.filter((one) => !isIPv4(one))])].slice(
    0,
    addressesMax,
  );
}

/** `host:port`, with an IPv6 address in brackets (RFC 3986, section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
