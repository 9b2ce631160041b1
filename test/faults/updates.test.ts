/** Updates as the device's own programs do them, with the real RAUC on loop devices: refused, installed, tried, gone back. */
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { cutShort, flipped, UpdateBox, updateBoxMissing } from '../support/update-box.ts';

const missing = await updateBoxMissing();
if (missing !== undefined) say(`updates cannot be tested here: ${missing}`);
const top = new URL('../..', import.meta.url).pathname;
const own = (JSON.parse(await readFile(`${top}package.json`, 'utf8')) as { version: string }).version;

describe.skipIf(missing !== undefined && maySkip)('updates', () => {
  let box: UpdateBox;
  let good: string;
  let daemon: ChildProcess | undefined;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Updates cannot be tested here: ${missing}`);
    box = await UpdateBox.make();
    good = await box.bundle('good', { compatibleFrom: { 'box-state': 1, library: 1, 'not-there-yet': 1 } });
    await box.startSlot('A');
    await judged();
  });
  afterAll(async () => {
    await stopDaemon();
    await box?.[Symbol.asyncDispose]();
  });

  /** A start of the running slot, with this much patience. */
  const judged = (seconds = 0) => box.program('verdict.mts', String(seconds), '0.2');
  /** The box's own daemon, of a box that nobody owns; it answers when this returns. */
  async function startDaemon(): Promise<void> {
    daemon ??= box.startIn(['/usr/lib/nightjar/node', `${top}src/main.ts`], {
      ...{ NIGHTJAR_STATE_DIR: '/var/lib/nightjar', NIGHTJAR_HTTP_PORT: '0', NIGHTJAR_HTTPS_PORT: '0' },
      ...{ NIGHTJAR_DISCOVERY: 'off', NIGHTJAR_LOG_LEVEL: 'silent', NIGHTJAR_TIME_SERVERS: '127.0.0.1:9' },
    });
    const there = () => box.in('sh', '-c', 'ls /var/lib/nightjar/console.sock || true');
    await expect.poll(there, { timeout: 120_000 }).toContain('console.sock');
  }
  async function stopDaemon(): Promise<void> {
    const child = daemon;
    daemon = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }

  it('are refused where they are not this builder’s, for this board, or whole; and nothing is written', async () => {
    const refused = {
      'not-signed': await box.bundle('stranger', { signedBy: 'other' }),
      'wrong-board': await box.bundle('board', { board: 'pc' }),
      damaged: await cutShort(good, 300_000),
      older: await box.bundle('older', { version: '0.0.1' }),
      'skips-a-release': await box.bundle('skips', { compatibleFrom: { 'box-state': 1, library: 9_999 } }),
    };
    for (const [reason, path] of Object.entries(refused))
      expect(await box.install(path), path).toMatchObject({ result: 'refused', reason, before: own });
    expect(await box.install(await box.bundle('odd', { version: '99' }))).toMatchObject({ reason: 'older' });
    expect(await box.install(await flipped(good, 100_000))).toMatchObject({ result: 'refused', reason: 'damaged' });
    expect((await box.record()).slots).not.toHaveProperty('B');
    // Whoever received it could still change it.
    await box.in('cp', good, '/var/lib/nightjar/updates/bundle.raucb');
    const hold = box.startIn(['sh', '-c', 'exec 9>>/var/lib/nightjar/updates/bundle.raucb; exec sleep 60'], {});
    await expect
      .poll(() => box.in('sh', '-c', 'for fd in /proc/[0-9]*/fd/9; do readlink $fd; done 2>/dev/null || true'))
      .toContain('/var/lib/nightjar/updates/bundle.raucb');
    const held = await box.installFrom('/var/lib/nightjar/updates/bundle.raucb');
    expect(held).toMatchObject({ result: 'refused', detail: expect.stringContaining('exclusive') });
    hold.kill('SIGKILL');
    expect(await box.in('ls', '/var/lib/nightjar/updates', '/var/lib/nightjar-box')).not.toContain('raucb');
  });

  it('stay where they were received when they are only older, as they were; of a disk nothing is kept', async () => {
    const uploaded = '/var/lib/nightjar/updates/bundle.raucb';
    const older = await box.bundle('kept', { version: '0.0.2' });
    await box.in('cp', older, uploaded);
    await box.in('chmod', '600', uploaded);
    await box.in('chown', '1234:1235', uploaded);
    const received = await box.in('stat', '-c', '%u:%g %a %y', uploaded);
    expect(await box.installFrom(uploaded)).toMatchObject({ result: 'refused', reason: 'older', version: '0.0.2' });
    expect(await box.in('stat', '-c', '%u:%g %a %y', uploaded)).toBe(received);
    await box.in('cmp', older, uploaded);
    await box.in('rm', uploaded);
    await box.in('cp', older, '/run/nightjar/disks/usb/kept.raucb');
    const onDisk = await box.installFrom('/run/nightjar/disks/usb/kept.raucb');
    expect(onDisk).toMatchObject({ result: 'refused', reason: 'older' });
    expect(await box.in('ls', '/var/lib/nightjar/updates', '/var/lib/nightjar-box')).not.toContain('raucb');
    await box.in('rm', '/run/nightjar/disks/usb/kept.raucb');
  });

  it('are not taken from elsewhere, and of a disk by no link', async () => {
    await box.in('cp', good, '/run/nightjar/disks/usb/good.raucb');
    await box.in('ln', '-s', 'good.raucb', '/run/nightjar/disks/usb/link.raucb');
    for (const path of [
      '/run/nightjar/disks/usb/link.raucb',
      '/run/nightjar/disks/usb/none.raucb',
      good,
      '/etc/passwd',
    ])
      expect(await box.installFrom(path), path).toMatchObject({ result: 'refused', reason: 'damaged' });
    expect((await box.record()).slots).not.toHaveProperty('B');
  });

  it('say so when they are larger than their place, which is then started by nobody', async () => {
    const large = await box.bundle('large', { rootMiB: 12 });
    expect(await box.install(large)).toMatchObject({ result: 'failed', reason: 'no-room', version: '99.0.0' });
    expect((await box.record()).slots).toMatchObject({ B: { whole: false } });
    await expect(box.program('restart.mts')).rejects.toThrow(/nothing that was written to its end/);
    expect(await box.askedOfSystemd()).not.toContainEqual(expect.stringContaining('reboot'));
  });

  it('stand beside the running version, whole and fitted to their slot, from a disk as from an upload', async () => {
    expect(await box.installFrom('/run/nightjar/disks/usb/good.raucb')).toMatchObject({ result: 'installed' });
    expect(await box.install(good)).toMatchObject({ result: 'installed', version: '99.0.0', before: own });
    expect(await box.fileOn('boot_b', 'cmdline.txt')).toMatch(/^root=PARTLABEL=root_b .* rauc\.slot=B /);
    expect([await box.backend('get-primary'), await box.backend('get-state', 'B')]).toEqual(['A', 'bad']);
    expect(await box.fileOn('bootsel', 'autoboot.txt')).toContain('[all]\ntryboot_a_b=1\nboot_partition=2\n');
  });

  it('are what the box’s helper tells of, and begins by units that outlive it', async () => {
    const status = { slot: 'A', board: 'pi', other: { slot: 'B', version: '99.0.0', state: 'ready' }, activity: null };
    expect(await helper({ verb: 'update-status' })).toMatchObject({ ok: true, ...status });
    const install = (path: string) => helper({ verb: 'update-install', path, older: false });
    for (const path of ['/etc/passwd', '/run/nightjar/disks/usb/deep/x.raucb', '/var/lib/nightjar/updates/other.raucb'])
      expect(await install(path), path).toMatchObject({ ok: false, code: 'invalid-request' });
    expect(await install('/run/nightjar/disks/usb/good.raucb')).toEqual({ ok: true });
    expect(await helper({ verb: 'update-restart' })).toEqual({ ok: true });
    expect((await box.askedOfSystemd()).slice(-4).filter((line) => line.startsWith('start'))).toEqual([
      'start --no-block nightjar-update-install.service',
      'start --no-block nightjar-update-restart.service',
    ]);
    await box.in('rm', '/var/lib/nightjar-box/update-request.json');
  });

  /** The privileged helper itself, as systemd starts it for root. */
  async function helper(request: object): Promise<object> {
    const program = '/usr/lib/nightjar/node /usr/lib/nightjar/box-helper/main.mts --peer 1-2-0 --user nobody';
    const line = JSON.stringify(request);
    return JSON.parse(await box.in('sh', '-c', `printf '%s\\n' "$1" | ${program}`, 'sh', line)) as object;
  }

  it('say so when the machine could not be restarted into them, and are not blamed for it', async () => {
    const systemctl = (status: number) =>
      box.write('/run/systemctl', `#!/bin/sh\necho "$*" >>/run/asked-of-systemd\nexit ${status}\n`);
    await systemctl(1);
    await expect(box.program('restart.mts')).rejects.toThrow(/does not restart/);
    await systemctl(0);
    const told = { result: 'failed', reason: 'other', version: '99.0.0', before: own };
    expect((await box.record()).outcome).toMatchObject(told);
    // The next start, which nobody asked to try anything.
    await box.startSlot('A');
    await judged();
    const { outcome, slots, trial } = (await box.record()) as { outcome: object; slots: object; trial?: unknown };
    expect({ outcome, trial }).toMatchObject({ outcome: told, trial: null });
    expect(slots).toMatchObject({ B: { whole: true, failed: false, ran: false } });
  });

  it('are left where they do not answer, and said to be', async () => {
    await box.program('restart.mts');
    expect(await box.askedOfSystemd()).toContain('reboot --reboot-argument=0 tryboot');
    await box.startSlot('B');
    await judged();
    expect(await box.askedOfSystemd()).toEqual(['reboot']);
    await box.startSlot('A');
    await judged();
    const { outcome, slots } = await box.record();
    expect(outcome).toMatchObject({ result: 'went-back', reason: 'did-not-answer', version: '99.0.0', before: own });
    expect(slots).toMatchObject({ B: { whole: true, failed: true } });
    expect(await box.backend('get-primary')).toBe('A');
  });

  it('are left by the guard where nothing of them works, and may be tried again', async () => {
    await box.program('restart.mts');
    await box.startSlot('B');
    const guard = box.startIn(['/usr/lib/nightjar/boot-slots/trial-guard', '0'], {});
    await expect.poll(() => box.askedOfSystemd()).toContain('reboot');
    guard.kill('SIGKILL');
    await box.startSlot('A');
    expect(await box.in('/usr/lib/nightjar/boot-slots/trial-guard', '0')).toBe('');
    await judged();
    const { outcome, slots } = await box.record();
    expect(outcome).toMatchObject({ result: 'went-back', reason: 'did-not-start' });
    expect(slots).toMatchObject({ B: { whole: true, failed: false } });
  });

  it('are left where they do not open the library that was open before', async () => {
    await box.program('restart.mts');
    const { trial, ...record } = (await box.record()) as unknown as { trial: object };
    const opened = { ...record, trial: { ...trial, libraryOpen: true } };
    await box.write('/var/lib/nightjar-box/update.json', JSON.stringify(opened));
    await box.startSlot('B');
    await startDaemon();
    await judged(3);
    expect(await box.askedOfSystemd()).toEqual(['reboot']);
    expect((await box.record()).outcome).toMatchObject({ result: 'went-back', reason: 'library-not-opened' });
    expect(await box.backend('get-primary')).toBe('A');
    await box.startSlot('A');
    await judged();
  });

  it('are kept once their daemon answers, and the plug may be pulled before that is written down', async () => {
    await box.program('restart.mts');
    const before = await box.in('cat', '/var/lib/nightjar-box/update.json');
    await box.startSlot('B');
    await startDaemon();
    await judged(120);
    expect([await box.backend('get-primary'), await box.backend('get-state', 'B')]).toEqual(['B', 'good']);
    expect(await box.fileOn('bootsel', 'autoboot.txt')).toContain('[all]\ntryboot_a_b=1\nboot_partition=3\n');
    const updated = { result: 'updated', reason: null, before: own };
    expect((await box.record()).outcome).toMatchObject(updated);
    expect(await box.askedOfSystemd()).toEqual([]);
    // As it was when the flip was done, and nothing else.
    await box.write('/var/lib/nightjar-box/update.json', before);
    await box.startSlot('B');
    await judged();
    expect((await box.record()).outcome).toMatchObject(updated);
  });

  it('say so when the plug was pulled while they were written', async () => {
    const record = JSON.parse(await box.in('cat', '/var/lib/nightjar-box/update.json')) as object;
    const half = { A: { version: '99.1.0', whole: false, failed: false, ran: false } };
    await box.write(
      '/var/lib/nightjar-box/update.json',
      JSON.stringify({ ...record, installing: '99.1.0', slots: half }),
    );
    await judged();
    expect((await box.record()).outcome).toMatchObject({ result: 'failed', reason: 'interrupted', version: '99.1.0' });
  });
});
