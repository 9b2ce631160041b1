import { createSocket, type Socket } from 'node:dgram';
import { decode, encode, type Packet, type Question } from 'dns-packet';
import { type Link, localLinks } from '../platform/links.ts';
import { pause } from './pause.ts';

/**
 * One-shot questions by multicast DNS (RFC 6762, sections 5.1 and 6.7), and what comes back. Owns: sockets and packets.
 * Never: joins the multicast group, needs port 5353, or believes what it hears. For finding.ts.
 */

/** What is of use here of a record; anything else in an answer is passed over. */
export type HeardRecord =
  | Readonly<{ type: 'PTR'; name: string; instance: string }>
  | Readonly<{ type: 'SRV'; name: string; host: string; port: number }>
  | Readonly<{ type: 'TXT'; name: string; facts: ReadonlyMap<string, string> }>
  | Readonly<{ type: 'A' | 'AAAA'; name: string; address: string }>;
/** A packet that came in, who sent it (with a zone if it is link-local IPv6), and the network that it came by. */
export type Heard = Readonly<{ packet: Buffer; from: string; link: Link }>;
/** Sends `question` and hands on what comes back until `signal` ends it. Never rejects: no network is silence. */
export type AskNetwork = (question: Buffer, onHeard: (heard: Heard) => void, signal: AbortSignal) => Promise<void>;

export const serviceType = '_nightjar._tcp.local';
/** When the question is sent, counted from the first. */
const sendAtMs = [0, 1000, 3000];
const port = 5353;
const groups = { 4: '224.0.0.251', 6: 'ff02::fb' } as const;
const headerBytes = 12;
/** A box's answer fits one Ethernet frame. RFC 6762, section 17, allows 9000, whose reading a stranger can make slow. */
const packetBytesMax = 1500;
const recordsMax = 128;
const factsMax = 32;

/** The real thing: one socket per interface and address family. */
export const askNetwork: AskNetwork = async (question, onHeard, signal) => {
  const asking = linksOrDefault().flatMap((link) =>
    ([4, 6] as const)
      .filter((family) => link.addresses.some((address) => address.family === family))
      .map((family) => ({ link, family })),
  );
  await Promise.all(asking.map(({ link, family }) => askLink(link, family, question, onHeard, signal)));
};

/** Where the interfaces may not be listed (Android since 11), the system chooses the one that is asked. */
function linksOrDefault(): Link[] {
  try {
    return localLinks();
  } catch {
    return [{ name: '', addresses: [{ address: '0.0.0.0', family: 4, prefix: 32 }] }];
  }
}

async function askLink(
  link: Link,
  family: 4 | 6,
  question: Buffer,
  onHeard: (heard: Heard) => void,
  signal: AbortSignal,
): Promise<void> {
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', ipv6Only: family === 6 });
  try {
    // A cable that is pulled just now ends this socket's part, not the search.
    socket.on('error', () => {});
    socket.on('message', (packet, from) => {
      // Answers come from port 5353 (RFC 6762, section 6).
      if (from.port === port) onHeard({ packet, from: from.address, link });
    });
    const group = await open(socket, link, family);
    for (const [index, atMs] of sendAtMs.entries()) {
      await pause(atMs - (sendAtMs[index - 1] ?? 0), signal);
      if (signal.aborted) return;
      socket.send(question, port, group, () => {});
    }
    await ended(signal);
  } catch {
    await ended(signal);
  } finally {
    socket.close();
  }
}

/** Binds an ephemeral port on that interface; returns the group's address there. */
async function open(socket: Socket, link: Link, family: 4 | 6): Promise<string> {
  const own = link.addresses.find((address) => address.family === family)?.address ?? '';
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port: 0, address: family === 4 ? own : '::', exclusive: true }, resolve);
  });
  // RFC 6762, section 11: as answers are, so that nobody takes it for routed.
  socket.setMulticastTTL(255);
  if (family === 6) socket.setMulticastInterface(`::%${link.name}`);
  else if (own !== '0.0.0.0') socket.setMulticastInterface(own);
  return family === 4 ? groups[4] : `${groups[6]}%${link.name}`;
}

/** The question for Nightjar boxes, to be answered by multicast's own rules and, being one-shot, straight to us. */
export function questionPacket(id: number): Buffer {
  const question: Question = { name: serviceType, type: 'PTR', class: 'IN' };
  return encode({ id, type: 'query', flags: 0, questions: [question] });
}

/** The records of an answer to question `id`; none when it is anything else, too large, or damaged. */
export function readAnswer(packet: Buffer, id: number): HeardRecord[] {
  if (packet.length < headerBytes || packet.length > packetBytesMax || packet.readUInt16BE(0) !== id) return [];
  const isAnswer = (packet.readUInt16BE(2) & 0x8000) !== 0;
  const records = [4, 6, 8, 10].reduce((sum, at) => sum + packet.readUInt16BE(at), 0);
  if (!isAnswer || records > recordsMax) return [];
  let read: Packet;
  try {
    read = decode(packet);
    // It reads a last record that was cut off as if it were whole.
    if (!((decode as unknown as { bytes: number }).bytes <= packet.length)) return [];
  } catch {
    return [];
  }
  return [...(read.answers ?? []), ...(read.additionals ?? [])].flatMap((record): HeardRecord[] => {
    const name = record.name.toLowerCase();
    switch (record.type) {
      case 'PTR':
        return name === serviceType ? [{ type: 'PTR', name, instance: record.data.toLowerCase() }] : [];
      case 'SRV':
        return [{ type: 'SRV', name, host: record.data.target.toLowerCase(), port: record.data.port }];
      case 'TXT':
        return [{ type: 'TXT', name, facts: factsOf(record.data) }];
      case 'A':
      case 'AAAA':
        return [{ type: record.type, name, address: record.data }];
      default:
        return [];
    }
  });
}

/** `key=value` strings; of a key that comes twice the first counts (RFC 6763, section 6.4). */
function factsOf(data: unknown): Map<string, string> {
  const facts = new Map<string, string>();
  for (const one of (Array.isArray(data) ? data : [data]).slice(0, factsMax)) {
    const text = String(one);
    const at = text.indexOf('=');
    const key = text.slice(0, at).toLowerCase();
    if (at > 0 && !facts.has(key)) facts.set(key, text.slice(at + 1));
  }
  return facts;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
