/** What the home page is told: the verdict, what needs somebody, the phones, and that it changed. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { HomeView } from '../../src/health/contract.ts';
import { App } from '../support/app.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { EventStream } from '../support/event-stream.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const minuteMs = 60_000;

/** At noon by the box's clock, in whatever zone this machine is: the window is over. */
function noon(): { ms: number; now: () => number } {
  const clock = { ms: new Date(2026, 5, 10, 12).getTime(), now: () => clock.ms };
  return clock;
}

async function home(app: App, cookie: string): Promise<HomeView> {
  const answer = await app.ask('GET', '/api/home', { cookie });
  if (answer.status !== 200) throw new Error(`No home: ${answer.status} ${answer.text}`);
  return answer.json() as HomeView;
}

function picture(seed: number): Buffer {
  return exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-06-09T18:00:00' });
}

/** Says that it is the box's own client, which tells what it has. */
async function tells(phone: HandPhone): Promise<HandPhone> {
  const { status } = await phone.json('POST', '/api/phone/plan', { nextAt: null, client: 'nightjar-phone' });
  expect(status).toBe(204);
  return phone;
}

async function check(phone: HandPhone, paths: readonly string[]): Promise<void> {
  const items = paths.map((path) => ({ path, size: 5_000, mtime: null }));
  expect((await phone.json('POST', '/api/phone/items/check', { items })).status).toBe(200);
}

async function finish(phone: HandPhone, more: object = {}): Promise<void> {
  const answer = await phone.json('POST', '/api/phone/inventory/finish', { startedAt: 1, ...more });
  expect(answer.status).toBe(200);
}

/** The cookie of a session of somebody who never signed in by a password. */
function member(app: App, name: string): string {
  const callers = Callers.open(app);
  const { cookie = '' } = headersOf(callers.session(name));
  callers.close();
  return cookie;
}

it('says how a phone comes in, from its pairing until all of it is safe, and tells so live', async () => {
  const clock = noon();
  await using app = await App.startClaimed({}, clock);
  const cookie = await app.signIn();
  expect(await home(app, cookie)).toMatchObject({
    verdict: { code: 'no-phone' },
    needs: [],
    phones: [],
    library: 'ok',
  });
  const stream = await EventStream.open({ port: app.httpPort, headers: { cookie } });
  const last = () => stream.of('home').at(-1)?.data;

  const phone = await tells(await app.pair('Alice', 'Pixel'));
  expect((await home(app, cookie)).verdict).toMatchObject({ code: 'some-came', params: { phones: 0, new: 1 } });
  await check(phone, ['DCIM/1.jpg', 'DCIM/2.jpg']);
  await expect.poll(last).toMatchObject({
    type: 'home',
    phones: [{ id: phone.phoneId, state: 'waiting', counts: { seen: 2, waiting: 2 } }],
  });

  for (const number of [1, 2]) await phone.send(`DCIM/${number}.jpg`, picture(number));
  await expect
    .poll(async () => (await home(app, cookie)).verdict)
    .toEqual({
      code: 'arriving',
      params: { phone: phone.phoneId, name: 'Pixel', person: 'Alice', count: 2, phones: 1 },
    });
  await expect
    .poll(last)
    .toMatchObject({ phones: [{ state: 'arriving', arriving: { count: 2 }, counts: { safe: 2 } }] });
  await finish(phone);
  clock.ms += minuteMs;
  // Nothing happens any more: that it is over is told by itself.
  await expect.poll(last).toMatchObject({ phones: [{ state: 'all-safe', arriving: null }] });

  const view = await home(app, cookie);
  expect(view).toMatchObject({
    verdict: { code: 'all-safe', params: { phones: 1, safe: 2 } },
    phones: [
      {
        name: 'Pixel',
        client: 'nightjar-phone',
        counts: { seen: 2, safe: 2, waiting: 0, refused: 0, deleted: 0, fromBrowser: 0 },
        newSinceWindow: { count: 2, bytes: 10_000 },
        silentNights: 0,
      },
    ],
    mine: { count: 2, newest: [{ id: 2, kind: 'photo' }, { id: 1 }] },
    night: { lanes: [{ phone: phone.phoneId, bursts: [] }], others: 0 },
  });
  expect(view.room?.freeBytes).toBeGreaterThan(0);
  expect(view.room?.totalBytes).toBeGreaterThan(view.room?.freeBytes ?? 0);
  expect(new Date(view.night.from).toString()).toMatch(/20:00:00/);
  stream.cut();
  expect(app.ownErrors()).toEqual([]);
});

it('shows a member their own phones, and the owner counts of everybody’s: no name of a file, no photo', async () => {
  const clock = noon();
  await using app = await App.startClaimed({}, clock);
  const cookie = await app.signIn();
  const alices = await app.pair('Alice', 'Alices-Pixel');
  const bobs = await app.pair('Bob', 'Bobs-Galaxy');
  clock.ms = new Date(2026, 5, 11, 2, 7).getTime();
  const [owner, bobsPhone] = await Promise.all([
    EventStream.open({ port: app.httpPort, headers: { cookie } }),
    EventStream.open({ port: app.httpPort, headers: { authorization: `Bearer ${bobs.token}` } }),
  ]);
  await bobs.send('DCIM/secret-zq7x.jpg', picture(1));
  await alices.send('DCIM/mine.jpg', picture(2));
  // Until what they sent is counted: a count that came after the clock's turn would make them arrive anew.
  const arrived = async () => (await home(app, cookie)).phones.map(({ state, arriving }) => [state, arriving?.count]);
  await expect.poll(arrived).toEqual([
    ['arriving', 1],
    ['arriving', 1],
  ]);
  clock.ms += minuteMs;

  await expect.poll(async () => (await home(app, cookie)).verdict.code).toBe('came-in');
  const seen = await home(app, cookie);
  expect(seen.phones.map(({ name, state, counts }) => [name, state, counts])).toEqual([
    ['Alices-Pixel', 'came-in', null],
    ['Bobs-Galaxy', 'came-in', null],
  ]);
  expect(seen.verdict.params).toMatchObject({ phones: 2, count: 2 });
  expect(seen.mine).toMatchObject({ count: 1, newest: [{ id: 2 }] });
  const tenMinutes = new Date(2026, 5, 11, 2).getTime();
  expect(seen.night.lanes.map(({ bursts }) => bursts)).toEqual([
    [{ at: tenMinutes, count: 1 }],
    [{ at: tenMinutes, count: 1 }],
  ]);
  expect(JSON.stringify([seen, owner.of('home')])).not.toMatch(/zq7x|"id":1\b/);

  const bob = member(app, 'Bob');
  const own = await home(app, bob);
  expect(own.phones.map(({ name }) => name)).toEqual(['Bobs-Galaxy']);
  expect(own).toMatchObject({ verdict: { params: { phones: 1, count: 1 } }, mine: { count: 1, newest: [{ id: 1 }] } });
  expect(JSON.stringify(own)).not.toMatch(/Alice|Pixel/);
  // The owner hears of Bob's phone, and Bob's phone of itself alone.
  const heard = (stream: EventStream) =>
    JSON.stringify(stream.of('home').map(({ data }) => (data as { phones: Array<{ id: string }> }).phones));
  await expect.poll(() => heard(owner)).toContain(bobs.phoneId);
  await expect.poll(() => heard(bobsPhone)).toContain(bobs.phoneId);
  expect(heard(bobsPhone)).not.toContain(alices.phoneId);
  owner.cut();
  bobsPhone.cut();
});

it('says that the disk is away, keeps what it knew of the phones, and goes on when it is back', async () => {
  const clock = noon();
  await using app = await App.startClaimed({}, clock);
  const cookie = await app.signIn();
  const phone = await tells(await app.pair('Alice', 'Pixel'));
  await check(phone, ['DCIM/1.jpg']);
  await home(app, cookie);
  const stream = await EventStream.open({ port: app.httpPort, headers: { cookie } });
  await expect.poll(() => stream.of('home').length).toBe(1);
  await rename(app.diskDir, `${app.diskDir}.away`);
  await expect.poll(async () => (await home(app, cookie)).verdict).toEqual({ code: 'needs-you', params: { count: 1 } });
  expect(await home(app, cookie)).toMatchObject({
    needs: [{ code: 'disk-missing', severity: 'act' }],
    phones: [{ state: 'waiting', counts: { seen: 1 } }],
    library: 'missing',
    room: null,
    mine: { count: 0, newest: [] },
  });
  await expect.poll(() => stream.of('home').length).toBeGreaterThan(1);
  const told = stream.of('home').length;
  await rename(`${app.diskDir}.away`, app.diskDir);
  await expect.poll(async () => (await home(app, cookie)).verdict.code).toBe('some-came');
  await expect.poll(() => stream.of('home').length).toBeGreaterThan(told);
  // A disk that answers late has no room for a moment.
  await expect.poll(async () => (await home(app, cookie)).room).not.toBeNull();
  stream.cut();
  // Started without its disk it knows nothing of what came: it must not say that nothing did.
  await app.stop();
  await rename(app.diskDir, `${app.diskDir}.away`);
  await app.start();
  const blind = { needs: [{ code: 'disk-missing' }], phones: [{ state: 'unknown', counts: null }] };
  expect(await home(app, cookie)).toMatchObject(blind);
});

it('says what was refused, and that only a password guards the box once its first run is over', async () => {
  const clock = noon();
  await using app = await App.startClaimed({}, clock);
  const cookie = await app.signIn();
  const phone = await tells(await app.pair('Bob', 'Galaxy'));
  await check(phone, ['DCIM/1.jpg']);
  await finish(phone, { unreadable: [{ path: 'DCIM/1.jpg' }] });
  const refused = {
    code: 'refused-files',
    severity: 'watch',
    params: { phone: phone.phoneId, name: 'Galaxy', person: 'Bob', count: 1 },
  };
  const seen = await home(app, cookie);
  expect(seen).toMatchObject({ verdict: { code: 'needs-you', params: { count: 1 } }, needs: [refused] });
  expect(seen.phones).toMatchObject([{ state: 'refused' }]);
  expect(JSON.stringify(seen)).not.toContain('1.jpg');

  const state = new Sqlite(join(app.stateDir, 'nightjar.sqlite'), { timeout: 5_000 });
  state.prepare("DELETE FROM setting WHERE name = 'box.first-run'").run();
  const codes = async (who: string) => (await home(app, who)).needs.map(({ code }) => code);
  expect(await codes(cookie)).toEqual(['refused-files', 'second-factor-missing']);
  expect(await codes(member(app, 'Bob'))).toEqual(['refused-files']);
  state
    .prepare(
      `INSERT INTO authenticator (id, person_id, name, secret, created_at, confirmed_at)
       SELECT 'one', id, 'App', x'00', 1, 1 FROM person WHERE role = 'owner'`,
    )
    .run();
  state.close();
  expect(await codes(cookie)).toEqual(['refused-files']);
  // Nobody has looked at it for days: it is silent, whatever was refused before.
  clock.ms += 4 * 24 * 60 * minuteMs;
  expect((await home(app, member(app, 'Bob'))).phones).toMatchObject([{ state: 'silent', silentNights: 4 }]);
});
