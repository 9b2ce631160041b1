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

  it('says that it can be used, to whom it is not known yet', async () => {
    const status = (await app.ask('GET', '/status.php')).json();
    expect(status).toMatchObject({ installed: true, maintenance: false, needsDbUpgrade: false, edition: '' });
    expect(status).toMatchObject({ extendedSupport: false, productname: 'Nightjar' });
    expect(Number(String(status['version']).split('.')[0])).toBeGreaterThanOrEqual(31);
    expect(Number(String(status['version']).split('.')[0])).toBeLessThanOrEqual(33);
  });

  it('lets the connectivity check see that nothing is in between', async () => {
    const answer = await app.ask('GET', '/index.php/204', android);
    expect([answer.status, answer.text]).toEqual([204, '']);
  });

  it('tells each app what it can, in the types that they parse', async () => {
    const forAndroid = ocs(await app.ask('GET', '/ocs/v2.php/cloud/capabilities?format=json', android));
    expect(forAndroid.meta).toEqual({ status: 'ok', statuscode: 200, message: 'OK' });
    expect(forAndroid.data).toMatchObject({
      version: { major: 32, minor: 0, micro: expect.any(Number), string: '32.0.5', edition: '' },
      capabilities: { core: { pollinterval: 60 }, dav: { chunking: '1.0' } },
    });
    expect(forAndroid.data).not.toHaveProperty('capabilities.dav.bulkupload');
    const forIos = ocs(await app.ask('GET', '/ocs/v1.php/cloud/capabilities', { ...ios, accept: 'application/json' }));
    expect(forIos.meta).toEqual({ status: 'ok', statuscode: 100, message: 'OK' });
    const asXml = await app.ask('GET', '/ocs/v2.php/cloud/capabilities');
    expect(asXml.text).toContain('<meta><status>ok</status><statuscode>200</statuscode><message>OK</message></meta>');
    expect(asXml.text).not.toMatch(/nextcloud/i);
  });

  it('lets an Android app in that its phone’s page agrees to: polled by form, once', async () => {
    const { token, endpoint, login } = await begin();
    expect(endpoint.pathname).toBe('/index.php/login/v2/poll');
    expect([login.pathname, login.search]).toEqual(['/connect', '']);
    expect((await pollByForm(token)).status).toBe(404);
    const key = login.hash.slice(1);
    const look = await phone.json('POST', '/api/connections/login/look', { login: key });
    expect(look.json()).toMatchObject({ client: 'Nextcloud-android/3.34.0', address: expect.stringContaining('127') });
    expect((await phone.json('POST', '/api/connections/login', { login: key })).status).toBe(204);
    const polled = await pollByForm(token);
    expect(polled.status).toBe(200);
    const { server, loginName: user, appPassword: password } = polled.json() as Record<string, string>;
    expect(server).toBe(`http://127.0.0.1:${app.httpPort}`);
    expect(`${user}${password}`).toMatch(/^[A-Za-z0-9-]+$/);
    expect((await credentialTest({ user: user ?? '', password: password ?? '' })).status).toBe(200);
    expect((await pollByForm(token)).status).toBe(404);
    expect((await phone.json('POST', '/api/connections/login', { login: key })).status).toBe(404);
  });

  it('lets an iOS app in that its person agrees to: polled by query', async () => {
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

  it('says who the app speaks for, and nobody else', async () => {
    const dav = await DavApp.on(app, phone);
    for (const path of ['/ocs/v1.php/cloud/user', '/ocs/v2.php/cloud/user', `/ocs/v2.php/cloud/users/${dav.user}`]) {
      const { data } = ocs(await dav.ask('GET', `${path}?format=json`));
      expect(data).toMatchObject({ id: dav.user, 'display-name': 'Bob, Bobs Pixel', displayname: 'Bob, Bobs Pixel' });
      const { free, used, total } = data['quota'] as unknown as Record<string, number>;
      expect([free, used].map((bytes) => Number.isSafeInteger(bytes) && Number(bytes) > 0)).toEqual([true, true]);
      expect(total).toBe(Number(free) + Number(used));
    }
    expect((await dav.ask('GET', `/ocs/v2.php/cloud/users/phone-00000000?format=json`)).status).toBe(404);
  });

  it('gives an app another password, and ends only its own when it logs out', async () => {
    const dav = await DavApp.on(app, phone);
    const { data } = ocs(await dav.ask('GET', '/ocs/v2.php/core/getapppassword?format=json', { headers: ios }));
    const another = { user: dav.user, password: String(data['apppassword']) };
    expect((await credentialTest(another)).status).toBe(200);
    const out = await app.ask('DELETE', '/ocs/v2.php/core/apppassword', { authorization: basic(dav), ...android });
    expect(out.status).toBe(200);
    expect((await credentialTest(dav)).status).toBe(401);
    expect((await credentialTest(another)).status).toBe(200);
    expect((await phone.ask('GET', '/api/phone')).status).toBe(200);
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
