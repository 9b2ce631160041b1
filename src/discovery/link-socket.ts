import { createSocket, type Socket } from 'node:dgram';
import { BlockList } from 'node:net';
import type { Link } from '../platform/links.ts';
import { mdnsPort, type Sender } from './responder.ts';

export type LinkSocketOptions = Readonly<{
  /** The interface's name. */
  link: string;
  family: 4 | 6;
  /** Of this interface and family. */
  address: string;
  onPacket: (bytes: Buffer, from: Sender) => void;
  /** It failed and has to be closed. */
  onError: (error: Error) => void;
}>;
export type LinkSocket = Readonly<{
  /** To the group, or to one. @throws what the system says: ENETUNREACH, ENODEV, EPERM. */
  send(bytes: Buffer, to?: Sender): Promise<void>;
  close(): void;
}>;
export type OpenLinkSocket = (options: LinkSocketOptions) => Promise<LinkSocket>;

const groups = { 4: '224.0.0.251', 6: 'ff02::fb' } as const;
/** RFC 6762, 11. */
const hopsMax = 255;

/** A member of the multicast DNS group by one interface; sends by it, and hears more (see `isOnLink`). */
export const openLinkSocket: OpenLinkSocket = async ({ link, family, address, onPacket, onError }) => {
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', reuseAddr: true, ipv6Only: family === 6 });
  const group = family === 4 ? groups[4] : `${groups[6]}%${link}`;
  try {
    await bind(socket, family === 4 ? '0.0.0.0' : '::');
    const byInterface = family === 4 ? address : `::%${link}`;
    socket.addMembership(groups[family], byInterface);
    socket.setMulticastInterface(byInterface);
    socket.setMulticastTTL(hopsMax);
    socket.setTTL(hopsMax);
    // The other programs of this machine must hear us.
    socket.setMulticastLoopback(true);
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('error', onError);
  socket.on('message', (bytes, { address: source, port }) => onPacket(bytes, { address: source, port }));
  return {
    send: (bytes, to = { address: group, port: mdnsPort }) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, to.port, to.address, (error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => {
      socket.removeAllListeners('message');
      socket.close();
    },
  };
};

function bind(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port: mdnsPort, address, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

/**
 * Whether a packet came from a neighbour on this link (RFC 6762, 11). On Linux a socket hears every group that any
 * socket of the machine joined, by whatever interface (ip(7), IP_MULTICAST_ALL).
 * @returns a test for source addresses as node:dgram tells them: link-local ones with `%` and the interface's name.
 */
export function onLinkTest({ name, addresses }: Link): (source: string) => boolean {
  const networks = new BlockList();
  for (const { address, family, prefix } of addresses) {
    if (!/^fe[89ab]/i.test(address)) networks.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (source) => {
    const [address = '', zone] = source.split('%');
    if (/^fe[89ab]/i.test(address)) return zone === name;
    return networks.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  };
}
