/**
 * How a backup app is connected: the page that it opens to be let in, the guides, the list of what is connected, and the
 * moment when the first photo is there. The app's own requests are real, and so is what they are answered.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { guides, termuxCommands } from '../../web/src/text/en/connect-guides.ts';
import { goodPassword } from '../support/box-state.ts';
import { type AppPassword, basic } from '../support/callers.ts';
import { quartered } from '../support/made-media.ts';
import { type Page, type Visitor, WebHouse } from '../support/web.ts';

const android = { 'user-agent': 'Mozilla/5.0 (Android) Nextcloud-android/3.34.0', 'ocs-apirequest': 'true' };
const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';

let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start();
});
afterAll(() => house?.[Symbol.asyncDispose]());

async function fine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}
const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { name, exact: true }).waitFor();
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });

/** An app begins to sign in: the page that it opens, and what it gets when it asks how that went. */
async function begin() {
  const begun = await fetch(`${house.origin}/index.php/login/v2`, { method: 'POST', headers: android });
  const { poll, login } = (await begun.json()) as { poll: { token: string; endpoint: string }; login: string };
  const asked = async () => {
    const body = new URLSearchParams({ token: poll.token });
    const reply = await fetch(poll.endpoint, { method: 'POST', headers: android, body });
    if (reply.status !== 200) return undefined;
    const { loginName, appPassword } = (await reply.json()) as { loginName: string; appPassword: string };
    return { user: loginName, password: appPassword };
  };
  return { path: login.slice(house.origin.length), secret: new URL(login).hash.slice(1), asked };
}

const dav = (method: string, app: AppPassword, path = '', body?: Uint8Array) =>
  fetch(`${house.origin}/remote.php/dav/files/${app.user}/${path}`, {
    method,
    headers: { authorization: basic(app), ...android, ...(method === 'PROPFIND' ? { depth: '0' } : {}) },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  }).then(({ status }) => status);

const pictureWidth = "document.querySelector('.first-photo img')?.naturalWidth ?? 0";
/** What a press on a link to an app would open; Chromium here has no such app. */
const catchAppLinks = `globalThis.followed = []; addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href^="nc:"]');
  if (link === null || link === undefined) return;
  event.preventDefault();
  followed.push(link.href);
}, true)`;
const followed = (page: Page) => page.evaluate('followed') as Promise<string[]>;
function partsOf(link: string) {
  const [, kind, user = '', password = ''] =
    /^nc:\/\/([a-z-]+)\/user:([^&]+)&password:([^&]+)&server:https:/.exec(link) ?? [];
  return { kind, user, password };
}

it('sends whoever is not known to sign in and back, and lets the app in for the phone that they choose', async () => {
  await house.app.pair('Alice', 'Old tablet');
  const { phoneId } = await house.app.pair('Alice', 'Pixel 8');
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  const app = await begin();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await visitor.go(app.path);
  await heading(page, 'An app asks to be let in');
  await visitor.shot('connect-stranger');
  await fine(visitor);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByLabel('Your name').fill('Alice');
  await page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await visitor.page.locator('button[type=submit]').click();
  await heading(page, 'Is this you, Alice?');
  await page.getByText('The Nextcloud app for Android, 3.34.0').waitFor();
  await page.getByLabel('For which phone').selectOption('Pixel 8');
  await visitor.shot('connect-ask-choose');
  await fine(visitor);
  expect(await app.asked()).toBeUndefined();
  await button(page, 'Let it in for Pixel 8').click();
  await heading(page, 'Go back to the app');
  await visitor.shot('connect-in');
  const granted = await app.asked();
  expect(granted?.user).toBe(`phone-${phoneId.slice(0, 8)}`);
  expect(await dav('PROPFIND', granted ?? { user: '', password: '' })).toBe(207);
  // It went to sign in and back, and was in no address that anybody was asked for.
  expect(asked.filter((url) => url.split('#')[0]?.includes(app.secret))).toEqual([]);
  await visitor.context.close();
});

/** The owner’s desktop. A phone that approves ends the sessions from before it. */
let desk: Visitor;

it('guides whoever is signed in through each kind of app, with a code to scan and a password that works', async () => {
  const visitor = await house.visit({ view: 'desktop' });
  desk = visitor;
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/connect/apps');
  await heading(page, 'Connect a backup app');
  await visitor.shot('connect-apps');
  for (const [name, { title, settings }] of Object.entries(guides)) {
    await visitor.go(`/connect/${name}`);
    await heading(page, title);
    await expect.poll(() => page.locator('.skeleton').count()).toBe(0);
    expect(await page.locator('.settings-list > li').count()).toBe(settings.length);
    await visitor.shot(`connect-${name}`, { full: true });
    // Of one kind each the sweep over all pages looks at them with axe.
    expect(await visitor.overflow(), name).toBe(0);
  }
  await visitor.go('/connect/nextcloud-ios');
  await button(page, 'Show the code to scan').click();
  await page.getByAltText('A code for the app to scan').waitFor();
  await visitor.shot('connect-scan');
  await visitor.go('/connect/webdav');
  await page.getByLabel('For which phone').selectOption('Pixel 8');
  await button(page, 'Make a password for Any WebDAV client').click();
  const shown = (label: string) => page.locator('.copy-line', { hasText: label }).first().locator('code').innerText();
  const made = { user: await shown('User name'), password: await shown('Password') };
  await page.getByText(`user='${made.user}'`).waitFor();
  await page.getByAltText('The password as a code to scan').waitFor();
  await visitor.shot('connect-webdav-made', { full: true });
  await fine(visitor);
  expect(await dav('PUT', made, 'shot.jpg', await quartered(300).jpeg().toBuffer())).toBe(201);
  await heading(page, 'The first photo is safe');
  await expect.poll(() => page.evaluate(pictureWidth)).toBeGreaterThan(0);
  await visitor.shot('connect-webdav-first-photo', { full: true });
});

it('shows the owner a phone’s apps, to end them and not to add to them', async () => {
  const tom = await house.app.pair('Tom', 'Tom’s iPhone');
  const made = (await tom.json('POST', '/api/connections', { door: 'webdav' })).json();
  await desk.page.emulateMedia({ colorScheme: 'dark' });
  await desk.go(`/phones/${tom.phoneId}`);
  const apps = desk.page.getByRole('region', { name: 'Connected apps' });
  await apps.getByText('Not used yet').waitFor();
  expect(await apps.getByRole('link').count()).toBe(0);
  await desk.shot('connect-phone-details', { full: true });
  await fine(desk);
  await apps.getByRole('button', { name: /^Disconnect/ }).click();
  await button(desk.page, 'Disconnect it').click();
  await apps.getByText('No backup app is connected.').waitFor();
  expect(await dav('PROPFIND', { user: String(made['user']), password: String(made['password']) })).toBe(401);
  await desk.context.close();
});

it('has the very commands that the page for other systems has', () => {
  const page = readFileSync(new URL('../../web/static/install.html', import.meta.url), 'utf8');
  const entities: Record<string, string> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
  const there = [...page.matchAll(/<code id="t-[a-z]+">([\s\S]*?)<\/code>/g)].map(([, text = '']) =>
    text.replace(/<\/?span>/g, '').replace(/&(?:lt|gt|amp);/g, (one) => entities[one] ?? ''),
  );
  expect(termuxCommands.map(({ line }) => line)).toEqual(there);
});

/** Alice's phone, paired in its own browser. */
let phone: Visitor;

it('ends pairing with an app that one press connects, and with the first photo', async () => {
  phone = await house.visit({ view: 'phone' });
  const { page } = phone;
  await phone.context.addInitScript(catchAppLinks);
  const opened = await house.app.console('POST', '/api/pairings', { person: 'Alice', phone: 'Alice’s Pixel' });
  await phone.go('/pair');
  await page.getByLabel('Pairing code').fill(String(opened.json()['code']));
  await button(page, 'Pair this phone').click();
  await button(page, 'I wrote them down').click();
  await heading(page, 'Back up every night');
  await heading(page, 'Alice’s Pixel has joined');
  await heading(page, 'Waiting for the first photo');
  await phone.shot('connect-pair', { full: true });
  await fine(phone);
  await button(page, 'Connect the Nextcloud app').click();
  await page.getByText('Did the app not open').click();
  const once = partsOf((await followed(page))[0] ?? '');
  expect(once.kind).toBe('onetime-login');
  await button(page, 'Open the app with the password').click();
  await expect.poll(() => followed(page)).toHaveLength(2);
  await phone.shot('connect-pair-opened', { full: true });
  const older = partsOf((await followed(page))[1] ?? '');
  expect([older.kind, await dav('PROPFIND', older)]).toEqual(['login', 207]);
  const exchanged = await fetch(`${house.origin}/ocs/v2.php/core/getapppassword-onetime?format=json`, {
    headers: { ...android, authorization: basic(once) },
  });
  const { apppassword } = ((await exchanged.json()) as { ocs: { data: { apppassword: string } } }).ocs.data;
  const photo = await quartered(500).jpeg().toBuffer();
  expect(await dav('PUT', { user: once.user, password: apppassword }, 'IMG_1.jpg', photo)).toBe(201);
  await heading(page, 'The first photo is safe');
  await expect.poll(() => page.evaluate(pictureWidth)).toBeGreaterThan(0);
  await phone.shot('connect-pair-first-photo', { full: true });
  await fine(phone);
});

it('lets an app in or not by the phone’s own key, and says when that is over', async () => {
  const { page } = phone;
  const app = await begin();
  await phone.go(app.path);
  await heading(page, 'Is this you, Alice?');
  await phone.shot('connect-ask');
  await button(page, 'Let it in for Alice’s Pixel').click();
  await heading(page, 'Go back to the app');
  const granted = (await app.asked()) ?? { user: '', password: '' };
  expect(await dav('PUT', granted, 'IMG_2.jpg', await quartered(320).jpeg().toBuffer())).toBe(201);
  await page.reload();
  await heading(page, 'This sign-in is over');
  await phone.shot('connect-over');
  const other = await begin();
  await phone.go(`/connect?again${new URL(other.path, house.origin).hash}`);
  await button(page, 'This is not me').click();
  await heading(page, 'It was not let in');
  await phone.shot('connect-refused');
  expect(await other.asked()).toBeUndefined();

  // Ended on the phone's own page, it is let in no more; its other app goes on.
  await phone.go('/this-phone');
  const ends = page.getByRole('button', { name: 'Disconnect: The Nextcloud app for Android, 3.34.0' });
  await expect.poll(() => ends.count()).toBe(3);
  await phone.shot('connect-this-phone', { full: true });
  await fine(phone);
  await ends.last().click();
  await button(page, 'Disconnect it').waitFor();
  await phone.shot('connect-disconnect');
  await fine(phone);
  await button(page, 'Disconnect it').click();
  await expect.poll(() => ends.count()).toBe(2);
  expect(await dav('PROPFIND', granted)).toBe(401);
});

it('guides a phone by its own key', async () => {
  const { page } = phone;
  await page.emulateMedia({ colorScheme: 'dark' });
  for (const name of ['nextcloud-android', 'termux'] as const) {
    await phone.go(`/connect/${name}`);
    await heading(page, guides[name].title);
    await heading(page, 'Connect it');
    await phone.shot(`connect-${name}`, { full: true });
  }
  await fine(phone);
  await phone.context.close();
});

it('tells a stranger how to become known, and lets the app that waits in once their phone is paired', async () => {
  const visitor = await house.visit({ view: 'phone', theme: 'dark', userAgent: iPhone });
  const { page } = visitor;
  await visitor.go('/connect/nextcloud-ios');
  await heading(page, 'Whose phone is it for?');
  await visitor.shot('connect-guide-stranger', { full: true });
  await fine(visitor);
  const app = await begin();
  await visitor.go(app.path);
  await page.getByRole('link', { name: 'I have a pairing code' }).click();
  await button(page, 'Pair in Safari all the same').click();
  const opened = await house.app.console('POST', '/api/pairings', { person: 'Tom', phone: 'Tom’s new iPhone' });
  await page.getByLabel('Pairing code').fill(String(opened.json()['code']));
  await button(page, 'Pair this phone').click();
  await button(page, 'I wrote them down').click();
  await heading(page, 'Waiting for the first photo');
  await visitor.shot('connect-pair-ios', { full: true });
  await page.getByRole('link', { name: 'Let the waiting app in' }).click();
  await button(page, 'Let it in for Tom’s new iPhone').click();
  await heading(page, 'Go back to the app');
  expect(await app.asked()).toBeDefined();
  await visitor.context.close();
});
