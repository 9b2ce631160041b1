/** The suite of tus-js-client is itself put to the test: a success that is reported too early has to fail it. */
import { describe, expect, it } from 'vitest';
import { maySkip, treeDir } from '../support/counts.ts';
import { PlantedTree } from '../support/planted-tree.ts';
import { recordTests } from '../support/results.ts';
import { whyNoFaults } from '../support/syscall-faults.ts';

describe.skipIf(treeDir !== undefined || (whyNoFaults() !== undefined && maySkip))('the suite of tus-js-client', () => {
  recordTests('tus-js-client, planted bug', { told: () => 'an early success is caught' });

  it('fails when the full length is said before the file is published', async () => {
    await using tree = await PlantedTree.make({
      name: 'an early length',
      folder: 'src/uploads',
      right: /Math\.max\(0, Math\.min\(([^,\n]+), this\.#length - 1\)\)/,
      wrong: '$1',
    });
    const it = { seed: 1, rounds: 1, only: 'can be made to fail here|link ENOSPC' };
    const { failed, said } = await tree.run('test/faults/tus-client.test.ts', it);
    expect(failed, said.slice(-4_000)).toBe(true);
    expect(said).toContain('success was reported early');
  });
});
