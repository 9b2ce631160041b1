/**
 * What installs and judges updates, as it is on the device, with the real RAUC: in a mount namespace of its own with loop
 * devices for partitions. The restart itself is only asked for: `startSlot` is the firmware's part.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, copyFile, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { loopDisksMissing } from './loop-disk.ts';

const run = promisify(execFile);
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const MiB = 1024 * 1024;
const script = new URL('./update-box.sh', import.meta.url).pathname;
const slotCommand = 'root=PARTLABEL=root_a rootfstype=squashfs ro rauc.slot=A console=tty1 panic=10 quiet\n';
const sizesMiB = { bootsel: 64, boot_a: 16, boot_b: 16, root_a: 8, root_b: 8 } as const;

export type BundleKind = Readonly<{
  version?: string;
  board?: string;
  signedBy?: 'own' | 'other';
  rootMiB?: number;
  /** How many migrations of each database a version must know to come back; none: as bundles were that said nothing. */
  compatibleFrom?: Readonly<Record<string, number>>;
}>;

/** Why it cannot be run here; undefined when it can. */
export async function updateBoxMissing(): Promise<string | undefined> {
  for (const tool of ['rauc', 'dbus-daemon', 'mksquashfs', 'mkfs.vfat', 'mcopy', 'openssl', 'unshare', 'nsenter']) {
    const found = await run('sh', ['-c', 'command -v "$1"', 'sh', tool], { env }).then(
      () => true,
      () => false,
    );
    if (!found)
      return `${tool} is not installed (Debian: rauc rauc-service dbus squashfs-tools dosfstools mtools openssl)`;
  }
  return await loopDisksMissing();
}

export class UpdateBox {
  readonly dir: string;
  #namespace: ChildProcess | undefined;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(): Promise<UpdateBox> {
    const box = new UpdateBox(await mkdtemp(join(tmpdir(), 'nightjar-updates-')));
    try {
      for (const name of ['own', 'other']) await box.#makeKey(name);
      for (const [name, size] of Object.entries(sizesMiB)) await box.#image(name, size);
      await box.#fat('bootsel.img', {
        'autoboot.txt': '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n',
        'nightjar.txt': 'name: nightjar\r\n',
      });
      await box.#start();
      return box;
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Makes a bundle and returns its path. */
  async bundle(name: string, kind: BundleKind = {}): Promise<string> {
    const { version = '99.0.0', board = 'pi', signedBy = 'own', rootMiB = 1, compatibleFrom } = kind;
    const folder = join(this.dir, `${name}.d`);
    await mkdir(folder);
    // Not to be packed: what is cut off is missing.
    await writeFile(join(folder, 'root.img'), randomBytes(rootMiB * MiB));
    await this.#image(`${name}.d/boot`, sizesMiB.boot_a);
    await this.#fat(`${name}.d/boot.img`, { 'cmdline.txt': slotCommand });
    const images = ['root', 'boot'].map((one) => `[image.${one}]\nfilename=${one}.img\n`).join('\n');
    const head = `[update]\ncompatible=nightjar-${board}\nversion=${version}\n\n[bundle]\nformat=plain\n\n`;
    const needed = Object.entries(compatibleFrom ?? {}).map(([name, from]) => `${name}=${from}\n`);
    if (needed.length > 0) await writeFile(join(folder, 'compatible-from'), needed.join(''));
    await writeFile(join(folder, 'manifest.raucm'), `${head}${images}`);
    const path = join(this.dir, `${name}.raucb`);
    const signing = [`--cert=${join(this.dir, `${signedBy}.pem`)}`, `--key=${join(this.dir, `${signedBy}.key`)}`];
    await run('rauc', [...signing, 'bundle', folder, path], { env });
    return path;
  }

  /** As the box does it: received, then installed. What became of it. */
  async install(path: string, older = false): Promise<Record<string, unknown> | null> {
    await this.in('cp', path, '/var/lib/nightjar/updates/bundle.raucb');
    return await this.installFrom('/var/lib/nightjar/updates/bundle.raucb', older);
  }

  async installFrom(path: string, older = false): Promise<Record<string, unknown> | null> {
    await this.write('/var/lib/nightjar-box/update-request.json', JSON.stringify({ path, older }));
    await this.program('install.mts');
    return (await this.record()).outcome;
  }

  /** The firmware's part: a start of this slot, which sees nothing of the one before it but what is on disks. */
  async startSlot(slot: 'A' | 'B'): Promise<void> {
    await this.write('/run/cmdline', `console=tty1 rauc.slot=${slot} quiet\n`);
    await this.in(
      'sh',
      '-c',
      'rm -f /run/nightjar-slots/standing.json /run/nightjar-slots/settled /run/asked-of-systemd',
    );
    await this.backend('tell-standing');
  }

  /** Of the update programs. What it said. */
  async program(name: string, ...args: string[]): Promise<string> {
    return await this.in('/usr/lib/nightjar/node', `/usr/lib/nightjar/boot-slots/${name}`, ...args);
  }

  backend(...args: string[]): Promise<string> {
    return this.in('/usr/lib/nightjar/boot-slots/backend', ...args);
  }

  async record() {
    const said = await this.in('sh', '-c', 'cat /var/lib/nightjar-box/update.json 2>/dev/null || echo {}');
    return JSON.parse(said) as { outcome: Record<string, unknown> | null; slots: Record<string, unknown> };
  }

  async askedOfSystemd(): Promise<string[]> {
    return (await this.in('sh', '-c', 'cat /run/asked-of-systemd 2>/dev/null || true')).split('\n').filter(Boolean);
  }

  /** Text of a file at the top of a partition. */
  async fileOn(partition: string, name: string): Promise<string> {
    return await this.in('mtype', '-i', `/run/nightjar-slots/${partition}`, `::${name}`);
  }

  async write(path: string, content: string): Promise<void> {
    const from = join(this.dir, 'written');
    await writeFile(from, content);
    // Not replaced: it may be mounted over another one.
    await this.in('sh', '-c', 'cat "$1" >"$2"', 'sh', from, path);
  }

  async in(...command: string[]): Promise<string> {
    const target = String(this.#namespace?.pid);
    const { stdout } = await run('nsenter', ['--target', target, '--mount', '--root', ...command], { env });
    return stdout.trim();
  }

  /** Goes on until it is killed. */
  startIn(command: readonly string[], more: Readonly<Record<string, string>>): ChildProcess {
    const target = String(this.#namespace?.pid);
    return spawn('nsenter', ['--target', target, '--mount', '--root', ...command], {
      env: { ...env, ...more },
      stdio: 'ignore',
    });
  }

  async #start(): Promise<void> {
    const child = spawn('unshare', ['--mount', 'sh', script, this.dir, process.execPath], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#namespace = child;
    const said = text(child.stderr);
    for await (const line of createInterface(child.stdout)) if (line === 'ready') return;
    throw new Error(`The box for updates did not start: ${await said}`);
  }

  async #makeKey(name: string): Promise<void> {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    const files = ['-keyout', join(this.dir, `${name}.key`), '-out', join(this.dir, `${name}.pem`)];
    await run('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '30', '-subj', `/CN=${name}`, ...files], {
      env,
    });
  }

  async #image(name: string, sizeMiB: number): Promise<void> {
    const file = await open(join(this.dir, `${name}.img`), 'w');
    await file.truncate(sizeMiB * MiB);
    await file.close();
  }

  async #fat(image: string, files: Readonly<Record<string, string>>): Promise<void> {
    const path = join(this.dir, image);
    await run('mkfs.vfat', ['-n', 'NIGHTJAR', path], { env });
    for (const [name, content] of Object.entries(files)) {
      const from = join(this.dir, name);
      await writeFile(from, content);
      await run('mcopy', ['-i', path, from, '::'], { env });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#namespace;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin?.end();
      await ended;
    }
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** The first `bytes` of it. */
export async function cutShort(path: string, bytes: number): Promise<string> {
  const cut = `${path}.cut`;
  await rm(cut, { force: true });
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) await appendFile(cut, chunk as Buffer);
  return cut;
}

/** One byte of it is another. */
export async function flipped(path: string, at: number): Promise<string> {
  const copy = `${path}.flipped`;
  await copyFile(path, copy);
  const file = await open(copy, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 0xff]), 0, 1, at);
  await file.close();
  return copy;
}
