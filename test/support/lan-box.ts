/** A box on a host of a test network: the real daemon, with a folder as its disk, discovery on, set up by Alice. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import type { LanHost } from './lan.ts';

export const boxPorts = { http: 8080, https: 8443 } as const;

export class LanBox {
  readonly host: LanHost;
  readonly daemon: Daemon;
  readonly #dir: string;

  private constructor(host: LanHost, daemon: Daemon, dir: string) {
    this.host = host;
    this.daemon = daemon;
    this.#dir = dir;
  }

  /** `wrapper`: put between the host and the daemon, as `faketime`. */
  static async start(
    host: LanHost,
    options: { env?: Readonly<Record<string, string>>; wrapper?: readonly string[] } = {},
  ): Promise<LanBox> {
    const dir = await mkdtemp(join(tmpdir(), 'njl-'));
    await mkdir(join(dir, 'disk'));
    const daemon = await Daemon.start({
      dir,
      wrapper: [...host.wrapper, ...(options.wrapper ?? [])],
      env: {
        NIGHTJAR_DISCOVERY: 'on',
        NIGHTJAR_HTTP_PORT: String(boxPorts.http),
        NIGHTJAR_HTTPS_PORT: String(boxPorts.https),
        ...options.env,
      },
    });
    return new LanBox(host, daemon, dir);
  }

  /** The name that it goes by now. */
  async name(): Promise<unknown> {
    return (await this.daemon.health())['box'];
  }

  /** A new pairing: its link, and what it says of the box. */
  async openPairing(phone: string): Promise<{ link: string; addresses: string[]; fingerprint: string }> {
    return (await this.daemon.console('POST', '/api/pairings', { person: 'Alice', phone })) as {
      link: string;
      addresses: string[];
      fingerprint: string;
    };
  }

  /** A file of its `tls` folder, as it is now. */
  async tlsFile(name: string): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(join(this.daemon.stateDir, 'tls', name), 'utf8')) as Record<string, unknown>;
  }

  /** Asks the box by name from another host, with the box's root as the only authority: the status, or curl's error. */
  async askByName(from: LanHost, name: string, address: string): Promise<string> {
    const root = join(this.#dir, 'root.pem');
    await from.exec(
      'sh',
      '-c',
      `curl -s http://${bracketed(address)}:${boxPorts.http}/nightjar-root.crt |
      openssl x509 -inform der -out ${root} 2>/dev/null || true`,
    );
    const resolve = `${name}:${boxPorts.https}:${bracketed(address)}`;
    const args = ['-s', '-o', '/dev/null', '-w', '%{http_code} %{errormsg}', '--cacert', root, '--resolve', resolve];
    return (
      await from.exec('sh', '-c', 'curl "$@" || true', 'sh', ...args, `https://${name}:${boxPorts.https}/api/health`)
    ).trim();
  }

  /** Ends it like a crash, if it still runs, and takes its folder away. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.kill();
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
