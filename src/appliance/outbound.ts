/**
 * Owns what of the box's own doing goes beyond the local network, derived at this one place from what the owner turned on,
 * and tells the firewall of it whenever that changes. What is not in it cannot leave the device, whoever wants it to.
 * Never decides what is turned on. Called by the composition root, and by what turns something on or off.
 */
import { isIP } from 'node:net';
import type { Destination } from '../platform/destinations.ts';
import { isLocal } from '../platform/links.ts';
import type { Logger } from '../platform/log.ts';
import type { BoxHelper } from './box-helper.ts';
import type { OutboundPort } from './box-protocol.ts';

export type OutboundOptions = Readonly<{
  helper: BoxHelper;
  /** All that is turned on now. */
  wanted: () => readonly Destination[];
  log: Pick<Logger, 'info' | 'warn'>;
}>;

const portsMax = 32;
/** For what nobody told of, and for a firewall that was loaded anew. */
const lookEveryMs = 60_000;
const againEveryLooks = 15;
const dnsPort = 53;

/**
 * The ports to be open, sorted. Who is in the local network needs none. Where a name is to be found, the resolver may ask
 * too: it asks whom the network's router named, and that may be somebody beyond it.
 */
export function portsFor(destinations: readonly Destination[]): OutboundPort[] {
  const beyond = destinations.filter(({ host }) => !isNear(host));
  const names = beyond.some(({ host }) => isIP(host) === 0);
  const asking: OutboundPort[] = names
    ? (['udp', 'tcp'] as const).map((protocol) => ({ protocol, port: dnsPort }))
    : [];
  const ports = new Map(
    [...beyond, ...asking].map(({ protocol, port }) => [`${protocol} ${port}`, { protocol, port }]),
  );
  const sorted = [...ports.values()].sort(
    (one, other) => one.port - other.port || one.protocol.localeCompare(other.protocol),
  );
  return sorted.slice(0, portsMax);
}

/** Names of this network are found by asking in it (RFC 6762, section 3; RFC 8375). */
function isNear(host: string): boolean {
  return isLocal(host) || /^(localhost|.+\.(local|home\.arpa))\.?$/i.test(host);
}

export class Outbound {
  readonly #options: OutboundOptions;
  #told: string | undefined;
  #telling: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;

  constructor(options: OutboundOptions) {
    this.#options = options;
  }

  /** Tells what is turned on, and goes on looking. Nobody waits for that. */
  start(): void {
    if (!this.#options.helper.there || this.#timer !== undefined) return;
    void this.look();
    this.#timer = setInterval(() => {
      this.#looks += 1;
      if (this.#looks % againEveryLooks === 0) this.#told = undefined;
      void this.look();
    }, lookEveryMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#telling;
  }

  /** Resolves when the firewall is as it should be, or could not be told; that is tried again. Never rejects. */
  async look(): Promise<void> {
    if (!this.#options.helper.there) return;
    // One after the other: the last word counts.
    this.#telling = this.#telling.then(() => this.#tell());
    await this.#telling;
  }

  async #tell(): Promise<void> {
    const { helper, wanted, log } = this.#options;
    try {
      const ports = portsFor(wanted());
      const words = ports.map(({ protocol, port }) => `${protocol} ${port}`).join(', ');
      if (words === this.#told) return;
      await helper.ask({ verb: 'outbound', ports });
      this.#told = words;
      log.info({ open: words }, 'what may leave the local network was told to the firewall');
    } catch (err) {
      this.#told = undefined;
      log.warn({ err }, 'the firewall could not be told what may leave the local network; tried again');
    }
  }
}
