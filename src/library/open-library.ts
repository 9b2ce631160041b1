/**
 * A library that is open now: its disk, its catalogue and its folders. A value that capabilities ask for per
 * operation and never keep: after `close` every use of it fails with `disk-missing`.
 */
import type { Disk } from '../disks/disk.ts';
import type { Database } from '../platform/database.ts';
import { FolderMaker } from '../platform/durable-files.ts';
import type { Jobs } from '../platform/jobs.ts';
import { Ballast } from './ballast.ts';
import { ItemStore } from './items-store.ts';
import { PhoneView } from './phone-view.ts';
import { SearchStore } from './search-store.ts';
import { StandingStore } from './standing-store.ts';
import { LibraryStore } from './store.ts';
import { TimelineStore } from './timeline-store.ts';

export const incomingFolder = '.nightjar/incoming';
export const trashFolder = '.nightjar/trash';
export const cataloguePath = '.nightjar/library.sqlite';

/** How long users of a disk that went away may take to notice. */
const letGoMsMax = 5_000;

export class OpenLibrary {
  readonly disk: Disk;
  readonly database: Database;
  readonly rows: LibraryStore;
  readonly items: ItemStore;
  readonly timeline: TimelineStore;
  readonly search: SearchStore;
  readonly standing: StandingStore;
  /** What the apps of each phone see. */
  readonly view: PhoneView;
  readonly folders: FolderMaker;
  readonly ballast: Ballast;
  /** Assets that were read again and were not what came, until that is certain: a second reading may wait for hours. */
  readonly doubted = new Set<number>();
  /** Work that follows a change, in the same catalogue; it runs from when the library is open until it closes. */
  readonly jobs: Jobs;
  readonly #closing = new AbortController();
  readonly #served = Promise.withResolvers<void>();
  readonly #users: Array<() => Promise<void>> = [];

  constructor(disk: Disk, database: Database, jobsFor: (library: OpenLibrary) => Jobs) {
    this.disk = disk;
    this.database = database;
    this.rows = new LibraryStore(database);
    this.items = new ItemStore(database);
    this.timeline = new TimelineStore(database);
    this.search = new SearchStore(database);
    this.standing = new StandingStore(database);
    this.view = new PhoneView(database);
    this.ballast = new Ballast(disk);
    this.folders = new FolderMaker((relative) => disk.resolve(relative));
    this.jobs = jobsFor(this);
  }

  /** Resolves when everything is prepared and the library is the current one (or closed again before that). */
  get served(): Promise<void> {
    return this.#served.promise;
  }

  serve(): void {
    this.jobs.open();
    this.#served.resolve();
  }

  /** Aborts when the library goes away. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  incoming(name: string): string {
    return this.disk.resolve(`${incomingFolder}/${name}`);
  }

  /** Registers what must let go of this library's files before it closes. */
  beforeClosing(letGo: () => Promise<void>): void {
    this.#users.push(letGo);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#served.resolve();
    const limit = Promise.withResolvers<void>();
    const timer = setTimeout(limit.resolve, letGoMsMax);
    // While somebody may still use a path through the held root, its number must not go to another file.
    await Promise.race([
      Promise.allSettled([this.jobs.close(), ...this.#users.map((letGo) => letGo())]),
      limit.promise,
    ]);
    clearTimeout(timer);
    this.database.close();
    await this.disk.close();
  }
}
