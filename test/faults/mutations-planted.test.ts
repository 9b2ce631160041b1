/** The suite of mutated requests is itself put to the test: with one line of the source broken, it has to fail. */
import { beforeAll, describe, expect, it } from 'vitest';
import { say, soak, suiteSeed, treeDir } from '../support/counts.ts';
import { type Bug, PlantedTree } from '../support/planted-tree.ts';
import { recordTests } from '../support/results.ts';

const requests = 600;

const folder = 'src/uploads';
const bugs: readonly Bug[] = [
  {
    name: 'bytes are taken at any offset',
    folder,
    right: /if \(!again && offset !== [^)\n]+\)/,
    wrong: 'if (!again && offset < 0)',
  },
  {
    name: 'more bytes are taken than were announced',
    folder,
    right: /if \([^)\n]*chunk\.length > this\.#options\.bytesMax\)/,
    wrong: 'if (chunk.length > Number.MAX_SAFE_INTEGER)',
  },
  {
    name: 'names may lead up',
    folder: 'src/library',
    right: /if \(segment === '\.' \|\| segment === '\.\.'\)/,
    wrong: "if (segment === '\\u0001')",
  },
  {
    name: 'an upload is for every phone',
    folder,
    right: /if \([^;\n]*phone_id\) !== phoneId\)/,
    wrong: "if (phoneId === '')",
  },
  {
    name: 'a checksum is not compared',
    folder,
    right: /if \(actual\.toString\('hex'\) === [^\n]+ continue;/,
    wrong: 'continue;',
  },
  {
    name: 'an ended upload leaves its bytes',
    folder,
    right: /await unlink\(this\.#path(\(\))?\)\.catch\(/,
    wrong: 'await Promise.resolve().catch(',
  },
];

// In a tree that is broken already, this would only show that.
describe.skipIf(treeDir !== undefined)('the suite of mutated requests', () => {
  // Another one each day, so that a sample comes round to all of them.
  const today = Math.floor(Date.now() / 86_400_000) % bugs.length;
  const chosen = soak ? bugs : bugs.filter((_bug, index) => index === today);

  let seed = 0;
  let caught = 0;
  beforeAll(() => {
    seed = suiteSeed('planted bugs');
  });
  recordTests('mutated requests, planted bugs', { seed: () => seed, told: () => `${caught} bugs caught` });

  it.each(chosen)('fails when $name', async (bug) => {
    await using tree = await PlantedTree.make(bug);
    const { failed, said } = await tree.run('test/faults/mutations.test.ts', { seed, rounds: requests });
    expect(failed, said.slice(-4_000)).toBe(true);
    // By a promise that was broken, and not because the suite could not run.
    const why = /Broken promise: .*|AssertionError.*: .*/.exec(said)?.[0];
    expect(said).toMatch(/mutated requests: \d+ rounds, 1 failures|leave the catalogue equal/);
    say(`planted: ${bug.name}: ${why?.slice(0, 160)}`);
    caught++;
  });
});
