/**
 * The image on an emulated Raspberry Pi, from the first power-on to a restart: nothing failed, everything the box needs
 * works on the device, and a person gets from the code on the screen to a library on three kinds of disks and back.
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { builtImage } from './support/card.ts';
import type { DataDisk } from './support/data-disk.ts';
import { codedHeic } from './support/heic.ts';
import { idleMemory } from './support/memory.ts';
import { Owner } from './support/owner.ts';
import { bootMsMax } from './support/pi-box.ts';
import { imageMissing, World } from './support/world.ts';

const MiB = 1024 * 1024;
const missing = await imageMissing();
if (missing !== undefined) say(`the image cannot be booted here: ${missing}`);
/** Issue's own promises. */
const imageBytesMax = 470 * MiB;
const squashfsBytesMax = 350 * MiB;
const nightjarBytesMax = 90 * MiB;
const node = '/usr/lib/nightjar/node';

describe.skipIf(missing !== undefined && maySkip)('the image on an emulated Pi', () => {
  let world: World;
  let nvme: DataDisk;
  let usb: DataDisk;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`The image cannot be booted here: ${missing}`);
    world = await World.make();
    const { box } = world;
    nvme = await world.disk('nvme', 'NJNVME');
    usb = await world.disk('usb', 'NJUSB');
    const virtio = await world.disk('virtio', 'NJVIRTIO');
    await box.plug(virtio);
    await box.plug(nvme);
    world.library = virtio;
    await box.powerOn();
  });
  afterAll(async () => await world?.[Symbol.asyncDispose]());
  const inside = async (script: string) => await world.box.run(script);
  const mirrors = async () => {
    const { mirrors } = await world.owner.must(200, 'GET', '/api/mirrors');
    return (mirrors as Array<{ attached: boolean; files: number; waiting: { files: number } }>)
      .map(({ attached, files, waiting }) => ({ attached, files, waiting: waiting.files }))
      .toSorted((one, other) => one.files - other.files);
  };

  it('is as small as promised', async () => {
    const { size } = await stat((await builtImage('pi')) ?? '');
    say(`image: ${(size / MiB).toFixed(0)} MiB compressed`);
    expect(size).toBeLessThanOrEqual(imageBytesMax);
    const squashfs = await squashfsBytes(world);
    say(`image: its squashfs has ${(squashfs / MiB).toFixed(0)} MiB`);
    expect(squashfs).toBeLessThanOrEqual(squashfsBytesMax);
  });

  it('starts from slot A, and nothing has failed', async () => {
    world.tellWhenFailed();
    const servesMs = await world.box.serves();
    say(`image: power-on to the first answer in ${(servesMs / 1000).toFixed(0)} s (first boot, emulated)`);
    expect(await world.failedUnits()).toBe('');
    expect(world.box.boots.map(({ partition }) => partition)).toEqual([2]);
    expect(await inside('cat /usr/lib/nightjar/board')).toBe('pi');
    expect(await inside('uname -m')).toBe('aarch64');
  });

  it('made what is its own, and grew to the card', async () => {
    expect(await inside('findmnt -no FSTYPE,OPTIONS /')).toMatch(/^squashfs +ro/);
    expect(Number(await inside('df --output=size -B1 /var | tail -n 1'))).toBeGreaterThan(4_000 * MiB);
    const own = await inside('cat /var/lib/nightjar-box/machine-id');
    expect(own).toMatch(/^[0-9a-f]{32}$/);
    expect(await inside('cat /etc/machine-id')).toBe(own);
    expect((await world.box.try('touch /etc/anything')).exitCode).not.toBe(0);
    expect(await inside('swapon --show=NAME --noheadings')).toContain('zram');
    expect(await inside('cat /sys/class/net/*/operstate')).toContain('up');
  });

  it('has what pictures and the catalogue need', async () => {
    const app = '/usr/lib/nightjar/app';
    expect(await inside(`${node} --version`)).toBe(process.version);
    const sqlite = "const D=require('better-sqlite3');console.log(new D(':memory:').prepare('select 6*7 n').get().n)";
    expect(await inside(`cd ${app} && ${node} -e "${sqlite}"`)).toBe('42');
    const made = "require('sharp')({create:{width:9,height:7,channels:3,background:'red'}})";
    const sharp = `${made}.jpeg().toBuffer().then(b=>console.log(b.subarray(0,2).toString('hex')))`;
    expect(await inside(`cd ${app} && ${node} -e "${sharp}"`)).toBe('ffd8');
    const film = '-f lavfi -i testsrc=size=64x64:rate=5:duration=1 -c:v mpeg4 /tmp/film.mp4';
    await inside(`ffmpeg -v error -y ${film}`);
    expect(await inside('ffprobe -v error -show_entries stream=codec_name -of csv=p=0 /tmp/film.mp4')).toBe('mpeg4');
    await inside(`echo ${(await codedHeic(world.dir)).toString('base64')} | base64 -d >/tmp/one.heic`);
    await inside('heif-convert -q 90 /tmp/one.heic /tmp/one.jpg || heif-dec -q 90 /tmp/one.heic /tmp/one.jpg');
    expect(await inside('head -c 2 /tmp/one.jpg | od -An -tx1')).toBe('ff d8');
    await inside('rm -f /tmp/film.mp4 /tmp/one.*');
  });

  it('lets nobody in by a password', async () => {
    const fields = await inside("cut -d: -f2 /etc/shadow | sort -u | tr '\\n' ' '");
    expect(
      fields
        .trim()
        .split(/\s+/)
        .filter((field) => !/^[!*]+$/.test(field)),
    ).toEqual([]);
    expect(await inside("cut -d: -f1,3 /etc/passwd | grep ':0$'")).toBe('root:0');
    const logins = "systemctl list-units --plain --no-legend --state=active '*getty@*' 'ssh*.service' 'ssh*.socket'";
    expect(await inside(logins)).toBe('');
    const exposure = await inside('systemd-analyze security --no-pager nightjar.service | tail -n 1');
    expect(Number(/: ([0-9.]+)/.exec(exposure)?.[1])).toBeLessThanOrEqual(2);
  });

  it('is claimed by the code on its screen, and guarded by a second factor', async () => {
    world.tellWhenFailed();
    await world.owner.claim();
    await world.owner.enrol();
    await world.owner.signIn();
    expect(await world.owner.must(200, 'GET', '/api/sessions/current')).toMatchObject({
      stage: 'open',
      secondFactor: true,
    });
  });

  it('takes disks of three kinds into use, and says how they are', async () => {
    world.tellWhenFailed();
    const { owner, box } = world;
    expect(await owner.adopt('NJVIRTIO', 'library')).toMatchObject({ volumes: [{ role: 'library' }] });
    expect(await owner.adopt('NJNVME', 'mirror')).toMatchObject({ bus: 'nvme', volumes: [{ role: 'mirror' }] });
    await box.plug(usb);
    expect(await owner.adopt('NJUSB', 'mirror', 'exfat')).toMatchObject({
      ...{ bus: 'usb', volumes: [{ role: 'mirror', filesystem: 'exfat' }] },
    });
    const { id } = await owner.diskThere('NJNVME');
    // It is read some time after it came.
    await expect
      .poll(async () => await owner.must(200, 'GET', `/api/disks/${id}/health`))
      .toMatchObject({ now: { kind: 'nvme', selfAssessmentPassed: true, mediaErrors: 0 } });
  });

  it('backs a phone up, on all its disks, and gives everything back', async () => {
    world.tellWhenFailed();
    const { owner, phone } = world;
    const files = await world.takeRealMedia();
    await phone.pair(await owner.pairingLink('a phone'));
    expect(await world.backUp()).toMatchObject({ exitCode: 0, last: { seen: files, safe: files } });
    expect(await world.lost()).toEqual([]);
    await expect.poll(mirrors).toEqual([
      { attached: true, files, waiting: 0 },
      { attached: true, files, waiting: 0 },
    ]);
    // Every picture and the video were decoded on the device.
    await expect
      .poll(() => inside('journalctl -u nightjar -o cat -b --no-pager | grep -c \'"level":50\' || true'))
      .toBe('0');
  });

  it('restarts from its page, and has everything still', async () => {
    world.tellWhenFailed();
    const { owner, box } = world;
    const own = await inside('cat /etc/machine-id');
    await owner.confirm();
    await owner.must(202, 'POST', '/api/box/restart');
    await box.booted(2, bootMsMax);
    const servesMs = await box.serves();
    say(`image: power-on to the first answer in ${(servesMs / 1000).toFixed(0)} s (later boots, emulated)`);
    expect(await world.failedUnits()).toBe('');
    expect(await inside('cat /etc/machine-id')).toBe(own);
    await owner.signIn();
    await expect.poll(async () => (await box.health())?.['disk']).toBe('ok');
    expect(await world.lost()).toEqual([]);
    await expect.poll(async () => (await mirrors()).map(({ attached }) => attached)).toEqual([true, true]);
    const { status } = await owner.ask('GET', '/api/setup');
    expect(status).toBe(200);
  });

  it('is as modest as promised when nobody wants anything', async () => {
    const { used, nightjar, told } = await idleMemory(world.box);
    say(`image: ${told}`);
    expect(used).toBeGreaterThan(0);
    expect(nightjar).toBeLessThanOrEqual(nightjarBytesMax);
  });

  it('takes a second factor away at its screen, by number', async () => {
    world.tellWhenFailed();
    const screen = world.box.console;
    const since = await screen.position();
    const answer = async (question: RegExp, line: string) => {
      await screen.until(question, { since });
      screen.type(line);
    };
    screen.type('');
    await answer(/Number, then Enter:\s*$/, '4');
    await answer(/Whose\? Name:\s*$/, 'Alice');
    await answer(/Type yes to go on:\s*$/, 'yes');
    await answer(/Number, then Enter:\s*$/, '0');
    world.owner = new Owner(world.box);
    await world.owner.signIn();
    expect(await world.owner.must(200, 'GET', '/api/sessions/current')).toMatchObject({ secondFactor: false });
  });

  it('is shut down from its page, with every filesystem clean', async () => {
    world.tellWhenFailed();
    await world.owner.confirm();
    await world.owner.must(202, 'POST', '/api/box/shut-down');
    await world.box.off();
    expect(await world.damage(nvme, usb, ...(world.library === undefined ? [] : [world.library]))).toEqual([]);
  });
});

/** What a squashfs says of its own length, in its superblock. */
async function squashfsBytes(world: World): Promise<number> {
  const { card } = world.box;
  const path = join(world.dir, 'root');
  await writeFile(path, '');
  await card.extract({ ...(await card.partition('root_a')), sizeBytes: 4096 }, path);
  const head = await readFile(path);
  expect(head.toString('latin1', 0, 4)).toBe('hsqs');
  return Number(head.readBigUInt64LE(40));
}
