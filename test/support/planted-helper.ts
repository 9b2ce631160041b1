/**
 * A disk helper of the test's own, on its own socket: its disks are folders, and it answers as the real one does. For pages,
 * which need disks of every kind and state; what the real one does to devices is tested on loop devices (`helper-box.ts`).
 */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HelperDisk, HelperRequest, HelperVolume } from '../../src/disks/helper-protocol.ts';

export type PlantedDisk = Readonly<{
  name: string;
  model: string;
  serial: string;
  sizeBytes: number;
  bus?: HelperDisk['bus'];
  spinning?: boolean;
  status?: HelperDisk['status'];
  /** '': it has none. */
  filesystem?: string;
  label?: string;
  /** Folders at its top. */
  holds?: readonly string[];
}>;
type Kept = { told: HelperDisk; folder: string; volume: HelperVolume | undefined };

export class PlantedHelper {
  readonly #dir: string;
  readonly #server: Server;
  readonly #disks = new Map<string, Kept>();
  /** By the kernel's name: as smartctl answers of it. */
  readonly reports = new Map<string, unknown>();
  /** What the next check of a filesystem finds. */
  outcome: 'clean' | 'repaired' | 'damaged' = 'clean';
  readonly asked: HelperRequest[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      // Who asked may have gone.
      socket.on('error', () => undefined).on('end', () => socket.destroy());
      socket.once('data', (line: Buffer) => {
        const request = JSON.parse(line.toString()) as HelperRequest;
        this.asked.push(request);
        void this.#answer(request)
          .catch((error: Error) => ({ ok: false, code: 'failed', message: error.message }))
          .then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
      });
    });
  }

  static async start(): Promise<PlantedHelper> {
    const dir = await mkdtemp(join(tmpdir(), 'njp-'));
    const helper = new PlantedHelper(dir);
    await mkdir(helper.mountRoot);
    await writeFile(helper.mountInfo, '');
    await helper.#tell();
    await new Promise<void>((resolve) => helper.#server.listen(helper.socketPath, resolve));
    return helper;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#dir, { recursive: true, force: true });
  }

  get socketPath(): string {
    return join(this.#dir, 'helper.sock');
  }

  get mountRoot(): string {
    return join(this.#dir, 'mounted');
  }

  get mountInfo(): string {
    return join(this.#dir, 'mountinfo');
  }

  /** As the box is told of them. */
  get planted() {
    const { socketPath, mountRoot, mountInfo } = this;
    return { socketPath, mountRoot, mountInfo, partitions: this.#partitions, watchMs: 100 };
  }

  /** Where what is on a disk lies. */
  folderOf(name: string): string {
    return join(this.mountRoot, this.#kept(name).folder);
  }

  async plug({ name, model, serial, sizeBytes, filesystem = '', label = '', ...more }: PlantedDisk): Promise<void> {
    const { bus = 'usb', spinning = true, status = 'free', holds = [] } = more;
    const folder = randomUUID();
    await mkdir(join(this.mountRoot, folder));
    for (const one of holds) await mkdir(join(this.mountRoot, folder, one));
    const volume = { name, sizeBytes, type: filesystem, uuid: filesystem && randomUUID(), label, folder: null };
    const key = { name, serial, sizeBytes, diskseq: this.#disks.size + 1 };
    const told = { key, model, printedName: `${model} ${serial.slice(-4)}`, bus, spinning, status };
    this.#disks.set(name, { told: { ...told, writeProtected: false, volumes: [] }, folder, volume });
    await this.#tell();
  }

  async pull(name: string): Promise<void> {
    this.#disks.delete(name);
    await this.#tell();
  }

  get #partitions(): string {
    return join(this.#dir, 'partitions');
  }

  async #tell(): Promise<void> {
    const lines = [...this.#disks.values()].map(({ told: { key } }) => `8 0 ${key.sizeBytes} ${key.name}`);
    await writeFile(this.#partitions, lines.join('\n'));
  }

  #kept(name: string): Kept {
    const kept = this.#disks.get(name);
    if (kept === undefined) throw new Error(`${name} is not plugged in`);
    return kept;
  }

  async #answer(request: HelperRequest): Promise<Record<string, unknown>> {
    switch (request.verb) {
      case 'list':
        return { ok: true, disks: [...this.#disks.values()].map(listed) };
      case 'mount': {
        const { folder, volume } = this.#kept(request.disk.name);
        if (volume !== undefined) volume.folder = folder;
        return { ok: true, folder, path: join(this.mountRoot, folder), type: volume?.type ?? '' };
      }
      case 'unmount': {
        for (const { volume } of this.#disks.values()) if (volume?.folder === request.folder) volume.folder = null;
        return { ok: true, lazily: false };
      }
      case 'format':
        return { ok: true, volume: await this.#format(request.disk.name, request) };
      case 'check':
        return { ok: true, outcome: request.repair ? 'repaired' : this.outcome, said: 'as planted' };
      case 'smart':
        return { ok: true, exitStatus: 0, report: this.reports.get(request.disk.name) ?? {} };
      case 'self-test':
        return { ok: true, exitStatus: 0, report: {} };
      default:
        return { ok: true, state: 'unmounted' };
    }
  }

  async #format(name: string, { filesystem, label }: { filesystem: string; label: string }): Promise<HelperVolume> {
    const kept = this.#kept(name);
    const path = join(this.mountRoot, kept.folder);
    for (const one of await readdir(path)) await rm(join(path, one), { recursive: true });
    const { sizeBytes } = kept.told.key;
    kept.volume = { name, sizeBytes, type: filesystem, uuid: randomUUID(), label, folder: null };
    return kept.volume;
  }
}

function listed({ told, volume }: Kept): HelperDisk {
  const free = told.status === 'free';
  const volumes = volume === undefined || !free ? [] : [volume];
  return { ...told, status: free && volume?.folder != null ? 'ours' : told.status, volumes };
}
