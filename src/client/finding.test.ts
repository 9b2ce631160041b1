import { createServer, type Server } from 'node:net';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, TestBox } from '../../test/support/test-box.ts';
import { TestPhone } from '../../test/support/test-phone.ts';
import { exitCodes } from './failure.ts';
import { findBox } from './finding.ts';
import { type AskNetwork, type Heard, questionPacket, readAnswer, serviceType } from './mdns.ts';
import { Session } from './session.ts';

const loopback = { name: 'lo', addresses: [{ address: '127.0.0.1', family: 4 as const, prefix: 8 }] };
let certificates: Awaited<ReturnType<typeof makeCertificates>>;
let other: Certificates;
let box: TestBox;
let phone: TestPhone;
let servers: Server[] = [];
const boxes: TestBox[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
  other = await makeCertificates();
});
beforeEach(async () => {
  phone = await TestPhone.make();
  box = await started(certificates);
});
afterEach(async () => {
  for (const one of boxes.splice(0)) await one.kill();
  for (const server of servers) server.close();
  servers = [];
  await phone.remove();
});

async function started(its: Certificates): Promise<TestBox> {
  const one = new TestBox(its);
  boxes.push(one);
  await one.start();
  return one;
}

type Said = { port: number; fp?: string; host?: string; name?: string; addresses?: string[]; from?: string };

function records({ port, fp = certificates.fingerprint, host = 'nightjar.local', name, addresses = [] }: Said) {
  const instance = `${name ?? 'nightjar'}.${serviceType}`;
  const answers: Answer[] = [{ type: 'PTR', name: serviceType, data: instance }];
  const additionals: Answer[] = [
    { type: 'SRV', name: instance, data: { port, target: host } },
    { type: 'TXT', name: instance, data: ['id=1', `fp=${fp}`] },
    ...addresses.map((data): Answer => ({ type: 'A', name: host, data })),
  ];
  return { answers, additionals };
}

/** A network whose machines say these things, in this order, whenever the question for boxes is asked. */
function network(said: readonly Said[], link: Heard['link'] = loopback): AskNetwork {
  return async (question, onHeard, signal) => {
    const { id = 0, questions } = decode(question);
    expect(questions).toMatchObject([{ type: 'PTR', name: serviceType, class: 'IN' }]);
    for (const one of said) {
      const packet = encode({ id, type: 'response', ...records(one) });
      onHeard({ packet, from: one.from ?? '127.0.0.1', link });
    }
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  };
}

function find(said: readonly Said[], link?: Heard['link'], rootPem = certificates.rootPem) {
  const limits = { listenMs: 1000, connectMs: 1000 };
  return findBox({ fingerprint: certificates.fingerprint, rootPem, ask: network(said, link), ...limits });
}

/** A port that takes connections and says nothing; returns it, and how many came. */
async function silent(): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on('error', () => {});
    // Closed with the client's end, so that the server can close.
    socket.resume();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return { port: (server.address() as { port: number }).port, connections: () => connections };
}

async function backup(said: readonly Said[]): Promise<number> {
  const session = await Session.open({
    config: phone.config,
    report: { event: () => {}, watch: () => {}, close: () => {} },
    patienceMs: 10_000,
    clientVersion: '1',
    find: (options) => findBox({ ...options, ask: network(said) }),
  });
  try {
    return await session.backUp([phone.at('DCIM')], null);
  } finally {
    await session.close();
  }
}

test('goes on with the box where it is now, and remembers that', async () => {
  await phone.pair(box);
  await phone.file('a.jpg', 'a');
  await box.kill();
  const oldPort = box.port;
  const hostile = await started(other);
  box.port = 0;
  await box.start();
  expect(await backup([{ port: hostile.port }, { port: box.port }])).toBe(exitCodes.fine);
  expect(box.items.size).toBe(1);
  expect(hostile.requests).toEqual([]);
  const origin = `https://127.0.0.1:${box.port}`;
  const pairing = await phone.config.mustBePaired();
  expect(pairing).toMatchObject({ lastAddress: origin, name: 'Box' });
  // The next night knows it.
  expect(await backup([])).toBe(exitCodes.fine);
  expect(pairing.addresses).toContain(`https://127.0.0.1:${oldPort}`);
});

test('knows it by its name’s certificate while the one for its addresses lags behind', async () => {
  await phone.pair(box);
  await phone.file('a.jpg', 'a');
  await box.kill();
  const moved = await started(await certificates.forNames([], ['nightjar-2.local']));
  moved.token = box.token;
  expect(await backup([{ port: moved.port, host: 'nightjar-2.local' }])).toBe(exitCodes.fine);
  expect(moved.items.size).toBe(1);
  const origin = `https://127.0.0.1:${moved.port}`;
  const pairing = await phone.config.mustBePaired();
  expect(pairing).toMatchObject({ lastAddress: origin, lastServername: 'nightjar-2.local', name: 'nightjar-2' });
  expect(pairing.addresses.slice(0, 2)).toEqual([origin, `https://nightjar-2.local:${moved.port}`]);
  expect(await backup([])).toBe(exitCodes.fine);
});

test('a box that only claims the fingerprint gets not one byte of a request', async () => {
  const hostile = await started(other);
  const copy = await started({ ...other, cert: other.cert + certificates.rootPem });
  expect(await find([{ port: hostile.port }, { port: copy.port, name: 'two' }])).toBeNull();
  expect([...hostile.requests, ...copy.requests]).toEqual([]);
});

test('does not even try who has another fingerprint', async () => {
  const stranger = await silent();
  expect(await find([{ port: stranger.port, fp: other.fingerprint }])).toBeNull();
  expect(stranger.connections()).toBe(0);
});

test('a flood of answers neither hides the box nor costs more than seconds', async () => {
  const trap = await silent();
  const from = (n: number) => `127.0.${1 + (n >> 8)}.${n & 255}`;
  const many = Array.from({ length: 1000 }, (_, n): Said => ({ port: trap.port, name: `n${n}`, from: '127.0.0.9' }));
  const ports = many.map((one, n): Said => ({ ...one, port: trap.port, host: `n${n}.local`, from: '127.0.0.7' }));
  const senders = Array.from({ length: 200 }, (_, n): Said => ({ port: 9, from: from(n), addresses: ['127.0.0.8'] }));
  const startedMs = performance.now();
  const found = await find([...many, ...ports, ...senders, { port: box.port }]);
  expect(found).toMatchObject({ host: '127.0.0.1', port: box.port });
  // One place of the first sender, four of the second.
  expect(trap.connections()).toBeLessThanOrEqual(5);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

test('the box gets its turn among many that keep us waiting', async () => {
  const trap = await silent();
  const said = Array.from({ length: 60 }, (_, n): Said => ({ port: trap.port, from: `127.0.2.${n}` }));
  const ask = network([...said, { port: box.port }]);
  const { fingerprint, rootPem } = certificates;
  const found = await findBox({ fingerprint, rootPem, ask, listenMs: 8000, connectMs: 1000 });
  expect(found).toMatchObject({ port: box.port });
});

test('a stranger that names the box’s place among its last does not send it to the end of the queue', async () => {
  const trap = await silent();
  const last = ['127.0.3.1', '127.0.3.2', '127.0.0.1'];
  const said = Array.from(
    { length: 60 },
    (_, n): Said => ({
      port: box.port,
      host: 'nightjar.local',
      from: `127.0.2.${n}`,
      addresses: last,
    }),
  );
  const traps = Array.from({ length: 40 }, (_, n): Said => ({ port: trap.port, from: `127.0.4.${n}` }));
  const ask = network([...said, ...traps, { port: box.port }]);
  const { fingerprint, rootPem } = certificates;
  const found = await findBox({ fingerprint, rootPem, ask, listenMs: 8000, connectMs: 1000 });
  expect(found).toMatchObject({ port: box.port });
});

test('gives up in time when all who answer say nothing', async () => {
  const trap = await silent();
  const startedMs = performance.now();
  const said = Array.from({ length: 100 }, (_, n): Said => ({ port: trap.port, from: `127.0.2.${n}` }));
  expect(await find([...said, ...said, ...said])).toBeNull();
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(trap.connections()).toBeLessThanOrEqual(100);
});

test('knocks at no door outside this network, and not at its own machine’s', async () => {
  const eth = { name: 'eth0', addresses: [{ address: '10.0.0.2', family: 4 as const, prefix: 24 }] };
  expect(await find([{ port: box.port }], eth)).toBeNull();
  expect(await find([{ port: box.port, from: '192.0.2.1', addresses: ['127.0.0.1'] }], eth)).toBeNull();
  expect(await find([{ port: box.port, from: '192.0.2.1', addresses: ['127.0.0.1'] }])).toMatchObject({
    host: '127.0.0.1',
  });
});

test('reads only whole answers to its own question', () => {
  const answer = encode({ id: 7, type: 'response', ...records({ port: 8443, addresses: ['127.0.0.1'] }) });
  expect(readAnswer(answer, 7).map(({ type }) => type)).toEqual(['PTR', 'SRV', 'TXT', 'A']);
  expect(readAnswer(answer, 8)).toEqual([]);
  expect(readAnswer(questionPacket(7), 7)).toEqual([]);
  for (let length = 0; length < answer.length; length += 1)
    expect(readAnswer(answer.subarray(0, length), 7)).toEqual([]);
  const loops = Buffer.concat([answer.subarray(0, 12), Buffer.from([0xc0, 12, 0, 12, 0, 1])]);
  expect(readAnswer(loops, 7)).toEqual([]);
});
