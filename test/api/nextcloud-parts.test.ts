/** Large files that come in parts: what no client's usual way shows (that is nextcloud-lines), and what must never happen. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import type { Answer } from '../support/asking.ts';
import { basic } from '../support/callers.ts';
import { DavApp } from '../support/dav-app.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const partBytes = 40_000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status);

describe('the door for backup apps: files in parts', () => {
  const clock = { ms: Date.parse('2026-06-10T12:00Z') };
  let app: App;
  let phone: HandPhone;
  let dav: DavApp;
  let other: DavApp;
  beforeAll(async () => {
    app = await App.startClaimed({}, { now: () => clock.ms });
    expect((await app.console('PATCH', '/api/box', { timeZone: 'UTC' })).status).toBe(200);
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

  it('refuses at the beginning what could not be kept at the end', async () => {
    const to = (path: string) => ({ headers: { destination: `http://127.0.0.1:${app.httpPort}${path}` } });
    expect((await dav.ask('MKCOL', dav.part('planned'), to(other.file('clip.bin')))).status).toBe(404);
    expect((await dav.ask('MKCOL', dav.part('planned'), to(`${dav.file()}%00`))).status).toBe(400);
    expect((await dav.ask('MKCOL', dav.part('planned'), to(dav.file('no/such/folder/yet.bin')))).status).toBe(201);
    expect((await dav.ask('DELETE', dav.part('planned'))).status).toBe(204);
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

  it('makes no whole of a file while a part of it still comes in', async () => {
    const { bytes, parts } = made();
    await begin('early');
    await put('early', '1', parts[0]);
    const socket = connect(app.httpPort, '127.0.0.1');
    const head = [
      `PUT ${dav.part('early', '2')} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${basic(dav)}`,
      `Content-Length: ${partBytes}`,
      'Expect: 100-continue',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    await once(socket, 'data');
    expect((await finish('early', 'Videos/early.bin')).status).toBe(503);
    socket.destroy();
    expect(statuses([await put('early', '2', parts[1]), await put('early', '3', parts[2])])).toEqual([201, 201]);
    expect((await finish('early', 'Videos/early.bin')).headers.etag).toBe(`"${sha256(bytes)}"`);
  });

  it('takes a part once that comes again while its first try is made durable', async () => {
    const { bytes, parts } = made();
    await begin('twice');
    const often = async (name: string, part: Buffer) => {
      const tries = [0, 2, 4, 6].map((ms) => setTimeout(ms).then(() => put('twice', name, part)));
      for (const status of statuses(await Promise.all(tries))) expect([201, 503]).toContain(status);
    };
    for (const [index, part] of parts.entries()) await often(String(index + 1), part);
    expect((await finish('twice', 'Videos/twice.bin')).headers.etag).toBe(`"${sha256(bytes)}"`);
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

  it('says in the night’s report what has not come whole', async () => {
    const begun = { headers: { destination: `http://127.0.0.1:${app.httpPort}${dav.file('holiday.mp4')}` } };
    expect((await dav.ask('MKCOL', dav.part('holiday'), begun)).status).toBe(201);
    expect((await put('holiday', '000001', made().parts[0])).status).toBe(201);
    clock.ms = Date.parse('2026-06-11T08:01Z');
    const read = () => app.console('GET', '/api/reports/2026-06-11');
    await expect.poll(async () => (await read()).status).toBe(200);
    const { phones } = (await read()).json() as { phones: Array<Record<string, unknown>> };
    const pixel = phones.find(({ name }) => name === 'Pixel');
    expect(pixel).toMatchObject({ unfinished: { waiting: null, uploads: 1, videos: 1, bytes: partBytes } });
    expect(pixel?.['advice']).toEqual([{ code: 'open-the-app-while-charging', params: { files: 1, videos: 1 } }]);
    expect((await finish('holiday', 'holiday.mp4')).status).toBe(201);
  });
});
