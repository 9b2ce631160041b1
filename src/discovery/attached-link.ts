import type { Link } from '../platform/links.ts';
import type { Logger } from '../platform/log.ts';
import { Lane } from './lane.ts';
import { IncomingLimit, type SentPackets, TokenBucket, Window } from './limits.ts';
import { type OpenLinkSocket, onLinkTest } from './link-socket.ts';
import { decodeMessage, encodeProbes, encodeResponses, type Message, type SeenRecord, typeNumbers } from './packets.ts';
import { Prober } from './prober.ts';
import { asSaid, metaName, type OwnRecord, publishedAddresses, RecordSet, type Service } from './records.ts';
import { mdnsPort, type Sender } from './responder.ts';
import type { Timers } from './timers.ts';

export type AttachedLinkOptions = Readonly<{
  services: readonly Service[];
  openSocket: OpenLinkSocket;
  timers: Timers;
  random: () => number;
  log: Logger;
  sent: SentPackets;
  /** Whether an address is this machine's, by whatever interface, or was until lately. */
  isOwnAddress: (rdata: Buffer) => boolean;
  /** It can speak, and has no name yet. */
  onReady: (link: AttachedLink) => void;
  onWon: (link: AttachedLink) => void;
  onLost: (link: AttachedLink) => void;
}>;

const defenceEveryMs = 10_000;
/** RFC 6762, 8.3: at least a second; a timer may ring a little early, and what was said within a second is not said. */
const announceAgainMs = 1_010;
/** In any second of a link, both families together: 50. */
const answersPerSecond = 30;
const ownPerSecond = 20;
const unicastPerSecond = 50;

/** One link of the machine: what the box says and hears there. Which name it should be is decided above it. */
export class AttachedLink {
  readonly name: string;
  readonly #options: AttachedLinkOptions;
  readonly #lanes: readonly Lane[];
  readonly #prober: Prober;
  readonly #incoming = new IncomingLimit();
  readonly #ceded = new Set<string>();
  #link: Link;
  #isOnLink: (source: string) => boolean;
  #label: string | undefined;
  #records: RecordSet | undefined;
  #phase: 'idle' | 'probing' | 'won' | 'announced' = 'idle';
  /** The name was won here before: it is defended, not asked for. */
  #isEstablished = false;
  #wasSaid = false;
  #isOpening = false;
  #defendedAtMs = Number.NEGATIVE_INFINITY;
  #announceTimer: unknown;

  constructor(link: Link, options: AttachedLinkOptions) {
    this.name = link.name;
    this.#options = options;
    this.#link = link;
    this.#isOnLink = onLinkTest(link);
    const limits = {
      answers: new Window(answersPerSecond, 1_000),
      own: new Window(ownPerSecond, 1_000),
      unicast: new TokenBucket(unicastPerSecond, unicastPerSecond),
    };
    this.#lanes = ([4, 6] as const).map(
      (family) =>
        new Lane({
          ...options,
          link: link.name,
          family,
          limits,
          records: () => this.#records,
          speaks: () => (this.#phase === 'announced' ? 'always' : this.#phase === 'won' ? 'to-probes' : 'never'),
          onPacket: (lane, bytes, from) => this.#hear(lane, bytes, from),
        }),
    );
    this.#prober = new Prober({
      ...options,
      send: () => this.#probe(),
      onWon: () => {
        this.#phase = 'won';
        this.#isEstablished = true;
        options.onWon(this);
      },
      onLost: () => {
        this.#phase = 'idle';
        options.onLost(this);
      },
    });
  }

  get phase(): 'idle' | 'probing' | 'won' | 'announced' {
    return this.#phase;
  }

  get isOpen(): boolean {
    return this.#lanes.some(({ isOpen }) => isOpen);
  }

  get isOpening(): boolean {
    return this.#isOpening;
  }

  get link(): Link {
    return this.#link;
  }

  isOnLink(source: string): boolean {
    return this.#isOnLink(source);
  }

  /** What the machine says of this link now; opens what is not open. A new address is probed for and announced. */
  look(link: Link): void {
    const before = this.#link;
    this.#link = link;
    this.#isOnLink = onLinkTest(link);
    const gone = publishedAddresses(before).filter((old) => !hasAddress(publishedAddresses(link), old.address));
    const isMore = publishedAddresses(link).some((now) => !hasAddress(publishedAddresses(before), now.address));
    void this.#open(isMore);
    if (gone.length === 0 && !isMore) return;
    const old = this.#records;
    this.#ceded.clear();
    this.#rebuild();
    if (gone.length === 0 || !this.#wasSaid || old === undefined) return;
    this.#sayGoodbye(old.announced.filter(({ key }) => this.#records?.find(key) === undefined));
  }

  /** Begins to win a name here. One that was won here before is probed for again by way of defence. */
  claim(label: string): void {
    if (label !== this.#label) {
      this.#label = label;
      this.#isEstablished = false;
      this.#rebuild();
    }
    this.#begin();
  }

  /** The name is the box's: says so, twice (RFC 6762, 8.3), and answers from now on. */
  announce(): void {
    if (this.#phase !== 'won') return;
    const { timers } = this.#options;
    this.#phase = 'announced';
    this.#wasSaid = true;
    this.#say();
    timers.clearTimeout(this.#announceTimer);
    this.#announceTimer = timers.setTimeout(() => this.#say(), announceAgainMs);
  }

  /**
   * Gives the name up. @param isLostHere another box has it on this link: then only the addresses are taken back, as
   * its other records may be the same as ours, byte by byte.
   */
  withdraw(isLostHere: boolean): void {
    const said = this.#wasSaid ? (this.#records?.announced ?? []) : [];
    this.#silence();
    this.#isEstablished = false;
    this.#wasSaid = false;
    // What kinds of service there are is said by others too.
    const own = said.filter(({ name }) => name !== metaName);
    this.#sayGoodbye(isLostHere ? own.filter(({ type }) => type === 'A' || type === 'AAAA') : own);
  }

  async sent(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.sent()));
  }

  close(): void {
    this.#silence();
    for (const lane of this.#lanes) lane.close();
  }

  #silence(): void {
    this.#prober.stop();
    this.#options.timers.clearTimeout(this.#announceTimer);
    for (const { responder } of this.#lanes) responder.silence();
    this.#phase = 'idle';
  }

  async #open(isMore: boolean): Promise<void> {
    const wanted = this.#lanes.flatMap((lane) => {
      const address = this.#link.addresses.find(({ family }) => family === lane.family)?.address;
      if (address === undefined) lane.close();
      return address !== undefined && lane.wants(address) ? [{ lane, address }] : [];
    });
    const wasReady = this.isOpen;
    if (wanted.length > 0) {
      this.#isOpening = true;
      await Promise.all(wanted.map(({ lane, address }) => lane.open(address)));
      this.#isOpening = false;
    }
    const hasOpened = wanted.some(({ lane }) => lane.isOpen);
    if (!isMore && !hasOpened && wasReady) return;
    if (wanted.length === 0 && !isMore) return;
    if (this.isOpen && this.#label !== undefined && this.#phase !== 'idle') this.#begin();
    else this.#options.onReady(this);
  }

  #begin(): void {
    this.#silence();
    this.#phase = 'probing';
    this.#prober.start(this.#isEstablished ? 'defend' : 'claim');
  }

  #rebuild(): void {
    if (this.#label === undefined) return;
    const { services } = this.#options;
    this.#records = new RecordSet({ label: this.#label, services, link: this.#link, ceded: this.#ceded });
  }

  #probe(): boolean {
    const packets = encodeProbes(this.#records?.probes ?? []);
    // All must have been sent: a name that was not asked for is not won.
    const sent = this.#lanes
      .filter(({ isOpen }) => isOpen)
      .map((lane) => packets.every((bytes) => lane.sendOwn(bytes, () => this.#prober.unsent())));
    return sent.length > 0 && sent.every(Boolean);
  }

  #say(): void {
    for (const { responder } of this.#lanes) responder.say(this.#records?.announced ?? []);
  }

  #sayGoodbye(records: readonly OwnRecord[]): void {
    const said = records.map((record) => asSaid(record, { ttlSecondsMax: 0 }));
    for (const bytes of encodeResponses(said)) for (const lane of this.#lanes) lane.sendOwn(bytes);
  }

  /** Whether a packet is looked at is decided before it is read. */
  #hear(lane: Lane, bytes: Buffer, from: Sender): void {
    if (this.#records === undefined || !this.#isOnLink(from.address) || this.#options.sent.has(bytes)) return;
    if (!this.#incoming.tryTake(from.address, this.#options.timers.nowMs())) return;
    const message = decodeMessage(bytes);
    if (message === undefined) return;
    if (message.isResponse) this.#hearResponse(lane, message, from);
    else this.#hearQuery(lane, message, from);
  }

  #hearQuery(lane: Lane, query: Message, from: Sender): void {
    const { isOwnAddress } = this.#options;
    this.#cede(query.authorities);
    const isTieLost =
      this.#phase === 'probing' && (this.#records?.compareProbe(query.authorities, isOwnAddress) ?? 0) < 0;
    if (isTieLost) this.#prober.tieLost();
    lane.responder.hearQuery(query, from);
  }

  #hearResponse(lane: Lane, message: Message, from: Sender): void {
    // RFC 6762, 6: from any other port it is no answer.
    if (from.port !== mdnsPort) return;
    const seen = [...message.answers, ...message.additionals];
    this.#cede(seen);
    lane.responder.hearResponse(seen);
    if (!seen.some((record) => this.#records?.isConflict(record, this.#options.isOwnAddress))) return;
    if (this.#phase === 'probing') this.#prober.conflict();
    else if (this.#phase !== 'idle') this.#defend(from);
  }

  /** RFC 6762, 9: goes back to asking, but not as often as somebody likes. */
  #defend(from: Sender): void {
    const { timers, log } = this.#options;
    if (timers.nowMs() - this.#defendedAtMs < defenceEveryMs) return;
    this.#defendedAtMs = timers.nowMs();
    log.debug({ link: this.name, source: from.address }, 'somebody says something else under this name; asking again');
    this.#begin();
  }

  /**
   * The name of one of our addresses (in-addr.arpa) is left to whoever speaks for it: that can only be another program
   * of this machine, and it must not be made to rename itself.
   */
  #cede(seen: readonly SeenRecord[]): void {
    const theirs = seen.filter(
      ({ name, type, rdata, ttlSeconds }) =>
        type === typeNumbers.PTR &&
        ttlSeconds > 0 &&
        this.#records?.reverseNames.includes(name) &&
        !this.#records.answers({ name, type }).some((record) => record.rdata.equals(rdata)),
    );
    if (theirs.length === 0) return;
    for (const { name } of theirs) this.#ceded.add(name);
    this.#rebuild();
  }
}

function hasAddress(addresses: Link['addresses'], address: string): boolean {
  return addresses.some((held) => held.address === address);
}
