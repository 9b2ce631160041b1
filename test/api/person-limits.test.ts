/** What a person may use: refused with the limit's name beyond it, by whatever way; and how long their trash is kept. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';

const bytes = 5_000;
const dayMs = 24 * 60 * 60_000;
const picture = (seed: number) => exifJpeg({ seed, bytes, takenLocal: '2026-06-09T18:00:00' });

/** Bob's, who may use room for two and a half pictures. */
async function limited(app: App) {
  const phone = await app.pair('Bob', 'Pixel');
  const callers = Callers.open(app);
  const bob = callers.personId('Bob');
  const cookie = () => headersOf(callers.session('Bob'));
  const limit = (change: object) => app.console('PUT', `/api/people/${bob}/limits`, change);
  expect((await limit({ quotaBytes: 12_500 })).json()).toEqual({
    quotaBytes: 12_500,
    trashDays: 30,
    used: { files: 0, bytes: 0 },
  });
  return { phone, bob, cookie, limit, close: () => callers.close() };
}

it('refuses what is beyond a person’s quota, says which limit, and takes it when there is room', async () => {
  await using app = await App.startClaimed();
  const { phone, cookie, limit, close } = await limited(app);
  const alices = await app.pair('Alice', 'Alices-Pixel');
  await phone.send('DCIM/1.jpg', picture(1));
  await phone.send('DCIM/2.jpg', picture(2));
  const third = await phone.create(bytes, { path: 'DCIM/3.jpg' }, picture(3));
  expect(third.status).toBe(507);
  expect(third.json()).toMatchObject({
    code: 'over-quota',
    limit: 'quota',
    quotaBytes: 12_500,
    usedBytes: 10_000,
    neededBytes: bytes,
  });
  expect(third.json()['detail']).toMatch(/12\.5 kB .* 10\.0 kB are used.* 5\.0 kB/);
  // Said before a byte of it is sent.
  expect((await phone.create(bytes, { path: 'DCIM/3.jpg' })).status).toBe(507);
  expect(await app.incoming()).toEqual([]);
  const own = { quotaBytes: 12_500, trashDays: 30, used: { files: 2, bytes: 10_000 } };
  expect((await phone.ask('GET', '/api/limits')).json()).toEqual(own);
  expect((await app.ask('GET', '/api/limits', cookie())).json()).toEqual(own);
  // Nobody else is held back, and what Bob has already takes nothing.
  for (const seed of [1, 2, 3]) await alices.send(`DCIM/${seed}.jpg`, picture(seed));
  await phone.send('DCIM/1-again.jpg', picture(1), { sha256: hashOf(1) });
  await phone.send(
    'DCIM/tiny.jpg',
    exifJpeg({ seed: 9, bytes: 4_096, takenLocal: '2026-06-09T18:00:00' }).subarray(0, 2_500),
  );

  // In the trash it takes room as before; gone for good it does not.
  const { assets } = await phone.library();
  const first = assets.find(({ sha256 }) => sha256 === hashOf(1))?.id;
  expect((await app.ask('POST', '/api/trash', cookie(), { assets: [first] })).status).toBe(200);
  expect((await phone.create(bytes, { path: 'DCIM/3.jpg' }, picture(3))).status).toBe(507);
  expect((await app.ask('POST', '/api/trash/delete', cookie(), { assets: [first] })).status).toBe(200);
  await phone.send('DCIM/3.jpg', picture(3));
  expect((await limit({ quotaBytes: null })).json()).toMatchObject({ quotaBytes: null, used: { bytes: 12_500 } });
  await phone.send('DCIM/4.jpg', picture(4));
  close();
});

it('lets no two files pass together, nor one that was begun before the quota was less', async () => {
  await using app = await App.startClaimed();
  const { phone, limit, close } = await limited(app);
  const other = await app.pair('Bob', 'Tablet');
  await phone.send('DCIM/1.jpg', picture(1));
  const both = await Promise.all([
    phone.create(bytes, { path: 'DCIM/2.jpg' }, picture(2)),
    other.create(bytes, { path: 'DCIM/3.jpg' }, picture(3)),
    other.create(bytes, { path: 'DCIM/4.jpg' }, picture(4)),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([201, 507, 507]);
  await limit({ quotaBytes: 15_000 });
  const begun = await phone.create(bytes, { path: 'DCIM/5.jpg' }, picture(5).subarray(0, 1_000));
  expect(begun.status).toBe(201);
  const { location = '' } = begun.headers;
  await limit({ quotaBytes: 14_999 });
  const refused = await phone.patch(location, 1_000, picture(5).subarray(1_000));
  expect([refused.status, refused.json()['code']]).toEqual([507, 'over-quota']);
  // What came is kept, and goes on.
  expect((await phone.tus('HEAD', location)).headers['upload-offset']).toBe('1000');
  await limit({ quotaBytes: 15_000 });
  expect((await phone.patch(location, 1_000, picture(5).subarray(1_000))).headers['upload-offset']).toBe('5000');
  expect((await phone.ask('GET', '/api/limits')).json()).toMatchObject({ used: { files: 3, bytes: 15_000 } });
  close();
});

it('keeps the trash as long as the owner says, and what is in it as long as was told', async () => {
  await using app = await App.startClaimed();
  const { phone, bob, cookie, limit, close } = await limited(app);
  await phone.send('DCIM/1.jpg', picture(1));
  await phone.send('DCIM/2.jpg', picture(2));
  const trash = (id: number) => app.ask('POST', '/api/trash', cookie(), { assets: [id] });
  const days = async () => {
    const { entries } = (await app.ask('GET', '/api/trash', cookie())).json() as {
      entries: Array<{ asset: { id: number }; trashedAt: number; goneAt: number }>;
    };
    return entries.map(({ asset, trashedAt, goneAt }) => [asset.id, Math.round((goneAt - trashedAt) / dayMs)]);
  };
  await trash(1);
  expect((await limit({ trashDays: 7 })).json()).toMatchObject({ quotaBytes: 12_500, trashDays: 7 });
  await trash(2);
  expect(await days()).toEqual([
    [2, 7],
    [1, 30],
  ]);
  await limit({ trashDays: 60 });
  expect(await days()).toEqual([
    [2, 60],
    [1, 60],
  ]);
  for (const trashDays of [6, 366]) expect((await limit({ trashDays })).status).toBe(400);
  expect((await limit({ quotaBytes: -1 })).status).toBe(400);
  expect((await app.console('PUT', '/api/people/nobody/limits', {})).status).toBe(404);
  expect((await app.console('GET', `/api/people/${bob}/limits`)).json()).toMatchObject({ trashDays: 60 });
  close();
});

function hashOf(seed: number): string {
  return createHash('sha256').update(picture(seed)).digest('hex');
}
