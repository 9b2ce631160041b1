/** Years in the life of a box, on the whole app with a clock that tests turn. A day's: life.test.ts. */
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import type { Browser } from '../support/browser.ts';
import { day, House, hour, minute, must, sendCode, stage } from '../support/house.ts';

const [words, others, third] = [
  'quite another four words',
  'yet another set of words',
  'a third set of good words',
] as const;

/** The SHA-256 of the certificate that a new connection by the box's name is shown. */
function shownLeaf(house: House): Promise<string> {
  return new Promise((resolve, reject) => {
    const how = {
      host: '127.0.0.1',
      port: house.app.httpsPort,
      servername: 'nightjar.local',
      rejectUnauthorized: false,
    };
    const socket = connect(how, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

test('two years of daily use: sign-ins, new passwords, what the log keeps and the certificate, each on its day', async () => {
  await using house = await House.make();
  const began = house.clock.ms;
  const { textKey } = await house.enrol(house.alice);
  house.clock.ms = began;
  await house.putPolicy({ passwordExpiryDays: 100 });
  const leaf = await shownLeaf(house);
  const passwords = [goodPassword, words, others, third, goodPassword, words, others, third, goodPassword];
  const seen: Record<'signedIn' | 'renewed' | 'due' | 'certificate', number[]> = {
    signedIn: [],
    renewed: [],
    due: [],
    certificate: [],
  };
  const { alice } = house;
  const signIn = async (on: Browser, today: number) => {
    must(await on.signIn('Alice', passwords[0] ?? ''), 201);
    let step = await sendCode(on, house.codeNow(textKey));
    seen.signedIn.push(today);
    if (stage(step)[1] === 'new-password') {
      seen.renewed.push(today);
      passwords.shift();
      step = await on.ask('POST', '/api/sessions/current/new-password', { password: passwords[0] });
    }
    expect([today, ...stage(step)]).toEqual([today, 200, 'open']);
  };
  for (let today = 1; today <= 800; today += 1) {
    house.clock.ms = began + today * day;
    // Each month the clock is wrong by an hour for a while; the power goes now and then, and each week where it matters.
    const restarts = today % (today < 750 ? 35 : 7) === 0;
    if (today % 30 === 0) {
      house.clock.ms -= hour;
      await alice.ask('GET', '/api/sessions/current');
      house.clock.ms += hour;
    }
    if (restarts) await house.app.restart();
    if ((await alice.ask('GET', '/api/sessions/current')).status === 401) await signIn(alice, today);
    if (!restarts) continue;
    const notices = await house.notices();
    if (notices.includes('certificate-due') && seen.due.length === 0) seen.due.push(today);
    if (notices.includes('certificate-renewed') && seen.certificate.length === 0) seen.certificate.push(today);
    expect([today, (await shownLeaf(house)) === leaf]).toEqual([today, seen.certificate.length === 0]);
    expect(notices.filter((kind) => kind.startsWith('certificate')).length).toBeLessThanOrEqual(2);
  }
  // A session lives 90 days however much it is used; a password is asked for at the first sign-in past its 100.
  expect(seen.signedIn).toEqual([90, 180, 270, 360, 450, 540, 630, 720]);
  expect(seen.renewed).toEqual([180, 360, 540, 720]);
  // Of 824 days from the day of the build (20.5 before it began), the last 30; told a fortnight before.
  expect(seen).toMatchObject({ due: [763], certificate: [777] });

  const { entries } = must(await alice.ask('GET', '/api/audit?limit=500'), 200) as { entries: Array<{ at: number }> };
  const oldest = Math.min(...entries.map(({ at }) => at));
  expect(oldest).toBeGreaterThanOrEqual(began + 360 * day);
  expect(oldest).toBeLessThan(began + 450 * day);
  expect(house.app.ownErrors()).toEqual([]);
}, 240_000);

test('the certificate of the name is renewed at its moment and told of a fortnight before, once each', async () => {
  await using house = await House.make();
  const certificates = async () => (await house.notices()).filter((kind) => kind.startsWith('certificate'));
  const at = async (ms: number) => {
    house.clock.ms = ms;
    await house.app.restart();
    await house.alice.signIn('Alice', goodPassword);
    return { told: await certificates(), leaf: await shownLeaf(house) };
  };
  const first = await shownLeaf(house);
  // 824 days from 1 November 2026, less the 30 that it must be good for.
  const renewsAt = Date.UTC(2026, 10, 1) + 794 * day;
  expect(await at(renewsAt - 14 * day - 1)).toEqual({ told: [], leaf: first });
  expect(await at(renewsAt - 14 * day)).toEqual({ told: ['certificate-due'], leaf: first });
  expect(await at(renewsAt - 1)).toEqual({ told: ['certificate-due'], leaf: first });
  const { told, leaf } = await at(renewsAt);
  expect(told).toEqual(['certificate-renewed', 'certificate-due']);
  expect(leaf).not.toBe(first);
  // A clock that goes back by less than a month asks for no third one.
  for (const ms of [renewsAt - hour, renewsAt - 29 * day, renewsAt + 300 * day]) {
    expect(await at(ms)).toEqual({ told, leaf });
  }
});

test('the audit log keeps 400 days to the millisecond', async () => {
  await using house = await House.make();
  const made = house.clock.ms;
  const claimsAt = async (ms: number) => {
    // What is over goes when something new is written after a start.
    house.clock.ms = ms;
    await house.app.restart();
    const browser = house.browser();
    await browser.signIn('Alice', goodPassword);
    await browser.ask('PUT', '/api/policy', {
      secondFactorRequired: false,
      passwordExpiryDays: null,
      idleLockMinutes: null,
    });
    const { entries } = must(await browser.ask('GET', '/api/audit?limit=500'), 200) as {
      entries: Array<{ at: number }>;
    };
    return entries.filter(({ at }) => at === made).length;
  };
  const kept = await claimsAt(made + minute);
  expect(kept).toBeGreaterThan(0);
  // A clock that is wrong for some hours takes nothing away.
  expect(await claimsAt(made + 4_000 * day)).toBe(kept);
  expect(await claimsAt(made + 399 * day)).toBe(kept);
  expect(await claimsAt(made + 400 * day)).toBe(kept);
  expect(await claimsAt(made - day)).toBe(kept);
  expect(await claimsAt(made + 400 * day + 1)).toBe(0);
});
