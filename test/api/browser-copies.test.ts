/** Files that a person chooses in the page of their phone: asked about, sent, resumed, and never taken for originals. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

type Chosen = Readonly<{ path: string; size: number; mtime: number; sha256?: string; key?: string }>;

const mtime = Date.UTC(2025, 6, 14, 9);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const picture = (seed: number) => exifJpeg({ seed, bytes: 20_000, takenLocal: '2025-07-14T09:30:00' });

describe('copies from the browser', () => {
  let app: App;
  let cookie: string;
  let phone: HandPhone;
  let other: HandPhone;
  beforeAll(async () => {
    app = await App.start();
    cookie = await app.claim();
    [phone, other] = [await app.pair('Alice', 'iPhone'), await app.pair('Alice', 'Pixel')];
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const chosen = (path: string, bytes: Uint8Array, more: Partial<Chosen> = {}): Chosen => ({
    path,
    size: bytes.length,
    mtime,
    ...more,
  });
  const check = async (items: readonly Chosen[], by = phone, origin: 'browser' | 'app' = 'browser') => {
    const answer = await by.json('POST', '/api/phone/items/check', { items, ...(origin === 'browser' && { origin }) });
    expect(answer.status).toBe(200);
    return (answer.json()['answers'] as Array<{ answer: string; code?: string }>).map((one) => one.code ?? one.answer);
  };
  const facts = (at = mtime) => ({ origin: 'browser', mtime: String(at) });
  const status = async (of = phone) => {
    const { seen, safe, waiting, refused, fromBrowser, lastReceivedAt } = (
      await of.ask('GET', '/api/phone/status')
    ).json();
    return { seen, safe, waiting, refused, fromBrowser, lastReceivedAt };
  };
  const idOf = async (bytes: Uint8Array) => {
    const { assets } = await phone.library();
    return assets.find((asset) => asset.sha256 === sha256(bytes))?.id ?? 0;
  };
  const details = async (bytes: Uint8Array) => (await phone.ask('GET', `/api/assets/${await idOf(bytes)}`)).json();
  const catalogue = <T>(use: (database: Sqlite.Database) => T): T => {
    const database = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { timeout: 5_000 });
    try {
      return use(database);
    } finally {
      database.close();
    }
  };
  const none = { seen: 0, safe: 0, waiting: 0, refused: 0, lastReceivedAt: null };

  it('are had by name, size and time together, and counted apart from what an app tells', async () => {
    const bytes = picture(1);
    expect(await check([chosen('IMG_0001.jpg', bytes)])).toEqual(['need']);
    // Only asked about: nothing waits that nobody would ever take back.
    expect(await status()).toEqual({ ...none, fromBrowser: 0 });
    await phone.send('IMG_0001.jpg', bytes, facts());
    expect(await check([chosen('IMG_0001.jpg', bytes)])).toEqual(['have']);
    // Another picture of that name, of another size, or of another time.
    const others = [
      chosen('IMG_0001.jpg', picture(2), { size: 20_001 }),
      chosen('IMG_0001.jpg', bytes, { mtime: mtime + 1 }),
    ];
    expect(await check(others)).toEqual(['need', 'send-hash']);
    expect(await check([chosen('IMG_0001.jpg', bytes, { sha256: sha256(picture(2)) })])).toEqual(['need']);
    expect(await status()).toEqual({ ...none, fromBrowser: 1 });
    // Nor does anything that is kept of the phone's backup know of it: a phone whose app is silent stays so.
    const kept = ['phone_standing', 'phone_arrival WHERE files + again_files > 0'].flatMap((rows) =>
      catalogue((database) => database.prepare(`SELECT phone_id FROM ${rows}`).all()),
    );
    expect(kept).toEqual([]);
    expect(await details(bytes)).toMatchObject({
      name: 'IMG_0001.jpg',
      path: 'Photos/Alice/2025/2025-07/IMG_0001.jpg',
      fromBrowser: true,
      phones: [{ phone: phone.phoneId, name: 'iPhone', path: 'IMG_0001.jpg' }],
    });
    // What its app sends under that name is another thing, and neither answers for the other.
    expect(await check([chosen('IMG_0001.jpg', bytes)], phone, 'app')).toEqual(['send-hash']);
    expect(await status()).toMatchObject({ seen: 1, waiting: 1, fromBrowser: 1 });
    const inventory = { startedAt: Date.now() + 60_000 };
    expect((await phone.json('POST', '/api/phone/inventory/finish', inventory)).json()).toEqual({ forgotten: 1 });
    expect(await check([chosen('IMG_0001.jpg', bytes)])).toEqual(['have']);
    expect((await phone.ask('GET', '/api/phone/items')).json()['items']).toEqual([]);
    const timeline = await app.ask('GET', `/api/timeline?phone=${phone.phoneId}`, { cookie });
    expect(timeline.json()['entries']).toHaveLength(1);
  });

  it('of two files that a picker gives the same name both come in', async () => {
    const [one, two] = [picture(3), picture(4)];
    await phone.send('image.jpg', one, facts(1));
    await phone.send('image.jpg', two, facts(2));
    expect(await check([chosen('image.jpg', one, { mtime: 1 }), chosen('image.jpg', two, { mtime: 2 })])).toEqual([
      'have',
      'have',
    ]);
    const names = ['image-2.jpg', 'image.jpg'].map((name) => `Photos/Alice/2025/2025-07/${name}`);
    expect((await app.filesInView()).filter((path) => path.includes('/image'))).toEqual(names);
  });

  it('are originals once an app has sent or told of the same bytes, from whichever phone, and for good', async () => {
    const [sent, told] = [picture(5), picture(6)];
    await phone.send('sent.jpg', sent, facts());
    await phone.send('told.jpg', told, facts());
    const before = await status();
    expect(await details(told)).toMatchObject({ fromBrowser: true });
    expect(await check([chosen('DCIM/sent.jpg', sent)], other, 'app')).toEqual(['send-hash']);
    await other.send('DCIM/sent.jpg', sent);
    expect(await check([chosen('DCIM/told.jpg', told, { sha256: sha256(told) })], other, 'app')).toEqual(['have']);
    for (const bytes of [sent, told]) expect(await details(bytes)).toMatchObject({ fromBrowser: false });
    expect(await status()).toEqual({ ...before, fromBrowser: Number(before.fromBrowser) - 2 });
    expect(await status(other)).toMatchObject({ seen: 2, safe: 2, fromBrowser: 0 });
    // Its app has something else under that name by now; the bytes stay the original's.
    await other.send('DCIM/sent.jpg', picture(7));
    expect(await details(sent)).toMatchObject({ fromBrowser: false });
    await phone.send('again.jpg', sent, facts());
    expect(await details(sent)).toMatchObject({ fromBrowser: false });
  });

  it('are had at once by their bytes, from whichever phone of the person, unless they are damaged or deleted', async () => {
    const bytes = picture(8);
    await other.send('DCIM/there.jpg', bytes);
    const item = chosen('elsewhere.jpg', bytes, { sha256: sha256(bytes), key: 'k' });
    const bob = await app.pair('Bob', 'Bob’s');
    expect(await check([item], bob)).toEqual(['need']);
    const before = await status();
    expect(await check([item, { ...item, path: 'twice.jpg' }])).toEqual(['have', 'have']);
    expect(await status()).toEqual(before);
    expect(await details(bytes)).toMatchObject({ fromBrowser: false });
    // From now on without its checksum too.
    expect(await check([chosen('elsewhere.jpg', bytes)])).toEqual(['have']);
    const id = await idOf(bytes);
    expect((await app.ask('POST', '/api/trash', { cookie }, { assets: [id] })).status).toBe(200);
    expect(await check([item, chosen('elsewhere.jpg', bytes)])).toEqual(['deleted', 'deleted']);
    await app.ask('POST', '/api/trash/restore', { cookie }, { assets: [id] });
    await expect.poll(() => check([item])).toEqual(['have']);
    catalogue((database) => database.prepare("UPDATE asset SET state = 'damaged' WHERE id = ?").run(id));
    expect(await check([item, chosen('elsewhere.jpg', bytes)])).toEqual(['need', 'send-hash']);
    await phone.send('elsewhere.jpg', bytes, facts());
    expect(await check([item])).toEqual(['have']);
    expect(await details(bytes)).toMatchObject({ fromBrowser: false });
    expect(await check([chosen('a/../b.jpg', bytes)])).toEqual(['invalid-name']);
  });

  it('are deleted without the original that says it is of the same Live Photo, and pair among themselves until they are one', async () => {
    const live = {
      bytes: 20_000,
      takenLocal: '2025-07-14T09:30:00',
      contentId: '2d1a4ff0-6a51-4d2c-9b0b-0a1b2c3d4e5f',
    };
    const [copy, other, original] = [11, 12, 13].map((seed) => exifJpeg({ seed, ...live })) as [Buffer, Buffer, Buffer];
    await phone.send('IMG_0011.jpg', copy, facts());
    await phone.send('IMG_0012.jpg', other, facts());
    await phone.send('DCIM/IMG_0011.jpg', original);
    const pairOf = (bytes: Buffer) =>
      catalogue((database) =>
        database.prepare('SELECT pair FROM asset WHERE hex(sha256) = upper(?)').pluck().get(sha256(bytes)),
      );
    expect(pairOf(copy)).toBe(pairOf(other));
    const id = await idOf(copy);
    expect((await app.ask('POST', '/api/trash', { cookie }, { assets: [id] })).status).toBe(200);
    const told = (path: string, bytes: Buffer) => check([chosen(path, bytes, { sha256: sha256(bytes) })], phone, 'app');
    expect(await told('DCIM/IMG_0011.jpg', original)).toEqual(['have']);
    await app.ask('POST', '/api/trash/restore', { cookie }, { assets: [id] });
    await phone.send('DCIM/IMG_0012.jpg', other);
    expect(pairOf(other)).toBe(pairOf(original));
    // Not what an app tells of a pair either; nor does the half that it sends later go where a copy went.
    const [taken, half] = [picture(14), Buffer.from('what was done to the photo')];
    await phone.send('IMG_0014.jpg', taken, { ...facts(), pair: 'one' });
    expect((await app.ask('POST', '/api/trash', { cookie }, { assets: [await idOf(taken)] })).status).toBe(200);
    await phone.send('DCIM/IMG_0014.AAE', half, { pair: 'one' });
    expect(await told('DCIM/IMG_0014.AAE', half)).toEqual(['have']);
  });

  it('of a tab that was killed: what is finished is had, and the rest goes on where it was', async () => {
    const [done, half] = [picture(9), picture(10)];
    await phone.send('done.jpg', done, facts());
    const begun = await phone.create(half.length, { filename: 'half.jpg', ...facts() }, half.subarray(0, 7_000));
    const location = begun.headers.location ?? '';
    await app.restart();
    const items = [chosen('done.jpg', done), chosen('half.jpg', half, { sha256: sha256(half) })];
    expect(await check(items)).toEqual(['have', 'need']);
    // By the phone's own token; for another phone there is no such upload.
    expect((await other.tus('HEAD', location)).status).toBe(404);
    const head = await phone.tus('HEAD', location);
    expect([head.status, head.headers['upload-offset'], head.headers['upload-length']]).toEqual([
      200,
      '7000',
      String(half.length),
    ]);
    const rest = await phone.patch(location, 7_000, half.subarray(7_000));
    expect([rest.status, rest.headers['upload-offset']]).toEqual([204, String(half.length)]);
    expect(await check(items)).toEqual(['have', 'have']);
    // It knew after the restart where it had come from.
    expect(await details(half)).toMatchObject({ fromBrowser: true, phones: [{ path: 'half.jpg' }] });
    const again = await phone.tus('HEAD', location);
    expect([again.status, again.headers['upload-offset']]).toEqual([200, String(half.length)]);
  });

  it('are refused with their reason, which counts for no item of the phone; and no other origin is known', async () => {
    const before = await status();
    const empty = await phone.create(0, { filename: 'empty.jpg', ...facts() });
    expect([empty.status, empty.json()['code']]).toEqual([410, 'empty-picture']);
    const odd = await phone.create(1, { filename: 'a.jpg', origin: 'elsewhere' }, Buffer.alloc(1));
    expect([odd.status, odd.json()['code']]).toEqual([400, 'invalid-request']);
    expect((await phone.json('POST', '/api/phone/items/check', { items: [], origin: 'app' })).status).toBe(400);
    expect(await status()).toEqual(before);
    expect(app.ownErrors()).toEqual([]);
  });
});
