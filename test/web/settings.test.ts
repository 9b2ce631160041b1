import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebHouse } from '../support/web.ts';

let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house[Symbol.asyncDispose]());

it('renames the box, sets its zone, and asks the internet for the time only when told so', async () => {
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByRole('textbox', { name: 'Name of the box' }).fill('Bird House');
  await page.getByRole('button', { name: 'Rename the box' }).click();
  await page.getByRole('alert').getByText(/name/i).waitFor();
  await visitor.shot('settings-bad-name');
  await page.getByRole('textbox', { name: 'Name of the box' }).fill('birdhouse');
  await page.getByRole('button', { name: 'Rename the box' }).click();
  await page.getByRole('status').getByText('birdhouse.local').waitFor();
  await page.getByRole('combobox', { name: 'Time zone' }).fill('Pacific/Auckland');
  await page.getByRole('button', { name: 'Save the time zone' }).click();
  await page.getByRole('button', { name: 'Save the time zone' }).waitFor({ state: 'hidden' });
  const box = await (await visitor.context.request.get(`${house.origin}/api/box`)).json();
  expect(box).toMatchObject({ name: 'birdhouse', timeZone: 'Pacific/Auckland', internetTime: null });
  await expect.poll(() => page.getByRole('switch', { name: 'Ask the internet for the time' }).isChecked()).toBe(false);
  await visitor.shot('settings', { full: true });
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
});

it('keeps the look that was chosen, before the first paint, and fits a narrow window at twice the size', async () => {
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByRole('group', { name: 'Look' }).getByText('Dark').click();
  const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  await expect.poll(ground).toBe('rgb(14, 18, 32)');
  await page.reload();
  expect(await ground()).toBe('rgb(14, 18, 32)');
  await page.getByText('Fingerprint of the box').waitFor();
  await visitor.shot('settings-dark', { full: true });
  expect(await visitor.axe()).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await visitor.overflow()).toBe(0);
});
