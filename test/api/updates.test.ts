/** New versions, as the owner's page gets at them: received, found on a disk, handed to the privileged helper; or refused. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OutcomeView, UpdatesView } from '../../src/updates/updates-contract.ts';
import { App } from '../support/app.ts';
import { ask } from '../support/asking.ts';
import { PlantedBoxHelper } from '../support/planted-box-helper.ts';
import { PlantedHelper } from '../support/planted-helper.ts';

describe('updates of a device', () => {
  let helper: PlantedBoxHelper;
  let disks: PlantedHelper;
  let app: App;
  let cookie: string;
  const clock = { ms: Date.now() };
  beforeAll(async () => {
    helper = await PlantedBoxHelper.start({ links: [], wifi: null });
    disks = await PlantedHelper.start();
    app = await App.start({ NIGHTJAR_BOX_HELPER: helper.socketPath }, { now: () => clock.ms, disks: disks.planted });
    cookie = await app.claim();
  });
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await disks?.[Symbol.asyncDispose]();
    await helper?.[Symbol.asyncDispose]();
  });

  const view = async () => (await app.console('GET', '/api/updates')).json() as unknown as UpdatesView;
  const send = (body: Buffer, headers: Record<string, string> = {}) =>
    ask({
      port: app.httpPort,
      method: 'PUT',
      path: '/api/updates/bundle',
      headers: {
        cookie,
        'content-type': 'application/octet-stream',
        'content-length': String(body.length),
        ...headers,
      },
      body,
    });
  const kept = () => (existsSync(join(app.stateDir, 'updates')) ? readdirSync(join(app.stateDir, 'updates')) : []);
  const installs = () => helper.asked.filter(({ verb }) => verb === 'update-install');

  it('are received whole or not at all', async () => {
    const bundle = Buffer.alloc(3_000_000, 7);
    expect((await send(bundle)).status).toBe(201);
    expect(await view()).toMatchObject({ supported: true, board: 'pi', bundle: { sizeBytes: bundle.length } });
    expect(readFileSync(join(app.stateDir, 'updates/bundle.raucb')).equals(bundle)).toBe(true);

    // Larger than any is, by its own word: nothing is read.
    expect((await send(Buffer.alloc(0), { 'content-length': '600000001' })).status).toBe(413);
    expect((await send(Buffer.alloc(0))).status).toBe(410);
    const chunked = { cookie, 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' };
    const where = { port: app.httpPort, method: 'PUT', path: '/api/updates/bundle' };
    const noLength = await ask({ ...where, headers: chunked, body: Buffer.alloc(9) });
    expect(noLength.status).toBe(400);
    expect(noLength.json()['detail']).toContain('Content-Length');
    await brokenOff(1_000_000);
    await expect.poll(async () => (await view()).activity).toBe(null);
    expect(kept()).toEqual([]);
  });

  /** Says that more comes than does. */
  async function brokenOff(bytes: number): Promise<void> {
    const headers = { cookie, 'content-length': String(bytes * 2) };
    const asked = request({
      host: '127.0.0.1',
      port: app.httpPort,
      method: 'PUT',
      path: '/api/updates/bundle',
      headers,
    });
    asked.on('error', () => undefined);
    asked.write(Buffer.alloc(bytes));
    await expect.poll(async () => (await view()).activity).toMatchObject({ state: 'receiving', by: 'upload', bytes });
    expect((await send(Buffer.alloc(9))).status, 'one at a time').toBe(503);
    asked.destroy();
  }

  it('are handed to the helper where they are, with what the owner allowed', async () => {
    expect((await app.ask('POST', '/api/updates/install', { cookie }, { from: { kind: 'upload' } })).status).toBe(404);
    await send(Buffer.from('a bundle'));
    const asked = await app.ask('POST', '/api/updates/install', { cookie }, { from: { kind: 'upload' }, older: true });
    expect(asked.status).toBe(202);
    expect(installs()).toEqual([
      { verb: 'update-install', path: join(app.stateDir, 'updates/bundle.raucb'), older: true },
    ]);
    helper.status = { ...helper.status, activity: { state: 'installing', percent: 41, step: 'Copying image' } };
    expect((await view()).activity).toEqual({ state: 'installing', percent: 41, step: 'Copying image' });
    for (const [method, path, body] of [
      ['POST', '/api/updates/install', { from: { kind: 'upload' } }],
      ['POST', '/api/updates/restart'],
    ] as const)
      expect((await app.ask(method, path, { cookie }, body)).status, path).toBe(503);
    expect((await send(Buffer.from('another'))).status).toBe(503);
    expect(kept()).toEqual(['bundle.raucb']);
  });

  it('are restarted into when the owner says so, and what became of it is told', async () => {
    const outcome: OutcomeView = {
      ...{ result: 'went-back', reason: 'did-not-answer', version: '0.2.0', before: '0.1.0', at: 5 },
      detail: 'Went back to version 0.1.0, because the new one did not answer.',
    };
    const other = { slot: 'B', version: '0.0.9', state: 'ready' } as const;
    helper.status = { ...helper.status, activity: null, other, outcome };
    expect(await view()).toMatchObject({ other: { ...other, older: true }, outcome });
    expect((await app.ask('POST', '/api/updates/restart', { cookie })).status).toBe(202);
    expect(helper.count('update-restart')).toBe(1);
    const { entries } = (await app.console('GET', '/api/audit?limit=50')).json() as { entries: { event: string }[] };
    const events = entries.map(({ event }) => event).filter((event) => event.startsWith('update-'));
    expect(events).toEqual(['update-restart', 'update-installing', 'update-received', 'update-received']);
  });

  it('are found at the top of a disk that is only looked at', async () => {
    const disk = { name: 'sdu', model: 'Stick', serial: 'U 1', sizeBytes: 8e9, filesystem: 'exfat', label: 'STICK' };
    await disks.plug(disk);
    const listed = async () =>
      (await app.console('GET', '/api/disks')).json() as { disks: { id: string; state: string }[] };
    await expect.poll(async () => (await listed()).disks.length).toBe(1);
    const id = (await listed()).disks[0]?.id ?? '';
    expect((await app.ask('POST', `/api/disks/${id}/look`, { cookie }, {})).status).toBeLessThan(300);
    const [folder = ''] = readdirSync(disks.mountRoot);
    // As the kernel lists it (proc_pid_mountinfo(5)).
    await writeFile(disks.mountInfo, `36 35 8:1 / /run/nightjar/disks/${folder} ro - exfat /dev/sdu ro\n`);
    for (const name of ['nightjar-0.2.0-pi.raucb', 'photo.jpg', '.hidden.raucb'])
      await writeFile(join(disks.mountRoot, folder, name), 'bytes');
    const found = (await app.console('GET', '/api/updates/attached')).json() as { bundles: { source: string }[] };
    expect(found.bundles).toEqual([
      { source: folder, name: 'nightjar-0.2.0-pi.raucb', sizeBytes: 5, modifiedAt: expect.any(Number) },
    ]);
    const install = (name: string) =>
      app.ask('POST', '/api/updates/install', { cookie }, { from: { kind: 'disk', source: folder, name } });
    for (const name of ['../nightjar.raucb', '..', 'photo.jpg', 'a/b.raucb'])
      expect((await install(name)).status, name).toBe(404);
    expect((await install('nightjar-0.2.0-pi.raucb')).status).toBe(202);
    expect(installs().at(-1)).toEqual({
      ...{ verb: 'update-install', older: false },
      path: join(disks.mountRoot, folder, 'nightjar-0.2.0-pi.raucb'),
    });
  });

  it('ask no address before the owner named one and turned it on', async () => {
    const ports = () => helper.asked.filter(({ verb }) => verb === 'outbound').at(-1);
    const set = (url: string | null, enabled: boolean) =>
      app.ask('PUT', '/api/updates/channel', { cookie }, { url, enabled });
    expect((await view()).channel).toEqual({
      url: null,
      enabled: false,
      lastAskedAt: null,
      problem: null,
      offer: null,
    });
    expect((await app.ask('POST', '/api/updates/channel/ask', { cookie })).status).toBe(404);
    for (const url of ['http://203.0.113.9/pi.json', 'https://name:word@203.0.113.9/pi.json'])
      expect((await set(url, true)).status, url).toBe(400);
    expect((await set(null, true)).status).toBe(400);
    expect((await set('https://203.0.113.9:8443/pi.json', false)).status).toBe(200);
    expect((await app.ask('POST', '/api/updates/channel/ask', { cookie })).status).toBe(409);
    expect(ports()).not.toMatchObject({ ports: [{ port: 8443 }] });
    expect((await set('https://203.0.113.9:8443/pi.json', true)).status).toBe(200);
    await expect.poll(ports).toMatchObject({ ports: [{ protocol: 'tcp', port: 8443 }] });
  });

  it('do nothing without somebody who is there', async () => {
    clock.ms += 11 * 60_000;
    const before = helper.asked.filter(({ verb }) => verb !== 'outbound').length;
    const sent = await send(Buffer.from('a bundle'));
    expect([sent.status, sent.json()['code']]).toEqual([403, 'confirm-first']);
    for (const [method, path, body] of [
      ['DELETE', '/api/updates/bundle'],
      ['POST', '/api/updates/install', { from: { kind: 'upload' } }],
      ['POST', '/api/updates/restart'],
      ['PUT', '/api/updates/channel', { url: null, enabled: false }],
    ] as const)
      expect((await app.ask(method, path, { cookie }, body)).json()['code'], path).toBe('confirm-first');
    expect(helper.asked.filter(({ verb }) => verb !== 'outbound').length).toBe(before);
  });
});

it('are none of a machine that is not the box’s own', async () => {
  await using app = await App.startClaimed();
  expect((await app.console('GET', '/api/updates')).json()).toMatchObject({
    supported: false,
    other: null,
    activity: null,
  });
  for (const [method, path, body] of [
    ['POST', '/api/updates/install', { from: { kind: 'upload' } }],
    ['POST', '/api/updates/restart'],
    ['PUT', '/api/updates/bundle'],
  ] as const)
    expect((await app.console(method, path, body)).status, path).toBeGreaterThanOrEqual(400);
  expect(existsSync(join(app.stateDir, 'updates'))).toBe(false);
});
