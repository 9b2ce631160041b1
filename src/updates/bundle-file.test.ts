import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BundleFile } from './bundle-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nightjar-bundle-'));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

const spareBytes = 64 * 1024 ** 2;
const receive = (bundle: BundleFile, text: string) =>
  bundle.receive({ stream: one(Buffer.from(text)), lengthBytes: text.length, by: 'upload' });
async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

it('keeps the earlier bundle where there is no room for the next, and counts it as room', async () => {
  let freeBytes = Number.MAX_SAFE_INTEGER;
  const bundle = new BundleFile({ folder, freeBytes: async () => freeBytes });
  await receive(bundle, 'the earlier one');
  freeBytes = spareBytes;
  await expect(receive(bundle, 'one byte larger!')).rejects.toMatchObject({ code: 'disk-full' });
  expect(await readFile(bundle.path, 'utf8')).toBe('the earlier one');
  await receive(bundle, 'the one like it');
  expect(await readFile(bundle.path, 'utf8')).toBe('the one like it');
});
