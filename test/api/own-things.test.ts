/**
 * What is one person's is not there for another: every route that names a thing by its id, asked about Bob's things by
 * everybody else whom it lets in, answers 404 and changes nothing. A route that is in none of the tables below fails.
 */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { App } from '../support/app.ts';
import { type Answer, ask } from '../support/asking.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { nameOf, pathOf, type Route, routesOf, valueFor } from '../support/routes.ts';

/** Bob's things, by the beginning of the path that names them; each is tried. */
type Things = Readonly<Record<string, readonly string[]>>;
/** Levels at which only one person, or the console, can ask: nobody is another there. */
const ofTheHouse = ['owner', 'console', 'public'];
/** What the owner may do to other people's things, by design. */
const forOwner = [
  'GET /api/phones/:id/refused',
  'DELETE /api/phones/:id',
  'PATCH /api/phones/:id',
  'PUT /api/phones/:id/away',
  'DELETE /api/connections/:id',
  'POST /api/alerts/:id/acknowledge',
  'GET /api/imports/:id',
  'POST /api/imports/:id/stop',
];
/** What tells the owner of everybody's phones. */
const ofPhones = ['/api/phones', '/api/connections', '/api/home', '/api/alerts', '/api/reports', '/api/imports'];
/** Members of a body that name somebody's thing. */
const naming = /Id$|Ids$|^(assets|replaces|person)$/;
/** What cannot be told to be Bob's by its words alone. */
const volatile = ['last_used_at', 'last_seen_at', 'expires_at'];

describe('one person’s things', () => {
  let app: App;
  let callers: Callers;
  const now = () => new Date(2026, 5, 10, 12).getTime();
  let routes: Route[];
  let things: Things;
  /** Words that are in nobody's answer but Bob's own. */
  let marks: string[];

  beforeAll(async () => {
    routes = await routesOf(async () => {
      // It stands, by day: what the box does after a minute, or at night, changes rows beside the ones that are compared.
      app = await App.startClaimed({}, { now });
    });
    callers = await Callers.make(app, now);
    const { member: phone } = callers.phones;
    for (const [path, seed] of [
      ['DCIM/holiday-zq7x.jpg', 1],
      ['DCIM/trashed-zq7x.jpg', 2],
    ] as const) {
      await phone.send(path, exifJpeg({ seed, bytes: 5_000, takenLocal: '2025-06-01T10:00:00' }));
    }
    const { assets } = await phone.library();
    const ids = assets.map(({ id }) => String(id));
    const cookie = headersOf(callers.session('Bob'));
    await app.ask('POST', '/api/trash', cookie, { assets: [Number(ids[1])] });
    const offered = await app.ask('POST', '/api/downloads', cookie, { assets: [Number(ids[0])] });
    // It is taken out of view a moment later.
    await vi.waitFor(
      async () => expect(await app.filesInView()).not.toContainEqual(expect.stringContaining('trashed-zq7x')),
      { timeout: 10_000 },
    );
    const unfinished = await phone.create(9_000, { path: 'DCIM/coming-zq7x.jpg' }, Buffer.alloc(100, 1));
    const uploads = [String(unfinished.headers.location).split('/').at(-1) ?? ''];
    const rows = insertFactors();
    const card = join(app.dir, 'card-7c1f');
    mkdirSync(card);
    const begun = await app.console('POST', '/api/imports', { source: 'folder', folder: card, person: 'Bob' });
    const imported = String(begun.json()['id']);
    await vi.waitFor(
      async () => expect((await app.console('GET', `/api/imports/${imported}`)).json()['state']).toBe('done'),
      { timeout: 15_000 },
    );
    things = {
      '/api/assets/:id': ids,
      '/api/uploads/:id': uploads,
      '/api/downloads/:id': [String(offered.json()['id'])],
      '/api/phones/:id': [phone.phoneId],
      '/api/connections/:id': [String(callers.apps.member.id)],
      '/ocs/v1.php/cloud/users/:user': [callers.apps.member.user],
      '/ocs/v2.php/cloud/users/:user': [callers.apps.member.user],
      '/remote.php/dav/files/:user': [callers.apps.member.user],
      '/remote.php/dav/uploads/:user': [callers.apps.member.user],
      '/api/sessions/:id': [rows.session],
      '/api/authenticators/:id': [rows.authenticator, rows.unconfirmed],
      '/api/approvers/:id': [rows.approver],
      '/api/approvals/:id': [rows.approval],
      '/api/alerts/:id': [rows.alert],
      '/api/imports/:id': [imported],
      // Of a night there is one report for everybody, in which each sees their own (nights.test.ts).
      '/api/reports/:night': ['2025-01-01'],
      '/api/sessions/current/approval/:id': [rows.approval],
    };
    marks = ['zq7x', 'Bob-Pixel', phone.phoneId, callers.personId('Bob'), ...Object.values(rows), ...uploads];
    marks.push(...assets.map(({ sha256 }) => sha256));
  });
  afterAll(async () => {
    callers.close();
    await app[Symbol.asyncDispose]();
  });

  /** What only a whole sign-in would make, written down: an authenticator, an approver with a request, sessions. */
  function insertFactors() {
    const { database } = callers;
    const bob = callers.personId('Bob');
    const now = Date.now();
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({
      type: 'spki',
      format: 'der',
    });
    const [authenticator, unconfirmed, approver, approval] = Array.from({ length: 4 }, () => randomUUID()) as [
      string,
      string,
      string,
      string,
    ];
    const halfway = callers.session('Bob', { stage: 'second-factor' }).id;
    const session = callers.session('Bob').id;
    insert(database, 'authenticator', {
      id: authenticator,
      person_id: bob,
      name: 'app zq7x',
      secret: Buffer.alloc(20, 7),
      created_at: now,
      confirmed_at: now,
    });
    insert(database, 'authenticator', {
      id: unconfirmed,
      person_id: bob,
      name: 'new zq7x',
      secret: Buffer.alloc(20, 8),
      created_at: now,
    });
    insert(database, 'approver', {
      id: approver,
      person_id: bob,
      phone_id: callers.phones.member.phoneId,
      public_key: spki,
      created_at: now,
    });
    insert(database, 'approval', {
      id: approval,
      person_id: bob,
      session_id: halfway,
      digits: '123456',
      browser: '',
      address: '',
      created_at: now,
      expires_at: now + 600_000,
      tries_left: 5,
      state: 'open',
      known: 0,
      home: 1,
      counted_at: now,
    });
    insert(database, 'alert', {
      id: 77_001,
      code: 'phone-silent',
      key: callers.phones.member.phoneId,
      phone_id: callers.phones.member.phoneId,
      person_id: bob,
      severity: 'watch',
      level: 0,
      params: JSON.stringify({
        phone: callers.phones.member.phoneId,
        name: 'Bob-Pixel-9731',
        person: 'Bob',
        nights: 3,
      }),
      state: 'raised',
      since: now,
      raised_at: now,
    });
    insert(database, 'share_password', {
      person_id: bob,
      login: 'bob-zq7x',
      nt_hash: Buffer.alloc(16, 9),
      made_at: now,
    });
    return { authenticator, unconfirmed, approver, approval, session, alert: '77001' };
  }

  /** Everybody else, with credentials for one request, as far as the route lets them in; they have just confirmed. */
  function others(route: Route): Array<[who: string, headers: Record<string, string>]> {
    if (route.access === 'app') return [['Carol’s app', headersOf({ app: callers.apps.other })]];
    const carol = headersOf(callers.session('Carol', { confirmed: true }));
    const phone = { authorization: `Bearer ${callers.phones.other.token}` };
    const list: Array<[string, Record<string, string>]> = [];
    if (route.access !== 'phone') list.push(['Carol', carol]);
    if (route.access !== 'phone' && !forOwner.includes(nameOf(route)))
      list.push(['Alice', headersOf(callers.session('Alice', { confirmed: true }))]);
    if (route.access.startsWith('phone')) list.push(['Carol’s phone', phone]);
    if (route.access === 'halfway')
      list.push(['Carol, halfway', headersOf(callers.session('Carol', { stage: 'enrol' }))]);
    return list;
  }

  /** With a body and a query that fit; `body` in their place. */
  function request(route: Route, path: string, headers: Record<string, string>, body?: unknown): Promise<Answer> {
    const tus = path.startsWith('/api/uploads')
      ? { 'tus-resumable': '1.0.0', 'upload-offset': '100', 'content-type': 'application/offset+octet-stream' }
      : {};
    const value = body ?? (route.body === undefined ? undefined : valueFor(route.body));
    return app.ask(route.method, path, { ...tus, ...headers }, value);
  }

  /** Bob's rows in both databases and everybody's files, without what every request changes. */
  async function snapshot(): Promise<string> {
    const library = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { readonly: true, timeout: 5_000 });
    try {
      const { phoneId } = callers.phones.member;
      const bob = callers.personId('Bob');
      const state = [
        'person',
        'phone',
        'phone_credential',
        'authenticator',
        'approver',
        'approval',
        'recovery_code',
        'known_browser',
        'invitation',
        'alert',
        'share_password',
      ];
      const kept = ['asset', 'phone_item', 'upload', 'relocation', 'publishing', 'import'];
      const rows = [
        ...state.map((table) => rowsOf(callers.database, table, [bob, phoneId])),
        rowsOf(callers.database, 'session', [bob]),
        ...kept.map((table) => rowsOf(library, table, [bob, phoneId])),
      ];
      return JSON.stringify([rows, await app.filesInView(), await app.incoming()], null, 1);
    } finally {
      library.close();
    }
  }

  /** Routes of these that a person other than Bob may use at all. */
  function shared(which: (route: Route) => boolean): Route[] {
    return routes.filter((route) => !ofTheHouse.includes(route.access) && which(route));
  }

  function thingsOf({ path }: Route): readonly string[] | undefined {
    const prefix = Object.keys(things).find((one) => path === one || path.startsWith(`${one}/`));
    return prefix === undefined ? undefined : things[prefix];
  }

  /** What is wrong when somebody else asks for the thing of this id. */
  async function reached(route: Route, id: string): Promise<string[]> {
    const wrong: string[] = [];
    for (const [who, headers] of others(route)) {
      const { status, text } = await request(route, pathOf(route, { id, user: id }), headers);
      const tells = marks.some((mark) => mark !== id && text.includes(mark));
      if (status !== 404 || tells) wrong.push(`${who}: ${nameOf(route)}: ${status} ${text}`);
      asked += 1;
    }
    return wrong;
  }
  let asked = 0;

  it('is 404 by its id, for everybody else, and stays as it is', async () => {
    const named = shared(({ path }) => path.includes('/:'));
    const unknown = named.filter((route) => thingsOf(route) === undefined);
    expect(unknown.map(nameOf), 'say in `things` what of Bob’s these are about').toEqual([]);
    const before = await snapshot();
    const wrong: string[] = [];
    for (const route of named) for (const id of thingsOf(route) ?? []) wrong.push(...(await reached(route, id)));
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(40);
    expect(await snapshot()).toBe(before);
  });

  /** What a list tells others of Bob's, asked for as widely as it can be, and for his phone's. */
  async function toldBy(route: Route): Promise<string[]> {
    const known = route.query?.properties ?? {};
    const ids = 'ids' in known ? `&ids=${things['/api/assets/:id']?.join()}` : '';
    const name = 'name' in known ? `&name=zq7x${ids}` : ids;
    const queries = 'phone' in known ? [name, `${name}&phone=${callers.phones.member.phoneId}`] : [name];
    const told: string[] = [];
    for (const query of queries) {
      // The owner sees all phones, and nothing that they sent.
      for (const [who, headers] of others(route).filter(([one]) => one !== 'Alice' || !ofPhones.includes(route.path))) {
        const { status, text } = await request(route, `${route.path}?${query}`, headers);
        if (status >= 500 || marks.some((mark) => text.includes(mark))) told.push(`${who}: ${nameOf(route)}: ${text}`);
      }
    }
    return told;
  }

  it('is in no list, timeline or search of anybody else', async () => {
    // The stream has tests of its own (live-events.test.ts).
    const lists = shared(
      ({ method, path }) =>
        method === 'GET' && path.startsWith('/api') && !path.includes('/:') && path !== '/api/events',
    );
    const told = (await Promise.all(lists.map(toldBy))).flat();
    expect(told).toEqual([]);
    expect(lists.length).toBeGreaterThan(8);
    const bobs = await app.ask('GET', '/api/timeline', headersOf(callers.session('Bob')));
    expect(bobs.text).toContain('zq7x');
  });

  /** What is wrong when somebody else names Bob's thing in this body. */
  async function reachedBy(route: Route, body: unknown): Promise<string[]> {
    const wrong: string[] = [];
    // The owner pairs phones for everybody.
    for (const [who, headers] of others(route).filter(([one]) => one !== 'Alice' || route.path !== '/api/pairings')) {
      const { status, text } = await request(route, route.path, headers, body);
      const nothing = status === 200 && /^\{("\w+":\[\],?)+\}$/.test(text);
      if (!nothing && ![403, 404].includes(status)) wrong.push(`${who}: ${nameOf(route)}: ${status} ${text}`);
    }
    return wrong;
  }

  it('is not reached by naming it in a body', async () => {
    const [present = '', trashed = ''] = things['/api/assets/:id'] ?? [];
    const assets = { assets: [Number(present), Number(trashed)] };
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
    const { phoneId } = callers.phones.member;
    const bodies: Readonly<Record<string, unknown>> = {
      'POST /api/trash assets': assets,
      'POST /api/trash/restore assets': assets,
      'POST /api/trash/delete assets': assets,
      'POST /api/downloads assets': assets,
      'POST /api/pairings person': { person: 'Bob', phone: 'Mallory' },
      'POST /api/pairings replaces': { phone: 'Mallory', replaces: phoneId },
      'POST /api/imports person': { source: 'usb-1', folder: '', person: 'Bob' },
      'POST /api/approvers phoneId': { phoneId, publicKey: own.toString('base64') },
    };
    const places = shared(({ body }) => body !== undefined).flatMap((route) =>
      Object.keys(route.body?.properties ?? {})
        .filter((member) => naming.test(member))
        .map((member) => ({ route, key: `${nameOf(route)} ${member}` })),
    );
    const unknown = places.filter(({ key }) => !(key in bodies));
    expect(
      unknown.map(({ key }) => key),
      'say in `bodies` how one asks for something of Bob’s',
    ).toEqual([]);
    const before = await snapshot();
    const wrong: string[] = [];
    for (const { route, key } of places) wrong.push(...(await reachedBy(route, bodies[key])));
    expect(wrong).toEqual([]);
    expect(await snapshot()).toBe(before);
  });

  it('is there for Bob, so that the 404 above are about who asks', async () => {
    const phone = callers.phones.member;
    const [present = ''] = things['/api/assets/:id'] ?? [];
    const [upload = ''] = things['/api/uploads/:id'] ?? [];
    const [zip = ''] = things['/api/downloads/:id'] ?? [];
    const cookie = headersOf(callers.session('Bob'));
    for (const path of [`/api/assets/${present}`, `/api/assets/${present}/original`, `/api/downloads/${zip}`]) {
      expect((await ask({ port: app.httpPort, path, headers: cookie })).status, path).toBe(200);
    }
    expect((await phone.tus('HEAD', `/api/uploads/${upload}`)).headers['upload-offset']).toBe('100');
  });
});

/** Only the columns that the table has: the schema may be older or newer than this test. */
function insert(database: Sqlite.Database, table: string, values: Readonly<Record<string, unknown>>): void {
  const known = (database.pragma(`table_info(${table})`) as Array<{ name: string }>).map(({ name }) => name);
  const columns = Object.keys(values).filter((name) => known.includes(name));
  if (columns.length === 0) return;
  const marks = columns.map(() => '?').join(', ');
  database
    .prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`)
    .run(...columns.map((name) => values[name]));
}

/** The rows that name one of these, in any column. */
function rowsOf(database: Sqlite.Database, table: string, names: readonly string[]): unknown[] {
  const rows = database.prepare(`SELECT * FROM ${table} ORDER BY rowid`).all() as Array<Record<string, unknown>>;
  return rows
    .filter((row) => Object.values(row).some((value) => names.includes(String(value))))
    .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !volatile.includes(name))));
}
