/** A person whose only second factor is a phone: recovery codes for when it is lost, on the whole box. */
import { expect, test } from 'vitest';
import { App } from '../support/app.ts';
import { ApproverKey } from '../support/approver-phone.ts';
import type { Answer } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Browser } from '../support/browser.ts';

const codeForm = /^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/;
const codesOf = (answer: Answer) => answer.json()['recoveryCodes'] as string[];

/** Pairs with a key, in a pairing that this session opens. */
async function pairWithKey(app: App, browser: Browser, phone: string): Promise<Answer> {
  const opened = await browser.ask('POST', '/api/pairings', { phone });
  expect(opened.status, opened.text).toBe(201);
  const { publicKey } = await ApproverKey.make();
  const body = { code: opened.json()['code'], client: 'web-page', approverKey: publicKey };
  const redeemed = await app.ask('POST', '/api/pairings/redeem', {}, body);
  expect([redeemed.status, redeemed.json()['approver']]).toEqual([201, true]);
  return redeemed;
}

/** How a new browser fares with the password and this recovery code. */
async function comesIn(app: App, code: string): Promise<unknown> {
  const browser = new Browser(app);
  const signedIn = await browser.signIn('Alice', goodPassword);
  expect(signedIn.json()).toMatchObject({ stage: 'second-factor', ways: ['approval', 'recovery'] });
  const answer = await browser.ask('POST', '/api/sessions/current/recovery', { code });
  return answer.json()[answer.status < 400 ? 'stage' : 'code'];
}

test('ten codes come with the first phone, open once each, and end with the last one', async () => {
  await using app = await App.start();
  const alice = new Browser(app);
  await alice.ask('POST', '/api/setup', { code: setupCode, person: 'Alice', password: goodPassword });
  const first = await pairWithKey(app, alice, 'Pixel');
  const codes = codesOf(first);
  expect(codes).toEqual(Array<unknown>(10).fill(expect.stringMatching(codeForm)));
  expect(new Set(codes).size).toBe(10);
  const [one = '', two = ''] = codes;
  expect(await comesIn(app, one)).toBe('open');
  expect(await comesIn(app, one)).toBe('wrong-code');

  // While some are left no others come: what was written down stays good.
  const second = await pairWithKey(app, alice, 'Second');
  expect(codesOf(second)).toEqual([]);
  const { publicKey } = await ApproverKey.make();
  const { phoneId } = first.json();
  const registered = await alice.ask('POST', '/api/approvers', { publicKey, phoneId });
  expect([registered.status, codesOf(registered)]).toEqual([201, []]);
  expect(await comesIn(app, two)).toBe('open');

  // With the last factor they are over, and the next one brings its own.
  for (const id of [phoneId, second.json()['phoneId']]) {
    expect((await alice.ask('DELETE', `/api/phones/${id}`)).status).toBe(204);
  }
  expect((await new Browser(app).signIn('Alice', goodPassword)).json()['stage']).toBe('open');
  const fresh = codesOf(await pairWithKey(app, alice, 'Third'));
  expect(fresh).toHaveLength(10);
  expect(await comesIn(app, codes[2] ?? '')).toBe('wrong-code');
  expect(await comesIn(app, fresh[0] ?? '')).toBe('open');

  // Used up to the last: the phone that is registered again brings ten more.
  const list = (await alice.ask('GET', '/api/approvers')).json()['approvers'] as Array<{ phoneId: string }>;
  for (const code of fresh.slice(1)) expect(await comesIn(app, code)).toBe('open');
  const again = await ApproverKey.make();
  const renewed = await alice.ask('POST', '/api/approvers', {
    publicKey: again.publicKey,
    phoneId: list[0]?.phoneId,
  });
  expect(codesOf(renewed)).toHaveLength(10);
  const log = app.logged.join('');
  for (const code of [...codes, ...fresh, ...codesOf(renewed)]) expect(log).not.toContain(code);
}, 60_000);
