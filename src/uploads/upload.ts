/**
 * One upload while somebody uses it: the verbs of the append store (`append`, `truncate`, `settle`, `finish`,
 * `abort`). It knows no door; length, name and checksums may be unknown until `finish`. Only `Uploads` hands one out,
 * to one user at a time.
 */
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Library } from '../library/library.ts';
import { mediaKind } from '../library/media-kinds.ts';
import { incomingFolder, type OpenLibrary } from '../library/open-library.ts';
import { checkPhonePath, parentOf } from '../library/placement.ts';
import { syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { ReceivedFile } from './received-file.ts';
import { interrupted } from './receiving.ts';
import type { UploadStore } from './store.ts';

/** What a phone tells of a file, as far as it is known yet. `mtime` in ms since 1970; `sha256` in hexadecimal. */
export type UploadFacts = Readonly<{
  path?: string;
  mtime?: number | null;
  key?: string | null;
  pair?: string | null;
  /** As `pair`, for a file that does not say by itself what it is a part of. */
  pairIfNone?: string;
  sha256?: string;
  /** A person chose it in a browser: perhaps not the original. Default: an app sends it. */
  origin?: 'browser';
}>;

/** Whose upload it is, and where that phone's files go. */
export type UploadOwner = Readonly<{
  phoneId: string;
  person: Readonly<{ id: string; name: string; folder: string }>;
  baseFolder: string;
  /** What the person may use of the disk in all; null or not there: as much as there is. */
  quotaBytes?: number | null;
}>;

/** What `finish` may still add. `checksums` by Node's name of the algorithm, in hexadecimal. */
export type FinishFacts = UploadFacts & Readonly<{ length?: number; checksums?: Readonly<Record<string, string>> }>;

export type UploadDeps = Readonly<{
  library: Library;
  open: OpenLibrary;
  rows: UploadStore;
  now: () => number;
  idleMs: number;
  /** Throws `disk-full` or `over-quota` unless so many more bytes may come. */
  requireRoom: (bytes: number) => Promise<void>;
  /** What the person may use just now: it may have changed since the upload began. */
  quotaBytes: () => number | null;
}>;

export type UploadBeginning = Readonly<{
  id: string;
  owner: UploadOwner;
  door: string;
  length: number | undefined;
  facts: UploadFacts;
  createdAt: number;
  /** Where it is in the catalogue already: how many bytes its row says are durable. */
  recorded: { synced: number } | undefined;
}>;

/** How it ended, where the catalogue says so. */
export type UploadEnd = Readonly<{ finished: true; length: number } | { refused: CodedError }>;

/** Algorithms that a client may send a checksum in; SHA-256 is always computed. */
const checksumAlgorithms = ['sha256', 'sha1', 'md5'];
/** While bytes come in, the row's note of them is made durable this often; in between it is not synced. */
const noteEveryBytes = 64 * 1024 * 1024;

export class Upload {
  readonly id: string;
  readonly owner: UploadOwner;
  readonly door: string;
  readonly facts: UploadFacts;
  readonly createdAt: number;
  readonly #deps: UploadDeps;
  readonly #file: ReceivedFile;
  readonly #length: number | undefined;
  /** Whether its row is committed. An upload that nobody was told of needs none. */
  #recorded: boolean;
  #ended: UploadEnd | undefined;
  /** What the row said is durable when this upload was found in the catalogue. */
  readonly #foundBytes: number;
  /** What this process committed to the row. */
  #noted = 0;
  #folderSynced = false;
  #hasRoom = false;
  #stop = new AbortController();

  constructor(deps: UploadDeps, it: UploadBeginning, ended?: UploadEnd) {
    this.#deps = deps;
    this.id = it.id;
    this.owner = it.owner;
    this.door = it.door;
    this.facts = it.facts;
    this.createdAt = it.createdAt;
    this.#length = it.length;
    this.#recorded = it.recorded !== undefined;
    this.#foundBytes = it.recorded?.synced ?? 0;
    this.#ended = ended;
    this.#file = new ReceivedFile(deps.open.incoming(it.id));
  }

  get length(): number | undefined {
    return this.#length;
  }

  get finished(): boolean {
    return this.#ended !== undefined && 'finished' in this.#ended;
  }

  /** Bytes that came; not all of them need be durable yet. */
  get received(): number {
    return this.#ended !== undefined && 'finished' in this.#ended ? this.#ended.length : this.#file.received;
  }

  /** `received`, and what an `append` that goes on has brought, about 1 MiB at a time. For show: it may be taken back. */
  get arriving(): number {
    return Math.max(this.received, this.#file.arriving);
  }

  /** Whether all announced bytes came. */
  get complete(): boolean {
    return this.#length !== undefined && this.received === this.#length;
  }

  /** Bytes that come now, were given room, and have not come yet. */
  get promised(): number {
    return this.#hasRoom ? this.#missing : 0;
  }

  /** What it takes of the disk, or will when it is whole; nothing once its file has its place. */
  get claimed(): number {
    return this.#ended === undefined ? Math.max(this.#length ?? 0, this.arriving) : 0;
  }

  get recorded(): boolean {
    return this.#recorded;
  }

  /** A new user begins: from here on `stop` is meant for them. */
  arm(): void {
    this.#stop = new AbortController();
  }

  /** Ends a running `append` early: another request wants this upload, or the box stops. */
  stop(): void {
    this.#stop.abort();
  }

  /** Opens the received file: a new one, or what survived. Nothing is reported of it before `settle`. */
  async openFile(): Promise<void> {
    this.#refuseEnded();
    if (this.#file.isOpen) return;
    const whole = this.#recorded ? Math.min(this.#foundBytes, this.#length ?? this.#foundBytes) : 'new';
    await this.#file.open(this.#noted > 0 ? this.#noted : whole).catch(async (error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
      // Somebody removed the folder by hand.
      this.#deps.open.folders.forget();
      await this.#deps.open.folders.make(incomingFolder);
      await this.#file.open(whole);
    });
  }

  /**
   * Takes bytes from `stream` at `offset`, which must be what `settle` last said.
   * @throws {CodedError} `offset-mismatch`, `too-large`, `upload-interrupted`, `disk-full`, `over-quota`; what came is kept.
   */
  async append(offset: number, stream: Readable): Promise<void> {
    if (this.finished) throw new CodedError('offset-mismatch', 'This upload is finished; the file is safe.');
    await this.openFile();
    const received = this.#file.received;
    // The last byte of a whole file whose finish failed is sent again, and only drives that finish.
    const again = this.complete && this.#length !== undefined && offset === this.#length - 1;
    if (!again && offset !== received) {
      throw new CodedError(
        'offset-mismatch',
        `The box has ${received} bytes of this file, not ${offset}. Ask for the offset, and go on from there.`,
      );
    }
    const options = { idleMs: this.#deps.idleMs, stop: this.#stop.signal };
    if (!again) await this.#takeRoom();
    const bytesMax = again ? 1 : (this.#length ?? Number.MAX_SAFE_INTEGER) - received;
    const taken = again
      ? this.#file.ignore(stream, { ...options, bytesMax })
      : this.#file.take(stream, { ...options, bytesMax, synced: (at) => this.#noteReceiving(at) });
    const { ended } = await taken.finally(() => {
      this.#hasRoom = false;
    });
    if (ended === 'too-long' || (ended !== 'end' && !this.complete)) throw interrupted(ended);
  }

  /**
   * Makes everything received durable and returns the offset that may be reported. While the file is not published
   * it is less than the length: in tus an offset equal to the length means that the file is safe.
   */
  async settle(): Promise<number> {
    if (this.finished) return this.received;
    await this.openFile();
    const position = this.#file.received;
    if (position > 0 && !this.#folderSynced) {
      await syncFolder(this.#deps.open.disk.resolve(incomingFolder));
      this.#folderSynced = true;
    }
    if (this.#file.synced < position) await this.#file.sync();
    // After the sync, never beside it: what the row says is what counts after a power cut.
    if (!this.#recorded || this.#noted < position) await this.#note(position);
    return this.#length === undefined ? position : Math.max(0, Math.min(position, this.#length - 1));
  }

  /** Drops everything from `offset` on. @throws {CodedError} `offset-mismatch` past the end. */
  async truncate(offset: number): Promise<void> {
    if (this.finished) throw new CodedError('conflict', 'This upload is finished; the file is safe and stays whole.');
    await this.openFile();
    const received = this.#file.received;
    if (offset > received) {
      throw new CodedError('offset-mismatch', `The box has only ${received} bytes of this file.`);
    }
    if (offset === received) return;
    // Before the bytes go: others may take their place, which are not synced.
    await this.#note(Math.min(offset, this.#file.synced));
    await this.#file.truncate(offset);
  }

  /**
   * Verifies and publishes the file. When it returns, a pulled plug loses nothing of it. Idempotent, also after any
   * failure and after a restart. @throws {CodedError} `length-mismatch` (nothing changed), `checksum-mismatch`,
   * `empty-picture`, `invalid-name` (refused, the bytes are dropped), `video-tools-missing`, `disk-full`,
   * `over-quota`, `disk-missing` (kept; try again).
   */
  async finish(more: FinishFacts = {}): Promise<void> {
    if (this.finished) return;
    await this.openFile();
    const size = this.#file.received;
    const length = more.length ?? this.#length;
    if (length !== undefined && length !== size) {
      throw new CodedError(
        'length-mismatch',
        `The file was announced with ${length} bytes, and ${size} came. What came is kept.`,
      );
    }
    const facts = { ...this.facts, ...more };
    const path = facts.path ?? '';
    await this.#refuseBad(facts);
    const { sha256, proven } = await this.#verify(facts);
    const { library, open, rows } = this.#deps;
    library.requireToolsFor(path);
    await library.ensurePerson(open, this.owner.person);
    await this.#file.prepare(facts.mtime);
    await library.admit(open, {
      source: this.id,
      phoneId: this.owner.phoneId,
      personId: this.owner.person.id,
      personFolder: this.owner.person.folder,
      baseFolder: this.owner.baseFolder,
      path,
      key: facts.key ?? null,
      mtime: facts.mtime ?? null,
      size,
      sha256,
      pair: facts.pair ?? null,
      ...(facts.pairIfNone === undefined ? {} : { pairIfNone: facts.pairIfNone }),
      origin: facts.origin ?? 'app',
      quotaBytes: this.#deps.quotaBytes(),
      syncSource: () => this.#file.sync(),
      record: (assetId) => {
        this.#insert();
        rows.finish(this.id, size, assetId);
        for (const [algorithm, digest] of proven) open.view.putChecksum(assetId, algorithm, digest);
      },
    });
    this.#recorded = true;
    this.#ended = { finished: true, length: size };
    await this.#file.remove();
  }

  /** Drops the upload and its bytes. A finished one is only forgotten: its file stays. */
  async abort(): Promise<void> {
    if (this.#recorded) await this.#deps.open.database.write(() => this.#deps.rows.remove(this.id));
    this.#ended = {
      refused: new CodedError('upload-gone', 'This upload was ended by its phone. Nothing of it was kept.'),
    };
    await this.#file.remove();
  }

  /** Lets the file go, so that the disk can be unmounted; it is opened again when somebody goes on. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Bytes that were announced and have not come. */
  get #missing(): number {
    return this.#ended === undefined && this.#length !== undefined ? this.#length - this.#file.received : 0;
  }

  async #takeRoom(): Promise<void> {
    // Before it is known: of many that come at once the first has its room, and the others count it.
    this.#hasRoom = true;
    await this.#deps.requireRoom(this.#missing).catch((error: unknown) => {
      this.#hasRoom = false;
      throw error;
    });
  }

  #refuseEnded(): void {
    if (this.#ended !== undefined && 'refused' in this.#ended) throw this.#ended.refused;
  }

  /** `proven`: checksums by other algorithms that the client sent, and that are right. */
  async #verify(facts: FinishFacts): Promise<{ sha256: Buffer; proven: ReadonlyMap<string, Buffer> }> {
    const sha256 = await this.#file.sha256();
    const proven = new Map<string, Buffer>();
    const wanted: Readonly<Record<string, string | undefined>> = {
      ...facts.checksums,
      ...(facts.sha256 === undefined ? {} : { sha256: facts.sha256 }),
    };
    for (const algorithm of checksumAlgorithms) {
      const expected = wanted[algorithm]?.toLowerCase();
      if (expected === undefined) continue;
      const actual = algorithm === 'sha256' ? sha256 : await this.#file.digest(algorithm);
      if (actual.toString('hex') === expected) {
        if (algorithm !== 'sha256') proven.set(algorithm, actual);
        continue;
      }
      await this.#refuse(
        new CodedError(
          'checksum-mismatch',
          'The bytes that came are not the ones on the phone. Nothing of them was kept; the phone sends the file again.',
        ),
        facts,
      );
    }
    return { sha256, proven };
  }

  async #refuseBad(facts: UploadFacts): Promise<void> {
    const path = facts.path ?? '';
    try {
      checkPhonePath(path);
    } catch (error) {
      if (error instanceof CodedError) await this.#refuse(error, facts);
      throw error;
    }
    const { kind } = mediaKind(posix.basename(path));
    if (this.#file.received > 0 || (kind !== 'photo' && kind !== 'video')) return;
    await this.#refuse(
      new CodedError(
        'empty-picture',
        'This picture has no bytes at all, so there is nothing to keep. Look at it on the phone.',
      ),
      facts,
    );
  }

  /** Ends the upload with its reason; one that is for good is remembered with the phone's item. */
  async #refuse(error: CodedError, facts: UploadFacts): Promise<never> {
    const { open, rows, now } = this.#deps;
    await open.database.write(() => {
      this.#insert();
      rows.refuse(this.id, error.code, error.message, now());
      // What a person chose in a browser is no item of the phone until the box has it.
      if (error.code === 'empty-picture' && facts.path !== undefined && facts.origin !== 'browser') {
        open.items.putRefused(
          {
            phoneId: this.owner.phoneId,
            parent: parentOf(facts.path),
            path: facts.path,
            key: facts.key ?? null,
            size: this.#file.received,
            mtime: facts.mtime ?? null,
            seenAt: now(),
          },
          error.code,
        );
      }
    });
    this.#recorded = true;
    this.#ended = { refused: error };
    await this.#file.remove();
    throw error;
  }

  #insert(): void {
    this.#deps.rows.insert({
      id: this.id,
      phone_id: this.owner.phoneId,
      person_id: this.owner.person.id,
      door: this.door,
      length: this.#length ?? null,
      facts: JSON.stringify(this.facts),
      created_at: this.createdAt,
    });
  }

  /** Commits the row, with how much of the file is synced. */
  async #note(position: number): Promise<void> {
    await this.#deps.open.database.write(() => {
      this.#insert();
      this.#deps.rows.noteSynced(this.id, position, this.#deps.now());
    });
    this.#recorded = true;
    this.#noted = position;
  }

  /** Told of each sync while bytes come in. An upload that nobody was told of is not noted: nobody could go on. */
  async #noteReceiving(position: number): Promise<void> {
    // The catalogue's own room is not for receiving.
    await this.#deps.requireRoom(0);
    if (!this.#recorded) return;
    if (position - this.#noted >= noteEveryBytes) await this.#note(position);
    else this.#deps.rows.noteSyncedRelaxed(this.id, position);
  }
}
