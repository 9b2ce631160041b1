/** The copy off the box as its owner sees it: set up, its password kept, made, brought back by a drill, and given up. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { RestServer } from '../support/offbox-servers.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

let house: WebHouse;
let server: RestServer;
const dir = mkdtempSync(join(tmpdir(), 'nightjar-offbox-'));
beforeAll(async () => {
  house = await WebHouse.start();
  server = new RestServer(dir, { appendOnly: true });
  await server.start();
  const phone = await house.app.pair('Alice', 'Pixel 8');
  for (const seed of [1, 2, 3]) {
    await phone.send(`DCIM/IMG_${seed}.jpg`, exifJpeg({ seed, bytes: 9_000, takenLocal: '2026-06-09T18:00:00' }));
  }
});
afterAll(async () => {
  await server.kill();
  await house[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function fine(visitor: Visitor, name: string): Promise<void> {
  await expect.poll(() => visitor.page.locator('.skeleton').count(), { message: name }).toBe(0);
  await visitor.shot(name, { full: true });
  expect(await visitor.overflow(), name).toBe(0);
  expect(await visitor.axe(), name).toEqual([]);
}

it('is set up, copies, comes back in a drill, and is given up', async () => {
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByRole('link', { name: 'Set it up, or see how it stands' }).click();
  await page.getByText('Nothing leaves the box').waitFor();
  await page.getByLabel('Machine').waitFor();
  await fine(visitor, 'offbox-none');
  await page.getByLabel('Where the copy goes').selectOption('rest');
  await page.getByLabel('Address').fill(server.url);
  await page.getByLabel('User name (if it wants one)').fill(RestServer.user);
  await page.getByLabel('Password', { exact: true }).fill(RestServer.password);
  await page.getByLabel(/append-only/).check();
  await page.getByRole('button', { name: 'Save the place' }).click();
  await page.getByRole('button', { name: 'Begin' }).click();
  await page.getByRole('heading', { name: 'Write this password down' }).waitFor({ timeout: 150_000 });
  await fine(visitor, 'offbox-password');
  const password = await page.locator('.offbox-password').textContent();
  expect(password).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
  await page.getByLabel('I wrote it down').check();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByText('No copy was made yet.').waitFor();
  expect(await page.content()).not.toContain(password);

  await page.getByRole('button', { name: 'Copy now' }).click();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  await page.getByText('All 3 came back as they are here').waitFor({ timeout: 150_000 });
  await page.getByText(/Part 1 of 13 was right/).waitFor();
  await page.getByText(/^Everything is there, as of/).waitFor();
  await fine(visitor, 'offbox-fine');
  const dark = await house.visit({ view: 'phone', theme: 'dark' });
  await dark.signIn();
  await dark.go('/offbox');
  await dark.page.getByText('IMG_2.jpg').waitFor();
  await fine(dark, 'offbox-fine');

  // The other side is gone: it says so, and what one can do.
  await server.kill();
  await page.getByRole('button', { name: 'Try a restore' }).click();
  await page.getByText('The other side does not answer.', { exact: false }).waitFor({ timeout: 150_000 });
  await fine(visitor, 'offbox-problem');
  await page.getByRole('button', { name: 'Copy there no more' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Copy there no more' }).click();
  await page.getByText('Nothing leaves the box').waitFor();
});
