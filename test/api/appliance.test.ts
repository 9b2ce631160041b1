/** The box as a thing, on the whole box: its name, its time zone, where its time comes from; told, changed, audited. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { App, cookieOf } from '../support/app.ts';
import { type Answer, ask } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { TimeServerForTests } from '../support/time-server.ts';

const problem = (answer: Answer) => [answer.status, answer.json()['code']];
const signedIn = (cookie: string) => ({ cookie });

async function audited(app: App, event: string): Promise<unknown[]> {
  const { entries } = (await app.console('GET', '/api/audit')).json() as {
    entries: { event: string; detail: object }[];
  };
  return entries.filter((entry) => entry.event === event).map(({ detail }) => detail);
}

describe('what the box says of itself', () => {
  let app: App;
  let owner: { cookie: string };
  let member: Record<string, string>;
  let callers: Callers;
  beforeAll(async () => {
    app = await App.start();
    owner = signedIn(await app.claim());
    callers = await Callers.make(app);
    member = headersOf(callers.session('Bob'));
  });
  afterAll(async () => {
    callers.close();
    await app[Symbol.asyncDispose]();
  });

  it('to its owner: all of it', async () => {
    const before = Date.now();
    const box = (await app.ask('GET', '/api/box', owner)).json();
    expect(box).toEqual({
      name: 'nightjar',
      chosenName: 'nightjar',
      addresses: expect.arrayContaining([`nightjar.local:${app.httpsPort}`]),
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      httpsPort: app.httpsPort,
      httpPort: app.httpPort,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      now: expect.any(Number),
      timeSource: { source: 'system', toldAt: null },
      internetTime: null,
      internetAnswer: null,
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      appliance: false,
      certificate: {
        nameValidUntil: expect.any(Number),
        addressValidUntil: expect.any(Number),
        names: expect.arrayContaining(['nightjar.local']),
        owners: null,
      },
    });
    expect((box['addresses'] as string[])[0]).toBe(`nightjar.local:${app.httpsPort}`);
    expect(box['now']).toBeGreaterThanOrEqual(before);
    const { nameValidUntil, addressValidUntil } = box['certificate'] as Record<string, number>;
    expect(Math.min(nameValidUntil ?? 0, addressValidUntil ?? 0)).toBeGreaterThan(Date.now() + 200 * 86_400_000);
    const { internetTime, certificate, ...rest } = (await app.console('GET', '/api/box')).json();
    expect({ ...rest, now: 0, internetTime, certificate }).toEqual({ ...box, now: 0 });
  });

  it('to a member: neither certificates nor what the owner decided about the internet', async () => {
    await app.console('PATCH', '/api/box', { internetTime: false });
    const box = (await app.ask('GET', '/api/box', member)).json();
    expect(box).toMatchObject({ name: 'nightjar', internetTime: null, internetAnswer: null, certificate: null });
    expect((await app.ask('GET', '/api/box', owner)).json()).toMatchObject({ internetTime: false });
    expect(problem(await app.ask('PATCH', '/api/box', member, { timeZone: 'UTC' }))).toEqual([403, 'forbidden']);
  });

  it('a change that cannot be changes nothing, not even the rest of it', async () => {
    const before = { ...(await app.console('GET', '/api/box')).json(), now: 0 };
    for (const [body, code] of [
      [{ name: 'attic', timeZone: 'Europe/Nowhere' }, 'invalid-request'],
      [{ name: 'The Attic', timeZone: 'Asia/Tokyo' }, 'invalid-name'],
      [{ name: '', timeZone: 'Asia/Tokyo' }, 'invalid-request'],
      [{ internetTime: 'yes', timeZone: 'Asia/Tokyo' }, 'invalid-request'],
    ] as const) {
      expect(problem(await app.ask('PATCH', '/api/box', owner, body))).toEqual([400, code]);
    }
    // Only the name needs somebody who has just shown to be there.
    const unconfirmed = headersOf(callers.session('Alice'));
    const both = await app.ask('PATCH', '/api/box', unconfirmed, { name: 'attic', timeZone: 'Asia/Tokyo' });
    expect(problem(both)).toEqual([403, 'confirm-first']);
    expect({ ...(await app.console('GET', '/api/box')).json(), now: 0 }).toEqual(before);
    expect((await app.ask('PATCH', '/api/box', unconfirmed, { name: 'nightjar', timeZone: 'UTC' })).status).toBe(200);
    expect(await audited(app, 'time-zone-changed')).toEqual([expect.objectContaining({ to: 'UTC' })]);
    expect(await audited(app, 'box-renamed')).toEqual([]);
  });
});

test('another name: with its certificate at once, the one before until the next start, and kept', async () => {
  await using app = await App.start();
  const owner = signedIn(await app.claim());
  const root = await fetch(`http://127.0.0.1:${app.httpPort}/nightjar-root.der`);
  const ca = new X509Certificate(Buffer.from(await root.arrayBuffer())).toString();
  const statusAt = (host: string) =>
    ask({ port: app.httpsPort, path: '/api/health', headers: { host }, tls: { ca, servername: host } }).then(
      ({ status }) => status,
      () => 'no certificate for it',
    );
  expect(await statusAt('attic.local')).toBe('no certificate for it');
  const renamed = await app.ask('PATCH', '/api/box', owner, { name: 'attic' });
  expect(renamed.status).toBe(200);
  expect(renamed.json()).toMatchObject({
    name: 'attic',
    chosenName: 'attic',
    addresses: expect.arrayContaining([`attic.local:${app.httpsPort}`]),
    certificate: { names: expect.arrayContaining(['attic.local']) },
  });
  expect([await statusAt('attic.local'), await statusAt('nightjar.local')]).toEqual([200, 200]);
  expect((await app.ask('GET', '/api/health')).json()).toMatchObject({ box: 'attic' });
  // The same again is no change.
  expect((await app.ask('PATCH', '/api/box', owner, { name: 'attic' })).status).toBe(200);
  expect(await audited(app, 'box-renamed')).toEqual([{ from: 'nightjar', to: 'attic' }]);
  // Backup apps that pinned the certificate ask their people.
  const { notices } = (await app.ask('GET', '/api/notices', owner)).json() as { notices: { kind: string }[] };
  expect(notices.filter(({ kind }) => kind === 'certificate-renewed')).toHaveLength(1);
  // An authenticator that comes from now on is called after it.
  const begun = await app.ask('POST', '/api/authenticators', owner, { name: 'Phone' });
  expect(begun.text).toContain('issuer=attic');

  await app.restart();
  expect((await app.ask('GET', '/api/health')).json()).toMatchObject({ box: 'attic' });
  expect(await statusAt('attic.local')).toBe(200);
  expect(await statusAt('nightjar.local')).not.toBe(200);
  expect(app.ownErrors()).toEqual([]);
});

test('the time zone is that of photos whose date has none, from the next photo on', async () => {
  await using app = await App.startClaimed();
  const phone = await app.pair('Alice', 'Pixel');
  const send = (seed: number) =>
    phone.send(`DCIM/${seed}.jpg`, exifJpeg({ seed, bytes: 5_000, takenLocal: '2025-06-01T12:00:00' }));
  await app.console('PATCH', '/api/box', { timeZone: 'Pacific/Kiritimati' });
  await send(1);
  await app.console('PATCH', '/api/box', { timeZone: 'Pacific/Pago_Pago' });
  await send(2);
  await app.restart();
  await send(3);
  const noon = Date.UTC(2025, 5, 1, 12);
  const hoursAhead = (await phone.library()).assets.map(({ capturedAt }) => (noon - capturedAt) / 3_600_000);
  expect(hoursAhead).toEqual([14, -11, -11]);
});

describe('time from the internet', () => {
  it('is not asked for until the owner says yes, nor after they said no; and then at once', async () => {
    await using server = await TimeServerForTests.start(() => Date.now() + 3_600_000);
    await using app = await App.start({ NIGHTJAR_TIME_SERVERS: `127.0.0.1:${server.port}` });
    const owner = signedIn(await app.claim());
    const change = async (internetTime: boolean) =>
      (await app.ask('PATCH', '/api/box', owner, { internetTime })).json()['internetTime'];
    expect(await change(false)).toBe(false);
    await app.restart();
    expect(server.questions).toEqual([]);
    expect(await change(true)).toBe(true);
    await expect.poll(() => server.questions.length).toBe(1);
    const answer = async () => (await app.ask('GET', '/api/box', owner)).json();
    await expect.poll(async () => (await answer())['internetAnswer']).not.toBeNull();
    // This machine's clock is not behind what the box knows: it stays, and the difference is told.
    expect(await answer()).toMatchObject({ timeSource: { source: 'system', toldAt: null } });
    const { aheadMs } = (await answer())['internetAnswer'] as { aheadMs: number };
    expect(Math.abs(aheadMs - 3_600_000)).toBeLessThan(60_000);
    await app.restart();
    await expect.poll(() => server.questions.length).toBe(2);
    expect(await change(false)).toBe(false);
    await app.restart();
    expect(server.questions).toHaveLength(2);
    expect(await audited(app, 'internet-time-changed')).toEqual([{ asks: false }, { asks: true }, { asks: false }]);
    expect(app.ownErrors()).toEqual([]);
  });

  it('that never comes holds nothing up', async () => {
    await using server = await TimeServerForTests.start(Date.now, () => undefined);
    await using app = await App.start({ NIGHTJAR_TIME_SERVERS: `127.0.0.1:${server.port}` });
    const owner = signedIn(await app.claim());
    expect((await app.ask('PATCH', '/api/box', owner, { internetTime: true })).status).toBe(200);
    await expect.poll(() => server.questions.length).toBe(1);
    await app.stop();
    expect(app.ownErrors()).toEqual([]);
  });
});

describe('a claim with choices', () => {
  const claim = (app: App, choices: object) =>
    app.ask('POST', '/api/setup', {}, { code: setupCode, person: 'Alice', password: goodPassword, ...choices });

  it('takes them over', async () => {
    await using app = await App.start();
    const claimed = await claim(app, { name: 'attic', timeZone: 'Asia/Tokyo' });
    expect(claimed.status).toBe(201);
    const taken = { applied: true, problem: null };
    expect(claimed.json()['chosen']).toEqual({ name: taken, timeZone: taken });
    const box = (await app.ask('GET', '/api/box', signedIn(cookieOf(claimed)))).json();
    expect(box).toMatchObject({ name: 'attic', timeZone: 'Asia/Tokyo' });
    expect((await app.ask('GET', '/api/setup')).json()).toEqual({ claimed: true, box: 'attic' });
  });

  it('stands whatever becomes of them, and says so', async () => {
    await using app = await App.start();
    const claimed = await claim(app, { name: 'The Attic', timeZone: 'Europe/Nowhere' });
    expect(claimed.status).toBe(201);
    expect(claimed.json()['chosen']).toEqual({
      name: { applied: false, problem: expect.stringContaining('small letters') },
      timeZone: { applied: false, problem: expect.stringContaining('Europe/Vienna') },
    });
    const box = await app.ask('GET', '/api/box', signedIn(cookieOf(claimed)));
    expect(box.json()).toMatchObject({ name: 'nightjar', chosenName: 'nightjar' });
    expect(app.ownErrors()).toEqual([]);
  });

  it('takes none over where the claim fails', async () => {
    await using app = await App.start();
    expect(problem(await claim(app, { code: '0000-0000-WRONG', name: 'attic' }))).toEqual([403, 'wrong-setup-code']);
    expect((await app.ask('GET', '/api/setup')).json()).toEqual({ claimed: false, box: 'nightjar' });
  });
});

it('on a machine of somebody else, networks, restarts and resets are not the box’s to do', async () => {
  await using app = await App.startClaimed();
  expect((await app.console('GET', '/api/network')).json()).toEqual({
    ...{ appliance: false, links: [], wifi: null, joining: null, lastJoin: null },
  });
  expect((await app.console('GET', '/api/box/remote-shell')).json()).toMatchObject({ appliance: false, on: false });
  const asked = [
    ['POST', '/api/network/look'],
    ['PUT', '/api/network/wifi', { ssid: 'Net', passphrase: '' }],
    ['DELETE', '/api/network/wifi'],
    ['POST', '/api/box/restart'],
    ['POST', '/api/box/shut-down'],
    ['POST', '/api/box/factory-reset', { name: 'nightjar' }],
    ['PUT', '/api/box/remote-shell', { on: false, keys: [] }],
  ] as const;
  for (const [method, path, body] of asked) {
    const answer = await app.console(method, path, body);
    expect([path, answer.status, answer.json()['code']]).toEqual([path, 409, 'not-this-machine']);
  }
  expect(app.ownErrors()).toEqual([]);
});
