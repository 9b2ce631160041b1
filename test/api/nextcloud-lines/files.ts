/** How the apps send a file and look whether it is there: a line each. */
import { expect } from 'vitest';
import type { CurlApp } from '../../support/curl-app.ts';
import { etagFor, type Line, picture } from './world.ts';

const takenAt = '1706933106';
/** What Android asks of a file. */
const androidProperties = [
  ...['d:displayname', 'd:getcontenttype', 'd:resourcetype', 'd:getcontentlength', 'd:getlastmodified'],
  ...['d:creationdate', 'd:getetag', 'd:quota-used-bytes', 'd:quota-available-bytes', 'oc:permissions', 'oc:fileid'],
  ...['oc:id', 'oc:size', 'oc:favorite', 'oc:share-types', 'oc:owner-id', 'oc:owner-display-name'],
  ...['nc:has-preview', 'nc:mount-type', 'nc:is-encrypted', 'nc:note', 'nc:sharees', 'nc:creation_time'],
];

export const fileLines: readonly Line[] = [
  {
    line: 'Parent folder: HEAD, then MKCOL',
    who: 'A',
    async check({ android }) {
      const make = (path: string) => android.ask('MKCOL', android.file(path));
      expect((await android.ask('HEAD', android.file('InstantUpload/'))).status).toBe(404);
      const early = await make('InstantUpload/Camera/');
      expect([early.status, early.headers['content-type']]).toEqual([409, 'application/xml; charset=utf-8']);
      const made = await make('InstantUpload/');
      expect([made.status, made.headers['oc-fileid']]).toEqual([201, expect.stringMatching(/^\d{8,}oc[0-9a-f]{10}$/)]);
      expect((await make('InstantUpload/')).status).toBe(405);
      expect((await android.ask('HEAD', android.file('InstantUpload/'))).status).toBe(200);
      expect((await make('InstantUpload/Camera/')).status).toBe(201);
    },
  },
  {
    line: 'Parent folder: MKCOL, or PUT with X-NC-WebDAV-Auto-Mkcol',
    who: 'I',
    async check({ ios }) {
      const made = await ios.ask('MKCOL', ios.file('Photos'));
      expect([made.status, made.headers['oc-fileid']]).toEqual([201, expect.any(String)]);
      const jpeg = picture();
      expect((await ios.put('Photos/2024/02/a.jpg', jpeg)).status).toBe(409);
      const sent = await ios.put('Photos/2024/02/a.jpg', jpeg, { 'X-NC-WebDAV-Auto-Mkcol': '1' });
      expect([sent.status, sent.headers['oc-fileid']]).toEqual([201, expect.any(String)]);
    },
  },
  {
    line: 'Collision test',
    who: 'A',
    async check({ android }) {
      const head = async (path: string) => (await android.ask('HEAD', android.file(path))).status;
      // 401 and 403 would be read as "it is there", and the photo never sent.
      for (const path of [
        'new.jpg',
        'no/such/folder/new.jpg',
        `${'n'.repeat(300)}.jpg`,
        'a:b?*.jpg',
        ' ',
        '.nightjar',
      ]) {
        expect([path, await head(path)]).toEqual([path, 404]);
      }
      await android.put('collides.jpg', picture());
      expect(await head('collides.jpg')).toBe(200);
    },
  },
  {
    line: 'Upload',
    who: 'A',
    async check({ android }) {
      const jpeg = picture();
      const total = { 'OC-Total-Length': String(jpeg.length), 'Content-Type': 'image/jpeg' };
      await stored(android, 'IMG_1 & ü.jpg', jpeg, { ...total, 'X-OC-Mtime': takenAt, 'X-OC-Ctime': takenAt });
      const again = await android.put('IMG_1 & ü.jpg', jpeg, total);
      expect([again.status, again.headers['etag']]).toEqual([204, etagFor(jpeg)]);
      const short = await android.put('short.jpg', jpeg, { 'OC-Total-Length': String(jpeg.length + 1) });
      expect([short.status, (await android.ask('HEAD', android.file('short.jpg'))).status]).toEqual([400, 404]);
    },
  },
  {
    line: 'Upload: times with a fraction',
    who: 'I',
    async check({ ios, phones }) {
      const jpeg = picture();
      await stored(ios, 'IMG_0001.HEIC.jpg', jpeg, { 'X-OC-MTime': '1706933106.5', 'X-OC-CTime': '1706933100.25' });
      const [found] = await ios.find(ios.file('IMG_0001.HEIC.jpg'), '0', ['d:getlastmodified']);
      expect(found?.found['d:getlastmodified']).toBe('Sat, 03 Feb 2024 04:05:06 GMT');
      const { assets } = await phones.ios.library('?limit=1000');
      expect(assets.find(({ sha256 }) => `"${sha256}"` === etagFor(jpeg))).toMatchObject({ mtime: 1_706_933_106_500 });
    },
  },
  {
    line: 'Post-check',
    who: 'A',
    async check({ android, box }) {
      const jpeg = picture();
      const { headers } = await android.put('checked.jpg', jpeg, { 'X-OC-Mtime': takenAt });
      const check = async () => {
        const [file] = await android.find(android.file('checked.jpg'), '0', androidProperties);
        expect(file?.found).toMatchObject({ 'd:getetag': headers['etag'], 'oc:id': headers['oc-fileid'] });
        expect(file?.found['d:getlastmodified']).toBe('Sat, 03 Feb 2024 04:05:06 GMT');
        return [file, ...(await android.find(android.file(), '0', androidProperties))];
      };
      const before = await check();
      await box.restart();
      const after = await check();
      const withoutRoom = (told: typeof before) => JSON.stringify(told).replace(/"d:quota-available-bytes":"\d+"/, '');
      expect(withoutRoom(after)).toEqual(withoutRoom(before));
    },
  },
  {
    line: 'Preview',
    who: 'A, I',
    async check({ android, ios, carol }) {
      for (const app of [android, ios]) {
        const { headers } = await app.put('shown.jpg', picture());
        const id = Number.parseInt(String(headers['oc-fileid']), 10);
        for (const path of [
          `/index.php/core/preview?fileId=${id}&x=256&y=256&a=1&mode=cover&forceIcon=0`,
          `/index.php/core/preview?fileId=${id}&x=1024&y=1024&a=1&mode=cover`,
          '/index.php/core/preview.png?file=%2Fshown.jpg&x=1024&y=1024&a=1&forceIcon=0',
          '/index.php/apps/files/api/v1/thumbnail/128/128/shown.jpg',
        ]) {
          const shown = await app.ask('GET', path);
          expect([path, shown.status, shown.headers['content-type']]).toEqual([path, 200, 'image/jpeg']);
          expect(shown.body.subarray(0, 3).toString('hex')).toBe('ffd8ff');
          expect(shown.headers['content-length']).toBe(String(shown.body.length));
        }
        const other = await carol.ask('GET', `/index.php/core/preview?fileId=${id}&x=256&y=256`);
        expect(other.status).toBe(404);
        const text = await app.put('no-picture.txt', 'text');
        for (const one of [Number.parseInt(String(text.headers['oc-fileid']), 10), 999_999, 'x', '']) {
          const none = await app.ask('GET', `/index.php/core/preview?fileId=${one}&x=32&y=32&a=1`);
          expect([one, none.status]).toEqual([one, 404]);
        }
      }
    },
  },
];

async function stored(app: CurlApp, path: string, bytes: Buffer, headers: Record<string, string>): Promise<void> {
  const sent = await app.put(path, bytes, headers);
  expect([sent.status, sent.body.length]).toEqual([201, 0]);
  const { etag, 'oc-etag': ocEtag, 'oc-fileid': id, date = '', 'x-oc-mtime': mtime } = sent.headers;
  expect([etag, ocEtag]).toEqual([etagFor(bytes), etagFor(bytes)]);
  expect([id, mtime, Date.parse(date) > 0]).toEqual([expect.stringMatching(/^\d{8,}oc/), 'accepted', true]);
}
