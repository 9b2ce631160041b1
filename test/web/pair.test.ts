/** How a phone joins: the page on plain http that waits for trust, then the code or the link, then whose phone it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';
const windows =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

async function fine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

describe('the page on plain http', () => {
  let house: WebHouse;
  beforeAll(async () => {
    // Then loopback http is as any other.
    house = await WebHouse.start({ claimed: false, env: { NIGHTJAR_LOOPBACK_HTTP: 'off' } });
    const owner = { code: setupCode, person: 'Alice', password: goodPassword };
    expect((await house.app.console('POST', '/api/setup', owner)).status).toBe(201);
  });
  afterAll(() => house?.[Symbol.asyncDispose]());
  const mayAsk = /^https:\/\/(nightjar\.local|localhost):\d+\//;

  it.each([
    ['an iPhone', iPhone, 'Settings, “Profile Downloaded”'],
    ['Android', undefined, 'Install anyway'],
  ])('shows the steps of %s, and the others one tap away', async (_, userAgent, words) => {
    const visitor = await house.visit({ view: 'phone', mayAsk, ...(userAgent === undefined ? {} : { userAgent }) });
    const { page } = visitor;
    await visitor.go('/');
    await expect.poll(() => page.locator('section:visible').first().innerText()).toContain(words.split(' ')[0]);
    await expect.poll(() => page.getByRole('heading', { level: 1 }).innerText()).toBe('Trust this box, once');
    await expect.poll(() => page.getByText('Goes on by itself when it works').isVisible()).toBe(true);
    await fine(visitor);
    await visitor.shot(`trust-${userAgent === undefined ? 'android' : 'ios'}`, { full: true });
    await page.getByRole('radio', { name: 'Computer' }).check();
    await expect.poll(() => page.getByText('Keychain Access').isVisible()).toBe(true);
    await expect.poll(() => page.getByRole('link', { name: 'Get the certificate' }).count()).toBe(1);
    await visitor.context.close();
  });

  it('works without a script, at twice the size and on the narrowest screen', async () => {
    const visitor = await house.visit({ view: 'phone', theme: 'dark', mayAsk });
    await visitor.page.setViewportSize({ width: 320, height: 600 });
    await visitor.page.route('**/trust.js', (route) => route.abort());
    await visitor.go('/');
    await expect.poll(() => visitor.page.getByText('I have done this').isVisible()).toBe(true);
    await expect.poll(() => visitor.page.getByText('Goes on by itself').isVisible()).toBe(false);
    await fine(visitor);
    await visitor.shot('trust-narrow', { full: true });
    await visitor.context.close();
  });

  it('goes on by itself to where a phone joins, as soon as the device trusts the box', async () => {
    const stranger = await house.visit({ view: 'phone', mayAsk });
    await stranger.go('/');
    const failed = stranger.page.waitForEvent('requestfailed', (asked) => asked.url().includes('/static/probe.svg'));
    await failed;
    expect(new URL(stranger.page.url()).protocol).toBe('http:');
    await stranger.context.close();

    const phone = await house.visit({ view: 'phone', mayAsk, trusting: true });
    await phone.go('/');
    await phone.page.waitForURL(`https://localhost:${house.app.httpsPort}/pair`);
    await phone.page.getByRole('heading', { level: 1, name: 'Type the pairing code' }).waitFor();
    await phone.context.close();

    const computer = await house.visit({ mayAsk, trusting: true, userAgent: windows });
    await computer.go('/');
    await computer.page.waitForURL(`https://localhost:${house.app.httpsPort}/sign-in`);
    await computer.context.close();
  });
});

describe('the pairing page', () => {
  let house: WebHouse;
  beforeAll(async () => {
    house = await WebHouse.start();
    await house.app.console('POST', '/api/people', { person: 'Tom' });
  });
  afterAll(() => house?.[Symbol.asyncDispose]());
  const invite = async (body: object = { person: 'Tom' }) =>
    (await house.app.console('POST', '/api/pairings', body)).json() as { code: string; link: string };
  const phones = async () =>
    ((await house.app.console('GET', '/api/phones')).json() as { phones: Array<Record<string, unknown>> }).phones;

  it('takes the code, sets its dash, and makes a phone with the name and folder that were chosen', async () => {
    const visitor = await house.visit({ view: 'phone' });
    const { page } = visitor;
    await visitor.go('/pair');
    const field = page.getByLabel('Pairing code');
    await field.fill('ABC');
    await page.getByRole('button', { name: 'Look up the code' }).click();
    await expect.poll(() => page.getByText('A code has eight letters and digits.').isVisible()).toBe(true);
    await visitor.shot('pair-code');
    await fine(visitor);
    const { code } = await invite();
    await field.fill('');
    await field.pressSequentially(code.replace('-', '').toLowerCase());
    await page.getByRole('heading', { name: 'This is Tom’s phone' }).waitFor();
    await expect.poll(() => page.getByLabel('Name of this phone').inputValue()).toBe('Tom’s Pixel 8');
    await visitor.shot('pair-invitation');
    await fine(visitor);
    await page.getByText('Compare with the owner’s screen').click();
    await expect.poll(() => page.locator('.pair-fingerprint').innerText()).toMatch(/^([0-9a-f]{4} ?){16}$/);
    await page.getByLabel('Name of this phone').fill('Tom’s old Pixel');
    await page.getByLabel('Folder on the box').selectOption('Another folder');
    await page.getByLabel('Name of the folder').fill('Photos/Tom/Old phone');
    await page.getByRole('button', { name: 'Pair this phone' }).click();
    await page.getByRole('heading', { name: 'Keep these ten codes' }).waitFor();
    await expect.poll(() => page.locator('.once-codes li').count()).toBe(10);
    await visitor.shot('pair-codes');
    await page.getByRole('button', { name: 'I wrote them down' }).click();
    await page.getByRole('heading', { name: 'Tom’s old Pixel has joined' }).waitFor();
    await visitor.shot('pair-joined');
    await fine(visitor);
    expect(await phones()).toMatchObject([{ name: 'Tom’s old Pixel', baseFolder: 'Photos/Tom/Old phone' }]);
    // Its credential is where no other page of the web looks, and not in the address.
    expect(page.url()).toBe(`${house.origin}/pair`);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toMatch(/token|Bearer/);
    await page.getByRole('link', { name: 'I’ll do this later' }).click();
    await page.getByRole('heading', { name: 'Tom’s old Pixel' }).waitFor();
    await visitor.context.close();
  });

  it('is opened by the link, and says what became of an invitation', async () => {
    const visitor = await house.visit({ view: 'phone', theme: 'dark' });
    const { page } = visitor;
    const { link } = await invite({ person: 'Tom', phone: 'Tom’s tablet' });
    await visitor.go(`/pair${new URL(link).hash}`);
    await page.getByRole('heading', { name: 'This is Tom’s phone' }).waitFor();
    await expect.poll(() => page.getByLabel('Name of this phone').inputValue()).toBe('Tom’s tablet');
    await page.getByText('Or back up with nightjar-phone').click();
    expect(await page.getByText(/^nightjar-phone pair 'https:/).innerText()).toContain(
      new URLSearchParams(new URL(link).hash.slice(1)).get('s'),
    );
    await visitor.shot('pair-by-link', { full: true });
    await fine(visitor);
    await page.getByRole('button', { name: 'This is not my phone' }).click();
    await page.getByRole('heading', { name: 'Nothing was paired' }).waitFor();
    await visitor.shot('pair-refused');
    await visitor.go(`/pair?again${new URL(link).hash}`);
    await page.getByRole('heading', { name: 'This invitation has' }).waitFor();
    await visitor.shot('pair-over');
    await fine(visitor);
    await page.getByRole('button', { name: 'Type a code instead' }).click();
    await page.getByLabel('Pairing code').waitFor();
    await visitor.context.close();
  });

  it('sends an iPhone to its home screen first, which shares nothing with Safari', async () => {
    const visitor = await house.visit({ view: 'phone', userAgent: iPhone });
    const { page } = visitor;
    await visitor.go('/pair');
    await page.getByRole('heading', { name: 'Put Nightjar on the home screen' }).waitFor();
    await expect.poll(() => page.getByText('Step 2 of 4').isVisible()).toBe(true);
    await visitor.shot('pair-home-screen');
    await fine(visitor);
    await page.getByRole('button', { name: 'Pair in Safari all the same' }).click();
    await page.getByText('Step 3 of 4').waitFor();
    await visitor.context.close();
  });
});
