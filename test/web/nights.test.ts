/**
 * The nights as people see them: what came, who is missed and until when nobody is, what helps, and what is over. The
 * box's clock is turned from some days ago to now, since a page takes its time from the answers' own.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DueFacts, dueOf } from '../../web/src/this-phone/due.ts';
import { flipByte } from '../support/flip-byte.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { quartered } from '../support/made-media.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const now = Date.now();
/** The last night closed an hour ago, and opened eight hours before; on five minutes. */
const closedAt = Math.floor((now - hourMs) / (5 * minuteMs)) * 5 * minuteMs;
const clock = { ms: closedAt - 4 * dayMs + hourMs };
const timeOf = (ms: number) => new Date(ms).toISOString().slice(11, 16);
const night = new Date(closedAt).toISOString().slice(0, 10);
const machine = {
  read: async () => ({ memory: null, celsius: null }),
  room: async () => ({ totalBytes: 2e12, freeBytes: 1.4e12 }),
};

let house: WebHouse;
let mias: HandPhone;
let toms: HandPhone;
let browserPhone: Visitor;
beforeAll(async () => {
  house = await WebHouse.start({ now: () => clock.ms, machine, pollMs: 200 });
  await house.app.console('PATCH', '/api/box', { timeZone: 'UTC' });
  const hours = { opensAt: timeOf(closedAt - 8 * hourMs), closesAt: timeOf(closedAt) };
  expect((await house.app.console('PATCH', '/api/nights', hours)).status).toBe(200);
  mias = await house.app.pair('Mia', 'Mia’s Galaxy');
  toms = await house.app.pair('Tom', 'Tom’s iPhone');
  await send(toms, 2);
  browserPhone = await house.visit({ view: 'phone' });
});
afterAll(() => house[Symbol.asyncDispose]());

async function send(phone: HandPhone, count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at += 1) {
    const body = await quartered(500 + at * 20, [
      [at * 20, 60, 120],
      [210, 160, 90],
      [40, 90, 60],
      [230, 225, 215],
    ])
      .jpeg()
      .toBuffer();
    await phone.send(`DCIM/${phone.phoneId}-${at}.jpg`, body, { mtime: String(closedAt - 5 * dayMs - at * minuteMs) });
  }
}

async function look(visitor: Visitor, name: string): Promise<void> {
  await expect.poll(() => visitor.page.locator('.skeleton').count(), { message: name }).toBe(0);
  await visitor.shot(name, { full: true });
  expect(await visitor.overflow(), name).toBe(0);
}

/** Once for what is on it: the sweep over all pages looks at each of them with axe too. */
async function fine(visitor: Visitor, name: string): Promise<void> {
  await look(visitor, name);
  expect(await visitor.axe(), name).toEqual([]);
}

async function reported(): Promise<void> {
  const read = () => house.app.console('GET', `/api/reports/${night}`);
  await expect.poll(async () => (await read()).status).toBe(200);
}

it('says when the first report comes, while no night is over', async () => {
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/');
  await page.getByText('The first night is not over yet.').waitFor();
  await visitor.go('/nights');
  await page.getByText('No night is over yet').waitFor();
  await look(visitor, 'nights-empty');
  await visitor.go('/alerts');
  await page.getByText('Nothing needs you', { exact: true }).waitFor();
  await look(visitor, 'alerts-empty');

  // A browser that becomes Bob's phone, and sends something by hand this once.
  await house.app.console('POST', '/api/people', { person: 'Bob' });
  const opened = await house.app.console('POST', '/api/pairings', { person: 'Bob', phone: 'Bob’s Pixel' });
  await browserPhone.go('/pair');
  await browserPhone.page.getByLabel('Pairing code').fill(String(opened.json()['code']));
  await browserPhone.page.getByRole('button', { name: 'Pair this phone' }).click();
  await browserPhone.page.getByRole('heading', { name: /has joined|Keep these ten codes/ }).waitFor();
  await backUp('one.jpg', 300);
  await browserPhone.page.getByText('1 is safe', { exact: true }).waitFor();
  // The home page is told of it a second later: before the clock is turned, or it would still be coming in then.
  await visitor.go('/');
  await page.getByText('1 photo so far').first().waitFor({ state: 'attached' });
});

async function backUp(name: string, size: number): Promise<void> {
  const { page } = browserPhone;
  await page.goto(`${house.origin}/this-phone/backup`);
  const choosing = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose photos' }).click();
  const buffer = await quartered(size).jpeg().toBuffer();
  await (await choosing).setFiles([{ name, mimeType: 'image/jpeg', buffer }]);
}

it('shows the report of the last night at home, among all nights, and by itself', async () => {
  // Two nights without Tom; in the last one Mia brings five, and tells of seven videos that wait.
  for (const ago of [2, 1]) {
    clock.ms = closedAt - ago * dayMs + hourMs;
    await mias.ask('GET', '/api/phone/status');
    const name = new Date(closedAt - ago * dayMs).toISOString().slice(0, 10);
    await expect.poll(async () => (await house.app.console('GET', `/api/reports/${name}`)).status).toBe(200);
  }
  clock.ms = closedAt - 2 * hourMs;
  await mias.json('POST', '/api/phone/plan', { nextAt: null, client: 'nightjar-phone' });
  const videos = Array.from({ length: 7 }, (_, at) => ({ path: `DCIM/VID_${at}.mp4`, size: 9e8, mtime: clock.ms }));
  expect((await mias.json('POST', '/api/phone/items/check', { items: videos })).status).toBe(200);
  await send(mias, 5);
  clock.ms = now;
  await reported();
  for (const how of [
    { view: 'desktop', theme: 'light' },
    { view: 'phone', theme: 'dark' },
  ] as const) {
    const visitor = await house.visit(how);
    const { page } = visitor;
    await visitor.signIn();
    await visitor.go('/');
    await page.getByText('5 new files', { exact: true }).waitFor();
    await page.getByText('7 videos wait: open the app while charging.').waitFor();
    await page.getByText('1 photo from its browser').first().waitFor({ state: 'attached' });
    await page.getByRole('heading', { name: /^Tom’s iPhone has been silent for \d nights$/ }).waitFor();
    await fine(visitor, 'home-night');
    await page.getByRole('link', { name: 'All nights' }).click();
    await page.getByRole('heading', { name: 'Nights', exact: true }).waitFor();
    await page.getByText(/^5 files, .* from 1 phone$/).waitFor();
    await look(visitor, 'nights');
    await page.locator('.nights-list a').first().click();
    await page.getByRole('heading', { level: 1, name: /^The night to / }).waitFor();
    await page.getByText('7 videos wait: open the app while charging').waitFor();
    await page
      .getByText(/^Silent for \d nights, since /)
      .first()
      .waitFor();
    await page.getByText('No end of it is in sight.').waitFor();
    await page.getByText('Without a recovery key it cannot seal a copy.').waitFor();
    expect(await page.content()).not.toContain('VID_');
    await fine(visitor, 'night');
    await visitor.context.close();
  }
});

it('folds away what somebody has seen, and misses nobody who is away', async () => {
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/alerts');
  await page.getByRole('heading', { name: /silent for/ }).waitFor();
  await fine(visitor, 'alerts');
  await visitor.go('/');
  await page.getByRole('button', { name: /^Seen: Tom’s iPhone has been silent/ }).click();
  await page.getByText('One thing you have seen').click();
  await page.getByRole('listitem').filter({ hasText: 'Tom’s iPhone has been silent' }).waitFor();
  await look(visitor, 'home-seen');
  await visitor.go('/alerts');
  await page.getByRole('heading', { name: 'Seen', exact: true }).waitFor();
  await look(visitor, 'alerts-seen');

  await visitor.go(`/phones/${toms.phoneId}/fix`);
  await page.getByRole('heading', { level: 1, name: 'How Tom’s iPhone comes back' }).waitFor();
  await page.getByText('Open its backup app once, on the home Wi-Fi').waitFor();
  await fine(visitor, 'fix');
  await page.getByRole('button', { name: 'It is away' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'In a week' }).click();
  await fine(visitor, 'fix-away');
  await dialog.getByRole('button', { name: 'Away until then' }).click();
  await page.getByText(/^Away until .*\. Nobody misses it before\.$/).waitFor();
  await visitor.go('/');
  await page.getByText(/^Away until \d/).waitFor();
  await expect.poll(() => page.locator('.alert-card').count()).toBe(0);
  await look(visitor, 'home-away');
  await visitor.go(`/phones/${toms.phoneId}`);
  await page.getByRole('button', { name: 'It is back' }).click();
  await page.getByRole('button', { name: 'It is away' }).waitFor();
  await visitor.context.close();
});

it('watches for the first arrival, and says that the phone is back', async () => {
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go(`/phones/${toms.phoneId}/fix`);
  await page.getByText('This page watches').waitFor();
  await look(visitor, 'fix');
  await send(toms, 1, 2);
  await page.getByRole('heading', { name: 'Tom’s iPhone is back' }).waitFor();
  await fine(visitor, 'fix-back');
  clock.ms += 6 * minuteMs;
  const over = async () =>
    ((await house.app.console('GET', '/api/alerts')).json() as { cleared: Array<{ code: string }> }).cleared;
  await expect.poll(async () => (await over()).map(({ code }) => code)).toContain('phone-silent');
  await visitor.go('/');
  await page.getByText('Tom’s iPhone is back').waitFor();
  await look(visitor, 'home-back');
});

it('reminds a phone that is due, and says which limit keeps a file out', async () => {
  const { page } = browserPhone;
  await browserPhone.go('/this-phone');
  await page.getByRole('heading', { name: /^Nothing came since / }).waitFor();
  await fine(browserPhone, 'this-phone-due');
  const owner = await house.visit({ view: 'phone', theme: 'dark' });
  await owner.signIn();
  await owner.go('/security/people');
  await owner.page.getByRole('button', { name: 'Limits of Bob' }).click();
  await owner.page.getByLabel('Room on the disk, in GB').fill('0.000001');
  await owner.page.getByText('Less than what is used: what is here stays, and nothing new comes in.').waitFor();
  await owner.page.getByLabel('Days in the trash').fill('6');
  await owner.page.getByText('A whole number from 7 to 365.').waitFor();
  await owner.page.getByLabel('Days in the trash').fill('60');
  await fine(owner, 'limits');
  await owner.page.getByRole('button', { name: 'Save the limits' }).click();
  await owner.page.getByText(/of 1 kB used\. Trash kept for 60 days$/).waitFor();
  await look(owner, 'people-limits');
  await owner.go('/security/log');
  await owner.page.getByText('Changed what a person may use').waitFor();

  await backUp('two.jpg', 900);
  await page.getByText(/This person may use 1\.0 kB on the box/).waitFor();
  await page.getByText('1 was refused').waitFor();
  await look(browserPhone, 'over-quota');
});

it('says which files are not what came any more, and that they came again', async () => {
  const { assets } = await toms.library();
  const path = assets[0]?.path ?? '';
  const name = path.slice(path.lastIndexOf('/') + 1);
  await flipByte(join(house.app.diskDir, path));
  const visitor = await house.visit({ view: 'phone', theme: 'dark' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByText('Every file that was read is what came.').waitFor();
  await page.getByRole('link', { name: 'How it stands with the files' }).click();
  await page.getByRole('button', { name: 'Read everything now' }).click();
  await page.getByText('1 file is missing or damaged').waitFor();
  await page.getByText('Not what came any more. Found today at').waitFor();
  await page.getByText(name, { exact: true }).waitFor();
  await page.getByText(/^Tom, taken /).waitFor();
  await page.getByRole('button', { name: 'Read everything now' }).waitFor();
  await fine(visitor, 'originals');
  await visitor.go('/');
  await page.getByRole('heading', { name: 'One file on the disk is missing or damaged' }).waitFor();
  await page.getByText('Some files on the disk are missing or damaged, and have to come again.').waitFor();
  expect(await page.getByText('Nothing that reached the box is lost').count()).toBe(0);
  await visitor.shot('home-damaged', { full: true });
  await page.getByRole('link', { name: 'Show which' }).click();
  await page.getByText('Open the backup app on the phone that has them').waitFor();
  await send(toms, 1);
  await page.getByText('None: every file that was read is what came.').waitFor();
});

it('knows when a phone is due', () => {
  const at = (text: string) => Date.parse(`2026-06-${text}Z`);
  const nights = { opensAt: '20:00', closesAt: '08:00', silentNights: 3, nextReportAt: at('11T08:00') };
  const facts: DueFacts = { now: at('10T12:00'), lastReceivedAt: at('09T21:00'), waiting: 4, awayUntil: null, nights };
  const why = (more: Partial<DueFacts>) => dueOf({ ...facts, ...more })?.why;
  expect(why({})).toBeUndefined();
  expect(why({ lastReceivedAt: at('09T19:59') })).toBe('waiting');
  expect(why({ lastReceivedAt: at('09T19:59'), waiting: 0 })).toBeUndefined();
  expect(why({ lastReceivedAt: at('07T20:01'), waiting: 0 })).toBeUndefined();
  expect(why({ lastReceivedAt: at('07T19:59'), waiting: 0 })).toBe('silent');
  expect(why({ lastReceivedAt: at('07T19:59'), awayUntil: at('12T12:00') })).toBeUndefined();
  expect(why({ lastReceivedAt: at('07T19:59'), awayUntil: at('09T12:00') })).toBe('waiting');
  expect(why({ lastReceivedAt: null })).toBeUndefined();
});
