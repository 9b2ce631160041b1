/** The moments at which the plug is pulled, and what has to be true afterwards: one function a moment. */

import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../support/random.ts';
import type { DataDisk } from './data-disk.ts';
import { setupCodeOn } from './owner.ts';
import { bootMsMax } from './pi-box.ts';
import { World } from './world.ts';

export const moments = ['upload', 'slot-flip', 'update-install', 'first-boot', 'disk-format'] as const;
type Updates = Awaited<ReturnType<World['updates']>>;
export type Moment = (typeof moments)[number];
/** Both slots' boot partitions. */
const slotPartitions = [2, 3];
const second = 1_000;
const settleMsMax = 900_000;
const picturesARound = 25;

/** A claimed box that goes from one cut to the next. */
export class Cuts {
  readonly #world: World;
  readonly #random: Random;
  readonly #bundle: string | undefined;
  #disks = 0;
  #stick: DataDisk | undefined;

  constructor(world: World, random: Random, bundle: string | undefined) {
    this.#world = world;
    this.#random = random;
    this.#bundle = bundle;
  }

  get acknowledged(): number {
    return this.#pictures;
  }
  #pictures = 0;

  /** How often the plug was pulled. */
  get cuts(): number {
    return this.#cuts;
  }
  #cuts = 0;

  /** What is wrong after a cut in that moment, a sentence each. */
  async round(moment: Moment): Promise<string[]> {
    switch (moment) {
      case 'first-boot':
        return await this.#firstBoot();
      case 'upload':
        return await this.#upload();
      case 'update-install':
        return await this.#install();
      case 'slot-flip':
        return await this.#flip();
      case 'disk-format':
        return await this.#format();
    }
  }

  async #upload(): Promise<string[]> {
    const world = this.#world;
    await world.takePictures(picturesARound, this.#random.size(50_000, 2_000_000));
    const going = world.backUp();
    await pause(this.#random.whole(2, 20) * second);
    const wrong = await this.#cutAndStart();
    // Nobody tells the phone: it goes on when the box is there again.
    const { exitCode, last } = await going;
    if (exitCode !== 0) wrong.push(`the phone ended with ${exitCode}: ${JSON.stringify(last)}`);
    this.#pictures += picturesARound;
    return [...wrong, ...(await this.#lost())];
  }

  async #install(): Promise<string[]> {
    await this.#world.owner.comeBack();
    const told = ({ other, outcome }: Updates) => JSON.stringify({ other, outcome });
    const before = told(await this.#world.updates());
    await this.#beginInstall();
    await pause(this.#random.whole(0, 60) * second);
    const wrong = await this.#cutAndStart();
    await this.#world.owner.comeBack();
    const after = await this.#settled();
    const { other, outcome } = after;
    const half = other?.state === 'unfinished' && outcome?.result === 'failed' && outcome.reason === 'interrupted';
    const whole = other?.state === 'ready' && outcome?.result === 'installed';
    // Or nothing was written yet.
    if (after.activity !== null || !(half || whole || told(after) === before))
      wrong.push(`cut while it was written: ${JSON.stringify(after.activity)}, ${told(after)}, before ${before}`);
    return [...wrong, ...(await this.#lost())];
  }

  async #flip(): Promise<string[]> {
    const { owner, box } = this.#world;
    await this.#installed();
    await owner.confirm();
    const boots = box.boots.length;
    await owner.must(202, 'POST', '/api/updates/restart');
    // On its way down; on its way up; while it is found good, which is when autoboot.txt is written.
    const phase = this.#random.whole(0, 2);
    if (phase > 0) await box.booted(boots + 1);
    if (phase === 1) await pause(this.#random.whole(0, 90) * second);
    if (phase === 2) await box.serves();
    await pause(this.#random.whole(0, 20_000));
    const wrong = await this.#cutAndStart();
    await owner.comeBack();
    // It may be on trial just now.
    const { activity } = await this.#settled();
    if (activity !== null) wrong.push(`it does not settle: ${JSON.stringify(activity)}`);
    return [...wrong, ...(await this.#lost())];
  }

  async #format(): Promise<string[]> {
    const { owner, box } = this.#world;
    const disk = await this.#world.disk(this.#random.chance(0.5) ? 'usb' : 'nvme', `NJCUT${++this.#disks}`);
    await box.plug(disk);
    await owner.confirm();
    const { id, name } = await owner.diskThere(disk.serial);
    const filesystem = this.#random.chance(0.5) ? 'ext4' : 'exfat';
    const asked = owner.ask('POST', `/api/disks/${id}/erase`, { name, filesystem }).catch(() => undefined);
    await pause(this.#random.whole(0, 8_000));
    const wrong = await this.#cutAndStart();
    await asked;
    // Whatever is on it now: it can be erased and used, and then be taken away.
    await owner.comeBack();
    await owner.adopt(disk.serial, 'mirror');
    await owner.confirm();
    await owner.toDisk(disk.serial, 'eject');
    await box.pull(disk);
    await disk.remove();
    return [...wrong, ...(await this.#lost())];
  }

  /** Of a card of its own, which is thrown away afterwards. */
  async #firstBoot(): Promise<string[]> {
    await using fresh = await World.make();
    fresh.box.cores = this.#world.box.cores;
    await fresh.box.powerOn();
    await pause(this.#random.whole(3, 150) * second);
    const wrong = await this.#cutAndStart(fresh);
    await setupCodeOn(fresh.box);
    await fresh.owner.claim();
    return wrong;
  }

  /**
   * The plug out and in again, up to three times, for power that comes back may go again: clean filesystems between, a box
   * that serves from a slot after it, and nothing failed.
   */
  async #cutAndStart(world = this.#world): Promise<string[]> {
    const { box } = world;
    const wrong: string[] = [];
    for (let more = this.#random.chance(0.6) ? this.#random.whole(1, 2) : 0; ; more--) {
      await box.kill();
      this.#cuts++;
      wrong.push(...(await world.damage(...(world.library === undefined ? [] : [world.library]))));
      await box.powerOn();
      if (more === 0) break;
      await pause(this.#random.whole(0, 90) * second);
    }
    await box.serves();
    const partition = box.boots.at(-1)?.partition ?? 0;
    if (!slotPartitions.includes(partition)) wrong.push(`it started from partition ${partition}`);
    const failed = await world.failedUnits();
    return failed === '' ? wrong : [...wrong, failed];
  }

  async #lost(): Promise<string[]> {
    return (await this.#world.lost()).map((name) => `lost: ${name}`);
  }

  /** When nothing is under way any more; after so long as it is. */
  async #settled(): Promise<Updates> {
    for (const deadline = Date.now() + settleMsMax; ; await pause(2 * second)) {
      const now = await this.#world.updates();
      if (now.activity === null || Date.now() > deadline) return now;
    }
  }

  /** A bundle is being written beside the running version. */
  async #beginInstall(): Promise<void> {
    if (this.#bundle === undefined) throw new Error('dist has no bundle');
    this.#stick ??= await this.#world.stick('NJSTICK', [this.#bundle]);
    await this.#world.owner.comeBack();
    await this.#world.beginInstall(this.#stick.serial, basename(this.#bundle));
  }

  /** Something stands in the other slot that can be restarted into. */
  async #installed(): Promise<void> {
    await this.#world.owner.comeBack();
    if (['ready', 'good'].includes((await this.#world.updates()).other?.state ?? '')) return;
    await this.#beginInstall();
    for (const deadline = Date.now() + bootMsMax; ; await pause(2 * second)) {
      const { activity, other, outcome } = await this.#world.updates();
      if (activity === null && other?.state === 'ready') return;
      if (Date.now() > deadline) throw new Error(`Not installed: ${JSON.stringify(outcome)}`);
    }
  }
}
