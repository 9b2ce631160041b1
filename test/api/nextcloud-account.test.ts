/** How an existing backup app finds the box, is let in, and is ended again: requests as the apps send them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { ask } from '../support/asking.ts';
import { basic, Callers, headersOf } from '../support/callers.ts';
import { DavApp } from '../support/dav-app.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const android = { 'user-agent': 'Mozilla/5.0 (Android) Nextcloud-android/3.34.0', 'ocs-apirequest': 'true' };
const ios = { 'user-agent': 'Mozilla/5.0 (iOS) Nextcloud-iOS/7.1.2', 'ocs-apirequest': 'true' };
const aYearMs = 365 * 24 * 3_600_000;
const form = { 'content-type': 'application/x-www-form-urlencoded' };
type Ocs = { ocs: { meta: Record<string, unknown>; data: Record<string, never> } };
const ocs = (answer: { json: () => object }) => (answer.json() as Ocs).ocs;

describe('the door for backup apps: who comes in', () => {
  let app: App;
  let phone: HandPhone;
  let other: HandPhone;
  let now: number;
  let cookie: string;
  beforeAll(async () => {
    now = Date.UTC(2026, 5, 1);
    app = await App.start({}, { now: () => now });
    cookie = await app.claim();
    phone = await app.pair('Bob', 'Bobs Pixel');
    other = await app.pair('Carol', 'Carols Galaxy');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const credentialTest = (dav: Pick<DavApp, 'user' | 'password'>) =>
    app.ask('HEAD', `/remote.php/dav/files/${dav.user}/`, { authorization: basic(dav), ...android });

  const begin = async (headers: Record<string, string> = android) => {
    const answer = await app.ask('POST', '/index.php/login/v2', headers);
    expect(answer.status).toBe(200);
    const { poll, login } = answer.json() as { poll: { token: string; endpoint: string }; login: string };
    return { token: poll.token, endpoint: new URL(poll.endpoint), login: new URL(login) };
  };
  const pollByForm = (token: string) =>
    ask({
      port: app.httpPort,
      method: 'POST',
      path: '/index.php/login/v2/poll',
      headers: { ...android, ...form },
      body: `token=${token}`,
    });

  it('tells what it can in XML as well, and calls itself by its own name', async () => {
    const asXml = await app.ask('GET', '/ocs/v2.php/cloud/capabilities');
    expect(asXml.text).toContain('<meta><status>ok</status><statuscode>200</statuscode><message>OK</message></meta>');
    expect(asXml.text).not.toMatch(/nextcloud/i);
  });

  it('shows who asks to be let in, and lets one in once', async () => {
    const { token, login } = await begin();
    const key = login.hash.slice(1);
    const look = await phone.json('POST', '/api/connections/login/look', { login: key });
    expect(look.json()).toMatchObject({ client: 'Nextcloud-android/3.34.0', address: expect.stringContaining('127') });
    expect((await phone.json('POST', '/api/connections/login', { login: key })).status).toBe(204);
    const polled = await pollByForm(token);
    expect(polled.status).toBe(200);
    const { loginName: user, appPassword: password } = polled.json() as Record<string, string>;
    expect((await credentialTest({ user: user ?? '', password: password ?? '' })).status).toBe(200);
    expect((await phone.json('POST', '/api/connections/login', { login: key })).status).toBe(404);
  });

  it('is not held up by what an app says of itself', async () => {
    const { login } = await begin({ 'user-agent': `${'a'.repeat(6_000)}/${'1'.repeat(6_000)}(` });
    const look = await phone.json('POST', '/api/connections/login/look', { login: login.hash.slice(1) });
    expect(look.json()['client']).toBe('a'.repeat(64));
  });

  it('lets an app in that its person agrees to, and nobody else', async () => {
    const { token, login } = await begin(ios);
    const key = login.hash.slice(1);
    const bobs = { login: key, phone: phone.phoneId };
    // Carol's phone may not give away Bob's.
    expect((await other.json('POST', '/api/connections/login', bobs)).status).toBe(404);
    // Nor may the owner: what it opens is Bob's.
    expect((await app.ask('POST', '/api/connections/login', { cookie }, bobs)).status).toBe(404);
    const callers = Callers.open(app);
    const his = headersOf(callers.session('Bob', { expiresInMs: aYearMs, absoluteInMs: aYearMs }));
    callers.close();
    expect((await app.ask('POST', '/api/connections/login', his, bobs)).status).toBe(204);
    const path = `/index.php/login/v2/poll?token=${token}`;
    const polled = await app.ask('POST', path, ios);
    expect(polled.json()).toMatchObject({ loginName: `phone-${phone.phoneId.slice(0, 8)}` });
    expect(app.logged.join('')).not.toContain(token);
  });

  it('ends a login that was refused or has run out', async () => {
    const refused = await begin();
    const key = refused.login.hash.slice(1);
    expect((await phone.json('POST', '/api/connections/login/refuse', { login: key })).status).toBe(204);
    expect((await phone.json('POST', '/api/connections/login', { login: key })).status).toBe(404);
    const late = await begin();
    now += 20 * 60_000;
    expect((await phone.json('POST', '/api/connections/login', { login: late.login.hash.slice(1) })).status).toBe(404);
    expect((await pollByForm(late.token)).status).toBe(404);
  });

  it('keeps few of the logins that anybody can begin, and the newest', async () => {
    const begun: Array<Awaited<ReturnType<typeof begin>>> = [];
    for (let n = 0; n < 12; n++) begun.push(await begin());
    const look = async (n: number) =>
      (await phone.json('POST', '/api/connections/login/look', { login: begun[n]?.login.hash.slice(1) })).status;
    expect([await look(0), await look(1), await look(2), await look(11)]).toEqual([404, 404, 200, 200]);
  });

  it('gives a link with nothing in it to decode', async () => {
    const made = (await phone.json('POST', '/api/connections', { door: 'nextcloud' })).json();
    expect(made['link']).toMatch(
      /^nc:\/\/login\/user:phone-[0-9a-f]{8}&password:[A-Z0-9-]{39}&server:https:\/\/[a-z0-9.-]+:\d+$/,
    );
    const webdav = (await phone.json('POST', '/api/connections', { door: 'webdav' })).json();
    expect(webdav['link']).toBeNull();
    // What is to be typed on a phone can be scanned there.
    for (const { qrSvg } of [made, webdav]) expect(qrSvg).toMatch(/^<svg /);
    expect(webdav['url']).toBe(`${webdav['server']}/remote.php/dav/files/${webdav['user']}/`);
    // As a person may type it.
    const typed = String(webdav['password']).toLowerCase().replaceAll('-', '');
    expect((await credentialTest({ user: String(webdav['user']), password: typed })).status).toBe(200);
  });

  it('takes a code of a one-time link once, and gives a password for it', async () => {
    const made = (await phone.json('POST', '/api/connections/one-time', {})).json();
    const [, user = '', code = ''] =
      /^nc:\/\/onetime-login\/user:([\w-]+)&password:([A-Z0-9-]+)&server:https:/.exec(String(made['link'])) ?? [];
    expect(made['qrSvg']).toContain('<svg');
    const headers = { authorization: basic({ user, password: code }), ...ios };
    // It is no password itself.
    expect((await credentialTest({ user, password: code })).status).toBe(401);
    const exchange = () => app.ask('GET', '/ocs/v2.php/core/getapppassword-onetime?format=json', headers);
    const password = String(ocs(await exchange()).data['apppassword']);
    expect((await credentialTest({ user, password })).status).toBe(200);
    expect((await exchange()).status).toBe(401);
    const late = (await phone.json('POST', '/api/connections/one-time', {})).json();
    now = Number(late['expiresAt']);
    const [, lateCode = ''] = /password:([A-Z0-9-]+)/.exec(String(late['link'])) ?? [];
    const lately = { ...headers, authorization: basic({ user, password: lateCode }) };
    expect((await app.ask('GET', '/ocs/v2.php/core/getapppassword-onetime', lately)).status).toBe(401);
  });

  it('says who the app speaks for, nobody else, and what room that person has', async () => {
    const dav = await DavApp.on(app, phone);
    const user = async (path: string) => ocs(await dav.ask('GET', `${path}?format=json`)).data;
    const quota = async () => (await user('/ocs/v2.php/cloud/user'))['quota'] as unknown as Record<string, number>;
    expect(await user(`/ocs/v1.php/cloud/users/${dav.user}`)).toMatchObject({
      id: dav.user,
      displayname: 'Bob, Bobs Pixel',
    });
    expect((await dav.ask('GET', `/ocs/v2.php/cloud/users/phone-00000000?format=json`)).status).toBe(404);
    await dav.put('of-bob.bin', Buffer.alloc(40_000, 1));
    await (await DavApp.on(app, other)).put('of-carol.bin', Buffer.alloc(50_000, 2));
    const { used, free, total } = await quota();
    expect([used, total]).toEqual([40_000, 40_000 + Number(free)]);
    const callers = Callers.open(app);
    const limit = (quotaBytes: number | null) =>
      app.console('PUT', `/api/people/${callers.personId('Bob')}/limits`, { quotaBytes });
    try {
      expect((await limit(100_000)).status).toBe(200);
      expect(await quota()).toEqual({ free: 60_000, used: 40_000, total: 100_000, relative: 40, quota: 100_000 });
      const asked = ['d:quota-available-bytes', 'd:quota-used-bytes'];
      const [top] = await dav.find(dav.file(), 0, asked);
      expect(Object.values(top?.found ?? {})).toEqual(['60000', '40000']);
      const tooMuch = await dav.put('more.bin', Buffer.alloc(60_001, 3));
      expect([tooMuch.status, tooMuch.text]).toEqual([507, expect.stringContaining('100 kB')]);
      expect((await limit(30_000)).status).toBe(200);
      expect(await quota()).toMatchObject({ free: 0, used: 40_000, quota: 30_000 });
    } finally {
      await limit(null);
      callers.close();
    }
  });

  it('counts an app that only looks as a sign of its phone', async () => {
    const quiet = await app.pair('Carol', 'Quiet');
    const dav = await DavApp.on(app, quiet);
    const seen = async () => {
      const { phones } = (await app.ask('GET', '/api/phones', { cookie: await app.signIn() })).json() as {
        phones: Array<{ id: string; lastSeenAt: number | null }>;
      };
      return phones.find(({ id }) => id === quiet.phoneId)?.lastSeenAt;
    };
    await dav.put('there.txt', 'x');
    for (const look of [
      () => dav.names(),
      () => dav.put('there.txt', 'x'),
      () => dav.ask('HEAD', dav.file('there.txt')),
    ]) {
      now += 20 * 60_000;
      await look();
      await expect.poll(seen).toBe(now);
    }
  });

  it('lists apps to their phone, its person and the owner, and lets them end one', async () => {
    const dav = await DavApp.on(app, phone);
    await dav.ask('HEAD', dav.file(), { headers: android });
    const ids = async (list: Promise<{ json: () => Record<string, unknown> }>) =>
      ((await list).json()['connections'] as Array<{ id: number }>).map(({ id }) => id);
    expect(await ids(phone.ask('GET', '/api/connections'))).toContain(dav.id);
    expect(await ids(app.ask('GET', '/api/connections', { cookie }))).toContain(dav.id);
    expect(await ids(other.ask('GET', '/api/connections'))).not.toContain(dav.id);
    expect((await other.ask('DELETE', `/api/connections/${dav.id}`)).status).toBe(404);
    await expect
      .poll(async () => {
        const { connections } = (await phone.ask('GET', '/api/connections')).json() as {
          connections: Array<{ id: number; client: string; lastUsedAt: number }>;
        };
        return connections.find(({ id }) => id === dav.id);
      })
      .toMatchObject({ client: 'Nextcloud-android/3.34.0', lastUsedAt: now, phone: phone.phoneId });
    expect((await phone.ask('DELETE', `/api/connections/${dav.id}`)).status).toBe(204);
    expect((await credentialTest(dav)).status).toBe(401);
  });

  it('opens nothing but its door with the password of an app', async () => {
    const dav = await DavApp.on(app, phone);
    for (const authorization of [basic(dav), `Bearer ${dav.password}`]) {
      for (const path of ['/api/phone', '/api/assets', '/api/connections', '/api/people']) {
        expect([401, 403]).toContain((await app.ask('GET', path, { authorization })).status);
      }
    }
    const bearer = { authorization: `Bearer ${phone.token}` };
    expect((await app.ask('HEAD', dav.file(), bearer)).status).toBe(403);
  });

  it('ends every app of a phone with the phone, and asks for a password in words that apps know', async () => {
    const lost = await app.pair('Carol', 'Lost');
    const apps = [await DavApp.on(app, lost), await DavApp.on(app, lost)];
    expect((await app.ask('DELETE', `/api/phones/${lost.phoneId}`, { cookie })).status).toBe(204);
    for (const dav of apps) {
      const answer = await dav.ask('PROPFIND', dav.file());
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([
        401,
        'Basic realm="Nightjar", charset="UTF-8"',
      ]);
    }
  });

  it('lets a password die that nobody ever used, and has room for a bounded number', async () => {
    const crowded = await app.pair('Carol', 'Crowded');
    const dav = await DavApp.on(app, crowded);
    for (let n = 0; n < 19; n++) await DavApp.on(app, crowded);
    const tooMany = await crowded.json('POST', '/api/connections', { door: 'nextcloud' });
    expect([tooMany.status, tooMany.json()['code']]).toEqual([409, 'conflict']);
    now += 24 * 3_600_000;
    expect((await credentialTest(dav)).status).toBe(401);
    expect((await crowded.json('POST', '/api/connections', { door: 'nextcloud' })).status).toBe(201);
  });
});
