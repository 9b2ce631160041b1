/**
 * What works once, on the real process: the power goes (SIGKILL) as soon as the 2xx is there, the box starts again, and the
 * same is sent once more, by whoever listened or by a client that lost the answer. None of it works twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ApproverKey } from '../support/approver-phone.ts';
import { Daemon, type Reply } from '../support/daemon.ts';
import { secretOf } from '../support/house.ts';
import { codeAt } from '../support/totp.ts';

const password = 'quite another four words';
let dir: string;
let daemon: Daemon;
/** Alice’s open session, confirmed a moment ago. */
let alice: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-replays-'));
  daemon = await Daemon.start({ dir });
  await daemon.setUp();
  alice = await daemon.signIn();
});
afterEach(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const asAlice = (method: string, path: string, json?: unknown, cookie = alice) =>
  daemon.ask(method, path, { headers: { cookie }, ...(json !== undefined && { json }) });

function body(reply: Reply, status: number): Record<string, unknown> {
  expect(reply.status, String(reply.body)).toBe(status);
  return JSON.parse(reply.body.toString()) as Record<string, unknown>;
}

const refusal = (reply: Reply) => [reply.status, body(reply, reply.status)['code']];

/** Does it, kills the box at its answer, and starts it again. */
async function doneAndKilled(act: () => Promise<Reply>, status: number): Promise<Record<string, unknown>> {
  const reply = await act();
  await daemon.kill();
  await daemon.restart();
  return body(reply, status);
}

/** An authenticator that is on; its text key, and when its first code was used. */
async function enrol() {
  const begun = body(await asAlice('POST', '/api/authenticators', { name: 'Phone' }), 201);
  const [textKey, at] = [String(begun['textKey']), Date.now()];
  const path = `/api/authenticators/${begun['id']}/confirm`;
  const { recoveryCodes } = body(await asAlice('POST', path, { code: codeAt(textKey, at) }), 200);
  return { textKey, at, recoveryCodes: recoveryCodes as string[] };
}

test('a one-time code', async () => {
  const { textKey, at } = await enrol();
  const [one, two] = [await daemon.signIn(), await daemon.signIn()];
  // Of the next step: good from now on for a minute at least.
  const code = codeAt(textKey, at, 1);
  const send = (cookie: string) => asAlice('POST', '/api/sessions/current/code', { code }, cookie);
  expect(await doneAndKilled(() => send(one), 200)).toMatchObject({ stage: 'open' });
  expect(refusal(await send(two))).toEqual([401, 'code-used']);
  // Nor does the session that it was for take it again: its token was replaced.
  expect(refusal(await send(one))).toEqual([401, 'unauthenticated']);
});

test('a recovery code', async () => {
  const { recoveryCodes } = await enrol();
  const [one, two] = [await daemon.signIn(), await daemon.signIn()];
  const [code = '', next = ''] = recoveryCodes;
  const send = (cookie: string, typed: string) =>
    asAlice('POST', '/api/sessions/current/recovery', { code: typed }, cookie);
  expect(await doneAndKilled(() => send(one, code), 200)).toMatchObject({ stage: 'open' });
  expect(refusal(await send(two, code))).toEqual([401, 'wrong-code']);
  expect(body(await send(two, next), 200)).toMatchObject({ stage: 'open' });
});

test('an approval: by the phone, and by the browser that it was given to', async () => {
  const key = await ApproverKey.make();
  const { link } = body(await asAlice('POST', '/api/pairings', { phone: 'Pixel' }), 201);
  const brought = { secret: secretOf(String(link)), client: 'web-page', approverKey: key.publicKey };
  const { token, phoneId } = body(await daemon.ask('POST', '/api/pairings/redeem', { json: brought }), 201);
  const browser = await daemon.signIn();
  const askApproval = async () =>
    body(await asAlice('POST', '/api/sessions/current/approval', undefined, browser), 201);
  const { id, digits } = await askApproval();
  const phone = { token: String(token) };
  const { approvals } = body(await daemon.ask('GET', '/api/approvals', phone), 200) as { approvals: [{ at: number }] };
  const of = {
    id: String(id),
    digits: String(digits),
    at: approvals[0].at,
    phoneId: String(phoneId),
    origin: daemon.url,
  };
  const json = await key.answer(of);
  const answer = (to: unknown) => daemon.ask('POST', `/api/approvals/${to}`, { ...phone, json });
  await doneAndKilled(() => answer(id), 200);
  expect(refusal(await answer(id))).toEqual([410, 'approval-over']);

  // Given before the power went, it still lets this one browser in, once.
  const path = `/api/sessions/current/approval/${id}`;
  expect(await doneAndKilled(() => asAlice('GET', path, undefined, browser), 200)).toEqual({
    state: 'approved',
    stage: 'open',
  });
  expect(refusal(await asAlice('GET', path, undefined, browser))).toEqual([401, 'unauthenticated']);
  expect(refusal(await answer(id))).toEqual([410, 'approval-over']);
  // The same signature is no answer to another request, whatever its digits.
  const other = await daemon.signIn();
  const asked = body(await asAlice('POST', '/api/sessions/current/approval', undefined, other), 201);
  expect(refusal(await answer(asked['id']))).toEqual([403, 'forbidden']);
  expect(refusal(await asAlice('GET', path, undefined, other))).toEqual([404, 'not-found']);
});

test('a pairing, by its link and by its code', async () => {
  const opened = body(await asAlice('POST', '/api/pairings', { phone: 'Pixel' }), 201);
  const redeem = (json: object) => daemon.ask('POST', '/api/pairings/redeem', { json });
  const bySecret = { secret: secretOf(String(opened['link'])) };
  const { token } = await doneAndKilled(() => redeem(bySecret), 201);
  for (const again of [bySecret, { code: opened['code'] }]) {
    expect(refusal(await redeem(again))).toEqual([410, 'pairing-used']);
  }
  expect((await daemon.ask('GET', '/api/approvals', { token: String(token) })).status).toBe(200);
  const { phones } = body(await asAlice('GET', '/api/phones'), 200);
  expect(phones).toHaveLength(1);
});

test('an invitation, and the link that the console gives for a forgotten password', async () => {
  const added = body(await asAlice('POST', '/api/people', { person: 'Bob' }), 201);
  const { person, invitation } = added as { person: { id: string }; invitation: { link: string } };
  const redeem = (secret: string, chosen: string) =>
    daemon.ask('POST', '/api/invitations/redeem', { json: { secret, password: chosen } });
  const join = secretOf(invitation.link);
  expect(await doneAndKilled(() => redeem(join, password), 201)).toMatchObject({ stage: 'open' });
  expect(refusal(await redeem(join, 'the words of a thief, four'))).toEqual([410, 'invitation-used']);
  const signIn = (word: string) => daemon.ask('POST', '/api/sessions', { json: { person: 'Bob', password: word } });
  expect((await signIn(password)).status).toBe(201);

  const reset = body(await daemon.consoleReply('POST', `/api/people/${person.id}/password-reset`), 201);
  const renewed = 'a third set of words for it';
  await doneAndKilled(() => redeem(String(reset['code']), renewed), 201);
  for (const secret of [String(reset['code']), secretOf(String(reset['link']))]) {
    expect(refusal(await redeem(secret, 'the words of a thief, four'))).toEqual([410, 'invitation-used']);
  }
  expect((await signIn(renewed)).status).toBe(201);
});
