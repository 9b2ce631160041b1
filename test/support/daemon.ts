/**
 * The real daemon as a process of its own: `src/main.ts` under the pinned Node, on real folders, on free ports.
 * Starts it, claims it, pairs phones with it, kills it, stops it. Knows nothing of what a test wants to show.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const projectDir = new URL('../..', import.meta.url).pathname;
const startMsMax = 60_000;
const stopMsMax = 10_000;
const askMsMax = 60_000;
const logBytesMax = 256 * 1024;
const setupCode = 'FAULT-TEST-CODE';
const ownerPassword = 'a long enough password for tests';

export type DaemonOptions = Readonly<{
  /** Holds `state` and `disk`, unless they are given. Short: the console's socket path may have 107 bytes. */
  dir: string;
  stateDir?: string;
  diskDir?: string;
  env?: Readonly<Record<string, string>>;
  /** Put before the command, as `strace -D ...`; it must end up as the daemon itself (`-D`), so that signals reach it. */
  wrapper?: readonly string[];
  /** The tree whose `src/main.ts` runs: this one, or a copy with a bug planted in it. */
  treeDir?: string;
  /** Milliseconds that the daemon may take to be ready. */
  readyMsMax?: number;
}>;

export type Reply = { status: number; headers: IncomingHttpHeaders; body: Buffer };
export type PairedPhone = { token: string; phoneId: string; link: string };
type Exit = { code: number | null; signal: NodeJS.Signals | null };

/** Daemons that a test left behind must not outlive the test run. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Daemon {
  readonly stateDir: string;
  readonly diskDir: string;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: 0, signal: null });
  #log = '';
  #httpPort = 0;
  #httpsPort = 0;
  #answers = 0;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    this.stateDir = options.stateDir ?? join(options.dir, 'state');
    this.diskDir = options.diskDir ?? join(options.dir, 'disk');
  }

  /** Makes the folders where they are not there, starts the daemon and resolves when it is ready. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon(options);
    if (options.stateDir === undefined) await mkdir(daemon.stateDir, { recursive: true, mode: 0o700 });
    if (options.diskDir === undefined) await mkdir(daemon.diskDir, { recursive: true });
    await daemon.#start();
    return daemon;
  }

  /** Starts it without waiting for it to be ready: for those who kill it on the way. */
  static launch(options: DaemonOptions): Daemon {
    const daemon = new Daemon(options);
    daemon.#launch().catch(() => undefined);
    return daemon;
  }

  /** Loopback http, where everything is served. Changes with each start. */
  get url(): string {
    return `http://127.0.0.1:${this.#httpPort}`;
  }

  get httpsUrl(): string {
    return `https://127.0.0.1:${this.#httpsPort}`;
  }

  /** How many answers it gave to requests made here, over all its starts: which one in a trace of it is meant. */
  get answers(): number {
    return this.#answers;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The last 256 KB of what it said, over all its starts. */
  get log(): string {
    return this.#log;
  }

  /** Ends it like a crash, and resolves when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** Asks it to stop and waits. @throws when it takes longer than 10 seconds, or does not end with 0. */
  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    const late = new Error(`The daemon did not stop within ${stopMsMax} ms.\n${this.#log}`);
    this.#child.kill('SIGTERM');
    const { code, signal } = await within(this.#exited, stopMsMax + 1_000, late).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
    if (code !== 0) throw new Error(`The daemon ended with ${code ?? signal}.\n${this.#log}`);
  }

  /** Starts it again after `kill` or `stop` (stops it first when it runs). */
  async restart(): Promise<void> {
    await this.stop();
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Claims the box over its console socket. */
  async setUp(person = 'Alice'): Promise<void> {
    const claimed = await this.claim(person);
    if (claimed.status !== 201) throw new Error(`The claim was refused: ${claimed.status} ${claimed.body}`);
    await this.libraryOpen();
  }

  /** Signs the owner in over loopback http: the cookie of the session. */
  async signIn(person = 'Alice'): Promise<string> {
    const reply = await this.ask('POST', '/api/sessions', { json: { person, password: ownerPassword } });
    const [cookie = ''] = reply.headers['set-cookie'] ?? [];
    if (cookie === '') throw new Error(`Not signed in: ${reply.status} ${reply.body}`);
    return cookie.split(';', 1)[0] ?? '';
  }

  /** The claim alone: the library opens a little later. */
  async claim(person: string): Promise<Reply> {
    return await this.consoleReply('POST', '/api/setup', { code: setupCode, person, password: ownerPassword });
  }

  async libraryOpen(): Promise<void> {
    const deadline = Date.now() + 10_000;
    while ((await this.health())['disk'] !== 'ok') {
      if (Date.now() > deadline) throw new Error(`The library did not open.\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async addPerson(person: string): Promise<void> {
    await this.console('POST', '/api/people', { person });
  }

  /** Opens a pairing on the console and redeems it over loopback http. One at a time: a newer one closes the older. */
  async pair(person: string, phone: string): Promise<PairedPhone> {
    const { link } = (await this.console('POST', '/api/pairings', { person, phone })) as { link: string };
    const secret = new URLSearchParams(new URL(link).hash.slice(1)).get('s');
    const reply = await this.ask('POST', '/api/pairings/redeem', { json: { secret, client: 'fault-test' } });
    if (reply.status !== 201) throw new Error(`The pairing was refused: ${reply.status} ${reply.body}`);
    const { token, phoneId } = JSON.parse(reply.body.toString()) as { token: string; phoneId: string };
    return { token, phoneId, link };
  }

  async health(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.consoleReply('GET', '/api/health')).body.toString()) as Record<string, unknown>;
  }

  /** One request over the console's socket. @throws for any answer but 2xx. */
  async console(method: string, path: string, json?: unknown): Promise<unknown> {
    const reply = await this.consoleReply(method, path, json);
    if (reply.status >= 300) throw new Error(`${method} ${path} on the console: ${reply.status} ${reply.body}`);
    return reply.body.length === 0 ? undefined : JSON.parse(reply.body.toString());
  }

  /** One request over the console's socket. Any status is an answer. */
  async consoleReply(method: string, path: string, json?: unknown): Promise<Reply> {
    return await this.#exchange({ socketPath: join(this.stateDir, 'console.sock') }, method, path, { json });
  }

  /** One request over loopback http, on a connection of its own. Any status is an answer. */
  async ask(
    method: string,
    path: string,
    it: { token?: string; json?: unknown; body?: Uint8Array; headers?: Record<string, string> } = {},
  ): Promise<Reply> {
    return await this.#exchange({ host: '127.0.0.1', port: this.#httpPort }, method, path, it);
  }

  #exchange(
    where: { socketPath: string } | { host: string; port: number },
    method: string,
    path: string,
    it: { token?: string; json?: unknown; body?: Uint8Array; headers?: Record<string, string> },
  ): Promise<Reply> {
    const body = it.json === undefined ? it.body : Buffer.from(JSON.stringify(it.json));
    const headers = {
      ...('socketPath' in where ? { host: 'localhost' } : {}),
      ...(it.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(body === undefined ? {} : { 'content-length': String(body.length) }),
      ...(it.token === undefined ? {} : { authorization: `Bearer ${it.token}` }),
      ...it.headers,
    };
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(askMsMax);
      const asked = request({ ...where, method, path, headers, signal, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          this.#answers++;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      asked.once('error', reject);
      asked.end(body);
    });
  }

  async #start(): Promise<void> {
    const ready = this.#launch();
    const { readyMsMax = startMsMax } = this.#options;
    const late = () => new Error(`The daemon was not ready within ${readyMsMax} ms.\n${this.#log}`);
    await within(ready, readyMsMax, late).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
  }

  /** Spawns the process. The promise resolves when it says that it is ready, and rejects when it ends before. */
  #launch(): Promise<void> {
    if (this.#child !== undefined) throw new Error('The daemon runs already.');
    const treeDir = this.#options.treeDir ?? projectDir;
    const node = join(treeDir, 'node_modules/.bin/node');
    const [command = node, ...args] = [...(this.#options.wrapper ?? []), node, join(treeDir, 'src/main.ts')];
    const child = spawn(command, args, {
      cwd: this.#options.dir,
      env: {
        PATH: process.env['PATH'] ?? '',
        TZ: 'Europe/Berlin',
        // Hundreds of starts; on the device the image brings a warm cache too.
        NODE_COMPILE_CACHE: join(tmpdir(), 'nightjar-test-compile-cache'),
        NIGHTJAR_STATE_DIR: this.stateDir,
        NIGHTJAR_DISK_DIR: this.diskDir,
        NIGHTJAR_HTTP_PORT: '0',
        NIGHTJAR_HTTPS_PORT: '0',
        NIGHTJAR_SETUP_CODE: setupCode,
        // Only where a test brings a network of its own.
        NIGHTJAR_DISCOVERY: 'off',
        // No test asks anybody out there.
        NIGHTJAR_TIME_SERVERS: '127.0.0.1:9',
        ...this.#options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    running.add(child);
    this.#exited = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      this.#child = undefined;
      return { code, signal } as Exit;
    });
    child.stderr.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    const ready = new Promise<void>((resolve, reject) => {
      const lines = lineReader((line) => {
        const at = readyPorts(line);
        if (at === undefined) return;
        this.#httpPort = at.httpPort;
        this.#httpsPort = at.httpsPort;
        resolve();
      });
      child.stdout.on('data', (chunk: Buffer) => {
        this.#keep(chunk.toString());
        lines(chunk.toString());
      });
      child.once('error', reject);
      this.#exited.then(
        ({ code, signal }) => reject(new Error(`The daemon ended with ${code ?? signal}.\n${this.#log}`)),
        reject,
      );
    });
    return ready;
  }

  #keep(text: string): void {
    this.#log = (this.#log + text).slice(-logBytesMax);
  }
}

function readyPorts(line: string): { httpPort: number; httpsPort: number } | undefined {
  if (!line.includes('nightjar is ready')) return undefined;
  const { httpPort, httpsPort } = JSON.parse(line) as Record<string, unknown>;
  return typeof httpPort === 'number' && typeof httpsPort === 'number' ? { httpPort, httpsPort } : undefined;
}

function lineReader(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-logBytesMax);
    for (const line of lines) take(line);
  };
}

async function within<T>(work: Promise<T>, ms: number, late: Error | (() => Error)): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const id = setTimeout(() => timer.reject(typeof late === 'function' ? late() : late), ms);
  try {
    return await Promise.race([work, timer.promise]);
  } finally {
    clearTimeout(id);
  }
}
