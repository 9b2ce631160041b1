/** The phone client in the box's network: the box moves, and the next night goes on without a person. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { Lan, type LanHost, lansMissing } from '../support/lan.ts';
import { LanBox } from '../support/lan-box.ts';
import { RealPhone } from '../support/real-phone.ts';

const missing = await lansMissing();
if (missing !== undefined) say(`the phone client cannot be tested on a network here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('nightjar-phone on the network', () => {
  let lan: Lan;
  let dir = '';
  let boxHost: LanHost;
  let phone: RealPhone;
  let phoneHost: LanHost;
  beforeAll(() => {
    if (missing !== undefined) throw new Error(`The network cannot be tested here: ${missing}`);
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njp-'));
    lan = await Lan.make();
    boxHost = await lan.host('box', '10.77.0.10/24', 'fd77::10/64');
    phoneHost = await lan.host('phone', '10.77.0.20/24', 'fd77::20/64');
    phone = new RealPhone(dir, phoneHost.wrapper);
    await mkdir(join(dir, 'DCIM'));
  });
  afterEach(async () => {
    await lan.remove();
    await rm(dir, { recursive: true });
  });

  const takePicture = (n: number) =>
    writeFile(
      join(dir, 'DCIM', `IMG_${n}.jpg`),
      exifJpeg({ seed: n, bytes: 4_096, takenLocal: '2026-11-20T10:00:00' }),
    );
  const backUp = (...args: string[]) => phone.run('backup', join(dir, 'DCIM'), '--patience', '30', ...args);
  const paired = async (env: Readonly<Record<string, string>> = {}) => {
    const box = await LanBox.start(boxHost, { env });
    await box.daemon.setUp();
    await phone.pair((await box.openPairing('a phone')).link);
    await takePicture(1);
    expect(await backUp()).toMatchObject({ exitCode: 0, last: { seen: 1, safe: 1 } });
    return box;
  };
  const move = async (from: string, to: string, ...alsoGone: string[]) => {
    await boxHost.addAddress('eth0', to);
    for (const address of [from, ...alsoGone]) await boxHost.removeAddress('eth0', address);
    await boxHost.addAddress('eth0', to).catch(() => undefined);
  };

  it('finds the box at another address', async () => {
    await using box = await paired();
    await move('10.77.0.10/24', '10.77.0.44/24', 'fd77::10/64');
    await takePicture(2);
    expect(await backUp()).toMatchObject({ exitCode: 0, last: { seen: 2, safe: 2 } });
    const status = await phone.run('status');
    expect(status).toMatchObject({ exitCode: 0, last: { safe: 2 } });
    expect(await box.name()).toBe('nightjar');
  });

  it('finds the box under another name and address, after a restart', async () => {
    await using box = await paired();
    await box.daemon.stop();
    await move('10.77.0.10/24', '10.77.0.45/24', 'fd77::10/64');
    // Somebody put a second box where the first one was, name and address: it is not the phone's.
    const usurper = await lan.host('usurper', '10.77.0.10/24', 'fd77::10/64');
    await using other = await LanBox.start(usurper);
    await other.daemon.setUp('Mallory');
    await expect.poll(() => other.daemon.log).toContain('found on the network by this name');
    await box.daemon.restart();
    await expect.poll(() => box.name()).toBe('nightjar-2');
    await takePicture(3);
    expect(await backUp()).toMatchObject({ exitCode: 0, last: { seen: 2, safe: 2 } });
    const listed = await other.daemon.console('GET', '/api/phones');
    expect(listed).toEqual({ phones: [] });
    // Not one request of the phone's reached the other box.
    expect(other.daemon.log).not.toContain('"status":401');
  });

  it('says when it comes next, to a box that moved in the meantime', async () => {
    await using box = await paired();
    await move('10.77.0.10/24', '10.77.0.46/24', 'fd77::10/64');
    expect(await backUp('--expect', '24')).toMatchObject({ exitCode: 0 });
    const { phones } = (await box.daemon.console('GET', '/api/phones')) as { phones: Array<Record<string, unknown>> };
    const nextAt = Number(phones[0]?.['nextAt']);
    expect(Math.abs(nextAt - Date.now() - 24 * 3_600_000)).toBeLessThan(600_000);
  });

  it('is not talked to by a box of another house that claims to be it', async () => {
    await using box = await paired();
    await box.daemon.stop();
    const usurper = await lan.host('usurper', '10.77.0.99/24');
    await using other = await LanBox.start(usurper);
    await other.daemon.setUp('Mallory');
    await takePicture(2);
    const run = await phone.run('backup', join(dir, 'DCIM'), '--patience', '5');
    expect(run.exitCode).toBe(1);
    expect(other.daemon.log).not.toContain('"status":401');
  });
});
