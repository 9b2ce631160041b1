/** Real folders that somebody hostile made: what is found, in which order, and what is left out and why. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ForeignFolder } from './foreign-folder.ts';
import { nameOf } from './names.ts';
import { walk } from './walk.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-walk-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const put = (path: string | Buffer, text = 'x') =>
  writeFileSync(typeof path === 'string' ? join(dir, path) : Buffer.concat([Buffer.from(`${dir}/`), path]), text);
const folder = (path: string) => mkdirSync(join(dir, path), { recursive: true });

type Found = { taken: string[]; leftOut: Record<string, string>; largestBatch: number };
async function found(options: { allFiles?: boolean; own?: string; onTake?: () => void } = {}): Promise<Found> {
  const root = await ForeignFolder.open(dir);
  const own = options.own === undefined ? undefined : await ForeignFolder.open(options.own);
  const result: Found = { taken: [], leftOut: {}, largestBatch: 0 };
  try {
    await walk(root, {
      allFiles: options.allFiles ?? false,
      signal: new AbortController().signal,
      isOwn: ({ dev, ino }) => own?.dev === dev && own.ino === ino,
      take: async (files) => {
        options.onTake?.();
        result.largestBatch = Math.max(result.largestBatch, files.length);
        result.taken.push(...files.map(({ path }) => path));
      },
      leftOut: (path, reason) => {
        result.leftOut[path] = reason;
      },
      failed: async (path) => {
        result.leftOut[path] = 'failed';
      },
    });
  } finally {
    await root.close();
    await own?.close();
  }
  return result;
}

it('takes photos before videos before notes, and folders last', async () => {
  folder('DCIM/100');
  for (const name of ['IMG_1.AAE', 'IMG_1.MOV', 'IMG_1.HEIC', '100/IMG_0.JPG']) put(`DCIM/${name}`);
  put('zz.xmp');
  put('zz.jpg');
  const { taken } = await found();
  expect(taken).toEqual([
    'zz.jpg',
    'zz.xmp',
    'DCIM/IMG_1.HEIC',
    'DCIM/IMG_1.MOV',
    'DCIM/IMG_1.AAE',
    'DCIM/100/IMG_0.JPG',
  ]);
});

it('goes into the folders of a year before any other, wherever they stand', async () => {
  const others = ['Trip', 'a', 'b', 'c', 'd', 'Untitled(1)', 'room 12018', '1899'];
  const years = ['Photos from 2018', 'Fotos von 1999', '2020'];
  for (const name of [...others, ...years]) {
    folder(name);
    put(`${name}/x.jpg`);
  }
  const { taken } = await found();
  const of = (names: string[]) => names.map((name) => `${name}/x.jpg`).sort();
  expect([taken.slice(0, 3).sort(), taken.slice(3).sort()]).toEqual([of(years), of(others)]);
});

it('leaves out what systems keep for themselves, rough copies, and what is no photo', async () => {
  for (const path of ['@eaDir/a.jpg', '$RECYCLE.BIN/S-1/b.jpg', '.Trash-1000/c.jpg', 'keep']) folder(join(path, '..'));
  folder('@eaDir');
  folder('$RECYCLE.BIN');
  for (const name of [
    'Thumbs.db',
    '.DS_Store',
    '._IMG_1.jpg',
    'MVI_1.THM',
    'GX01.LRV',
    'letter.doc',
    '@eaDir/a.jpg',
    'good.jpg',
  ])
    put(name);
  expect(await found()).toMatchObject({
    taken: ['good.jpg'],
    leftOut: {
      '@eaDir': 'system',
      '$RECYCLE.BIN': 'system',
      'Thumbs.db': 'system',
      '.DS_Store': 'system',
      '._IMG_1.jpg': 'system',
      'MVI_1.THM': 'rough-copy',
      'GX01.LRV': 'rough-copy',
      'letter.doc': 'other-kind',
    },
  });
  expect((await found({ allFiles: true })).taken.toSorted()).toEqual(['good.jpg', 'letter.doc']);
});

it('follows no link, opens no pipe, and does not go into the box’s own', async () => {
  folder('own/Photos');
  put('own/Photos/mine.jpg');
  symlinkSync('/etc', join(dir, 'etc'));
  symlinkSync('/etc/hostname', join(dir, 'host.jpg'));
  execFileSync('mkfifo', [join(dir, 'pipe.jpg')]);
  expect(await found({ own: join(dir, 'own') })).toEqual({
    taken: [],
    leftOut: { etc: 'no-file', 'host.jpg': 'no-file', 'pipe.jpg': 'no-file', own: 'own-library' },
    largestBatch: 0,
  });
});

it('reads a folder that becomes a link while it is on the way as it was', async () => {
  folder('in/deep');
  put('a.jpg');
  put('in/deep/b.jpg');
  let swapped: Promise<void> | undefined;
  const swap = async () => {
    await rename(join(dir, 'in'), join(dir, '.gone'));
    await symlink('/etc', join(dir, 'in'));
  };
  const { taken, leftOut } = await found({
    onTake: () => {
      swapped ??= swap();
    },
  });
  await swapped;
  // Either it was held before, or the link is found to be one; nothing of /etc is there in any case.
  expect([...taken, ...Object.keys(leftOut)].filter((path) => !/^(a\.jpg|in|in\/deep.*|\.gone.*)$/.test(path))).toEqual(
    [],
  );
});

it('tells names apart that are no text, and keeps those that are', async () => {
  const names = ['line\nbreak.jpg', '\u202egpj.exe.jpg', 'é.jpg'].map((name) => Buffer.from(name));
  const broken = [Buffer.from('\xe9.jpg', 'latin1'), Buffer.from('\xe8.jpg', 'latin1')];
  for (const name of [...names, ...broken]) put(name);
  const { taken } = await found();
  expect(taken).toHaveLength(5);
  expect(new Set(taken).size).toBe(5);
  for (const name of names) expect(taken).toContain(name.toString());
  expect(nameOf(broken[0] as Buffer)).toMatch(/^é~[0-9a-f]{12}\.jpg$/);
  // A photo and its note keep one stem.
  const stem = (ending: string) => nameOf(Buffer.from(`\xe9${ending}`, 'latin1')).slice(0, -ending.length);
  expect(stem('.HEIC')).toBe(stem('.MOV'));
});

it('ends at a depth that a path can have', async () => {
  let path = '';
  for (let level = 0; level < 70; level++) path += 'd/';
  folder(path);
  put(`${path}deep.jpg`);
  const { taken, leftOut } = await found();
  expect(taken).toEqual([]);
  expect(Object.values(leftOut)).toEqual(['too-deep']);
});

it('reads a large folder a few at a time', async () => {
  for (let index = 0; index < 500; index++) put(`${index}.jpg`);
  const { taken, largestBatch } = await found();
  expect(new Set(taken).size).toBe(500);
  expect(largestBatch).toBeLessThanOrEqual(32);
});

it('says what it could not read, and leaves no handle open', async () => {
  const before = (await readdir('/proc/self/fd')).length;
  folder('closed');
  put('a.jpg');
  const root = await ForeignFolder.open(dir);
  await rm(join(dir, 'closed'), { recursive: true });
  await expect(root.folder(Buffer.from('closed'))).rejects.toMatchObject({ code: 'ENOENT' });
  const facts = await root.facts(Buffer.from('a.jpg'));
  put('a.jpg', 'changed');
  await expect(root.file(Buffer.from('a.jpg'), facts)).rejects.toMatchObject({ code: 'conflict' });
  await root.close();
  expect((await readdir('/proc/self/fd')).length).toBe(before);
});
