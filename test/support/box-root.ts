/**
 * The box helper as it is on the device, a process for each connection, on a root folder of its own: what it runs there are
 * small programs that write down how they were called and print what the test planted.
 */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const program = new URL('../../system/usr/lib/nightjar/box-helper/main.mts', import.meta.url).pathname;
const programs = ['usr/bin/date', 'usr/bin/ip', 'usr/sbin/nft', 'usr/bin/systemctl', 'usr/sbin/wpa_cli'];
const sets = { nftables: [{ set: { family: 'inet', table: 'nightjar', name: 'nightjar_out' } }] };

export class BoxRoot {
  readonly dir = mkdtempSync(join(tmpdir(), 'njb-'));
  /** What the helper wrote to its journal. */
  journal = '';
  readonly #server: Server;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      // As systemd names the instance that root asks.
      const args = [program, '--peer', '1-2-0', '--user', 'nobody', '--test-root', this.dir];
      const helper = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], env: {} });
      helper.stderr.on('data', (text: Buffer) => {
        this.journal += text.toString();
      });
      socket.on('error', () => undefined).pipe(helper.stdin.on('error', () => undefined));
      helper.stdout.pipe(socket);
    });
  }

  /** With a wired link, and a wireless one that has joined nothing. */
  static async start(): Promise<BoxRoot> {
    const box = new BoxRoot();
    const lines = ['#!/bin/sh', `root='${box.dir}'`, `said="\${0##*/} $*"`, 'for last; do :; done'];
    lines.push('[ "$last" = - ] && said="$said < $(cat)"', 'printf "%s\\n" "$said" >> "$root/did"');
    lines.push(`says="$root/says/\${0##*/}.$last"`, 'if [ -f "$says" ]; then cat "$says"; fi', '');
    for (const one of programs) {
      box.plant(one, lines.join('\n'));
      chmodSync(join(box.dir, one), 0o755);
    }
    for (const link of ['eth0', 'wlan0']) {
      const facts = { carrier: '1\n', address: 'dc:a6:32:00:00:01\n', device: '' };
      for (const [name, text] of Object.entries(facts)) box.plant(`sys/class/net/${link}/${name}`, text);
    }
    box.plant('sys/class/net/wlan0/phy80211', '');
    box.says('nft', 'sets', JSON.stringify(sets));
    box.says(
      'ip',
      'show',
      JSON.stringify([{ ifname: 'wlan0', addr_info: [{ local: '192.168.7.9', scope: 'global' }] }]),
    );
    for (const command of ['scan', 'reconfigure']) box.says('wpa_cli', command, 'OK\n');
    await new Promise<void>((resolve) => box.#server.listen(box.socketPath, resolve));
    return box;
  }

  get socketPath(): string {
    return join(this.dir, 'helper.sock');
  }

  /** What the program prints when its last argument is this one. */
  says(name: string, last: string, text: string): void {
    this.plant(`says/${name}.${last}`, text);
  }

  plant(path: string, text: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true });
    writeFileSync(join(this.dir, path), text);
  }

  read(path: string): string | undefined {
    return existsSync(join(this.dir, path)) ? readFileSync(join(this.dir, path), 'utf8') : undefined;
  }

  /** How this program was called, the last time last. */
  did(name: string): string[] {
    const lines = (this.read('did') ?? '').split(
      new RegExp(`^(?=(?:${programs.map((one) => one.split('/')[2]).join('|')}) )`, 'm'),
    );
    return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
