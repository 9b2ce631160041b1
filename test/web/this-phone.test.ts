/** What a browser does as a phone: it approves sign-ins over any page, shows codes, moves on, gets photos back. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planRounds, type RestoreEntry } from '../../web/src/this-phone/restore-plan.ts';
import { goodPassword } from '../support/box-state.ts';
import { Browser } from '../support/browser.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { codeAt } from '../support/totp.ts';
import { type Page, type Visitor, WebHouse } from '../support/web.ts';

let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house?.[Symbol.asyncDispose]());

async function fine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

/** As its person does it: the code from the owner's screen, and the one button. */
async function pair(page: Page, body: object = {}): Promise<void> {
  const opened = await house.app.console('POST', '/api/pairings', { person: 'Alice', ...body });
  await page.goto(`${house.origin}/pair`);
  await page.getByLabel('Pairing code').fill(String(opened.json()['code']));
  await page.getByRole('button', { name: 'Pair this phone' }).click();
  await page.getByRole('heading', { name: /has joined|Keep these ten codes/ }).waitFor();
  const kept = page.getByRole('button', { name: 'I wrote them down' });
  if (await kept.isVisible()) await kept.click();
  await page.getByRole('heading', { name: /has joined/ }).waitFor();
}

/** Somebody signs in elsewhere with the right password: what they are shown to type. */
async function signInElsewhere(): Promise<{ browser: Browser; id: string; digits: string }> {
  const browser = new Browser(house.app);
  await browser.signIn('Alice', goodPassword);
  const asked = (await browser.ask('POST', '/api/sessions/current/approval')).json();
  return { browser, id: String(asked['id']), digits: String(asked['digits']) };
}
const other = (digits: string) => digits.replace(/\d$/, (last) => String((Number(last) + 1) % 10));

it('says to a browser that is no phone what it could be, and how', async () => {
  for (const theme of ['light', 'dark'] as const) {
    const visitor = await house.visit({ view: 'phone', theme });
    await visitor.go('/this-phone');
    await visitor.page.getByRole('heading', { name: 'This browser is no phone of the box yet' }).waitFor();
    await fine(visitor);
    await visitor.shot('this-phone-not-paired');
    await visitor.context.close();
  }
});

/** Alice's phone, in whose browser she is signed in after the first of the two. */
let first: Visitor;

it('approves by six digits over whatever page it shows, turns down, and shows codes', async () => {
  const visitor = await house.visit({ view: 'phone' });
  first = visitor;
  const { page } = visitor;
  await pair(page, { phone: 'Alice’s Pixel', baseFolder: 'Photos/Alice/First' });
  await visitor.go('/this-phone');
  await page.getByText('Approves them').waitFor();
  await visitor.shot('this-phone');
  await fine(visitor);

  // Wrong digits first, then the right ones; over the page of codes.
  await visitor.go('/this-phone/codes');
  const asked = await signInElsewhere();
  const sheet = page.getByRole('dialog', { name: 'Is this you, Alice?' });
  await sheet.waitFor();
  await expect.poll(() => page.evaluate("document.activeElement.matches('.digits input')")).toBe(true);
  expect(await page.locator('body').innerText()).not.toContain(asked.digits);
  await page.keyboard.type(other(asked.digits).slice(0, 4));
  await visitor.shot('approval-typing');
  await fine(visitor);
  await page.keyboard.type(other(asked.digits).slice(4));
  await sheet.getByText('Not the same digits. 2 tries left.').waitFor();
  await visitor.shot('approval-wrong');
  await fine(visitor);
  await page.keyboard.type(asked.digits);
  await page.getByRole('heading', { name: 'Signed in' }).waitFor();
  await visitor.shot('approval-done');
  await fine(visitor);
  await page.getByRole('button', { name: 'Done' }).click();
  await asked.browser.ask('GET', `/api/sessions/current/approval/${asked.id}`);
  expect(await asked.browser.current()).toMatchObject({ stage: 'open' });

  // Put aside by Escape, it comes back on the phone's own page; then it is turned down.
  const second = await signInElsewhere();
  await sheet.waitFor();
  await page.keyboard.press('Escape');
  await sheet.waitFor({ state: 'hidden' });
  await page.getByRole('link', { name: 'This phone' }).first().click();
  await sheet.waitFor();
  await sheet.getByRole('button', { name: 'This is not me' }).click();
  await page.getByRole('heading', { name: 'Turned down' }).waitFor();
  await visitor.shot('approval-denied');
  await fine(visitor);
  expect(await second.browser.current()).toMatchObject({ code: 'unauthenticated' });
  await page.getByRole('button', { name: 'Done' }).click();

  // Codes need the person's session. Theirs was approved on another device; its cookie is this browser's now.
  const { hostname } = new URL(house.origin);
  await visitor.context.addCookies([
    { name: 'nightjar-loopback', value: asked.browser.session ?? '', domain: hostname, path: '/' },
  ]);
  await visitor.go('/this-phone/codes');
  const made = page.waitForResponse((reply) => reply.url().endsWith('/api/authenticators'));
  await page.getByRole('button', { name: 'Show codes on this phone' }).click();
  await confirmIfAsked(page);
  const { textKey } = (await (await made).json()) as { textKey: string };
  const shown = page.locator('.phone-code-now');
  await shown.waitFor();
  const now = Date.now();
  const near = [codeAt(textKey, now), codeAt(textKey, now, -1), codeAt(textKey, now, 1)];
  expect(near).toContain((await shown.innerText()).replace(/\D/g, ''));
  await visitor.shot('this-phone-codes');
  await fine(visitor);
  // Its secret cannot be read out of the browser again.
  expect(await page.evaluate(readCodeKey)).toEqual({ extractable: false, exported: 'InvalidAccessError' });

  // Signed in as the person, the sheet is over the app's pages too.
  await visitor.go('/photos');
  const third = await signInElsewhere();
  await sheet.waitFor();
  await visitor.shot('approval-over-photos');
  await sheet.getByRole('button', { name: 'Not now' }).click();
  await third.browser.ask('DELETE', '/api/sessions/current');
});

it('moves on to a new phone: name and folder go with it, and the old one says so', async () => {
  const visitor = first;
  const { page } = visitor;
  await visitor.go('/this-phone');
  await page.getByRole('link', { name: 'Move to a new phone' }).click();
  await page.getByText('What ends on this phone').waitFor();
  await visitor.shot('this-phone-move');
  await fine(visitor);
  const opened = page.waitForResponse((reply) => reply.url().endsWith('/api/pairings') && reply.ok());
  await page.getByRole('button', { name: 'Make a code for the new phone' }).click();
  const field = page.getByRole('dialog').getByLabel('Password');
  await field.or(page.getByText('Waits for the new phone')).first().waitFor();
  if (await field.isVisible()) {
    await field.fill(goodPassword);
    await page.getByRole('dialog').locator('button[type=submit]').click();
  }
  const { code } = (await (await opened).json()) as { code: string };
  await page.getByText(code).waitFor();
  await visitor.shot('this-phone-move-code');
  await fine(visitor);
  const next = await house.visit({ view: 'phone' });
  await next.go('/pair');
  await next.page.getByLabel('Pairing code').fill(code);
  await next.page.getByText('It takes the place of Alice’s Pixel').waitFor();
  await expect.poll(() => next.page.getByLabel('Folder on the box').inputValue()).toBe('Photos/Alice/First');
  await next.shot('pair-moves');
  await fine(next);
  await next.page.getByRole('button', { name: 'Pair this phone' }).click();
  await next.page.getByRole('heading', { name: /has joined|Keep these ten codes/ }).waitFor();
  await page.getByRole('heading', { name: /^This phone moved on/ }).waitFor();
  await visitor.shot('this-phone-moved');
  await fine(visitor);
  await next.context.close();
  await visitor.context.close();
});

async function confirmIfAsked(page: Page): Promise<void> {
  const field = page.getByRole('dialog').getByLabel('Password');
  const either = page.locator('.phone-code-now').or(field).first();
  await either.waitFor();
  if (!(await field.isVisible())) return;
  await field.fill(goodPassword);
  await page.getByRole('dialog').locator('button[type=submit]').click();
}

const readCodeKey = `new Promise((resolve, reject) => {
  const opening = indexedDB.open('nightjar');
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const asked = opening.result.transaction('keys').objectStore('keys').get('codes');
    asked.onsuccess = async () => resolve({ extractable: asked.result.key.extractable,
      exported: await crypto.subtle.exportKey('raw', asked.result.key).then(() => 'yes', (error) => error.name) });
  };
})`;

it('plans rounds that the share sheet takes, keeps pairs together, and downloads what is too large', () => {
  const entry = (id: number, size: number, isPair = false): RestoreEntry => ({
    ...{ id, name: `${id}.jpg`, mediaType: 'image/jpeg', size, isPair },
  });
  const small = Array.from({ length: 23 }, (_, id) => entry(id, 1_000_000));
  expect(planRounds(small, true).map(({ by, entries }) => [by, entries.length])).toEqual([
    ['share', 10],
    ['share', 10],
    ['share', 3],
  ]);
  const mixed = [entry(1, 30e6), entry(2, 30e6), entry(3, 20e6), entry(4, 60e6), entry(5, 3e6, true)];
  expect(planRounds(mixed, true).map(({ by, entries }) => [by, entries.map(({ id }) => id)])).toEqual([
    ['share', [1]],
    ['share', [2, 3]],
    ['file', [4]],
    ['zip', [5]],
  ]);
  expect(planRounds(mixed, false).map(({ by }) => by)).toEqual(['zip']);
});

it('gets photos back in rounds through the share sheet, and a closed sheet is a pause', async () => {
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  // Chromium without a screen has no share sheet; all else is real: the files come from the box.
  await visitor.context.addInitScript(`
    globalThis.shared = []; globalThis.sheetCloses = false;
    navigator.canShare = ({ files }) => files.length <= 10 && files.reduce((sum, { size }) => sum + size, 0) <= 50e6;
    navigator.share = async ({ files }) => {
      if (globalThis.sheetCloses) { globalThis.sheetCloses = false; throw new DOMException('closed', 'AbortError'); }
      globalThis.shared.push(await Promise.all(files.map(async (file) => [file.name, file.size])));
    };`);
  await pair(page, { phone: 'Alice’s new Pixel' });
  const phone = await house.app.pair('Alice', 'Alice’s camera');
  const sent = Array.from({ length: 12 }, (_, at) => ({
    name: `IMG_${at}.jpg`,
    bytes: exifJpeg({ seed: at, bytes: 6_000 + at, takenLocal: `2026-0${at < 7 ? 3 : 4}-10T10:00:0${at % 10}` }),
  }));
  for (const { name, bytes } of sent) await phone.send(name, bytes);
  await visitor.go('/this-phone');
  await page.getByRole('link', { name: 'Get photos back' }).click();
  await page.getByText('March 2026').waitFor();
  await visitor.shot('restore');
  await fine(visitor);
  await page.getByRole('button', { name: 'All months' }).click();
  await page.getByRole('button', { name: 'See the plan' }).click();
  await page.getByText(/^12 photos, .*2 rounds of up to 10/).waitFor();
  await visitor.shot('restore-plan');
  await fine(visitor);
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('heading', { name: 'Round 1 of 2' }).waitFor();
  await page.evaluate('sheetCloses = true');
  await page.getByRole('button', { name: 'Save 10 photos' }).click();
  await page.getByText('The share sheet was closed.').waitFor();
  await visitor.shot('restore-round');
  await fine(visitor);
  await page.getByRole('button', { name: 'Save 10 photos' }).click();
  await page.getByRole('heading', { name: 'Round 2 of 2' }).waitFor();
  await page.getByRole('button', { name: 'Save 2 photos' }).click();
  await page.getByRole('heading', { name: '12 photos handed to the phone' }).waitFor();
  const shared = (await page.evaluate('shared.flat()')) as Array<[string, number]>;
  expect(shared.sort()).toEqual(sent.map(({ name, bytes }) => [name, bytes.length]).sort());

  // Nothing came from this very phone.
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByLabel('What this phone sent').check();
  await page.getByText('Nothing here yet.').waitFor();
  await visitor.context.close();
});

it('hands a computer one ZIP', async () => {
  const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';
  const visitor = await house.visit({ userAgent: agent, theme: 'dark' });
  const { page } = visitor;
  await pair(page, { phone: 'Alice’s laptop' });
  await visitor.go('/this-phone/restore');
  await page.getByRole('button', { name: 'All months' }).click();
  await visitor.shot('restore');
  await fine(visitor);
  await page.getByRole('button', { name: 'See the plan' }).click();
  await page.getByText(/one ZIP file/).waitFor();
  await page.getByRole('button', { name: 'Start' }).click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: /^Download/ }).click();
  const zip = await readFile(await (await downloading).path());
  expect(zip.subarray(0, 4).toString('latin1')).toBe('PK\u0003\u0004');
  expect(zip.length).toBeGreaterThan(12 * 6_000);
  await visitor.context.close();
});
