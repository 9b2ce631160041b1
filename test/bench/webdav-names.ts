/**
 * The part of `webdav` that lists: PROPFIND of one folder with 20,000 names, as apps ask for it, and the memory that the
 * answer takes. Peers list as many files, of the same names and lengths, without content.
 */
import { mkdir, open } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { Daemon } from '../support/daemon.ts';
import { fill, itemOf } from './big-library.ts';
import { treeAnonymousBytes } from './machine.ts';
import { startFlags } from './memory.ts';
import { aim, median } from './report.ts';
import { listingNginx, type Running, rclone } from './servers.ts';

type NamesRun = Readonly<{
  dir: string;
  quick: boolean;
  print: (...lines: string[]) => void;
  rclone: boolean;
  nginx: boolean;
  listing: string | undefined;
}>;
/** `addedBytes`: the most anonymous memory while answering, over what it had at rest just before. */
type Taken = Readonly<{
  name: string;
  firstMs: number;
  ms: number[];
  addedBytes: number;
  bytes: number;
  names: number;
}>;
type Names = Readonly<{ count: number; taken: Taken[]; aims: string[] }>;
type Listed = Readonly<{ name: string; pid: number; url: string; authorization?: string }>;

const [secondsMax, addedMbMax] = [1, 60];
const [manyNames, quickNames] = [20_000, 5_000];
const [timesAsked, timesWatched] = [7, 5];
/** After a start, and between two answers that are watched. */
const [settleMs, restMs, sampleMs] = [3_000, 1_000, 10];
const folder = 'DCIM/Camera';
const namespaces = 'xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"';
/** Everything that the apps know to ask for, and nothing that is not there for a file. */
const asked =
  'd:displayname d:getlastmodified d:getetag d:getcontenttype d:getcontentlength d:resourcetype oc:id oc:fileid oc:permissions oc:size oc:checksums oc:owner-id nc:has-preview nc:creation_time nc:upload_time'.split(
    ' ',
  );
const few = ['d:getlastmodified', 'd:getcontentlength', 'd:getetag', 'd:resourcetype'];

export async function measureNames({ dir, quick, print, ...peers }: NamesRun): Promise<Names> {
  const count = quick ? quickNames : manyNames;
  print(`Listing ${count} names...`);
  const taken: Taken[] = [];
  const take = async (listed: Listed, properties: readonly string[]) => {
    const one = await measureListing(listed, properties);
    if (one.names !== count + 1) throw new Error(`${listed.name} named ${one.names} of ${count} files.`);
    taken.push(one);
    print(`  ${listed.name}: ${median(one.ms).toFixed(0)} ms, ${mb(one.addedBytes)} MB more`);
  };
  await boxOf(join(dir, 'box'), count, async (listed) => {
    await take({ ...listed, name: 'the box, all that apps know to ask for' }, asked);
    await take({ ...listed, name: 'the box, four properties' }, few);
  });
  if (peers.rclone)
    await peerOf(join(dir, 'rclone'), count, rclone, (it) => take({ ...it, name: 'rclone, four' }, few));
  if (peers.nginx && peers.listing !== undefined) {
    const start = listingNginx(peers.listing);
    await peerOf(join(dir, 'nginx'), count, start, (it) => take({ ...it, name: 'nginx with dav-ext, four' }, few));
  }
  const [all] = taken;
  const what = `PROPFIND of ${count} names, all properties`;
  return {
    count,
    taken,
    aims: [
      aim(`${what}, s`, median(all?.ms ?? []) / 1_000, secondsMax),
      aim(`${what}, the first after a start, s`, (all?.firstMs ?? Number.NaN) / 1_000, secondsMax),
      aim(`${what}, memory added, MB`, Number(mb(all?.addedBytes ?? Number.NaN)), addedMbMax),
    ],
  };
}

export function listingLines({ count, taken }: Names): string[] {
  const rows = taken.map(({ name, firstMs, ms, addedBytes, bytes }) => {
    const cells = [name, firstMs.toFixed(0), median(ms).toFixed(0), Math.max(...ms).toFixed(0), mb(addedBytes)];
    return `| ${[...cells, (bytes / 1e6).toFixed(1)].join(' | ')} |`;
  });
  return [
    `### PROPFIND of ${count} names, Depth 1`,
    '',
    `${timesAsked} times after the first, to the last byte of the answer; then ${timesWatched} times with the anonymous memory of the server looked at every ${sampleMs} ms (MB of it are 2^20 bytes).`,
    '',
    '| | first ms | median ms | largest ms | memory added, MB | answer, 10^6 bytes |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}

/** As `npm start` runs it, with a catalogue of that many names in one folder; their files are not needed to list them. */
async function boxOf(dir: string, count: number, use: (listed: Omit<Listed, 'name'>) => Promise<void>): Promise<void> {
  await mkdir(dir, { recursive: true });
  const flags = await startFlags();
  await using daemon = await Daemon.start({
    dir,
    wrapper: ['sh', '-c', `node=$1; shift; exec "$node" ${flags} "$@"`, 'sh'],
  });
  await daemon.setUp('Alice');
  const { token, phoneId } = await daemon.pair('Alice', 'Phone');
  const made = await daemon.ask('POST', '/api/connections', { token, json: { door: 'nextcloud' } });
  const { user, password } = JSON.parse(made.body.toString()) as { user: string; password: string };
  // The library knows its people from when it opens.
  await daemon.restart();
  await daemon.stop();
  fill({ file: join(daemon.diskDir, '.nightjar/library.sqlite'), phones: [phoneId], count });
  await daemon.restart();
  await daemon.libraryOpen();
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  await use({ pid: daemon.pid, url: `${daemon.url}/remote.php/dav/files/${user}/${folder}/`, authorization });
  await daemon.stop();
}

async function peerOf(
  dir: string,
  count: number,
  start: (place: { dir: string; tls: undefined }) => Promise<Running>,
  use: (listed: Omit<Listed, 'name'>) => Promise<void>,
): Promise<void> {
  await mkdir(join(dir, 'files', folder), { recursive: true });
  for (let index = 0; index < count; index++) {
    const { path, size } = itemOf(index, count);
    const file = await open(join(dir, 'files', path), 'w');
    await file.truncate(size);
    await file.close();
  }
  const server = await start({ dir, tls: undefined });
  try {
    await use({ pid: server.pid, url: `${server.url}${folder}/` });
  } finally {
    await server.stop();
  }
}

async function measureListing(listed: Listed, properties: readonly string[]): Promise<Taken> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await after(settleMs);
  const first = await list(listed, properties, agent);
  const ms: number[] = [];
  for (let time = 0; time < timesAsked; time++) ms.push((await list(listed, properties, agent)).ms);
  let addedBytes = 0;
  for (let time = 0; time < timesWatched; time++) {
    await after(restMs);
    const before = anonymousBytes(listed.pid);
    const timer = setInterval(() => {
      addedBytes = Math.max(addedBytes, anonymousBytes(listed.pid) - before);
    }, sampleMs);
    await list(listed, properties, agent).finally(() => clearInterval(timer));
  }
  agent.destroy();
  return { name: listed.name, firstMs: first.ms, ms, addedBytes, bytes: first.bytes, names: first.names };
}

/** Milliseconds from asking to the last byte of the answer. @throws for any answer but 207. */
async function list({ url, authorization }: Listed, properties: readonly string[], agent: Agent) {
  const names = properties.map((name) => `<${name}/>`).join('');
  const body = `<?xml version="1.0"?><d:propfind ${namespaces}><d:prop>${names}</d:prop></d:propfind>`;
  const headers = {
    depth: '1',
    'content-type': 'application/xml',
    'content-length': String(Buffer.byteLength(body)),
    ...(authorization === undefined ? {} : { authorization }),
  };
  const startedAt = performance.now();
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { agent, method: 'PROPFIND', headers }, resolve).once('error', reject).end(body);
  });
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    parts.push(part);
  }
  const ms = performance.now() - startedAt;
  if (answer.statusCode !== 207) throw new Error(`${url} was answered with ${answer.statusCode}.`);
  const text = Buffer.concat(parts).toString('latin1');
  return { ms, bytes, names: text.match(/<\/(?:\w+:)?response>/g)?.length ?? 0 };
}

function anonymousBytes(pid: number): number {
  return [...treeAnonymousBytes(pid).values()].reduce((total, { bytes }) => total + bytes, 0);
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
