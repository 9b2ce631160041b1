/** What a phone may remove: what is on the disk now, whole, and nothing else. */
import { createHash } from 'node:crypto';
import { mkdir, rename, symlink, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { RealPhone } from '../support/real-phone.ts';

const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-06-09T18:00:00' });
type Page = { items: Array<Record<string, unknown>>; next: string | null };

async function page(phone: HandPhone, query = ''): Promise<Page> {
  const answer = await phone.ask('GET', `/api/phone/safe-to-remove${query}`);
  expect(answer.status).toBe(200);
  return answer.json() as unknown as Page;
}
const paths = ({ items }: Page) => items.map(({ path }) => path);

it('names only what is on the disk as the phone has it', async () => {
  await using app = await App.startClaimed();
  const phone = await app.pair('Bob', 'Pixel');
  const other = await app.pair('Carol', 'Galaxy');
  for (let seed = 1; seed <= 8; seed += 1)
    await phone.send(`DCIM/${seed}.jpg`, picture(seed), { key: `k${seed}`, mtime: '1700000000000' });
  await phone.send('chosen.jpg', picture(20), { origin: 'browser', mtime: '1700000000000' });
  await other.send('DCIM/30.jpg', picture(30));
  const callers = Callers.open(app);
  const cookie = headersOf(callers.session('Bob'));
  callers.close();
  const onDisk = (seed: number) => join(app.diskDir, 'Photos/bob/2026/2026-06', `${seed}.jpg`);

  // 2 is in the trash, 3 was taken away by hand, 4 was cut, 5 is another file on the phone by now.
  expect((await app.ask('POST', '/api/trash', cookie, { assets: [2] })).status).toBe(200);
  const { assets } = await phone.library();
  const file = (seed: number) =>
    join(app.diskDir, assets.find(({ path }) => path.endsWith(`/${seed}.jpg`))?.path ?? onDisk(seed));
  await unlink(file(3));
  await truncate(file(4), 4_999);
  const told = [{ path: 'DCIM/5.jpg', key: 'k5', size: 5_001, mtime: 1_700_000_000_000 }];
  expect((await phone.json('POST', '/api/phone/items/check', { items: told })).status).toBe(200);
  const found = await page(phone);
  expect(paths(found)).toEqual(['DCIM/1.jpg', 'DCIM/6.jpg', 'DCIM/7.jpg', 'DCIM/8.jpg']);
  expect(found.next).toBeNull();
  expect(found.items[0]).toEqual({
    path: 'DCIM/1.jpg',
    key: 'k1',
    size: 5_000,
    mtime: 1_700_000_000_000,
    month: '2026-06',
    sha256: createHash('sha256').update(picture(1)).digest('hex'),
    receivedAt: expect.any(Number),
    verifiedAt: null,
    mirror: null,
  });
  expect(paths(await page(other))).toEqual(['DCIM/30.jpg']);

  const seen: unknown[] = [];
  let query = '?limit=2';
  for (let pages = 0; pages < 10; pages += 1) {
    const { items, next } = await page(phone, query);
    seen.push(...items.map(({ path }) => path));
    if (next === null) break;
    query = `?limit=2&cursor=${next}`;
  }
  expect(seen).toEqual(paths(found));

  // A disk that is away proves nothing.
  await rename(app.diskDir, `${app.diskDir}.away`);
  await expect.poll(async () => (await phone.ask('GET', '/api/phone/safe-to-remove')).status).toBe(503);
  await rename(`${app.diskDir}.away`, app.diskDir);
  await expect.poll(async () => (await phone.ask('GET', '/api/phone/safe-to-remove')).status).toBe(200);
});

it('is held by nightjar-phone against the files that are there, and nothing is removed', async () => {
  await using app = await App.startClaimed();
  const photos = join(app.dir, 'Camera');
  const file = (name: string) => join(photos, name);
  await mkdir(file('linked'), { recursive: true });
  for (const [index, name] of ['safe', 'longer', 'later', 'gone', 'linked/one', 'unknown'].entries()) {
    if (name !== 'unknown') await writeFile(file(`${name}.jpg`), picture(40 + index));
  }
  const phone = new RealPhone(app.dir);
  const opened = await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'Laptop' });
  await phone.pair(String(opened.json()['link']));
  const before = await phone.run('safe-to-remove');
  expect([before.exitCode, before.events.length, before.last]).toMatchObject([0, 1, { files: 0, bytes: 0 }]);
  expect((await phone.run('backup', photos)).last).toMatchObject({ safe: 5, waiting: 0 });

  // The box knows nothing of any of this.
  await writeFile(file('unknown.jpg'), picture(45));
  await writeFile(file('longer.jpg'), picture(46).subarray(0, 4_999));
  await utimes(file('later.jpg'), 1_700_000_000, 1_700_000_000);
  await unlink(file('gone.jpg'));
  await rename(file('linked'), file('elsewhere'));
  await symlink(file('elsewhere'), file('linked'));
  const { exitCode, events, last } = await phone.run('safe-to-remove');
  const found = { event: 'removable', file: file('safe.jpg'), path: 'Camera/safe.jpg', size: 5_000, verifiedAt: null };
  expect(events.slice(0, -1)).toMatchObject([found]);
  expect([exitCode, last]).toMatchObject([
    0,
    { event: 'done', command: 'safe-to-remove', files: 1, bytes: 5_000, changed: 3, gone: 1 },
  ]);
});
