/**
 * The plug of the emulated box is pulled (QEMU is killed) while it takes pictures in, is updated, changes slots, starts for
 * the first time or formats a disk: it always starts again, from one of its slots, and nothing that was acknowledged is lost.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';
import { builtBundle } from './support/bundles.ts';
import { Cuts, moments } from './support/cuts.ts';
import { imageMissing, World } from './support/world.ts';

const suite = 'image: power cuts';
const missing = await imageMissing();
if (missing !== undefined) say(`power cuts of the image cannot be tested here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('the image, when the plug is pulled', () => {
  let world: World;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Power cuts cannot be tested here: ${missing}`);
    world = await World.make();
    await world.setUp();
  });
  afterAll(async () => await world?.[Symbol.asyncDispose]());

  it('starts again from a slot, with everything that it acknowledged', async () => {
    world.tellWhenFailed();
    const seed = suiteSeed(suite);
    const random = new Random(seed);
    const bundle = await builtBundle();
    const cuts = new Cuts(world, random.fork(), bundle);
    // Each as often as the others, and another one first with each seed.
    const first = random.whole(0, moments.length - 1);
    const count = rounds(2, 30);
    const wrong: string[] = [];
    for (let done = 0; done < count && wrong.length === 0; done++) {
      const moment = moments[(first + done) % moments.length] ?? 'upload';
      say(`${suite}: round ${done + 1} of ${count}, ${moment}`);
      wrong.push(...(await cuts.round(moment)).map((what) => `round ${done + 1}, ${moment}: ${what}`));
    }
    await world.box.kill();
    const told = `${cuts.acknowledged} pictures`;
    await recordResult({ suite, seed, rounds: count, failures: wrong.length, told });
    expect(wrong).toEqual([]);
  });
});
