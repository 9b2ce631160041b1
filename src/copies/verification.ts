/**
 * Owns reading the originals again: each against the SHA-256 that it came with, all of them within 30 days.
 * Never changes or removes a file, never takes a changed time or size for damage, never holds up whoever uses the disk.
 * Called by its own routes, and by the composition root, which says when it is night and who is there.
 *
 * In the window of the night: first what was not read since it came, then a slice of what was read longest ago. What was
 * not read for 27 days is read at any quiet time: not every box is on at night. Where it stands is in the rows alone, so
 * it goes on after any end. It is no job: the catalogue's jobs run one at a time, and would wait for it.
 */
import { posix } from 'node:path';
import { removeOldAside } from '../library/aside.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { diskIsGone, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { Batch, type Right } from './batch.ts';
import { Pace, sleep } from './pace.ts';
import { type Original, OriginalReader, unreadableCodes } from './read-original.ts';
import type { LostFile, MendedFile } from './verification-contract.ts';
import {
  type DamageKind,
  type LostRow,
  type OfAll,
  type Place,
  type Tally,
  type ToRead,
  VerificationStore,
} from './verification-store.ts';

export type VerificationDeps = Readonly<{
  library: Pick<Library, 'onOpened' | 'current' | 'failed'>;
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  /** Somebody sends or looks at pictures. */
  busy: () => boolean;
  /** Something is lost: it may be healed. Synchronous. */
  onLost?: () => void;
  /** The disk with this marker gave other bytes than it was given, or none. Synchronous. */
  onDamage?: (diskId: string) => void;
  /** Reads what was made from this original: what is not right there is made again. */
  checkMade?: (open: OpenLibrary, assetId: number) => Promise<void>;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  limits?: Partial<VerificationLimits>;
}>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const verificationLimits = {
  /** A night's slice is one part of so many: a few nights may fail, and 30 days still hold. */
  nights: 25,
  /** A small library is read more often than it must be. */
  bytesPerNightMin: 1024 ** 3,
  /** What was read in the last days waits, however small the library. */
  restMs: 7 * dayMs,
  overdueMs: 27 * dayMs,
  bytesPerSecond: 16 * 1024 ** 2,
  /** Somebody waits for it: as fast as the disk reads, unless somebody uses it. */
  bytesPerSecondAsked: Number.POSITIVE_INFINITY,
  /** How often it looks whether it is time; the first time that long after the library opened. */
  lookMs: 60_000,
  lostAgainMs: 20 * hourMs,
};
export type VerificationLimits = Readonly<typeof verificationLimits>;

export type VerificationState = Readonly<{
  running: boolean;
  /** Waits while somebody uses the disk. */
  waiting: boolean;
  all: OfAll | null;
  files: number;
  bytes: number;
  oldestAt: number | null;
  /** Files that nobody read for 30 days; at most 100,000. */
  overdue: number;
  lost: number;
}>;

/** What a reading came to. `undecided`: it changed while it was read, or something else has its place. */
type Found = 'right' | 'undecided' | DamageKind;
/** `queue`: whether it counts as unread or as read long ago; lost: it may be back; suspect: somebody found it wrong. */
type Next = Readonly<{ row: ToRead; queue: 'unread' | 'oldest' | 'lost' | 'suspect' }>;

const suspectsMax = 1_000;
/** Within which everything is read. */
const promisedMs = 30 * dayMs;
const overdueMax = 100_000;
const start: Place = { at: -1, id: 0 };

export class Verification {
  readonly #deps: VerificationDeps;
  readonly #limits: VerificationLimits;
  readonly #stores = new WeakMap<OpenLibrary, VerificationStore>();
  readonly #suspects = new Set<number>();
  #wake = Promise.withResolvers<void>();
  #running = false;

  constructor(deps: VerificationDeps) {
    this.#deps = deps;
    this.#limits = { ...verificationLimits, ...deps.limits };
  }

  /** From here on, each library that opens is read again, until it closes. Call before it is opened. */
  open(): void {
    this.#deps.library.onOpened(async (open) => {
      const done = this.#run(open);
      open.beforeClosing(() => done);
    });
  }

  /** @throws {CodedError} `disk-missing`, `not-set-up` */
  async state(): Promise<VerificationState> {
    return await this.#inLibrary((open, rows) => ({
      running: this.#running,
      waiting: this.#running && this.#deps.busy(),
      all: rows.ofAll() ?? null,
      ...rows.size(),
      oldestAt: rows.oldestAt() ?? null,
      overdue: rows.overdue(this.#deps.now() - promisedMs, overdueMax),
      lost: open.standing.damagedCount(),
    }));
  }

  /** What is lost, by its id, from `after` on. @throws {CodedError} `disk-missing`, `not-set-up` */
  async lost(after: number, limit: number): Promise<LostFile[]> {
    return await this.#inLibrary((_open, rows) => rows.lost(after, limit).map(view));
  }

  /** What was lost and is there again, the last first. @throws {CodedError} `disk-missing`, `not-set-up` */
  async mended(limit: number): Promise<MendedFile[]> {
    return await this.#inLibrary((_open, rows) => rows.mended(limit).map(view));
  }

  /** Reads everything, from now on, at any time of the day; goes on after a restart. */
  async startAll(): Promise<void> {
    await this.#inLibrary((open, rows) => open.database.write(() => rows.beginAll(this.#deps.now())));
    this.#wake.resolve();
  }

  /** Somebody read it, and it was not what came: it is read next. */
  suspect(assetId: number): void {
    if (this.#suspects.size < suspectsMax) this.#suspects.add(assetId);
    this.#wake.resolve();
  }

  /** Reads no more than the nights' slices again. */
  async stopAll(): Promise<void> {
    await this.#inLibrary((open, rows) => open.database.write(() => rows.endAll()));
  }

  /** For the night's report: what was read in `[from, to)`, and what is lost. On a library that is open. */
  report(open: OpenLibrary, { from, to }: { from: number; to: number }, lostMax: number): Tally & { lost: LostFile[] } {
    const rows = this.#rows(open);
    return { ...rows.tally(from, to), lost: rows.lost(0, lostMax).map(view) };
  }

  async #inLibrary<T>(ask: (open: OpenLibrary, rows: VerificationStore) => T | Promise<T>): Promise<T> {
    const open = this.#deps.library.current();
    try {
      return await ask(open, this.#rows(open));
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  #rows(open: OpenLibrary): VerificationStore {
    const known = this.#stores.get(open) ?? new VerificationStore(open.database);
    this.#stores.set(open, known);
    return known;
  }

  /** Never rejects. */
  async #run(open: OpenLibrary): Promise<void> {
    while (!open.closing.aborted) {
      this.#wake = Promise.withResolvers();
      await Promise.race([sleep(this.#limits.lookMs, open.closing).catch(() => undefined), this.#wake.promise]);
      if (open.closing.aborted) return;
      this.#running = true;
      try {
        await this.#readWhatIsDue(open);
      } catch (error) {
        if (open.closing.aborted) return;
        const why = await this.#deps.library.failed(open, error);
        if (!diskIsGone(why)) this.#deps.log.warn({ err: error }, 'reading the originals again goes on in a minute');
      } finally {
        this.#running = false;
      }
    }
  }

  /** One file after the other, until nothing is due. */
  async #readWhatIsDue(open: OpenLibrary): Promise<void> {
    const rows = this.#rows(open);
    const places: Record<Next['queue'], Place> = { unread: start, oldest: start, lost: start, suspect: start };
    const reader = new OriginalReader();
    const pace = new Pace({
      busy: this.#deps.busy,
      bytesPerSecond: () =>
        rows.ofAll() === undefined ? this.#limits.bytesPerSecond : this.#limits.bytesPerSecondAsked,
      sleep,
    });
    const right = new Batch((files) => this.#keepRight(open, rows, files));
    let read = 0;
    try {
      for (let next = this.#next(rows, places, 0); next !== undefined; ) {
        const { row, queue } = next;
        if (read === 0) await removeOldAside(open, this.#deps.now());
        // Moved on first: whatever comes of it, it is not asked for again in this round.
        places[queue] = { at: row.at, id: row.id };
        const found = await this.#look(open, reader, row, (bytes) => pace.before(bytes, open.closing));
        read += 1;
        await this.#checkMade(open, row.id);
        if (queue === 'lost') await this.#keepLooked(open, rows, row, found);
        else if (found === 'right')
          await right.add({ id: row.id, path: row.path, bytes: row.size, at: this.#deps.now() });
        else if (found !== 'undecided') await this.#keepLost(open, rows, row, found);
        open.doubted.delete(row.id);
        next = this.#next(rows, places, right.bytes);
      }
      // Asked for anew while the last of it is written down, it is another one.
      const ended = rows.ofAll();
      await right.end();
      if (ended !== undefined) await open.database.write(() => rows.endAll(ended.since));
    } finally {
      // What was right is as good when the rest could not be read.
      if (!open.closing.aborted) await right.end().catch(() => undefined);
    }
    if (read > 0) this.#deps.log.info({ files: read }, 'originals were read again');
  }

  /** Nobody's only copy: nothing but a disk that is gone ends the reading for it. */
  async #checkMade(open: OpenLibrary, assetId: number): Promise<void> {
    try {
      await this.#deps.checkMade?.(open, assetId);
    } catch (error) {
      open.closing.throwIfAborted();
      await open.disk.check({ byReading: true });
      this.#deps.log.warn({ err: error, asset: assetId }, 'what was made from an original could not be read');
    }
  }

  /** `unwritten`: bytes that were read, and are in no row yet. */
  #next(rows: VerificationStore, places: Record<Next['queue'], Place>, unwritten: number): Next | undefined {
    const now = this.#deps.now();
    const { nights, bytesPerNightMin, restMs, overdueMs, lostAgainMs } = this.#limits;
    const next = (queue: 'unread' | 'oldest', before: number): Next | undefined => {
      const row = rows[queue](places[queue], before);
      return row && { row, queue };
    };
    for (const id of this.#suspects) {
      this.#suspects.delete(id);
      const row = rows.present(id);
      if (row !== undefined) return { row, queue: 'suspect' };
    }
    const all = rows.ofAll();
    if (all !== undefined) return next('unread', all.since + 1) ?? next('oldest', all.since);
    const since = this.#deps.nightSince();
    const overdue = now - overdueMs;
    if (since === undefined) return next('oldest', overdue) ?? next('unread', overdue);
    const lost = rows.lostToLookAt(places.lost, now - lostAgainMs);
    if (lost !== undefined) return { row: lost, queue: 'lost' };
    const unread = next('unread', now);
    if (unread !== undefined) return unread;
    const slice = Math.max(bytesPerNightMin, rows.size().bytes / nights);
    const done = rows.tally(since, Number.MAX_SAFE_INTEGER).bytes + unwritten;
    return next('oldest', done < slice ? since - restMs : overdue);
  }

  /** @throws what says that the disk is gone, or that the library closes. */
  async #look(
    open: OpenLibrary,
    reader: OriginalReader,
    row: ToRead,
    beforePiece: (bytes: number) => Promise<void>,
  ): Promise<Found> {
    const first = await this.#readOnce(open, reader, row, beforePiece);
    if (first !== 'other-bytes' && first !== 'unreadable') return first;
    open.doubted.add(row.id);
    // Once more, before a photo is said to be damaged: a cord or a memory may have failed, not the disk.
    const second = await this.#readOnce(open, reader, row, beforePiece);
    if (second === 'right')
      this.#deps.log.warn({ asset: row.id }, 'an original was read wrongly, and right the second time');
    return second;
  }

  async #readOnce(
    open: OpenLibrary,
    reader: OriginalReader,
    row: ToRead,
    beforePiece: (bytes: number) => Promise<void>,
  ): Promise<Found> {
    let read: Original | 'missing' | 'changed';
    try {
      read = await reader.read(open.disk.resolve(row.path), beforePiece);
    } catch (error) {
      open.closing.throwIfAborted();
      // A disk that is gone says the same of every file: then it is no damage of this one.
      await open.disk.check({ byReading: true });
      if (unreadableCodes.has(systemCode(error) ?? '')) return 'unreadable';
      this.#deps.log.warn({ err: error, asset: row.id }, 'an original could not be read again; another night may');
      return 'undecided';
    }
    if (read === 'changed') return 'undecided';
    if (read === 'missing') {
      await open.disk.check({ byReading: true });
      return 'missing';
    }
    return read.sha256.equals(row.sha256) ? 'right' : 'other-bytes';
  }

  async #keepRight(open: OpenLibrary, rows: VerificationStore, files: readonly Right[]): Promise<void> {
    const at = this.#deps.now();
    await open.database.write(() => {
      // Each as of when it was read: the last of them may have waited while somebody used the disk.
      const kept = files.filter((file) => open.rows.markVerified(file, file.at));
      const bytes = kept.reduce((total, file) => total + file.bytes, 0);
      if (kept.length > 0) rows.count(at, { files: kept.length, bytes, damaged: 0 });
    });
  }

  async #keepLost(open: OpenLibrary, rows: VerificationStore, row: ToRead, damage: DamageKind): Promise<void> {
    const at = this.#deps.now();
    const kept = await open.database.write(() => {
      if (!open.rows.markLost(row, damage === 'missing' ? 'missing' : 'damaged')) return false;
      rows.putDamage(row.id, damage, at);
      rows.count(at, { files: 1, bytes: damage === 'missing' ? 0 : row.size, damaged: 1 });
      return true;
    });
    if (!kept) return;
    this.#deps.log.warn({ asset: row.id, damage }, 'an original is not what came; it is healed, or asked for again');
    if (damage !== 'missing') this.#deps.onDamage?.(open.disk.marker.diskId);
    this.#deps.onLost?.();
  }

  /** Somebody may have put it back. */
  async #keepLooked(open: OpenLibrary, rows: VerificationStore, row: ToRead, found: Found): Promise<void> {
    const at = this.#deps.now();
    await open.database.write(() => {
      if (found === 'right') {
        if (open.rows.markFound(row, at)) rows.count(at, { files: 1, bytes: row.size, damaged: 0 });
      } else if (found !== 'undecided') rows.putDamage(row.id, found, at);
    });
  }
}

function view<R extends LostRow>({ path, ...row }: R) {
  return { ...row, path, name: posix.basename(path) };
}
