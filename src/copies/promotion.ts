/**
 * Owns that a mirror becomes the library: what has to be so before, and its steps. Up to one commit of the box state nothing
 * that people use has changed, and it begins anew after any end; that commit makes the mirror the library, and what is left
 * then is done whenever that disk is there. Never removes a file from either disk.
 * Called by its own routes and by the composition root.
 *
 * With the library there: the mirror is brought up to date, the library is closed, the last of it is mirrored, and its
 * catalogue copied. With the library gone: from what lies on the mirror alone.
 */
import { type AttachedMirror, Disk } from '../disks/disk.ts';
import type { Library } from '../library/library.ts';
import { cataloguePath } from '../library/open-library.ts';
import { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Settings } from '../platform/settings.ts';
import { MirrorDisk } from './mirror-disk.ts';
import { MirrorPass } from './mirror-pass.ts';
import { MirrorStore } from './mirror-store.ts';
import type { Mirroring } from './mirroring.ts';
import { sleep } from './pace.ts';
import { promoteFromLibrary, promoteFromMirror, takePromoted } from './promoted-catalogue.ts';
import { OriginalReader } from './read-original.ts';

export type PromotionDeps = Readonly<{
  library: Pick<Library, 'onFound' | 'onOpened' | 'current' | 'state' | 'hold'>;
  mirrors: () => readonly AttachedMirror[];
  mirroring: Pick<Mirroring, 'state' | 'whenComplete' | 'letGo'>;
  settings: Settings;
  /** The box state. */
  database: Database;
  /** Of the library's catalogue. */
  migrationsDir: string;
  libraryDiskId: () => string | undefined;
  /** Only inside `database.write`: from this commit on that disk is the library. */
  putLibraryInWrite: (diskId: string) => void;
  /** Only inside `database.write`: the disk that was the library until now is a mirror from then on. */
  putFormerInWrite: (place: string, diskId: string) => void;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  retryMs?: number;
}>;

type Phase = 'preparing' | 'switched';
type Row = Readonly<{ diskId: string; phase: Phase; anyway: boolean; startedAt: number; formerId?: string }>;
/** `problem`: why it waits, for people. */
export type PromotionState = Readonly<{ diskId: string; phase: Phase; startedAt: number; problem: string | null }>;

/** `formerId`: which was the library until then; null: it was away. */
type Promoted = Readonly<{ diskId: string; formerId: string | null; at: number }>;

const setting = 'library.promotion';
const promotedSetting = 'library.promoted';

export class Promotion {
  readonly #deps: PromotionDeps;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #problem: string | null = null;
  #asking = false;

  constructor(deps: PromotionDeps) {
    this.#deps = deps;
  }

  /** Follows the library as it opens. Call before it is opened. */
  open(): void {
    const { library } = this.#deps;
    library.onFound(async (disk) => {
      const row = this.#row();
      if (row?.phase === 'switched' && row.diskId === disk.marker.diskId) await takePromoted(disk);
    });
    library.onOpened(async (open) => {
      const row = this.#row();
      if (row?.phase !== 'switched' || row.diskId !== open.disk.marker.diskId) return;
      const { database, settings, now, log } = this.#deps;
      const promoted: Promoted = { diskId: row.diskId, formerId: row.formerId ?? null, at: now() };
      await database.write(() => {
        settings.putTextInWrite(setting, '');
        settings.putTextInWrite(promotedSetting, JSON.stringify(promoted));
      });
      log.info({ disk: row.diskId }, 'a mirror is the library now');
    });
  }

  /** What was interrupted goes on. After the library was looked for. */
  start(): void {
    const row = this.#row();
    if (row?.phase === 'preparing') this.#begin(row);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  state(): PromotionState | null {
    const row = this.#row();
    if (row === undefined) return null;
    return { diskId: row.diskId, phase: row.phase, startedAt: row.startedAt, problem: this.#problem };
  }

  /** The last one that came to its end. */
  promoted(): Promoted | null {
    const text = this.#deps.settings.text(promotedSetting);
    return text === undefined ? null : (JSON.parse(text) as Promoted);
  }

  /** Which disk is the library, and whether it is there. */
  library(): { state: 'ok' | 'missing' | 'none'; diskId: string | null } {
    return { state: this.#deps.library.state, diskId: this.#deps.libraryDiskId() ?? null };
  }

  /**
   * Begins; it goes on in the background, and after every restart. `anyway`: also without the library's disk, from what the
   * mirror has. @throws {CodedError} `disk-missing` when the mirror is not there, `conflict` when another is under way or
   * the library's disk is not there
   */
  async begin(diskId: string, { anyway }: { anyway: boolean }): Promise<void> {
    const { library } = this.#deps;
    if (library.state === 'none') library.current();
    // Also while another one waits for its commit: two at once would make two libraries of one.
    if (this.#asking || this.#row() !== undefined) {
      throw new CodedError('conflict', 'A mirror is becoming the library already. Nothing was changed.');
    }
    this.#asking = true;
    try {
      await this.#beginAlone(diskId, { anyway });
    } finally {
      this.#asking = false;
    }
  }

  async #beginAlone(diskId: string, { anyway }: { anyway: boolean }): Promise<void> {
    const { library, mirrors, now } = this.#deps;
    if (!(await this.#deps.mirroring.state()).some((mirror) => mirror.diskId === diskId)) {
      throw new CodedError('not-found', 'This disk is no mirror that the box follows. Nothing was changed.');
    }
    if (!mirrors().some((mirror) => mirror.diskId === diskId)) throw mirrorMissing();
    if (library.state !== 'ok' && !anyway) throw libraryMissing();
    const row: Row = { diskId, phase: 'preparing', anyway, startedAt: now() };
    await this.#put(row);
    this.#begin(row);
  }

  /** Leaves everything as it is, while it can. @throws {CodedError} `conflict` when it is decided, `not-found` for none */
  async cancel(): Promise<void> {
    const row = this.#row();
    if (row === undefined) throw new CodedError('not-found', 'No mirror is becoming the library.');
    if (row.phase === 'preparing') {
      this.#stop.abort();
      await this.#running;
    }
    if (this.#row()?.phase !== 'preparing') {
      throw new CodedError('conflict', 'The mirror is the library already. Nothing was changed.');
    }
    await this.#put(undefined);
  }

  #begin(row: Row): void {
    this.#stop = new AbortController();
    this.#problem = null;
    this.#running = this.#run(row, this.#stop.signal);
  }

  /** Never rejects. */
  async #run(row: Row, signal: AbortSignal): Promise<void> {
    const { log, retryMs = 2_000 } = this.#deps;
    await this.#tryAllAgain(row.diskId).catch((error: unknown) => {
      log.warn({ err: error, disk: row.diskId }, 'what a mirror did not take is tried again later');
    });
    for (;;) {
      try {
        await this.#attempt(row, signal);
        return;
      } catch (error) {
        if (signal.aborted || this.#row()?.phase !== 'preparing') return;
        const problem = error instanceof CodedError ? error.message : 'It did not work, and is tried again.';
        if (problem !== this.#problem) log.warn({ err: error, disk: row.diskId }, 'a mirror is not the library yet');
        this.#problem = problem;
        await sleep(retryMs, signal).catch(() => undefined);
        if (signal.aborted) return;
      }
    }
  }

  /** What was in the way of a file may be gone by now. */
  async #tryAllAgain(diskId: string): Promise<void> {
    if (this.#deps.library.state !== 'ok') return;
    const { database } = this.#deps.library.current();
    await database.write(() => new MirrorStore(database).tryAgain(diskId));
  }

  async #attempt({ diskId, anyway }: Row, signal: AbortSignal): Promise<void> {
    const { library, mirroring } = this.#deps;
    const attached = this.#attached(diskId);
    const there = library.state === 'ok';
    if (!there && !anyway) throw libraryMissing();
    if (there) {
      const gone = new AbortController();
      const watching = this.#untilGone(diskId, AbortSignal.any([signal, gone.signal]));
      // Without its disk a pass would never end.
      await Promise.race([mirroring.whenComplete(diskId, AbortSignal.any([signal, gone.signal])), watching]).finally(
        () => gone.abort(),
      );
    }
    // Before anybody has to wait: what is tried in vain would be missing afterwards.
    if (there && !anyway) requireAll(new MirrorStore(library.current().database).refused(diskId));
    const former = there ? library.current().disk : undefined;
    const place = former?.path;
    const formerId = former?.marker.diskId;
    const letGo = await library.hold();
    try {
      await mirroring.letGo(diskId);
      signal.throwIfAborted();
      const mirror = new MirrorDisk(attached);
      if (place === undefined || formerId === undefined) await this.#fromMirror(mirror);
      else await this.#fromLibrary({ path: place, diskId: formerId, anyway }, mirror, signal);
      signal.throwIfAborted();
      await this.#switch(
        diskId,
        place === undefined || formerId === undefined ? undefined : { place, diskId: formerId },
      );
    } finally {
      await letGo();
    }
  }

  async #fromLibrary(
    it: { path: string; diskId: string; anyway: boolean },
    mirror: MirrorDisk,
    signal: AbortSignal,
  ): Promise<void> {
    const { migrationsDir, now, log } = this.#deps;
    const disk = await Disk.open(it.path, it.diskId);
    try {
      const database = Database.open(disk.named(cataloguePath), { migrationsDir, create: false });
      try {
        await disk.check();
        const source = { disk, database };
        const doubted = new Set<number>();
        const pass = new MirrorPass({
          source,
          mirror,
          reader: new OriginalReader(),
          beforePiece: async () => signal.throwIfAborted(),
          onDoubt: (assetId) => doubted.add(assetId),
          onCopied: () => undefined,
          now,
          log,
        });
        while (await pass.step()) signal.throwIfAborted();
        // What its own disk does not give any more is no reason to stay on it.
        if (!it.anyway) requireAll(new MirrorStore(database).refused(mirror.diskId) - doubted.size);
        const { missing } = await promoteFromLibrary(source, mirror, migrationsDir);
        log.info({ disk: mirror.diskId, missing }, 'the catalogue of the new library is made');
      } finally {
        database.close();
      }
    } finally {
      await disk.close();
    }
  }

  async #fromMirror(mirror: MirrorDisk): Promise<void> {
    const { migrationsDir, now, log } = this.#deps;
    const { missing, skipped } = await promoteFromMirror(mirror, migrationsDir, now());
    log.warn(
      { disk: mirror.diskId, missing, skipped },
      'the catalogue of the new library is made from the mirror alone',
    );
  }

  /** The one moment at which it is decided. */
  async #switch(diskId: string, former: { place: string; diskId: string } | undefined): Promise<void> {
    const { database, settings, putLibraryInWrite, putFormerInWrite } = this.#deps;
    const row = this.#row();
    await database.write(() => {
      putLibraryInWrite(diskId);
      if (former !== undefined) putFormerInWrite(former.place, former.diskId);
      settings.putTextInWrite(setting, JSON.stringify({ ...row, diskId, phase: 'switched', formerId: former?.diskId }));
    });
    this.#problem = null;
  }

  #attached(diskId: string): AttachedMirror {
    const attached = this.#deps.mirrors().find((mirror) => mirror.diskId === diskId);
    if (attached === undefined) throw mirrorMissing();
    return attached;
  }

  /** @throws {CodedError} `disk-missing` when either disk goes away; what `signal` says */
  async #untilGone(diskId: string, signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(200, signal);
      this.#attached(diskId);
      if (this.#deps.library.state !== 'ok') throw libraryMissing();
    }
  }

  #row(): Row | undefined {
    const text = this.#deps.settings.text(setting);
    return text === undefined || text === '' ? undefined : (JSON.parse(text) as Row);
  }

  async #put(row: Row | undefined): Promise<void> {
    await this.#deps.settings.putText(setting, row === undefined ? '' : JSON.stringify(row));
  }
}

function mirrorMissing(): CodedError {
  return new CodedError(
    'disk-missing',
    'This mirror is not attached. Nothing was changed; attach it, and it goes on by itself.',
  );
}

/** The library would be without them, and they may be nowhere else. */
function requireAll(lacking: number): void {
  if (lacking <= 0) return;
  const files = lacking === 1 ? 'One file does' : `${lacking} files do`;
  throw new CodedError(
    'conflict',
    `${files} not get onto this mirror; its page names them. Make room there, or call this off and take another disk. Nothing was changed.`,
  );
}

function libraryMissing(): CodedError {
  return new CodedError(
    'conflict',
    'The library’s disk is not there, so what came in last may be on no mirror. Attach it, or go on without it: phones are asked again for what the mirror lacks. Nothing was changed.',
  );
}
