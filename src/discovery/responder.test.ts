import { type Answer, decode, encode, type Question, type RecordType } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { SimulatedBox, Stranger, World } from '../../test/support/multicast-world.ts';

const settledMs = 20_000;
const types = ['_nightjar._tcp', '_https._tcp', '_http._tcp', '_webdavs._tcp'];
const truncated = 0x200;

async function announced() {
  const world = new World();
  const box = new SimulatedBox(world, 'a', [
    { link: 'eth0', segment: 'lan', addresses: [{ address: '10.0.0.1', prefix: 24 }] },
  ]);
  await box.discovery.open();
  await world.pass(settledMs);
  const asker = new Stranger(world, '10.0.0.50');
  /** What was heard within two seconds of the words. */
  const hear = async (bytes: Buffer, port?: number, ms = 2_000) => {
    const sinceMs = world.nowMs();
    asker.say(bytes, port);
    await world.pass(ms);
    return asker.records(sinceMs).map((record) => ({ ...record, afterMs: record.atMs - sinceMs }));
  };
  return { world, box, asker, hear };
}

function question(name: string, type: RecordType | 'ANY', more: { answers?: Answer[]; flags?: number } = {}): Buffer {
  return encode({ type: 'query', questions: [{ name, type } as Question], ...more });
}

/** The same with the bit that wants unicast, for all questions in it. */
function wantingUnicast(name: string, type: RecordType): Buffer {
  const bytes = question(name, type);
  bytes.writeUInt16BE(0x8001, bytes.length - 2);
  return bytes;
}

const brief = (records: { section: string; name: string; type: string }[], section = 'answer') =>
  records.filter((record) => record.section === section).map(({ name, type }) => `${name} ${type}`);

describe('answers', () => {
  test('a service is told with all that is needed to reach it', async () => {
    const { hear } = await announced();
    const told = await hear(question('_NIGHTJAR._tcp.local', 'PTR'));
    expect(brief(told)).toEqual(['_nightjar._tcp.local PTR']);
    expect(brief(told, 'additional').sort()).toEqual([
      'nightjar._nightjar._tcp.local SRV',
      'nightjar._nightjar._tcp.local TXT',
      'nightjar.local A',
      'nightjar.local NSEC',
    ]);
    expect(told.map(({ ttl, flush }) => [ttl, flush]).slice(0, 2)).toEqual([
      [4_500, false],
      [120, true],
    ]);
    // Others may have an answer too: it waits for 20 to 120 ms (and 1 ms on the way).
    expect(told[0]?.afterMs).toBeGreaterThan(20);
    expect(told[0]?.afterMs).toBeLessThan(122);
    const txt = told.find(({ type }) => type === 'TXT')?.data as Buffer[];
    expect(txt.map(String)).toEqual(['id=a', 'v=1.0.0', `fp=${'ab'.repeat(32)}`]);
  });

  test('what is the box’s own is told at once; what there is not, too', async () => {
    const { hear } = await announced();
    const address = await hear(question('nightjar.local', 'A'));
    expect(address.map(({ type, data, afterMs }) => [type, data, afterMs])).toEqual([
      ['A', '10.0.0.1', 1],
      ['NSEC', expect.anything(), 1],
    ]);
    const absent = await hear(question('nightjar.local', 'AAAA'));
    expect(absent.map(({ type, section, data }) => [type, section, data])).toEqual([
      ['NSEC', 'answer', { nextDomain: 'nightjar.local', rrtypes: ['A'] }],
    ]);
    expect(brief(await hear(question('nightjar._http._tcp.local', 'A')))).toEqual(['nightjar._http._tcp.local NSEC']);
    expect(brief(await hear(question('1.0.0.10.in-addr.arpa', 'PTR')))).toEqual(['1.0.0.10.in-addr.arpa PTR']);
    expect(brief(await hear(question('nightjar.local', 'ANY')))).toEqual(['nightjar.local A']);
  });

  test('the kinds of services', async () => {
    const { hear } = await announced();
    const told = await hear(question('_services._dns-sd._udp.local', 'PTR'));
    expect(told.map(({ data }) => data)).toEqual(types.map((type) => `${type}.local`));
  });

  test('nothing for other names, classes, operations, or for the words of others', async () => {
    const { hear } = await announced();
    expect(await hear(question('nightjar-2.local', 'A'))).toEqual([]);
    expect(
      await hear(encode({ type: 'query', questions: [{ name: 'nightjar.local', type: 'A', class: 'CH' }] })),
    ).toEqual([]);
    expect(await hear(question('nightjar.local', 'A', { flags: 0x2800 }))).toEqual([]);
    expect(await hear(question('nightjar.local', 'A', { flags: 3 }))).toEqual([]);
    expect(await hear(question('nightjar.local', 'A'))).not.toEqual([]);
  });

  test('known answers are not told again; those that are nearly forgotten are', async () => {
    const { hear } = await announced();
    const known = (ttl: number): Answer[] => [
      { name: '_http._tcp.local', type: 'PTR', ttl, data: 'Nightjar._http._tcp.local' },
    ];
    expect(await hear(question('_http._tcp.local', 'PTR', { answers: known(2_250) }))).toEqual([]);
    expect(await hear(question('_http._tcp.local', 'PTR', { answers: known(2_249) }))).not.toEqual([]);
  });

  test('known answers that follow in further packets count too', async () => {
    const { world, asker, hear } = await announced();
    const answers: Answer[] = [
      { name: '_http._tcp.local', type: 'PTR', ttl: 4_000, data: 'nightjar._http._tcp.local' },
    ];
    const first = encode({
      type: 'query',
      flags: truncated,
      questions: [
        { name: '_http._tcp.local', type: 'PTR' },
        { name: '_https._tcp.local', type: 'PTR' },
      ],
    });
    const sinceMs = world.nowMs();
    asker.say(first);
    await world.pass(100);
    expect(await hear(encode({ type: 'query', answers }))).not.toEqual([]);
    const told = asker.records(sinceMs);
    expect(brief(told)).toEqual(['_https._tcp.local PTR']);
    expect((told[0]?.atMs ?? 0) - sinceMs).toBeGreaterThan(400);
    expect((told[0]?.atMs ?? 0) - sinceMs).toBeLessThan(502);
  });

  test('what another one said meanwhile is not said again', async () => {
    const { world, asker, hear } = await announced();
    const other = new Stranger(world, '10.0.0.51');
    const data = 'nightjar._http._tcp.local';
    asker.say(question('_http._tcp.local', 'PTR'));
    await world.pass(5);
    other.say(encode({ type: 'response', answers: [{ name: '_http._tcp.local', type: 'PTR', ttl: 4_500, data }] }));
    expect((await hear(Buffer.alloc(0))).filter(({ from }) => from === '10.0.0.1')).toEqual([]);
  });

  test('what another one takes back in our name is said again', async () => {
    const { hear } = await announced();
    const told = await hear(
      encode({ type: 'response', answers: [{ name: 'nightjar.local', type: 'A', ttl: 0, data: '10.0.0.1' }] }),
    );
    expect(brief(told)).toEqual(['nightjar.local A']);
  });

  test('by unicast to who wants that, when all have heard it within a quarter of its time', async () => {
    const { world, box, hear } = await announced();
    await hear(wantingUnicast('nightjar.local', 'A'));
    expect(world.said.at(-1)).toMatchObject({ from: '10.0.0.1', to: '10.0.0.50' });
    await world.pass(31_000);
    await hear(wantingUnicast('nightjar.local', 'A'));
    expect(world.said.at(-1)).toMatchObject({ from: '10.0.0.1', to: undefined });
    expect(box.discovery.state).toBe('announced');
  });

  test('a resolver without multicast gets its question back, by unicast, and for a short time', async () => {
    const { world, asker, hear } = await announced();
    const asked = encode({ type: 'query', id: 4_711, questions: [{ name: 'NightJar.local', type: 'A' }] });
    const told = await hear(asked, 54_321);
    expect(world.said.at(-1)).toMatchObject({ from: '10.0.0.1', to: '10.0.0.50' });
    const reply = decode(asker.heard.at(-1)?.bytes as Buffer);
    expect([reply.id, reply.questions]).toEqual([4_711, [{ name: 'NightJar.local', type: 'A', class: 'IN' }]]);
    expect(told.map(({ type, ttl, flush }) => [type, ttl, flush])).toEqual([['A', 10, false]]);
    await hear(question('nightjar.local', 'AAAA'), 54_321);
    expect(decode(asker.heard.at(-1)?.bytes as Buffer)).toMatchObject({ answers: [], additionals: [] });
    const services = await hear(question('_nightjar._tcp.local', 'PTR'), 54_321);
    expect(brief(services, 'additional')).toContain('nightjar.local A');
  });

  test('who probes for the name is answered at once, and again after a quarter of a second', async () => {
    const { world, asker, hear } = await announced();
    const name = 'nightjar.local';
    const probe = encode({
      type: 'query',
      questions: [{ name, type: 'ANY' as RecordType }],
      authorities: [{ name, type: 'A', ttl: 120, data: '10.0.0.50' }],
    });
    const sinceMs = world.nowMs();
    for (const count of [1, 2, 3]) await hear(probe, undefined, 250 + count);
    await world.pass(1_000);
    const atMs = [...new Set(asker.records(sinceMs).map((record) => record.atMs - sinceMs))];
    expect(atMs).toEqual([1, 252, 504]);
  });
});

describe('limits', () => {
  test('a thousand questions a second: each record once a second, and few packets', async () => {
    const { world, asker } = await announced();
    const names = [...types.map((type) => `${type}.local`), 'nightjar.local', '_services._dns-sd._udp.local'];
    const others = Array.from({ length: 60 }, (_, at) => new Stranger(world, `10.0.0.${at + 60}`));
    const startMs = world.nowMs();
    for (let count = 0; count < 20_000; count += 1) {
      const name = names[count % names.length] ?? '';
      others[count % others.length]?.say(question(name, 'ANY'));
      await world.pass(1);
    }
    await world.pass(2_000);
    const sent = world.said.filter((one) => one.from === '10.0.0.1' && one.atMs >= startMs);
    expect(sent.length).toBeGreaterThan(50);
    for (const { atMs } of sent) {
      expect(sent.filter((one) => one.atMs >= atMs && one.atMs < atMs + 1_000).length).toBeLessThanOrEqual(50);
    }
    const saidAtMs = new Map<string, number>();
    for (const { name, type, data, atMs } of asker.records(startMs)) {
      if (asker.heard.length === 0) continue;
      const key = JSON.stringify([name, type, data]);
      const before = saidAtMs.get(key);
      if (before !== undefined && before !== atMs) expect(atMs - before).toBeGreaterThanOrEqual(1_000);
      saidAtMs.set(key, atMs);
    }
    expect(saidAtMs.size).toBeGreaterThan(12);
    // And then a day of nothing.
    const count = world.said.length;
    await world.pass(24 * 3_600_000);
    expect(world.said.length).toBe(count);
  });

  test('ten thousand packets a second from one: another one still gets its answers', async () => {
    const { world, asker } = await announced();
    const evil = new Stranger(world, '10.0.0.66');
    const flood = question('_nightjar._tcp.local', 'PTR');
    const startMs = world.nowMs();
    for (let ms = 0; ms < 3_000; ms += 1) {
      for (let count = 0; count < 10; count += 1) evil.say(flood);
      if (ms % 100 === 50) asker.say(question('nightjar.local', 'A'), 40_000);
      await world.pass(1);
    }
    await world.pass(1);
    expect(asker.records(startMs).filter(({ ttl }) => ttl === 10)).toHaveLength(30);
    const answers = world.said.filter((one) => one.from === '10.0.0.1' && one.atMs >= startMs && one.to === undefined);
    expect(answers.length).toBeLessThanOrEqual(4);
  });

  test('a flood of one-shot questions is answered fifty times a second', async () => {
    const { world } = await announced();
    const others = Array.from({ length: 20 }, (_, at) => new Stranger(world, `10.0.0.${at + 60}`));
    const startMs = world.nowMs();
    for (let count = 0; count < 10_000; count += 1) {
      others[count % others.length]?.say(question('nightjar.local', 'A'), 40_000);
      await world.pass(1);
    }
    const sent = world.said.filter((one) => one.from === '10.0.0.1' && one.atMs >= startMs);
    expect(sent.length).toBeGreaterThan(400);
    expect(sent.length).toBeLessThanOrEqual(10 * 50 + 51);
  });
});
