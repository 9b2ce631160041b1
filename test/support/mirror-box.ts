/** A claimed box with a mirror, each on a disk that can be pulled, and a phone that remembers what it was promised. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFailed } from 'vitest';
import { say, soak, treeDir } from './counts.ts';
import { Daemon } from './daemon.ts';
import { ExfatDisk } from './exfat-disk.ts';
import { FaultPhone, type PhoneFile, sha256 } from './fault-phone.ts';
import { LoopDisk, type PullableDisk } from './loop-disk.ts';
import { Random } from './random.ts';

export const poll = { timeout: 60_000, interval: 100 };
const never = new AbortController().signal;
/** Sparse: room for many rounds. */
const diskMiB = soak ? 4_096 : 768;

type Mirror = Readonly<{
  diskId: string;
  attached: boolean;
  running: boolean;
  files: number;
  waiting: { files: number };
}>;
export type Mirrors = Readonly<{ mirrors: Mirror[]; promotion: unknown }>;

/** A claimed box with its library on one loop disk and a mirror on another, and a phone that remembers. */
export class MirrorBox {
  readonly dir: string;
  /** The library's at first, and the mirror's. */
  readonly disks: readonly [PullableDisk, PullableDisk];
  readonly daemon: Daemon;
  readonly phone: FaultPhone;
  readonly random: Random;
  readonly sent: PhoneFile[] = [];

  private constructor(
    dir: string,
    disks: [PullableDisk, PullableDisk],
    daemon: Daemon,
    phone: FaultPhone,
    random: Random,
  ) {
    this.dir = dir;
    this.disks = disks;
    this.daemon = daemon;
    this.phone = phone;
    this.random = random;
  }

  static async make(dir: string, seed: number, mirror: 'ext4' | 'exfat' = 'ext4'): Promise<MirrorBox> {
    await mkdir(dir);
    const one = await LoopDisk.make(dir, 'one', diskMiB);
    const two = await (mirror === 'ext4' ? LoopDisk : ExfatDisk).make(dir, 'two', diskMiB);
    let daemon: Daemon | undefined;
    try {
      const env = { NIGHTJAR_MIRROR_DIRS: two.path };
      daemon = await Daemon.start({ dir, diskDir: one.path, env, ...(treeDir === undefined ? {} : { treeDir }) });
      const box = new MirrorBox(dir, [one, two], daemon, await phoneOf(daemon, seed), new Random(seed));
      onTestFailed(() => say(box.daemon.log.split('\n').slice(-60).join('\n')));
      await expect.poll(async () => (await box.mirrors()).mirrors, poll).toMatchObject([{ attached: true }]);
      return box;
    } catch (error) {
      await daemon?.kill();
      await one.remove();
      await two.remove();
      throw error;
    }
  }

  async mirrors(): Promise<Mirrors> {
    return (await this.daemon.console('GET', '/api/mirrors')) as Mirrors;
  }

  async send(files: number): Promise<void> {
    this.phone.deaf = false;
    for (let n = 0; n < files; n += 1) {
      const seed = this.sent.length + 1;
      const size = this.random.size(5_000, 1_500_000);
      const file: PhoneFile = {
        ...{ path: `DCIM/R${seed}.jpg`, kind: 'jpeg', seed, size },
        takenLocal: '2025-07-14T09:30:00',
      };
      this.sent.push(file);
      await this.phone.send(this.daemon.url, file, never);
    }
  }

  /** Pulls a disk and puts it back, or kills the box and starts it again: at random. */
  async trouble(): Promise<string> {
    const kind = this.random.whole(0, 2);
    if (kind === 2) {
      await this.daemon.kill();
      await this.daemon.restart();
      return 'killed';
    }
    const disk = this.disks[kind] as PullableDisk;
    // A sync that is under way while the plug is pulled may be answered well; nobody hears of it.
    this.phone.deaf = true;
    await disk.cut();
    // Nothing of it is held, and nothing is written where it was.
    await disk.unmount({ lazyAllowed: false });
    expect(await readdir(disk.path)).toEqual([]);
    await disk.mount();
    return `pulled ${disk.name}`;
  }

  /** The phone sends while that happens, and finishes afterwards what it began. */
  async troubleWhileSending(afterMs: number): Promise<string> {
    const stop = new AbortController();
    const sending = this.phone.run(this.daemon.url, stop.signal);
    await pause(afterMs);
    const what = await this.trouble();
    stop.abort();
    await sending;
    this.phone.deaf = false;
    await this.libraryOpen();
    expect(await this.phone.checkOffsets(this.daemon.url), what).toEqual([]);
    await this.phone.finishAll(this.daemon.url);
    return what;
  }

  /** How many different files were acknowledged. */
  get contents(): number {
    return new Set([...this.phone.safe.values()].map(({ sha256: sum }) => sum)).size;
  }

  async libraryOpen(): Promise<void> {
    await expect.poll(async () => (await this.daemon.health())['disk'], poll).toBe('ok');
  }

  /** It is being followed just now; or it is not, after a while. */
  async running(): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await this.mirrors()).mirrors[0]?.running === true) return;
      await pause(10);
    }
  }

  /** The mirror is there and lacks nothing. */
  async whole(): Promise<void> {
    await this.libraryOpen();
    const state = async () => {
      const { mirrors, promotion } = await this.mirrors();
      // It may hold more: what came in, and whose answer the phone did not hear.
      return [
        promotion,
        ...mirrors.map(({ attached, files, waiting }) => [attached, files >= this.contents, waiting.files]),
      ];
    };
    await expect
      .poll(state, poll)
      .toEqual([null, [true, true, 0]])
      .catch(async (error: unknown) => {
        throw new Error(`not whole: ${JSON.stringify(await this.mirrors())}`, { cause: error });
      });
  }

  /** Every file that was acknowledged can be read, and lies on these disks byte for byte. */
  async expectNothingLost(disks: readonly PullableDisk[] = this.disks): Promise<void> {
    const bySum = await this.bySum();
    for (const { path, sha256: sum } of this.phone.safe.values()) {
      const at = bySum.get(sum);
      const told = at === undefined && (await this.daemon.console('GET', '/api/verification'));
      expect(at, `${path}: ${JSON.stringify(told)}`).toBeDefined();
      for (const disk of disks) expect(sha256(await readFile(join(disk.path, String(at)))), disk.path).toBe(sum);
    }
    expect(this.phone.surprises).toEqual([]);
  }

  /** Where the library has what, by its SHA-256. */
  async bySum(): Promise<Map<string, string>> {
    const { token } = this.phone;
    const reply = await this.daemon.ask('GET', '/api/assets?limit=1000', { token });
    expect(reply.status, reply.body.toString()).toBe(200);
    const { assets } = JSON.parse(reply.body.toString()) as { assets: Array<{ path: string; sha256: string }> };
    return new Map(assets.map(({ path, sha256: sum }) => [sum, path]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.kill();
    for (const disk of this.disks) await disk.remove();
  }
}

async function phoneOf(daemon: Daemon, seed: number): Promise<FaultPhone> {
  await daemon.setUp('Alice');
  const { token, phoneId } = await daemon.pair('Alice', 'phone');
  const limits = { pictureBytesMax: 1_500_000, largeBytesMin: 3_000_000, largeBytesMax: 9_000_000 };
  return new FaultPhone({
    name: 'phone',
    person: 'Alice',
    token,
    phoneId,
    random: new Random(seed),
    known: [],
    limits,
  });
}
