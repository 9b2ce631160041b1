/** `make flash` on real devices: loops over files of this test, as root. */
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Flash, type FlashTerminal, flash } from '../../image/flash-run.ts';
import type { Unit } from '../../image/flash-unit.ts';
import { settingsOf } from '../../system/usr/lib/nightjar/boot-file/settings.mts';
import { entriesOf } from '../../system/usr/lib/nightjar/boot-file/text.mts';
import { type Kernel, readKernel } from '../../system/usr/lib/nightjar/disk-helper/kernel.mts';
import { Loop, Person } from '../support/flash-world.ts';
import { loopDisksMissing, runTool } from '../support/loop-disk.ts';
import { makeSmallImage, smallImage, smallImageMissing, writeSum } from '../support/small-image.ts';

const MiB = 1024 * 1024;
const missing = (await loopDisksMissing()) ?? (await smallImageMissing());
if (missing !== undefined) process.stderr.write(`flash: left out, ${missing}\n`);
const given: Unit = {
  name: 'attic',
  'wifi-name': 'Home & Garden',
  'wifi-password': 'corr:ect #horse',
  country: 'AT',
  'time-zone': 'Europe/Vienna',
};

describe.skipIf(missing !== undefined)('make flash', () => {
  let dir: string;
  let card: string;
  let image: string;
  let raw: Buffer;
  let disk: Loop;
  let mounted: string | undefined;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nightjar-flash-'));
    ({ path: image, raw } = await makeSmallImage(dir));
    // In memory where there is such a place: these disks are synced all the time, and no disk of this machine is meant.
    card = await mkdtemp('/dev/shm/nightjar-flash-').catch(() => dir);
  });
  beforeEach(async () => {
    disk = await Loop.make(join(card, 'disk.img'), 16 * MiB);
  });
  afterEach(async () => {
    if (mounted !== undefined) await runTool('umount', [mounted]);
    mounted = undefined;
    await disk.remove();
  });
  afterAll(async () => {
    for (const made of [dir, card]) await rm(made, { recursive: true, force: true });
  });

  /** With everything given; each test changes what it is about. */
  function run(changed: Partial<Flash> & { terminal?: FlashTerminal } = {}): Promise<Unit> {
    return flash({
      device: disk.device,
      image,
      certificate: undefined,
      erase: basename(disk.device),
      given,
      terminal: new Person(),
      signal: new AbortController().signal,
      kernel: () => readKernel(),
      randomBytes: (size) => Buffer.alloc(size, 7),
      testDisks: [basename(disk.device)],
      ...changed,
    });
  }

  test('the disk holds the image, and the unit its own name, code and Wi-Fi', async () => {
    await disk.fill(0x55);
    const person = new Person();
    const unit = await run({ terminal: person });
    const written = await disk.bytes();
    const text = await nightjarTxt(disk);
    expect(unit['setup-code']).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/);
    expect(linesOf(text)).toEqual([
      `setup-code: ${unit['setup-code']}`,
      'name: attic',
      'wifi-name: Home & Garden',
      'wifi-password: corr:ect #horse',
      'country: AT',
      'time-zone: Europe/Vienna',
    ]);
    // As the device reads it.
    expect(settingsOf(entriesOf(text), () => true)).toMatchObject({
      name: 'attic',
      timeZone: 'Europe/Vienna',
      setupCode: unit['setup-code'],
      wifi: { ssid: 'Home & Garden', passphrase: 'corr:ect #horse', country: 'AT' },
      factoryReset: false,
      notes: [],
    });
    expect(text.split('\r\n').length).toBe(text.split('\n').length);
    // All but the FAT that nightjar.txt was put on.
    expect(written.subarray(0, MiB).equals(raw.subarray(0, MiB))).toBe(true);
    expect(written.subarray(5 * MiB, smallImage.bytes).equals(raw.subarray(5 * MiB))).toBe(true);
    // Where an older partition table's copy lay.
    expect(written.subarray(15 * MiB).every((byte) => byte === 0)).toBe(true);
    expect(person.said).toContain(`https://attic.local/setup#${unit['setup-code']}`);
    expect(person.said).toContain('█');
    expect(person.said).toContain('16.8 MB');
    expect(person.steps).toEqual(['writing', 'reading back']);
    const parts = readKernel().blocks.find(({ name }) => name === basename(disk.device))?.parts;
    expect(parts?.map(({ sizeBytes }) => sizeBytes)).toEqual([4 * MiB, 4 * MiB]);
  });

  test('asks what it was not told, again after what cannot stand, and for the name of the disk', async () => {
    const answers = ['My Box', 'attic', 'Home', 'short', 'long enough', 'austria', 'at', '', basename(disk.device)];
    const person = new Person(answers);
    await run({ terminal: person, erase: undefined, given: {} });
    expect(linesOf(await nightjarTxt(disk)).slice(1, 5)).toEqual([
      'name: attic',
      'wifi-name: Home',
      'wifi-password: long enough',
      'country: AT',
    ]);
    expect(person.hidden).toEqual(['short', 'long enough']);
    expect(person.said).not.toContain('long enough');
  });

  const refusals: Array<[string, RegExp, () => Promise<Partial<Flash>>]> = [
    [
      'a name that is typed wrong',
      /That is not "loop\d+"/,
      async () => ({ erase: undefined, terminal: new Person(['sda']) }),
    ],
    [
      'Wi-Fi without a password',
      /wifi-password is missing/,
      async () => ({ given: { ...given, 'wifi-password': '' } }),
    ],
    ['nobody who could be asked', /--yes-erase=loop/, async () => ({ erase: undefined })],
    ['no device', /no disk of this computer/, async () => ({ device: join(card, 'disk.img') })],
    ['a loop, which nobody flashes', /no disk of this computer/, async () => ({ testDisks: ['sda'] })],
    ['a mounted disk', /is mounted at .*mnt/, async () => ({ device: await mount() })],
    [
      'the disk of the system',
      /own system stands on/,
      async () => ({ device: await mount(), kernel: () => asBoot(readKernel(), mounted ?? '') }),
    ],
    ['a partition', /is a partition\. Give the whole disk: DEV=\/dev\/loop/, async () => ({ device: await split() })],
    [
      'a disk whose partition is mounted',
      /is mounted at .*mnt/,
      async () => {
        await mount(await split());
        return {};
      },
    ],
    ['a disk that something stands on', /something stands on it/, async () => ({ device: await standOn() })],
    [
      'an image without a checksum',
      /no .*\.sha256 beside/,
      async () => ({ image: await imageLike('alone', undefined) }),
    ],
    [
      'an image of another checksum',
      /is not what .* says/,
      async () => ({ image: await imageLike('other', 'wrong sum') }),
    ],
    [
      'a damaged image',
      /is damaged|is not what .* says/,
      async () => ({ image: await imageLike('damaged', 'a byte') }),
    ],
    ['an image cut short', /is damaged/, async () => ({ image: await imageLike('short', 'half') })],
    [
      'what is no image of ours',
      /no partition "bootsel"/,
      async () => ({ image: await imageLike('foreign', 'foreign') }),
    ],
  ];

  test.each(refusals)('refuses %s, and writes nothing', async (_, why, prepare) => {
    const changed = await prepare();
    const before = await disk.bytes();
    const person = changed.terminal ?? new Person();
    await expect(run({ ...changed, terminal: person })).rejects.toThrow(why);
    expect((person as Person).steps).toEqual([]);
    expect((await disk.bytes()).equals(before)).toBe(true);
  });

  test('takes from whoever has a key what that key signed, and nothing else', async () => {
    const [mine, other] = [await makeKey(dir, 'mine'), await makeKey(dir, 'other')];
    const signed = await imageLike('signed', 'signed');
    await expect(run({ image: signed, certificate: mine.certificate })).rejects.toThrow(/no .*\.sig beside/);
    await runTool('openssl', ['dgst', '-sha256', '-sign', mine.key, '-out', `${signed}.sig`, signed]);
    await expect(run({ image: signed, certificate: other.certificate })).rejects.toThrow(/not signed by your key/);
    expect((await disk.bytes()).every((byte) => byte === 0)).toBe(true);
    await run({ image: signed, certificate: mine.certificate });
    expect(await nightjarTxt(disk)).toContain('name: attic');
  });

  test('refuses a disk that is too small, of other blocks, or can only be read', async () => {
    await disk.remove();
    disk = await Loop.make(join(card, 'disk.img'), smallImage.bytes - MiB);
    await expect(run()).rejects.toThrow(/too small\. Nothing was written/);
    await disk.remove();
    disk = await Loop.make(join(card, 'disk.img'), 16 * MiB, ['--sector-size', '4096']);
    await expect(run()).rejects.toThrow(/blocks of 4096 bytes.*Nothing was written/);
    await disk.remove();
    disk = await Loop.make(join(card, 'disk.img'), 16 * MiB, ['--read-only']);
    await expect(run()).rejects.toThrow(/can only be read\..*Nothing was written/);
    expect((await disk.bytes()).every((byte) => byte === 0)).toBe(true);
  });

  test('refuses what the kernel says is in use, though nothing was listed', async () => {
    const device = await mount();
    const kernel = () => ({ ...readKernel(), mounts: [] });
    await expect(run({ device, kernel })).rejects.toThrow(/is in use, the kernel says\. Nothing was written/);
  });

  test('a byte that the disk lost is found, and nothing of the unit is written there', async () => {
    const at = 7 * MiB + 123;
    const person = new Person();
    person.before('reading back', async () => await disk.damage(at, Buffer.of((raw[at] ?? 0) ^ 1)));
    await expect(run({ terminal: person })).rejects.toThrow(/gives back other bytes than were written.*another card/);
    expect((await disk.bytes()).includes('corr:ect')).toBe(false);
  });

  test('a disk that keeps nothing at its end is smaller than it says', async () => {
    const person = new Person();
    person.before('reading back', async () => await disk.damage(15 * MiB, Buffer.alloc(MiB)));
    await expect(run({ terminal: person })).rejects.toThrow(/smaller than the .* that it says/);
  });

  test('a disk that takes nothing more', async () => {
    const small = join(dir, 'full');
    await runTool('mkdir', [small]);
    await runTool('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small]);
    mounted = small;
    await disk.remove();
    disk = await Loop.make(join(small, 'disk.img'), 16 * MiB);
    await expect(run()).rejects.toThrow(/(cannot be written|did not keep).*another card/);
    // Else the filesystem beneath it could not go.
    await disk.remove();
  });

  test('stopped in the middle it says so, and the disk starts nothing', async () => {
    await disk.fill(0x55);
    const stopping = new AbortController();
    const person = new Person();
    person.before('writing', async (bytes) => void (bytes > 4 * MiB && stopping.abort()));
    await expect(run({ terminal: person, signal: stopping.signal })).rejects.toThrow(
      /starts nothing\. Run the same again/,
    );
    const left = await disk.bytes();
    expect(left.subarray(0, MiB).every((byte) => byte === 0)).toBe(true);
    await run();
    expect(linesOf(await nightjarTxt(disk))).toContain('name: attic');
  });

  async function mount(device = disk.device): Promise<string> {
    mounted = join(dir, 'mnt');
    await runTool('mkdir', ['-p', mounted]);
    await runTool('mkfs.ext4', ['-q', '-F', device]);
    await runTool('mount', [device, mounted]);
    return device;
  }

  /** One partition, by name. */
  async function split(): Promise<string> {
    await runTool('sh', ['-c', `echo 'start=1MiB, size=10MiB' | sfdisk --quiet --label gpt ${disk.device} 2>&1`]);
    await runTool('partx', ['--update', disk.device]);
    return `${disk.device}p1`;
  }

  async function standOn(): Promise<string> {
    await disk.putAnother();
    return disk.device;
  }

  async function imageLike(
    name: string,
    how: 'signed' | 'wrong sum' | 'a byte' | 'half' | 'foreign' | undefined,
  ): Promise<string> {
    const path = join(dir, `${name}.img.zst`);
    const packed = await readFile(image);
    if (how === 'a byte') packed.writeUInt8(packed.readUInt8(packed.length >> 1) ^ 0x10, packed.length >> 1);
    const { zstdCompress } = await import('node:zlib');
    const foreign = async () => await promisify(zstdCompress)(Buffer.alloc(2 * MiB, 'x'));
    await writeFile(
      path,
      how === 'foreign' ? await foreign() : how === 'half' ? packed.subarray(0, packed.length >> 1) : packed,
    );
    if (how === 'wrong sum') await writeFile(`${path}.sha256`, `${'ab'.repeat(32)}  ${name}\n`);
    else if (how === 'a byte') await copyFile(`${image}.sha256`, `${path}.sha256`);
    else if (how !== undefined) await writeSum(path);
    return path;
  }
});

test('what is hidden is not shown, and Ctrl-C ends it', async () => {
  const terminal = new URL('../../image/flash-terminal.ts', import.meta.url).pathname;
  const program = join(await mkdtemp(join(tmpdir(), 'nightjar-flash-')), 'ask.mts');
  const asking = `
    import { terminalOf } from '${terminal}';
    const it = terminalOf(new AbortController(), true);
    const said = [await it.ask('one? '), await it.ask('two? ', { hidden: true }), await it.ask('three? ')];
    it.say(JSON.stringify(said).toUpperCase());
    await it.ask('four? ').catch((error) => it.say(error.message));`;
  await writeFile(program, asking);
  // A terminal of its own (script(1)).
  const shell = spawn('script', ['-qfec', `"${process.execPath}" "${program}"`, '/dev/null']);
  let seen = '';
  shell.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  for (const [question, answer] of [
    ['one? ', 'first\r'],
    ['two? ', 'second\r'],
    ['three? ', 'third\r'],
    ['four? ', '\u0003'],
  ] as const) {
    await expect.poll(() => seen).toContain(question);
    shell.stdin.write(answer);
  }
  await expect.poll(() => shell.exitCode).toBe(0);
  expect(seen).toContain('["FIRST","SECOND","THIRD"]');
  expect(seen).toContain('Stopped. Nothing was written.');
  expect(seen.match(/first/g)?.length).toBe(1);
  expect(seen).not.toMatch(/second|sse/);
  await rm(dirname(program), { recursive: true });
});

test('the command itself refuses what it is not told', async () => {
  const program = new URL('../../image/flash.ts', import.meta.url).pathname;
  const ran = (...args: string[]) =>
    promisify(execFile)(process.execPath, [program, ...args], {
      env: { ...process.env, NIGHTJAR_KEYS: '/none' },
    }).then(
      () => 'done',
      (error: { code: number; stderr: string }) => `${error.code}: ${error.stderr.trim().split('\n')[0]}`,
    );
  expect(await ran()).toMatch(/^1: Which disk/);
  expect(await ran('--device=/dev/none', '--image=/none', '--any-signature')).toMatch(
    /^1: \/dev\/none is no disk of this computer/,
  );
  expect(await ran('--device=/dev/none', '--image=/none')).toMatch(
    /^1: There is no \/none\/update\.pem.*--any-signature/,
  );
  expect(await ran('--device=/dev/none', '--name=My Box')).toMatch(/^1: --name: The name takes.*Nothing was written/);
});

function asBoot(kernel: Kernel, point: string): Kernel {
  return { ...kernel, mounts: kernel.mounts.map((one) => (one.point === point ? { ...one, point: '/boot' } : one)) };
}

async function nightjarTxt(disk: Loop): Promise<string> {
  const args = ['-n', '-i', `${disk.device}@@${smallImage.bootselAt}`, '::nightjar.txt', '-'];
  return (await promisify(execFile)('mcopy', args)).stdout;
}

function linesOf(text: string): string[] {
  return text.split('\r\n').filter((line) => line !== '' && !line.startsWith('#'));
}

/** As `image/keys` makes it. */
async function makeKey(dir: string, name: string): Promise<{ key: string; certificate: string }> {
  const [key, pem] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '3', '-subj', '/CN=Test'];
  await runTool('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', pem]);
  return { key, certificate: await readFile(pem, 'utf8') };
}
