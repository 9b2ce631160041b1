/**
 * Networks in memory for multicast DNS: segments with boxes and strangers on them, under one clock that only a test moves.
 * Like Linux, a socket hears every multicast that reaches its machine, whatever interface it came in by, and what its
 * own machine says.
 */
import { decode } from 'dns-packet';
import { Discovery, type DiscoveryOptions, type Service, type Timers } from '../../src/discovery/discovery.ts';
import type { LinkSocketOptions, OpenLinkSocket } from '../../src/discovery/link-socket.ts';
import type { Link } from '../../src/platform/links.ts';
import { createLog } from '../../src/platform/log.ts';
import { Random } from './random.ts';

type Timer = { atMs: number; order: number; run: () => void };
type From = { address: string; port: number };
type Listener = {
  machine: object;
  link: string;
  segment: string;
  family: 4 | 6;
  hear: (bytes: Buffer, from: From) => void;
};
export type Said = Readonly<{
  atMs: number;
  segment: string;
  family: 4 | 6;
  from: string;
  /** Undefined: to all. */
  to: string | undefined;
  bytes: Buffer;
}>;
export type Port = { link: string; index?: number; segment: string; addresses: { address: string; prefix: number }[] };

const group = 5353;

export class World implements Timers {
  readonly random: Random;
  readonly said: Said[] = [];
  #nowMs = 1_000_000;
  #order = 0;
  readonly #timers = new Map<object, Timer>();
  readonly #listeners = new Set<Listener>();
  readonly #strangers = new Map<string, { segment: string; hear: (bytes: Buffer, from: From) => void }>();

  readonly #bridged = new Map<string, string>();

  constructor(seed = 1) {
    this.random = new Random(seed);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  setTimeout(run: () => void, ms: number): unknown {
    const handle = {};
    this.#order += 1;
    this.#timers.set(handle, { atMs: this.#nowMs + Math.max(0, ms), order: this.#order, run });
    return handle;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as object);
  }

  get timers(): Timers {
    return {
      nowMs: () => this.nowMs(),
      setTimeout: (run, ms) => this.setTimeout(run, ms),
      clearTimeout: (handle) => this.clearTimeout(handle),
    };
  }

  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      let next: [object, Timer] | undefined;
      for (const entry of this.#timers) {
        const [, { atMs, order }] = entry;
        const isBefore = next === undefined || atMs < next[1].atMs || (atMs === next[1].atMs && order < next[1].order);
        if (atMs <= endMs && isBefore) next = entry;
      }
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.#nowMs = next[1].atMs;
      next[1].run();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Says it on a segment; it is heard a moment later. */
  say(spoken: Omit<Said, 'atMs'>, port = group): void {
    const said = { ...spoken, segment: this.#bridged.get(spoken.segment) ?? spoken.segment };
    this.said.push({ ...said, atMs: this.#nowMs });
    this.setTimeout(() => this.#deliver(said, port), 0.5);
  }

  #deliver({ segment, family, from, to, bytes }: Omit<Said, 'atMs'>, port: number): void {
    const stranger = to === undefined ? undefined : this.#strangers.get(to);
    if (stranger?.segment === segment) stranger.hear(bytes, { address: from, port });
    if (to !== undefined) return;
    const reached = [...this.#listeners].filter((one) => one.segment === segment && one.family === family);
    for (const listener of this.#listeners) {
      const way = reached.filter(({ machine }) => machine === listener.machine);
      if (listener.family !== family) continue;
      for (const { link } of way) {
        const zone = from.startsWith('fe80') ? `%${link}` : '';
        listener.hear(bytes, { address: `${from}${zone}`, port });
      }
    }
    for (const [address, one] of this.#strangers) {
      if (one.segment === segment && address !== from) one.hear(bytes, { address: from, port });
    }
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  join(address: string, segment: string, hear: (bytes: Buffer, from: From) => void): void {
    this.#strangers.set(address, { segment, hear });
  }

  /** What is on one segment is on the other from now on. */
  bridge(from: string, to: string): void {
    for (const listener of this.#listeners) if (listener.segment === from) listener.segment = to;
    this.#bridged.set(from, to);
  }

  get waiting(): number {
    return this.#timers.size;
  }
}

/** Promises that wait for nothing but each other come to their end. */
async function settle(): Promise<void> {
  for (let count = 0; count < 12; count += 1) await undefined;
}

const services: readonly Service[] = [
  { type: '_nightjar._tcp', port: 443, txt: { id: 'unset', v: '1.0.0', fp: 'ab'.repeat(32) } },
  { type: '_https._tcp', port: 443, txt: { path: '/' } },
  { type: '_http._tcp', port: 80, txt: { path: '/' } },
  { type: '_webdavs._tcp', port: 443, txt: { path: '/remote.php/dav/' } },
];

/** A machine with a box on it. */
export class SimulatedBox {
  readonly world: World;
  readonly ports: Port[];
  readonly names: string[] = [];
  linksTold = 0;
  opened = 0;
  openSocket: OpenLinkSocket;
  discovery: Discovery;
  /** Sending fails with this code. */
  sendError: string | undefined;
  readonly #id: string;
  readonly #options: Partial<DiscoveryOptions>;

  constructor(world: World, id: string, ports: Port[], options: Partial<DiscoveryOptions> = {}) {
    this.world = world;
    this.ports = ports;
    this.#id = id;
    this.#options = options;
    this.openSocket = (socket) => this.#open(socket);
    this.discovery = this.#make(options.kept);
  }

  get name(): string {
    return this.discovery.name;
  }

  /** Its program ends and begins again. */
  async restart(): Promise<void> {
    await this.discovery.close();
    this.discovery = this.#make(this.names.at(-1) ?? this.#options.kept);
    await this.discovery.open();
  }

  #make(kept: string | undefined): Discovery {
    const random = this.world.random.fork();
    return new Discovery({
      configured: 'nightjar',
      services: services.map((one) =>
        one.txt['id'] === undefined ? one : { ...one, txt: { ...one.txt, id: this.#id } },
      ),
      links: () => this.#links(),
      onName: async (name) => {
        this.names.push(name);
      },
      onLinks: () => {
        this.linksTold += 1;
      },
      openSocket: (socket) => this.openSocket(socket),
      timers: this.world.timers,
      random: () => random.next(),
      log: createLog({ level: 'silent' }),
      ...this.#options,
      kept,
    });
  }

  #links(): Link[] {
    return this.ports
      .filter(({ addresses }) => addresses.length > 0)
      .map(({ link, index, addresses }) => ({
        name: link,
        index,
        addresses: addresses.map((one) => ({
          ...one,
          family: one.address.includes(':') ? (6 as const) : (4 as const),
        })),
      }));
  }

  async #open({ link, family, address, onPacket }: LinkSocketOptions) {
    this.opened += 1;
    const { segment } = this.ports.find((port) => port.link === link) ?? { segment: 'nowhere' };
    const leave = this.world.listen({ machine: this, link, segment, family, hear: onPacket });
    return {
      send: async (bytes: Buffer, to?: From) => {
        if (this.sendError !== undefined) throw Object.assign(new Error(this.sendError), { code: this.sendError });
        const copy = Buffer.from(bytes);
        this.world.say({ segment, family, from: address, to: to?.address.split('%')[0], bytes: copy });
      },
      close: () => {
        leave();
      },
    };
  }
}

/** Any other machine: says what a test wants, and keeps what it hears. */
export class Stranger {
  readonly heard: { atMs: number; from: From; bytes: Buffer }[] = [];
  readonly address: string;
  readonly #world: World;
  readonly #segment: string;
  /** Called with all that it hears. */
  onPacket: ((bytes: Buffer) => void) | undefined;

  constructor(world: World, address: string, segment = 'lan') {
    this.#world = world;
    this.#segment = segment;
    this.address = address;
    world.join(address, segment, (bytes, from) => {
      this.heard.push({ atMs: world.nowMs(), from, bytes });
      this.onPacket?.(bytes);
    });
  }

  say(bytes: Buffer, port = group): void {
    const family = this.address.includes(':') ? 6 : 4;
    this.#world.say({ segment: this.#segment, family, from: this.address, to: undefined, bytes }, port);
  }

  /** All records that it was told since `sinceMs`, by the judgement of dns-packet. */
  records(sinceMs = 0) {
    return this.heard
      .filter(({ atMs }) => atMs >= sinceMs)
      .flatMap(({ atMs, bytes, from }) => {
        const packet = decode(bytes);
        if (packet.type !== 'response') return [];
        const tell = (section: string) => (one: object) => ({ atMs, from: from.address, section, ...(one as Told) });
        return [...(packet.answers ?? []).map(tell('answer')), ...(packet.additionals ?? []).map(tell('additional'))];
      });
  }
}

type Told = { name: string; type: string; ttl: number; flush: boolean; data: unknown };
