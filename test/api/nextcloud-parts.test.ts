/** Large files that come in parts: each column of the four clients that send them so, with its own names and headers. */
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import type { Answer } from '../support/asking.ts';
import { basic } from '../support/callers.ts';
import { DavApp } from '../support/dav-app.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const partBytes = 40_000;
const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

describe('the door for backup apps: files in parts', () => {
  let app: App;
  let phone: HandPhone;
  let dav: DavApp;
  let other: DavApp;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Bob', 'Pixel');
    dav = await DavApp.on(app, phone);
    other = await DavApp.on(app, await app.pair('Bob', 'Tablet'));
    await dav.ask('MKCOL', dav.file('Videos'));
  });
  afterAll(async () => {
    expect(app.ownErrors()).toEqual([]);
    await app[Symbol.asyncDispose]();
  });

  /** A file of three parts, the last of them short. Of no kind that is looked into. */
  const made = () => {
    const bytes = randomBytes(partBytes * 2 + 1_234);
    const parts = [
      bytes.subarray(0, partBytes),
      bytes.subarray(partBytes, partBytes * 2),
      bytes.subarray(partBytes * 2),
    ];
    return { bytes, parts: parts as [Buffer, Buffer, Buffer] };
  };
  const begin = async (folder: string) => expect((await dav.ask('MKCOL', dav.part(folder))).status).toBe(201);
  const put = (folder: string, name: string, body: Uint8Array, headers: Record<string, string> = {}) =>
    dav.ask('PUT', dav.part(folder, name), { headers: { 'content-length': String(body.length), ...headers }, body });
  const finish = (folder: string, path: string, headers: Record<string, string> = {}) =>
    dav.move(dav.part(folder, '.file'), dav.file(path), headers);
  const listed = async (folder: string) => {
    const [, ...parts] = await dav.find(dav.part(folder), 1, ['d:getcontentlength', 'd:resourcetype']);
    return parts.map(({ href, found }) => [href.split('/').at(-1), Number(found['d:getcontentlength'])]);
  };
  const content = async (path: string) => {
    const [found] = await dav.find(dav.file(path), 0, ['d:getetag']);
    return found?.found['d:getetag'];
  };

  it('as Android: padded from 1, no length at the end, resumed by what is listed', async () => {
    const { bytes, parts } = made();
    const folder = createHash('md5').update('video.bin 1706933106 81234').digest('hex');
    await begin(folder);
    // Its status is ignored, and it lists first.
    expect((await dav.ask('MKCOL', dav.part(folder))).status).toBe(405);
    const total = { 'oc-total-length': String(bytes.length) };
    expect((await put(folder, '000001', parts[0], total)).status).toBe(201);
    expect(await listed(folder)).toEqual([['000001', partBytes]]);
    await app.restart();
    expect(await listed(folder)).toEqual([['000001', partBytes]]);
    expect(statuses([await put(folder, '000002', parts[1]), await put(folder, '000003', parts[2])])).toEqual([
      201, 201,
    ]);
    const done = await finish(folder, 'Videos/video.bin', { 'x-oc-mtime': '1706933106', 'x-oc-ctime': '1706933100' });
    expect([done.status, done.headers.etag, done.headers['x-oc-mtime']]).toEqual([
      201,
      `"${sha256(bytes)}"`,
      'accepted',
    ]);
    const [found] = await dav.find(dav.file('Videos/video.bin'), 0, ['d:getetag', 'oc:id', 'd:getlastmodified']);
    expect(found?.found).toEqual({
      'd:getetag': done.headers.etag,
      'oc:id': done.headers['oc-fileid'],
      'd:getlastmodified': 'Sat, 03 Feb 2024 04:05:06 GMT',
    });
    // What was asked for is all that is said: a name too many breaks its resume.
    expect((await dav.ask('PROPFIND', dav.part(folder))).status).toBe(404);
    expect(await app.incoming()).toEqual([]);
  });

  it('as iOS: looks first, unpadded names, time with a fraction', async () => {
    const bytes = randomBytes(12_345);
    expect((await dav.ask('PROPFIND', dav.part('ios-1'), { headers: { depth: '0' } })).status).toBe(404);
    const beginning = { destination: `http://127.0.0.1:${app.httpPort}${dav.file('Photos/2024/02/clip.bin')}` };
    const elsewhere = { destination: `http://127.0.0.1:${app.httpPort}${other.file('clip.bin')}` };
    expect((await dav.ask('MKCOL', dav.part('ios-1'), { headers: elsewhere })).status).toBe(404);
    expect((await dav.ask('MKCOL', dav.part('ios-1'), { headers: beginning })).status).toBe(201);
    expect((await dav.ask('PROPFIND', dav.part('ios-1'), { headers: { depth: '0' } })).status).toBe(207);
    for (let n = 1; n <= 12; n++) {
      const part = bytes.subarray((n - 1) * 1_000, n === 12 ? undefined : n * 1_000);
      expect((await put('ios-1', String(n), part)).status).toBe(201);
    }
    expect((await listed('ios-1')).map(([name]) => name)).toEqual(Array.from({ length: 12 }, (_, n) => String(n + 1)));
    const headers = { 'oc-total-length': '12345', 'x-oc-mtime': '1706933106.5', 'x-nc-webdav-auto-mkcol': '1' };
    const done = await finish('ios-1', 'Photos/2024/02/clip.bin', headers);
    expect([done.status, done.headers.etag]).toEqual([201, `"${sha256(bytes)}"`]);
    expect(done.headers['oc-fileid']).toBeDefined();
  });

  it('as the desktop’s client: 16 digits from 0, several at once, with a checksum', async () => {
    const { bytes, parts } = made();
    const name = (n: number) => String(n).padStart(16, '0');
    await begin('1234567890');
    const later = [put('1234567890', name(2), parts[2]), put('1234567890', name(1), parts[1])];
    const first = put('1234567890', name(0), parts[0]);
    expect(statuses(await Promise.all([...later, first]))).toEqual([201, 201, 201]);
    const total = { 'oc-total-length': String(bytes.length) };
    const done = await finish('1234567890', 'Videos/desk.bin', { ...total, 'oc-checksum': `SHA1:${sha1(bytes)}` });
    expect([done.status, done.headers.etag]).toEqual([201, `"${sha256(bytes)}"`]);
    const [found] = await dav.find(dav.file('Videos/desk.bin'), 0, ['oc:checksums']);
    expect(found?.found['oc:checksums']).toContain(`SHA1:${sha1(bytes)}`);
  });

  it('as rclone: purges first, names by the place of the bytes', async () => {
    const { bytes, parts } = made();
    const name = (from: number, to: number) => [from, to].map((one) => String(one).padStart(15, '0')).join('-');
    expect((await dav.ask('DELETE', dav.part('rclone-chunked-upload-x'))).status).toBe(404);
    await begin('rclone-chunked-upload-x');
    const names = [name(0, partBytes), name(partBytes, partBytes * 2), name(partBytes * 2, bytes.length)];
    for (const [index, part] of parts.entries()) {
      expect((await put('rclone-chunked-upload-x', names[index] ?? '', part)).status).toBe(201);
    }
    const done = await finish('rclone-chunked-upload-x', 'Videos/rclone.bin', { 'x-oc-mtime': '1706933106' });
    expect([done.status, done.headers.etag]).toEqual([201, `"${sha256(bytes)}"`]);
    // Its answer was lost: asked again, it is the same.
    const again = await finish('rclone-chunked-upload-x', 'Videos/rclone.bin', { 'x-oc-mtime': '1706933106' });
    expect([again.status, again.headers.etag]).toEqual([204, done.headers.etag]);
  });

  it('refuses a whole of another length, and takes it when the rest came', async () => {
    const { bytes, parts } = made();
    await begin('short');
    await put('short', '1', parts[0]);
    await put('short', '2', parts[1]);
    const total = { 'oc-total-length': String(bytes.length) };
    expect((await finish('short', 'Videos/short.bin', total)).status).toBe(400);
    expect((await dav.ask('HEAD', dav.file('Videos/short.bin'))).status).toBe(404);
    expect((await put('short', '3', parts[2])).status).toBe(201);
    expect((await finish('short', 'Videos/short.bin', total)).status).toBe(201);
  });

  it('keeps nothing of a whole whose checksum is wrong, and lets it begin anew', async () => {
    const { bytes, parts } = made();
    await begin('wrong');
    for (const [index, part] of parts.entries()) await put('wrong', String(index + 1), part);
    expect((await finish('wrong', 'Videos/wrong.bin', { 'oc-checksum': `SHA1:${sha1(parts[0])}` })).status).toBe(400);
    expect((await dav.ask('PROPFIND', dav.part('wrong'))).status).toBe(404);
    expect(await app.incoming()).toEqual([]);
    await begin('wrong');
    for (const [index, part] of parts.entries()) await put('wrong', String(index + 1), part);
    expect((await finish('wrong', 'Videos/wrong.bin', { 'oc-checksum': `SHA1:${sha1(bytes)}` })).status).toBe(201);
  });

  it('takes a part again: the last in place of itself, an older one only if it is the same', async () => {
    const { bytes, parts } = made();
    await begin('again');
    await put('again', '1', parts[0]);
    expect((await put('again', '1', parts[0])).status).toBe(201);
    expect((await put('again', '1', parts[1])).status).toBe(201);
    expect((await put('again', '1', parts[0])).status).toBe(201);
    await put('again', '2', parts[1]);
    expect((await put('again', '1', parts[0])).status).toBe(201);
    expect((await put('again', '1', parts[2])).status).toBe(409);
    expect((await dav.ask('DELETE', dav.part('again', '1'))).status).toBe(409);
    expect((await dav.ask('DELETE', dav.part('again', '2'))).status).toBe(204);
    expect(await listed('again')).toEqual([['1', partBytes]]);
    await put('again', '2', parts[1]);
    await put('again', '3', parts[2]);
    expect((await finish('again', 'Videos/again.bin')).status).toBe(201);
    expect(await content('Videos/again.bin')).toBe(`"${sha256(bytes)}"`);
  });

  it('does not show a part that broke off, nor count its bytes', async () => {
    const { bytes, parts } = made();
    await begin('broken');
    await put('broken', '1', parts[0]);
    const socket = connect(app.httpPort, '127.0.0.1');
    const head = [
      `PUT ${dav.part('broken', '2')} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${basic(dav)}`,
      `Content-Length: ${partBytes}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(parts[2]);
    await new Promise((resolve) => socket.write(Buffer.alloc(1_000), resolve));
    socket.destroy();
    expect(await listed('broken')).toEqual([['1', partBytes]]);
    await app.restart();
    expect(await listed('broken')).toEqual([['1', partBytes]]);
    expect(statuses([await put('broken', '2', parts[1]), await put('broken', '3', parts[2])])).toEqual([201, 201]);
    expect((await finish('broken', 'Videos/broken.bin')).headers.etag).toBe(`"${sha256(bytes)}"`);
  });

  it('takes over from a connection that is dead and does not know it', async () => {
    const { bytes, parts } = made();
    await begin('dead');
    const socket = connect(app.httpPort, '127.0.0.1');
    const head = [
      `PUT ${dav.part('dead', '1')} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${basic(dav)}`,
      `Content-Length: ${partBytes}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await new Promise((resolve) => socket.write(parts[1].subarray(0, 10_000), resolve));
    expect((await put('dead', '1', parts[0])).status).toBe(201);
    socket.destroy();
    expect(statuses([await put('dead', '2', parts[1]), await put('dead', '3', parts[2])])).toEqual([201, 201]);
    expect((await finish('dead', 'Videos/dead.bin')).headers.etag).toBe(`"${sha256(bytes)}"`);
  });

  it('replaces a file as any upload does: by another content under its name', async () => {
    const { bytes, parts } = made();
    const before = await dav.put('Videos/replaced.bin', 'old');
    await begin('replace');
    await put('replace', '1', parts[0]);
    const keep = { overwrite: 'F' };
    expect((await finish('replace', 'Videos/replaced.bin', keep)).status).toBe(412);
    await put('replace', '2', parts[1]);
    await put('replace', '3', parts[2]);
    const done = await finish('replace', 'Videos/replaced.bin');
    expect([done.status, done.headers.etag]).toEqual([204, `"${sha256(bytes)}"`]);
    expect(done.headers['oc-fileid']).toBe(before.headers['oc-fileid']);
    expect((await finish('replace', 'nowhere/x.bin')).status).toBe(409);
  });

  it('is for one phone alone, and for parts alone', async () => {
    await begin('private');
    const [part] = made().parts;
    await put('private', '1', part);
    for (const [method, name] of [
      ['PROPFIND', ''],
      ['PUT', '2'],
      ['DELETE', ''],
    ] as const) {
      expect([method, (await other.ask(method, dav.part('private', name))).status]).toEqual([method, 404]);
      expect([method, (await other.ask(method, other.part('private', name))).status]).toEqual([method, 404]);
    }
    expect((await other.move(dav.part('private', '.file'), other.file('x.bin'))).status).toBe(404);
    expect((await put('private', 'two', part)).status).toBe(400);
    expect((await put('nothing-begun', '1', part)).status).toBe(404);
    expect((await dav.move(dav.part('private', '1'), dav.file('x.bin'))).status).toBe(403);
    expect((await dav.ask('DELETE', dav.part('private'))).status).toBe(204);
    expect((await dav.ask('PROPFIND', dav.part('private'))).status).toBe(404);
    expect(await app.incoming()).toEqual([]);
  });
});
