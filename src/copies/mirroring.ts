/**
 * Owns the mirrors: that each attached one holds everything a second time, that its copies are read back within 30 days,
 * and that what is damaged on the library is healed from them. Never holds up whoever uses the library, never removes from a
 * mirror what it did not put there, never says that a copy is there before it read back right.
 * Called by its own routes, by promotion, and by the composition root, which says which mirrors are there.
 *
 * One file after the other, one mirror after the other, by `MirrorPass`; where it stands is in the rows alone. As the reading
 * again of originals it is no job of the catalogue: those run one at a time, and would wait for it.
 */
import type { AttachedMirror } from '../disks/disk.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { diskIsFull, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { HealingRests, heal } from './healing.ts';
import type { LastKnown } from './last-known.ts';
import { catalogueIsDue, copyCatalogue } from './mirror-catalogue.ts';
import { MirrorDisk } from './mirror-disk.ts';
import { MirrorListsStore } from './mirror-lists-store.ts';
import { MirrorPass } from './mirror-pass.ts';
import { MirrorReading } from './mirror-reading.ts';
import {
  type MirrorOfNight,
  type MirrorProblem,
  type MirrorStanding,
  type MirrorState,
  MirrorStates,
} from './mirror-states.ts';
import { type LackingRow, MirrorStore } from './mirror-store.ts';
import { Pace, sleep } from './pace.ts';
import { Rate } from './rate.ts';
import { OriginalReader } from './read-original.ts';

export type MirroringDeps = Readonly<{
  library: Pick<Library, 'onOpened' | 'current' | 'failed' | 'renew' | 'state'>;
  mirrors: () => readonly AttachedMirror[];
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  /** Somebody sends or looks at pictures. */
  busy: () => boolean;
  /** An original is not what came, as it seems. */
  onDoubt: (open: OpenLibrary, assetId: number) => void;
  /** As of `Verification`. */
  onDamage?: (diskId: string) => void;
  lastKnown: LastKnown;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  limits?: Partial<MirroringLimits>;
}>;

const mirroringLimits = {
  /** How often it looks whether there is anything to do. */
  lookMs: 2_000,
  /** Of reading and writing each. Every minute that a file lies on one disk alone counts: as fast as both go. */
  bytesPerSecond: Number.POSITIVE_INFINITY,
  /** As `verificationLimits`. */
  nights: 25,
  bytesPerNightMin: 1024 ** 3,
  restMs: 7 * 86_400_000,
  overdueMs: 27 * 86_400_000,
  /** Of a mirror that could not be used. */
  failingRestMs: 60_000,
};
export type MirroringLimits = Readonly<typeof mirroringLimits>;

/** A disk that sleeps is not to be woken for it. */
const seenEveryMs = 3_600_000;
const letGoMsMax = 5_000;
const forgottenAtOnce = 5_000;
/** What was no right copy of a photo that is lost is looked at again. */
const badAgainMs = 20 * 3_600_000;

type Live = {
  stop: AbortController;
  done: Promise<void>;
  passes: number;
  rate: Rate;
  problem: MirrorProblem | null;
  /** By the machine's clock. */
  restsUntil: number;
};

export class Mirroring {
  readonly #deps: MirroringDeps;
  readonly #limits: MirroringLimits;
  readonly #disks = new WeakMap<AttachedMirror['disk'], MirrorDisk>();
  readonly #live = new Map<string, Live>();
  readonly #states: MirrorStates;
  readonly #reader = new OriginalReader();
  readonly #reading: MirrorReading;
  readonly #rests = new HealingRests();
  #wake = Promise.withResolvers<void>();
  #serving: string | undefined;

  constructor(deps: MirroringDeps) {
    this.#deps = deps;
    this.#limits = { ...mirroringLimits, ...deps.limits };
    this.#states = new MirrorStates({
      ...deps,
      live: (diskId) => {
        const { problem = null, rate } = this.#live.get(diskId) ?? {};
        return { problem, perSecond: rate?.perSecond(), running: this.#serving === diskId };
      },
    });
    this.#reading = new MirrorReading({ ...deps, limits: this.#limits, reader: this.#reader });
  }

  /** From here on, each library that opens is followed, until it closes. Call before it is opened. */
  open(): void {
    this.#deps.library.onOpened(async (open) => {
      const done = this.#run(open);
      open.beforeClosing(() => done);
    });
  }

  /** Looks now: something came, or is lost. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Every mirror that is known; while the library is away those that are there, and nothing of what they hold. */
  async state(): Promise<MirrorState[]> {
    if (this.#deps.library.state !== 'ok') return this.#states.unknown();
    return await this.#inLibrary((open) => this.#states.all(open));
  }

  /** What the library has and this mirror does not, from an asset on. @throws {CodedError} `disk-missing`, `not-set-up` */
  async lacking(diskId: string, after: number, limit: number): Promise<LackingRow[]> {
    return await this.#inLibrary((open) => new MirrorStore(open.database).lacking(diskId, after, limit));
  }

  /** Follows it no more; nothing on it is changed. False: there is no such mirror. */
  async forget(diskId: string): Promise<boolean> {
    return await this.#inLibrary(async (open) => {
      const rows = new MirrorStore(open.database);
      const known = rows.mirror(diskId)?.forgotten === 0;
      if (known) await open.database.write(() => rows.forget(diskId, this.#deps.now()));
      await this.letGo(diskId);
      while (await open.database.write(() => rows.forgetSome(diskId, forgottenAtOnce)));
      return known;
    });
  }

  /** Follows it again. False: it was not forgotten. */
  async remember(diskId: string): Promise<boolean> {
    return await this.#inLibrary(async (open) => {
      const rows = new MirrorStore(open.database);
      if (rows.mirror(diskId)?.forgotten !== 1) return false;
      await open.database.write(() => rows.remember(diskId, this.#deps.now()));
      this.wake();
      return true;
    });
  }

  /** Whoever takes this disk away waits for this first: no file on it is open afterwards. At most 5 s. */
  async letGo(diskId: string): Promise<void> {
    const live = this.#live.get(diskId);
    if (live === undefined) return;
    live.stop.abort();
    const limit = AbortSignal.timeout(letGoMsMax);
    await Promise.race([live.done, sleep(letGoMsMax + 1, limit).catch(() => undefined)]);
  }

  /** Resolves when a whole pass over this mirror, begun from now on, left nothing. Rejects when `signal` aborts. */
  async whenComplete(diskId: string, signal: AbortSignal): Promise<void> {
    const passes = this.#live.get(diskId)?.passes ?? 0;
    // One may be at its end just now, and not have seen what came last.
    const enough = passes + (this.#serving === diskId ? 2 : 1);
    for (;;) {
      this.wake();
      if ((this.#live.get(diskId)?.passes ?? 0) >= enough) return;
      await sleep(50, signal);
    }
  }

  /** For the night's report: what each got in `[from, to)`. On a library that is open. */
  report(open: OpenLibrary, span: { from: number; to: number }): MirrorOfNight[] {
    return this.#states.report(open, span);
  }

  /** For the checks. On a library that is open. */
  standing(open: OpenLibrary): MirrorStanding[] {
    return this.#states.standing(open);
  }

  async #inLibrary<T>(ask: (open: OpenLibrary) => T | Promise<T>): Promise<T> {
    const open = this.#deps.library.current();
    try {
      return await ask(open);
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  /** Never rejects. */
  async #run(open: OpenLibrary): Promise<void> {
    while (!open.closing.aborted) {
      this.#wake = Promise.withResolvers();
      await Promise.race([sleep(this.#limits.lookMs, open.closing).catch(() => undefined), this.#wake.promise]);
      await open.served;
      for (const attached of this.#deps.mirrors()) {
        if (open.closing.aborted) return;
        // Promoted a moment ago, and not taken from the mirrors yet.
        if (attached.diskId === open.disk.marker.diskId) continue;
        await this.#serve(open, attached);
      }
      this.#reader.rest();
    }
  }

  /** Never rejects. */
  async #serve(open: OpenLibrary, attached: AttachedMirror): Promise<void> {
    const { diskId } = attached;
    const stop = new AbortController();
    const ended = Promise.withResolvers<void>();
    const before = this.#live.get(diskId);
    if (before !== undefined && performance.now() < before.restsUntil) return;
    const live: Live = {
      stop,
      done: ended.promise,
      passes: before?.passes ?? 0,
      rate: before?.rate ?? new Rate(),
      problem: before?.problem ?? null,
      restsUntil: 0,
    };
    this.#live.set(diskId, live);
    this.#serving = diskId;
    const signal = AbortSignal.any([open.closing, stop.signal]);
    try {
      if (await this.#follow(open, this.#diskOf(attached), live, signal)) live.passes += 1;
    } catch (error) {
      if (!signal.aborted) await this.#failed(open, attached, live, error);
    } finally {
      this.#serving = undefined;
      ended.resolve();
    }
  }

  /** True: nothing is left. */
  async #follow(open: OpenLibrary, mirror: MirrorDisk, live: Live, signal: AbortSignal): Promise<boolean> {
    const { now, log, nightSince } = this.#deps;
    const { diskId } = mirror;
    const rows = new MirrorStore(open.database);
    const known = rows.mirror(diskId);
    if (known?.forgotten === 1) return false;
    if (known === undefined) await open.database.write(() => rows.put(diskId, mirror.name, now()));
    else if (Math.abs(now() - known.seenAt) >= seenEveryMs) rows.seen(diskId, now());
    const pace = new Pace({ busy: this.#deps.busy, bytesPerSecond: () => this.#limits.bytesPerSecond, sleep });
    const beforePiece = (bytes: number) => pace.before(bytes, signal);
    const due = () => {
      const row = rows.mirror(diskId);
      return (
        row !== undefined &&
        catalogueIsDue(row, { nightSince: nightSince(), journalBytes: mirror.journal.bytes, now: now() })
      );
    };
    await this.#heal(open, mirror, beforePiece);
    if (rows.mirror(diskId)?.catalogueAt == null) await copyCatalogue(open, mirror, now);
    const pass = new MirrorPass({
      source: open,
      mirror,
      reader: this.#reader,
      beforePiece,
      onDoubt: (assetId) => this.#deps.onDoubt(open, assetId),
      onCopied: (bytes) => live.rate.add(bytes),
      now,
      log,
    });
    for (let steps = 0; await pass.step(); steps += 1) {
      signal.throwIfAborted();
      const row = rows.mirror(diskId);
      if (steps === 0 && row?.behindSince === null) await open.database.write(() => rows.noteBehind(diskId, now()));
      if (due()) await copyCatalogue(open, mirror, now);
      await pace.before(0, signal);
    }
    live.problem = pass.full ? 'full' : null;
    await this.#noteEnd(open, rows, diskId);
    if (due()) await copyCatalogue(open, mirror, now);
    if (await this.#reading.readSlice(open, mirror, beforePiece)) this.wake();
    return true;
  }

  async #noteEnd(open: OpenLibrary, rows: MirrorStore, diskId: string): Promise<void> {
    const row = rows.mirror(diskId);
    if (row === undefined) return;
    const at = this.#deps.now();
    const waiting = rows.waiting(row);
    this.#states.note({ ...row, ...(waiting.files === 0 && { completeAt: at }) }, waiting);
    if (waiting.files > 0) {
      if (row.behindSince === null) await open.database.write(() => rows.noteBehind(diskId, at));
    } else if (row.behindSince !== null || row.completeAt === null) {
      await open.database.write(() => rows.noteComplete(diskId, at));
    } else if (Math.abs(at - row.completeAt) >= seenEveryMs) rows.complete(diskId, at);
  }

  /** What is lost on the library, and lies here. */
  async #heal(open: OpenLibrary, mirror: MirrorDisk, beforePiece: (bytes: number) => Promise<void>): Promise<void> {
    const { library, now, log } = this.#deps;
    const rows = new MirrorStore(open.database);
    for (let after = 0; ; ) {
      const asset = rows.healable(mirror.diskId, after, now() - badAgainMs);
      if (asset === undefined) return;
      after = asset.id;
      if (!this.#rests.isOver(asset.id)) continue;
      await mirror.prepare();
      const healed = await heal(open, mirror, asset, { library, reader: this.#reader, beforePiece, now }).catch(
        async (error: unknown) => {
          if (!diskIsFull(error)) throw error;
          // Of the library: the mirror goes on, and the photo waits for room.
          await library.failed(open, error);
          return 'not-now' as const;
        },
      );
      if (healed === 'not-now') {
        this.#rests.begin(asset.id);
        continue;
      }
      await open.database.write(() => {
        if (healed === 'bad-copy') {
          if (asset.counts === 1) this.#reading.lost(open, mirror.diskId, asset.id);
          // Looked at again: what is unreadable today may be read another day.
          rows.want(mirror.diskId, asset.id, 'damaged', now());
        } else new MirrorListsStore(open.database).count(mirror.diskId, now(), { healed: 1 });
      });
      log.warn({ asset: asset.id, healed }, 'a lost original was looked for on a mirror');
    }
  }

  #diskOf(attached: AttachedMirror): MirrorDisk {
    const known = this.#disks.get(attached.disk) ?? new MirrorDisk(attached);
    this.#disks.set(attached.disk, known);
    return known;
  }

  /** Which of the two disks it was is asked of them: what the operation met does not tell. */
  async #failed(open: OpenLibrary, { disk, diskId }: AttachedMirror, live: Live, error: unknown): Promise<void> {
    const { library, log } = this.#deps;
    const isAway = async (one: AttachedMirror['disk']) =>
      await one.check({ byReading: true }).then(
        () => undefined,
        (why: unknown) => why,
      );
    const mirrorAway = await isAway(disk);
    const libraryAway = await isAway(open.disk);
    const ofCatalogue = /^SQLITE_/.test(systemCode(error) ?? systemCode(causeOf(error)) ?? '');
    if (libraryAway !== undefined || (mirrorAway === undefined && (ofCatalogue || isClosed(open)))) {
      await library.failed(open, libraryAway ?? error);
    }
    if (mirrorAway !== undefined) {
      log.info({ err: mirrorAway, disk: diskId }, 'a mirror went away');
      return;
    }
    if (libraryAway !== undefined) return;
    // Its names can be looked up, and it cannot be used.
    live.problem = diskIsFull(error) ? 'full' : 'failing';
    live.restsUntil = performance.now() + this.#limits.failingRestMs;
    log.warn({ err: error, disk: diskId }, 'a mirror could not be followed; it is tried again');
  }
}

function isClosed(open: OpenLibrary): boolean {
  return !open.database.open;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
