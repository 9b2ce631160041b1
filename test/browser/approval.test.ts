/**
 * Approving a sign-in as people do it: two browsers with profiles of their own on two hosts of a home network, the box on
 * a third, its certificate installed by its own file. `NIGHTJAR_SCREENSHOTS` names a folder for pictures of each step.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { Lan, type LanHost, lansMissing } from '../support/lan.ts';
import { boxPorts, LanBox } from '../support/lan-box.ts';
import { browsersMissing, LanBrowser, type Page } from '../support/lan-browser.ts';

const missing = (await lansMissing(['curl'])) ?? (await browsersMissing());
if (missing !== undefined) say(`approving in real browsers cannot be tested here: ${missing}`);

const boxAddress = '10.77.0.10';
const origin = `https://nightjar.local:${boxPorts.https}`;
const names = { 'nightjar.local': boxAddress };
const password = 'a long enough password for tests';
const pictures = process.env['NIGHTJAR_SCREENSHOTS'];

async function shot(page: Page, name: string): Promise<void> {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

describe.skipIf(missing !== undefined && maySkip)('approving a sign-in in real browsers', () => {
  let lan: Lan;
  let dir = '';
  let boxHost: LanHost;
  let deskHost: LanHost;
  let phoneHost: LanHost;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Browsers cannot be tested here: ${missing}`);
    if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njt-'));
    lan = await Lan.make();
    boxHost = await lan.host('box', `${boxAddress}/24`);
    deskHost = await lan.host('desk', '10.77.0.23/24');
    phoneHost = await lan.host('phone', '10.77.0.20/24');
  });
  afterEach(async () => {
    await lan.remove();
    await rm(dir, { recursive: true });
  });

  /** The certificate as the welcome page gives it. */
  const fetchRoot = async (host: LanHost) => {
    const root = join(dir, 'nightjar-root.crt');
    await host.exec('curl', '-sf', '-o', root, `http://${boxAddress}:${boxPorts.http}/nightjar-root.crt`);
    return root;
  };
  const button = (name: string) => `role=button[name="${name}"]`;
  const heading = (name: string) => `role=heading[name="${name}"]`;
  const typePassword = async (page: Page) => {
    await page.fill('role=textbox[name="Your name"]', 'Alice');
    await page.fill('role=textbox[name="Password"]', password);
    await page.click(button('Sign in'));
  };
  /** Signed in: the app's own rail is there. */
  const signedIn = (page: Page) => page.waitForSelector('nav.rail', { state: 'visible' });
  const digitsOf = async (page: Page) => {
    await page.waitForSelector('text=/^Type these digits on your phone/', { state: 'visible' });
    const digits = () =>
      page.evaluate<string>("/(\\d{3})\\s*(\\d{3})/.exec(document.body.innerText)?.slice(1).join('') ?? ''");
    await expect.poll(digits).toMatch(/^\d{6}$/);
    return digits();
  };
  /** Types them as a person does; the sixth sends them. */
  const typeDigits = async (phone: Page, digits: string) => {
    await phone.waitForSelector('.approval-asking', { state: 'visible' });
    await phone.fill('.approval .digits input', digits);
  };
  const other = (digits: string) => digits.replace(/\d$/, (last) => String((Number(last) + 1) % 10));
  /** The link of a pairing that the desk's session opens, on the box's name. */
  const pairingLink = async (desk: Page) => {
    const link = await desk.evaluate<string>(`fetch('/api/pairings', {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ phone: 'Alice’s Pixel' }) }).then((reply) => reply.json()).then(({ link }) => link)`);
    return `${origin}/pair${new URL(link).hash}`;
  };
  /** Resolves with the recovery codes that came with the phone's key. */
  const pair = async (desk: Page, phone: Page) => {
    await phone.goto(await pairingLink(desk));
    await phone.click(button('Pair this phone'));
    await phone.waitForSelector('.once-codes', { state: 'visible' });
    await shot(phone, 'phone-joined');
    const recovery = await phone.evaluate<string[]>(
      "[...document.querySelectorAll('.once-codes li')].map((one) => one.textContent)",
    );
    expect(recovery).toHaveLength(10);
    // Shown, and kept nowhere.
    expect(await phone.evaluate('JSON.stringify(localStorage)')).not.toContain(recovery[0]);
    await phone.goto(`${origin}/this-phone`);
    await phone.waitForSelector('text=Approves them', { state: 'visible' });
    return recovery;
  };
  const signOut = async (desk: Page) => {
    await desk.click(button('Alice Owner'));
    await desk.click(button('Sign out'));
    await desk.waitForSelector(heading('Sign in'), { state: 'visible' });
  };

  it('trusts the certificate, makes a key that nothing reads out, and approves by six digits', async () => {
    await using box = await LanBox.start(boxHost);
    await box.daemon.setUp();
    const root = await fetchRoot(deskHost);
    await using desks = await LanBrowser.start(deskHost, { root, names });
    await using phones = await LanBrowser.start(phoneHost, { root, names, phone: true });
    const desk = await desks.page(`${origin}/sign-in`);
    expect(await desk.evaluate('isSecureContext')).toBe(true);
    await desk.waitForSelector(heading('Sign in'), { state: 'visible' });
    await shot(desk, 'desk-password');
    await typePassword(desk);
    await signedIn(desk);
    const phone = await phones.page();
    await pair(desk, phone);
    await shot(phone, 'phone-home');
    expect(await phone.evaluate('isSecureContext')).toBe(true);
    expect(await phone.evaluate(readKey)).toEqual({
      extractable: false,
      exported: 'InvalidAccessError',
      curve: 'P-256',
    });

    // From here on the password alone opens nothing.
    await signOut(desk);
    await typePassword(desk);
    const digits = await digitsOf(desk);
    await expect.poll(() => phone.isVisible('.approval-asking')).toBe(true);
    await shot(desk, 'desk-digits');
    await shot(phone, 'phone-sheet');
    const told = await phone.textContent('.approval-facts');
    for (const fact of ['Chrome on Linux', '10.77.0.23', 'In your home network']) expect(told).toContain(fact);
    expect(await phone.evaluate('document.body.textContent')).not.toContain(digits);
    await typeDigits(phone, other(digits));
    await expect.poll(() => phone.textContent('#approval-lead')).toBe('Not the same digits. 2 tries left.');
    await shot(phone, 'phone-wrong');
    await typeDigits(phone, digits);
    await phone.waitForSelector(heading('Signed in'), { state: 'visible' });
    await signedIn(desk);
    await shot(phone, 'phone-approved');
    await shot(desk, 'desk-done');

    // Somebody else with the password: turned down, and out at once.
    await phone.click(button('Done'));
    await signOut(desk);
    await typePassword(desk);
    await digitsOf(desk);
    await phone.waitForSelector('.approval-asking', { state: 'visible' });
    await phone.click(button('This is not me'));
    await phone.waitForSelector(heading('Turned down'), { state: 'visible' });
    await shot(phone, 'phone-denied');
    await desk.waitForSelector('text=This was turned down on the phone. Nobody was signed in.', { state: 'visible' });
    await shot(desk, 'desk-denied');
    expect([...desks.complaints, ...phones.complaints]).toEqual([]);
  });

  it('shows one-time codes on the phone, and registers a phone again whose storage was cleared', async () => {
    await using box = await LanBox.start(boxHost);
    await box.daemon.setUp();
    const root = await fetchRoot(deskHost);
    await using desks = await LanBrowser.start(deskHost, { root, names });
    await using phones = await LanBrowser.start(phoneHost, { root, names, phone: true });
    const desk = await desks.page(`${origin}/sign-in`);
    await typePassword(desk);
    await signedIn(desk);
    const phone = await phones.page();
    const recovery = await pair(desk, phone);

    // The phone signs in on itself: one tab shows the digits, the other takes them.
    await phone.goto(`${origin}/this-phone/codes`);
    await phone.click('role=link[name="Show codes on this phone"]');
    await phone.waitForURL(/\/sign-in/);
    const itself = await phones.page(`${origin}/this-phone`);
    await typePassword(phone);
    await typeDigits(itself, await digitsOf(phone));
    await phone.waitForURL(/\/this-phone/);
    await itself.close();
    await phone.click(button('Show codes on this phone'));
    // The ten that came with the key are still good: there are no others.
    await phone.waitForSelector('.phone-code-now', { state: 'visible' });
    await shot(phone, 'phone-codes');
    expect(await phone.evaluate(readCodeKey)).toEqual({ extractable: false, exported: 'InvalidAccessError' });

    // The code of the next step: the one that confirmed it is used up.
    const used = await phone.textContent('.phone-code-now');
    await expect.poll(() => phone.textContent('.phone-code-now'), { timeout: 60_000 }).not.toBe(used);
    await desk.goto(`${origin}/sign-in`);
    await typePassword(desk);
    await digitsOf(desk);
    await desk.click(button('Use a one-time code'));
    await desk.waitForSelector(heading('Type a one-time code'), { state: 'visible' });
    await shot(desk, 'desk-code');
    // The sixth digit sends it.
    await desk.fill('role=textbox[name="One-time code"]', (await phone.textContent('.phone-code-now')) ?? '');
    await signedIn(desk);

    const token = await phone.evaluate<string>(readToken);
    await phone.goto(`${origin}/api/health`);
    await phones.clearData(phone, origin);
    await phone.goto(`${origin}/this-phone`);
    await phone.waitForSelector('role=link[name="It was paired before"]', { state: 'visible' });
    await shot(phone, 'phone-stranger');
    await phone.click('role=link[name="It was paired before"]');
    await phone.click('main >> role=link[name="Sign in"]');
    await phone.waitForURL(/\/sign-in/);
    await typePassword(phone);
    // The phone that asks is the one that could approve.
    await digitsOf(phone);
    await shot(phone, 'phone-digits');
    await phone.click(button('Use a recovery code'));
    await phone.fill('role=textbox[name="Recovery code"]', recovery[0] ?? '');
    await phone.click(button('Go on'));
    await phone.waitForURL(/\/this-phone/);
    await phone.waitForSelector(button('Register this phone'), { state: 'visible' });
    await shot(phone, 'phone-register');
    await phone.click(button('Register this phone'));
    await phone.waitForSelector('text=Approves them', { state: 'visible' });
    const args = ['-sk', '-o', '/dev/null', '-w', '%{http_code}', '-H', `authorization: Bearer ${token}`];
    const url = `https://${boxAddress}:${boxPorts.https}/api/approvals`;
    expect(await phoneHost.exec('curl', ...args, url)).toBe('401');

    // A change of the second factor has ended the person's other sessions.
    await desk.goto(`${origin}/sign-in`);
    await desk.waitForSelector(heading('Sign in'), { state: 'visible' });
    await typePassword(desk);
    await desk.waitForSelector(heading('Type a one-time code'), { state: 'visible' });
    await desk.click(button('Approve on a phone'));
    await typeDigits(phone, await digitsOf(desk));
    await signedIn(desk);
    const { phones: listed } = (await box.daemon.console('GET', '/api/phones')) as { phones: unknown[] };
    expect(listed).toHaveLength(1);
    expect([...desks.complaints, ...phones.complaints]).toEqual([]);
  });

  it('meets a browser without the certificate with the welcome page first, and a warning on https', async () => {
    await using box = await LanBox.start(boxHost);
    await box.daemon.setUp();
    await using stranger = await LanBrowser.start(phoneHost, { names, phone: true });
    const page = await stranger.page(`http://nightjar.local:${boxPorts.http}/`);
    expect(await page.evaluate('document.body.textContent')).toContain('certificate');
    expect(await page.isVisible('.android a[href="/nightjar-root.crt"]')).toBe(true);
    await shot(page, 'phone-welcome');
    await expect(page.goto(`${origin}/this-phone`)).rejects.toThrow(/ERR_CERT_AUTHORITY_INVALID/);
  });
});

const openStore = `new Promise((resolve, reject) => {
  const opening = indexedDB.open('nightjar');
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => resolve(opening.result.transaction('keys').objectStore('keys'));
})`;
const exportOf = (key: string, form: string) =>
  `crypto.subtle.exportKey('${form}', ${key}).then(() => 'yes', (error) => error.name)`;
const readToken = `${openStore}.then((store) => new Promise((resolve) => {
  store.get('phone').onsuccess = ({ target: { result } }) => resolve(result.token);
}))`;
const readKey = `${openStore}.then((store) => new Promise((resolve) => {
  store.get('approver').onsuccess = async ({ target: { result: { pair } } }) => resolve({
    extractable: pair.privateKey.extractable,
    exported: await ${exportOf('pair.privateKey', 'pkcs8')},
    curve: pair.privateKey.algorithm.namedCurve });
}))`;
const readCodeKey = `${openStore}.then((store) => new Promise((resolve) => {
  store.get('codes').onsuccess = async ({ target: { result: { key } } }) => resolve({
    extractable: key.extractable, exported: await ${exportOf('key', 'raw')} });
}))`;
