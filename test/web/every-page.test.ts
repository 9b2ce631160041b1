/**
 * What holds for every page, whatever is on it: axe finds nothing serious in either theme, it fits a narrow window and one
 * at twice its size, its controls are reached by Tab and show it, and nothing moves for those who asked for that.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quartered } from '../support/made-media.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

let house: WebHouse;
let phoneId = '';
beforeAll(async () => {
  house = await WebHouse.start();
  const phone = await house.app.pair('Alice', 'Pixel 8');
  phoneId = phone.phoneId;
  for (const name of ['one', 'two']) await phone.send(`DCIM/${name}.jpg`, await quartered(400).jpeg().toBuffer());
  await house.app.pair('Tom', 'Tom’s iPhone');
});
afterAll(() => house[Symbol.asyncDispose]());

const tabsMax = 120;
const partsMax = 20;
const signedIn = () => [
  '/',
  '/photos',
  '/photos/trash',
  '/phones',
  '/phones/pair',
  `/phones/${phoneId}`,
  `/phones/${phoneId}/fix`,
  '/alerts',
  '/nights',
  '/nights/2026-01-01',
  '/originals',
  '/disks',
  '/disks/folder',
  '/disks/mirrors',
  '/disks/replace',
  '/import',
  '/export',
  '/offbox',
  '/security',
  '/security/password',
  '/security/people',
  '/security/log',
  '/settings',
  '/settings/machine',
  '/share',
  '/this-phone',
  '/photos/999999',
  '/connect/apps',
  '/connect/nextcloud-android',
  '/connect/webdav',
];
const forEverybody = [
  '/sign-in',
  '/pair',
  '/join',
  '/this-phone/backup',
  '/this-phone/restore',
  '/this-phone/room',
  '/this-phone/codes',
];

/** Its title stands, and what it asked for has come. */
async function open(visitor: Visitor, path: string): Promise<void> {
  await visitor.go(path);
  await expect.poll(() => visitor.page.locator('h1').count(), { message: path }).toBeGreaterThan(0);
  await expect.poll(() => visitor.page.locator('.skeleton').count(), { message: path }).toBe(0);
}

async function findings(visitor: Visitor, path: string): Promise<string[]> {
  const found = (await visitor.axe()).map((one) => `${path}: ${one}`);
  const wide = await visitor.overflow();
  return wide === 0 ? found : [...found, `${path}: ${wide} pixels too wide`];
}

describe.each([
  { view: 'phone', theme: 'dark' },
  { view: 'desktop', theme: 'light' },
] as const)('by $view in the $theme', (look) => {
  it('is sound for axe and not too wide', async () => {
    const visitor = await house.visit({ ...look, reducedMotion: look.theme === 'dark' });
    const found: string[] = [];
    for (const path of forEverybody) {
      await open(visitor, path);
      found.push(...(await findings(visitor, path)));
    }
    await visitor.signIn();
    for (const path of signedIn()) {
      await open(visitor, path);
      found.push(...(await findings(visitor, path)));
      // A desktop's window at twice the size; the narrowest phone (WCAG 2.2, 1.4.4 and 1.4.10).
      const { page } = visitor;
      const before = page.viewportSize() ?? { width: 0, height: 0 };
      await page.setViewportSize(look.view === 'desktop' ? { width: 720, height: 450 } : { width: 320, height: 640 });
      const wide = await visitor.overflow();
      if (wide > 0) found.push(`${path}: ${wide} pixels too wide when enlarged`);
      await page.setViewportSize(before);
    }
    expect(found).toEqual([]);
  });
});

it('is reached by Tab, each control showing that it is, in an order without traps', async () => {
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  const missed: string[] = [];
  for (const path of ['/', '/photos', '/phones', '/security', '/settings']) {
    await open(visitor, path);
    await page.evaluate('globalThis.reached = new Set()');
    let reached = 0;
    let parts = 0;
    for (; reached < tabsMax; reached++) {
      await page.keyboard.press('Tab');
      const on = (await page.evaluate(`(() => {
        const at = document.activeElement;
        // A field for a time has a stop for each of its parts.
        if (at !== null && at !== document.body && at === globalThis.lastReached) return 'part';
        globalThis.lastReached = at;
        if (at === null || at === document.body || at.id === 'app' || reached.has(at)) return null;
        reached.add(at);
        const { outlineStyle, boxShadow } = getComputedStyle(at);
        return { name: at.outerHTML.slice(0, 120), seen: outlineStyle !== 'none' || boxShadow !== 'none' };
      })()`)) as { name: string; seen: boolean } | 'part' | null;
      if (on === null) break;
      if (on === 'part') {
        reached -= 1;
        parts += 1;
        if (parts > partsMax) break;
        continue;
      }
      if (!on.seen) missed.push(`${path}: no focus to be seen on ${on.name}`);
    }
    const controls = (await page.evaluate(`[...document.querySelectorAll('a[href], button, input, select')]
      .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0 && one.type !== 'radio').length`)) as number;
    // Of what is there without scrolling a virtual list, all is reached.
    if (reached < controls) missed.push(`${path}: ${reached} of ${controls} controls are reached by Tab`);
  }
  expect(missed).toEqual([]);
});

it('does not move for those who asked for that', async () => {
  const visitor = await house.visit({ reducedMotion: true });
  await visitor.signIn();
  await open(visitor, '/security');
  await visitor.page.getByRole('button', { name: 'Add one-time codes' }).click();
  const lasting = `document.getAnimations().filter((one) => one.effect.getComputedTiming().duration > 1).length`;
  expect(await visitor.page.evaluate(lasting)).toBe(0);
});
