/** A time server on this machine (RFC 4330, section 6): honest by default, and as wrong as a test wants it. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

export type Question = Readonly<{ packet: Buffer; port: number; address: string }>;
type Reply = (question: Question, server: TimeServerForTests) => void | Promise<void>;
export type PacketFields = Readonly<{
  leap?: number;
  version?: number;
  mode?: number;
  stratum?: number;
  reference?: string;
  originate?: Buffer;
  /** Milliseconds since 1970. */
  receive?: number | null;
  transmit?: number | null;
}>;

export class TimeServerForTests {
  readonly questions: Question[] = [];
  readonly #socket: Socket;
  #reply: Reply;

  private constructor(socket: Socket, reply: Reply) {
    this.#socket = socket;
    this.#reply = reply;
  }

  /** Tells `now()` to whoever asks, unless `reply` does otherwise. */
  static async start(
    now: () => number,
    reply: Reply = honest(now),
    address = '127.0.0.1',
  ): Promise<TimeServerForTests> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const server = new TimeServerForTests(socket, reply);
    socket.on('message', (packet, { port, address: from }) => {
      const question = { packet, port, address: from };
      server.questions.push(question);
      void server.#reply(question, server);
    });
    socket.bind(0, address);
    await once(socket, 'listening');
    return server;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  set reply(reply: Reply) {
    this.#reply = reply;
  }

  send(packet: Buffer, { port, address }: Question): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(packet, port, address, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

export function honest(now: () => number): Reply {
  return (question, server) => server.send(answerTo(question, { receive: now(), transmit: now() }), question);
}

/** A server's packet; what the question was answers for what is not given. */
export function answerTo({ packet: asked }: Question, fields: PacketFields = {}): Buffer {
  const { leap = 0, version = 4, mode = 4, stratum = 2, reference = '', originate = asked.subarray(40, 48) } = fields;
  const packet = Buffer.alloc(48);
  packet[0] = (leap << 6) | (version << 3) | mode;
  packet[1] = stratum;
  packet.write(reference, 12, 4, 'latin1');
  originate.copy(packet, 24);
  writeTime(packet, 32, fields.receive ?? null);
  writeTime(packet, 40, fields.transmit ?? null);
  return packet;
}

function writeTime(packet: Buffer, offset: number, ms: number | null): void {
  if (ms === null) return;
  const seconds = Math.floor(ms / 1000) + 2_208_988_800;
  packet.writeUInt32BE(seconds % 2 ** 32, offset);
  packet.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32), offset + 4);
}
