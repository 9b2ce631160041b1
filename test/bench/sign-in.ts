/**
 * `node test/bench/main.ts sign-in`: what a phone's small PATCH and a page of the timeline wait for while somebody tries
 * passwords, 20 a second, against the same without. Both take turns, so that what drifts on the machine meets both alike;
 * the attempts come from a process of their own.
 */
import { fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { metadata } from '../support/hand-phone.ts';
import { fill } from './big-library.ts';
import type { ListingRun } from './listing.ts';
import { describeMachine } from './machine.ts';
import { aim, median } from './report.ts';

const libraryRows = 10_000;
const pieceBytes = 16 * 1024;
const attemptsPerSecond = 20;
const p99RatioMax = 2;
const warmUps = 50;

/** Milliseconds of each answer, by round. */
type Taken = { patch: number[][]; timeline: number[][] };
type Box = Readonly<{ daemon: Daemon; token: string; agent: Agent }>;
/** How often each status was the answer to an attempt. */
type Counts = Record<string, number>;

/** Returns the report's lines. */
export async function measureSignIn({ dir, quick, print }: ListingRun): Promise<string[]> {
  const times = quick ? 100 : 1_000;
  const rounds = quick ? 2 : 6;
  const box = await makeBox(join(dir, 'box'));
  await using daemon = box.daemon;
  const without: Taken = { patch: [], timeline: [] };
  const during: Taken = { patch: [], timeline: [] };
  const counts: Counts = {};
  await takeTimes(box, warmUps);
  for (let round = 0; round < rounds; round++) {
    add(without, await takeTimes(box, times));
    const attempts = await beginAttempts(daemon.url);
    add(during, await takeTimes(box, times));
    for (const [status, count] of Object.entries(await attempts.end())) counts[status] = (counts[status] ?? 0) + count;
    print(`  round ${round + 1} of ${rounds}`);
  }
  await daemon.stop();
  const rows = (['patch', 'timeline'] as const).map((which) => {
    const ratio = p99(during[which]) / p99(without[which]);
    return {
      name: which === 'patch' ? `PATCH of ${pieceBytes / 1024} KiB` : 'first page of the timeline',
      which,
      ratio,
    };
  });
  return [
    '# Sign-in attempts beside work',
    '',
    `${new Date().toISOString().slice(0, 10)}: ${attemptsPerSecond} attempts a second, each with a name that nobody has and a wrong password: the dearest kind, since each name is hashed for as if somebody had it.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- the daemon over loopback http; a library of ${libraryRows}; ${times * rounds} of each, ${rounds} rounds without and with the attempts in turn, after ${warmUps} that are not counted`,
    '- p99: the median of those of the rounds',
    `- what the attempts were answered: ${Object.entries(counts)
      .map(([status, count]) => `${status} ${count} times`)
      .join(', ')}`,
    '',
    '## Aims',
    '',
    ...rows.map(({ name, ratio }) => aim(`${name}, p99 during attempts to p99 without`, ratio, p99RatioMax)),
    '',
    '## Milliseconds',
    '',
    '| | without: median | p99 | during: median | p99 | ratio of p99 |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ name, which, ratio }) =>
        `| ${name} | ${figures(without[which])} | ${figures(during[which])} | ${ratio.toFixed(2)} |`,
    ),
    '',
  ];
}

async function makeBox(dir: string): Promise<Box> {
  await mkdir(dir, { recursive: true });
  const daemon = await Daemon.start({ dir });
  await daemon.setUp('Alice');
  const { token, phoneId } = await daemon.pair('Alice', 'Phone');
  // The library knows its people from when it opens.
  await daemon.restart();
  await daemon.stop();
  fill({ file: join(daemon.diskDir, '.nightjar/library.sqlite'), phones: [phoneId], count: libraryRows });
  await daemon.restart();
  await daemon.libraryOpen();
  return { daemon, token, agent: new Agent({ keepAlive: true, maxSockets: 1 }) };
}

/** One PATCH and one page of the timeline after the other, `times` of each, of an upload that is given up at the end. */
async function takeTimes(box: Box, times: number): Promise<{ patch: number[]; timeline: number[] }> {
  const taken = { patch: [] as number[], timeline: [] as number[] };
  const facts = metadata({ path: 'DCIM/large.jpg' });
  const length = String((times + 1) * pieceBytes);
  const made = await ask(box, 'POST', '/api/uploads', { 'upload-length': length, 'upload-metadata': facts });
  const upload = String(made.location);
  const piece = Buffer.alloc(pieceBytes, 0x5a);
  const type = 'application/offset+octet-stream';
  for (let at = 0; at < times; at++) {
    const headers = { 'content-type': type, 'upload-offset': String(at * pieceBytes) };
    taken.patch.push((await ask(box, 'PATCH', upload, headers, piece)).ms);
    taken.timeline.push((await ask(box, 'GET', '/api/timeline')).ms);
  }
  await ask(box, 'DELETE', upload);
  return taken;
}

/** Milliseconds from asking to the last byte of the answer. @throws for any answer but 2xx. */
function ask(
  { daemon, token, agent }: Box,
  method: string,
  path: string,
  more: Record<string, string> = {},
  body?: Buffer,
): Promise<{ ms: number; location: string | undefined }> {
  const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0', ...more };
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const asked = request(`${daemon.url}${path}`, { agent, method, headers }, (answer) => {
      answer.resume();
      answer.once('error', reject);
      answer.once('end', () => {
        const status = answer.statusCode ?? 0;
        if (status >= 300) reject(new Error(`${method} ${path} was answered with ${status}`));
        else resolve({ ms: performance.now() - startedAt, location: answer.headers.location });
      });
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

function add(taken: Taken, round: { patch: number[]; timeline: number[] }): void {
  taken.patch.push(round.patch);
  taken.timeline.push(round.timeline);
}

/** The median of the rounds' own: something else that ran for a moment is in one of them. */
function p99(byRound: ReadonlyArray<readonly number[]>): number {
  return median(
    byRound.map((values) => {
      const sorted = [...values].sort((a, b) => a - b);
      return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
    }),
  );
}

function figures(byRound: ReadonlyArray<readonly number[]>): string {
  return `${median(byRound.flat()).toFixed(2)} | ${p99(byRound).toFixed(2)}`;
}

const attemptsArgument = '--sign-in-attempts';

/** Resolves when the first attempt was answered. */
async function beginAttempts(url: string): Promise<{ end(): Promise<Counts> }> {
  const child = fork(new URL(import.meta.url).pathname, [attemptsArgument, url], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const message = () => new Promise<unknown>((resolve) => child.once('message', resolve));
  const gone = new Promise<never>((_, reject) => {
    child.once('exit', () => reject(new Error('What tries passwords ended early.')));
  });
  gone.catch(() => undefined);
  await Promise.race([message(), gone]);
  const end = async () => {
    child.send('end');
    return (await Promise.race([message(), gone])) as Counts;
  };
  return { end };
}

/** The process that tries: at its own pace, whatever becomes of the earlier ones. */
function attempt(url: string): void {
  const counts: Counts = {};
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  let number = 0;
  const count = (status: string) => {
    if (Object.keys(counts).length === 0) process.send?.('begun');
    counts[status] = (counts[status] ?? 0) + 1;
  };
  const timer = setInterval(() => {
    const body = JSON.stringify({ person: `nobody-${process.pid}-${++number}`, password: `wrong password ${number}` });
    const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const asked = request(`${url}/api/sessions`, { agent, method: 'POST', headers }, (answer) => {
      answer.resume();
      count(String(answer.statusCode));
    });
    asked.once('error', () => count('no answer'));
    asked.end(body);
  }, 1_000 / attemptsPerSecond);
  process.once('message', () => {
    clearInterval(timer);
    process.send?.(counts, () => process.exit(0));
  });
}

const [, , argument, url] = process.argv;
if (argument === attemptsArgument && url !== undefined) attempt(url);
