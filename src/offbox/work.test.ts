/** A first copy over a slow line: in stages, each kept, so that what is there is not even read again. */
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { Database } from '../platform/database.ts';
import { Engine } from './engine.ts';
import { remoteFor } from './remote.ts';
import { snapshotsOf } from './snapshots.ts';
import { newState, OffboxStore } from './store.ts';
import { OffboxWork, type Task } from './work.ts';

let dir: string;
let box: KeepingBox;
let database: Database;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-offbox-work-'));
  box = await KeepingBox.make();
  const migrationsDir = new URL('../schema/box-state', import.meta.url).pathname;
  database = Database.open(join(dir, 'state.sqlite'), { migrationsDir, create: true });
  for (const year of [2019, 2020, 2021]) {
    await box.upload(`${year}.jpg`, exifJpeg({ seed: year, bytes: 300_000, takenLocal: `${year}-05-05T10:00:00` }));
  }
});
afterAll(async () => {
  database.close();
  await box[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

it('is made in stages, goes on where it was ended, and keeps the whole of it in the end', async () => {
  const engine = new Engine({ busy: () => false, onResting: () => undefined });
  const rows = new OffboxStore(database);
  const target = { kind: 'folder', path: join(dir, 'there') } as const;
  const secret = {
    password: randomBytes(8).toString('hex'),
    secret: null,
    sshKey: null,
    sshPublicKey: null,
    knownHosts: '',
  };
  const settings = { target, enabled: true, uploadKiBPerSecond: null, appendOnly: false };
  await database.write(() => rows.put({ settings, secret, state: newState, createdAt: 1 }));
  const work = new OffboxWork({
    engine,
    database,
    rows,
    boxId: 'attic',
    reserveBytes: 0,
    stageBytes: 250_000,
    asideDir: dir,
    now: () => 7,
  });
  const remote = await remoteFor({ target, ...secret }, dir);
  const task = (stop = new AbortController(), progress: Array<unknown> = []): Task => ({
    open: box.open,
    remote,
    settings,
    signal: stop.signal,
    note: (seen) => void progress.push(seen),
  });
  const asker = work.asker(task());
  await engine.run({ ...asker, args: ['init'], tmpDir: dir, rests: false, timeoutMs: 60_000 });

  // Ended once something is there.
  const stop = new AbortController();
  const ended = work.copy(task(stop));
  ended.catch(() => undefined);
  await expect.poll(() => rows.row()?.state.through).not.toBe(null);
  stop.abort();
  await expect(ended).rejects.toMatchObject({ code: 'offbox-failed', facts: { reason: 'stopped' } });
  const before = await snapshotsOf(engine, asker, 'attic');
  expect(before.length).toBeGreaterThan(0);
  expect(before.every(({ whole }) => !whole)).toBe(true);
  expect(rows.row()?.state).toMatchObject({ lastSuccessAt: null });

  await work.copy(task());
  expect(rows.row()?.state).toMatchObject({ lastSuccessAt: 7, unread: 0 });
  const all = await snapshotsOf(engine, asker, 'attic');
  expect(all[0]?.whole).toBe(true);
  await work.thinOut(task(), false);
  const left = await snapshotsOf(engine, asker, 'attic');
  expect(left).toEqual([all[0]]);
  const { stdout } = await engine.run({ ...asker, args: ['ls', left[0]?.id ?? ''], rests: false, timeoutMs: 60_000 });
  for (const year of [2019, 2020, 2021]) expect(stdout).toMatch(new RegExp(`/${year}-05/${year}\\.jpg`));
  for (const path of ['library.sqlite', 'disk.json']) expect(stdout).toContain(`/.nightjar/offbox/library/${path}`);
  expect(stdout).not.toMatch(/\/(cache|thumbs|incoming|targets)/);
  expect(rows.row()?.state.through).toBe(null);

  // The disk goes while it is read: what little was there then is no state to come back to.
  const marker = join(box.open.disk.path, '.nightjar/disk.json');
  const copying = work.copy({
    ...task(),
    note: () => void (existsSync(marker) && renameSync(marker, `${marker}.away`)),
  });
  await expect(copying).rejects.toMatchObject({ code: 'disk-missing' });
  expect(existsSync(`${marker}.away`)).toBe(true);
  const aside = { remote, cwd: dir, tmpDir: dir, signal: new AbortController().signal };
  expect(await snapshotsOf(engine, aside, 'attic')).toEqual(left);
});
