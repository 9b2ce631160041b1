/**
 * The box on a network, with avahi as the second opinion: found by name and by service, alone and among its like, at home
 * in two networks, with addresses and cables that come and go, and beside somebody who means ill.
 */
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Avahi, avahiTools } from '../support/avahi.ts';
import { Capture, mdnsOf } from '../support/capture.ts';
import { maySkip, say } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { Lan, type LanHost, lansMissing } from '../support/lan.ts';
import { boxPorts, LanBox } from '../support/lan-box.ts';

const missing = await lansMissing([...avahiTools, 'tcpdump', 'curl', 'openssl', 'prlimit']);
if (missing !== undefined) say(`discovery cannot be tested here: ${missing}`);

const types = ['_nightjar._tcp', '_https._tcp', '_http._tcp', '_webdavs._tcp'];
const hostile = new URL('../support/hostile-responder.ts', import.meta.url).pathname;

describe.skipIf(missing !== undefined && maySkip)('discovery', () => {
  let lan: Lan;
  let avahi: Avahi;
  let desk: LanHost;
  const stack = () => new AsyncDisposableStack();
  beforeAll(() => {
    if (missing !== undefined) throw new Error(`Discovery cannot be tested here: ${missing}`);
  });
  beforeEach(async () => {
    lan = await Lan.make();
    desk = await lan.host('desk', '10.77.0.2/24', 'fd77::2/64');
    avahi = await Avahi.start(desk, 'desk');
    return async () => {
      await avahi.stop();
      await lan.remove();
    };
  });

  const namesOf = async (type: string) =>
    [...new Set((await avahi.browse(type)).map(({ instance }) => instance))].sort();

  it('one box: its services, its name, its addresses, and a goodbye', async () => {
    const host = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => avahi.resolve('nightjar.local', 6)).toBe('fd77::10');
    await expect.poll(() => avahi.nameOf('10.77.0.10')).toBe('nightjar.local');
    for (const type of types) {
      await expect.poll(() => namesOf(type), { message: type }).toEqual(['nightjar']);
    }
    const found = await avahi.browse('_nightjar._tcp');
    const { fingerprint } = await setUpPairing(box);
    expect(new Set(found.map(({ family }) => family))).toEqual(new Set(['IPv4', 'IPv6']));
    for (const one of found) {
      expect(one).toMatchObject({ instance: 'nightjar', host: 'nightjar.local', port: boxPorts.https });
      expect(one.txt).toEqual([`fp=${fingerprint}`, expect.stringMatching(/^id=[0-9a-f-]{36}$/), 'v=0.1.0']);
    }
    expect(await box.askByName(desk, 'nightjar.local', '10.77.0.10')).toBe('200');
    expect(await box.askByName(desk, 'nightjar.local', 'fd77::10')).toBe('200');

    // The share is found while it is on.
    expect(await namesOf('_smb._tcp')).toEqual([]);
    await box.daemon.console('PUT', '/api/share', { on: true });
    await expect.poll(() => avahi.browse('_smb._tcp')).toContainEqual(expect.objectContaining({ port: 8445 }));
    await box.daemon.console('PUT', '/api/share', { on: false });
    await expect.poll(() => namesOf('_smb._tcp')).toEqual([]);
    await expect.poll(() => namesOf('_https._tcp')).toEqual(['nightjar']);

    await box.daemon.stop();
    await expect.poll(() => namesOf('_nightjar._tcp')).toEqual([]);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBeUndefined();
  });

  it('two boxes with one name, started together: one becomes -2, and stays it, whoever starts first', async () => {
    const hosts = [await lan.host('one', '10.77.0.11/24', 'fd77::11/64'), await lan.host('two', '10.77.0.12/24')];
    await using kept = stack();
    const boxes = await Promise.all(hosts.map(async (host) => kept.use(await LanBox.start(host))));
    const names = async () => (await Promise.all(boxes.map((box) => box.name()))).sort();
    await expect.poll(names).toEqual(['nightjar', 'nightjar-2']);
    await expect.poll(() => namesOf('_nightjar._tcp')).toEqual(['nightjar', 'nightjar-2']);
    const second = boxes[(await boxes[0]?.name()) === 'nightjar' ? 1 : 0] as LanBox;
    const first = boxes.find((box) => box !== second) as LanBox;
    const secondAddress = second.host === hosts[0] ? '10.77.0.11' : '10.77.0.12';
    expect(await avahi.resolve('nightjar-2.local', 4)).toBe(secondAddress);
    // The certificate and the links go by the name.
    const { addresses } = await setUpPairing(second);
    expect(addresses[0]).toBe(`nightjar-2.local:${boxPorts.https}`);
    expect(await second.askByName(desk, 'nightjar-2.local', secondAddress)).toBe('200');
    expect(await second.askByName(desk, 'nightjar.local', secondAddress)).not.toBe('200');

    await first.daemon.stop();
    await second.daemon.restart();
    await expect.poll(() => avahi.resolve('nightjar-2.local', 4)).toBe(secondAddress);
    await first.daemon.restart();
    await expect.poll(() => namesOf('_nightjar._tcp')).toEqual(['nightjar', 'nightjar-2']);
    expect(await second.name()).toBe('nightjar-2');
    expect(await first.name()).toBe('nightjar');
  });

  it('three boxes, one after the other: the first is never disturbed or withdrawn', async () => {
    await using kept = stack();
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353');
    const boxes: LanBox[] = [];
    for (const last of [11, 12, 13]) {
      boxes.push(kept.use(await LanBox.start(await lan.host(`b${last}`, `10.77.0.${last}/24`))));
      const names = [11, 12, 13]
        .slice(0, boxes.length)
        .map((_, index) => (index === 0 ? 'nightjar' : `nightjar-${index + 1}`));
      await expect.poll(() => namesOf('_nightjar._tcp')).toEqual(names);
    }
    expect(await Promise.all(boxes.map((box) => box.name()))).toEqual(['nightjar', 'nightjar-2', 'nightjar-3']);
    const answers = mdnsOf(await capture.stop()).flatMap(({ source, dns }) =>
      (dns.answers ?? []).map((record) => ({ source, ...record })),
    );
    expect(answers.length).toBeGreaterThan(10);
    const goodbyes = answers.filter((record) => 'ttl' in record && record.ttl === 0);
    expect(goodbyes).toEqual([]);
    const claims = answers.filter(({ name, type }) => name.toLowerCase() === 'nightjar.local' && type === 'A');
    expect(new Set(claims.map((record) => 'data' in record && record.data))).toEqual(new Set(['10.77.0.11']));
  });

  it('a box in two networks: each hears its own addresses only', async () => {
    await using other = await Lan.make();
    const far = await other.host('far', '10.78.0.2/24', 'fd78::2/64');
    const host = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    await other.plug(host, 'eth1', '10.78.0.10/24', 'fd78::10/64');
    await using box = await LanBox.start(host);
    const farAvahi = await Avahi.start(far, 'far');
    await using kept = stack();
    kept.defer(() => farAvahi.stop());
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => farAvahi.resolve('nightjar.local', 4)).toBe('10.78.0.10');
    await expect.poll(() => farAvahi.resolve('nightjar.local', 6)).toBe('fd78::10');
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353');
    await expect.poll(() => namesOf('_https._tcp')).toEqual(['nightjar']);
    await host.exec('true');
    await box.daemon.stop();
    const said = JSON.stringify(mdnsOf(await capture.stop()).map(({ dns }) => dns));
    expect(said).toContain('10.77.0.10');
    expect(said).not.toContain('10.78.0.10');
    expect(said).not.toContain('fd78');
  });

  it('a box with twenty containers beside it: its own network comes first, whatever its interface is called', async () => {
    const host = await lan.host('box');
    await host.ip('link', 'delete', 'eth0');
    await lan.plug(host, 'wlan0', '10.77.0.10/24');
    await host.ip('link', 'add', 'docker0', 'type', 'bridge');
    await host.ip('link', 'set', 'docker0', 'up');
    await host.addAddress('docker0', '172.17.0.1/16');
    for (let count = 10; count < 30; count++) {
      await host.ip('link', 'add', `veth${count}`, 'type', 'veth', 'peer', 'name', `c${count}`);
      await host.ip('link', 'set', `veth${count}`, 'master', 'docker0', 'up');
      await host.ip('link', 'set', `c${count}`, 'up');
    }
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const { link, addresses } = await setUpPairing(box);
    expect(new URL(link).host).toBe(`10.77.0.10:${boxPorts.https}`);
    expect(addresses.slice(0, 2)).toEqual([`nightjar.local:${boxPorts.https}`, `10.77.0.10:${boxPorts.https}`]);
  });

  it('its interfaces cannot be read for a while, with no file left: it goes on as it is', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    await using box = await LanBox.start(host, { env: { NIGHTJAR_LOG_LEVEL: 'debug' } });
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const { pid } = box.daemon;
    await host.exec('prlimit', '--pid', String(pid), '--nofile=8:1024');
    await expect.poll(() => box.daemon.log.split('interfaces cannot be read').length).toBeGreaterThan(5);
    await host.exec('prlimit', '--pid', String(pid), '--nofile=1024:1024');
    expect(await avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => box.name().catch(String)).toBe('nightjar');
    expect(box.daemon.pid).toBe(pid);
  });

  it('another name is configured, one that the kept name looks like: it becomes that', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    await using box = await LanBox.start(host, { env: { NIGHTJAR_NAME: 'attic-2' } });
    await expect.poll(() => avahi.resolve('attic-2.local', 4)).toBe('10.77.0.10');
    await box.daemon.stop();
    const { stateDir, diskDir } = box.daemon;
    const env = { NIGHTJAR_DISCOVERY: 'on', NIGHTJAR_NAME: 'attic' };
    await using next = await Daemon.start({ dir: join(stateDir, '..'), stateDir, diskDir, wrapper: host.wrapper, env });
    await expect.poll(() => avahi.resolve('attic.local', 4)).toBe('10.77.0.10');
    expect(await next.health()).toMatchObject({ box: 'attic' });
  });

  it('its owner renames it: goodbye to the old name, the new one found and proved, with a number where it is taken', async () => {
    const host = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    await using box = await LanBox.start(host);
    await using other = await LanBox.start(await lan.host('other', '10.77.0.11/24'), {
      env: { NIGHTJAR_NAME: 'barn' },
    });
    await expect.poll(() => namesOf('_nightjar._tcp')).toEqual(['barn', 'nightjar']);
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353');
    await box.daemon.console('PATCH', '/api/box', { name: 'attic' });
    await expect.poll(() => avahi.resolve('attic.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => avahi.resolve('attic.local', 6)).toBe('fd77::10');
    for (const type of types) {
      await expect.poll(() => namesOf(type), { message: type }).toEqual(['attic', 'barn']);
    }
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBeUndefined();
    const goodbyes = mdnsOf(await capture.stop()).flatMap(({ dns }) =>
      (dns.answers ?? []).flatMap((record) => ('ttl' in record && record.ttl === 0 ? record.name.toLowerCase() : [])),
    );
    expect(goodbyes).toContain('nightjar.local');
    expect(goodbyes.filter((name) => name.includes('attic'))).toEqual([]);
    // A page that is open at the old name goes on asking there.
    expect(await box.askByName(desk, 'attic.local', '10.77.0.10')).toBe('200');
    expect(await box.askByName(desk, 'nightjar.local', '10.77.0.10')).toBe('200');

    await box.daemon.console('PATCH', '/api/box', { name: 'barn' });
    await expect.poll(() => avahi.resolve('barn-2.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => box.name()).toBe('barn-2');
    expect(await box.daemon.console('GET', '/api/box')).toMatchObject({ name: 'barn-2', chosenName: 'barn' });
    expect(await avahi.resolve('barn.local', 4)).toBe('10.77.0.11');
    expect(await other.name()).toBe('barn');
    await box.daemon.restart();
    await expect.poll(() => namesOf('_nightjar._tcp')).toEqual(['barn', 'barn-2']);
    expect(await box.name()).toBe('barn-2');
    expect(await box.askByName(desk, 'barn-2.local', '10.77.0.10')).toBe('200');
    expect(await box.askByName(desk, 'attic.local', '10.77.0.10')).not.toBe('200');
  });

  it('another address: known at once, and only the address leaf changes', async () => {
    const host = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const nameLeaf = await box.tlsFile('name-leaf.json');
    const addressLeaf = await box.tlsFile('address-leaf.json');
    await host.addAddress('eth0', '10.77.0.99/24');
    await host.removeAddress('eth0', '10.77.0.10/24');
    // Flushing the only old address takes a router's new one along on some kernels: it is the last that counts.
    await host.addAddress('eth0', '10.77.0.99/24').catch(() => undefined);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.99');
    await expect.poll(() => box.askByName(desk, '10.77.0.99', '10.77.0.99')).toBe('200');
    expect(await box.askByName(desk, 'nightjar.local', '10.77.0.99')).toBe('200');
    expect(await box.tlsFile('name-leaf.json')).toEqual(nameLeaf);
    expect((await box.tlsFile('address-leaf.json'))['certificate']).not.toBe(addressLeaf['certificate']);
  });

  it('the cable is pulled and pushed in again, also with another address', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    await host.pullCable('eth0');
    await expect.poll(async () => (await setUpPairing(box)).addresses.join()).not.toContain('10.77.0.10');
    // It looks every 2 s; a cable that is out for less than that was not out.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await host.addAddress('eth0', '10.77.0.50/24');
    await host.removeAddress('eth0', '10.77.0.10/24');
    await host.addAddress('eth0', '10.77.0.50/24').catch(() => undefined);
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353');
    await host.pushCable('eth0');
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.50');
    const seen = mdnsOf(await capture.stop());
    // It asks whether the name is still free before it says that it has it.
    const probes = seen.filter(({ dns }) => dns.type === 'query' && (dns.authorities ?? []).length > 0);
    expect(probes.length).toBeGreaterThanOrEqual(3);
    expect(await box.name()).toBe('nightjar');
  });

  it('somebody claims its name: it takes the next one, and the network’s view of it stays true', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const evil = await lan.host('evil', '10.77.0.66/24');
    const claimer = evil.spawn(process.execPath, [hostile, 'claim', 'nightjar.', '10.77.0.66']);
    await expect.poll(() => box.name()).toBe('nightjar-2');
    await expect.poll(() => avahi.resolve('nightjar-2.local', 4)).toBe('10.77.0.10');
    await expect.poll(() => namesOf('_nightjar._tcp')).toContain('nightjar-2');
    claimer.kill('SIGKILL');
  });

  it('somebody claims every name: the box goes on by its address, at rest, and sends next to nothing', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    const evil = await lan.host('evil', '10.77.0.66/24');
    const claimer = evil.spawn(process.execPath, [hostile, 'claim', 'nightjar', '10.77.0.66']);
    await new Promise((resolve) => claimer.stdout.once('data', resolve));
    await using box = await LanBox.start(host);
    await expect.poll(() => box.daemon.log).toContain('resting');
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353 and host 10.77.0.10');
    await expect.poll(() => box.askByName(desk, '10.77.0.10', '10.77.0.10')).toBe('200');
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(mdnsOf(await capture.stop()).length).toBeLessThan(20);
    expect(await box.name()).toBe('nightjar');
    claimer.kill('SIGKILL');
  });

  it('somebody floods the network with questions: others get their answers, and the box sends within the rates', async () => {
    const host = await lan.host('box', '10.77.0.10/24');
    await using box = await LanBox.start(host);
    await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const evil = await lan.host('evil', '10.77.0.66/24');
    const seconds = 8;
    const capture = await Capture.start(desk, 'eth0', 'udp port 5353 and src host 10.77.0.10');
    const flood = evil.spawn(process.execPath, [hostile, 'flood', String(seconds), '10.77.0.66']);
    let said = '';
    flood.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const late = await lan.host('late', '10.77.0.3/24');
    const second = await Avahi.start(late, 'late');
    await expect.poll(() => second.resolve('nightjar.local', 4)).toBe('10.77.0.10');
    const others = async () => (await second.browse('_nightjar._tcp')).map(({ instance }) => instance);
    // It asks once each time; in a flood an answer may be lost.
    await expect.poll(others).toContain('nightjar');
    await new Promise((resolve) => flood.once('close', resolve));
    await second.stop();
    const sent = mdnsOf(await capture.stop());
    const asked = Number(said.split('\n')[1]);
    say(`flood: ${asked} questions, ${sent.length} answers`);
    expect(asked).toBeGreaterThan(5_000);
    // RFC 6762, section 6: the same record goes to the network at most once a second.
    expect(sent.length).toBeLessThan(60);
    expect(await box.name()).toBe('nightjar');
  });
});

async function setUpPairing(box: LanBox): Promise<{ link: string; addresses: string[]; fingerprint: string }> {
  const setUp = (await box.daemon.health())['setUp'];
  if (setUp !== true) await box.daemon.setUp();
  return await box.openPairing('a phone');
}
