/**
 * Keeps the last results of the full counts in test/faults/RESULTS.md: one row for each suite, replaced by its next
 * full run. Samples leave no trace.
 */
import { readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
import { afterAll, afterEach } from 'vitest';
import { say, soak } from './counts.ts';

const resultsPath = new URL('../faults/RESULTS.md', import.meta.url).pathname;
const head = `# Results of the fault suites

The last full run of each suite (\`make soak\`); written by the suites themselves.

| Suite | Date | Seed | Rounds | Failures | What was acknowledged | Machine |
| --- | --- | --- | --- | --- | --- | --- |
`;
const filesystems = new Map([
  [0xef53, 'ext4'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
]);

export type SuiteResult = Readonly<{
  suite: string;
  /** Undefined where nothing is left to chance. */
  seed: number | undefined;
  rounds: number;
  failures: number;
  /** What the failures could have been about, in words. */
  told: string;
}>;

/** Prints the result, and in soak mode keeps it. */
export async function recordResult(result: SuiteResult): Promise<void> {
  const { suite, rounds, failures, told } = result;
  const seed = result.seed ?? 'none';
  say(`${suite}: ${rounds} rounds, ${failures} failures, seed ${seed}; ${told}`);
  if (!soak) return;
  const row = `| ${[suite, new Date().toISOString().slice(0, 10), seed, rounds, failures, told, await machine()].join(' | ')} |`;
  const text = await readFile(resultsPath, 'utf8').catch(() => head);
  const rows = text.split('\n').filter((line) => /^\| (?!Suite |--- )/.test(line) && !line.startsWith(`| ${suite} |`));
  const temporary = `${resultsPath}.new`;
  await writeFile(temporary, `${head}${[...rows, row].sort().join('\n')}\n`);
  await rename(temporary, resultsPath);
}

/** For a suite of cases instead of rounds: called in its `describe`, counts its tests and records them at its end. */
export function recordTests(suite: string, about: { seed?: () => number; told: () => string }): void {
  let tests = 0;
  let failures = 0;
  afterEach(({ task }) => {
    tests++;
    if (task.result?.state === 'fail') failures++;
  });
  afterAll(async () => {
    // Without one test, what comes before the tests has failed.
    const failed = tests === 0 ? 1 : failures;
    await recordResult({ suite, seed: about.seed?.(), rounds: tests, failures: failed, told: about.told() });
  });
}

async function machine(): Promise<string> {
  const { type } = await statfs(tmpdir());
  return `${cpus().length} cores, Linux ${release().split('-')[0]}, ${filesystems.get(type) ?? 'other'} beneath, Node ${process.versions.node}`;
}
