/**
 * Owns the library on the adopted disk: where it is, whether it is open, and what may be asked of it.
 * Never keeps an open library for a caller, never makes one where a disk is missing; only set-up creates one.
 * Called by uploads, by the doors above it and by its own routes.
 */
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Disk, markerFolder } from '../disks/disk.ts';
import { Database, databaseError } from '../platform/database.ts';
import { CodedError, diskIsFull, diskIsGone, systemCode } from '../platform/errors.ts';
import { type JobHandler, Jobs } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { Ballast } from './ballast.ts';
import { mediaKind } from './media-kinds.ts';
import { cataloguePath, incomingFolder, OpenLibrary } from './open-library.ts';
import type { Arrival, Publishing, Renewal } from './publishing.ts';
import { writeReadme } from './readme.ts';

export type PersonCopy = Readonly<{ id: string; name: string; folder: string }>;
/** `none`: no disk was adopted yet. */
export type LibraryState = 'ok' | 'missing' | 'none';

type LibraryDeps = Readonly<{
  diskDir: string | undefined;
  migrationsDir: string;
  /** The id of the disk that this box adopted, from its settings. */
  adoptedDiskId: () => string | undefined;
  /** Where that disk is, if it is not at `diskDir`. */
  placeOf?: ((diskId: string) => string | undefined) | undefined;
  people: () => readonly PersonCopy[];
  publishing: Publishing;
  /** Whether videos cannot be dated, so that they must wait. */
  videoToolsMissing: () => boolean;
  log: Logger;
  now: () => number;
  /** How often a missing disk is looked for, and an attached one looked at. */
  watchMs?: number;
}>;

/** What a room does with an open library, by job kind; `everyMs` for what recurs. */
export type LibraryWork = Readonly<Record<string, JobHandler & { everyMs?: number }>>;

/** How often, in looks at the disk, room is looked for that was given up. */
const ballastEveryLooks = 60;
const breaksKept = 10;

export class Library {
  readonly #deps: LibraryDeps;
  readonly #opened: Array<(library: OpenLibrary) => Promise<void>> = [];
  readonly #found: Array<(disk: Disk) => Promise<void>> = [];
  readonly #work: Array<(library: OpenLibrary) => LibraryWork> = [];
  #current: OpenLibrary | undefined;
  #problem: CodedError | undefined;
  /** When an open library was lost to reading or writing that failed: the last few times. */
  #breaks: readonly number[] = [];
  readonly #broken = new WeakSet<OpenLibrary>();
  #watch: NodeJS.Timeout | undefined;
  #turning: Promise<void> = Promise.resolve();
  #stopped = true;
  #holders = 0;
  #looks = 0;

  constructor(deps: LibraryDeps) {
    this.#deps = deps;
  }

  /** Registers what a room above must do each time a library opens, before anybody is served from it. */
  onOpened(prepare: (library: OpenLibrary) => Promise<void>): void {
    this.#opened.push(prepare);
  }

  /** Registers what must be done on the right disk before its catalogue is opened. */
  onFound(prepare: (disk: Disk) => Promise<void>): void {
    this.#found.push(prepare);
  }

  /**
   * Closes the library, and keeps it closed until the returned function was called; then it is looked for at once. What
   * is asked of it meanwhile is told to wait.
   */
  async hold(): Promise<() => Promise<void>> {
    this.#holders += 1;
    await this.#turn(() => this.#letGo());
    let held = true;
    return async () => {
      if (held) this.#holders -= 1;
      held = false;
      await this.lookNow();
    };
  }

  /** Registers the jobs of a room, for each library that opens: they live and end with it, as rows of its catalogue. */
  addWork(workFor: (library: OpenLibrary) => LibraryWork): void {
    this.#work.push(workFor);
  }

  /** Opens the adopted disk's library if it is there, and goes on looking for it while it is not. */
  async open(): Promise<void> {
    this.#stopped = false;
    await this.#turn(() => this.#look());
    this.#watchOn();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#watch);
    await this.#turn(() => this.#letGo());
  }

  get state(): LibraryState {
    if (this.#deps.adoptedDiskId() === undefined) return 'none';
    return this.#current === undefined ? 'missing' : 'ok';
  }

  /** Why it is not open; undefined while it is, and before it was looked for. */
  get problem(): CodedError | undefined {
    return this.#current === undefined ? this.#problem : undefined;
  }

  /** When reading or writing failed on a disk that was there, so that the library had to be opened anew: the last few. */
  get breaks(): readonly number[] {
    return this.#breaks;
  }

  /** The library that is open now. Ask again for each operation. @throws {CodedError} `disk-missing`, `not-set-up`. */
  current(): OpenLibrary {
    if (this.#current !== undefined) return this.#current;
    if (this.state === 'none') {
      throw new CodedError('not-set-up', 'This box is not set up yet. Open it in a browser, or run "nightjar setup".');
    }
    if (this.#holders > 0) {
      throw new CodedError(
        'disk-missing',
        'The photos are moving to another disk. Nothing is lost; the box goes on by itself in a few minutes.',
      );
    }
    throw (
      this.#problem ??
      new CodedError(
        'disk-missing',
        "The library's disk is not there. Nothing that was acknowledged is lost; put it back, and the box goes on by itself.",
      )
    );
  }

  /**
   * Makes the configured disk, or the one at `diskDir`, this box's library.
   * @returns the disk's id, for the settings. @throws {CodedError} `disk-missing`, `disk-foreign`.
   */
  async create(boxId: string, diskDir = this.#deps.diskDir): Promise<string> {
    const { now } = this.#deps;
    if (diskDir === undefined) {
      throw new CodedError(
        'disk-missing',
        'No disk is configured for the photos. Set NIGHTJAR_DISK_DIR to its folder, and start the box again.',
      );
    }
    const diskId = await Disk.adopt(diskDir, { diskId: randomUUID(), boxId, now: now() });
    await writeReadme(diskDir);
    return diskId;
  }

  /** Opens what `create` made, or a disk that came back, without waiting for the next look. */
  async lookNow(): Promise<void> {
    await this.#turn(() => this.#look());
  }

  /** Gives a received file its place. See `Publishing.admit`. */
  async admit(library: OpenLibrary, arrival: Arrival): Promise<void> {
    await this.#deps.publishing.admit(library, arrival);
  }

  /** Gives a damaged or missing asset its file again. See `Publishing.renew`. */
  async renew(library: OpenLibrary, assetId: number, renewal: Renewal): Promise<boolean> {
    return await this.#deps.publishing.renew(library, assetId, renewal);
  }

  /**
   * A folder is chosen once, by the capture date; without the tool that reads it, videos wait.
   * @throws {CodedError} `video-tools-missing`.
   */
  requireToolsFor(path: string): void {
    if (mediaKind(path).kind !== 'video' || !this.#deps.videoToolsMissing()) return;
    throw new CodedError(
      'video-tools-missing',
      'The box cannot read videos, because ffprobe is not installed on it. The video stays on the phone and comes in once it is (Debian: apt-get install ffmpeg).',
    );
  }

  /** Brings an asset that was left between its reservation and its name to an end. See `Publishing.settle`. */
  async settlePublishing(library: OpenLibrary, assetId: number): Promise<void> {
    await this.#deps.publishing.settle(library, assetId);
  }

  /** Puts a person into the catalogue's copy; called before that person's first file. */
  async ensurePerson(library: OpenLibrary, person: PersonCopy): Promise<void> {
    if (library.rows.personIds().includes(person.id)) return;
    await library.database.write(() => library.rows.putPerson(person));
  }

  /**
   * Told of an error that an operation met on `library`. If it means that the disk is gone, the library is closed at
   * once (so that the disk can be unmounted) and looked for again. Returns the error that the caller should throw.
   */
  async failed(library: OpenLibrary, thrown: unknown): Promise<unknown> {
    const error = databaseError(thrown);
    const code = systemCode(error);
    const gone =
      diskIsGone(error) ||
      // Every path begins at the held root: when that is closed, or its mount is gone, names cannot be found.
      (library.closing.aborted && (code === 'ENOENT' || code === 'EBADF' || code === 'ENOTDIR'));
    if (!gone) {
      // Full to the last byte, not only to the reserve: what was kept for this is given back before the next try, which
      // can then at least be written down.
      if (diskIsFull(thrown instanceof CodedError ? thrown.cause : thrown)) await library.ballast.release();
      return error;
    }
    const problem =
      error instanceof CodedError
        ? error
        : new CodedError(
            'disk-missing',
            'The disk does not answer. Nothing that was acknowledged is lost; the box goes on by itself when it is back.',
            { cause: error },
          );
    if (library === this.#current) {
      this.#problem = problem;
      if (problem.cause !== undefined) this.#noteBreak(library);
      this.#turn(() => this.#letGo()).catch((cause: unknown) =>
        this.#deps.log.error({ err: cause }, 'closing the library failed'),
      );
    }
    return problem;
  }

  /** Once an opening: many operations meet the same failure. */
  #noteBreak(library: OpenLibrary): void {
    if (this.#broken.has(library)) return;
    this.#broken.add(library);
    this.#breaks = [...this.#breaks, this.#deps.now()].slice(-breaksKept);
  }

  /** One change of state at a time, in order. */
  #turn(change: () => Promise<void>): Promise<void> {
    const mine = this.#turning.then(change, change);
    this.#turning = mine.catch(() => undefined);
    return mine;
  }

  #watchOn(): void {
    if (this.#stopped) return;
    this.#watch = setTimeout(() => {
      this.#turn(() => this.#look())
        .catch((error: unknown) => this.#deps.log.error({ err: error }, 'looking for the disk failed'))
        .finally(() => this.#watchOn());
    }, this.#deps.watchMs ?? 1_000);
    this.#watch.unref();
  }

  async #look(): Promise<void> {
    const diskId = this.#deps.adoptedDiskId();
    if (this.#stopped || this.#holders > 0 || diskId === undefined) return;
    const diskDir = this.#deps.placeOf?.(diskId) ?? this.#deps.diskDir;
    if (diskDir === undefined) return;
    if (this.#current !== undefined) {
      const problem = await this.#current.disk.check({ byReading: true }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (problem === undefined) {
        if (++this.#looks % ballastEveryLooks === 0) await this.#current.ballast.lay();
        return;
      }
      this.#deps.log.warn({ err: problem }, 'the disk went away');
      if (problem instanceof CodedError) this.#problem = problem;
      await this.#letGo();
      return;
    }
    try {
      await this.#openLibrary(diskDir, diskId);
    } catch (error) {
      const problem =
        error instanceof CodedError
          ? error
          : new CodedError(
              'disk-missing',
              'The disk is there, but its library cannot be opened. Nothing was changed on it; the box tries again by itself.',
              { cause: error },
            );
      if (problem.message !== this.#problem?.message)
        this.#deps.log.warn({ err: error }, 'the library cannot be opened');
      this.#problem = problem;
    }
  }

  async #openLibrary(diskDir: string, diskId: string): Promise<void> {
    const disk = await Disk.open(diskDir, diskId);
    let library: OpenLibrary | undefined;
    try {
      for (const prepare of this.#found) await prepare(disk);
      library = new OpenLibrary(disk, await this.#openCatalogue(disk), (open) => this.#jobsFor(open));
      // The catalogue was opened by its name: make sure that this was the same disk.
      await disk.check();
      await library.folders.make(incomingFolder);
      await this.#prepare(library);
      await library.ballast.lay();
    } catch (error) {
      if (isFull(error)) await new Ballast(disk).release();
      if (library === undefined) await disk.close();
      else await library.close();
      throw error;
    }
    this.#current = library;
    this.#problem = undefined;
    library.serve();
    this.#deps.log.info({ disk: diskDir }, 'library open');
  }

  #jobsFor(open: OpenLibrary): Jobs {
    const { now, log } = this.#deps;
    const handlers: LibraryWork = Object.assign({}, ...this.#work.map((workFor) => workFor(open)));
    const jobs = new Jobs({ database: open.database, now, log, handlers });
    for (const [kind, { everyMs }] of Object.entries(handlers)) if (everyMs !== undefined) jobs.every(kind, everyMs);
    return jobs;
  }

  /** A marker without a catalogue is a set-up that was interrupted: nothing can have been acknowledged before it. */
  async #openCatalogue(disk: Disk): Promise<Database> {
    const create = await this.#isNew(disk);
    const open = () => Database.open(disk.named(cataloguePath), { migrationsDir: this.#deps.migrationsDir, create });
    try {
      return open();
    } catch (error) {
      if (!isFull(error)) throw error;
      // Even opening takes a little room.
      await new Ballast(disk).release();
      return open();
    }
  }

  async #prepare(library: OpenLibrary): Promise<void> {
    const { rows, database } = library;
    await database.write(() => {
      for (const person of this.#deps.people()) rows.putPerson(person);
    });
    const settled = await this.#deps.publishing.reconcile(library, this.#deps.log);
    if (settled > 0) this.#deps.log.info({ settled }, 'interrupted arrivals were settled');
    for (const prepare of this.#opened) await prepare(library);
  }

  /** Whether this disk never had a catalogue: only then may one be made. */
  async #isNew(disk: Disk): Promise<boolean> {
    const names = await readdir(disk.resolve(markerFolder));
    const photos = await readdir(disk.resolve(''));
    return !names.includes('library.sqlite') && !photos.includes('Photos') && !photos.includes('Files');
  }

  async #letGo(): Promise<void> {
    const library = this.#current;
    this.#current = undefined;
    if (library === undefined) return;
    await library
      .close()
      .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'the disk was gone before it could be closed'));
    this.#deps.log.warn('library closed');
  }
}

/** Even opening a catalogue takes a little room, and SQLite has its own word for want of it. */
function isFull(error: unknown): boolean {
  return diskIsFull(error) || systemCode(error) === 'SQLITE_IOERR_SHMSIZE';
}
