/**
 * Decides when the internet is asked for the time, and which of several answers is believed. While the owner has not said
 * yes, it asks for nothing: no name, no server, and what would ask is not even loaded.
 */
import type { Logger } from '../platform/log.ts';
import type { TimeAnswer, TimeClient } from './sntp.ts';

export type InternetTimeOptions = Readonly<{
  isOn: () => boolean;
  /** `host` or `host:port`; the first three are asked. */
  servers: readonly string[];
  makeClient: () => Promise<TimeClient>;
  /** Milliseconds that never go back. */
  steady: () => number;
  /** The time as the servers have it, ms since 1970. */
  onTime: (timeMs: number) => Promise<void>;
  log: Pick<Logger, 'info' | 'debug' | 'warn'>;
}>;

const timePort = 123;
const serversMax = 3;
/** Of one name: an IPv4 and an IPv6 one, or two of a kind. */
const addressesMax = 2;
/** How far two honest clocks may differ. */
const agreeMs = 10_000;
const askMsMax = 15_000;
export const lookEveryMs = 15 * 60_000;
const askEveryMs = 6 * 60 * 60_000;
/** Looks come a little early or late. */
const slackMs = 60_000;

type Time = Extract<TimeAnswer, { kind: 'time' }>;

export class InternetTime {
  readonly #options: InternetTimeOptions;
  readonly #closing = new AbortController();
  #client: TimeClient | undefined;
  #asking: Promise<void> | undefined;
  /** By the steady count: when the last answer came. */
  #answeredAt: number | undefined;

  constructor(options: InternetTimeOptions) {
    this.#options = options;
  }

  /** To be called every 15 minutes: asks until there is an answer, and then every 6 hours. */
  async look(): Promise<void> {
    const since = this.#answeredAt === undefined ? Number.POSITIVE_INFINITY : this.#options.steady() - this.#answeredAt;
    if (since >= askEveryMs - slackMs) await this.ask();
  }

  /** Asks now, if the owner wants it. One question at a time: who asks meanwhile waits for that one. */
  async ask(): Promise<void> {
    if (!this.#options.isOn() || this.#closing.signal.aborted) return;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#asking?.catch(() => undefined);
  }

  async #ask(): Promise<void> {
    const { servers, makeClient, steady, isOn, onTime, log } = this.#options;
    this.#client ??= await makeClient();
    const client = this.#client;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(askMsMax)]);
    const asked = servers.slice(0, serversMax).map((server) => this.#askOne(client, server, signal));
    const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined);
    // The owner may have changed their mind.
    if (!isOn() || this.#closing.signal.aborted) return;
    const agreed = agreedTime(answers);
    if (agreed === undefined) {
      log.info({ servers, answers: answers.length }, 'the internet did not tell the time; asked again later');
      return;
    }
    this.#answeredAt = steady();
    await onTime(Math.round(agreed + this.#answeredAt));
  }

  async #askOne(client: TimeClient, server: string, signal: AbortSignal): Promise<Time | undefined> {
    const { host, port } = hostAndPortOf(server);
    const found = await client.resolve(host, signal).catch(() => []);
    const other = found.find((address) => address.includes(':') !== found[0]?.includes(':'));
    const addresses = [found[0], other ?? found[1]].filter((one) => one !== undefined).slice(0, addressesMax);
    for (const address of addresses) {
      const answer = await client.ask({ address, port }, signal);
      if (answer.kind === 'time') return answer;
      this.#options.log.debug({ server, address, answer }, 'a time server did not tell the time');
      // It wants no more questions; another of its addresses is the same people's.
      if (answer.kind === 'kiss') return undefined;
    }
    return undefined;
  }
}

/**
 * What to add to the steady count: the middle one of the answers, if more than half of them say about the same; the
 * earlier of two, since the box's time never goes back.
 */
function agreedTime(answers: readonly Time[]): number | undefined {
  const told = answers.map(({ timeMs, steadyMs }) => timeMs - steadyMs).sort((one, other) => one - other);
  const middle = told[Math.floor((told.length - 1) / 2)];
  if (middle === undefined) return undefined;
  return told.filter((one) => Math.abs(one - middle) <= agreeMs).length > told.length / 2 ? middle : undefined;
}

/** An IPv6 address with a port stands in brackets (RFC 3986, section 3.2.2). */
export function hostAndPortOf(server: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(server) ?? [];
  return { host: bracketed ?? plain ?? server, port: port === undefined ? timePort : Number(port) };
}
