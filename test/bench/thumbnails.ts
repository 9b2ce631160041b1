/**
 * Pictures per CPU second: the media worker against `vipsthumbnail` with its defaults (1600 px WebP, then 320 px from
 * that), and for HEIC against `heif-convert` and then the same. On real photos, where there are some.
 *
 *   node test/bench/thumbnails.ts [--quick] [--rounds N] [--dir DIR]
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { treeAnonymousBytes } from '../../src/media/watched.ts';
import { MediaClient } from '../support/media-client.ts';
import { realMedia } from '../support/real-media.ts';
import { type Cpu, cpuBetween, describeMachine, endedChildrenCpu, treeCpu, versionOf } from './machine.ts';
import { median } from './report.ts';

const run = promisify(execFile);
const lookMs = 20;
const mostLarger = 1.02;
const leastQuicker = 1.5;

type Measured = { cpuSeconds: number; files: number; gridBytes: number; previewBytes: number; peakBytes: number };
type Kind = {
  name: string;
  files: readonly string[];
  peer: string;
  peerMakes: (file: string, dir: string) => Promise<void>;
};

export type ThumbnailReport = { lines: string[]; aims: string[] };

/** Says so where tools or pictures are missing. `rounds` pairs of runs, ours and theirs in turn; medians. */
export async function thumbnailReport(options: {
  dir: string;
  rounds: number;
  perKind: number;
}): Promise<ThumbnailReport> {
  const missing = await missingTools();
  const real = realMedia();
  if (missing.length > 0) return notMeasured(`${missing.join(', ')} not installed`);
  if (real.length === 0) return notMeasured('no real pictures');
  const lines: string[] = [];
  const aims: string[] = [];
  for (const kind of await kindsOf(real, options)) {
    const pairs: Array<{ ours: Measured; peer: Measured }> = [];
    for (let round = 0; round < options.rounds; round++) {
      pairs.push({ ours: await measureWorker(kind), peer: await measurePeer(kind, options.dir) });
    }
    lines.push(...table(kind, pairs));
    aims.push(...aimsOf(kind, pairs));
  }
  return { lines, aims };
}

function notMeasured(why: string): ThumbnailReport {
  return { lines: [`**Thumbnails are not compared: ${why}.**`, ''], aims: [] };
}

async function missingTools(): Promise<string[]> {
  const tools = {
    vipsthumbnail: ['--vips-version'],
    'heif-convert': ['-h'],
    convert: ['-version'],
    ffmpeg: ['-version'],
  };
  const found = await Promise.all(
    Object.entries(tools).map(async ([name, args]) => {
      if ((await versionOf(name, args)) !== undefined) return [];
      // heif-convert has no way to ask that ends well.
      return await run('sh', ['-c', `command -v ${name}`]).then(
        () => [],
        () => [name],
      );
    }),
  );
  return found.flat();
}

async function kindsOf(real: readonly string[], options: { dir: string; perKind: number }): Promise<Kind[]> {
  const folder = join(options.dir, 'sources');
  await mkdir(folder, { recursive: true });
  const jpegs = await twelveMegapixels(real, folder, options.perKind);
  const heics = real.filter((file) => /\.hei[cf]$/i.test(file) && isPhoneSized(file));
  const repeated = Array.from(
    { length: heics.length === 0 ? 0 : options.perKind },
    (_, index) => heics[index % heics.length],
  );
  return [
    { name: 'JPEG, 4032 x 3024', files: jpegs, peer: 'vipsthumbnail', peerMakes: vipsthumbnail },
    {
      name: `HEIC as phones write it (${heics.map((file) => basename(file)).join(', ')})`,
      files: repeated.filter((file) => file !== undefined),
      peer: 'heif-convert, vipsthumbnail',
      peerMakes: async (file: string, dir: string) => {
        await run('heif-convert', [file, join(dir, 'whole.jpg')]);
        await vipsthumbnail(join(dir, 'whole.jpg'), dir);
      },
    },
  ].filter(({ files }) => files.length > 0);
}

/** By its name or its bytes: what phones write is larger than what tests of formats are. */
function isPhoneSized(file: string): boolean {
  return /\.(jpe?g|heic|heif)$/i.test(file) && !isConformance(file) && statSync(file).size > 700_000;
}

/** nokiatech/heif_conformance: small pictures in large files. */
function isConformance(file: string): boolean {
  return /^C\d{3}\.heic$/.test(basename(file));
}

/**
 * Real photos of phones as 12-megapixel JPEGs: what is larger is cut, what is smaller is enlarged, so that the decoder's
 * work is that of twelve megapixels; each as often as it takes, a little to the side.
 */
async function twelveMegapixels(real: readonly string[], folder: string, count: number): Promise<string[]> {
  const sources: string[] = [];
  for (const file of real.filter(isPhoneSized)) {
    const source = join(folder, `${basename(file)}.jpg`);
    if (/\.hei[cf]$/i.test(file)) await run('heif-convert', ['-q', '95', file, source]);
    sources.push(/\.hei[cf]$/i.test(file) ? source : file);
  }
  const made: string[] = [];
  for (let index = 0; index < count && sources.length > 0; index++) {
    const file = join(folder, `photo-${index}.jpg`);
    const turn = Math.floor(index / sources.length) * 40;
    const shape = ['-resize', '4032x3024^', '-gravity', 'center', '-crop', `4032x3024+0+${turn}`, '+repage'];
    const again = ['-resize', '4032x3024!', '-sampling-factor', '4:2:0', '-quality', '90', file];
    await run('convert', [sources[index % sources.length] ?? '', ...shape, ...again]);
    made.push(file);
  }
  return made;
}

async function vipsthumbnail(file: string, dir: string): Promise<void> {
  await run('vipsthumbnail', ['--size', '1600', '-o', join(dir, 'preview.webp'), file]);
  await run('vipsthumbnail', ['--size', '320', '-o', join(dir, 'grid.webp'), join(dir, 'preview.webp')]);
}

async function measureWorker({ files }: Kind): Promise<Measured> {
  const client = await MediaClient.start();
  let peakBytes = 0;
  const look = setInterval(() => {
    peakBytes = Math.max(peakBytes, treeAnonymousBytes(client.pid));
  }, lookMs);
  try {
    // Its start is counted by nobody's run: it serves thousands. vipsthumbnail's start is part of using it.
    await client.ask(files[0] ?? '');
    const before = treeCpu(client.pid);
    let [gridBytes, previewBytes] = [0, 0];
    for (const file of files) {
      const told = await client.ask(file);
      if (!('answer' in told) || !told.answer.ok) throw new Error(`The worker made no picture of ${file}.`);
      gridBytes += told.grid.length;
      previewBytes += told.preview.length;
    }
    const cpuSeconds = secondsOf(cpuBetween(before, treeCpu(client.pid)));
    return { cpuSeconds, files: files.length, gridBytes, previewBytes, peakBytes };
  } finally {
    clearInterval(look);
    await client.stop();
  }
}

async function measurePeer({ files, peerMakes }: Kind, parent: string): Promise<Measured> {
  const dir = await mkdtemp(join(parent, 'peer-'));
  const before = endedChildrenCpu();
  let [gridBytes, previewBytes] = [0, 0];
  for (const file of files) {
    await peerMakes(file, dir);
    gridBytes += (await stat(join(dir, 'grid.webp'))).size;
    previewBytes += (await stat(join(dir, 'preview.webp'))).size;
    for (const name of await readdir(dir)) await rm(join(dir, name));
  }
  const cpuSeconds = secondsOf(cpuBetween(before, endedChildrenCpu()));
  await rm(dir, { recursive: true });
  return { cpuSeconds, files: files.length, gridBytes, previewBytes, peakBytes: 0 };
}

function secondsOf({ user, system }: Cpu): number {
  return user + system;
}

type Pairs = ReadonlyArray<{ ours: Measured; peer: Measured }>;

const perSecond = ({ files, cpuSeconds }: Measured) => files / cpuSeconds;
const bytesOf = ({ gridBytes, previewBytes }: Measured) => gridBytes + previewBytes;
const quicker = (pairs: Pairs) => pairs.map(({ ours, peer }) => perSecond(ours) / perSecond(peer));
const larger = (pairs: Pairs) => pairs.map(({ ours, peer }) => bytesOf(ours) / bytesOf(peer));

function table(kind: Kind, pairs: Pairs): string[] {
  const row = (name: string, runs: readonly Measured[], ratio: string) => {
    const kilobytes = (pick: (run: Measured) => number) =>
      (median(runs.map((run) => pick(run) / run.files)) / 1000).toFixed(1);
    const peak = Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 2 ** 20;
    const cells = [
      ...[name, median(runs.map(perSecond)).toFixed(2), ratio],
      ...[kilobytes(({ previewBytes }) => previewBytes), kilobytes(({ gridBytes }) => gridBytes)],
      peak === 0 ? '' : peak.toFixed(0),
    ];
    return `| ${cells.join(' | ')} |`;
  };
  const ratios = quicker(pairs);
  const spread = `**${median(ratios).toFixed(2)}** (${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)})`;
  return [
    `### Thumbnails: ${pairs[0]?.ours.files ?? 0} x ${kind.name}`,
    '',
    '| | files per CPU s | box : peer | 1600 px, kB | 320 px, kB | peak anonymous MiB |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    row(
      'media worker',
      pairs.map(({ ours }) => ours),
      '',
    ),
    row(
      kind.peer,
      pairs.map(({ peer }) => peer),
      spread,
    ),
    '',
  ];
}

function aimsOf(kind: Kind, pairs: Pairs): string[] {
  const [speed, size] = [median(quicker(pairs)), median(larger(pairs))];
  const say = (met: boolean, text: string) => `- ${met ? 'met' : '**missed**'}: ${text}`;
  const what = `${kind.name.split(/[ ,]/)[0]}, box to ${kind.peer}`;
  return [
    say(
      speed >= leastQuicker,
      `${what}, files per CPU second: ${speed.toFixed(2)} (aim: at least ${leastQuicker.toFixed(2)})`,
    ),
    say(
      size <= mostLarger,
      `${what}, bytes of both pictures: ${size.toFixed(3)} (aim: at most ${mostLarger.toFixed(3)})`,
    ),
  ];
}

if (import.meta.main) {
  const { values: asked } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      dir: { type: 'string', default: '/var/tmp' },
    },
  });
  const dir = await mkdtemp(join(asked.dir, 'nightjar-bench-'));
  try {
    const rounds = Number(asked.rounds ?? (asked.quick ? 2 : 5));
    const { lines, aims } = await thumbnailReport({ dir, rounds, perKind: asked.quick ? 4 : 12 });
    const machine = (await describeMachine(dir)).map((line) => `- ${line}`);
    process.stdout.write(`${[...machine, '', ...aims, '', ...lines].join('\n')}\n`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
