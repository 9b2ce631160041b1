/**
 * Disks that were made to do harm: crafted markers and catalogues, links, names, a great many files, filesystems that are
 * broken. Each gets a clear word; nothing outside of them is read or written, and memory stays within its limit.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ImportView } from '../../src/imports/contract.ts';
import { CodedError } from '../../src/platform/errors.ts';
import { maySkip, rounds, say, soak, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { HelperBox, helperMissing } from '../support/helper-box.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';

const MiB = 1024 * 1024;
const memoryBytesMax = 256 * MiB;
const code = 'FAULT-TEST-CODE';
const start = (options: Parameters<typeof Daemon.start>[0]) =>
  Daemon.start({ ...options, ...(treeDir !== undefined && { treeDir }) });
const noLoops = await loopDisksMissing();
const noHelper = await helperMissing();
for (const missing of new Set([noLoops, noHelper])) if (missing !== undefined) say(`hostile disks: ${missing}`);

let dir = '';
/** Lies beside the disks, and is nobody's business. */
let secret = '';
const seed = suiteSeed('hostile disks');
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'njo-'));
  secret = join(dir, 'secret');
  mkdirSync(secret);
  writeFileSync(join(secret, 'private.jpg'), exifJpeg({ seed, bytes: 9_000, takenLocal: '2025-07-14T09:30:00' }));
});
afterAll(async () => {
  if (dir !== '') await rm(dir, { recursive: true, force: true });
});

/** Every name below, and what is known of it without reading it. */
function contentOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .map((one) => `${one} ${lstatSync(one).mode} ${lstatSync(one).size} ${lstatSync(one).mtimeMs}`)
    .sort();
}

/** The most that the daemon ever held (proc(5), VmHWM). */
function peakBytes(daemon: Daemon): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
}

const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';
const good = { format: 1, diskId: id, boxId: id, createdAt: 1, filesystem: null };
const text = (value: unknown) => (at: string) => writeFileSync(at, JSON.stringify(value));
/** What stands in the marker's place. */
const markers: Readonly<Record<string, (at: string) => void>> = {
  'nothing in it': (at) => writeFileSync(at, ''),
  'a gigabyte': (at) => {
    writeFileSync(at, '{');
    truncateSync(at, 1024 * MiB);
  },
  'as large as it may be, and as deep': (at) => writeFileSync(at, '['.repeat(60_000)),
  'deep inside': (at) => writeFileSync(at, `{"format":1,"filesystem":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_001)}`),
  'no object': text([1, 2, 3]),
  null: text(null),
  'numbers for names': text({ ...good, diskId: 1, boxId: {} }),
  'names that lead up': text({ ...good, diskId: '../../../../../../../../../../etc/pas' }),
  'a role that leads up': text({ ...good, role: '../../etc' }),
  'a library that leads up': text({ ...good, role: 'mirror', libraryId: `../../${'x'.repeat(30)}` }),
  'a format of the future': text({ ...good, format: 2 }),
  'a filesystem that it is not on': text({ ...good, filesystem: { type: 'ext4', id: 'dead' } }),
  'a prototype': (at) => writeFileSync(at, `{"__proto__":${JSON.stringify(good)},"constructor":{"prototype":1}}`),
  'bytes that are no text': (at) => writeFileSync(at, Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28])),
  'a link to another’s': (at) => symlinkSync(join(secret, 'private.jpg'), at),
  'a link to what never ends': (at) => symlinkSync('/dev/zero', at),
  'a pipe': (at) => void execFileSync('mkfifo', [at]),
  'a folder': (at) => mkdirSync(at),
};

it('has a word for every crafted marker, and leaves its disk as it is', { timeout: 120_000 }, async () => {
  const disk = join(dir, 'marked');
  mkdirSync(disk);
  await using fresh = await start({ dir, stateDir: join(dir, 'fresh'), diskDir: disk });
  const folders: string[] = [];
  for (const [number, [what, make]] of Object.entries(markers).entries()) {
    const folder = join(dir, `m${number}`);
    mkdirSync(join(folder, '.nightjar'), { recursive: true });
    make(join(folder, '.nightjar/disk.json'));
    folders.push(folder);
    await rm(disk, { recursive: true });
    execFileSync('cp', ['-a', '--sparse=always', folder, disk]);
    const before = contentOf(disk);
    const reply = await fresh.consoleReply('POST', '/api/setup/adopt/look', { code });
    const { why } = JSON.parse(reply.body.toString()) as { why?: string };
    expect([reply.status, why], what).toEqual([409, 'foreign']);
    expect(contentOf(disk), what).toEqual(before);
  }
  // A link of its own leads there, too.
  await rm(disk, { recursive: true });
  mkdirSync(disk);
  symlinkSync(join(folders[0] ?? '', '.nightjar'), join(disk, '.nightjar'));
  expect((await fresh.claim('Alice')).status).toBeGreaterThanOrEqual(400);
  await rm(disk, { recursive: true });
  mkdirSync(disk);
  await fresh.setUp('Alice');
  await fresh.kill();

  // And as mirrors, eight of them at a time.
  for (let at = 0; at < folders.length; at += 8) {
    const some = folders.slice(at, at + 8);
    const before = some.map(contentOf);
    const env = { NIGHTJAR_MIRROR_DIRS: some.join(':') };
    await using box = await start({ dir, stateDir: join(dir, 'fresh'), diskDir: disk, env });
    await box.libraryOpen();
    const told = () => box.log.split('\n').filter((line) => line.includes('a mirror is not there')).length;
    await expect.poll(told, { timeout: 20_000 }).toBeGreaterThanOrEqual(some.length);
    expect(await box.console('GET', '/api/mirrors')).toMatchObject({ mirrors: [] });
    expect(some.map(contentOf)).toEqual(before);
    expect(peakBytes(box)).toBeLessThan(memoryBytesMax);
  }
});

it('takes in what has hostile names among a great many files, and nothing that is elsewhere', {
  timeout: 3_600_000,
}, async () => {
  const many = soak ? 1_000_000 : 20_000;
  const card = join(dir, 'card');
  const wanted = 12;
  const odd = ['a\nb.jpg', 'a\rb.jpg', '\u202egpj.exe.jpg', '\u0001.jpg', '...jpg', ' .jpg', `${'x'.repeat(250)}.jpg`];
  mkdirSync(join(card, 'deep\nand wide'), { recursive: true });
  const names = [...odd.map((name) => Buffer.from(name)), Buffer.from([0xff, 0xfe, 0x2e, 0x6a, 0x70, 0x67])];
  while (names.length < wanted) names.push(Buffer.from(`plain ${names.length}.jpg`));
  for (const [number, name] of names.entries()) {
    const at = Buffer.concat([Buffer.from(`${join(card, 'deep\nand wide')}/`), name]);
    writeFileSync(at, exifJpeg({ seed: seed + 1 + number, bytes: 5_000, takenLocal: '2025-06-01T10:00:00' }));
  }
  symlinkSync(secret, join(card, 'folder link'));
  symlinkSync(join(secret, 'private.jpg'), join(card, 'link.jpg'));
  symlinkSync('/dev/zero', join(card, 'endless.jpg'));
  symlinkSync(card, join(card, 'loop'));
  execFileSync('mkfifo', [join(card, 'pipe.jpg')]);
  const perFolder = 50_000;
  for (let at = 0; at < many; at += perFolder) {
    const folder = join(card, `many ${at}`);
    mkdirSync(folder);
    execFileSync('sh', [
      '-c',
      'cd "$1" && seq -f "%.0f.jpg" "$2" | xargs touch',
      'sh',
      folder,
      String(Math.min(perFolder, many)),
    ]);
  }
  mkdirSync(join(dir, 'imported'));
  await using box = await start({
    dir,
    stateDir: join(dir, 'importing'),
    diskDir: join(dir, 'imported'),
  });
  await box.setUp('Alice');
  const asked = { source: 'folder', folder: card, person: 'Alice' };
  const { id: importId } = (await box.console('POST', '/api/imports', asked)) as ImportView;
  const view = async () => (await box.console('GET', `/api/imports/${importId}`)) as ImportView;
  await expect.poll(async () => (await view()).state, { timeout: 3_000_000, interval: 200 }).toBe('done');
  const { report } = await view();
  expect(report.imported.photo.files + (report.leftOut['invalid-name'] ?? 0)).toBe(wanted);
  expect(report.leftOut).toMatchObject({ 'empty-picture': many, 'no-file': 5 });
  const inside = contentOf(join(dir, 'imported/Photos')).filter((line) => line.includes('.jpg'));
  expect(inside).toHaveLength(report.imported.photo.files);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
  expect(inside.filter((line) => /[\u0000-\u001f\u202a-\u202e\ufffd]/.test(line))).toEqual([]);
  expect(contentOf(secret)).toHaveLength(1);
  const peak = peakBytes(box);
  expect(peak).toBeLessThan(memoryBytesMax);
  const told = `at most ${Math.round(peak / MiB)} MiB; each with a reason`;
  await recordResult({ suite: 'hostile names, many files', seed, rounds: many, failures: 0, told });
});

it.skipIf(noLoops !== undefined && maySkip)(
  'follows no link out of a library that was changed while it was away',
  async () => {
    if (noLoops !== undefined) throw new Error(noLoops);
    const disk = await LoopDisk.make(dir, 'linked', 256);
    try {
      // As the helper mounts it.
      const asUsed = () => execFileSync('mount', ['-o', 'remount,nosymfollow,nosuid,nodev,noexec', disk.path]);
      asUsed();
      const box = await start({ dir, stateDir: join(dir, 'linking'), diskDir: disk.path });
      try {
        await box.setUp('Alice');
        const { token } = await box.pair('Alice', 'phone');
        const card = join(dir, 'card2');
        mkdirSync(card);
        const send = async (number: number) => {
          const picture = exifJpeg({ seed: seed + 100 + number, bytes: 5_000, takenLocal: '2025-07-14T09:30:00' });
          writeFileSync(join(card, `${number}.jpg`), picture);
          const asked = { source: 'folder', folder: card, person: 'Alice' };
          const made = (await box.console('POST', '/api/imports', asked)) as ImportView;
          const view = async () => (await box.console('GET', `/api/imports/${made.id}`)) as ImportView;
          await expect.poll(async () => (await view()).state, { timeout: 30_000 }).not.toBe('running');
          return await view();
        };
        expect((await send(1)).report.imported.photo.files).toBe(1);
        await box.stop();
        const folder = join(disk.path, 'Photos/Alice/2025/2025-07');
        await rm(folder, { recursive: true });
        symlinkSync(secret, folder);
        const before = contentOf(secret);
        await box.restart();
        await box.libraryOpen();
        await send(2);
        await box.console('POST', '/api/verification/start');
        await expect
          .poll(async () => await box.console('GET', '/api/verification'), { timeout: 30_000 })
          .toMatchObject({ all: null });
        const reply = await box.ask('GET', '/api/assets?limit=10', { token });
        const { assets } = JSON.parse(reply.body.toString()) as { assets: Array<{ id: number; path: string }> };
        for (const one of assets) {
          const original = await box.ask('GET', `/api/assets/${one.id}/original`, { token });
          expect(original.body.equals(readFileSync(join(secret, 'private.jpg'))), one.path).toBe(false);
        }
        expect(contentOf(secret)).toEqual(before);
      } finally {
        await box.kill();
      }
    } finally {
      await disk.remove();
    }
  },
);

it.skipIf(noHelper !== undefined && maySkip)(
  'says what it finds on broken filesystems, and comes to no harm',
  {
    timeout: 3_600_000,
  },
  async () => {
    if (noHelper !== undefined) throw new Error(noHelper);
    await using box = await HelperBox.make(join(dir, 'helper'));
    const random = new Random(seed + 2);
    const image = box.image('small');
    const makers = {
      ext4: ['mkfs.ext4', '-q', '-F'],
      vfat: ['mkfs.vfat'],
      exfat: ['mkfs.exfat'],
    } as const;
    const flush = () => execFileSync('blockdev', ['--flushbufs', box.device('small')]);
    const many = rounds(1, 100);
    const said: Record<string, number> = {};
    const note = (what: string) => {
      said[what] = (said[what] ?? 0) + 1;
    };
    for (const [type, [program, ...args]] of Object.entries(makers)) {
      execFileSync(program, [...args, image], { stdio: 'ignore' });
      const right = readFileSync(image);
      for (let round = 0; round < many; round += 1) {
        await breakImage(image, right, random);
        flush();
        const disk = await box.disk('small');
        expect(['free', 'busy']).toContain(disk.status);
        const [volume] = disk.volumes;
        if (volume === undefined || volume.type === '') {
          note(`${type}: nothing known on it`);
          continue;
        }
        try {
          note(`${type}: ${(await box.helper.check(disk.key, volume, { repair: false })).outcome}`);
          const { folder } = await box.helper.mount(disk.key, volume, 'look');
          note(`${type}: mounted`);
          await box.helper.unmount(folder);
        } catch (error) {
          if (!(error instanceof CodedError)) throw error;
          expect(error.code, error.message).not.toBe('internal');
          note(`${type}: ${error.facts['refusal'] ?? error.code}`);
        }
        expect(await box.mounts()).not.toContain('/run/nightjar/disks/');
      }
    }
    const told = Object.entries(said).map(([what, times]) => `${what} ${times}`);
    await recordResult({ suite: 'broken filesystems', seed, rounds: 3 * many, failures: 0, told: told.join(', ') });
  },
);

/** Some bytes of a new filesystem, most of them of its first superblock, are others. */
async function breakImage(image: string, right: Buffer, random: Random): Promise<void> {
  const bytes = Buffer.from(right.subarray(0, 2 * MiB));
  for (let flips = random.whole(1, 6); flips > 0; flips -= 1) {
    const at = random.chance(0.6) ? random.whole(1_024, 2_047) : random.whole(0, bytes.length - 1);
    bytes.writeUInt8(random.whole(0, 255), at);
  }
  // Not what ext4 is to do in its distress: if that were believed, this machine would stop.
  right.copy(bytes, 1_024 + 0x3c, 1_024 + 0x3c, 1_024 + 0x3e);
  const handle = await open(image, 'r+');
  await handle.write(bytes, 0, bytes.length, 0);
  await handle.sync();
  await handle.close();
}
