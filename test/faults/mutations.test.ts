/**
 * Thousands of requests with something wrong in them, to every upload verb and to the other routes of phones: none is
 * answered with an error of the box, none leaves a file outside the library, and what was acknowledged stays true.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { rounds, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon, type PairedPhone } from '../support/daemon.ts';
import { recordResult } from '../support/results.ts';
import { describeStep, mutatedStep, type Step, validStep } from './mutations-steps.ts';
import { World } from './mutations-world.ts';

const mutatedPerRun = 30;
const validPerRun = 14;
const anonymousMiBMax = 256;

describe('mutated requests', () => {
  let dir = '';
  let daemon: Daemon;
  let check: CatalogueCheck;
  let world: World;
  let phones: PairedPhone[] = [];
  let around: string[] = [];
  let anonymousMiB = 0;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njm-'));
    // V8 takes what the machine has; with a limit, memory that is never let go ends the daemon.
    const env = { NODE_OPTIONS: '--max-old-space-size=96' };
    daemon = await Daemon.start({ dir, env, ...(treeDir === undefined ? {} : { treeDir }) });
    await daemon.setUp();
    await daemon.addPerson('Bob');
    const own = await daemon.pair('Alice', 'Pixel');
    const otherPhone = await daemon.pair('Alice', 'Tablet');
    const otherPerson = await daemon.pair('Bob', 'iPhone');
    phones = [own, otherPhone, otherPerson];
    world = new World(daemon, { own, otherPhone, otherPerson });
    check = new CatalogueCheck(daemon.diskDir);
    around = await outsideOfLibrary();
  });
  afterAll(async () => {
    await daemon?.kill();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  /** Every name in and beside the box's folders, but what the library itself is made of. */
  const outsideOfLibrary = async () => {
    const entries = await readdir(dir, { recursive: true });
    const library =
      /^disk\/((Photos|Files)(\/(Alice|Bob)(\/|$)|$)|\.nightjar\/(incoming\/[0-9a-f]{32}$|library\.sqlite-))/;
    return entries.filter((name) => !library.test(name) && !/\.sqlite-(wal|shm)$/.test(name)).sort();
  };

  const inspect = async () => {
    expect(daemon.running, daemon.log).toBe(true);
    expect(await daemon.health()).toMatchObject({ status: 'ok', disk: 'ok' });
    const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8');
    anonymousMiB = Math.max(anonymousMiB, Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
    expect(anonymousMiB).toBeLessThan(anonymousMiBMax);
    expect(await outsideOfLibrary()).toEqual(around);
    expect(daemon.log).not.toMatch(/"level":"(error|fatal)"/);
    for (const { token } of phones) {
      const told = JSON.parse((await daemon.ask('GET', '/api/phone/status', { token })).body.toString());
      expect(told.safe + told.waiting + told.refused).toBe(told.seen);
    }
  };

  it('break no promise', async () => {
    const seed = suiteSeed('mutations');
    const requests = rounds(300, 10_000);
    const runs = Math.ceil(requests / mutatedPerRun);
    const mutated = fc.array(mutatedStep, { minLength: mutatedPerRun, maxLength: mutatedPerRun });
    const valid = fc.array(validStep, { minLength: validPerRun, maxLength: validPerRun });
    let done = 0;
    const property = fc.asyncProperty(mutated, valid, async (strange, right) => {
      const steps = interleaved(strange, right);
      for (const [index, { step, isRight }] of steps.entries()) {
        await world.step(step, isRight).catch((error: unknown) => {
          const before = steps.slice(Math.max(0, index - 5), index + 1).map((one) => describeStep(one.step));
          throw new Error(`${error instanceof Error ? error.message : error}\nafter\n${before.join('\n')}`);
        });
      }
      done += strange.length;
      expect(await world.end()).toEqual([]);
      await inspect();
      await check.quiet();
      expect(await othersLeft(check)).toEqual([]);
    });
    const failed = await fc.check(property, { seed, numRuns: runs, endOnFailure: true });
    const answers = [...world.statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
    await recordResult({
      suite: 'mutated requests',
      seed,
      rounds: done,
      failures: failed.failed ? 1 : 0,
      told: `at most ${Math.round(anonymousMiB)} MiB anonymous; answers ${answers.join(', ')}`,
    });
    expect(failed.failed, failed.errorInstance instanceof Error ? failed.errorInstance.message : undefined).toBe(false);
  });

  it('leave the catalogue equal to the disk, after a restart too', async () => {
    expect(await othersLeft(check, true)).toEqual([]);
    await daemon.restart();
    await check.quiet();
    expect(await othersLeft(check, true)).toEqual([]);
    expect(await outsideOfLibrary()).toEqual(around);
    for (const path of await check.filesInView()) expect(path).toMatch(/^(Photos|Files)\/(Alice|Bob)\/./);
  });
});

async function othersLeft(check: CatalogueCheck, everything = false): Promise<string[]> {
  return await check.whatIsWrong({ everything });
}

/** Two right ones first, so that there is something to break; then about two strange ones for each right one. */
function interleaved(strange: readonly Step[], right: readonly Step[]): Array<{ step: Step; isRight: boolean }> {
  const all: Array<{ step: Step; isRight: boolean }> = [];
  const rest = [...right];
  for (const [index, step] of strange.entries()) {
    const due = index === 0 ? 2 : index % 5 < 2 ? 1 : 0;
    for (const one of rest.splice(0, due)) all.push({ step: one, isRight: true });
    all.push({ step, isRight: false });
  }
  return all;
}
