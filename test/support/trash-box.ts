/**
 * A box whose owner deletes photos and brings them back while it dies: remembers every answer, and checks after each
 * crash that what was answered holds, that nothing went that nobody asked to go, and that the catalogue equals the disk.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { CatalogueCheck } from './catalogue-check.ts';
import { treeDir } from './counts.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { exifJpeg } from './exif-jpeg.ts';
import { sha256 } from './fault-phone.ts';
import { LoopDisk } from './loop-disk.ts';
import type { Random } from './random.ts';
import { beginUpload } from './tus-by-hand.ts';

type State = 'present' | 'trashed' | 'deleted';
type File = Readonly<{ path: string; bytes: Buffer; pair?: string }>;
/** Files that go together: a photo with its video or its sidecar. */
type Unit = { ids: number[]; state: State; asked: State | undefined };

const diskMiB = 2 * 1024;
const stateMiB = 64;
const unitsAtFirst = 24;
const workers = 3;
const unitsAtOnceMax = 6;

export class TrashBox {
  readonly #random: Random;
  readonly #dir: string;
  readonly #disks: LoopDisk[] = [];
  readonly units: Unit[] = [];
  #arrived: File[][] = [];
  #daemon: Daemon | undefined;
  #check: CatalogueCheck | undefined;
  #cookie = '';
  #token = '';
  #files = 0;
  #deaf = false;
  answered = 0;
  readonly surprises: string[] = [];

  private constructor(dir: string, random: Random) {
    this.#dir = dir;
    this.#random = random;
  }

  static async make(it: { dir: string; random: Random; loop: boolean }): Promise<TrashBox> {
    await mkdir(it.dir, { recursive: true });
    const box = new TrashBox(it.dir, it.random);
    try {
      if (it.loop) {
        box.#disks.push(await LoopDisk.make(it.dir, 'disk', diskMiB));
        box.#disks.push(await LoopDisk.make(it.dir, 'state', stateMiB));
      }
      box.#daemon = await Daemon.start(box.#options());
      box.#check = new CatalogueCheck(box.daemon.diskDir);
      await box.daemon.setUp('Alice');
      box.#token = (await box.daemon.pair('Alice', 'phone')).token;
      box.#cookie = await box.daemon.signIn();
      for (let at = 0; at < unitsAtFirst; at++) await box.#sendUnit();
      box.#takeArrived();
      return box;
    } catch (error) {
      await box.remove();
      throw error;
    }
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('The box is not there.');
    return this.#daemon;
  }

  /** People delete, restore and send until it crashes, so many milliseconds later. */
  async runUntilCrash(afterMs: number): Promise<void> {
    const stop = new AbortController();
    const working = Promise.allSettled([
      ...Array.from({ length: workers }, (_, at) => this.#work(at, this.#random.fork(), stop.signal)),
      this.#sendUntil(stop.signal),
    ]);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    this.#deaf = this.#disks.length > 0;
    await Promise.all(this.#disks.map((disk) => disk.cut()));
    await this.daemon.kill();
    stop.abort();
    for (const end of await working) if (end.status === 'rejected') throw end.reason;
    await Promise.all(this.#disks.map((disk) => disk.remount()));
    this.#deaf = false;
  }

  /** Starts it and lets it crash on the way. */
  async startAndCrash(afterMs: number): Promise<void> {
    const daemon = Daemon.launch(this.#options());
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await Promise.all(this.#disks.map((disk) => disk.cut()));
    await daemon.kill();
    await Promise.all(this.#disks.map((disk) => disk.remount()));
  }

  async start(): Promise<void> {
    await this.daemon.restart();
    this.#cookie = await this.daemon.signIn();
  }

  /** A sentence each. Afterwards every unit is as the catalogue says. */
  async whatIsWrong(everything: boolean): Promise<string[]> {
    const check = this.#check ?? new CatalogueCheck(this.daemon.diskDir);
    await check.quiet();
    const wrong = [...this.surprises.splice(0), ...(await check.whatIsWrong({ everything }))];
    const states = this.#read((catalogue) =>
      catalogue.prepare<[], { id: number; state: State }>('SELECT id, state FROM asset').all(),
    );
    const now = new Map(states.map(({ id, state }) => [id, state]));
    for (const unit of this.units) {
      const found = new Set(unit.ids.map((id) => now.get(id)));
      const [state] = found;
      const allowed = [unit.state, unit.asked];
      if (found.size !== 1 || state === undefined || !allowed.includes(state)) {
        wrong.push(`${unit.ids.join(' and ')}: ${[...found].join(' and ')}, and not ${allowed.join(' or ')}`);
      }
      if (state !== undefined) unit.state = state;
      unit.asked = undefined;
    }
    wrong.push(...this.#takeArrived());
    return wrong;
  }

  async remove(): Promise<void> {
    await this.#daemon?.kill();
    for (const disk of this.#disks) await disk.remove();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Each worker has units of its own, so that what it was answered last is what must hold. */
  async #work(worker: number, random: Random, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const own = this.units.filter((unit, at) => at % workers === worker && unit.state !== 'deleted');
      const state = random.chance(0.5) ? 'present' : 'trashed';
      const some = own.filter((unit) => unit.state === state);
      const from = random.whole(0, Math.max(0, some.length - 1));
      const chosen = some.slice(from, from + random.whole(1, unitsAtOnceMax));
      if (chosen.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        continue;
      }
      const verb = state === 'present' ? 'trash' : random.chance(0.15) ? 'delete' : 'restore';
      if (!(await this.#ask(verb, chosen))) return;
    }
  }

  /** False: the box is gone. */
  async #ask(verb: 'trash' | 'restore' | 'delete', chosen: Unit[]): Promise<boolean> {
    const wanted: State = { trash: 'trashed', restore: 'present', delete: 'deleted' }[verb] as State;
    // The photo, which came first: what goes together goes along.
    const assets = chosen.map(({ ids }) => ids[0]);
    for (const unit of chosen) unit.asked = wanted;
    const path = verb === 'trash' ? '/api/trash' : `/api/trash/${verb}`;
    const reply = await this.daemon
      .ask('POST', path, { headers: { cookie: this.#cookie }, json: { assets } })
      .catch(() => undefined);
    if (reply === undefined || this.#deaf) return false;
    if (reply.status === 503) return false;
    if (reply.status !== 200) {
      this.surprises.push(`${verb} of ${assets.join(', ')}: ${reply.status} ${reply.body}`);
      return false;
    }
    for (const unit of chosen) {
      unit.state = wanted;
      unit.asked = undefined;
    }
    this.answered += 1;
    return true;
  }

  async #sendUntil(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const sent = await this.#sendUnit().catch(() => false);
      if (!sent) return;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async #sendUnit(): Promise<boolean> {
    const number = ++this.#files;
    const month = String((number % 3) + 1).padStart(2, '0');
    const bytes = exifJpeg({ seed: number, bytes: 5_000 + number, takenLocal: `2025-${month}-10T10:00:00` });
    const name = `DCIM/IMG_${number}`;
    const files: File[] =
      number % 2 === 0
        ? [
            { path: `${name}.jpg`, bytes },
            { path: `${name}.AAE`, bytes: Buffer.from(`edit ${number}`) },
          ]
        : [
            { path: `${name}.jpg`, bytes, pair: `pair ${number}` },
            { path: `${name}.png`, bytes: Buffer.from(`other half ${number}`), pair: `pair ${number}` },
          ];
    for (const file of files) {
      const reply = await beginUpload(
        { daemon: this.daemon, token: this.#token },
        {
          path: file.path,
          length: file.bytes.length,
          body: file.bytes,
          ...(file.pair === undefined ? {} : { pair: file.pair }),
        },
      );
      if (reply.status !== 201 || this.#deaf) return false;
    }
    this.#arrived.push(files);
    return true;
  }

  /** What was acknowledged is there; from now on its owner may delete it. */
  #takeArrived(): string[] {
    const wrong: string[] = [];
    this.#read((catalogue) => {
      const find = catalogue.prepare<[Buffer], { id: number; state: State }>(
        'SELECT id, state FROM asset WHERE sha256 = ?',
      );
      for (const files of this.#arrived) {
        const rows = files.map(({ bytes }) => find.get(Buffer.from(sha256(bytes), 'hex')));
        if (rows.some((row) => row?.state !== 'present'))
          wrong.push(`lost: ${files.map(({ path }) => path).join(', ')}`);
        else this.units.push({ ids: rows.map((row) => row?.id ?? 0), state: 'present', asked: undefined });
      }
    });
    this.#arrived = [];
    return wrong;
  }

  #read<T>(read: (catalogue: Sqlite.Database) => T): T {
    const path = join(this.daemon.diskDir, '.nightjar/library.sqlite');
    const catalogue = new Sqlite(path, { readonly: true, timeout: 5_000 });
    try {
      return read(catalogue);
    } finally {
      catalogue.close();
    }
  }

  #options(): DaemonOptions {
    const [disk, state] = this.#disks;
    return {
      dir: this.#dir,
      ...(disk === undefined ? {} : { diskDir: disk.path }),
      ...(state === undefined ? {} : { stateDir: state.path }),
      ...(treeDir === undefined ? {} : { treeDir }),
    };
  }
}
