/**
 * Owns what is being received: `incoming/` on the library's disk, its rows, and who may use which upload when.
 * Never acknowledges a byte that a power cut could take back, and never knows which door asks.
 * Called by the doors (tus here, others in rooms above) and by the composition root.
 */
import { readdir, stat, unlink } from 'node:fs/promises';
import type { Library } from '../library/library.ts';
import { mediaKind } from '../library/media-kinds.ts';
import { incomingFolder, type OpenLibrary } from '../library/open-library.ts';
import { checkPhonePath } from '../library/placement.ts';
import { requireQuota } from '../library/quota.ts';
import { ignoreMissing } from '../platform/durable-files.ts';
import { CodedError, type ErrorCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { type Live, LiveUploads } from './live-uploads.ts';
import { PhoneProgress, type TellUploads } from './phone-progress.ts';
import { type FoundUpload, isSafe, UploadStore } from './store.ts';
import { Upload, type UploadBeginning, type UploadEnd, type UploadFacts, type UploadOwner } from './upload.ts';

const uploadLimits = {
  bytesMax: 1024 ** 4,
  openPerPhoneMax: 100,
  /** An unfinished upload that nobody goes on with, and the memory of an ended one. */
  keptMs: 14 * 24 * 3_600_000,
  /** When a phone has too many open uploads, one that rested for so long makes room. */
  restingMs: 3_600_000,
  idleMs: 60_000,
  takeOverMs: 10_000,
  waitingUsersMax: 4,
  liveMax: 64,
  usedAtOnceMax: 64,
  usedAtOncePerPhoneMax: 16,
  /** An upload's row is told of its use this often. */
  touchMs: 60_000,
  progressEveryMs: 1_000,
  burstRestMs: 5_000,
  /** Free space that receiving leaves alone: the catalogue must always be able to commit. */
  reserveBytes: 16 * 1024 * 1024,
};
/** `bytes` of `length` came. `touchedAt`: when the phone went on with one of them last. */
export type Unfinished = Readonly<{
  uploads: number;
  videos: number;
  bytes: number;
  length: number;
  touchedAt: number;
}>;
/** More than the phones of a house may have open. */
const unfinishedMax = 10_000;
export type UploadLimits = Readonly<typeof uploadLimits>;

export type UploadsDeps = Readonly<{
  library: Library;
  /** Whose phone it is now, and where its files go; undefined for a phone that is gone. */
  ownerOf: (phoneId: string) => UploadOwner | undefined;
  now: () => number;
  randomBytes: (size: number) => Buffer;
  log: Logger;
  /** Told how each phone's backup goes on. */
  tell?: TellUploads;
  limits?: Partial<UploadLimits>;
}>;

export class Uploads {
  readonly #deps: UploadsDeps;
  readonly #limits: UploadLimits;
  readonly #live: LiveUploads;
  readonly #progress: PhoneProgress;
  readonly #stores = new WeakMap<OpenLibrary, UploadStore>();

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
    this.#limits = { ...uploadLimits, ...deps.limits };
    this.#live = new LiveUploads(this.#limits);
    this.#progress = new PhoneProgress(deps.tell ?? (() => undefined), this.#limits);
  }

  /** Follows the library as it opens and closes. Call before the library is opened. */
  open(): void {
    this.#deps.library.onOpened((library) => this.#reconcile(library));
  }

  /** Whether a phone sends just now: what can wait leaves the disk to it. */
  get inUse(): boolean {
    return this.#live.inUse();
  }

  get limits(): UploadLimits {
    return this.#limits;
  }

  /**
   * Begins an upload and hands it to `use`. Its row is committed by the first `settle` or by `finish`; an upload that
   * fails before either leaves nothing behind.
   * @throws {CodedError} `invalid-name`, `too-large`, `too-many-uploads`, `disk-full`, `over-quota`, `disk-missing`.
   */
  async begin<T>(
    phoneId: string,
    it: { door: string; length?: number; facts: UploadFacts },
    use: (upload: Upload) => Promise<T>,
  ): Promise<T> {
    const library = this.#deps.library.current();
    return await this.#guarded(library, async () => {
      const owner = this.#ownerOf(phoneId);
      await this.#allow(library, owner, it);
      const { now, randomBytes } = this.#deps;
      const id = randomBytes(16).toString('hex');
      const upload = this.#make(library, {
        ...it,
        id,
        owner,
        length: it.length,
        createdAt: now(),
        recorded: undefined,
      });
      const live = this.#live.add(upload, library);
      try {
        return await this.#live.alone(live, () => this.#progress.follow(upload, () => use(upload)));
      } finally {
        if (!upload.recorded) await this.#discard(library, id);
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
      const live = await this.#find(library, phoneId, id);
      return await this.#live.alone(live, async () => {
        const result = await this.#progress.follow(live.upload, () => use(live.upload));
        this.#touch(live);
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
      const ids = this.#rows(library).untouchedSince(this.#deps.now() - this.#limits.keptMs, 1_000);
      for (const id of ids) await this.#remove(library, id);
      return ids.length;
    });
  }

  /**
   * Drops whatever these phones, which may not come any more, were sending, and the memory of what they sent. When it
   * returns, nothing of it goes on. @throws {CodedError} `upload-busy` when a transfer does not end in time.
   */
  async forgetPhones(library: OpenLibrary, phoneIds: readonly string[]): Promise<void> {
    await this.#guarded(library, async () => {
      const rows = this.#rows(library);
      for (const live of this.#live.ofPhones(library, phoneIds)) {
        await this.#live.alone(live, () => library.database.write(() => rows.remove(live.upload.id)));
        await this.#discard(library, live.upload.id);
      }
      for (const phoneId of phoneIds) {
        for (let ids = rows.ofPhone(phoneId, 500); ids.length > 0; ids = rows.ofPhone(phoneId, 500)) {
          await library.database.write(() => {
            for (const id of ids) rows.remove(id);
          });
          for (const id of ids) await this.#discard(library, id);
        }
      }
    });
  }

  /** What each phone began and did not end, by phone. @throws {CodedError} `disk-missing` */
  unfinished(library: OpenLibrary = this.#deps.library.current()): Map<string, Unfinished> {
    const byPhone = new Map<string, Unfinished>();
    for (const row of this.#rows(library).receiving(unfinishedMax)) {
      const known = byPhone.get(row.phone_id) ?? { uploads: 0, videos: 0, bytes: 0, length: 0, touchedAt: 0 };
      const { path = '' } = JSON.parse(row.facts) as UploadFacts;
      byPhone.set(row.phone_id, {
        uploads: known.uploads + 1,
        videos: known.videos + (mediaKind(path.slice(path.lastIndexOf('/') + 1)).kind === 'video' ? 1 : 0),
        bytes: known.bytes + row.synced,
        length: known.length + (row.length ?? row.synced),
        touchedAt: Math.max(known.touchedAt, row.touched_at),
      });
    }
    return byPhone;
  }

  /** Ends every running transfer at once; what came is kept, and the phones are told to come again. */
  interrupt(): void {
    this.#live.stopAll();
  }

  /** Lets every received file go. */
  async close(): Promise<void> {
    this.#progress.close();
    await this.#live.close();
  }

  async #guarded<T>(library: OpenLibrary, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#deps.library.failed(library, error);
    }
  }

  #ownerOf(phoneId: string): UploadOwner {
    const owner = this.#deps.ownerOf(phoneId);
    if (owner !== undefined) return owner;
    throw new CodedError('unauthenticated', 'This phone is not paired with the box any more. Pair it again.');
  }

  /** Refuses early what could not be kept, before a byte is sent. */
  async #allow(library: OpenLibrary, owner: UploadOwner, it: { length?: number; facts: UploadFacts }): Promise<void> {
    const { phoneId } = owner;
    const { bytesMax, openPerPhoneMax, restingMs } = this.#limits;
    if (it.facts.path !== undefined) {
      checkPhonePath(it.facts.path);
      this.#deps.library.requireToolsFor(it.facts.path);
    }
    if (it.length !== undefined && it.length > bytesMax) {
      throw new CodedError('too-large', 'The file is larger than this box takes (1 TiB).');
    }
    this.#requireQuota(library, owner, it);
    await this.#requireRoom(library, it.length ?? 0);
    const rows = this.#rows(library);
    if (rows.openCount(phoneId) < openPerPhoneMax) return;
    const [resting] = rows.idleOfPhone(phoneId, this.#deps.now() - restingMs, 1);
    if (resting === undefined) {
      throw new CodedError(
        'too-many-uploads',
        'This phone has too many unfinished uploads. Finish or end some of them first.',
      );
    }
    await this.#remove(library, resting);
  }

  /** Whether so many more bytes may come, beside what others in use still bring. @throws {CodedError} `disk-full`. */
  async #requireRoom(library: OpenLibrary, bytes: number, of?: Upload): Promise<void> {
    const promised = bytes === 0 ? 0 : bytes + this.#live.promisedBytes(library, of);
    if ((await library.disk.freeBytes()) >= promised + this.#limits.reserveBytes) return;
    throw new CodedError(
      'disk-full',
      'There is not enough room on the disk for this file. Everything received so far is safe; make room, and the rest comes in.',
    );
  }

  /**
   * Whether a file of so many bytes may come, beside the person's others that are coming. What the person has already, by
   * its checksum, takes nothing. @throws {CodedError} `over-quota`
   */
  #requireQuota(
    library: OpenLibrary,
    owner: UploadOwner,
    it: { length?: number | undefined; facts: UploadFacts },
    of?: Upload,
  ): void {
    const quotaBytes = this.#quotaOf(owner);
    if (quotaBytes === null) return;
    const { id } = owner.person;
    const { sha256 } = it.facts;
    if (sha256 !== undefined && library.rows.assetByContent(id, Buffer.from(sha256, 'hex')) !== undefined) return;
    const usedBytes = library.standing.usage(id).bytes + this.#live.claimedBytes(library, id, of);
    requireQuota({ quotaBytes, usedBytes, bytes: it.length ?? 1 });
  }

  /** As it is now: an upload may go on for days. */
  #quotaOf({ phoneId }: UploadOwner): number | null {
    return this.#deps.ownerOf(phoneId)?.quotaBytes ?? null;
  }

  async #find(library: OpenLibrary, phoneId: string, id: string): Promise<Live> {
    const known = this.#live.get(library, id);
    const row = known !== undefined || !/^[0-9a-f]{32}$/.test(id) ? undefined : this.#rows(library).upload(id);
    // Somebody else's upload is not told apart from one that never was.
    if ((known?.upload.owner.phoneId ?? row?.phone_id) !== phoneId) throw notFound();
    if (known !== undefined) return known;
    if (row?.asset_state === 'publishing' && row.asset_id !== null) {
      // Interrupted between its reservation and its name: brought to an end before anything is said of it.
      await this.#deps.library.settlePublishing(library, row.asset_id);
    }
    // Somebody else may have found it meanwhile.
    return this.#live.get(library, id) ?? this.#load(library, id);
  }

  #load(library: OpenLibrary, id: string): Live {
    const row = this.#rows(library).upload(id);
    if (row === undefined) throw notFound();
    const it = {
      id,
      owner: this.#ownerOf(row.phone_id),
      door: row.door,
      length: row.length ?? undefined,
      facts: JSON.parse(row.facts) as UploadFacts,
      createdAt: row.created_at,
      recorded: { synced: row.synced },
    };
    return this.#live.add(this.#make(library, it, endOf(row)), library);
  }

  #make(library: OpenLibrary, it: UploadBeginning, ended?: UploadEnd): Upload {
    const { now } = this.#deps;
    const upload: Upload = new Upload(
      {
        library: this.#deps.library,
        open: library,
        rows: this.#rows(library),
        now,
        idleMs: this.#limits.idleMs,
        quotaBytes: () => this.#quotaOf(it.owner),
        requireRoom: async (bytes) => {
          this.#requireQuota(library, it.owner, { facts: it.facts, length: upload.claimed }, upload);
          await this.#requireRoom(library, bytes, upload);
        },
      },
      it,
      ended,
    );
    return upload;
  }

  #touch(live: Live): void {
    const now = this.#deps.now();
    if (now - live.touchedAt < this.#limits.touchMs) return;
    live.touchedAt = now;
    try {
      this.#rows(live.library).touch(live.upload.id, now);
    } catch (error) {
      // A full disk must not keep a phone from learning its offset.
      this.#deps.log.debug({ err: error }, 'an upload could not be marked as used');
    }
  }

  /** Drops an upload that nobody uses, with its row. */
  async #remove(library: OpenLibrary, id: string): Promise<void> {
    const live = this.#live.get(library, id);
    const remove = () => library.database.write(() => this.#rows(library).remove(id));
    if (live === undefined) await remove();
    else if (live.users > 0) return;
    else await this.#live.alone(live, remove);
    await this.#discard(library, id);
  }

  /** Removes the bytes of an upload that has no row, unless a publishing still needs them. */
  async #discard(library: OpenLibrary, id: string): Promise<void> {
    const live = this.#live.get(library, id);
    if (live !== undefined) await this.#live.forget(live);
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
    if (rows.hasTakenBack()) await library.database.write(() => rows.reopenTakenBack());
    const receiving = new Set(rows.receivingIds());
    for (const id of await readdir(library.disk.resolve(incomingFolder))) {
      if (receiving.has(id) || library.rows.isPublishingFrom(id)) continue;
      await unlink(library.incoming(id)).catch(ignoreMissing);
    }
    library.beforeClosing(() => this.#live.close(library));
    // Not now: finishing one asks for the current library, which this one is only when all is prepared.
    library.served
      .then(() => this.#finishWhole(library, receiving))
      .catch((error: unknown) =>
        this.#deps.log.warn({ err: error }, 'uploads that were whole could not be finished yet'),
      );
  }

  /** Finishes uploads of which every byte survived, without waiting for their phone to come back. */
  async #finishWhole(library: OpenLibrary, ids: ReadonlySet<string>): Promise<void> {
    for (const id of ids) {
      if (library.closing.aborted) return;
      const row = this.#rows(library).upload(id);
      if (row === undefined || row.length === null || row.synced < row.length) continue;
      if (this.#deps.ownerOf(row.phone_id) === undefined || !(await holdsBytes(library.incoming(id), row.length)))
        continue;
      await this.use(row.phone_id, id, async (upload) => {
        await upload.openFile();
        if (upload.complete) await upload.finish();
      }).catch((error: unknown) => this.#deps.log.info({ err: error }, 'a whole upload waits for its phone'));
    }
  }
}

/** How an upload of the catalogue ended. Finished is only one whose file is where it belongs, or was deleted there. */
function endOf(row: FoundUpload): UploadEnd | undefined {
  if (isSafe(row)) return { finished: true, length: row.length ?? 0 };
  if (row.state !== 'refused') return undefined;
  const code = (row.refusal ?? 'upload-gone') as ErrorCode;
  return { refused: new CodedError(code, row.reason ?? 'This upload was refused.') };
}

async function holdsBytes(path: string, bytes: number): Promise<boolean> {
  return await stat(path).then(
    (facts) => facts.size >= bytes,
    () => false,
  );
}

function notFound(): CodedError {
  return new CodedError(
    'not-found',
    'The box knows no such upload. Begin it again; nothing that was acknowledged is lost.',
  );
}
