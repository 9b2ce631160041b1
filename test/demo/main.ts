/**
 * `make demo`: a throw-away box and a paired phone client, a real backup, the box killed in the middle of a file, a
 * restore to another folder, and every checksum compared. Exit status 1 if anything differs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { makePhotos } from './photos.ts';
import { SlowNetwork } from './slow-network.ts';
import { checksums, inTheMiddle, type Tree } from './tree.ts';

const projectDir = new URL('../..', import.meta.url).pathname;
const clientMsMax = 20 * 60_000;

type ClientEvent = {
  event: string;
  state?: string;
  path?: string;
  current?: Array<{ path: string; offset: number; size: number }>;
} & Record<string, unknown>;
type Cut = { path: string; percent: number; acknowledged: number };

async function main(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-demo-'));
  try {
    return await demo(dir, process.argv[2]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function demo(dir: string, photosArgument: string | undefined): Promise<number> {
  const photos = photosArgument === undefined ? join(dir, 'Camera') : resolve(photosArgument);
  if (photosArgument === undefined) {
    say('Making 200 MB of pictures and a video...');
    await makePhotos(photos);
  }
  const sent = await checksums(photos);
  if (sent.files.size === 0) throw new Error(`There are no files in ${photos}.`);

  say('Starting a throw-away box, and pairing a phone with it...');
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  await using box = await Daemon.start({
    dir,
    env: { NIGHTJAR_HTTP_PORT: String(httpPort), NIGHTJAR_HTTPS_PORT: String(httpsPort) },
  });
  await box.setUp('Alice');
  // Like a home's Wi-Fi: slow enough that a kill meets files on their way.
  await using network = await SlowNetwork.open(httpsPort, Math.min(Math.max(sent.bytes / 8, 1_000_000), 50_000_000));
  const { link } = (await box.console('POST', '/api/pairings', { person: 'Alice', phone: 'Demo phone' })) as {
    link: string;
  };
  const phone = new Client(join(dir, 'phone'));
  await phone.run(['pair', throughPort(link, httpsPort, network.port)]);

  say('Backing up...');
  const began = Date.now();
  const backup = phone.start(['backup', photos]);
  const cut = await killInTheMiddle(box, backup, sent);
  say(
    `Killed the box (SIGKILL) with "${cut.path}" at ${cut.percent} %, ${cut.acknowledged} files acknowledged. Starting it again...`,
  );
  await box.restart();
  const done = await backup.done;
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  say('Restoring to another folder, and comparing every checksum...');
  const back = join(dir, 'restored');
  await phone.run(['restore', back, '--own']);
  const again = await phone.run(['backup', photos]);
  const restored = await checksums(join(back, basename(photos)));
  const differing = differences(sent, restored, backup.refused);
  report([
    ['files', `${sent.files.size}, ${megabytes(sent.bytes)}`],
    ['backed up in', `${seconds} s, over a network of ${megabytes(network.bytesPerSecond)}/s`],
    ['box killed', `at ${cut.percent} % of ${cut.path}, ${cut.acknowledged} files acknowledged before`],
    ['safe / waiting / refused', `${done['safe']} / ${done['waiting']} / ${done['refused']}`],
    ['sent again by a second backup', `${megabytes(Number(again['bytes']))} in ${Number(again['files'])} files`],
    ['restored and compared', `${restored.files.size} files`],
    ['differing or missing', String(differing.length)],
  ]);
  for (const path of backup.refused) say(`refused, and said so: ${path}`);
  for (const path of differing.slice(0, 20)) say(`DIFFERS: ${path}`);
  await box.stop();
  const ok = differing.length === 0 && Number(again['bytes']) === 0 && Number(done['waiting']) === 0;
  say(ok ? '\nEvery byte came back.' : '\nSOMETHING DIFFERS.');
  return ok ? 0 : 1;
}

/**
 * Waits for a file of which the box has between a tenth and nine tenths, and kills the box there. Looks at what the box
 * has received, not at what the phone has sent: in between lie the network's buffers.
 */
async function killInTheMiddle(box: Daemon, backup: RunningClient, photos: Tree): Promise<Cut> {
  let acknowledged = 0;
  let over = false;
  backup.onEvent((event) => {
    if (event.event === 'item' && event.state === 'safe') acknowledged++;
  });
  backup.done.finally(() => (over = true)).catch(() => undefined);
  while (!over) {
    const met = await inTheMiddle(join(box.diskDir, '.nightjar/incoming'), photos);
    if (met !== undefined && acknowledged > 0) {
      await box.kill('SIGKILL');
      return { ...met, acknowledged };
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('The backup was over before a file was met in the middle. Give it larger photos.');
}

/** The phone client as its users run it. */
class Client {
  readonly #config: string;

  constructor(config: string) {
    this.#config = config;
  }

  start(args: string[]): RunningClient {
    return new RunningClient([...args, '--json', '--config', this.#config]);
  }

  async run(args: string[]): Promise<ClientEvent> {
    return await this.start(args).done;
  }
}

class RunningClient {
  readonly done: Promise<ClientEvent>;
  readonly refused = new Set<string>();
  readonly #listeners: Array<(event: ClientEvent) => void> = [];

  constructor(args: string[]) {
    const child: ChildProcess = spawn(process.execPath, [join(projectDir, 'src/client/main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), clientMsMax);
    let last: ClientEvent | undefined;
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    lines.on('line', (line) => {
      last = JSON.parse(line) as ClientEvent;
      if (last.event === 'item' && last.state === 'refused') this.refused.add(String(last.path));
      for (const listener of this.#listeners) listener(last);
    });
    this.done = Promise.all([once(child, 'close'), once(lines, 'close')]).then(([[status]]) => {
      clearTimeout(timer);
      // 4: some files were refused, and it was said which.
      if (last?.event === 'done' && (status === 0 || status === 4)) return last;
      throw new Error(`nightjar-phone ${args[0]} ended with ${status}: ${JSON.stringify(last)}`);
    });
    this.done.catch(() => undefined);
  }

  onEvent(listener: (event: ClientEvent) => void): void {
    this.#listeners.push(listener);
  }
}

/** Every path whose bytes did not come back as they were sent; a refused one is not expected back. */
function differences(sent: Tree, restored: Tree, refused: ReadonlySet<string>): string[] {
  const missing = [...sent.files].filter(
    ([path, sha256]) => restored.files.get(path) !== sha256 && !refused.has(`${sent.name}/${path}`),
  );
  const extra = [...restored.files.keys()].filter((path) => !sent.files.has(path));
  return [...missing.map(([path]) => path), ...extra];
}

/** The pairing link with every address on the slow network's port. */
function throughPort(link: string, port: number, other: number): string {
  return link.replaceAll(`:${port}/`, `:${other}/`).replaceAll(`%3A${port}`, `%3A${other}`);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function report(rows: Array<[string, string]>): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  say('');
  for (const [name, value] of rows) say(`  ${name.padEnd(width)}  ${value}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`The demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
