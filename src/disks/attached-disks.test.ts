/** Attached disks by a made helper on a real socket, whose mounts are folders: what appears, is pulled, and who is let go of. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Database } from '../platform/database.ts';
import { Settings } from '../platform/settings.ts';
import { AttachedDisks } from './attached-disks.ts';
import { Disk } from './disk.ts';
import { DiskHelper } from './helper.ts';
import type { HelperDisk, HelperRequest } from './helper-protocol.ts';

const boxId = '11111111-1111-4111-8111-111111111111';
const libraryId = '22222222-2222-4222-8222-222222222222';
const stranger = { diskId: '33333333-3333-4333-8333-333333333333', boxId: libraryId, now: 1 };
const poll = { timeout: 15_000, interval: 20 };
type Made = { disk: HelperDisk; readOnly: boolean };

let dir: string;
let database: Database;
let server: Server;
let disks: AttachedDisks;
/** So long that what is done is what is answered, but where a test says otherwise. */
let replyWithinMs: number;
/** By filesystem id. */
let made: Map<string, Made>;
let asked: string[];
let letGo: string[];
let changes: number;
let lastMount: Promise<unknown>;
/** Answers to a verb instead of the usual one. */
let answers: Partial<Record<HelperRequest['verb'], () => Promise<object>>>;

beforeEach(async () => {
  replyWithinMs = 60_000;
  dir = mkdtempSync(join(tmpdir(), 'nightjar-attached-'));
  const migrationsDir = join(import.meta.dirname, '../schema/box-state');
  database = Database.open(join(dir, 'box.sqlite'), { migrationsDir, create: true });
  for (const name of ['disks', 'mounted']) mkdirSync(join(dir, name));
  made = new Map();
  asked = [];
  letGo = [];
  changes = 0;
  lastMount = Promise.resolve();
  answers = {};
  kernel();
  server = createServer({ allowHalfOpen: true }, (socket) => {
    // Who asked may have gone.
    socket.on('error', () => undefined).on('end', () => socket.destroy());
    socket.once('data', (line: Buffer) => {
      void perform(JSON.parse(line.toString()) as HelperRequest).then((reply) =>
        socket.end(`${JSON.stringify(reply)}\n`),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(join(dir, 'helper.sock'), resolve));
  disks = make();
});
afterEach(async () => {
  await disks.close();
  await new Promise((resolve) => server.close(resolve));
  database.close();
  rmSync(dir, { recursive: true });
});

function make({ boxId: id = boxId, isNew = false } = {}): AttachedDisks {
  const settings = new Settings(database);
  let n = 0;
  return new AttachedDisks({
    helper: new DiskHelper({ socketPath: join(dir, 'helper.sock') }),
    mountRoot: join(dir, 'mounted'),
    mountInfo: join(dir, 'mountinfo'),
    partitions: join(dir, 'partitions'),
    ...{ database, settings, boxId: id, watchMs: 10 },
    get replyWithinMs() {
      return replyWithinMs;
    },
    libraryDiskId: () => settings.text('library.disk-id'),
    libraryId: () => libraryId,
    isNewBox: () => isNew,
    makeLibrary: (path) => Disk.adopt(path, { diskId: libraryId, boxId, now: 1 }),
    takeLibrary: (id) => settings.putText('library.disk-id', id),
    onFound: () => undefined,
    onLibraryThere: async () => void letGo.push('library is there'),
    letGo: {
      look: async (folder) => void letGo.push(`look ${folder}`),
      mirror: async (id) => {
        letGo.push(`mirror ${id}`);
        asked.push('let go');
      },
      library: async () => {
        letGo.push('library held');
        return async () => void letGo.push('library goes on');
      },
    },
    judgement: () => ({ verdict: 'fine', advice: 'nothing', reasons: [] }),
    onTrouble: async () => undefined,
    onChange: () => void changes++,
    randomUUID: () => `44444444-4444-4444-8444-44444444444${n++}`,
    randomBytes: (size) => Buffer.alloc(size, 7),
    now: () => 1_000_000,
    log: { info: () => undefined, warn: () => undefined },
  });
}

/** What the kernel lists, so that somebody looks. */
function kernel(): void {
  const line = ({ disk: { key } }: Made) => ` 8 0 ${key.sizeBytes} ${key.name}-${key.diskseq}`;
  write('partitions', [...made.values()].map(line).join('\n'));
  const mounts = [...made].filter(([, { disk }]) => disk.status === 'ours');
  const point = (uuid: string, ro: boolean) => `1 1 8:1 / /run/nightjar/disks/${uuid} ${ro ? 'ro' : 'rw'} - ext4 x rw`;
  write('mountinfo', mounts.map(([uuid, { readOnly }]) => point(uuid, readOnly)).join('\n'));
}

/** Whole or not at all, for who reads it meanwhile. */
function write(name: string, text: string): void {
  writeFileSync(join(dir, `${name}.new`), text);
  renameSync(join(dir, `${name}.new`), join(dir, name));
}

/** Plugs a disk in; what is on it is in the folder that is returned. */
function plug(name: string, uuid: string, diskseq = 1): string {
  const folder = join(dir, 'disks', uuid);
  mkdirSync(folder, { recursive: true });
  const volume = { name: `${name}1`, sizeBytes: 5e9, type: 'ext4', uuid, label: '', folder: null };
  const key = { name, serial: `S-${uuid}`, sizeBytes: 5e9, diskseq };
  const disk: HelperDisk = {
    ...{ key, model: 'Made', printedName: `Made ${uuid}`, bus: 'usb', spinning: true, writeProtected: false },
    ...{ status: 'free', volumes: [volume] },
  };
  made.set(uuid, { disk, readOnly: false });
  kernel();
  return folder;
}

async function perform(request: HelperRequest): Promise<object> {
  asked.push(request.verb === 'mount' ? `mount ${request.mode} ${request.volume.uuid}` : request.verb);
  const own = answers[request.verb];
  if (own !== undefined) return await own();
  if (request.verb === 'list') return { ok: true, disks: [...made.values()].map(({ disk }) => disk) };
  if (request.verb === 'mount') return await inTurn(() => mount(request.volume.uuid, request.mode === 'look'));
  if (request.verb === 'unmount') return await inTurn(() => unmount(request.folder));
  if (request.verb === 'power-off') {
    for (const [uuid, { disk }] of made) if (disk.key.name === request.disk.name) made.delete(uuid);
    kernel();
    return { ok: true, state: 'off' };
  }
  return { ok: false, code: 'failed', message: 'Not made.' };
}

/** As the kernel does it: a box that starts anew may ask while what the one before asked for is still being done. */
function inTurn(act: () => Promise<object>): Promise<object> {
  const done = lastMount.then(act);
  lastMount = done.catch(() => undefined);
  return done;
}

async function mount(uuid: string, readOnly: boolean): Promise<object> {
  const one = made.get(uuid);
  if (one === undefined) return { ok: false, code: 'no-such-disk', message: 'Gone.' };
  if (one.disk.status === 'ours') return { ok: false, code: 'in-use', message: 'It is mounted already.' };
  await rename(join(dir, 'disks', uuid), join(dir, 'mounted', uuid));
  set(uuid, { status: 'ours', volumes: one.disk.volumes.map((volume) => ({ ...volume, folder: uuid })) }, readOnly);
  return { ok: true, folder: uuid, path: 'unused', type: 'ext4' };
}

async function unmount(uuid: string): Promise<object> {
  const there = (await readdir(join(dir, 'mounted'))).includes(uuid);
  if (!there) return { ok: false, code: 'no-such-disk', message: 'Nothing is mounted there.' };
  await rename(join(dir, 'mounted', uuid), join(dir, 'disks', uuid));
  const one = made.get(uuid);
  if (one !== undefined) {
    set(uuid, { status: 'free', volumes: one.disk.volumes.map((volume) => ({ ...volume, folder: null })) }, false);
  }
  return { ok: true, lazily: false };
}

function set(uuid: string, facts: Partial<HelperDisk>, readOnly: boolean): void {
  const one = made.get(uuid);
  if (one !== undefined) made.set(uuid, { disk: { ...one.disk, ...facts }, readOnly });
  kernel();
}

/** Told while it is still mounted for the look: what comes in its place then would meet its folder. */
const isLookedAt = (id: string) => made.get(id.slice(-2))?.disk.status === 'ours';
const holds = () =>
  disks.list().map(({ id, volumes, state }) => {
    const is = state === 'free' && isLookedAt(id) ? 'looked at' : state;
    return `${is} ${volumes.map((one) => one.holds).join()}`;
  });

test('without a helper it says so, and with one it looks as disks appear', async () => {
  answers.list = async () => ({ ok: true, disks: 'what' });
  disks.open();
  await expect.poll(() => disks.helper, poll).toBe('failing');
  delete answers.list;
  await rename(join(dir, 'helper.sock'), join(dir, 'away.sock'));
  const alone = make();
  alone.open();
  await expect.poll(() => alone.helper, poll).toBe('missing');
  await alone.close();
  await rename(join(dir, 'away.sock'), join(dir, 'helper.sock'));
  plug('sda', 'aa');
  await expect.poll(holds, poll).toEqual(['free empty']);
  const lists = asked.filter((verb) => verb === 'list').length;
  plug('sdb', 'bb');
  await expect.poll(holds, poll).toEqual(['free empty', 'free empty']);
  // Not on a timer: that would wake them. Some thirty looks at the kernel's list pass meanwhile.
  const began = performance.now();
  await expect.poll(() => performance.now() - began, poll).toBeGreaterThan(300);
  expect(asked.filter((verb) => verb === 'list').length - lists).toBeLessThan(4);
  const before = changes;
  made.delete('aa');
  kernel();
  await expect.poll(holds, poll).toEqual(['free empty']);
  expect(changes).toBeGreaterThan(before);
});

test('what is on a disk is told by its marker, which nobody vouches for', async () => {
  const own = plug('sda', 'aa');
  await Disk.adoptMirror(own, { diskId: libraryId.replaceAll('2', '5'), boxId, libraryId, now: 1 });
  await Disk.adopt(plug('sdb', 'bb'), stranger);
  mkdirSync(join(plug('sdc', 'cc'), 'DCIM'));
  const link = plug('sdd', 'dd');
  symlinkSync(join(own, '.nightjar'), join(link, '.nightjar'));
  const large = plug('sde', 'ee');
  mkdirSync(join(large, '.nightjar'));
  writeFileSync(
    join(large, '.nightjar/disk.json'),
    `${await readFile(join(own, '.nightjar/disk.json'))}${' '.repeat(65_536)}`,
  );
  mkdirSync(join(plug('sdf', 'ff'), 'lost+found'));
  disks.open();
  const all = ['mirror', 'other-box', 'files', 'odd', 'odd', 'empty'].map((one) => `free ${one}`);
  await expect.poll(holds, poll).toEqual(all);
  // Nothing of it is used by itself: no row says that somebody wanted that.
  expect(asked.filter((verb) => verb.startsWith('mount use'))).toEqual([]);
  await expect.poll(() => readdir(join(dir, 'mounted')), poll).toEqual([]);
  for (const { id } of disks.list().slice(1, 5)) {
    await expect(disks.use(id, 'mirror', undefined)).rejects.toMatchObject({ code: 'conflict' });
  }
});

test('a mirror is used by itself when it comes back, and its clone without the marker is not', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const id = disks.list()[0]?.id ?? '';
  expect(await disks.use(id, 'mirror', undefined)).toMatchObject({
    disk: { state: 'used', volumes: [{ role: 'mirror' }] },
  });
  const [mirror] = disks.mirrors();
  expect(mirror).toMatchObject({ name: 'Made aa', disk: { libraryId, role: 'mirror' } });
  await expect(disks.use(id, 'library', undefined)).rejects.toMatchObject({ code: 'conflict' });
  await expect(disks.erase(id, { name: 'Made aa', filesystem: 'ext4' })).rejects.toMatchObject({ code: 'conflict' });

  asked = [];
  expect(await disks.eject(id)).toEqual({ disk: null });
  expect(asked.slice(0, 3)).toEqual(['let go', 'unmount', 'power-off']);
  expect(await disks.eject(id)).toEqual({ disk: null });
  expect(letGo).toEqual([`mirror ${mirror?.diskId}`]);
  expect(disks.mirrors()).toEqual([]);
  plug('sdb', 'aa', 2);
  await expect.poll(() => disks.mirrors().map(({ diskId }) => diskId), poll).toEqual([mirror?.diskId]);
  expect(disks.placeOf(mirror?.diskId ?? '')).toBe(join(dir, 'mounted/aa'));

  // Pulled: it is let go of, and unmounted.
  made.delete('aa');
  kernel();
  await expect.poll(holds, poll).toEqual([]);
  await expect.poll(() => readdir(join(dir, 'mounted')), poll).toEqual([]);
  await rm(join(dir, 'disks/aa/.nightjar'), { recursive: true });
  plug('sda', 'aa', 3);
  await expect.poll(holds, poll).toEqual(['free empty']);
  expect(disks.mirrors()).toEqual([]);
});

test('the library goes on after whatever was done to its disk, and after a restart', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const id = disks.list()[0]?.id ?? '';
  expect(await disks.use(id, 'library', undefined)).toMatchObject({ disk: { volumes: [{ holds: 'library' }] } });
  await expect(disks.erase(id, { name: 'Made aa', filesystem: 'ext4' })).rejects.toMatchObject({ code: 'conflict' });
  letGo = [];
  const { promise, resolve } = Promise.withResolvers<object>();
  answers.check = () => promise;
  const checks = [
    disks.check(id, { repair: false, volume: undefined }),
    disks.check(id, { repair: false, volume: undefined }),
  ];
  await expect.poll(() => asked.filter((verb) => verb === 'check'), poll).toEqual(['check']);
  await expect(disks.eject(id)).rejects.toMatchObject({ code: 'busy' });
  expect(disks.placeOf(libraryId)).toBeUndefined();
  resolve({ ok: true, outcome: 'clean', said: 'all is well' });
  for (const check of checks)
    expect(await check).toMatchObject({ disk: { checked: { outcome: 'clean' }, doing: null } });
  expect(asked.filter((verb) => verb === 'check')).toHaveLength(1);
  expect(letGo.slice(0, 3)).toEqual(['library held', 'library is there', 'library goes on']);

  answers['power-off'] = async () => ({ ok: true, state: 'unmounted' });
  expect(await disks.eject(id)).toMatchObject({ disk: { state: 'ejected', erasing: { refused: 'library' } } });
  const erasing = disks.erase(id, { name: 'Made aa', filesystem: 'ext4' });
  await expect(erasing).rejects.toThrow('holds the library');
  await disks.use(id, 'library', undefined);

  await disks.close();
  disks = make();
  disks.open();
  await expect.poll(() => disks.placeOf(libraryId), poll).toBe(join(dir, 'mounted/aa'));
});

test('what was let go of for a machine that then stays on is taken up again', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const [first] = disks.list();
  await disks.use(first?.id ?? '', 'library', undefined);
  plug('sdb', 'bb');
  await expect.poll(holds, poll).toEqual(['used library', 'free empty']);
  // One that a person let go of is not used again by itself.
  answers['power-off'] = async () => ({ ok: true, state: 'unmounted' });
  await disks.eject(disks.list()[1]?.id ?? '');
  await disks.letGoOfAll(5_000);
  expect(disks.list().map(({ state }) => state)).toEqual(['ejected', 'ejected']);
  await disks.takeBack();
  expect(disks.list().map(({ state }) => state)).toEqual(['used', 'ejected']);
  expect(disks.placeOf(libraryId)).toBe(join(dir, 'mounted/aa'));
});

test('a new box keeps the library of another one in sight, and uses it once it is that box', async () => {
  await Disk.adopt(plug('sda', 'aa'), stranger);
  await disks.close();
  disks = make({ isNew: true });
  disks.open();
  await expect.poll(() => disks.foreignPlaces(), poll).toEqual([join(dir, 'mounted/aa')]);
  expect(disks.placeOf(stranger.diskId)).toBeUndefined();
  expect(holds()).toEqual(['looked-at other-box']);
  await disks.close();
  await new Settings(database).putText('library.disk-id', stranger.diskId);
  asked = [];
  disks = make({ boxId: stranger.boxId });
  disks.open();
  await expect.poll(() => disks.placeOf(stranger.diskId), poll).toBe(join(dir, 'mounted/aa'));
  // Not as it was looked at: for writing.
  expect(asked.filter((verb) => verb !== 'list')).toEqual(['unmount', 'mount look aa', 'unmount', 'mount use aa']);
});

test('what fails is said, and what takes long goes on', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const id = disks.list()[0]?.id ?? '';
  const begun = vi.fn(async () => undefined);
  await expect(disks.erase(id, { name: 'Made', filesystem: 'ext4' }, begun)).rejects.toMatchObject({
    code: 'invalid-request',
  });
  expect(asked).not.toContain('format');
  answers['power-off'] = async () => ({ ok: false, code: 'in-use', message: 'Somebody holds it.' });
  await disks.look(id, undefined);
  await expect(disks.eject(id)).rejects.toMatchObject({ code: 'conflict' });
  expect(letGo).toEqual(['look aa']);
  expect(disks.list()[0]).toMatchObject({ state: 'ejected', failed: { verb: 'eject', code: 'conflict' } });
  const { promise, resolve } = Promise.withResolvers<object>();
  answers.format = () => promise;
  replyWithinMs = 1_000;
  expect(begun).not.toHaveBeenCalled();
  expect(await disks.erase(id, { name: 'Made aa', filesystem: 'ext4' }, begun)).toMatchObject({
    disk: { doing: { verb: 'erase' } },
  });
  expect(begun).toHaveBeenCalledOnce();
  resolve({ ok: false, code: 'failed', message: 'It does not hold what was written.' });
  await expect.poll(() => disks.list()[0]?.doing, poll).toBeNull();
  expect(disks.list()[0]).toMatchObject({ failed: { verb: 'erase', message: 'It does not hold what was written.' } });
  await expect(disks.look('nobody', undefined)).rejects.toMatchObject({ code: 'not-found' });
});

test('a list that was asked for before something was done is not believed on it', async () => {
  replyWithinMs = 1_000;
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const id = disks.list()[0]?.id ?? '';
  const mounting = Promise.withResolvers<void>();
  answers.mount = () => mounting.promise.then(() => mount('aa', false));
  const used = disks.use(id, 'mirror', undefined);
  await expect.poll(() => asked, poll).toContain('mount use aa');
  const listing = Promise.withResolvers<void>();
  let lists = 0;
  answers.list = async () => {
    const old = [...made.values()].map(({ disk }) => disk);
    lists += 1;
    await listing.promise;
    return { ok: true, disks: old };
  };
  plug('sdb', 'bb');
  await expect.poll(() => lists, poll).toBe(1);
  delete answers.list;
  mounting.resolve();
  await used;
  delete answers.mount;
  listing.resolve();
  await expect.poll(holds, poll).toEqual(['used mirror', 'free empty']);
  expect(disks.list()[0]).toMatchObject({ failed: null });
  expect(letGo).toEqual([]);
});

test('two disks with one marker are never used at once, and a copy of the library is not taken for it', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const id = disks.list()[0]?.id ?? '';
  await disks.use(id, 'mirror', undefined);
  const copyOfIt = async () => {
    await rm(join(dir, 'disks/bb'), { recursive: true, force: true });
    await cp(join(dir, 'mounted/aa/.nightjar'), join(dir, 'disks/bb/.nightjar'), { recursive: true });
  };
  await copyOfIt();
  plug('sdb', 'bb', 2);
  await expect.poll(() => disks.list().length, poll).toBe(2);
  await disks.look('Made-S-bb', undefined);
  await expect(disks.use('Made-S-bb', 'mirror', undefined)).rejects.toMatchObject({ code: 'conflict' });
  expect(holds()).toEqual(['used mirror', 'looked-at mirror']);
  expect(disks.mirrors()).toHaveLength(1);
  await disks.eject('Made-S-bb');
  await disks.eject(id);
  await rm(join(dir, 'disks/aa/.nightjar'), { recursive: true });
  plug('sda', 'aa', 3);
  await expect.poll(holds, poll).toEqual(['free empty']);
  await disks.use('Made-S-aa', 'library', undefined);
  await copyOfIt();
  plug('sdb', 'bb', 4);
  await expect.poll(holds, poll).toEqual(['used library', 'free library']);
  // Nor while it is away: who knows how old the copy is.
  await disks.eject('Made-S-aa');
  made.delete('bb');
  kernel();
  await expect.poll(holds, poll).toEqual([]);
  plug('sdb', 'bb', 5);
  await expect.poll(holds, poll).toEqual(['free library']);
  plug('sda', 'aa', 6);
  await expect.poll(() => disks.placeOf(libraryId), poll).toBe(join(dir, 'mounted/aa'));
});

test('a disk of the box that cannot be read is not erased as if it were anybody’s', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  await disks.use('Made-S-aa', 'library', undefined);
  await disks.eject('Made-S-aa');
  answers.mount = async () => ({ ok: false, code: 'failed', message: 'mount failed: bad superblock' });
  plug('sda', 'aa', 2);
  await expect.poll(holds, poll).toEqual(['free library']);
  const erasing = disks.erase('Made-S-aa', { name: 'Made aa', filesystem: 'ext4' });
  await expect(erasing).rejects.toThrow('holds the library');
});

test('a helper that never answers holds up neither who asks nor the end', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  replyWithinMs = 1_000;
  const hanging = Promise.withResolvers<object>();
  let lists = 0;
  answers.list = async () => {
    lists += 1;
    return await hanging.promise;
  };
  plug('sdb', 'bb');
  await expect.poll(() => lists, poll).toBe(1);
  expect(await disks.look('Made-S-aa', undefined)).toMatchObject({ disk: { doing: { verb: 'look' } } });
  await disks.close();
  hanging.resolve({ ok: true, disks: [] });
});

test('what is asked differently is not answered as the same', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const { promise, resolve } = Promise.withResolvers<object>();
  answers.check = () => promise;
  const looking = disks.check('Made-S-aa', { repair: false, volume: undefined });
  await expect.poll(() => asked, poll).toContain('check');
  const repairing = disks.check('Made-S-aa', { repair: true, volume: undefined });
  await expect(repairing).rejects.toMatchObject({ code: 'busy' });
  resolve({ ok: true, outcome: 'damaged', said: '' });
  await looking;
});

test('a disk that took the place of the one that was shown is not erased', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const attached = disks.list()[0]?.attached;
  mkdirSync(join(plug('sda', 'aa', 2), 'DCIM'));
  await expect.poll(holds, poll).toEqual(['free files']);
  const wanted = { name: 'Made aa', filesystem: 'ext4', attached } as const;
  await expect(disks.erase('Made-S-aa', wanted)).rejects.toMatchObject({ code: 'precondition-failed' });
  expect(asked).not.toContain('format');
});

test('what came while the disks were listed, and is pulled before the next look, is not there for good', async () => {
  plug('sda', 'aa');
  const listing = Promise.withResolvers<void>();
  answers.list = async () => {
    delete answers.list;
    await listing.promise;
    return { ok: true, disks: [...made.values()].map(({ disk }) => disk) };
  };
  disks.open();
  await expect.poll(() => asked, poll).toEqual(['list']);
  plug('sdb', 'bb');
  const mounting = Promise.withResolvers<void>();
  answers.mount = async () => {
    if (asked.includes('mount look bb')) await mounting.promise;
    return { ok: false, code: 'no-such-disk', message: 'Gone.' };
  };
  listing.resolve();
  await expect.poll(() => asked, poll).toContain('mount look bb');
  expect(disks.list()).toHaveLength(2);
  made.delete('bb');
  kernel();
  mounting.resolve();
  await expect.poll(() => disks.list().map(({ id }) => id), poll).toEqual(['Made-S-aa']);
});

test('a disk that was just erased can be used at once, while the helper still looks', async () => {
  plug('sda', 'aa');
  disks.open();
  await expect.poll(holds, poll).toEqual(['free empty']);
  const looking = Promise.withResolvers<void>();
  answers.format = async () => {
    answers.list = async () => {
      await looking.promise;
      return { ok: true, disks: [...made.values()].map(({ disk }) => disk) };
    };
    return { ok: true, volume: made.get('aa')?.disk.volumes[0] };
  };
  const erasing = disks.erase('Made-S-aa', { name: 'Made aa', filesystem: 'ext4' });
  await expect.poll(() => disks.list()[0]?.doing, poll).toBe(null);
  const using = disks.use('Made-S-aa', 'library', undefined);
  looking.resolve();
  expect(await using).toMatchObject({ disk: { state: 'used', failed: null } });
  await erasing;
});
