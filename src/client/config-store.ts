import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodes, Failure, systemCodeOf } from './failure.ts';

/**
 * What the client remembers. Owns: the pairing, the names of backed-up folders and the addresses of unfinished uploads.
 * Never: talks to the network. Files are 0600 and replaced as a whole, synced, so that a cut leaves the old or the new.
 */

export type Pairing = Readonly<{
  fingerprint: string;
  /** Null for a box reached over this machine's own loopback http. */
  rootPem: string | null;
  /** Origins, `https://host:port`. */
  addresses: readonly string[];
  /** The origin that answered last. */
  lastAddress: string;
  /** The name by which the box was verified when it was found again: its certificate for that name may hold longer. */
  lastServername?: string;
  name: string;
  person: string;
  phone: string;
  phoneId: string;
  token: string;
}>;

/** The labels under which folders of this machine are known to the box: real path -> first part of every path. */
export type Folders = Record<string, string>;
/** Of `run`: its own minutes after the time that was asked for, and (ms since 1970) its last good run and its next. */
export type Schedule = Readonly<{ jitterMs: number; lastGoodAt: number | null; nextAt: number | null }>;
type Resume = Readonly<{ path: string; size: number; mtime: number; url: string; at: number }>;

/** The phones of a house do not come at once: each has its own minute of this half hour, always the same. */
export const jitterMsMax = 30 * 60_000;
const resumesMax = 200;
/** The box forgets an unfinished upload after 14 days without use. */
const resumeMaxAgeMs = 14 * 24 * 3600_000;

export class ConfigStore {
  readonly dir: string;
  readonly #now: () => number;

  constructor(dir: string, now: () => number = Date.now) {
    this.dir = dir;
    this.#now = now;
  }

  async pairing(): Promise<Pairing | null> {
    const stored = await this.#read('pairing.json');
    if (stored === undefined) return null;
    const pairing = stored as Partial<Pairing> | null;
    if (typeof pairing?.token !== 'string' || !Array.isArray(pairing.addresses)) throw this.#broken('pairing.json');
    return pairing as Pairing;
  }

  async mustBePaired(): Promise<Pairing> {
    const pairing = await this.pairing();
    if (pairing !== null) return pairing;
    const help = 'Make a link on the box (nightjar pair), then run: nightjar-phone pair LINK';
    throw new Failure('not-paired', `This phone is not paired with a box. ${help}`, exitCodes.unpaired);
  }

  async savePairing(pairing: Pairing): Promise<void> {
    await this.#write('pairing.json', pairing);
  }

  async folders(): Promise<Folders> {
    const stored = await this.#read('folders.json');
    if (stored === undefined) return {};
    if (typeof stored !== 'object' || stored === null) throw this.#broken('folders.json');
    return stored as Folders;
  }

  async saveFolders(folders: Folders): Promise<void> {
    await this.#write('folders.json', folders);
  }

  /** Null when there is none, or it is of no use: one run too many costs nothing. */
  async schedule(): Promise<Schedule | null> {
    const stored = (await this.#read('schedule.json').catch(() => null)) as Partial<Schedule> | null | undefined;
    if (typeof stored?.jitterMs !== 'number' || !(stored.jitterMs >= 0 && stored.jitterMs <= jitterMsMax)) return null;
    const time = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : null);
    return { jitterMs: stored.jitterMs, lastGoodAt: time(stored.lastGoodAt), nextAt: time(stored.nextAt) };
  }

  async saveSchedule(schedule: Schedule): Promise<void> {
    await this.#write('schedule.json', schedule);
  }

  async openResumes(): Promise<Resumes> {
    const stored = await this.#read('uploads.json').catch(() => []);
    const oldestAt = this.#now() - resumeMaxAgeMs;
    const kept = Array.isArray(stored) ? stored.filter(isResume).filter((entry) => entry.at >= oldestAt) : [];
    return new Resumes(kept, this.#now, (entries) => this.#write('uploads.json', entries));
  }

  /** Upload addresses of another pairing are of no use. */
  async forgetUploads(): Promise<void> {
    await rm(join(this.dir, 'uploads.json'), { force: true });
  }

  async #read(name: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(join(this.dir, name), 'utf8'));
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      if (error instanceof SyntaxError) throw this.#broken(name);
      throw new Failure('config-unreadable', `${join(this.dir, name)} cannot be read (${systemCodeOf(error)}).`);
    }
  }

  #broken(name: string): Failure {
    return new Failure('config-broken', `${join(this.dir, name)} is damaged. Remove it, and pair again if it asks.`);
  }

  async #write(name: string, value: unknown): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const temporary = join(this.dir, `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, join(this.dir, name));
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(this.dir);
  }
}

/** Where unfinished uploads go on, also after this program was killed. A cache: losing it costs bytes sent again. */
export class Resumes {
  readonly #byPath: Map<string, Resume>;
  readonly #now: () => number;
  readonly #save: (entries: Resume[]) => Promise<void>;
  #saving: Promise<void> = Promise.resolve();
  #dirty = false;

  constructor(entries: readonly Resume[], now: () => number, save: (entries: Resume[]) => Promise<void>) {
    this.#byPath = new Map(entries.map((entry) => [entry.path, entry]));
    this.#now = now;
    this.#save = save;
  }

  /** The upload's path on the box, if the file is still the one that it was begun for. */
  find(item: { path: string; size: number; mtime: number }): string | undefined {
    const entry = this.#byPath.get(item.path);
    return entry !== undefined && entry.size === item.size && entry.mtime === item.mtime ? entry.url : undefined;
  }

  async remember(item: { path: string; size: number; mtime: number }, url: string): Promise<void> {
    this.#byPath.delete(item.path);
    this.#byPath.set(item.path, { path: item.path, size: item.size, mtime: item.mtime, url, at: this.#now() });
    for (const oldest of this.#byPath.keys()) {
      if (this.#byPath.size <= resumesMax) break;
      this.#byPath.delete(oldest);
    }
    await this.#flush();
  }

  async forget(item: { path: string }): Promise<void> {
    if (this.#byPath.delete(item.path)) await this.#flush();
  }

  /** Writers queue up; those that wait share one write. */
  #flush(): Promise<void> {
    if (!this.#dirty) {
      this.#dirty = true;
      this.#saving = this.#saving
        .catch(() => {})
        .then(() => {
          this.#dirty = false;
          return this.#save([...this.#byPath.values()]);
        });
    }
    return this.#saving;
  }
}

function isResume(entry: unknown): entry is Resume {
  const { path, size, mtime, url, at } = (entry ?? {}) as Partial<Resume>;
  const numbers = [size, mtime, at].every((value) => typeof value === 'number');
  return numbers && typeof path === 'string' && typeof url === 'string' && url.startsWith('/');
}

/** Makes a name durable. Some file systems (FUSE on Android) cannot sync a folder: then there is nothing to do. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r').catch(() => null);
  if (folder === null) return;
  await folder.sync().catch(() => {});
  await folder.close();
}
