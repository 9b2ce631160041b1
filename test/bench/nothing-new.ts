/**
 * `node test/bench/main.ts nothing-new`: what it costs to find out that there is nothing to send. A phone with 50,000
 * files that the box has all: its whole backup by `nightjar-phone`, and what it asks alone, in seconds and in bytes on
 * the wire. The files are sparse, with typical names, sizes and dates; the box's rows are written by SQL.
 */
import { mkdir, open, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { RealPhone } from '../support/real-phone.ts';
import { fill, itemOf } from './big-library.ts';
import { cpuBetween, describeMachine, treeCpu } from './machine.ts';
import { aim, median } from './report.ts';

export type NothingNewRun = Readonly<{ dir: string; quick: boolean; print: (...lines: string[]) => void }>;

const [allItems, quickItems] = [50_000, 5_000];
const itemsPerPage = 1_000;
const rounds = 5;
const [secondsMax, bytesMax] = [2, 5_000_000];

type Told = Readonly<{ path: string; size: number; mtime: number }>;
type Cost = Readonly<{ seconds: number; sent: number; received: number }>;

/** Returns the report's lines. */
export async function measureNothingNew({ dir, quick, print }: NothingNewRun): Promise<string[]> {
  const count = quick ? quickItems : allItems;
  print(`Making ${count} files...`);
  const items = Array.from({ length: count }, (_, index): Told => itemOf(index, count));
  await makeFiles(dir, items);
  await using daemon = await Daemon.start({ dir });
  await daemon.setUp('Alice');
  const wire = await Wire.open();
  try {
    const phone = new RealPhone(dir);
    const { link } = (await daemon.console('POST', '/api/pairings', { person: 'Alice', phone: 'Pixel' })) as {
      link: string;
    };
    await phone.pair(link);
    const settings = join(dir, 'nightjar-phone/pairing.json');
    const { phoneId, token } = JSON.parse(await readFile(settings, 'utf8')) as { phoneId: string; token: string };
    // The library knows its people from when it opens.
    await daemon.restart();
    await daemon.stop();
    fill({ file: join(daemon.diskDir, '.nightjar/library.sqlite'), phones: [phoneId], count });
    await daemon.restart();
    await daemon.libraryOpen();
    await through(wire, settings, daemon);

    const backups: Cost[] = [];
    const asked: Cost[] = [];
    const cpu: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const backup = await backUp(phone, wire, join(dir, 'DCIM'), count);
      const before = treeCpu(daemon.pid);
      const alone = await askAlone(daemon, token, items);
      const { user, system } = cpuBetween(before, treeCpu(daemon.pid));
      print(`  backup ${told(backup)}; asking ${told(alone)}`);
      if (round === 0) continue; // Warms both up.
      backups.push(backup);
      asked.push(alone);
      cpu.push(user + system);
    }
    await daemon.stop();
    return await report({ dir, count, backups, asked, cpuSeconds: median(cpu) });
  } finally {
    wire.close();
  }
}

type Measured = { dir: string; count: number; backups: Cost[]; asked: Cost[]; cpuSeconds: number };

async function report({ dir, count, backups, asked, cpuSeconds }: Measured): Promise<string[]> {
  const seconds = (costs: readonly Cost[]) => median(costs.map((cost) => cost.seconds));
  const bytes = (costs: readonly Cost[]) => median(costs.map((cost) => cost.sent + cost.received));
  const row = (name: string, costs: readonly Cost[]) =>
    `| ${name} | ${seconds(costs).toFixed(2)} | ${median(costs.map(({ sent }) => sent))} | ${median(costs.map(({ received }) => received))} |`;
  return [
    '# Nothing new',
    '',
    `${new Date().toISOString().slice(0, 10)}: ${count} files such as \`${itemOf(0, count).path}\`, all of which the box has.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- medians of ${rounds}, after one that is not counted; the files' folder is in the page cache`,
    '- `nightjar-phone backup`: from its start as a process to its end, over TLS; bytes of TCP payload, handshake included',
    '- asking alone: its requests one after the other on one connection of loopback http; bytes with all headers',
    `- the daemon's CPU for asking alone: ${cpuSeconds.toFixed(2)} s`,
    '',
    aim(`asking alone, s`, seconds(asked), secondsMax),
    aim(`asking alone, MB both ways`, bytes(asked) / 1e6, bytesMax / 1e6),
    aim('the whole backup, s', seconds(backups), secondsMax),
    aim('the whole backup, MB both ways', bytes(backups) / 1e6, bytesMax / 1e6),
    '',
    '| | seconds | bytes sent | bytes received |',
    '| --- | ---: | ---: | ---: |',
    row('`nightjar-phone backup`', backups),
    row('asking alone', asked),
    '',
  ];
}

async function makeFiles(dir: string, items: readonly Told[]): Promise<void> {
  await mkdir(join(dir, dirname(items[0]?.path ?? '')), { recursive: true });
  for (const { path, size, mtime } of items) {
    const file = join(dir, path);
    await (await open(file, 'wx')).close();
    await truncate(file, size);
    await utimes(file, mtime / 1_000, mtime / 1_000);
  }
}

/** @throws when the phone sent a file, or did not find all of them safe. */
async function backUp(phone: RealPhone, wire: Wire, folder: string, count: number): Promise<Cost> {
  wire.reset();
  const startedAt = performance.now();
  const { last, exitCode } = await phone.run('backup', folder);
  const seconds = (performance.now() - startedAt) / 1_000;
  if (exitCode !== 0 || last['safe'] !== count || last['files'] !== 0)
    throw new Error(`The backup: ${JSON.stringify(last)}`);
  return { seconds, sent: wire.sent, received: wire.received };
}

/** What the phone asks, page by page. @throws when the box does not have all. */
async function askAlone(daemon: Daemon, token: string, items: readonly Told[]): Promise<Cost> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const startedAt = performance.now();
  let socket: Socket | undefined;
  for (let at = 0; at < items.length; at += itemsPerPage) {
    const page = items.slice(at, at + itemsPerPage).map(({ path, size, mtime }) => ({ path, size, mtime }));
    const answer = await post(agent, `${daemon.url}/api/phone/items/check`, token, { items: page, runs: true });
    socket = answer.socket;
    const { answers } = JSON.parse(answer.text) as { answers: unknown };
    if (JSON.stringify(answers) !== `[{"answer":"have","times":${page.length}}]`) throw new Error(answer.text);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const cost = { seconds, sent: socket?.bytesWritten ?? 0, received: socket?.bytesRead ?? 0 };
  agent.destroy();
  return cost;
}

function post(agent: Agent, url: string, token: string, value: object): Promise<{ text: string; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const body = Buffer.from(JSON.stringify(value));
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': body.length,
    };
    const asked = request(url, { method: 'POST', agent, headers }, (answer) => {
      const { socket } = answer;
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.once('error', reject);
      answer.once('end', () => resolve({ text: Buffer.concat(parts).toString(), socket }));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

/** Lets the phone reach the box by way of the counting wire alone. */
async function through(wire: Wire, settings: string, daemon: Daemon): Promise<void> {
  const pairing = JSON.parse(await readFile(settings, 'utf8')) as { addresses: string[]; lastAddress: string };
  const { hostname } = new URL(pairing.lastAddress);
  // An IPv6 address stands in brackets only in a URL.
  wire.leadsTo(hostname.replaceAll(/[[\]]/g, ''), Number(new URL(daemon.httpsUrl).port));
  const address = `https://${hostname}:${wire.port}`;
  await writeFile(settings, JSON.stringify({ ...pairing, addresses: [address], lastAddress: address }));
}

/** Passes connections on and counts their bytes. */
class Wire {
  sent = 0;
  received = 0;
  readonly #server = createServer((near) => this.#join(near));
  #to = { host: '127.0.0.1', port: 0 };

  static async open(): Promise<Wire> {
    const wire = new Wire();
    await new Promise<void>((resolve) => wire.#server.listen(0, () => resolve()));
    return wire;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  leadsTo(host: string, port: number): void {
    this.#to = { host, port };
  }

  reset(): void {
    this.sent = 0;
    this.received = 0;
  }

  close(): void {
    this.#server.close();
  }

  #join(near: Socket): void {
    const far = connect(this.#to);
    near.on('data', (bytes: Buffer) => {
      this.sent += bytes.length;
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => {
      this.received += bytes.length;
      near.write(bytes);
    });
    near.on('error', () => far.destroy()).on('close', () => far.end());
    far.on('error', () => near.destroy()).on('close', () => near.end());
  }
}

function told({ seconds, sent, received }: Cost): string {
  return `${seconds.toFixed(2)} s, ${((sent + received) / 1e6).toFixed(2)} MB`;
}
