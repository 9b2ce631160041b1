import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { answerTo, TimeServerForTests } from '../../test/support/time-server.ts';
import { Clock } from '../platform/clock.ts';
import { InternetTime } from './internet-time.ts';
import { makeTimeClient } from './sntp.ts';

const log = pino({ level: 'silent' });
const hourMs = 3_600_000;
const now = Date.UTC(2027, 2, 1, 12);
const silent = () => undefined;

/** Asks these servers, by a steady count that the test turns. */
function asking(servers: readonly TimeServerForTests[], timeoutMs = 5_000) {
  const world = { on: true as boolean, turnedMs: 0, told: [] as number[], clients: 0 };
  const steady = () => performance.now() + world.turnedMs;
  const internet = new InternetTime({
    isOn: () => world.on,
    servers: servers.map(({ port }) => `127.0.0.1:${port}`),
    makeClient: async () => {
      world.clients += 1;
      return makeTimeClient({ steady, randomBytes, timeoutMs });
    },
    steady,
    onTime: async (timeMs) => void world.told.push(timeMs),
    log,
  });
  return { world, internet };
}

async function serversAt(...times: number[]) {
  const stack = new AsyncDisposableStack();
  const servers: TimeServerForTests[] = [];
  for (const time of times) servers.push(stack.use(await TimeServerForTests.start(() => time)));
  return { servers, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('while the owner did not say yes, nothing is asked, and what would ask is not made', async () => {
  await using at = await serversAt(now);
  const { world, internet } = asking(at.servers);
  world.on = false;
  await internet.ask();
  await internet.look();
  expect(world).toMatchObject({ clients: 0, told: [] });
  world.on = true;
  await internet.look();
  expect(world.clients).toBe(1);
  // Else the box that stays silent above could not be told from one that nobody heard.
  expect(at.servers[0]?.questions).toHaveLength(1);
  expect(world.told).toHaveLength(1);
});

test('at each look until the first answer, and then every 6 hours', async () => {
  await using at = await serversAt(now);
  const [server] = at.servers as [TimeServerForTests];
  const { world, internet } = asking(at.servers, 1_000);
  server.reply = silent;
  await internet.look();
  await internet.look();
  expect(server.questions).toHaveLength(2);
  expect(world.told).toEqual([]);
  server.reply = (question) => server.send(answerTo(question, { receive: now, transmit: now }), question);
  await internet.look();
  expect(server.questions).toHaveLength(3);
  for (const hours of [1, 2, 2.9]) {
    world.turnedMs += hours * hourMs;
    await internet.look();
    expect(server.questions).toHaveLength(3);
  }
  world.turnedMs += 0.1 * hourMs;
  await internet.look();
  expect(server.questions).toHaveLength(4);
  expect(world).toMatchObject({ clients: 1 });
});

test.each([
  ['the middle one of three', [now + 2_000, now, now - 1_000], now],
  ['the one that two agree on, of three', [now, now + 400 * 24 * hourMs, now + 500], now + 500],
  ['the earlier of two', [now + 3_000, now], now],
  ['the only one', [now], now],
])('believed is %s', async (_, times, expected) => {
  await using at = await serversAt(...times);
  const { world, internet } = asking(at.servers);
  await internet.ask();
  expect(world.told).toHaveLength(1);
  expect(Math.abs((world.told[0] ?? 0) - expected)).toBeLessThan(900);
});

test.each([
  ['two that differ', [now, now + 60_000]],
  ['three that differ', [now, now + 60_000, now + 120_000]],
])('%s are not believed, and asked again at the next look', async (_, times) => {
  await using at = await serversAt(...times);
  const { world, internet } = asking(at.servers);
  await internet.look();
  await internet.look();
  expect(world.told).toEqual([]);
  expect(at.servers[0]?.questions).toHaveLength(2);
});

test('no more than three are asked, and one question runs at a time', async () => {
  await using at = await serversAt(now, now, now, now);
  const { world, internet } = asking(at.servers);
  await Promise.all([internet.ask(), internet.ask(), internet.look()]);
  expect(at.servers.map(({ questions }) => questions.length)).toEqual([1, 1, 1, 0]);
  expect(world.told).toHaveLength(1);
});

test('an owner who says no while the answers are on their way is heard', async () => {
  await using at = await serversAt(now);
  const [server] = at.servers as [TimeServerForTests];
  const { world, internet } = asking(at.servers);
  server.reply = async (question) => {
    world.on = false;
    await server.send(answerTo(question, { receive: now, transmit: now }), question);
  };
  await internet.ask();
  expect(server.questions).toHaveLength(1);
  expect(world.told).toEqual([]);
});

test('a stop ends a question that waits, and no other begins', async () => {
  await using at = await serversAt(now);
  const [server] = at.servers as [TimeServerForTests];
  server.reply = silent;
  const { world, internet } = asking(at.servers, 1_000);
  const waiting = internet.ask();
  await expect.poll(() => server.questions.length).toBe(1);
  await internet.close();
  await waiting;
  await internet.ask();
  expect(server.questions).toHaveLength(1);
  expect(world.told).toEqual([]);
});

test('a name is looked up, IPv4 first, and its other address tried where the first is silent', async () => {
  const asked: string[] = [];
  const told: number[] = [];
  const internet = new InternetTime({
    isOn: () => true,
    servers: ['time.example', '[2001:db8::9]:1123', 'router.example:5123'],
    makeClient: async () => ({
      resolve: async (host) => {
        if (host === 'router.example') throw new Error('no such name');
        return host === 'time.example' ? ['192.0.2.1', '192.0.2.2', '2001:db8::1'] : [host];
      },
      ask: async ({ address, port }) => {
        asked.push(`${address} ${port}`);
        return address === '192.0.2.1' ? { kind: 'none', why: 'no answer' } : { kind: 'kiss', letters: 'DENY' };
      },
    }),
    steady: () => performance.now(),
    onTime: async (timeMs) => void told.push(timeMs),
    log,
  });
  await internet.ask();
  expect(asked.sort()).toEqual(['192.0.2.1 123', '2001:db8::1 123', '2001:db8::9 1123']);
  expect(told).toEqual([]);
});

test('the box’s clock takes it as it takes a browser’s word: only while it is behind, never back, within bounds', async () => {
  const saved = now - 3 * 24 * hourMs;
  const machine = { ms: 0 };
  const clock = new Clock({
    system: () => machine.ms,
    steady: () => performance.now(),
    saved,
    madeAt: 0,
    save: async () => undefined,
  });
  await using at = await serversAt(now);
  const { world, internet } = asking(at.servers);
  await internet.ask();
  const [told = 0] = world.told;
  expect(clock.tell(told)).toBe('used');
  expect(Math.abs(clock.now() - now)).toBeLessThan(2_000);
  expect(clock.tell(told - hourMs)).toBe('refused');
  expect(clock.tell(told + 500 * 24 * hourMs)).toBe('refused');
  machine.ms = now + hourMs;
  expect(clock.tell(told + 60_000)).toBe('not-needed');
  expect(clock.now()).toBe(now + hourMs);
});
