/**
 * `node test/bench/main.ts web-timeline`: the photos page with 200,000 entries in a real Chromium whose processor is
 * slowed to a quarter: scrolled from top to bottom, and jumped to the middle. The entries' pictures are real files (a
 * few, linked as often as needed), so that fetching, decoding and memory are those of a real library.
 */
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { Daemon } from '../support/daemon.ts';
import { chromiumPath, webMissing } from '../support/web.ts';
import { painted } from '../support/web-photos.ts';
import { fill } from './big-library.ts';
import { describeMachine } from './machine.ts';
import { aim } from './report.ts';

export type WebTimelineRun = Readonly<{ dir: string; quick: boolean; print: (...lines: string[]) => void }>;

const rowsWhole = 200_000;
const rowsQuick = 20_000;
const slowdown = 4;
const longTaskMsMax = 100;
const tabMbMax = 300;
const screensMax = 3;
const openMsMax = 120_000;
const pictureKinds = 40;
const assetsPerFolder = 1_000;
/** Of ext4, with room. */
const linksMax = 60_000;
const shapes: ReadonlyArray<readonly [number, number]> = [
  [4032, 3024],
  [3024, 4032],
  [4032, 3024],
  [4032, 2268],
  [3024, 3024],
];
const views = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
} as const;
type View = keyof typeof views;
/** One walk: pixels a step and milliseconds between, as a hand scrolls, then as one throws it. */
const walks = [
  { name: 'reading on', windowsPerStep: 0.2, stepMs: 50, steps: 150 },
  { name: 'scrolling fast', windowsPerStep: 2, stepMs: 50, steps: 150 },
] as const;
const stepsTopToBottom = 300;

/** `longestMs`: what the page's main thread itself computed; `wallMs`: with what else ran on the machine meanwhile. */
type Part = { name: string; longestMs: number; wallMs: number; over50: number; tiles: number };
type Seen = { view: View; wholeMs: number; parts: Part[]; heapMb: number; tabMb: number; screens: number };

/** Returns the report's lines. */
export async function measureWebTimeline({ dir, quick, print }: WebTimelineRun): Promise<string[]> {
  const missing = webMissing();
  if (missing !== undefined) throw new Error(`The web app cannot be measured: ${missing}.`);
  const count = quick ? rowsQuick : rowsWhole;
  print(`Filling a library of ${count}...`);
  const daemon = await libraryOf(dir, count);
  await using _daemon = daemon;
  const seen: Seen[] = [];
  for (const view of ['desktop', 'phone'] as const) {
    const one = await look(daemon, view, count);
    seen.push(one);
    print(...linesOf(one));
  }
  await daemon.stop();
  return [
    '# The photos page',
    '',
    `${new Date().toISOString().slice(0, 10)}: ${count} photos and videos over ten years, in Chromium with its processor slowed ${slowdown} times (CDP).`,
    '',
    ...(await describeMachine(dir)).map((line) => `- ${line}`),
    `- load of the machine at the end: ${loadavg()[0]?.toFixed(1)} (of other programs too: above its cores the slowing itself is late, and tasks look several times longer than they are)`,
    '- loopback http; the daemon runs on the same machine, at full speed; pictures are real WebP files of 320 pixels',
    '- tasks of the page’s main thread (trace): the time that the thread itself ran, slowed; and by the clock, in which other programs of this machine ran too',
    '- memory: the proportional set size (PSS) of the tab’s process after everything, and its JavaScript heap after a collection',
    '- tiles: the most that were in the page at once; screens: the height of the rows in the page to the window’s',
    '',
    '## Aims',
    '',
    ...seen.flatMap(({ view, parts, tabMb, screens }) => [
      aim(
        `${view}: longest task while scrolling, ms`,
        Math.max(...parts.slice(1).map(({ longestMs }) => longestMs)),
        longTaskMsMax,
      ),
      aim(`${view}: memory of the tab, MB`, tabMb, tabMbMax),
      aim(`${view}: screens of tiles in the page`, screens, screensMax),
    ]),
    '',
    '## Figures',
    '',
    ...seen.flatMap(linesOf),
  ];
}

function linesOf({ view, wholeMs, parts, heapMb, tabMb, screens }: Seen): string[] {
  return [
    `### ${view}`,
    '',
    `All is laid out ${(wholeMs / 1_000).toFixed(1)} s after the address was opened. Tab ${tabMb.toFixed(0)} MB, its JavaScript heap ${heapMb.toFixed(1)} MB, at most ${screens.toFixed(2)} screens of tiles.`,
    '',
    '| | longest task, ms | by the clock, ms | tasks over 50 ms | tiles at most |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...parts.map(
      ({ name, longestMs, wallMs, over50, tiles }) =>
        `| ${name} | ${longestMs.toFixed(0)} | ${wallMs.toFixed(0)} | ${over50} | ${tiles} |`,
    ),
    '',
  ];
}

async function libraryOf(dir: string, count: number): Promise<Daemon> {
  const daemon = await Daemon.start({ dir });
  await daemon.setUp('Alice');
  const { phoneId } = await daemon.pair('Alice', 'Phone');
  // The library knows its people from when it opens.
  await daemon.restart();
  await daemon.stop();
  const file = join(daemon.diskDir, '.nightjar/library.sqlite');
  fill({ file, phones: [phoneId], count });
  const sizes = await putPictures(daemon.diskDir, count);
  const database = new Sqlite(file, { fileMustExist: true });
  database.transaction(() => {
    const put = database.prepare(
      'UPDATE picture SET grid_bytes = ?, preview_bytes = ?, width = ?, height = ? WHERE asset_id % ? = ?',
    );
    for (const [kind, { grid, preview }] of sizes.entries()) {
      const [width, height] = shapes[kind % shapes.length] ?? [4032, 3024];
      put.run(grid, preview, width, height, pictureKinds, kind);
    }
  })();
  database.close();
  await daemon.restart();
  await daemon.libraryOpen();
  return daemon;
}

/** One file for each kind, under the names of all that are of it. */
async function putPictures(diskDir: string, count: number): Promise<Array<{ grid: number; preview: number }>> {
  const sizes: Array<{ grid: number; preview: number }> = [];
  const thumbs = join(diskDir, '.nightjar/thumbs');
  const source = (kind: number) => join(thumbs, `kind-${kind}`);
  await mkdir(thumbs, { recursive: true });
  for (let kind = 0; kind < pictureKinds; kind++) {
    const [width, height] = shapes[kind % shapes.length] ?? [4032, 3024];
    const scaled = (side: number) => ({
      width: Math.round((side * width) / Math.max(width, height)),
      height: Math.round((side * height) / Math.max(width, height)),
    });
    const noise = await noisy(await painted(kind));
    const grid = await sharp(noise)
      .resize({ ...scaled(320), fit: 'fill' })
      .webp({ quality: 75 })
      .toBuffer();
    const preview = await sharp(noise)
      .resize({ ...scaled(640), fit: 'fill' })
      .webp({ quality: 75 })
      .toBuffer();
    await writeFile(source(kind), Buffer.concat([grid, preview]));
    sizes.push({ grid: grid.length, preview: preview.length });
  }
  if (count / pictureKinds > linksMax) throw new RangeError('One file cannot have so many names.');
  for (let id = 1; id <= count; id++) {
    const folder = join(thumbs, String(Math.floor(id / assetsPerFolder)));
    if (id === 1 || id % assetsPerFolder === 0) await mkdir(folder, { recursive: true });
    await link(source(id % pictureKinds), join(folder, String(id)));
  }
  for (let kind = 0; kind < pictureKinds; kind++) await unlink(source(kind));
  return sizes;
}

/** What a photo has in every pixel: a painted one would be a kilobyte. */
async function noisy(picture: Buffer): Promise<Buffer> {
  const { data, info } = await sharp(picture).resize(640).raw().toBuffer({ resolveWithObject: true });
  for (let at = 0; at < data.length; at++)
    data[at] = Math.max(0, Math.min(255, (data[at] ?? 0) + ((at * 7919) % 23) - 11));
  return await sharp(data, { raw: info }).png().toBuffer();
}

async function look(daemon: Daemon, view: View, count: number): Promise<Seen> {
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--enable-precise-memory-info'],
  });
  try {
    return await lookWith(browser, daemon, view, count);
  } finally {
    await browser.close();
  }
}

async function lookWith(browser: Browser, daemon: Daemon, view: View, count: number): Promise<Seen> {
  const context = await browser.newContext({ ...views[view], locale: 'en-GB' });
  const [name = '', value = ''] = (await daemon.signIn()).split('=');
  await context.addCookies([{ name, value, url: daemon.url }]);
  const page = await context.newPage();
  await page.addInitScript(observeTiles);
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
  await trace(browser, page);
  const openedAt = performance.now();
  await page.goto(`${daemon.url}/photos`);
  const laidOut = `document.querySelectorAll('.ph-picture.at-once, .ph-picture.faded').length > 5 &&
    performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/timeline/layout')).length >=
      ${Math.ceil(count / 10_000)}`;
  while (!(await page.evaluate(laidOut))) {
    if (performance.now() - openedAt > openMsMax) throw new Error('The photos page did not open.');
    await sleep(200);
  }
  const wholeMs = performance.now() - openedAt;
  await sleep(2_000);
  const parts: Part[] = [await part(browser, page, 'opening, until all is laid out')];
  for (const { name: what, windowsPerStep, stepMs, steps } of walks) {
    await trace(browser, page);
    await page.evaluate(walk({ from: 0, step: `innerHeight * ${windowsPerStep}`, stepMs, steps }));
    parts.push(await part(browser, page, what));
  }
  const whole = `(document.documentElement.scrollHeight - innerHeight)`;
  await trace(browser, page);
  await page.evaluate(walk({ from: 0, step: `${whole} / ${stepsTopToBottom}`, stepMs: 33, steps: stepsTopToBottom }));
  parts.push(await part(browser, page, 'from top to bottom in ten seconds'));
  await trace(browser, page);
  await page.evaluate(walk({ from: 0, step: `${whole} / 2`, stepMs: 1_500, steps: 1 }));
  parts.push(await part(browser, page, 'a jump to the middle'));
  const screens = Number(await page.evaluate('globalThis.screensMax'));
  const { heapMb, tabMb } = await memoryOf(browser, session);
  await context.close();
  return { view, wholeMs, parts, heapMb, tabMb, screens };
}

/** Runs in the page: keeps how much of the grid is there, frame by frame. */
const observeTiles = `
  globalThis.tilesMax = 0; globalThis.screensMax = 0;
  const watch = () => {
    const boxes = [...document.querySelectorAll('.ph-row > :first-child')].map((tile) => tile.getBoundingClientRect());
    tilesMax = Math.max(tilesMax, document.querySelectorAll('.ph-tile').length);
    if (boxes.length > 0) {
      const height = Math.max(...boxes.map(({ bottom }) => bottom)) - Math.min(...boxes.map(({ top }) => top));
      screensMax = Math.max(screensMax, height / innerHeight);
    }
    setTimeout(watch, 250);
  };
  watch();`;

function walk({ from, step, stepMs, steps }: { from: number; step: string; stepMs: number; steps: number }): string {
  return `(async () => {
    scrollTo(0, ${from});
    await new Promise((resolve) => setTimeout(resolve, 1000));
    globalThis.tilesMax = 0;
    const step = ${step};
    for (let n = 0; n < ${steps}; n++) {
      scrollBy({ top: step, behavior: 'instant' });
      await new Promise((resolve) => setTimeout(resolve, ${stepMs}));
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  })()`;
}

type TraceEvent = Readonly<{
  name: string;
  pid: number;
  tid: number;
  /** Microseconds: by the clock, and of the thread itself. */
  dur?: number;
  tdur?: number;
  args?: Readonly<{ name?: string }>;
}>;

async function trace(browser: Browser, page: Page): Promise<void> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
}

/** Of the trace until now: the tasks of the main threads of pages, of which there is one. */
async function part(browser: Browser, page: Page, name: string): Promise<Part> {
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const isMain = new Set(
    traceEvents
      .filter((event) => event.name === 'thread_name' && event.args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    (event) => event.name.endsWith('RunTask') && isMain.has(`${event.pid} ${event.tid}`),
  );
  if (tasks.length < 100 || tasks.every(({ tdur }) => tdur === undefined)) throw new Error('The trace has no tasks.');
  const [own, wall] = [tasks.map(({ tdur = 0 }) => tdur / 1_000), tasks.map(({ dur = 0 }) => dur / 1_000)];
  const tiles = Number(await page.evaluate('globalThis.tilesMax'));
  return {
    name,
    longestMs: own.reduce((most, ms) => Math.max(most, ms), 0),
    wallMs: wall.reduce((most, ms) => Math.max(most, ms), 0),
    over50: own.filter((ms) => ms > 50).length,
    tiles,
  };
}

async function memoryOf(browser: Browser, session: CDPSession): Promise<{ heapMb: number; tabMb: number }> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const whole = await browser.newBrowserCDPSession();
  const { processInfo } = await whole.send('SystemInfo.getProcessInfo');
  const sizes = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => pssMb(id)));
  // A spare renderer stands by; the tab's is the largest.
  return { heapMb: usedSize / 1e6, tabMb: Math.max(...sizes) };
}

async function pssMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  return (Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024) / 1e6;
}
