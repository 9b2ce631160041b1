/**
 * The other end of the media worker's socket, by hand: starts a worker program, sends one job at a time, and tells what
 * came back, or that the worker died of it. Knows nothing of the daemon's own end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type MediaAnswer, type MediaJob, workerProgram } from '../../src/media/protocol.ts';

export type Told =
  | { answer: Exclude<MediaAnswer, { bye: true }>; grid: Buffer; preview: Buffer; ms: number }
  | { died: true; ms: number };

export type StartOptions = { program?: string; args?: readonly string[]; env?: Readonly<Record<string, string>> };

const startMsMax = 30_000;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) killGroup(child);
});

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone by itself.
  }
}

export class MediaClient {
  readonly child: ChildProcess;
  readonly path: string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #dir: string;
  #socket: Socket | undefined;
  #bytes = Buffer.alloc(0);
  #closed = false;
  #wake: () => void = () => undefined;
  #jobs = 0;

  private constructor(dir: string, options: StartOptions) {
    this.#dir = dir;
    this.path = join(dir, 's');
    const program = options.program ?? workerProgram.program;
    const args = [...workerProgram.nodeArguments, program, this.path, ...(options.args ?? [])];
    const env = { ...workerProgram.env, ...options.env };
    this.child = spawn(process.execPath, args, {
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
      cwd: '/',
    });
    running.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        running.delete(this.child);
        rmSync(dir, { recursive: true, force: true });
        resolve({ code, signal });
      });
    });
  }

  static async start(options: StartOptions = {}): Promise<MediaClient> {
    const client = new MediaClient(mkdtempSync(join(tmpdir(), 'media-')), options);
    client.#socket = await client.connect();
    client.#socket.on('data', (bytes: Buffer) => {
      client.#bytes = Buffer.concat([client.#bytes, bytes]);
      client.#wake();
    });
    client.#socket.on('close', () => {
      client.#closed = true;
      client.#wake();
    });
    return client;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Bytes that came and were not asked for. */
  get left(): Buffer {
    return this.#bytes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** One more connection of its own. */
  async connect(): Promise<Socket> {
    const until = Date.now() + startMsMax;
    for (;;) {
      try {
        return await new Promise<Socket>((resolve, reject) => {
          const socket = connect(this.path, () => {
            socket.off('error', reject);
            socket.on('error', () => undefined);
            resolve(socket);
          });
          socket.once('error', reject);
        });
      } catch (error) {
        if (Date.now() > until || this.child.exitCode !== null || this.child.signalCode !== null) throw error;
        await wait(20);
      }
    }
  }

  send(line: string | Buffer): void {
    this.#socket?.write(line);
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  async ask(file: string, job: Partial<MediaJob> = {}): Promise<Told> {
    const startedAt = performance.now();
    const id = ++this.#jobs;
    this.send(`${JSON.stringify({ id, file, kind: 'photo', name: basename(file), ...job })}\n`);
    const ms = () => performance.now() - startedAt;
    if (!(await this.#until(() => this.#bytes.includes(10)))) return { died: true, ms: ms() };
    const end = this.#bytes.indexOf(10);
    const answer = JSON.parse(this.#bytes.toString('utf8', 0, end)) as MediaAnswer;
    this.#bytes = this.#bytes.subarray(end + 1);
    if ('bye' in answer) return { died: true, ms: ms() };
    if (answer.id !== id) throw new Error(`Answer ${answer.id} came for job ${id}.`);
    const [grid, preview] = answer.ok ? [answer.grid, answer.preview] : [0, 0];
    if (!(await this.#until(() => this.#bytes.length >= grid + preview))) return { died: true, ms: ms() };
    const pictures = { grid: this.#bytes.subarray(0, grid), preview: this.#bytes.subarray(grid, grid + preview) };
    this.#bytes = this.#bytes.subarray(grid + preview);
    return { answer, ...pictures, ms: ms() };
  }

  /** False when the connection closed before it was so. */
  async #until(come: () => boolean): Promise<boolean> {
    while (!come()) {
      if (this.#closed) return false;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    killGroup(this.child);
    await this.ended;
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
