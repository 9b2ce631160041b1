/**
 * A household for 30 nights, by a clock that the test turns: six phones with habits. Nothing is stored twice, the right
 * alerts are there on the right mornings and no others, and the reports add up to the files on the disk.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { NightReport } from '../../src/health/reports-contract.ts';
import { zoneMoment } from '../../src/library/zone.ts';
import { App } from '../support/app.ts';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { Member, type Night } from '../support/household-phones.ts';

const zone = 'Europe/Berlin';
const nights = 30;
const dayMs = 24 * 60 * 60_000;
/** The first night ends on the day after; summer ends in the fifteenth. */
const firstDay = Date.UTC(2026, 9, 10);
const picturesBytes = 5_000;
/** The disk that the box believes it has is so many times smaller than it says: 40 GB are 3.2 MB here. */
const scale = 12_500;
/** A whole phone at once: 40 GB, in files of 500 MB, every tenth a video. */
const wholePhone = { files: 80, videos: 8, bytes: 40_000 };
const gb = 1_000_000_000;
/** A sixth is free: enough for years of this house, and too little for a month of nights like that one. */
const diskOf = (keptBytes: number) => ({ totalBytes: 600 * gb, freeBytes: 100 * gb - keptBytes * scale });

const dateOf = (day: number) => new Date(firstDay + day * dayMs).toISOString().slice(0, 10);
/** `hh:mm` on the wall of the day on which that night ends; day 0 is before the first. */
const at = (day: number, time: string) => zoneMoment(`${dateOf(day)}T${time}:00`, zone);
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

type OpenAlert = { code: string; state: string; params: Record<string, string | number> };
async function openAlerts(app: App): Promise<string[]> {
  const { open } = (await app.console('GET', '/api/alerts')).json() as { open: OpenAlert[] };
  return open.map(({ code, params }) => `${code} ${params['name']} ${params['nights']}`);
}

/** By morning: what is open then. On all others nothing is. */
const expected: Readonly<Record<number, readonly string[]>> = {
  13: ['phone-stalled Idas-iPhone 3'],
  14: ['phone-stalled Idas-iPhone 4'],
  15: ['phone-stalled Idas-iPhone 5'],
  22: ['phone-silent Vera-WebDAV 3'],
  23: ['phone-silent Vera-WebDAV 4'],
  24: ['phone-silent Vera-WebDAV 5'],
  25: ['phone-silent Vera-WebDAV 6'],
};

const byDay = exifJpeg({ seed: 7, bytes: 9_000, takenLocal: '2026-11-04T14:00:00' });

it('is told the truth of each of 30 nights', { timeout: 600_000 }, async () => {
  const clock = { ms: at(0, '12:00') };
  const machine = {
    read: async () => ({ memory: null, celsius: 40 }),
    room: async () => diskOf(kept),
  };
  let kept = 0;
  await using app = await App.startClaimed({}, { now: () => clock.ms, machine, pollMs: 20 });
  expect((await app.console('PATCH', '/api/box', { timeZone: zone })).status).toBe(200);

  const mia = await Member.join(app, 'Mia', 'Mias-Pixel', 'nightjar-phone');
  const tom = await Member.join(app, 'Tom', 'Toms-Galaxy', 'android');
  const ida = await Member.join(app, 'Ida', 'Idas-iPhone', 'nightjar-phone');
  const ben = await Member.join(app, 'Ben', 'Bens-Phone', 'android');
  const eva = await Member.join(app, 'Eva', 'Evas-iPhone', 'ios');
  const vera = await Member.join(app, 'Vera', 'Vera-WebDAV', 'photosync');
  const all = [mia, tom, ida, ben, eva, vera];
  const reports: NightReport[] = [];
  const alerts: Record<number, readonly string[]> = {};

  /** What each of them brings in a night, by name. */
  async function live(night: number): Promise<Record<string, number>> {
    const brought: Record<string, number> = {};
    const takes = (member: Member, count: number, more: { bytes?: number; kind?: 'mp4' } = {}) =>
      member.take(count, { day: dateOf(night - 1), mtime: at(night - 1, '12:00'), bytes: picturesBytes, ...more });
    const comes = async (member: Member, count: number, how: Night = {}) => {
      if (count > 0) takes(member, count);
      await member.come(how);
      if (how.stalled !== true) brought[member.name] = count;
    };
    await comes(mia, 3);
    // And one by day, before it.
    if (night === 26) brought[mia.name] = 4;
    // On holiday, and said so; everything comes on the first night at home.
    if (night < 8 || night > 17) await comes(tom, 2);
    else takes(tom, 2);
    if (night === 18) brought[tom.name] = 2 * 11;
    // Its queue stalls: it comes each night and sends nothing, and one night it goes on by itself.
    if (night === 10) takes(ida, 7, { kind: 'mp4' });
    await comes(ida, night < 10 ? 1 : 0, { stalled: night >= 10 && night < 16 });
    if (night === 16) brought[ida.name] = 7;
    if (night === 12) await ben.reinstall();
    await comes(ben, 1);
    const { files, videos, bytes } = wholePhone;
    if (night === 5) {
      takes(eva, files - videos, { bytes });
      takes(eva, videos, { bytes, kind: 'mp4' });
    }
    // Its last video breaks off after two of three parts, and goes on the night after.
    await comes(eva, 0, night === 5 ? { broken: { key: `key-${files}`, parts: 2 } } : {});
    if (night === 5) brought[eva.name] = files - 1;
    if (night === 6) brought[eva.name] = 1;
    // Its battery is dead for six nights, and nobody said anything.
    if (night < 20 || night > 25) await comes(vera, 1);
    return brought;
  }

  async function reportOf(night: number): Promise<NightReport> {
    const path = `/api/reports/${dateOf(night)}`;
    const made = async () => (await app.console('GET', path)).status;
    await expect.poll(made, { timeout: 30_000, interval: 20 }).toBe(200);
    return (await app.console('GET', path)).json() as unknown as NightReport;
  }

  for (let night = 1; night <= nights; night += 1) {
    if (night === 8) {
      clock.ms = at(7, '18:00');
      const until = at(18, '00:30');
      const { status } = await app.console('PUT', `/api/phones/${tom.phone.phoneId}/away`, { until });
      expect(status).toBe(200);
    }
    clock.ms = at(night, '02:00');
    const brought = await live(night);
    kept = await bytesInView(app);
    // The plug is pulled before the report is made.
    if (night === 13) await app.restart();
    // Off from three to eleven: the report is made late.
    if (night === 19) await app.stop();
    clock.ms = at(night, night === 19 ? '11:00' : '08:05');
    if (night === 19) await app.start();
    const report = await reportOf(night);
    reports.push(report);
    alerts[night] = await openAlerts(app);
    expect(Object.fromEntries(report.phones.map(({ name, came }) => [name, came.count])), `night ${night}`).toEqual(
      Object.fromEntries(all.map(({ name }) => [name, brought[name] ?? 0])),
    );
    if (night === 25) {
      // By day: it is in the next night's report.
      clock.ms = at(night, '15:00');
      await mia.phone.send('DCIM/by-day.jpg', byDay);
      const { total } = await reportOf(night);
      expect(total.count).toBe(report.total.count);
    }
    if (night === 26) expect(report.phones.find(({ name }) => name === mia.name)?.came.bytes).toBe(24_000);
  }

  expect(alerts).toEqual(
    Object.fromEntries(Array.from({ length: nights }, (_, index) => [index + 1, expected[index + 1] ?? []])),
  );
  // Each once, and over at its end; nobody was told of anything else, at no hour.
  const { open, cleared } = (await app.console('GET', '/api/alerts?limit=200')).json() as Record<string, OpenAlert[]>;
  expect(open).toEqual([]);
  expect(cleared?.map(({ code, params }) => `${code} ${params['name']}`)).toEqual([
    'phone-silent Vera-WebDAV',
    'phone-stalled Idas-iPhone',
  ]);

  const broken = wholePhone.bytes - 10_000;
  const phoneOn = (night: number, name: string) => reports[night - 1]?.phones.find((phone) => phone.name === name);
  expect(phoneOn(5, 'Evas-iPhone')).toMatchObject({
    unfinished: { waiting: null, uploads: 1, videos: 1, bytes: broken },
    advice: [{ code: 'open-the-app-while-charging', params: { files: 1, videos: 1 } }],
  });
  expect(phoneOn(6, 'Evas-iPhone')).toMatchObject({ unfinished: { uploads: 0 }, advice: [] });
  expect(phoneOn(12, 'Idas-iPhone')).toMatchObject({
    unfinished: { waiting: 7, videos: 7, photos: 0 },
    advice: [{ code: 'open-the-app-while-charging', params: { files: 7, videos: 7 } }],
    silentNights: 0,
  });
  expect(phoneOn(14, 'Toms-Galaxy')).toMatchObject({ awayUntil: at(18, '00:30'), silentNights: 0, advice: [] });
  expect(phoneOn(24, 'Vera-WebDAV')).toMatchObject({
    silentNights: 5,
    lastSignAt: at(19, '02:00'),
    unfinished: { waiting: null },
    advice: [{ code: 'open-the-app-at-home', params: { nights: 5 } }],
  });
  expect(reports[22]?.alerts).toMatchObject([{ code: 'phone-silent', params: { nights: 4 } }]);

  const free = reports.map(({ disk }) => disk?.freeBytes ?? Number.NaN);
  const used = free.slice(1).map((bytes, index) => (free[index] ?? Number.NaN) - bytes);
  // The one night of 40 GB was seen, and did not become a forecast.
  expect(used.filter((bytes) => bytes > 39 * gb)).toHaveLength(1);
  expect(reports.filter(({ fullInDays }) => fullInDays !== null && fullInDays < 45)).toEqual([]);

  await addsUp(app, reports, [...all.flatMap(({ held }) => held.map(({ bytes }) => bytes)), byDay]);
  const check = new CatalogueCheck(app.diskDir);
  await check.quiet();
  expect(await check.whatIsWrong({ everything: true })).toEqual([]);
  expect(app.ownErrors()).toEqual([]);
});

async function inView(app: App): Promise<string[]> {
  return (await app.filesInView())
    .filter((path) => !/\/SHA256SUMS[^/]*$/.test(path))
    .map((path) => join(app.diskDir, path));
}

async function bytesInView(app: App): Promise<number> {
  const sizes = (await inView(app)).map(async (path) => (await stat(path)).size);
  return sum(await Promise.all(sizes));
}

/** The reports, one beside the other, hold each file on the disk once; and all that was taken is there once. */
async function addsUp(app: App, reports: readonly NightReport[], taken: readonly Buffer[]): Promise<void> {
  for (const [index, { counted }] of reports.entries()) {
    if (index > 0) expect(counted.from).toBe(reports[index - 1]?.counted.to);
  }
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  const files = await Promise.all((await inView(app)).map((path) => readFile(path)));
  expect(files.map(sha256).sort()).toEqual(taken.map(sha256).sort());
  const bytes = sum(files.map(({ length }) => length));
  expect(sum(reports.map(({ total }) => total.count))).toBe(files.length);
  expect(sum(reports.map(({ total }) => total.bytes))).toBe(bytes);
  const ofPhones = reports.flatMap(({ phones }) => phones.map(({ came }) => came));
  expect(sum(ofPhones.map(({ count }) => count))).toBe(files.length);
  expect(sum(ofPhones.map((came) => came.bytes))).toBe(bytes);
  const pictures = ofPhones.map(({ pictures: { ready, waiting, refused } }) => ready + waiting + refused);
  expect(sum(pictures)).toBe(files.length);
  expect(files.length).toBeGreaterThan(250);
}
