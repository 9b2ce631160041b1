import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Database } from './database.ts';
import { type Job, type JobHandler, Jobs, type JobsDeps } from './jobs.ts';

const migrationsDir = join(import.meta.dirname, '../schema/box-state');
const log = pino({ level: 'silent' });
const leaseMs = 60_000;

let dir: string;
let database: Database;
let now: number;
let opened: Jobs[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-jobs-'));
  database = Database.open(join(dir, 'box.sqlite'), { migrationsDir, create: true });
  now = 1_000_000;
  opened = [];
});

afterEach(async () => {
  for (const jobs of opened) await jobs.close();
  database.close();
  rmSync(dir, { recursive: true });
});

type Options = Partial<Omit<JobsDeps, 'handlers'>> & Partial<JobHandler>;

function makeJobs(run: JobHandler['run'], options: Options = {}): Jobs {
  const { version = 1, attemptsMax = 3 } = options;
  const handlers = { work: { version, leaseMs: options.leaseMs ?? leaseMs, attemptsMax, run } };
  const { concurrent = 1, closeMs = 200 } = options;
  const jobs = new Jobs({ database, now: () => now, log, handlers, pollMs: 5, concurrent, closeMs });
  opened.push(jobs);
  return jobs;
}

function rows() {
  return database.prepare<[], Record<string, unknown>>('SELECT * FROM job ORDER BY id').all();
}

const enqueue = (jobs: Jobs, ...job: Parameters<Jobs['enqueue']>) => database.write(() => jobs.enqueue(...job));
const settled = () => new Promise((resolve) => setTimeout(resolve, 40));

test('runs what is due and forgets it when it succeeded', async () => {
  const seen: Job[] = [];
  const jobs = makeJobs(async (job) => void seen.push(job));
  await enqueue(jobs, 'work', 'a', { path: 'x' });
  await enqueue(jobs, 'work', 'later', {}, now + 5_000);
  expect(seen).toEqual([]); // Not before it is opened.
  jobs.open();
  await expect.poll(() => rows()).toHaveLength(1);
  expect(seen).toEqual([{ kind: 'work', key: 'a', version: 1, payload: { path: 'x' }, attempt: 1 }]);
  now += 5_000;
  await expect.poll(() => rows()).toEqual([]);
  expect(seen.map(({ key }) => key)).toEqual(['a', 'later']);
});

test('a job is enqueued with the change that it follows, or not at all', async () => {
  const jobs = makeJobs(async () => undefined);
  const change = database.write(() => {
    jobs.enqueue('work', 'a');
    throw new Error('the change failed');
  });
  await expect(change).rejects.toThrow('the change failed');
  expect(rows()).toEqual([]);
});

test('a waiting job of the same kind and key is the same job: the earlier time, the newest payload', async () => {
  const jobs = makeJobs(async () => undefined);
  await enqueue(jobs, 'work', 'a', { n: 1 }, now + 100);
  await enqueue(jobs, 'work', 'a', { n: 2 }, now + 900);
  expect(rows()).toMatchObject([{ run_after: now + 100, payload: '{"n":2}' }]);
  await enqueue(jobs, 'work', 'a', { n: 3 }, now + 50);
  expect(rows()).toMatchObject([{ run_after: now + 50, payload: '{"n":3}' }]);
});

test('a job that is enqueued again while it runs runs once more', async () => {
  const gate = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  let together = 0;
  const jobs = makeJobs(
    async ({ payload }) => {
      together += 1;
      expect(together).toBe(1);
      seen.push(payload);
      await gate.promise;
      together -= 1;
    },
    { concurrent: 2 },
  );
  jobs.open();
  await enqueue(jobs, 'work', 'a', 1);
  await expect.poll(() => seen).toEqual([1]);
  await enqueue(jobs, 'work', 'a', 2);
  await settled();
  expect(seen).toEqual([1]);
  gate.resolve();
  await expect.poll(() => rows()).toEqual([]);
  expect(seen).toEqual([1, 2]);
});

test('a crash in the middle: the job runs again when its lease is over, not before', async () => {
  const hang = Promise.withResolvers<void>();
  const crashed = makeJobs(() => hang.promise, { closeMs: 1 });
  crashed.open();
  await enqueue(crashed, 'work', 'a');
  await expect.poll(() => rows()).toMatchObject([{ lease_until: now + leaseMs, attempts: 1 }]);
  await crashed.close(); // The handler never ends, as in a process that is gone.

  const attempts: number[] = [];
  makeJobs(async ({ attempt }) => void attempts.push(attempt)).open();
  now += leaseMs - 1;
  await settled();
  expect(attempts).toEqual([]);
  now += 1;
  await expect.poll(() => rows()).toEqual([]);
  expect(attempts).toEqual([2]);
});

test('a job that crashes the box every time is given up', async () => {
  const hang = Promise.withResolvers<void>();
  for (let crash = 1; crash <= 3; crash += 1) {
    const jobs = makeJobs(() => hang.promise, { closeMs: 1 });
    if (crash === 1) await enqueue(jobs, 'work', 'a');
    jobs.open();
    await expect.poll(() => rows()).toMatchObject([{ attempts: crash }]);
    await jobs.close();
    now += leaseMs;
  }
  const run = vi.fn(async () => undefined);
  makeJobs(run).open();
  await expect.poll(() => rows()).toMatchObject([{ failed_at: now, attempts: 3 }]);
  expect(rows()[0]?.last_error).toMatch(/The box stopped/);
  expect(run).not.toHaveBeenCalled();
});

test('failures wait longer each time, and the last one is kept with its reason', async () => {
  const attempts: number[] = [];
  const jobs = makeJobs(async ({ attempt }) => {
    attempts.push(attempt);
    throw new Error(`no ${attempt}`);
  });
  jobs.open();
  await enqueue(jobs, 'work', 'a');
  await expect.poll(() => rows()).toMatchObject([{ last_error: 'no 1', run_after: now + 5_000 }]);
  now += 4_999;
  await settled();
  expect(attempts).toEqual([1]);
  now += 1;
  await expect.poll(() => rows()).toMatchObject([{ last_error: 'no 2', run_after: now + 10_000 }]);
  now += 10_000;
  await expect.poll(() => rows()).toMatchObject([{ last_error: 'no 3', failed_at: now }]);
  now += 1_000_000_000;
  await settled();
  expect(attempts).toEqual([1, 2, 3]);
  await enqueue(jobs, 'work', 'a'); // Asked for anew, it begins anew.
  await expect.poll(() => attempts).toEqual([1, 2, 3, 1]);
});

test('a job of a newer version, or of an unknown kind, is left alone', async () => {
  const newer = makeJobs(async () => undefined, { version: 2 });
  await enqueue(newer, 'work', 'a');
  const old = makeJobs(async () => undefined);
  old.open();
  await enqueue(old, 'work', 'b');
  await expect.poll(() => rows()).toHaveLength(1);
  await settled();
  expect(rows()).toMatchObject([{ key: 'a', version: 2, attempts: 0, failed_at: null }]);
  expect(() => old.enqueue('play', 'x')).toThrow(expect.objectContaining({ code: 'internal' }));
  expect(() => old.enqueue('work', 'x', 'y'.repeat(65_536))).toThrow(expect.objectContaining({ code: 'internal' }));
});

test('closing aborts what runs, waits for it, and takes no attempt from it', async () => {
  let ended = false;
  const jobs = makeJobs(async (_job, signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await settled();
    ended = true;
    throw signal.reason;
  });
  jobs.open();
  await enqueue(jobs, 'work', 'a');
  await enqueue(jobs, 'work', 'b');
  await expect.poll(() => rows()[0]).toMatchObject({ attempts: 1 });
  await jobs.close();
  expect(ended).toBe(true);
  expect(rows()).toMatchObject([
    { key: 'a', attempts: 0, lease_until: null, last_error: null },
    { key: 'b', attempts: 0 },
  ]);
});

test('closing waits only so long, and the late end is written down if the database is still there', async () => {
  const gate = Promise.withResolvers<void>();
  const jobs = makeJobs(() => gate.promise, { closeMs: 20 });
  jobs.open();
  await enqueue(jobs, 'work', 'a');
  await expect.poll(() => rows()[0]).toMatchObject({ attempts: 1 });
  await jobs.close();
  expect(rows()).toMatchObject([{ lease_until: now + leaseMs }]);
  gate.resolve();
  await expect.poll(() => rows()).toEqual([]);
});

test('a job that outlives its lease is told, and is not given out twice', async () => {
  const gate = Promise.withResolvers<void>();
  const run = vi.fn(async (_job: Job, signal: AbortSignal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await gate.promise;
  });
  const jobs = makeJobs(run, { leaseMs: 10, concurrent: 2, attemptsMax: 1 });
  jobs.open();
  await enqueue(jobs, 'work', 'a');
  await expect.poll(() => run).toHaveBeenCalled();
  now += 1_000;
  await settled();
  expect(run).toHaveBeenCalledTimes(1);
  gate.resolve();
  await expect.poll(() => rows()).toEqual([]);
});

test('as many at a time as allowed, in the order of their time', async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const jobs = makeJobs(
    async ({ key }) => {
      seen.push(key);
      await gate.promise;
    },
    { concurrent: 2 },
  );
  await enqueue(jobs, 'work', 'third', {}, now - 1);
  await enqueue(jobs, 'work', 'first', {}, now - 3);
  await enqueue(jobs, 'work', 'second', {}, now - 2);
  jobs.open();
  await settled();
  expect(seen).toEqual(['first', 'second']);
  gate.resolve();
  await expect.poll(() => rows()).toEqual([]);
  expect(seen).toEqual(['first', 'second', 'third']);
});

test('a recurring job comes again after success and after failure, also in the next process', async () => {
  const hourMs = 3_600_000;
  const times: number[] = [];
  const run = async () => {
    times.push(now);
    if (times.length > 1) throw new Error('not now');
  };
  const jobs = makeJobs(run, { attemptsMax: 1 });
  jobs.every('work', hourMs);
  jobs.open();
  const start = now;
  await expect.poll(() => rows()).toMatchObject([{ run_after: start + hourMs, lease_until: null }]);
  now += hourMs;
  await expect.poll(() => rows()).toMatchObject([{ run_after: start + 2 * hourMs, last_error: 'not now' }]);
  expect(times).toEqual([start, start + hourMs]);
  await jobs.close();

  const next = makeJobs(run, { attemptsMax: 1 });
  next.every('work', hourMs);
  next.open();
  await settled();
  expect(times).toHaveLength(2); // Starting anew is no reason to do it early.
  now -= 10 * hourMs; // A clock set back does not keep it waiting for ten hours more.
  await next.close();
  const last = makeJobs(run, { attemptsMax: 1 });
  last.open();
  last.every('work', hourMs);
  expect(rows()).toMatchObject([{ run_after: now + hourMs }]);
});

test('a database that closes ends the work quietly', async () => {
  const run = vi.fn(async () => undefined);
  const jobs = makeJobs(run);
  jobs.open();
  database.close();
  await settled();
  expect(run).not.toHaveBeenCalled();
});
