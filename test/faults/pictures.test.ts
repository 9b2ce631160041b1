/**
 * Broken files against the whole box: whatever they do to the worker that looks at them, the daemon's memory and its
 * answers do not notice, each file ends with a picture or with a reason, and files after it get theirs.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workerProgram } from '../../src/media/protocol.ts';
import { rounds, say, suiteSeed } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { hasTool, quartered, quarteredVideo, tool } from '../support/made-media.ts';
import { Random } from '../support/random.ts';
import { realMedia } from '../support/real-media.ts';
import { recordTests } from '../support/results.ts';
import { beginUpload } from '../support/tus-by-hand.ts';

const suite = 'broken pictures';
const plantedProgram = new URL('../support/planted-decoder.ts', import.meta.url).pathname;
const photoMs = 3_000;
const askEveryMs = 25;
/** Far more than an answer takes on a busy machine, and far less than one that waits for a worker. */
const answerMsMax = 10_000;
const grownMiBMax = 96;
const asksMax = 12;
const plantedNames = ['loop', 'leak', 'crash', 'throw'];

/** Starts the planted worker again whenever it ends, as the system does on the device. */
class KeptWorker {
  readonly path: string;
  #child: ChildProcess | undefined;
  #stopped = false;
  ends = 0;

  constructor(path: string) {
    this.path = path;
    this.#start();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
  }

  #start(): void {
    const { nodeArguments, env } = workerProgram;
    const args = [...nodeArguments, plantedProgram, this.path, '600000', String(photoMs)];
    this.#child = spawn(process.execPath, args, { env, detached: true, stdio: 'ignore', cwd: '/' });
    this.#child.once('exit', () => {
      if (this.#stopped) return;
      this.ends++;
      rm(this.path, { force: true }).then(() => this.#start());
    });
  }
}

describe(suite, () => {
  let dir = '';
  let worker: KeptWorker;
  let daemon: Daemon;
  let token = '';
  let sources: Array<{ name: string; bytes: Buffer }> = [];
  let asked = 0;
  let longestMs = 0;
  let peakKiB = 0;
  const seed = suiteSeed(suite);
  const random = new Random(seed);
  const count = rounds(40, 400);
  const outcome = { made: 0, refused: 0 };
  recordTests(suite, {
    seed: () => seed,
    told: () =>
      `${outcome.made + outcome.refused} broken files, ${outcome.refused} without a picture; ${asked} answers meanwhile, the longest ${Math.round(longestMs)} ms; ${worker.ends} workers ended`,
  });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njp-'));
    worker = new KeptWorker(join(dir, 'w'));
    daemon = await Daemon.start({ dir, env: { NIGHTJAR_MEDIA_SOCKET: worker.path } });
    await daemon.setUp();
    ({ token } = await daemon.pair('Alice', 'Pixel'));
    sources = await sourceFiles(dir);
  });
  afterAll(async () => {
    worker?.stop();
    await daemon?.kill();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  const send = async (path: string, body: Buffer) => {
    const reply = await beginUpload({ daemon, token }, { path, length: body.length, body });
    expect(reply.status, reply.body.toString()).toBe(201);
  };
  const assets = async () => {
    const reply = await daemon.ask('GET', '/api/assets?limit=1000', { token });
    return (JSON.parse(reply.body.toString()) as { assets: Array<{ id: number; name: string }> }).assets;
  };
  /** Asks for its picture until there is one, or a reason why not; and gives the reason. */
  const pictureOf = async (id: number): Promise<string | undefined> => {
    for (let asks = 0; asks < asksMax; asks++) {
      const reply = await daemon.ask('GET', `/api/assets/${id}/thumbnail`, { token });
      if (reply.status === 200) return undefined;
      const problem = JSON.parse(reply.body.toString()) as { code: string; detail: string };
      if (problem.code === 'no-picture') return problem.detail;
      expect(problem.code, problem.detail).toBe('busy');
    }
    throw new Error(`Asset ${id} came to no end.`);
  };
  const anonymousKiB = async () => {
    const [, kib = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'latin1')) ?? [];
    return Number(kib);
  };

  const askAllTheTime = async (over: AbortSignal) => {
    while (!over.aborted) {
      const from = performance.now();
      const { status } = await daemon.ask('GET', '/api/health');
      expect(status).toBe(200);
      asked++;
      longestMs = Math.max(longestMs, performance.now() - from);
      peakKiB = Math.max(peakKiB, await anonymousKiB());
      await wait(askEveryMs);
    }
  };
  const judge = async ({ id, name }: { id: number; name: string }) => {
    const reason = await pictureOf(id);
    outcome[reason === undefined ? 'made' : 'refused']++;
    if (reason !== undefined) expect(reason, name).toMatch(/^[A-Z].{20,}\.$/s);
    if (plantedNames.some((what) => name.startsWith(what))) expect(reason, name).toContain('three times');
    if (name === 'last.jpg') expect(reason).toBeUndefined();
  };

  it('cost a picture, and the box does not notice', async () => {
    await send('DCIM/first.jpg', exifJpeg({ seed: 1, bytes: 20_000, takenLocal: '2024-01-01T10:00:00' }));
    for (const { id } of await assets()) expect(await pictureOf(id)).toBeUndefined();
    const beforeKiB = await anonymousKiB();
    const over = new AbortController();
    const asking = askAllTheTime(over.signal);
    try {
      for (let n = 0; n < count; n++) {
        const { name, bytes } = sources[n % sources.length] ?? { name: '', bytes: Buffer.alloc(0) };
        // With its number: two that were cut alike are one.
        await send(`DCIM/${n}-${name}`, Buffer.concat([broken(bytes, random), Buffer.from(` ${n}`)]));
      }
      for (const what of plantedNames) await send(`DCIM/${what}.jpg`, planted(what));
      await send('DCIM/last.jpg', exifJpeg({ seed: 2, bytes: 20_000, takenLocal: '2024-01-01T10:00:00' }));
      for (const asset of await assets()) await judge(asset);
    } finally {
      over.abort();
      await asking;
    }
    say(`${suite}: longest answer ${Math.round(longestMs)} ms, memory ${beforeKiB} -> ${peakKiB} KiB at most`);
    // Three for each planted one; fewer when a connection reached a worker that was just ending.
    expect(worker.ends).toBeGreaterThanOrEqual(2 * plantedNames.length);
    expect(longestMs).toBeLessThan(answerMsMax);
    expect((peakKiB - beforeKiB) / 1024).toBeLessThan(grownMiBMax);
    const { ready, refused, wanted } = JSON.parse(
      (await daemon.ask('GET', '/api/pictures', { token })).body.toString(),
    );
    expect([ready + refused, wanted]).toEqual([count + 6, 0]);
  });

  it('is started anew by a daemon that starts its own, and ends with a daemon that is killed', async () => {
    const own = await mkdtemp(join(tmpdir(), 'njp-'));
    const box = await Daemon.start({ dir: own });
    try {
      await box.setUp();
      const phone = await box.pair('Alice', 'Pixel');
      const body = exifJpeg({ seed: 3, bytes: 20_000, takenLocal: '2024-01-01T10:00:00' });
      await beginUpload({ daemon: box, token: phone.token }, { path: 'a.jpg', length: body.length, body });
      const get = async () => (await box.ask('GET', '/api/assets/1/thumbnail', { token: phone.token })).status;
      await expect.poll(get, { timeout: 60_000 }).toBe(200);
      const [first = 0] = await workersOf(box.pid);
      expect(first).toBeGreaterThan(0);
      process.kill(first, 'SIGKILL');
      await rm(join(box.diskDir, '.nightjar/thumbs'), { recursive: true });
      await expect.poll(get, { timeout: 60_000 }).toBe(200);
      const [second = 0] = await workersOf(box.pid);
      expect(second).not.toBe(first);
      await box.kill();
      await expect.poll(() => isRunning(second)).toBe(false);
    } finally {
      await box.kill();
      await rm(own, { recursive: true, force: true });
    }
  });
});

async function sourceFiles(dir: string): Promise<Array<{ name: string; bytes: Buffer }>> {
  const picture = quartered(800);
  const made = [
    { name: 'a.jpg', bytes: await picture.clone().jpeg().toBuffer() },
    { name: 'b.png', bytes: await picture.clone().png().toBuffer() },
    { name: 'c.webp', bytes: await picture.clone().webp().toBuffer() },
    { name: 'd.gif', bytes: await picture.clone().gif().toBuffer() },
    { name: 'e.tif', bytes: await picture.clone().tiff().toBuffer() },
    { name: 'f.avif', bytes: await picture.clone().avif({ effort: 0 }).toBuffer() },
    { name: 'g.mp4', bytes: await readFile(await quarteredVideo(dir, 'g.mp4')) },
  ];
  if (await hasTool('heif-enc')) {
    const png = join(dir, 'h.png');
    await picture.clone().png().toFile(png);
    await tool('heif-enc', ['-o', join(dir, 'h.heic'), png]);
    made.push({ name: 'h.heic', bytes: await readFile(join(dir, 'h.heic')) });
  }
  for (const path of realMedia()) made.push({ name: basename(path), bytes: await readFile(path) });
  return made;
}

/** Cut somewhere, or with some bytes changed; its length, at least, stays another one's than before. */
function broken(bytes: Buffer, random: Random): Buffer {
  if (random.chance(0.3)) return Buffer.from(bytes.subarray(0, random.whole(1, bytes.length - 1)));
  const copy = Buffer.from(bytes);
  for (let left = random.size(1, 200); left > 0; left--) {
    copy[random.whole(0, random.chance(0.5) ? Math.min(4_096, copy.length) - 1 : copy.length - 1)] = random.whole(
      0,
      255,
    );
  }
  return copy;
}

function planted(what: string): Buffer {
  return exifJpeg({ seed: 100 + plantedNames.indexOf(what), bytes: 5_000, takenLocal: '2024-01-01T10:00:00' });
}

async function workersOf(pid: number): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'latin1'))
    .split(' ')
    .filter(Boolean)
    .map(Number);
  const found: number[] = [];
  for (const child of children) {
    const command = await readFile(`/proc/${child}/cmdline`, 'latin1').catch(() => '');
    if (command.includes('media/worker-main')) found.push(child);
  }
  return found;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
