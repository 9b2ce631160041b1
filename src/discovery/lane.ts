import type { Logger } from '../platform/log.ts';
import type { SentPackets, TokenBucket, Window } from './limits.ts';
import type { LinkSocket, OpenLinkSocket } from './link-socket.ts';
import type { RecordSet } from './records.ts';
import { Responder, type Sender } from './responder.ts';
import type { Timers } from './timers.ts';

export type LaneOptions = Readonly<{
  link: string;
  family: 4 | 6;
  openSocket: OpenLinkSocket;
  timers: Timers;
  random: () => number;
  log: Logger;
  sent: SentPackets;
  /** Shared by the families of a link. */
  limits: Readonly<{ answers: Window; own: Window; unicast: TokenBucket }>;
  records: () => RecordSet | undefined;
  speaks: () => 'always' | 'to-probes' | 'never';
  onPacket: (lane: Lane, bytes: Buffer, from: Sender) => void;
}>;

/** The port is another's, or not allowed: not looked at at each look. */
const takenRetryMs = 60_000;
const takenErrors = ['EADDRINUSE', 'EACCES', 'EPERM'];

/** One family of one link: its socket, as long as there is one, and who answers there. */
export class Lane {
  readonly responder: Responder;
  readonly family: 4 | 6;
  readonly #options: LaneOptions;
  #socket: LinkSocket | undefined;
  #address: string | undefined;
  #generation = 0;
  #nextTryMs = Number.NEGATIVE_INFINITY;
  #isTrouble = false;
  readonly #sending = new Set<Promise<void>>();

  constructor(options: LaneOptions) {
    this.#options = options;
    this.family = options.family;
    this.responder = new Responder({
      ...options,
      multicast: (bytes) => options.limits.answers.tryTake(options.timers.nowMs()) && this.#send(bytes),
      announce: (bytes) => this.sendOwn(bytes),
      unicast: (bytes, to) => {
        if (options.limits.unicast.tryTake(options.timers.nowMs())) this.#send(bytes, to);
      },
    });
  }

  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  /** Whether there is something to open now. */
  wants(address: string | undefined): boolean {
    if (address === undefined) return false;
    return address !== this.#address || (!this.isOpen && this.#options.timers.nowMs() >= this.#nextTryMs);
  }

  /** Opens at this address, or opens anew. Never fails: what fails is tried again at a later look. */
  async open(address: string): Promise<void> {
    this.close();
    const { link, family, timers, log } = this.#options;
    const generation = this.#generation;
    this.#address = address;
    this.#nextTryMs = Number.POSITIVE_INFINITY;
    try {
      const socket = await this.#options.openSocket({
        link,
        family,
        address,
        onPacket: (bytes, from) => this.#options.onPacket(this, bytes, from),
        onError: (error) => this.#failed(generation, error),
      });
      if (generation !== this.#generation) {
        socket.close();
        return;
      }
      this.#socket = socket;
      log.debug({ link, family }, 'multicast DNS opened');
    } catch (error) {
      this.#trouble(error, 'multicast DNS cannot be opened here; it is tried again');
      if (generation !== this.#generation) return;
      const isTaken = error instanceof Error && 'code' in error && takenErrors.includes(String(error.code));
      this.#nextTryMs = timers.nowMs() + (isTaken ? takenRetryMs : 0);
    }
  }

  close(): void {
    this.#generation += 1;
    this.#socket?.close();
    this.#socket = undefined;
    this.#address = undefined;
    this.responder.silence();
  }

  /** Says it to all. @returns false when nothing may be sent just now. @param onFailed the system did not take it. */
  sendOwn(bytes: Buffer, onFailed?: () => void): boolean {
    return this.#options.limits.own.tryTake(this.#options.timers.nowMs()) && this.#send(bytes, undefined, onFailed);
  }

  /** Whatever is on its way has left. */
  async sent(): Promise<void> {
    await Promise.all(this.#sending);
  }

  #send(bytes: Buffer, to?: Sender, onFailed?: () => void): boolean {
    if (this.#socket === undefined) return false;
    // Before it is sent: it may be heard before the sending is known to have ended.
    this.#options.sent.add(bytes);
    const sending = this.#socket.send(bytes, to).then(
      () => {
        this.#isTrouble = false;
      },
      (error: unknown) => {
        onFailed?.();
        this.#trouble(error, 'multicast DNS cannot be sent here');
      },
    );
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
    return true;
  }

  #failed(generation: number, error: Error): void {
    if (generation !== this.#generation) return;
    this.#trouble(error, 'multicast DNS failed here; it is opened again');
    this.close();
  }

  /** Told once, until it works again. */
  #trouble(error: unknown, message: string): void {
    const { log, link, family } = this.#options;
    log[this.#isTrouble ? 'debug' : 'warn']({ link, family, err: error }, message);
    this.#isTrouble = true;
  }
}
