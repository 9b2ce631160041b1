/** What phones ask of the library: what it has, what is safe, all that there is; and that nobody sees another's. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const picture = (seed: number, takenLocal = '2025-07-14T09:30:00', bytes = 5000 + seed) =>
  exifJpeg({ seed, bytes, takenLocal });
const mtime = 1_700_000_000_000;

type Told = { path: string; size: number; mtime: number | null; key?: string; sha256?: string };
type Status = {
  seen: number;
  safe: number;
  waiting: number;
  refused: number;
  refusals: Array<{ path: string; code: string }>;
};

describe('the library, as phones see it', () => {
  let app: App;
  let phone: HandPhone;
  let bob: HandPhone;
  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Alice', 'Pixel');
    bob = await app.pair('Bob', 'iPhone');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const check = async (of: HandPhone, ...items: Told[]) => {
    const answer = await of.json('POST', '/api/phone/items/check', { items });
    expect(answer.status, answer.text).toBe(200);
    const { answers, at } = answer.json() as { answers: Array<{ answer: string; code?: string }>; at: number };
    return { answers: answers.map((one) => one.answer + (one.code === undefined ? '' : ` ${one.code}`)), at };
  };
  const status = async (of: HandPhone) => (await of.ask('GET', '/api/phone/status')).json() as unknown as Status;
  const sumsUp = ({ seen, safe, waiting, refused }: Status) => expect(safe + waiting + refused).toBe(seen);

  it('answers need, then have; and knows a file again that moved, by its key or its checksum', async () => {
    const bytes = picture(1);
    const told = { path: 'DCIM/IMG_1.jpg', size: bytes.length, mtime, key: 'media-1' };
    expect((await check(phone, told)).answers).toEqual(['need']);
    expect(await status(phone)).toMatchObject({ seen: 1, safe: 0, waiting: 1, refused: 0 });
    await phone.send(told.path, bytes, { mtime: String(mtime), key: told.key });
    expect((await check(phone, told)).answers).toEqual(['have']);
    expect(await status(phone)).toMatchObject({ seen: 1, safe: 1, waiting: 0, refused: 0 });
    // Moved on the phone: the phone's own id says it.
    expect((await check(phone, { ...told, path: 'DCIM/Trips/IMG_1.jpg' })).answers).toEqual(['have']);
    // Without an id: its size makes the box ask for the checksum.
    const moved = { path: 'Pictures/copy.jpg', size: bytes.length, mtime };
    expect((await check(phone, moved)).answers).toEqual(['send-hash']);
    expect((await check(phone, { ...moved, sha256: sha256(bytes) })).answers).toEqual(['have']);
    expect((await check(phone, { ...moved, path: 'x.jpg', sha256: '0'.repeat(64) })).answers).toEqual(['need']);
    const after = await status(phone);
    expect(after).toMatchObject({ seen: 4, safe: 3, waiting: 1 });
    sumsUp(after);
    expect(await app.filesInView()).toEqual(['Photos/Alice/2025/2025-07/IMG_1.jpg']);
  });

  it('wants a file again that changed under its name', async () => {
    const [before, after] = [picture(2), picture(3)];
    const told = { path: 'DCIM/IMG_2.jpg', size: before.length, mtime, key: 'media-2' };
    await phone.send(told.path, before, { mtime: String(mtime), key: 'media-2' });
    expect((await check(phone, told)).answers).toEqual(['have']);
    expect((await check(phone, { ...told, size: after.length })).answers).toEqual(['need']);
    // Same size, other time: perhaps only touched, so its checksum is asked for first.
    expect((await check(phone, { ...told, mtime: mtime + 5000 })).answers).toEqual(['send-hash']);
    expect((await check(phone, { ...told, mtime: mtime + 5000, sha256: sha256(before) })).answers).toEqual(['have']);
    await phone.send(told.path, after, { mtime: String(mtime + 9000), key: 'media-2' });
    expect((await check(phone, { ...told, size: after.length, mtime: mtime + 9000 })).answers).toEqual(['have']);
    expect(await app.filesInView()).toContain('Photos/Alice/2025/2025-07/IMG_2-2.jpg');
  });

  it('takes nothing twice from a phone that was installed again', async () => {
    const first = await app.pair('Alice', 'Old install');
    const files = [11, 12, 13].map((seed) => ({
      path: `DCIM/${seed}.jpg`,
      bytes: picture(seed, '2024-03-03T03:03:03'),
    }));
    for (const [index, { path, bytes }] of files.entries())
      await first.send(path, bytes, { mtime: String(mtime), key: `old-${index}` });
    const kept = await app.filesInView();
    await app.console('DELETE', `/api/phones/${first.phoneId}`);
    const again = await app.pair('Alice', 'New install');
    const told = files.map(({ path, bytes }, index) => ({ path, size: bytes.length, mtime, key: `new-${index}` }));
    expect((await check(again, ...told)).answers).toEqual(['send-hash', 'send-hash', 'send-hash']);
    const hashed = told.map((one, index) => ({ ...one, sha256: sha256(files[index]?.bytes ?? Buffer.alloc(0)) }));
    expect((await check(again, ...hashed)).answers).toEqual(['have', 'have', 'have']);
    expect((await check(again, ...told)).answers).toEqual(['have', 'have', 'have']);
    expect(await status(again)).toMatchObject({ seen: 3, safe: 3, waiting: 0, refused: 0 });
    expect(await app.filesInView()).toEqual(kept);
    expect(await app.incoming()).toEqual([]);
  });

  it('counts what is refused, says why, and forgets what the phone no longer has', async () => {
    const one = await app.pair('Alice', 'Counting');
    const { answers, at } = await check(
      one,
      { path: 'DCIM/a.jpg', size: 77_001, mtime },
      { path: 'DCIM/b.jpg', size: 77_002, mtime },
      { path: '../c.jpg', size: 77_003, mtime },
    );
    expect(answers).toEqual(['need', 'need', 'refused invalid-name']);
    const empty = await one.create(0, { path: 'DCIM/empty.jpg', mtime: String(mtime) });
    expect([empty.status, empty.json()['code']]).toEqual([410, 'empty-picture']);
    expect((await check(one, { path: 'DCIM/empty.jpg', size: 0, mtime })).answers).toEqual(['refused empty-picture']);
    const told = await status(one);
    sumsUp(told);
    expect(told).toMatchObject({ seen: 4, safe: 0, waiting: 2, refused: 2 });
    expect(told.refusals).toEqual([
      expect.objectContaining({ path: '../c.jpg', code: 'invalid-name' }),
      expect.objectContaining({ path: 'DCIM/empty.jpg', code: 'empty-picture' }),
    ]);
    // The next inventory tells nothing of b.jpg and ../c.jpg: they are gone from the phone. The empty one is still there.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const next = await check(
      one,
      { path: 'DCIM/a.jpg', size: 77_001, mtime: mtime + 1 },
      { path: 'DCIM/empty.jpg', size: 0, mtime },
    );
    expect(next.at).toBeGreaterThan(at);
    const finished = await one.json('POST', '/api/phone/inventory/finish', { startedAt: next.at });
    expect(finished.json()).toEqual({ forgotten: 2 });
    const left = await status(one);
    sumsUp(left);
    expect(left).toMatchObject({ seen: 2, waiting: 1, refused: 1 });
  });

  it('still waits for what a phone tells of unchanged, when an inventory ends', async () => {
    const one = await app.pair('Alice', 'Steady');
    const item = { path: 'DCIM/later.jpg', size: 88_001, mtime };
    await check(one, item);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const { at } = await check(one, item);
    expect((await one.json('POST', '/api/phone/inventory/finish', { startedAt: at })).json()).toEqual({ forgotten: 0 });
    expect(await status(one)).toMatchObject({ seen: 1, waiting: 1 });
  });

  it('bounds what it is asked', async () => {
    const many = (count: number) => ({
      items: Array.from({ length: count }, (_, at) => ({ path: `m/${at}`, size: 1e9 + at, mtime })),
    });
    const one = await app.pair('Alice', 'Many');
    expect((await one.json('POST', '/api/phone/items/check', many(1001))).status).toBe(400);
    expect((await one.json('POST', '/api/phone/items/check', many(1000))).status).toBe(200);
    expect(await status(one)).toMatchObject({ seen: 1000, waiting: 1000 });
    for (const items of [
      [{ path: 'a', size: -1, mtime }],
      [{ path: 'a', size: 1.5, mtime }],
      [{ path: '', size: 1, mtime }],
      [{ path: 'a', size: 1 }],
      'x',
      [{ path: 'a', size: 1e300, mtime }],
      [{ path: 'a', size: 2 ** 53, mtime }],
      [{ path: 'a', size: 1, mtime: 2 ** 63 }],
      [{ path: 'a', size: 1, mtime: -8.64e15 - 1 }],
    ]) {
      expect((await one.json('POST', '/api/phone/items/check', { items })).status, JSON.stringify(items)).toBe(400);
    }
  });

  it('gives one answer for several in a row to who asks for it so, and works each out as before', async () => {
    const one = await app.pair('Alice', 'Runs');
    const bytes = picture(77, '2021-01-01T01:01:01');
    await one.send('DCIM/here.jpg', bytes, { mtime: String(mtime) });
    const here = { path: 'DCIM/here.jpg', size: bytes.length, mtime };
    const far = { path: 'DCIM/far.jpg', size: 123_456_789, mtime };
    const items: Told[] = [
      here,
      here,
      { ...far, path: '../a' },
      { ...far, path: '../b' },
      far,
      // Told twice with other facts: the later one counts, although the first was just written down.
      { ...far, mtime: mtime + 1 },
      far,
      { ...here, path: 'DCIM/copy.jpg' },
      here,
      { ...far, path: 'DCIM/\ud800.jpg' },
    ];
    const asked = async (runs: boolean) => {
      const answer = await one.json('POST', '/api/phone/items/check', { items, runs });
      expect(answer.status, answer.text).toBe(200);
      return answer.json()['answers'] as Array<{ answer: string; code?: string; reason?: string; times?: number }>;
    };
    const refused = { answer: 'refused', code: 'invalid-name', reason: expect.any(String) };
    const each = await asked(false);
    expect(each.map(({ answer }) => answer)).toEqual(
      ['have', 'have', 'refused', 'refused', 'need', 'need', 'need', 'send-hash', 'have'].concat(each[9]?.answer ?? ''),
    );
    const runs = await asked(true);
    expect(runs.slice(0, 5)).toEqual([
      { answer: 'have', times: 2 },
      { ...refused, times: 2 },
      { answer: 'need', times: 3 },
      { answer: 'send-hash' },
      { answer: 'have' },
    ]);
    expect(runs).toHaveLength(6);
    expect(await status(one)).toMatchObject({ seen: 6, safe: 1 });
  });

  it('shows nothing of one person to the phone of another', async () => {
    const mine = picture(21, '2023-05-05T05:05:05');
    const location = await phone.send('DCIM/mine.jpg', mine);
    const open = await phone.create(100, { path: 'half.txt' }, Buffer.alloc(50, 1));
    const half = open.headers.location ?? '';
    const [asset] = (await phone.library()).assets;
    expect(asset).toBeDefined();
    expect((await bob.library()).assets).toEqual([]);
    expect((await bob.ask('GET', '/api/phone/items')).json()).toEqual({ items: [], next: null });
    for (const method of ['GET', 'HEAD']) {
      expect((await bob.ask(method, `/api/assets/${asset?.id}/original`)).status).toBe(404);
      expect((await phone.ask(method, `/api/assets/${asset?.id}/original`)).status).toBe(200);
    }
    // Neither by size nor by checksum does the box tell Bob what Alice has.
    const told = { path: 'x.jpg', size: mine.length, mtime };
    expect((await check(bob, told, { ...told, path: 'y.jpg', sha256: sha256(mine) })).answers).toEqual([
      'need',
      'need',
    ]);
    const other = await app.pair('Alice', 'Tablet');
    for (const stranger of [bob, other]) {
      for (const at of [half, location]) {
        expect((await stranger.tus('HEAD', at)).status).toBe(404);
        expect((await stranger.patch(at, 50, Buffer.alloc(50))).status).toBe(404);
        expect((await stranger.tus('DELETE', at)).status).toBe(404);
      }
    }
    expect((await phone.patch(half, 50, Buffer.alloc(50, 1))).status).toBe(204);
    // A person's other phone reads that person's library, and sent nothing of it.
    expect((await other.library()).assets.map(({ id }) => id)).toContain(asset?.id);
    expect((await other.ask('GET', '/api/phone/items')).json()['items']).toEqual([]);
    // The same bytes of another person are another file.
    await bob.send('DCIM/same.jpg', mine);
    expect((await bob.library()).assets.map(({ path }) => path)).toEqual(['Photos/Bob/2023/2023-05/same.jpg']);
  });

  it('asks for a file again that somebody removed from the disk', async () => {
    const one = await app.pair('Carol', 'Phone');
    const bytes = picture(31, '2022-02-02T02:02:02');
    await one.send('DCIM/gone.jpg', bytes, { mtime: String(mtime) });
    const [asset] = (await one.library()).assets;
    await rm(join(app.diskDir, asset?.path ?? ''));
    const answer = await one.ask('GET', `/api/assets/${asset?.id}/original`);
    expect([answer.status, answer.json()['code']]).toEqual([404, 'not-found']);
    await one.send('DCIM/gone.jpg', bytes, { mtime: String(mtime) });
    expect((await one.ask('GET', `/api/assets/${asset?.id}/original`)).status).toBe(200);
  });
});

describe('the list of all files', () => {
  type Page<T> = { rows: T[]; next: string | null };
  /** All pages; `between` runs after the first. */
  async function walk<T>(page: (cursor: string) => Promise<Page<T>>, limit: number, between?: () => Promise<unknown>) {
    const seen: T[] = [];
    for (let cursor: string | null = '', pages = 0; cursor !== null && pages < 100; pages++) {
      const { rows, next }: Page<T> = await page(`?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(rows.length).toBeLessThanOrEqual(limit);
      seen.push(...rows);
      cursor = next;
      if (pages === 0) await between?.();
    }
    return seen;
  }

  it('is walked in pages without gaps or repeats, also while photos come in, and has files of every kind', async () => {
    await using app = await App.startClaimed();
    const phone = await app.pair('Alice', 'Pixel');
    const times = ['2025-01-01T10:00:00', '2025-01-01T10:00:00', '2024-12-31T23:59:59'];
    const sent: string[] = [];
    for (let seed = 0; seed < 27; seed++) {
      const bytes = picture(seed, times[seed % 3]);
      sent.push(sha256(bytes));
      await phone.send(`DCIM/${seed}.jpg`, bytes);
    }
    const library = async (query: string) => {
      const { assets, next } = await phone.library(query);
      return { rows: assets, next };
    };
    const note = Buffer.from('a note');
    await phone.send('DCIM/27.txt', note);
    sent.push(sha256(note));
    const late = picture(99, '2026-01-01T00:00:00');
    for (const limit of [1, 7, 28, 1000, 4]) {
      const between = limit === 4 ? () => phone.send('DCIM/late.jpg', late) : undefined;
      const seen = await walk(library, limit, between);
      // What comes in meanwhile is at the end.
      expect(seen.map((one) => one.sha256)).toEqual(limit === 4 ? [...sent, sha256(late)] : sent);
    }
    const items = await walk(async (query) => {
      const { items: rows, next } = (await phone.ask('GET', `/api/phone/items${query}`)).json();
      return { rows: rows as Array<{ path: string }>, next: next as string | null };
    }, 10);
    const paths = Array.from({ length: 28 }, (_, seed) => `DCIM/${seed}.${seed === 27 ? 'txt' : 'jpg'}`);
    expect(items.map(({ path }) => path)).toEqual([...paths, 'DCIM/late.jpg']);
    const long = 'a'.repeat(200);
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'cursor=%00', 'cursor=AAAA', `cursor=${long}`]) {
      const answer = await phone.ask('GET', `/api/assets?${query}`);
      expect([answer.status, answer.json()['code']], query).toEqual([400, 'invalid-request']);
    }
  });
});
