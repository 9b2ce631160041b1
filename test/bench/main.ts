/**
 * `make bench`: what the box's upload path costs, as ratios against peers on the same machine in the same run.
 *
 *   node test/bench/main.ts [--quick] [--pairs N] [--dir DIR] [--only video|photos|steps] [--against PEER] [--clear]
 *     [--profile DIR]
 *   node test/bench/main.ts memory [--quick | --pictures N] [--dir DIR]
 *   node test/bench/main.ts timeline|nothing-new|thumbnails|sign-in|web-pages|web-timeline|webdav|disks|boot [--quick] [--dir DIR]
 *
 * A full run rewrites RESULTS.md beside this file; `--quick` (200 MB, 100 photos, 3 pairs), or a part, only prints.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { measureBoot } from './boot.ts';
import { measureDisks } from './disks.ts';
import { measureListing } from './listing.ts';
import { ddSeconds, describeMachine, syncFilesystem, versionOf } from './machine.ts';
import { measure, measurePairs, type Run } from './measuring.ts';
import { measureMemory } from './memory.ts';
import { measureNothingNew } from './nothing-new.ts';
import { aim, type Compared, comparisonTable, median, medianCpuPerGb, ratios, type Step, stepTable } from './report.ts';
import { bare, makeTls, nginx, nightjar, profileInto, rclone, type Start, type Tls } from './servers.ts';
import { measureSignIn } from './sign-in.ts';
import { thumbnailReport } from './thumbnails.ts';
import { measureWebPages } from './web-pages.ts';
import { measureWebTimeline } from './web-timeline.ts';
import { measureWebDav } from './webdav.ts';
import { type Workload, workloads } from './workloads.ts';

const { values: asked, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    pairs: { type: 'string' },
    dir: { type: 'string', default: '/var/tmp' },
    only: { type: 'string' },
    against: { type: 'string' },
    clear: { type: 'boolean', default: false },
    profile: { type: 'string' },
    pictures: { type: 'string' },
  },
});
const pairsCount = Number(asked.pairs ?? (asked.quick ? 3 : 5));

type Peer = Readonly<{ name: string; start: Start }>;
type At = Readonly<{ dir: string; tls: Tls | undefined }>;

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function installedPeers(): Promise<{ peers: Peer[]; notes: string[] }> {
  const rcloneVersion = await versionOf('rclone', ['version']);
  const nginxVersion = await versionOf('nginx', ['-v']);
  const peers: Peer[] = [{ name: 'our store behind bare node:http', start: bare('store') }];
  const notes = [];
  if (rcloneVersion === undefined) notes.push('**rclone is not installed: not compared** (Debian: rclone).');
  else {
    peers.push({ name: '`rclone serve webdav`', start: rclone });
    notes.push(`${rcloneVersion}, its defaults`);
  }
  if (nginxVersion === undefined) notes.push('**nginx is not installed: not compared** (Debian: nginx-light).');
  else {
    peers.push({ name: 'nginx with DAV', start: nginx });
    notes.push(`${nginxVersion}, dav_methods PUT`);
  }
  if ((await versionOf('ffprobe', ['-version'])) === undefined)
    throw new Error('ffprobe is not installed, so the box takes no video (Debian: ffmpeg).');
  return { peers: peers.filter(({ name }) => name.includes(asked.against ?? '')), notes };
}

async function compare(workload: Workload, peers: readonly Peer[], at: At): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const { name, start } of peers) {
    print(`${workload.name}, ${at.tls === undefined ? 'in clear' : 'over TLS'}: against ${name}`);
    const run = (which: Start) => async () => told(await measure(which, workload, at));
    compared.push({ peer: name, pairs: await measurePairs(pairsCount, run(nightjar), run(start)) });
  }
  return compared;
}

function told(run: Run): Run {
  const { user, system } = run.cpu;
  print(`  ${run.wallSeconds.toFixed(2)} s, CPU ${(user + system).toFixed(2)} s ${run.cipher}`);
  return run;
}

/** From reading and dropping to the whole door, one step more each time; every round takes all of them in order. */
async function measureSteps(workload: Workload, peers: readonly Peer[], at: At): Promise<Step[]> {
  const nginxPeer = peers.filter(({ start }) => start === nginx);
  const all: Array<Peer & { keeps: boolean; alone?: true }> = [
    { name: 'node:http, read and drop', start: bare('drop'), keeps: false },
    { name: '+ SHA-256', start: bare('hash'), keeps: false },
    { name: '+ write, no sync', start: bare('write'), keeps: true },
    { name: '+ sync while receiving and at the end', start: bare('sync'), keeps: true },
    { name: '+ the whole store', start: bare('store'), keeps: true },
    { name: '+ the whole door (the box)', start: nightjar, keeps: true },
  ];
  const steps = [...all, ...nginxPeer.map((peer) => ({ ...peer, keeps: true, alone: true }))].map((step) => ({
    ...step,
    alone: step.alone ?? false,
    runs: [] as Run[],
  }));
  print(`${workload.name}, ${at.tls === undefined ? 'in clear' : 'over TLS'}: step by step`);
  for (let round = 0; round < pairsCount; round++) {
    for (const { start, runs, keeps } of steps) runs.push(told(await measure(start, workload, { ...at, keeps })));
  }
  return steps;
}

async function ddMedian(bytes: number, dir: string): Promise<number> {
  const [source, target] = [join(dir, 'dd-source'), join(dir, 'dd-target')];
  const piece = Buffer.alloc(1024 * 1024, 0x5a);
  const pieces = Array.from({ length: Math.ceil(bytes / piece.length) }, () => piece);
  await pipeline(Readable.from(pieces), createWriteStream(source));
  await syncFilesystem(dir);
  const seconds: number[] = [];
  for (let round = 0; round < pairsCount; round++) {
    seconds.push(await ddSeconds(source, target));
    await unlink(target);
    await syncFilesystem(dir);
  }
  await unlink(source);
  return median(seconds);
}

function aimsFor(workload: Workload, compared: readonly Compared[], transport: string): string[] {
  const lines: string[] = [];
  for (const { peer, pairs } of compared) {
    const { wall, cpu } = ratios(pairs);
    const what = `${workload.kind} ${transport}, box to ${peer}`;
    if (peer.includes('bare')) lines.push(aim(`${what}, CPU`, median(cpu), 1.25));
    if (workload.kind === 'photos' && peer.includes('rclone')) lines.push(aim(`${what}, wall`, median(wall), 1));
    if (workload.kind === 'photos' && peer.includes('nginx')) lines.push(aim(`${what}, wall`, median(wall), 1.5));
  }
  return lines;
}

/** In words: where the ratio to nginx comes from. */
function explain(steps: readonly Step[]): string[] {
  const perGb = steps.map(({ runs }) => medianCpuPerGb(runs));
  const [drop = 0, hash = 0, write = 0, sync = 0, store = 0, door = 0, peer] = perGb;
  if (peer === undefined) return [];
  const part = (seconds: number) => `${seconds.toFixed(2)} s/GB (${(seconds / peer).toFixed(2)} x nginx)`;
  return [
    `The box takes ${(door / peer).toFixed(2)} times the CPU of nginx (${peer.toFixed(2)} s/GB). Of that:`,
    '',
    `- reading by node:http, nothing kept: ${part(drop)}`,
    `- SHA-256, which nginx does not do: ${part(hash - drop)}`,
    `- writing into the page cache: ${part(write - hash)}`,
    `- sync, for which nginx leaves the work to \`sync\` and the kernel: ${part(sync - write)}`,
    `- the rest of the store (catalogue, capture date by ffprobe, publishing): ${part(store - sync)}`,
    `- the door (Fastify, access, tus): ${part(door - store)}`,
    '',
  ];
}

async function report(dir: string): Promise<string[]> {
  const { video, photos } = workloads(asked.quick);
  const { peers, notes } = await installedPeers();
  const tls = await makeTls(dir);
  const lines: string[] = [];
  const aims: string[] = [];
  for (const [transport, at] of [
    ['in clear', { dir, tls: undefined }],
    ['over TLS', { dir, tls }],
  ] as const) {
    if (asked.clear && at.tls !== undefined) continue;
    for (const workload of [video, photos]) {
      if (asked.only !== undefined && asked.only !== workload.kind) continue;
      const compared = await compare(workload, peers, at);
      lines.push(...comparisonTable({ title: `${workload.name}, ${transport}`, compared }));
      aims.push(...aimsFor(workload, compared, transport));
    }
    if (asked.only !== undefined && asked.only !== 'steps') continue;
    const steps = await measureSteps(video, peers, at);
    lines.push(`### Where the CPU goes: ${video.name}, ${transport}`, '', ...stepTable(steps), ...explain(steps));
  }
  const ddSecond = await ddMedian(video.bytes, dir);
  return [
    '# Results of `make bench`',
    '',
    `${new Date().toISOString().slice(0, 10)}: \`node test/bench/main.ts ${process.argv.slice(2).join(' ')}\`.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    ...notes.map((note) => `- ${note}`),
    `- ${pairsCount} pairs A B A B for each peer; medians, and the median of the ratios pair by pair (smallest-largest)`,
    '- CPU: user + system of the server and its children; the sender is a process of its own and not counted',
    '- the box and the bare store answer when a file is durable; a peer is timed until a `sync` after its last answer',
    '- the video is random bytes named `.mp4`: the box looks at it with ffprobe; photos are JPEGs with EXIF dates',
    '- TLS 1.3, TLS_AES_128_GCM_SHA256, X25519 and a P-256 key for all; a warm-up of 32 MB and 20 photos before each run',
    `- \`dd bs=1M conv=fdatasync\` of the video's size: ${ddSecond.toFixed(2)} s (${(video.bytes / 1e6 / ddSecond).toFixed(0)} MB/s)`,
    '',
    ...(aims.length === 0 ? [] : ['## Aims', '', ...aims, '']),
    '## Figures',
    '',
    ...lines,
  ];
}

/** What is measured by itself; each full run of one rewrites its own results. */
const sections: Readonly<Record<string, (dir: string) => Promise<string[]>>> = {
  memory: (dir) => measureMemory({ pictures: Number(asked.pictures ?? (asked.quick ? 100 : 2_000)), dir, print }),
  timeline: (dir) => measureListing({ dir, quick: asked.quick, print }),
  'nothing-new': (dir) => measureNothingNew({ dir, quick: asked.quick, print }),
  'web-timeline': (dir) => measureWebTimeline({ dir, quick: asked.quick, print }),
  'sign-in': (dir) => measureSignIn({ dir, quick: asked.quick, print }),
  webdav: (dir) => measureWebDav({ dir, quick: asked.quick, rounds: pairsCount, print }),
  boot: (dir) => measureBoot({ dir, quick: asked.quick, print }),
  disks: (dir) => measureDisks({ dir, quick: asked.quick, rounds: pairsCount, print }),
  'web-pages': (dir) => measureWebPages({ dir, quick: asked.quick, print }),
  thumbnails: async (dir) => {
    const { lines, aims } = await thumbnailReport({ dir, rounds: pairsCount, perKind: asked.quick ? 4 : 12 });
    return ['# Results of `node test/bench/main.ts thumbnails`', '', ...aims, '', ...lines];
  },
};

async function main(): Promise<void> {
  if (asked.profile !== undefined) profileInto(asked.profile);
  const dir = await mkdtemp(join(asked.dir, 'nightjar-bench-'));
  try {
    const section = sections[positionals[0] ?? ''];
    if (section !== undefined) {
      const lines = await section(dir);
      print('', ...lines);
      const results = new URL(`./RESULTS-${positionals[0]}.md`, import.meta.url);
      if (!asked.quick && asked.pictures === undefined) await writeFile(results, `${lines.join('\n').trimEnd()}\n`);
      return;
    }
    const lines = await report(dir);
    print('', ...lines);
    const whole =
      !asked.quick &&
      asked.only === undefined &&
      asked.against === undefined &&
      !asked.clear &&
      asked.profile === undefined;
    if (whole) await writeFile(new URL('./RESULTS.md', import.meta.url), `${lines.join('\n').trimEnd()}\n`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

await main();
