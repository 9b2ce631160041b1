/**
 * Owns the pictures that people look at: what is wanted, in which order, and what became of it.
 * Never decodes: that is the worker program's, so that a broken file costs its picture and nothing else.
 * Called by its own routes, and told by the root when a photo arrived or is gone for good.
 */
import type { Readable } from 'node:stream';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { openOriginal } from '../library/originals.ts';
import { CodedError, diskIsFull, diskIsGone } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Static } from '../platform/schema.ts';
import type { MediaEvent } from './contract.ts';
import { isAsMade, readPicture, removePictures, writePictures } from './picture-files.ts';
import { type Made, type PictureCounts, PictureStore, type RefusedPicture, type WantedRow } from './store.ts';
import { Visible } from './visible.ts';

export type PictureSize = 'grid' | 'preview';
export type PictureJob = Readonly<{ file: string; name: string; kind: 'photo' | 'video' }>;
export type PictureAnswer =
  | (Readonly<{ ok: true; grid: Buffer; preview: Buffer }> & Omit<Made, 'gridBytes' | 'previewBytes'>)
  | (Readonly<{ ok: false; code: string; reason: string }> & Pick<Made, 'durationMs' | 'motion'>);

/**
 * What makes pictures. `decode` throws when it ended without an answer: the file may be what ended it. `command-missing`
 * and `stopping`: it did not get as far as the file.
 */
export interface PictureMaker {
  decode(job: PictureJob, signal: AbortSignal): Promise<PictureAnswer>;
}

type PicturesDeps = Readonly<{
  library: Library;
  maker: PictureMaker;
  tell: (personId: string, event: Static<typeof MediaEvent>) => void;
  log: Pick<Logger, 'warn'>;
  /** Milliseconds since 1970, UTC. */
  now: () => number;
  /** How long one who asks for a picture waits for it. */
  waitMs?: number;
}>;

/** Its bytes (WebP), their number, and their entity tag. A stream is read to its end, or destroyed. */
type Shown = Readonly<{ bytes: Buffer | Readable; length: number; etag: string }>;

/** A file that ends the worker as often as this is left alone. */
const attemptsMax = 3;
const retryMs = 60_000;
/** How often what became due is looked for without being told. */
const lookMs = 10_000;
const restMs = 15_000;
/** Pictures leave this to uploads and the catalogue. */
const freeBytesMin = 64 * 1024 * 1024;
const sliceRows = 500;
/** Counting only reads. */
const countedRows = 5_000;
const slicesMax = 100_000;
const refusedShownMax = 100;

export class Pictures {
  readonly #deps: PicturesDeps;
  readonly #visible: Visible;
  #wake = Promise.withResolvers<void>();
  /** By a clock that never goes back. */
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: PicturesDeps) {
    this.#deps = deps;
    this.#visible = new Visible({ waitMs: deps.waitMs ?? 20_000, wake: () => this.look() });
  }

  /** From here on, each library that opens gets its pictures, until it closes. */
  open(): void {
    this.#deps.library.onOpened(async (open) => {
      // Programs may have been installed since.
      new PictureStore(open.database).putWantedAfterRefusal('tool-missing');
      const done = this.#run(open);
      open.beforeClosing(() => done);
    });
  }

  /** Something may have become wanted. */
  look(): void {
    this.#wake.resolve();
  }

  /** Whether somebody looked at pictures within so long: what can wait leaves the disk to them. */
  lookedAtWithin(ms: number): boolean {
    return performance.now() - this.#askedAt < ms;
  }

  /**
   * A picture; made now, before all that nobody looks at, if there are none.
   * @throws {CodedError} `not-found`, `no-picture` with the reason, `busy` when it takes too long.
   */
  async picture(personId: string, assetId: number, size: PictureSize, signal: AbortSignal): Promise<Shown> {
    const open = this.#deps.library.current();
    this.#askedAt = performance.now();
    try {
      const there = await this.#read(open, personId, assetId, size);
      if (there !== undefined) return there;
      await this.#visible.wait(assetId, AbortSignal.any([signal, open.closing]));
      const made = await this.#read(open, personId, assetId, size);
      if (made !== undefined) return made;
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
    throw new CodedError('busy', 'The box is still making this picture. Ask again in a moment.');
  }

  /** Where the video of a Live Photo or motion photo is: a file of its own, or a part of the picture's own file. */
  motionOf(personId: string, assetId: number): { asset: number; part: { offset: number; length: number } | null } {
    const open = this.#deps.library.current();
    const asset = open.rows.asset(assetId);
    if (asset !== undefined && asset.person_id === personId && asset.state === 'present') {
      const store = new PictureStore(open.database);
      const half = store.movingHalf(assetId);
      if (half !== undefined) return { asset: half, part: null };
      const row = store.picture(assetId);
      // The worker has read an untrusted file: its word is checked.
      if (
        row?.motion_offset != null &&
        row.motion_length !== null &&
        isInside(row.motion_offset, row.motion_length, asset.size)
      ) {
        return { asset: assetId, part: { offset: row.motion_offset, length: row.motion_length } };
      }
    }
    throw new CodedError('not-found', 'There is no moving part of this photo in the library.');
  }

  async summary(personId: string): Promise<PictureCounts & { refusals: RefusedPicture[] }> {
    const counts = { wanted: 0, ready: 0, refused: 0 };
    const store = await this.#inSlices((rows, after) => rows.countSlice(personId, after, countedRows, counts));
    return { ...counts, refusals: store.refused(personId, refusedShownMax) };
  }

  /** Wants every picture of a person anew; those that are there are shown until then. */
  async makeAgain(personId: string): Promise<void> {
    await this.#inSlices((rows, after) => rows.putSliceWanted(personId, after, sliceRows));
    this.look();
  }

  /** `step` does a slice after an id and returns its last, or undefined at the end. @throws {CodedError} `disk-missing`. */
  async #inSlices(step: (store: PictureStore, after: number) => number | undefined): Promise<PictureStore> {
    const open = this.#deps.library.current();
    const store = new PictureStore(open.database);
    try {
      let after: number | undefined = 0;
      for (let slices = 0; slices < slicesMax; slices++) {
        after = step(store, after);
        if (after === undefined) break;
        // Others are served between the slices.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return store;
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  /** Their assets are gone for good: so is everything that shows what was on them. */
  async remove(open: OpenLibrary, assetIds: readonly number[]): Promise<void> {
    const store = new PictureStore(open.database);
    for (const id of assetIds) {
      await removePictures(open, id);
      store.forget(id);
    }
  }

  /** Reads what was made of this asset; if it is not that any more, it is made again. @throws what the disk says */
  async checkMade(open: OpenLibrary, assetId: number): Promise<void> {
    const store = new PictureStore(open.database);
    const row = store.picture(assetId);
    if (row?.state !== 'ready' || row.grid_bytes === null || row.preview_bytes === null) return;
    if (await isAsMade(open, assetId, row.grid_bytes + row.preview_bytes)) return;
    this.#deps.log.warn({ asset: assetId }, 'a picture is not what was made; it is made again');
    store.putWanted(assetId);
    this.look();
  }

  async #read(open: OpenLibrary, personId: string, assetId: number, size: PictureSize): Promise<Shown | undefined> {
    const asset = open.rows.asset(assetId);
    // Also of what is in the trash: its owner looks at it to decide.
    if (asset?.person_id !== personId || (asset.state !== 'present' && asset.state !== 'trashed')) {
      throw new CodedError('not-found', 'There is no such photo in this library.');
    }
    const store = new PictureStore(open.database);
    const row = store.picture(assetId);
    if (row === undefined) throw new CodedError('no-picture', 'This file is neither a photo nor a video.');
    if (row.grid_bytes !== null && row.preview_bytes !== null) {
      const fileBytes = row.grid_bytes + row.preview_bytes;
      const part =
        size === 'grid' ? { offset: 0, length: row.grid_bytes } : { offset: row.grid_bytes, length: row.preview_bytes };
      const bytes = await readPicture(open, assetId, { ...part, fileBytes });
      if (bytes !== undefined) return { bytes, length: part.length, etag: `"${assetId}-${row.made_at}-${size}"` };
      if (asset.state === 'present') store.putWanted(assetId);
    }
    if (row.state === 'refused') {
      throw new CodedError('no-picture', row.reason ?? 'The box could not make a picture of this file.');
    }
    if (asset.state === 'trashed') {
      throw new CodedError(
        'no-picture',
        'There is no picture of this file, and none is made while it is in the trash.',
      );
    }
    return undefined;
  }

  /** One after the other, what is looked at first, until the library closes. Never rejects. */
  async #run(open: OpenLibrary): Promise<void> {
    const store = new PictureStore(open.database);
    while (!open.closing.aborted) {
      const rest = Promise.withResolvers<void>();
      this.#wake = Promise.withResolvers<void>();
      let restMsMax = lookMs;
      try {
        const row = this.#next(store);
        if (row !== undefined) {
          restMsMax = (await this.#make(open, store, row)) ? 0 : restMs;
          this.#visible.done(row.id);
        }
      } catch (error) {
        await this.#deps.library.failed(open, error);
        if (!diskIsGone(error)) this.#deps.log.warn({ err: error }, 'a picture could not be made; it is tried again');
        restMsMax = restMs;
      }
      if (restMsMax === 0 || open.closing.aborted) continue;
      const timer = setTimeout(rest.resolve, restMsMax).unref();
      const ended = () => rest.resolve();
      open.closing.addEventListener('abort', ended, { once: true });
      await Promise.race([rest.promise, this.#wake.promise]);
      clearTimeout(timer);
      open.closing.removeEventListener('abort', ended);
    }
  }

  #next(store: PictureStore): WantedRow | undefined {
    for (let looked = this.#visible.next(); looked !== undefined; looked = this.#visible.next()) {
      const row = store.wanted(looked);
      if (row !== undefined) return row;
      this.#visible.done(looked);
    }
    return store.nextWanted(this.#deps.now());
  }

  /** False: it can only wait, and everything else with it. */
  async #make(open: OpenLibrary, store: PictureStore, row: WantedRow): Promise<boolean> {
    if (row.attempts >= attemptsMax) {
      this.#refuse(open, store, row, tooOften);
      return true;
    }
    if ((await open.disk.freeBytes()) < freeBytesMin) return false;
    if (!(await this.#isThere(open, row))) return true;
    store.noteAttempt(row.id, this.#deps.now() + retryMs);
    const answer = await this.#decode(open, store, row);
    if (answer === 'not-tried') return false;
    if (answer === undefined) return true;
    if (!answer.ok) {
      // What cannot be read may be a disk that went away, not a file that is broken.
      await open.disk.check({ byReading: true });
      const again = answer.code === 'unreadable' && row.attempts + 1 < attemptsMax;
      if (!again) this.#refuse(open, store, row, answer);
      return true;
    }
    try {
      await writePictures(open, row.id, answer);
    } catch (error) {
      store.takeAttemptBack(row.id);
      if (!diskIsFull(error)) throw error;
      return false;
    }
    // Deleted for good meanwhile, or with all of its person's data (then its row is gone too): nothing of it is kept.
    if ((open.rows.asset(row.id)?.state ?? 'deleted') === 'deleted') await this.remove(open, [row.id]);
    else this.#keep(store, row, answer);
    return true;
  }

  async #decode(
    open: OpenLibrary,
    store: PictureStore,
    row: WantedRow,
  ): Promise<PictureAnswer | 'not-tried' | undefined> {
    const name = row.path.slice(row.path.lastIndexOf('/') + 1);
    try {
      return await this.#deps.maker.decode({ file: open.disk.named(row.path), name, kind: row.kind }, open.closing);
    } catch (error) {
      const code = error instanceof CodedError ? error.code : undefined;
      if (open.closing.aborted || code === 'stopping' || code === 'command-missing') {
        if (open.database.open) store.takeAttemptBack(row.id);
        if (code === 'command-missing') this.#deps.log.warn({ err: error }, 'no pictures are made for now');
        return 'not-tried';
      }
      this.#deps.log.warn({ err: error, asset: row.id, attempt: row.attempts + 1 }, 'the worker ended over a picture');
      if (row.attempts + 1 >= attemptsMax) this.#refuse(open, store, row, tooOften);
      return undefined;
    }
  }

  /**
   * A file that was taken away by hand is told so to the catalogue, and is wanted from its phone again. One that cannot
   * be opened on a disk that answers counts as there: the worker cannot open it either and says so, and after its tries
   * it holds up no other.
   */
  async #isThere(open: OpenLibrary, row: WantedRow): Promise<boolean> {
    try {
      await (await openOriginal(open, row.person_id, row.id)).file.close();
      return true;
    } catch (error) {
      if (error instanceof CodedError && error.code === 'not-found') return false;
      await open.disk.check({ byReading: true });
      return true;
    }
  }

  #keep(store: PictureStore, row: WantedRow, answer: Extract<PictureAnswer, { ok: true }>): void {
    const { grid, preview, width, height, durationMs, thumbhash, motion } = answer;
    const made = { width, height, durationMs, thumbhash, motion };
    store.putReady(row.id, { ...made, gridBytes: grid.length, previewBytes: preview.length }, this.#deps.now());
    this.#deps.tell(row.person_id, {
      type: 'picture-ready',
      asset: row.id,
      width,
      height,
      thumbhash: thumbhash?.toString('base64') ?? null,
      durationMs,
    });
  }

  #refuse(
    open: OpenLibrary,
    store: PictureStore,
    row: WantedRow,
    { code, reason, durationMs, motion }: Extract<PictureAnswer, { ok: false }>,
  ): void {
    if (!open.database.open) return;
    store.putRefused(row.id, code, reason, { durationMs, motion });
    this.#deps.tell(row.person_id, { type: 'picture-refused', asset: row.id, reason });
  }
}

function isInside(offset: number, length: number, size: number): boolean {
  return length > 0 && offset + length <= size;
}

const tooOften = {
  ok: false,
  code: 'worker-ended',
  reason:
    'The box tried three times to make a picture of this file, and each time had to stop: it is broken, or too big for this box. The file itself is safe.',
  durationMs: null,
  motion: null,
} as const;
