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
import type { HandPhone } from '../support/hand-phone.ts';

const zone = 'Europe/Berlin';
const nights = 30;
const dayMs = 24 * 60 * 60_000;
/** The first night ends on the day after; summer ends in the fifteenth. */
const firstDay = Date.UTC(2026, 9, 10);
const picturesBytes = 5_000;
/** 40 GB, scaled. */
const wholePhone = { pictures: 80, bytes: 40_000 };

const dateOf = (day: number) => new Date(firstDay + day * dayMs).toISOString().slice(0, 10);
/** `hh:mm` on the wall of the day on which that night ends; day 0 is before the first. */
const at = (day: number, time: string) => zoneMoment(`${dateOf(day)}T${time}:00`, zone);

type Sent = Readonly<{ path: string; bytes: Buffer; key: string; mtime: number }>;

/** What a phone holds, and how its app tells of it. */
class Member {
  readonly name: string;
  readonly held: Sent[] = [];
  phone: HandPhone;
  readonly #tells: boolean;
  /** How many of `held` the app has sent. */
  #sent = 0;
  #inventory = 1;

  private constructor(name: string, phone: HandPhone, tells: boolean) {
    this.name = name;
    this.phone = phone;
    this.#tells = tells;
  }

  static async join(app: App, person: string, name: string, client: string): Promise<Member> {
    const phone = await app.pair(person, name);
    const { status } = await phone.json('POST', '/api/phone/plan', { nextAt: null, client });
    expect(status).toBe(204);
    return new Member(name, phone, client === 'nightjar-phone');
  }

  /** Takes so many photos. */
  take(count: number, day: number, bytes = picturesBytes, kind = 'jpg'): void {
    for (let number = 0; number < count; number += 1) {
      const id = this.held.length + 1;
      const seed = createHash('sha256').update(`${this.name} ${id}`).digest().readUInt32BE();
      const picture = exifJpeg({ seed, bytes, takenLocal: `${dateOf(day)}T12:00:00` });
      this.held.push({
        path: `DCIM/Camera/${day}-${id}.${kind}`,
        bytes: picture,
        key: `key-${id}`,
        mtime: at(day, '12:00'),
      });
    }
  }

  /** Comes at night: says what it has if its app does, and sends what is new. */
  async come(options: { stalled?: boolean } = {}): Promise<void> {
    if (this.#tells) await this.#tell();
    if (options.stalled === true) return;
    for (const { path, bytes, key, mtime } of this.held.slice(this.#sent)) {
      await this.phone.send(path, bytes, { key, mtime: String(mtime) });
    }
    this.#sent = this.held.length;
  }

  /** The app was deleted and installed again: it is another phone to the box, and knows nothing of what it sent. */
  async reinstall(app: App, person: string, client: string): Promise<void> {
    const before = this.phone.phoneId;
    const again = await Member.join(app, person, this.name, client);
    expect((await app.console('DELETE', `/api/phones/${before}`)).status).toBe(204);
    this.phone = again.phone;
    this.#sent = 0;
    const renamed = this.held.map((one, index) => ({ ...one, path: `DCIM/New/${index}.jpg`, key: `other-${index}` }));
    this.held.splice(0, this.held.length, ...renamed);
  }

  async #tell(): Promise<void> {
    const items = this.held.map(({ path, bytes, key, mtime }) => ({ path, key, size: bytes.length, mtime }));
    expect((await this.phone.json('POST', '/api/phone/items/check', { items })).status).toBe(200);
    this.#inventory += 1;
    const done = await this.phone.json('POST', '/api/phone/inventory/finish', { startedAt: this.#inventory });
    expect(done.status).toBe(200);
  }
}

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

it('is told the truth of each of 30 nights', { timeout: 600_000 }, async () => {
  const clock = { ms: at(0, '12:00') };
  const machine = {
    read: async () => ({ memory: null, celsius: 40 }),
    room: async () => ({ totalBytes: 1e12, freeBytes: 5e11 }),
  };
  await using app = await App.startClaimed({}, { now: () => clock.ms, machine });
  expect((await app.console('PATCH', '/api/box', { timeZone: zone })).status).toBe(200);

  const mia = await Member.join(app, 'Mia', 'Mias-Pixel', 'nightjar-phone');
  const tom = await Member.join(app, 'Tom', 'Toms-Galaxy', 'nightjar-phone');
  const ida = await Member.join(app, 'Ida', 'Idas-iPhone', 'nightjar-phone');
  const ben = await Member.join(app, 'Ben', 'Bens-Phone', 'nightjar-phone');
  const eva = await Member.join(app, 'Eva', 'Evas-Phone', 'nightjar-phone');
  const vera = await Member.join(app, 'Vera', 'Vera-WebDAV', 'PhotoSync');
  const all = [mia, tom, ida, ben, eva, vera];
  const reports: NightReport[] = [];
  const alerts: Record<number, readonly string[]> = {};

  /** What each of them brings in a night, by name. */
  async function live(night: number): Promise<Record<string, number>> {
    const brought: Record<string, number> = {};
    const comes = async (member: Member, count: number, options: { stalled?: boolean } = {}) => {
      if (count > 0) member.take(count, night - 1);
      await member.come(options);
      if (options.stalled !== true) brought[member.name] = count;
    };
    await comes(mia, 3);
    // And one by day, before it.
    if (night === 26) brought[mia.name] = 4;
    // On holiday, and said so; everything comes on the first night at home.
    if (night < 8 || night > 17) await comes(tom, 2);
    else tom.take(2, night - 1);
    if (night === 18) brought[tom.name] = 2 * 11;
    // Its queue stalls: it comes each night and sends nothing, and one night it goes on by itself.
    if (night === 10) ida.take(7, 9, picturesBytes, 'mp4');
    await comes(ida, night < 10 ? 1 : 0, { stalled: night >= 10 && night < 16 });
    if (night === 16) brought[ida.name] = 7;
    if (night === 12) await ben.reinstall(app, 'Ben', 'nightjar-phone');
    await comes(ben, 1);
    if (night === 5) eva.take(wholePhone.pictures, 4, wholePhone.bytes);
    await comes(eva, 0);
    if (night === 5) brought[eva.name] = wholePhone.pictures;
    // Its battery is dead for six nights, and nobody said anything.
    if (night < 20 || night > 25) await comes(vera, 1);
    return brought;
  }

  async function reportOf(night: number): Promise<NightReport> {
    const path = `/api/reports/${dateOf(night)}`;
    await expect.poll(async () => (await app.console('GET', path)).status, { timeout: 30_000 }).toBe(200);
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
      await mia.phone.send('DCIM/by-day.jpg', exifJpeg({ seed: 7, bytes: 9_000, takenLocal: '2026-11-04T14:00:00' }));
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

  const phoneOn = (night: number, name: string) => reports[night - 1]?.phones.find((phone) => phone.name === name);
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

  await addsUp(app, reports);
  const check = new CatalogueCheck(app.diskDir);
  await check.quiet();
  expect(await check.whatIsWrong({ everything: true })).toEqual([]);
  expect(app.ownErrors()).toEqual([]);
});

/** The reports, one beside the other, hold each file on the disk once; and no content is there twice. */
async function addsUp(app: App, reports: readonly NightReport[]): Promise<void> {
  for (const [index, { counted }] of reports.entries()) {
    if (index > 0) expect(counted.from).toBe(reports[index - 1]?.counted.to);
  }
  const files = (await app.filesInView()).filter((path) => !/\/SHA256SUMS[^/]*$/.test(path));
  const sizes = await Promise.all(files.map(async (path) => (await stat(join(app.diskDir, path))).size));
  const hashes = await Promise.all(
    files.map(async (path) =>
      createHash('sha256')
        .update(await readFile(join(app.diskDir, path)))
        .digest('hex'),
    ),
  );
  expect(new Set(hashes).size).toBe(files.length);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  expect(sum(reports.map(({ total }) => total.count))).toBe(files.length);
  expect(sum(reports.map(({ total }) => total.bytes))).toBe(sum(sizes));
  const ofPhones = reports.flatMap(({ phones }) => phones.map(({ came }) => came));
  expect(sum(ofPhones.map(({ count }) => count))).toBe(files.length);
  expect(sum(ofPhones.map(({ bytes }) => bytes))).toBe(sum(sizes));
  const pictures = ofPhones.map(({ pictures: { ready, waiting, refused } }) => ready + waiting + refused);
  expect(sum(pictures)).toBe(files.length);
  expect(files.length).toBeGreaterThan(250);
}
