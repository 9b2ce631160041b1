/** A page that nobody touches: what is on it goes away with its session, not at the next press of a button. */
import { expect, it } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { WebHouse } from '../support/web.ts';

it('closes by itself when it was left alone, and goes on where it was', async () => {
  const clock = { aheadMs: 0 };
  await using house = await WebHouse.start({ now: () => Date.now() + clock.aheadMs });
  await house.app.console('PUT', '/api/policy', {
    secondFactorRequired: false,
    idleLockMinutes: 1,
    passwordExpiryDays: null,
  });
  const { page, ...visitor } = await house.visit();
  expect(visitor.context).toBeDefined();
  await page.goto(`${house.origin}/settings`);
  await page.getByLabel('Your name').fill('Alice');
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  const told = ['/api/events', '/api/box'].map((path) => page.waitForResponse(`${house.origin}${path}`));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${house.origin}/settings`);
  // From here on the page has nothing left to ask: only what it listens to can tell it.
  await Promise.all(told);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));

  // The stream ends at its next beat, or at the next event: here a phone that joins.
  clock.aheadMs += 2 * 60_000;
  await house.app.pair('Alice', 'Alice’s Pixel');
  await page.getByRole('heading', { level: 1, name: 'This page was left alone' }).waitFor();
  expect(page.url()).toBe(`${house.origin}/sign-in?to=%2Fsettings`);
  expect(asked.filter((path) => path.startsWith('/api/')).slice(0, 2)).toEqual([
    '/api/events',
    '/api/sessions/current',
  ]);
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${house.origin}/settings`);
});
