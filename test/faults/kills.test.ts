/** Kills: the daemon ends without a word, at any moment and while it starts; the same checks as after a power cut. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rounds, suiteSeed } from '../support/counts.ts';
import { crashRounds } from '../support/crash-rounds.ts';

describe('kills', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njk-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  it('loses nothing that was acknowledged', async () => {
    const seed = suiteSeed('kills');
    const failures = await crashRounds({ suite: 'kills', dir, seed, rounds: rounds(8, 200), loop: false });
    expect(failures).toEqual([]);
  });

  it('also when it is killed again and again while it starts', async () => {
    const seed = suiteSeed('kills at start');
    const failures = await crashRounds({
      suite: 'kills at start',
      dir,
      seed,
      rounds: rounds(4, 50),
      loop: false,
      crashAtStart: 1,
    });
    expect(failures).toEqual([]);
  });
});
