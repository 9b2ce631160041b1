/** Pictures over HTTP, made by the real worker: thumbnails, previews, and what moves inside a picture or beside it. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import sharp, { type SharpOptions } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import {
  difference,
  hasTool,
  quartered,
  quarteredVideo,
  quarters,
  quartersOf,
  withXmp,
} from '../support/made-media.ts';

const withFfmpeg = await hasTool('ffmpeg');

describe('pictures', () => {
  let dir = '';
  let app: App;
  let phone: HandPhone;
  let cookie = '';
  let jpeg: Buffer;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njp-'));
    app = await App.start();
    cookie = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
    jpeg = await quartered(3_000).jpeg({ quality: 90 }).toBuffer();
    await phone.send('DCIM/quarters.jpg', jpeg);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const get = (path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
      const all = { authorization: `Bearer ${phone.token}`, ...headers };
      request({ host: '127.0.0.1', port: app.httpPort, path, headers: all, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      })
        .once('error', reject)
        .end();
    });
  const idOf = async (name: string): Promise<number> => {
    const { assets } = (await phone.ask('GET', '/api/assets?limit=1000')).json() as {
      assets: Array<{ id: number; name: string }>;
    };
    const found = assets.find((asset) => asset.name === name);
    if (found === undefined) throw new Error(`${name} is not in the library.`);
    return found.id;
  };

  it('come in two sizes, right side up, with a tag that saves sending them again', async () => {
    const id = await idOf('quarters.jpg');
    for (const [path, width] of [
      ['thumbnail', 320],
      ['preview', 1600],
    ] as const) {
      const { status, headers, body } = await get(`/api/assets/${id}/${path}`);
      expect([status, headers['content-type']]).toEqual([200, 'image/webp']);
      expect(headers['cache-control']).toContain('private');
      // One browser, several people: what one was shown is not the other's.
      expect(headers['vary']).toBe('Cookie, Authorization');
      const metadata = await sharp(body).metadata();
      expect([metadata.format, metadata.width, metadata.height]).toEqual(['webp', width, width / 2]);
      expect(difference(await quartersOf(body), quarters)).toBeLessThan(12);
      const again = await get(`/api/assets/${id}/${path}`, { 'if-none-match': String(headers['etag']) });
      expect([again.status, again.body.length]).toEqual([304, 0]);
    }
    const [entry] = ((await phone.ask('GET', '/api/timeline')).json() as { entries: object[] }).entries;
    expect(entry).toMatchObject({ id, width: 3_000, height: 1_500, picture: 'ready', motion: null });
  });

  it('that nobody takes to the end let go of their files', async () => {
    const noise = {
      create: {
        width: 1_600,
        height: 1_600,
        channels: 3,
        background: 'grey',
        noise: { type: 'gaussian', mean: 128, sigma: 90 },
      },
    };
    await phone.send(
      'DCIM/noise.jpg',
      await sharp(noise as SharpOptions)
        .jpeg({ quality: 90 })
        .toBuffer(),
    );
    const path = `/api/assets/${await idOf('noise.jpg')}/preview`;
    const { body, headers } = await get(path);
    expect([body.length, (await sharp(body).metadata()).width]).toEqual([Number(headers['content-length']), 1_600]);
    expect((await get(path, { 'if-none-match': String(headers['etag']) })).status).toBe(304);
    const sockets = Array.from({ length: 20 }, () => connect(app.httpPort, '127.0.0.1'));
    for (const socket of sockets) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${phone.token}\r\n\r\n`);
    }
    // Each has the beginning, and takes no more.
    await Promise.all(sockets.map((socket) => once(socket, 'readable')));
    for (const socket of sockets) socket.destroy();
    const held = async () => {
      const links = await Promise.all(
        (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
      );
      return links.filter((link) => link.startsWith(join(app.diskDir, '.nightjar/thumbs')));
    };
    await expect.poll(held).toEqual([]);
  });

  it('of what is none are refused with the reason, and listed', async () => {
    await phone.send('DCIM/cut.jpg', jpeg.subarray(0, 4_000));
    await phone.send('DCIM/lies.jpg', Buffer.from('This is a letter, not a picture.'.repeat(10)));
    await phone.send('Documents/letter.txt', Buffer.from('A letter.'));
    for (const name of ['cut.jpg', 'lies.jpg', 'letter.txt']) {
      const answer = await phone.ask('GET', `/api/assets/${await idOf(name)}/thumbnail`);
      expect([answer.status, answer.json()['code']], name).toEqual([404, 'no-picture']);
      expect(answer.json()['detail'], name).toMatch(/^[A-Z].*\.$/s);
    }
    const { refusals, wanted } = (await phone.ask('GET', '/api/pictures')).json() as {
      refusals: Array<{ path: string }>;
      wanted: number;
    };
    expect([refusals.map(({ path }) => path.split('/').at(-1)).sort(), wanted]).toEqual([['cut.jpg', 'lies.jpg'], 0]);
  });

  it('are made anew from nothing', async () => {
    const id = await idOf('quarters.jpg');
    const before = await get(`/api/assets/${id}/thumbnail`);
    await rm(join(app.diskDir, '.nightjar/thumbs'), { recursive: true });
    expect((await app.ask('POST', '/api/pictures/again', { cookie })).status).toBe(202);
    const after = await get(`/api/assets/${id}/thumbnail`);
    expect([after.status, after.body.equals(before.body)]).toEqual([200, true]);
    expect(after.headers['etag']).not.toBe(before.headers['etag']);
  });

  it.skipIf(!withFfmpeg)('that move inside are played as a video of their own, in ranges too', async () => {
    const video = await readFile(await quarteredVideo(dir, 'inside.mp4'));
    const xmp = `<rdf:Description GCamera:MicroVideo="1" GCamera:MicroVideoVersion="1" GCamera:MicroVideoOffset="${video.length}"/>`;
    const motion = Buffer.concat([withXmp(await quartered(802).jpeg().toBuffer(), xmp), video]);
    await phone.send('DCIM/PXL_1.MP.jpg', motion);
    const id = await idOf('PXL_1.MP.jpg');
    expect((await get(`/api/assets/${id}/thumbnail`)).status).toBe(200);
    const { status, headers, body } = await get(`/api/assets/${id}/motion`);
    expect([status, headers['content-type'], body.equals(video)]).toEqual([200, 'video/mp4', true]);
    const part = await get(`/api/assets/${id}/motion`, { range: 'bytes=4-11' });
    expect([part.status, part.headers['content-range'], part.body.equals(video.subarray(4, 12))]).toEqual([
      206,
      `bytes 4-11/${video.length}`,
      true,
    ]);
    const last = await get(`/api/assets/${id}/motion`, { range: 'bytes=-5' });
    expect(last.body.equals(video.subarray(-5))).toBe(true);
    const { entries } = (await phone.ask('GET', '/api/timeline')).json() as { entries: Array<{ id: number }> };
    expect(entries.find((entry) => entry.id === id)).toMatchObject({ motion: { from: 'inside' } });
    expect((await get(`/api/assets/${await idOf('quarters.jpg')}/motion`)).status).toBe(404);
  });

  it.skipIf(!withFfmpeg)('that move beside are played from the other half', async () => {
    const video = await readFile(await quarteredVideo(dir, 'beside.mov'));
    const still = await quartered(804).jpeg().toBuffer();
    await phone.send('DCIM/IMG_9.JPG', still, { pair: 'nine' });
    await phone.send('DCIM/IMG_9.MOV', video, { pair: 'nine' });
    const { body, headers } = await get(`/api/assets/${await idOf('IMG_9.JPG')}/motion`);
    expect([body.equals(video), headers['content-type']]).toEqual([true, 'video/quicktime']);
    const poster = await get(`/api/assets/${await idOf('IMG_9.MOV')}/preview`);
    expect(difference(await quartersOf(poster.body), quarters)).toBeLessThan(24);
    const details = (await phone.ask('GET', `/api/assets/${await idOf('IMG_9.MOV')}`)).json();
    expect(details).toMatchObject({ durationMs: 2_000, width: 320, height: 160 });
  });

  it('go with a photo that is deleted for good, and stay with one that is in the trash', async () => {
    await phone.send('DCIM/gone.jpg', await quartered(806).jpeg().toBuffer());
    const id = await idOf('gone.jpg');
    const file = join(app.diskDir, `.nightjar/thumbs/0/${id}`);
    expect((await get(`/api/assets/${id}/thumbnail`)).status).toBe(200);
    expect((await app.ask('POST', '/api/trash', { cookie }, { assets: [id] })).status).toBe(200);
    expect((await get(`/api/assets/${id}/thumbnail`)).status).toBe(200);
    expect((await app.ask('POST', '/api/trash/delete', { cookie }, { assets: [id] })).status).toBe(200);
    await expect.poll(() => readFile(file).catch((error: { code: string }) => error.code)).toBe('ENOENT');
    const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { readonly: true });
    const left = () => catalogue.prepare('SELECT 1 FROM picture WHERE asset_id = ?').get(id);
    await expect.poll(left).toBeUndefined();
    catalogue.close();
    expect((await get(`/api/assets/${id}/thumbnail`)).status).toBe(404);
  });

  it('are nobody else’s, and met no error of the box', async () => {
    const stranger = await app.pair('Bob', 'iPhone');
    const id = await idOf('quarters.jpg');
    for (const what of ['thumbnail', 'preview', 'motion']) {
      expect((await stranger.ask('GET', `/api/assets/${id}/${what}`)).status, what).toBe(404);
    }
    expect(app.ownErrors()).toEqual([]);
  });
});
