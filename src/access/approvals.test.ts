import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { ApprovalWorld, origin, place } from '../../test/support/approval-world.ts';
import { ApproverKey } from '../../test/support/approver-phone.ts';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import { randomDigits } from './approval-text.ts';
import type { Asked } from './approvals.ts';
import { browserName } from './browser-name.ts';

const minuteMs = 60_000;
const never = new AbortController().signal;

/** What a phone needs to sign its answer. */
function of(asked: Asked, phoneId: string, at: number) {
  return { id: asked.id, digits: asked.digits, at, phoneId, origin };
}

function wrong(digits: string): string {
  return digits === '000000' ? '000001' : '000000';
}

test('digits typed on the phone open the session that showed them, once', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const browser = await world.halfway('one');
  const asked = await world.approvals.open(browser, place);
  expect(asked).toMatchObject({ approvers: ['Pixel'], expiresAt: box.clock.ms + 10 * minuteMs });
  expect(asked.digits).toMatch(/^\d{6}$/);
  const [request] = world.approvals.openFor(phone);
  expect(request).toEqual({
    id: asked.id,
    browser: 'Chrome on Windows',
    address: '192.168.1.23',
    home: true,
    at: box.clock.ms,
    expiresAt: asked.expiresAt,
    triesLeft: 3,
  });
  expect(world.told).toEqual([{ personId: world.owner.id, type: 'approval-asked', ...request }]);
  // As a number of its own: in an id or a time it may be by chance.
  expect(JSON.stringify([world.told, world.recorded, request])).not.toMatch(new RegExp(`\\b${asked.digits}\\b`));
  // Nothing opens before the phone has answered.
  expect(await codeOf(world.finish('one', asked.id))).toBe('approval-over');
  box.clock.ms += 3 * minuteMs;
  const waiting = world.approvals.wait(browser, asked.id, 25_000, never);
  const answer = await key.answer(of(asked, phone.phoneId, request?.at ?? 0));
  expect(await world.approvals.answer(phone, asked.id, answer)).toEqual({
    browser: 'Chrome on Windows',
    address: '192.168.1.23',
  });
  expect(await waiting).toBe('approved');
  expect(world.told.at(-1)).toMatchObject({ type: 'approval-ended', id: asked.id, state: 'approved' });
  expect(box.database.get('SELECT digits FROM approval')).toEqual({ digits: '' });
  // Again: by the same phone, before and after the browser came for it, and after a kill.
  expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('approval-over');
  await world.restart();
  expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('approval-over');
  expect(await world.approvals.wait(browser, asked.id, 0, never)).toBe('approved');
  // Taken once, also where the session still waits afterwards.
  await box.database.write(() => world.approvals.takeInWrite('one', asked.id));
  expect(await codeOf(world.finish('one', asked.id))).toBe('approval-over');
  await world.restart();
  expect(await codeOf(world.finish('one', asked.id))).toBe('approval-over');
  expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('approval-over');
});

test('an answer is for one request, one session, one phone, one origin and the time that the request carried', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const other = await world.approver('Tablet');
  const [mine, foreign] = [await world.halfway('mine'), await world.halfway('foreign')];
  const at = box.clock.ms;
  const asked = await world.approvals.open(mine, place);
  const attackers = await world.approvals.open(foreign, { ...place, address: '203.0.113.5' });
  const good = of(asked, phone.phoneId, at);
  const refused = [
    await key.answer({ ...good, origin: 'https://elsewhere.example' }),
    await key.answer({ ...good, origin: 'https://elsewhere.example' }, { origin }),
    await key.answer({ ...good, at: at + 1 }),
    await key.answer({ ...good, at: at + 1 }, { at }),
    await key.answer({ ...good, phoneId: other.phone.phoneId }),
    await key.answer({ ...good, id: attackers.id }),
    await key.answer({ ...good, digits: wrong(asked.digits) }, { digits: asked.digits }),
    await other.key.answer(good),
    { ...(await key.answer(good)), signature: '' },
    { ...(await key.answer(good)), signature: Buffer.alloc(64).toString('base64') },
  ];
  for (const answer of refused) expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('forbidden');
  // The digits of one's own screen open nobody else's session.
  const crossed = await key.answer({ ...good, id: attackers.id });
  if (asked.digits !== attackers.digits) {
    expect(await codeOf(world.approvals.answer(phone, attackers.id, crossed))).toBe('wrong-code');
  }
  expect(await codeOf(world.approvals.wait(foreign, asked.id, 0, never))).toBe('not-found');
  expect(await codeOf(world.finish('foreign', asked.id))).toBe('not-found');
  // A wrong signature has cost no try.
  expect(world.approvals.openFor(phone).find(({ id }) => id === asked.id)?.triesLeft).toBe(3);
  expect(
    await codeOf(
      world.approvals.answer(other.phone, asked.id, await other.key.answer(of(asked, other.phone.phoneId, at))),
    ),
  ).toBe('none');
  expect(await codeOf(world.finish('foreign', asked.id))).toBe('not-found');
  expect(await codeOf(world.finish('mine', asked.id))).toBe('none');
});

test('three wrong digits end a request; the tries are counted across a kill', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const browser = await world.halfway('one');
  const at = box.clock.ms;
  const asked = await world.approvals.open(browser, place);
  const bad = await key.answer({ ...of(asked, phone.phoneId, at), digits: wrong(asked.digits) });
  for (const left of [2, 1]) {
    await expect(world.approvals.answer(phone, asked.id, bad)).rejects.toMatchObject({
      code: 'wrong-code',
      facts: { triesLeft: left },
    });
    await world.restart();
  }
  const waiting = world.approvals.wait(browser, asked.id, 25_000, never);
  expect(await codeOf(world.approvals.answer(phone, asked.id, bad))).toBe('wrong-code');
  expect(await waiting).toBe('dead');
  const right = await key.answer(of(asked, phone.phoneId, at));
  expect(await codeOf(world.approvals.answer(phone, asked.id, right))).toBe('approval-over');
  expect(world.approvals.openFor(phone)).toEqual([]);
});

test('ten minutes, by the box’s clock alone; a clock set back ends it too', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const [early, late] = [await world.halfway('early'), await world.halfway('late')];
  const ask = async (browser: typeof early, passMs: number) => {
    const at = box.clock.ms;
    const asked = await world.approvals.open(browser, place);
    const answer = await key.answer(of(asked, phone.phoneId, at));
    box.clock.ms += passMs;
    return codeOf(world.approvals.answer(phone, asked.id, answer));
  };
  expect(await ask(late, 10 * minuteMs)).toBe('approval-over');
  expect(await ask(late, -2 * minuteMs)).toBe('approval-over');
  expect(await ask(early, 10 * minuteMs - 1)).toBe('none');
  // Given in the last moment, it waits a minute for its browser, and no longer.
  const { id = '' } = box.database.get<{ id: string }>("SELECT id FROM approval WHERE state = 'approved'") ?? {};
  box.clock.ms += minuteMs + 1;
  expect(await codeOf(world.finish('early', id))).toBe('approval-over');
});

test('one request a session; ten an hour from unknown browsers, however they sign out; known ones apart', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone } = await world.approver();
  for (let turn = 0; turn < 10; turn += 1) {
    const browser = await world.halfway(`attacker ${turn}`);
    await world.approvals.open(browser, place);
    // Ended sessions, and kills, give no new tries.
    if (turn % 2 === 0)
      await box.database.write(() => void box.database.run('DELETE FROM session WHERE id = ?', browser.sessionId));
    if (turn === 5) await world.restart();
    box.clock.ms += minuteMs;
  }
  const attacker = await world.halfway('attacker');
  await expect(world.approvals.open(attacker, place)).rejects.toMatchObject({
    code: 'too-many-requests',
    facts: { retryAfterSeconds: 50 * 60 },
  });
  // The person, on a browser of theirs, is not in the way of it.
  const mine = await world.halfway('mine');
  const first = await world.approvals.open(mine, { ...place, known: true });
  const second = await world.approvals.open(mine, { ...place, known: true });
  expect(await world.approvals.wait(mine, first.id, 0, never)).toBe('dead');
  expect(world.approvals.openFor(phone)[0]?.id).toBe(second.id);
  expect(world.approvals.openFor(phone).map(({ id }) => id)).not.toContain(first.id);
  // A clock set back a week neither frees nor locks for longer than the hour.
  box.clock.ms -= 7 * 24 * 60 * minuteMs;
  expect(await codeOf(world.approvals.open(attacker, place))).toBe('too-many-requests');
  box.clock.ms += 60 * minuteMs;
  expect(await codeOf(world.approvals.open(attacker, place))).toBe('none');
});

test('“this is not me” ends the request and the browser’s session, and is told on all devices', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const browser = await world.halfway('thief');
  const at = box.clock.ms;
  const asked = await world.approvals.open(browser, place);
  const waiting = world.approvals.wait(browser, asked.id, 25_000, never);
  await world.approvals.deny(phone, asked.id);
  expect(await waiting).toBe('denied');
  expect(box.database.get("SELECT 1 FROM session WHERE id = 'thief'")).toBeUndefined();
  expect(world.notices.at(-1)).toEqual({ personId: world.owner.id, kind: 'approval-denied' });
  expect(world.recorded.at(-1)).toMatchObject({ event: 'approval-denied', actor: `phone:${phone.phoneId}` });
  const answer = await key.answer(of(asked, phone.phoneId, at));
  expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('approval-over');
  expect(await codeOf(world.approvals.deny(phone, asked.id))).toBe('approval-over');
});

test('a removed approver, a revoked phone and another person’s phone approve nothing', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const removed = await world.approver('Removed');
  const revoked = await world.approver('Revoked');
  const left = await world.approver('Left');
  const browser = await world.halfway('one');
  const at = box.clock.ms;
  const asked = await world.approvals.open(browser, place);
  const [first] = world.approvers.list(world.owner.id);
  await world.approvers.remove(world.caller, first?.id ?? '');
  expect(world.factors.at(-1)).toBe('removed open-session');
  await box.database.write(() =>
    box.database.run('UPDATE phone SET revoked_at = 1 WHERE id = ?', revoked.phone.phoneId),
  );
  for (const { phone, key } of [removed, revoked]) {
    const answer = await key.answer(of(asked, phone.phoneId, at));
    expect(await codeOf(world.approvals.answer(phone, asked.id, answer))).toBe('forbidden');
    expect(await codeOf(world.approvals.deny(phone, asked.id))).toBe('forbidden');
    expect(world.approvals.openFor(phone)).toEqual([]);
  }
  const stranger = { ...left.phone, personId: 'somebody else' };
  const answer = await left.key.answer(of(asked, left.phone.phoneId, at));
  expect(await codeOf(world.approvals.answer(stranger, asked.id, answer))).toBe('not-found');
  expect(world.approvers.list(world.owner.id).map(({ name }) => name)).toEqual(['Left']);
  // With the session gone on by another way, or gone, there is nothing left to approve.
  const setStage = (stage: string) =>
    box.database.write(() => void box.database.run("UPDATE session SET stage = ? WHERE id = 'one'", stage));
  await setStage('open');
  expect(await codeOf(world.approvals.answer(left.phone, asked.id, answer))).toBe('approval-over');
  expect(world.approvals.openFor(left.phone)).toEqual([]);
  await setStage('second-factor');
  expect(world.approvals.openFor(left.phone)).toHaveLength(1);
  await box.database.write(() => box.database.run("DELETE FROM session WHERE id = 'one'"));
  expect(await codeOf(world.approvals.answer(left.phone, asked.id, answer))).toBe('approval-over');
});

test('keys: P-256 alone, each once, one a phone, ten a person, and only while the person is there', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const { phone, key } = await world.approver();
  const register = (publicKey: string, phoneId = phone.phoneId) =>
    codeOf(world.approvers.register(world.caller, { publicKey, phoneId }));
  const p384 = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, false, ['sign']);
  const wrongCurve = Buffer.from(await crypto.subtle.exportKey('spki', p384.publicKey)).toString('base64');
  for (const bad of ['', 'AAAA', wrongCurve, `${key.publicKey.slice(0, 60)}AAAA`]) {
    expect(await register(bad)).toBe('invalid-request');
  }
  expect(await register(key.publicKey)).toBe('conflict');
  expect(await register((await ApproverKey.make()).publicKey, 'nobody’s')).toBe('not-found');
  world.confirmed = false;
  const second = await ApproverKey.make();
  expect(await register(second.publicKey)).toBe('confirm-first');
  expect(await codeOf(world.approvers.remove(world.caller, world.approvers.list(world.owner.id)[0]?.id ?? ''))).toBe(
    'confirm-first',
  );
  world.confirmed = true;
  // The lost key: the phone is itself again, under the same name, with one key.
  expect(
    await world.approvers.register(world.caller, { publicKey: second.publicKey, phoneId: phone.phoneId }),
  ).toMatchObject({
    approver: { name: 'Pixel', phoneId: phone.phoneId },
    token: `token of ${phone.phoneId}`,
  });
  expect(world.approvers.list(world.owner.id)).toHaveLength(1);
  expect(world.approvers.ofPhone(phone.phoneId)?.publicKey).toBe(second.publicKey);
  expect(await register(key.publicKey)).toBe('conflict');
  for (let more = 1; more < 10; more += 1) await world.approver(`Phone ${more}`);
  const eleventh = await world.phone('Eleventh');
  expect(await register((await ApproverKey.make()).publicKey, eleventh.phoneId)).toBe('conflict');
  expect(world.approvers.count(world.owner.id)).toBe(10);
  // One that has a key may change it all the same.
  expect(await register((await ApproverKey.make()).publicKey)).toBe('none');
});

test('the console pairs a second factor only for a person who has none', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  const may = (caller: Parameters<typeof world.approvers.mayComeByPairing>[0]) =>
    world.approvers.mayComeByPairing(caller, world.owner.id);
  expect(may({ kind: 'console' })).toBe(true);
  world.hasFactor = true;
  expect([may({ kind: 'console' }), may(world.caller)]).toEqual([false, true]);
  // The owner, for somebody else.
  expect(may({ ...world.caller, personId: 'another' })).toBe(false);
  world.confirmed = false;
  expect(may(world.caller)).toBe(false);
});

test('waits are bounded, and a stop ends them', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  await world.approver();
  const browser = await world.halfway('one');
  const { id } = await world.approvals.open(browser, place);
  const wait = (gone = never) => world.approvals.wait(browser, id, 25_000, gone);
  const leaving = new AbortController();
  const left = wait(leaving.signal);
  leaving.abort();
  expect(await left).toBe('open');
  const [oldest, second] = [wait(), wait()];
  const third = wait();
  expect(await oldest).toBe('open');
  expect(await world.approvals.wait(browser, id, 1, never)).toBe('open');
  world.approvals.close();
  expect(await Promise.all([second, third, wait()])).toEqual(['open', 'open', 'open']);
});

test('housekeeping takes old requests away, and none that still counts', async () => {
  await using box = new BoxState();
  const world = await ApprovalWorld.make(box);
  await world.approver();
  await world.approvals.open(await world.halfway('one'), place);
  box.clock.ms += 24 * 60 * minuteMs;
  await world.approvals.open(await world.halfway('two'), place);
  expect(await world.approvals.removeOld()).toBe(0);
  box.clock.ms += 1;
  expect(await world.approvals.removeOld()).toBe(1);
});

test('digits are six, each as likely as any other', () => {
  const seen = Array.from({ length: 20_000 }, () => randomDigits(randomBytes));
  expect(seen.every((digits) => /^\d{6}$/.test(digits))).toBe(true);
  for (let at = 0; at < 6; at += 1) {
    const counts = Array.from({ length: 10 }, (_, digit) => seen.filter((one) => Number(one[at]) === digit).length);
    // 2,000 each; a fair source leaves this range once in millions of runs.
    expect(Math.min(...counts)).toBeGreaterThan(1_700);
  }
  const draws = [0xffffffff, 4_294_000_000, 4_293_999_999, 7];
  const next = () => Buffer.from((draws.shift() ?? 0).toString(16).padStart(8, '0'), 'hex');
  expect([randomDigits(next), randomDigits(next)]).toEqual(['999999', '000007']);
});

test('a browser is called by words of the box’s own', () => {
  const names = {
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1':
      'Safari on an iPhone',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0.0.0 Safari/537.36': 'Chrome on Linux',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0': 'Edge on Windows',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0': 'Firefox on a Mac',
    'Anna’s Pixel <b>in your home network</b>': 'A program that does not say what it is',
    '': 'A program that does not say what it is',
  };
  expect(Object.keys(names).map(browserName)).toEqual(Object.values(names));
});
