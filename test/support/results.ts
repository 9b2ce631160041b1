/**
 * Keeps the last results of the full counts in test/faults/RESULTS.md: one row for each suite, replaced by its next
 * full run. Samples leave no trace.
 */
import { readFile, rename, statfs, writeFile } from 'node:fs/promises';
import { cpus, release, tmpdir } from 'node:os';
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
  seed: number;
  rounds: number;
  failures: number;
  /** What the failures could have been about, in words. */
  told: string;
}>;

/** Prints the result, and in soak mode keeps it. */
export async function recordResult(result: SuiteResult): Promise<void> {
  const { suite, seed, rounds, failures, told } = result;
  say(`${suite}: ${rounds} rounds, ${failures} failures, seed ${seed}; ${told}`);
  if (!soak) return;
  const row = `| ${[suite, new Date().toISOString().slice(0, 10), seed, rounds, failures, told, await machine()].join(' | ')} |`;
  const text = await readFile(resultsPath, 'utf8').catch(() => head);
  const rows = text.split('\n').filter((line) => /^\| (?!Suite |--- )/.test(line) && !line.startsWith(`| ${suite} |`));
  const temporary = `${resultsPath}.new`;
  await writeFile(temporary, `${head}${[...rows, row].sort().join('\n')}\n`);
  await rename(temporary, resultsPath);
}

async function machine(): Promise<string> {
  const { type } = await statfs(tmpdir());
  return `${cpus().length} cores, Linux ${release().split('-')[0]}, ${filesystems.get(type) ?? 'other'} beneath, Node ${process.versions.node}`;
}
