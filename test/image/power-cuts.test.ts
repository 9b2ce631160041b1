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

/** From so many rounds on, two boxes of one core each, for one of two cores leaves half of them idle. */
const roundsOfOne = 8;

describe.skipIf(missing !== undefined && maySkip)('the image, when the plug is pulled', () => {
  const worlds: World[] = [];
  const count = rounds(2, 30);
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Power cuts cannot be tested here: ${missing}`);
    const boxes = count > roundsOfOne ? 2 : 1;
    for (let n = 0; n < boxes; n++) {
      const world = await World.make();
      world.box.cores = 2 / boxes;
      worlds.push(world);
    }
    await Promise.all(worlds.map((world) => world.setUp()));
  });
  afterAll(async () => {
    for (const world of worlds) await world[Symbol.asyncDispose]();
  });

  it('starts again from a slot, with everything that it acknowledged', async () => {
    const seed = suiteSeed(suite);
    const random = new Random(seed);
    const bundle = await builtBundle();
    // Each moment as often as the others, and another one first with each seed.
    const first = random.whole(0, moments.length - 1);
    const wrong: string[] = [];
    const lanes = worlds.map((world) => ({ world, cuts: new Cuts(world, random.fork(), bundle) }));
    const done = () => lanes.reduce((sum, { cuts }) => sum + cuts.cuts, 0);
    let begun = 0;
    const goOn = async ({ world, cuts }: (typeof lanes)[number]) => {
      while (done() < count && wrong.length === 0) {
        const moment = moments[(first + begun++) % moments.length] ?? 'upload';
        const round = `round ${begun}, ${moment}`;
        say(`${suite}: ${round}, after ${done()} of ${count} cuts`);
        const found = await cuts.round(moment).catch((error: Error) => [String(error.stack)]);
        wrong.push(...found.map((what) => `${round}: ${what}`));
        if (found.length > 0) say(`${found.join('\n')}\n${await world.box.tail()}`);
      }
      await world.box.kill();
    };
    await Promise.all(lanes.map(goOn));
    const pictures = lanes.reduce((sum, { cuts }) => sum + cuts.acknowledged, 0);
    const told = `${pictures} pictures, in ${begun} rounds`;
    await recordResult({ suite, seed, rounds: done(), failures: wrong.length, told });
    expect(wrong).toEqual([]);
  });
});
