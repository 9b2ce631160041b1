import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { log, TestBox } from '../../test/support/open-library.ts';
import { removePictures, writePictures } from '../media/picture-files.ts';
import type { UploadOwner } from '../uploads/upload.ts';
import { ChecksumLists } from './checksum-lists.ts';
import { Erasure, type ErasureProgress } from './erasure.ts';
import type { OpenLibrary } from './open-library.ts';
import { nameIndexWork } from './search.ts';
import { Trash } from './trash.ts';

const picture = (seed: number, month = '07') =>
  exifJpeg({ seed, bytes: 5000 + seed, takenLocal: `2025-${month}-14T09:30:00` });

let parent: string;
let box: TestBox;
let trash: Trash;
let erasure: Erasure;
let told: ErasureProgress[];
let ended: Array<{ personId: string; files: number; foreignFiles: number }>;
/** Asked before each slice's pictures go: a test throws here, as a crash would end it. */
let interrupt: (open: OpenLibrary) => void;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'nightjar-erasure-'));
  told = [];
  ended = [];
  interrupt = () => undefined;
  box = await TestBox.make(parent, {}, (library) => {
    const now = () => box?.clock ?? Date.UTC(2026, 5, 1, 12);
    const lists = new ChecksumLists({ library, now, log, restMs: 0 });
    const onDeleted = async (open: OpenLibrary, ids: readonly number[]) => {
      interrupt(open);
      for (const id of ids) await removePictures(open, id);
    };
    trash = new Trash({ library, lists, tell: () => undefined, onDeleted, now, log });
    erasure = new Erasure({
      library,
      lists,
      forgetPhones: (open, phones) => box.uploads.forgetPhones(open, phones),
      onDeleted,
      tell: (_personId, progress) => told.push(progress),
      onErased: async (personId, facts) => void ended.push({ personId, ...facts }),
      now,
      log,
      filesAtOnce: 3,
    });
    lists.open();
    trash.open();
    erasure.open();
  });
});
afterEach(async () => {
  await box.stop();
  await rm(parent, { recursive: true, force: true });
});

async function send(owner: UploadOwner, path: string, bytes: Buffer): Promise<number> {
  await box.uploads.begin(
    owner.phoneId,
    { door: 'test', length: bytes.length, facts: { path, mtime: null } },
    async (upload) => {
      await upload.openFile();
      await upload.append(0, Readable.from([bytes], { objectMode: false }));
      await upload.finish();
    },
  );
  const id = box.library.current().items.item(owner.phoneId, path)?.asset_id;
  if (id == null) throw new Error(`${path} did not come in.`);
  await writePictures(box.library.current(), id, { grid: Buffer.from('grid'), preview: Buffer.from('preview') });
  return id;
}

async function sendHalf(owner: UploadOwner, path: string): Promise<void> {
  await box.uploads.begin(
    owner.phoneId,
    { door: 'test', length: 9_000, facts: { path, mtime: null } },
    async (upload) => {
      await upload.openFile();
      await upload.append(0, Readable.from([Buffer.alloc(4_000, 7)], { objectMode: false })).catch(() => undefined);
      await upload.settle();
    },
  );
}

/** Photos, sidecars, other files, one in the trash, one gone for good, one half sent: of Alice and of Bob. */
async function fill(): Promise<{ alice: number[]; bob: number[] }> {
  const people = [box.owner, box.stranger].map(async (owner, at) => {
    const ids: number[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      ids.push(await send(owner, `DCIM/IMG_${seed}.jpg`, picture(seed + at * 100, seed % 2 === 0 ? '07' : '08')));
    }
    ids.push(await send(owner, 'DCIM/IMG_1.AAE', Buffer.from(`edit of ${owner.person.name}`)));
    ids.push(await send(owner, 'Documents/deep/letter.txt', Buffer.from(`letter of ${owner.person.name}`)));
    await sendHalf(owner, 'DCIM/half.jpg');
    return ids;
  });
  const [alice = [], bob = []] = await Promise.all(people);
  for (const [owner, ids] of [
    [box.owner, alice],
    [box.stranger, bob],
  ] as const) {
    await trash.trash(owner.person.id, ids.slice(1, 3));
    await expect.poll(() => count('SELECT count(*) AS n FROM relocation')).toBe(0);
    await trash.delete(owner.person.id, ids.slice(2, 3));
  }
  await expect.poll(() => count("SELECT count(*) AS n FROM checksum_list WHERE state <> 'right'")).toBe(0);
  // Nothing else goes on when the deleting begins.
  await expect.poll(() => count("SELECT count(*) AS n FROM job WHERE kind = 'settle-trash'")).toBe(0);
  await indexNames();
  return { alice, bob };
}

/** As its job does each minute. */
async function indexNames(): Promise<void> {
  const job = { kind: '', key: '', version: 1, payload: {}, attempt: 1 };
  await nameIndexWork(box.library.current())['index-names']?.run(job, new AbortController().signal);
  expect(count('SELECT asset_id AS n FROM name_index_end')).toBeGreaterThan(0);
}

const count = (query: string, ...values: unknown[]): number =>
  box.library.current().database.get<{ n: number }>(query, ...values)?.n ?? -1;

const phonesOf = { alice: ['phone-1', 'phone-2'] };
const begin = () => erasure.begin(box.owner.person, phonesOf.alice);
const underWay = () => box.library.state === 'ok' && erasure.progress(box.owner.person.id) !== undefined;
const erased = () => expect.poll(underWay, { timeout: 30_000 }).toBe(false);

/** Everything of a person that the disk and its catalogue hold, in any table that knows people or their phones. */
async function leftOf(owner: UploadOwner, ids: readonly number[], phones: readonly string[]) {
  const inPhones = phones.map((phone) => `'${phone}'`).join();
  const rows: Record<string, number> = {};
  for (const table of ['asset', 'month_count', 'upload', 'erased_file']) {
    rows[table] = count(`SELECT count(*) AS n FROM ${table} WHERE person_id = ?`, owner.person.id);
  }
  for (const table of ['phone_item', 'shown_by_phone', 'month_count']) {
    rows[`${table} of phones`] = count(`SELECT count(*) AS n FROM ${table} WHERE phone_id IN (${inPhones})`);
  }
  rows['picture'] = count(`SELECT count(*) AS n FROM picture WHERE asset_id IN (${ids.join()})`);
  rows['relocation'] = count(`SELECT count(*) AS n FROM relocation WHERE asset_id IN (${ids.join()})`);
  const { folder } = owner.person;
  rows['checksum_list'] = count('SELECT count(*) AS n FROM checksum_list WHERE folder LIKE ?', `%/${folder}/%`);
  const files = (await readdir(box.disk, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(box.disk.length + 1));
  const own = files.filter(
    (file) =>
      file.includes(`/${folder}/`) ||
      ids.some((id) => file === `.nightjar/trash/${id}` || new RegExp(`^.nightjar/thumbs/\\d+/${id}$`).test(file)),
  );
  return { rows, files: own.sort() };
}

const nothing = {
  asset: 0,
  month_count: 0,
  upload: 0,
  erased_file: 0,
  'phone_item of phones': 0,
  'shown_by_phone of phones': 0,
  'month_count of phones': 0,
  picture: 0,
  relocation: 0,
  checksum_list: 0,
};

it('leaves nothing of the person, and everything of the others', async () => {
  const { alice, bob } = await fill();
  const bobBefore = await leftOf(box.stranger, bob, ['phone-3']);
  const listBefore = await readFile(join(box.disk, 'Photos/Bob/2025/2025-07/SHA256SUMS'), 'utf8');
  expect((await leftOf(box.owner, alice, phonesOf.alice)).files.length).toBeGreaterThan(15);
  expect(await box.incoming()).toHaveLength(2);

  // Nine in place and one in the trash; the tenth was gone for good.
  expect(await begin()).toEqual({ files: 9, done: 0, ended: false });
  await erased();

  expect(await leftOf(box.owner, alice, phonesOf.alice)).toEqual({ rows: nothing, files: [] });
  expect(existsSync(join(box.disk, 'Photos/Alice'))).toBe(false);
  expect(existsSync(join(box.disk, 'Files/Alice'))).toBe(false);
  expect(await leftOf(box.stranger, bob, ['phone-3'])).toEqual(bobBefore);
  expect(await readFile(join(box.disk, 'Photos/Bob/2025/2025-07/SHA256SUMS'), 'utf8')).toBe(listBefore);
  expect(await box.incoming()).toHaveLength(1);
  expect(ended).toEqual([{ personId: box.owner.person.id, files: 9, foreignFiles: 0 }]);
  expect(told.at(-1)).toEqual({ files: 9, done: 9, ended: true });
  expect(told.map(({ done }) => done)).toEqual([...told.map(({ done }) => done)].sort((one, other) => one - other));
  // The tombstones too: what was deleted may come again, and Bob's may not.
  expect(await send(box.owner, 'DCIM/again.jpg', picture(3, '08'))).toBeGreaterThan(0);
  expect(await box.filesInView()).toContain('Photos/Alice/2025/2025-08/again.jpg');
});

it('takes the names out of the catalogue’s own file', async () => {
  await send(box.owner, 'DCIM/Zwetschgenkuchen_4711.jpg', picture(1));
  await indexNames();
  await begin();
  await erased();
  await box.stop();
  const database = new Sqlite(join(box.disk, '.nightjar/library.sqlite'));
  database.pragma('wal_checkpoint(TRUNCATE)');
  database.close();
  const bytes = await readFile(join(box.disk, '.nightjar/library.sqlite'));
  expect(bytes.includes('Zwetschgenkuchen')).toBe(false);
  await box.start();
});

it('goes on where it was interrupted, however often', async () => {
  const { alice, bob } = await fill();
  const bobBefore = await leftOf(box.stranger, bob, ['phone-3']);
  let crashes = 0;
  interrupt = () => {
    crashes += 1;
    throw Object.assign(new Error('the disk went away'), { code: 'EIO' });
  };
  await begin();
  await expect.poll(() => crashes).toBeGreaterThan(0);
  for (let round = 0; round < 3; round++) {
    let slices = 0;
    const before = crashes;
    interrupt = () => {
      slices += 1;
      if (slices % 2 === 1) return;
      crashes += 1;
      throw Object.assign(new Error('the disk went away'), { code: 'EIO' });
    };
    await box.restart();
    await expect.poll(() => crashes > before || !underWay(), { timeout: 30_000 }).toBe(true);
  }
  interrupt = () => undefined;
  await box.restart();
  await erased();
  expect(await leftOf(box.owner, alice, phonesOf.alice)).toEqual({ rows: nothing, files: [] });
  expect(await leftOf(box.stranger, bob, ['phone-3'])).toEqual(bobBefore);
  expect(ended.at(-1)).toMatchObject({ files: 9, foreignFiles: 0 });
});

it('leaves what others put into the folders, and follows no link out of them', async () => {
  await send(box.owner, 'DCIM/1.jpg', picture(1));
  const elsewhere = join(parent, 'elsewhere');
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, '1.jpg'), 'somebody else’s');
  await writeFile(join(box.disk, 'Photos/Alice/2025/by-hand.txt'), 'by hand');
  await rm(join(box.disk, 'Photos/Alice/2025/2025-07'), { recursive: true });
  await symlink(elsewhere, join(box.disk, 'Photos/Alice/2025/2025-07'));
  await begin();
  await erased();
  expect(await readFile(join(elsewhere, '1.jpg'), 'utf8')).toBe('somebody else’s');
  expect(await readFile(join(box.disk, 'Photos/Alice/2025/by-hand.txt'), 'utf8')).toBe('by hand');
  expect(ended).toMatchObject([{ foreignFiles: 2 }]);
  expect(count('SELECT count(*) AS n FROM asset')).toBe(0);
});

it('waits for a transfer that is under way, and takes it along', async () => {
  const { promise: came, resolve: sendRest } = Promise.withResolvers<void>();
  const bytes = picture(1);
  const sending = box.uploads
    .begin(
      box.owner.phoneId,
      { door: 'test', length: bytes.length, facts: { path: 'DCIM/1.jpg', mtime: null } },
      async (upload) => {
        await upload.openFile();
        await upload.settle();
        await came;
        await upload.append(0, Readable.from([bytes], { objectMode: false }));
        await upload.finish();
      },
    )
    .catch(() => undefined);
  await expect.poll(() => count('SELECT count(*) AS n FROM upload')).toBe(1);
  const beginning = begin();
  sendRest();
  await Promise.all([sending, beginning]);
  await erased();
  expect(await box.filesInView()).toEqual([]);
  expect(await box.incoming()).toEqual([]);
  expect(count('SELECT count(*) AS n FROM asset')).toBe(0);
});

it('keeps what a new phone sends meanwhile, also the same photos', async () => {
  const before = await send(box.owner, 'DCIM/1.jpg', picture(1));
  const gone = await send(box.owner, 'DCIM/2.jpg', picture(2));
  await trash.trash(box.owner.person.id, [gone]);
  await expect.poll(() => count('SELECT count(*) AS n FROM relocation')).toBe(0);
  await trash.delete(box.owner.person.id, [gone]);
  interrupt = () => {
    throw new Error('stopped in the middle');
  };
  await erasure.begin(box.owner.person, ['phone-1']);
  await expect.poll(() => count('SELECT count(*) AS n FROM erased_file')).toBe(1);
  const phone: UploadOwner = { ...box.owner, phoneId: 'phone-2' };
  expect(await send(phone, 'DCIM/1.jpg', picture(1))).not.toBe(before);
  // It is a tombstone still, which goes too: an answer that it stays deleted would not be true for long.
  await expect(send(phone, 'DCIM/2.jpg', picture(2))).rejects.toMatchObject({ code: 'busy' });
  interrupt = () => undefined;
  await box.restart();
  await erased();
  const kept = await box.filesInView();
  expect(kept.filter((file) => file.startsWith('Photos/Alice') && file.endsWith('.jpg'))).toHaveLength(1);
  expect(box.library.current().items.item('phone-2', 'DCIM/1.jpg')?.asset_state).toBe('present');
});

it('asks for the disk before anything is changed', async () => {
  await box.stop();
  expect(() => erasure.check()).toThrow(expect.objectContaining({ code: 'disk-missing' }));
  await box.start();
});
