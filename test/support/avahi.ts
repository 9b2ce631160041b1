/** The second opinion on mDNS: an avahi-daemon of a host's own, with a message bus of its own, and its commands. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LanHost } from './lan.ts';

export const avahiTools = ['avahi-daemon', 'avahi-browse', 'avahi-resolve', 'avahi-publish', 'dbus-daemon'] as const;
const readyTriesMax = 300;

/** A line of `avahi-browse -rp`: a service that was found and resolved. */
export type Found = Readonly<{
  link: string;
  family: 'IPv4' | 'IPv6';
  instance: string;
  type: string;
  host: string;
  address: string;
  port: number;
  txt: readonly string[];
}>;

export class Avahi {
  readonly #host: LanHost;
  readonly #dir: string;
  #child: ChildProcess | undefined;

  private constructor(host: LanHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
  }

  /** `name`: the host name that it claims, without `.local`. */
  static async start(host: LanHost, name: string): Promise<Avahi> {
    const dir = await mkdtemp(join(tmpdir(), 'nj-avahi-'));
    const avahi = new Avahi(host, dir);
    await writeFile(
      join(dir, 'avahi.conf'),
      `[server]\nhost-name=${name}\nuse-ipv4=yes\nuse-ipv6=yes\nenable-dbus=yes\nratelimit-interval-usec=0\n[wide-area]\nenable-wide-area=no\n`,
    );
    // The run folder is fixed in the program; `ip netns exec` gives every command mounts of its own.
    const script = `mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon || exit 1
      dbus-daemon --session --nofork --nopidfile --address=unix:path=${dir}/bus & bus=$!
      trap 'kill $bus $avahi 2>/dev/null' EXIT TERM INT
      for i in $(seq 1 100); do [ -S ${dir}/bus ] && break; sleep 0.05; done
      /usr/sbin/avahi-daemon --no-drop-root --no-chroot --no-rlimits -f ${dir}/avahi.conf & avahi=$!
      wait $avahi`;
    avahi.#child = host.spawn('sh', ['-c', script], { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${dir}/bus` });
    let said = '';
    avahi.#child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-8_192);
    });
    for (let tries = 0; !said.includes('Server startup complete'); tries++) {
      if (tries > readyTriesMax) throw new Error(`avahi-daemon did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return avahi;
  }

  /** What is there of a type, as far as it can be resolved. Asks the network and its cache, and ends by itself. */
  async browse(type: string): Promise<Found[]> {
    const text = await this.#command('avahi-browse', '--resolve', '--parsable', '--terminate', '--no-db-lookup', type);
    return text
      .split('\n')
      .filter((line) => line.startsWith('='))
      .map((line) => line.split(';'))
      .map(([, link = '', family, instance = '', kind = '', , host = '', address = '', port, txt = '']) => ({
        link,
        family: family === 'IPv6' ? ('IPv6' as const) : ('IPv4' as const),
        instance,
        type: kind,
        host,
        address,
        port: Number(port),
        txt: [...txt.matchAll(/"([^"]*)"/g)].map(([, entry = '']) => entry).sort(),
      }));
  }

  /** The addresses of a host name: at most one per family. Undefined: nobody answers. */
  async resolve(name: string, family: 4 | 6): Promise<string | undefined> {
    const text = await this.#command('avahi-resolve', `-${family}`, '--name', name).catch(() => '');
    return text.trim().split(/\s+/)[1];
  }

  /** The name of an address. */
  async nameOf(address: string): Promise<string | undefined> {
    return (await this.#command('avahi-resolve', '--address', address).catch(() => '')).trim().split(/\s+/)[1];
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode === null) {
      const gone = once(child, 'close');
      child.kill('SIGTERM');
      await gone;
    }
    await rm(this.#dir, { recursive: true, force: true });
  }

  #command(...command: string[]): Promise<string> {
    return this.#host.exec('env', `DBUS_SYSTEM_BUS_ADDRESS=unix:path=${this.#dir}/bus`, 'timeout', '20', ...command);
  }
}
