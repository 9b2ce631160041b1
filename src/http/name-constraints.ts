/**
 * Owns what the box's certificates may ever be valid for: names and addresses of a home, nothing of the internet.
 * A phone that trusts the box's root is then not exposed to more than the box, whoever steals its keys.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** A name is inside if it is one of these or ends in one of them after a dot (RFC 5280, section 4.2.1.10). */
const permittedNames = ['local', 'home.arpa', 'internal', 'localhost'] as const;
const permittedNetworks: ReadonlyArray<readonly [address: string, prefix: number]> = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
];

const permitted = new BlockList();
for (const [address, prefix] of permittedNetworks) {
  permitted.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** Says whether a certificate of the box may carry this host name. */
export function hostIsPermitted(host: string): boolean {
  return permittedNames.some((name) => host === name || host.endsWith(`.${name}`));
}

/** Says whether a certificate of the box may carry this address; false for what is no address. */
export function addressIsPermitted(address: string): boolean {
  if (isIPv4(address)) return permitted.check(address, 'ipv4');
  // In its mapped form it would be encoded as IPv6, which no IPv4 subtree covers.
  return isIPv6(address) && !address.toLowerCase().startsWith('::ffff:') && permitted.check(address, 'ipv6');
}

/**
 * The DER value of the nameConstraints extension (2.5.29.30): only permitted subtrees; minimum is its default.
 * Written by hand since the certificate library has no class for it.
 */
export function nameConstraintsValue(): Buffer {
  const names = permittedNames.map((name) => der(0x30, der(0x82, Buffer.from(name, 'ascii'))));
  const networks = permittedNetworks.map(([address, prefix]) => {
    const bytes = ipBytes(address);
    return der(0x30, der(0x87, Buffer.concat([bytes, maskBytes(bytes.length, prefix)])));
  });
  return der(0x30, der(0xa0, Buffer.concat([...names, ...networks])));
}

/** In the shortest form, as DER has it (X.690, section 10.1): Chromium refuses a length with a leading zero. */
function der(tag: number, value: Buffer): Buffer {
  const { length: bytes } = value;
  const high = bytes < 0x100 ? [0x81] : [0x82, bytes >> 8];
  const length = bytes < 0x80 ? [bytes] : [...high, bytes & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

function maskBytes(bytes: number, prefix: number): Buffer {
  return Buffer.from(
    Array.from({ length: bytes }, (_, index) => (0xff00 >> Math.min(Math.max(prefix - index * 8, 0), 8)) & 0xff),
  );
}

/** Of IPv6 only the forms of the table above: groups, then at most one `::`. */
function ipBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after = ''] = address.split('::');
  const head = before.split(':').filter((group) => group !== '');
  const tail = after.split(':').filter((group) => group !== '');
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return Buffer.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]));
}
