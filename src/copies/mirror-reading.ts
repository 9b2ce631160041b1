/** Reads the copies on a mirror back, as the originals are read: a slice each night, all of them within 30 days. */
import { factsOf } from '../library/file-facts.ts';
import { type OpenLibrary, trashFolder } from '../library/open-library.ts';
import { systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import { MirrorListsStore } from './mirror-lists-store.ts';
import { type CopyToRead, MirrorStore } from './mirror-store.ts';
import { type OriginalReader, unreadableCodes } from './read-original.ts';

export type MirrorReadingDeps = Readonly<{
  reader: OriginalReader;
  nightSince: () => number | undefined;
  /** As of `Verification`. */
  onDamage?: (diskId: string) => void;
  now: () => number;
  log: Pick<Logger, 'warn'>;
  limits: Readonly<{ nights: number; bytesPerNightMin: number; restMs: number; overdueMs: number }>;
}>;
type BeforePiece = (bytes: number) => Promise<void>;

const batchMax = 50;

export class MirrorReading {
  readonly #deps: MirrorReadingDeps;
  /** What was read in this night, by disk. */
  readonly #done = new Map<string, { since: number; bytes: number }>();

  constructor(deps: MirrorReadingDeps) {
    this.#deps = deps;
  }

  /** Until nothing is due. True: a copy was damaged, and is to be made again. */
  async readSlice(open: OpenLibrary, mirror: MirrorDisk, beforePiece: BeforePiece): Promise<boolean> {
    const rows = new MirrorStore(open.database);
    const { diskId } = mirror;
    let right: CopyToRead[] = [];
    let damaged = false;
    const keep = async () => {
      const at = this.#deps.now();
      const kept = right;
      right = [];
      if (kept.length > 0)
        await open.database.write(() => {
          for (const copy of kept) rows.verified(diskId, copy, at);
        });
    };
    let place = { at: -1, id: 0 };
    for (let next = this.#next(rows, diskId, place); next !== undefined; next = this.#next(rows, diskId, place)) {
      const copy = next;
      place = { at: copy.verifiedAt, id: copy.assetId };
      if (await this.#isRight(mirror, copy, beforePiece)) {
        right.push(copy);
        this.#count(diskId, copy.size);
        if (right.length >= batchMax) await keep();
        continue;
      }
      await mirror.disk.check({ byReading: true });
      this.#deps.log.warn(
        { asset: copy.assetId, disk: diskId },
        'a copy on a mirror is not what it was; it is copied again',
      );
      // What somebody removed says nothing of the disk.
      if ((await factsOf(mirror.disk.resolve(copy.path))) !== undefined) this.#deps.onDamage?.(diskId);
      // Nobody needs it, and it would stay for ever.
      if (copy.path.startsWith(`${trashFolder}/`)) await mirror.remove(copy.path);
      await mirror.journal.append([{ left: copy.assetId }]);
      await open.database.write(() => this.lost(open, diskId, copy.assetId));
      damaged = true;
    }
    await keep();
    return damaged;
  }

  /** Inside `write`: it counts as a copy no more, and is wanted again. */
  lost(open: OpenLibrary, diskId: string, assetId: number): void {
    const rows = new MirrorStore(open.database);
    rows.dropCopy(diskId, assetId);
    rows.want(diskId, assetId, 'damaged', 0);
    new MirrorListsStore(open.database).count(diskId, this.#deps.now(), { damaged: 1 });
  }

  #next(rows: MirrorStore, diskId: string, place: { at: number; id: number }): CopyToRead | undefined {
    const { nightSince, now, limits } = this.#deps;
    const since = nightSince();
    const overdue = now() - limits.overdueMs;
    if (since === undefined) return rows.oldest(diskId, place, overdue);
    const done = this.#done.get(diskId);
    const slice = Math.max(limits.bytesPerNightMin, (rows.mirror(diskId)?.bytes ?? 0) / limits.nights);
    const bytes = done?.since === since ? done.bytes : 0;
    return rows.oldest(diskId, place, bytes < slice ? since - limits.restMs : overdue);
  }

  #count(diskId: string, bytes: number): void {
    const since = this.#deps.nightSince();
    if (since === undefined) return;
    const done = this.#done.get(diskId);
    this.#done.set(diskId, { since, bytes: (done?.since === since ? done.bytes : 0) + bytes });
  }

  /** Wrong once may be the cord: it is read twice before it is said. */
  async #isRight(mirror: MirrorDisk, copy: CopyToRead, beforePiece: BeforePiece): Promise<boolean> {
    for (let tries = 0; tries < 2; tries += 1) {
      try {
        if (await mirror.holds(this.#deps.reader, copy.path, copy, beforePiece)) return true;
      } catch (error) {
        if (!unreadableCodes.has(systemCode(error) ?? '')) throw error;
        await mirror.disk.check({ byReading: true });
      }
    }
    return false;
  }
}
