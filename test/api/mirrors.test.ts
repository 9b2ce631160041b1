/** A second disk on the whole box: it gets everything, heals, tells of itself, and becomes the library. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { flipByte } from '../support/flip-byte.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-11-09T18:00:00' });
const month = 'Photos/bob/2026/2026-11';
const poll = { timeout: 30_000, interval: 50 };
const dayMs = 86_400_000;
const clock = { ms: Date.parse('2026-11-20T12:00Z') };

type Mirror = Readonly<Record<string, unknown> & { diskId: string; name: string; waiting: { files: number } }>;

const dir = mkdtempSync(join(tmpdir(), 'nightjar-mirrors-'));
const second = join(dir, 'second');
let app: App;
let phone: HandPhone;
/** Where the photos are. */
let folder = month;

beforeAll(async () => {
  mkdirSync(second);
  app = await App.startClaimed({ NIGHTJAR_MIRROR_DIRS: second }, { now: () => clock.ms });
  phone = await app.pair('Bob', 'Pixel');
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function listed(): Promise<{ mirrors: Mirror[]; promotion: Record<string, unknown> | null }> {
  const answer = await app.console('GET', '/api/mirrors');
  expect(answer.status, answer.text).toBe(200);
  return answer.json() as unknown as { mirrors: Mirror[]; promotion: Record<string, unknown> | null };
}
const only = async () => (await listed()).mirrors[0];
const disk = async () => (await app.console('GET', '/api/health')).json()['disk'];
const send = async (seed: number) => await phone.send(`DCIM/${seed}.jpg`, picture(seed), { mtime: '1700000000000' });
const has = async (seed: number) => {
  const told = [{ path: `DCIM/${seed}.jpg`, size: 5_000, mtime: 1_700_000_000_000 }];
  return (await phone.json('POST', '/api/phone/items/check', { items: told })).text.includes('"have"');
};
/** Nothing waits, and this many files are there. */
const holds = async (files: number) =>
  await expect.poll(only, poll).toMatchObject({ files, waiting: { files: 0 }, attached: true, problem: null });

it('mirrors everything, says so to phones, and heals from it', async () => {
  for (let seed = 1; seed <= 3; seed += 1) await send(seed);
  await holds(3);
  const [asset] = (await phone.library()).assets;
  folder = String(asset?.path).split('/').slice(0, -1).join('/');
  for (let seed = 1; seed <= 3; seed += 1)
    expect(await readFile(join(second, folder, `${seed}.jpg`))).toEqual(picture(seed));
  const safe = await phone.ask('GET', '/api/phone/safe-to-remove');
  expect(safe.json()['items']).toMatchObject([1, 2, 3].map(() => ({ mirror: { copies: 1, verifiedAt: clock.ms } })));
  await flipByte(join(app.diskDir, folder, '2.jpg'));
  expect((await app.console('POST', '/api/verification/start')).status).toBe(204);
  await expect.poll(async () => picture(2).equals(await readFile(join(app.diskDir, folder, '2.jpg'))), poll).toBe(true);
  await expect
    .poll(async () => (await app.console('GET', '/api/verification')).json(), poll)
    .toMatchObject({
      all: null,
      lost: { count: 0 },
      mended: [{ name: '2.jpg', person: 'Bob', damage: 'other-bytes', mendedAt: clock.ms, how: 'from-mirror' }],
    });
  const before = await only();
  expect(await app.console('GET', `/api/mirrors/${before?.diskId}/lacking`)).toMatchObject({ status: 200 });

  // In the report of its night.
  const healed = () => {
    const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { readonly: true, timeout: 5_000 });
    const row = catalogue.prepare<[], { n: number | null }>('SELECT sum(healed) AS n FROM mirror_tally').get();
    catalogue.close();
    return row?.n;
  };
  await expect.poll(healed, poll).toBe(1);
  clock.ms = Date.parse('2026-11-21T08:01Z');
  const report = () => app.console('GET', '/api/reports/2026-11-21');
  await expect.poll(async () => (await report()).status, poll).toBe(200);
  expect((await report()).json()).toMatchObject({
    mirrored: [{ name: 'second', attached: true, count: 3, healed: 1, behind: { count: 0, bytes: 0 } }],
  });
}, 120_000);

it('tells when a mirror was away for too long, and catches up', async () => {
  await rename(second, `${second}.away`);
  await expect.poll(only, poll).toMatchObject({ attached: false });
  await send(4);
  await expect.poll(only, poll).toMatchObject({ waiting: { files: 1, bytes: 5_000 } });
  const diskId = (await only())?.diskId;
  expect((await app.console('POST', `/api/mirrors/${diskId}/promote`, {})).status).toBe(503);
  const lacking = (await app.console('GET', `/api/mirrors/${diskId}/lacking`)).json();
  expect(lacking).toMatchObject({ files: [{ person: 'Bob', name: '4.jpg', size: 5_000 }], next: null });
  clock.ms += 10 * dayMs;
  const open = async () => (await app.console('GET', '/api/alerts')).json()['open'] as Array<{ code: string }>;
  await expect
    .poll(open, poll)
    .toEqual(expect.arrayContaining([expect.objectContaining({ code: 'mirror-missing', severity: 'watch' })]));
  await rename(`${second}.away`, second);
  await holds(4);
}, 120_000);

it('makes the mirror the library, and the library a mirror; and back from the mirror alone', async () => {
  const first = await only();
  const promote = async (diskId: string | undefined, body = {}) =>
    (await app.console('POST', `/api/mirrors/${diskId}/promote`, body)).status;
  expect(await promote(first?.diskId)).toBe(202);
  await expect.poll(async () => [(await listed()).promotion, await disk()], poll).toEqual([null, 'ok']);
  await holds(4);
  const former = await only();
  expect(former).toMatchObject({ name: 'disk', knownAt: clock.ms, oldestReadAt: clock.ms });
  expect(await listed()).toMatchObject({
    library: { state: 'ok', diskId: first?.diskId },
    promoted: { diskId: first?.diskId, formerId: former?.diskId, at: clock.ms },
  });
  expect(former?.diskId).not.toBe(first?.diskId);
  // Everything is there, and what comes goes to the new one, and to the old one as its mirror.
  for (let seed = 1; seed <= 4; seed += 1) expect(await has(seed), `${seed}`).toBe(true);
  await send(5);
  await holds(5);
  expect(await readFile(join(second, folder, '5.jpg'))).toEqual(picture(5));
  expect(await readFile(join(app.diskDir, folder, '5.jpg'))).toEqual(picture(5));
  await app.restart();
  await expect.poll(disk, poll).toBe('ok');
  await holds(5);
  const marker = async (at: string) => JSON.parse(await readFile(join(at, '.nightjar/disk.json'), 'utf8'));
  expect([(await marker(second)).role, (await marker(app.diskDir)).role]).toEqual(['library', 'mirror']);
  expect((await marker(second)).libraryId).toBe((await marker(app.diskDir)).libraryId);

  // The library dies, with a photo that no mirror has.
  await rename(app.diskDir, `${app.diskDir}.away`);
  await expect.poll(only, poll).toMatchObject({ attached: false });
  await send(6);
  await expect.poll(only, poll).toMatchObject({ waiting: { files: 1 } });
  await rename(second, `${second}.dead`);
  await expect.poll(disk, poll).toBe('missing');
  await rename(`${app.diskDir}.away`, app.diskDir);
  // What it lacks is known as of when the library was there last.
  await expect.poll(listed, poll).toMatchObject({
    library: { state: 'missing', diskId: first?.diskId },
    mirrors: [{ diskId: former?.diskId, attached: true, files: 5, waiting: { files: 1 }, knownAt: clock.ms }],
  });
  expect(await promote(former?.diskId)).toBe(409);
  expect(await promote(former?.diskId, { anyway: true })).toBe(202);
  await expect.poll(async () => [(await listed()).promotion, await disk()], poll).toEqual([null, 'ok']);
  for (let seed = 1; seed <= 5; seed += 1) expect(await has(seed), `${seed}`).toBe(true);
  expect(await listed()).toMatchObject({ promoted: { diskId: former?.diskId, formerId: null } });
  // What it lacks is asked for.
  expect(await has(6)).toBe(false);
  await send(6);
  expect(await readFile(join(app.diskDir, folder, '6.jpg'))).toEqual(picture(6));
  // The dead one comes back: it is left alone.
  const before = await readdir(join(`${second}.dead`, '.nightjar'));
  await rename(`${second}.dead`, second);
  await send(7);
  await expect.poll(disk, poll).toBe('ok');
  expect(await readdir(join(second, '.nightjar'))).toEqual(before);
  expect(app.ownErrors()).toEqual([]);
}, 180_000);
