/**
 * `node test/bench/main.ts boot`: how long the image on an emulated Pi takes from power-on until it serves, against the
 * Debian beneath it, bare, until multi-user.target, in turns on the same emulated computer. Asks for `make image` and root.
 */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { builtImage, Card } from '../image/support/card.ts';
import { ConsoleLine } from '../image/support/lines.ts';
import { emulatedPi, Machine } from '../image/support/machine.ts';
import { PiBox } from '../image/support/pi-box.ts';
import type { ListingRun } from './listing.ts';
import { describeMachine } from './machine.ts';
import { median } from './report.ts';

const run = promisify(execFile);
const GiB = 1024 ** 3;
const bootMsMax = 1_200_000;
/**
 * Raspberry Pi OS Lite (Debian with the same kernel) on a Pi 4 with a usual card, power-on to multi-user.target, and the
 * firmware's part of it, which is the same for both: what people report, not measured here.
 */
const pi4BareSeconds = 20;
const pi4FirmwareSeconds = 6;
const pi4SecondsMax = 30;

/** Services of packages that the box wants, and a bare Debian has not. */
const notDebian = ['ssh', 'smbd', 'nmbd', 'samba-ad-dc', 'rauc', 'smartmontools'];

type Bare = Readonly<{ dir: string; disk: string; kernel: string; initrd: string }>;

/** Returns the report's lines. @throws {Error} where there is no image, or no base of its own */
export async function measureBoot({ dir, quick, print }: ListingRun): Promise<string[]> {
  const image = await builtImage('pi');
  if (image === undefined) throw new Error('dist has no image: make image');
  const rounds = quick ? 1 : 3;
  const bare = await bareDebian(dir);
  const card = await Card.write(image, join(dir, 'card.img'), 8 * GiB);
  await using box = await PiBox.make(card, join(dir, 'b'));
  // Both made what only a first start makes.
  await bootBare(bare, true);
  const first = await bootBox(box);
  print(`  first start of the box: ${first.toFixed(0)} s`);
  const taken: { ours: number; bare: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = { bare: await bootBare(bare, false), ours: await bootBox(box) };
    taken.push(one);
    print(`  round ${round + 1} of ${rounds}: ${one.ours.toFixed(1)} s, bare ${one.bare.toFixed(1)} s`);
  }
  const ratios = taken.map(({ ours, bare: other }) => ours / other).sort((one, other) => one - other);
  const ratio = median(ratios);
  const estimate = pi4FirmwareSeconds + ratio * (pi4BareSeconds - pi4FirmwareSeconds);
  return [
    '# From power-on to serving',
    '',
    `${new Date().toISOString().slice(0, 10)}: the Pi image on an emulated computer (QEMU, cortex-a72, 2 cores), from QEMU's start to the first answer of /api/health; the Debian beneath it, without Nightjar, to multi-user.target.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- ${rounds} rounds in turns, medians; QEMU loads the kernel itself, so that a firmware's seconds are in neither`,
    '',
    '| | seconds |',
    '| --- | ---: |',
    `| the box | ${median(taken.map(({ ours }) => ours)).toFixed(1)} |`,
    `| the box, its first start | ${first.toFixed(1)} |`,
    `| bare Debian | ${median(taken.map(({ bare: other }) => other)).toFixed(1)} |`,
    `| ratio | ${ratio.toFixed(2)} (${ratios[0]?.toFixed(2)}-${ratios.at(-1)?.toFixed(2)}) |`,
    '',
    `On a Pi 4, by that ratio, ${estimate.toFixed(0)} s (aim: at most ${pi4SecondsMax}): an estimate from ${pi4BareSeconds} s for the same Debian without Nightjar on a Pi 4, ${pi4FirmwareSeconds} of them its firmware's, as people report it; measured on no Pi so far.`,
  ];
}

/** Seconds. */
async function bootBox(box: PiBox): Promise<number> {
  await box.powerOn();
  const ms = await box.serves(bootMsMax);
  await box.run('systemctl is-system-running --wait || true', bootMsMax);
  await box.run('systemctl poweroff').catch(() => undefined);
  await box.off();
  return ms / 1000;
}

/** The cached base, as one ext4 that starts by itself. */
async function bareDebian(dir: string): Promise<Bare> {
  const tree = join(dir, 'tree');
  await mkdir(tree);
  const tar = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '-f', await cachedBase()];
  await run('tar', ['-C', tree, '-x', ...tar], { timeout: bootMsMax });
  const boot = await readdir(join(tree, 'boot'));
  const out = { kernel: join(dir, 'vmlinuz'), initrd: join(dir, 'initrd'), disk: join(dir, 'bare.img') };
  const named = (start: string) => join(tree, 'boot', boot.find((name) => name.startsWith(start)) ?? start);
  await run('cp', [named('vmlinuz-'), out.kernel]);
  await run('cp', [named('initrd.img-'), out.initrd]);
  await run('truncate', ['-s', '3G', out.disk]);
  await run('mke2fs', ['-q', '-t', 'ext4', '-d', tree, out.disk], { timeout: bootMsMax });
  await rm(tree, { recursive: true });
  return { dir: join(dir, 'd'), ...out };
}

async function cachedBase(): Promise<string> {
  const given = process.env['NIGHTJAR_BASE'];
  if (given !== undefined && given !== '') return given;
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'nightjar-image');
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^base-pi-.*\.tar$/.test(name));
  const dated = await Promise.all(names.map(async (name) => ({ name, ms: (await stat(join(cache, name))).mtimeMs })));
  const newest = dated.toSorted((one, other) => other.ms - one.ms)[0];
  if (newest === undefined) throw new Error(`${cache} has no base: make image`);
  return join(cache, newest.name);
}

/** Seconds to multi-user.target. `kept`: what it writes is there the next time. */
async function bootBare({ dir, disk, kernel, initrd }: Bare, kept: boolean): Promise<number> {
  await mkdir(dir, { recursive: true });
  const log = join(dir, 'console.log');
  await rm(log, { force: true });
  const started = Date.now();
  const masks = notDebian.map((name) => `systemd.mask=${name}.service`).join(' ');
  const line = `root=/dev/vda rw console=ttyAMA0 quiet systemd.show_status=1 systemd.firstboot=0 ${masks}`;
  const machine = await Machine.start({
    program: 'qemu-system-aarch64',
    dir,
    consoleLog: log,
    args: [
      ...[...emulatedPi, '-smp', '2', '-kernel', kernel, '-initrd', initrd],
      ...['-append', line, '-device', 'pci-serial-2x,chardev1=unused,chardev2=sh', '-device', 'virtio-rng-pci'],
      ...['-drive', `if=none,id=disk,format=raw,cache=unsafe,file=${disk},snapshot=${kept ? 'off' : 'on'}`],
      ...['-device', 'virtio-blk-pci,drive=disk'],
    ],
  });
  const screen = new ConsoleLine(log);
  await screen.plug(machine.consolePath);
  try {
    await screen.until(/Reached target multi-user/, { ms: bootMsMax });
    return (Date.now() - started) / 1000;
  } finally {
    screen.unplug();
    if (kept) await new Promise((resolve) => setTimeout(resolve, 15_000));
    await machine.kill();
  }
}
