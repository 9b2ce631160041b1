/** The trash: what was deleted stays deleted, whatever the phones do, and comes back whole. */
import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { RealPhone } from '../support/real-phone.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const picture = (seed: number, takenLocal = '2025-07-14T09:30:00') =>
  exifJpeg({ seed, bytes: 6000 + seed, takenLocal });
const mtime = 1_700_000_000_000;
const month = 'Photos/Alice/2025/2025-07';

type Entries = { entries: Array<{ asset: { id: number }; trashedAt: number; goneAt: number }>; next: string | null };

describe('the trash', () => {
  let app: App;
  let cookie = '';
  let phone: HandPhone;
  let bob: HandPhone;
  beforeAll(async () => {
    app = await App.start();
    cookie = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
    bob = await app.pair('Bob', 'iPhone');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const post = (path: string, value: unknown) => app.ask('POST', path, { cookie }, value);
  const rowOf = (path: string) => assetRow(app, path);
  const trashFiles = () => readdir(join(app.diskDir, '.nightjar/trash')).catch(() => []);
  const settled = () => expect.poll(() => count(app, 'SELECT count(*) AS n FROM relocation')).toBe(0);
  const check = async (of: HandPhone, item: object) => {
    const answer = await of.json('POST', '/api/phone/items/check', { items: [item] });
    const [one] = (answer.json() as { answers: Array<{ answer: string; code?: string }> }).answers;
    return one?.code === undefined ? one?.answer : `${one.answer} ${one.code}`;
  };
  const send = async (of: HandPhone, path: string, bytes: Uint8Array, facts: Record<string, string> = {}) => {
    await of.send(path, bytes, { mtime: String(mtime), ...facts });
  };

  it('takes photos away, keeps them refused, and brings them back as they were', async () => {
    const bytes = picture(1);
    const told = { path: 'DCIM/IMG_1.jpg', size: bytes.length, mtime };
    await send(phone, told.path, bytes);
    const { id } = rowOf(`${month}/IMG_1.jpg`);
    const before = await stat(join(app.diskDir, month, 'IMG_1.jpg'));
    const went = await post('/api/trash', { assets: [id, id] });
    expect([went.status, went.json()]).toEqual([200, { trashed: [id] }]);
    await settled();
    expect(await app.filesInView()).not.toContain(`${month}/IMG_1.jpg`);
    expect(await trashFiles()).toEqual([String(id)]);
    expect((await phone.ask('GET', `/api/assets/${id}/original`)).status).toBe(404);

    // Told as before, with its checksum, under another name or time, and sent anyway: it stays deleted.
    expect(await check(phone, told)).toBe('refused deleted');
    expect(await check(phone, { ...told, mtime: mtime + 1 })).toBe('send-hash');
    expect(await check(phone, { ...told, mtime: mtime + 1, sha256: sha256(bytes) })).toBe('refused deleted');
    expect(await check(phone, { ...told, sha256: sha256(bytes) })).toBe('refused deleted');
    expect(await check(phone, { ...told, path: 'DCIM/copy.jpg' })).toBe('send-hash');
    expect(await check(phone, { ...told, path: 'DCIM/copy.jpg', sha256: sha256(bytes) })).toBe('refused deleted');
    await send(phone, 'DCIM/again.jpg', bytes);
    expect(await app.incoming()).toEqual([]);
    expect(await check(phone, { ...told, path: 'DCIM/again.jpg' })).toBe('refused deleted');
    expect(await app.filesInView()).toEqual([]);
    const status = (await phone.ask('GET', '/api/phone/status')).json();
    expect(status).toMatchObject({ seen: 3, safe: 0, refused: 3, deleted: 3, waiting: 0 });
    expect(status['refusals']).toEqual(
      expect.arrayContaining([expect.objectContaining({ path: 'DCIM/again.jpg', code: 'deleted' })]),
    );

    const list = (await app.ask('GET', '/api/trash', { cookie })).json() as unknown as Entries & { count: number };
    expect(list).toMatchObject({ count: 1, bytes: bytes.length, next: null });
    expect(list.entries.map(({ asset }) => asset.id)).toEqual([id]);
    expect((list.entries[0]?.goneAt ?? 0) - (list.entries[0]?.trashedAt ?? 0)).toBeGreaterThanOrEqual(30 * 86_400_000);

    const back = await post('/api/trash/restore', { assets: [id] });
    expect([back.status, back.json()]).toEqual([200, { restored: [id], missing: [] }]);
    expect(await readFile(join(app.diskDir, month, 'IMG_1.jpg'))).toEqual(bytes);
    expect((await stat(join(app.diskDir, month, 'IMG_1.jpg'))).mtimeMs).toBe(before.mtimeMs);
    expect(await trashFiles()).toEqual([]);
    expect(await check(phone, told)).toBe('have');
    expect((await post('/api/trash/restore', { assets: [id] })).json()).toEqual({ restored: [], missing: [] });
    expect((await phone.ask('GET', `/api/assets/${id}/original`)).status).toBe(200);
  });

  it('keeps what was deleted for good deleted, and gives its name to others', async () => {
    const bytes = picture(2);
    const told = { path: 'DCIM/IMG_2.jpg', size: bytes.length, mtime };
    await send(phone, told.path, bytes);
    const { id } = rowOf(`${month}/IMG_2.jpg`);
    expect((await post('/api/trash/delete', { assets: [id] })).json()['code']).toBe('conflict');
    await post('/api/trash', { assets: [id] });
    // At once, whether or not its file has moved by now.
    expect((await post('/api/trash/delete', { assets: [id] })).json()).toEqual({ deleted: [id] });
    expect((await post('/api/trash/delete', { assets: [id] })).json()).toEqual({ deleted: [id] });
    expect(await trashFiles()).toEqual([]);
    expect(await app.filesInView()).not.toContain(`${month}/IMG_2.jpg`);
    expect(await check(phone, told)).toBe('refused deleted');
    await send(phone, 'DCIM/other.jpg', bytes);
    expect(await app.incoming()).toEqual([]);
    expect((await post('/api/trash/restore', { assets: [id] })).status).toBe(404);
    expect((await post('/api/trash', { assets: [id] })).status).toBe(404);
    await send(phone, 'DCIM/second/IMG_2.jpg', picture(3));
    expect(await readFile(join(app.diskDir, month, 'IMG_2.jpg'))).toEqual(picture(3));
    await settled();
  });

  it('changes nothing when one of them is not mine, and asks for a person', async () => {
    await send(phone, 'DCIM/IMG_4.jpg', picture(4));
    await send(bob, 'DCIM/IMG_5.jpg', picture(5));
    await send(bob, 'DCIM/IMG_4.jpg', picture(4));
    const mine = rowOf(`${month}/IMG_4.jpg`).id;
    const theirs = rowOf('Photos/Bob/2025/2025-07/IMG_5.jpg').id;
    for (const verb of ['', '/restore', '/delete']) {
      const answer = await post(`/api/trash${verb}`, { assets: [mine, theirs, 999_999] });
      expect([answer.status, answer.json()['code'], answer.json()['missing']]).toEqual([404, 'not-found', 2]);
    }
    expect(rowOf(`${month}/IMG_4.jpg`).state).toBe('present');
    for (const [method, path] of [
      ['POST', '/api/trash'],
      ['POST', '/api/trash/restore'],
      ['POST', '/api/trash/delete'],
      ['GET', '/api/trash'],
    ] as const) {
      const value = method === 'POST' ? { assets: [mine] } : undefined;
      const asked = value === undefined ? phone.ask(method, path) : phone.json(method, path, value);
      expect((await asked).status, `${method} ${path} by a phone`).toBe(403);
      expect((await app.console(method, path, value)).status, `${method} ${path} on the console`).toBe(403);
      expect((await app.ask(method, path, {}, value)).status, `${method} ${path} by nobody`).toBe(401);
    }
    expect((await post('/api/trash', { assets: [] })).status).toBe(400);
    expect((await post('/api/trash', { assets: Array.from({ length: 1001 }, (_, at) => at + 1) })).status).toBe(400);
    // The same content of two persons is two photos.
    await post('/api/trash', { assets: [mine] });
    expect(await check(phone, { path: 'x.jpg', size: 6004, mtime, sha256: sha256(picture(4)) })).toBe(
      'refused deleted',
    );
    expect(await check(bob, { path: 'x.jpg', size: 6004, mtime, sha256: sha256(picture(4)) })).toBe('have');
    await settled();
  });

  it('never overwrites on the way back: the next free name', async () => {
    const bytes = picture(10);
    await send(phone, 'DCIM/IMG_10.jpg', bytes);
    const { id } = rowOf(`${month}/IMG_10.jpg`);
    await post('/api/trash', { assets: [id] });
    await settled();
    await writeFile(join(app.diskDir, month, 'IMG_10.jpg'), 'somebody put this here');
    expect((await post('/api/trash/restore', { assets: [id] })).json()).toEqual({ restored: [id], missing: [] });
    expect(await readFile(join(app.diskDir, month, 'IMG_10.jpg'), 'utf8')).toBe('somebody put this here');
    expect(await readFile(join(app.diskDir, month, 'IMG_10-2.jpg'))).toEqual(bytes);
    expect(rowOf(`${month}/IMG_10-2.jpg`)).toMatchObject({ id, state: 'present' });
    await rm(join(app.diskDir, month, 'IMG_10.jpg'));
  });

  it('takes what is missing, and says on the way back that it is not there', async () => {
    const bytes = picture(11);
    const told = { path: 'DCIM/IMG_11.jpg', size: bytes.length, mtime };
    await send(phone, told.path, bytes);
    const { id } = rowOf(`${month}/IMG_11.jpg`);
    await rm(join(app.diskDir, month, 'IMG_11.jpg'));
    expect((await post('/api/trash', { assets: [id] })).status).toBe(200);
    await settled();
    expect(await check(phone, told)).toBe('refused deleted');
    expect((await post('/api/trash/restore', { assets: [id] })).json()).toEqual({ restored: [], missing: [id] });
    expect(await check(phone, told)).not.toBe('have');
    await send(phone, told.path, bytes);
    expect(await check(phone, told)).toBe('have');
    expect(await readFile(join(app.diskDir, month, 'IMG_11.jpg'))).toEqual(bytes);
  });

  it('leaves a file alone that is not the one that came in', async () => {
    await send(phone, 'DCIM/IMG_12.jpg', picture(12));
    const { id } = rowOf(`${month}/IMG_12.jpg`);
    await writeFile(join(app.diskDir, month, 'IMG_12.jpg'), 'another file');
    await post('/api/trash', { assets: [id] });
    await settled();
    expect(await readFile(join(app.diskDir, month, 'IMG_12.jpg'), 'utf8')).toBe('another file');
    await post('/api/trash/delete', { assets: [id] });
    expect(await readFile(join(app.diskDir, month, 'IMG_12.jpg'), 'utf8')).toBe('another file');
    await rm(join(app.diskDir, month, 'IMG_12.jpg'));
  });

  it('settles at the next start what a crash left, in every state of the disk', async () => {
    const names = [20, 21, 22, 23, 24, 25].map((seed) => ({ seed, name: `IMG_${seed}.jpg` }));
    for (const { seed, name } of names) await send(phone, `DCIM/${name}`, picture(seed));
    const ids = names.map(({ name }) => rowOf(`${month}/${name}`).id);
    const inView = (at: number) => join(app.diskDir, month, names[at]?.name ?? '');
    const inTrash = (at: number) => join(app.diskDir, '.nightjar/trash', String(ids[at]));
    await app.stop();
    await mkdir(join(app.diskDir, '.nightjar/trash'), { recursive: true });
    await link(inView(1), inTrash(1)); // A way back that got as far as its link.
    await rename(inView(2), inTrash(2)); // Moved, and not written down.
    await rename(inView(3), inTrash(3)); // A claim where there are no links.
    await writeFile(inView(3), '');
    await rm(inView(4)); // Neither.
    await rename(inView(5), inTrash(5)); // Somebody else's file by now.
    await writeFile(inView(5), 'foreign');
    change(app, (catalogue) => {
      for (const id of ids) {
        catalogue.prepare("UPDATE asset SET state = 'trashed', trashed_at = 1, trashed_day = 0 WHERE id = ?").run(id);
        catalogue.prepare('INSERT INTO relocation VALUES (?)').run(id);
      }
    });
    await app.start();
    cookie = await app.signIn();
    await settled();
    const left = (await app.filesInView()).filter((path) => /IMG_2[0-5]/.test(path));
    expect(left).toEqual([`${month}/IMG_25.jpg`]);
    expect(await readFile(inView(5), 'utf8')).toBe('foreign');
    for (const at of [0, 1, 2, 3, 5]) expect(await readFile(inTrash(at))).toEqual(picture(20 + at));
    const back = (await post('/api/trash/restore', { assets: ids })).json();
    expect(back).toEqual({ restored: [ids[0], ids[1], ids[2], ids[3], ids[5]], missing: [ids[4]] });
    for (const at of [0, 1, 2, 3]) expect(await readFile(inView(at))).toEqual(picture(20 + at));
    expect(await readFile(join(app.diskDir, month, 'IMG_25-2.jpg'))).toEqual(picture(25));
    await rm(inView(5));

    // Deleted for good, and the file still there.
    await post('/api/trash', { assets: [ids[0]] });
    await settled();
    await app.stop();
    change(app, (catalogue) => {
      catalogue.prepare("UPDATE asset SET state = 'deleted', path_key = '.x' WHERE id = ?").run(ids[0]);
      catalogue.prepare('INSERT INTO relocation VALUES (?)').run(ids[0]);
    });
    await app.start();
    cookie = await app.signIn();
    await settled();
    await expect(stat(inTrash(0))).rejects.toThrow('ENOENT');
  });

  it('goes on with the others when one cannot be moved', async () => {
    const locked = 'Photos/Alice/2024/2024-01';
    await send(phone, 'DCIM/a/IMG_30.jpg', picture(30, '2024-01-05T10:00:00'));
    await send(phone, 'DCIM/a/IMG_31.jpg', picture(31));
    const ids = [rowOf(`${locked}/IMG_30.jpg`).id, rowOf(`${month}/IMG_31.jpg`).id];
    await rename(join(app.diskDir, locked), join(app.diskDir, `${locked}-away`));
    await writeFile(join(app.diskDir, locked), 'a file where the folder was');
    await post('/api/trash', { assets: ids });
    await expect.poll(trashFiles).toContain(String(ids[1]));
    await rm(join(app.diskDir, locked));
    await rename(join(app.diskDir, `${locked}-away`), join(app.diskDir, locked));
  });

  it('stays deleted through five backups of the phone that still has it', async () => {
    const photos = join(app.dir, 'DCIM');
    await mkdir(photos);
    const names = ['P1.jpg', 'P2.jpg', 'P3.jpg'];
    for (const [at, name] of names.entries()) {
      await writeFile(join(photos, name), picture(40 + at));
      await utimes(join(photos, name), mtime / 1000, mtime / 1000);
    }
    const real = new RealPhone(app.dir);
    const opened = await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'Real' });
    await real.pair(String(opened.json()['link']));
    const first = await real.run('backup', photos);
    expect([first.exitCode, first.last]).toEqual([0, expect.objectContaining({ seen: 3, safe: 3 })]);
    const { id } = rowOf(`${month}/P2.jpg`);
    await post('/api/trash', { assets: [id] });
    for (let night = 1; night <= 5; night++) {
      if (night === 3) await utimes(join(photos, 'P2.jpg'), mtime / 1000 + 60, mtime / 1000 + 60);
      if (night === 4) await rename(join(photos, 'P2.jpg'), join(photos, 'Renamed.jpg'));
      if (night === 5) await post('/api/trash/delete', { assets: [id] });
      const run = await real.run('backup', photos);
      expect([run.exitCode, run.last], `night ${night}`).toEqual([
        0,
        expect.objectContaining({ seen: 3, safe: 2, waiting: 0, refused: 1, deleted: 1, bytes: 0 }),
      ]);
      expect((await app.filesInView()).filter((path) => /P\d|Renamed/.test(path))).toEqual([
        `${month}/P1.jpg`,
        `${month}/P3.jpg`,
      ]);
      const status = await real.run('status');
      expect(status.exitCode).toBe(0);
      const { seen, safe, waiting, refused } = status.last as Record<string, number>;
      expect(seen).toBe((safe ?? 0) + (waiting ?? 0) + (refused ?? 0));
    }
    const other = rowOf(`${month}/P1.jpg`).id;
    await post('/api/trash', { assets: [other] });
    expect((await real.run('backup', photos)).last).toMatchObject({ safe: 1, refused: 2 });
    await post('/api/trash/restore', { assets: [other] });
    expect((await real.run('backup', photos)).last).toMatchObject({ safe: 2, refused: 1, bytes: 0 });
  });

  it('tells of nothing that went wrong inside', () => {
    expect(app.ownErrors()).toEqual([]);
  });
});

type Row = { id: number; state: string };

function assetRow(app: App, path: string): Row {
  const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { readonly: true });
  try {
    const row = catalogue
      .prepare<[string], Row>("SELECT id, state FROM asset WHERE path = ? AND state <> 'deleted'")
      .get(path);
    if (row === undefined) throw new Error(`There is no ${path}.`);
    return row;
  } finally {
    catalogue.close();
  }
}

function count(app: App, sql: string): number {
  const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { readonly: true });
  try {
    return catalogue.prepare<[], { n: number }>(sql).get()?.n ?? -1;
  } finally {
    catalogue.close();
  }
}

function change(app: App, with_: (catalogue: Sqlite.Database) => void): void {
  const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'));
  try {
    with_(catalogue);
  } finally {
    catalogue.close();
  }
}
