/**
 * A disk that can lose power: an ext4 image behind a loop device. `cut` shuts the filesystem down at once, so that
 * whatever was not synced is gone after the next mount, as after a pulled plug. Needs root and loop devices.
 */
import { spawn } from 'node:child_process';
import { access, mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { say } from './counts.ts';

const commandMsMax = 60_000;
const unmountMsMax = 10_000;
const heldMsMax = 1_000;
const movesMax = 5;

/** Why no loop disk can be made here; undefined when it can. */
export async function loopDisksMissing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (await missing('/dev/loop-control')) return 'there are no loop devices (/dev/loop-control)';
  for (const tool of ['mkfs.ext4', 'xfs_io', 'mount', 'umount', 'losetup']) {
    const found = await run('sh', ['-c', 'command -v "$1"', 'sh', tool]);
    if (found.code !== 0) return `${tool} is not installed (Debian: apt-get install e2fsprogs xfsprogs mount)`;
  }
  return undefined;
}

/** A disk that can lose power, whatever its filesystem. */
export type PullableDisk = Readonly<{
  name: string;
  /** Where it is mounted. */
  path: string;
  cut: () => Promise<void>;
  unmount: (options?: { lazyAllowed?: boolean }) => Promise<void>;
  mount: () => Promise<void>;
  remove: () => Promise<void>;
}>;

export class LoopDisk implements PullableDisk {
  readonly name: string;
  /** Where it is mounted. The folder beneath stays on the filesystem of `dir`. */
  readonly path: string;
  readonly #image: string;
  #device = '';

  private constructor(dir: string, name: string) {
    this.name = name;
    this.path = join(dir, name);
    this.#image = join(dir, `${name}.img`);
  }

  /** A new, mounted ext4 of `sizeMiB` (sparse) under `dir`. */
  static async make(dir: string, name: string, sizeMiB: number): Promise<LoopDisk> {
    const disk = new LoopDisk(dir, name);
    await mkdir(disk.path, { recursive: true });
    const image = await open(disk.#image, 'wx');
    await image.truncate(sizeMiB * 1024 * 1024);
    await image.close();
    // No lazy initialisation: it would write in the background for as long as a test takes.
    const options = ['-q', '-F', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0'];
    await runTool('mkfs.ext4', [...options, disk.#image]);
    disk.#device = (await runTool('losetup', ['--find', '--show', disk.#image])).trim();
    await disk.mount();
    return disk;
  }

  /** `at`: in another disk's place. */
  async mount(at: string = this.path): Promise<void> {
    for (let moves = 0; moves <= movesMax; moves += 1) {
      const deadline = Date.now() + heldMsMax;
      for (;;) {
        await runTool('mount', ['-t', 'ext4', this.#device, at]);
        const probe = join(at, '.probe');
        const dead = await writeFile(probe, '').then(
          () => false,
          () => true,
        );
        if (!dead) {
          await rm(probe);
          return;
        }
        await this.unmount({ at });
        if (Date.now() > deadline) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await this.#moveToAnotherDevice();
    }
    throw new Error(`${at} is held by somebody in its cut state.`);
  }

  /**
   * While anybody holds the old mount (a program with mounts of its own, of another test), the kernel hands it out again,
   * cut. What that one has written by now is all that it ever writes: a copy of the image is the disk from here on.
   */
  async #moveToAnotherDevice(): Promise<void> {
    await runTool('blockdev', ['--flushbufs', this.#device]);
    await runTool('cp', ['--sparse=always', this.#image, `${this.#image}.moved`]);
    // Detached in fact when the last one lets go of it.
    await runTool('losetup', ['--detach', this.#device]);
    await rename(`${this.#image}.moved`, this.#image);
    this.#device = (await runTool('losetup', ['--find', '--show', this.#image])).trim();
  }

  /** Pulls the plug: nothing that was not synced before reaches the image any more. */
  async cut(): Promise<void> {
    await runTool('xfs_io', ['-x', '-c', 'shutdown', this.path]);
  }

  async mounted(): Promise<boolean> {
    return (await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${this.path} `);
  }

  /** Takes it away. Waits for whoever still holds a file on it; lazily only as the last resort, and says so. */
  async unmount(options: { lazyAllowed?: boolean; at?: string } = {}): Promise<void> {
    const { lazyAllowed = true, at = this.path } = options;
    const deadline = Date.now() + unmountMsMax;
    for (;;) {
      const { code, output } = await run('umount', [at]);
      if (code === 0) return;
      if (!output.includes('busy')) throw new Error(`umount ${at}: ${output}`);
      if (Date.now() > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (!lazyAllowed) throw new Error(`${at} is still held after ${unmountMsMax} ms:\n${await holders(at)}`);
    say(`${at} is held by somebody, so it is unmounted lazily`);
    await runTool('umount', ['-l', at]);
  }

  /** Unmounts it, and remembers what is on it. */
  async keep(): Promise<void> {
    await this.unmount();
    await runTool('cp', ['--sparse=always', this.#image, `${this.#image}.kept`]);
  }

  /** Mounted, as it was when it was kept. */
  async giveBack(): Promise<void> {
    if (await this.mounted()) await this.unmount();
    await runTool('losetup', ['--detach', this.#device]);
    // Not into the old file: somebody may hold that device still.
    await rm(this.#image);
    await runTool('cp', ['--sparse=always', `${this.#image}.kept`, this.#image]);
    this.#device = (await runTool('losetup', ['--find', '--show', this.#image])).trim();
    await this.mount();
  }

  /** As after the power came back: the journal is replayed. */
  async remount(): Promise<void> {
    await this.unmount();
    await this.mount();
  }

  /** Says what e2fsck finds, without changing anything; empty when all is well. Only while unmounted. */
  async check(): Promise<string> {
    const { code, output } = await run('e2fsck', ['-fn', this.#image]);
    return code === 0 ? '' : output;
  }

  async remove(): Promise<void> {
    if (await this.mounted()) await this.unmount();
    if (this.#device !== '') await runTool('losetup', ['--detach', this.#device]);
    for (const file of [this.#image, `${this.#image}.kept`]) await rm(file, { force: true });
    await rm(this.path, { recursive: true, force: true });
  }
}

async function missing(path: string): Promise<boolean> {
  return await access(path).then(
    () => false,
    () => true,
  );
}

/** Which processes hold files below `path`, for the message. */
async function holders(path: string): Promise<string> {
  return (await run('sh', ['-c', 'ls -l /proc/[0-9]*/fd 2>/dev/null | grep -F "$1" | head -20', 'sh', path])).output;
}

/** @throws when it does not end with 0 */
export async function runTool(command: string, args: readonly string[]): Promise<string> {
  const { code, output } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${output}`);
  return output;
}

function run(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: commandMsMax,
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' },
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-16_384);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
