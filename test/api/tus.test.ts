/** The tus door, request by request (tus 1.0.0), on the whole box. */
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import type { Answer } from '../support/asking.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { type HandPhone, metadata } from '../support/hand-phone.ts';
import { openFilesNamed } from '../support/open-files.ts';

const code = (answer: Answer) => [answer.status, answer.text === '' ? '' : answer.json()['code']];
let seed = 100;
const picture = (bytes = 20_000) => exifJpeg({ seed: seed++, bytes, takenLocal: '2025-07-14T09:30:00' });

describe('the tus door', () => {
  let app: App;
  let phone: HandPhone;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const begin = async (length: number, path: string, body?: Uint8Array) => {
    const answer = await phone.create(length, { path }, body);
    expect(answer.status, answer.text).toBe(201);
    return answer.headers.location ?? '';
  };
  const offset = async (location: string) => (await phone.tus('HEAD', location)).headers['upload-offset'];

  it('says what it can, to everyone', async () => {
    const answer = await app.ask('OPTIONS', '/api/uploads');
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,termination,expiration',
      'tus-max-size': String(1024 ** 4),
    });
  });

  it('takes a file in steps: create, append, ask, append', async () => {
    const jpeg = picture();
    const created = await phone.create(jpeg.length, { path: 'DCIM/steps.jpg', filetype: 'image/jpeg' });
    expect([created.status, created.text]).toEqual([201, '']);
    expect(created.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'upload-offset': '0' });
    const location = created.headers.location ?? '';
    expect(location).toMatch(/^\/api\/uploads\/[0-9a-f]{32}$/);
    const days = (Date.parse(String(created.headers['upload-expires'])) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(14);
    const first = await phone.patch(location, 0, jpeg.subarray(0, 7_000));
    expect([first.status, first.headers['upload-offset'], first.text]).toEqual([204, '7000', '']);
    expect(first.headers['upload-expires']).toBeDefined();
    const asked = await phone.tus('HEAD', location);
    expect(asked.headers).toMatchObject({
      'upload-offset': '7000',
      'upload-length': String(jpeg.length),
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
    });
    const last = await phone.patch(location, 7_000, jpeg.subarray(7_000));
    expect([last.status, last.headers['upload-offset']]).toEqual([204, String(jpeg.length)]);
    expect(last.headers['upload-expires']).toBeUndefined();
    expect(await app.filesInView()).toContain('Photos/Alice/2025/2025-07/steps.jpg');
    // Finished, and still known.
    const after = await phone.tus('HEAD', location);
    expect([after.status, after.headers['upload-offset']]).toEqual([200, String(jpeg.length)]);
    expect(code(await phone.patch(location, jpeg.length, Buffer.alloc(1)))).toEqual([409, 'offset-mismatch']);
    expect(code(await phone.patch(location, 7_000, jpeg.subarray(7_000)))).toEqual([409, 'offset-mismatch']);
    expect(await offset(location)).toBe(String(jpeg.length));
  });

  it('takes the first bytes with the creation, all of them or a part', async () => {
    const jpeg = picture();
    const part = await phone.create(jpeg.length, { path: 'DCIM/part.jpg' }, jpeg.subarray(0, 5_000));
    expect([part.status, part.headers['upload-offset']]).toEqual([201, '5000']);
    expect((await phone.patch(part.headers.location ?? '', 5_000, jpeg.subarray(5_000))).status).toBe(204);
    const whole = picture();
    const created = await phone.create(whole.length, { path: 'DCIM/whole.jpg' }, whole);
    expect([created.status, created.headers['upload-offset']]).toEqual([201, String(whole.length)]);
    expect(created.headers['upload-expires']).toBeUndefined();
    expect(await offset(created.headers.location ?? '')).toBe(String(whole.length));
  });

  it('is never told a length later, and never joins uploads', async () => {
    const meta = { 'upload-metadata': metadata({ path: 'a.txt' }) };
    const both = { ...meta, 'upload-defer-length': '1', 'upload-length': '10' };
    for (const headers of [{ ...meta, 'upload-defer-length': '1' }, both, meta] as Array<Record<string, string>>) {
      expect(code(await phone.tus('POST', '/api/uploads', headers))).toEqual([400, 'invalid-request']);
    }
    const final = await phone.tus('POST', '/api/uploads', {
      ...meta,
      'upload-concat': 'final;/api/uploads/a /api/uploads/b',
    });
    expect(final.status).toBe(400);
    const partial = await phone.tus('POST', '/api/uploads', {
      ...meta,
      'upload-length': '10',
      'upload-concat': 'partial',
    });
    expect(code(partial)).toEqual([400, 'invalid-request']);
  });

  it('says 412 to another version, with its own', async () => {
    const location = await begin(10, 'version.txt');
    for (const version of ['0.2.2', '2.0.0', '', '1.0.0, 1.0.0']) {
      for (const [method, path] of [
        ['POST', '/api/uploads'],
        ['HEAD', location],
        ['PATCH', location],
        ['DELETE', location],
      ] as const) {
        const answer = await phone.tus(method, path, {
          'tus-resumable': version,
          'upload-length': '1',
          'upload-offset': '0',
        });
        expect([answer.status, answer.headers['tus-version']], `${method} ${version}`).toEqual([412, '1.0.0']);
      }
    }
    expect(await offset(location)).toBe('0');
  });

  it.each([
    ['no length', { 'upload-length': '' }],
    ['a negative length', { 'upload-length': '-1' }],
    ['a length that is no number', { 'upload-length': '1e3' }],
    ['a length past all numbers', { 'upload-length': '99999999999999999999' }],
    ['base64 that is none', { 'upload-metadata': 'path !!!!' }],
    ['a key twice', { 'upload-metadata': 'path YQ==,path Yg==' }],
    ['an empty key', { 'upload-metadata': 'path YQ==,, ' }],
    ['a checksum that is none', { 'upload-metadata': metadata({ path: 'a', sha256: 'abc' }) }],
    ['a time that is none', { 'upload-metadata': metadata({ path: 'a', mtime: 'yesterday' }) }],
    ['a time past all times', { 'upload-metadata': metadata({ path: 'a', mtime: '9999999999999999' }) }],
    ['a key too long', { 'upload-metadata': metadata({ path: 'a', key: 'k'.repeat(513) }) }],
  ])('begins nothing with %s', async (_name, wrong) => {
    const before = await app.incoming();
    const headers = { 'upload-length': '10', 'upload-metadata': metadata({ path: 'a.txt' }), ...wrong };
    expect(code(await phone.tus('POST', '/api/uploads', headers))).toEqual([400, 'invalid-request']);
    expect(await app.incoming()).toEqual(before);
  });

  it.each([
    ['no name', ''],
    ['an empty name', 'path ,filename '],
    ['a name that leads up', metadata({ path: 'a/../../b.jpg' })],
    ['a name from the root', metadata({ path: '/etc/passwd' })],
    ['a name with a zero', metadata({ path: 'a\0.jpg' })],
    ['a name that is not UTF-8', `path ${Buffer.from([0xc3, 0x28]).toString('base64')}`],
    ['an unpaired surrogate', `path ${Buffer.from([0xed, 0xa0, 0x80]).toString('base64')}`],
    ['a name of 5000 bytes', metadata({ path: 'x'.repeat(5_000) })],
  ])('begins nothing with %s', async (_name, value) => {
    const before = await app.incoming();
    const headers: Record<string, string> = { 'upload-length': '10', 'upload-metadata': value };
    const answer = await phone.tus('POST', '/api/uploads', headers, Buffer.alloc(10));
    expect(code(answer)).toEqual([400, 'invalid-name']);
    expect(await app.incoming()).toEqual(before);
  });

  it('takes filename where there is no path, and ignores keys that it does not know', async () => {
    const bytes = Buffer.from('by its filename');
    expect((await phone.create(bytes.length, { filename: 'named.txt', colour: 'blue' }, bytes)).status).toBe(201);
    expect(await app.filesInView()).toContain('Files/Alice/named.txt');
  });

  it('refuses a file larger than any disk at once', async () => {
    const answer = await phone.create(1024 ** 4 + 1, { path: 'huge.mp4' });
    expect(code(answer)).toEqual([413, 'too-large']);
    const { status } = await phone.create(1024 ** 4, { path: 'huge.mp4' });
    expect(status).toBe(507);
  });

  it('says 409 to a wrong offset, 415 to another type, and changes nothing', async () => {
    const location = await begin(100, 'wrong.txt', Buffer.alloc(40, 'a'));
    for (const at of [0, 39, 41, 99])
      expect(code(await phone.patch(location, at, Buffer.alloc(1)))).toEqual([409, 'offset-mismatch']);
    for (const type of ['application/octet-stream', 'text/plain', '']) {
      const answer = await phone.tus(
        'PATCH',
        location,
        { 'upload-offset': '40', 'content-type': type },
        Buffer.alloc(60),
      );
      expect(code(answer), type).toEqual([415, 'unsupported-media-type']);
    }
    for (const at of ['', '-1', 'x', '4 0', '0x28']) {
      const answer = await phone.tus('PATCH', location, { 'upload-offset': at }, Buffer.alloc(60));
      expect(code(answer), at).toEqual([400, 'invalid-request']);
    }
    expect(await offset(location)).toBe('40');
  });

  it('refuses a body that is longer than what is missing, and the connection goes on', async () => {
    const location = await begin(100, 'long.txt', Buffer.alloc(40, 'a'));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const headers = {
        'tus-resumable': '1.0.0',
        'upload-offset': '40',
        'content-type': 'application/offset+octet-stream',
      };
      const started = Date.now();
      const answer = await phone.ask('PATCH', location, { headers, body: Buffer.alloc(1_000_000), agent });
      expect(code(answer)).toEqual([413, 'too-large']);
      const next = await phone.ask('HEAD', location, { headers: { 'tus-resumable': '1.0.0' }, agent });
      expect([next.status, next.headers['upload-offset']]).toEqual([200, '40']);
      expect(Date.now() - started).toBeLessThan(5_000);
      const created = await phone.ask('POST', '/api/uploads', {
        headers: { ...headers, 'upload-length': '10', 'upload-metadata': metadata({ path: 'x.txt' }) },
        body: Buffer.alloc(1_000),
        agent,
      });
      expect(code(created)).toEqual([413, 'too-large']);
    } finally {
      agent.destroy();
    }
  });

  it('stops a chunked body at the announced length, and keeps what belongs to the file', async () => {
    const location = await begin(100, 'chunked.txt', Buffer.alloc(40, 'a'));
    const head = [
      `PATCH ${location} HTTP/1.1`,
      'host: localhost',
      `authorization: Bearer ${phone.token}`,
      'tus-resumable: 1.0.0',
      'upload-offset: 40',
      'content-type: application/offset+octet-stream',
      'transfer-encoding: chunked',
      '',
      '',
    ].join('\r\n');
    const said = await rawAnswer(
      app.httpPort,
      `${head}1e\r\n${'b'.repeat(30)}\r\n64\r\n${'c'.repeat(100)}\r\n0\r\n\r\n`,
    );
    expect(said).toMatch(/^HTTP\/1.1 413 /);
    const at = Number(await offset(location));
    expect(at).toBeGreaterThanOrEqual(40);
    expect(at).toBeLessThan(100);
  });

  it('keeps what came before the sender went away', async () => {
    const location = await begin(1_000, 'broken.txt', Buffer.alloc(100, 'a'));
    const head = [
      `PATCH ${location} HTTP/1.1`,
      'host: localhost',
      `authorization: Bearer ${phone.token}`,
      'tus-resumable: 1.0.0',
      'upload-offset: 100',
      'content-type: application/offset+octet-stream',
      'content-length: 900',
      '',
      '',
    ].join('\r\n');
    const socket = connect(app.httpPort, '127.0.0.1', () => socket.write(head + 'b'.repeat(300)));
    // The box takes it in from the moment in which its file is open.
    await expect.poll(() => openFilesNamed(location.split('/').at(-1) ?? '')).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.resetAndDestroy();
    await expect.poll(() => offset(location)).toBe('400');
    expect((await phone.patch(location, 400, Buffer.alloc(600, 'c'))).status).toBe(204);
  });

  it('ends an upload for its phone: 410 from then on, and nothing is left', async () => {
    const location = await begin(100, 'ended.txt', Buffer.alloc(40));
    const id = location.split('/').at(-1) ?? '';
    expect(await app.incoming()).toContain(id);
    expect((await phone.tus('DELETE', location)).status).toBe(204);
    expect(await app.incoming()).not.toContain(id);
    for (const answer of [await phone.tus('HEAD', location), await phone.patch(location, 40, Buffer.alloc(60))]) {
      expect([404, 410]).toContain(answer.status);
    }
    const finished = await phone.send('kept.txt', Buffer.from('kept'));
    expect((await phone.tus('DELETE', finished)).status).toBe(204);
    expect(await app.filesInView()).toContain('Files/Alice/kept.txt');
  });

  it('says 404 for what it does not know', async () => {
    for (const id of ['0'.repeat(32), 'x', '..%2f..%2fetc%2fpasswd', 'A'.repeat(32)]) {
      expect((await phone.tus('HEAD', `/api/uploads/${id}`)).status, id).toBe(404);
      expect((await phone.patch(`/api/uploads/${id}`, 0, Buffer.alloc(1))).status, id).toBe(404);
      expect((await phone.tus('DELETE', `/api/uploads/${id}`)).status, id).toBe(404);
    }
  });

  it('keeps an empty file that is no picture, with its creation alone', async () => {
    const created = await phone.create(0, { path: 'notes/empty.txt' });
    expect([created.status, created.headers['upload-offset']]).toEqual([201, '0']);
    expect(await app.filesInView()).toContain('Files/Alice/notes/empty.txt');
    const asked = await phone.tus('HEAD', created.headers.location ?? '');
    expect([asked.status, asked.headers['upload-offset'], asked.headers['upload-length']]).toEqual([200, '0', '0']);
    expect(code(await phone.create(0, { path: 'empty.jpg' }))).toEqual([410, 'empty-picture']);
  });

  it('says for good that a checksum is wrong', async () => {
    const jpeg = picture();
    const wrong = createHash('sha256').update('other').digest('hex');
    const location =
      (await phone.create(jpeg.length, { path: 'DCIM/wrong.jpg', sha256: wrong })).headers.location ?? '';
    expect(code(await phone.patch(location, 0, jpeg))).toEqual([410, 'checksum-mismatch']);
    expect((await phone.tus('HEAD', location)).status).toBe(410);
    expect(code(await phone.patch(location, 0, jpeg))).toEqual([410, 'checksum-mismatch']);
    expect(await app.filesInView()).not.toContain('Photos/Alice/2025/2025-07/wrong.jpg');
    await phone.send('DCIM/wrong.jpg', jpeg, { sha256: createHash('sha256').update(jpeg).digest('hex') });
    expect(await app.filesInView()).toContain('Photos/Alice/2025/2025-07/wrong.jpg');
  });

  it('lets a phone have so many open uploads and no more', async () => {
    const busy = await app.pair('Alice', 'Busy');
    for (let count = 0; count < 100; count++)
      expect((await busy.create(10, { path: `${count}.txt` })).status).toBe(201);
    const answer = await busy.create(10, { path: 'one-more.txt' });
    expect(code(answer)).toEqual([429, 'too-many-uploads']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect((await phone.create(10, { path: 'other-phone.txt' })).status).toBe(201);
  });

  it('met no error of its own, and left nothing but open uploads', async () => {
    expect(app.ownErrors()).toEqual([]);
    for (const name of await app.incoming()) expect(name).toMatch(/^[0-9a-f]{32}$/);
  });
});

function rawAnswer(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let said = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1');
      if (said.includes('\r\n\r\n')) {
        socket.destroy();
        resolve(said);
      }
    });
    socket.once('error', reject);
  });
}
