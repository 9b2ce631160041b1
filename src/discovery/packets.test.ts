import { type Answer, decode, encode } from 'dns-packet';
import { expect, test } from 'vitest';
import { soak } from '../../test/support/counts.ts';
import { Random } from '../../test/support/random.ts';
import { decodeMessage, type Message, rdataOf, recordKey, typeNumbers } from './packets.ts';

const answers: Answer[] = [
  { name: '_http._tcp.local', type: 'PTR', ttl: 4_500, data: 'Box._http._tcp.local' },
  { name: 'Box._http._tcp.local', type: 'SRV', ttl: 120, flush: true, data: { port: 80, target: 'box.local' } },
  { name: 'Box._http._tcp.local', type: 'TXT', ttl: 4_500, data: [Buffer.from('path=/')] },
  { name: 'box.local', type: 'A', ttl: 120, data: '10.0.0.1' },
  { name: 'box.local', type: 'AAAA', ttl: 120, data: 'fd00::1' },
  { name: 'box.local', type: 'NSEC', ttl: 120, data: { nextDomain: 'box.local', rrtypes: ['A', 'AAAA'] } },
];
const sample = encode({
  type: 'query',
  id: 7,
  questions: [{ name: 'Box.local', type: 'A' }],
  answers,
  authorities: answers.slice(3, 4),
});

test('what dns-packet writes is read', () => {
  const message = decodeMessage(sample) as Message;
  expect(message).toMatchObject({ id: 7, isResponse: false, isTruncated: false });
  expect(message.questions).toEqual([{ name: 'box.local', type: typeNumbers.A, wantsUnicast: false }]);
  expect(message.answers.map(({ rdata }) => rdata)).toEqual(answers.map(rdataOf));
  expect(message.answers.map(({ ttlSeconds }) => ttlSeconds)).toEqual([4_500, 120, 4_500, 120, 120, 120]);
  expect(message.authorities).toHaveLength(1);
});

test('names that point to earlier ones are read, and never forward or round', () => {
  const question = encode({ type: 'query', questions: [{ name: 'box.local', type: 'ANY' as never }] });
  const record = Buffer.from('c00c000c0001000000780006036f6e65c00c', 'hex');
  const bytes = Buffer.concat([question, record]);
  bytes.writeUInt16BE(1, 6);
  const [told] = decodeMessage(bytes)?.answers ?? [];
  expect(told?.name).toBe('box.local');
  expect(told?.rdata.toString('latin1')).toBe('\x03one\x03box\x05local\0');
  const at = question.length;
  for (const target of [at, at + 2, at + 12, 0x3fff]) {
    bytes.writeUInt16BE(0xc000 | target, at);
    expect(decodeMessage(bytes)).toBeUndefined();
  }
});

test('a label with a dot in it is not two labels', () => {
  const header = encode({ type: 'query' });
  header.writeUInt16BE(1, 4);
  const label = Buffer.concat([header, Buffer.from('\x09box.local\0\0\x01\0\x01', 'latin1')]);
  expect(decodeMessage(label)?.questions[0]?.name).toBe('box\\.local');
});

test('the case of names says nothing, and that of other data does', () => {
  const key = (answer: Answer) => recordKey(answer.name, typeNumbers[answer.type as 'A'], rdataOf(answer));
  const srv = (port: number, target: string): Answer => ({ name: 'a', type: 'SRV', data: { port, target } });
  expect(key(srv(80, 'BOX.local'))).toBe(key(srv(80, 'box.LOCAL')));
  expect(key(srv(0x4141, 'box'))).not.toBe(key(srv(0x6161, 'box')));
  const txt = (text: string): Answer => ({ name: 'a', type: 'TXT', data: [Buffer.from(text)] });
  expect(key(txt('A'))).not.toBe(key(txt('a')));
});

test('no more is read than there is room for', () => {
  const questions = Array.from({ length: 500 }, () => ({ name: 'b', type: 'A' as const }));
  expect(decodeMessage(encode({ type: 'query', questions }))?.questions).toHaveLength(64);
  const many = Array.from({ length: 400 }, () => answers[3] as Answer);
  expect(decodeMessage(encode({ type: 'response', answers: many.slice(0, 200) }))?.answers).toHaveLength(200);
  const message = decodeMessage(encode({ type: 'response', answers: many.map((one) => ({ ...one, name: 'b' })) }));
  expect(message?.answers).toHaveLength(256);
  expect(decodeMessage(Buffer.concat([sample, Buffer.alloc(9_000)]))).toBeUndefined();
});

test('what is broken is told from what is not, and never throws', () => {
  const random = new Random(4);
  const rounds = soak ? 1_000_000 : 20_000;
  let read = 0;
  for (let round = 0; round < rounds; round += 1) {
    const bytes = Buffer.from(random.chance(0.2) ? Buffer.alloc(random.whole(0, 600)) : sample);
    const changes = random.whole(0, 6);
    for (let change = 0; change < changes && bytes.length > 0; change += 1) {
      bytes[random.whole(0, bytes.length - 1)] = random.chance(0.3) ? 0xc0 : random.whole(0, 255);
    }
    const cut = random.chance(0.3) ? bytes.subarray(0, random.whole(0, bytes.length)) : bytes;
    const message = decodeMessage(cut);
    if (message === undefined) continue;
    read += 1;
    // What both can read they read alike.
    let theirs: ReturnType<typeof decode> | undefined;
    try {
      theirs = decode(cut);
    } catch {
      continue;
    }
    if ((theirs.questions?.length ?? 0) <= 64) expect(message.isResponse).toBe(theirs.type === 'response');
  }
  expect(read).toBeGreaterThan(rounds / 20);
  expect(read).toBeLessThan(rounds);
});
