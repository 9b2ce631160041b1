import { mkdtempSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestBox } from '../../test/support/open-library.ts';

let parent: string;
let box: TestBox;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'nightjar-library-'));
  box = await TestBox.make(parent);
});
afterEach(async () => {
  await box.remove();
  rmSync(parent, { recursive: true, force: true });
});

test('a disk that is there and fails when it is used is remembered, each time that it does', async () => {
  const failure = Object.assign(new Error('i/o error'), { code: 'EIO' });
  for (const times of [1, 2]) {
    box.clock += 1_000;
    const open = box.library.current();
    await Promise.all([box.library.failed(open, failure), box.library.failed(open, failure)]);
    // Once an opening, however many operations met it.
    expect(box.library.breaks).toHaveLength(times);
    await expect.poll(() => box.library.state === 'ok' && box.library.current() !== open).toBe(true);
    expect(box.library.problem).toBeUndefined();
  }
  expect(box.library.breaks).toEqual([box.clock - 1_000, box.clock]);
});

test('a disk that is gone has not failed: why the library is closed can be asked until it is back', async () => {
  await rename(box.disk, `${box.disk}.away`);
  await expect.poll(() => box.library.state).toBe('missing');
  expect([box.library.problem?.code, box.library.problem?.cause]).toEqual(['disk-missing', undefined]);
  await rename(`${box.disk}.away`, box.disk);
  await expect.poll(() => box.library.state).toBe('ok');
  expect([box.library.problem, box.library.breaks]).toEqual([undefined, []]);
});
