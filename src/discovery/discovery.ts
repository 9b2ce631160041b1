/**
 * Owns the box's name on the networks it is in: wins it, keeps it, answers for it (multicast DNS, RFC 6762 and 6763).
 * Never takes a name that somebody has, never speaks for others, never says anything unasked once it is announced.
 * Only the composition root may call it.
 */
import type { Link } from '../platform/links.ts';
import type { Logger } from '../platform/log.ts';
import { AttachedLink } from './attached-link.ts';
import { SentPackets } from './limits.ts';
import { type OpenLinkSocket, openLinkSocket } from './link-socket.ts';
import { addressBytes, type Service } from './records.ts';
import { realTimers, type Timers } from './timers.ts';

export type { Service, Timers };

export type DiscoveryOptions = Readonly<{
  /** The label that the box should have. */
  configured: string;
  /** The one it won before: tried first, if it is the configured one or that with a number. */
  kept: string | undefined;
  services: readonly Service[];
  links: () => readonly Link[];
  /**
   * Called and awaited when a name other than the one before was won, before it is announced: the certificate and the
   * settings follow here. When it fails it is called again later.
   */
  onName: (name: string) => Promise<void>;
  /** The links or their addresses are others than at the look before. */
  onLinks: () => void;
  openSocket?: OpenLinkSocket;
  timers?: Timers;
  random?: () => number;
  log: Logger;
}>;

export type DiscoveryState = 'probing' | 'announced' | 'resting' | 'offline';

const lookEveryMs = 2_000;
const numberMax = 9;
const labelBytesMax = 63;
/** RFC 6762, 8.1. */
const conflictsMax = 15;
const conflictsWithinMs = 10_000;
const restMsFirst = 60_000;
const restMsMax = 15 * 60_000;
const followMsFirst = 5_000;
const followMsMax = 5 * 60_000;
const closeMsMax = 500;
/** An address that is gone may be heard from caches and repeaters for as long as it was said to live. */
const addressKeptMs = 150_000;
const addressesMax = 512;

export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #links = new Map<string, AttachedLink>();
  readonly #sent = new SentPackets();
  /** Of this machine, with when each was seen last. */
  readonly #addresses = new Map<string, number>();
  #name: string;
  /** Whether the name's certificate and settings are those of `#name`. */
  #isKept: boolean;
  #phase: 'closed' | 'claiming' | 'following' | 'owned' | 'resting' = 'closed';
  #number = 1;
  #numbersLost = new Set<number>();
  #conflictsAtMs: number[] = [];
  #restMs = restMsFirst;
  #followMs = followMsFirst;
  #following: Promise<void> = Promise.resolve();
  #seen: string | undefined;
  #isLookTrouble = false;
  #lookTimer: unknown;
  #waitTimer: unknown;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
    this.#timers = options.timers ?? realTimers;
    this.#random = options.random ?? Math.random;
    const { kept } = options;
    this.#isKept = kept !== undefined && numbers.some((number) => labelOf(options.configured, number) === kept);
    this.#name = this.#isKept && kept !== undefined ? kept : options.configured;
  }

  /** The won name; while none is won yet, the kept or the configured one. */
  get name(): string {
    return this.#name;
  }

  get state(): DiscoveryState {
    const open = [...this.#links.values()].filter(({ isOpen, isOpening }) => isOpen || isOpening);
    if (open.length === 0) return 'offline';
    if (this.#phase === 'resting') return 'resting';
    return this.#phase === 'owned' && open.some(({ phase }) => phase === 'announced') ? 'announced' : 'probing';
  }

  /** Begins. Never fails: what cannot be had now is tried again. */
  async open(): Promise<void> {
    if (this.#phase !== 'closed') return;
    this.#claimFirst();
    this.#look();
  }

  /** Takes leave of every link, and is silent when this has ended: within a second. */
  async close(): Promise<void> {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#timers.clearTimeout(this.#lookTimer);
    this.#timers.clearTimeout(this.#waitTimer);
    const links = [...this.#links.values()];
    this.#links.clear();
    for (const link of links) link.withdraw(false);
    let timer: unknown;
    const limit = new Promise<void>((resolve) => {
      timer = this.#timers.setTimeout(resolve, closeMsMax);
    });
    await Promise.race([Promise.all(links.map((link) => link.sent())), limit]);
    this.#timers.clearTimeout(timer);
    for (const link of links) link.close();
  }

  #look(): void {
    this.#lookTimer = this.#timers.setTimeout(() => this.#look(), lookEveryMs);
    const found = this.#findLinks();
    if (found === undefined) return;
    this.#keepAddresses(found);
    for (const [name, link] of this.#links) {
      // An interface that was made anew under its old name takes part in nothing that the one before did.
      if (found.some((other) => other.name === name && other.index === link.link.index)) continue;
      this.#links.delete(name);
      link.close();
    }
    for (const link of found) {
      const attached = this.#links.get(link.name) ?? this.#attach(link);
      attached.look(link);
    }
    this.#winIfAllWon();
    const seen = JSON.stringify(found);
    const isOther = this.#seen !== undefined && seen !== this.#seen;
    this.#seen = seen;
    if (isOther) this.#options.onLinks();
  }

  #findLinks(): readonly Link[] | undefined {
    try {
      const found = this.#options.links();
      this.#isLookTrouble = false;
      return found;
    } catch (error) {
      this.#options.log[this.#isLookTrouble ? 'debug' : 'warn'](
        { err: error },
        'the network interfaces cannot be read',
      );
      this.#isLookTrouble = true;
      return undefined;
    }
  }

  #attach(link: Link): AttachedLink {
    const attached = new AttachedLink(link, {
      services: this.#options.services,
      openSocket: this.#options.openSocket ?? openLinkSocket,
      timers: this.#timers,
      random: this.#random,
      log: this.#options.log,
      sent: this.#sent,
      isOwnAddress: (rdata) => this.#addresses.has(rdata.toString('hex')),
      onReady: (ready) => this.#ready(ready),
      onWon: (winner) => {
        if (this.#phase === 'owned') winner.announce();
        else this.#winIfAllWon();
      },
      onLost: (loser) => this.#lost(loser),
    });
    this.#links.set(link.name, attached);
    return attached;
  }

  #ready(link: AttachedLink): void {
    if (this.#links.get(link.name) !== link) return;
    const mayClaim = this.#phase !== 'closed' && this.#phase !== 'resting';
    if (link.isOpen && mayClaim && link.phase === 'idle') link.claim(this.#label);
    this.#winIfAllWon();
  }

  get #label(): string {
    return labelOf(this.#options.configured, this.#number);
  }

  #claimFirst(): void {
    this.#numbersLost = new Set();
    this.#conflictsAtMs = [];
    this.#number = numbers.find((number) => labelOf(this.#options.configured, number) === this.#name) ?? 1;
    this.#claim();
  }

  #claim(): void {
    this.#phase = 'claiming';
    for (const link of this.#links.values()) if (link.isOpen) link.claim(this.#label);
  }

  /** A name is won when it is won on all links that there are. */
  #winIfAllWon(): void {
    if (this.#phase !== 'claiming') return;
    const links = [...this.#links.values()].filter(({ isOpen, isOpening }) => isOpen || isOpening);
    if (links.length === 0 || !links.every(({ phase }) => phase === 'won')) return;
    void this.#win();
  }

  /** The certificate first, then the name. Meanwhile it is defended, but not said. */
  async #win(): Promise<void> {
    const label = this.#label;
    this.#phase = 'following';
    const isStill = (): boolean => this.#phase === 'following' && this.#label === label;
    if (!this.#isKept || label !== this.#name) {
      this.#isKept = false;
      try {
        await this.#follow(() => (isStill() ? this.#options.onName(label) : Promise.resolve()));
      } catch (error) {
        this.#options.log.error({ err: error, name: label }, 'the name was won, but what belongs to it cannot follow');
        if (isStill()) this.#waitTimer = this.#timers.setTimeout(() => isStill() && this.#win(), this.#followMs);
        this.#followMs = Math.min(2 * this.#followMs, followMsMax);
        return;
      }
      if (!isStill()) return;
    }
    this.#name = label;
    this.#isKept = true;
    this.#followMs = followMsFirst;
    this.#restMs = restMsFirst;
    this.#phase = 'owned';
    this.#options.log.info({ name: `${label}.local` }, 'found on the network by this name');
    for (const link of this.#links.values()) link.announce();
  }

  /** One after the other: what follows the name that was won last must end last. */
  #follow(run: () => Promise<void>): Promise<void> {
    const following = this.#following.then(run);
    this.#following = following.catch(() => undefined);
    return following;
  }

  #lost(loser: AttachedLink): void {
    const nowMs = this.#timers.nowMs();
    this.#timers.clearTimeout(this.#waitTimer);
    if (this.#phase === 'owned') this.#numbersLost = new Set();
    this.#options.log.info({ name: `${this.#label}.local`, link: loser.name }, 'another one has this name');
    for (const link of this.#links.values()) link.withdraw(link === loser || areOneNetwork(link, loser));
    this.#numbersLost.add(this.#number);
    this.#conflictsAtMs = [...this.#conflictsAtMs, nowMs].filter((atMs) => nowMs - atMs < conflictsWithinMs);
    // The next number, and after the last one those below.
    const next = [...numbers.slice(this.#number), ...numbers].find((number) => !this.#numbersLost.has(number));
    if (next === undefined || this.#conflictsAtMs.length >= conflictsMax) {
      this.#rest();
      return;
    }
    this.#number = next;
    this.#claim();
  }

  #rest(): void {
    this.#phase = 'resting';
    this.#options.log.warn({ restMs: this.#restMs }, 'resting: no name is free on this network');
    this.#waitTimer = this.#timers.setTimeout(() => this.#claimFirst(), this.#restMs);
    this.#restMs = Math.min(2 * this.#restMs, restMsMax);
  }

  #keepAddresses(found: readonly Link[]): void {
    const nowMs = this.#timers.nowMs();
    for (const { address } of found.flatMap(({ addresses }) => addresses)) {
      const key = addressBytes(address).toString('hex');
      this.#addresses.delete(key);
      this.#addresses.set(key, nowMs);
    }
    for (const [key, atMs] of this.#addresses) {
      if (nowMs - atMs > addressKeptMs || this.#addresses.size > addressesMax) this.#addresses.delete(key);
    }
  }
}

const numbers = Array.from({ length: numberMax }, (_, index) => index + 1);

function labelOf(configured: string, number: number): string {
  const suffix = number === 1 ? '' : `-${number}`;
  return `${configured.slice(0, labelBytesMax - suffix.length)}${suffix}`;
}

/** Two interfaces in the same network: who has the name on one has it on the other. */
function areOneNetwork(one: AttachedLink, other: AttachedLink): boolean {
  return other.link.addresses.some(({ address }) => one.isOnLink(address));
}
