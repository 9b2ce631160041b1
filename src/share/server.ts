/**
 * One run of the program that serves the shares (system/usr/lib/nightjar/share): it runs for as long as it is held, and
 * what it serves never changes. On the device the system starts it as a user of its own; elsewhere it is a child.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '../platform/errors.ts';
import type { ShareProblem } from './contract.ts';

export type ServerPlace = Readonly<{
  /** Of a program that the system starts when somebody connects. Undefined: an own one is started. */
  socket: string | undefined;
  /** The own one's; emptied by it. */
  dir: string;
  port: number;
}>;
export type Shared = Readonly<{
  /** What the server calls itself. */
  box: string;
  people: readonly Readonly<{ login: string; ntHash: Buffer }>[];
  /** `path`: of a folder, as the system has it. */
  shares: readonly Readonly<{ name: string; login: string; path: string }>[];
}>;

const program = new URL('../../system/usr/lib/nightjar/share/serve', import.meta.url).pathname;
const saidCharsMax = 4_096;
const endMsMax = 3_000;
const checkMsMax = 10_000;
const knockEveryMs = 100;
/** On a slow card that is busy, Samba takes its time. */
const knockMsMax = 120_000;

export class ShareServer {
  /** Resolves when nothing of it runs any more; with what was wrong, unless it was ended from here. */
  readonly ended: Promise<ShareProblem | undefined>;
  readonly #place: ServerPlace;
  readonly #line: Line;
  #serving = false;
  #said = '';
  #ending = false;

  /** @throws {CodedError} `conflict` for a path that cannot be said in a line */
  constructor(place: ServerPlace, shared: Shared) {
    const { box, people, shares } = shared;
    this.#place = place;
    const lines = [
      `box ${box}`,
      ...people.map(({ login, ntHash }) => `person ${login} ${ntHash.toString('hex').toUpperCase()}`),
      ...shares.map(({ name, login, path }) => `share ${name} ${login} ${oneLine(path)}`),
      'serve',
    ];
    this.#line = openLine(place);
    this.ended = this.#listen();
    this.#line.input.write(`${lines.join('\n')}\n`);
    void this.#knock(place.port);
  }

  /** Clients can come. */
  get serving(): boolean {
    return this.#serving;
  }

  /** Every connection ends, and no file is open afterwards; only what hangs at a dead disk is not waited for. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#serving = false;
    this.#line.input.end();
    const late = new AbortController();
    const limit = sleep(endMsMax, undefined, { signal: late.signal }).then(
      async () => {
        this.#line.kill();
        await this.#clear();
      },
      () => undefined,
    );
    await Promise.race([this.ended, limit]);
    late.abort();
  }

  async #listen(): Promise<ShareProblem | undefined> {
    try {
      for await (const piece of this.#line.output) {
        this.#said = `${this.#said}${String(piece)}`.slice(-saidCharsMax);
        // smbd is no more: neither is what waits to end it.
        if (this.#said.includes('ended ')) this.#line.input.end();
      }
    } catch {
      // Its end is all that counts.
    }
    await this.#line.closed;
    this.#serving = false;
    await this.#clear();
    return this.#ending ? undefined : problemOf(this.#said);
  }

  /** What serves goes on when only the program around it was killed: its next run ends that first. */
  async #clear(): Promise<void> {
    if (this.#place.socket !== undefined || !this.#said.includes('serving\n') || this.#said.includes('ended ')) return;
    await checkServer(this.#place).catch(() => undefined);
  }

  async #knock(port: number): Promise<void> {
    for (let waited = 0; waited < knockMsMax && !this.#ending; waited += knockEveryMs) {
      await sleep(knockEveryMs, undefined, { ref: false });
      if (!this.#said.includes('serving\n') || !(await answers(port))) continue;
      this.#serving = !this.#ending && !this.#said.includes('ended ');
      return;
    }
  }
}

/** @throws {CodedError} `command-missing` without Samba; `conflict`, saying what is in the way */
export async function checkServer(place: ServerPlace): Promise<void> {
  const line = openLine(place);
  const timer = setTimeout(() => line.kill(), checkMsMax);
  line.input.end('check\n');
  let said = '';
  try {
    for await (const piece of line.output) said = `${said}${String(piece)}`.slice(-saidCharsMax);
    await line.closed;
  } catch {
    // As if it had said nothing.
  } finally {
    clearTimeout(timer);
  }
  if (said.includes('ready\n')) return;
  const problem = problemOf(said);
  if (problem === 'samba-missing') {
    throw new CodedError(
      'command-missing',
      'Samba, which serves the share, is not installed on this box. Nothing was changed. On Debian: apt-get install samba libnss-wrapper',
    );
  }
  throw new CodedError(
    'conflict',
    problem === 'folder-unsuitable'
      ? 'The share cannot be served from this state folder: its path may have at most 64 letters, digits, dots, dashes and slashes. Nothing was changed.'
      : 'The program that serves the share does not start. Nothing was changed; the log of the box says more.',
  );
}

function problemOf(said: string): ShareProblem {
  if (said.includes('missing ')) return 'samba-missing';
  if (said.includes('refused folder')) return 'folder-unsuitable';
  return said.includes('ended port-taken') ? 'port-taken' : 'failed';
}

type Line = Readonly<{ input: Writable; output: Readable; closed: Promise<void>; kill: () => void }>;

function openLine({ socket: path, dir, port }: ServerPlace): Line {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  if (path !== undefined) {
    // Half open: who ends it hears of the end.
    const socket = connect({ path, allowHalfOpen: true });
    socket.once('close', () => resolve());
    socket.on('error', () => resolve());
    socket.once('end', () => socket.end());
    return { input: socket, output: socket, closed, kill: () => socket.destroy() };
  }
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Detached: a signal for the daemon's group must not end it before its clients are told.
  const child = spawn('/bin/sh', [program, dir, String(port)], {
    env: {},
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  child.once('close', () => resolve());
  child.once('error', () => resolve());
  child.stdin.on('error', () => undefined);
  return { input: child.stdin, output: child.stdout, closed, kill: () => child.kill('SIGKILL') };
}

async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: knockEveryMs * 10 });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function oneLine(path: string): string {
  if (!/[\p{Cc}]/u.test(path)) return path;
  throw new CodedError('conflict', 'The path of the disk has a control character in it, and cannot be shared.');
}
