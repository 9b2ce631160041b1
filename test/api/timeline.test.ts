/** The grid's timeline: its entries, pages, filters and months; and one file with all that is known of it. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

type Entry = { id: number; name: string; kind: string; capturedLocal: string; incomplete: string | null };
type Page = { entries: Entry[]; older: string | null; newer: string | null };

const jpeg = (seed: number, takenLocal: string) =>
  exifJpeg({ seed, bytes: 5_000 + seed, takenLocal, offset: '+02:00' });
/** Dated by the time that the phone tells, since nothing is in it. */
const video = (seed: number) => Buffer.alloc(3_000 + seed, seed);
const noon = (day: string) => String(Date.parse(`${day}T12:00:00Z`));

async function page(of: HandPhone, query = ''): Promise<Page> {
  const answer = await of.ask('GET', `/api/timeline${query}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.json() as unknown as Page;
}
/** What a picture that is being made meanwhile does not change. */
const steady = (entry: Entry | undefined) => {
  const { id, name, kind, capturedLocal, incomplete } = entry ?? {};
  return { id, name, kind, capturedLocal, incomplete };
};
const names = (entries: readonly Entry[]) => entries.map(({ name }) => name);

describe('the timeline', () => {
  let app: App;
  let phone: HandPhone;
  let tablet: HandPhone;
  let bob: HandPhone;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
    tablet = await app.pair('Alice', 'Tablet');
    bob = await app.pair('Bob', 'iPhone');
    await phone.send('DCIM/a.jpg', jpeg(1, '2024-01-31T23:59:59'));
    await phone.send('DCIM/b.jpg', jpeg(2, '2024-02-01T00:00:00'));
    await tablet.send('DCIM/c.jpg', jpeg(3, '2024-02-01T00:00:00'));
    await phone.send('DCIM/d.mp4', video(4), { mtime: noon('2024-02-10') });
    await tablet.send('DCIM/e.jpg', jpeg(5, '2024-12-31T12:00:00'));
    await tablet.send('DCIM/f.mp4', video(6), { mtime: noon('2023-06-01') });
    await phone.send('DCIM/notes.txt', Buffer.from('not a picture'));
    await phone.send('DCIM/a.aae', Buffer.from('<plist/>'));
    await bob.send('DCIM/g.jpg', jpeg(7, '2024-05-05T05:05:05'));
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it('has photos and videos, newest first by the clock where they were taken, and neither sidecars nor files', async () => {
    const { entries, older, newer } = await page(phone);
    expect(names(entries)).toEqual(['e.jpg', 'd.mp4', 'c.jpg', 'b.jpg', 'a.jpg', 'f.mp4']);
    expect([older, newer]).toEqual([null, null]);
    expect(entries[4]).toMatchObject({
      id: expect.any(Number),
      name: 'a.jpg',
      kind: 'photo',
      mediaType: 'image/jpeg',
      size: 5_001,
      capturedLocal: '2024-01-31T23:59:59',
      capturedAt: Date.parse('2024-01-31T23:59:59+02:00'),
      motion: null,
      incomplete: null,
    });
    expect(Object.keys(entries[0] ?? {}).sort()).toEqual(
      ['capturedAt', 'capturedLocal', 'durationMs', 'height', 'id', 'incomplete', 'kind', 'mediaType', 'motion', 'name']
        .concat(['picture', 'size', 'thumbhash', 'width'])
        .sort(),
    );
    expect(names((await page(bob)).entries)).toEqual(['g.jpg']);
  });

  it('is a page at a time, both ways, from either end, or from a month', async () => {
    const first = await page(phone, '?limit=2');
    expect([names(first.entries), first.newer]).toEqual([['e.jpg', 'd.mp4'], null]);
    const second = await page(phone, `?limit=2&cursor=${first.older}`);
    expect(names(second.entries)).toEqual(['c.jpg', 'b.jpg']);
    const third = await page(phone, `?limit=2&cursor=${second.older}`);
    expect([names(third.entries), third.older]).toEqual([['a.jpg', 'f.mp4'], null]);
    // Whether a picture is made of them is another matter, and changes meanwhile.
    const still = ({ entries, ...ends }: Page) => ({ ...ends, ids: entries.map(({ id }) => id) });
    expect(still(await page(phone, `?limit=2&direction=newer&cursor=${third.newer}`))).toEqual(still(second));
    expect(still(await page(phone, `?limit=2&direction=newer&cursor=${second.newer}`))).toEqual(still(first));
    expect(names((await page(phone, '?limit=3&direction=newer')).entries)).toEqual(['b.jpg', 'a.jpg', 'f.mp4']);
    const month = await page(phone, '?limit=2&month=2024-02');
    expect(names(month.entries)).toEqual(['d.mp4', 'c.jpg']);
    expect(names((await page(phone, `?direction=newer&cursor=${month.newer}`)).entries)).toEqual(['e.jpg']);
    expect(names((await page(phone, '?month=2024-07&direction=newer')).entries)).toEqual(['e.jpg']);
    expect(names((await page(phone, '?month=2020-01')).entries)).toEqual([]);
  });

  it('is filtered by phone, kind and days, and of a stranger’s phone there is nothing', async () => {
    const filtered = async (query: string) => names((await page(phone, query)).entries);
    expect(await filtered(`?phone=${tablet.phoneId}`)).toEqual(['e.jpg', 'c.jpg', 'f.mp4']);
    expect(await filtered(`?phone=${tablet.phoneId}&kind=video`)).toEqual(['f.mp4']);
    expect(await filtered('?kind=photo')).toEqual(['e.jpg', 'c.jpg', 'b.jpg', 'a.jpg']);
    expect(await filtered('?from=2024-02-01&to=2024-02-10')).toEqual(['d.mp4', 'c.jpg', 'b.jpg']);
    expect(await filtered('?to=2024-01-31')).toEqual(['a.jpg', 'f.mp4']);
    expect(await filtered('?from=2024-02-02&to=2024-02-01')).toEqual([]);
    expect(await filtered(`?phone=${bob.phoneId}`)).toEqual([]);
    expect(names((await page(bob, `?phone=${phone.phoneId}`)).entries)).toEqual([]);
    expect((await bob.ask('GET', `/api/timeline/months?phone=${phone.phoneId}`)).json()).toEqual({ months: [] });
    const range = await page(phone, '?from=2024-01-01&to=2024-12-01&limit=2');
    const rest = await page(phone, `?from=2024-01-01&to=2024-12-01&cursor=${range.older}`);
    expect([range, rest].flatMap(({ entries }) => names(entries))).toEqual(['d.mp4', 'c.jpg', 'b.jpg', 'a.jpg']);
    expect([range.newer, rest.older]).toEqual([null, null]);
  });

  it('has a layout by which a grid is laid out, and gives single entries by their ids', async () => {
    const { entries } = await page(phone);
    const layout = (await phone.ask('GET', '/api/timeline/layout?from=2024-01-01&limit=4')).json();
    const ids = entries.map(({ id }) => id);
    expect(layout).toEqual({
      days: [
        { day: '2024-12-31', count: 1 },
        { day: '2024-02-10', count: 1 },
        { day: '2024-02-01', count: 2 },
      ],
      ids: ids.slice(0, 4),
      ratios: expect.any(Array),
      next: expect.any(String),
    });
    const rest = (await phone.ask('GET', `/api/timeline/layout?cursor=${layout['next']}`)).json();
    expect(rest).toMatchObject({ ids: ids.slice(4), next: null });
    const [e, , c] = entries;
    const asked = `/api/timeline/entries?ids=${c?.id},999999,${e?.id}`;
    const told = (await phone.ask('GET', asked)).json() as unknown as Page;
    expect(told.entries.map(steady)).toEqual([c, e].map(steady));
    expect((await bob.ask('GET', asked)).json()).toEqual({ entries: [] });
    for (const wrong of ['', 'x', '1,', Array.from({ length: 201 }, () => '1').join()]) {
      expect((await phone.ask('GET', `/api/timeline/entries?ids=${wrong}`)).status).toBe(400);
    }
  });

  it('counts its months', async () => {
    const months = async (query = '') => (await phone.ask('GET', `/api/timeline/months${query}`)).json()['months'];
    expect(await months()).toEqual([
      { month: '2024-12', count: 1 },
      { month: '2024-02', count: 3 },
      { month: '2024-01', count: 1 },
      { month: '2023-06', count: 1 },
    ]);
    expect(await months('?kind=video')).toEqual([
      { month: '2024-02', count: 1 },
      { month: '2023-06', count: 1 },
    ]);
    expect(await months(`?phone=${phone.phoneId}&kind=photo`)).toEqual([
      { month: '2024-02', count: 1 },
      { month: '2024-01', count: 1 },
    ]);
  });

  it('keeps its marks while photos come and go', async () => {
    const carol = await app.pair('Carol', 'Phone');
    for (let day = 1; day <= 6; day++) await carol.send(`${day}.jpg`, jpeg(20 + day, `2024-03-0${day}T10:00:00`));
    const first = await page(carol, '?limit=2');
    expect(names(first.entries)).toEqual(['6.jpg', '5.jpg']);
    // One comes above, one comes below, the one at the mark goes and so does the next.
    await carol.send('late.jpg', jpeg(30, '2024-03-09T10:00:00'));
    await carol.send('between.jpg', jpeg(31, '2024-03-03T11:00:00'));
    for (const name of ['5.jpg', '4.jpg']) {
      const { assets } = await carol.library();
      const gone = assets.find(({ path }) => path.endsWith(name));
      await rm(join(app.diskDir, gone?.path ?? ''));
      expect((await carol.ask('GET', `/api/assets/${gone?.id}/original`)).status).toBe(404);
    }
    const second = await page(carol, `?limit=2&cursor=${first.older}`);
    expect(names(second.entries)).toEqual(['between.jpg', '3.jpg']);
    const back = await page(carol, `?direction=newer&cursor=${second.newer}`);
    expect([names(back.entries), back.newer]).toEqual([['late.jpg', '6.jpg'], null]);
    const march = { month: '2024-03', count: 6 };
    expect((await carol.ask('GET', '/api/timeline/months')).json()).toEqual({ months: [march] });
  });

  it('says what it does not understand', async () => {
    for (const query of [
      'limit=0',
      'limit=1001',
      'limit=x',
      'cursor=%00',
      'cursor=AAAA',
      `cursor=${'a'.repeat(200)}`,
      'direction=up',
      'kind=file',
      'phone=1',
      'month=2024-13',
      'month=2024',
      'from=2024-02-30',
      'to=2023-02-29',
      'from=yesterday',
      `month=2024-01&cursor=${Buffer.from('1.1').toString('base64url')}`,
    ]) {
      const answer = await phone.ask('GET', `/api/timeline?${query}`);
      expect([answer.status, answer.json()['code']], query).toEqual([400, 'invalid-request']);
    }
    for (const query of ['kind=file', 'phone=x']) {
      expect((await phone.ask('GET', `/api/timeline/months?${query}`)).status, query).toBe(400);
    }
  });
});

describe('one file', () => {
  let app: App;
  let phone: HandPhone;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const details = async (of: HandPhone, id: number | undefined) => await of.ask('GET', `/api/assets/${id}`);

  it('is told with its path, checksum and the phones that have it, to its person alone', async () => {
    const bytes = jpeg(1, '2024-02-01T00:00:00');
    const tablet = await app.pair('Alice', 'Tablet');
    await phone.send('DCIM/a.jpg', bytes, { mtime: '1700000000000' });
    await tablet.send('Pictures/same.jpg', bytes);
    const [entry] = (await page(phone)).entries;
    const told = (await details(tablet, entry?.id)).json();
    expect(told).toMatchObject({
      ...steady(entry),
      picture: expect.stringMatching(/wanted|ready|refused/),
      path: 'Photos/Alice/2024/2024-02/a.jpg',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      mtime: 1_700_000_000_000,
      capturedFrom: 'metadata',
      other: null,
      phones: [
        { phone: phone.phoneId, name: 'Pixel', path: 'DCIM/a.jpg' },
        { phone: tablet.phoneId, name: 'Tablet', path: 'Pictures/same.jpg' },
      ],
    });
    const bob = await app.pair('Bob', 'iPhone');
    for (const answer of [
      await details(bob, entry?.id),
      await details(phone, 999_999),
      await details(phone, Number.MAX_SAFE_INTEGER),
    ]) {
      expect([answer.status, answer.json()['code']]).toEqual([404, 'not-found']);
    }
    expect((await phone.ask('GET', '/api/assets/x')).status).toBe(400);
  });

  it('may be of any kind', async () => {
    await phone.send('Documents/notes.txt', Buffer.from('notes'));
    const note = (await phone.library()).assets.find(({ path }) => path.endsWith('notes.txt'));
    expect((await details(phone, note?.id)).json()).toMatchObject({
      id: note?.id,
      kind: 'file',
      name: 'notes.txt',
      picture: null,
      refusal: null,
      motion: null,
    });
  });

  it('shows a pair as one entry, in whichever order its halves come, and says which half is not there', async () => {
    const carol = await app.pair('Carol', 'iPhone');
    const still = jpeg(2, '2024-04-01T10:00:00');
    const shown = async () => (await page(carol)).entries;
    await carol.send('DCIM/IMG_2.mov', video(2), { mtime: noon('2024-04-01'), pair: 'live-2' });
    const [alone] = await shown();
    expect(alone).toMatchObject({ kind: 'video', incomplete: 'still-missing', motion: null });
    await carol.send('DCIM/IMG_2.jpg', still, { pair: 'live-2' });
    const both = await shown();
    expect(both).toHaveLength(1);
    expect(both[0]).toMatchObject({ kind: 'photo', incomplete: null, motion: { from: 'pair', asset: alone?.id } });
    const [photo] = both;
    expect((await details(carol, photo?.id)).json()).toMatchObject({ other: { id: alone?.id, kind: 'video' } });
    const hidden = (await details(carol, alone?.id)).json();
    expect(hidden).toMatchObject({ kind: 'video', incomplete: null, other: { id: photo?.id, kind: 'photo' } });
    // Its video is taken away by hand: the photo stays, and says so.
    await rm(join(app.diskDir, String(hidden['path'])));
    expect((await carol.ask('GET', `/api/assets/${alone?.id}/original`)).status).toBe(404);
    expect(await shown()).toMatchObject([{ id: photo?.id, motion: null, incomplete: 'motion-missing' }]);
    expect((await carol.ask('GET', '/api/timeline/months')).json()).toEqual({
      months: [{ month: '2024-04', count: 1 }],
    });
  });
});
