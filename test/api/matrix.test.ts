/**
 * Every route that the box has x everybody who may come, over https, loopback http, plain http and the console: exactly
 * those whom the route's contract declares get past its door. What they may see there is in own-things.test.ts.
 */
import { X509Certificate } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { api } from '../../src/api.ts';
import type { AccessLevel } from '../../src/http/caller.ts';
import { App } from '../support/app.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { type CallerName, Callers, type Credentials, callerNames, headersOf } from '../support/callers.ts';
import { nameOf, pathOf, type Route, routesOf } from '../support/routes.ts';

/** Whom each level lets in. Said here once more, so that a slip in the box's own table does not go unseen. */
const people: readonly CallerName[] = ['member', 'other member', 'owner'];
const levels: Readonly<Record<AccessLevel, readonly CallerName[]>> = {
  public: callerNames,
  halfway: [...people, 'halfway: second factor', 'halfway: new password', 'halfway: enrol', 'locked session'],
  phone: ['phone'],
  app: ['app'],
  'phone-or-person': [...people, 'phone'],
  'signed-in': people,
  person: [...people, 'console'],
  owner: ['owner', 'console'],
  console: ['console'],
};

/** All that plain http shows, whoever asks. */
const plainHttp = [
  'GET /',
  'HEAD /',
  ...[
    '/static/welcome.css',
    '/static/trust.js',
    '/nightjar-root.crt',
    '/nightjar-root.der',
    '/nightjar-root.pem',
    '/nightjar.mobileconfig',
  ].flatMap((path) => [`GET ${path}`, `HEAD ${path}`]),
  'GET /api/health',
];

type Outcome = Readonly<{ status: number; code: string; detail: string; headers: IncomingMessage['headers'] }>;

const agents = [new HttpAgent({ keepAlive: true, maxSockets: 8 }), new HttpsAgent({ keepAlive: true, maxSockets: 8 })];

/** The answer's head, and of a problem what it says. A stream is not waited for. */
function knock(options: RequestOptions & { ca?: string; servername?: string }): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const send = options.ca === undefined ? httpRequest : httpsRequest;
    const asked = send({ host: '127.0.0.1', ...options }, (answer) => {
      const { statusCode: status = 0, headers } = answer;
      if (headers['content-type'] !== 'application/problem+json' || options.method === 'HEAD') {
        answer.on('error', () => undefined);
        if (headers['content-length'] === undefined && status !== 204) answer.destroy();
        else answer.resume();
        resolve({ status, code: '', detail: '', headers });
        return;
      }
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.once('end', () => resolve({ status, headers, ...(JSON.parse(text) as { code: string; detail: string }) }));
      answer.once('error', reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

describe('the matrix of routes and callers', () => {
  let app: App;
  let callers: Callers;
  let routes: Route[];
  let ca: string;
  let hasLock: boolean;
  /** What the door itself says to whom it turns away, in its own words: a handler's refusal has others. */
  let refusals: ReadonlySet<string>;

  beforeAll(async () => {
    routes = await routesOf(async () => {
      app = await App.startClaimed();
    });
    callers = await Callers.make(app);
    const root = await fetch(`http://127.0.0.1:${app.httpPort}/nightjar-root.der`);
    ca = new X509Certificate(Buffer.from(await root.arrayBuffer())).toString();
    hasLock = routes.some((route) => nameOf(route) === 'PUT /api/policy');
    const told = await Promise.all(
      (['nobody', 'member', 'halfway: enrol', 'locked session'] as const).map((caller) =>
        ask('https', { method: 'GET', path: '/api/people' }, callers.credentials(caller)),
      ),
    );
    refusals = new Set(told.filter(({ status }) => status === 401 || status === 403).map(({ detail }) => detail));
  });
  afterAll(async () => {
    callers.close();
    for (const agent of agents) agent.destroy();
    await app[Symbol.asyncDispose]();
  });

  function ask(how: 'https' | 'loopback', route: { method: string; path: string }, who: Credentials): Promise<Outcome> {
    const headers = headersOf(who);
    const asked = { method: route.method, path: route.path, headers };
    if (who.console === true) {
      return knock({
        ...asked,
        socketPath: join(app.stateDir, 'console.sock'),
        headers: { host: 'localhost' },
        agent: false,
      });
    }
    return how === 'https'
      ? knock({ ...asked, port: app.httpsPort, ca, servername: 'localhost', agent: agents[1] })
      : knock({ ...asked, port: app.httpPort, agent: agents[0] });
  }

  /** HEAD answers say nothing in words. */
  function turnedAway({ status, detail }: Outcome, method: string): boolean {
    if (status !== 401 && status !== 403) return false;
    return method === 'HEAD' || refusals.has(detail);
  }

  /** What is wrong with how this caller is met; an error of the box is no answer to who may. */
  async function surpriseOf(how: 'https' | 'loopback', route: Route, caller: CallerName): Promise<string | undefined> {
    const outcome = await ask(how, { ...route, path: pathOf(route) }, callers.credentials(caller));
    const expected = levels[route.access].includes(caller);
    const right = turnedAway(outcome, route.method) !== expected && outcome.status !== 500;
    return right ? undefined : `${outcome.status} ${outcome.code}`;
  }

  it('knows every route that the server has, and every contract is served', () => {
    const served = new Set(routes.map(nameOf));
    const composed = new Set(Object.values(api).map(nameOf));
    expect([...composed].filter((name) => !served.has(name))).toEqual([]);
    const others = routes.filter((route) => route.path.startsWith('/api') && !composed.has(nameOf(route)));
    expect(others.map(nameOf)).toEqual(['GET /api/openapi.json']);
    // Files and pages: read by everybody, changed by nobody.
    const forApps = routes.filter(({ path }) => /^\/(remote\.php|ocs|index\.php)\/|^\/status\.php$/.test(path));
    // Of the doors for other people's apps, all that concerns a phone is for those that have its password.
    expect(forApps.filter(({ access }) => access === 'public').map(nameOf)).toEqual([
      'GET /status.php',
      'GET /index.php/204',
      'POST /index.php/login/v2',
      'POST /index.php/login/v2/poll',
      'GET /ocs/v2.php/core/getapppassword-onetime',
      'GET /ocs/v1.php/cloud/capabilities',
      'GET /ocs/v2.php/cloud/capabilities',
    ]);
    expect(forApps.filter(({ access }) => access !== 'public' && access !== 'app')).toEqual([]);
    expect(routes.filter((route) => route.access === 'app' && !forApps.includes(route))).toEqual([]);
    const files = routes.filter((route) => !route.path.startsWith('/api') && !forApps.includes(route));
    expect(files.filter(({ method, access }) => access !== 'public' || !['GET', 'HEAD'].includes(method))).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
    expect(refusals.size).toBe(hasLock ? 4 : 3);
  });

  for (const how of ['https', 'loopback'] as const) {
    it(`over ${how} lets in exactly those whom the contract declares`, { timeout: 180_000 }, async () => {
      const wrong: string[] = [];
      let asked = 0;
      for (const route of routes) {
        for (const caller of callerNames) {
          if (caller === 'locked session' && !hasLock) continue;
          asked += 1;
          const surprise = await surpriseOf(how, route, caller);
          if (surprise !== undefined) wrong.push(`${nameOf(route)} (${route.access}) x ${caller}: ${surprise}`);
        }
        callers.forgetSessions();
      }
      expect(wrong).toEqual([]);
      expect(asked).toBeGreaterThanOrEqual(routes.length * (callerNames.length - 1));
      // Else what phones may would have been asked by nobody.
      expect((await callers.phones.member.ask('GET', '/api/phone/status')).status).toBe(200);
      expect((await callers.phones.revoked.ask('GET', '/api/phone/status')).status).not.toBe(200);
    });
  }

  it('over plain http lets in nobody, whatever they bring', async () => {
    await using plain = await App.start({ NIGHTJAR_LOOPBACK_HTTP: 'off' });
    const claim = { code: setupCode, person: 'Alice', password: goodPassword };
    expect((await plain.console('POST', '/api/setup', claim)).status).toBe(201);
    const headers = { cookie: ownerOf(plain), authorization: `Bearer ${'x'.repeat(32)}` };
    const wrong: string[] = [];
    for (const route of routes) {
      const asked = { port: plain.httpPort, method: route.method, path: pathOf(route), agent: false } as const;
      for (const outcome of [await knock(asked), await knock({ ...asked, headers })]) {
        if (!isPlain(route, outcome, plain.httpsPort))
          wrong.push(`${nameOf(route)}: ${outcome.status} ${outcome.code}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  /** What plain http may say: the public list; of other pages where they are; of the rest that it is not for here. */
  function isPlain(route: Route, { status, code, headers }: Outcome, httpsPort: number): boolean {
    if (headers['set-cookie'] !== undefined) return false;
    if (plainHttp.includes(nameOf(route))) return status === 200;
    if (['GET', 'HEAD'].includes(route.method) && !route.path.startsWith('/api')) {
      return status === 308 && headers.location?.startsWith(`https://127.0.0.1:${httpsPort}/`) === true;
    }
    return status === 403 && (route.method === 'HEAD' || code === 'https-required');
  }

  /** A session of its owner, which is good over https. */
  function ownerOf(box: App): string {
    const made = Callers.open(box);
    const { cookie = '' } = headersOf(made.session('Alice'));
    made.close();
    return cookie;
  }
});
