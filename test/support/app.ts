/** The whole box in this process, as `main.ts` starts it: real sockets, real TLS, real databases, folders of its own. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { Nightjar } from '../../src/nightjar.ts';
import type { Machine, Planted } from '../../src/overview.ts';
import { createLog } from '../../src/platform/log.ts';
import { type Answer, ask, jsonBody } from './asking.ts';
import { goodPassword, setupCode } from './box-state.ts';
import { HandPhone } from './hand-phone.ts';

export type AppOptions = Readonly<{
  /** The box's clock; the real one by default. */
  now?: () => number;
  /** The machine it runs on; by default one that tells nothing of itself, and has the disk that it has. */
  machine?: Machine;
  /** How often it looks for jobs that became due: a clock that the test turns wakes nobody. */
  pollMs?: number;
  /** Default: next to nothing. */
  passwordCost?: NonNullable<Planted['passwordCost']>;
  /** A disk helper of the test's own. */
  disks?: NonNullable<Planted['disks']>;
}>;

export class App {
  readonly dir = mkdtempSync(join(tmpdir(), 'nightjar-app-'));
  readonly diskDir = join(this.dir, 'disk');
  readonly stateDir = join(this.dir, 'state');
  /** What the box logged, a line each. */
  readonly logged: string[] = [];
  httpPort = 0;
  httpsPort = 0;
  /** How often it started anew by itself. */
  restarts = 0;
  readonly #env: Readonly<Record<string, string>>;
  readonly #options: AppOptions;
  #box: Nightjar | undefined;

  private constructor(env: Readonly<Record<string, string>>, options: AppOptions) {
    this.#env = env;
    this.#options = options;
    mkdirSync(this.diskDir);
  }

  /** A new box that nobody owns. `env` in addition to what it needs. */
  static async start(env: Readonly<Record<string, string>> = {}, options: AppOptions = {}): Promise<App> {
    const app = new App(env, options);
    await app.start();
    return app;
  }

  /** A new box that Alice owns. */
  static async startClaimed(env: Readonly<Record<string, string>> = {}, options: AppOptions = {}): Promise<App> {
    const app = await App.start(env, options);
    await app.claim();
    return app;
  }

  async start(): Promise<void> {
    const config = readConfig({
      NIGHTJAR_STATE_DIR: this.stateDir,
      NIGHTJAR_DISK_DIR: this.diskDir,
      NIGHTJAR_HTTP_PORT: '0',
      NIGHTJAR_HTTPS_PORT: '0',
      NIGHTJAR_SETUP_CODE: setupCode,
      // Many of them run at once, and none is for the network that the tests happen to run in.
      NIGHTJAR_DISCOVERY: 'off',
      // No test asks anybody out there.
      NIGHTJAR_TIME_SERVERS: '127.0.0.1:9',
      ...this.#env,
    });
    const log = createLog({ level: 'debug', destination: { write: (line) => void this.logged.push(line) } });
    const machine = this.#options.machine ?? { read: async () => ({ memory: null, celsius: null }) };
    // The real cost is `passwords.test.ts`'s to show; here it would be most of the time that these tests take.
    const passwordCost = { memoryKiB: 8, passes: 1, parallelism: 1 };
    this.#box = new Nightjar(config, log, { passwordCost, ...this.#options, machine });
    const box = this.#box;
    const { httpPort, httpsPort } = await box.start();
    this.httpPort = httpPort;
    this.httpsPort = httpsPort;
    // As `main.ts` does.
    void box.restart.then(async () => {
      await this.restart();
      this.restarts += 1;
    });
  }

  async stop(): Promise<void> {
    await this.#box?.stop();
    this.#box = undefined;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Lines of the log that tell of an error of the box itself. */
  ownErrors(): string[] {
    return this.logged.filter((line) => /"level":"(error|fatal)"/.test(line));
  }

  ask(method: string, path: string, headers: Record<string, string> = {}, value?: unknown): Promise<Answer> {
    return ask({ port: this.httpPort, method, path, ...withJson(value, headers) });
  }

  /** Through the unix socket of the console. */
  console(method: string, path: string, value?: unknown): Promise<Answer> {
    return ask({ socketPath: join(this.stateDir, 'console.sock'), method, path, ...withJson(value, {}) });
  }

  /** Makes Alice the owner; returns the cookie of her session on loopback http. */
  async claim(): Promise<string> {
    return cookieOf(
      await this.ask('POST', '/api/setup', {}, { code: setupCode, person: 'Alice', password: goodPassword }),
    );
  }

  async signIn(): Promise<string> {
    return cookieOf(await this.ask('POST', '/api/sessions', {}, { person: 'Alice', password: goodPassword }));
  }

  /** Pairs a phone; a person who is not there yet is added. */
  async pair(person: string, phone: string): Promise<HandPhone> {
    if (person !== 'Alice') await this.console('POST', '/api/people', { person });
    const opened = await this.console('POST', '/api/pairings', { person, phone });
    if (opened.status !== 201) throw new Error(`No pairing: ${opened.text}`);
    const redeemed = await this.ask('POST', '/api/pairings/redeem', {}, { code: opened.json().code });
    if (redeemed.status !== 201) throw new Error(`Not paired: ${redeemed.text}`);
    return new HandPhone(() => this.httpPort, redeemed.json() as { token: string; phoneId: string });
  }

  /** Every file in view (not under .nightjar), relative to the disk, sorted. */
  async filesInView(): Promise<string[]> {
    const entries = await readdir(this.diskDir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.diskDir.length + 1))
      .filter((path) => !path.startsWith('.nightjar/') && path !== 'README-NIGHTJAR.txt')
      .sort();
  }

  async incoming(): Promise<string[]> {
    return (await readdir(join(this.diskDir, '.nightjar/incoming'))).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** `name=value` of the cookie that an answer sets. */
export function cookieOf(answer: Answer): string {
  const [cookie = ''] = answer.headers['set-cookie'] ?? [];
  if (cookie === '') throw new Error(`No session: ${answer.status} ${answer.text}`);
  return cookie.split(';', 1)[0] ?? '';
}

function withJson(value: unknown, headers: Record<string, string>) {
  if (value === undefined) return { headers };
  const json = jsonBody(value);
  return { body: json.body, headers: { ...json.headers, ...headers } };
}
