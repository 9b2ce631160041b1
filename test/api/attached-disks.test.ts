/** Disks that are attached to the whole box, by the real helper on loop devices: shown, looked at, erased, used, let go of. */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Asked, DiskView } from '../../src/disks/disks-contract.ts';
import { App } from '../support/app.ts';
import { maySkip, say } from '../support/counts.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { HelperBox, helperMissing } from '../support/helper-box.ts';

const missing = await helperMissing();
if (missing !== undefined) say(`attached disks cannot be tested here: ${missing}`);
const poll = { timeout: 30_000, interval: 100 };
const clock = { ms: Date.parse('2026-11-20T12:00Z') };
const picture = exifJpeg({ seed: 1, bytes: 5_000, takenLocal: '2026-11-09T18:00:00' });

describe.skipIf(missing !== undefined && maySkip)('attached disks', () => {
  const dir = mkdtempSync(join(tmpdir(), 'nja-'));
  let box: HelperBox;
  let app: App;
  let phone: HandPhone;

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Attached disks cannot be tested here: ${missing}`);
    box = await HelperBox.make(join(dir, 'box'), { seen: true });
    const disk = await box.disk('other');
    const { volume } = await box.helper.format(disk.key, {
      ...{ filesystem: 'ext4', label: 'nightjar-card', confirm: disk.printedName },
    });
    const { folder, path } = await box.helper.mount(disk.key, volume, 'use');
    await mkdir(join(box.inside(path), 'DCIM\u202e'));
    await writeFile(join(box.inside(path), 'note.txt'), 'of somebody else');
    await box.helper.unmount(folder);
    const { socketPath, mountRoot, mountInfo } = box;
    app = await App.startClaimed(
      { NIGHTJAR_DISK_DIR: '' },
      { now: () => clock.ms, disks: { socketPath, mountRoot, mountInfo, watchMs: 100, replyWithinMs: 60_000 } },
    );
  }, 60_000);
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const listed = async () => {
    const answer = await app.console('GET', '/api/disks');
    expect(answer.status, answer.text).toBe(200);
    return answer.json() as unknown as { helper: string; disks: DiskView[] };
  };
  const seen = async (loop: string) => {
    const { disks } = await listed();
    return disks.find(({ id }) => id.startsWith(`other-${box.device(loop).replace('/dev/', '')}-`));
  };
  const ask = async (loop: string, verb: string, body?: unknown) =>
    await app.console('POST', `/api/disks/${(await seen(loop))?.id}/${verb}`, body);
  const done = async (loop: string, verb: string, body?: unknown) => {
    const answer = await ask(loop, verb, body);
    expect(answer.status, answer.text).toBe(200);
    return (answer.json() as unknown as Asked).disk;
  };
  const health = async () => (await app.console('GET', '/api/health')).json()['disk'];

  it('shows what is there, and touches nothing', async () => {
    await expect.poll(async () => (await listed()).helper, poll).toBe('ok');
    expect(await seen('system')).toMatchObject({ state: 'system', volumes: [], erasing: { refused: 'system' } });
    expect(await seen('used')).toMatchObject({ state: 'in-use' });
    const blank = { filesystem: '', holds: 'no-filesystem', role: null };
    expect(await seen('free')).toMatchObject({ state: 'free', erasing: { refused: null }, volumes: [blank] });
    expect(await seen('other')).toMatchObject({
      ...{ state: 'free', erasing: { consequences: ['everything-on-it', 'files'] } },
      volumes: [{ filesystem: 'ext4', label: 'nightjar-card', holds: 'files', source: null }],
    });
    expect(await box.mounts()).not.toContain('/run/nightjar/disks/');
    expect(await health()).toBe('none');
    expect((await ask('system', 'look', {})).status).toBe(409);
  });

  it('does to a disk only what somebody confirmed who is there', async () => {
    const cookie = await app.signIn();
    clock.ms += 11 * 60_000;
    const id = (await seen('free'))?.id;
    const bodies = { use: { role: 'library' }, erase: { name: 'x', filesystem: 'ext4' }, eject: undefined, check: {} };
    for (const [verb, body] of Object.entries(bodies)) {
      const answer = await app.ask('POST', `/api/disks/${id}/${verb}`, { cookie }, body);
      expect([verb, answer.status, answer.json()['code']]).toEqual([verb, 403, 'confirm-first']);
    }
    expect((await app.ask('GET', '/api/disks', { cookie })).status).toBe(200);
  });

  it('looks at a disk of somebody else, and uses it for nothing', async () => {
    for (const role of ['library', 'mirror']) {
      const refused = await ask('other', 'use', { role });
      expect([role, refused.status]).toEqual([role, role === 'library' ? 409 : 503]);
    }
    const [volume] = (await done('other', 'look', {}))?.volumes ?? [];
    expect(await done('other', 'look', {})).toMatchObject({
      state: 'looked-at',
      volumes: [{ source: volume?.source }],
    });
    expect(volume?.source).toMatch(/^[0-9a-f-]{36}$/);
    expect(await box.mounts()).toMatch(/\/run\/nightjar\/disks\/\S+ ro,/);
    const folders = await app.console('GET', `/api/disks/${(await seen('other'))?.id}/folders`);
    expect(folders.json()).toEqual({ names: ['DCIM\ufffd'], more: false });
    expect(await done('other', 'eject')).toMatchObject({ state: 'ejected', volumes: [{ source: null }] });
    expect(await done('other', 'eject')).toMatchObject({ state: 'ejected' });
    expect(await box.mounts()).not.toContain('/run/nightjar/disks/');
  });

  it('erases a disk by its typed name, and makes it the library', async () => {
    expect((await ask('free', 'use', { role: 'library' })).status).toBe(409);
    expect((await ask('free', 'erase', { name: 'yes', filesystem: 'ext4' })).status).toBe(400);
    const { name = '', volumes } = (await seen('free')) ?? {};
    expect(volumes).toMatchObject([{ holds: 'no-filesystem' }]);
    const erased = await done('free', 'erase', { name, filesystem: 'ext4' });
    expect(erased).toMatchObject({ state: 'free', failed: null, volumes: [{ filesystem: 'ext4', holds: 'empty' }] });
    expect(await done('free', 'use', { role: 'library' })).toMatchObject({
      ...{ state: 'used', erasing: { refused: 'library' } },
      volumes: [{ holds: 'library', role: 'library' }],
    });
    expect(await health()).toBe('ok');
    phone = await app.pair('Bob', 'Pixel');
    await phone.send('DCIM/1.jpg', picture);
    expect((await ask('free', 'erase', { name, filesystem: 'ext4' })).status).toBe(409);
    expect((await ask('free', 'use', { role: 'mirror' })).status).toBe(409);
  });

  const mirror = async () => {
    const { mirrors } = (await app.console('GET', '/api/mirrors')).json() as unknown as {
      mirrors: { files: number; attached: boolean }[];
    };
    return mirrors[0];
  };

  it('makes another one the mirror, which is taken up again by itself', async () => {
    const { name = '' } = (await seen('other')) ?? {};
    await done('other', 'erase', { name, filesystem: 'ext4' });
    expect((await ask('other', 'use', { role: 'library' })).status).toBe(409);
    expect(await done('other', 'use', { role: 'mirror' })).toMatchObject({
      volumes: [{ holds: 'mirror', role: 'mirror' }],
    });
    await expect.poll(mirror, poll).toMatchObject({ files: 1, attached: true });
    // Neither is written to by an export.
    for (const folder of await readdir(box.mountRoot)) {
      const exported = await app.console('POST', '/api/export', { folder: join(box.mountRoot, folder) });
      expect([exported.status, exported.json()['code']]).toEqual([403, 'forbidden']);
    }
    await app.restart();
    await expect.poll(health, poll).toBe('ok');
    await expect.poll(mirror, poll).toMatchObject({ attached: true });
  });

  it('lets go of both while they are used, checks them, and goes on with them', async () => {
    expect(await done('other', 'eject')).toMatchObject({ state: 'ejected' });
    expect(await mirror()).toMatchObject({ attached: false });
    expect(await done('free', 'check', {})).toMatchObject({ state: 'used', checked: { outcome: 'clean' } });
    await expect.poll(health, poll).toBe('ok');
    expect(await done('free', 'eject')).toMatchObject({ state: 'ejected' });
    expect(await health()).toBe('missing');
    expect(await box.mounts()).not.toContain('/run/nightjar/disks/');
    await done('free', 'use', { role: 'library' });
    expect(await health()).toBe('ok');
    await done('other', 'use', { role: 'mirror' });
    await expect.poll(mirror, poll).toMatchObject({ attached: true });
    const [asset] = (await phone.library()).assets;
    for (const folder of await readdir(box.mountRoot)) {
      const copy = join(box.mountRoot, folder, String(asset?.path));
      expect(await readFile(copy)).toEqual(picture);
    }
    expect(app.ownErrors()).toEqual([]);
  });
});
