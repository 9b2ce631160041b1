/** What went over a cable: tcpdump on a host's interface, read back packet by packet. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, type Packet } from 'dns-packet';
import type { LanHost } from './lan.ts';

export type Seen = Readonly<{
  /** Seconds since 1970. */
  at: number;
  source: string;
  target: string;
  /** Of the IP header: 6 TCP, 17 UDP, 58 ICMPv6. */
  protocol: number;
  sourcePort: number;
  targetPort: number;
  payload: Buffer;
}>;
export type SeenDns = Seen & Readonly<{ dns: Packet }>;

const fileHeaderBytes = 24;
const recordHeaderBytes = 16;
const ethernetBytes = 14;
const readyTriesMax = 200;
const quietMs = 500;
const drainTriesMax = 20;

export class Capture {
  readonly #dir: string;
  readonly #child: ChildProcess;

  private constructor(dir: string, child: ChildProcess) {
    this.#dir = dir;
    this.#child = child;
  }

  /** Resolves when it listens. `filter`: pcap-filter(7). */
  static async start(host: LanHost, link: string, filter = ''): Promise<Capture> {
    const dir = await mkdtemp(join(tmpdir(), 'nj-capture-'));
    const args = ['-i', link, '-U', '-n', '--immediate-mode', '-Z', 'root', '-w', join(dir, 'packets'), filter];
    const child = host.spawn(
      'tcpdump',
      args.filter((arg) => arg !== ''),
    );
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    for (let tries = 0; !said.includes('listening on'); tries++) {
      if (tries > readyTriesMax) throw new Error(`tcpdump did not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new Capture(dir, child);
  }

  /** Ends it: everything that was seen, ARP left out. */
  async stop(): Promise<Seen[]> {
    await this.#drained();
    const gone = once(this.#child, 'close');
    this.#child.kill('SIGINT');
    await gone;
    const file = await readFile(join(this.#dir, 'packets'));
    await rm(this.#dir, { recursive: true });
    return packetsOf(file);
  }

  /** On a busy machine it is behind, and drops what it has not read when it is told to end. */
  async #drained(): Promise<void> {
    let size = -1;
    for (let tries = 0; tries < drainTriesMax; tries++) {
      const now = (await stat(join(this.#dir, 'packets'))).size;
      if (now === size) return;
      size = now;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
  }
}

/** The mDNS packets among them. @throws for one that cannot be read */
export function mdnsOf(seen: readonly Seen[]): SeenDns[] {
  return seen
    .filter(({ protocol, sourcePort, targetPort }) => protocol === 17 && (sourcePort === 5353 || targetPort === 5353))
    .map((one) => ({ ...one, dns: decode(one.payload) }));
}

function packetsOf(file: Buffer): Seen[] {
  const found: Seen[] = [];
  for (let at = fileHeaderBytes; at + recordHeaderBytes <= file.length; ) {
    const seconds = file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e6;
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + recordHeaderBytes, at + recordHeaderBytes + length);
    at += recordHeaderBytes + length;
    const packet = ipOf(seconds, frame);
    if (packet !== undefined) found.push(packet);
  }
  return found;
}

function ipOf(at: number, frame: Buffer): Seen | undefined {
  const type = frame.readUInt16BE(12);
  const ip = frame.subarray(ethernetBytes);
  if (type === 0x0800) {
    const body = ip.subarray((ip.readUInt8(0) & 15) * 4, ip.readUInt16BE(2));
    const [source, target] = [ip.subarray(12, 16), ip.subarray(16, 20)].map((four) => [...four].join('.'));
    return {
      at,
      source: source ?? '',
      target: target ?? '',
      protocol: ip.readUInt8(9),
      ...portsOf(ip.readUInt8(9), body),
    };
  }
  if (type !== 0x86dd) return undefined;
  let next = ip.readUInt8(6);
  let body = ip.subarray(40, 40 + ip.readUInt16BE(4));
  // Hop-by-hop options: what the kernel's own multicast reports carry.
  if (next === 0) {
    next = body.readUInt8(0);
    body = body.subarray((body.readUInt8(1) + 1) * 8);
  }
  const [source, target] = [ip.subarray(8, 24), ip.subarray(24, 40)].map((bytes) => bytes.toString('hex'));
  return { at, source: source ?? '', target: target ?? '', protocol: next, ...portsOf(next, body) };
}

function portsOf(protocol: number, body: Buffer): Pick<Seen, 'sourcePort' | 'targetPort' | 'payload'> {
  if (protocol !== 17 && protocol !== 6) return { sourcePort: 0, targetPort: 0, payload: body };
  const payload = protocol === 17 ? body.subarray(8) : body;
  return { sourcePort: body.readUInt16BE(0), targetPort: body.readUInt16BE(2), payload };
}
