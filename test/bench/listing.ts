/**
 * `node test/bench/main.ts timeline`: the pages of the timeline in a library of 10,000 and in one of 1,000,000, and the
 * start of the box with the larger one. Both boxes run side by side and are asked in turn, over loopback http on one
 * connection each, so that what drifts on the machine meets both alike.
 */
import { mkdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { Daemon } from '../support/daemon.ts';
import { fill } from './big-library.ts';
import { describeMachine } from './machine.ts';
import { aim, median } from './report.ts';

export type ListingRun = Readonly<{ dir: string; quick: boolean; print: (...lines: string[]) => void }>;

const [fewRows, manyRows] = [10_000, 1_000_000];
const quickRows = 100_000;
const warmUps = 100;
const rounds = 5;
const startSecondsMax = 2;
const p99RatioMax = 1.5;
const phonesPerBox = 3;

type Box = { daemon: Daemon; token: string; phones: string[]; marks: string[]; agent: Agent; filledSeconds: number };
/** One thing that is asked, time after time; `at` counts the times. */
type Question = { name: string; path: (box: Box, at: number) => string; held: boolean };

const questions: readonly Question[] = [
  { name: 'first page', path: () => '/api/timeline', held: true },
  { name: 'a page in the middle', path: (box, at) => `/api/timeline?cursor=${markOf(box, at)}`, held: true },
  { name: 'first page of one phone', path: (box, at) => `/api/timeline?phone=${phoneOf(box, at)}`, held: true },
  {
    name: 'a page in the middle of one phone',
    path: (box, at) => `/api/timeline?phone=${phoneOf(box, at)}&cursor=${markOf(box, at)}`,
    held: true,
  },
  { name: 'months', path: () => '/api/timeline/months', held: true },
  { name: 'months of one phone', path: (box, at) => `/api/timeline/months?phone=${phoneOf(box, at)}`, held: true },
  { name: 'search: a name that all have', path: () => '/api/search?name=img_20', held: false },
  { name: 'search: a name that one has', path: (_, at) => `/api/search?name=_${1_000 + at}.`, held: false },
  { name: 'search: a name that none has', path: () => '/api/search?name=holiday', held: false },
  { name: 'search: two letters', path: () => '/api/search?name=mg', held: false },
];

/** Returns the report's lines. */
export async function measureListing({ dir, quick, print }: ListingRun): Promise<string[]> {
  const many = quick ? quickRows : manyRows;
  const times = quick ? 100 : 500;
  print(`Filling libraries of ${fewRows} and ${many}...`);
  const few = await boxWith(join(dir, 'few'), fewRows);
  const lots = await boxWith(join(dir, 'many'), many);
  await using _few = few.daemon;
  await using _lots = lots.daemon;
  print(`  in ${few.filledSeconds.toFixed(1)} and ${lots.filledSeconds.toFixed(1)} s`);
  const starts = await measureStarts(lots, quick ? 3 : 9);
  print(`  starts: ${starts.map((seconds) => seconds.toFixed(2)).join(' ')} s`);
  await useBox(few);
  await useBox(lots);

  const rows: string[] = [];
  const aims = [
    aim(`from the start to the health answer with the disk, ${many} rows, s`, Math.max(...starts), startSecondsMax),
  ];
  for (const question of questions) {
    const [ours, theirs] = await askInTurn(question, [few, lots], question.held ? times : times / 5);
    const ratio = p99(theirs) / p99(ours);
    rows.push(
      `| ${question.name} | ${figures(ours)} | ${figures(theirs)} | ${(median(theirs.flat()) / median(ours.flat())).toFixed(2)} | ${ratio.toFixed(2)} |`,
    );
    print(rows.at(-1) ?? '');
    if (question.held) aims.push(aim(`${question.name}, p99 at ${many} to p99 at ${fewRows}`, ratio, p99RatioMax));
  }
  await few.daemon.stop();
  await lots.daemon.stop();
  return [
    '# Timeline',
    '',
    `${new Date().toISOString().slice(0, 10)}: a library of ${fewRows} photos and videos and one of ${many}, three phones each, over ten years.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- the daemon over loopback http, 200 entries a page, ${times * rounds} times each (searches a fifth of that), the two boxes in turn, after ${warmUps} that are not counted`,
    `- p99: the median of those of ${rounds} rounds`,
    '- a page in the middle begins at the end of any month of the ten years, another each time',
    `- start: from the spawn to a health answer that says the disk is open; page cache and compile cache are warm; ${starts.length} times: ` +
      `median ${median(starts).toFixed(2)} s, largest ${Math.max(...starts).toFixed(2)} s`,
    '',
    '## Aims',
    '',
    ...aims,
    '',
    '## Milliseconds',
    '',
    `| | ${fewRows}: median | p99 | ${many}: median | p99 | ratio of medians | of p99 |`,
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}

async function boxWith(dir: string, count: number): Promise<Box> {
  await mkdir(dir, { recursive: true });
  const daemon = await Daemon.start({ dir });
  await daemon.setUp('Alice');
  const phones: string[] = [];
  let token = '';
  for (let n = 1; n <= phonesPerBox; n++) {
    const paired = await daemon.pair('Alice', `Phone ${n}`);
    phones.push(paired.phoneId);
    token = paired.token;
  }
  // The library knows its people from when it opens.
  await daemon.restart();
  await daemon.stop();
  const filledSeconds = fill({ file: join(daemon.diskDir, '.nightjar/library.sqlite'), phones, count });
  await daemon.restart();
  await daemon.libraryOpen();
  return { daemon, token, phones, marks: [], agent: new Agent({ keepAlive: true, maxSockets: 1 }), filledSeconds };
}

async function measureStarts({ daemon }: Box, times: number): Promise<number[]> {
  const seconds: number[] = [];
  for (let time = 0; time < times; time++) {
    await daemon.stop();
    const startedAt = performance.now();
    await daemon.restart();
    await daemon.libraryOpen();
    seconds.push((performance.now() - startedAt) / 1_000);
  }
  return seconds;
}

/** Takes a mark at the end of each month. */
async function useBox(box: Box): Promise<void> {
  const { months } = JSON.parse((await ask(box, '/api/timeline/months')).text) as { months: Array<{ month: string }> };
  for (const { month } of months) {
    const { text } = await ask(box, `/api/timeline?limit=1&month=${month}`);
    const { older } = JSON.parse(text) as { older: string | null };
    if (older !== null) box.marks.push(older);
  }
}

/** Milliseconds of each answer, by box and round. */
async function askInTurn(
  question: Question,
  boxes: readonly [Box, Box],
  times: number,
): Promise<[number[][], number[][]]> {
  const taken: [number[][], number[][]] = [[], []];
  for (let at = -warmUps; at < times * rounds; at++) {
    if (at >= 0 && at % times === 0) for (const one of taken) one.push([]);
    for (const [index, box] of boxes.entries()) {
      const { ms } = await ask(box, question.path(box, at + warmUps));
      taken[index as 0 | 1].at(-1)?.push(ms);
    }
  }
  return taken;
}

/** Milliseconds from asking to the last byte of the answer. @throws for any answer but 200. */
function ask({ daemon, token, agent }: Box, path: string): Promise<{ ms: number; text: string }> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const asked = request(
      `${daemon.url}${path}`,
      { agent, headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () => {
          const ms = performance.now() - startedAt;
          const text = Buffer.concat(parts).toString();
          if (answer.statusCode === 200) resolve({ ms, text });
          else reject(new Error(`${path} was answered with ${answer.statusCode}: ${text}`));
        });
      },
    );
    asked.once('error', reject);
    asked.end();
  });
}

function markOf({ marks }: Box, at: number): string {
  // Not month by month: neighbours would find their pages read already.
  return marks[(at * 37) % marks.length] ?? '';
}

function phoneOf({ phones }: Box, at: number): string {
  return phones[at % phones.length] ?? '';
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
