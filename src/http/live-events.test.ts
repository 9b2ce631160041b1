/** The stream over a real server and real sockets; who is asking is what a test says. */
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EventStream } from '../../test/support/event-stream.ts';
import { createLog } from '../platform/log.ts';
import { Type } from '../platform/schema.ts';
import type { Caller } from './caller.ts';
import { LiveEvents, type LiveLimits, liveEventsContract } from './live-events.ts';
import { openApiDocument } from './openapi.ts';
import { HttpServer } from './server.ts';

type Thing = { type: 'thing'; n: number; filler?: string };
const contract = liveEventsContract(Type.Object({ type: Type.Literal('thing'), n: Type.Integer() }));
const alice: Caller = { kind: 'person', personId: 'alice', role: 'owner', sessionId: 'one' };
const bob: Caller = { kind: 'phone', personId: 'bob', phoneId: 'pixel', phoneName: 'Pixel' };
const toBob = { personId: 'bob' };

class Bench {
  readonly callers = new Map<string, Caller>([
    ['alice', alice],
    ['bob', bob],
  ]);
  readonly streams: EventStream[] = [];
  readonly sockets = new Set<Socket>();
  readonly live: LiveEvents<Thing>;
  readonly server: HttpServer;
  port = 0;
  now = 1_000_000;

  constructor(limits: Partial<LiveLimits> = {}, epoch = 1) {
    this.live = new LiveEvents<Thing>({
      contract,
      identify: (request) => {
        this.sockets.add(request.raw.socket);
        const caller = this.callers.get(request.headers.authorization ?? '');
        if (caller === undefined) throw new Error('The catalogue is closed.');
        return caller;
      },
      now: () => this.now,
      randomBytes: (size) => Buffer.alloc(size, epoch),
      limits: { heartbeatMs: 50, recheckMs: 0, ...limits },
    });
    this.server = new HttpServer({
      routes: [this.live.routes()],
      identify: (request) => this.callers.get(request.headers.authorization ?? '') ?? { kind: 'nobody' },
      allowHost: () => false,
      log: createLog({ level: 'warn', destination: { write: () => undefined } }),
      loopbackHttp: true,
    });
  }

  async open(who: string, headers: Record<string, string> = {}, query = ''): Promise<EventStream> {
    this.port ||= await this.server.listenHttp(0, '127.0.0.1');
    const path = `/api/events${query}`;
    const stream = await EventStream.open({ port: this.port, path, headers: { authorization: who, ...headers } });
    this.streams.push(stream);
    const isNew = stream.status === 200 && headers['last-event-id'] === undefined && query === '';
    if (isNew) await expect.poll(() => stream.lastId).not.toBe('');
    return stream;
  }

  tell(n: number, personId = 'bob'): void {
    this.live.tell({ personId }, { type: 'thing', n });
  }
}

const benches: Bench[] = [];
async function bench(limits: Partial<LiveLimits> = {}, epoch = 1): Promise<Bench> {
  const made = new Bench(limits, epoch);
  benches.push(made);
  return made;
}
afterEach(async () => {
  for (const { streams, live, server } of benches.splice(0)) {
    for (const stream of streams) stream.cut();
    live.close();
    await server.close();
  }
});

function seen({ events }: EventStream): unknown[] {
  return events.map(({ type, data }) => (type === 'thing' ? data['n'] : type));
}

describe('the stream', () => {
  it('begins with where it is, and then tells each its own, as one line of JSON with an id', async () => {
    const box = await bench();
    box.tell(0);
    const stream = await box.open('bob');
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const other = await box.open('alice');
    box.live.tell({ personId: 'alice' }, { type: 'thing', n: 1 });
    box.live.tell(toBob, { type: 'thing', n: 2, filler: 'a\nb\r\n\u2028' });
    box.live.tell({ personId: 'bob', owners: true }, { type: 'thing', n: 3 });
    await expect.poll(() => seen(stream)).toEqual(['hello', 2, 3]);
    await expect.poll(() => seen(other)).toEqual(['hello', 1, 3]);
    expect(stream.retryMs).toBe(3_000);
    expect(stream.events[0]).toEqual({ id: '0101010101010101-1', type: 'hello', data: { type: 'hello' } });
    expect(stream.events[1]?.data['filler']).toBe('a\nb\r\n\u2028');
    await expect.poll(() => stream.comments).toBeGreaterThan(1);
  });

  it('gives whoever comes back what they missed, and nobody anything of others', async () => {
    const box = await bench();
    const first = await box.open('bob');
    box.tell(1);
    await expect.poll(() => seen(first)).toEqual(['hello', 1]);
    first.cut();
    for (const n of [2, 3, 4]) box.tell(n, n === 3 ? 'alice' : 'bob');
    const again = await box.open('bob', { 'last-event-id': first.lastId });
    box.tell(5);
    await expect.poll(() => seen(again)).toEqual([2, 4, 5]);
    const byQuery = await box.open('bob', {}, `?after=${again.events[0]?.id}`);
    await expect.poll(() => seen(byQuery)).toEqual([4, 5]);
    // The header is the newer of the two: a browser comes back to the same address.
    const both = await box.open('bob', { 'last-event-id': again.lastId }, `?after=${first.lastId}`);
    box.tell(6);
    await expect.poll(() => seen(both)).toEqual([6]);
  });

  it('loses and repeats nothing over cuts at any place', async () => {
    const box = await bench();
    const got: unknown[] = [];
    let lastId = (await box.open('bob')).lastId;
    let n = 0;
    for (let round = 0; round < 25; round++) {
      for (let some = (round * 7) % 5; some > 0; some--) box.tell(++n);
      const stream = await box.open('bob', { 'last-event-id': lastId });
      for (let some = (round * 3) % 4; some > 0; some--) box.tell(++n);
      const until = (round * 11) % 6;
      await expect.poll(() => stream.events.length >= until || got.length + stream.events.length === n).toBe(true);
      stream.cut();
      got.push(...seen(stream));
      lastId = stream.lastId;
    }
    const last = await box.open('bob', { 'last-event-id': lastId });
    await expect.poll(() => got.length + last.events.length).toBe(n);
    expect([...got, ...seen(last)]).toEqual(Array.from({ length: n }, (_, at) => at + 1));
    expect(n).toBeGreaterThan(50);
  });

  it('says reset for an id that is unknown, gone, of the future or of another start', async () => {
    const before = await bench({}, 2);
    for (const n of [1, 2, 3]) before.tell(n);
    const foreign = (await before.open('bob')).lastId;
    const box = await bench({ eventsMax: 2 });
    for (const n of [1, 2, 3, 4]) box.tell(n);
    const own = (seq: number) => `0101010101010101-${seq}`;
    for (const id of [foreign, 'x', '', own(1), own(5), `${own(3)} `, own(9e14)]) {
      const stream = await box.open('bob', { 'last-event-id': id });
      box.tell(5);
      box.live.tell({ personId: 'nobody here' }, { type: 'thing', n: 0 });
      await expect.poll(() => seen(stream), { message: id }).toEqual(['reset', 5]);
      stream.cut();
    }
    const known = await box.open('bob', {}, `?after=${own(99)}`);
    await expect.poll(() => seen(known)).toEqual(['reset']);
    const resumed = await box.open('bob', { 'last-event-id': known.lastId });
    box.tell(6);
    await expect.poll(() => seen(resumed)).toEqual([6]);
  });

  it('is not reset by what others had so much of', async () => {
    const box = await bench({ eventsMax: 10 });
    const first = await box.open('bob');
    first.cut();
    for (let n = 0; n < 100; n++) box.tell(n, 'alice');
    const again = await box.open('bob', { 'last-event-id': first.lastId });
    box.tell(1);
    await expect.poll(() => seen(again)).toEqual([1]);
  });
});

describe('limits', () => {
  it('ends the oldest stream of a client that opens too many, in a way that a browser does not come back from', async () => {
    const box = await bench();
    const streams: EventStream[] = [];
    for (let at = 0; at < 4; at++) streams.push(await box.open('bob'));
    const others = await box.open('alice');
    box.tell(1);
    await expect.poll(() => streams.map(seen)).toEqual(streams.map(() => ['hello', 1]));
    const [oldest] = streams;
    const fifth = await box.open('bob');
    await expect.poll(() => oldest?.ended).toBe('whole');
    const after = oldest?.events[1]?.id;
    expect(oldest?.events.at(-1)).toEqual({ id: 'replaced', type: 'replaced', data: { type: 'replaced', after } });
    const comesBack = await box.open('bob', { 'last-event-id': oldest?.lastId ?? '' });
    expect([comesBack.status, comesBack.text]).toEqual([204, '']);
    expect(box.live.open).toBe(5);
    // Its page, when it is looked at again.
    box.tell(2);
    const again = await box.open('bob', {}, `?after=${after}`);
    await expect.poll(() => seen(again)).toEqual([2]);
    expect([fifth.ended, others.ended]).toEqual([undefined, undefined]);
  });

  it('refuses more streams than it has room for, and has room again when one goes', async () => {
    const box = await bench({ streamsMax: 3, streamsPerClientMax: 4 });
    const first = await box.open('bob');
    await box.open('bob');
    await box.open('alice');
    const refused = await box.open('alice');
    expect(refused.status).toBe(503);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'busy' });
    first.cut();
    await expect.poll(() => box.live.open).toBe(2);
    expect((await box.open('alice')).status).toBe(200);
  });

  it('keeps little for a reader that does not read, gives it up, and lets it come back to all of it', async () => {
    // So slow that a reader on a busy machine, which does read, is not given up.
    const box = await bench({ heartbeatMs: 1_000, bytesMax: 256 * 1024 * 1024 });
    const { port, lastId } = await box.open('bob').then((stream) => ({ port: box.port, lastId: stream.lastId }));
    for (const stream of box.streams) stream.cut();
    await expect.poll(() => box.live.open).toBe(0);
    box.sockets.clear();
    const lazy = connect(port, '127.0.0.1').on('error', () => undefined);
    lazy.pause();
    lazy.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: bob\r\nlast-event-id: ${lastId}\r\n\r\n`);
    await expect.poll(() => box.live.open).toBe(1);
    const filler = 'x'.repeat(100_000);
    let told = 0;
    let unsentMax = 0;
    // More than the kernel keeps for both ends (tcp_wmem and tcp_rmem), a piece at a time so that it may.
    while (told < 300 && box.live.open === 1) {
      box.live.tell(toBob, { type: 'thing', n: ++told, filler });
      await new Promise((resolve) => setImmediate(resolve));
      for (const socket of box.sockets) unsentMax = Math.max(unsentMax, socket.writableLength);
    }
    expect(unsentMax).toBeGreaterThan(0);
    expect(unsentMax).toBeLessThan(256 * 1024);
    await expect.poll(() => box.live.open).toBe(0);
    // Cut off, and not only ended: its end would wait behind what it does not take.
    await expect.poll(() => [...box.sockets].every(({ destroyed }) => destroyed)).toBe(true);
    lazy.destroy();
    const again = await box.open('bob', { 'last-event-id': lastId });
    await expect.poll(() => again.events.length).toBe(told);
    expect(seen(again)).toEqual(Array.from({ length: told }, (_, at) => at + 1));
  });

  it('gives a reader that was slow what it missed meanwhile, or a reset when that is gone', async () => {
    const box = await bench({ heartbeatMs: 60_000, bytesMax: 1024 * 1024 });
    const { port, lastId } = await box.open('bob').then((stream) => ({ port: box.port, lastId: stream.lastId }));
    const lazy = connect(port, '127.0.0.1').on('error', () => undefined);
    lazy.pause();
    lazy.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: bob\r\nlast-event-id: ${lastId}\r\n\r\n`);
    await expect.poll(() => box.live.open).toBe(2);
    const filler = 'x'.repeat(100_000);
    for (let n = 1; n <= 300; n++) {
      box.live.tell(toBob, { type: 'thing', n, filler });
      await new Promise((resolve) => setImmediate(resolve));
    }
    let text = '';
    lazy.setEncoding('latin1').on('data', (chunk: string) => {
      text = (text + chunk.replaceAll(/x{1000,}/g, '')).slice(-2_000_000);
    });
    lazy.resume();
    await expect.poll(() => text).toContain('event: reset');
    box.tell(301);
    await expect.poll(() => text).toContain('"n":301');
    const numbers = [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    lazy.destroy();
  });
});

describe('a stream ends', () => {
  it('when its credential does: at the next event or heartbeat, and before that event is told', async () => {
    for (const heartbeatMs of [50, 60_000]) {
      const box = await bench({ heartbeatMs });
      const revoked = await box.open('bob');
      const kept = await box.open('alice');
      box.callers.delete('bob');
      if (heartbeatMs > 1_000) box.live.tell({ personId: 'bob', owners: true }, { type: 'thing', n: 1 });
      await expect.poll(() => revoked.ended).toBe('whole');
      expect(seen(revoked)).toEqual(['hello']);
      expect((await box.open('bob', { 'last-event-id': revoked.lastId })).status).toBe(401);
      expect(kept.ended).toBeUndefined();
    }
  });

  it('when it became somebody else’s; and an owner who is none any more hears no more of others', async () => {
    const box = await bench({ heartbeatMs: 60_000 });
    const [other, demoted] = [await box.open('bob'), await box.open('alice')];
    box.callers.set('bob', { ...bob, phoneId: 'another' });
    box.callers.set('alice', { ...alice, role: 'member' });
    box.live.tell({ personId: 'bob', owners: true }, { type: 'thing', n: 1 });
    box.tell(2, 'alice');
    await expect.poll(() => other.ended).toBe('whole');
    await expect.poll(() => seen(demoted)).toEqual(['hello', 2]);
    expect(seen(other)).toEqual(['hello']);
  });

  it('asks who listens at most once in a while', async () => {
    const box = await bench({ heartbeatMs: 60_000, recheckMs: 1_000 });
    const stream = await box.open('bob');
    box.callers.delete('bob');
    box.tell(1);
    await expect.poll(() => seen(stream)).toEqual(['hello', 1]);
    box.now += 1_000;
    box.tell(2);
    await expect.poll(() => stream.ended).toBe('whole');
    expect(seen(stream)).toEqual(['hello', 1]);
  });

  it('when the box stops, after which none is opened and nothing is told', async () => {
    const box = await bench();
    const streams = [await box.open('bob'), await box.open('alice')];
    box.live.close();
    await expect.poll(() => streams.map(({ ended }) => ended)).toEqual(['whole', 'whole']);
    box.tell(1);
    const late = await box.open('bob');
    expect(late.status).toBe(503);
    expect(JSON.parse(late.text)).toMatchObject({ code: 'stopping' });
  });
});

it('is described, with what the rooms tell', () => {
  const operation = openApiDocument([contract], '1').paths['/api/events']?.['get'] ?? {};
  const { '200': ok } = operation['responses'] as Record<string, { content: object }>;
  expect(Object.keys(ok?.content ?? {})).toEqual(['text/event-stream']);
  for (const type of ['thing', 'hello', 'reset', 'replaced']) {
    expect(JSON.stringify(ok)).toContain(`"const":"${type}"`);
  }
});
