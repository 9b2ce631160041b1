import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Access } from '../../src/access/access.ts';
import { AuditLog } from '../../src/access/audit-log.ts';
import { sessionDoor } from '../../src/access/door.ts';
import { Household } from '../../src/access/household.ts';
import { householdRoutes } from '../../src/access/household-routes.ts';
import { Invitations } from '../../src/access/invitations.ts';
import { Recovery } from '../../src/access/recovery.ts';
import { accessRoutes } from '../../src/access/routes.ts';
import { sessionTokenFrom } from '../../src/access/sessions.ts';
import { runConsole } from '../../src/console/commands.ts';
import { moment } from '../../src/console/print.ts';
import { healthRoutes } from '../../src/http/health.ts';
import { HttpServer, transportOf } from '../../src/http/server.ts';
import { PhoneEndings } from '../../src/phones/endings.ts';
import { parsePairingLink } from '../../src/phones/pairing-link.ts';
import { type BoxFacts, Phones } from '../../src/phones/phones.ts';
import { phonesRoutes } from '../../src/phones/routes.ts';
import { BoxState, goodPassword, setupCode } from '../support/box-state.ts';
import { noApprovers } from '../support/no-approvers.ts';

type Run = (
  args: string[],
  options?: { input?: string; columns?: number },
) => Promise<{ exit: number; out: string; err: string }>;

function consoleIn(box: BoxState): Run {
  return async (args, { input = '', columns } = {}) => {
    const said = { out: '', err: '' };
    const exit = await runConsole(args, {
      stateDir: box.dir,
      input: (async function* () {
        yield Buffer.from(input);
      })(),
      columns,
      now: box.now,
      out: (text) => {
        said.out += `${text}\n`;
      },
      err: (text) => {
        said.err += `${text}\n`;
      },
    });
    return { exit, ...said };
  };
}

/** The people of the house, as the composition root wires them. */
function houseRoutes(box: BoxState, access: Access, boxFacts: () => BoxFacts) {
  const { options, lock, signIn } = access.parts;
  const endings = new PhoneEndings({ database: box.database, now: box.now, ...noApprovers });
  const household = new Household({
    ...options,
    endPhonesInWrite: (id) => endings.endInWrite(id),
    gonePhonesInWrite: (id, sessionId) => endings.goneInWrite(id, sessionId),
  });
  const invitations = new Invitations({ ...options, boxFacts, lock, signIn });
  const recovery = new Recovery({ ...options, invitations });
  return householdRoutes({
    household,
    invitations,
    recovery,
    auditLog: new AuditLog(box.database),
    door: sessionDoor(transportOf),
    requireConfirmed: (caller) => access.book.requireConfirmed(caller),
  });
}

/** Access, phones and the http floor as they are, on the unix socket of a state folder. */
async function startBox(box: BoxState): Promise<{ server: HttpServer; run: Run }> {
  const access = await box.openAccess();
  const facts = { name: 'nightjar', addresses: ['nightjar.local:8443', '10.0.0.7:8443'], fingerprint: 'cd'.repeat(32) };
  const { database, now, log } = box;
  const phones = new Phones({ ...noApprovers, database, access, boxFacts: () => facts, now, randomBytes, log });
  phones.open();
  const server = new HttpServer({
    routes: [
      accessRoutes({
        access,
        transportOf,
        boxName: () => 'nightjar',
        takeFirst: async () => ({ name: null, timeZone: null }),
      }),
      houseRoutes(box, access, () => facts),
      phonesRoutes({ phones, transportOf }),
      healthRoutes(() => ({ status: 'ok', box: 'nightjar', version: '0.1.0', setUp: access.claimed(), disk: 'ok' })),
    ],
    identify: (request) => {
      const transport = transportOf(request);
      if (transport === 'console') return { kind: 'console' };
      const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
      const session = sessionTokenFrom(request.headers.cookie, transport);
      const caller = bearer === undefined ? session && access.personBySession(session) : phones.phoneByToken(bearer);
      return caller || { kind: 'nobody' };
    },
    allowHost: (host) => host === 'nightjar.local',
    log,
    loopbackHttp: true,
  });
  await server.listenConsole(join(box.dir, 'console.sock'));
  return { server, run: consoleIn(box) };
}

const setupArgs = ['setup', '--code', setupCode, '--person', 'alice', '--password-stdin'];

test('a box is set up, paired and looked after from its console', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;

  expect((await run(['status'])).out).toContain(`setup code: ${setupCode}`);
  expect(await run(['people'])).toMatchObject({ exit: 0, out: 'Nobody yet. Set the box up first.\n' });
  const early = await run(['pair', '--person', 'alice', '--phone', 'Pixel 8', '--json']);
  expect(early).toMatchObject({ exit: 1, out: '' });
  expect(early.err).toContain('no owner yet');

  const wrong = await run(['setup', '--code', 'not-this-one', '--person', 'alice', '--password-stdin'], {
    input: goodPassword,
  });
  expect(wrong).toMatchObject({ exit: 1, out: '' });
  expect(wrong.err).toContain('not the setup code');
  expect(await run(setupArgs, { input: `${goodPassword}\n` })).toMatchObject({ exit: 0, err: '' });
  expect((await run(setupArgs, { input: goodPassword })).err).toContain('has an owner already');
  const status = JSON.parse((await run(['status', '--json'])).out);
  expect(status).toMatchObject({ claimed: true, health: { disk: 'ok' } });
  expect(status).not.toHaveProperty('setupCode');

  const paired = await run(['pair', '--person', 'alice', '--phone', 'Pixel 8', '--json']);
  expect(paired).toMatchObject({ exit: 0, err: '' });
  expect(paired.out.trim().split('\n')).toHaveLength(1);
  const pairing = JSON.parse(paired.out);
  expect(Object.keys(pairing)).toEqual(['link', 'code', 'phone', 'person', 'fingerprint', 'addresses', 'expiresAt']);
  expect(parsePairingLink(pairing.link)?.addresses).toEqual(pairing.addresses);

  expect((await run(['people', 'add', 'Tom/Ö'])).out).toContain('Photos/Tom_Ö');
  expect((await run(['people'])).out).toMatch(/NAME +ROLE +FOLDER\nalice +owner +Photos\/alice\nTom\/Ö +member/);
  expect((await run(['phones'])).out).toContain('No phone yet');
  expect(await run(['phones', 'revoke', 'nothing'])).toMatchObject({ exit: 1, out: '' });
});

/** Pairs a phone as one of its own would, over loopback http. */
async function pairByHttp(run: Run, port: number, phone: string, by: { client?: string; clientVersion?: string }) {
  const { link } = JSON.parse((await run(['pair', '--person', 'alice', '--phone', phone, '--json'])).out);
  const reply = await fetch(`http://127.0.0.1:${port}/api/pairings/redeem`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret: parsePairingLink(link)?.secret, ...by }),
  });
  expect(reply.status).toBe(201);
  return (await reply.json()) as { phoneId: string; token: string };
}

test('a phone paired elsewhere is listed and revoked', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;
  await run(setupArgs, { input: goodPassword });
  const port = await server.listenHttp(0, '127.0.0.1');
  const { phoneId } = await pairByHttp(run, port, 'Pixel 8', { client: 'test' });
  expect((await run(['phones'])).out).toMatch(new RegExp(`Pixel 8 +alice +test +never +does not tell +${phoneId}`));
  expect(await run(['phones', 'revoke', phoneId])).toMatchObject({ exit: 0, out: expect.stringContaining('Pixel 8') });
  expect(JSON.parse((await run(['phones', '--json'])).out)).toEqual({ phones: [] });
});

test('the list says what a phone runs and when it is expected, by its own word only', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;
  await run(setupArgs, { input: goodPassword });
  const port = await server.listenHttp(0, '127.0.0.1');
  const { token } = await pairByHttp(run, port, 'Pixel 8', { client: 'nightjar-phone', clientVersion: '0.1.0' });
  await pairByHttp(run, port, 'A page', { client: 'web-page' });
  expect((await run(['phones'])).out).toMatch(/Pixel 8 +alice +nightjar-phone 0\.1\.0 +never +not told yet /);
  expect((await run(['phones'])).out).toMatch(/A page +alice +web-page +never +does not tell /);
  const plan = async (nextAt: number | null) => {
    const reply = await fetch(`http://127.0.0.1:${port}/api/phone/plan`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ nextAt, clientVersion: '0.2.0' }),
    });
    expect(reply.status).toBe(204);
  };
  const nextAt = box.clock.ms + 3_600_000;
  await plan(nextAt);
  const { out } = await run(['phones']);
  expect(out).toMatch(/^PHONE +PERSON +CLIENT +LAST SEEN +NEXT EXPECTED +ID\n/);
  const shown = moment(nextAt).replace(/\s/g, ' ');
  expect(out).toContain(`nightjar-phone 0.2.0  ${moment(box.clock.ms)}  ${shown} `);
  box.clock.ms = nextAt + 3_600_001;
  expect((await run(['phones'])).out).toContain(`  late: ${shown} `);
  await plan(null);
  expect((await run(['phones'])).out).toContain('  no schedule ');
});

test('a phone is renamed and revoked by its name, and never the wrong one of two', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;
  await run(setupArgs, { input: goodPassword });
  const port = await server.listenHttp(0, '127.0.0.1');
  const one = await pairByHttp(run, port, 'Old', {});
  const two = await pairByHttp(run, port, 'Old', {});
  for (const args of [
    ['phones', 'revoke', 'old'],
    ['phones', 'rename', 'OLD', 'New'],
  ]) {
    const { exit, out, err } = await run(args);
    expect([exit, out]).toEqual([1, '']);
    expect(err).toContain('2 phones are called “Old”');
    for (const { phoneId } of [one, two]) expect(err).toContain(phoneId);
  }
  expect((await run(['phones', 'rename', two.phoneId, ' Söhne’s phone '])).out).toContain(
    'Old is called Söhne’s phone',
  );
  expect(await run(['phones', 'rename', 'OLD', 'a\u202eb'])).toMatchObject({ exit: 1, out: '' });
  const renamed = JSON.parse((await run(['phones', 'rename', '--json', 'old', 'Pixel'])).out);
  expect(renamed).toMatchObject({ phone: { id: one.phoneId, name: 'Pixel' } });
  expect((await run(['phones', 'rename', 'Old', 'x'])).err).toContain('no phone called “Old”');
  expect(JSON.parse((await run(['phones', 'revoke', 'pixel', '--json'])).out)).toEqual({ revoked: one.phoneId });
  const { phones } = JSON.parse((await run(['phones', '--json'])).out);
  expect(phones.map(({ name }: { name: string }) => name)).toEqual(['Söhne’s phone']);
});

test('over http the cookie signs in until it signs out, and a phone is no person', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;
  await run(setupArgs, { input: goodPassword });
  const port = await server.listenHttp(0, '127.0.0.1');
  const signIn = (password: string) =>
    fetch(`http://127.0.0.1:${port}/api/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ person: 'Alice', password }),
    });
  const reply = await signIn(goodPassword);
  expect(reply.status).toBe(201);
  expect(reply.headers.get('set-cookie')).toMatch(
    /^nightjar-loopback=[A-Za-z0-9_-]{43}; Path=\/; .*HttpOnly; SameSite=Strict$/,
  );
  expect(await reply.json()).toMatchObject({ person: { name: 'alice', role: 'owner' }, stage: 'open' });
  const cookie = reply.headers.get('set-cookie')?.split(';')[0] ?? '';
  const current = (headers: Record<string, string>, method = 'GET') =>
    fetch(`http://127.0.0.1:${port}/api/sessions/current`, { method, headers });
  expect(await (await current({ cookie })).json()).toMatchObject({ person: { name: 'alice' } });
  expect((await current({ cookie: cookie.replace('nightjar-loopback', '__Host-nightjar') })).status).toBe(401);

  const { link } = JSON.parse((await run(['pair', '--person', 'alice', '--phone', 'Pixel 8', '--json'])).out);
  const redeemed = await fetch(`http://127.0.0.1:${port}/api/pairings/redeem`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret: parsePairingLink(link)?.secret }),
  });
  const { token } = (await redeemed.json()) as { token: string };
  expect((await current({ authorization: `Bearer ${token}` })).status).toBe(403);

  const ended = await current({ cookie }, 'DELETE');
  expect([ended.status, ended.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')]);
  expect((await current({ cookie })).status).toBe(401);
  const wrong = await signIn('something else entirely');
  expect(wrong.status).toBe(401);
  expect(wrong.headers.get('set-cookie')).toBeNull();
});

test('a pairing is shown as QR code, and written as pictures for this user alone', async () => {
  await using box = new BoxState();
  const { server, run } = await startBox(box);
  await using _stop = server;
  await run(setupArgs, { input: goodPassword });
  const pair = ['pair', '--person', 'alice', '--phone', 'Pixel 8'];
  const shown = await run(pair, { columns: 200 });
  expect(shown.out).toMatch(/█▀▀▀▀▀█/);
  expect(shown.out).toMatch(/Works once, 15:00 left/);
  expect(shown.out).toMatch(/Code {2}[0-9A-Z]{4}-[0-9A-Z]{4}/);
  expect((await run(pair, { columns: 20 })).out).toContain('too narrow');
  const [png, svg] = [join(box.dir, 'pair.png'), join(box.dir, 'pair.svg')];
  expect((await run([...pair, '--png', png, '--svg', svg])).exit).toBe(0);
  expect(readFileSync(png).subarray(1, 4).toString()).toBe('PNG');
  expect(readFileSync(svg, 'utf8')).toContain('<svg');
  expect(statSync(png).mode & 0o777).toBe(0o600);
  const failed = await run([...pair, '--png', join(box.dir, 'no/such/folder.png')]);
  expect(failed).toMatchObject({ exit: 1 });
  expect(failed.err).toContain('could not be written');
});

test('wrong use exits with 2 and says how', async () => {
  await using box = new BoxState();
  const run = consoleIn(box);
  expect((await run(['--help'])).out).toContain('nightjar pair --person NAME');
  expect((await run(['pair', '--help'])).exit).toBe(0);
  const wrong = [
    [],
    ['fly'],
    ['pair', '--phone', 'x'],
    ['pair', '--person', 'x', '--phone', 'y', '--gif', 'z'],
    ['setup', '--code', 'x', '--person', 'y'],
    ['setup', '--code', 'x', '--person', 'y', '--password-stdin'],
    ['people', 'remove', 'x'],
    ['people', 'add'],
    ['people', 'add', 'Tom', 'Jones'],
    ['phones', 'rename', 'Tom'],
    ['phones', 'rename', 'Tom', 'Jones', 'x'],
    ['phones', 'revoke'],
    ['phones', 'revoke', 'Tom', 'Jones'],
    ['phones', 'paint', 'x'],
    ['status', 'extra'],
    ['constructor'],
  ];
  for (const args of wrong) {
    const { exit, out, err } = await run(args);
    expect([args, exit, out]).toEqual([args, 2, '']);
    expect(err.length).toBeGreaterThan(20);
  }
});

async function listenAt(path: string, answer: RequestListener): Promise<Server & AsyncDisposable> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

test('each way of not reaching the box has its own sentence', async () => {
  await using box = new BoxState();
  const run = consoleIn(box);
  const socket = join(box.dir, 'console.sock');
  expect(await run(['status'])).toMatchObject({ exit: 1, err: expect.stringContaining('not running') });

  writeFileSync(socket, '');
  expect((await run(['status'])).err).toContain('not a socket');

  const deep = join(box.dir, 'x'.repeat(120));
  mkdirSync(deep);
  const lines: string[] = [];
  const terminal = { stateDir: deep, input: (async function* () {})(), columns: undefined, now: box.now };
  const exit = await runConsole(['status'], { ...terminal, out: () => undefined, err: (text) => lines.push(text) });
  expect([exit, lines.join()]).toEqual([1, expect.stringContaining('107 bytes')]);
});

test('a daemon that is gone, floods, or is something else is told apart', async () => {
  await using box = new BoxState();
  const run = consoleIn(box);
  const socket = join(box.dir, 'console.sock');
  {
    await using _flood = await listenAt(socket, (_request, response) => {
      const chunk = 'x'.repeat(1024 * 1024);
      for (let count = 0; count < 6; count += 1) response.write(chunk);
      response.end();
    });
    expect((await run(['status'])).err).toContain('larger than any');
  }
  expect(existsSync(socket)).toBe(false);
  {
    await using _other = await listenAt(socket, (_request, response) => response.end('<html>'));
    expect((await run(['status'])).err).toContain('not Nightjar’s');
  }
  {
    await using _broken = await listenAt(socket, (request) => request.socket.destroy());
    expect((await run(['status'])).err).toContain('broke off');
  }
});
