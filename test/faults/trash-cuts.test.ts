/**
 * The trash under power cuts and kills: photos are deleted, brought back and deleted for good while the box dies.
 * Nothing goes that nobody asked to go, what was answered holds, and the catalogue equals the disk.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import { loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';
import { TrashBox } from '../support/trash-box.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`power cuts cannot be tested here: ${missing}`);
const roundsPerBox = 20;
const failuresMax = 10;

describe('the trash', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njtr-'));
  });
  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it.skipIf(missing !== undefined && maySkip)('keeps its word through power cuts', async () => {
    if (missing !== undefined) throw new Error(`Power cuts cannot be tested here: ${missing}`);
    expect(await trashRounds('trash, power cuts', { rounds: rounds(5, 100), loop: true })).toEqual([]);
  });

  it('keeps its word through kills', async () => {
    expect(await trashRounds('trash, kills', { rounds: rounds(3, 100), loop: false })).toEqual([]);
  });

  async function trashRounds(suite: string, it_: { rounds: number; loop: boolean }): Promise<string[]> {
    const seed = suiteSeed(suite);
    const random = new Random(seed);
    const failures: string[] = [];
    let answered = 0;
    let done = 0;
    for (let boxes = 0; done < it_.rounds && failures.length < failuresMax; boxes++) {
      const box = await TrashBox.make({ dir: join(dir, `${suite.at(-4)}${boxes}`), random, loop: it_.loop });
      try {
        const last = Math.min(it_.rounds, done + roundsPerBox);
        for (; done < last && failures.length < failuresMax; done++) {
          await box.runUntilCrash(random.whole(20, 700));
          if (random.chance(0.3)) await box.startAndCrash(random.whole(150, 900));
          await box.start();
          const wrong = await box.whatIsWrong(done + 1 === last);
          failures.push(...wrong.map((what) => `round ${done + 1}: ${what}`));
          if (wrong.length > 0) say(`${suite}, round ${done + 1}:\n  ${wrong.slice(0, 10).join('\n  ')}`);
        }
        answered += box.answered;
      } catch (error) {
        say(box.daemon.log.split('\n').slice(-30).join('\n'));
        throw error;
      } finally {
        await box.remove();
      }
    }
    const told = `${answered} answers of the trash`;
    await recordResult({ suite, seed, rounds: done, failures: failures.length, told });
    return failures;
  }
});
