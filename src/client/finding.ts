import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { BlockList, isIP } from 'node:net';
import type { Link } from '../platform/links.ts';
import { type Address, hostPortOf } from './address.ts';
import { probe } from './connection.ts';
import { systemCodeOf } from './failure.ts';
import { type AskNetwork, askNetwork, type HeardRecord, questionPacket, readAnswer } from './mdns.ts';

/**
 * Finding the box again after it moved. Owns: which of the boxes that answer is tried, in which order, and when to stop.
 * Never: believes an answer (only the pinned root decides), sends a request, or leaves the local network. For openBox.
 */

export type FindOptions = Readonly<{
  /** SHA-256 of the box's root certificate, as the pairing has it: others are not even tried. */
  fingerprint: string;
  rootPem: string;
  ask?: AskNetwork;
  listenMs?: number;
  connectMs?: number;
}>;

const listenMsDefault = 5000;
const connectMsDefault = 2000;
const triesAtOnce = 16;
const triesMax = 256;
/** One sender's answers: so many are read, and so many of the places in them are tried. */
const packetsPerSenderMax = 16;
const recordsPerSenderMax = 64;
const placesPerSenderMax = 4;
const sendersMax = 2048;
/** Of all senders; a window at a time, so that a flood at one moment does not make us deaf to the next question's answer. */
const packetsPerWindowMax = 256;
const windowMs = 100;

type Place = Readonly<{ host: string; port: number; servername?: string }>;

/** Where the box is now: it has shown a certificate of the pinned root there. Null when it was not found in time. */
export async function findBox(options: FindOptions): Promise<Address | null> {
  return await new Search(options).run(options.ask ?? askNetwork);
}

class Search {
  readonly #options: FindOptions;
  readonly #id = randomInt(1, 65_536);
  readonly #senders = new Map<string, Sender>();
  /** What is to be tried: everybody's first place before anybody's second. */
  readonly #waiting: Place[][] = Array.from({ length: placesPerSenderMax }, () => []);
  readonly #tried = new Set<string>();
  readonly #stop = new AbortController();
  readonly #end: Promise<Address | null>;
  #resolve: (found: Address | null) => void = () => {};
  #window = { startMs: 0, packets: 0 };
  #active = 0;
  #tries = 0;
  #listening = true;

  constructor(options: FindOptions) {
    this.#options = options;
    // Every socket and every try listens for the end: Node 20 warns on stderr of more than ten.
    setMaxListeners(0, this.#stop.signal);
    this.#end = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  async run(ask: AskNetwork): Promise<Address | null> {
    const listenMs = this.#options.listenMs ?? listenMsDefault;
    const listened = setTimeout(() => {
      this.#listening = false;
      this.#go();
    }, listenMs);
    // Whatever is still being tried then: the next search may have more luck.
    const over = setTimeout(() => this.#resolve(null), listenMs + this.#connectMs);
    const asking = ask(questionPacket(this.#id), (heard) => this.#hear(heard), this.#stop.signal).catch(() => {});
    try {
      return await this.#end;
    } finally {
      clearTimeout(listened);
      clearTimeout(over);
      this.#stop.abort();
      await asking;
    }
  }

  get #connectMs(): number {
    return this.#options.connectMs ?? connectMsDefault;
  }

  #hear({ packet, from, link }: { packet: Buffer; from: string; link: Link }): void {
    if (!this.#listening || this.#stop.signal.aborted) return;
    const sender = this.#admit(from);
    if (sender === null) return;
    for (const place of sender.learn(readAnswer(packet, this.#id), this.#options.fingerprint, link)) {
      if (sender.keys.size >= placesPerSenderMax) break;
      const key = keyOf(place);
      if (sender.keys.has(key)) continue;
      sender.keys.add(key);
      // Also when somebody else has named it: their last place may be the box's first.
      if (!this.#tried.has(key)) this.#waiting[sender.keys.size - 1]?.push(place);
    }
    this.#go();
  }

  /** Null: heard enough of this one, or of all. */
  #admit(from: string): Sender | null {
    const nowMs = performance.now();
    if (nowMs - this.#window.startMs >= windowMs) this.#window = { startMs: nowMs, packets: 0 };
    const sender = this.#senders.get(from) ?? new Sender(from);
    if (sender.packets >= packetsPerSenderMax || this.#window.packets >= packetsPerWindowMax) return null;
    if (!this.#senders.has(from) && this.#senders.size >= sendersMax) return null;
    this.#senders.set(from, sender);
    this.#window.packets += 1;
    sender.packets += 1;
    return sender;
  }

  #go(): void {
    while (this.#active < triesAtOnce && this.#tries < triesMax && !this.#stop.signal.aborted) {
      const places = this.#waiting.find(({ length }) => length > 0);
      if (places === undefined) break;
      // Any of them: who answers first, or most, has no better place in the queue.
      const [place] = places.splice(randomInt(places.length), 1) as [Place];
      if (this.#tried.has(keyOf(place))) continue;
      this.#tried.add(keyOf(place));
      this.#active += 1;
      this.#tries += 1;
      void this.#try(place).finally(() => {
        this.#active -= 1;
        this.#go();
      });
    }
    if (this.#active === 0 && (!this.#listening || this.#tries >= triesMax)) this.#resolve(null);
  }

  async #try(place: Place): Promise<void> {
    const { rootPem } = this.#options;
    const probing = { rootPem, connectMs: this.#connectMs, afterMs: 0, signal: this.#stop.signal };
    const byAddress = { secure: true, host: place.host, port: place.port };
    const first = place.servername === undefined ? byAddress : { ...byAddress, servername: place.servername };
    try {
      this.#resolve(await probe(first, probing));
    } catch (error) {
      // The right root, and another name: its certificate may be for the address.
      if (first === byAddress || !isOtherName(error)) return;
      await probe(byAddress, probing).then(this.#resolve, () => {});
    }
  }
}

/** What one sender has said so far; its answer may come in several packets. */
class Sender {
  readonly #from: string;
  readonly #records: HeardRecord[] = [];
  packets = 0;
  /** Of its places that were taken up to be tried. */
  readonly keys = new Set<string>();

  constructor(from: string) {
    this.#from = from;
  }

  /** The places that it names for the box with this fingerprint, its own address first. */
  *learn(records: readonly HeardRecord[], fingerprint: string, link: Link): Generator<Place> {
    this.#records.push(...records.slice(0, recordsPerSenderMax - this.#records.length));
    const near = neighbourhood(link);
    for (const pointer of this.#records) {
      if (pointer.type !== 'PTR' || !this.#hasFingerprint(pointer.instance, fingerprint)) continue;
      for (const service of this.#records) {
        if (service.type !== 'SRV' || service.name !== pointer.instance || service.port === 0) continue;
        const servername = /^[a-z0-9-]{1,63}\.local$/.test(service.host) ? { servername: service.host } : {};
        for (const host of [this.#from, ...this.#addressesOf(service.host, link)]) {
          if (near(host)) yield { host, port: service.port, ...servername };
        }
      }
    }
  }

  #hasFingerprint(instance: string, fingerprint: string): boolean {
    return this.#records.some(
      (record) => record.type === 'TXT' && record.name === instance && record.facts.get('fp') === fingerprint,
    );
  }

  #addressesOf(host: string, link: Link): string[] {
    return this.#records.flatMap((record) => {
      if ((record.type !== 'A' && record.type !== 'AAAA') || record.name !== host) return [];
      return [/^fe[89ab]/i.test(record.address) ? `${record.address}%${link.name}` : record.address];
    });
  }
}

/**
 * What may be connected to at the word of somebody in this network: addresses in it, private and link-local ones
 * (RFC 1918, 3927, 4193, 4291). An answer must not make this program knock on doors of the internet.
 */
function neighbourhood(link: Link): (address: string) => boolean {
  const near = new BlockList();
  near.addSubnet('10.0.0.0', 8, 'ipv4');
  near.addSubnet('172.16.0.0', 12, 'ipv4');
  near.addSubnet('192.168.0.0', 16, 'ipv4');
  near.addSubnet('169.254.0.0', 16, 'ipv4');
  near.addSubnet('fc00::', 7, 'ipv6');
  near.addSubnet('fe80::', 10, 'ipv6');
  for (const { address, family, prefix } of link.addresses) {
    if (prefix >= 8) near.addSubnet(address, prefix, `ipv${family}`);
  }
  return (address) => {
    const version = isIP(address);
    return version !== 0 && near.check(address.replace(/%.*$/, ''), version === 4 ? 'ipv4' : 'ipv6');
  };
}

function keyOf(place: Place): string {
  return `${hostPortOf({ ...place, secure: true })} ${place.servername ?? ''}`;
}

function isOtherName(error: unknown): boolean {
  return error instanceof Error && systemCodeOf(error.cause) === 'ERR_TLS_CERT_ALTNAME_INVALID';
}
