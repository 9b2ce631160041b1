/**
 * `node test/bench/main.ts memory [--quick | --pictures N] [--dir DIR]`: promise 7 of the design. The anonymous memory
 * of the daemon and of all below it, at rest and while `nightjar-phone` backs up 2,000 pictures (`--quick`: 100) and
 * their thumbnails are made. A full run rewrites RESULTS-memory.md beside this file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { describeMachine, treeAnonymousBytes } from './machine.ts';
import { aim, median } from './report.ts';

const root = new URL('../..', import.meta.url).pathname;
/** A real 12-megapixel photo of a phone; where it is not there, small pictures made large by noise stand in for it. */
const realPhoto = join(root, '../shared/media/photos/HMD_Nokia_8.3_5G.jpg');
const sampleMs = 100;
/** After a start, and after the media worker's last job: it goes a minute later. */
const settleMs = 10_000;
const workerGoneMs = 75_000;
const restingMs = 5_000;
const warmUpPictures = 8;
const backupMsMax = 60 * 60_000;
const [idleMbMax, peakMbMax] = [90, 256];

type Sample = ReadonlyMap<number, { command: string; bytes: number }>;
type Peak = { bytes: number; sample: Sample };

export type MemoryRun = Readonly<{ pictures: number; dir: string; print: (line: string) => void }>;

/** Returns the report's lines. Megabytes are 2^20 bytes, as where the kernel counts them. */
export async function measureMemory({ pictures, dir, print }: MemoryRun): Promise<string[]> {
  const camera = join(dir, 'Camera');
  const flags = await startFlags();
  print(`Making ${pictures} pictures...`);
  const bytes = await makePictures(camera, pictures, 0);
  await using box = await Daemon.start({
    dir,
    // As `npm start` runs it. Its children have their own limits.
    wrapper: ['sh', '-c', `node=$1; shift; exec "$node" ${flags} "$@"`, 'sh'],
  });
  await box.setUp('Alice');
  const { token } = await box.pair('Alice', 'Watching');
  print('Warming up...');
  // The image brings its code compiled. What runs for the first time reads its TypeScript with 30 MB more.
  const warmUp = join(dir, 'Warm-up');
  await makePictures(warmUp, warmUpPictures, pictures);
  await backUp(box, join(dir, 'warm-phone'), warmUp);
  await allMade(box, token, () => undefined);
  await box.restart();

  print('At rest...');
  await after(settleMs);
  const idle = await resting(box.pid);
  print(`  ${mb(idle)} MB`);

  print('Backing up, and making thumbnails...');
  const sampler = new Sampler(box.pid);
  const began = performance.now();
  await backUp(box, join(dir, 'phone'), camera);
  const backedUp = (performance.now() - began) / 1_000;
  const during = sampler.peak;
  const made = await allMade(box, token, print);
  const total = (performance.now() - began) / 1_000;
  const whole = sampler.stop();

  print('At rest again, a minute after the last thumbnail...');
  await after(workerGoneMs);
  const idleAfter = await resting(box.pid);
  const left = [...treeAnonymousBytes(box.pid).values()].map(({ command }) => command);
  await box.stop();

  const photo =
    (await readFile(realPhoto).catch(() => undefined)) === undefined
      ? 'small made-up JPEGs'
      : 'a real 12-megapixel JPEG, each with other bytes and another date';
  return [
    '# Memory',
    '',
    `${new Date().toISOString().slice(0, 10)}: anonymous memory (\`Anonymous\` of smaps_rollup) of the daemon and all below it, every ${sampleMs} ms; MB are 2^20 bytes.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- \`node ${flags}\`, as in \`npm start\``,
    `- ${pictures} pictures, ${(bytes / 1e6).toFixed(0)} MB: ${photo}, sent by \`nightjar-phone\` over TLS in ${backedUp.toFixed(0)} s`,
    `- pictures made after ${total.toFixed(0)} s: ${made}`,
    `- running a minute after: ${left.join(', ')}`,
    '',
    aim('at rest after a start, MB', Number(mb(idle)), idleMbMax),
    aim('at rest after the backup, MB', Number(mb(idleAfter)), idleMbMax),
    aim('peak while files came in, MB', Number(mb(during.bytes)), peakMbMax),
    aim('peak until the last thumbnail, MB', Number(mb(whole.bytes)), peakMbMax),
    '',
    ...parts(whole),
  ];
}

/** What `npm start` gives to Node, so that nothing else is measured than what runs. */
export async function startFlags(): Promise<string> {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } };
  const [, flags] = /\bnode (.*) src\/main\.ts$/.exec(scripts.start) ?? [];
  if (flags === undefined) throw new Error('The script "start" in package.json has another form than is known here.');
  return flags;
}

/** Sizes between that of the photo and half a megabyte more; no two alike. Returns bytes in all. */
async function makePictures(folder: string, count: number, first: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  const photo = await readFile(realPhoto).catch(() => undefined);
  let bytes = 0;
  for (let at = first; at < first + count; at++) {
    const taken = new Date(Date.UTC(2022, 0, 1) + at * 3_600_000 * 7).toISOString().slice(0, 19);
    const picture =
      photo === undefined ? exifJpeg({ seed: at, bytes: 2_500_000, takenLocal: taken }) : dated(photo, taken, at);
    bytes += picture.length;
    await writeFile(join(folder, `IMG_${String(at).padStart(5, '0')}.jpg`), picture);
  }
  return bytes;
}

/** The photo with another EXIF date, and comment segments (ITU-T T.81, B.2.4.5) in front of its end. */
function dated(photo: Buffer, takenLocal: string, seed: number): Buffer {
  const picture = Buffer.from(photo);
  const date = takenLocal.replaceAll('-', ':').replace('T', ' ');
  for (let at = 0; at < 64 * 1024; at++) {
    if (/^\d{4}:\d\d:\d\d \d\d:\d\d:\d\d$/.test(picture.toString('latin1', at, at + date.length)))
      picture.write(date, at, 'latin1');
  }
  const comments = Array.from({ length: seed % 9 }, (_, part) => comment(60_000, seed * 16 + part));
  return Buffer.concat([picture.subarray(0, 2), comment(64, seed), ...comments, picture.subarray(2)]);
}

function comment(bytes: number, seed: number): Buffer {
  const segment = Buffer.alloc(bytes + 4, `nightjar ${seed} `);
  segment.writeUInt16BE(0xfffe, 0);
  segment.writeUInt16BE(bytes + 2, 2);
  return segment;
}

/** Pairs anew: the box may have another port since the last time. */
async function backUp(box: Daemon, config: string, folder: string): Promise<void> {
  const pairing = await box.console('POST', '/api/pairings', { person: 'Alice', phone: 'Sending' });
  await runPhone(['pair', (pairing as { link: string }).link, '--json', '--config', config]);
  await runPhone(['backup', folder, '--json', '--config', config]);
}

async function runPhone(args: string[]): Promise<void> {
  const child = spawn(process.execPath, [join(root, 'src/client/main.ts'), ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: backupMsMax,
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`nightjar-phone ${args[0]} ended with ${status}.`);
}

/** Waits until no thumbnail is wanted any more. Returns how many are there. */
async function allMade(box: Daemon, token: string, print: (line: string) => void): Promise<string> {
  for (let looks = 0; looks * 1_000 < backupMsMax; looks++) {
    const answer = await box.ask('GET', '/api/pictures', { token });
    if (answer.status === 404) return 'none: this box makes no thumbnails';
    const { ready, wanted, refused } = JSON.parse(answer.body.toString()) as Record<string, number>;
    if (wanted === 0) return `${ready} ready, ${refused} refused`;
    if (looks % 30 === 0) print(`  ${ready} thumbnails made, ${wanted} wanted`);
    await after(1_000);
  }
  throw new Error('The thumbnails were not made in an hour.');
}

async function resting(pid: number): Promise<number> {
  const samples: number[] = [];
  for (let ms = 0; ms < restingMs; ms += sampleMs) {
    samples.push(sum(treeAnonymousBytes(pid)));
    await after(sampleMs);
  }
  return median(samples);
}

class Sampler {
  peak: Peak = { bytes: 0, sample: new Map() };
  readonly #timer: NodeJS.Timeout;

  constructor(pid: number) {
    this.#timer = setInterval(() => {
      const sample = treeAnonymousBytes(pid);
      const bytes = sum(sample);
      if (bytes > this.peak.bytes) this.peak = { bytes, sample };
    }, sampleMs);
  }

  stop(): Peak {
    clearInterval(this.#timer);
    return this.peak;
  }
}

function parts({ sample }: Peak): string[] {
  const rows = [...sample.values()].sort((a, b) => b.bytes - a.bytes);
  return [
    '| at the peak | MB |',
    '| --- | ---: |',
    ...rows.map(({ command, bytes }) => `| ${command} | ${mb(bytes)} |`),
  ];
}

function sum(sample: Sample): number {
  return [...sample.values()].reduce((total, { bytes }) => total + bytes, 0);
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
