/**
 * The daemon is killed in the middle of an import, and the other disk is pulled: what was said to be imported is there,
 * the import goes on by itself, and nothing comes twice.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ImportView } from '../../src/imports/contract.ts';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';

/** So many that it is not over before it is killed. */
const photos = 600;
let dir: string;
let daemon: Daemon;
const wanted = new Set<string>();
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nji-'));
  await mkdir(join(dir, 'card/DCIM'), { recursive: true });
  for (let seed = 0; seed < photos; seed++) {
    const bytes = exifJpeg({ seed, bytes: 20_000, takenLocal: '2025-06-01T10:00:00' });
    await writeFile(join(dir, `card/DCIM/IMG_${seed}.JPG`), bytes);
    wanted.add(sha256(bytes));
  }
  daemon = await Daemon.start({ dir, ...treeOf() });
  await daemon.setUp();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A copy of the program with a bug planted in it. */
function treeOf(): { treeDir?: string } {
  const treeDir = process.env['NIGHTJAR_FAULT_TREE'];
  return treeDir === undefined ? {} : { treeDir };
}
function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
async function view(id: string): Promise<ImportView> {
  return (await daemon.console('GET', `/api/imports/${id}`)) as ImportView;
}
async function inLibrary(): Promise<string[]> {
  const folder = join(daemon.diskDir, 'Photos');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.JPG'));
  return await Promise.all(files.map(async (one) => sha256(await readFile(join(one.parentPath, one.name)))));
}

it('goes on after a kill and after its disk was away, and what it reported is there', {
  timeout: 120_000,
}, async () => {
  const asked = { source: 'folder', folder: join(dir, 'card'), person: 'Alice' };
  const { id } = (await daemon.console('POST', '/api/imports', asked)) as ImportView;
  const imported = async () => (await view(id)).report.imported.photo.files;
  await expect.poll(imported, { timeout: 30_000, interval: 5 }).toBeGreaterThan(10);
  const said = await imported();
  await daemon.kill();
  expect(said, 'killed too late to show anything').toBeLessThan(photos);
  const there = await inLibrary();
  expect(there.length).toBeGreaterThanOrEqual(said);
  expect(there.every((one) => wanted.has(one))).toBe(true);

  await rename(join(dir, 'card'), join(dir, 'pulled'));
  // What is left where a disk was mounted.
  await mkdir(join(dir, 'card'));
  await daemon.restart();
  // It waits also until the library is open; then it has no reason yet.
  const standing = async () => await view(id);
  await expect.poll(standing, { timeout: 30_000 }).toMatchObject({ state: 'waiting', reason: 'not-found' });
  await rmdir(join(dir, 'card'));
  await rename(join(dir, 'pulled'), join(dir, 'card'));
  await expect.poll(async () => (await view(id)).state, { timeout: 60_000 }).toBe('done');

  const { report } = await view(id);
  expect(report.imported.photo.files + report.had.photo.files).toBe(photos);
  expect(report.imported.photo.files).toBe(photos);
  expect(report.leftOut).toEqual({});
  expect((await inLibrary()).sort()).toEqual([...wanted].sort());
  expect(await readdir(join(daemon.diskDir, '.nightjar/incoming'))).toEqual([]);
});
