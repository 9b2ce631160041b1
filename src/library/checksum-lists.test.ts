import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { lineOf } from './checksum-lists.ts';

const run = promisify(execFile);
const july = 'Photos/Alice/2025/2025-07';
const picture = (seed: number, takenLocal = '2025-07-14T09:30:00') =>
  exifJpeg({ seed, bytes: 5000 + seed, takenLocal });

let it: KeepingBox;
beforeEach(async () => {
  it = await KeepingBox.make();
});
afterEach(() => it[Symbol.asyncDispose]());

/** What the real tool says of a folder's list, a line each. */
const checked = async (folder: string, name = 'SHA256SUMS') =>
  (await run('sha256sum', ['--check', '--strict', name], { cwd: it.at(folder) })).stdout
    .replace(/\n$/, '')
    .split('\n')
    .sort();
const listed = async (folder: string) =>
  (await readFile(it.at(`${folder}/SHA256SUMS`), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.slice(66));
const there = (path: string) =>
  access(it.at(path)).then(
    () => true,
    () => false,
  );
const right = () =>
  expect
    .poll(() => it.open.database.prepare("SELECT folder FROM checksum_list WHERE state <> 'right'").all())
    .toEqual([]);

test('each month has a list that sha256sum checks, whatever the names', async () => {
  const names = [
    'IMG_1.jpg',
    'two  spaces.jpg',
    'Ümläut ñ 写真.jpg',
    'it\'s "quoted".jpg',
    ' leading.jpg',
    '-dash.jpg',
  ];
  for (const [at, name] of names.entries()) await it.upload(`DCIM/${name}`, picture(at + 1));
  await it.upload('DCIM/new\nline.jpg', picture(20));
  await it.upload('DCIM/back\\slash.jpg', picture(21));
  await it.upload('DCIM/June.jpg', picture(22, '2025-06-01T00:00:00'));
  await it.upload('DCIM/IMG_1.AAE', Buffer.from('<plist/>'));
  await it.upload('Documents/tax.pdf', Buffer.from('a file'));
  await right();
  const inView = (await readdir(it.at(july))).filter((name) => name !== 'SHA256SUMS');
  expect(inView.length).toBe(names.length + 3);
  expect(await checked(july)).toEqual(inView.map((name) => `${name}: OK`).sort());
  expect(await checked('Photos/Alice/2025/2025-06')).toEqual(['June.jpg: OK']);
  // Files/ mirrors the phone's folders; nothing is added to it.
  expect(await readdir(it.at('Files/Alice/Documents'))).toEqual(['tax.pdf']);
  expect(await there('.nightjar/checksum-list.new')).toBe(false);
});

test('escapes as sha256sum does', async () => {
  const folder = it.at('escaped');
  await mkdir(folder);
  const names = ['a\\b', 'new\nline', 'carriage\rreturn', 'both\\\n', 'plain'];
  const rows = [];
  for (const name of names) {
    await writeFile(`${folder}/${name}`, name);
    rows.push({ path: `x/${name}`, sha256: createHash('sha256').update(name).digest() });
  }
  await writeFile(`${folder}/SHA256SUMS`, rows.map(lineOf).join(''));
  expect((await checked('escaped')).length).toBe(names.length);
  const { stdout } = await run('sha256sum', ['--', ...names], { cwd: folder });
  expect(rows.map(lineOf).join('')).toBe(stdout);
});

test('never lists what is not there: trashed, deleted, missing; and an emptied folder has none', async () => {
  const one = await it.upload('DCIM/IMG_1.jpg', picture(1));
  const two = await it.upload('DCIM/IMG_2.jpg', picture(2));
  await right();
  expect(await listed(july)).toEqual(['IMG_1.jpg', 'IMG_2.jpg']);
  await it.trash.trash(it.personId, [one.id]);
  await expect.poll(() => it.relocations()).toBe(0);
  expect(await listed(july)).toEqual(['IMG_2.jpg']);
  await it.trash.trash(it.personId, [two.id]);
  await expect.poll(() => it.relocations()).toBe(0);
  expect(await readdir(it.at(july))).toEqual([]);
  await it.trash.restore(it.personId, [one.id]);
  await right();
  expect(await checked(july)).toEqual(['IMG_1.jpg: OK']);
  await it.open.database.write(() => it.open.rows.markMissing(one.id));
  await it.lists.rewrite(it.open, july);
  expect(await there(`${july}/SHA256SUMS`)).toBe(false);
});

test('replaces no file that is not its own', async () => {
  await it.upload('DCIM/IMG_1.jpg', picture(1, '2024-03-01T00:00:00'));
  const march = 'Photos/Alice/2024/2024-03';
  await right();
  await mkdir(it.at(july), { recursive: true });
  await writeFile(it.at(`${july}/SHA256SUMS`), 'mine');
  await it.upload('DCIM/IMG_2.jpg', picture(2));
  await right();
  expect(await readFile(it.at(`${july}/SHA256SUMS`), 'utf8')).toBe('mine');
  expect(await checked(july, 'SHA256SUMS-2')).toEqual(['IMG_2.jpg: OK']);
  // A phone's own file of that name is a file, and lies among those.
  const own = await it.upload('DCIM/SHA256SUMS', Buffer.from('a list of the phone'));
  expect(own.path).toBe('Files/Alice/DCIM/SHA256SUMS');
  expect(await checked(march)).toEqual(['IMG_1.jpg: OK']);
});

test('writes nowhere that a link leads to, and makes no folder that somebody took away', async () => {
  await it.upload('DCIM/IMG_1.jpg', picture(1));
  await right();
  await rename(it.at(july), it.at('elsewhere'));
  const two = await it.upload('DCIM/IMG_2.jpg', picture(2, '2025-08-01T00:00:00'));
  await it.open.database.write(() => it.open.database.prepare("UPDATE checksum_list SET state = 'behind'").run());
  await it.lists.rewrite(it.open, july);
  expect(await there(july)).toBe(false);
  await symlink(it.at('elsewhere'), it.at(july));
  await it.open.database.write(() => it.open.database.prepare("UPDATE checksum_list SET state = 'behind'").run());
  const before = await readFile(it.at('elsewhere/SHA256SUMS'), 'utf8');
  await it.lists.rewrite(it.open, july);
  expect(await readFile(it.at('elsewhere/SHA256SUMS'), 'utf8')).toBe(before);
  await rm(it.at(july));
  expect(two.path).toBe('Photos/Alice/2025/2025-08/IMG_2.jpg');
});

test('is worked out again at the start for what was confirmed and not listed', async () => {
  it.box.onPublished = () => undefined; // As if the box died before it could be noted.
  await it.upload('DCIM/IMG_1.jpg', picture(1));
  await it.box.restart();
  await right();
  expect(await checked(july)).toEqual(['IMG_1.jpg: OK']);
});

test('reads a folder of many in parts', { timeout: 60_000 }, async () => {
  await it.upload('DCIM/IMG_1.jpg', picture(1));
  const { rows, database } = it.open;
  await database.write(() => {
    for (let at = 0; at < 2_500; at++) {
      const path = `${july}/N${at}.jpg`;
      const id = rows.reserve(
        {
          personId: it.personId,
          path,
          pathKey: path.toLowerCase(),
          kind: 'photo',
          mediaType: 'image/jpeg',
          size: 1,
          sha256: Buffer.from(String(at).padStart(64, '0'), 'hex'),
          mtime: null,
          capture: { at: 0, local: '2025-07-01T00:00:00', from: 'metadata' },
          pair: null,
          addedAt: 0,
        },
        `source-${at}`,
      );
      database.prepare("UPDATE asset SET state = 'present' WHERE id = ?").run(id);
      database.prepare('DELETE FROM publishing WHERE asset_id = ?').run(id);
    }
  });
  await it.lists.rewrite(it.open, july);
  expect(new Set(await listed(july)).size).toBe(2_501);
});
