/**
 * The copy off the box, by the real engine: made, made again, read back, brought back to a folder which a new box adopts; to
 * a folder, to another machine by ssh, to a REST server that goes away; and nothing of its secrets is anywhere but there.
 */
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { runConsole } from '../../src/console/commands.ts';
import type { CopyView, OffboxView } from '../../src/offbox/contract.ts';
import { App } from '../support/app.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { RestServer, SshServer } from '../support/offbox-servers.ts';

const picture = (seed: number, bytes = 40_000) => exifJpeg({ seed, bytes, takenLocal: '2026-06-09T18:00:00' });
const clock = { ms: Date.now() - 3 * 24 * 3_600_000 };
const settings = { enabled: true, uploadKiBPerSecond: null, appendOnly: false };

// The engine is started some twenty times here, and derives a key from a password each time.
vi.setConfig({ testTimeout: 240_000 });

let app: App;
let phone: HandPhone;
let there: string;
let password: string;
beforeAll(async () => {
  app = await App.startClaimed({ NIGHTJAR_NAME: 'attic' }, { now: () => clock.ms, pollMs: 200 });
  await app.console('POST', '/api/recovery-key', { password: goodPassword });
  phone = await app.pair('Alice', 'Pixel');
  for (const seed of [1, 2, 3]) await phone.send(`DCIM/${seed}.jpg`, picture(seed, 1e6), { mtime: '1700000000000' });
  await phone.send('DCIM/[a] b.jpg', picture(4), { mtime: '1700000000000' });
  clock.ms += 11 * 60_000;
  await vi.waitFor(() => expect(sealed()).toBe(1), 15_000);
  there = join(app.dir, 'there');
});
afterAll(() => app[Symbol.asyncDispose]());

const view = async (box = app) => (await box.console('GET', '/api/offbox')).json() as unknown as OffboxView;
const sealed = () =>
  readdirSync(join(app.diskDir, '.nightjar/box-state')).filter((name) => name.endsWith('.sealed')).length;
async function idle(box = app): Promise<CopyView> {
  await expect.poll(async () => (await view(box)).activity, { timeout: 120_000 }).toBe(null);
  const { copy } = await view(box);
  if (copy === null) throw new Error('Nothing is set up.');
  return copy;
}
async function nightjar(box: App, args: string[], input = ''): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const code = await runConsole(args, {
    stateDir: box.stateDir,
    input: (async function* () {
      yield Buffer.from(input);
    })(),
    columns: undefined,
    now: () => clock.ms,
    out: (text) => {
      said.out += `${text}\n`;
    },
    err: (text) => {
      said.err += `${text}\n`;
    },
  });
  return { code, ...said };
}

it('is set up on the console or by its owner, tells its password once, and copies what is there', async () => {
  const body = { ...settings, target: { kind: 'folder', path: there } };
  expect((await app.console('POST', '/api/offbox/run')).status).toBe(404);
  expect((await app.console('PUT', '/api/offbox', body)).status).toBe(200);
  expect((await app.console('POST', '/api/offbox/run')).status).toBe(409);
  const begun = await app.console('POST', '/api/offbox/begin');
  expect(begun.status, begun.text).toBe(200);
  password = String(begun.json()['password']);
  expect(password).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
  expect((await app.console('POST', '/api/offbox/begin')).json()['password']).toBe(null);
  expect((await app.console('POST', '/api/offbox/password')).json()).toEqual({ password });
  expect((await app.console('POST', '/api/offbox/run')).status).toBe(202);
  const copy = await idle();
  expect(copy).toMatchObject({
    problem: null,
    ready: true,
    unread: 0,
    check: { ok: true, part: 1 },
    drill: { ok: true },
  });
  expect(copy.drill?.files.map(({ name }) => name).sort()).toEqual(['1.jpg', '2.jpg', '3.jpg', '[a] b.jpg']);
  await phone.send('DCIM/5.jpg', picture(5), { mtime: '1700000000000' });
  // By itself, a day and a half later, once nobody has sent for a while; with the copy of the box that tells of it.
  clock.ms += 37 * 3_600_000;
  await expect.poll(sealed).toBe(2);
  clock.ms += 6 * 60_000;
  await expect
    .poll(async () => (await view()).copy?.lastSuccessAt, { timeout: 60_000 })
    .toBeGreaterThan(Number(copy.lastSuccessAt));
  const again = await idle();
  // The copy of the box is made in the same moment: what is copied off the box may have been listed before it.
  expect([1, 2]).toContain(again.files - copy.files);
  // The new picture, and what changed of the catalogue: what is there is not sent again.
  expect(copy.bytesThere).toBeGreaterThan(3e6);
  expect(Number(again.bytesThere) - Number(copy.bytesThere)).toBeLessThan(1.5e6);
  expect((await app.console('GET', '/api/offbox/snapshots')).json()['snapshots']).toHaveLength(2);
  // A seed takes the same files again.
  const drilled = await nightjar(app, ['offbox', 'drill', '--seed', copy.drill?.seed ?? '']);
  expect(drilled, drilled.err).toMatchObject({ code: 0, out: expect.stringContaining('all as they are here') });
});

it('brings everything back to a new box, which adopts it and is the old one; the old one’s disk was not touched', async () => {
  await using fresh = await App.start({ NIGHTJAR_NAME: 'fresh' });
  const from = { target: { kind: 'folder', path: there }, password };
  const asked = (body: object) => fresh.console('POST', '/api/offbox/restore', body);
  const wrong = await asked({ folder: join(app.dir, 'x'), from: { ...from, password: 'not the password' } });
  expect(wrong.json()).toMatchObject({ code: 'offbox-failed', reason: 'wrong-password' });
  expect((await asked({ folder: fresh.stateDir, from })).json()['code']).toBe('forbidden');
  expect((await asked({ folder: join(app.dir, 'there'), from })).json()['code']).toBe('conflict');
  const typed = password.replaceAll('-', ' ').toLowerCase();
  const restored = await nightjar(
    fresh,
    ['offbox', 'restore', fresh.diskDir, '--from', there, '--password-stdin'],
    `${typed}\n`,
  );
  expect(restored, restored.err).toMatchObject({ code: 0, out: expect.stringContaining('nightjar adopt') });
  for (const path of (await app.filesInView()).filter((one) => one.endsWith('.jpg'))) {
    expect(readFileSync(join(fresh.diskDir, path)).equals(readFileSync(join(app.diskDir, path))), path).toBe(true);
  }
  const adopted = await nightjar(
    fresh,
    ['adopt', '--code', setupCode, '--password-stdin', '--json'],
    `${goodPassword}\n`,
  );
  expect(adopted, adopted.err).toMatchObject({ code: 0 });
  expect(JSON.parse(adopted.out)).toMatchObject({ box: 'attic', people: [{ name: 'Alice', files: 5 }], phones: 1 });
  await expect.poll(() => fresh.restarts).toBe(1);
  // The phone goes on with it: nothing is asked for twice.
  const items = [{ path: 'DCIM/2.jpg', size: 1e6, mtime: 1_700_000_000_000 }];
  const answer = await fresh.ask(
    'POST',
    '/api/phone/items/check',
    { authorization: `Bearer ${phone.token}` },
    { items },
  );
  expect(answer.text).toContain('"have"');
  // And so does the copy: it is set up there as it was here.
  expect((await view(fresh)).copy).toMatchObject({ target: { kind: 'folder', path: there }, ready: true });
});

it('keeps its secrets, and asks its owner first', async () => {
  clock.ms = Date.now() + 5_000;
  const callers = Callers.open(app);
  const owner = headersOf(callers.session('Alice', { confirmed: true }));
  const unconfirmed = headersOf(callers.session('Alice', { confirmed: false }));
  callers.close();
  for (const [method, path] of [
    ['POST', '/api/offbox/password'],
    ['POST', '/api/offbox/begin'],
    ['DELETE', '/api/offbox'],
  ] as const) {
    expect((await app.ask(method, path, unconfirmed)).json()['code'], path).toBe('confirm-first');
  }
  const folder = await app.ask('PUT', '/api/offbox', owner, {
    ...settings,
    target: { kind: 'folder', path: '/tmp/x' },
  });
  expect(folder.json()['code']).toBe('forbidden');
  expect((await app.ask('POST', '/api/offbox/password', owner)).json()).toEqual({ password });
  expect((await app.ask('GET', '/api/offbox', owner)).text).not.toContain(password);
  expect(app.logged.join('\n')).not.toContain(password);
});

it('finds a pack that was damaged there, and a password that opens nothing', async () => {
  const packs = readdirSync(join(there, 'data'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(there, 'data', name))
    .filter((file) => statSync(file).isFile() && statSync(file).size > 30_000);
  for (const file of packs) {
    chmodSync(file, 0o600);
    const bytes = readFileSync(file);
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
  }
  // Each week another part: in thirteen all of it was read.
  let found = 0;
  for (let week = 0; week < 13 && found === 0; week += 1) {
    await app.console('POST', '/api/offbox/check');
    if ((await idle()).check?.ok === false) found += 1;
  }
  expect(await idle()).toMatchObject({ check: { ok: false }, problem: { reason: 'damaged' } });
  const body = { ...settings, target: { kind: 'folder', path: there }, password: 'another password' };
  expect((await app.console('PUT', '/api/offbox', body)).status).toBe(200);
  expect((await app.console('POST', '/api/offbox/begin')).json()).toMatchObject({ reason: 'wrong-password' });
  await app.console('DELETE', '/api/offbox');
  await app.console('PUT', '/api/offbox', { ...settings, target: { kind: 'folder', path: there } });
  expect((await app.console('POST', '/api/offbox/begin')).json()).toMatchObject({ reason: 'taken' });
});

it('goes to another machine by ssh, by a key of its own, and to no other that has its address', async () => {
  const server = new SshServer(join(app.dir, 'sshd'));
  await server.start();
  try {
    const target = `sftp://${server.user}@127.0.0.1:${server.port}${join(app.dir, 'by-ssh')}`;
    const set = await nightjar(app, ['offbox', 'setup', target]);
    const line = /ssh-ed25519 .*/.exec(set.out)?.[0] ?? '';
    const kept = await app.console('POST', '/api/offbox/begin');
    expect(kept.json(), kept.text).toMatchObject({ reason: 'refused' });
    server.letIn(line);
    const begun = await nightjar(app, ['offbox', 'begin']);
    expect(begun, begun.err).toMatchObject({ code: 0, out: expect.stringContaining('Write the password') });
    const ran = await nightjar(app, ['offbox', 'run']);
    expect(ran, ran.err).toMatchObject({ code: 0 });
    expect((await view()).copy?.hostKey).toMatch(/^SHA256:/);
    await server.kill();
    expect((await nightjar(app, ['offbox', 'snapshots'])).err).toContain('does not answer');
    // Another machine, in its place: it is told nothing.
    server.newHostKey();
    await server.start();
    expect((await nightjar(app, ['offbox', 'snapshots'])).err).toContain('does not let the box in');
  } finally {
    await server.kill();
  }
});

it('goes to a REST server, also one that goes away in the middle, and one that only ever adds', async () => {
  for (const seed of [11, 12, 13]) await phone.send(`DCIM/${seed}.jpg`, picture(seed, 3e6), { mtime: '1700000000000' });
  const server = new RestServer(join(app.dir, 'by-rest'), { appendOnly: true });
  await server.start();
  try {
    const target = { kind: 'rest', url: server.url, user: RestServer.user };
    const body = { ...settings, appendOnly: true, uploadKiBPerSecond: 2_000, target, secret: 'wrong' };
    await app.console('PUT', '/api/offbox', body);
    const refused = await app.console('POST', '/api/offbox/begin');
    expect(refused.json(), refused.text).toMatchObject({ reason: 'refused' });
    await app.console('PUT', '/api/offbox', { ...body, secret: RestServer.password });
    expect((await app.console('POST', '/api/offbox/begin')).status).toBe(200);
    await app.console('POST', '/api/offbox/run');
    await expect.poll(async () => (await view()).activity?.bytes ?? 0, { interval: 20 }).toBeGreaterThan(1e6);
    await server.kill();
    await app.console('POST', '/api/offbox/stop');
    expect((await idle()).problem?.reason).toMatch(/^(stopped|unreachable)$/);
    await server.start();
    await app.console('PUT', '/api/offbox', { ...body, uploadKiBPerSecond: null, secret: RestServer.password });
    const ran = await nightjar(app, ['offbox', 'run']);
    expect(ran, ran.err).toMatchObject({ code: 0 });
    expect(await idle()).toMatchObject({ problem: null, check: { ok: true }, drill: { ok: true } });
    for (const secret of ['wrong', RestServer.password, encodeURIComponent(RestServer.password)])
      expect(app.logged.join('\n')).not.toContain(`"${secret}`);
    expect((await app.console('GET', '/api/offbox')).text).not.toContain('secret/of');
  } finally {
    await server.kill();
  }
});
