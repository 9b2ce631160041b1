/** Programs that have to succeed. */
import { lastWords } from '../disk-helper/text.mts';
import type { Machine, Program } from './machine.mts';
import { Refused } from './request.mts';

/** What it printed. @throws {Refused} `failed` with its last words */
export async function must(
  machine: Machine,
  program: Program,
  args: readonly string[],
  timeoutMs: number,
  input?: string,
): Promise<string> {
  const { status, out, err } = await machine.run(program, args, timeoutMs, input);
  if (status === 0) return out;
  throw new Refused('failed', `${program} failed: ${lastWords(err || out, 200)}`);
}
