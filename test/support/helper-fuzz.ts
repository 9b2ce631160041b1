/**
 * Requests to the disk helper, mutated, against made-up machines on which a recorder stands for everything that acts. What
 * is acted on is held against the truth of the made-up machine, never against the helper's own rules.
 */

import type { Block, Kernel, Mount } from '../../system/usr/lib/nightjar/disk-helper/kernel.mts';
import type { Machine, Program, Ran } from '../../system/usr/lib/nightjar/disk-helper/machine.mts';
import type { parseRequest } from '../../system/usr/lib/nightjar/disk-helper/request.mts';
import type { perform } from '../../system/usr/lib/nightjar/disk-helper/verbs.mts';
import { gigabyte, type MadeDisk, mayTouch } from './made-kernel.ts';
import type { Random } from './random.ts';

/** The code under test: the helper's, or a copy with a bug planted in it. */
export type Helper = { parseRequest: typeof parseRequest; perform: typeof perform };
export type World = { kernel: Kernel; disks: readonly MadeDisk[] };
type Json = Record<string, unknown>;

const owner = { uid: 997, gid: 997 };
const ours = '/run/nightjar/disks/';
const uuid = '0f0e0d0c-1111-4222-8333-444455556666';
const reading: readonly Program[] = ['blkid', 'blockdev', 'smartctl', 'btrfs'];

/** Sends one line. Returns which promise was broken, if any, and whether anything was run. */
export async function tryLine(
  helper: Helper,
  world: World,
  line: string,
  random: Random,
): Promise<{ broken?: string; ran: number; ok: boolean }> {
  const recorder = new Recorder(world, random);
  let ok = false;
  try {
    const request = helper.parseRequest(line);
    recorder.request = request as unknown as Json;
    await helper.perform(request, recorder.machine(), { owner, testDisks: undefined });
    ok = true;
  } catch (error) {
    const refused = error instanceof Error && error.constructor.name === 'Refused';
    if (!refused) recorder.broken ??= `it failed inside: ${error instanceof Error ? error.stack : error}`;
  }
  if (recorder.held.size > 0) recorder.broken ??= 'a device stays open';
  const { broken, ran } = recorder;
  return broken === undefined ? { ran, ok } : { broken, ran, ok };
}

/** Does nothing, remembers what would have become of the machine, and judges. */
class Recorder {
  request: Json = {};
  broken: string | undefined;
  ran = 0;
  readonly held = new Map<string, number>();
  /** Whole disks that nobody else can mount just now. */
  readonly #claimed = new Set<string>();
  #kernel: Kernel;
  #lookups = 0;
  readonly #disks: readonly MadeDisk[];
  /** At this look at the kernel another disk takes the place of every one that nobody holds. */
  readonly #swapAt: number;
  readonly #status: number;
  readonly #blkid: string;

  constructor({ kernel, disks }: World, random: Random) {
    this.#kernel = kernel;
    this.#disks = disks;
    this.#swapAt = random.chance(0.15) ? random.whole(1, 5) : 0;
    this.#status = random.chance(0.1) ? random.whole(1, 8) : 0;
    const type = random.chance(0.6)
      ? 'ext4'
      : ['exfat', 'btrfs', 'vfat', 'ntfs', 'crypto_LUKS', '__proto__'][random.whole(0, 5)];
    this.#blkid = `ID_FS_TYPE=${type}\nID_FS_UUID=${random.chance(0.9) ? uuid : '../../../etc'}\nID_FS_LABEL_ENC=a\\x20\\x1b\n`;
  }

  machine(): Machine {
    return {
      kernel: () => this.#look(),
      run: (program, args, _timeoutMs, input) => Promise.resolve(this.#run(program, args, input ?? '')),
      lock: () => Promise.resolve(() => undefined),
      hold: ({ name }, how) => {
        // The last moment at which another disk may come in its place.
        this.#look();
        const disk = this.#diskOf(name);
        if (disk === undefined || !mayTouch(disk.role))
          this.broken ??= `${name} (${disk?.role ?? 'no disk'}) is opened`;
        const key = disk?.name ?? name;
        this.held.set(key, (this.held.get(key) ?? 0) + 1);
        if (how === 'exclusive' && key === name) this.#claimed.add(key);
        return () => {
          if (how === 'exclusive') this.#claimed.delete(key);
          const left = (this.held.get(key) ?? 0) - 1;
          if (left > 0) this.held.set(key, left);
          else this.held.delete(key);
        };
      },
      makeFolder: (folder) => {
        if (!/^[0-9A-Za-z][0-9A-Za-z-]*$/.test(folder)) this.broken ??= `a folder ${JSON.stringify(folder)} is made`;
        return `${ours}${folder}`;
      },
      removeFolder: (folder) => {
        if (!/^[0-9A-Za-z][0-9A-Za-z-]*$/.test(folder)) this.broken ??= `a folder ${JSON.stringify(folder)} is removed`;
      },
      detach: (name) => {
        const disk = this.#judge(name, 'detached');
        if (!this.held.has(name)) this.broken ??= `${name} is detached, and may be another disk by then`;
        if (disk !== undefined && this.#mountsOf(disk).length > 0) this.broken ??= `${name} is detached while mounted`;
      },
      wait: () => Promise.resolve(),
    };
  }

  #look(): Kernel {
    this.#lookups++;
    if (this.#lookups !== this.#swapAt) return this.#kernel;
    const blocks = this.#kernel.blocks.map((block) =>
      this.held.has(block.name) ? block : { ...block, diskseq: block.diskseq + 1_000 },
    );
    this.#kernel = { ...this.#kernel, blocks };
    return this.#kernel;
  }

  #run(program: Program, args: readonly string[], input: string): Ran {
    this.ran++;
    const said = `${program} ${args.join(' ')}`;
    if (/[\n\r\0;|&$`<>]/.test(args.join(' ')))
      this.broken ??= `arguments that no request may bring: ${JSON.stringify(said)}`;
    const devices = args.filter((arg) => arg.startsWith('/dev/')).map((arg) => arg.slice(5));
    const others = args.filter((arg) => arg.startsWith('/') && !arg.startsWith('/dev/'));
    if (others.some((path) => !/^\/run\/nightjar\/disks\/[0-9A-Za-z][0-9A-Za-z-]*$/.test(path)))
      this.broken ??= `outside: ${said}`;
    if (program === 'umount') return this.#unmount(others[0] ?? '', said);
    if (devices.length !== 1) this.broken ??= `not one device: ${said}`;
    const [device = ''] = devices;
    const disk = this.#judge(device, said);
    if (disk === undefined) return { status: 1, out: '', err: '' };
    if (!this.held.has(disk.name)) this.broken ??= `a device that is not held: ${said}`;
    const writes = !reading.includes(program) && !args.includes('-n');
    if (writes) this.#judgeWriting(disk, device, program, said);
    if (this.#status !== 0 && program !== 'blkid') return { status: this.#status, out: '{', err: 'no\u001b[31m' };
    if (program === 'sfdisk') this.#parted(disk, input);
    if (program === 'mount') this.#mounted(device, args, others[0] ?? '', said);
    return { status: 0, out: program === 'blkid' ? this.#blkid : '{"a":["\\u001b"]}', err: '' };
  }

  /** Whether this disk may be touched by this request: it is free or ours, and the one that was named, as it was named. */
  #judge(device: string, said: string): MadeDisk | undefined {
    const disk = this.#diskOf(device);
    if (disk === undefined || !mayTouch(disk.role)) {
      this.broken ??= `${device} (${disk?.role ?? 'no disk'}) is touched: ${said}`;
      return undefined;
    }
    const asked = this.request['disk'] as Json | undefined;
    if (asked === undefined) {
      if (this.request['verb'] !== 'list') this.broken ??= `no disk was named: ${said}`;
      return disk;
    }
    const now = this.#kernel.blocks.find(({ name }) => name === disk.name);
    const same =
      asked['name'] === disk.name && asked['serial'] === disk.serial && asked['sizeBytes'] === disk.sizeBytes;
    if (!same || asked['diskseq'] !== now?.diskseq) this.broken ??= `another disk than was named: ${said}`;
    return disk;
  }

  #judgeWriting(disk: MadeDisk, device: string, program: Program, said: string): void {
    const { verb } = this.request;
    if (program === 'mount') return;
    if (this.#mountsOf(disk).some((mount) => program === 'sfdisk' || mount.source === `/dev/${device}`)) {
      this.broken ??= `written while mounted: ${said}`;
    }
    if ((program === 'sfdisk' || program === 'partx') && !this.#claimed.has(disk.name))
      this.broken ??= `written while anybody may mount it: ${said}`;
    if (disk.role === 'free-protected') this.broken ??= `a protected disk is written to: ${said}`;
    if (verb === 'check' && this.request['repair'] === true) return;
    if (verb !== 'format' || this.request['confirm'] !== disk.printedName) this.broken ??= `erased unasked: ${said}`;
    if (disk.sizeBytes < gigabyte) this.broken ??= `too small to be a disk: ${said}`;
  }

  #parted(disk: MadeDisk, input: string): void {
    if (!/^label: gpt\ntype=[0-9A-F-]{36}, name=nightjar\n$/.test(input)) this.broken ??= `another table: ${input}`;
    const part = { name: `${disk.name}${/\d$/.test(disk.name) ? 'p' : ''}1`, dev: '9:9', sizeBytes: 1, holders: [] };
    const blocks = this.#kernel.blocks.map(
      (block): Block => (block.name === disk.name ? { ...block, parts: [part] } : block),
    );
    this.#kernel = { ...this.#kernel, blocks };
  }

  #mounted(device: string, args: readonly string[], point: string, said: string): void {
    const options = args[args.indexOf('-o') + 1] ?? '';
    for (const needed of ['noatime', 'nosuid', 'nodev', 'noexec', this.request['mode'] === 'look' ? 'ro' : 'rw']) {
      if (!options.split(',').includes(needed)) this.broken ??= `without ${needed}: ${said}`;
    }
    if (this.#kernel.mounts.some((mount) => mount.source === `/dev/${device}` || mount.point === point)) {
      this.broken ??= `mounted twice: ${said}`;
    }
    const dev =
      this.#kernel.blocks.flatMap((block) => [block, ...block.parts]).find(({ name }) => name === device)?.dev ?? '';
    const mount: Mount = { dev, point, type: 'ext4', source: `/dev/${device}`, options: '' };
    this.#kernel = { ...this.#kernel, mounts: [...this.#kernel.mounts, mount] };
  }

  #unmount(point: string, said: string): Ran {
    if (!this.#kernel.mounts.some((mount) => mount.point === point))
      this.broken ??= `nothing is mounted there: ${said}`;
    if (this.#status !== 0) return { status: 32, out: '', err: 'busy' };
    this.#kernel = { ...this.#kernel, mounts: this.#kernel.mounts.filter((mount) => mount.point !== point) };
    return { status: 0, out: '', err: '' };
  }

  #mountsOf(disk: MadeDisk): readonly Mount[] {
    return this.#kernel.mounts.filter(({ source }) =>
      [disk.name, ...disk.parts].some((name) => source === `/dev/${name}`),
    );
  }

  #diskOf(device: string): MadeDisk | undefined {
    return this.#disks.find(
      ({ name, parts }) => name === device || parts.includes(device) || new RegExp(`^${name}p?1$`).test(device),
    );
  }
}

const verbs = ['list', 'mount', 'unmount', 'format', 'check', 'smart', 'self-test', 'power-off'] as const;
const nasty = [
  ...[
    '',
    '.',
    '..',
    '/',
    '/dev/sda',
    '../sda',
    'sda;reboot',
    'sda\n',
    '-rf',
    '--all',
    '$(id)',
    'sd\u0000a',
    '\u202e',
    '__proto__',
  ],
  ...['constructor', 'a'.repeat(5_000), 0, -1, 1.5, 1e308, 2 ** 53, null, true, [], {}, ['sda'], { name: 'sda' }],
] as const;

/** What an honest daemon would send of some disk of this machine, whether it may be touched or not. */
function validRequest({ disks }: Pick<World, 'disks'>, random: Random): Json {
  // Half of them of disks that may be touched, so that much is done.
  const touchable = disks.filter(({ role }) => mayTouch(role));
  const disk = pick(touchable.length > 0 && random.chance(0.5) ? touchable : disks, random);
  const key = { name: disk.name, serial: disk.serial, sizeBytes: disk.sizeBytes, diskseq: disk.diskseq };
  const place = disk.parts.length === 0 || random.chance(0.1) ? disk.name : pick(disk.parts, random);
  const volume = { name: place, uuid };
  const verb = pick(verbs, random);
  const type = pick(['auto', 'sat', 'sat,12', 'nvme', 'usbjmicron'], random);
  const members: Record<(typeof verbs)[number], Json> = {
    list: {},
    mount: { disk: key, volume, mode: pick(['use', 'look'], random) },
    unmount: { folder: pick(['aaaa-0', 'bbbb-1', `aaaa-${disks.indexOf(disk)}`, uuid], random) },
    format: { disk: key, filesystem: pick(['ext4', 'exfat'], random), label: 'nightjar-x1', confirm: disk.printedName },
    check: { disk: key, volume, repair: random.chance(0.5) },
    smart: { disk: key, type, wake: random.chance(0.5) },
    'self-test': { disk: key, type, test: pick(['short', 'long', 'abort'], random) },
    'power-off': { disk: key },
  };
  return { verb, ...members[verb] };
}

/** The request's line with none to four mutations: of values, of members, of another disk's, of bytes. */
export function mutatedLine(world: Pick<World, 'disks'>, random: Random): string {
  const request = validRequest(world, random);
  const times = random.chance(0.3) ? 0 : random.whole(1, 4);
  for (let time = 0; time < times; time++) mutate(request, world, random);
  let line = JSON.stringify(request);
  if (random.chance(0.15)) {
    const at = random.whole(0, line.length);
    const put = pick(
      ['', '{', '}', '"', '\\u0000', ',"verb":"format"', String.fromCharCode(random.whole(0, 0x2ff))],
      random,
    );
    line = `${line.slice(0, at)}${put}${line.slice(at + random.whole(0, 3))}`;
  }
  return line;
}

function mutate(request: Json, world: Pick<World, 'disks'>, random: Random): void {
  const nested = ['disk', 'volume']
    .map((name) => request[name])
    .filter((one) => typeof one === 'object' && one !== null) as Json[];
  const target = random.chance(0.6) && nested.length > 0 ? pick(nested, random) : request;
  const names = Object.keys(target);
  const name = names.length === 0 ? 'verb' : pick(names, random);
  const other = validRequest(world, random);
  const kind = random.next();
  if (kind < 0.3)
    Object.defineProperty(target, name, {
      value: structuredClone(pick(nasty, random)),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  else if (kind < 0.4) delete target[name];
  else if (kind < 0.5)
    target[pick(['extra', 'lazy', 'force', 'path', 'toString'], random)] = structuredClone(pick(nasty, random));
  else if (kind < 0.7) request[name] = structuredClone(own(other, name));
  else if (kind < 0.85 && target !== request && typeof other['disk'] === 'object')
    target[name] = own(other['disk'] as Json, name);
  else if (typeof target[name] === 'number') target[name] = (target[name] as number) + random.whole(-2, 2);
  else if (typeof target[name] === 'string')
    target[name] = `${target[name]}${pick(['1', ' ', 'p1', '\n', '/'], random)}`;
}

function own(of: Json, name: string): unknown {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[random.whole(0, items.length - 1)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
