/**
 * `node test/bench/main.ts disks`: a library mirrored to a second folder beside `rsync -a` and `sync`, read again beside
 * `sha256sum`, each in turn and with nothing in memory; and what both leave of the CPU while a phone sends.
 */
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Daemon } from '../support/daemon.ts';
import { Random } from '../support/random.ts';
import { beginUpload } from '../support/tus-by-hand.ts';
import { describeMachine, syncFilesystem, treeCpu, versionOf } from './machine.ts';
import { aim, median } from './report.ts';

type DisksRun = Readonly<{ dir: string; quick: boolean; rounds: number; print: (...lines: string[]) => void }>;
type Mirror = Readonly<{ diskId: string; running: boolean; files: number; waiting: { files: number } }>;

const run = promisify(execFile);
const mb = 1_000_000;
const [mirrorWallMax, verifyWallMax, coresFreeMin] = [1.3, 1.1, 0.8];
/** So many folders may stand as mirrors. */
const roundsMax = 6;
const waitMsMax = 20 * 60_000;
/** What a good Wi-Fi brings. */
const sentBytesPerSecond = 30 * mb;
const sentFileBytes = 3 * mb;
const sendingMs = 10_000;

/** Returns the report's lines. */
export async function measureDisks({ dir, quick, rounds: asked, print }: DisksRun): Promise<string[]> {
  const loadBefore = loadOf();
  const rsync = await versionOf('rsync', ['--version']);
  if (rsync === undefined) throw new Error('rsync is not installed (Debian: rsync).');
  const rounds = Math.min(asked, roundsMax);
  const folders = Array.from({ length: rounds + 1 }, (_, round) => join(dir, `mirror-${round}`));
  await using daemon = await Daemon.start({ dir, env: { NIGHTJAR_MIRROR_DIRS: folders.join(':') } });
  await daemon.setUp('Alice');
  const made = await fill(daemon, join(dir, 'card'), (quick ? 200 : 2_000) * mb);
  await rm(join(dir, 'card'), { recursive: true });
  await quiet(daemon);
  const photos = join(daemon.diskDir, 'Photos');

  const mirrored: Pair[] = [];
  const compared: Pair[] = [];
  const verified: Pair[] = [];
  for (const folder of folders.slice(0, rounds)) {
    mirrored.push({
      ours: await timed(
        dir,
        async () => await mirrorComplete(daemon),
        async () => await attach(daemon, folder),
      ),
      peer: await timed(dir, async () => {
        await run('rsync', ['-a', `${photos}/`, `${folder}-peer/`]);
        await syncFilesystem(dir);
      }),
    });
    const readBack = await timed(dir, async () => await sums(`${folder}-peer`, join(dir, 'sums')));
    const [last] = mirrored.slice(-1);
    if (last !== undefined) compared.push({ ours: last.ours, peer: last.peer + readBack });
    await forget(daemon);
    for (const path of [folder, `${folder}-peer`]) await rm(path, { recursive: true });
    verified.push({
      ours: await timed(dir, async () => await verifyAll(daemon)),
      peer: await timed(dir, async () => await sums(photos, join(dir, 'sums'))),
    });
    const [m, v] = [mirrored.at(-1), verified.at(-1)];
    print(`mirror ${told(m)}, verify ${told(v)} (seconds: ours, the other)`);
  }

  const phone = await daemon.pair('Alice', 'phone');
  const alone = await coresWhileSending(daemon, phone.token);
  await mkdir(folders.at(-1) ?? '');
  await daemon.console('POST', '/api/verification/start');
  const both = await coresWhileSending(daemon, phone.token);
  print(`cores while sending: ${alone.toFixed(2)} alone, ${both.toFixed(2)} with both`);

  const mirrorRatios = mirrored.map(ratio);
  const verifyRatios = verified.map(ratio);
  const perSecond = (pairs: readonly Pair[], of: (pair: Pair) => number) =>
    (made.bytes / mb / median(pairs.map(of))).toFixed(0);
  const row = (name: string, pairs: readonly Pair[], ratios: readonly number[]) =>
    `| ${name} | ${median(pairs.map(({ ours }) => ours)).toFixed(2)} | ${perSecond(pairs, ({ ours }) => ours)} | ` +
    `${median(pairs.map(({ peer }) => peer)).toFixed(2)} | ${perSecond(pairs, ({ peer }) => peer)} | ${spread(ratios)} |`;
  return [
    '# Disks: mirroring and reading again',
    '',
    `${new Date().toISOString().slice(0, 10)}: \`node test/bench/main.ts ${process.argv.slice(2).join(' ')}\`.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- ${rsync}`,
    `- load of the machine over the last minute: ${loadBefore} at the begin, ${loadOf()} at the end`,
    `- ${made.files} files, ${Math.round(made.bytes / mb)} MB: most of 1 to 4 MB, a few of 20 kB and of 12 MB; library and mirror on one disk`,
    `- ${rounds} rounds, each way once a round; medians, and of the ratios round by round (smallest-largest); memory emptied before each`,
    '- the box reads each copy back from the medium, and keeps its catalogue and checksum lists; `rsync` does neither',
    `- a phone sends photos of 3 MB, ${sentBytesPerSecond / mb} MB/s; cores: CPU seconds of the box and its worker a second, of ${2}`,
    '',
    '## Aims',
    '',
    aim('mirror to `rsync -a` and `sync`, wall', median(mirrorRatios), mirrorWallMax),
    `- the same, after which the copy is read back by \`sha256sum\`, as the box does: ${median(compared.map(ratio)).toFixed(2)}`,
    aim('reading again to `sha256sum`, wall', median(verifyRatios), verifyWallMax),
    `- ${2 - both >= coresFreeMin ? 'met' : '**missed**'}: cores free of 2 while a phone sends and both wait for it: ${(2 - both).toFixed(2)} (aim: at least ${coresFreeMin.toFixed(2)}); nothing else to do: ${(2 - alone).toFixed(2)}`,
    '',
    '## Figures',
    '',
    '| | the box, s | MB/s | the other, s | MB/s | wall: box/other |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    row('mirror; `rsync -a` and `sync`', mirrored, mirrorRatios),
    row('mirror; `rsync -a`, `sync`, then `sha256sum` of the copy', compared, compared.map(ratio)),
    row('reading again; `sha256sum`', verified, verifyRatios),
    '',
  ];
}

async function sums(folder: string, to: string): Promise<void> {
  await run('sh', ['-c', 'find "$1" -type f -print0 | xargs -0 sha256sum > "$2"', 'sh', folder, to]);
}

/** Seconds. */
type Pair = Readonly<{ ours: number; peer: number }>;
const ratio = ({ ours, peer }: Pair) => ours / peer;
const told = (pair: Pair | undefined) => `${pair?.ours.toFixed(2)}, ${pair?.peer.toFixed(2)}`;

function spread(values: readonly number[]): string {
  return `**${median(values).toFixed(2)}** (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`;
}

function loadOf(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}

/** With nothing of it in memory. */
async function timed(dir: string, work: () => Promise<void>, prepare = async () => {}): Promise<number> {
  await syncFilesystem(dir);
  await writeFile('/proc/sys/vm/drop_caches', '3');
  await prepare();
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

/** Photos that are noise, imported from a folder. */
async function fill(daemon: Daemon, folder: string, bytesMin: number): Promise<{ files: number; bytes: number }> {
  const random = new Random(1);
  await mkdir(folder);
  for (let [n, bytes] = [0, 0]; bytes < bytesMin; n += 1) {
    const kind = random.next();
    const size = kind < 0.1 ? 20_000 : kind < 0.95 ? random.whole(mb, 4 * mb) : 12 * mb;
    await writeFile(join(folder, `${n}.jpg`), randomFillSync(Buffer.alloc(size)));
    bytes += size;
  }
  const asked = { source: 'folder', folder, person: 'Alice' };
  const { id } = (await daemon.console('POST', '/api/imports', asked)) as { id: string };
  await until(async () => ((await daemon.console('GET', `/api/imports/${id}`)) as { state: string }).state === 'done');
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return { files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function until(done: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + waitMsMax; !(await done()); ) {
    if (Date.now() > deadline) throw new Error('It did not come to an end.');
    await pause(50);
  }
}

/** Pictures, checksum lists and all that follows an import is done. */
async function quiet(daemon: Daemon): Promise<void> {
  const used = () => {
    const { user, system } = treeCpu(daemon.pid);
    return user + system;
  };
  await until(async () => {
    const before = used();
    await pause(3_000);
    return used() - before < 0.1;
  });
}

const mirrors = async (daemon: Daemon) =>
  ((await daemon.console('GET', '/api/mirrors')) as { mirrors: Mirror[] }).mirrors;

/** Nothing waits for it any more. */
async function mirrorComplete(daemon: Daemon): Promise<void> {
  await until(async () => {
    const [mirror] = await mirrors(daemon);
    return mirror !== undefined && mirror.files > 0 && mirror.waiting.files === 0;
  });
}

/** It is found within 3 s. */
async function attach(daemon: Daemon, folder: string): Promise<void> {
  await mkdir(folder);
  await until(async () => (await mirrors(daemon)).some(({ running, files }) => running || files > 0));
}

async function forget(daemon: Daemon): Promise<void> {
  for (const { diskId } of await mirrors(daemon)) await daemon.console('DELETE', `/api/mirrors/${diskId}`);
}

async function verifyAll(daemon: Daemon): Promise<void> {
  await daemon.console('POST', '/api/verification/start');
  await until(async () => ((await daemon.console('GET', '/api/verification')) as { all: unknown }).all === null);
}

/** Cores that the box uses, on average. */
async function coresWhileSending(daemon: Daemon, token: string): Promise<number> {
  await quietOrBusy();
  const before = treeCpu(daemon.pid);
  const startedAt = performance.now();
  for (let sent = 0; performance.now() - startedAt < sendingMs; sent += 1) {
    const dueAt = startedAt + (sent * sentFileBytes * 1_000) / sentBytesPerSecond;
    if (dueAt > performance.now()) await pause(dueAt - performance.now());
    const body = randomFillSync(Buffer.alloc(sentFileBytes));
    const path = `DCIM/${startedAt}-${sent}.bin`;
    const { status } = await beginUpload({ daemon, token }, { path, length: body.length, body });
    if (status !== 201) throw new Error(`A photo was answered with ${status}.`);
  }
  const after = treeCpu(daemon.pid);
  const seconds = (performance.now() - startedAt) / 1_000;
  return (after.user + after.system - before.user - before.system) / seconds;
}

/** Both have begun, where there is anything to do. */
async function quietOrBusy(): Promise<void> {
  await pause(3_500);
}
