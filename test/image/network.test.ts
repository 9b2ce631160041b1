/**
 * The image on a network of its own: found by name, closed but for its declared ports, deaf to who comes from afar, and
 * silent by itself: every packet of its start and of ten idle minutes is accounted for.
 */
import { BlockList } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Avahi, avahiTools } from '../support/avahi.ts';
import { maySkip, say } from '../support/counts.ts';
import { lansMissing } from '../support/lan.ts';
import { Cable, cablesMissing, deskAddress, farAddress, routerAddress } from './support/cable.ts';
import { mac } from './support/pi-box.ts';
import { type Sent, Wire } from './support/wire.ts';
import { imageMissing, World } from './support/world.ts';

const missing = (await imageMissing()) ?? (await cablesMissing()) ?? (await lansMissing([...avahiTools]));
if (missing !== undefined) say(`the image cannot be tested on a network here: ${missing}`);

const scanner = new URL('./support/scan.ts', import.meta.url).pathname;
const idleMs = 600_000;
const quietKinds = new Set(['arp', 'nd', 'dhcp', 'igmp', 'mld', 'mdns']);
/** The cable's own networks (support/cable.ts), link-local, and multicast that no router passes on (RFC 5771, RFC 4291). */
const near = new BlockList();
for (const [net, bits] of [
  ['10.77.0.0', 24],
  ['169.254.0.0', 16],
  ['224.0.0.0', 24],
  ['255.255.255.255', 32],
] as const)
  near.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of [
  ['fe80::', 10],
  ['ff02::', 16],
  ['fd77::', 64],
  ['2001:db8:77::', 64],
] as const)
  near.addSubnet(net, bits, 'ipv6');
const isQuiet = ({ kind, target }: Sent) =>
  quietKinds.has(kind) && near.check(target, target.includes(':') ? 'ipv6' : 'ipv4');
const bootMsMax = 900_000;

describe.skipIf(missing !== undefined && maySkip)('the image on a network', () => {
  let world: World;
  let cable: Cable;
  let wire: Wire;
  let address = '';
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`The image cannot be tested on a network here: ${missing}`);
    world = await World.make();
    await world.setUp();
    await world.owner.confirm();
    await world.owner.must(202, 'POST', '/api/box/shut-down');
    await world.box.off();
    cable = await Cable.make();
    world.box.network = cable.network;
    wire = await Wire.listen(cable.switchHost, cable.tap, mac);
    await world.box.powerOn();
    address = await cable.address();
    await cable.served(`http://${address}/api/health`, bootMsMax);
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await cable?.[Symbol.asyncDispose]();
  });

  it('says nothing by itself but what a home network needs, while it starts and in ten idle minutes', async () => {
    world.tellWhenFailed();
    await world.box.run('systemctl is-system-running --wait || true', bootMsMax);
    await pause(idleMs);
    const sent = await wire.stop();
    const counts = new Map<string, number>();
    for (const { kind } of sent) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    say(`image: sent in its start and ${idleMs / 60_000} minutes: ${JSON.stringify(Object.fromEntries(counts))}`);
    // Asked for by this test: whether it serves, and the answers to it.
    const own = ({ kind, target }: Sent) => /^tcp (80|443) to /.test(kind) && target === deskAddress;
    const time = ({ kind, target }: Sent) => kind === 'ntp' && target === routerAddress;
    const others = sent.filter((one) => !(isQuiet(one) || own(one) || time(one)));
    expect(others).toEqual([]);
    expect(counts.get('mdns')).toBeGreaterThan(0);
  });

  it('is found by name and by service', async () => {
    const avahi = await Avahi.start(cable.desk, 'desk');
    try {
      await expect.poll(() => avahi.resolve('nightjar.local', 4)).toBe(address);
      await expect.poll(() => avahi.nameOf(address)).toBe('nightjar.local');
      const names = async () => [...new Set((await avahi.browse('_nightjar._tcp')).map(({ instance }) => instance))];
      await expect.poll(names).toEqual(['nightjar']);
    } finally {
      await avahi.stop();
    }
  });

  it('answers at its declared ports and nowhere else', async () => {
    const scan = async (target: string) =>
      JSON.parse(await cable.scan(scanner, target)) as { tcp: number[]; udp: number[] };
    expect(await scan(address)).toEqual({ tcp: [80, 443], udp: [5353] });
    const inside = await world.box.run("ss -Hlntu | awk '{print $1, $5}' | sort -u");
    say(`image: listens at ${inside.replaceAll('\n', ', ')}`);
    const [, linkLocal = ''] = /inet6 (fe80::[0-9a-f:]+)/.exec(await world.box.run('ip -6 address')) ?? [];
    expect(await scan(`${linkLocal}%eth0`)).toEqual({ tcp: [80, 443], udp: [5353] });
  });

  it('is deaf to who comes from afar', async () => {
    expect(await cable.fromDesk(`https://${address}/api/health`)).toMatch(/^200/);
    expect(await cable.fromAfar(`https://${address}/api/health`)).toMatch(/^000/);
    expect(await cable.fromAfar(`http://${address}/api/health`)).toMatch(/^000/);
  });

  it('reaches nobody beyond its network', async () => {
    expect(await world.box.run(`ip route get ${farAddress}`)).toContain(routerAddress);
    const knock = `timeout 8 bash -c 'exec 3<>/dev/tcp/${farAddress}/443'`;
    const sentOut = async () => {
      const listening = await Wire.listen(cable.switchHost, cable.tap, mac);
      // As anything but root would, that means to send something out; and as root.
      // Not let out, nobody there, or no answer: not a program that is missing.
      for (const who of ['setpriv --reuid=nightjar --clear-groups ', ''])
        expect([1, 124]).toContain((await world.box.try(who + knock)).exitCode);
      return (await listening.stop()).filter(({ target }) => target === farAddress);
    };
    expect(await sentOut()).toEqual([]);
    // What is let out is seen, of both.
    const way = "inet nightjar nightjar_out '{ tcp . 443 }'";
    await world.box.run(`nft add element ${way}`);
    const seen = await sentOut().finally(() => world.box.run(`nft delete element ${way}`));
    const ports = seen.flatMap(({ kind }) => /^tcp (\d+) to 443$/.exec(kind)?.[1] ?? []);
    expect(new Set(ports).size).toBe(2);
  });
});
