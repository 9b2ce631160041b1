/** What a box says on its cable, by kind: each frame of a capture (tcpdump's own format) that has its hardware address. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LanHost } from '../../support/lan.ts';

const fileHeaderBytes = 24;
const recordHeaderBytes = 16;
const readyTriesMax = 200;
const drainMs = 3_000;

/** A kind that an idle box may send, or in words what else it was. */
export type Sent = Readonly<{ atMs: number; kind: string; target: string }>;

export class Wire {
  readonly #dir: string;
  readonly #child: ChildProcess;

  private constructor(dir: string, child: ChildProcess) {
    this.#dir = dir;
    this.#child = child;
  }

  /** Listens to what comes from this hardware address. */
  static async listen(host: LanHost, link: string, from: string): Promise<Wire> {
    const dir = await mkdtemp(join(tmpdir(), 'njw-'));
    const file = join(dir, 'packets');
    const args = ['-i', link, '-U', '-n', '--immediate-mode', '-Z', 'root', '-w', file, 'ether', 'src', from];
    const child = host.spawn('tcpdump', args);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    for (let tries = 0; !said.includes('listening on'); tries++) {
      if (tries > readyTriesMax) throw new Error(`tcpdump did not start: ${said}`);
      await pause(50);
    }
    return new Wire(dir, child);
  }

  async stop(): Promise<Sent[]> {
    await pause(drainMs);
    const gone = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await gone;
    const file = await readFile(join(this.#dir, 'packets'));
    await rm(this.#dir, { recursive: true });
    return framesOf(file);
  }
}

function framesOf(file: Buffer): Sent[] {
  const sent: Sent[] = [];
  for (let at = fileHeaderBytes; at + recordHeaderBytes <= file.length; ) {
    const atMs = file.readUInt32LE(at) * 1_000 + file.readUInt32LE(at + 4) / 1_000;
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length);
    at += recordHeaderBytes + length;
    sent.push({ atMs, ...kindOf(frame) });
  }
  return sent;
}

function kindOf(frame: Buffer): { kind: string; target: string } {
  const type = frame.readUInt16BE(12);
  const ip = frame.subarray(14);
  if (type === 0x0806) return { kind: 'arp', target: [...ip.subarray(24, 28)].join('.') };
  if (type === 0x0800) {
    const target = [...ip.subarray(16, 20)].join('.');
    const protocol = ip.readUInt8(9);
    return { kind: protocol === 2 ? 'igmp' : transport(protocol, ip.subarray((ip.readUInt8(0) & 15) * 4)), target };
  }
  if (type !== 0x86dd) return { kind: `ether type ${type.toString(16)}`, target: '' };
  const target = ip
    .subarray(24, 40)
    .toString('hex')
    .replaceAll(/(.{4})(?=.)/g, '$1:');
  let next = ip.readUInt8(6);
  let body = ip.subarray(40);
  // Hop-by-hop options: what multicast reports carry.
  if (next === 0) {
    next = body.readUInt8(0);
    body = body.subarray((body.readUInt8(1) + 1) * 8);
  }
  return { kind: next === 58 ? icmp6(body.readUInt8(0)) : transport(next, body), target };
}

/** RFC 4861 (133 to 137: neighbours and routers), RFC 2710 and 3810 (multicast listeners). */
function icmp6(type: number): string {
  if (type >= 133 && type <= 137) return 'nd';
  return [130, 131, 132, 143].includes(type) ? 'mld' : `icmp6 ${type}`;
}

function transport(protocol: number, body: Buffer): string {
  if (protocol !== 17 && protocol !== 6) return `protocol ${protocol}`;
  const [source, target] = [body.readUInt16BE(0), body.readUInt16BE(2)];
  if (protocol === 6) return `tcp ${source} to ${target}`;
  if (source === 5353 && target === 5353) return 'mdns';
  if ((source === 68 && target === 67) || (source === 546 && target === 547)) return 'dhcp';
  return target === 123 ? 'ntp' : `udp ${source} to ${target}`;
}
