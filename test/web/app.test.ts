import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebHouse } from '../support/web.ts';

let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house[Symbol.asyncDispose]());

it('sends whoever is not signed in to the sign-in, and says when there is no such page', async () => {
  const { page, ...visitor } = await house.visit();
  await page.goto(`${house.origin}/photos`);
  await page.waitForURL(/\/sign-in\?to=%2Fphotos$/);
  expect(visitor.context).toBeDefined();
});
