/**
 * A machine for the verbs of the box helper, made up: files in memory, a clock that runs while one waits, and a
 * wpa_supplicant that joins networks of a made-up neighbourhood, by the configuration that it is given.
 */
import { pbkdf2Sync } from 'node:crypto';
import type { Machine, Program } from '../../system/usr/lib/nightjar/box-helper/machine.mts';
import { Refused } from '../../system/usr/lib/nightjar/box-helper/request.mts';

type Ran = { status: number; out: string; err: string };
/** `passphrase` null: open. `silent`: gives nobody an address. `deaf`: lets nobody in. */
export type Air = { ssid: string; passphrase: string | null; silent?: boolean; deaf?: boolean };
type Configured = { ssid: string; psk: string | undefined; priority: number };
/** IEEE 802.11, annex J.4. */
const keyOf = ({ ssid, passphrase }: Air) =>
  passphrase === null ? undefined : pbkdf2Sync(passphrase, ssid, 4_096, 32, 'sha1').toString('hex');

export const configPath = '/var/lib/nightjar-box/wpa_supplicant.conf';
const joinMs = 3_000;

export class MadeBox implements Machine {
  readonly files = new Map<string, string>();
  readonly folders = new Map<string, string[]>();
  /** What was run, but for questions: `program args`, and what it was given. */
  readonly did: string[] = [];
  readonly air: Air[] = [];
  timeMs = Date.UTC(2026, 10, 22);
  /** What programs print, by their name and arguments. */
  readonly says = new Map<string, string>();
  /** Those that end with an error. */
  readonly broken = new Set<string>();
  /** While a verb waits. */
  onWait: (() => Promise<void>) | undefined;
  #networks: Configured[] = [];
  #configuredAt = 0;

  constructor({ wireless = true } = {}) {
    this.folders.set('/sys/class/net', ['lo', 'eth0', 'veth12', ...(wireless ? ['wlan0'] : [])]);
    const plain = { carrier: '1\n', address: 'dc:a6:32:00:00:01\n', device: '' };
    for (const link of ['eth0', 'wlan0'])
      for (const [name, text] of Object.entries(plain)) this.files.set(`/sys/class/net/${link}/${name}`, text);
    this.files.set('/sys/class/net/wlan0/phy80211', '');
    this.files.set('/sys/class/net/lo/carrier', '1\n');
    const set = (name: string) => ({ set: { family: 'inet', name, table: 'nightjar', type: ['inet_proto'] } });
    this.says.set(
      'nft -j list sets',
      JSON.stringify({ nftables: [{ metainfo: {} }, set('other'), set('nightjar_out')] }),
    );
  }

  async run(program: Program, args: readonly string[], _timeoutMs: number, input?: string): Promise<Ran> {
    const said = [program, ...args].join(' ');
    if (program === 'wpa_cli') return { status: 0, out: this.#wpa(args.at(-1) ?? ''), err: '' };
    if (program === 'ip') return { status: 0, out: JSON.stringify(this.#addresses()), err: '' };
    const out = this.says.get(said);
    if (out !== undefined) return { status: 0, out, err: '' };
    this.did.push(input === undefined ? said : `${said} < ${input}`);
    if (this.broken.has(program)) return { status: 1, out: '', err: `${program}\u001b[31m says no\n` };
    if (program === 'systemctl' && args[0] === 'start') this.#configure();
    return { status: 0, out: '', err: '' };
  }

  read(path: string): string | undefined {
    return this.files.get(path);
  }

  list(dir: string): string[] {
    return this.folders.get(dir) ?? [];
  }

  has(path: string): boolean {
    return this.files.has(path);
  }

  write(path: string, text: string): void {
    this.files.set(path, text);
  }

  remove(path: string): void {
    this.files.delete(path);
  }

  #locked = new Set<string>();
  async lock(what: string): Promise<() => void> {
    if (this.#locked.has(what)) throw new Refused('busy', 'twice');
    this.#locked.add(what);
    return () => this.#locked.delete(what);
  }

  async wait(ms: number): Promise<void> {
    this.timeMs += ms;
    await this.onWait?.();
  }

  now(): number {
    return this.timeMs;
  }

  /** The network that it is in just now. */
  get joined(): string | undefined {
    return this.#now()?.ssid;
  }

  #configure(): void {
    this.#configuredAt = this.timeMs;
    const blocks = (this.files.get(configPath) ?? '').split('network={').slice(1);
    const told = (block: string, name: string) =>
      block
        .split('\n')
        .find((line) => line.startsWith(`\t${name}=`))
        ?.slice(name.length + 2);
    this.#networks = blocks.map((block) => ({
      ssid: Buffer.from(told(block, 'ssid') ?? '', 'hex').toString('utf8'),
      psk: told(block, 'psk'),
      priority: Number(told(block, 'priority')),
    }));
  }

  #fits({ ssid, psk }: Configured): boolean {
    return this.air.some((one) => one.ssid === ssid && one.deaf !== true && keyOf(one) === psk);
  }

  #now(): (Configured & { id: number }) | undefined {
    const order = this.#networks.map((one, id) => ({ ...one, id })).sort((a, b) => b.priority - a.priority);
    const found = order.findIndex((one) => this.#fits(one));
    // One after the other, some seconds each.
    return this.timeMs >= this.#configuredAt + joinMs * (found + 1) ? order[found] : undefined;
  }

  #wpa(command: string): string {
    const now = this.#now();
    if (command === 'reconfigure') this.#configure();
    if (command === 'reconfigure' || command === 'scan') return 'OK\n';
    if (command === 'signal_poll') return now === undefined ? 'FAIL\n' : 'RSSI=-51\nLINKSPEED=72\n';
    if (command === 'status')
      return now === undefined
        ? 'wpa_state=SCANNING\n'
        : `bssid=00:11:22:33:44:55\nssid=${escaped(now.ssid)}\nid=${now.id}\nwpa_state=COMPLETED\n`;
    if (command === 'list_networks') {
      const late = this.timeMs > this.#configuredAt + joinMs;
      const wrong = ({ ssid, psk }: Configured) =>
        late && this.air.some((one) => one.ssid === ssid && one.deaf !== true && keyOf(one) !== psk);
      const rows = this.#networks.map(
        (one, id) =>
          `${id}\t${escaped(one.ssid)}\tany\t${wrong(one) ? '[TEMP-DISABLED]' : now?.id === id ? '[CURRENT]' : ''}`,
      );
      return ['network id / ssid / bssid / flags', ...rows, ''].join('\n');
    }
    const rows = this.air.map(
      (one, index) =>
        `00:11:22:33:44:${10 + index}\t2437\t${-40 - index}\t${one.passphrase === null ? '[ESS]' : '[WPA2-PSK+SAE-CCMP][ESS]'}\t${escaped(one.ssid)}`,
    );
    return ['bssid / frequency / signal level / flags / ssid', ...rows, ''].join('\n');
  }

  #addresses() {
    const now = this.#now();
    const given = now !== undefined && this.air.find(({ ssid }) => ssid === now.ssid)?.silent !== true;
    const linkLocal = { family: 'inet6', local: 'fe80::1', scope: 'link' };
    const wlan = [linkLocal, ...(given ? [{ family: 'inet', local: '192.168.7.9', scope: 'global' }] : [])];
    return [
      { ifname: 'lo', addr_info: [{ local: '127.0.0.1', scope: 'host' }] },
      { ifname: 'eth0', addr_info: [linkLocal, { family: 'inet', local: '192.168.1.9', scope: 'global' }] },
      { ifname: 'wlan0', addr_info: wlan },
    ];
  }
}

/** As wpa_supplicant's `printf_encode` writes it. */
function escaped(ssid: string): string {
  return [...Buffer.from(ssid)]
    .map((octet) => {
      const letter = String.fromCharCode(octet);
      if (letter === '"' || letter === '\\') return `\\${letter}`;
      return octet >= 32 && octet <= 126 ? letter : `\\x${octet.toString(16).padStart(2, '0')}`;
    })
    .join('');
}
