import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { writeManifest } from '../../image/update-manifest.ts';
import { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { createLog } from '../platform/log.ts';
import { Settings } from '../platform/settings.ts';
import { Channel } from './channel.ts';
import { NotBelieved, readManifest } from './manifest.ts';
import type { UpdateStatus } from './update-status.ts';
import { Updates, type UpdatesOptions } from './updates.ts';

const run = promisify(execFile);
const migrationsDir = new URL('../schema/box-state', import.meta.url).pathname;
const weekMs = 7 * 24 * 3_600_000;
const dir = mkdtempSync(join(tmpdir(), 'nightjar-channel-'));
const at = (name: string) => join(dir, name);
const bundle = at('nightjar-0.2.0-pi.raucb');
/** What is served: by its path. */
const served = new Map<string, Buffer | string>();
let asked: string[] = [];
/** What is never sent to its end. */
const endless = new Set<ServerResponse>();
let server: Server;
let origin: string;
let database: Database;
let now: number;

async function makeKey(name: string, ...more: string[]): Promise<void> {
  const kind = name === 'edwards' ? ['ed25519'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  await run('mkdir', ['-p', at(name)]);
  const files = ['-keyout', join(at(name), 'update.key'), '-out', join(at(name), 'update.pem')];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    ...kind,
    '-nodes',
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
    ...files,
    ...more,
  ]);
}

beforeAll(async () => {
  await makeKey('own');
  await makeKey('stranger');
  await makeKey('web', '-addext', 'subjectAltName=IP:127.0.0.1');
  // A key that the box's own one signed for.
  await makeKey(
    'below',
    '-CA',
    at('own/update.pem'),
    '-CAkey',
    at('own/update.key'),
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  );
  await makeKey('edwards', '-CA', at('own/update.pem'), '-CAkey', at('own/update.key'));
  writeFileSync(bundle, 'what a bundle holds');
  const tls = { key: readFileSync(at('web/update.key')), cert: readFileSync(at('web/update.pem')) };
  server = createServer(tls, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const body = served.get(path);
    if (path === '/moved.json') response.writeHead(302, { location: '/pi.json' }).end();
    else if (path === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (body === 'endless') trickle(response);
    else if (path === '/down') response.writeHead(302, { location: 'http://127.0.0.1/pi.json' }).end();
    else response.writeHead(body === undefined ? 404 : 200).end(body ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  now = Date.now();
});
/** Just enough for nobody to say that nothing comes. */
function trickle(response: ServerResponse): void {
  endless.add(response.writeHead(200));
  const timer = setInterval(() => response.write('.'), 20);
  response.once('close', () => {
    clearInterval(timer);
    endless.delete(response);
  });
}
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});
let made = 0;
beforeEach(async () => {
  asked = [];
  made += 1;
  database = Database.open(at(`${made}.sqlite`), { migrationsDir, create: true });
  await publish('own');
});

/** Signs the word of the bundle and puts it where boxes ask. */
async function publish(keys: string, { url = 'files/it.raucb', notBefore = '2026-01-01T00:00:00Z', of = bundle } = {}) {
  const path = await writeManifest({ bundle: of, url, notBefore, keys: at(keys) });
  served.set('/pi.json', readFileSync(path));
  served.set('/pi.json.sig', readFileSync(`${path}.sig`));
}

async function channelTo(path: string, { version = '0.1.0', board = 'pi' } = {}): Promise<Channel> {
  const channel = new Channel({
    database,
    version,
    board: async () => board,
    keyring: at('own/update.pem'),
    ca: readFileSync(at('web/update.pem'), 'utf8'),
    now: () => now,
  });
  await database.write(() => channel.setInWrite({ url: `${origin}${path}`, enabled: true }));
  return channel;
}
const ask = async (channel: Channel) => {
  await channel.ask(new AbortController().signal);
  return channel.view();
};

it('offers what the box’s own key says of its own board, and no more than that', async () => {
  const channel = await channelTo('/pi.json');
  expect(await ask(channel)).toMatchObject({
    lastAskedAt: now,
    problem: null,
    offer: { version: '0.2.0', newer: true, sizeBytes: 19 },
  });
  expect(asked).toEqual(['/pi.json', '/pi.json.sig']);
  expect(channel.offer()).toMatchObject({ url: `${origin}/files/it.raucb` });
  await publish('below');
  expect(await ask(channel), 'by a key that its own one signed for').toMatchObject({ problem: null });
  expect((await ask(await channelTo('/moved.json'))).problem, 'its signature is beside it').toMatchObject({
    reason: 'not-reached',
  });
});

it('believes nobody else, and takes nothing that is for another board', async () => {
  const channel = await channelTo('/pi.json');
  await publish('stranger');
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'not-signed' }, offer: null });
  await publish('own');
  served.set('/pi.json', String(served.get('/pi.json')).replace('0.2.0', '0.3.0'));
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'not-signed' }, offer: null });
  const other = at('nightjar-0.2.0-pc.raucb');
  copyFileSync(bundle, other);
  await publish('own', { of: other });
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'wrong-board' }, offer: null });
  await publish('own', { url: 'http://127.0.0.1/it.raucb' });
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'damaged' }, offer: null });
  served.set('/pi.json.sig', '{}');
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'not-signed' } });
});

it('offers no version that is older, and none before its time', async () => {
  const newer = await channelTo('/pi.json', { version: '0.10.0' });
  expect(await ask(newer)).toMatchObject({ offer: { version: '0.2.0', newer: false } });
  expect(() => newer.offer()).toThrow(/No newer version/);
  const notBefore = `${new Date(now + 3_600_000).toISOString().slice(0, 19)}Z`;
  await publish('own', { notBefore });
  const channel = await channelTo('/pi.json');
  expect(await ask(channel)).toMatchObject({ problem: null, offer: null });
  now += 2 * 3_600_000;
  expect(channel.view().offer).toMatchObject({ newer: true });
});

it('asks once a week, keeps what it was told while nobody answers, and says so', async () => {
  const channel = await channelTo('/pi.json');
  expect(channel.isDue()).toBe(true);
  await ask(channel);
  expect(channel.isDue()).toBe(false);
  now += weekMs;
  expect(channel.isDue()).toBe(true);
  served.delete('/pi.json');
  expect(await ask(channel)).toMatchObject({ problem: { reason: 'not-reached' }, offer: { version: '0.2.0' } });
  expect(channel.isDue(), 'nobody answered').toBe(true);
  await publish('stranger');
  await ask(channel);
  expect(channel.isDue(), 'somebody did').toBe(false);
  await publish('own');
  await ask(channel);
  await database.write(() => channel.setInWrite({ url: channel.url, enabled: false }));
  now += weekMs;
  expect([channel.isDue(), channel.inUse, channel.offered]).toEqual([false, undefined, undefined]);
  expect(channel.view().offer, 'it was told').toMatchObject({ newer: true });
  await database.write(() => channel.setInWrite({ url: `${origin}/other.json`, enabled: true }));
  expect(channel.view()).toMatchObject({ lastAskedAt: null, offer: null });
});

it('is led to no address without https, and not in circles', async () => {
  for (const path of ['/loop', '/down'])
    expect(await ask(await channelTo(path)), path).toMatchObject({ problem: { reason: 'not-reached' } });
  expect(asked.filter((path) => path === '/loop').length).toBeLessThan(6);
});

it('does not believe who may not sign for others, or whose time is over', async () => {
  const manifest = Buffer.from(served.get('/pi.json') ?? '');
  const signed = Buffer.from(served.get('/pi.json.sig') ?? '');
  const keyring = readFileSync(at('own/update.pem'), 'utf8');
  const { validFromDate, validToDate } = new X509Certificate(keyring);
  expect(readManifest(manifest, signed, keyring, now)).toMatchObject({ version: '0.2.0' });
  const notSigned = expect.objectContaining({ reason: 'not-signed' });
  const read =
    (keys: string, time = now) =>
    () =>
      readManifest(manifest, signed, keys, time);
  const wrongTime = expect.objectContaining({ reason: 'wrong-time', message: expect.stringContaining('clock') });
  for (const time of [validToDate.getTime() + 1, validFromDate.getTime() - 1])
    expect(read(keyring, time)).toThrow(wrongTime);
  const edwards = JSON.stringify({ certificates: readFileSync(at('edwards/update.pem'), 'utf8'), signature: 'AAAA' });
  expect(() => readManifest(manifest, Buffer.from(edwards), keyring, now), 'another kind of key').toThrow(notSigned);
  expect(read('')).toThrow(NotBelieved);
  // A chain through a certificate that is no authority.
  await publish('below');
  const below = JSON.parse(String(served.get('/pi.json.sig'))) as { certificates: string; signature: string };
  const stranger = readFileSync(at('stranger/update.pem'), 'utf8');
  const chain = JSON.stringify({ ...below, certificates: `${stranger}\n${below.certificates}` });
  expect(() => readManifest(manifest, Buffer.from(chain), keyring, now)).toThrow(NotBelieved);
});

const by = { kind: 'console' } as const;
const idle: UpdateStatus = {
  ...{ board: 'pi', slot: 'A', other: { slot: 'B', version: null, state: 'empty' } },
  ...{ activity: null, outcome: null },
};
function updatesWith(install: (asked: object) => Promise<unknown>, more: Partial<UpdatesOptions> = {}): Updates {
  return new Updates({
    ...{ database, stateDir: join(dir, String(made)), version: '0.1.0', keyring: at('own/update.pem'), now: () => now },
    ca: readFileSync(at('web/update.pem'), 'utf8'),
    helper: { status: async () => idle, install, restart: async () => undefined },
    lookedAt: async () => [],
    record: () => undefined,
    requireConfirmed: () => undefined,
    onDestinations: async () => undefined,
    log: createLog({ level: 'silent' }),
    ...more,
  });
}

it('is fetched from when the owner says so: what comes is compared, and handed to the helper', async () => {
  const installed: object[] = [];
  const updates = updatesWith(async (asked) => installed.push(asked));
  await updates.setChannel({ url: `${origin}/pi.json`, enabled: true }, by);
  await expect(updates.install({ kind: 'address' }, false, by)).rejects.toMatchObject({ code: 'not-found' });
  await updates.askNow();
  expect(updates.destinations()).toHaveLength(2);
  for (const wrong of ['what a bundle HOLDS', 'short', undefined]) {
    if (wrong === undefined) served.delete('/files/it.raucb');
    else served.set('/files/it.raucb', wrong);
    await updates.install({ kind: 'address' }, false, by);
    const reason = wrong === undefined ? 'not-reached' : 'damaged';
    await expect.poll(async () => (await updates.view()).outcome).toMatchObject({ result: 'refused', reason });
  }
  expect([(await updates.view()).bundle, installed]).toEqual([null, []]);
  served.set('/files/it.raucb', readFileSync(bundle));
  await updates.install({ kind: 'address' }, false, by);
  const path = join(dir, String(made), 'updates/bundle.raucb');
  await expect.poll(() => installed).toEqual([{ path, older: false }]);
  expect(readFileSync(path)).toEqual(readFileSync(bundle));
  await updates.setChannel({ url: `${origin}/pi.json`, enabled: false }, by);
  await expect(updates.install({ kind: 'address' }, false, by)).rejects.toMatchObject({ code: 'not-found' });
  await updates.close();
});

it('is asked only when the way there is open', async () => {
  const order: string[] = [];
  const onDestinations = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    order.push(asked.length === 0 ? 'opened' : 'asked before');
  };
  const updates = updatesWith(async () => undefined, { onDestinations });
  await database.write(() => new Settings(database).putTextInWrite('updates.channel', kept(`${origin}/pi.json`)));
  const job = updates.handlers()['ask-for-updates'];
  await job?.run({} as never, new AbortController().signal);
  expect([order[0], asked.length]).toEqual(['opened', 2]);
});
const kept = (url: string) => JSON.stringify({ url, enabled: true });

it('is fetched from once, however often that is asked for, until it is taken away, and not for ever', async () => {
  const installed: object[] = [];
  const install = async (asked: object) => installed.push(asked);
  const updates = updatesWith(install);
  await updates.setChannel({ url: `${origin}/pi.json`, enabled: true }, by);
  await updates.askNow();
  served.set('/files/it.raucb', 'endless');
  const begun = await Promise.allSettled([1, 2, 3].map(() => updates.install({ kind: 'address' }, false, by)));
  expect(begun.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  for (const one of begun) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'busy' });
  await expect.poll(() => endless.size).toBe(1);
  expect((await updates.view()).activity).toMatchObject({ state: 'receiving', by: 'address' });
  await updates.remove(by);
  await expect.poll(() => endless.size).toBe(0);
  expect(await updates.view()).toMatchObject({ activity: null, outcome: null, bundle: null });
  await updates.close();

  // A length that it never comes to.
  mkdirSync(at('large'));
  const large = at('large/nightjar-0.2.0-pi.raucb');
  writeFileSync(large, Buffer.alloc(1_000_000));
  await publish('own', { of: large });
  const hasty = updatesWith(install, { fetchMsMax: 500 });
  await hasty.askNow();
  await hasty.install({ kind: 'address' }, false, by);
  const late = { result: 'refused', reason: 'not-reached', detail: expect.stringContaining('too long') };
  await expect.poll(async () => (await hasty.view()).outcome).toMatchObject(late);
  expect([(await hasty.view()).activity, installed]).toEqual([null, []]);
  await hasty.close();
});

it('says that it came when only the helper did not take it', async () => {
  const updates = updatesWith(async () => {
    throw new CodedError('busy', 'An update is being installed. Nothing was done.');
  });
  await updates.setChannel({ url: `${origin}/pi.json`, enabled: true }, by);
  await updates.askNow();
  served.set('/files/it.raucb', readFileSync(bundle));
  await updates.install({ kind: 'address' }, false, by);
  const kept = {
    result: 'refused',
    reason: 'busy',
    detail: expect.stringMatching(/^It was fetched whole, and is kept/),
  };
  await expect.poll(async () => (await updates.view()).outcome).toMatchObject(kept);
  expect((await updates.view()).bundle).not.toBeNull();
  await updates.close();
});
