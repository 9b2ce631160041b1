/**
 * `node test/bench/main.ts web-pages`: Lighthouse's mobile preset (a slow phone on a slow network, simulated) on the pages
 * that people see first, served by the real daemon: home and photos of somebody who is signed in, and the pairing page.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import lighthouse from 'lighthouse';
import { chromium } from 'playwright-core';
import { Daemon } from '../support/daemon.ts';
import { freePort } from '../support/free-port.ts';
import { HandPhone } from '../support/hand-phone.ts';
import { quartered } from '../support/made-media.ts';
import { chromiumPath, webMissing } from '../support/web.ts';
import type { ListingRun } from './listing.ts';
import { describeMachine } from './machine.ts';
import { median } from './report.ts';

const categories = ['performance', 'accessibility', 'best-practices'] as const;
const aimedScore = 95;
const photosCount = 60;
const pages = [
  { name: 'home', path: '/' },
  { name: 'photos', path: '/photos' },
  { name: 'pairing', path: '/pair' },
];
type Run = Readonly<{
  scores: Readonly<Record<string, number>>;
  figures: Readonly<Record<string, number>>;
  bad: string[];
}>;

/** Returns the report's lines. */
export async function measureWebPages({ dir, quick, print }: ListingRun): Promise<string[]> {
  const missing = webMissing();
  if (missing !== undefined) throw new Error(`Pages cannot be measured: ${missing}.`);
  await mkdir(dir, { recursive: true });
  await using daemon = await boxWithPhotos(join(dir, 'box'));
  const port = await freePort();
  const context = await chromium.launchPersistentContext(join(dir, 'profile'), {
    executablePath: chromiumPath,
    args: ['--no-sandbox', `--remote-debugging-port=${port}`],
  });
  const rows: string[] = [];
  const aims: string[] = [];
  const complaints: string[] = [];
  try {
    const [name = '', value = ''] = (await daemon.signIn()).split('=');
    await context.addCookies([{ name, value, url: daemon.url, sameSite: 'Strict', httpOnly: true }]);
    const cleaner = await context.newCDPSession(context.pages()[0] ?? (await context.newPage()));
    // A first visit each time, but for the session.
    const forget = async () => {
      await cleaner.send('Network.clearBrowserCache');
      await cleaner.send('Storage.clearDataForOrigin', {
        origin: daemon.url,
        storageTypes: 'service_workers,cache_storage',
      });
    };
    for (const page of pages) {
      const runs: Run[] = [];
      for (let round = 0; round < (quick ? 1 : 5); round++) {
        await forget();
        runs.push(await audit(`${daemon.url}${page.path}`, port));
      }
      const told = tell(page.name, runs);
      print(`  ${told.row}`);
      rows.push(told.row);
      aims.push(...told.aims);
      complaints.push(...told.complaints);
    }
  } finally {
    await context.close();
  }
  return [
    '# The first pages under Lighthouse',
    '',
    `${new Date().toISOString().slice(0, 10)}: mobile preset, medians of ${quick ? 1 : 5}; ${photosCount} photos; http on loopback, where Chromium counts the box as secure.`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    '',
    '## Aims',
    '',
    ...aims,
    '',
    '## Figures',
    '',
    '| page | performance | accessibility | best practices | first paint ms | largest paint ms | blocked ms | layout shift | kB |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
    ...(complaints.length === 0
      ? []
      : ['What it found in accessibility and best practices:', '', ...complaints.map((one) => `- ${one}`)]),
  ];
}

function tell(page: string, runs: readonly Run[]): { row: string; aims: string[]; complaints: string[] } {
  const score = (of: string) => median(runs.map(({ scores }) => scores[of] ?? 0));
  const figure = (of: string) => median(runs.map(({ figures }) => figures[of] ?? 0));
  const milliseconds = ['first-contentful-paint', 'largest-contentful-paint', 'total-blocking-time'];
  const cells = [
    page,
    ...categories.map(score),
    ...milliseconds.map((of) => figure(of).toFixed(0)),
    figure('cumulative-layout-shift').toFixed(3),
    (figure('total-byte-weight') / 1000).toFixed(0),
  ];
  return {
    row: `| ${cells.join(' | ')} |`,
    aims: categories.map((of) => {
      const met = score(of) >= aimedScore ? 'met' : 'missed';
      return `- ${page}, ${of}: ${score(of)} (aim ${aimedScore}: ${met})`;
    }),
    complaints: [...new Set(runs.flatMap(({ bad }) => bad))].map((one) => `${page}: ${one}`),
  };
}

async function audit(url: string, port: number): Promise<Run> {
  const result = await lighthouse(url, {
    port,
    output: 'json',
    logLevel: 'error',
    // The session is what is measured with.
    disableStorageReset: true,
    onlyCategories: [...categories],
  });
  if (result === undefined) throw new Error(`Lighthouse gave no result for ${url}.`);
  const { lhr } = result;
  if (lhr.runtimeError !== undefined) throw new Error(`${url}: ${lhr.runtimeError.message}`);
  const scores = Object.fromEntries(categories.map((of) => [of, Math.round((lhr.categories[of]?.score ?? 0) * 100)]));
  const figures = Object.fromEntries(
    Object.entries(lhr.audits).map(([id, { numericValue }]) => [id, numericValue ?? 0]),
  );
  const judged = ['accessibility', 'best-practices'].flatMap((of) => lhr.categories[of]?.auditRefs ?? []);
  const bad = judged
    .filter(({ id, weight }) => weight > 0 && lhr.audits[id]?.score === 0)
    .map(({ id }) => `${id}: ${lhr.audits[id]?.title}`);
  return { scores, figures, bad };
}

async function boxWithPhotos(dir: string): Promise<Daemon> {
  await mkdir(dir, { recursive: true });
  const daemon = await Daemon.start({ dir });
  await daemon.setUp();
  const port = Number(new URL(daemon.url).port);
  const phone = new HandPhone(() => port, await daemon.pair('Alice', 'Pixel 8'));
  for (let at = 0; at < photosCount; at++) {
    const jpeg = await quartered(800, [
      [at * 4, 30, 40],
      [40, 160, 60],
      [30, 60, 190],
      [240, 240, 240],
    ])
      .jpeg()
      .toBuffer();
    await phone.send(`DCIM/IMG_${String(at).padStart(4, '0')}.jpg`, jpeg, {
      mtime: String(Date.now() - at * 3_600_000),
    });
  }
  const deadline = Date.now() + 120_000;
  for (;;) {
    const pictures = JSON.parse((await phone.ask('GET', '/api/pictures')).text) as { wanted: number };
    if (pictures.wanted === 0 || Date.now() > deadline) return daemon;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
