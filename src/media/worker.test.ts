import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { MediaClient, type StartOptions } from '../../test/support/media-client.ts';
import { workerProgram } from './protocol.ts';

const planted = new URL('../../test/support/planted-decoder.ts', import.meta.url).pathname;
const clients: MediaClient[] = [];
let dir: string;
let picture: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-worker-test-'));
  picture = join(dir, 'a.jpg');
  await sharp({ create: { width: 800, height: 600, channels: 3, background: '#268' } })
    .jpeg()
    .toFile(picture);
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.stop();
});
afterAll(() => rmSync(dir, { recursive: true }));

async function start(options: StartOptions = {}): Promise<MediaClient> {
  const client = await MediaClient.start(options);
  clients.push(client);
  return client;
}

const plant = async (...args: string[]) => await start({ program: planted, args });
const isRunning = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(statusOf(pid));
const statusOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
};

test('answers one line and the two pictures, and is ready for the next job', async () => {
  const client = await start();
  for (const round of [1, 2]) {
    const told = await client.ask(picture);
    if (!('answer' in told) || !told.answer.ok) throw new Error(`Round ${round} has no picture.`);
    expect(told.answer).toMatchObject({ id: round, width: 800, height: 600, durationMs: null, motion: null });
    expect(await sharp(told.grid).metadata()).toMatchObject({ format: 'webp', width: 320, height: 240 });
    expect(await sharp(told.preview).metadata()).toMatchObject({ format: 'webp', width: 800, height: 600 });
    expect(Buffer.from(told.answer.thumbhash ?? '', 'base64').length).toBeGreaterThan(4);
  }
  expect(client.left).toHaveLength(0);
});

test('answers jobs that came together one after the other', async () => {
  const client = await start();
  const job = (id: number) => `${JSON.stringify({ id, file: `${dir}/missing`, kind: 'photo', name: 'x.jpg' })}\n`;
  client.send(job(7) + job(8));
  await expect.poll(() => client.left.toString().split('\n').length).toBe(3);
  const codes = client.left
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(codes).toMatchObject([
    { id: 7, ok: false, code: 'unreadable' },
    { id: 8, ok: false, code: 'unreadable' },
  ]);
});

test('opens no link and no pipe', async () => {
  const client = await start();
  const link = join(dir, 'link.jpg');
  const pipe = join(dir, 'pipe.jpg');
  for (const [program, ...args] of [
    ['ln', '-s', picture, link],
    ['mkfifo', pipe],
  ]) {
    await once(spawn(program ?? '', args), 'close');
  }
  for (const file of [link, pipe, dir]) {
    expect(await client.ask(file)).toMatchObject({ answer: { ok: false, code: 'unreadable' } });
  }
});

test.each([
  ['is no JSON', 'hello\n'],
  ['names no absolute path', '{"id":1,"file":"a.jpg","kind":"photo","name":"a.jpg"}\n'],
  ['has no end', 'x'.repeat(40_000)],
])('closes the connection for a line that %s, and takes the next one', async (_, line) => {
  const client = await start();
  client.send(line);
  await expect.poll(() => client.closed).toBe(true);
  const again = await client.connect();
  again.write(`${JSON.stringify({ id: 1, file: picture, kind: 'photo', name: 'a.jpg' })}\n`);
  const [bytes] = await once(again, 'data');
  expect(String(bytes)).toContain('"ok":true');
  again.destroy();
});

test('closes a second connection at once', async () => {
  const client = await start();
  const second = await client.connect();
  await once(second.resume(), 'close');
  expect(await client.ask(picture)).toMatchObject({ answer: { ok: true } });
});

test('says goodbye and ends when there is no work', async () => {
  const client = await start({ args: ['3000'] });
  expect(await client.ask(picture)).toMatchObject({ answer: { ok: true } });
  expect(await client.ended).toEqual({ code: 0, signal: null });
  expect(client.left.toString()).toBe('{"bye":true}\n');
});

test('says goodbye and ends when it is told to, also in the middle of a job', async () => {
  const client = await plant();
  const file = join(dir, 'tool-pid');
  void client.ask(file, { name: 'tool.jpg' });
  await expect.poll(() => existsSync(file) && readFileSync(file, 'latin1').trim()).toMatch(/^\d+$/);
  client.child.kill('SIGTERM');
  expect(await client.ended).toEqual({ code: 0, signal: null });
  await expect.poll(() => isRunning(Number(readFileSync(file, 'latin1')))).toBe(false);
});

test('ends the programs of a job whose connection is gone, and takes the next one', async () => {
  const client = await plant();
  const file = join(dir, 'gone-pid');
  void client.ask(file, { name: 'tool.jpg' });
  await expect.poll(() => existsSync(file) && readFileSync(file, 'latin1').trim()).toMatch(/^\d+$/);
  client.hangUp();
  await expect.poll(() => isRunning(Number(readFileSync(file, 'latin1')))).toBe(false);
  const again = await client.connect();
  again.write(`${JSON.stringify({ id: 1, file: picture, kind: 'photo', name: 'a.jpg' })}\n`);
  expect(String((await once(again, 'data'))[0])).toContain('"ok":true');
  again.destroy();
});

test.each(['loop', 'wait'])('a decoder that hangs (%s) is killed at the deadline', async (name) => {
  const client = await plant('60000', '500');
  expect(await client.ask(picture, { name: `${name}.jpg` })).toMatchObject({ died: true });
  expect(await client.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

test('the deadline of one job is none for the time after it', async () => {
  const client = await plant('60000', '10000');
  expect(await client.ask(picture)).toMatchObject({ answer: { ok: true } });
  await new Promise((resolve) => setTimeout(resolve, 10_500));
  expect(await client.ask(picture)).toMatchObject({ answer: { ok: true } });
});

test('a decoder that leaks is killed at the limit of memory', async () => {
  const client = await plant('60000', '3600000', String(300 * 1024 * 1024));
  expect(await client.ask(picture, { name: 'leak.jpg' })).toMatchObject({ died: true });
  expect(await client.ended).toEqual({ code: null, signal: 'SIGKILL' });
});

test('what is killed takes its children and its temporary files along', async () => {
  const client = await plant('60000', '1500');
  const file = join(dir, 'child-pid');
  writeFileSync(file, '');
  expect(await client.ask(file, { name: 'child.jpg' })).toMatchObject({ died: true });
  await client.ended;
  await expect.poll(() => isRunning(Number(readFileSync(file, 'latin1')))).toBe(false);
  const roots = ['/dev/shm', tmpdir()].filter((root) => existsSync(root));
  const left = roots
    .flatMap((root) => readdirSync(root))
    .filter((name) => name.startsWith(`nightjar-picture-${client.pid}-`));
  expect(left).toEqual([]);
});

test.each(['crash', 'throw'])('a decoder that fails in its own way (%s) ends the worker', async (name) => {
  const client = await plant();
  expect(await client.ask(picture, { name: `${name}.jpg` })).toMatchObject({ died: true });
  const { code, signal } = await client.ended;
  expect(code !== 0 || signal !== null).toBe(true);
});

test('takes its socket from systemd', async () => {
  const path = join(dir, 'handed-over');
  // LISTEN_PID is the program's own: a shell that becomes it knows.
  const words = [process.execPath, ...workerProgram.nodeArguments, workerProgram.program].map((word) => `'${word}'`);
  const command = `LISTEN_FDS=1 LISTEN_PID=$$ exec ${words.join(' ')}`;
  // Listens, hands the socket over and is gone: two that listen would take turns.
  const systemd = `
    const server = require('node:net').createServer().listen(process.argv[1], () => {
      const stdio = ['ignore', 'inherit', 'inherit', server._handle.fd];
      const child = require('node:child_process').spawn('sh', ['-c', process.argv[2]], { stdio, detached: true });
      process.stdout.write(String(child.pid), () => process.exit(0));
    });`;
  const { env } = workerProgram;
  const started = spawn(process.execPath, ['-e', systemd, path, command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const [pid] = await once(started.stdout, 'data');
  try {
    const socket = connect(path);
    socket.write(`${JSON.stringify({ id: 3, file: picture, kind: 'photo', name: 'a.jpg' })}\n`);
    expect(String((await once(socket, 'data'))[0])).toContain('"id":3,"ok":true');
    socket.destroy();
  } finally {
    process.kill(-Number(pid), 'SIGKILL');
  }
});
