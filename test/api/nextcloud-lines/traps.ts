/** What trips the apps' readers, and what they expect of properties and of a name that is there already: a line each. */
import { expect } from 'vitest';
import { etagFor, hash, type Line, picture } from './world.ts';

const ofFiles = [
  ...['d:displayname', 'd:getlastmodified', 'd:getetag', 'd:getcontenttype', 'd:getcontentlength', 'd:resourcetype'],
  ...['oc:id', 'oc:fileid', 'oc:permissions', 'oc:size', 'oc:checksums', 'oc:owner-id', 'nc:has-preview'],
  ...['nc:creation_time', 'nc:upload_time'],
];
const ofFolders = ['d:quota-available-bytes', 'd:quota-used-bytes'];

export const trapLines: readonly Line[] = [
  {
    line: 'Parser 1: literal prefixes, and only the first propstat is read',
    who: 'I',
    async check({ ios }) {
      await ios.put('prefixes.txt', 'text');
      const body = `<?xml version="1.0" encoding="UTF-8"?><a:propfind xmlns:a="DAV:" xmlns:b="http://owncloud.org/ns"
        xmlns="http://nextcloud.org/ns" xmlns:z="urn:z"><a:prop><z:what/><a:getetag/><b:nothing/><b:permissions/>
        <has-preview/></a:prop></a:propfind>`;
      const { text } = await ios.ask('PROPFIND', ios.file('prefixes.txt'), { headers: { Depth: '0' }, body });
      const etag = etagFor(Buffer.from('text')).replaceAll('"', '&quot;');
      expect(text).toContain(
        `<d:propstat><d:prop><d:getetag>${etag}</d:getetag><oc:permissions>GDNVW</oc:permissions><nc:has-preview>false</nc:has-preview>`,
      );
      expect(text.indexOf('200 OK')).toBeLessThan(text.indexOf('404 Not Found'));
      expect(text).toContain('<x:what xmlns:x="urn:z"/><oc:nothing/>');
    },
  },
  {
    line: 'Parser 2: href is a path, fileid a decimal, and nothing is volunteered',
    who: 'A',
    async check({ android }) {
      const path = 'a b & ü+100%.jpg';
      await android.put(path, picture());
      const told = await android.find(android.file(), '1', ['d:getetag', 'oc:fileid', 'oc:id']);
      const file = told.find(({ href }) => href === android.file(path));
      expect(Object.keys(file?.found ?? {}).sort()).toEqual(['d:getetag', 'oc:fileid', 'oc:id']);
      expect(file?.found['oc:fileid']).toMatch(/^[1-9]\d{0,17}$/);
      expect(Number.parseInt(file?.found['oc:id'] ?? '', 10)).toBe(Number(file?.found['oc:fileid']));
      for (const { href } of told) expect(href).toMatch(/^\/remote\.php\/dav\/files\/[\w-]+\//);
    },
  },
  {
    line: 'Parser 3: a last chunk of exactly 1 byte never comes, and nobody can tell (a known limit)',
    who: 'A',
    async check({ android }) {
      const bytes = Buffer.alloc(20_001, 7);
      const folder = hash(Buffer.from('one byte'), 'md5');
      expect((await android.ask('MKCOL', android.part(folder))).status).toBe(201);
      const put = (name: string, body: Buffer) => android.ask('PUT', android.part(folder, name), { body });
      expect((await put('000001', bytes.subarray(0, 10_000))).status).toBe(201);
      expect((await put('000002', bytes.subarray(10_000, 20_000))).status).toBe(201);
      // Without a length nothing is known to be missing; with one it would be refused.
      const total = { 'OC-Total-Length': '20001' };
      expect((await android.move(android.part(folder, '.file'), 'one-byte.bin', total)).status).toBe(400);
      const done = await android.move(android.part(folder, '.file'), 'one-byte.bin');
      expect([done.status, done.headers['etag']]).toEqual([201, etagFor(bytes.subarray(0, 20_000))]);
    },
  },
  {
    line: 'Properties: each has its value, unknown ones are in a 404 propstat',
    who: 'all',
    async check({ android, desktop }) {
      const jpeg = picture();
      await android.put('properties.jpg', jpeg, { 'OC-Checksum': `SHA1:${hash(jpeg, 'sha1')}` });
      const all = [...ofFiles, ...ofFolders, 'oc:tags', 'nc:note'];
      const [file] = await android.find(android.file('properties.jpg'), '0', all);
      expect(Object.keys(file?.found ?? {}).sort()).toEqual(ofFiles.toSorted());
      expect(file?.missing).toEqual([...ofFolders, 'oc:tags', 'nc:note']);
      expect(file?.found).toMatchObject({ 'oc:size': String(jpeg.length), 'oc:owner-id': android.credential.user });
      const [folder] = await desktop.find(desktop.file(), '0', all);
      for (const name of [...ofFolders, 'oc:size', 'oc:id', 'd:getetag']) expect(folder?.found[name]).toMatch(/./);
    },
  },
  {
    line: 'Properties: a checksum that was sent is verified, kept and told',
    who: 'desktop, rclone',
    async check({ desktop, rclone }) {
      for (const app of [desktop, rclone]) {
        const jpeg = picture();
        const wrong = await app.put('sum.jpg', jpeg, { 'OC-Checksum': `SHA1:${'0'.repeat(40)}` });
        expect([wrong.status, (await app.ask('HEAD', app.file('sum.jpg'))).status]).toEqual([400, 404]);
        const sha1 = hash(jpeg, 'sha1');
        expect((await app.put('sum.jpg', jpeg, { 'OC-Checksum': `SHA1:${sha1}` })).status).toBe(201);
        const [found] = await app.find(app.file('sum.jpg'), '0', ['oc:checksums']);
        expect(found?.found['oc:checksums']).toBe(`<oc:checksum>SHA1:${sha1} SHA256:${hash(jpeg)}</oc:checksum>`);
      }
    },
  },
  {
    line: 'Other clients: MKCOL 409, then the parents, then 405',
    who: 'rclone',
    async check({ rclone }) {
      const make = async (path: string) => (await rclone.ask('MKCOL', rclone.file(`${path}/`))).status;
      const asked = ['a/b/c', 'a', 'a/b', 'a/b/c', 'a/b/c'];
      const told: number[] = [];
      for (const path of asked) told.push(await make(path));
      expect(told).toEqual([409, 201, 201, 201, 405]);
    },
  },
  {
    line: 'Other clients: the view only adds: PUT, DELETE, MOVE and COPY leave every original',
    who: 'all',
    async check(world) {
      const { rclone } = world;
      const [first, second, third] = [picture(), picture(), picture()];
      await rclone.put('kept.jpg', first);
      expect((await rclone.put('kept.jpg', second)).status).toBe(204);
      await rclone.put('target.jpg', third);
      expect((await rclone.move(rclone.file('kept.jpg'), 'target.jpg')).status).toBe(204);
      expect((await rclone.ask('DELETE', rclone.file('target.jpg'))).status).toBe(204);
      expect((await rclone.ask('HEAD', rclone.file('target.jpg'))).status).toBe(404);
      expect(await world.stored()).toEqual(expect.arrayContaining([first, second, third].map((one) => hash(one))));
    },
  },
];
