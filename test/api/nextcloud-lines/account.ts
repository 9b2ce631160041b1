/** How the apps find the box, are let in, and learn who they speak for: a line each. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CurlAnswer, CurlApp } from '../../support/curl-app.ts';
import type { Line, World } from './world.ts';

type Ocs = { ocs: { meta: Record<string, unknown>; data: Record<string, unknown> } };
const ocs = ({ text }: CurlAnswer) => (JSON.parse(text) as Ocs).ocs;
const json = ({ text }: CurlAnswer) => JSON.parse(text) as Record<string, unknown>;
const poll = '/index.php/login/v2/poll';
const asForm = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };

export const accountLines: readonly Line[] = [
  {
    line: 'Server check',
    who: 'A, I',
    async check({ android, ios }) {
      for (const app of [android, ios]) {
        const status = json(await app.ask('GET', '/status.php', { anonymous: true }));
        expect(status).toMatchObject({ installed: true, maintenance: false, needsDbUpgrade: false, edition: '' });
        expect(status).toMatchObject({ extendedSupport: false, productname: 'Nightjar' });
        for (const name of ['version', 'versionstring']) {
          const major = Number(String(status[name]).split('.')[0]);
          expect([name, major >= 31 && major <= 33]).toEqual([name, true]);
        }
      }
    },
  },
  {
    line: 'Connectivity',
    who: 'A, before every upload',
    async check({ android }) {
      const { status, body, headers } = await android.ask('GET', '/index.php/204', { anonymous: true });
      expect([status, body.length, headers['content-length']]).toEqual([204, 0, undefined]);
    },
  },
  {
    line: 'Login v2: `token` as form body',
    who: 'A',
    check: ({ android, phones }) =>
      loginFlow(android, phones.android, (token) =>
        android.ask('POST', poll, { anonymous: true, headers: asForm, body: `token=${token}` }),
      ),
  },
  {
    line: 'Login v2: `token` as query',
    who: 'I',
    check: ({ ios, phones }) =>
      loginFlow(ios, phones.ios, (token) => ios.ask('POST', `${poll}?token=${token}`, { anonymous: true })),
  },
  {
    line: 'QR / deep link: decoded, `+` as a space',
    who: 'A',
    check: (world) =>
      deepLink(world, (link) => {
        const data = link.slice('nc://login/'.length).split('&');
        const value = (name: string) =>
          decodeURIComponent(
            (data.find((one) => one.startsWith(`${name}:`)) ?? '').slice(name.length + 1).replaceAll('+', ' '),
          );
        return { server: value('server'), user: value('user'), password: value('password') };
      }),
  },
  {
    line: 'QR / deep link: by position, not decoded',
    who: 'I',
    check: (world) =>
      deepLink(world, (link) => {
        const [user = '', password = '', server = ''] = link.replace('nc://login/', '').split('&');
        return {
          user: user.replace('user:', ''),
          password: password.replace('password:', ''),
          server: server.replace('server:', ''),
        };
      }),
  },
  {
    line: 'One-time QR',
    who: 'recent A, I',
    async check({ android, phones }) {
      const made = (await phones.android.json('POST', '/api/connections/one-time', {})).json();
      const [, user = '', token = ''] =
        /^nc:\/\/onetime-login\/user:([\w-]+)&password:([A-Z0-9-]+)&server:https:\/\/[^/]+$/.exec(
          String(made['link']),
        ) ?? [];
      const once = android.as({ user, password: token });
      const exchange = () => once.ask('GET', '/ocs/v2.php/core/getapppassword-onetime?format=json');
      const { data } = ocs(await exchange());
      const let_in = android.as({ user, password: String(data['apppassword']) });
      expect((await let_in.ask('HEAD', let_in.file())).status).toBe(200);
      expect((await exchange()).status).toBe(401);
    },
  },
  {
    line: 'App password',
    who: 'I, A',
    async check({ ios, android, phones }) {
      const given = (await phones.ios.json('POST', '/api/connections', { door: 'nextcloud' })).json();
      const first = ios.as({ user: String(given['user']), password: String(given['password']) });
      const { data } = ocs(await first.ask('GET', '/ocs/v2.php/core/getapppassword?format=json'));
      const own = android.as({ user: first.credential.user, password: String(data['apppassword']) });
      expect((await own.ask('HEAD', own.file())).status).toBe(200);
      expect((await own.ask('DELETE', '/ocs/v2.php/core/apppassword')).status).toBe(200);
      // It was its own already: nothing that could log in lives on.
      expect((await own.ask('HEAD', own.file())).status).toBe(401);
      expect((await first.ask('HEAD', first.file())).status).toBe(401);
    },
  },
  {
    line: 'User',
    who: 'A, I, desktop',
    async check({ android, ios, desktop }) {
      for (const app of [android, ios, desktop]) {
        for (const version of ['v1', 'v2']) {
          const { meta, data } = ocs(await app.ask('GET', `/ocs/${version}.php/cloud/user?format=json`));
          expect(meta).toMatchObject({ status: 'ok', statuscode: version === 'v1' ? 100 : 200 });
          expect(data['id']).toBe(app.credential.user);
          expect([data['display-name'], data['displayname']]).toEqual(Array(2).fill(expect.stringMatching(/^Bob, /)));
          const { free, used, total, relative, quota } = data['quota'] as Record<string, number>;
          expect(total).toBe(Number(free) + Number(used));
          expect([typeof relative, quota]).toEqual(['number', -3]);
        }
      }
    },
  },
  {
    line: 'Credential test: a collection',
    who: 'A',
    async check({ android }) {
      expect((await android.ask('HEAD', android.file())).status).toBe(200);
    },
  },
  {
    line: 'Credential test: HEAD /remote.php/dav',
    who: 'older I',
    async check({ ios }) {
      for (const path of ['/remote.php/dav', '/remote.php/dav/']) {
        expect([path, (await ios.ask('HEAD', path)).status]).toEqual([path, 200]);
      }
    },
  },
  {
    line: 'Capabilities',
    who: 'A by v2; I, desktop by v1',
    async check({ android, ios, desktop }) {
      const asked = [
        await android.ask('GET', '/ocs/v2.php/cloud/capabilities?format=json'),
        await ios.ask('GET', '/ocs/v1.php/cloud/capabilities'),
        await desktop.ask('GET', '/ocs/v1.php/cloud/capabilities?format=json'),
      ];
      for (const [index, answer] of asked.entries()) {
        const { meta, data } = ocs(answer);
        expect(meta).toEqual({ status: 'ok', statuscode: index === 0 ? 200 : 100, message: 'OK' });
        const { version, capabilities } = data as {
          version: Record<string, unknown>;
          capabilities: Record<string, Record<string, unknown>>;
        };
        const numbers = [version['major'], version['minor'], version['micro']];
        expect(numbers.map(Number.isInteger)).toEqual([true, true, true]);
        expect([version['string'], version['edition']]).toEqual([numbers.join('.'), '']);
        expect(capabilities).toMatchObject({ core: { pollinterval: expect.any(Number) }, dav: { chunking: '1.0' } });
        expect(Number.isInteger(capabilities['core']?.['pollinterval'])).toBe(true);
        expect(capabilities['dav']).not.toHaveProperty('bulkupload');
      }
    },
  },
  {
    line: '401: only for a credential that is revoked; transient faults are 503',
    who: 'I',
    async check({ ios, box, phones }) {
      const given = (await phones.ios.json('POST', '/api/connections', { door: 'nextcloud' })).json();
      const ended = ios.as({ user: String(given['user']), password: String(given['password']) });
      expect((await ended.ask('HEAD', ended.file())).status).toBe(200);
      await phones.ios.ask('DELETE', `/api/connections/${given['id']}`);
      const refused = await ended.ask('PROPFIND', ended.file());
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([
        401,
        expect.stringMatching(/^Basic realm=/),
      ]);
      const away = `${box.diskDir}-away`;
      await rename(box.diskDir, away);
      try {
        await expect.poll(async () => (await ios.ask('HEAD', ios.file())).status).toBe(503);
        const destination = { Destination: `${ios.server}${ios.file('b.jpg')}` };
        for (const [method, path] of [
          ...(['PROPFIND', 'GET', 'PUT', 'MKCOL', 'DELETE', 'MOVE', 'COPY'] as const).map(
            (one) => [one, ios.file('a.jpg')] as const,
          ),
          ...(['PROPFIND', 'PUT', 'MKCOL', 'DELETE'] as const).map(
            (one) => [one, ios.part('folder', one === 'MKCOL' ? '' : '1')] as const,
          ),
          ['MOVE', ios.part('folder', '.file')],
          ['GET', '/index.php/core/preview?fileId=1&x=32&y=32'],
        ] as const) {
          expect([method, path, (await ios.ask(method, path, { headers: destination })).status]).toEqual([
            method,
            path,
            503,
          ]);
        }
        // What is asked of the account needs no disk: the app stays let in.
        expect((await ios.ask('GET', '/ocs/v2.php/cloud/user?format=json')).status).toBe(200);
        expect((await ios.ask('GET', '/status.php', { anonymous: true })).status).toBe(200);
      } finally {
        await rename(away, box.diskDir);
      }
      await expect.poll(async () => (await ios.ask('HEAD', ios.file())).status).toBe(200);
    },
  },
];

async function loginFlow(
  app: CurlApp,
  phone: World['phones']['android'],
  pollFor: (token: string) => Promise<CurlAnswer>,
): Promise<void> {
  const begun = json(await app.ask('POST', '/index.php/login/v2', { anonymous: true })) as {
    poll: { token: string; endpoint: string };
    login: string;
  };
  expect(begun.poll.endpoint).toBe(`${app.server}${poll}`);
  const login = new URL(begun.login);
  expect([login.origin, login.search]).toEqual([app.server, '']);
  expect((await pollFor(begun.poll.token)).status).toBe(404);
  const granted = await phone.json('POST', '/api/connections/login', { login: login.hash.slice(1) });
  expect(granted.status).toBe(204);
  const done = json(await pollFor(begun.poll.token));
  expect(done['server']).toBe(app.server);
  const let_in = app.as({ user: String(done['loginName']), password: String(done['appPassword']) });
  expect((await let_in.ask('HEAD', let_in.file())).status).toBe(200);
  expect((await pollFor(begun.poll.token)).status).toBe(404);
}

/** What an app makes of the link opens the box at the very address in it, over its own certificate. */
async function deepLink(
  { android, box, phones }: World,
  read: (link: string) => { server: string; user: string; password: string },
): Promise<void> {
  const { link } = (await phones.android.json('POST', '/api/connections', { door: 'nextcloud' })).json();
  const { server, user, password } = read(String(link));
  expect(`${user}${password}`).toMatch(/^[A-Za-z0-9-]+$/);
  expect(server).toMatch(/^https:\/\/[a-z0-9.-]+:\d+$/);
  const app = android.as({ user, password });
  const root = join(box.dir, 'root.pem');
  await writeFile(root, (await android.ask('GET', '/nightjar-root.pem', { anonymous: true })).body);
  const options = ['--connect-to', `::127.0.0.1:${box.httpsPort}`, '--cacert', root];
  const answer = await app.ask('HEAD', `${server}${app.file()}`, { options });
  expect(answer.status).toBe(200);
}
