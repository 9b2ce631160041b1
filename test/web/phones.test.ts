/** Pairing as the two who do it see it, the list of phones, one phone's page, and how a phone leaves. */
import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { ask } from '../support/asking.ts';
import { goodPassword } from '../support/box-state.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { type Page, type Visitor, WebHouse } from '../support/web.ts';

async function isFine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

/** The code as the panel shows it. */
async function codeOn(page: Page): Promise<string> {
  return (await page.getByText(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/).innerText()).trim();
}

/** Tells of what it has: what is safe, what waits, what the box refuses, or the phone could not read. */
async function tell(phone: HandPhone, unreadable: readonly string[]): Promise<void> {
  await phone.json('POST', '/api/phone/plan', {
    nextAt: Date.now() + 5 * 3_600_000,
    client: 'nightjar-phone',
    clientVersion: '0.1.0',
  });
  const items = Array.from({ length: 3 }, (_, at) => ({ path: `DCIM/${at}.jpg`, size: 5, mtime: null }));
  await phone.json('POST', '/api/phone/items/check', { items });
  await phone.json('POST', '/api/phone/inventory/finish', {
    startedAt: 0,
    unreadable: unreadable.map((path) => ({ path })),
  });
}

it('pairs the first phone: trust, then the picture or the code, then what joined', async () => {
  await using house = await WebHouse.start();
  const owner = await house.visit();
  await owner.signIn();
  const { page } = owner;
  await owner.go('/phones');
  await page.getByText('Pair the first phone. It takes about two minutes.').waitFor();
  await owner.shot('phones-empty');
  await isFine(owner);
  await page.getByRole('link', { name: 'Pair the first phone' }).click();
  await page.getByRole('heading', { name: 'First, the phone gets to trust the box' }).waitFor();
  const picture = await page.getByRole('img', { name: 'The picture to scan first' }).boundingBox();
  expect(Math.min(picture?.width ?? 0, picture?.height ?? 0)).toBeGreaterThanOrEqual(240);
  const welcome = await page.locator('.pairing code').innerText();
  expect(welcome).toMatch(/^http:\/\//);
  const code = await codeOn(page);
  await owner.shot('pair-panel-trust');
  await isFine(owner);
  // A page that is loaded again has the same code.
  await page.reload();
  expect(await codeOn(page)).toBe(code);

  const height = (await page.locator('.pairing').boundingBox())?.height;
  const probe = { path: '/static/probe.svg', port: house.app.httpsPort, localAddress: '127.0.0.2' };
  const root = await fetch(`${house.origin}/nightjar-root.der`);
  const ca = new X509Certificate(Buffer.from(await root.arrayBuffer())).toString();
  expect((await ask({ ...probe, tls: { ca, servername: 'localhost' } })).status).toBe(200);
  await page.getByRole('heading', { name: 'Now scan this one' }).waitFor();
  await page.getByText('The phone trusts the box now.').first().waitFor();
  expect(await codeOn(page)).toBe(code);
  expect((await page.locator('.pairing').boundingBox())?.height).toBe(height);
  const link = new URL(await page.locator('.pairing code').innerText());
  await owner.shot('pair-panel-scan');
  await isFine(owner);

  const phone = await house.visit({ view: 'phone' });
  await phone.go(`/pair${link.hash}`);
  await page.getByText('The invitation is open on a phone.').waitFor();
  await phone.page.getByLabel('Name of this phone').fill('Alice’s Pixel');
  await phone.page.getByRole('button', { name: 'Pair this phone' }).click();
  await page.getByRole('heading', { name: /^Alice’s Pixel joined at \d\d:\d\d$/ }).waitFor();
  await owner.shot('pair-panel-joined');
  await isFine(owner);

  await page.getByRole('link', { name: 'Show the phone' }).click();
  await page.getByRole('heading', { name: 'Alice’s Pixel', level: 1 }).waitFor();
  await page.getByText('Alice’s Pixel joined today at').waitFor();
  await page.getByRole('button', { name: 'Not mine' }).click();
  await owner.shot('phone-not-mine');
  await isFine(owner);
  await page.getByRole('button', { name: 'Turn Alice’s Pixel away' }).click();
  // With it goes a second lock: the box may ask once more who it is.
  const password = page.getByLabel('Password', { exact: true });
  const empty = page.getByText('Pair the first phone. It takes about two minutes.');
  await password.or(empty).first().waitFor();
  if (await password.isVisible()) {
    await password.fill(goodPassword);
    await page.getByRole('button', { name: 'Go on' }).click();
  }
  await empty.waitFor();
  expect((await house.app.console('GET', '/api/phones')).json()).toEqual({ phones: [] });
});

it('asks for whom, and says when the phone was the wrong one or the code ran out', async () => {
  await using house = await WebHouse.start();
  await house.app.console('POST', '/api/people', { person: 'Tom' });
  const owner = await house.visit({ view: 'phone', theme: 'dark' });
  await owner.signIn();
  const { page } = owner;
  await page.clock.install();
  await owner.go('/phones/pair');
  await page.getByLabel('Alice (you)').waitFor();
  await page.getByLabel('Somebody new').check();
  await owner.shot('pair-who');
  await isFine(owner);
  await page.getByLabel('Their name').fill('Mia');
  await page.getByRole('button', { name: 'Show the code' }).click();
  await page.getByText('For Mia').waitFor();
  const code = await codeOn(page);
  await owner.shot('pair-panel-trust', { full: true });
  await isFine(owner);
  expect((await house.app.ask('POST', '/api/pairings/refuse', {}, { code })).status).toBe(204);
  await page.getByRole('heading', { name: 'Somebody said: this is not my phone' }).waitFor();
  await owner.shot('pair-panel-refused');
  await isFine(owner);
  await page.getByRole('button', { name: 'New code' }).click();
  expect(await codeOn(page)).not.toBe(code);
  await page.clock.fastForward('15:01');
  await page.getByRole('heading', { name: 'The code ran out' }).waitFor();
  await owner.shot('pair-panel-expired');
  await isFine(owner);
  await page.setViewportSize({ width: 1440, height: 900 });
  await owner.shot('pair-panel-expired-wide');
});

it('lists phones with how it stands with each; the names of files stay their person’s', async () => {
  await using house = await WebHouse.start();
  const alices = await house.app.pair('Alice', 'Alice’s Pixel');
  await tell(alices, ['DCIM/secret-alice.jpg']);
  const toms = await house.app.pair('Tom', 'Tom’s iPhone');
  await tell(toms, ['DCIM/secret-tom.jpg', 'DCIM/secret-too.jpg']);
  await house.app.pair('Tom', 'Tom’s tablet');
  for (const [view, theme] of [
    ['desktop', 'light'],
    ['phone', 'dark'],
  ] as const) {
    const owner = await house.visit({ view, theme });
    await owner.signIn();
    const { page } = owner;
    await owner.go('/phones');
    await page.getByText('3 phones bring their photos here.').waitFor();
    await page.getByRole('link', { name: /Tom’s iPhone.*2 refused/s }).waitFor();
    await owner.shot('phones', { full: true });
    await isFine(owner);
    await owner.go(`/phones/${toms.phoneId}`);
    await page.getByText('2 files were refused').waitFor();
    await page.getByText('The phone could not read this file.').waitFor();
    await page.getByText('their names are their owner’s alone').waitFor();
    expect(await page.content()).not.toContain('secret');
    await owner.shot('phone-of-another', { full: true });
    await isFine(owner);
    await owner.go(`/phones/${alices.phoneId}`);
    await page.getByText('DCIM/secret-alice.jpg').waitFor();
    await page.getByText('0 of 4 are here').waitFor();
    await owner.shot('phone', { full: true });
    await isFine(owner);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await owner.overflow()).toBe(0);
    await owner.context.close();
  }
  const refused = (headers: Record<string, string>, { phoneId }: HandPhone) =>
    house.app.ask('GET', `/api/phones/${phoneId}/refused`, headers);
  expect((await refused({ cookie: await house.app.signIn() }, toms)).json()).toEqual({
    refusals: [{ code: 'unreadable', reason: expect.any(String), count: 2, paths: [] }],
  });
});

it('shows a member their own phones alone, and lets them pair one and turn it away at once', async () => {
  await using house = await WebHouse.start();
  await house.app.pair('Alice', 'Alice’s Pixel');
  const added = await house.app.console('POST', '/api/people', { person: 'Tom' });
  const { link } = (added.json() as { invitation: { link: string } }).invitation;
  const secret = new URLSearchParams(new URL(link).hash.slice(1)).get('s');
  await tell(await house.app.pair('Tom', 'Tom’s iPhone'), ['DCIM/secret-tom.jpg']);
  const member = await house.visit({ view: 'phone', theme: 'light' });
  const given = { data: { secret, password: 'a heron on the weir at seven' } };
  expect((await member.context.request.post(`${house.origin}/api/invitations/redeem`, given)).status()).toBe(201);
  const { page } = member;
  await member.go('/phones');
  await page.getByText('1 phone of yours brings its photos here.').waitFor();
  expect(await page.content()).not.toContain('Alice');
  await member.shot('phones-of-a-member');
  await isFine(member);
  await page.getByRole('link', { name: /Tom’s iPhone.*1 refused/s }).click();
  await page.getByText('DCIM/secret-tom.jpg').waitFor();

  await member.go('/phones/pair');
  const code = await codeOn(page);
  await expect.poll(() => page.getByRole('button', { name: 'It is for somebody else' }).count()).toBe(0);
  const redeemed = await house.app.ask('POST', '/api/pairings/redeem', {}, { code, phone: 'A stranger' });
  expect(redeemed.json()).toMatchObject({ person: 'Tom' });
  await page.getByRole('heading', { name: /^A stranger joined at/ }).waitFor();
  await page.getByRole('link', { name: 'Show the phone' }).waitFor();
  await page.getByRole('button', { name: 'Not mine' }).click();
  await page.getByRole('button', { name: 'Turn A stranger away' }).click();
  await page.getByRole('heading', { name: 'A stranger was turned away' }).waitFor();
  // There is nothing to show of it any more.
  await expect.poll(() => page.getByRole('link', { name: 'Show the phone' }).count()).toBe(0);
  await member.shot('pair-panel-turned-away');
  await isFine(member);
  await page.getByRole('button', { name: 'New code' }).click();
  expect(await codeOn(page)).not.toBe(code);
});

it('says that there is no code while the box does not answer, and makes one when it does', async () => {
  await using house = await WebHouse.start();
  const owner = await house.visit({ theme: 'dark' });
  await owner.signIn();
  const { page } = owner;
  await owner.go('/phones');
  await page.getByRole('link', { name: 'Pair the first phone' }).waitFor();
  await page.route('**/api/pairings**', (route) => route.abort());
  await page.getByRole('link', { name: 'Pair the first phone' }).click();
  await page.getByText('There is no code yet.').waitFor();
  await page.getByText('The box does not answer.').waitFor();
  await owner.shot('pair-panel-silent');
  await isFine(owner);
  await page.unroute('**/api/pairings**');
  await page.getByRole('button', { name: 'New code' }).click();
  await codeOn(page);
  await page.getByRole('heading', { name: 'First, the phone gets to trust the box' }).waitFor();
});

it('changes a name and a folder, replaces a phone, and takes it off after its name was typed', async () => {
  await using house = await WebHouse.start();
  const { phoneId } = await house.app.pair('Alice', 'Old phone');
  const owner = await house.visit();
  await owner.signIn();
  const { page } = owner;
  const listed = async () =>
    ((await house.app.console('GET', '/api/phones')).json() as { phones: Array<Record<string, unknown>> }).phones;
  await owner.go(`/phones/${phoneId}`);
  const save = page.getByRole('button', { name: 'Save name and folder' });
  await expect.poll(() => save.isDisabled()).toBe(true);
  await page.getByLabel('Folder on the box').fill('Photos/Tom');
  await save.click();
  await page.getByText(/The folder has to be/).waitFor();
  await owner.shot('phone-folder-refused');
  await page.getByLabel('Folder on the box').fill('Photos/Alice/Pixel');
  await page.getByLabel('Name of the phone').fill('Alice’s Pixel');
  await save.click();
  await page.getByText('Saved.').waitFor();
  await page.getByRole('heading', { name: 'Alice’s Pixel', level: 1 }).waitFor();
  expect(await listed()).toMatchObject([{ name: 'Alice’s Pixel', baseFolder: 'Photos/Alice/Pixel' }]);

  await page.getByRole('link', { name: 'Pair the new phone' }).click();
  await page.getByRole('heading', { name: 'Alice’s Pixel has a new phone' }).waitFor();
  await owner.shot('phone-replace');
  await isFine(owner);
  await page.getByRole('button', { name: 'Pair the new phone' }).click();
  const password = page.getByLabel('Password', { exact: true });
  const shown = page.getByText(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await password.or(shown).first().waitFor();
  if (await password.isVisible()) {
    await password.fill(goodPassword);
    await page.getByRole('button', { name: 'Go on' }).click();
  }
  const code = await codeOn(page);
  // A page that is loaded again goes on with it, and asks for no password.
  await page.reload();
  expect(await codeOn(page)).toBe(code);
  expect((await house.app.ask('POST', '/api/pairings/redeem', {}, { code })).status).toBe(201);
  await page.getByRole('heading', { name: /^Alice’s Pixel joined at/ }).waitFor();
  await page.getByRole('link', { name: 'Show the phone' }).click();

  await page.getByRole('heading', { name: 'Alice’s Pixel', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Take it off', exact: true }).click();
  const off = page.getByRole('button', { name: 'Take Alice’s Pixel off' });
  await expect.poll(() => off.isDisabled()).toBe(true);
  await owner.shot('phone-take-off');
  await isFine(owner);
  // By keyboard alone: the focus is in the field.
  await page.keyboard.type('Alice’s Pixel');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${house.origin}/phones`);
  await page.getByText('Pair the first phone. It takes about two minutes.').waitFor();
  expect(await listed()).toEqual([]);
});
