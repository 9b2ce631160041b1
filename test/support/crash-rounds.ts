/** Round after round: phones send, people pair, the box crashes, starts again, and is checked. For any kind of crash. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { say } from './counts.ts';
import { FaultBox } from './fault-box.ts';
import { Random } from './random.ts';
import { recordResult } from './results.ts';

/** After so many rounds a new box takes over, so that disks do not fill up. */
const roundsPerBox = 20;
const failuresMax = 20;
const warmUpMsMax = 5_000;

export type CrashRounds = Readonly<{
  suite: string;
  dir: string;
  seed: number;
  rounds: number;
  loop: boolean;
  /** Probability of a second crash while the box starts again. */
  crashAtStart?: number;
}>;

/** Returns what was lost or does not fit, a sentence each. Stops early when there is too much of it. */
export async function crashRounds(it: CrashRounds): Promise<string[]> {
  const random = new Random(it.seed);
  const failures: string[] = [];
  const acknowledged = { files: 0, offsets: 0, pairings: 0 };
  let done = 0;
  for (let boxes = 0; done < it.rounds && failures.length < failuresMax; boxes++) {
    const box = await FaultBox.make({ dir: join(it.dir, `b${boxes}`), random: random.fork(), loop: it.loop });
    try {
      await box.setUp();
      await box.pairPhones();
      const last = Math.min(it.rounds, done + roundsPerBox);
      for (; done < last && failures.length < failuresMax; done++) {
        const wrong = await oneRound(box, random, it.crashAtStart ?? 0.2, done + 1 === last);
        failures.push(...wrong.map((what) => `round ${done + 1}: ${what}`));
        if (wrong.length > 0)
          say(`${it.suite}, round ${done + 1}:\n  ${wrong.slice(0, 10).join('\n  ')}\n${tail(box.log)}`);
      }
      const { files, offsets, pairings } = box.acknowledged;
      acknowledged.files += files;
      acknowledged.offsets += offsets;
      acknowledged.pairings += pairings;
    } catch (error) {
      say(tail(box.log));
      throw error;
    } finally {
      await box.remove();
    }
  }
  const told = `${acknowledged.files} files and ${acknowledged.pairings} pairings`;
  await recordResult({ suite: it.suite, seed: it.seed, rounds: done, failures: failures.length, told });
  return failures;
}

async function oneRound(box: FaultBox, random: Random, crashAtStart: number, last: boolean): Promise<string[]> {
  // A process that has just started is slow; it is to crash in the middle of work.
  const warmUp = random.chance(0.8);
  const afterMs = random.whole(0, 600);
  // Half of the crashes come with an acknowledgement: then that promise is as young as it can be.
  const atAcknowledgement = random.chance(0.5);
  await box.runUntilCrash(async (acknowledged) => {
    if (warmUp) await atMost(warmUpMsMax, acknowledged());
    await pause(afterMs);
    if (atAcknowledgement) await atMost(2_000, acknowledged());
  });
  if (random.chance(crashAtStart)) await box.startAndCrash(random.whole(150, 900));
  await box.start();
  const wrong = await box.whatIsWrong({ everything: last });
  if (!last || wrong.length > 0) return wrong;
  await box.finishAll();
  return await box.whatIsWrong({ everything: false });
}

async function atMost(ms: number, wait: Promise<void>): Promise<void> {
  await Promise.race([wait, pause(ms)]);
}

function tail(log: string): string {
  return log.split('\n').slice(-30).join('\n');
}
