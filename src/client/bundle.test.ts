import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates, TestBox } from '../../test/support/test-box.ts';
import { bundleClient } from './bundle.ts';

const run = promisify(execFile);
let work: string;
let box: TestBox;
let program: string;
let node: string;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'nightjar-client-'));
  box = new TestBox(await makeCertificates());
  await box.start();
  node = await machinesNode();
  const tarball = await bundleClient(join(work, 'dist'));
  const again = await bundleClient(join(work, 'again'));
  expect((await readFile(again)).equals(await readFile(tarball))).toBe(true);
  const npm = ['install', '--global', '--offline', '--prefix', join(work, 'prefix'), tarball];
  await run('npm', npm, { env: { ...process.env, npm_config_cache: join(work, 'npm') } });
  program = join(work, 'prefix/bin/nightjar-phone');
}, 180_000);

afterAll(async () => {
  await box.kill();
  await rm(work, { recursive: true, force: true });
});

/** The machine's own Node, not the pinned one: the client must run on Node 20. */
async function machinesNode(): Promise<string> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder.includes('node_modules')) continue;
    const candidate = join(folder, 'node');
    if (
      await access(candidate).then(
        () => true,
        () => false,
      )
    )
      return candidate;
  }
  return process.execPath;
}

function client(...args: string[]): ChildProcess {
  const all = [program, ...args, '--json', '--config', join(work, 'config')];
  return spawn(node, all, { stdio: ['ignore', 'pipe', 'inherit'] });
}

type Line = { event: string; current?: { offset: number }[] } & Record<string, unknown>;

async function linesOf(child: ChildProcess, onLine: (line: Line) => void = () => {}): Promise<Line[]> {
  const lines: Line[] = [];
  let rest = '';
  for await (const chunk of child.stdout ?? []) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      lines.push(JSON.parse(part));
      onLine(lines.at(-1) as Line);
    }
  }
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve));
  return lines;
}

test('runs where it was installed, and goes on after it was killed', async () => {
  expect((await run(node, [program, '--help'])).stdout).toMatch(/nightjar-phone backup DIR/);
  const unpaired = client('status');
  expect((await linesOf(unpaired)).at(-1)).toMatchObject({ event: 'error', code: 'not-paired' });
  expect(unpaired.exitCode).toBe(3);
  expect((await linesOf(client('pair', box.link))).at(-1)).toMatchObject({
    event: 'done',
    box: 'Box',
    person: 'alice',
  });

  const size = 40_000_000;
  const photos = join(work, 'DCIM');
  await mkdir(photos);
  await writeFile(join(photos, 'film.mp4'), Buffer.alloc(size, 'film'));
  await writeFile(join(photos, 'a.jpg'), 'photo');
  const filmAtBox = () => [...box.uploads.values()].find(({ facts }) => facts.filename === 'film.mp4')?.size ?? 0;
  // The box takes 15 MB of the film and then goes quiet, until the client is dead.
  box.interfere = async (request) => {
    const upload = [...box.uploads.values()].find(({ facts }) => facts.filename === 'film.mp4');
    if (request.method !== 'PATCH' || upload === undefined) return false;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      upload.bytes.push(chunk);
      upload.size += chunk.length;
      if (upload.size > 15_000_000) await new Promise((resolve) => request.once('close', resolve));
    }
    return true;
  };
  const first = client('backup', photos);
  // What it says that it sent may still be on its way: the box has to have it.
  await linesOf(first, ({ event }) => {
    if (event === 'progress' && filmAtBox() > 10_000_000) first.kill('SIGKILL');
  });
  expect(first.signalCode).toBe('SIGKILL');

  box.interfere = () => false;
  const second = client('backup', photos);
  const lines = await linesOf(second);
  expect(lines[0]).toMatchObject({ event: 'start', command: 'backup', box: 'Box' });
  const counts = { seen: 2, safe: 2, waiting: 0, refused: 0 };
  expect(lines.at(-1)).toMatchObject({ event: 'done', ...counts, exitCode: 0, seconds: expect.any(Number) });
  expect(second.exitCode).toBe(0);
  expect(lines.at(-1)?.bytes).toBeLessThan(size - 10_000_000);
  expect((await linesOf(client('backup', photos))).at(-1)).toMatchObject({
    event: 'done',
    ...counts,
    leftOut: 0,
    bytes: 0,
    files: 0,
  });

  expect((await linesOf(client('restore', join(work, 'back'), '--own'))).at(-1)).toMatchObject({
    event: 'done',
    ...counts,
  });
  expect((await readFile(join(work, 'back/DCIM/film.mp4'))).equals(Buffer.alloc(size, 'film'))).toBe(true);
  expect((await linesOf(client('status'))).at(-1)).toMatchObject({
    event: 'done',
    command: 'status',
    seen: 2,
    safe: 2,
  });

  await writeFile(join(photos, 'b.refused'), 'x');
  await writeFile(join(photos, '.nomedia'), '');
  const third = client('backup', photos);
  expect((await linesOf(third)).at(-1)).toMatchObject({
    event: 'done',
    seen: 3,
    safe: 2,
    refused: 1,
    leftOut: 1,
    leftOutBy: { hidden: 1 },
    exitCode: 4,
  });
  expect(third.exitCode).toBe(4);
  box.token = 'revoked';
  const revoked = client('backup', photos);
  expect((await linesOf(revoked)).at(-1)).toMatchObject({ event: 'error', code: 'revoked' });
  expect(revoked.exitCode).toBe(3);
}, 60_000);

test('says what was wrong in its arguments', async () => {
  const wrong = [
    [],
    ['backup'],
    ['fly', 'x'],
    ['status', '--patience', 'soon'],
    ['status', '--nonsense'],
    ['backup', '--expect', '0', work],
    ['status', '--expect', '24'],
    ['run', work],
    ['run', '--nightly', '25:00', work],
    ['run', '--nightly', '02:30'],
  ];
  for (const args of wrong) {
    const child = client(...args);
    expect((await linesOf(child)).at(-1)).toMatchObject({ event: 'error', code: 'usage' });
    expect(child.exitCode).toBe(2);
  }
});

test('runs each night until it is told to end, and tells its plan', async () => {
  box.token = 'another-token-0123456789';
  await linesOf(client('pair', '--replace', box.link));
  box.plans.length = 0;
  const photos = join(work, 'DCIM');
  await mkdir(photos, { recursive: true });
  const nightly = client('run', '--nightly', '02:30', photos);
  let planned = 0;
  const lines = await linesOf(nightly, ({ event }) => {
    if (event === 'planned') planned += 1;
    if (planned === 2 && event === 'planned')
      void expect
        .poll(() => box.plans.length)
        .toBe(2)
        .then(() => nightly.kill());
  });
  expect(nightly.exitCode).toBe(0);
  expect(lines.map(({ event }) => event).filter((event) => event !== 'progress' && event !== 'item')).toEqual([
    'planned',
    'start',
    'done',
    'planned',
  ]);
  const { at } = lines.at(-1) as Line;
  expect(box.plans.at(-1)).toEqual({ nextAt: at, client: 'nightjar-phone', clientVersion: expect.any(String) });
  // A backup by hand does not call it off; one by another scheduler says its own.
  await linesOf(client('backup', photos));
  expect(box.plans.at(-1)?.nextAt).toBe(at);
  const before = Date.now();
  await linesOf(client('backup', '--expect', '24', photos));
  const expected = box.plans.at(-1)?.nextAt;
  expect(expected).toBeGreaterThanOrEqual(before + 24 * 3600_000);
  await linesOf(client('backup', photos));
  expect(box.plans.at(-1)?.nextAt).toBe(expected);
}, 60_000);

test('says nothing on stderr of how many addresses it tries', async () => {
  const path = join(work, 'config/pairing.json');
  const before = await readFile(path, 'utf8');
  const addresses = Array.from({ length: 16 }, (_, n) => `https://127.0.3.${n}:1`);
  await writeFile(path, JSON.stringify({ ...JSON.parse(before), addresses, lastAddress: addresses[0] }));
  const args = [program, 'status', '--json', '--no-search', '--patience', '0', '--config', join(work, 'config')];
  const failed = await run(node, args).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 1, stderr: '' });
  await writeFile(path, before);
}, 60_000);
