/**
 * Multicast DNS messages: bytes -> what this room looks at, and back (RFC 1035, 4; RFC 6762, 18).
 * Writing is dns-packet's. Reading is bounded by hand: dns-packet follows chains of pointers as long as the packet,
 * loses the bit that asks for unicast, and does not keep the bytes by which records are compared (RFC 6762, 8.2).
 */
import { type Answer, AUTHORITATIVE_ANSWER, encode, encodingLength, type RecordType } from 'dns-packet';

export const typeNumbers = { A: 1, CNAME: 5, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47, ANY: 255 } as const;
export type OwnType = 'A' | 'AAAA' | 'PTR' | 'SRV' | 'TXT' | 'NSEC';

/** Names are in lower case (ASCII only); a dot or backslash inside a label is escaped by a backslash. */
export type Question = Readonly<{ name: string; type: number; wantsUnicast: boolean }>;
/** `rdata` without compression. */
export type SeenRecord = Readonly<{ name: string; type: number; ttlSeconds: number; rdata: Buffer }>;
export type Message = Readonly<{
  id: number;
  isResponse: boolean;
  isTruncated: boolean;
  questions: readonly Question[];
  /** The question section as it came: pointers in it lead only into it. */
  questionBytes: Buffer;
  questionCount: number;
  answers: readonly SeenRecord[];
  authorities: readonly SeenRecord[];
  additionals: readonly SeenRecord[];
}>;
export type SentRecord = Readonly<{ answer: Answer; bytes: number }>;

/** RFC 6762, 17: no message is longer. */
const messageBytesMax = 9_000;
const sentBytesMax = 1_440;
const headerBytes = 12;
const questionsMax = 64;
const recordsMax = 256;
const nameBytesMax = 255;
const pointersMax = 64;
const classIn = 1;
const classAny = 255;
const namesInData = new Map<number, number>([
  [typeNumbers.CNAME, 0],
  [typeNumbers.PTR, 0],
  [typeNumbers.SRV, 6],
]);

class Unreadable extends Error {}

/** @returns undefined for what is malformed, too long, of another operation, or failed (RFC 6762, 18.3, 18.11). */
export function decodeMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < headerBytes || bytes.length > messageBytesMax) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x780f) !== 0) return undefined;
  try {
    return readMessage(bytes, flags);
  } catch (error) {
    if (error instanceof Unreadable || error instanceof RangeError) return undefined;
    throw error;
  }
}

function readMessage(bytes: Buffer, flags: number): Message {
  const questionCount = bytes.readUInt16BE(4);
  const questions: Question[] = [];
  let at = headerBytes;
  for (let count = Math.min(questionCount, questionsMax); count > 0; count -= 1) {
    const { name, end } = readName(bytes, at);
    const classBits = bytes.readUInt16BE(end + 2);
    const isOurs = [classIn, classAny].includes(classBits & 0x7fff);
    if (isOurs) questions.push({ name, type: bytes.readUInt16BE(end), wantsUnicast: classBits >= 0x8000 });
    at = end + 4;
  }
  const questionBytes = bytes.subarray(headerBytes, at);
  // What comes after too many questions is not looked at.
  let left = questionCount > questionsMax ? 0 : recordsMax;
  const [answers, authorities, additionals] = [6, 8, 10].map((countAt) => {
    const records: SeenRecord[] = [];
    for (let count = bytes.readUInt16BE(countAt); count > 0 && left > 0; count -= 1, left -= 1) {
      const { record, end } = readRecord(bytes, at);
      if (record !== undefined) records.push(record);
      at = end;
    }
    return records;
  }) as [SeenRecord[], SeenRecord[], SeenRecord[]];
  return {
    id: bytes.readUInt16BE(0),
    isResponse: flags >= 0x8000,
    isTruncated: (flags & 0x0200) !== 0,
    questions,
    questionBytes,
    questionCount: Math.min(questionCount, questionsMax),
    answers,
    authorities,
    additionals,
  };
}

function readRecord(bytes: Buffer, start: number): { record: SeenRecord | undefined; end: number } {
  const { name, end: fixed } = readName(bytes, start);
  const type = bytes.readUInt16BE(fixed);
  const isOurs = (bytes.readUInt16BE(fixed + 2) & 0x7fff) === classIn;
  const ttlSeconds = bytes.readUInt32BE(fixed + 4);
  const data = fixed + 10;
  const end = data + bytes.readUInt16BE(fixed + 8);
  if (end > bytes.length) throw new Unreadable();
  if (!isOurs) return { record: undefined, end };
  const nameAt = namesInData.get(type);
  if (nameAt === undefined) return { record: { name, type, ttlSeconds, rdata: bytes.subarray(data, end) }, end };
  const target = readName(bytes, data + nameAt);
  if (target.end !== end) throw new Unreadable();
  const rdata = Buffer.concat([bytes.subarray(data, data + nameAt), target.wire]);
  return { record: { name, type, ttlSeconds, rdata }, end };
}

/** RFC 1035, 4.1.4: a pointer leads only to what came before the labels that it ends. */
function readName(bytes: Buffer, start: number): { name: string; wire: Buffer; end: number } {
  const labels: string[] = [];
  const wire: Buffer[] = [];
  let [at, from, wireBytes, pointers, end] = [start, start, 1, 0, -1];
  for (;;) {
    const length = bytes.readUInt8(at);
    if (length >= 0xc0) {
      const target = bytes.readUInt16BE(at) & 0x3fff;
      pointers += 1;
      if (target >= from || pointers > pointersMax) throw new Unreadable();
      if (end < 0) end = at + 2;
      at = target;
      from = target;
      continue;
    }
    if (length >= 0x40) throw new Unreadable();
    if (length === 0) break;
    wireBytes += length + 1;
    if (wireBytes > nameBytesMax || at + 1 + length > bytes.length) throw new Unreadable();
    wire.push(bytes.subarray(at, at + 1 + length));
    labels.push(bytes.toString('utf8', at + 1, at + 1 + length).replace(/[.\\]/g, '\\$&'));
    at += 1 + length;
  }
  wire.push(Buffer.of(0));
  return { name: lowerCase(labels.join('.')), wire: Buffer.concat(wire), end: end < 0 ? at + 1 : end };
}

/** RFC 6762, 16: names are compared without regard to the case of ASCII letters, and of no others. */
export function lowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The bytes of a record's data, without compression. */
export function rdataOf(answer: Answer): Buffer {
  // The root as its name takes one byte; then come type, class, TTL and length.
  const bytes = encode({ type: 'response', answers: [{ ...answer, name: '.' }] });
  return bytes.subarray(headerBytes + 1 + 10);
}

export function sizeOf(answer: Answer): number {
  return encodingLength({ answers: [answer] }) - headerBytes;
}

/** Equal for two records that say the same: whatever their TTL, and the case of their names (RFC 6762, 16). */
export function recordKey(name: string, type: number, rdata: Buffer): string {
  const nameAt = namesInData.get(type);
  const data = Buffer.from(rdata);
  for (let at = nameAt ?? data.length; at < data.length; at += 1) {
    const byte = data[at] ?? 0;
    // A label's length is at most 63, so that only letters are met here.
    if (byte >= 0x41 && byte <= 0x5a) data[at] = byte + 0x20;
  }
  return `${lowerCase(name)} ${type} ${data.toString('hex')}`;
}

/**
 * Responses with these records, each at most 1,440 bytes (RFC 6762, 17); `additionals` as far as there is room for
 * them in the last.
 */
export function encodeResponses(answers: readonly SentRecord[], additionals: readonly SentRecord[] = []): Buffer[] {
  const packets: SentRecord[][] = [];
  let room = 0;
  for (const record of answers) {
    if (packets.length === 0 || record.bytes > room) {
      packets.push([]);
      room = sentBytesMax - headerBytes;
    }
    packets.at(-1)?.push(record);
    room -= record.bytes;
  }
  const extra = takeFitting(additionals, room);
  return packets.map((records, index) =>
    encode({
      type: 'response',
      flags: AUTHORITATIVE_ANSWER,
      answers: records.map(({ answer }) => answer),
      additionals: index === packets.length - 1 ? extra : [],
    }),
  );
}

/**
 * The answer to a resolver that knows nothing of multicast (RFC 6762, 6.7): its id and questions repeated; what does
 * not fit is left out, as it has no way to get it.
 */
export function encodeLegacyResponse(
  query: Message,
  answers: readonly SentRecord[],
  additionals: readonly SentRecord[],
): Buffer | undefined {
  const room = sentBytesMax - headerBytes - query.questionBytes.length;
  const fitting = takeFitting(answers, room);
  if (room < 0 || (fitting.length === 0 && answers.length > 0)) return undefined;
  const used = fitting.reduce((sum, answer) => sum + sizeOf(answer), 0);
  const bytes = encode({
    type: 'response',
    id: query.id,
    flags: AUTHORITATIVE_ANSWER,
    answers: fitting,
    additionals: takeFitting(additionals, room - used),
  });
  bytes.writeUInt16BE(query.questionCount, 4);
  // Nothing after the header holds a pointer, so the records may move.
  return Buffer.concat([bytes.subarray(0, headerBytes), query.questionBytes, bytes.subarray(headerBytes)]);
}

function takeFitting(records: readonly SentRecord[], roomBytes: number): Answer[] {
  let room = roomBytes;
  return records.flatMap(({ answer, bytes }) => {
    if (bytes > room) return [];
    room -= bytes;
    return [answer];
  });
}

export type ProbeGroup = Readonly<{ name: string; records: readonly SentRecord[] }>;

/**
 * Probes (RFC 6762, 8.1). The first group is in every packet that has room for it: it decides when two begin at the same
 * time, and all packets should be decided alike.
 */
export function encodeProbes(groups: readonly ProbeGroup[]): Buffer[] {
  const [first, ...others] = groups.map(fitted);
  if (first === undefined) return [];
  const packets: ProbeGroup[][] = [[first]];
  let used = headerBytes + groupBytes(first);
  for (const group of others) {
    const bytes = groupBytes(group);
    if (used + bytes > sentBytesMax) {
      const hasRoom = headerBytes + groupBytes(first) + bytes <= sentBytesMax;
      packets.push(hasRoom ? [first] : []);
      used = headerBytes + (hasRoom ? groupBytes(first) : 0);
    }
    packets.at(-1)?.push(group);
    used += bytes;
  }
  return packets.map((held) =>
    encode({
      type: 'query',
      questions: held.map(({ name }) => ({ name, type: 'ANY' as RecordType, class: 'IN' })),
      authorities: held.flatMap(({ records }) => records.map(({ answer }) => answer)),
    }),
  );
}

/** The question counts; a record that finds no room is missing only when two begin at the same time. */
function fitted({ name, records }: ProbeGroup): ProbeGroup {
  let room = sentBytesMax - headerBytes - groupBytes({ name, records: [] });
  const fitting = records.filter(({ bytes }) => {
    room -= bytes;
    return room >= 0;
  });
  return { name, records: fitting };
}

function groupBytes({ name, records }: ProbeGroup): number {
  return Buffer.byteLength(name) + 6 + records.reduce((sum, { bytes }) => sum + bytes, 0);
}
