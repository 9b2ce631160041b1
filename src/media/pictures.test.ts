import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { TestBox } from '../../test/support/open-library.ts';
import type { Library } from '../library/library.ts';
import type { Static } from '../platform/schema.ts';
import type { MediaEvent } from './contract.ts';
import { MediaWorker } from './media-worker.ts';
import { Pictures } from './pictures.ts';

const program = new URL('../../test/support/planted-worker.ts', import.meta.url).pathname;
const notAborted = new AbortController().signal;

describe('pictures', () => {
  let box: TestBox;
  let pictures: Pictures;
  let maker: MediaWorker;
  let told: Array<Static<typeof MediaEvent>>;
  let seed = 0;

  beforeEach(async () => {
    told = [];
    maker = new MediaWorker({ socket: undefined, program });
    box = await TestBox.make(tmpdir(), {}, (library: Library) => {
      const tell = (_person: string, event: Static<typeof MediaEvent>) => void told.push(event);
      const log = { warn: () => undefined };
      pictures = new Pictures({
        library,
        maker: { decode: (...job) => maker.decode(...job) },
        tell,
        log,
        now: Date.now,
        waitMs: 60_000,
      });
      pictures.open();
    });
  });
  afterEach(async () => {
    await box.remove();
    await maker.close();
  });

  /** Sends a picture under this name and returns its asset's id. */
  const send = async (name: string): Promise<number> => {
    const bytes = exifJpeg({ seed: ++seed, bytes: 5_000, takenLocal: '2025-07-14T09:30:00' });
    const facts = { path: `DCIM/${name}` };
    await box.uploads.begin(box.owner.phoneId, { door: 'test', length: bytes.length, facts }, async (upload) => {
      await upload.openFile();
      await upload.append(0, Readable.from([bytes]));
      await upload.finish();
    });
    pictures.look();
    const sha256 = createHash('sha256').update(bytes).digest();
    const row = box.library.current().rows.assetByContent(box.owner.person.id, sha256);
    if (row === undefined) throw new Error(`${name} did not come in.`);
    return row.id;
  };
  const text = async (id: number, size: 'grid' | 'preview' = 'grid') =>
    String((await pictures.picture(box.owner.person.id, id, size, notAborted)).bytes).slice(12);
  const refusal = async (id: number) =>
    await pictures.picture(box.owner.person.id, id, 'grid', notAborted).then(
      () => undefined,
      (error: { code: string; message: string }) => error,
    );
  const row = (id: number) =>
    box.library.current().database.prepare('SELECT * FROM picture WHERE asset_id = ?').get(id) as Record<
      string,
      unknown
    >;
  /** Makes what waits for its next try due at once. */
  const dueNow = () => {
    const { database } = box.library.current();
    database.writeRelaxed((prepare) => prepare('UPDATE picture SET run_after = 0').run());
    pictures.look();
  };
  const fileOf = (id: number) => join(box.disk, `.nightjar/thumbs/0/${id}`);

  it('are made of what arrives, and told of', async () => {
    const id = await send('one.jpg');
    await expect
      .poll(() => told)
      .toEqual([{ type: 'picture-ready', asset: id, width: 4, height: 3, thumbhash: 'AQID', durationMs: null }]);
    expect([await text(id), await text(id, 'preview')]).toEqual(['grid of one.jpg', 'preview of one.jpg']);
  });

  it('are made again when their file is gone, short, or not what it was', async () => {
    const id = await send('one.jpg');
    await text(id);
    const good = readFileSync(fileOf(id));
    for (const spoil of [
      () => rm(fileOf(id)),
      () => truncate(fileOf(id), 0),
      () => writeFile(fileOf(id), Buffer.alloc(good.length)),
      () => rm(join(box.disk, '.nightjar/thumbs'), { recursive: true }),
    ]) {
      await spoil();
      expect(await text(id)).toBe('grid of one.jpg');
      expect(readFileSync(fileOf(id)).equals(good)).toBe(true);
    }
  });

  it('are all made anew when asked for, and shown until then', async () => {
    const ids = [await send('one.jpg'), await send('two.jpg')];
    for (const id of ids) await text(id);
    await expect.poll(() => told.length).toBe(2);
    await pictures.makeAgain(box.owner.person.id);
    expect(await text(ids[0] as number)).toBe('grid of one.jpg');
    await expect.poll(() => told.length).toBe(4);
    expect(await pictures.summary(box.owner.person.id)).toMatchObject({ wanted: 0, ready: 2, refused: 0 });
  });

  it('of a file that the worker refuses say why, and so do those of a file that is none', async () => {
    const id = await send('broken.jpg');
    await expect.poll(() => row(id)['state']).toBe('refused');
    expect(await refusal(id)).toMatchObject({ code: 'no-picture', message: 'It ends in the middle.' });
    const { refusals } = await pictures.summary(box.owner.person.id);
    expect(refusals).toMatchObject([{ id, code: 'damaged', reason: 'It ends in the middle.' }]);
    expect(await refusal(await send('notes.txt'))).toMatchObject({ code: 'no-picture' });
    expect(await refusal(4_000)).toMatchObject({ code: 'not-found' });
  });

  it('that are large are read as they are sent, so that many who take nothing hold little', async () => {
    const id = await send('large.jpg');
    await text(id);
    const { bytes, length } = await pictures.picture(box.owner.person.id, id, 'preview', notAborted);
    if (Buffer.isBuffer(bytes)) throw new Error('All of it is in memory.');
    const all = Buffer.concat(await bytes.toArray());
    expect([all.length, length]).toEqual([200_012, 200_012]);
    expect(all.toString('latin1', 8, 32)).toBe('WEBPpreview of large.jpg');
    expect(all.toString('latin1', 32)).toBe('.'.repeat(199_980));
  });

  it('are counted past one slice', async () => {
    const id = await send('broken.jpg');
    await expect.poll(() => row(id)['state']).toBe('refused');
    box.library.current().database.writeRelaxed((prepare) => {
      prepare(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
         INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
           captured_from, state, added_at)
         SELECT ?, 'P/' || i, 'p/' || i, 'photo', 'image/jpeg', 1, CAST(i AS BLOB), 0, '2020-01-01T00:00:00',
           'metadata', 'present', 0 FROM n`,
      ).run(box.owner.person.id);
      prepare("INSERT INTO picture (asset_id, state) SELECT id, 'ready' FROM asset WHERE path LIKE 'P/%'").run();
    });
    const { refusals, ...counts } = await pictures.summary(box.owner.person.id);
    expect([counts, refusals.length]).toEqual([{ wanted: 0, ready: 6_000, refused: 1 }, 1]);
  });

  it.each([
    'crash',
    'lies',
    'babbles',
    'other',
  ])('cost a file that "%s" its picture after three tries, and no other', async (what) => {
    const id = await send(`${what}.jpg`);
    for (let attempts = 1; attempts <= 3; attempts++) {
      await expect.poll(() => row(id)['attempts']).toBe(attempts);
      if (attempts === 1) expect(await text(await send('good.jpg'))).toBe('grid of good.jpg');
      await expect.poll(() => maker.pid === undefined || told.length > 0).toBe(true);
      dueNow();
    }
    await expect.poll(() => row(id)['state']).toBe('refused');
    expect((await refusal(id))?.message).toContain('three times');
    expect(await text(await send('after.jpg'))).toBe('grid of after.jpg');
  });

  it('are not made of what is in the trash, and do not wait for it either', async () => {
    const [first, second] = [await send('first.jpg'), await send('second.jpg')];
    await text(first);
    await text(second);
    const { database } = box.library.current();
    const state = (id: number, to: string) =>
      database.writeRelaxed((prepare) => prepare('UPDATE asset SET state = ? WHERE id = ?').run(to, id));
    database.writeRelaxed((prepare) =>
      prepare("UPDATE picture SET state = 'wanted', grid_bytes = NULL, run_after = 1e15 WHERE asset_id = ?").run(first),
    );
    state(first, 'trashed');
    state(second, 'trashed');
    expect(await refusal(first)).toMatchObject({ code: 'no-picture', message: expect.stringContaining('trash') });
    await pictures.makeAgain(box.owner.person.id);
    expect(await text(second)).toBe('grid of second.jpg');
    // None of them has a turn, so none is passed over when the next is looked for.
    const due = database.prepare("SELECT count(*) AS n FROM picture WHERE state = 'wanted' AND run_after < 8e15");
    expect(due.get()).toEqual({ n: 0 });
    state(first, 'present');
    expect(await text(first)).toBe('grid of first.jpg');
  });

  it('that somebody looks at come before all others', async () => {
    const ids: number[] = [];
    for (let n = 0; n < 30; n++) ids.push(await send(`${n}.jpg`));
    const last = ids.at(-1) as number;
    await pictures.makeAgain(box.owner.person.id);
    await rm(fileOf(last), { force: true });
    const before = told.length;
    await text(last);
    const order = told.slice(before).map(({ asset }) => asset);
    // What was under way ends first.
    expect(order.indexOf(last)).toBeLessThanOrEqual(3);
    expect(order.length).toBeLessThan(10);
  });

  it('are not kept of what was deleted with its person while they were made', async () => {
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    const { promise: read, resolve: isRead } = Promise.withResolvers<void>();
    const decode = maker.decode.bind(maker);
    maker.decode = async (...job) => {
      const answer = await decode(...job);
      isRead();
      await gone;
      return answer;
    };
    const id = await send('one.jpg');
    await read;
    const open = box.library.current();
    await pictures.remove(open, [id]);
    await open.database.write(() => {
      open.database.run('DELETE FROM phone_item WHERE asset_id = ?', id);
      open.database.run('DELETE FROM upload WHERE asset_id = ?', id);
      open.database.run('DELETE FROM asset WHERE id = ?', id);
    });
    go();
    // Pictures are made one after the other.
    const next = await send('two.jpg');
    expect(await text(next)).toBe('grid of two.jpg');
    expect([existsSync(fileOf(id)), existsSync(fileOf(next))]).toEqual([false, true]);
    expect(told.map(({ asset }) => asset)).toEqual([next]);
  });

  it('are nobody else’s', async () => {
    const id = await send('mine.jpg');
    await text(id);
    await expect(pictures.picture(box.stranger.person.id, id, 'grid', notAborted)).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(() => pictures.motionOf(box.stranger.person.id, id)).toThrow('no moving part');
  });

  it('go on after a restart, and while the disk goes away and comes back', async () => {
    const id = await send('one.jpg');
    await box.restart();
    expect(await text(id)).toBe('grid of one.jpg');
    const before = box.library.current();
    await box.library.failed(before, Object.assign(new Error('gone'), { code: 'EIO' }));
    // It may be a moment until what failed is let go of.
    await expect.poll(() => box.library.state === 'ok' && box.library.current() !== before).toBe(true);
    expect(await text(await send('two.jpg'))).toBe('grid of two.jpg');
  });

  it('of a file that was taken away by hand are not tried, and it is wanted again', async () => {
    const { rows, database } = box.library.current();
    const id = await send('one.jpg');
    await text(id);
    await rm(join(box.disk, rows.asset(id)?.path ?? ''));
    database.writeRelaxed((prepare) => prepare("UPDATE picture SET state = 'wanted'").run());
    dueNow();
    await expect.poll(() => rows.asset(id)?.state).toBe('missing');
    expect(row(id)['attempts']).toBe(1);
  });

  it.each([
    'pipe',
    'socket',
    'folder',
  ])('of a file in whose place somebody put a %s hold up no others', async (what) => {
    const { rows, database } = box.library.current();
    const id = await send('one.jpg');
    await text(id);
    const place = join(box.disk, rows.asset(id)?.path ?? '');
    await rm(place);
    const server = createServer();
    if (what === 'pipe') execFileSync('mkfifo', [place]);
    else if (what === 'folder') {
      await mkdir(place);
      const { size } = await stat(place);
      database.writeRelaxed((prepare) => prepare('UPDATE asset SET size = ? WHERE id = ?').run(size, id));
    } else await new Promise<void>((resolve) => server.listen(place, resolve));
    try {
      database.writeRelaxed((prepare) => prepare("UPDATE picture SET state = 'wanted'").run());
      dueNow();
      await expect.poll(() => rows.asset(id)?.state).toBe('missing');
      expect(await text(await send('two.jpg'))).toBe('grid of two.jpg');
      // The library was not closed for it: that is what a disk gets that does not answer.
      expect(box.library.current().database).toBe(database);
    } finally {
      server.close();
    }
  });

  it('of a file that cannot be opened hold up no others', async () => {
    const { rows, database } = box.library.current();
    const id = await send('one.jpg');
    await text(id);
    // A name that no filesystem takes: unlike a mode, it keeps root out too.
    const unusable = `Photos/${'x'.repeat(300)}.jpg`;
    database.writeRelaxed((prepare) => {
      prepare('UPDATE asset SET path = ? WHERE id = ?').run(unusable, id);
      prepare("UPDATE picture SET state = 'wanted'").run();
    });
    dueNow();
    expect(await text(await send('two.jpg'))).toBe('grid of two.jpg');
    await expect.poll(() => row(id)['attempts']).toBeGreaterThan(1);
    expect(rows.asset(id)?.state).toBe('present');
  });

  it('wait, and are not refused, while the program that makes them does not start', async () => {
    await maker.close();
    maker = new MediaWorker({ socket: undefined, program: '/nowhere/worker.ts' });
    const id = await send('one.jpg');
    for (let looks = 0; looks < 4; looks++) expect((await refusal(id))?.code).toBe('busy');
    expect(row(id)).toMatchObject({ state: 'wanted', attempts: 0 });
    maker = new MediaWorker({ socket: undefined, program });
    expect(await text(id)).toBe('grid of one.jpg');
  });

  it('are given up at once when the disk goes away just while their program starts', async () => {
    const silent = createServer(() => undefined);
    const path = join(box.dir, 'silent');
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    const worker = new MediaWorker({ socket: path });
    const gone = new AbortController();
    const answer = worker.decode({ file: '/x', name: 'x.jpg', kind: 'photo' }, gone.signal).catch(({ code }) => code);
    // Far enough to be connecting, and without a turn in which it could be connected.
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    gone.abort();
    expect(await answer).toBe('stopping');
    await worker.close();
    silent.close();
  });

  it('leave no folder behind when the box is killed', async () => {
    await text(await send('one.jpg'));
    const socket = readFileSync(`/proc/${maker.pid}/cmdline`, 'latin1').split('\0').at(-2) ?? '';
    expect([socket.split('/').at(-1), existsSync(dirname(socket))]).toEqual(['socket', false]);
  });

  it('that move only inside their own file are believed', async () => {
    const id = await send('one.jpg');
    await text(id);
    const inside = (offset: number, length: number) => {
      box.library
        .current()
        .database.writeRelaxed((prepare) =>
          prepare('UPDATE picture SET motion_offset = ?, motion_length = ? WHERE asset_id = ?').run(offset, length, id),
        );
      return () => pictures.motionOf(box.owner.person.id, id);
    };
    expect(inside(1_000, 4_000)()).toEqual({ asset: id, part: { offset: 1_000, length: 4_000 } });
    expect(inside(1_000, 4_001)).toThrow('no moving part');
    expect(inside(1_000, 0)).toThrow('no moving part');
  });
});
