/** The suites of disks are themselves put to the test: with one line of the source broken, they have to fail. */
import { describe, expect, it } from 'vitest';
import { say, soak, treeDir } from '../support/counts.ts';
import { type Bug, PlantedTree } from '../support/planted-tree.ts';
import { recordTests } from '../support/results.ts';

type Planted = Bug & Readonly<{ suite: string; only: string; says: RegExp }>;

const bugs: readonly Planted[] = [
  {
    name: 'an original that rotted is taken for right',
    folder: 'src/copies',
    right: /return read\.sha256\.equals\(row\.sha256\) \? 'right' : 'other-bytes';/,
    wrong: "return 'right';",
    ...{ suite: 'mirrors', only: 'is all found, and healed', says: /AssertionError/ },
  },
  {
    name: 'a marker may be of any size and kind',
    folder: 'src/disks',
    right: /if \(!facts\.isFile\(\) \|\| facts\.size > markerBytesMax\) throw foreign\(path\);/,
    wrong: '',
    ...{ suite: 'hostile-disks', only: 'crafted marker', says: /AssertionError|The daemon ended/ },
  },
  {
    name: 'links of a foreign folder are files',
    folder: 'src/imports',
    right: /is: entry\.isFile\(\) \? 'file' : entry\.isDirectory\(\)/,
    wrong: "is: entry.isFile() || entry.isSymbolicLink() ? 'file' : entry.isDirectory()",
    ...{ suite: 'hostile-disks', only: 'hostile names', says: /AssertionError/ },
  },
];

describe.skipIf(treeDir !== undefined)('the suites of disks', () => {
  // Another one each day, so that a sample comes round to all of them.
  const today = Math.floor(Date.now() / 86_400_000) % bugs.length;
  const chosen = soak ? bugs : bugs.filter((_bug, index) => index === today);
  let caught = 0;
  recordTests('disks, planted bugs', { told: () => `${caught} bugs caught` });

  it.each(chosen)('fail when $name', async (bug) => {
    await using tree = await PlantedTree.make(bug);
    const it = { seed: 1, rounds: 6, only: bug.only };
    const { failed, said } = await tree.run(`test/faults/${bug.suite}.test.ts`, it);
    expect(failed, said.slice(-4_000)).toBe(true);
    expect(said).toMatch(bug.says);
    say(`planted: ${bug.name}: ${/AssertionError.*: .*/.exec(said)?.[0]?.slice(0, 160)}`);
    caught++;
  });
});
