/** Searching by name, over the API: also what came a moment ago, and nobody else's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const jpeg = (seed: number, takenLocal = '2024-02-01T00:00:00') => exifJpeg({ seed, bytes: 5_000 + seed, takenLocal });

describe('searching by name', () => {
  let app: App;
  let phone: HandPhone;
  let tablet: HandPhone;
  let bob: HandPhone;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
    tablet = await app.pair('Alice', 'Tablet');
    bob = await app.pair('Bob', 'iPhone');
    await phone.send('DCIM/Beach at Rügen.jpg', jpeg(1, '2023-07-01T10:00:00'));
    await phone.send('DCIM/IMG_20240201_120000.jpg', jpeg(2));
    await tablet.send('Pictures/beach.mp4', Buffer.alloc(3_000, 3), { mtime: '1700000000000' });
    await tablet.send('Pictures/家族.jpg', jpeg(4));
    await phone.send('Documents/beach.txt', Buffer.from('a file'));
    await bob.send('DCIM/beach of bob.jpg', jpeg(5));
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const search = async (of: HandPhone, query: Record<string, string>) => {
    const answer = await of.ask('GET', `/api/search?${new URLSearchParams(query)}`);
    expect(answer.status, answer.text).toBe(200);
    const { entries, next } = answer.json() as { entries: Array<{ name: string }>; next: string | null };
    return { names: entries.map(({ name }) => name), next };
  };

  it('finds a part of the name in either case, the last arrival first, and only one’s own', async () => {
    expect(await search(phone, { name: 'BEACH' })).toEqual({ names: ['beach.mp4', 'Beach at Rügen.jpg'], next: null });
    expect((await search(phone, { name: 'RÜGEN' })).names).toEqual(['Beach at Rügen.jpg']);
    expect((await search(phone, { name: 'ru\u0308gen' })).names).toEqual(['Beach at Rügen.jpg']);
    expect((await search(phone, { name: '0201_12' })).names).toEqual(['IMG_20240201_120000.jpg']);
    expect((await search(phone, { name: '家族' })).names).toEqual(['家族.jpg']);
    expect((await search(phone, { name: 'g_' })).names).toEqual(['IMG_20240201_120000.jpg']);
    expect((await search(phone, { name: 'mountain' })).names).toEqual([]);
    expect((await search(bob, { name: 'beach' })).names).toEqual(['beach of bob.jpg']);
  });

  it('is filtered like the timeline, and in pages', async () => {
    expect((await search(phone, { name: 'beach', kind: 'photo' })).names).toEqual(['Beach at Rügen.jpg']);
    expect((await search(phone, { name: 'beach', phone: tablet.phoneId })).names).toEqual(['beach.mp4']);
    expect((await search(phone, { name: 'beach', phone: bob.phoneId })).names).toEqual([]);
    expect((await search(phone, { name: 'beach', to: '2023-07-01' })).names).toEqual(['Beach at Rügen.jpg']);
    expect((await search(phone, { name: 'beach', from: '2023-07-02' })).names).toEqual(['beach.mp4']);
    const first = await search(phone, { name: 'beach', limit: '1' });
    expect(first.names).toEqual(['beach.mp4']);
    expect((await search(phone, { name: 'beach', limit: '1', cursor: first.next ?? '' })).names).toEqual([
      'Beach at Rügen.jpg',
    ]);
  });

  it('finds what came this moment, and over a restart', async () => {
    await app.restart();
    await phone.send('DCIM/just now.jpg', jpeg(6));
    expect((await search(phone, { name: 'just now' })).names).toEqual(['just now.jpg']);
    expect((await search(phone, { name: 'beach' })).names).toEqual(['beach.mp4', 'Beach at Rügen.jpg']);
    expect(app.ownErrors()).toEqual([]);
  });

  it('says what it does not understand', async () => {
    for (const query of ['', 'name=', 'name=abc&cursor=x', 'name=abc&limit=0', 'name=abc&kind=file', 'name=abc&to=x']) {
      const answer = await phone.ask('GET', `/api/search?${query}`);
      expect([answer.status, answer.json()['code']], query).toEqual([400, 'invalid-request']);
    }
    expect((await search(phone, { name: 'a\0b' })).names).toEqual([]);
  });
});
