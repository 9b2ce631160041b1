/** The first run: from the setup link to a paired phone, and what a reload, a restart and another browser find. */
import { afterEach, expect, it } from 'vitest';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Hook } from '../support/channel-servers.ts';
import { codeAt } from '../support/totp.ts';
import { type Page, type Visitor, WebHouse } from '../support/web.ts';

const clicksMax = 12;
const words = 'heron gravel lantern quilt';
let house: WebHouse | undefined;
afterEach(async () => {
  await house?.[Symbol.asyncDispose]();
  house = undefined;
});

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const title = (page: Page, name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

async function looksRight(visitor: Visitor, name: string): Promise<void> {
  await visitor.shot(`setup-${name}`, { full: true });
  expect(await visitor.axe(), name).toEqual([]);
  expect(await visitor.overflow(), name).toBe(0);
}

/** As a newcomer: every click counts. */
class Clicks {
  count = 0;
  async on(target: ReturnType<Page['locator']>): Promise<void> {
    this.count += 1;
    await target.click();
  }
}

it('comes from the link to a paired phone in at most 12 clicks', async () => {
  house = await WebHouse.start({ claimed: false });
  const clicks = new Clicks();
  const desk = await house.visit({ view: 'desktop' });
  const { page } = desk;
  await desk.go(`/setup#${encodeURIComponent(setupCode)}`);
  await title(page, 'What is this box called?');
  // It is a key: not in the address, the history or on the screen.
  expect(page.url()).toBe(`${house.origin}/setup`);
  await page.getByLabel('Name of the box').fill('Attic');
  await page.getByText('https://attic.local').waitFor();
  await looksRight(desk, '1-box');
  await clicks.on(button(page, 'Continue'));

  await title(page, 'Who looks after it?');
  await page.getByLabel('Your name').fill('Alice');
  await page.getByLabel('Password', { exact: true }).fill('four words');
  await page.getByText('5 more characters; four words are fine.').waitFor();
  await expect.poll(() => button(page, 'Continue').isDisabled()).toBe(true);
  await page.getByLabel('Password', { exact: true }).fill(words);
  await looksRight(desk, '2-you');
  await clicks.on(button(page, 'Continue'));

  await title(page, 'What else should guard it?');
  await expect.poll(() => page.getByLabel('The phone that I pair in a minute').isChecked()).toBe(true);
  await looksRight(desk, '3-lock');
  await clicks.on(button(page, 'Continue'));

  await title(page, 'For the day something is lost');
  await page.getByText('Recovery sheet of Alice for the box “attic”').waitFor();
  await page.getByText('Ten recovery codes come with your phone').waitFor();
  await expect.poll(() => button(page, 'Continue').isDisabled()).toBe(true);
  await looksRight(desk, '4-recovery');
  const saving = page.waitForEvent('download');
  await clicks.on(button(page, 'Save as a file'));
  expect((await saving).suggestedFilename()).toBe('nightjar-recovery-sheet.txt');
  await clicks.on(button(page, 'Continue'));

  await title(page, 'May the box ask the internet for the time?');
  await page.getByText('They agree.').waitFor();
  await looksRight(desk, '5-clock');
  await clicks.on(button(page, 'No, stay at home'));

  await title(page, 'Who hears when something is wrong?');
  await page.getByRole('button', { name: 'Set up Webhook' }).waitFor();
  await looksRight(desk, '6-tell');
  await clicks.on(button(page, 'The home page is enough'));

  await title(page, 'Pair the first phone');
  const current = async () => {
    const { pairing } = (await (await page.request.get(`${house?.origin}/api/pairings/current`)).json()) as {
      pairing: { link: string | null } | null;
    };
    return pairing?.link ?? '';
  };
  await expect.poll(current).toContain('#');
  await looksRight(desk, '7-phone');
  // What the panel shows is scanned, which is no click; the certificate is one, and this browser needs none.
  clicks.count += 1;
  const phone = await house.visit({ view: 'phone' });
  await phone.go(`/pair${new URL(await current()).hash}`);
  await clicks.on(button(phone.page, 'Pair this phone'));
  await title(page, 'Alice’s Pixel 8 has joined');
  await page.getByText('It guards your sign-in from now on.').waitFor();
  await looksRight(desk, '8-joined');
  expect(clicks.count).toBeLessThanOrEqual(clicksMax);
  await page.getByRole('link', { name: 'See how the box is' }).click();
  await page.waitForURL(`${house.origin}/`);

  const box = (await (await page.request.get(`${house.origin}/api/box`)).json()) as Record<string, unknown>;
  expect(box).toMatchObject({ chosenName: 'attic', internetTime: false });
  const run = await (await page.request.get(`${house.origin}/api/first-run`)).json();
  expect(run).toMatchObject({
    finished: true,
    steps: { box: 'done', lock: 'done', recovery: 'done', tell: 'later', phone: 'done' },
  });
  // It is over: the page leads to where the photos are.
  await desk.go('/setup');
  await page.waitForURL(`${house.origin}/`);
});

it('goes on where it was after a reload, a restart, and in another browser', async () => {
  house = await WebHouse.start({ claimed: false });
  const first = await house.visit({ view: 'phone', theme: 'dark' });
  await first.go('/');
  await first.page.waitForURL('**/setup');
  await title(first.page, 'What is this box called?');
  await first.page.getByLabel('Setup code').fill('7KQ4-M2XD-WRONGER');
  await looksRight(first, '1-box');
  await button(first.page, 'Continue').click();
  await first.page.getByLabel('Your name').fill('Alice');
  await first.page.reload();
  await expect.poll(() => first.page.getByLabel('Your name').inputValue()).toBe('Alice');
  await expect.poll(() => first.page.getByLabel('Password', { exact: true }).inputValue()).toBe('');
  await first.page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await button(first.page, 'Continue').click();
  await first.page.getByText('That is not the setup code of this box.').waitFor();
  await looksRight(first, '1-wrong-code');
  await first.page.getByLabel('Setup code').fill(setupCode);
  await button(first.page, 'Continue').click();
  const password = first.page.getByLabel('Password', { exact: true });
  await password.fill('nightjar nightjar');
  await button(first.page, 'Continue').click();
  await first.page.getByText('That password will not do.').waitFor();
  await looksRight(first, '2-weak');
  await password.fill(goodPassword);
  await first.page.keyboard.press('Enter');
  await title(first.page, 'What else should guard it?');
  expect(await first.page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).not.toContain(
    setupCode,
  );
  await first.page.getByLabel('Not now').check();
  await first.page.getByText('Whoever learns the password has everything').waitFor();
  await looksRight(first, '3-not-now');
  await first.context.close();

  await house.app.restart();
  const second = await house.visit({ view: 'desktop', theme: 'dark' });
  const { page } = second;
  await page.goto(`${house.origin}/setup`);
  await page.waitForURL('**/sign-in?to=%2Fsetup');
  await page.getByLabel('Your name').fill('Alice');
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await page.keyboard.press('Enter');
  await title(page, 'What else should guard it?');
  await page.getByLabel('One-time codes now').check();
  const key = (await page.locator('.copy-line code').textContent()) ?? '';
  await looksRight(second, '3-codes');
  // At 200 %, and on the narrowest screens.
  for (const width of [720, 320]) {
    await page.setViewportSize({ width, height: 450 });
    expect(await second.overflow()).toBe(0);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByLabel('The six digits that it shows').fill(codeAt(key, Date.now()));
  await title(page, 'For the day something is lost');

  // This browser was told no password; the codes that came are on the sheet that is made now.
  await page.getByLabel('Your password, to make the sheet').fill(goodPassword);
  await looksRight(second, '4-password');
  await button(page, 'Make the sheet').click();
  const codes = page.locator('.recovery-codes li');
  await expect.poll(() => codes.count()).toBe(10);
  const shown = await codes.first().textContent();
  await looksRight(second, '4-codes');

  // Loaded anew before it was kept: another sheet, with other codes.
  await page.reload();
  await page.getByLabel('Your password, to make the sheet').fill(goodPassword);
  await button(page, 'Make the sheet').click();
  await expect.poll(() => codes.count()).toBe(10);
  expect(await codes.first().textContent()).not.toBe(shown);
  await page.getByLabel('I wrote them down').check();
  await button(page, 'Continue').click();
  await title(page, 'May the box ask the internet for the time?');
  await looksRight(second, '5-clock');
  await button(page, 'No, stay at home').click();
  await title(page, 'Who hears when something is wrong?');
  await using hook = await Hook.open();
  await page.getByRole('button', { name: 'Set up Webhook' }).click();
  await page.getByLabel('Address').fill(hook.url);
  await page.getByText('It stays in your home network.').waitFor();
  await looksRight(second, '6-webhook');
  await button(page, 'Save Webhook').click();
  await button(page, 'Send a test').click();
  await page.getByText('The other side took the test.').waitFor();
  expect(hook.taken.length).toBe(1);
  await looksRight(second, '6-tested');
  await button(page, 'Continue').click();
  await title(page, 'Pair the first phone');
  await looksRight(second, '7-phone');
  await button(page, 'Later').click();
  await page.waitForURL(`${house.origin}/`);
});
