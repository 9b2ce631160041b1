/** The files of one phone over WebDAV: requests as the Nextcloud apps send them, and what they must never do. */
import { createHash } from 'node:crypto';
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

  it('shows the way down to the files, from wherever an app begins', async () => {
    await folder('InstantUpload');
    await folder('InstantUpload/Camera');
    expect(await dav.names('InstantUpload')).toEqual(['Camera']);
    const [, files] = await dav.find('/remote.php/dav/', 1, ['d:resourcetype']);
    expect(files).toEqual({
      href: '/remote.php/dav/files/',
      found: { 'd:resourcetype': '<d:collection/>' },
      missing: [],
    });
    expect((await dav.find('/remote.php/dav/files', 1, ['d:resourcetype']))[1]?.href).toBe(dav.file());
    expect((await dav.ask('HEAD', '/remote.php/webdav/')).status).toBe(200);
  });

  it('says what WebDAV itself defines to whom asks for everything', async () => {
    await dav.put('prefixes.txt', 'text');
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
    const laughs = Array.from({ length: 9 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join('');
    const bomb = `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">${laughs}]>`;
    expect(await ask(`${bomb}${asks('<d:prop><d:getetag>&l9;</d:getetag></d:prop>')}`)).toBe(400);
    const outside = '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>';
    expect(await ask(`${outside}${asks('<d:prop><d:getetag>&e;</d:getetag></d:prop>')}`)).toBe(400);
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
    for (const depth of ['infinity', '99999999999999999999', '-1', 'x'.repeat(1_000)]) {
      const { status, text } = await dav.ask('PROPFIND', dav.file(), { headers: { depth } });
      // No deeper than one level, whatever is asked.
      expect([depth, status, text.includes('/InstantUpload/Camera')]).toEqual([depth, 207, false]);
    }
    expect((await dav.ask('PROPFIND', dav.file('d/'.repeat(2_000)))).status).toBe(404);
    expect((await dav.ask('MKCOL', dav.file('d/'.repeat(200)))).status).toBe(400);
    expect((await dav.ask('PROPFIND', dav.file('d/'.repeat(9_000)))).status).toBe(400);
  });

  it('answers in pieces, however much is asked of however many names', async () => {
    await folder('many');
    const { status } = await phone.json('POST', '/api/phone/items/check', {
      items: Array.from({ length: 30 }, (_, n) => ({
        path: `many/${n}.txt`,
        size: 4,
        mtime: null,
        sha256: hash(Buffer.from('text')),
      })),
    });
    expect([status, (await dav.names('many')).length]).toEqual([200, 30]);
    const asked = Array.from({ length: 127 }, (_, n) => `<y:p${n}/>`).join('');
    const body = `<d:propfind xmlns:d="DAV:" xmlns:y="${'&quot;'.repeat(240)}"><d:prop>${asked}</d:prop></d:propfind>`;
    const head = [
      `PROPFIND ${dav.file('many')} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${basic(dav)}`,
      'Depth: 1',
      `Content-Length: ${body.length}`,
    ];
    const socket = connect(app.httpPort, '127.0.0.1');
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    let text = '';
    for await (const data of socket.setEncoding('latin1')) {
      text += data;
      if (text.includes('multistatus')) break;
    }
    // The length of the first piece (RFC 9112, section 7.1).
    const [, first = ''] = /\r\n\r\n([0-9a-f]+)\r\n/.exec(text) ?? [];
    expect(Number.parseInt(first, 16)).toBeLessThan(1_000_000);
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

  it('knows other checksums than the usual one, and keeps nothing of a file whose checksum is wrong', async () => {
    const jpeg = picture();
    expect((await dav.put('md5.jpg', jpeg, { 'oc-checksum': `MD5:${'1'.repeat(32)}` })).status).toBe(400);
    expect(await stored()).not.toContain(hash(jpeg));
    expect((await dav.put('md5.jpg', jpeg, { 'oc-checksum': `MD5:${hash(jpeg, 'md5')}` })).status).toBe(201);
    expect(await app.incoming()).toEqual([]);
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
    const sent = await dav.put('mine.jpg', picture());
    expect((await dav.ask('MKCOL', dav.part('begun'))).status).toBe(201);
    const id = Number.parseInt(String(sent.headers['oc-fileid']), 10);
    const second = await DavApp.on(app, await app.pair('Bob', 'Tablet'));
    const carols = await DavApp.on(app, await app.pair('Carol', 'Galaxy'));
    for (const other of [second, carols]) {
      expect(await other.names()).toEqual([]);
      const [, , ...further] = await other.find('/remote.php/dav/files/', 1, ['d:resourcetype']);
      expect(further).toEqual([]);
      for (const [method, path] of [
        ['GET', dav.file('mine.jpg')],
        ['HEAD', dav.file('mine.jpg')],
        ['PROPFIND', dav.file()],
        ['PUT', dav.file('mine.jpg')],
        ['DELETE', dav.file('mine.jpg')],
        ['MKCOL', dav.file('theirs')],
        ['PROPFIND', dav.part('begun')],
        ['PUT', dav.part('begun', '1')],
        ['DELETE', dav.part('begun')],
        ['PROPFIND', `/remote.php/dav/uploads/${dav.user}/`],
        ['GET', `/index.php/core/preview?fileId=${id}&x=256&y=256`],
        ['GET', '/index.php/apps/files/api/v1/thumbnail/256/256/mine.jpg'],
        ['PROPFIND', `/remote.php/dav/trashbin/${dav.user}/trash`],
        ['GET', `/ocs/v2.php/cloud/users/${dav.user}`],
      ] as const) {
        expect([method, path, (await other.ask(method, path)).status]).toEqual([method, path, 404]);
      }
      for (const method of ['MOVE', 'COPY']) {
        expect((await other.move(dav.file('mine.jpg'), other.file('stolen.jpg'), {}, method)).status).toBe(404);
        await other.put('own.txt', method);
        expect((await other.move(other.file('own.txt'), dav.file('mine.jpg'), {}, method)).status).toBe(404);
      }
      await other.ask('DELETE', other.file('own.txt'));
    }
    expect((await dav.ask('HEAD', dav.file('mine.jpg'))).headers.etag).toBe(sent.headers.etag);
    expect((await dav.ask('DELETE', dav.part('begun'))).status).toBe(204);
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
      expect.arrayContaining(['/remote.php/webdav/', '/remote.php/webdav/older.txt', '/remote.php/webdav/DCIM/']),
    );
    expect((await dav.ask('GET', '/remote.php/webdav/older.txt')).text).toBe('x');
  });
});
