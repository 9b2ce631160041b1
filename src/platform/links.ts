import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

export type LinkAddress = Readonly<{
  /** Without a zone suffix. */
  address: string;
  family: 4 | 6;
  /** Bits of the address that name its network. */
  prefix: number;
}>;
/** A network that this machine is in by one of its interfaces. */
export type Link = Readonly<{
  name: string;
  /** The system's number of it: another one is another interface, though its name is the same. Only told on Linux. */
  index?: number | undefined;
  addresses: readonly LinkAddress[];
}>;

/** The ranges that a home network uses: private, link-local, and what carriers and overlay networks hand out. */
const local = new BlockList();
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');
local.addSubnet('169.254.0.0', 16, 'ipv4');
local.addSubnet('100.64.0.0', 10, 'ipv4');
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

const linksMax = 16;
const linkAddressesMax = 16;
const addressesMax = 32;

/**
 * The interfaces that are up and have a carrier, with all their addresses; no loopback. One without a cable is not among
 * them: libuv lists what is IFF_UP and IFF_RUNNING (netdevice(7)). In the system's order, which puts the machine's own
 * before those of its containers (Linux: those with IPv4 first, and the older before the newer).
 * @throws what the system says, when it has no file left to ask with.
 */
export function localLinks(): Link[] {
  return Object.entries(networkInterfaces())
    .map(([name, addresses = []]) => ({
      name,
      addresses: addresses.flatMap(({ internal, address, family, cidr }) =>
        internal || cidr === null
          ? []
          : [
              {
                address: address.replace(/%.*$/, ''),
                family: family === 'IPv4' ? (4 as const) : (6 as const),
                prefix: Number(cidr.slice(cidr.indexOf('/') + 1)),
              },
            ],
      ),
    }))
    .filter(({ addresses }) => addresses.length > 0)
    .slice(0, linksMax)
    .map(({ name, addresses }) => ({ name, index: indexOf(name), addresses: addresses.slice(0, linkAddressesMax) }));
}

function indexOf(name: string): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  } catch {
    return undefined;
  }
}

/** The addresses of these links that belong to local networks, IPv4 first, each once; no public ones. */
export function localAddresses(links: readonly Link[]): string[] {
  const found = links
    .flatMap(({ addresses }) => addresses)
    .filter(({ address, family }) => local.check(address, family === 4 ? 'ipv4' : 'ipv6'))
    .sort((one, other) => one.family - other.family);
  return [...new Set(found.map(({ address }) => address))].slice(0, addressesMax);
}

/** Whether this is an address of a local network, or of this machine itself. A name is none. */
export function isLocal(address: string): boolean {
  const version = isIP(address);
  if (version === 0) return false;
  return local.check(address, version === 4 ? 'ipv4' : 'ipv6') || isOnLink(address, []);
}

/** `host:port`, with an IPv6 address in brackets (RFC 3986, section 3.2.2). */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether `address` (also an IPv4-mapped one, RFC 4291 section 2.5.5.2) lies in a network of `links`, or is loopback. */
export function isOnLink(address: string, links: readonly Link[]): boolean {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  const version = isIP(plain);
  if (version === 0) return false;
  const near = new BlockList();
  near.addSubnet('127.0.0.0', 8, 'ipv4');
  near.addAddress('::1', 'ipv6');
  for (const { addresses } of links) {
    for (const one of addresses) near.addSubnet(one.address, one.prefix, one.family === 4 ? 'ipv4' : 'ipv6');
  }
  return near.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}
