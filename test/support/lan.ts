/**
 * A home network of network namespaces: a switch (a bridge) and hosts with cables to it, which can be pulled. Real
 * interfaces, real multicast, nothing of the machine's own network. Needs root.
 */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const commandMsMax = 60_000;
const outputBytesMax = 64 * 1024 * 1024;
let lans = 0;

/** Why no network can be made here; undefined when it can. */
export async function lansMissing(tools: readonly string[] = []): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const tool of ['ip', ...tools]) {
    const there = await run('sh', ['-c', 'command -v "$1" || test -x "/usr/sbin/$1"', 'sh', tool]).catch(
      () => undefined,
    );
    if (there === undefined) return `${tool} is not installed (make test installs it)`;
  }
  const name = `nj${process.pid}t`;
  try {
    await run('ip', ['netns', 'add', name]);
    await run('ip', ['-n', name, 'link', 'add', 'br0', 'type', 'bridge']);
    return undefined;
  } catch (error) {
    return `this kernel makes no network namespaces or bridges (${error})`;
  } finally {
    await run('ip', ['netns', 'delete', name]).catch(() => undefined);
  }
}

export class Lan {
  readonly #name = `nj${process.pid}-${++lans}`;
  readonly #hosts: LanHost[] = [];
  #cables = 0;

  static async make(): Promise<Lan> {
    const lan = new Lan();
    await ip('netns', 'add', lan.switchName);
    await ip('-n', lan.switchName, 'link', 'add', 'br0', 'type', 'bridge');
    await ip('-n', lan.switchName, 'link', 'set', 'br0', 'up');
    return lan;
  }

  get switchName(): string {
    return `${this.#name}-switch`;
  }

  /** A new host, its `eth0` in this network. `addresses`: CIDR. */
  async host(name: string, ...addresses: string[]): Promise<LanHost> {
    const host = new LanHost(`${this.#name}-${name}`);
    this.#hosts.push(host);
    await ip('netns', 'add', host.netns);
    await host.ip('link', 'set', 'lo', 'up');
    await this.plug(host, 'eth0', ...addresses);
    return host;
  }

  /** Gives a host (also one of another network) a cable to this switch. Resolves when its addresses can be used. */
  async plug(host: LanHost, link: string, ...addresses: string[]): Promise<void> {
    const port = `p${++this.#cables}`;
    await ip('link', 'add', link, 'netns', host.netns, 'type', 'veth', 'peer', 'name', port, 'netns', this.switchName);
    host.cables.set(link, { switchName: this.switchName, port });
    await ip('-n', this.switchName, 'link', 'set', port, 'master', 'br0', 'up');
    // Nobody else is here: an address is good at once.
    await host.exec('sh', '-c', `echo 0 > /proc/sys/net/ipv6/conf/${link}/accept_dad`);
    await host.ip('link', 'set', link, 'up');
    for (const address of addresses) await host.addAddress(link, address);
  }

  /** A tap device in this switch, for an emulated machine that is run in `switchName`. */
  async tap(name: string): Promise<void> {
    await ip('-n', this.switchName, 'tuntap', 'add', 'dev', name, 'mode', 'tap');
    await ip('-n', this.switchName, 'link', 'set', name, 'master', 'br0', 'up');
  }

  /** Ends every process in it. */
  async remove(): Promise<void> {
    for (const netns of [...this.#hosts.map((host) => host.netns), this.switchName]) {
      const pids = await run('ip', ['netns', 'pids', netns]).catch(() => ({ stdout: '' }));
      for (const pid of pids.stdout.split('\n').filter((line) => line !== '')) {
        try {
          process.kill(Number(pid), 'SIGKILL');
        } catch {
          // Ended by itself.
        }
      }
      await run('ip', ['netns', 'delete', netns]).catch(() => undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}

export class LanHost {
  readonly netns: string;
  readonly cables = new Map<string, { switchName: string; port: string }>();

  constructor(netns: string) {
    this.netns = netns;
  }

  /** What is put before a command so that it runs on this host. */
  get wrapper(): readonly string[] {
    return ['ip', 'netns', 'exec', this.netns];
  }

  /** Runs a command here to its end; its output. @throws when it fails. */
  async exec(command: string, ...args: string[]): Promise<string> {
    const [ip = '', ...before] = this.wrapper;
    const options = { timeout: commandMsMax, maxBuffer: outputBytesMax };
    return (await run(ip, [...before, command, ...args], options)).stdout;
  }

  /** Starts a command here that goes on. The caller ends it, or the network's end does. */
  spawn(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const [ip = '', ...before] = this.wrapper;
    return spawn(ip, [...before, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
  }

  async ip(...args: string[]): Promise<void> {
    await ip('-n', this.netns, ...args);
  }

  async addAddress(link: string, address: string): Promise<void> {
    await this.ip('address', 'add', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : []));
  }

  async removeAddress(link: string, address: string): Promise<void> {
    await this.ip('address', 'delete', address, 'dev', link);
  }

  /** As when the cable is pulled: the interface stays, without a carrier. */
  async pullCable(link: string): Promise<void> {
    await this.#setPort(link, 'down');
  }

  async pushCable(link: string): Promise<void> {
    await this.#setPort(link, 'up');
  }

  async #setPort(link: string, state: 'up' | 'down'): Promise<void> {
    const cable = this.cables.get(link);
    if (cable === undefined) throw new Error(`${this.netns} has no ${link}`);
    await ip('-n', cable.switchName, 'link', 'set', cable.port, state);
  }
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args, { timeout: commandMsMax });
}
