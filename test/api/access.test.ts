/** Who may do what, on the whole box: setting up, signing in, people, and every route for every kind of caller. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { api } from '../../src/api.ts';
import { openApiContract } from '../../src/http/openapi.ts';
import { App, cookieOf } from '../support/app.ts';
import { type Answer, ask } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const problem = (answer: Answer) => [answer.status, answer.json()['code']];

test('a new box is claimed once, by its code', async () => {
  await using app = await App.start();
  expect((await app.ask('GET', '/api/setup')).json()).toEqual({ claimed: false, box: 'nightjar' });
  expect((await app.ask('GET', '/api/health')).json()).toMatchObject({ status: 'ok', setUp: false, disk: 'none' });
  const claim = (code: string, person = 'Alice', password = goodPassword) =>
    app.ask('POST', '/api/setup', {}, { code, person, password });
  expect(problem(await claim('0000-0000-WRONG'))).toEqual([403, 'wrong-setup-code']);
  expect(problem(await claim(setupCode, 'Alice', 'short'))).toEqual([422, 'weak-password']);
  expect((await app.ask('GET', '/api/setup')).json()).toEqual({ claimed: false, box: 'nightjar' });
  const claimed = await claim(setupCode);
  expect(claimed.status).toBe(201);
  expect(claimed.json()).toEqual({
    person: expect.objectContaining({ name: 'Alice', role: 'owner' }),
    chosen: { name: null, timeZone: null },
  });
  const session = cookieOf(claimed);
  expect((await app.ask('GET', '/api/sessions/current', { cookie: session })).status).toBe(200);
  expect(problem(await claim(setupCode, 'Mallory'))).toEqual([409, 'already-set-up']);
  await expect
    .poll(async () => (await app.ask('GET', '/api/health')).json())
    .toMatchObject({ setUp: true, disk: 'ok' });
  // Neither the code, nor the password, nor a session is ever in the log.
  const log = app.logged.join('');
  for (const secret of [setupCode, goodPassword, session.split('=')[1] ?? '']) expect(log).not.toContain(secret);
  expect(app.ownErrors()).toEqual([]);
});

test('of many claims at the same moment one wins', async () => {
  await using app = await App.start();
  const claims = await Promise.all(
    ['Alice', 'Bob', 'Carol', 'Dave'].map((person) =>
      app.ask('POST', '/api/setup', {}, { code: setupCode, person, password: goodPassword }),
    ),
  );
  expect(claims.filter(({ status }) => status === 201)).toHaveLength(1);
  const people = (await app.console('GET', '/api/people')).json()['people'] as unknown[];
  expect(people).toHaveLength(1);
});

describe('a claimed box', () => {
  let app: App;
  beforeAll(async () => {
    app = await App.startClaimed();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  it('takes only short questions from anybody', async () => {
    const open = Object.values(api).filter((route) => route.access === 'public' && 'body' in route);
    expect(open).toHaveLength(9);
    for (const { method, path } of open) {
      const answer = await app.ask(method, path, {}, { code: 'x'.repeat(17 * 1024) });
      expect([path, ...problem(answer)]).toEqual([path, 413, 'too-large']);
    }
  });

  it('signs in and out by password', async () => {
    const signIn = (person: string, password: string) => app.ask('POST', '/api/sessions', {}, { person, password });
    expect(problem(await signIn('Alice', 'not her password'))).toEqual([401, 'wrong-password']);
    expect(problem(await signIn('Nobody', goodPassword))).toEqual([401, 'wrong-password']);
    const cookie = cookieOf(await signIn('alice', goodPassword));
    const current = await app.ask('GET', '/api/sessions/current', { cookie });
    expect(current.json()).toMatchObject({
      person: { name: 'Alice', role: 'owner' },
      stage: 'open',
      ways: [],
      notices: 0,
    });
    const out = await app.ask('DELETE', '/api/sessions/current', { cookie });
    expect([out.status, out.text]).toEqual([204, '']);
    expect(out.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect(problem(await app.ask('GET', '/api/sessions/current', { cookie }))).toEqual([401, 'unauthenticated']);
  });

  it('gives the session cookie all its locks, by the way it came', async () => {
    const body = JSON.stringify({ person: 'Alice', password: goodPassword });
    const headers = { 'content-type': 'application/json' };
    const path = '/api/sessions';
    const secure = await ask({
      port: app.httpsPort,
      method: 'POST',
      path,
      headers,
      body,
      rejectUnauthorized: false,
      tls: { ca: '' },
    } as Parameters<typeof ask>[0]);
    expect(secure.headers['set-cookie']?.[0]).toMatch(
      /^__Host-nightjar=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
    );
    const loopback = await ask({ port: app.httpPort, method: 'POST', path, headers, body });
    expect(loopback.headers['set-cookie']?.[0]).toMatch(
      /^nightjar-loopback=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
    // The cookie of one way is nothing on the other.
    const token = cookieOf(loopback).split('=')[1];
    const crossed = await app.ask('GET', '/api/sessions/current', { cookie: `__Host-nightjar=${token}` });
    expect(problem(crossed)).toEqual([401, 'unauthenticated']);
  });

  it('adds people, each with a folder of their own, however similar the names', async () => {
    const cookie = await app.signIn();
    const add = (person: string) => app.ask('POST', '/api/people', { cookie }, { person });
    expect((await add('Bob')).json()).toEqual({
      person: expect.objectContaining({ name: 'Bob', folder: 'Bob', role: 'member' }),
      invitation: { link: expect.stringMatching(/^https:\/\/[^#?]+\/join#/), expiresAt: expect.any(Number) },
    });
    expect((await add('bob')).status).toBe(409);
    for (const name of ['', ' ', 'a\u0000b', 'x'.repeat(65)]) expect((await add(name)).status, name).toBe(400);
    const sly = await add('../../etc');
    expect(sly.status).toBe(201);
    expect((sly.json()['person'] as { folder: string }).folder).not.toMatch(/[/\\]|^\./);
    const people = (await app.ask('GET', '/api/people', { cookie })).json()['people'] as Array<{ name: string }>;
    expect(people.map(({ name }) => name)).toEqual(['Alice', 'Bob', '../../etc']);
  });

  // Written down once more by hand: a contract whose level was changed by mistake fails here.
  const levels = {
    health: 'public',
    openApi: 'public',
    getSetup: 'public',
    claim: 'public',
    signIn: 'public',
    currentSession: 'halfway',
    signInByCode: 'halfway',
    signInByRecoveryCode: 'halfway',
    renewPassword: 'halfway',
    openEnrolled: 'halfway',
    unlock: 'halfway',
    confirmSession: 'signed-in',
    listSessions: 'signed-in',
    endSession: 'signed-in',
    endOtherSessions: 'signed-in',
    allowCodes: 'signed-in',
    changePassword: 'signed-in',
    getPolicy: 'owner',
    putPolicy: 'owner',
    listNotices: 'phone-or-person',
    seeNotices: 'signed-in',
    listAuthenticators: 'signed-in',
    beginAuthenticator: 'halfway',
    confirmAuthenticator: 'halfway',
    renameAuthenticator: 'signed-in',
    removeAuthenticator: 'signed-in',
    countRecoveryCodes: 'signed-in',
    renewRecoveryCodes: 'signed-in',
    recoveryKeyState: 'owner',
    makeRecoveryKey: 'owner',
    listPeople: 'owner',
    addPerson: 'owner',
    renamePerson: 'owner',
    removePerson: 'owner',
    invitePerson: 'owner',
    lookAtInvitation: 'public',
    redeemInvitation: 'public',
    resetMembersFactor: 'owner',
    resetPassword: 'console',
    resetSecondFactor: 'console',
    stopRecovery: 'signed-in',
    listSessionsOf: 'console',
    endSessionsOf: 'console',
    listAudit: 'owner',
    exportAudit: 'owner',
    askForApproval: 'halfway',
    approvalState: 'halfway',
    listApprovers: 'signed-in',
    registerApprover: 'signed-in',
    removeApprover: 'signed-in',
    listApprovals: 'phone',
    answerApproval: 'phone',
    denyApproval: 'phone',
    getClock: 'person',
    tellClock: 'owner',
    getBox: 'person',
    home: 'signed-in',
    refusedItems: 'person',
    changeBox: 'owner',
    getFirstRun: 'owner',
    tickFirstRun: 'owner',
    listPhones: 'person',
    revokePhone: 'person',
    changePhone: 'person',
    ownPhone: 'phone',
    changeOwnPhone: 'phone',
    tellPlan: 'phone',
    createPairing: 'person',
    currentPairing: 'person',
    closePairing: 'person',
    lookAtPairing: 'public',
    refusePairing: 'public',
    redeemPairing: 'public',
    checkItems: 'phone',
    finishInventory: 'phone',
    phoneStatus: 'phone',
    phoneItems: 'phone',
    listAssets: 'phone-or-person',
    timeline: 'phone-or-person',
    timelineLayout: 'phone-or-person',
    timelineEntries: 'phone-or-person',
    timelineMonths: 'phone-or-person',
    searchNames: 'phone-or-person',
    getAsset: 'phone-or-person',
    original: 'phone-or-person',
    originalHead: 'phone-or-person',
    uploadOptions: 'public',
    createUpload: 'phone',
    uploadOffset: 'phone',
    appendUpload: 'phone',
    abortUpload: 'phone',
    listConnections: 'phone-or-person',
    createConnection: 'phone-or-person',
    createOneTimeConnection: 'phone-or-person',
    endConnection: 'phone-or-person',
    lookAtLogin: 'phone-or-person',
    grantLogin: 'phone-or-person',
    refuseLogin: 'phone-or-person',
    ownLimits: 'phone-or-person',
    limitsOf: 'owner',
    changeLimits: 'owner',
    setPhoneAway: 'person',
    safeToRemove: 'phone',
    listAlerts: 'person',
    acknowledgeAlert: 'person',
    getNights: 'phone-or-person',
    changeNights: 'owner',
    listReports: 'person',
    readReport: 'person',
    getVerification: 'owner',
    startVerification: 'owner',
    stopVerification: 'owner',
    openBoxCopy: 'console',
    listDisks: 'owner',
    listDiskFolders: 'owner',
    lookAtDisk: 'owner',
    useDisk: 'owner',
    eraseDisk: 'owner',
    ejectDisk: 'owner',
    checkDisk: 'owner',
    readDiskHealth: 'owner',
    testDisk: 'owner',
    readRoom: 'owner',
    listMirrors: 'owner',
    lackingOnMirror: 'owner',
    promoteMirror: 'owner',
    cancelPromotion: 'owner',
    followMirror: 'owner',
    forgetMirror: 'owner',
    lookAtAdoption: 'public',
    adopt: 'public',
    beginExport: 'console',
    getExport: 'owner',
    stopExport: 'owner',
    beginImport: 'person',
    listImports: 'person',
    getImport: 'person',
    stopImport: 'person',
    getOffbox: 'owner',
    setOffbox: 'owner',
    beginOffbox: 'owner',
    showOffboxPassword: 'owner',
    removeOffbox: 'owner',
    runOffbox: 'owner',
    stopOffbox: 'owner',
    checkOffbox: 'owner',
    drillOffbox: 'owner',
    listOffboxSnapshots: 'owner',
    restoreOffbox: 'console',
    getShare: 'person',
    switchShare: 'owner',
    makeSharePassword: 'signed-in',
    revokeSharePassword: 'signed-in',
    getNetwork: 'owner',
    lookForWifi: 'owner',
    joinWifi: 'owner',
    forgetWifi: 'owner',
    getRemoteShell: 'owner',
    setRemoteShell: 'owner',
    restartBox: 'owner',
    shutDownBox: 'owner',
    resetBox: 'owner',
    getUpdates: 'owner',
    setUpdateChannel: 'owner',
    askUpdateChannel: 'owner',
    listUpdateBundles: 'owner',
    uploadUpdate: 'owner',
    installUpdate: 'owner',
    removeUpdate: 'owner',
    restartIntoUpdate: 'owner',
    getChannels: 'owner',
    setMail: 'owner',
    setWebhook: 'owner',
    removeChannel: 'owner',
    testChannel: 'owner',
    thumbnail: 'phone-or-person',
    preview: 'phone-or-person',
    motion: 'phone-or-person',
    pictures: 'phone-or-person',
    makeAgain: 'signed-in',
    trash: 'signed-in',
    trashed: 'signed-in',
    restoreTrashed: 'signed-in',
    deleteTrashed: 'signed-in',
    deleteDataOf: 'owner',
    deleteMyData: 'signed-in',
    myErasure: 'signed-in',
    offerDownload: 'phone-or-person',
    download: 'phone-or-person',
    liveEvents: 'phone-or-person',
    // Last: an admitted caller is signed out by it.
    signOut: 'halfway',
  } as const;
  const routes = { ...api, ...openApiContract } as Readonly<
    Record<string, { method: string; path: string; body?: object }>
  >;
  const admitted = {
    public: ['nobody', 'phone', 'member phone', 'owner', 'console', 'revoked phone', 'signed out', 'made up'],
    phone: ['phone', 'member phone'],
    'phone-or-person': ['phone', 'member phone', 'owner'],
    'signed-in': ['owner'],
    halfway: ['owner'],
    person: ['owner', 'console'],
    owner: ['owner', 'console'],
    console: ['console'],
  } as const;
  /** Without any right: the answer is 401. Everybody else is known, and gets 403. */
  const strangers = ['nobody', 'revoked phone', 'signed out', 'made up'];

  it('knows the level of every route', () => {
    expect(Object.keys(routes).sort()).toEqual(Object.keys(levels).sort());
  });

  describe('lets each caller use its own routes and no other', () => {
    const callers = new Map<string, (method: string, path: string, value: unknown) => Promise<Answer>>();
    beforeAll(async () => {
      const by = (headers: Record<string, string>) => (method: string, path: string, value: unknown) =>
        app.ask(method, path, headers, value);
      const bearer = (phone: HandPhone) => by({ authorization: `Bearer ${phone.token}` });
      const phone = await app.pair('Alice', 'Pixel');
      const member = await app.pair('Carol', 'iPhone');
      const revoked = await app.pair('Alice', 'Lost');
      expect((await app.console('DELETE', `/api/phones/${revoked.phoneId}`)).status).toBe(204);
      const ended = await app.signIn();
      await app.ask('DELETE', '/api/sessions/current', { cookie: ended });
      callers.set('nobody', by({}));
      callers.set('phone', bearer(phone));
      callers.set('member phone', bearer(member));
      callers.set('owner', by({ cookie: await app.signIn() }));
      callers.set('console', (method, path, value) => app.console(method, path, value));
      callers.set('revoked phone', bearer(revoked));
      callers.set('signed out', by({ cookie: ended }));
      callers.set('made up', by({ authorization: `Bearer ${'0'.repeat(64)}`, cookie: await app.signIn() }));
    });

    const judge = (who: string, level: keyof typeof admitted, answer: Answer) => {
      const code = answer.text.startsWith('{') ? answer.json()['code'] : undefined;
      const label = `${who}: ${answer.status} ${code}`;
      expect(answer.status, label).toBeLessThan(500);
      if ((admitted[level] as readonly string[]).includes(who)) {
        expect(['unauthenticated', 'forbidden'], label).not.toContain(code);
        expect([401, 403], label).not.toContain(answer.status);
      } else {
        expect(answer.status, label).toBe(strangers.includes(who) ? 401 : 403);
        expect([undefined, 'unauthenticated', 'forbidden'], label).toContain(code);
      }
    };

    it.each(Object.entries(levels))('%s: %s', async (name, level) => {
      const { method = '', path: pattern = '', body } = routes[name] ?? {};
      // A stream that was replaced is told so and ends at once; any other would not end.
      const path = name === 'liveEvents' ? `${pattern}?after=replaced` : pattern;
      for (const [who, send] of callers) {
        judge(who, level, await send(method, path.replace(':id', '1'), body === undefined ? undefined : {}));
      }
    });
  });

  it('met no error of its own in all this', () => {
    expect(app.ownErrors()).toEqual([]);
  });
});
