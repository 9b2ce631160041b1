/** One run: a server on a fresh folder, a sender beside it, the clock and the server's CPU time. And pairs of runs. */
import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Cpu,
  cpuBetween,
  endedChildrenCpu,
  freshFolder,
  receivedUnder,
  syncFilesystem,
  treeCpu,
} from './machine.ts';
import type { Running, Start, Tls } from './servers.ts';
import { type Job, type Workload, warmUps } from './workloads.ts';

export type Run = Readonly<{
  wallSeconds: number;
  cpu: Cpu;
  /** Spent by `sync` in the peer's place. */
  syncCpu: Cpu;
  bytes: number;
  cipher: string;
}>;

const clientProgram = new URL('./client.ts', import.meta.url).pathname;
let jobs = 0;

/** @throws when an answer is not a success, or when afterwards not every file is in its place. */
export async function measure(
  start: Start,
  workload: Workload,
  at: { dir: string; tls: Tls | undefined; keeps?: boolean },
): Promise<Run> {
  const dir = await freshFolder(join(at.dir, `run-${++jobs}`));
  try {
    const server = await start({ dir, tls: at.tls });
    try {
      for (const warmUp of warmUps) await (await prepare(server, warmUp)).go();
      return await measureRunning(server, workload, { ...at, dir });
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
    await syncFilesystem(at.dir);
  }
}

async function measureRunning(server: Running, workload: Workload, at: { dir: string; keeps?: boolean }): Promise<Run> {
  const bytes = workload.bytes * workload.count;
  const before = await receivedUnder(server.files);
  const client = await prepare(server, workload);
  await syncFilesystem(at.dir);
  const [cpu, ended, startedAt] = [treeCpu(server.pid), endedChildrenCpu(), performance.now()];
  const { cipher } = await client.answered();
  if (!server.durable) await syncFilesystem(at.dir);
  const wallSeconds = (performance.now() - startedAt) / 1_000;
  const used = cpuBetween(cpu, treeCpu(server.pid));
  const syncCpu = server.durable ? { user: 0, system: 0 } : cpuBetween(ended, endedChildrenCpu());
  await client.ended;
  if (at.keeps !== false) {
    const after = await receivedUnder(server.files);
    if (after.files - before.files !== workload.count || after.bytes - before.bytes !== bytes) {
      throw new Error(`After ${workload.name}, not every file is in its place under ${server.files}.`);
    }
  }
  return { wallSeconds, cpu: used, syncCpu, bytes, cipher };
}

type Client = {
  /** Starts sending; resolves with the last answer. */
  answered: () => Promise<{ cipher: string }>;
  ended: Promise<void>;
  /** Both. */
  go: () => Promise<void>;
};

/** A sender that has its content ready. */
async function prepare(server: Running, workload: Workload): Promise<Client> {
  const child = fork(clientProgram, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error('A sender failed.'))));
  });
  ended.catch(() => undefined); // Told to whoever waits.
  const { url, door, token } = server;
  await told(child, ended, 'started');
  const job: Job = { url, door, token, workload, seed: ++jobs };
  child.send(job);
  await told(child, ended, 'ready');
  const answered = async () => {
    child.send('go');
    return (await told(child, ended, 'done')) as unknown as { cipher: string };
  };
  const go = async () => {
    await answered();
    await ended;
  };
  return { answered, ended, go };
}

async function told(child: ChildProcess, ended: Promise<void>, at: string): Promise<{ at: string }> {
  const message = new Promise<{ at: string }>((resolve) => child.once('message', (value) => resolve(value as never)));
  const early = ended.then(() => {
    throw new Error('A sender ended early.');
  });
  const told = await Promise.race([message, early]);
  if (told.at !== at) throw new Error(`A sender said "${told.at}" instead of "${at}".`);
  return told;
}

export type Pair = Readonly<{ ours: Run; peer: Run }>;

/** A B A B ...: what drifts on the machine meets both alike, and each ratio is of neighbours. */
export async function measurePairs(count: number, ours: () => Promise<Run>, peer: () => Promise<Run>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let index = 0; index < count; index++) pairs.push({ ours: await ours(), peer: await peer() });
  return pairs;
}
