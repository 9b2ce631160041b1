import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, readlink, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { soak } from '../../test/support/counts.ts';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { log } from '../../test/support/open-library.ts';
import { Downloads, zipNames } from './downloads.ts';

const run = promisify(execFile);
const picture = (seed: number, takenLocal = '2025-07-14T09:30:00', bytes = 5000 + seed) =>
  exifJpeg({ seed, bytes, takenLocal });

let box: KeepingBox;
beforeEach(async () => {
  box = await KeepingBox.make();
});
afterEach(() => box[Symbol.asyncDispose]());

const offer = (...ids: number[]) => box.downloads.offer(box.personId, ids);
/** Fetches the ZIP of a ticket into a file, and returns its path. */
async function fetched(id: string): Promise<string> {
  const { stream, bytes } = await box.downloads.zip(box.personId, id);
  const path = box.at('got.zip');
  await pipeline(stream, createWriteStream(path));
  expect((await stat(path)).size).toBe(bytes);
  return path;
}
/** Names and contents of a ZIP, as unzip sees them. */
async function unzipped(path: string): Promise<Record<string, string>> {
  await run('unzip', ['-tq', path]);
  const into = box.at('unzipped');
  await rm(into, { recursive: true, force: true });
  await mkdir(into);
  await run('unzip', ['-q', path, '-d', into], { env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  const found: Record<string, string> = {};
  for (const entry of await readdir(into, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = `${entry.parentPath}/${entry.name}`;
    found[file.slice(into.length + 1)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return found;
}
const hex = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** Files below the disk that this process holds open. */
async function heldOpen(): Promise<string[]> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((path) => path.includes('/Photos/') || path.includes('/Files/'));
}

test('is a whole ZIP of the selection, with the other halves, the sidecars, names and times', async () => {
  const mtime = Date.UTC(2024, 2, 3, 4, 5, 7);
  const still = await box.upload('DCIM/Ümläut 写真.jpg', picture(1), { mtime, pair: 'p' });
  const video = await box.upload('DCIM/Ümläut 写真.mov', Buffer.alloc(700_000, 'mov'), { mtime, pair: 'p' });
  const sidecar = await box.upload('DCIM/Ümläut 写真.AAE', Buffer.from('<plist/>'));
  const empty = await box.upload('notes/empty.txt', Buffer.alloc(0));
  const other = await box.upload('DCIM/other.jpg', picture(2));
  const ticket = await offer(video.id, empty.id, video.id);
  expect(ticket.files).toBe(4);
  const path = await fetched(ticket.id);
  expect((await stat(path)).size).toBe(ticket.bytes);
  expect(await unzipped(path)).toEqual({
    'Ümläut 写真.jpg': hex(picture(1)),
    'Ümläut 写真.mov': hex(Buffer.alloc(700_000, 'mov')),
    'Ümläut 写真.AAE': hex(Buffer.from('<plist/>')),
    'empty.txt': hex(Buffer.alloc(0)),
  });
  // A ZIP's own times go by two seconds.
  expect(Math.abs((await stat(box.at('unzipped/Ümläut 写真.jpg'))).mtimeMs - mtime)).toBeLessThanOrEqual(1_000);
  expect([still, sidecar, other].map(({ state }) => state)).toEqual(['present', 'present', 'present']);
  await expect.poll(heldOpen).toEqual([]);
});

test('takes photos of every time: before 1970 and behind 2038', async () => {
  const old = await box.upload('DCIM/old.jpg', picture(1), { mtime: Date.UTC(1955, 6, 1) });
  const late = await box.upload('DCIM/late.jpg', picture(2), { mtime: Date.UTC(2200, 0, 1) });
  expect(await unzipped(await fetched((await offer(old.id, late.id)).id))).toEqual({
    'old.jpg': hex(picture(1)),
    'late.jpg': hex(picture(2)),
  });
});

test('names are unique inside, without regard to case, and halves keep their stem', async () => {
  const ids: number[] = [];
  for (const [at, local] of ['2025-07-14T09:30:00', '2025-08-14T09:30:00'].entries()) {
    const pair = `p${at}`;
    ids.push((await box.upload(`${at}/IMG_1.jpg`, picture(10 + at, local), { pair })).id);
    await box.upload(`${at}/img_1.mov`, Buffer.from(`video ${at}`), { pair });
  }
  const found = await unzipped(await fetched((await offer(...ids)).id));
  expect(Object.keys(found).sort()).toEqual([
    '2025-07/IMG_1.jpg',
    '2025-07/IMG_1.mov',
    '2025-08/IMG_1.jpg',
    '2025-08/IMG_1.mov',
  ]);
  expect(zipNames(['a/b/x.jpg', 'a/c/y.jpg'])).toEqual(['x.jpg', 'y.jpg']);
  expect(zipNames(['a/b/x.jpg', 'a/c/X.jpg'])).toEqual(['b/x.jpg', 'c/X.jpg']);
  expect(zipNames(['a/b/x.jpg', 'c/B/X.jpg'])).toEqual(['a/b/x.jpg', 'c/B/X.jpg']);
});

test('is for one person, for ten minutes, and for a few at a time', async () => {
  const mine = await box.upload('DCIM/1.jpg', picture(1));
  const theirs = await box.upload('DCIM/2.jpg', picture(2), {}, box.box.stranger.phoneId);
  await expect(offer(mine.id, theirs.id)).rejects.toMatchObject({ code: 'not-found' });
  await expect(offer(mine.id, 999)).rejects.toMatchObject({ code: 'not-found' });
  const { id } = await offer(mine.id);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  await expect(box.downloads.zip(box.box.stranger.person.id, id)).rejects.toMatchObject({ code: 'not-found' });
  await expect(box.downloads.zip(box.personId, 'f'.repeat(32))).rejects.toMatchObject({ code: 'not-found' });
  box.box.clock += 599_000;
  await fetched(id);
  box.box.clock += 2_000;
  await expect(box.downloads.zip(box.personId, id)).rejects.toMatchObject({ code: 'not-found' });
  const many: string[] = [];
  for (let at = 0; at < 6; at++) many.push((await offer(mine.id)).id);
  await expect(box.downloads.zip(box.personId, many[0] ?? '')).rejects.toMatchObject({ code: 'not-found' });
  const open = [];
  for (let at = 0; at < 8; at++) open.push(await box.downloads.zip(box.personId, many[5] ?? ''));
  await expect(box.downloads.zip(box.personId, many[5] ?? '')).rejects.toMatchObject({ code: 'busy' });
  for (const { stream } of open) stream.destroy();
  await expect.poll(async () => await fetched(many[5] ?? '').catch(() => 'busy')).not.toBe('busy');
});

test('has a limit on the files of all that are sent, and offers one after the other', async () => {
  const ids: number[] = [];
  for (let at = 0; at < 40; at++) ids.push((await box.upload(`DCIM/${at}.jpg`, picture(at))).id);
  const downloads = new Downloads({
    library: box.box.library,
    now: () => box.box.clock,
    randomBytes,
    log,
    filesSentAtOnceMax: 41,
  });
  const ended: string[] = [];
  const [large, small] = await Promise.all([
    downloads.offer(box.personId, ids).finally(() => ended.push('large')),
    downloads.offer(box.personId, ids.slice(0, 2)).finally(() => ended.push('small')),
  ]);
  expect(ended).toEqual(['large', 'small']);
  const { stream } = await downloads.zip(box.personId, large.id);
  await expect(downloads.zip(box.personId, small.id)).rejects.toMatchObject({ code: 'busy' });
  await once(stream.destroy(), 'close');
  await once((await downloads.zip(box.personId, small.id)).stream.destroy(), 'close');
  // What fails before it is sent gives its place back.
  const kept = await downloads.offer(box.personId, ids);
  await rm(box.at('Photos/Alice/2025/2025-07/0.jpg'));
  await expect(downloads.zip(box.personId, kept.id)).rejects.toMatchObject({ code: 'not-found' });
  const rest = await downloads.offer(box.personId, ids.slice(1));
  (await downloads.zip(box.personId, rest.id)).stream.destroy();
});

test('says what is not there before it begins', async () => {
  const one = await box.upload('DCIM/1.jpg', picture(1));
  const two = await box.upload('DCIM/2.jpg', picture(2));
  const { id } = await offer(one.id, two.id);
  await rm(box.at(two.path));
  await expect(box.downloads.zip(box.personId, id)).rejects.toMatchObject({ code: 'not-found' });
  expect(box.state(two.id)).toBe('missing');
  await expect(offer(one.id, two.id)).rejects.toMatchObject({ code: 'not-found' });
  const three = await offer(one.id);
  await box.trash.trash(box.personId, [one.id]);
  await expect(box.downloads.zip(box.personId, three.id)).rejects.toMatchObject({ code: 'not-found' });
});

test('breaks off rather than to be wrong: a file that goes, shrinks or grows meanwhile', async () => {
  const large = Buffer.alloc(3_000_000, 'x');
  const one = await box.upload('DCIM/1.mov', large);
  const two = await box.upload('DCIM/2.mov', Buffer.alloc(3_000_000, 'y'));
  for (const harm of [
    () => rm(box.at(two.path)),
    () => truncate(box.at(two.path), 2_999_999),
    () => writeFile(box.at(two.path), 'x', { flag: 'a' }),
  ]) {
    await writeFile(box.at(two.path), Buffer.alloc(3_000_000, 'y'));
    await box.open.database.write(() =>
      box.open.database.prepare("UPDATE asset SET state = 'present' WHERE id = ?").run(two.id),
    );
    const { id } = await offer(one.id, two.id);
    const { stream, bytes } = await box.downloads.zip(box.personId, id);
    let got = 0;
    const failed = new Promise<unknown>((resolve) => stream.once('error', resolve));
    stream.once('readable', async () => {
      await harm();
      stream.on('data', (chunk: Buffer) => {
        got += chunk.length;
      });
    });
    expect(await failed).toBeInstanceOf(Error);
    expect(got).toBeLessThan(bytes);
    await expect.poll(heldOpen).toEqual([]);
  }
});

test('lets go of its file when whoever fetches it goes away, and when the disk does', async () => {
  const one = await box.upload('DCIM/1.mov', Buffer.alloc(5_000_000, 'x'));
  const { id } = await offer(one.id);
  const first = await box.downloads.zip(box.personId, id);
  first.stream.once('readable', () => undefined);
  await expect.poll(heldOpen).toEqual([expect.stringContaining('1.mov')]);
  first.stream.destroy();
  await expect.poll(heldOpen).toEqual([]);
  const second = await box.downloads.zip(box.personId, id);
  second.stream.once('readable', () => undefined);
  const broken = new Promise<unknown>((resolve) => second.stream.once('error', resolve));
  await expect.poll(heldOpen).toEqual([expect.stringContaining('1.mov')]);
  await box.box.stop();
  expect(await broken).toMatchObject({ code: 'disk-missing' });
  await expect.poll(heldOpen).toEqual([]);
  await box.box.start();
});

if (soak)
  test('more than 4 GB in one file, and behind it', { timeout: 600_000 }, async () => {
    const large = await box.upload('DCIM/large.mov', Buffer.from('grows'));
    const last = await box.upload('DCIM/last.jpg', picture(1));
    const size = 4.5 * 1024 ** 3;
    const file = await open(box.at(large.path), 'r+');
    await file.truncate(size);
    await file.close();
    await box.open.database.write(() =>
      box.open.database.prepare('UPDATE asset SET size = ? WHERE id = ?').run(size, large.id),
    );
    const { id, bytes } = await offer(large.id, last.id);
    let rssMax = 0;
    const timer = setInterval(() => {
      rssMax = Math.max(rssMax, process.memoryUsage().rss);
    }, 100);
    const before = process.memoryUsage().rss;
    const path = await fetched(id);
    clearInterval(timer);
    expect(bytes).toBeGreaterThan(size);
    expect(rssMax - before).toBeLessThan(150 * 1024 * 1024);
    const { stdout } = await run('unzip', ['-l', path]);
    expect(stdout).toContain(String(size));
    await run('unzip', ['-p', path, 'last.jpg'], { encoding: 'buffer' }).then(({ stdout: bytesOut }) =>
      expect(hex(bytesOut)).toBe(hex(picture(1))),
    );
  });
