/**
 * Owns how many connections there may be, of one address and in all, so that nobody keeps the others out.
 * Never looks into what is sent. Only the listeners call it; each door has a crowd of its own.
 */
import type { Socket } from 'node:net';
import { isLoopback } from './gate.ts';

export type CrowdOptions = Readonly<{
  connectionsMax: number;
  perAddressMax: number;
  /** Whether a connection has no request in work. */
  isIdle: (socket: Socket) => boolean;
}>;

export class Crowd {
  readonly #options: CrowdOptions;
  /** By address, the oldest first. */
  readonly #byAddress = new Map<string, Set<Socket>>();
  #count = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /**
   * Counts a new connection, or destroys it: when its address has its share, or when the door is full and nobody has an
   * idle one to give up. Counted by whole addresses: in a house all IPv6 addresses begin alike.
   */
  admit(socket: Socket): void {
    // The console's has none. It may have what it likes, and so may this machine, where a proxy may speak for many.
    const address = socket.remoteAddress;
    if (address === undefined || isLoopback(address)) return;
    const own = this.#byAddress.get(address) ?? new Set();
    if (own.size >= this.#options.perAddressMax) {
      socket.destroy();
      return;
    }
    if (this.#count >= this.#options.connectionsMax && !this.#makeRoom()) {
      socket.destroy();
      return;
    }
    this.#byAddress.set(address, own.add(socket));
    this.#count += 1;
    socket.once('close', () => this.#forget(address, socket));
  }

  /** The address with the most connections gives up its oldest idle one. */
  #makeRoom(): boolean {
    const crowded = [...this.#byAddress].sort(([, one], [, other]) => other.size - one.size);
    for (const [address, sockets] of crowded) {
      for (const socket of sockets) {
        if (!this.#options.isIdle(socket)) continue;
        this.#forget(address, socket);
        socket.destroy();
        return true;
      }
    }
    return false;
  }

  #forget(address: string, socket: Socket): void {
    const own = this.#byAddress.get(address);
    if (own?.delete(socket) !== true) return;
    this.#count -= 1;
    if (own.size === 0) this.#byAddress.delete(address);
  }
}
