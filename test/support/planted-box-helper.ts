/**
 * A box helper of the test's own, on its own socket: it speaks the protocol of the real one, and restarts, joins and installs
 * nothing. For pages, since the real one needs root on a device of the box's own; that is what the image's tests run.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  BoxAnswer,
  BoxNetwork,
  BoxRemoteShell,
  BoxRequest,
  BoxVerb,
  WifiJoined,
} from '../../src/appliance/box-protocol.ts';

type Wifi = NonNullable<BoxNetwork['wifi']>;
type Status = BoxAnswer<'update-status'>;

export class PlantedBoxHelper {
  readonly #dir: string;
  readonly #server: Server;
  readonly asked: BoxRequest[] = [];
  network: BoxNetwork;
  status: Status = {
    board: 'pi',
    slot: 'A',
    other: { slot: 'B', version: null, state: 'empty' },
    activity: null,
    outcome: null,
  };
  /** Answers the network that is being tried. */
  joins = Promise.withResolvers<WifiJoined>();
  #shell: BoxRemoteShell = { on: false, user: 'root', keys: [] };

  private constructor(dir: string, network: BoxNetwork) {
    this.#dir = dir;
    this.network = network;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      // Who asked may have gone.
      socket.on('error', () => undefined).on('end', () => socket.destroy());
      socket.once('data', (line: Buffer) => {
        const request = JSON.parse(line.toString()) as BoxRequest;
        this.asked.push(request);
        void this.#answer(request)
          .then((answer) => ({ ok: true, ...answer }))
          .catch((error: Error) => ({ ok: false, code: 'failed', message: error.message }))
          .then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
      });
    });
  }

  static async start(network: BoxNetwork): Promise<PlantedBoxHelper> {
    const helper = new PlantedBoxHelper(await mkdtemp(join(tmpdir(), 'njb-')), network);
    await new Promise<void>((resolve) => helper.#server.listen(helper.socketPath, resolve));
    return helper;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#dir, { recursive: true, force: true });
  }

  get socketPath(): string {
    return join(this.#dir, 'box-helper.sock');
  }

  /** How often it was asked for this. */
  count(verb: BoxVerb): number {
    return this.asked.filter((one) => one.verb === verb).length;
  }

  async #answer(request: BoxRequest): Promise<object> {
    switch (request.verb) {
      case 'network':
        return this.network;
      case 'wifi-join':
        return await this.#join(request);
      case 'wifi-forget':
        this.#wifi({ joined: null, known: [] });
        return {};
      case 'ssh-status':
        return this.#shell;
      case 'ssh': {
        const keys = request.keys.map((line) => ({ line, fingerprint: fingerprintOf(line) }));
        this.#shell = { ...this.#shell, on: request.on, keys };
        return this.#shell;
      }
      case 'clock':
        return { set: false };
      case 'update-status':
        return this.status;
      default:
        return {};
    }
  }

  async #join({ ssid, country }: Extract<BoxRequest, { verb: 'wifi-join' }>): Promise<WifiJoined> {
    const came = await this.joins.promise;
    this.joins = Promise.withResolvers();
    if (country !== '') this.#wifi({ country });
    if (came.outcome === 'joined') {
      const { known = [] } = this.network.wifi ?? {};
      this.#wifi({ joined: { ssid, signalDbm: -62 }, known: [ssid, ...known] });
    }
    return came;
  }

  #wifi(change: Partial<Wifi>): void {
    const { wifi } = this.network;
    if (wifi !== null) this.network = { ...this.network, wifi: { ...wifi, ...change } };
  }
}

/** As `ssh-keygen -l` writes it. */
function fingerprintOf(line: string): string {
  const hash = createHash('sha256').update(Buffer.from(line.split(' ')[1] ?? '', 'base64'));
  return `SHA256:${hash.digest('base64').replace(/=+$/, '')}`;
}
