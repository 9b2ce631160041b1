import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sessionDoor } from '../../src/access/door.ts';
import { householdRoutes } from '../../src/access/household-routes.ts';
import { Refusals } from '../../src/access/refusals.ts';
import { sessionTokenFrom } from '../../src/access/sessions.ts';
import { sessionsRoutes } from '../../src/access/sessions-routes.ts';
import { runConsole } from '../../src/console/commands.ts';
import { clockRoutes } from '../../src/http/clock.ts';
import { HttpServer, transportOf } from '../../src/http/server.ts';
import { Clock } from '../../src/platform/clock.ts';
import { ask, jsonBody } from '../support/asking.ts';
import { goodPassword } from '../support/box-state.ts';
import { HouseholdBox } from '../support/household-box.ts';

const password = 'quite another set of words';

/** The house's part of the box on real sockets. */
async function startBox() {
  const box = await HouseholdBox.make();
  const { database, now, log } = box.state;
  const door = sessionDoor(transportOf);
  const refusals = new Refusals({ database, record: (entry) => box.access.record(entry), log });
  const machine = { clock: now() };
  const clock = new Clock({ system: () => machine.clock, steady: () => 0, saved: now(), save: async () => undefined });
  const server = new HttpServer({
    routes: [
      sessionsRoutes({ access: box.access, door }),
      clockRoutes({ clock }),
      householdRoutes({
        household: box.household,
        invitations: box.invitations,
        recovery: box.recovery,
        auditLog: box.auditLog,
        door,
        requireConfirmed: (caller) => box.access.book.requireConfirmed(caller),
      }),
    ],
    identify: (request) => {
      const transport = transportOf(request);
      if (transport === 'console') return { kind: 'console' };
      const token = sessionTokenFrom(request.headers.cookie, transport);
      return (token === undefined ? undefined : box.access.personBySession(token)) ?? { kind: 'nobody' };
    },
    allowHost: () => false,
    log,
    loopbackHttp: true,
    refused: (caller, status, route) => refusals.note(caller, status, route),
  });
  await server.listenConsole(join(box.state.dir, 'console.sock'));
  const port = await server.listenHttp(0, '127.0.0.1');
  const asking = (method: string, path: string, it: { cookie?: string; json?: unknown } = {}) => {
    const json = it.json === undefined ? undefined : jsonBody(it.json);
    const headers = { ...json?.headers, ...(it.cookie !== undefined && { cookie: it.cookie }) };
    return ask({ port, method, path, headers, ...(json && { body: json.body }) });
  };
  const run = async (args: string[], input = '') => {
    const said = { out: '', err: '' };
    const exit = await runConsole(args, {
      stateDir: box.state.dir,
      input: (async function* () {
        yield Buffer.from(input);
      })(),
      columns: undefined,
      now,
      out: (text) => {
        said.out += `${text}\n`;
      },
      err: (text) => {
        said.err += `${text}\n`;
      },
    });
    return { exit, ...said };
  };
  const signIn = async (person: string, word: string) => {
    const answer = await asking('POST', '/api/sessions', { json: { person, password: word } });
    const cookies = answer.headers['set-cookie'] ?? [];
    return { answer, cookie: cookies.map((cookie) => cookie.split(';', 1)[0]).join('; ') };
  };
  return {
    box,
    refusals,
    machine,
    asking,
    run,
    signIn,
    async [Symbol.asyncDispose]() {
      await server.close();
      await box[Symbol.asyncDispose]();
    },
  };
}

test('the owner invites, the member joins, and is removed again', async () => {
  await using it = await startBox();
  const { asking, signIn } = it;
  const { cookie } = await signIn('Anna', goodPassword);
  const added = await asking('POST', '/api/people', { cookie, json: { person: 'Bob' } });
  expect(added.status).toBe(201);
  const { person, invitation } = added.json() as { person: { id: string }; invitation: { link: string } };
  expect(JSON.stringify(added.json())).not.toContain('"code"');
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  const looked = await asking('POST', '/api/invitations/look', { json: { secret } });
  expect(looked.json()).toMatchObject({ person: 'Bob', kind: 'join', box: 'nightjar' });
  const joined = await asking('POST', '/api/invitations/redeem', { json: { secret, password } });
  expect(joined.json()).toMatchObject({ person: { name: 'Bob', role: 'member' }, stage: 'open' });
  const bobs = (joined.headers['set-cookie'] ?? []).map((one) => one.split(';', 1)[0]).join('; ');
  expect((await asking('POST', '/api/invitations/redeem', { json: { secret, password } })).status).toBe(410);
  expect((await asking('GET', '/api/sessions/current', { cookie: bobs })).status).toBe(200);

  // What is the owner's and the console's alone.
  for (const [method, path] of [
    ['GET', '/api/people'],
    ['GET', '/api/audit'],
    ['GET', '/api/audit/export?format=csv'],
    ['DELETE', `/api/people/${it.box.owner.id}`],
    ['POST', `/api/people/${it.box.owner.id}/password-reset`],
  ] as const) {
    expect((await asking(method, path, { cookie: bobs })).status, path).toBe(403);
    expect((await asking(method, path)).status, path).toBe(401);
  }
  for (const what of ['password-reset', 'second-factor-reset']) {
    expect((await asking('POST', `/api/people/${person.id}/${what}`, { cookie })).status).toBe(403);
  }
  // The second lock of a member may be taken away by the owner, never at once; the owner's only at the box itself.
  const lockOf = (id: string) => `/api/people/${id}/second-factor`;
  expect((await asking('DELETE', lockOf(it.box.owner.id), { cookie })).status).toBe(403);
  expect((await asking('DELETE', lockOf(person.id), { cookie: bobs })).status).toBe(403);
  const asked = (await asking('DELETE', lockOf(person.id), { cookie })).json() as { done: boolean; validFrom: number };
  expect([asked.done, asked.validFrom - it.box.state.clock.ms]).toEqual([false, 10 * 60_000]);
  expect((await asking('DELETE', `/api/people/${it.box.owner.id}`, { cookie })).status).toBe(409);
  it.box.state.clock.ms += 11 * 60_000;
  expect((await asking('DELETE', `/api/people/${person.id}`, { cookie })).json()).toMatchObject({
    code: 'confirm-first',
  });
  const { cookie: again } = await signIn('Anna', goodPassword);
  expect((await asking('DELETE', `/api/people/${person.id}`, { cookie: again })).status).toBe(204);
  expect((await asking('GET', '/api/sessions/current', { cookie: bobs })).status).toBe(401);

  await it.refusals.write();
  const csv = await asking('GET', '/api/audit/export?format=csv', { cookie: again });
  expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
  expect(csv.text).toContain('"access-refused"');
  expect(csv.text).toContain('GET /api/audit/export');
  expect(csv.text).not.toContain(secret);
  const page = (await asking('GET', '/api/audit?limit=2', { cookie: again })).json() as {
    entries: unknown[];
    next: string;
  };
  expect(page.entries).toHaveLength(2);
  const second = await asking('GET', `/api/audit?limit=2&cursor=${page.next}`, { cookie: again });
  expect(second.json()).not.toEqual(page);
});

test('the owner takes a member’s second lock away: after a password, after ten minutes, and not where the member says no', async () => {
  await using it = await startBox();
  const { asking, signIn, box } = it;
  const { clock } = box.state;
  const owners = async () => (await signIn('Anna', goodPassword)).cookie;
  const added = await asking('POST', '/api/people', { cookie: await owners(), json: { person: 'Bob' } });
  const { person, invitation } = added.json() as { person: { id: string }; invitation: { link: string } };
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  expect((await asking('POST', '/api/invitations/redeem', { json: { secret, password } })).status).toBe(201);
  const factors = () => box.rows('SELECT count(*) AS n FROM authenticator WHERE person_id = ?', person.id);
  /** A row: what codes are worth is tested elsewhere. */
  const addFactor = async (id: string) =>
    await box.state.database.write(() => {
      const row = "(id, person_id, name, secret, created_at, confirmed_at) VALUES (?, ?, 'app', x'00', 1, 1)";
      box.state.database.run(`INSERT INTO authenticator ${row}`, id, person.id);
      box.state.database.run('UPDATE person SET second_factor_since = 1 WHERE id = ?', person.id);
    });
  const takesAway = (cookie: string) => asking('DELETE', `/api/people/${person.id}/second-factor`, { cookie });
  const stageOfBob = async () => (await signIn('Bob', password)).answer.json()['stage'];
  await addFactor('first');
  expect(await stageOfBob()).toBe('second-factor');

  // A page that was left open is not the owner.
  const stale = await owners();
  clock.ms += 11 * 60_000;
  expect((await takesAway(stale)).json()).toMatchObject({ code: 'confirm-first' });
  clock.ms += 11 * 60_000;
  expect([await box.recovery.runDue(), factors()]).toEqual([0, 1]);

  expect((await takesAway(await owners())).json()).toMatchObject({ done: false, validFrom: clock.ms + 10 * 60_000 });
  expect(box.notices(person.id)).toContain('second-factor-reset-asked');
  clock.ms += 10 * 60_000 - 1;
  expect([await box.recovery.runDue(), factors(), await stageOfBob()]).toEqual([0, 1, 'second-factor']);
  clock.ms += 1;
  expect([await box.recovery.runDue(), factors(), await stageOfBob()]).toEqual([1, 0, 'open']);

  const { cookie: bobs } = await signIn('Bob', password);
  await addFactor('second');
  expect((await takesAway(await owners())).status).toBe(200);
  expect((await asking('DELETE', '/api/me/recovery', { cookie: bobs })).json()).toEqual({ stopped: 1 });
  clock.ms += 11 * 60_000;
  expect([await box.recovery.runDue(), factors(), await stageOfBob()]).toEqual([0, 1, 'second-factor']);
});

test('the console gives a new password and takes a second factor, ten minutes apart', async () => {
  await using it = await startBox();
  const { asking, run, signIn } = it;
  const reset = await run(['reset-password', 'anna']);
  expect(reset).toMatchObject({ exit: 0, err: '' });
  const code = /^ {2}([0-9A-Z]{4}(-[0-9A-Z]{4}){3})$/m.exec(reset.out)?.[1];
  const second = await run(['reset-second-factor', 'Anna', '--json']);
  expect(JSON.parse(second.out)).toMatchObject({ done: false, validFrom: it.box.state.now() + 600_000 });
  expect((await asking('POST', '/api/invitations/redeem', { json: { secret: code, password } })).status).toBe(201);
  expect((await signIn('Anna', password)).answer.status).toBe(201);
  expect((await run(['sessions', 'Anna'])).out).toMatch(/BROWSER +ADDRESS +STATE/);
  expect((await run(['sessions', 'Anna', 'end'])).out).toContain('sessions ended');
  expect((await run(['sessions', 'Anna'])).out).toBe('Anna is signed in nowhere.\n');
  expect((await run(['sessions', 'Anna', 'burn'])).exit).toBe(2);
  expect(await run(['reset-password', 'Nobody'])).toMatchObject({ exit: 1, out: '' });
  const audit = await run(['audit', '--last', '20']);
  for (const event of ['password-reset-asked', 'second-factor-reset-asked', 'password-reset ', 'sessions-ended']) {
    expect(audit.out).toContain(event);
  }
  expect(audit.out).not.toContain(code);
  expect((await run(['audit', '--last', '0'])).exit).toBe(2);
});

test('the menu does the same by number, and nothing by mistake', async () => {
  await using it = await startBox();
  const { run } = it;
  // A serial line ends lines with CR; the answer that is not "yes" changes nothing.
  const said = await run(['menu'], '2\r99\r\r3\rAnna\rno\r3\rAnna\ryes\r4\r--help\ryes\r6\rAnna\r7\r0\r3\rAnna\ryes\r');
  expect(said.exit).toBe(0);
  expect(said.out).toMatch(/Anna +owner/);
  expect(said.out.match(/none of the numbers/g)).toHaveLength(2);
  expect(said.out.match(/chooses a new password here/g)).toHaveLength(1);
  expect(said.err).toContain('Nobody on this box is called “--help”');
  expect(said.out).toContain('password-reset-asked');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there.
  expect(said.out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  expect((await run(['menu'], '')).exit).toBe(0);
});

test('a page of the owner tells the time where the box’s clock is behind, and only then', async () => {
  await using it = await startBox();
  const { asking, signIn, machine } = it;
  const { cookie } = await signIn('Anna', goodPassword);
  const now = machine.clock;
  const tell = async (told: number) => (await asking('POST', '/api/clock', { cookie, json: { now: told } })).json();
  expect(await tell(now + 1_000_000)).toEqual({ now, told: 'not-needed' });
  machine.clock = 0;
  expect((await asking('POST', '/api/clock', { json: { now } })).status).toBe(401);
  const added = await asking('POST', '/api/people', { cookie, json: { person: 'Bob' } });
  const { invitation } = added.json() as { invitation: { link: string } };
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  await asking('POST', '/api/invitations/redeem', { json: { secret, password } });
  const member = await signIn('Bob', password);
  // What the box takes for now decides which codes and sessions are good, of everybody.
  expect((await asking('POST', '/api/clock', { cookie: member.cookie, json: { now } })).status).toBe(403);
  expect(await tell(now - 1)).toEqual({ now, told: 'refused' });
  expect(await tell(now + 1_000_000)).toEqual({ now: now + 1_000_000, told: 'used' });
  expect((await asking('GET', '/api/clock', { cookie })).json()).toEqual({ now: now + 1_000_000, behind: true });
});
