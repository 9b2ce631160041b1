/**
 * Updates of the image on an emulated Pi: a good one is tried and kept; what was not signed by the builder, is of another
 * board, or is not whole is refused; what starts and never serves is left again, without a person.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say } from '../support/counts.ts';
import { Bundles, builtBundle } from './support/bundles.ts';
import { imageMissing, World } from './support/world.ts';

const missing = (await imageMissing()) ?? ((await builtBundle()) === undefined ? 'dist has no bundle' : undefined);
if (missing !== undefined) say(`updates of the image cannot be tested here: ${missing}`);

describe.skipIf(missing !== undefined && maySkip)('updates of the image', () => {
  let world: World;
  let bundles: Bundles;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Updates cannot be tested here: ${missing}`);
    world = await World.make();
    bundles = await Bundles.from((await builtBundle()) ?? '', join(world.dir, 'bundles'));
    await world.setUp();
    await world.stick('NJSTICK', [bundles.good, await bundles.thatNeverServes()]);
    await world.takePictures(5);
    expect(await world.backUp()).toMatchObject({ exitCode: 0, last: { safe: 5 } });
  });
  afterAll(async () => await world?.[Symbol.asyncDispose]());

  const view = () => world.updates();
  const upload = async (path: string) => {
    await world.owner.confirm();
    const sent = await world.owner.ask('PUT', '/api/updates/bundle', await readFile(path));
    // What is no bundle at all may be told so at once.
    if (sent.status !== 201) return { result: 'not-received', reason: JSON.parse(sent.text).code as string };
    const before = (await view()).outcome?.at ?? 0;
    await world.owner.must(202, 'POST', '/api/updates/install', { from: { kind: 'upload' } });
    await expect.poll(async () => ((await view()).outcome?.at ?? 0) > before, { timeout: 900_000 }).toBe(true);
    return (await view()).outcome;
  };
  /** Restarts into what was installed, and waits until the box has settled; as often as it starts meanwhile. */
  const restartInto = async (boots: number) => {
    const { owner, box } = world;
    const count = box.boots.length;
    await owner.confirm();
    await owner.must(202, 'POST', '/api/updates/restart');
    await box.booted(count + boots, 1_800_000);
    await box.serves();
    await owner.signIn();
    await expect.poll(async () => (await view()).activity, { timeout: 900_000 }).toBe(null);
    return box.boots.slice(count).map(({ partition, tryBoot }) => ({ partition, tryBoot }));
  };

  it('are refused when they are not what this builder made for this board', async () => {
    world.tellWhenFailed();
    const bad = {
      'not-signed': await bundles.ofAStranger(),
      'wrong-board': await bundles.ofAnotherBoard(),
    };
    for (const [reason, path] of Object.entries(bad)) {
      expect(await upload(path), path).toMatchObject({ result: 'refused', reason });
    }
    for (const path of [await bundles.withAFlippedBit(), await bundles.cutShort()]) {
      const outcome = await upload(path);
      expect(['refused', 'not-received'], path).toContain(outcome?.result);
      expect(['damaged', 'not-signed'], path).toContain(outcome?.reason);
    }
    const { running, other } = await view();
    expect(running.slot).toBe('A');
    expect(other?.state).toBe('empty');
    expect(world.box.boots.length).toBe(1);
  });

  it('are left again when they start and never serve', async () => {
    world.tellWhenFailed();
    expect(await world.install('NJSTICK', 'dead.raucb')).toMatchObject({ result: 'installed' });
    expect(await restartInto(2)).toEqual([
      { partition: 3, tryBoot: true },
      { partition: 2, tryBoot: false },
    ]);
    const { running, outcome, other } = await view();
    expect(running.slot).toBe('A');
    expect(outcome).toMatchObject({ result: 'went-back' });
    expect(other?.state).toBe('failed');
    expect(await world.lost()).toEqual([]);
  });

  it('are tried, found good and kept', async () => {
    world.tellWhenFailed();
    expect(await world.install('NJSTICK', basename(bundles.good))).toMatchObject({ result: 'installed' });
    expect(await restartInto(1)).toEqual([{ partition: 3, tryBoot: true }]);
    const { running, outcome } = await view();
    expect(running.slot).toBe('B');
    expect(outcome).toMatchObject({ result: 'updated' });
    expect(await world.failedUnits()).toBe('');
    // From then on without trying.
    await world.owner.confirm();
    await world.owner.must(202, 'POST', '/api/box/restart');
    await world.box.booted(world.box.boots.length + 1);
    expect(world.box.boots.at(-1)).toMatchObject({ partition: 3, tryBoot: false });
    await world.box.serves();
    expect(await world.lost()).toEqual([]);
  });
});
