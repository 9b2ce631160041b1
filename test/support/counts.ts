/** How much of a fault suite runs, and from which seed: the only place where tests read that from the environment. */
import { randomInt } from 'node:crypto';

/** `make soak` sets it: the full counts instead of a sample. */
export const soak = process.env['NIGHTJAR_SOAK'] === '1';

/** In continuous integration a fault test that cannot run has failed. */
export const maySkip = process.env['CI'] !== 'true';

/** `sample` in `make test`, `full` in `make soak`; NIGHTJAR_ROUNDS overrides both. */
export function rounds(sample: number, full: number): number {
  const forced = Number(process.env['NIGHTJAR_ROUNDS'] ?? 0);
  if (Number.isInteger(forced) && forced > 0) return forced;
  return soak ? full : sample;
}

/** NIGHTJAR_SEED, or a new one. Always printed, so that a failure can be run again. */
export function suiteSeed(suite: string): number {
  const given = Number(process.env['NIGHTJAR_SEED'] ?? Number.NaN);
  const seed = Number.isInteger(given) ? given : randomInt(2 ** 31);
  say(`${suite}: NIGHTJAR_SEED=${seed}`);
  return seed;
}

/** The tree whose daemon runs: a copy with a planted bug, to see that a suite catches it. */
export const treeDir: string | undefined = process.env['NIGHTJAR_FAULT_TREE'] || undefined;

/** One line on the terminal, whatever the reporter does. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
