import { decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { type Said, SimulatedBox, Stranger, World } from '../../test/support/multicast-world.ts';

const four = (address: string, link = 'eth0', segment = 'lan') => ({
  link,
  segment,
  addresses: [{ address, prefix: 24 }],
});
const settledMs = 6_000;

function claimOf(name: string, data = '10.0.0.66'): Buffer {
  return encode({ type: 'response', flags: 0x400, answers: [{ name, type: 'A', ttl: 120, flush: true, data }] });
}

/** What was said by an address, read by dns-packet. */
function saidBy(world: World, from: string, sinceMs = 0) {
  return world.said
    .filter((one) => one.from === from && one.atMs >= sinceMs)
    .map((one) => ({ ...one, packet: decode(one.bytes) }));
}

function isProbe({ bytes }: Pick<Said, 'bytes'>): boolean {
  return decode(bytes).type === 'query';
}

function namesSaid(world: World, from: string): Set<string> {
  const answers = saidBy(world, from).flatMap(({ packet }) =>
    packet.type === 'response' ? (packet.answers ?? []) : [],
  );
  return new Set(answers.filter(({ type }) => type === 'A').map(({ name }) => name));
}

function goodbyes(world: World, from: string) {
  return saidBy(world, from).flatMap(({ packet }) =>
    (packet.answers ?? []).filter((record) => 'ttl' in record && record.ttl === 0),
  );
}

async function opened(...boxes: SimulatedBox[]): Promise<void> {
  for (const box of boxes) await box.discovery.open();
}

describe('a name is won', () => {
  test('while its sockets are being opened it is not without a network: who asks for the name waits', async () => {
    const box = new SimulatedBox(new World(), 'a', [four('10.0.0.1')]);
    box.openSocket = () => new Promise(() => undefined);
    await opened(box);
    expect(box.discovery.state).toBe('probing');
  });

  test('announced twice, though the timer between rings a little early', async () => {
    const world = new World();
    const timers = { ...world.timers, setTimeout: (run: () => void, ms: number) => world.setTimeout(run, ms - 0.9) };
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')], { timers });
    await opened(box);
    await world.pass(settledMs);
    expect(world.said.filter((one) => !isProbe(one))).toHaveLength(2);
  });

  test('alone: three probes, the certificate, two announcements, and then nothing', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [
      {
        link: 'eth0',
        segment: 'lan',
        addresses: [
          { address: '10.0.0.1', prefix: 24 },
          { address: 'fd00::1', prefix: 64 },
          { address: 'fe80::1', prefix: 64 },
        ],
      },
    ]);
    expect(box.discovery.state).toBe('offline');
    await opened(box);
    await world.pass(settledMs);
    expect(box.names).toEqual(['nightjar']);
    expect(box.discovery.state).toBe('announced');
    const probes = world.said.filter(isProbe);
    const answers = world.said.filter((one) => !isProbe(one));
    expect(probes.map(({ family }) => family)).toEqual([4, 6, 4, 6, 4, 6]);
    const atMs = probes.filter(({ family }) => family === 4).map((one) => one.atMs);
    expect(atMs.map((one) => one - (atMs[0] ?? 0))).toEqual([0, 250, 500]);
    expect(answers.map(({ family }) => family)).toEqual([4, 6, 4, 6]);
    expect((answers[2]?.atMs ?? 0) - (answers[0]?.atMs ?? 0)).toBe(1_010);
    const records = decode((answers[0] as Said).bytes).answers ?? [];
    const brief = records.map((one) => `${one.name} ${one.type} ${'flush' in one && one.flush ? 'flush' : ''}`);
    expect(brief).toContain('nightjar.local A flush');
    expect(brief).toContain('nightjar.local AAAA flush');
    expect(brief).toContain('1.0.0.10.in-addr.arpa PTR flush');
    expect(brief).toContain('nightjar._webdavs._tcp.local SRV flush');
    expect(brief).toContain('_webdavs._tcp.local PTR ');
    expect(brief).toContain('_services._dns-sd._udp.local PTR ');
    expect(records.filter(({ type }) => type === 'NSEC')).toEqual([]);
    expect(JSON.stringify(records)).not.toContain('fe80');
    const sentBefore = world.said.length;
    await world.pass(24 * 3_600_000);
    expect(world.said.length).toBe(sentBefore);
  });

  test.each(
    Array.from({ length: 8 }, (_, index) => index + 1),
  )('two and three at the same instant (seed %i)', async (seed) => {
    for (const count of [2, 3]) {
      const world = new World(seed);
      const boxes = Array.from(
        { length: count },
        (_, at) => new SimulatedBox(world, `id${at}`, [four(`10.0.0.${at + 1}`)]),
      );
      await opened(...boxes);
      await world.pass(30_000);
      expect(boxes.map(({ name }) => name).sort()).toEqual(['nightjar', 'nightjar-2', 'nightjar-3'].slice(0, count));
      // What was won once was not lost again.
      expect(boxes.map(({ names }) => names.length)).toEqual(boxes.map(() => 1));
      expect(boxes.flatMap(({ ports }) => goodbyes(world, ports[0]?.addresses[0]?.address ?? ''))).toEqual([]);
    }
  });

  test('two that meet on two links at once: one winner', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = new World(seed);
      const one = new SimulatedBox(world, 'id1', [four('10.0.0.1', 'eth0', 'lan'), four('10.1.0.9', 'eth1', 'other')]);
      const two = new SimulatedBox(world, 'id2', [four('10.0.0.2', 'eth0', 'lan'), four('10.1.0.1', 'eth1', 'other')]);
      await opened(one, two);
      await world.pass(30_000);
      expect([one.name, two.name].sort()).toEqual(['nightjar', 'nightjar-2']);
      expect([one.names.length, two.names.length]).toEqual([1, 1]);
    }
  });

  test('one after the other: the first is not disturbed, and the second keeps its name when it starts alone', async () => {
    const world = new World();
    const one = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const two = new SimulatedBox(world, 'b', [four('10.0.0.2')]);
    await opened(one);
    await world.pass(settledMs);
    const probesBefore = saidBy(world, '10.0.0.1').filter(isProbe).length;
    await opened(two);
    await world.pass(settledMs);
    expect([one.name, two.name]).toEqual(['nightjar', 'nightjar-2']);
    expect(two.names).toEqual(['nightjar-2']);
    expect(saidBy(world, '10.0.0.1').filter(isProbe).length).toBe(probesBefore);
    expect(goodbyes(world, '10.0.0.1')).toEqual([]);
    expect(goodbyes(world, '10.0.0.2')).toEqual([]);
    expect(namesSaid(world, '10.0.0.2')).toEqual(new Set(['nightjar-2.local']));

    await one.discovery.close();
    await two.restart();
    await world.pass(settledMs);
    expect([two.name, two.names, two.discovery.state]).toEqual(['nightjar-2', ['nightjar-2'], 'announced']);
    await one.restart();
    await world.pass(settledMs);
    expect([one.name, two.name]).toEqual(['nightjar', 'nightjar-2']);
  });

  test('a name is announced only after what belongs to it has followed', async () => {
    const world = new World();
    let failures = 2;
    const asked: string[] = [];
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')], {
      onName: async (name) => {
        asked.push(name);
        failures -= 1;
        if (failures >= 0) throw new Error('no certificate');
      },
    });
    await opened(box);
    await world.pass(3_000);
    expect([asked.length, box.discovery.state, namesSaid(world, '10.0.0.1').size]).toEqual([1, 'probing', 0]);
    await world.pass(60_000);
    expect([asked, box.discovery.state]).toEqual([['nightjar', 'nightjar', 'nightjar'], 'announced']);
  });

  test('the names of a long label fit, and its probes are split', async () => {
    const world = new World();
    const label = 'n'.repeat(63);
    const addresses = Array.from({ length: 12 }, (_, at) => ({ address: `fd00::${at + 1}`, prefix: 64 }));
    const ports = [{ link: 'eth0', segment: 'lan', addresses }];
    const one = new SimulatedBox(world, 'a', ports, { configured: label });
    const two = new SimulatedBox(
      world,
      'b',
      [{ ...ports[0], link: 'eth0', segment: 'lan', addresses: [{ address: 'fd00::99', prefix: 64 }] }],
      { configured: label },
    );
    await opened(one, two);
    await world.pass(30_000);
    expect([one.name, two.name].sort()).toEqual([`${'n'.repeat(61)}-2`, label]);
    expect(Math.max(...world.said.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_440);
    expect(one.discovery.state).toBe('announced');
  });
});

describe('links and addresses', () => {
  test('the same network on two interfaces: no conflict with itself, each link its own address', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1', 'eth0'), four('10.0.0.2', 'wlan0')]);
    await opened(box);
    await world.pass(60_000);
    expect([box.name, box.discovery.state]).toEqual(['nightjar', 'announced']);
    expect(world.said.filter(isProbe)).toHaveLength(6);
    for (const from of ['10.0.0.1', '10.0.0.2']) {
      const records = saidBy(world, from).flatMap(({ packet }) => packet.answers ?? []);
      const addresses = records.filter(({ type }) => type === 'A').map((one) => 'data' in one && one.data);
      expect(new Set(addresses)).toEqual(new Set([from]));
    }
  });

  test('a second interface in the same network: the first does not answer its questions', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1', 'eth0')]);
    await opened(box);
    await world.pass(settledMs);
    const before = saidBy(world, '10.0.0.1').length;
    box.ports.push(four('10.0.0.2', 'wlan0'));
    await world.pass(settledMs);
    expect(saidBy(world, '10.0.0.2')).toHaveLength(5);
    expect(saidBy(world, '10.0.0.1')).toHaveLength(before);
  });

  test('an echo of our own words is no conflict, also after their address was withdrawn', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [
      {
        link: 'eth0',
        segment: 'lan',
        addresses: [
          { address: '10.0.0.1', prefix: 24 },
          { address: '10.0.0.5', prefix: 24 },
        ],
      },
    ]);
    const repeater = new Stranger(world, '10.0.0.77');
    await opened(box);
    await world.pass(settledMs);
    const old = saidBy(world, '10.0.0.1').filter((one) => !isProbe(one))[0]?.bytes as Buffer;
    box.ports[0]?.addresses.pop();
    await world.pass(settledMs);
    const probes = world.said.filter(isProbe).length;
    repeater.say(old);
    // Written anew by a repeater: other bytes, the same words.
    repeater.say(claimOf('nightjar.local', '10.0.0.5'));
    await world.pass(settledMs);
    expect(world.said.filter(isProbe).length).toBe(probes);
    repeater.say(claimOf('nightjar.local', '10.0.0.6'));
    await world.pass(settledMs);
    expect(world.said.filter(isProbe).length).toBeGreaterThan(probes);
  });

  test('an address comes and goes: asked for and said, taken back and nothing else', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const reader = new Stranger(world, '10.0.0.50');
    await opened(box);
    await world.pass(settledMs);
    const beforeMs = world.nowMs();
    box.ports[0]?.addresses.push({ address: '10.0.0.9', prefix: 24 });
    await world.pass(settledMs);
    expect(box.linksTold).toBe(1);
    expect(saidBy(world, '10.0.0.1', beforeMs).filter(isProbe).length).toBeGreaterThan(0);
    expect(reader.records(beforeMs).map(({ data }) => data)).toContain('10.0.0.9');
    const goneMs = world.nowMs();
    box.ports[0]?.addresses.pop();
    await world.pass(settledMs);
    const gone = reader.records(goneMs);
    expect(gone.map(({ type, ttl }) => [type, ttl])).toEqual([
      ['A', 0],
      ['PTR', 0],
    ]);
    expect(gone.map(({ flush }) => flush)).toEqual([false, false]);
    expect(box.names).toEqual(['nightjar']);
  });

  test('a cable out and in, also into a network where the name is taken', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const other = new SimulatedBox(world, 'b', [four('10.1.0.1', 'eth0', 'other')]);
    await opened(box, other);
    await world.pass(settledMs);
    const [port] = box.ports;
    box.ports.length = 0;
    await world.pass(settledMs);
    expect(box.discovery.state).toBe('offline');
    box.ports.push(port ?? four('10.0.0.1'));
    const backMs = world.nowMs();
    await world.pass(settledMs);
    expect(saidBy(world, '10.0.0.1', backMs).filter(isProbe)).toHaveLength(3);
    expect([box.discovery.state, box.names]).toEqual(['announced', ['nightjar']]);

    const leftMs = world.nowMs();
    box.ports.push(four('10.1.0.2', 'eth1', 'other'));
    await world.pass(settledMs);
    expect([box.name, other.name]).toEqual(['nightjar-2', 'nightjar']);
    // In its first network it takes the old name back, whole; where another has it, nothing.
    const firstNetwork = saidBy(world, '10.0.0.1', leftMs).flatMap(({ packet }) => packet.answers ?? []);
    expect(firstNetwork.filter((one) => 'ttl' in one && one.ttl === 0).length).toBeGreaterThan(10);
    expect(goodbyes(world, '10.1.0.2')).toEqual([]);
    expect(goodbyes(world, '10.1.0.1')).toEqual([]);
  });

  test('a cable goes in, and nothing can be sent at first: who has the name keeps it', async () => {
    const world = new World();
    const other = new SimulatedBox(world, 'a', [four('fe80::1')]);
    await opened(other);
    await world.pass(settledMs);
    const box = new SimulatedBox(world, 'b', [four('fe80::2')]);
    box.sendError = 'EADDRNOTAVAIL';
    await opened(box);
    await world.pass(2_100);
    expect(box.discovery.state).toBe('probing');
    box.sendError = undefined;
    await world.pass(settledMs);
    expect([other.names, box.names]).toEqual([['nightjar'], ['nightjar-2']]);
  });

  test('an interface that can never send holds nobody up', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    box.sendError = 'ENETUNREACH';
    await opened(box);
    await world.pass(settledMs);
    expect(box.discovery.state).toBe('announced');
  });

  test('an interface is made anew under its old name, between two looks: it asks and answers by the new one', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [{ ...four('10.0.0.1'), index: 2 }]);
    await opened(box);
    await world.pass(settledMs);
    const { opened: before } = box;
    await world.pass(settledMs);
    expect(box.opened).toBe(before);
    box.ports.splice(0, 1, { ...four('10.0.0.1'), index: 7 });
    const anewMs = world.nowMs();
    await world.pass(settledMs);
    expect(box.opened).toBe(before + 1);
    expect(saidBy(world, '10.0.0.1', anewMs).filter(isProbe)).toHaveLength(3);
    expect([box.discovery.state, box.names]).toEqual(['announced', ['nightjar']]);
  });

  test('without a network or with the port taken it waits, and goes on when it can', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const open = box.openSocket;
    let tries = 0;
    box.openSocket = () => {
      tries += 1;
      return Promise.reject(Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
    };
    await opened(box);
    await world.pass(10 * 60_000);
    expect(box.discovery.state).toBe('offline');
    expect(tries).toBeGreaterThan(8);
    expect(tries).toBeLessThan(12);
    box.openSocket = open;
    await world.pass(70_000);
    expect(box.discovery.state).toBe('announced');
    box.sendError = 'ENETUNREACH';
    new Stranger(world, '10.0.0.50').say(encode({ type: 'query', questions: [{ name: 'nightjar.local', type: 'A' }] }));
    await world.pass(1_000);
    expect(box.discovery.state).toBe('announced');
  });

  test('another program of this machine keeps the names of the addresses', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    await opened(box);
    await world.pass(settledMs);
    const probes = saidBy(world, '10.0.0.1').filter(isProbe).length;
    const avahi = new Stranger(world, '10.0.0.1');
    const name = '1.0.0.10.in-addr.arpa';
    avahi.say(
      encode({ type: 'response', answers: [{ name, type: 'PTR', ttl: 120, flush: true, data: 'desk.local' }] }),
    );
    // The same name with the same address is no conflict either.
    avahi.say(claimOf('nightjar.local', '10.0.0.1'));
    await world.pass(2_000);
    const askedMs = world.nowMs();
    const asker = new Stranger(world, '10.0.0.50');
    asker.say(encode({ type: 'query', questions: [{ name, type: 'PTR' }] }));
    await world.pass(2_000);
    expect(asker.records(askedMs)).toEqual([]);
    expect(saidBy(world, '10.0.0.1').filter(isProbe).length).toBe(probes);
  });
});

describe('somebody who means ill', () => {
  test('claims every name: it rests, longer and longer, and sends next to nothing', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const evil = new Stranger(world, '10.0.0.66');
    evil.onPacket = (bytes) => {
      for (const { name } of decode(bytes).questions ?? []) if (name.startsWith('nightjar')) evil.say(claimOf(name));
    };
    await opened(box);
    await world.pass(30_000);
    expect([box.discovery.state, box.name, box.names]).toEqual(['resting', 'nightjar', []]);
    const startMs = world.nowMs();
    await world.pass(24 * 3_600_000);
    const sent = saidBy(world, '10.0.0.1', startMs);
    // At most nine names a quarter of an hour, after the first rests.
    expect(sent.length).toBeLessThan(100 * 9 * 3);
    expect(sent.length).toBeGreaterThan(90 * 9);
    expect(sent.every(isProbe)).toBe(true);
    evil.onPacket = undefined;
    await world.pass(20 * 60_000);
    expect([box.discovery.state, box.names]).toEqual(['announced', ['nightjar']]);
  });

  test.each([
    100, 1_000, 3_000,
  ])('claims it in announcements only, every %i ms: it is defended, and kept', async (everyMs) => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const evil = new Stranger(world, '10.0.0.66');
    await opened(box);
    await world.pass(settledMs);
    const startMs = world.nowMs();
    for (let passedMs = 0; passedMs < 600_000; passedMs += everyMs) {
      evil.say(claimOf('nightjar.local'));
      await world.pass(everyMs);
    }
    expect(box.names).toEqual(['nightjar']);
    const sent = saidBy(world, '10.0.0.1', startMs);
    expect(sent.length).toBeGreaterThan(60);
    // A defence is at most five probes and two announcements, every ten seconds.
    expect(sent.length).toBeLessThanOrEqual(61 * 7);
  });

  test('has the name and answers for it: the box takes the next one, and disturbs nobody', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const evil = new Stranger(world, '10.0.0.66');
    await opened(box);
    await world.pass(settledMs);
    evil.onPacket = (bytes) => {
      for (const { name } of decode(bytes).questions ?? []) if (name === 'nightjar.local') evil.say(claimOf(name));
    };
    evil.say(claimOf('nightjar.local'));
    await world.pass(30_000);
    expect([box.name, box.discovery.state]).toEqual(['nightjar-2', 'announced']);
    const gone = goodbyes(world, '10.0.0.1');
    expect(gone.map(({ name, type }) => `${name} ${type}`)).toEqual(['nightjar.local A']);
    expect(gone.every((record) => 'flush' in record && !record.flush)).toBe(true);
  });

  test('two networks become one: one of two keeps the name', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const world = new World(seed);
      const one = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
      const two = new SimulatedBox(world, 'b', [four('10.0.0.2', 'eth0', 'other')]);
      await opened(one, two);
      await world.pass(settledMs);
      expect([one.name, two.name]).toEqual(['nightjar', 'nightjar']);
      world.bridge('other', 'lan');
      new Stranger(world, '10.0.0.50').say(
        encode({ type: 'query', questions: [{ name: 'nightjar.local', type: 'A' }] }),
      );
      await world.pass(60_000);
      expect([one.name, two.name].sort()).toEqual(['nightjar', 'nightjar-2']);
    }
  });

  test('wins every tie and never takes the name: the box goes on with another one', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const evil = new Stranger(world, '10.0.0.66');
    evil.onPacket = (bytes) => {
      const [question] = decode(bytes).questions ?? [];
      if (question === undefined || !question.name.startsWith('nightjar.')) return;
      const data = { port: 65_535, target: 'zzz.local' };
      const name = question.name;
      evil.say(encode({ type: 'query', questions: [question], authorities: [{ name, type: 'SRV', ttl: 120, data }] }));
    };
    await opened(box);
    await world.pass(30_000);
    expect([box.name, box.discovery.state]).toEqual(['nightjar-2', 'announced']);
  });

  test('from outside of the network nothing is heard', async () => {
    const world = new World();
    const box = new SimulatedBox(world, 'a', [four('10.0.0.1')]);
    const far = new Stranger(world, '192.168.7.7');
    far.onPacket = () => far.say(claimOf('nightjar.local'));
    await opened(box);
    await world.pass(settledMs);
    expect(box.names).toEqual(['nightjar']);
  });
});

test('close takes leave of every link, and then nothing is said or waited for', async () => {
  const world = new World();
  const box = new SimulatedBox(world, 'a', [four('10.0.0.1', 'eth0'), four('10.1.0.1', 'eth1', 'other')]);
  await opened(box);
  await world.pass(settledMs);
  const readers = [new Stranger(world, '10.0.0.50'), new Stranger(world, '10.1.0.50', 'other')];
  await box.discovery.close();
  await world.pass(1_000);
  for (const reader of readers) {
    const records = reader.records();
    expect(records.every(({ ttl, flush }) => ttl === 0 && !flush)).toBe(true);
    expect(new Set(records.map(({ type }) => type))).toEqual(new Set(['PTR', 'SRV', 'TXT', 'A']));
    // That there are such services is said by others too.
    expect(records.filter(({ name }) => name.startsWith('_services'))).toEqual([]);
  }
  const said = world.said.length;
  expect(world.waiting).toBe(0);
  readers[0]?.say(encode({ type: 'query', questions: [{ name: 'nightjar.local', type: 'A' }] }));
  await world.pass(60_000);
  expect(world.said.length).toBe(said + 1);
});
