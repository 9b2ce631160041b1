/**
 * A home network of its own for the emulated box: a router that gives addresses (and knows a way out, which nobody is to
 * take), a computer, and the box's cable, on which every packet is written down. Needs root.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Lan, LanHost, lansMissing } from '../../support/lan.ts';
import type { Network } from './pi-box.ts';
import { mac } from './pi-box.ts';

const run = promisify(execFile);
const tap = 'tap0';
const leaseTriesMax = 900;
const scanMsMax = 1_200_000;
export const routerAddress = '10.77.0.1';
export const deskAddress = '10.77.0.20';
/** Of the router, and of nobody's home: as if somebody of the internet came through it. */
export const farAddress = '198.51.100.1';

export async function cablesMissing(): Promise<string | undefined> {
  const missing = await lansMissing(['tcpdump', 'dnsmasq', 'curl']);
  if (missing !== undefined) return missing;
  return await run('test', ['-c', '/dev/net/tun']).then(
    () => undefined,
    () => 'this machine has no tap devices (/dev/net/tun)',
  );
}

export class Cable {
  readonly #lan: Lan;
  readonly #dir: string;
  readonly #router: LanHost;
  readonly #dnsmasq: ChildProcess;
  /** A computer of the house. */
  readonly desk: LanHost;
  readonly switchHost: LanHost;

  private constructor(it: { lan: Lan; dir: string; router: LanHost; desk: LanHost; dnsmasq: ChildProcess }) {
    this.#lan = it.lan;
    this.#dir = it.dir;
    this.#router = it.router;
    this.#dnsmasq = it.dnsmasq;
    this.desk = it.desk;
    this.switchHost = new LanHost(it.lan.switchName);
  }

  static async make(): Promise<Cable> {
    const lan = await Lan.make();
    const dir = await mkdtemp(join(tmpdir(), 'njc-'));
    const router = await lan.host('router', `${routerAddress}/24`, 'fd77::1/64', '2001:db8:77::1/64');
    await router.ip('address', 'add', `${farAddress}/32`, 'dev', 'lo');
    const desk = await lan.host('desk', `${deskAddress}/24`, 'fd77::20/64');
    await lan.tap(tap);
    const dnsmasq = router.spawn('dnsmasq', [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--port=0', '--interface=eth0'],
      ...['--bind-interfaces', `--dhcp-leasefile=${join(dir, 'leases')}`, `--pid-file=${join(dir, 'pid')}`],
      ...['--dhcp-range=10.77.0.50,10.77.0.99,1h', `--dhcp-option=option:router,${routerAddress}`],
      ...[`--dhcp-option=option:dns-server,${routerAddress}`, `--dhcp-option=option:ntp-server,${routerAddress}`],
      // A way out over IPv6 as well, by router advertisements.
      ...['--enable-ra', '--dhcp-range=2001:db8:77::,ra-only,64'],
    ]);
    return new Cable({ lan, dir, router, desk, dnsmasq });
  }

  get network(): Network {
    return { kind: 'cable', wrapper: this.switchHost.wrapper, tap };
  }

  /** What the router gave to the box. Waits for it. */
  async address(): Promise<string> {
    for (let tries = 0; tries < leaseTriesMax; tries++) {
      const leases = await readFile(join(this.#dir, 'leases'), 'utf8').catch(() => '');
      const [, address] = new RegExp(`^\\d+ ${mac} (\\S+)`, 'm').exec(leases) ?? [];
      if (address !== undefined) return address;
      await pause(1_000);
    }
    throw new Error('The box asked for no address.');
  }

  /** What curl says to an address from the router, as who comes from afar. */
  async fromAfar(url: string): Promise<string> {
    const args = [
      '-sk',
      '-o',
      '/dev/null',
      '-m',
      '10',
      '-w',
      '%{http_code} %{errormsg}',
      '--interface',
      farAddress,
      url,
    ];
    return (await this.#router.exec('sh', '-c', 'curl "$@" || true', 'sh', ...args)).trim();
  }

  /** The same from a computer of the house. */
  async fromDesk(url: string): Promise<string> {
    const args = ['-sk', '-o', '/dev/null', '-m', '10', '-w', '%{http_code} %{errormsg}', url];
    return (await this.desk.exec('sh', '-c', 'curl "$@" || true', 'sh', ...args)).trim();
  }

  /** Waits until it answers a computer of the house. */
  async served(url: string, ms: number): Promise<void> {
    for (const deadline = Date.now() + ms; ; await pause(1_000)) {
      const said = await this.fromDesk(url);
      if (said.startsWith('200')) return;
      if (Date.now() > deadline) throw new Error(`${url} does not answer: ${said}`);
    }
  }

  /** What `scan.ts` prints, run on the computer of the house. */
  async scan(script: string, target: string): Promise<string> {
    const [ip = '', ...before] = this.desk.wrapper;
    const options = { timeout: scanMsMax };
    return (await run(ip, [...before, process.execPath, script, target], options)).stdout;
  }

  get tap(): string {
    return tap;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dnsmasq.kill('SIGKILL');
    await this.#lan.remove();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
