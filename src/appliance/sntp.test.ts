import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { answerTo, honest, type PacketFields, TimeServerForTests } from '../../test/support/time-server.ts';
import { makeTimeClient } from './sntp.ts';

const soon = Date.UTC(2027, 2, 1, 12);
const never = new AbortController().signal;
const steady = () => performance.now();
const at = (server: TimeServerForTests) => ({ address: '127.0.0.1', port: server.port });
const ask = (server: { address: string; port: number }, timeoutMs = 2_000) =>
  makeTimeClient({ steady, randomBytes, timeoutMs }).ask(server, never);

test.each(['127.0.0.1', '::1'])('an honest server at %s tells the time; the box tells it nothing', async (address) => {
  await using server = await TimeServerForTests.start(
    () => soon,
    honest(() => soon),
    address,
  );
  const before = steady();
  const answer = await ask({ address, port: server.port });
  const tookMs = steady() - before;
  if (answer.kind !== 'time') throw new Error(JSON.stringify(answer));
  // Half the way back is added.
  expect(answer.timeMs).toBeGreaterThanOrEqual(soon - 1);
  expect(answer.timeMs).toBeLessThanOrEqual(soon + tookMs);
  expect(answer.steadyMs).toBeGreaterThanOrEqual(before);
  const asked = server.questions.map(({ packet }) => packet);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toHaveLength(48);
  // Version 4, client; all else zero but the random bytes where others write their time.
  expect(asked[0]?.[0]).toBe(0x23);
  expect(asked[0]?.subarray(1, 40).every((byte) => byte === 0)).toBe(true);
  await ask({ address, port: server.port });
  expect(server.questions[1]?.packet.subarray(40)).not.toEqual(asked[0]?.subarray(40));
});

test('after the seconds of 2036 began at 0 again, they are those of the new era', async () => {
  const later = Date.UTC(2037, 0, 2, 3, 4, 5);
  await using server = await TimeServerForTests.start(() => later);
  const answer = await ask(at(server));
  expect(answer.kind === 'time' && Math.abs(answer.timeMs - later) < 2_000).toBe(true);
});

test.each<[string, PacketFields, string]>([
  ['from a client', { mode: 3 }, 'not a server’s answer'],
  ['a broadcast', { mode: 5 }, 'not a server’s answer'],
  ['of another version', { version: 3 }, 'version 3'],
  ['of a server that is not synchronised', { leap: 3 }, 'the server has no time itself'],
  ['of stratum 16', { stratum: 16 }, 'the server has no time itself'],
  ['without a time', { transmit: null }, 'no time in it'],
  ['without the time of receiving', { receive: null }, 'no time in it'],
  ['sent before the question came', { transmit: soon - 5_000 }, 'it took less than no time'],
  ['that took the server longer than it took', { receive: soon - 5_000 }, 'it took less than no time'],
])('an answer %s is not believed', async (_, fields, why) => {
  await using server = await TimeServerForTests.start(() => soon);
  server.reply = (question) => server.send(answerTo(question, { receive: soon, transmit: soon, ...fields }), question);
  expect(await ask(at(server))).toEqual({ kind: 'none', why });
});

test('an address to which no way leads is no answer, and ends nothing', async () => {
  // Not for one that asks without being allowed to; on a machine without a network no address is reached at all.
  const answer = await ask({ address: '255.255.255.255', port: 123 });
  expect(answer).toMatchObject({ kind: 'none', why: expect.stringMatching(/^E(ACCES|NETUNREACH)$/) });
});

test('a kiss-o’-death is told apart', async () => {
  await using server = await TimeServerForTests.start(() => soon);
  server.reply = (question) =>
    server.send(answerTo(question, { stratum: 0, reference: 'RATE', transmit: soon, receive: soon }), question);
  expect(await ask(at(server))).toEqual({ kind: 'kiss', letters: 'RATE' });
});

test('what answers another question, or is too short, is passed over; the true answer after it counts', async () => {
  await using server = await TimeServerForTests.start(() => soon);
  const whole = { receive: soon, transmit: soon };
  server.reply = async (question) => {
    await server.send(
      answerTo(question, { ...whole, originate: randomBytes(8), transmit: soon + 86_400_000 }),
      question,
    );
    await server.send(answerTo(question, whole).subarray(0, 47), question);
    await server.send(Buffer.alloc(0), question);
    await server.send(answerTo(question, whole), question);
  };
  const answer = await ask(at(server));
  expect(answer.kind === 'time' && Math.abs(answer.timeMs - soon) < 2_000).toBe(true);
});

test('a flood of wrong answers ends the question', async () => {
  await using server = await TimeServerForTests.start(() => soon);
  server.reply = async (question) => {
    for (let sent = 0; sent < 20; sent++)
      await server.send(answerTo(question, { originate: randomBytes(8) }), question);
  };
  expect(await ask(at(server), 60_000)).toEqual({ kind: 'none', why: 'only strange packets' });
});

test('the right answer from another port is not heard', async () => {
  const other = createSocket('udp4');
  await using server = await TimeServerForTests.start(() => soon);
  const answered = new Promise<void>((resolve) => {
    server.reply = (question) =>
      other.send(answerTo(question, { receive: soon, transmit: soon }), question.port, question.address, () =>
        resolve(),
      );
  });
  const [answer] = await Promise.all([ask(at(server), 300), answered]);
  other.close();
  expect(answer).toEqual({ kind: 'none', why: 'no answer' });
});

test('a round trip of 2 seconds is too long, whatever the server says of it', async () => {
  await using server = await TimeServerForTests.start(() => soon);
  let count = 0;
  const slow = () => ++count * 2_001;
  const client = makeTimeClient({ steady: slow, randomBytes });
  expect(await client.ask(at(server), never)).toEqual({ kind: 'none', why: 'too late' });
});

test('nobody there, and a stop, end it at once', async () => {
  const closed = await TimeServerForTests.start(() => soon);
  const nowhere = at(closed);
  await closed[Symbol.asyncDispose]();
  expect(await ask(nowhere, 60_000)).toEqual({ kind: 'none', why: 'ECONNREFUSED' });
  await using silent = await TimeServerForTests.start(
    () => soon,
    () => undefined,
  );
  const stop = new AbortController();
  const asking = makeTimeClient({ steady, randomBytes, timeoutMs: 60_000 }).ask(at(silent), stop.signal);
  await expect.poll(() => silent.questions.length).toBe(1);
  stop.abort();
  expect(await asking).toEqual({ kind: 'none', why: 'stopped' });
  expect(await makeTimeClient({ steady, randomBytes }).ask(at(silent), stop.signal)).toEqual({
    kind: 'none',
    why: 'stopped',
  });
  expect(silent.questions).toHaveLength(1);
});

test('an address needs no resolver', async () => {
  expect(await makeTimeClient({ steady, randomBytes }).resolve('2001:db8::7', never)).toEqual(['2001:db8::7']);
});
