/** Signing in as people do it: password, digits on the phone, codes, what may be due; a page that was left alone; joining. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { destination } from '../../web/src/sign-in/destination.ts';
import { ApproverKey } from '../support/approver-phone.ts';
import { goodPassword } from '../support/box-state.ts';
import { codeAt } from '../support/totp.ts';
import { type Page, type VisitOptions, type Visitor, WebHouse } from '../support/web.ts';

/** The box's clock; tests turn it forward. */
const clock = { aheadMs: 0 };
const now = () => Date.now() + clock.aheadMs;
const bobsPassword = 'heron gravel lantern quilt';
/** Long enough to be looked at. */
const waitSecondsMin = 60;
let house: WebHouse;
beforeAll(async () => {
  house = await WebHouse.start({ now });
});
afterAll(() => house[Symbol.asyncDispose]());

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const title = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor();

async function looksRight(visitor: Visitor, name: string): Promise<void> {
  await visitor.shot(name, { full: true });
  expect(await visitor.axe(), name).toEqual([]);
  expect(await visitor.overflow(), name).toBe(0);
}

async function typePassword(page: Page, person = 'Alice', password = goodPassword): Promise<void> {
  await page.getByLabel('Your name').fill(person);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await button(page, 'Sign in').click();
}

async function visitor(options: VisitOptions, path = '/sign-in'): Promise<Visitor> {
  const one = await house.visit(options);
  await one.go(path);
  await title(one.page, 'Sign in');
  return one;
}

async function invited(person: string): Promise<{ hash: string }> {
  const made = await house.app.console('POST', '/api/people', { person });
  const { link } = (made.json() as { invitation: { link: string } }).invitation;
  return { hash: new URL(link).hash };
}

it('goes back to a page of this box with its filters, and never to another site nor in circles', () => {
  const origin = 'https://nightjar.local';
  expect(destination('/photos?phone=3#x', origin)).toBe('/photos?phone=3#x');
  for (const to of [
    undefined,
    '',
    'photos',
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    '/x/..//evil.example',
    '/sign-in?to=/sign-in',
  ]) {
    expect(destination(to, origin), to).toBe('/');
  }
});

it('is done by keyboard alone, and brings people where they were going', async () => {
  const one = await visitor({ view: 'desktop' }, '/settings?from=here');
  const { page } = one;
  expect(page.url()).toBe(`${house.origin}/sign-in?to=%2Fsettings%3Ffrom%3Dhere`);
  await looksRight(one, 'sign-in');
  await page.keyboard.type('Alice');
  await page.keyboard.press('Tab');
  await page.keyboard.type('not my password');
  await page.keyboard.press('Enter');
  const error = page.getByRole('alert').filter({ hasText: 'password' });
  await error.waitFor();
  await looksRight(one, 'sign-in-wrong');
  // What was wrong is selected: typing replaces it.
  await page.keyboard.type(goodPassword);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${house.origin}/settings?from=here`);
  await one.go('/sign-in');
  await page.waitForURL(`${house.origin}/`);
  await button(page, 'Alice Owner').click();
  await button(page, 'Sign out').click();
  await title(page, 'Sign in');
  await expect.poll(() => page.getByLabel('Your name').inputValue()).toBe('Alice');
  await one.context.close();
});

it('shows how long it takes until the next try', async () => {
  const one = await visitor({ view: 'phone', theme: 'dark' });
  const { page } = one;
  const data = { person: 'Zoe', password: 'not her password' };
  // Each wait is longer than the last; the clock goes over the short ones.
  const waitSeconds = async () => {
    const answer = await page.request.post(`${house.origin}/api/sessions`, { data });
    const seconds = Number(answer.headers()['retry-after'] ?? 0);
    if (seconds < waitSecondsMin) clock.aheadMs += seconds * 1_000;
    return seconds;
  };
  await expect.poll(waitSeconds).toBeGreaterThanOrEqual(waitSecondsMin);
  await typePassword(page, 'Zoe', 'not her password');
  const counter = page.getByText(/^Next one in \d+:\d\d\.$/);
  const before = await counter.textContent();
  await expect.poll(() => button(page, 'Sign in').isDisabled()).toBe(true);
  await looksRight(one, 'sign-in-throttled');
  await expect.poll(() => counter.textContent()).not.toBe(before);
  await one.context.close();
});

/** Alice's phone, by hand: it knows no page. */
async function pairPhone(one: Visitor) {
  const post = async (path: string, data: object, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await one.context.request.post(`${house.origin}${path}`, { data, headers });
    expect(answer.ok(), `${path} ${answer.status()}`).toBe(true);
    return answer.status() === 204 ? undefined : answer.json();
  };
  const key = await ApproverKey.make();
  const { code } = await post('/api/pairings', { phone: 'Alice’s Pixel' });
  const { token, phoneId, recoveryCodes } = await post('/api/pairings/redeem', { code, approverKey: key.publicKey });
  const asked = async (): Promise<{ id: string; at: number } | undefined> => {
    const headers = { authorization: `Bearer ${token}` };
    const { json } = await house.app.ask('GET', '/api/approvals', headers);
    return (json() as { approvals: Array<{ id: string; at: number }> }).approvals[0];
  };
  const request = async () => {
    await expect.poll(asked).toBeDefined();
    return (await asked()) ?? { id: '', at: 0 };
  };
  return {
    recoveryCodes: recoveryCodes as string[],
    type: async (digits: string) => {
      const { id, at } = await request();
      const body = await key.answer({ id, at, digits, phoneId, origin: house.origin });
      return (await house.app.ask('POST', `/api/approvals/${id}`, phoneHeaders(token), body)).text;
    },
    deny: async () => {
      const { id } = await request();
      expect((await house.app.ask('POST', `/api/approvals/${id}/deny`, phoneHeaders(token))).status).toBe(204);
    },
  };
}
const phoneHeaders = (token: string) => ({
  authorization: `Bearer ${token}`,
  origin: house.origin,
  host: new URL(house.origin).host,
});

async function digitsOn(page: Page): Promise<string> {
  const shown = page.getByRole('img', { name: /^(\d ){5}\d$/ });
  return ((await shown.getAttribute('aria-label')) ?? '').replaceAll(' ', '');
}
const other = (digits: string) => digits.replace(/\d$/, (last) => String((Number(last) + 1) % 10));

it('asks the phone, a code or a recovery code for the second lock', async () => {
  const owner = await house.visit({ view: 'desktop' });
  await owner.signIn();
  const phone = await pairPhone(owner);
  const begun = await owner.context.request.post(`${house.origin}/api/authenticators`, { data: { name: 'Codes' } });
  const { id, textKey } = (await begun.json()) as { id: string; textKey: string };
  // Not at the end of a step: the one before would be two before.
  const leftMs = 30_000 - (now() % 30_000);
  if (leftMs < 5_000) await new Promise((resolve) => setTimeout(resolve, leftMs));
  const data = { code: codeAt(textKey, now(), -1) };
  const confirmed = await owner.context.request.post(`${house.origin}/api/authenticators/${id}/confirm`, { data });
  expect(confirmed.ok()).toBe(true);
  await owner.context.close();

  // The phone approves; a wrong digit first does no harm.
  const desk = await visitor({ view: 'desktop' }, '/phones');
  const { page } = desk;
  await typePassword(page);
  await title(page, 'Type these digits on your phone');
  await page.getByText('Open Nightjar on Alice’s Pixel. It is already asking.').waitFor();
  const digits = await digitsOn(page);
  await looksRight(desk, 'sign-in-approval');
  expect(await phone.type(other(digits))).toMatch(/Not the same digits/);
  // Loaded anew, it is the same request: the phone is not asked twice.
  await page.reload();
  expect(await digitsOn(page)).toBe(digits);
  expect(await phone.type(digits)).toContain('browser');
  await page.waitForURL(`${house.origin}/phones`);
  await desk.context.close();

  // Somebody else has the password: turned down, then digits that died of wrong tries.
  const stranger = await visitor({ view: 'phone', theme: 'dark' });
  await typePassword(stranger.page);
  await digitsOn(stranger.page);
  await looksRight(stranger, 'sign-in-approval');
  await stranger.page.setViewportSize({ width: 320, height: 640 });
  expect(await stranger.overflow()).toBe(0);
  await stranger.page.setViewportSize({ width: 390, height: 844 });
  await phone.deny();
  await stranger.page.getByText('This was turned down on the phone. Nobody was signed in.').waitFor();
  await looksRight(stranger, 'sign-in-denied');
  await stranger.page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await button(stranger.page, 'Sign in').click();
  const dying = await digitsOn(stranger.page);
  for (let tries = 0; tries < 3; tries += 1) await phone.type(other(dying));
  await button(stranger.page, 'New digits').waitFor();
  await looksRight(stranger, 'sign-in-digits-over');
  await button(stranger.page, 'New digits').click();
  await expect.poll(() => digitsOn(stranger.page)).not.toBe(dying);

  // No phone at hand: a code, wrong first; it is sent at the sixth digit.
  await button(stranger.page, 'Use a one-time code').click();
  const field = stranger.page.getByLabel('One-time code');
  await field.fill('000 000');
  await stranger.page.getByText('That is not the code of now.').waitFor();
  await looksRight(stranger, 'sign-in-code');
  await field.pressSequentially(codeAt(textKey, now()).replace(/(\d{3})/, '$1 '));
  await stranger.page.waitForURL(`${house.origin}/`);

  // A recovery code, once.
  await stranger.context.clearCookies();
  await stranger.go('/sign-in');
  await stranger.page.getByLabel('Password', { exact: true }).fill(goodPassword);
  await button(stranger.page, 'Sign in').click();
  // The way used last here comes first.
  await title(stranger.page, 'Type a one-time code');
  await button(stranger.page, 'Use a recovery code').click();
  await looksRight(stranger, 'sign-in-recovery');
  await stranger.page.getByLabel('Recovery code').fill(phone.recoveryCodes[0] ?? '');
  await button(stranger.page, 'Go on').click();
  await stranger.page.waitForURL(`${house.origin}/`);
  await stranger.context.close();
});

it('lets people in by an invitation, asks for a second lock where the box wants one, and unlocks a page left alone', async () => {
  const bob = await invited('Bob');
  const one = await house.visit({ view: 'phone', theme: 'light' });
  const { page } = one;
  await one.go('/join');
  await title(page, 'Type the code');
  await page.getByLabel('Code').fill('NOT-A-CODE');
  await button(page, 'Go on').click();
  await title(page, 'This invitation does not work');
  await looksRight(one, 'join-unknown');
  await one.go(`/join${bob.hash}`);
  await title(page, 'Welcome, Bob');
  await page.getByLabel('New password').fill('Bob Bob Bob Bob Bob');
  await button(page, 'Set this password').click();
  await page.getByText('That password will not do.').waitFor();
  await looksRight(one, 'join');
  await page.getByLabel('New password').fill(bobsPassword);
  await button(page, 'Set this password').click();
  await title(page, 'Bob, your password is set');
  expect(page.url()).toBe(`${house.origin}/join`);
  await looksRight(one, 'joined');
  await page.getByRole('link', { name: 'Go to my photos' }).click();
  await page.waitForURL(`${house.origin}/`);
  await one.context.close();

  await setPolicy({ secondFactorRequired: true, idleLockMinutes: 1, passwordExpiryDays: null });
  const two = await visitor({ view: 'desktop', theme: 'dark' }, '/photos');
  await typePassword(two.page, 'Bob', bobsPassword);
  await title(two.page, 'Add a second lock');
  const key = (await two.page.locator('.copy-line code').textContent()) ?? '';
  await looksRight(two, 'sign-in-enrol');
  await two.page.getByLabel('The six digits that it shows').fill(codeAt(key, now()));
  await title(two.page, 'Keep these ten codes');
  await looksRight(two, 'sign-in-sheet');
  await two.page.getByLabel('I wrote them down').check();
  await button(two.page, 'Go on').click();
  await two.page.waitForURL(`${house.origin}/photos`);

  // Left alone; what is asked next finds it locked.
  clock.aheadMs += 2 * 60_000;
  await two.go('/security');
  await title(two.page, 'This page was left alone');
  await looksRight(two, 'sign-in-locked');
  await two.page.getByLabel('Password', { exact: true }).fill('not his password');
  await button(two.page, 'Unlock').click();
  await two.page
    .getByText(/not the password|password is wrong|not your password/i)
    .first()
    .waitFor();
  await two.page.getByLabel('Password', { exact: true }).fill(bobsPassword);
  await button(two.page, 'Unlock').click();
  await two.page.waitForURL(`${house.origin}/security`);

  // The password has run out.
  await setPolicy({ secondFactorRequired: false, idleLockMinutes: null, passwordExpiryDays: 1 });
  clock.aheadMs += 3 * 24 * 3_600_000;
  const three = await visitor({ view: 'phone', theme: 'dark' });
  await typePassword(three.page, 'Bob', bobsPassword);
  await title(three.page, 'Type a one-time code');
  await three.page.getByLabel('One-time code').fill(codeAt(key, now()));
  await title(three.page, 'Choose a new password');
  await three.page.getByLabel('New password').fill('otter velvet compass drum');
  await looksRight(three, 'sign-in-new-password');
  await button(three.page, 'Use this password').click();
  await three.page.waitForURL(`${house.origin}/`);
});

async function setPolicy(policy: object): Promise<void> {
  const owner = await house.app.console('PUT', '/api/policy', policy);
  expect(owner.status, owner.text).toBeLessThan(300);
}
