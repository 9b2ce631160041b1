/**
 * A day of a box that nobody asks: what it sends by itself. The whole daemon under a clock that runs fast (libfaketime),
 * a capture of its cable, everything on it accounted for.
 */
import { access, glob } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Capture, mdnsOf } from '../support/capture.ts';
import { maySkip, say, soak } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { Lan, lansMissing } from '../support/lan.ts';
import { LanBox } from '../support/lan-box.ts';

const missing = await lansMissing(['tcpdump', 'faketime']);
if (missing !== undefined) say(`an idle day cannot be tested here: ${missing}`);

/** Seconds of the box's clock for one of ours. */
const speed = 600;
const hours = soak ? 24 : 2;
const kernelsOwn = [2, 58]; // IGMP, ICMPv6

describe.skipIf(missing !== undefined && maySkip)('an idle box', () => {
  beforeAll(() => {
    if (missing !== undefined) throw new Error(`An idle day cannot be tested here: ${missing}`);
  });

  it(`sends its announcements and nothing else in ${hours} hours`, async () => {
    await using lan = await Lan.make();
    const host = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    await using box = await LanBox.start(host, { env: { NIGHTJAR_DISCOVERY: 'off' } });
    await box.daemon.setUp();
    await box.daemon.stop();
    const capture = await Capture.start(host, 'eth0');
    const startedMs = Date.now();
    // Not by the command of that name: it stays between, and takes the signals.
    const clock = ['env', `LD_PRELOAD=${await fakeClock()}`, `FAKETIME=+0 x${speed}`];
    const { stateDir, diskDir } = box.daemon;
    const env = { NIGHTJAR_DISCOVERY: 'on' };
    const wrapper = [...host.wrapper, ...clock];
    await using fast = await Daemon.start({ dir: join(stateDir, '..'), stateDir, diskDir, wrapper, env });
    const lastsMs = (hours * 3_600_000) / speed;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedMs + lastsMs - Date.now())));
    expect(await fast.health()).toMatchObject({ box: 'nightjar', disk: 'ok' });
    const seen = await capture.stop();
    const mdns = mdnsOf(seen);
    // The kernel's own: router solicitations, multicast reports. The box's program opens no such socket.
    const others = seen.filter((one) => !(kernelsOwn.includes(one.protocol) || one.sourcePort === 5353));
    expect(others).toEqual([]);
    expect(mdns.length).toBeGreaterThan(0);
    // RFC 6762, 8.1 and 8.3: three probes and two announcements, by each of IPv4 and IPv6, and then silence. Packets may
    // be split, so each kind is counted by when it was sent.
    const queries = mdns.filter(({ dns }) => dns.type === 'query');
    const answers = mdns.filter(({ dns }) => dns.type === 'response');
    say(`idle: ${queries.length} probes, ${answers.length} announcements in ${hours} hours`);
    expect(queries.length).toBeLessThanOrEqual(6);
    expect(answers.length).toBeLessThanOrEqual(8);
    const last = Math.max(...mdns.map(({ at }) => at));
    // An hour of its clock is six seconds here.
    expect((last - (mdns[0]?.at ?? 0)) * speed).toBeLessThan(3_600);
  });
});

/** The library that Debian's package `faketime` brings. */
async function fakeClock(): Promise<string> {
  for await (const path of glob('/usr/lib/*/faketime/libfaketime.so.1')) {
    await access(path);
    return path;
  }
  throw new Error('libfaketime.so.1 was not found; apt-get install faketime');
}
