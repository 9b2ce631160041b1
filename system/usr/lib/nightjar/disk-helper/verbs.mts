/**
 * What each verb does, in order: find the disk among what the kernel lists, take its lock, open it (from then on its name
 * cannot become another disk's), find it again, and only then act. No argument of a program comes from a request as it is.
 */
import type {
  DiskKey,
  HelperAnswer,
  HelperDisk,
  HelperRequest,
  HelperVerb,
  HelperVolume,
} from '../../../../../src/disks/helper-protocol.ts';
import { checking, making, mounting } from './filesystems.mts';
import type { Block, Kernel, Mount, Part } from './kernel.mts';
import type { Machine, Program } from './machine.mts';
import { Refused } from './request.mts';
import {
  devicesOf,
  findDisk,
  findVolume,
  folderOf,
  formatBytesMin,
  listedDisks,
  mountRoot,
  mountsOf,
  printedName,
  type Status,
  statusOf,
  volumesOf,
} from './rules.mts';
import { cleanJson, cleanText, lastWords } from './text.mts';

export type Settings = Readonly<{
  /** The daemon's user: filesystems that it made, and those without owners, are its own. */
  owner: { uid: number; gid: number };
  /** Only these are disks, of whatever kind; undefined in life. */
  testDisks: readonly string[] | undefined;
}>;
type Of<Verb extends HelperVerb> = Extract<HelperRequest, { verb: Verb }>;

const lockMs = 5_000;
const seconds = 1_000;
const minutes = 60 * seconds;
const volumesMax = 16;
const stackedMax = 8;

/** Does what is asked. @throws {Refused} */
export async function perform(
  request: HelperRequest,
  machine: Machine,
  settings: Settings,
): Promise<HelperAnswer<HelperVerb>> {
  const helper = new Verbs(machine, settings);
  switch (request.verb) {
    case 'list':
      return await helper.list();
    case 'mount':
      return await helper.mount(request);
    case 'unmount':
      return await helper.unmount(request);
    case 'format':
      return await helper.format(request);
    case 'check':
      return await helper.check(request);
    case 'smart':
      return await helper.smart(request, ['-x', ...(request.wake ? [] : ['-n', 'standby'])]);
    case 'self-test':
      return await helper.smart(request, request.test === 'abort' ? ['-X'] : ['-t', request.test]);
    case 'power-off':
      return await helper.powerOff(request);
  }
}

class Verbs {
  readonly #machine: Machine;
  readonly #settings: Settings;

  constructor(machine: Machine, settings: Settings) {
    this.#machine = machine;
    this.#settings = settings;
  }

  async list(): Promise<HelperAnswer<'list'>> {
    const kernel = this.#machine.kernel();
    const disks: HelperDisk[] = [];
    for (const disk of listedDisks(kernel, this.#settings.testDisks)) {
      const { name, serial, sizeBytes, diskseq, model, bus, spinning, readOnly: writeProtected } = disk;
      const key = { name, serial, sizeBytes, diskseq };
      const seen = { key, model, printedName: printedName(disk), bus, spinning, writeProtected };
      disks.push({ ...seen, ...(await this.#look(kernel, disk)) });
    }
    return { disks };
  }

  /** A disk of somebody else is not even read. */
  async #look(kernel: Kernel, disk: Block): Promise<Pick<HelperDisk, 'status' | 'volumes'>> {
    const status = statusOf(kernel, disk);
    if (status === 'system' || status === 'in-use') return { status, volumes: [] };
    const unlock = await this.#machine.lock(disk.name, 0).catch(() => undefined);
    if (unlock === undefined) return { status: 'busy', volumes: [] };
    const volumes: HelperVolume[] = [];
    let release: (() => void) | undefined;
    try {
      release = this.#machine.hold(disk, 'shared');
      // Again, now that its name is its own.
      const now = this.#machine.kernel();
      const found = findDisk(now, disk, ['free', 'ours'], this.#settings.testDisks);
      for (const part of volumesOf(found).slice(0, volumesMax)) volumes.push(await this.#volume(now, part));
    } catch {
      // It went away, or somebody took it, while it was looked at.
    } finally {
      release?.();
      unlock();
    }
    return { status, volumes };
  }

  /** blkid reads it; a filesystem that it cannot tell, or that does not answer in time, has no type. */
  async #volume(kernel: Kernel, { name, sizeBytes }: Part): Promise<HelperVolume> {
    const said = await this.#run('blkid', ['-p', '-o', 'udev', `/dev/${name}`], 15 * seconds).catch(() => undefined);
    const facts = new Map(said?.out.split('\n').map((line) => line.split('=', 2) as [string, string]));
    const told = (fact: string) => cleanText(decoded(facts.get(fact) ?? ''));
    const uuid = /^[0-9A-Fa-f][0-9A-Fa-f-]{1,35}$/.exec(told('ID_FS_UUID'))?.[0] ?? '';
    const folder = mountsOf(kernel, [name]).map(folderOf)[0] ?? null;
    return { name, sizeBytes, type: told('ID_FS_TYPE'), uuid, label: told('ID_FS_LABEL_ENC'), folder };
  }

  async mount({ disk: key, volume, mode }: Of<'mount'>): Promise<HelperAnswer<'mount'>> {
    return await this.#withDisk(key, ['free', 'ours'], async (disk, kernel) => {
      const { part, type } = await this.#unmounted(kernel, disk, volume);
      const [driver, options] = mounting(type, mode, this.#settings.owner) ?? [];
      if (driver === undefined || options === undefined)
        throw new Refused('unsuitable', 'This filesystem cannot be mounted so.');
      if (mode === 'use' && disk.readOnly) throw new Refused('unsuitable', 'The disk is write-protected.');
      const folder = volume.uuid === '' ? part.name : volume.uuid;
      if (mountsAt(kernel, folder).length > 0) throw new Refused('in-use', 'Another filesystem of this id is mounted.');
      const path = this.#machine.makeFolder(folder);
      try {
        const where = ['--source', `/dev/${part.name}`, '--target', path];
        await this.#must('mount', ['-i', '-t', driver, '-o', options, ...where], 5 * minutes);
        const after = this.#machine.kernel();
        const right = mountsAt(after, folder).some((mount) => devicesOf(after, mount).includes(part.name));
        if (!right) throw new Refused('failed', 'The filesystem is not where it was mounted.');
      } catch (error) {
        await this.#letGo(folder).catch(() => undefined);
        throw error;
      }
      return { folder, path, type };
    });
  }

  async unmount({ folder }: Of<'unmount'>): Promise<HelperAnswer<'unmount'>> {
    const kernel = this.#machine.kernel();
    const [mount] = mountsAt(kernel, folder);
    if (mount === undefined) throw new Refused('no-such-disk', 'Nothing is mounted there. Nothing was done.');
    const devices = devicesOf(kernel, mount);
    const disk = kernel.blocks.find((block) => [block, ...block.parts].some(({ name }) => devices.includes(name)));
    const unlock = await this.#machine.lock(disk?.name ?? folder, lockMs);
    try {
      return { lazily: await this.#letGo(folder) };
    } finally {
      unlock();
    }
  }

  /** Returns only when what was written is on the disk, or the disk is gone. True: it is gone, and a file was open. */
  async #letGo(folder: string): Promise<boolean> {
    const path = `${mountRoot}/${folder}`;
    let lazily = false;
    for (let round = 0; round < stackedMax; round++) {
      const kernel = this.#machine.kernel();
      const mount = mountsAt(kernel, folder).at(-1);
      if (mount === undefined) break;
      const { status } = await this.#run('umount', ['-i', path], 10 * minutes);
      if (status === 0) continue;
      if (devicesOf(kernel, mount).length > 0)
        throw new Refused('in-use', 'A program still has a file of this disk open.');
      await this.#must('umount', ['-i', '-l', path], 1 * minutes);
      lazily = true;
    }
    this.#machine.removeFolder(folder);
    return lazily;
  }

  async format({ disk: key, filesystem, label, confirm }: Of<'format'>): Promise<HelperAnswer<'format'>> {
    return await this.#withDisk(key, ['free'], async (disk) => {
      if (disk.sizeBytes < formatBytesMin) throw new Refused('unsuitable', 'The disk is smaller than 1 GB.');
      if (disk.readOnly) throw new Refused('unsuitable', 'The disk is write-protected. Nothing was done.');
      if (confirm !== printedName(disk))
        throw new Refused('wrong-confirmation', 'The name typed is not that of the disk. Nothing was done.');
      // sfdisk is told not to ask who uses it: until the new partition is there, nobody else may.
      const unclaim = this.#machine.hold(disk, 'exclusive');
      const device = `/dev/${disk.name}`;
      const { partition, program, args } = making(filesystem, label, this.#settings.owner);
      // A table, though a filesystem needs none: other computers offer to "initialise" a disk without one.
      const table = `label: gpt\ntype=${partition}, name=nightjar\n`;
      const wiping = ['--wipe', 'always', '--wipe-partitions', 'always'];
      try {
        const quietly = ['-q', ...wiping, '--lock=yes', '--no-reread', '--no-tell-kernel', device];
        await this.#must('sfdisk', quietly, 2 * minutes, table);
        await this.#must('partx', ['--update', device], 1 * minutes);
      } finally {
        unclaim();
      }
      const part = await this.#newPartition(key);
      await this.#must(program, [...args, `/dev/${part.name}`], 30 * minutes);
      // Read back from the disk, not from memory.
      await this.#must('blockdev', ['--flushbufs', device], 10 * minutes);
      const volume = await this.#volume(this.#machine.kernel(), part);
      const { outcome } = await this.#checked(part, filesystem, false, 30 * minutes);
      if (volume.type !== filesystem || volume.uuid === '' || outcome !== 'clean') {
        throw new Refused('failed', 'The disk does not hold what was written to it. Use another one.');
      }
      return { volume };
    });
  }

  async #newPartition(key: DiskKey): Promise<Part> {
    for (let tries = 0; tries < 50; tries++) {
      const [part, ...more] = findDisk(this.#machine.kernel(), key, ['free'], this.#settings.testDisks).parts;
      if (part !== undefined && more.length === 0) {
        this.#machine.hold(part, 'exclusive')();
        return part;
      }
      await this.#machine.wait(100);
    }
    throw new Refused('failed', 'The new partition did not appear. The disk is empty now; pull it, and try again.');
  }

  async check({ disk: key, volume, repair }: Of<'check'>): Promise<HelperAnswer<'check'>> {
    return await this.#withDisk(key, ['free', 'ours'], async (disk, kernel) => {
      const { part, type } = await this.#unmounted(kernel, disk, volume);
      if (repair && disk.readOnly) throw new Refused('unsuitable', 'The disk is write-protected.');
      return await this.#checked(part, type, repair, 8 * 60 * minutes);
    });
  }

  async #checked(part: Part, type: string, repair: boolean, timeoutMs: number): Promise<HelperAnswer<'check'>> {
    const how = checking(type, repair);
    if (how === undefined) throw new Refused('unsuitable', 'This filesystem cannot be checked so on this box.');
    const { status, out, err } = await this.#run(how.program, [...how.args, `/dev/${part.name}`], timeoutMs);
    // fsck(8): 4 and below speak of the filesystem, all above of the check itself.
    if (status > 7) throw new Refused('failed', `The check could not be done: ${lastWords(err || out, 200)}`);
    const outcome = status === 0 ? 'clean' : how.repaired.includes(status) ? 'repaired' : 'damaged';
    return { outcome, said: lastWords(`${out}\n${err}`.trim(), 4_000) };
  }

  async smart(
    { disk: key, type }: Of<'smart' | 'self-test'>,
    asked: readonly string[],
  ): Promise<HelperAnswer<'smart'>> {
    const disk = findDisk(this.#machine.kernel(), key, ['free', 'ours'], this.#settings.testDisks);
    const release = this.#machine.hold(disk, 'shared');
    try {
      findDisk(this.#machine.kernel(), key, ['free', 'ours'], this.#settings.testDisks);
      const ran = await this.#run('smartctl', ['--json=c', ...asked, '-d', type, `/dev/${disk.name}`], 2 * minutes);
      return { exitStatus: ran.status, report: cleanJson(JSON.parse(ran.out)) };
    } catch (error) {
      if (error instanceof SyntaxError) throw new Refused('failed', 'smartctl did not answer in JSON.');
      throw error;
    } finally {
      release();
    }
  }

  async powerOff({ disk: key }: Of<'power-off'>): Promise<HelperAnswer<'power-off'>> {
    return await this.#withDisk(key, ['free', 'ours'], async (disk, kernel) => {
      const names = [disk.name, ...disk.parts.map(({ name }) => name)];
      const folders = new Set(mountsOf(kernel, names).map(folderOf));
      for (const folder of folders) if (folder !== undefined) await this.#letGo(folder);
      findDisk(this.#machine.kernel(), key, ['free'], this.#settings.testDisks);
      this.#machine.hold(disk, 'exclusive')();
      await this.#must('blockdev', ['--flushbufs', `/dev/${disk.name}`], 10 * minutes);
      if (disk.bus !== 'usb' && disk.bus !== 'sata') return { state: 'unmounted' };
      // Heads parked before the plug is pulled; a bridge that does not pass it on is no reason to stay.
      const parked = ['-s', 'standby,now', `/dev/${disk.name}`];
      if (disk.spinning) await this.#run('smartctl', parked, 1 * minutes).catch(() => undefined);
      // While it is held: else its name might be another disk's by now.
      this.#machine.detach(disk.name);
      return { state: 'off' };
    });
  }

  /** Runs `work` on this very disk, locked and held open. */
  async #withDisk<Answer>(
    key: DiskKey,
    allowed: readonly Status[],
    work: (disk: Block, kernel: Kernel) => Promise<Answer>,
  ): Promise<Answer> {
    const { testDisks } = this.#settings;
    findDisk(this.#machine.kernel(), key, allowed, testDisks);
    const unlock = await this.#machine.lock(key.name, lockMs);
    let release: (() => void) | undefined;
    try {
      release = this.#machine.hold(findDisk(this.#machine.kernel(), key, allowed, testDisks), 'shared');
      const kernel = this.#machine.kernel();
      return await work(findDisk(kernel, key, allowed, testDisks), kernel);
    } finally {
      release?.();
      unlock();
    }
  }

  /** The filesystem that was meant, still there, and claimed by nobody. */
  async #unmounted(
    kernel: Kernel,
    disk: Block,
    volume: { name: string; uuid: string },
  ): Promise<{ part: Part; type: string }> {
    const part = findVolume(kernel, disk, volume.name);
    this.#machine.hold(part, 'exclusive')();
    const { type, uuid } = await this.#volume(kernel, part);
    if (uuid !== volume.uuid)
      throw new Refused('changed', 'Another filesystem is there now. Nothing was done; look at the list again.');
    return { part, type };
  }

  async #must(program: Program, args: readonly string[], timeoutMs: number, input?: string): Promise<void> {
    const { status, err } = await this.#run(program, args, timeoutMs, input);
    if (status !== 0) throw new Refused('failed', `${program} failed: ${lastWords(err, 200)}`);
  }

  async #run(...asked: Parameters<Machine['run']>): ReturnType<Machine['run']> {
    return await this.#machine.run(...asked);
  }
}

function mountsAt(kernel: Kernel, folder: string): readonly Mount[] {
  return kernel.mounts.filter(({ point }) => point === `${mountRoot}/${folder}`);
}

/** blkid writes what is not plain as `\x20`, byte by byte. */
function decoded(text: string): string {
  const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
