/**
 * The image on an emulated computer with the firmware's part played here: power on, restart (also into the other slot),
 * plug pulled, disks attached. What its people see of it is `owner.ts`; what only a test may see is its root shell.
 */
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { say } from '../../support/counts.ts';
import { freePort } from '../../support/free-port.ts';
import type { Card } from './card.ts';
import type { DataDisk } from './data-disk.ts';
import { addShell } from './early-shell.ts';
import { firmware } from './firmware.ts';
import { ConsoleLine, type Ran, RootShell, tailOf } from './lines.ts';
import { type End, emulatedPi, Machine } from './machine.ts';

/** An emulated Pi on two cores takes one to two minutes to start, on a busy machine several times as long. */
export const bootMsMax = 900_000;
/** Of its own accord, from one power-on: a box that cannot start must not go on for ever. */
const restartsMax = 6;
const portsOfDisks = ['hp1', 'hp2', 'hp3', 'hp4'] as const;

export type Network =
  /** Behind an emulated router that forwards two ports of this machine, and lets nothing out. */
  | Readonly<{ kind: 'forwarded' }>
  /** On a cable (a tap device, made by the caller) in a network namespace of its own. */
  | Readonly<{ kind: 'cable'; wrapper: readonly string[]; tap: string }>;

export type Boot = Readonly<{ partition: number; tryBoot: boolean; atMs: number; consoleFrom: number }>;

export class PiBox {
  readonly card: Card;
  readonly console: ConsoleLine;
  readonly boots: Boot[] = [];
  readonly ports: Readonly<{ http: number; https: number }>;
  network: Network = { kind: 'forwarded' };
  /** Put behind what the slot's own `cmdline.txt` says. */
  append = '';
  /** Emulated cores. Two that share one real core wait for each other's locks. */
  cores = 2;
  readonly #dir: string;
  readonly #disks: DataDisk[] = [];
  readonly #log: string;
  #machine: Machine | undefined;
  #shell: Promise<RootShell> | undefined;
  #over: Promise<End> = Promise.resolve('off');
  #pulled = false;

  private constructor(card: Card, dir: string, ports: { http: number; https: number }) {
    this.card = card;
    this.#dir = dir;
    this.ports = ports;
    this.#log = join(dir, 'console.log');
    this.console = new ConsoleLine(this.#log);
  }

  static async make(card: Card, dir: string): Promise<PiBox> {
    await mkdir(dir, { recursive: true });
    return new PiBox(card, dir, { http: await freePort(), https: await freePort() });
  }

  get running(): boolean {
    return this.#machine !== undefined;
  }

  /** The last lines of its console. */
  async tail(): Promise<string> {
    return await tailOf(this.#log);
  }

  /** Starts it; from then on it restarts when it wants to, as a Pi does. */
  async powerOn(): Promise<void> {
    if (this.running) throw new Error('The box is on.');
    this.#pulled = false;
    await this.#start(false);
    const over = this.#live();
    over.catch(() => undefined);
    this.#over = over;
  }

  /** Resolves when it has powered off. @throws when it does not in time, or went down otherwise */
  async off(ms = bootMsMax): Promise<void> {
    const end = await Promise.race([this.#over, pause(ms, 'late' as const, { ref: false })]);
    if (end !== 'off') throw new Error(`The box did not power off (${end}):\n${await this.tail()}`);
  }

  /** The plug is pulled. */
  async kill(): Promise<void> {
    this.#pulled = true;
    await this.#machine?.kill();
    await this.#over.catch(() => undefined);
  }

  /** Inside, as root, for the test alone. Opens with each boot anew. */
  async shell(): Promise<RootShell> {
    const machine = this.#machine;
    if (machine === undefined) throw new Error('The box is off.');
    this.#shell ??= RootShell.open(machine.shellPath, bootMsMax);
    return await this.#shell;
  }

  async run(script: string, ms?: number): Promise<string> {
    return await (await this.shell()).run(script, ms);
  }

  async try(script: string, ms?: number): Promise<Ran> {
    return await (await this.shell()).try(script, ms);
  }

  /** Attached from now on, also over restarts. */
  async plug(disk: DataDisk): Promise<void> {
    this.#disks.push(disk);
    if (this.#machine === undefined) return;
    await this.#machine.qmp.ask('blockdev-add', disk.blockdev);
    await this.#machine.qmp.ask('device_add', disk.device(this.#portOf(disk)));
  }

  /** Pulled without a word. */
  async pull(disk: DataDisk): Promise<void> {
    this.#disks.splice(this.#disks.indexOf(disk), 1);
    await this.#machine?.qmp.ask('device_del', { id: disk.serial });
  }

  /** Milliseconds from the last power-on or restart to the first answer of its daemon. */
  async serves(ms = bootMsMax): Promise<number> {
    const deadline = Date.now() + ms;
    for (;;) {
      const health = await this.health();
      if (health !== undefined) return Date.now() - (this.boots.at(-1)?.atMs ?? 0);
      if (Date.now() > deadline) throw new Error(`The box does not serve:\n${await this.tail()}`);
      await pause(500);
    }
  }

  /** What it says of itself over plain http; undefined: no answer. */
  async health(): Promise<Record<string, unknown> | undefined> {
    if (this.network.kind !== 'forwarded') throw new Error('Nothing is forwarded on this network.');
    return await new Promise((resolve) => {
      const asked = get(
        { host: '127.0.0.1', port: this.ports.http, path: '/api/health', timeout: 5_000, agent: false },
        async (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => {
            text += chunk;
          });
          await once(response, 'close');
          resolve(response.statusCode === 200 ? (JSON.parse(text) as Record<string, unknown>) : undefined);
        },
      );
      asked.once('timeout', () => asked.destroy());
      asked.once('error', () => resolve(undefined));
    });
  }

  /** Resolves when it has started for the `count`-th time, counted from the first power-on. */
  async booted(count: number, ms = bootMsMax): Promise<Boot> {
    for (const deadline = Date.now() + ms; ; await pause(500)) {
      const boot = this.boots[count - 1];
      if (boot !== undefined) return boot;
      if (Date.now() > deadline) throw new Error(`The box did not restart:\n${await this.tail()}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #live(): Promise<End> {
    for (let restarts = 0; ; restarts++) {
      const end = (await this.#machine?.ended) ?? 'died';
      this.#machine = undefined;
      this.#shell?.then((shell) => shell.close()).catch(() => undefined);
      this.#shell = undefined;
      this.console.unplug();
      if (end !== 'reset' || this.#pulled) return end;
      if (restarts === restartsMax) throw new Error(`The box restarts again and again:\n${await this.tail()}`);
      const said = await this.console.text(this.boots.at(-1)?.consoleFrom ?? 0);
      await this.#start(/Restarting system with command '0 tryboot'/.test(said));
    }
  }

  async #start(tryBoot: boolean): Promise<void> {
    const { partition, kernel, initrd, cmdline } = await firmware(this.card, this.#dir, tryBoot);
    await addShell(initrd);
    const consoleFrom = await this.console.position();
    this.boots.push({ partition, tryBoot, atMs: Date.now(), consoleFrom });
    say(`image: starts from partition ${partition}${tryBoot ? ', to try it' : ''}`);
    const line = cmdline.replaceAll(/console=tty(S1|AMA10)\S*/g, 'console=ttyAMA0');
    this.#machine = await Machine.start({
      program: 'qemu-system-aarch64',
      dir: this.#dir,
      consoleLog: this.#log,
      ...(this.network.kind === 'cable' ? { wrapper: this.network.wrapper } : {}),
      args: [
        ...[...emulatedPi, '-smp', String(this.cores), '-kernel', kernel, '-initrd', initrd],
        ...['-append', `${line} console=ttyAMA0 ${this.append}`.trim()],
        ...['-device', 'pci-serial-2x,chardev1=unused,chardev2=sh', '-device', 'virtio-rng-pci'],
        // As data disks are: flushed nowhere.
        ...[
          '-drive',
          `if=none,id=card,format=raw,cache=unsafe,file=${this.card.path}`,
          '-device',
          'virtio-blk-pci,drive=card',
        ],
        ...portsOfDisks.flatMap((id, at) => ['-device', `pcie-root-port,id=${id},chassis=${at + 1},slot=${at + 1}`]),
        ...['-device', 'qemu-xhci,id=usb', ...this.#networkArgs()],
        ...this.#disks.flatMap((disk) => [
          ...['-blockdev', JSON.stringify(disk.blockdev)],
          ...['-device', JSON.stringify(disk.device(this.#portOf(disk)))],
        ]),
      ],
    });
    await this.console.plug(this.#machine.consolePath);
  }

  #networkArgs(): string[] {
    const { http, https } = this.ports;
    const forward = `hostfwd=tcp:127.0.0.1:${http}-:80,hostfwd=tcp:127.0.0.1:${https}-:443`;
    const net =
      this.network.kind === 'forwarded'
        ? `user,id=net,restrict=on,${forward}`
        : `tap,id=net,ifname=${this.network.tap},script=no,downscript=no`;
    return ['-netdev', net, '-device', `virtio-net-pci,netdev=net,mac=${mac},romfile=`];
  }

  #portOf(disk: DataDisk): string {
    const port = portsOfDisks[this.#disks.indexOf(disk)];
    if (port === undefined) throw new Error('That are too many disks.');
    return port;
  }
}

/** Of the box's network interface. */
export const mac = '52:54:00:4e:4a:01';
