import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import tls from 'node:tls';
import { type Address, hostPortOf } from './address.ts';
import { messageOf, systemCodeOf } from './failure.ts';
import { pause } from './pause.ts';

/** Trust in one root and nothing else, whatever the environment says. */
export function pinned(rootPem: string | null): tls.SecureContextOptions & { rejectUnauthorized: true } {
  return { ca: rootPem === null ? [] : [rootPem], rejectUnauthorized: true, minVersion: 'TLSv1.2' };
}

type ProbeOptions = Readonly<{ rootPem: string | null; connectMs: number; afterMs: number; signal: AbortSignal }>;

/** Connects, verifies, and hangs up: resolves when the box is there. Sends no request. */
export async function probe(address: Address, options: ProbeOptions): Promise<Address> {
  const { signal, connectMs, afterMs, rootPem } = options;
  await pause(afterMs, signal);
  if (signal.aborted) throw new Error('another address answered');
  const socket = address.secure ? connectSecurely(address, pinned(rootPem)) : connectLoopback(address);
  await connected(socket, address.secure ? 'secureConnect' : 'connect', connectMs, signal).catch((error: unknown) => {
    throw new Error(`${hostPortOf(address)} ${systemCodeOf(error) ?? messageOf(error)}`, { cause: error });
  });
  return address;
}

export function connectSecurely(address: Address, options: tls.ConnectionOptions): tls.TLSSocket {
  const servername = address.servername ?? (isIP(address.host) === 0 ? address.host : undefined);
  const name = servername === undefined ? {} : { servername };
  return tls.connect({ ...options, host: address.host, port: address.port, ...name });
}

function connectLoopback(address: Address): Socket {
  return connect({ host: address.host, port: address.port, lookup: loopbackOnly });
}

/** Waits for `event`, then ends the socket; `use` sees it before. */
export async function connected<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  connectMs: number,
  signal?: AbortSignal,
  use: (socket: T) => void = () => {},
): Promise<void> {
  let abort = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('does not answer')), connectMs);
      abort = () => reject(new Error('another address answered'));
      signal?.addEventListener('abort', abort, { once: true });
      socket.once(event, () => resolve());
      socket.on('error', reject);
      socket.once('close', () => {
        clearTimeout(timer);
        reject(new Error('hung up'));
      });
    });
    use(socket);
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** `localhost` is what this machine says it is only if it is loopback: a resolver has no say where a token goes. */
export const loopbackOnly: LookupFunction = (_hostname, options, callback) => {
  const all = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (options.all === true) callback(null, all);
  else callback(null, '127.0.0.1', 4);
};

export function limitConnecting(socket: Socket, connectMs: number): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => socket.destroy(new Error('does not answer')), connectMs);
  const clear = () => clearTimeout(timer);
  socket.once(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', clear);
  socket.once('close', clear);
}
