import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderMaker, publish, publishByClaim, replaceFileDurably, writeAll } from './durable-files.ts';

describe('durable files', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nightjar-files-'));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });
  const at = (name: string) => join(dir, name);

  // The second is what a filesystem without links (exFAT) gets.
  it.each([
    ['by a link', publish],
    ['by a claim', publishByClaim],
  ])('publishes %s without overwriting', async (_how, put) => {
    await writeFile(at('source'), 'new');
    await writeFile(at('there'), 'old');
    expect(await put(at('source'), at('there'))).toBe('taken');
    expect(await readFile(at('there'), 'utf8')).toBe('old');
    await symlink(at('nowhere'), at('dangling'));
    expect(await put(at('source'), at('dangling'))).toBe('taken');
    expect(await put(at('source'), at('free'))).toBe('published');
    expect(await readFile(at('free'), 'utf8')).toBe('new');
    await expect(put(at('gone'), at('other'))).rejects.toThrow('ENOENT');
  });

  it('publishes again what it published before, and nothing else', async () => {
    await writeFile(at('source'), 'bytes');
    await link(at('source'), at('name'));
    expect(await publish(at('source'), at('name'))).toBe('published');
    await writeFile(at('same-bytes'), 'bytes');
    expect(await publish(at('same-bytes'), at('name'))).toBe('taken');
  });

  it('writes all of many buffers, in order, at their place', async () => {
    const { open } = await import('node:fs/promises');
    await using file = await open(at('file'), 'w+');
    const buffers = Array.from({ length: 3_000 }, (_, index) => Buffer.alloc(index % 7, index));
    expect(await writeAll(file, buffers, 5)).toBe(Buffer.concat(buffers).length);
    expect((await readFile(at('file'))).subarray(5)).toEqual(Buffer.concat(buffers));
  });

  it('replaces a small file whole, also over what an interrupted one left', async () => {
    await writeFile(at('file.new'), 'half of a li');
    await replaceFileDurably(at('file'), 'one');
    await replaceFileDurably(at('file'), 'two');
    expect(await readFile(at('file'), 'utf8')).toBe('two');
    expect((await stat(at('file'))).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['file']);
  });

  it('makes folders, also at the same moment, and walks through nothing else', async () => {
    const folders = new FolderMaker((relative) => join(dir, relative));
    await Promise.all(['a/b/c', 'a/b/d', 'a/b/c'].map((relative) => folders.make(relative)));
    expect(await readdir(at('a/b'))).toEqual(['c', 'd']);
    await mkdir(at('elsewhere'));
    await symlink(at('elsewhere'), at('link'));
    await expect(folders.make('link/x')).rejects.toMatchObject({ code: 'folder-blocked' });
    await writeFile(at('file'), '');
    await expect(folders.make('file')).rejects.toMatchObject({ code: 'folder-blocked' });
    expect(await readdir(at('elsewhere'))).toEqual([]);
  });
});
