/** A network of limited speed between the phone and the box: a TCP forwarder that lets so many bytes through a second. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

const stepMs = 20;

export class SlowNetwork {
  readonly bytesPerSecond: number;
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, bytesPerSecond: number) {
    this.#server = server;
    this.port = port;
    this.bytesPerSecond = bytesPerSecond;
  }

  /** Forwards a new port to `boxPort` on this machine. */
  static async open(boxPort: number, bytesPerSecond: number): Promise<SlowNetwork> {
    const server = createServer({ pauseOnConnect: false });
    server.listen(0);
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('No free port.');
    const network = new SlowNetwork(server, address.port, bytesPerSecond);
    server.on('connection', (phone) => network.#forward(phone, boxPort));
    return network;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(phone: Socket, boxPort: number): void {
    const box = connect(boxPort, 'localhost');
    for (const [one, other] of [
      [phone, box],
      [box, phone],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    box.pipe(phone);
    phone.on('data', (chunk) => {
      box.write(chunk);
      // All connections share the speed; each waits for its own bytes.
      phone.pause();
      const waitMs = ((chunk.length * Math.max(1, this.#sockets.size / 2)) / this.bytesPerSecond) * 1_000;
      setTimeout(() => phone.resume(), Math.max(waitMs, chunk.length > 16_384 ? stepMs / 10 : 0));
    });
  }
}
