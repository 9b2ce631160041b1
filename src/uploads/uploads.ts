/**
 * Owns what is being received: `incoming/` on the library's disk, its rows, and who may use which upload when.
 * Never acknowledges a byte that a power cut could take back, and never knows which door asks.
 * Called by the doors (tus here, others in rooms above) and by the composition root.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import type { Library } from '../library/library.ts';
import { incomingFolder, type OpenLibrary } from '../library/open-library.ts';
import { checkPhonePath } from '../library/placement.ts';
import { ignoreMissing } from '../platform/durable-files.ts';
import { CodedError, type ErrorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { UploadStore } from './store.ts';
import { Upload, type UploadFacts, type UploadOwner } from './upload.ts';

export const uploadLimits = {
  bytesMax: 1024 ** 4,
  openPerPhoneMax: 100,
  /** An unfinished upload that nobody goes on with, and the memory of an ended one. */
  keptMs: 14 * 24 * 3_600_000,
  /** When a phone has too many open uploads, one that rested for so long makes room. */
  restingMs: 3_600_000,
  idleMs: 60_000,
  takeOverMs: 10_000,
  waitingUsersMax: 4,
  /** Kept open between requests, with their running checksums. */
  liveMax: 64,
  /** Free space that stays: the catalogue must always be able to commit. */
  reserveBytes: 16 * 1024 * 1024,
};
export type UploadLimits = Readonly<typeof uploadLimits>;

type Live = { upload: Upload; library: OpenLibrary; tail: Promise<unknown>; users: number; usedAt: number };

export type UploadsDeps = Readonly<{
  library: Library;
  /** Whose phone it is now, and where its files go; undefined for a phone that is gone. */
  ownerOf: (phoneId: string) => UploadOwner | undefined;
  now: () => number;
  randomBytes: (size: number) => Buffer;
  log: Logger;
  limits?: Partial<UploadLimits>;
}>;

export class Uploads {
  readonly #deps: UploadsDeps;
  readonly #limits: UploadLimits;
  readonly #live = new Map<string, Live>();
  readonly #stores = new WeakMap<OpenLibrary, UploadStore>();

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
    this.#limits = { ...uploadLimits, ...deps.limits };
  }

  /** Follows the library as it opens and closes. Call before the library is opened. */
  open(): void {
    this.#deps.library.onOpened((library) => this.#reconcile(library));
  }

  get limits(): UploadLimits {
    return this.#limits;
  }

  /**
   * Begins an upload and hands it to `use`. Its row is committed by the first `settle` or by `finish`; an upload that
   * fails before either leaves nothing behind.
   * @throws {CodedError} `invalid-name`, `too-large`, `too-many-uploads`, `disk-full`, `disk-missing`.
   */
  async begin<T>(
    phoneId: string,
    it: { door: string; length?: number; facts: UploadFacts },
    use: (upload: Upload) => Promise<T>,
  ): Promise<T> {
    const library = this.#deps.library.current();
    return await this.#guarded(library, async () => {
      const owner = this.#ownerOf(phoneId);
      await this.#allow(library, phoneId, it);
      const id = this.#deps.randomBytes(16).toString('hex');
      const upload = this.#make(library, {
        ...it,
        id,
        owner,
        length: it.length,
        createdAt: this.#deps.now(),
        recorded: undefined,
      });
      const live = this.#keep(upload, library);
      try {
        return await this.#alone(live, () => use(upload));
      } finally {
        if (!upload.recorded) await this.#discard(id, library);
      }
    });
  }

  /**
   * Hands the phone's upload to `use`, alone. Whoever uses it now is asked to stop, so that a phone that reconnects
   * need not wait for its dead connection.
   * @throws {CodedError} `not-found`, `upload-busy`, `disk-missing`, and whatever `use` throws.
   */
  async use<T>(phoneId: string, id: string, use: (upload: Upload) => Promise<T>): Promise<T> {
    const library = this.#deps.library.current();
    return await this.#guarded(library, async () => {
      const live = this.#find(library, phoneId, id);
      return await this.#alone(live, async () => {
        const result = await use(live.upload);
        this.#touch(library, id);
        return result;
      });
    });
  }

  /** When an unfinished upload would be given up, if nobody goes on with it from now on. */
  expiresAt(): number {
    return this.#deps.now() + this.#limits.keptMs;
  }

  /** Gives up what nobody went on with, and forgets what ended long ago. Returns how many. */
  async removeExpired(library: OpenLibrary = this.#deps.library.current()): Promise<number> {
    return await this.#guarded(library, async () => {
      const rows = this.#rows(library);
      const ids = rows.untouchedSince(this.#deps.now() - this.#limits.keptMs, 1_000);
      for (const id of ids) await this.#remove(library, id);
      return ids.length;
    });
  }

  /** Lets every received file go. */
  async close(): Promise<void> {
    for (const [id, live] of this.#live) {
      live.upload.stop();
      await live.tail.catch(() => undefined);
      await live.upload.close().catch(() => undefined);
      this.#live.delete(id);
    }
  }

  async #guarded<T>(library: OpenLibrary, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#deps.library.failed(library, error);
    }
  }

  #ownerOf(phoneId: string): UploadOwner {
    const owner = this.#deps.ownerOf(phoneId);
    if (owner === undefined)
      throw new CodedError('unauthenticated', 'This phone is not paired with the box any more. Pair it again.');
    return owner;
  }

  /** Refuses early what could not be kept, before a byte is sent. */
  async #allow(library: OpenLibrary, phoneId: string, it: { length?: number; facts: UploadFacts }): Promise<void> {
    const { bytesMax, openPerPhoneMax, restingMs, reserveBytes } = this.#limits;
    if (it.facts.path !== undefined) {
      checkPhonePath(it.facts.path);
      this.#deps.library.requireToolsFor(it.facts.path);
    }
    if (it.length !== undefined && it.length > bytesMax)
      throw new CodedError('too-large', 'The file is larger than this box takes (1 TiB).');
    await library.disk.check();
    if ((await library.disk.freeBytes()) < (it.length ?? 0) + reserveBytes) {
      throw new CodedError(
        'disk-full',
        'There is not enough room on the disk for this file. Everything received so far is safe; make room, and the rest comes in.',
      );
    }
    const rows = this.#rows(library);
    if (rows.openCount(phoneId) < openPerPhoneMax) return;
    const [resting] = rows.idleOfPhone(phoneId, this.#deps.now() - restingMs, 1);
    if (resting === undefined)
      throw new CodedError(
        'too-many-uploads',
        'This phone has too many unfinished uploads. Finish or end some of them first.',
      );
    await this.#remove(library, resting);
  }

  #find(library: OpenLibrary, phoneId: string, id: string): Live {
    const live = this.#live.get(id);
    if (live !== undefined && live.library === library) {
      if (live.upload.owner.phoneId !== phoneId) throw notFound();
      return live;
    }
    const row = /^[0-9a-f]{32}$/.test(id) ? this.#rows(library).upload(id) : undefined;
    // Somebody else's upload is not told apart from one that never was.
    if (row === undefined || row.phone_id !== phoneId) throw notFound();
    const upload = this.#make(library, {
      id,
      owner: this.#ownerOf(phoneId),
      door: row.door,
      length: row.length ?? undefined,
      facts: JSON.parse(row.facts) as UploadFacts,
      createdAt: row.created_at,
      recorded: { synced: row.synced },
    });
    if (row.state === 'finished') upload.setEnded({ finished: true, length: row.length ?? 0 });
    if (row.state === 'refused')
      upload.setEnded({
        refused: new CodedError((row.refusal ?? 'upload-gone') as ErrorCode, row.reason ?? 'This upload was refused.'),
      });
    return this.#keep(upload, library);
  }

  #make(library: OpenLibrary, it: ConstructorParameters<typeof Upload>[1]): Upload {
    const { now } = this.#deps;
    return new Upload(
      { library: this.#deps.library, open: library, rows: this.#rows(library), now, idleMs: this.#limits.idleMs },
      it,
    );
  }

  #keep(upload: Upload, library: OpenLibrary): Live {
    const live: Live = { upload, library, tail: Promise.resolve(), users: 0, usedAt: this.#deps.now() };
    this.#live.set(upload.id, live);
    this.#makeRoom();
    return live;
  }

  /** Lets the longest unused go; those in use stay, however many. */
  #makeRoom(): void {
    if (this.#live.size <= this.#limits.liveMax) return;
    for (const [id, live] of this.#live) {
      if (live.users > 0) continue;
      this.#live.delete(id);
      live.upload.close().catch(() => undefined);
      if (this.#live.size <= this.#limits.liveMax) return;
    }
  }

  /** Runs `work` when everybody before has finished or was stopped. */
  async #alone<T>(live: Live, work: () => Promise<T>): Promise<T> {
    if (live.users > this.#limits.waitingUsersMax) throw busy();
    const before = live.tail;
    const turn = Promise.withResolvers<void>();
    live.tail = before.then(() => turn.promise);
    live.users++;
    live.upload.stop();
    try {
      await this.#waitFor(before);
      // The map is in order of use, so that the longest unused is the first.
      if (this.#live.delete(live.upload.id)) this.#live.set(live.upload.id, live);
      return await work();
    } finally {
      live.users--;
      turn.resolve();
    }
  }

  async #waitFor(before: Promise<unknown>): Promise<void> {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(busy()), this.#limits.takeOverMs);
    try {
      await Promise.race([before, limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #touch(library: OpenLibrary, id: string): void {
    try {
      this.#rows(library).touch(id, this.#deps.now());
    } catch (error) {
      // A full disk must not keep a phone from learning its offset.
      this.#deps.log.debug({ err: error }, 'an upload could not be marked as used');
    }
  }

  async #remove(library: OpenLibrary, id: string): Promise<void> {
    const live = this.#live.get(id);
    if (live !== undefined && live.users > 0) return;
    await library.database.write(() => this.#rows(library).remove(id));
    await this.#discard(id, library);
  }

  /** Removes the bytes of an upload that has no row, unless a publishing still needs them. */
  async #discard(id: string, library: OpenLibrary): Promise<void> {
    const live = this.#live.get(id);
    this.#live.delete(id);
    await live?.upload.close().catch(() => undefined);
    if (library.closing.aborted || library.rows.isPublishingFrom(id)) return;
    await unlink(library.incoming(id)).catch(ignoreMissing);
  }

  #rows(library: OpenLibrary): UploadStore {
    const known = this.#stores.get(library);
    if (known !== undefined) return known;
    const made = new UploadStore(library.database);
    this.#stores.set(library, made);
    return made;
  }

  /** After the library's own reconciliation: rows that it took back go on; bytes without a row go. */
  async #reconcile(library: OpenLibrary): Promise<void> {
    const rows = this.#rows(library);
    await library.database.write(() => rows.reopenUnfinished());
    const receiving = new Set(rows.receivingIds());
    for (const id of await readdir(library.disk.resolve(incomingFolder))) {
      if (receiving.has(id) || library.rows.isPublishingFrom(id)) continue;
      await unlink(library.incoming(id)).catch(ignoreMissing);
    }
    library.beforeClosing(() => this.close());
    setImmediate(() => {
      this.#finishWhole(library, receiving).catch((error: unknown) =>
        this.#deps.log.warn({ err: error }, 'uploads that were whole could not be finished yet'),
      );
    });
  }

  /** Finishes uploads of which every byte survived, without waiting for their phone to come back. */
  async #finishWhole(library: OpenLibrary, ids: ReadonlySet<string>): Promise<void> {
    const rows = this.#rows(library);
    for (const id of ids) {
      if (library.closing.aborted) return;
      const row = rows.upload(id);
      if (row === undefined || row.length === null || this.#deps.ownerOf(row.phone_id) === undefined) continue;
      const size = await stat(library.incoming(id)).then(
        (facts) => facts.size,
        () => -1,
      );
      if (size !== row.length) continue;
      await this.use(row.phone_id, id, async (upload) => {
        await upload.openFile();
        if (upload.complete) await upload.finish();
      }).catch((error: unknown) => this.#deps.log.info({ err: error }, 'a whole upload waits for its phone'));
    }
  }
}

function notFound(): CodedError {
  return new CodedError(
    'not-found',
    'The box knows no such upload. Begin it again; nothing that was acknowledged is lost.',
  );
}

function busy(): CodedError {
  return new CodedError(
    'upload-busy',
    'Another request is using this upload. What came is kept; try again in a moment.',
  );
}
