/**
 * Every row of what the product grew from (two-factor sign-in, mobile backup, the security page of a backup service), each
 * as people live it, over HTTP on the whole box. Codes come from `oathtool` where a person would read them off an app.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import { maySkip, say } from '../support/counts.ts';
import { HandPhone } from '../support/hand-phone.ts';
import { day, House, minute, must, problem, second, sendCode, stage } from '../support/house.ts';

const otherPassword = 'quite another four words';
const hasOathtool = spawnSync('oathtool', ['--version']).error === undefined;
if (!hasOathtool)
  say('SKIPPED in part: oathtool is not installed, so the codes in the seeds are the box’s own opinion');

/** The code that an app shows whose only knowledge is the text key and the time. */
function appCode(house: House, textKey: string): string {
  if (!hasOathtool) {
    expect(maySkip, 'oathtool is not installed').toBe(true);
    return house.codeNow(textKey);
  }
  const now = `--now=@${Math.floor(house.clock.ms / second)}`;
  const { stdout } = spawnSync('oathtool', ['--totp', '--base32', now, textKey.replaceAll(' ', '')], {
    encoding: 'utf8',
  });
  return stdout.trim();
}

describe('two-factor', () => {
  test('Password lock first, then the second factor is offered', async () => {
    await using house = await House.make();
    const { textKey } = await house.enrol(house.alice);
    const browser = house.browser();
    // Without the password there is no word of a second factor, for her as for nobody.
    const wrong = await browser.signIn('Alice', 'not her password');
    expect(problem(wrong)).toEqual([401, 'wrong-password']);
    expect(wrong.text).toBe((await browser.signIn('Zoe', 'not her password')).text);
    expect(wrong.headers['set-cookie']).toBeUndefined();
    expect(problem(await sendCode(browser, appCode(house, textKey)))).toEqual([401, 'unauthenticated']);
    const step = await browser.signIn('Alice', goodPassword);
    expect(must(step, 201)).toMatchObject({ stage: 'second-factor', ways: ['code', 'recovery'] });
    expect(problem(await browser.ask('GET', '/api/assets'))).toEqual([403, 'sign-in-incomplete']);
    expect(stage(await sendCode(browser, appCode(house, textKey)))).toEqual([200, 'open']);
    expect((await browser.ask('GET', '/api/assets')).status).toBe(200);
  });

  test('Approval request on a registered phone, with a one-time code as the way out', async () => {
    await using house = await House.make();
    const phone = await house.approver(house.alice, 'Pixel');
    const { textKey } = await house.enrol(house.alice);
    const browser = house.browser();
    expect(must(await browser.signIn('Alice', goodPassword), 201)['ways']).toEqual(['approval', 'code', 'recovery']);
    const ask = async () => must(await browser.ask('POST', '/api/sessions/current/approval'), 201);
    const state = (id: unknown) => browser.ask('GET', `/api/sessions/current/approval/${id}`);
    const first = await ask();
    expect(first).toMatchObject({ digits: expect.stringMatching(/^\d{6}$/), approvers: ['Pixel'] });
    // What goes to the phone does not hold the digits: a person carries them there.
    expect((await phone.hand.ask('GET', '/api/approvals')).text).not.toContain(first['digits']);
    expect(must(await state(first['id']), 200)).toEqual({ state: 'open' });
    const other = String((Number(first['digits']) + 1) % 1_000_000).padStart(6, '0');
    expect(problem(await house.approve(phone, other))).toEqual([401, 'wrong-code']);
    expect((await browser.ask('GET', '/api/assets')).status).toBe(403);
    expect((await house.approve(phone, String(first['digits']))).status).toBe(200);
    expect(must(await state(first['id']), 200)).toEqual({ state: 'approved', stage: 'open' });
    expect((await browser.ask('GET', '/api/assets')).status).toBe(200);

    // The phone is in another room: the code opens, and what was asked of the phone is over.
    await browser.ask('DELETE', '/api/sessions/current');
    await browser.signIn('Alice', goodPassword);
    const later = await ask();
    const late = await house.signed(phone, String(later['digits']));
    expect(stage(await sendCode(browser, appCode(house, textKey)))).toEqual([200, 'open']);
    expect(problem(await phone.hand.json('POST', late.path, late.answer))).toEqual([410, 'approval-over']);
  });

  test('Third-party TOTP apps; the phone page generates codes too', async () => {
    await using house = await House.make();
    // An app is told all of RFC 6238 that it needs by the link in the QR code, and nothing that only some of them know.
    const begun = must(await house.alice.ask('POST', '/api/authenticators', { name: 'Some app' }), 201);
    const link = new URL(String(begun['otpauthUrl']));
    expect([link.protocol, link.host, decodeURIComponent(link.pathname)]).toEqual([
      'otpauth:',
      'totp',
      '/nightjar:Alice',
    ]);
    const { secret, issuer, ...more } = Object.fromEntries(link.searchParams);
    expect([secret, issuer]).toEqual([String(begun['textKey']).replaceAll(' ', ''), 'nightjar']);
    const usual = { algorithm: 'SHA1', digits: '6', period: '30' };
    expect({ ...usual, ...more }).toEqual(usual);
    const confirm = (code: string) => house.alice.ask('POST', `/api/authenticators/${begun['id']}/confirm`, { code });
    expect((await confirm(appCode(house, secret ?? ''))).status).toBe(200);

    // The page keeps the same bytes as an HMAC key that cannot be read out, and computes as RFC 4226 says.
    house.clock.ms += 30 * second;
    const page = must(await house.alice.ask('POST', '/api/authenticators', { name: 'Pixel' }), 201);
    const pageCode = await codeByWebCrypto(String(page['textKey']), house.clock.ms);
    expect(pageCode).toBe(appCode(house, String(page['textKey'])));
    const path = `/api/authenticators/${page['id']}/confirm`;
    expect((await house.alice.ask('POST', path, { code: pageCode })).status).toBe(200);
    house.clock.ms += 30 * second;
    for (const code of [appCode(house, secret ?? ''), await codeByWebCrypto(String(page['textKey']), house.clock.ms)]) {
      const browser = house.browser();
      await browser.signIn('Alice', goodPassword);
      expect(stage(await sendCode(browser, code))).toEqual([200, 'open']);
    }
  });

  test('Several registered devices, added and removed', async () => {
    await using house = await House.make();
    const [one, two] = [await house.enrol(house.alice, 'Phone'), await house.enrol(house.alice, 'Tablet')];
    const pixel = await house.approver(house.alice, 'Pixel');
    const galaxy = await house.approver(house.alice, 'Galaxy');
    const names = async (path: string, list: string) =>
      (must(await house.alice.ask('GET', path), 200)[list] as Array<{ name: string }>).map(({ name }) => name);
    expect(await names('/api/authenticators', 'authenticators')).toEqual(['Phone', 'Tablet']);
    expect(await names('/api/approvers', 'approvers')).toEqual(['Pixel', 'Galaxy']);
    const signIn = async () => {
      const browser = house.browser();
      await browser.signIn('Alice', goodPassword);
      return browser;
    };
    for (const { textKey } of [one, two]) {
      expect(stage(await sendCode(await signIn(), appCode(house, textKey)))).toEqual([200, 'open']);
    }
    for (const phone of [pixel, galaxy]) {
      const browser = await signIn();
      const asked = must(await browser.ask('POST', '/api/sessions/current/approval'), 201);
      expect(asked['approvers']).toEqual(['Pixel', 'Galaxy']);
      expect((await house.approve(phone, String(asked['digits']))).status).toBe(200);
    }
    // One of each goes, and opens nothing any more; the others go on.
    must(await house.alice.ask('DELETE', `/api/authenticators/${one.id}`), 204);
    must(await house.alice.ask('DELETE', `/api/phones/${pixel.hand.phoneId}`), 204);
    house.clock.ms += minute;
    const browser = await signIn();
    expect(problem(await sendCode(browser, appCode(house, one.textKey)))).toEqual([401, 'wrong-code']);
    const asked = must(await browser.ask('POST', '/api/sessions/current/approval'), 201);
    expect(asked['approvers']).toEqual(['Galaxy']);
    expect((await pixel.hand.ask('GET', '/api/approvals')).status).toBe(401);
    expect(stage(await sendCode(browser, appCode(house, two.textKey)))).toEqual([200, 'open']);
    expect(await names('/api/authenticators', 'authenticators')).toEqual(['Tablet']);

    // Moved to a new phone: the old one's key and token are dead, and its place and name stay.
    await house.confirm();
    const moved = await house.approver(house.alice, 'Galaxy', galaxy.hand.phoneId);
    expect(moved.hand.phoneId).toBe(galaxy.hand.phoneId);
    expect((await galaxy.hand.ask('GET', '/api/approvals')).status).toBe(401);
    const last = await signIn();
    const { digits } = must(await last.ask('POST', '/api/sessions/current/approval'), 201);
    const byOldKey = await house.signed({ ...moved, key: galaxy.key }, String(digits));
    expect(problem(await moved.hand.json('POST', byOldKey.path, byOldKey.answer))).toEqual([403, 'forbidden']);
    expect((await house.approve(moved, String(digits))).status).toBe(200);
  });
});

describe('mobile backup', () => {
  test('Phone registered by QR on the same Wi-Fi; photos and videos go by themselves to the chosen folder; backup and restore', async () => {
    await using house = await House.make();
    const asked = { phone: 'Pixel', baseFolder: 'Photos/Alice/From the Pixel' };
    const opened = must(await house.alice.ask('POST', '/api/pairings', asked), 201);
    // The picture is the link, and the link is all that the phone needs.
    expect(opened['qrSvg']).toMatch(/^<svg/);
    const link = new URL(String(opened['link']));
    expect([link.protocol, link.pathname, link.search]).toEqual(['https:', '/pair', '']);
    const secret = new URLSearchParams(link.hash.slice(1)).get('s');
    const looked = must(await house.app.ask('POST', '/api/pairings/look', {}, { secret }), 200);
    expect(looked).toMatchObject({ person: 'Alice', phone: 'Pixel', baseFolder: asked.baseFolder });
    const paired = must(await house.app.ask('POST', '/api/pairings/redeem', {}, { secret }), 201);
    const auth = { authorization: `Bearer ${paired['token']}` };
    const files = { 'DCIM/IMG_1.jpg': Buffer.from('a photo'), 'DCIM/VID_2.mp4': Buffer.from('a video, moving') };
    const phone = new HandPhone(() => house.app.httpPort, paired as { token: string; phoneId: string });
    for (const [path, bytes] of Object.entries(files)) await phone.send(path, bytes);
    const view = await house.app.filesInView();
    expect(view.filter((path) => path.startsWith(`${asked.baseFolder}/`))).toHaveLength(2);
    // Nothing is sent twice, and all of it comes back.
    const { items } = must(await house.app.ask('GET', '/api/phone/items?limit=10', auth), 200) as {
      items: Array<{ path: string; asset: { id: number; sha256: string } }>;
    };
    expect(items.map(({ path }) => path).sort()).toEqual(Object.keys(files));
    for (const { path, asset } of items) {
      const bytes = files[path as keyof typeof files];
      expect(asset.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      const back = await house.app.ask('GET', `/api/assets/${asset.id}/original`, auth);
      expect([back.status, back.text]).toEqual([200, bytes.toString()]);
    }
  });
});

describe('security page', () => {
  test('Change password: current, new, re-enter', async () => {
    await using house = await House.make();
    const elsewhere = house.browser();
    await elsewhere.signIn('Alice', goodPassword);
    const change = (current: string, password: string, again: string) =>
      house.alice.ask('PUT', '/api/password', { current, password, again });
    expect(problem(await change('not it at all', otherPassword, otherPassword))).toEqual([401, 'wrong-password']);
    expect(problem(await change(goodPassword, otherPassword, `${otherPassword}x`))).toEqual([400, 'invalid-request']);
    expect(problem(await change(goodPassword, 'too short', 'too short'))).toEqual([422, 'weak-password']);
    expect((await change(goodPassword, otherPassword, otherPassword)).status).toBe(204);
    expect((await house.alice.ask('GET', '/api/assets')).status).toBe(200);
    expect((await elsewhere.ask('GET', '/api/assets')).status).toBe(401);
    expect(problem(await elsewhere.signIn('Alice', goodPassword))).toEqual([401, 'wrong-password']);
    expect(stage(await elsewhere.signIn('Alice', otherPassword))).toEqual([201, 'open']);
  });

  test('Enable two-factor: QR or text key, six digits to verify, then asked at every sign-in', async () => {
    await using house = await House.make();
    const begun = must(await house.alice.ask('POST', '/api/authenticators', { name: 'Phone' }), 201);
    const textKey = String(begun['textKey']);
    expect(begun['qrSvg']).toMatch(/^<svg/);
    expect(begun['otpauthUrl']).toContain(textKey.replaceAll(' ', ''));
    // Until six digits were right it asks nobody for anything.
    expect(stage(await house.browser().signIn('Alice', goodPassword))).toEqual([201, 'open']);
    const confirm = (code: string) => house.alice.ask('POST', `/api/authenticators/${begun['id']}/confirm`, { code });
    const right = appCode(house, textKey);
    const wrong = right === '000000' ? '111111' : '000000';
    expect(problem(await confirm(wrong))).toEqual([401, 'wrong-code']);
    expect(stage(await house.browser().signIn('Alice', goodPassword))).toEqual([201, 'open']);
    expect(must(await confirm(right), 200)['recoveryCodes']).toHaveLength(10);
    // At every one from then on: also where she has been before, and the code that verified opens nothing.
    let last = right;
    for (const browser of [house.alice, house.browser(), house.alice]) {
      await browser.ask('DELETE', '/api/sessions/current');
      expect(stage(await browser.signIn('Alice', goodPassword))).toEqual([201, 'second-factor']);
      expect(problem(await sendCode(browser, last))).toEqual([401, 'code-used']);
      house.clock.ms += 30 * second;
      last = appCode(house, textKey);
      expect(stage(await sendCode(browser, last))).toEqual([200, 'open']);
    }
  });

  test('Require two-factor of everyone; password expiry in days', async () => {
    await using house = await House.make();
    const { invitation } = must(await house.alice.ask('POST', '/api/people', { person: 'Bob' }), 201) as {
      invitation: { link: string };
    };
    const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
    const bobs = 'the words that Bob has chosen';
    must(await house.browser().ask('POST', '/api/invitations/redeem', { secret, password: bobs }), 201);
    await house.putPolicy({ secondFactorRequired: true, passwordExpiryDays: 30 });
    // Everyone: the owner too.
    for (const [person, password] of [
      ['Alice', goodPassword],
      ['Bob', bobs],
    ] as const) {
      const browser = house.browser();
      expect(stage(await browser.signIn(person, password))).toEqual([201, 'enrol']);
      expect(problem(await browser.ask('GET', '/api/assets'))).toEqual([403, 'sign-in-incomplete']);
      expect(problem(await browser.ask('POST', '/api/sessions/current/open'))).toEqual([409, 'conflict']);
      const { textKey } = await house.enrol(browser);
      expect(stage(await browser.ask('POST', '/api/sessions/current/open'))).toEqual([200, 'open']);
      expect((await browser.ask('GET', '/api/assets')).status).toBe(200);
      if (person === 'Alice') continue;
      house.clock.ms += 30 * day;
      const late = house.browser();
      await late.signIn(person, password);
      expect(stage(await sendCode(late, appCode(house, textKey)))).toEqual([200, 'new-password']);
      expect((await late.ask('GET', '/api/assets')).status).toBe(403);
      const renewed = await late.ask('POST', '/api/sessions/current/new-password', { password: otherPassword });
      expect(stage(renewed)).toEqual([200, 'open']);
      // Members set no rules.
      const none = { secondFactorRequired: false, passwordExpiryDays: null, idleLockMinutes: null };
      expect(problem(await late.ask('PUT', '/api/policy', none))).toEqual([403, 'forbidden']);
    }
  });
});

/** As web/static/this-phone.js does: RFC 4226, section 5.3, by WebCrypto, with a key that cannot be read out. */
async function codeByWebCrypto(textKey: string, ms: number): Promise<string> {
  const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...textKey.replaceAll(' ', '')]
    .map((one) => symbols.indexOf(one).toString(2).padStart(5, '0'))
    .join('');
  const bytes = Uint8Array.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
  const step = new DataView(new ArrayBuffer(8));
  step.setBigUint64(0, BigInt(Math.floor(ms / 30_000)));
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, step));
  const at = mac.getUint8(19) & 15;
  return String((mac.getUint32(at) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
