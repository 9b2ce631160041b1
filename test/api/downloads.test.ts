/** A selection as one ZIP, over real sockets: its exact length, who may have it, and what happens when it breaks off. */
import { execFile } from 'node:child_process';
import { truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const run = promisify(execFile);
const MiB = 1024 * 1024;

type Got = { status: number; headers: Record<string, unknown>; bytes: Buffer; whole: boolean };

describe('downloads', () => {
  let app: App;
  let cookie = '';
  let phone: HandPhone;
  let ids: number[] = [];
  beforeAll(async () => {
    app = await App.start();
    cookie = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
    for (let seed = 1; seed <= 3; seed++) {
      const bytes = exifJpeg({ seed, bytes: 6 * MiB + seed, takenLocal: '2025-07-14T09:30:00' });
      await phone.send(`DCIM/IMG_${seed}.jpg`, bytes);
    }
    ids = (await assets()).map(({ id }) => id);
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const assets = async () => {
    const answer = await phone.ask('GET', '/api/assets');
    return (answer.json() as { assets: Array<{ id: number; path: string }> }).assets;
  };
  const offer = async () => {
    const answer = await app.ask('POST', '/api/downloads', { cookie }, { assets: ids });
    expect(answer.status, answer.text).toBe(201);
    return answer.json() as { id: string; files: number; bytes: number };
  };
  const get = (id: string, headers: Record<string, string>, onFirst: () => Promise<void> | void = () => undefined) =>
    new Promise<Got>((resolve, reject) => {
      const asked = request({
        host: '127.0.0.1',
        port: app.httpPort,
        path: `/api/downloads/${id}`,
        headers,
        agent: false,
      });
      asked.on('error', reject);
      asked.on('response', (response) => {
        const chunks: Buffer[] = [];
        let met = false;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (met) return;
          met = true;
          response.pause();
          Promise.resolve(onFirst()).then(() => response.resume(), reject);
        });
        response.on('error', () => undefined);
        response.on('close', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            bytes: Buffer.concat(chunks),
            whole: response.complete,
          }),
        );
      });
      asked.end();
    });

  it('sends a person and their phones a whole ZIP of exactly the promised length', async () => {
    const { id, files, bytes } = await offer();
    expect(files).toBe(3);
    for (const headers of [{ cookie }, { authorization: `Bearer ${phone.token}` }] as Record<string, string>[]) {
      const got = await get(id, headers);
      expect([got.status, got.whole, got.bytes.length]).toEqual([200, true, bytes]);
      expect(got.headers).toMatchObject({
        'content-type': 'application/zip',
        'content-length': String(bytes),
        'content-disposition': expect.stringMatching(/^attachment; filename="nightjar-\d{4}-\d\d-\d\d\.zip"$/),
      });
      const path = join(app.dir, 'got.zip');
      await writeFile(path, got.bytes);
      expect((await run('unzip', ['-t', path])).stdout).toContain('No errors detected');
    }
  });

  it('is nobody else’s', async () => {
    const { id } = await offer();
    const bob = await app.pair('Bob', 'iPhone');
    expect((await get(id, { authorization: `Bearer ${bob.token}` })).status).toBe(404);
    expect((await get(id, {})).status).toBe(401);
    expect((await get('0'.repeat(32), { cookie })).status).toBe(404);
    expect((await get('x', { cookie })).status).toBe(400);
    expect((await bob.json('POST', '/api/downloads', { assets: ids })).status).toBe(404);
    const many = Array.from({ length: 10_001 }, (_, at) => at + 1);
    expect((await app.ask('POST', '/api/downloads', { cookie }, { assets: many })).status).toBe(400);
  });

  it('breaks the connection rather than to end a wrong ZIP, and goes on serving', async () => {
    const { id } = await offer();
    const last = (await assets()).at(-1);
    const path = join(app.diskDir, last?.path ?? '');
    const got = await get(id, { cookie }, () => truncate(path, 1000));
    expect([got.status, got.whole]).toEqual([200, false]);
    // Found before the next one begins; and the phone is asked for it again.
    expect((await get(id, { cookie })).status).toBe(404);
    expect((await app.ask('POST', '/api/downloads', { cookie }, { assets: ids })).status).toBe(404);
    expect((await app.ask('GET', '/api/health')).status).toBe(200);
    expect(app.ownErrors()).toEqual([]);
  });
});
