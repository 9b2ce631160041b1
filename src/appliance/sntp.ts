/**
 * Asks a time server on the internet for the time (SNTP, RFC 4330; the packet is that of NTP version 4, RFC 5905). Loaded
 * only on a box whose owner wants it. Tells the server nothing: not even what time the box thinks it is.
 */
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { RandomBytes } from '../platform/identifiers.ts';

export type TimeServer = Readonly<{ address: string; port: number }>;
export type TimeAnswer =
  /** It was `timeMs` (since 1970, UTC) when the steady count stood at `steadyMs`. */
  | Readonly<{ kind: 'time'; timeMs: number; steadyMs: number }>
  /** Asked to go away, with its four letters (RFC 5905, section 7.4). */
  | Readonly<{ kind: 'kiss'; letters: string }>
  | Readonly<{ kind: 'none'; why: string }>;
export type TimeClient = Readonly<{
  /** IP addresses of a host, IPv4 first; none when nobody says. */
  resolve(host: string, signal: AbortSignal): Promise<string[]>;
  ask(server: TimeServer, signal: AbortSignal): Promise<TimeAnswer>;
}>;
export type TimeClientOptions = Readonly<{
  /** Milliseconds that never go back. */
  steady: () => number;
  randomBytes: RandomBytes;
  /** Default: 2 s, the longest round trip that is believed. */
  timeoutMs?: number;
}>;

const packetBytes = 48;
const roundTripMsMax = 2_000;
/** Of packets that are no answer to what was asked. */
const strayPacketsMax = 8;
const stratumMax = 15;
const version = 4;
const modes = { client: 3, server: 4 } as const;
/** From 1900, when eras of 2^32 s begin to be counted, to 1970. */
const secondsTo1970 = 2_208_988_800;
const eraSeconds = 2 ** 32;
const resolveMs = 2_000;
const at = { rootDelay: 4, reference: 12, originate: 24, receive: 32, transmit: 40 } as const;

/** Opens nothing as yet: each question has a socket of its own. */
export function makeTimeClient(options: TimeClientOptions): TimeClient {
  return {
    resolve: resolveHost,
    ask: (server, signal) => new Question(options, server, signal).ask(),
  };
}

/** Without the system's resolver: that one holds a thread which the disk needs, for as long as it likes. */
async function resolveHost(host: string, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const resolver = new Resolver({ timeout: resolveMs, tries: 2 });
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    return found.flatMap((addresses) => (addresses.status === 'fulfilled' ? addresses.value : []));
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

class Question {
  readonly #options: TimeClientOptions;
  readonly #server: TimeServer;
  readonly #signal: AbortSignal;
  /** Stands where the box's time would: who did not see the question cannot answer it (RFC 4330, section 5). */
  readonly #cookie: Buffer;

  constructor(options: TimeClientOptions, server: TimeServer, signal: AbortSignal) {
    this.#options = options;
    this.#server = server;
    this.#signal = signal;
    this.#cookie = Buffer.from(options.randomBytes(8));
  }

  /** Never rejects. */
  ask(): Promise<TimeAnswer> {
    const { steady, timeoutMs = roundTripMsMax } = this.#options;
    const { address, port } = this.#server;
    if (this.#signal.aborted) return Promise.resolve({ kind: 'none', why: 'stopped' });
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    return new Promise<TimeAnswer>((resolve) => {
      let sentAt = 0;
      let strays = 0;
      const end = (answer: TimeAnswer) => {
        clearTimeout(timer);
        this.#signal.removeEventListener('abort', stop);
        closeQuietly(socket);
        resolve(answer);
      };
      const stop = () => end({ kind: 'none', why: 'stopped' });
      const timer = setTimeout(() => end({ kind: 'none', why: 'no answer' }), timeoutMs);
      this.#signal.addEventListener('abort', stop, { once: true });
      socket.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'none', why: error.code ?? error.message }));
      socket.on('message', (packet) => {
        const steadyMs = steady();
        if (!this.#isAnswer(packet)) {
          strays += 1;
          if (strays >= strayPacketsMax) end({ kind: 'none', why: 'only strange packets' });
          return;
        }
        end(read(packet, sentAt, steadyMs));
      });
      // By the event: a callback is also called when no way leads there.
      socket.on('connect', () => {
        sentAt = steady();
        socket.send(this.#packet());
      });
      // Connected: the system hands over nothing that comes from elsewhere, or from another port.
      socket.connect(port, address);
    });
  }

  #packet(): Buffer {
    const packet = Buffer.alloc(packetBytes);
    packet[0] = (version << 3) | modes.client;
    this.#cookie.copy(packet, at.transmit);
    return packet;
  }

  #isAnswer(packet: Buffer): boolean {
    return packet.length >= packetBytes && packet.subarray(at.originate, at.receive).equals(this.#cookie);
  }
}

/** The checks of RFC 4330, section 5. `sentAt`, `steadyMs`: of the question and of its answer, by the steady count. */
function read(packet: Buffer, sentAt: number, steadyMs: number): TimeAnswer {
  const [first = 0, stratum = 0] = packet;
  if ((first & 7) !== modes.server) return { kind: 'none', why: 'not a server’s answer' };
  if (stratum === 0) {
    const letters = packet.toString('latin1', at.reference, at.reference + 4).replace(/[^A-Z]/g, '');
    return { kind: 'kiss', letters };
  }
  const speaks = (first >> 3) & 7;
  if (speaks !== version) return { kind: 'none', why: `version ${speaks}` };
  if (first >> 6 === 3 || stratum > stratumMax) return { kind: 'none', why: 'the server has no time itself' };
  const received = timestamp(packet, at.receive);
  const transmitted = timestamp(packet, at.transmit);
  if (received === undefined || transmitted === undefined) return { kind: 'none', why: 'no time in it' };
  const thereMs = transmitted - received;
  const roundTripMs = steadyMs - sentAt - thereMs;
  // A server's clock may be turned while it answers.
  if (thereMs < -1 || roundTripMs < -1) return { kind: 'none', why: 'it took less than no time' };
  if (steadyMs - sentAt >= roundTripMsMax) return { kind: 'none', why: 'too late' };
  return { kind: 'time', timeMs: transmitted + Math.max(0, roundTripMs) / 2, steadyMs };
}

/** Milliseconds since 1970. The count begins again at 0 in 2036; what lies before 1970 is of then (RFC 4330, section 3). */
function timestamp(packet: Buffer, offset: number): number | undefined {
  const seconds = packet.readUInt32BE(offset);
  const fraction = packet.readUInt32BE(offset + 4);
  if (seconds === 0 && fraction === 0) return undefined;
  const inEra = (seconds - secondsTo1970) * 1000 + (fraction / eraSeconds) * 1000;
  return inEra < 0 ? inEra + eraSeconds * 1000 : inEra;
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners();
  // What the system says late is nobody's concern any more.
  socket.on('error', () => undefined);
  socket.close();
}
