/** The privileged helper on real devices: what it does to a free disk, and that it does nothing to any other. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskHelper } from '../../src/disks/helper.ts';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import { HelperBox, helperMissing, helperProgram } from '../support/helper-box.ts';
import { mutatedLine } from '../support/helper-fuzz.ts';
import type { MadeDisk } from '../support/made-kernel.ts';
import { Random } from '../support/random.ts';
import { recordTests } from '../support/results.ts';

const missing = await helperMissing();
if (missing !== undefined) say(`the disk helper cannot be tested here: ${missing}`);
const lines = rounds(100, 2_000);
const atOnce = 4;
const nobody = 65_534;

describe.skipIf(missing !== undefined && maySkip)('the disk helper', () => {
  let dir = '';
  let box: HelperBox;
  const seed = suiteSeed('disk helper on real devices');
  recordTests('disk helper, real devices', { seed: () => seed, told: () => `${lines} lines through the socket` });
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`The disk helper cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njr-'));
    box = await HelperBox.make(join(dir, 'box'));
  });
  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  const refused = (refusal: string) => expect.objectContaining({ facts: { refusal } });
  const erase = (disk: Awaited<ReturnType<HelperBox['disk']>>, filesystem: 'ext4' | 'exfat' = 'ext4') =>
    box.helper.format(disk.key, { filesystem, label: 'nightjar-test', confirm: disk.printedName });

  it('knows which disk is whose', async () => {
    const status = async (loop: string) => (await box.disk(loop)).status;
    expect(await status('free')).toBe('free');
    expect(await status('system')).toBe('system');
    expect(await status('used')).toBe('in-use');
    expect(await status('under')).toBe('in-use');
  });

  it('erases a free disk, mounts it for use, unmounts it, checks it, and lets it go', async () => {
    const disk = await box.disk('free');
    const { volume } = await erase(disk);
    expect(volume).toMatchObject({ type: 'ext4', label: 'nightjar-test', folder: null });
    await expect(erase({ ...disk, printedName: 'yes' })).rejects.toEqual(refused('wrong-confirmation'));

    const { folder, path } = await box.helper.mount(disk.key, volume, 'use');
    expect(path).toBe(`/run/nightjar/disks/${volume.uuid}`);
    const line = (await box.mounts()).split('\n').find((one) => one.includes(path)) ?? '';
    for (const option of ['rw', 'nosuid', 'nodev', 'noexec', 'noatime', 'nosymfollow']) expect(line).toContain(option);
    expect(await stat(box.inside(path))).toMatchObject({ uid: nobody, mode: 0o40755 });
    await writeFile(join(box.inside(path), 'photo.jpg'), 'kept');

    // Mounted is mounted: by it, too.
    expect((await box.disk('free')).status).toBe('ours');
    await expect(erase(disk)).rejects.toEqual(refused('in-use'));
    await expect(box.helper.check(disk.key, volume, { repair: true })).rejects.toEqual(refused('in-use'));
    await expect(box.helper.mount(disk.key, volume, 'use')).rejects.toEqual(refused('in-use'));

    expect(await box.helper.unmount(folder)).toMatchObject({ lazily: false });
    expect(await box.helper.check(disk.key, volume, { repair: false })).toMatchObject({ outcome: 'clean' });
    const look = await box.helper.mount(disk.key, volume, 'look');
    expect(await readFile(join(box.inside(look.path), 'photo.jpg'), 'utf8')).toBe('kept');
    await expect(writeFile(join(box.inside(look.path), 'more'), '')).rejects.toMatchObject({ code: 'EROFS' });
    // A loop has no plug: it is unmounted, and may be pulled.
    expect(await box.helper.powerOff(disk.key)).toMatchObject({ state: 'unmounted' });
    expect(await box.mounts()).not.toContain('/run/nightjar/disks');
  });

  it('says what it finds on a damaged filesystem, and repairs what costs nothing', async () => {
    const disk = await box.disk('free');
    const [volume] = disk.volumes;
    if (volume === undefined) throw new Error('no volume');
    await run('/usr/sbin/debugfs', ['-w', '-R', 'set_inode_field / links_count 9', `/dev/${volume.name}`]);
    const look = await box.helper.check(disk.key, volume, { repair: false });
    expect(look).toMatchObject({ outcome: 'damaged', said: expect.stringContaining('ref count is 9') });
    expect(await box.helper.check(disk.key, volume, { repair: true })).toMatchObject({ outcome: 'repaired' });
    expect(await box.helper.check(disk.key, volume, { repair: false })).toMatchObject({ outcome: 'clean' });
  });

  it('makes exFAT too, and does not take one filesystem for another', async () => {
    const before = await box.disk('free');
    const { volume } = await erase(before, 'exfat');
    expect(volume).toMatchObject({ type: 'exfat', label: 'nightjar-te' });
    const [old] = before.volumes;
    if (old === undefined) throw new Error('no volume');
    await expect(box.helper.mount(before.key, old, 'use')).rejects.toEqual(refused('changed'));
    expect(await box.helper.check(before.key, volume, { repair: false })).toMatchObject({ outcome: 'clean' });
  });

  it('refuses every disk that is not free, whatever is typed', async () => {
    const wanted = { system: 'system-disk', used: 'in-use', under: 'in-use', small: 'unsuitable' } as const;
    for (const [loop, refusal] of Object.entries(wanted)) {
      const before = await box.checksum(loop as 'small');
      const disk = await box.disk(loop);
      await expect(erase(disk), loop).rejects.toEqual(refused(refusal));
      if (loop !== 'small')
        await expect(box.helper.smart(disk.key, 'auto', { wake: true })).rejects.toEqual(refused(refusal));
      expect(await box.checksum(loop as 'small')).toBe(before);
    }
    const { key, printedName } = await box.disk('free');
    const other = { printedName, key: { ...key, diskseq: key.diskseq + 1 } };
    await expect(
      box.helper.format(other.key, { filesystem: 'ext4', label: 'nightjar-a', confirm: printedName }),
    ).rejects.toEqual(refused('changed'));
  });

  it('asks the kernel itself: a disk that is mounted where it cannot see it is in use', async () => {
    const disk = await box.disk('other');
    const { volume } = await erase(disk);
    const held = join(dir, 'held');
    await run('mkdir', [held]);
    await run('mount', [`/dev/${volume.name}`, held]);
    try {
      expect((await box.disk('other')).status).toBe('free');
      await expect(erase(disk)).rejects.toEqual(refused('in-use'));
      await expect(box.helper.check(disk.key, volume, { repair: true })).rejects.toEqual(refused('in-use'));
    } finally {
      await run('umount', [held]);
    }
  });

  it('one at a time for each disk', async () => {
    const disk = await box.disk('other');
    const both = await Promise.allSettled([erase(disk), erase(disk)]);
    const done = both.filter(({ status }) => status === 'fulfilled');
    // The second waits a little, and is done after the first or told that it is busy; never in between.
    expect(done.length).toBeGreaterThan(0);
    for (const one of both) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'busy' });
    expect((await box.disk('other')).volumes).toHaveLength(1);
  });

  it('answers nobody but root and the daemon’s user', async () => {
    const list = '{"verb":"list"}\n';
    const ask = async (peer: string) =>
      JSON.parse(await direct(['--peer', peer, '--user', 'nobody', '--test-disks', 'none'], list));
    for (const peer of ['7-123-0', `7-123-${nobody}`, `7-123_4567-${nobody}`, `7-9-123_4567-${nobody}`])
      expect(await ask(peer), peer).toMatchObject({ ok: true });
    for (const peer of ['7-123-1000', '7-unknown', '', '0', '7-123-0-1000', `7-123-${nobody}0`]) {
      expect(await ask(peer), peer).toMatchObject({ ok: false, code: 'not-allowed' });
    }
  });

  it('says so when there is no helper', async () => {
    const nowhere = new DiskHelper({ socketPath: join(dir, 'none.sock') });
    await expect(nowhere.list()).rejects.toMatchObject({ code: 'command-missing' });
  });

  it(`leaves the disks of others as they are under ${lines} mutated lines through the socket`, async () => {
    const random = new Random(seed);
    const others = ['system', 'used', 'under'] as const;
    const before = await Promise.all(others.map((loop) => box.checksum(loop)));
    const disks = (await box.helper.list()).map((disk): MadeDisk => {
      const { key, model, printedName, status, volumes } = disk;
      const parts = volumes.map(({ name }) => name).filter((name) => name !== key.name);
      return { ...key, model, printedName, parts, bus: 'usb', role: status === 'free' ? 'free' : 'mounted' };
    });
    const wanted = Array.from({ length: lines }, () => mutatedLine({ disks }, random));
    const answers = { done: 0, refused: 0 };
    const send = async () => {
      for (let line = wanted.pop(); line !== undefined; line = wanted.pop()) {
        const reply = JSON.parse(await box.raw(line)) as { ok: boolean; code?: string; message?: string };
        // An error of its own is one.
        expect(reply.message ?? '', line).not.toContain('of its own');
        answers[reply.ok ? 'done' : 'refused']++;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, send));
    expect(await Promise.all(others.map((loop) => box.checksum(loop)))).toEqual(before);
    expect(answers.done).toBeGreaterThan(0);
    expect((await box.disk('system')).status).toBe('system');
    say(`disk helper, real devices: ${JSON.stringify(answers)}`);
  });
});

async function run(command: string, args: readonly string[]): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${command}: ${code}`))));
    child.stdin.end();
  });
}

/** The helper with a pipe instead of systemd's socket. */
async function direct(args: readonly string[], line: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [helperProgram, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', () => resolve(out));
    child.stdin.end(line);
  });
}
