/** What a phone may remove to free its room: by month, only what its backup app sent, and in words how. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ask } from '../support/asking.ts';
import { type AppPassword, basic, Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house?.[Symbol.asyncDispose]());

async function fine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

/** The password of an app on the phone that the visitor's browser has just become. */
async function appOf(phone: string): Promise<AppPassword> {
  const { phones } = (await house.app.console('GET', '/api/phones')).json() as {
    phones: { id: string; name: string }[];
  };
  const id = phones.find(({ name }) => name === phone)?.id;
  const callers = Callers.open(house.app);
  const headers = headersOf(callers.session('Alice', { confirmed: true }));
  callers.close();
  const made = await house.app.ask('POST', '/api/connections', headers, { phone: id, door: 'nextcloud' });
  expect(made.status, made.text).toBe(201);
  return made.json() as AppPassword;
}

it('says by month what may go, and how; and when nothing may', { timeout: 120_000 }, async () => {
  const opened = await house.app.console('POST', '/api/pairings', { person: 'Alice', phone: 'Alice’s Pixel' });
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  await page.goto(`${house.origin}/pair`);
  await page.getByLabel('Pairing code').fill(String(opened.json()['code']));
  await page.getByRole('button', { name: 'Pair this phone' }).click();
  await page.getByRole('heading', { name: /has joined|Keep these ten codes/ }).waitFor();

  await visitor.go('/this-phone/room');
  await page.getByText('Nothing to remove yet').waitFor();
  await visitor.shot('this-phone-room-none');
  await fine(visitor);

  const app = await appOf('Alice’s Pixel');
  const months = ['2026-05', '2026-05', '2026-05', '2026-06', '2025-12'];
  for (const [index, month] of months.entries()) {
    const body = exifJpeg({ seed: 70 + index, bytes: 2_000_000, takenLocal: `${month}-09T18:00:00` });
    const path = `/remote.php/dav/files/${app.user}/${index}.jpg`;
    const headers = { authorization: basic(app), 'content-length': String(body.length) };
    expect((await ask({ port: house.app.httpPort, method: 'PUT', path, headers, body })).status).toBe(201);
  }
  await visitor.go('/this-phone');
  await page.getByRole('link', { name: /Free up space/ }).click();
  await page.getByText('5 photos and videos').waitFor();
  const rows = await page
    .getByRole('listitem')
    .filter({ hasText: /20\d\d.*MB/s })
    .allInnerTexts();
  expect(rows.map((row) => row.split('\n').filter((line) => !line.startsWith('Checksums') && line !== ''))).toEqual([
    ['June 2026', '2 MB', '1 photo or video'],
    ['May 2026', '6 MB', '3 photos and videos'],
    ['December 2025', '2 MB', '1 photo or video'],
  ]);
  await page.getByText('the only copy is on the box’s disk').waitFor();
  await visitor.shot('this-phone-room');
  await fine(visitor);
  await visitor.context.close();
});
