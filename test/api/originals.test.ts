/** Originals over HTTP: whole and in parts, by the rules of RFC 9110, sections 13 and 14. */
import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { openFilesNamed } from '../support/open-files.ts';

const jpeg = exifJpeg({ seed: 1, bytes: 100_000, takenLocal: '2025-07-14T09:30:00' });
const etag = `"${createHash('sha256').update(jpeg).digest('hex')}"`;

type Bytes = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer };

describe('an original', () => {
  let app: App;
  let phone: HandPhone;
  let at: string;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
    await phone.send('DCIM/Übung "1".jpg', jpeg, { mtime: '1700000000000' });
    at = `/api/assets/${(await phone.library()).assets[0]?.id}/original`;
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const get = (headers: Record<string, string> = {}, method = 'GET', path = at): Promise<Bytes> =>
    new Promise((resolve, reject) => {
      const all = { authorization: `Bearer ${phone.token}`, ...headers };
      const asked = request({ host: '127.0.0.1', port: app.httpPort, method, path, headers: all, agent: false });
      asked.once('error', reject).once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      });
      asked.end();
    });

  it('comes back byte for byte, with a strong ETag, and is never run as a page', async () => {
    const { status, headers, body } = await get();
    expect([status, body.equals(jpeg)]).toEqual([200, true]);
    expect(headers).toMatchObject({
      etag,
      'content-length': '100000',
      'accept-ranges': 'bytes',
      'content-type': 'image/jpeg',
      'last-modified': 'Tue, 14 Nov 2023 22:13:20 GMT',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(headers['content-disposition']).toMatch(/^inline; filename\*=UTF-8''%C3%9Cbung/);
  });

  it('tells HEAD the same, without a body', async () => {
    const whole = await get();
    const { status, headers, body } = await get({}, 'HEAD');
    expect([status, body.length]).toEqual([200, 0]);
    for (const name of [
      'etag',
      'content-length',
      'accept-ranges',
      'content-type',
      'last-modified',
      'content-disposition',
    ])
      expect(headers[name], name).toBe(whole.headers[name]);
    const part = await get({ range: 'bytes=0-9' }, 'HEAD');
    // Range is defined for GET; either answer is allowed for HEAD, but not a body.
    expect([[200, 206].includes(part.status), part.body.length]).toEqual([true, 0]);
  });

  it.each([
    ['the first', 'bytes=0-0', 0, 0],
    ['the last', 'bytes=99999-99999', 99_999, 99_999],
    ['a middle part', 'bytes=1000-70000', 1_000, 70_000],
    ['from somewhere', 'bytes=99990-', 99_990, 99_999],
    ['a suffix', 'bytes=-5', 99_995, 99_999],
    ['a suffix longer than all', 'bytes=-500000', 0, 99_999],
    ['an end past the end', 'bytes=99000-200000', 99_000, 99_999],
  ])('is given in part: %s', async (_name, range, first, last) => {
    const { status, headers, body } = await get({ range });
    expect(status).toBe(206);
    expect(headers['content-range']).toBe(`bytes ${first}-${last}/100000`);
    expect(headers['content-length']).toBe(String(last - first + 1));
    expect(body.equals(jpeg.subarray(first, last + 1))).toBe(true);
  });

  it.each([
    'bytes=100000-',
    'bytes=100000-100001',
    'bytes=-0',
    'bytes=999999999999999-',
  ])('has nothing at %s', async (range) => {
    const { status, headers, body } = await get({ range });
    expect([status, headers['content-range'], body.length]).toEqual([416, 'bytes */100000', 0]);
  });

  it.each([
    'bytes=0-1,5-6',
    'bytes=5-1',
    'bytes=-',
    'bytes=a-b',
    'items=0-1',
    'bytes',
    'bytes=0x1-2',
    'bytes=1-2-3',
  ])('is given whole for %s', async (range) => {
    const { status, headers, body } = await get({ range });
    expect([status, headers['content-range'], body.length]).toEqual([200, undefined, 100_000]);
  });

  it('is not sent to who has it', async () => {
    for (const have of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { status, headers, body } = await get({ 'if-none-match': have });
      expect([status, headers['etag'], body.length], have).toEqual([304, etag, 0]);
    }
    expect((await get({ 'if-none-match': '"other"' })).status).toBe(200);
    expect((await get({ 'if-none-match': etag }, 'HEAD')).status).toBe(304);
  });

  it('goes on in part only for who has the start of this very file', async () => {
    const range = 'bytes=10-19';
    expect((await get({ range, 'if-range': etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, 'Tue, 14 Nov 2023 22:13:20 GMT', '']) {
      const { status, body } = await get({ range, 'if-range': other });
      expect([status, body.length], other).toEqual([200, 100_000]);
    }
  });

  it('of no bytes is given too', async () => {
    await phone.send('Download/empty.txt', Buffer.alloc(0));
    const empty = (await phone.library()).assets.find(({ size }) => size === 0);
    const path = `/api/assets/${empty?.id}/original`;
    const { status, headers, body } = await get({}, 'GET', path);
    expect([status, headers['content-length'], body.length]).toEqual([200, '0', 0]);
    expect(headers['content-disposition']).toMatch(/^attachment/);
    expect((await get({ range: 'bytes=0-0' }, 'GET', path)).status).toBe(416);
    expect((await get({}, 'HEAD', path)).status).toBe(200);
  });

  it('of a client that goes away is let go', async () => {
    const big = exifJpeg({ seed: 2, bytes: 20_000_000, takenLocal: '2025-07-14T09:30:00' });
    await phone.send('DCIM/big.jpg', big);
    const path = `/api/assets/${(await phone.library()).assets.find(({ size }) => size === big.length)?.id}/original`;
    for (let times = 0; times < 20; times++) {
      await new Promise<void>((resolve, reject) => {
        const headers = { authorization: `Bearer ${phone.token}` };
        const asked = request({ host: '127.0.0.1', port: app.httpPort, path, headers, agent: false });
        asked
          .once('error', () => resolve())
          .once('response', (response) => {
            response
              .once('data', () => response.destroy())
              .once('close', () => resolve())
              .once('error', () => undefined);
          });
        asked.end();
        setTimeout(() => reject(new Error('no answer')), 20_000).unref();
      });
    }
    await expect.poll(() => openFilesNamed('big.jpg')).toBe(0);
    expect((await get({}, 'GET', path)).body.equals(big)).toBe(true);
  });

  it('that does not exist, or is no number, is not found', async () => {
    for (const [id, status] of [
      ['999999', 404],
      ['0', 400],
      ['-1', 400],
      ['1e3', 400],
      ['99999999999999999999', 400],
      ['..%2f..%2fetc', 400],
    ] as const) {
      expect((await get({}, 'GET', `/api/assets/${id}/original`)).status, id).toBe(status);
    }
  });

  it('that somebody changed on the disk is not given for the photo that came in', async () => {
    const bytes = exifJpeg({ seed: 3, bytes: 5_000, takenLocal: '2024-07-14T09:30:00' });
    await phone.send('DCIM/changed.jpg', bytes);
    const asset = (await phone.library()).assets.find(({ path }) => path.endsWith('changed.jpg'));
    await appendFile(join(app.diskDir, asset?.path ?? ''), 'x');
    expect((await get({}, 'GET', `/api/assets/${asset?.id}/original`)).status).toBe(404);
  });

  it('met no error of the box in all this', () => {
    expect(app.ownErrors()).toEqual([]);
  });
});
