import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { LastKnown } from '../../src/copies/last-known.ts';
import { Mirroring, type MirroringLimits } from '../../src/copies/mirroring.ts';
import { Verification } from '../../src/copies/verification.ts';
import { type AttachedMirror, Disk } from '../../src/disks/disk.ts';
import type { Library } from '../../src/library/library.ts';
import { buildDateMs } from '../../src/platform/build-date.ts';
import { KeepingBox } from './keeping-box.ts';
import { log } from './open-library.ts';

const dayMs = 86_400_000;

/** A box, and one mirror that can be taken away. Both look all the time. */
export class MirrorWorld {
  box!: KeepingBox;
  it!: Mirroring;
  verification!: Verification;
  readonly dir: string;
  night = false;
  busy = false;
  attached: AttachedMirror | undefined;
  #known = '';

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(
    limits: Partial<MirroringLimits> = {},
    prepare: (world: MirrorWorld, library: Library, now: () => number) => void = () => undefined,
  ): Promise<MirrorWorld> {
    const world = new MirrorWorld(await mkdtemp(join(tmpdir(), 'nightjar-mirror-')));
    world.box = await KeepingBox.make((library, now) => {
      const nightSince = () => (world.night ? now() - 3_600_000 : undefined);
      const reading = { library, nightSince, busy: () => world.busy, now, log };
      world.it = new Mirroring({
        ...reading,
        mirrors: () => (world.attached === undefined ? [] : [world.attached]),
        onDoubt: (_open, id) => world.verification.suspect(id),
        lastKnown: new LastKnown({ text: () => undefined, putText: async () => undefined }),
        limits: { lookMs: 10, bytesPerSecond: 1e12, failingRestMs: 200, ...limits },
      });
      world.verification = new Verification({
        ...reading,
        onLost: () => world.it.wake(),
        limits: { lookMs: 10, bytesPerSecond: 1e12, bytesPerSecondAsked: 1e12 },
      });
      world.verification.open();
      world.it.open();
      prepare(world, library, now);
    });
    // The trash believes no clock of before this program was made.
    world.box.box.clock = buildDateMs + 100 * dayMs;
    return world;
  }

  /** Where something lies on the mirror. */
  at(path: string): string {
    return join(this.dir, path);
  }

  async attach(): Promise<void> {
    const { libraryId, marker } = this.box.open.disk;
    const facts = { diskId: randomUUID(), boxId: marker.boxId, libraryId, now: this.box.box.clock };
    this.#known = await Disk.adoptMirror(this.dir, facts);
    this.attached = { disk: await Disk.open(this.dir, this.#known), diskId: this.#known, name: 'second' };
  }

  async takeAway(): Promise<void> {
    const { attached } = this;
    this.attached = undefined;
    await this.it.letGo(attached?.diskId ?? '');
    await attached?.disk.close();
  }

  async state() {
    const [state] = await this.it.state();
    if (state === undefined) throw new Error('There is no mirror.');
    return state;
  }

  /** Nothing waits for it, and everything that changed was looked at. */
  async complete(): Promise<void> {
    const stop = AbortSignal.timeout(20_000);
    await this.it.whenComplete(this.#known, stop);
    expect((await this.state()).waiting).toEqual({ files: 0, bytes: 0 });
  }

  async inView(): Promise<string[]> {
    const entries = await readdir(this.dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.dir.length + 1))
      .filter((path) => !path.startsWith('.nightjar/'))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box[Symbol.asyncDispose]();
    await this.attached?.disk.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
