/**
 * A box under attack: a real daemon on two disks, phones that send and people who pair meanwhile, and the check that
 * after each crash nothing that was acknowledged is lost and the catalogue equals what is on the disk.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CatalogueCheck, damageOf } from './catalogue-check.ts';
import { treeDir } from './counts.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { FaultPhone, type PhoneFile, type PhoneLimits } from './fault-phone.ts';
import { LoopDisk } from './loop-disk.ts';
import type { Random } from './random.ts';

const people = ['Alice', 'Bob'];
/** Sparse: room for many rounds. */
const diskMiB = 4 * 1024;
const stateMiB = 64;
const pageSize = 1_000;

export type FaultBoxOptions = Readonly<{
  dir: string;
  random: Random;
  /** On disks that can lose power, else on plain folders. */
  loop: boolean;
  limits?: Partial<PhoneLimits>;
}>;

export class FaultBox {
  readonly phones: FaultPhone[] = [];
  readonly #it: FaultBoxOptions;
  readonly #disks: LoopDisk[] = [];
  readonly #people = new Set<string>();
  /** Tokens that were acknowledged, by the phone's name. */
  readonly #tokens = new Map<string, string>();
  readonly #checkedTokens = new Set<string>();
  #check: CatalogueCheck | undefined;
  #daemon: Daemon | undefined;
  #pairings = 0;
  #pulled = false;

  private constructor(it: FaultBoxOptions) {
    this.#it = it;
  }

  /** A running box that nobody owns yet. */
  static async make(it: FaultBoxOptions): Promise<FaultBox> {
    await mkdir(it.dir, { recursive: true });
    const box = new FaultBox(it);
    try {
      if (it.loop) {
        box.#disks.push(await LoopDisk.make(it.dir, 'disk', diskMiB));
        box.#disks.push(await LoopDisk.make(it.dir, 'state', stateMiB));
      }
      box.#daemon = await Daemon.start(box.#options());
      box.#check = new CatalogueCheck(box.daemon.diskDir);
    } catch (error) {
      await box.remove();
      throw error;
    }
    return box;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('The box is not there.');
    return this.#daemon;
  }

  /** The daemon's last words, for the message of a failure. */
  get log(): string {
    return this.#daemon?.log ?? '';
  }

  async setUp(): Promise<void> {
    const [owner = ''] = people;
    await this.daemon.setUp(owner);
    this.#people.add(owner);
  }

  /** Adds the second person and pairs the phones that send. */
  async pairPhones(): Promise<void> {
    for (const person of people.slice(1)) await this.#addPerson(person);
    for (const person of people) {
      const known: PhoneFile[] = [];
      for (const name of [`${person} phone`, `${person} tablet`]) {
        const { token, phoneId } = await this.daemon.pair(person, name);
        this.#tokens.set(name, token);
        const random = this.#it.random.fork();
        const limits = this.#it.limits ?? {};
        this.phones.push(new FaultPhone({ name, person, token, phoneId, random, known, limits }));
      }
    }
  }

  async start(): Promise<void> {
    await this.daemon.restart();
  }

  /** Starts it and lets it crash on the way, after so many milliseconds. */
  async startAndCrash(afterMs: number): Promise<void> {
    const daemon = Daemon.launch(this.#options());
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await this.#crash(daemon);
  }

  /** Pulls the plug of both disks at the same moment (or only kills, on plain folders). */
  async crash(): Promise<void> {
    await this.#crash(this.daemon);
  }

  /**
   * Phones send and people pair until `crashWhen` resolves; then it crashes. `acknowledged` resolves at the next
   * acknowledgement that a phone gets.
   */
  async runUntilCrash(crashWhen: (acknowledged: () => Promise<void>) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    const waiting: Array<() => void> = [];
    for (const phone of this.phones) {
      phone.onAcknowledged = () => {
        for (const resolve of waiting.splice(0)) resolve();
      };
    }
    const { url } = this.daemon;
    const working = Promise.allSettled([
      ...this.phones.map((phone) => phone.run(url, stop.signal)),
      this.#pairUntil(stop.signal),
    ]);
    await crashWhen(() => new Promise<void>((resolve) => waiting.push(resolve)));
    await this.crash();
    stop.abort();
    for (const end of await working) if (end.status === 'rejected') throw end.reason;
  }

  /** Every file that was begun is finished. */
  async finishAll(): Promise<void> {
    for (const phone of this.phones) await phone.finishAll(this.daemon.url);
  }

  async remove(): Promise<void> {
    await this.#daemon?.kill();
    for (const disk of this.#disks) await disk.remove();
    await rm(this.#it.dir, { recursive: true, force: true });
  }

  /** Everything that must hold after a restart. Returns what does not; empty when all is well. */
  async whatIsWrong(options: { everything: boolean }): Promise<string[]> {
    if (options.everything) this.#checkedTokens.clear();
    const check = this.#check ?? new CatalogueCheck(this.daemon.diskDir);
    const wrong: string[] = [];
    for (const phone of this.phones) {
      wrong.push(...(await phone.checkOffsets(this.daemon.url)).map((it) => `offset lost: ${it}`));
      wrong.push(...phone.surprises.splice(0));
    }
    await check.quiet();
    wrong.push(...(await this.#wrongWithPeople()));
    wrong.push(...(await this.#wrongWithLibraries()));
    wrong.push(...(await check.whatIsWrong(options)));
    wrong.push(...damageOf(join(this.daemon.stateDir, 'nightjar.sqlite')).map((it) => `box state damaged: ${it}`));
    const items = check.items();
    for (const phone of this.phones) {
      for (const { path, sha256 } of phone.safe.values()) {
        if (items.get(`${phone.phoneId} ${path}`) !== sha256) wrong.push(`phone item lost: ${path}`);
      }
    }
    return wrong;
  }

  get acknowledged(): { files: number; offsets: number; pairings: number } {
    return {
      files: this.phones.reduce((sum, phone) => sum + phone.safe.size, 0),
      offsets: this.phones.reduce((sum, phone) => sum + phone.open.size, 0),
      pairings: this.#tokens.size,
    };
  }

  #options(): DaemonOptions {
    const [disk, state] = this.#disks;
    return {
      dir: this.#it.dir,
      ...(disk === undefined ? {} : { diskDir: disk.path }),
      ...(state === undefined ? {} : { stateDir: state.path }),
      ...(treeDir === undefined ? {} : { treeDir }),
    };
  }

  /**
   * Whoever works goes on until the daemon is gone. After a kill, what it promised to the last must hold. After a cut
   * only what it promised before: a sync that is under way while the filesystem is shut down can return success for
   * bytes that are dropped (Linux 6.18: ten of a hundred cuts under four writers that only write and fdatasync; never
   * for a sync that had returned before). Where the plug is pulled, nobody hears an answer after it.
   */
  async #crash(daemon: Daemon): Promise<void> {
    this.#setPulled(this.#disks.length > 0);
    await Promise.all(this.#disks.map((disk) => disk.cut()));
    await daemon.kill();
    await Promise.all(this.#disks.map((disk) => disk.remount()));
    this.#setPulled(false);
  }

  #setPulled(pulled: boolean): void {
    this.#pulled = pulled;
    for (const phone of this.phones) phone.deaf = pulled;
  }

  async #addPerson(person: string): Promise<void> {
    await this.daemon.addPerson(person);
    if (!this.#pulled) this.#people.add(person);
  }

  /** Pairs one phone after the other, and adds a person now and then, until the box goes away. */
  async #pairUntil(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const number = ++this.#pairings;
      try {
        if (number % 5 === 0) await this.#addPerson(`Guest ${number}`);
        const { token } = await this.daemon.pair('Alice', `phone ${number}`);
        if (this.#pulled || stop.aborted) return;
        this.#tokens.set(`phone ${number}`, token);
      } catch {
        // The box went away; whatever was not answered was not promised.
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #wrongWithPeople(): Promise<string[]> {
    const wrong: string[] = [];
    const { people: there } = (await this.daemon.console('GET', '/api/people')) as { people: Array<{ name: string }> };
    for (const person of this.#people) {
      if (!there.some(({ name }) => name === person)) wrong.push(`person lost: ${person}`);
    }
    for (const [phone, token] of this.#tokens) {
      if (this.#checkedTokens.has(token)) continue;
      const { status } = await this.daemon.ask('GET', '/api/phone/status', { token });
      if (status === 200) this.#checkedTokens.add(token);
      else wrong.push(`pairing lost: ${phone} (${status})`);
    }
    return wrong;
  }

  /** Every acknowledged file is in its person's library, with its checksum. */
  async #wrongWithLibraries(): Promise<string[]> {
    const wrong: string[] = [];
    for (const person of people) {
      const phones = this.phones.filter((phone) => phone.person === person);
      const [first] = phones;
      if (first === undefined) continue;
      const there = await this.#library(first.token);
      for (const { path, sha256, size } of phones.flatMap((phone) => [...phone.safe.values()])) {
        if (there.get(sha256) !== size) wrong.push(`file lost: ${person}, ${path}, ${size} bytes`);
      }
    }
    return wrong;
  }

  async #library(token: string): Promise<Map<string, number>> {
    const there = new Map<string, number>();
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const reply = await this.daemon.ask('GET', `/api/assets?limit=${pageSize}${query}`, { token });
      if (reply.status !== 200) throw new Error(`The library answered ${reply.status} ${reply.body}`);
      const page = JSON.parse(reply.body.toString()) as {
        assets: Array<{ sha256: string; size: number }>;
        next: string | null;
      };
      for (const { sha256, size } of page.assets) there.set(sha256, size);
      cursor = page.next;
    }
    return there;
  }
}
