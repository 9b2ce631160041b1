/** A person's photos in the browser: timeline, viewer, selection, trash, filters; with the keyboard and by touch. */
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { type Visitor, WebHouse } from '../support/web.ts';
import { fillWithPhotos, type PhotoLibrary, painted } from '../support/web-photos.ts';

let house: WebHouse;
let library: PhotoLibrary;
beforeAll(async () => {
  house = await WebHouse.start();
  library = await fillWithPhotos(house.app, { count: 40, real: 8 });
});
afterAll(() => house[Symbol.asyncDispose]());

async function photosOf(options: Parameters<WebHouse['visit']>[0], path = '/photos'): Promise<Visitor> {
  const visitor = await house.visit(options);
  await visitor.signIn();
  await visitor.go(path);
  return visitor;
}
const tile = ({ page }: Visitor, name: string) => page.getByRole('link', { name: new RegExp(`, ${name}$`) });
const idOf = (name: string): number => library.ids.get(name) ?? 0;

it('shows the timeline by days, and looks right', async () => {
  for (const view of ['desktop', 'phone'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      const visitor = await photosOf({ view, theme });
      await tile(visitor, 'clip.mp4').waitFor();
      await expect.poll(() => visitor.page.locator('img.ph-picture.waiting').count()).toBe(0);
      await visitor.shot('photos');
      expect(await visitor.axe()).toEqual([]);
      expect(await visitor.overflow()).toBeLessThanOrEqual(0);
      await visitor.context.close();
    }
  }
});

it('opens a photo under its own address, and goes through the whole timeline', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await tile(visitor, 'painted_2.jpg').click();
  await page.waitForURL(`**/photos/${idOf('painted_2.jpg')}`);
  const viewer = page.getByRole('dialog', { name: 'Photo viewer' });
  await expect.poll(() => shownIn(visitor)).toContain('painted_2.jpg');
  await page.getByRole('button', { name: 'Details' }).waitFor();
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(`**/photos/${idOf('painted_3.jpg')}`);
  await page.getByRole('button', { name: 'Details' }).click();
  const sheet = page.getByRole('complementary', { name: 'Details' });
  for (const told of ['painted_3.jpg', 'Tablet', 'DCIM/painted_3.jpg', '1,200 × 500']) {
    await sheet.getByText(told.replace('1,200', '1200'), { exact: false }).first().waitFor();
  }
  await visitor.shot('viewer-details');
  expect(await visitor.axe('.pswp')).toEqual([]);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download the original' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('painted_3.jpg');
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'detached' });
  await page.keyboard.press('End');
  const oldest = [...library.ids].at(-1) ?? ['', 0];
  await expect.poll(() => shownIn(visitor)).toContain(oldest[0]);
  await page.keyboard.press('Home');
  await expect.poll(async () => new URL(page.url()).pathname).not.toBe(`/photos/${oldest[1]}`);
  await page.keyboard.press('Escape');
  await viewer.waitFor({ state: 'detached' });
  await page.waitForURL('**/photos');
  // What was looked at last has the focus.
  await expect.poll(() => page.evaluate('document.activeElement?.className')).toBe('ph-open');
  await page.goForward();
  await viewer.waitFor();
  await page.goBack();
  await viewer.waitFor({ state: 'detached' });
  await visitor.context.close();
});

it('opens from a shared link on a phone, plays what moves, and says why there is no picture', async () => {
  const visitor = await photosOf({ view: 'phone', theme: 'dark' }, `/photos/${idOf('IMG_live.JPG')}`);
  const { page } = visitor;
  await expect.poll(() => shownIn(visitor)).toContain('IMG_live.JPG');
  const motion = page.waitForResponse((answer) => answer.url().endsWith('/motion'));
  await page.getByRole('button', { name: 'Live' }).click();
  expect((await motion).headers()['content-type']).toBe('video/quicktime');
  await visitor.shot('viewer-live');
  // It plays once, and the picture is back.
  await page.locator('video.pv-motion').waitFor({ state: 'detached' });

  const part = page.waitForResponse((answer) => answer.url().endsWith(`/${idOf('clip.mp4')}/original`));
  await visitor.go(`/photos/${idOf('clip.mp4')}`);
  expect((await part).status()).toBe(206);
  const video = `document.querySelector('.pv-video video')`;
  await expect.poll(() => page.evaluate(`Math.round(${video}.duration)`)).toBe(14);
  await page.evaluate(`${video}.muted = true; ${video}.currentTime = 10; ${video}.play()`);
  await expect.poll(() => page.evaluate(`${video}.currentTime`)).toBeGreaterThan(10);
  await visitor.shot('viewer-video');

  await visitor.go(`/photos/${idOf('broken.jpg')}`);
  const panel = page.locator('.pv-panel');
  await panel.getByText('broken.jpg').waitFor();
  await expect.poll(() => panel.innerText()).toMatch(/picture|file/);
  await panel.getByRole('link', { name: 'Download the original' }).waitFor();
  await visitor.shot('viewer-refused');
  expect(await visitor.axe('.pswp')).toEqual([]);

  await visitor.go('/photos/999999');
  await page.getByRole('alert').getByText('not here').waitFor();
  await visitor.context.close();
});

it('selects by mouse, keys and touch; downloads a zip of the size that it told, and takes back the trash', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await tile(visitor, 'painted_1.jpg').hover();
  await page.getByRole('checkbox', { name: 'Select painted_1.jpg' }).click();
  await tile(visitor, 'painted_3.jpg').click({ modifiers: ['Shift'] });
  const bar = page.getByRole('region', { name: 'Selection' });
  await bar.getByText('3 selected').waitFor();
  await visitor.shot('photos-selected');
  expect(await visitor.axe()).toEqual([]);
  const offered = page.waitForResponse((answer) => answer.url().endsWith('/api/downloads'));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    bar.getByRole('button', { name: 'Download' }).click(),
  ]);
  const { bytes, files } = (await (await offered).json()) as { bytes: number; files: number };
  expect([files, (await stat(await download.path())).size]).toEqual([3, bytes]);
  await page.keyboard.press('Escape');
  await bar.waitFor({ state: 'detached' });

  // Arrows lead from tile to tile, Space selects.
  await tile(visitor, 'painted_1.jpg').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(' ');
  await page.keyboard.press('Shift+ArrowRight');
  await bar.getByText('2 selected').waitFor();
  await bar.getByRole('button', { name: 'Move to trash' }).click();
  await tile(visitor, 'painted_2.jpg').waitFor({ state: 'detached' });
  await expect.poll(() => tile(visitor, 'painted_3.jpg').count()).toBe(0);
  await visitor.shot('photos-toast');
  await page.getByRole('button', { name: 'Undo' }).click();
  await tile(visitor, 'painted_2.jpg').waitFor();
  await tile(visitor, 'painted_3.jpg').waitFor();
  await visitor.context.close();

  const phone = await photosOf({ view: 'phone' });
  await phone.page.getByRole('button', { name: 'Select' }).click();
  await tile(phone, 'painted_4.jpg').tap();
  await phone.page.getByRole('region', { name: 'Selection' }).getByText('1 selected').waitFor();
  await phone.shot('photos-selected');
  expect(await phone.overflow()).toBeLessThanOrEqual(0);
  await phone.page.getByRole('button', { name: 'Move to trash' }).tap();
  await tile(phone, 'painted_4.jpg').waitFor({ state: 'detached' });
  await phone.context.close();
});

it('keeps in view what somebody went on to while the box was slow to trash', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await tile(visitor, 'painted_1.jpg').click();
  const slow = Promise.withResolvers<void>();
  await page.route('**/api/trash', async (route) => {
    await slow.promise;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Details' }).waitFor();
  await page.keyboard.press('Delete');
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(`**/photos/${idOf('painted_2.jpg')}`);
  await page.keyboard.press('ArrowRight');
  await page.waitForURL(`**/photos/${idOf('painted_3.jpg')}`);
  slow.resolve();
  await page.getByRole('button', { name: 'Undo' }).waitFor();
  await expect.poll(() => shownIn(visitor)).toContain('painted_3.jpg');
  expect(new URL(page.url()).pathname).toBe(`/photos/${idOf('painted_3.jpg')}`);
  await page.locator('.pswp__item[aria-hidden="false"] img[alt$="painted_3.jpg"]').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.keyboard.press('Escape');
  await tile(visitor, 'painted_1.jpg').waitFor();
  await visitor.context.close();
});

it('shows the trash, restores from it and deletes for good after a typed word', async () => {
  await library.phone.send('DCIM/unwanted.jpg', await painted(77), { mtime: String(Date.now()) });
  const visitor = await photosOf({ view: 'phone' });
  const { page } = visitor;
  await tile(visitor, 'unwanted.jpg').tap();
  await page.getByRole('button', { name: 'Move to trash' }).tap();
  await expect.poll(() => shownIn(visitor)).not.toContain('unwanted.jpg');
  await page.getByRole('button', { name: 'Back to the photos' }).tap();
  await page.getByRole('link', { name: 'Trash' }).tap();
  const trashed = (name: string) => page.getByRole('checkbox', { name: new RegExp(`^${name}, 30 days left`) });
  await trashed('unwanted.jpg').waitFor();
  await visitor.shot('trash');
  expect(await visitor.axe()).toEqual([]);
  await trashed('painted_4.jpg').tap();
  await page.getByRole('button', { name: 'Restore' }).tap();
  await trashed('painted_4.jpg').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Empty the trash' }).tap();
  const dialog = page.getByRole('dialog');
  const confirm = dialog.getByRole('button', { name: 'Delete 1 file' });
  await expect.poll(() => confirm.isDisabled()).toBe(true);
  await dialog.getByRole('textbox').fill('delete');
  await visitor.shot('trash-confirm');
  await confirm.tap();
  await page.getByText('The trash is empty').waitFor();
  await visitor.shot('trash-empty');
  await visitor.context.close();
});

it('narrows by phone, type, date and name, each with an address, and says when there is nothing', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await page.getByRole('button', { name: 'Phone' }).click();
  await page.getByRole('radio', { name: 'Tablet' }).click();
  await page.waitForURL(`**/photos?phone=${library.tablet.phoneId}`);
  await tile(visitor, 'painted_3.jpg').waitFor();
  await expect.poll(() => tile(visitor, 'painted_2.jpg').count()).toBe(0);
  await page.getByRole('button', { name: 'Type' }).click();
  await page.getByRole('radio', { name: 'Videos', exact: true }).click();
  await page.getByText('No videos from Tablet.').waitFor();
  await visitor.shot('photos-nothing');
  expect(await visitor.axe()).toEqual([]);
  await page.goBack();
  await tile(visitor, 'painted_3.jpg').waitFor();
  await page.getByRole('button', { name: 'Remove the filter Tablet' }).click();
  await tile(visitor, 'painted_2.jpg').waitFor();
  await page.getByRole('searchbox', { name: 'Search by name' }).fill('inted_1');
  await page.waitForURL('**/photos?name=inted_1');
  await tile(visitor, 'painted_1.jpg').waitFor();
  await tile(visitor, 'painted_10.jpg').waitFor();
  await expect.poll(() => tile(visitor, 'painted_2.jpg').count()).toBe(0);
  await page.getByRole('button', { name: 'Clear the search' }).click();
  await tile(visitor, 'painted_2.jpg').waitFor();
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await page.getByRole('button', { name: 'Date' }).click();
  await page.getByLabel('From', { exact: true }).fill(yesterday);
  await page.getByLabel('To', { exact: true }).fill(yesterday);
  await page.waitForURL(`**/photos?from=${yesterday}&to=${yesterday}`);
  await expect.poll(() => page.locator('.ph-day').count()).toBe(1);
  await visitor.context.close();
});

it('follows what comes and goes without a reload, and does not move what is looked at', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await tile(visitor, 'painted_1.jpg').waitFor();
  const slider = page.getByRole('slider', { name: 'Month' });
  await slider.focus();
  const before = await slider.getAttribute('aria-valuetext');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => slider.getAttribute('aria-valuetext')).not.toBe(before);
  const first = page.locator('.ph-row a').first();
  await first.waitFor();
  const seen = page.locator('.ph-tile').nth((await page.locator('.ph-tile').count()) - 1);
  const id = await seen.getAttribute('data-id');
  const place = () =>
    page.evaluate(`Math.round(document.querySelector('[data-id="${id}"]').getBoundingClientRect().top)`);
  const top = await place();
  const height = () => page.evaluate(`document.querySelector('.ph-grid').clientHeight`);
  const heightBefore = await height();
  for (const number of [201, 202, 203, 204, 205]) {
    await library.phone.send(`DCIM/new_${number}.jpg`, await painted(number), { mtime: String(Date.now()) });
  }
  await expect.poll(height).toBeGreaterThan(Number(heightBefore));
  expect(Math.abs(Number(await place()) - Number(top))).toBeLessThanOrEqual(1);
  await page.evaluate('scrollTo(0, 0)');
  await tile(visitor, 'new_201.jpg').waitFor();
  // Its picture comes by itself too.
  const picture = page.locator(`[data-id="${(await newest(visitor, 'new_201.jpg')) ?? ''}"] img.ph-picture`);
  await expect.poll(() => picture.getAttribute('class')).toMatch(/at-once|faded/);
  await visitor.context.close();
});

it('shows nothing of one person to the next who signs in in the same tab', async () => {
  const cookie = await house.app.signIn();
  const added = await house.app.ask('POST', '/api/people', { cookie }, { person: 'Bob' });
  const { invitation } = added.json() as { invitation: { link: string } };
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  await house.app.ask('POST', '/api/invitations/redeem', {}, { secret, password: goodPassword });
  const visitor = await photosOf({ view: 'desktop' });
  const { page } = visitor;
  await tile(visitor, 'painted_1.jpg').waitFor();
  await page.getByRole('button', { name: 'Alice' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Your name').fill('Bob');
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  // What was kept in the tab would show before the box has answered.
  const slow = Promise.withResolvers<void>();
  await page.route('**/api/timeline/**', async (route) => {
    await slow.promise;
    await route.continue();
  });
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Photos', exact: true }).waitFor();
  await expect.poll(() => page.locator('.ph-open').count()).toBe(0);
  slow.resolve();
  await page.getByText('Nothing here yet').waitFor();
  await visitor.context.close();
});

it('is usable at twice the size and in 320 pixels', async () => {
  const visitor = await photosOf({ view: 'desktop' });
  for (const viewport of [
    { width: 720, height: 450 },
    { width: 320, height: 640 },
  ]) {
    await visitor.page.setViewportSize(viewport);
    await tile(visitor, 'clip.mp4').waitFor();
    expect(await visitor.overflow(), `${viewport.width}`).toBeLessThanOrEqual(0);
  }
  await visitor.shot('photos-narrow');
  await visitor.context.close();
});

/** What the viewer says that it shows. */
function shownIn({ page }: Visitor): Promise<string> {
  return page.locator('#said').innerText();
}

function newest({ page }: Visitor, name: string): Promise<string | null> {
  return page
    .getByRole('link', { name: new RegExp(`, ${name}$`) })
    .locator('..')
    .getAttribute('data-id');
}
