/**
 * An exFAT disk that can lose power, by exfat-fuse: its image lies on an ext4 that is shut down at the same moment as the
 * program is killed. What comes back is looked over by fsck.exfat first, as the box's helper does. Needs root.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LoopDisk, loopDisksMissing, type PullableDisk, runTool } from './loop-disk.ts';

const mountMsMax = 10_000;
const program = '/usr/sbin/mount.exfat-fuse';

/** Why none can be made here; undefined when it can. */
export async function exfatMissing(): Promise<string | undefined> {
  for (const needed of [program, '/usr/sbin/mkfs.exfat', '/usr/sbin/fsck.exfat', '/dev/fuse']) {
    const there = await access(needed).then(
      () => true,
      () => false,
    );
    if (!there) return `${needed} is not there (Debian: exfat-fuse exfatprogs)`;
  }
  return await loopDisksMissing();
}

export class ExfatDisk implements PullableDisk {
  readonly name: string;
  readonly path: string;
  readonly #under: LoopDisk;
  #device = '';
  #fuse: ChildProcess | undefined;

  private constructor(dir: string, name: string, under: LoopDisk) {
    this.name = name;
    this.path = join(dir, name);
    this.#under = under;
  }

  static async make(dir: string, name: string, sizeMiB: number): Promise<ExfatDisk> {
    const disk = new ExfatDisk(dir, name, await LoopDisk.make(dir, `${name}-under`, sizeMiB + 64));
    await mkdir(disk.path);
    const image = await open(disk.#image, 'wx');
    await image.truncate(sizeMiB * 1024 * 1024);
    await image.close();
    await runTool('mkfs.exfat', [disk.#image]);
    await disk.#attach();
    return disk;
  }

  get #image(): string {
    return join(this.#under.path, 'image');
  }

  async cut(): Promise<void> {
    await this.#under.cut();
    await this.#kill();
  }

  async unmount(options: { lazyAllowed?: boolean } = {}): Promise<void> {
    await this.#under.unmount({ ...options, at: this.path });
    await this.#kill();
    await runTool('losetup', ['--detach', this.#device]);
    // What holds it still is a copy of this mount in a namespace that was made meanwhile: the daemon left it above.
    await this.#under.unmount();
  }

  async mount(): Promise<void> {
    await this.#under.mount();
    await this.#attach();
  }

  async remove(): Promise<void> {
    await this.unmount().catch(() => undefined);
    await this.#under.remove();
    await rm(this.path, { recursive: true, force: true });
  }

  async #attach(): Promise<void> {
    this.#device = (await runTool('losetup', ['--find', '--show', this.#image])).trim();
    // 1: errors were there, and are corrected.
    await runTool('sh', ['-c', 'fsck.exfat -y "$1" || [ $? = 1 ]', 'sh', this.#device]);
    // In the foreground, so that it is known what to kill.
    const fuse = spawn(program, ['-d', this.#device, this.path], { stdio: 'ignore' });
    this.#fuse = fuse;
    const deadline = Date.now() + mountMsMax;
    while ((await runTool('sh', ['-c', 'grep -cF " $1 " /proc/self/mountinfo || :', 'sh', this.path])).trim() === '0') {
      if (fuse.exitCode !== null || Date.now() > deadline) throw new Error(`exfat-fuse does not mount ${this.path}.`);
      await pause(20);
    }
  }

  async #kill(): Promise<void> {
    const fuse = this.#fuse;
    this.#fuse = undefined;
    if (fuse === undefined || fuse.exitCode !== null || fuse.signalCode !== null) return;
    const gone = once(fuse, 'close');
    fuse.kill('SIGKILL');
    await gone;
  }
}
