/** The files of one phone over WebDAV: requests as the Nextcloud apps send them, and what they must never do. */
import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { basic } from '../support/callers.ts';
import { DavApp } from '../support/dav-app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

let seed = 500;
const picture = (bytes = 9_000) => exifJpeg({ seed: seed++, bytes, takenLocal: '2025-07-14T09:30:00' });
const hash = (bytes: Uint8Array, algorithm = 'sha256') => createHash(algorithm).update(bytes).digest('hex');
const identity = ['d:getetag', 'oc:id', 'oc:fileid'] as const;

describe('the door for backup apps: files', () => {
  let app: App;
  let phone: HandPhone;
  let dav: DavApp;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Bob', 'Pixel');
    dav = await DavApp.on(app, phone);
  });
  afterAll(async () => {
    expect(app.ownErrors()).toEqual([]);
    await app[Symbol.asyncDispose]();
  });

  const folder = async (path: string) => expect((await dav.ask('MKCOL', dav.file(path))).status).toBe(201);
  const stored = async () => (await phone.library()).assets.map(({ sha256 }) => sha256);

  it('makes folders as Android asks for them: HEAD, then MKCOL', async () => {
    expect((await dav.ask('HEAD', dav.file('InstantUpload/'))).status).toBe(404);
    const early = await dav.ask('MKCOL', dav.file('InstantUpload/Camera/'));
    expect([early.status, early.headers['content-type']]).toEqual([409, 'application/xml; charset=utf-8']);
    expect(early.text).toContain('<s:message>There is no such folder');
    const made = await dav.ask('MKCOL', dav.file('InstantUpload/'));
    expect([made.status, made.headers['oc-fileid']]).toEqual([201, expect.stringMatching(/^\d{8,}oc[0-9a-f]{10}$/)]);
    expect((await dav.ask('MKCOL', dav.file('InstantUpload'))).status).toBe(405);
    expect((await dav.ask('HEAD', dav.file('InstantUpload/'))).status).toBe(200);
    expect((await dav.ask('MKCOL', dav.file('InstantUpload/Camera'))).status).toBe(201);
    expect(await dav.names('InstantUpload')).toEqual(['Camera']);
    const [, files] = await dav.find('/remote.php/dav/', 1, ['d:resourcetype']);
    expect(files).toEqual({
      href: '/remote.php/dav/files/',
      found: { 'd:resourcetype': '<d:collection/>' },
      missing: [],
    });
    expect((await dav.find('/remote.php/dav/files', 1, ['d:resourcetype']))[1]?.href).toBe(dav.file());
    for (const path of ['/remote.php/dav/', '/remote.php/dav', '/remote.php/webdav/', dav.file()]) {
      expect([path, (await dav.ask('HEAD', path)).status]).toEqual([path, 200]);
    }
  });

  it('takes an upload as Android sends it, and keeps what it said over a restart', async () => {
    const jpeg = picture();
    const path = 'InstantUpload/Camera/IMG_1 & ü.jpg';
    expect((await dav.ask('HEAD', dav.file(path))).status).toBe(404);
    const sent = await dav.put(path, jpeg, {
      'oc-total-length': String(jpeg.length),
      'x-oc-mtime': '1706933106',
      'x-oc-ctime': '1706933100',
    });
    expect([sent.status, sent.text]).toEqual([201, '']);
    const { etag, 'oc-etag': ocEtag, 'oc-fileid': id, date } = sent.headers;
    expect([etag, ocEtag]).toEqual([`"${hash(jpeg)}"`, `"${hash(jpeg)}"`]);
    expect([sent.headers['x-oc-mtime'], Date.parse(String(date)) > 0]).toEqual(['accepted', true]);
    const check = async () => {
      const [{ href, found } = { href: '', found: {} }] = await dav.find(dav.file(path), 0, [
        ...identity,
        'd:getlastmodified',
        'd:getcontentlength',
        'd:getcontenttype',
        'd:resourcetype',
      ]);
      expect(href).toBe(dav.file(path));
      expect(found).toEqual({
        'd:getetag': etag,
        'oc:id': id,
        'oc:fileid': String(Number.parseInt(String(id), 10)),
        'd:getlastmodified': 'Sat, 03 Feb 2024 04:05:06 GMT',
        'd:getcontentlength': String(jpeg.length),
        'd:getcontenttype': 'image/jpeg',
        'd:resourcetype': '',
      });
    };
    await check();
    const [before] = await dav.find(dav.file('InstantUpload'), 0, identity);
    await app.restart();
    await check();
    expect(await dav.find(dav.file('InstantUpload'), 0, identity)).toEqual([before]);
    expect((await app.filesInView()).filter((name) => name.includes('IMG_1'))).toHaveLength(1);
  });

  it('takes an upload as iOS sends it: times with a fraction, folders made on the way', async () => {
    const jpeg = picture();
    const headers = { 'x-oc-mtime': '1706933106.5', 'x-oc-ctime': '1706933100.25' };
    expect((await dav.put('Photos/2024/02/a.jpg', jpeg, headers)).status).toBe(409);
    const sent = await dav.put('Photos/2024/02/a.jpg', jpeg, { ...headers, 'x-nc-webdav-auto-mkcol': '1' });
    expect([sent.status, sent.headers['x-oc-mtime']]).toEqual([201, 'accepted']);
    expect(sent.headers['oc-fileid']).toBeDefined();
    const [found] = await dav.find(dav.file('Photos/2024/02/a.jpg'), 0, ['d:getlastmodified', 'oc:id']);
    expect(found?.found).toEqual({
      'd:getlastmodified': 'Sat, 03 Feb 2024 04:05:06 GMT',
      'oc:id': sent.headers['oc-fileid'],
    });
    expect((await phone.library()).assets.at(-1)).toMatchObject({ mtime: 1_706_933_106_500 });
  });

  it('says only what was asked for, by the very prefixes that apps look for, and the found before the missing', async () => {
    await dav.put('prefixes.txt', 'text');
    const body = `<?xml version="1.0" encoding="UTF-8"?><a:propfind xmlns:a="DAV:" xmlns:b="http://owncloud.org/ns"
      xmlns="http://nextcloud.org/ns" xmlns:z="urn:z"><a:prop><z:what/><a:getetag/><b:nothing/><b:permissions/>
      <has-preview/><upload_time/></a:prop></a:propfind>`;
    const { text } = await dav.ask('PROPFIND', dav.file('prefixes.txt'), { headers: { depth: '0' }, body });
    expect(text).toContain(
      `<d:propstat><d:prop><d:getetag>&quot;${hash(Buffer.from('text'))}&quot;</d:getetag><oc:permissions>GDNVW</oc:permissions><nc:has-preview>false</nc:has-preview>`,
    );
    expect(text.indexOf('200 OK')).toBeLessThan(text.indexOf('404 Not Found'));
    expect(text).toContain('<x:what xmlns:x="urn:z"/><oc:nothing/>');
    expect(text).not.toContain('displayname');
    const all = await dav.ask('PROPFIND', dav.file('prefixes.txt'), { headers: { depth: '0' } });
    expect(all.text).toContain('<d:displayname>prefixes.txt</d:displayname>');
    expect(all.text).not.toContain('<oc:');
  });

  it('reads no body that is more than a question', async () => {
    const ask = async (body: string) =>
      (await dav.ask('PROPFIND', dav.file(), { headers: { depth: '0' }, body })).status;
    const asks = (inner: string) => `<d:propfind xmlns:d="DAV:">${inner}</d:propfind>`;
    expect(await ask(asks('<d:prop><d:getetag/></d:prop>'))).toBe(207);
    expect(await ask(`<!DOCTYPE d [<!ENTITY e "e">]>${asks('<d:prop><d:getetag>&e;</d:getetag></d:prop>')}`)).toBe(400);
    expect(await ask(asks('<d:prop>&nbsp;</d:prop>'))).toBe(400);
    expect(await ask(asks('<d:prop><x:y/></d:prop>'))).toBe(400);
    expect(await ask(asks('<d:prop>'))).toBe(400);
    expect(await ask(asks('<d:allprop/><d:prop/>'))).toBe(400);
    expect(await ask(asks(''))).toBe(400);
    expect(await ask('<d:other xmlns:d="DAV:"/>')).toBe(400);
    expect(await ask(asks(`<d:prop>${'<d:a>'.repeat(20)}${'</d:a>'.repeat(20)}</d:prop>`))).toBe(400);
    expect(await ask(asks(`<d:prop>${Array.from({ length: 200 }, (_, n) => `<d:p${n}/>`).join('')}</d:prop>`))).toBe(
      400,
    );
    expect(await ask(asks(`<d:prop><!--${'x'.repeat(70_000)}--></d:prop>`))).toBe(413);
  });

  it('keeps the old version when another content takes a name, and the name keeps its id', async () => {
    const [first, second] = [picture(), picture()];
    const one = await dav.put('same.jpg', first);
    const two = await dav.put('same.jpg', second);
    expect([one.status, two.status]).toEqual([201, 204]);
    expect(two.headers['oc-fileid']).toBe(one.headers['oc-fileid']);
    expect([one.headers.etag, two.headers.etag]).toEqual([`"${hash(first)}"`, `"${hash(second)}"`]);
    expect(await stored()).toEqual(expect.arrayContaining([hash(first), hash(second)]));
    const again = await dav.put('same.jpg', second);
    expect([again.status, again.headers.etag]).toEqual([204, two.headers.etag]);
    expect((await stored()).filter((sha256) => sha256 === hash(second))).toHaveLength(1);
  });

  it('hides a name that is removed, and never removes an original', async () => {
    await folder('gone');
    const jpeg = picture();
    await dav.put('gone/here.jpg', jpeg);
    await dav.put('gone/there.jpg', picture());
    const files = await app.filesInView();
    const status = async () => (await phone.ask('GET', '/api/phone/status')).json();
    const before = await status();
    expect((await dav.ask('DELETE', dav.file('gone'))).status).toBe(204);
    expect((await dav.ask('GET', dav.file('gone/here.jpg'))).status).toBe(404);
    expect((await dav.ask('DELETE', dav.file('gone'))).status).toBe(404);
    expect(await dav.names()).not.toContain('gone');
    expect(await app.filesInView()).toEqual(files);
    expect(await status()).toMatchObject({ seen: before['seen'], safe: before['safe'] });
    // It comes again: under its name, as one file and one item.
    await folder('gone');
    expect((await dav.put('gone/here.jpg', jpeg)).status).toBe(201);
    expect(await dav.names('gone')).toEqual(['here.jpg']);
    expect(await app.filesInView()).toEqual(files);
    expect(await status()).toMatchObject({ seen: before['seen'], safe: before['safe'] });
    const items = (await phone.ask('GET', '/api/phone/items?limit=1000')).json()['items'] as Array<{ path: string }>;
    expect(items.map(({ path }) => path).filter((path) => path.startsWith('/') || path.endsWith('there.jpg'))).toEqual(
      [],
    );
    expect((await dav.ask('DELETE', dav.file())).status).toBe(403);
  });

  it('moves and copies names alone', async () => {
    await folder('from');
    await folder('from/deep');
    const jpeg = picture();
    const sent = await dav.put('from/deep/a.jpg', jpeg);
    const other = await dav.put('b.jpg', picture());
    const files = await app.filesInView();
    expect((await dav.move(dav.file('from'), dav.file('to'))).status).toBe(201);
    const [moved] = await dav.find(dav.file('to/deep/a.jpg'), 0, identity);
    expect(moved?.found).toMatchObject({ 'oc:id': sent.headers['oc-fileid'], 'd:getetag': sent.headers.etag });
    expect((await dav.ask('HEAD', dav.file('from/deep/a.jpg'))).status).toBe(404);
    const keep = { overwrite: 'F' };
    expect((await dav.move(dav.file('to/deep/a.jpg'), dav.file('b.jpg'), keep)).status).toBe(412);
    expect((await dav.move(dav.file('to/deep/a.jpg'), dav.file('b.jpg'), keep, 'COPY')).status).toBe(412);
    expect((await dav.move(dav.file('to/deep/a.jpg'), dav.file('none/b.jpg'))).status).toBe(409);
    expect((await dav.move(dav.file('to'), dav.file('to/deep/to'))).status).toBe(403);
    expect((await dav.move(dav.file('nothing'), dav.file('c'))).status).toBe(404);
    expect((await dav.move(dav.file('to'), dav.file('copy'), {}, 'COPY')).status).toBe(403);
    const copied = await dav.move(dav.file('to/deep/a.jpg'), dav.file('b.jpg'), {}, 'COPY');
    expect([copied.status, copied.headers.etag]).toEqual([204, sent.headers.etag]);
    expect(copied.headers['oc-fileid']).not.toBe(sent.headers['oc-fileid']);
    expect((await dav.move(dav.file('to/deep/a.jpg'), dav.file('b.jpg'))).status).toBe(204);
    expect(await dav.names('to/deep')).toEqual([]);
    expect(await app.filesInView()).toEqual(files);
    expect(await stored()).toContain(String(other.headers.etag).slice(1, -1));
    // To another's place, or out of the files, nothing goes.
    for (const to of ['/remote.php/dav/files/phone-00000000/b.jpg', '/api/phones', 'http://[bad', '/remote.php/dav']) {
      expect([400, 403, 404]).toContain(
        (await dav.ask('MOVE', dav.file('b.jpg'), { headers: { destination: to } })).status,
      );
    }
  });

  it('gives files back, whole or a part', async () => {
    const jpeg = picture();
    const { headers } = await dav.put('back.jpg', jpeg);
    const whole = await dav.ask('GET', dav.file('back.jpg'));
    expect([whole.status, whole.headers.etag, whole.headers['oc-fileid']]).toEqual([
      200,
      headers.etag,
      headers['oc-fileid'],
    ]);
    expect(whole.headers['content-length']).toBe(String(jpeg.length));
    const part = await dav.ask('GET', dav.file('back.jpg'), { headers: { range: 'bytes=100-199' } });
    expect([part.status, part.headers['content-range']]).toEqual([206, `bytes 100-199/${jpeg.length}`]);
    const known = await dav.ask('GET', dav.file('back.jpg'), { headers: { 'if-none-match': String(headers.etag) } });
    expect(known.status).toBe(304);
    const head = await dav.ask('HEAD', dav.file('back.jpg'));
    expect(head.headers).toMatchObject({ etag: headers.etag, 'content-length': String(jpeg.length) });
    expect((await dav.ask('GET', dav.file())).status).toBe(405);
  });

  it('keeps the checksum that came with a file, and nothing of one whose checksum is wrong', async () => {
    const jpeg = picture();
    const wrong = await dav.put('sum.jpg', jpeg, { 'oc-checksum': `SHA1:${'0'.repeat(40)}` });
    expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('are not the ones on the phone')]);
    expect((await dav.ask('HEAD', dav.file('sum.jpg'))).status).toBe(404);
    expect(await stored()).not.toContain(hash(jpeg));
    const sha1 = hash(jpeg, 'sha1');
    expect((await dav.put('sum.jpg', jpeg, { 'oc-checksum': `SHA1:${sha1}` })).status).toBe(201);
    const [found] = await dav.find(dav.file('sum.jpg'), 0, ['oc:checksums']);
    expect(found?.found['oc:checksums']).toBe(`<oc:checksum>SHA1:${sha1} SHA256:${hash(jpeg)}</oc:checksum>`);
    expect((await dav.put('md5.jpg', jpeg, { 'oc-checksum': `MD5:${'1'.repeat(32)}` })).status).toBe(400);
    expect(await app.incoming()).toEqual([]);
  });

  it('says how much room there is', async () => {
    const [found] = await dav.find(dav.file(), 0, ['d:quota-available-bytes', 'd:quota-used-bytes', 'oc:size']);
    const bytes = Object.values(found?.found ?? {}).map(Number);
    expect(bytes.length).toBe(3);
    for (const one of bytes) expect(one).toBeGreaterThan(0);
  });

  it('obeys conditions, and stores no part as if it were the whole', async () => {
    const { headers } = await dav.put('cond.txt', 'one');
    expect((await dav.put('cond.txt', 'two', { 'if-none-match': '*' })).status).toBe(412);
    expect((await dav.put('cond.txt', 'two', { 'if-match': '"other"' })).status).toBe(412);
    expect((await dav.put('cond-new.txt', 'two', { 'if-match': '*' })).status).toBe(412);
    expect((await dav.put('cond.txt', 'two', { 'content-range': 'bytes 0-2/9' })).status).toBe(400);
    expect((await dav.put('cond.txt', 'two', { 'if-match': String(headers.etag) })).status).toBe(204);
    expect((await dav.put('cond.txt', 'three', { 'oc-total-length': '4' })).status).toBe(400);
    expect((await dav.ask('GET', dav.file('cond.txt'))).text).toBe('two');
    expect((await dav.ask('MKCOL', dav.file('body'), { body: 'x' })).status).toBe(415);
    expect((await dav.put('', 'x')).status).toBe(403);
    expect((await dav.put('InstantUpload', 'x')).status).toBe(405);
    expect(await app.incoming()).toEqual([]);
  });

  it('refuses a picture without bytes for good, and keeps any other empty file', async () => {
    const refused = await dav.put('nothing.jpg', '');
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('no bytes at all')]);
    expect((await dav.put('nothing.txt', '')).status).toBe(201);
  });

  it('takes no name that leads elsewhere', async () => {
    const below = (path: string) => `/remote.php/dav/files/${dav.user}/${path}`;
    for (const path of [
      '%2e%2e/x',
      'a/../../x',
      '..%2fx',
      'a%2fb',
      '%00',
      '%ff',
      'x%',
      `${'n'.repeat(1_100)}`,
      'x#y',
    ]) {
      const answer = await dav.ask('PUT', below(path), { body: 'x' });
      expect([path, [400, 404, 409].includes(answer.status)]).toEqual([path, true]);
    }
    for (const path of ['con.txt', 'a:b?*.txt', '.nightjar', ' x ', '-', 'quote\'"<&>.txt', '💾.txt', 'e\u0301.txt']) {
      expect([path, (await dav.put(path, path)).status]).toEqual([path, 201]);
      expect([path, (await dav.ask('GET', dav.file(path))).text]).toEqual([path, path]);
    }
    expect(await dav.names()).toEqual(
      expect.arrayContaining(['.nightjar', 'quote\'"<&>.txt', '💾.txt', 'e\u0301.txt']),
    );
    expect((await dav.ask('HEAD', `/remote.php/dav/files//${dav.user}//InstantUpload//`)).status).toBe(200);
    expect((await dav.ask('HEAD', `${dav.file('InstantUpload')}//Camera//`)).status).toBe(200);
  });

  it('shows a phone nothing of another, be it of the same person', async () => {
    await dav.put('mine.jpg', picture());
    const second = await DavApp.on(app, await app.pair('Bob', 'Tablet'));
    const carols = await DavApp.on(app, await app.pair('Carol', 'Galaxy'));
    for (const other of [second, carols]) {
      expect(await other.names()).toEqual([]);
      for (const [method, path] of [
        ['GET', dav.file('mine.jpg')],
        ['HEAD', dav.file('mine.jpg')],
        ['PROPFIND', dav.file()],
        ['PUT', dav.file('mine.jpg')],
        ['DELETE', dav.file('mine.jpg')],
        ['MKCOL', dav.file('theirs')],
      ] as const) {
        expect([method, (await other.ask(method, path)).status]).toEqual([method, 404]);
      }
      expect((await other.move(dav.file('mine.jpg'), other.file('stolen.jpg'))).status).toBe(404);
    }
    expect((await dav.ask('HEAD', dav.file('mine.jpg'))).status).toBe(200);
  });

  it('knows a file that came by the other door, with the folders of its name', async () => {
    const jpeg = picture();
    await phone.send('DCIM/100ANDRO/tus.jpg', jpeg);
    expect(await dav.names('DCIM/100ANDRO')).toEqual(['tus.jpg']);
    const before = await app.filesInView();
    const [found] = await dav.find(dav.file('DCIM/100ANDRO/tus.jpg'), 0, ['d:getetag']);
    expect(found?.found['d:getetag']).toBe(`"${hash(jpeg)}"`);
    expect((await dav.put('by-dav.jpg', jpeg)).status).toBe(201);
    expect(await app.filesInView()).toEqual(before);
    const answer = await phone.json('POST', '/api/phone/items/check', {
      items: [{ path: 'by-dav.jpg', size: jpeg.length, mtime: null, sha256: hash(jpeg) }],
    });
    expect(answer.json()['answers']).toEqual([{ answer: 'have' }]);
  });

  it('keeps the name of what its owner deleted, so that no app sends it again', async () => {
    const jpeg = picture();
    await dav.put('unwanted.jpg', jpeg);
    const asset = (await phone.library()).assets.find(({ sha256 }) => sha256 === hash(jpeg));
    await app.console('POST', '/api/people', { person: 'Bob' });
    const { Callers, headersOf } = await import('../support/callers.ts');
    const callers = Callers.open(app);
    await app.ask('POST', '/api/trash', headersOf(callers.session('Bob')), { assets: [asset?.id] });
    callers.close();
    expect((await dav.ask('HEAD', dav.file('unwanted.jpg'))).status).toBe(200);
    expect((await dav.ask('GET', dav.file('unwanted.jpg'))).status).toBe(410);
    expect((await dav.put('unwanted.jpg', jpeg)).status).toBe(204);
    expect(await stored()).not.toContain(hash(jpeg));
  });

  it('takes a file whose length nobody knows before its end', async () => {
    const jpeg = picture();
    const headers = { 'transfer-encoding': 'chunked', 'x-oc-mtime': 'yesterday' };
    const sent = await dav.ask('PUT', dav.file('streamed.jpg'), { headers, body: jpeg });
    expect([sent.status, sent.headers.etag, sent.headers['x-oc-mtime']]).toEqual([201, `"${hash(jpeg)}"`, undefined]);
  });

  it('keeps nothing of an upload that breaks off', async () => {
    const socket = connect(app.httpPort, '127.0.0.1');
    const head = [
      `PUT ${dav.file('broken.jpg')} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${basic(dav)}`,
      'Content-Length: 100000',
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(Buffer.alloc(50_000, 1));
    await expect.poll(() => app.incoming()).toHaveLength(1);
    socket.destroy();
    await expect.poll(() => app.incoming()).toEqual([]);
    expect((await dav.ask('HEAD', dav.file('broken.jpg'))).status).toBe(404);
  });

  it('answers at the older address too, and there with its own paths', async () => {
    await dav.put('older.txt', 'x');
    const found = await dav.find('/remote.php/webdav/', 1, ['d:resourcetype']);
    expect(found.map(({ href }) => href)).toEqual(
      expect.arrayContaining(['/remote.php/webdav/', '/remote.php/webdav/older.txt', '/remote.php/webdav/Photos/']),
    );
    expect((await dav.ask('GET', '/remote.php/webdav/older.txt')).text).toBe('x');
  });

  it('shows small pictures of what is in view', async () => {
    await dav.put('shown.jpg', picture());
    await dav.put('text.txt', 'no picture');
    const [found] = await dav.find(dav.file('shown.jpg'), 0, ['oc:fileid', 'nc:has-preview']);
    expect(found?.found['nc:has-preview']).toBe('true');
    const id = found?.found['oc:fileid'];
    for (const path of [
      `/index.php/core/preview?fileId=${id}&x=256&y=256&a=1`,
      '/index.php/core/preview.png?file=%2Fshown.jpg&x=1024&y=1024',
      '/index.php/apps/files/api/v1/thumbnail/128/128/shown.jpg',
    ]) {
      const answer = await dav.ask('GET', path);
      expect([path, answer.status, answer.headers['content-type']]).toEqual([path, 200, 'image/webp']);
    }
    const [text] = await dav.find(dav.file('text.txt'), 0, ['oc:fileid']);
    for (const other of [text?.found['oc:fileid'], '999999', 'x', '']) {
      expect((await dav.ask('GET', `/index.php/core/preview?fileId=${other}&x=32&y=32`)).status).toBe(404);
    }
    const carols = await DavApp.on(app, await app.pair('Carol', 'Another'));
    expect((await carols.ask('GET', `/index.php/core/preview?fileId=${id}&x=32&y=32`)).status).toBe(404);
  });

  it('says "not now" while the disk is away, and never that an app is not known', async () => {
    const away = `${app.diskDir}-away`;
    await rename(app.diskDir, away);
    try {
      const status = async (method: string) => (await dav.ask(method, dav.file('older.txt'))).status;
      await expect.poll(() => status('HEAD'), { timeout: 5_000 }).toBe(503);
      expect([await status('PROPFIND'), await status('GET'), await status('PUT')]).toEqual([503, 503, 503]);
      expect((await dav.ask('GET', '/ocs/v2.php/cloud/user?format=json')).status).toBe(200);
      expect((await app.ask('GET', '/status.php')).status).toBe(200);
    } finally {
      await rename(away, app.diskDir);
    }
    await expect.poll(async () => (await dav.ask('HEAD', dav.file('older.txt'))).status, { timeout: 5_000 }).toBe(200);
  });
});
