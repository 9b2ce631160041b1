/**
 * `node test/bench/main.ts webdav`: the door for Nextcloud's apps beside the tus door, `rclone serve webdav` and nginx,
 * taken in turn in the same run: many photos, one large video in parts, and a folder of 20,000 names.
 */
import { access } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { describeMachine, versionOf } from './machine.ts';
import { measure, type Run } from './measuring.ts';
import { aim, median, medianCpuPerGb } from './report.ts';
import { nginx, nightjar, nightjarForApps, rclone, type Start } from './servers.ts';
import { listingLines, measureNames } from './webdav-names.ts';
import { type Workload, workloads } from './workloads.ts';

type WebDavRun = Readonly<{ dir: string; quick: boolean; rounds: number; print: (...lines: string[]) => void }>;

/** Debian's libnginx-mod-http-dav-ext: nginx itself lists nothing. */
const listingModule = '/usr/lib/nginx/modules/ngx_http_dav_ext_module.so';
const [photosWallMax, partsCpuMax] = [1.25, 1.15];
const mb = 1_000_000;

type Way = { name: string; start: Start; workload: Workload; runs: Run[] };

/** Returns the report's lines. */
export async function measureWebDav({ dir, quick, rounds, print }: WebDavRun): Promise<string[]> {
  const loadBefore = loadOf();
  const { photos, video } = workloads(quick);
  const notes: string[] = [];
  const has = async (program: string, args: string[]) => {
    const version = await versionOf(program, args);
    notes.push(version ?? `**${program} is not installed: not compared**`);
    return version !== undefined;
  };
  const peers = {
    rclone: await has('rclone', ['version']),
    nginx: await has('nginx', ['-v']),
    listing: await access(listingModule).then(
      () => listingModule,
      () => undefined,
    ),
  };
  const others = (workload: Workload, how: string) => [
    ...(peers.rclone ? [{ name: `\`rclone serve webdav\`${how}`, start: rclone, workload }] : []),
    ...(peers.nginx ? [{ name: `nginx with DAV${how}`, start: nginx, workload }] : []),
  ];

  const photoWays = ways([
    { name: 'the box, tus', start: nightjar, workload: photos },
    { name: 'the box, WebDAV', start: nightjarForApps, workload: photos },
    {
      name: 'the box, WebDAV, with what the Android app asks around each',
      start: nightjarForApps,
      workload: { ...photos, asksAround: true },
    },
    ...others(photos, ''),
  ]);
  await takeInTurn(photoWays, { rounds, dir, print });
  const inParts = (partBytes: number) => ({
    name: `the box, WebDAV, in parts of ${partBytes / mb} MB`,
    start: nightjarForApps,
    workload: { ...video, partBytes },
  });
  const videoWays = ways([
    { name: 'the box, tus', start: nightjar, workload: video },
    inParts(10 * mb),
    inParts(40.96 * mb),
    { name: 'the box, WebDAV, in one PUT', start: nightjarForApps, workload: video },
    ...others(video, ', one PUT'),
  ]);
  await takeInTurn(videoWays, { rounds, dir, print });
  const names = await measureNames({ dir: join(dir, 'names'), quick, print, ...peers });

  const [, webdav] = photoWays;
  const [, small, large] = videoWays;
  return [
    '# The door for Nextcloud’s apps',
    '',
    `${new Date().toISOString().slice(0, 10)}: \`node test/bench/main.ts webdav${quick ? ' --quick' : ''}\`.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    ...notes.map((note) => `- ${note}`),
    `- load of the machine over the last minute: ${loadBefore} at the begin, ${loadOf()} at the end`,
    `- ${rounds} rounds, each way once a round and always in this order; medians, and of the ratios round by round (smallest-largest)`,
    '- over http on loopback, connections kept: TLS would cost both doors the same, and hide what they differ in',
    '- CPU: user + system of the server and its children; the sender is a process of its own and not counted',
    '- the box answers when a file is durable; a peer is timed until a `sync` after its last answer',
    '- a PUT has the headers of the apps (`X-OC-Mtime`, `OC-Total-Length`); parts come one after the other, then a MOVE',
    '',
    '## Aims',
    '',
    aim(`${photos.name}: WebDAV to tus, wall`, median(against(photoWays, webdav, wallOf)), photosWallMax),
    aim(`${video.name}, parts of 10 MB: WebDAV to tus, CPU`, median(against(videoWays, small, cpuOf)), partsCpuMax),
    aim(`${video.name}, parts of 40.96 MB: WebDAV to tus, CPU`, median(against(videoWays, large, cpuOf)), partsCpuMax),
    ...names.aims,
    '',
    '## Figures',
    '',
    ...table(photos.name, photoWays),
    ...table(video.name, videoWays),
    ...listingLines(names),
  ];
}

function ways(all: ReadonlyArray<Omit<Way, 'runs'>>): Way[] {
  return all.map((way) => ({ ...way, runs: [] }));
}

/** What drifts on the machine meets all alike, and ratios are of the same round. */
async function takeInTurn(
  all: readonly Way[],
  { rounds, dir, print }: Pick<WebDavRun, 'rounds' | 'dir' | 'print'>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { name, start, workload, runs } of all) {
      const run = await measure(start, workload, { dir, tls: undefined });
      runs.push(run);
      print(`${workload.name}, ${name}: ${wallOf(run).toFixed(2)} s, CPU ${cpuOf(run).toFixed(2)} s`);
    }
  }
}

const wallOf = (run: Run) => run.wallSeconds;
const cpuOf = (run: Run) => run.cpu.user + run.cpu.system;

/** Of `way` to the first one, round by round. */
function against([first]: readonly Way[], way: Way | undefined, of: (run: Run) => number): number[] {
  return (way?.runs ?? []).flatMap((run, round) => {
    const other = first?.runs[round];
    return other === undefined ? [] : [of(run) / of(other)];
  });
}

function table(title: string, all: readonly Way[]): string[] {
  const rows = all.map((way) => {
    const { name, runs } = way;
    const perGb = (pick: (run: Run) => number) => median(runs.map((run) => (pick(run) / run.bytes) * 1e9)).toFixed(2);
    const wall = median(runs.map(wallOf));
    const cells = [
      name,
      wall.toFixed(2),
      ((runs[0]?.bytes ?? 0) / mb / wall).toFixed(0),
      medianCpuPerGb(runs).toFixed(2),
      `${perGb(({ cpu }) => cpu.user)} + ${perGb(({ cpu }) => cpu.system)}`,
      spread(against(all, way, wallOf)),
      spread(against(all, way, cpuOf)),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `### ${title}`,
    '',
    '| | wall s | MB/s | CPU s/GB | user + system | wall, to tus | CPU, to tus |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}

function spread(values: readonly number[]): string {
  return `**${median(values).toFixed(2)}** (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`;
}

function loadOf(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
