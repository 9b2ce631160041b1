import { afterAll, beforeAll, expect, it } from 'vitest';
import { Hook, MailServer } from '../support/channel-servers.ts';
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
  // Its machine is somebody's own: said in one sentence each, and nothing is offered.
  await page.getByText('its network, restarts, updates and ssh are looked after there').waitFor();
  for (const way of ['network', 'machine', 'remote-shell', 'updates']) {
    await visitor.go(`/settings/${way}`);
    await page.getByText('Nightjar runs here on a computer that also does other things').waitFor();
    expect(await page.locator('main button').count(), way).toBe(0);
  }
  await visitor.shot('settings-not-here');
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

it('sets the nights, and tells by mail and webhook only what it was switched on for, with the real outcome', async () => {
  await using hook = await Hook.open();
  const server = await MailServer.open();
  const visitor = await house.visit({ view: 'phone', theme: 'dark' });
  const { page } = visitor;
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByLabel('A night begins at').fill('22:00');
  await page.getByLabel('It ends at').fill('22:30');
  await page.getByLabel('Nights without a phone').fill('61');
  await page.getByText('A whole number from 1 to 60.').waitFor();
  await page.getByLabel('Nights without a phone').fill('4');
  await button('Save the nights').click();
  await page.getByText('The window has to be open for an hour at least').waitFor();
  await page.getByLabel('It ends at').fill('07:00');
  await button('Save the nights').click();
  await button('Save the nights').waitFor({ state: 'hidden' });
  const asked = async (path: string) => (await visitor.context.request.get(`${house.origin}${path}`)).json();
  expect(await asked('/api/nights')).toMatchObject({ opensAt: '22:00', closesAt: '07:00', silentNights: 4 });

  expect(await asked('/api/channels')).toEqual({ mail: null, webhook: null });
  await button('Set up E-mail').click();
  await page.getByLabel('Mail server').fill('smtp.example.org');
  await page.getByText(/It leaves your home by smtp\.example\.org: names/).waitFor();
  await visitor.shot('settings-mail', { full: true });
  expect(await visitor.axe()).toEqual([]);
  await page.getByLabel('Mail server').fill('127.0.0.1');
  await page.getByLabel('How it is secured').selectOption('none');
  await expect.poll(() => page.getByLabel('Port', { exact: true }).inputValue()).toBe('25');
  await page.getByText('It stays in your home network. It travels in clear').waitFor();
  await page.getByLabel('Port', { exact: true }).fill(String(server.port));
  await page.getByLabel('From').fill('box@home.test');
  await page.getByLabel('To', { exact: true }).fill('alice@home.test, bob@home.test');
  await page.getByLabel('What it tells of alerts').selectOption('act');
  await button('Save E-mail').click();
  await page.getByText('To alice@home.test, bob@home.test').waitFor();
  await button('Send a test').click();
  await page.getByText('The mail server took the test.').waitFor();
  expect(server.mails.length).toBe(1);
  await server[Symbol.asyncDispose]();
  await button('Send a test').click();
  await page.getByRole('alert').getByText('The test was not sent: Nothing takes connections there.').waitFor();
  expect(await asked('/api/channels')).toMatchObject({ mail: { enabled: true, alerts: 'act', reports: true } });

  await button('Set up Webhook').click();
  await page.getByLabel('Address').fill(hook.url);
  await page.getByLabel('Token').fill('tk_4711');
  await page.getByRole('switch', { name: 'Switched on' }).uncheck();
  await button('Save Webhook').click();
  await page.getByText(`At ${new URL(hook.url).origin}`).waitFor();
  await page.getByRole('region', { name: 'Webhook' }).getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('The other side took the test.').waitFor();
  expect(hook.taken[0]?.headers.authorization).toBe('Bearer tk_4711');
  expect(await page.content()).not.toMatch(/4711|nobody-guesses/);
  await visitor.shot('settings-channels', { full: true });
  expect(await visitor.axe()).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await visitor.overflow()).toBe(0);
  await button('Forget E-mail').click();
  await button('Set up E-mail').waitFor();
  expect(await asked('/api/channels')).toMatchObject({ mail: null, webhook: { enabled: false } });
});
