import { mkdir, readFile, rm, rmdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { MirrorWorld } from '../../test/support/mirror-world.ts';
import { log, migrationsDir } from '../../test/support/open-library.ts';
import { Database } from '../platform/database.ts';
import { Settings } from '../platform/settings.ts';
import { Promotion } from './promotion.ts';

const stateMigrationsDir = new URL('../schema/box-state', import.meta.url).pathname;
const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2025-07-14T09:30:00' });

type Promoting = { it: Promotion; state: Database; former: string | undefined; whenComplete: () => Promise<void> };

async function promoting(): Promise<Promoting & { world: MirrorWorld } & AsyncDisposable> {
  const made = { former: undefined, whenComplete: async () => undefined } as unknown as Promoting;
  const world = await MirrorWorld.make({}, (it, library, now) => {
    made.state = Database.open(`${it.dir}.sqlite`, { migrationsDir: stateMigrationsDir, create: true });
    made.it = new Promotion({
      library,
      mirrors: () => (it.attached === undefined ? [] : [it.attached]),
      mirroring: {
        state: () => it.it.state(),
        letGo: (diskId) => it.it.letGo(diskId),
        whenComplete: () => made.whenComplete(),
      },
      settings: new Settings(made.state),
      database: made.state,
      migrationsDir,
      libraryDiskId: () => it.box.box.diskId,
      putLibraryInWrite: (diskId) => {
        it.box.box.diskId = diskId;
      },
      putFormerInWrite: (_place, diskId) => {
        made.former = diskId;
      },
      now,
      log,
      retryMs: 20,
    });
    made.it.open();
  });
  world.box.box.placeOf = (diskId) => (diskId === world.attached?.diskId ? world.dir : undefined);
  return Object.assign(made, {
    world,
    [Symbol.asyncDispose]: async () => {
      await made.it.close();
      await world[Symbol.asyncDispose]();
      made.state.close();
      await rm(`${world.dir}.sqlite`);
    },
  });
}

it('mirrors what came in last while nobody is served, before it is decided', async () => {
  await using made = await promoting();
  const { world } = made;
  const { box } = world;
  await box.upload('DCIM/1.jpg', picture(1));
  await world.attach();
  await world.complete();
  // From here on the mirror follows nothing by itself, as when phones never rest.
  world.busy = true;
  const late = await box.upload('DCIM/2.jpg', picture(2));
  const formerId = box.open.disk.marker.diskId;
  await made.it.begin(world.attached?.diskId ?? '', { anyway: false });
  await expect.poll(() => [made.it.state(), box.box.library.state]).toEqual([null, 'ok']);
  expect(box.open.disk.path).toBe(world.dir);
  expect([box.open.disk.role, made.former]).toEqual(['library', formerId]);
  expect(await readFile(world.at(`${july}/2.jpg`))).toEqual(picture(2));
  expect(box.state(late.id)).toBe('present');
});

it('can be called off until it is decided, and goes on after a restart', async () => {
  await using made = await promoting();
  const { world } = made;
  const { box } = world;
  await box.upload('DCIM/1.jpg', picture(1));
  await world.attach();
  await world.complete();
  const diskId = world.attached?.diskId ?? '';
  const before = box.open.disk.marker.diskId;
  await expect(made.it.begin('another', { anyway: true })).rejects.toMatchObject({ code: 'not-found' });
  const waiting = Promise.withResolvers<void>();
  waiting.promise.catch(() => undefined);
  made.whenComplete = () => waiting.promise;
  const twice = [made.it.begin(diskId, { anyway: false }), made.it.begin(diskId, { anyway: false })];
  expect((await Promise.allSettled(twice)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  await expect(made.it.begin(diskId, { anyway: false })).rejects.toMatchObject({ code: 'conflict' });
  expect(made.it.state()).toMatchObject({ diskId, phase: 'preparing', problem: null });
  waiting.reject(new Error('as when a disk fails'));
  await expect.poll(() => made.it.state()?.problem).toContain('tried again');
  await made.it.cancel();
  await expect(made.it.cancel()).rejects.toMatchObject({ code: 'not-found' });
  expect([box.open.disk.marker.diskId, made.it.state()]).toEqual([before, null]);

  // Ended in the middle: what was asked for goes on.
  made.whenComplete = () => Promise.reject(new Error('not yet'));
  await made.it.begin(diskId, { anyway: false });
  await made.it.close();
  made.whenComplete = async () => undefined;
  made.it.start();
  await expect.poll(() => [made.it.state(), box.box.library.state]).toEqual([null, 'ok']);
  expect(box.open.disk.marker.diskId).toBe(diskId);
});

it('does not leave behind what the mirror cannot take', async () => {
  await using made = await promoting();
  const { world } = made;
  const { box } = world;
  const { id } = await box.upload('DCIM/1.jpg', picture(1));
  await world.attach();
  await mkdir(world.at(`${july}/1.jpg`), { recursive: true });
  const before = box.open.disk.marker.diskId;
  const diskId = world.attached?.diskId ?? '';
  made.whenComplete = () => world.it.whenComplete(diskId, AbortSignal.timeout(20_000));
  await expect.poll(async () => (await world.it.state()).map((mirror) => mirror.waiting.files)).toEqual([1]);
  await made.it.begin(diskId, { anyway: false });
  await expect.poll(() => made.it.state()?.problem).toContain('One file does not get onto this mirror');
  expect([box.open.disk.marker.diskId, box.state(id)]).toEqual([before, 'present']);
  // It goes on once it can.
  await rmdir(world.at(`${july}/1.jpg`));
  box.box.clock += 86_400_000;
  await expect.poll(() => [made.it.state(), box.box.library.state]).toEqual([null, 'ok']);
  expect(await readFile(world.at(`${july}/1.jpg`))).toEqual(picture(1));
  expect([box.open.disk.marker.diskId, box.state(id)]).toEqual([diskId, 'present']);
});
