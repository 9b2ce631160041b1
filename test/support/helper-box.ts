/**
 * The disk helper as it is on the device, root and all, on loop devices: started for each connection by systemd's own
 * `systemd-socket-activate`, in a mount namespace of its own in which one of the loops is the system's disk.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { access, mkdir, open, readdir, readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DiskHelper } from '../../src/disks/helper.ts';
import { loopDisksMissing } from './loop-disk.ts';

export const helperProgram = new URL('../../system/usr/lib/nightjar/disk-helper/main.mts', import.meta.url).pathname;
const MiB = 1024 * 1024;
const run = promisify(execFile);
const readyTriesMax = 300;
const pulledTriesMax = 400;
const farLoops = { min: 200, max: 1_000, triesMax: 20 };
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Why it cannot be run here; undefined when it can. */
export async function helperMissing(): Promise<string | undefined> {
  const tools = ['systemd-socket-activate', 'unshare', 'sfdisk', 'partx', 'mkfs.exfat', 'smartctl'];
  for (const tool of tools) {
    const found = await Promise.any(['/usr/bin', '/usr/sbin'].map((dir) => access(join(dir, tool)))).then(
      () => true,
      () => false,
    );
    if (!found) return `${tool} is not installed (Debian: systemd util-linux fdisk exfatprogs smartmontools)`;
  }
  return await loopDisksMissing();
}

const images = { free: 1_200, other: 1_100, small: 64, system: 16, used: 16, under: 16 } as const;
export type Loop = keyof typeof images;

export class HelperBox {
  readonly helper: DiskHelper;
  readonly #dir: string;
  readonly #loops = new Map<string, string>();
  #server: ChildProcess | undefined;
  #said = '';

  readonly #seen: boolean;

  private constructor(dir: string, seen: boolean) {
    this.#dir = dir;
    this.#seen = seen;
    this.helper = new DiskHelper({ socketPath: this.socketPath });
  }

  /** `system` is mounted at `/boot`, `used` at `/mnt`, another loop stands on `under`; the rest is free. `seen`: what the helper mounts is at `mountRoot` out here as well. */
  static async make(dir: string, { seen = false }: { seen?: boolean } = {}): Promise<HelperBox> {
    const box = new HelperBox(dir, seen);
    await mkdir(dir, { recursive: true });
    try {
      await box.#build();
      return box;
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #build(): Promise<void> {
    for (const [name, sizeMiB] of Object.entries(images)) {
      const image = await open(this.image(name as Loop), 'wx');
      await image.truncate(sizeMiB * MiB);
      await image.close();
      if (name === 'system' || name === 'used') await run('mkfs.ext4', ['-q', '-F', this.image(name)], { env });
      await this.#attach(name, this.image(name as Loop));
    }
    await this.#attach('over', this.device('under'));
    await this.#start();
  }

  get socketPath(): string {
    return join(this.#dir, 'helper.sock');
  }

  get mountRoot(): string {
    return join(this.#dir, 'mounted');
  }

  /** As the helper has it. */
  get mountInfo(): string {
    return `/proc/${this.#server?.pid}/mountinfo`;
  }

  image(loop: Loop): string {
    return join(this.#dir, `${loop}.img`);
  }

  device(loop: string): string {
    return this.#loops.get(loop) ?? '/dev/none';
  }

  /** As the helper lists it. */
  async disk(loop: string): Promise<Awaited<ReturnType<DiskHelper['list']>>[number]> {
    const disk = (await this.helper.list()).find(({ key }) => `/dev/${key.name}` === this.device(loop));
    if (disk === undefined) throw new Error(`${loop} is not listed`);
    return disk;
  }

  /** Pulls a disk that the helper mounted: what was not synced is gone, and the kernel lists it no more. */
  async pull(loop: Loop): Promise<void> {
    const device = this.device(loop);
    const isIts = new RegExp(` ${device}(p\\d+)? `);
    const line = (await this.mounts()).split('\n').find((one) => isIts.test(one));
    const path = line?.split(' ')[4];
    if (path !== undefined) {
      // With its root: these tests may run below another one.
      const inNamespace = ['--target', String(this.#server?.pid), '--mount', '--root'];
      await run('nsenter', [...inNamespace, 'xfs_io', '-x', '-c', 'shutdown', path], { env });
      // Whoever had files open there lets go of them.
      for (let tries = 1; ; tries++) {
        const busy = await run('nsenter', [...inNamespace, 'umount', path], { env }).then(
          () => false,
          () => true,
        );
        if (!busy) break;
        if (tries > pulledTriesMax) throw new Error(`${path} is still held after it was pulled.`);
        await wait(50);
      }
    }
    await run('losetup', ['--detach', device], { env });
    // In fact only once the last one closed it, who may be looking at it just now.
    for (let tries = 1; await isThere(`/sys/block/${device.replace('/dev/', '')}/loop`); tries++) {
      if (tries > pulledTriesMax) throw new Error(`${device} is held by somebody after it was pulled.`);
      await wait(50);
    }
  }

  async plugIn(loop: Loop): Promise<void> {
    await run('losetup', [this.device(loop), this.image(loop)], { env });
    // As a disk's own driver does.
    await run('partx', ['--update', this.device(loop)], { env });
  }

  /** A path as the helper sees it. */
  inside(path: string): string {
    return join(`/proc/${this.#server?.pid}/root`, path);
  }

  async mounts(): Promise<string> {
    return await readFile(`/proc/${this.#server?.pid}/mountinfo`, 'utf8');
  }

  async checksum(loop: Loop): Promise<string> {
    const hash = createHash('sha256');
    const image = await open(this.image(loop));
    for await (const chunk of image.createReadStream()) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }

  /** One line, whatever it is, and what comes back. */
  raw(line: string | Buffer): Promise<string> {
    return new Promise((resolve) => {
      const socket = createConnection(this.socketPath);
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk.toString();
      });
      socket.on('error', () => resolve(answer));
      socket.on('close', () => resolve(answer));
      socket.write(line);
      socket.end('\n');
    });
  }

  get said(): string {
    return this.#said;
  }

  async #attach(name: string, file: string): Promise<void> {
    if (this.#seen && (name === 'free' || name === 'other')) return await this.#attachFar(name, file);
    const { stdout } = await run('losetup', ['--find', '--show', file], { env });
    this.#loops.set(name, stdout.trim());
  }

  /** Where nobody else finds a free number: one that is pulled is plugged in there again. */
  async #attachFar(name: string, file: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const device = `/dev/loop${randomInt(farLoops.min, farLoops.max)}`;
      try {
        await run('losetup', [device, file], { env });
        this.#loops.set(name, device);
        return;
      } catch (error) {
        if (tries >= farLoops.triesMax) throw error;
      }
    }
  }

  async #start(): Promise<void> {
    const disks = [...this.#loops].filter(([name]) => name !== 'over').map(([, device]) => device.replace('/dev/', ''));
    const root = this.mountRoot;
    // One folder is the same mount on both sides; every other is the namespace's own, whatever this machine has it as.
    const before = `for point in $(awk -v s="${root}" '/ shared:/ && $5 != s {print $5}' /proc/self/mountinfo); do
      mount --make-private "$point"; done`;
    const share = `mkdir -p /run/nightjar/disks && mount --bind ${root} /run/nightjar/disks && umount ${root}`;
    if (this.#seen) {
      await mkdir(root);
      await run('mount', ['--bind', root, root], { env });
      await run('mount', ['--make-shared', root], { env });
    }
    // Copies of other tests' disks would hold those: one that is pulled could not be put back.
    const others = `for point in $(awk -v s="${root}" -v t="${tmpdir()}/" '$5 != s && index($5, t) == 1 && / - [a-z0-9]+ \\/dev\\/loop/ {print $5}' /proc/self/mountinfo); do
      umount -l "$point"; done`;
    const inside = `${this.#seen ? before : ':'}; ${others}; mount -t tmpfs tmpfs /run && ${this.#seen ? share : ':'} && mount -o ro ${this.device('system')} /boot && mount -o ro ${this.device('used')} /mnt &&
      exec systemd-socket-activate --accept --inetd -l ${this.socketPath} "$@"`;
    const helper = [
      process.execPath,
      helperProgram,
      '--peer',
      '1-2-0',
      '--user',
      'nobody',
      '--test-disks',
      disks.join(','),
    ];
    const args = [
      '--mount',
      '--propagation',
      this.#seen ? 'unchanged' : 'private',
      'sh',
      '-c',
      inside,
      'sh',
      ...helper,
    ];
    const server = spawn('unshare', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    server.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-64 * 1024);
    });
    this.#server = server;
    for (let tries = 0; ; tries++) {
      if (await isThere(this.socketPath)) return;
      if (tries > readyTriesMax || server.exitCode !== null)
        throw new Error(`The socket does not appear: ${this.#said}`);
      await wait(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = this.#server;
    // With its last process the namespace goes, and its mounts.
    if (server !== undefined && server.exitCode === null) {
      await new Promise((resolve) => {
        server.once('close', resolve);
        server.kill('SIGKILL');
      });
    }
    if (this.#seen) {
      for (const folder of await readdir(this.mountRoot).catch(() => []))
        await run('umount', ['-l', join(this.mountRoot, folder)], { env }).catch(() => undefined);
      await run('umount', ['-l', this.mountRoot], { env }).catch(() => undefined);
    }
    for (const device of [...this.#loops.values()].reverse()) {
      const { stdout } = await run('losetup', ['--noheadings', '-O', 'BACK-FILE', device], { env }).catch(() => ({
        stdout: '',
      }));
      if (stdout !== '') await run('losetup', ['--detach', device], { env });
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
