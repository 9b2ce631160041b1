/**
 * One upload while somebody uses it: the received file, its running checksum, and the verbs of the append store
 * (`append`, `truncate`, `settle`, `finish`, `abort`). It knows no door; length, name and checksums may be unknown
 * until `finish`. Only `Uploads.use` hands one out, to one user at a time.
 */
import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import type { Library } from '../library/library.ts';
import { mediaKind } from '../library/media-kinds.ts';
import { incomingFolder, type OpenLibrary } from '../library/open-library.ts';
import { checkPhonePath } from '../library/placement.ts';
import { parentOf } from '../library/publishing.ts';
import { syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { interrupted, type Received, receive } from './receiving.ts';
import type { UploadStore } from './store.ts';

/** What a phone tells of a file, as far as it is known yet. `mtime` in ms since 1970; `sha256` in hexadecimal. */
export type UploadFacts = Readonly<{
  path?: string;
  mtime?: number | null;
  key?: string | null;
  pair?: string | null;
  sha256?: string;
}>;

/** Whose upload it is, and where that phone's files go. */
export type UploadOwner = Readonly<{
  phoneId: string;
  person: Readonly<{ id: string; name: string; folder: string }>;
  baseFolder: string;
}>;

/** What `finish` may still add. `checksums` by Node's name of the algorithm, in hexadecimal. */
export type FinishFacts = UploadFacts & Readonly<{ length?: number; checksums?: Readonly<Record<string, string>> }>;

export type UploadDeps = Readonly<{
  library: Library;
  open: OpenLibrary;
  rows: UploadStore;
  now: () => number;
  idleMs: number;
}>;

/** While a file is received, a power cut costs no more than this of it. */
const noteEveryBytes = 64 * 1024 * 1024;
/** Algorithms that a client may send a checksum in; SHA-256 is always computed. */
const checksumAlgorithms = ['sha256', 'sha1', 'md5'];

export class Upload {
  readonly id: string;
  readonly owner: UploadOwner;
  readonly door: string;
  readonly facts: UploadFacts;
  readonly createdAt: number;
  readonly #deps: UploadDeps;
  #length: number | undefined;
  /** Whether its row is committed. An upload that nobody was told of needs none. */
  #recorded: boolean;
  #finished = false;
  #refused: CodedError | undefined;
  #file: FileHandle | undefined;
  #received = 0;
  /** Synced as far as this process knows. */
  #synced = 0;
  /** The row's note of it, committed by this process. */
  #noted = 0;
  /**
   * The row's note when this upload was found in the catalogue. The file's own length says nothing: after a power cut
   * a file can be longer than its bytes (on ext4 too: an append within a block commits the length before the data).
   */
  readonly #wholeBytes: number;
  #folderSynced = false;
  #hash: Hash | undefined;
  #stop = new AbortController();

  constructor(
    deps: UploadDeps,
    it: {
      id: string;
      owner: UploadOwner;
      door: string;
      length: number | undefined;
      facts: UploadFacts;
      createdAt: number;
      recorded: { synced: number } | undefined;
    },
  ) {
    this.#deps = deps;
    this.id = it.id;
    this.owner = it.owner;
    this.door = it.door;
    this.facts = it.facts;
    this.createdAt = it.createdAt;
    this.#length = it.length;
    this.#recorded = it.recorded !== undefined;
    this.#wholeBytes = it.recorded?.synced ?? 0;
  }

  get length(): number | undefined {
    return this.#length;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Bytes in the file; not all of them need be durable yet. */
  get received(): number {
    return this.#received;
  }

  /** Whether all announced bytes are in the file. */
  get complete(): boolean {
    return this.#length !== undefined && this.#received === this.#length;
  }

  get recorded(): boolean {
    return this.#recorded;
  }

  /** Opens the received file: a new one, or what survived. Nothing is reported of it before `settle`. */
  async openFile(): Promise<void> {
    if (this.#file !== undefined) return;
    const path = this.#path();
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
    this.#file = await open(path, this.#recorded ? flags : flags | constants.O_EXCL, 0o644);
    this.#hash = createHash('sha256');
    if (!this.#recorded) return;
    this.#received = Math.min((await this.#file.stat()).size, this.#wholeBytes);
    await this.#file.truncate(this.#received);
    if (this.#received > 0) this.#hash = undefined;
  }

  /**
   * Takes bytes from `stream` at `offset`, which must be what `settle` last said.
   * @throws {CodedError} `offset-mismatch`, `too-large`, `upload-interrupted`, `disk-full`; what came is kept.
   */
  async append(offset: number, stream: Readable): Promise<void> {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#finished) throw new CodedError('offset-mismatch', 'This upload is finished; the file is safe.');
    await this.openFile();
    // The last byte of a whole file whose finish failed is sent again, and only drives that finish.
    const again = this.complete && this.#length !== undefined && offset === this.#length - 1;
    if (!again && offset !== this.#received) {
      throw new CodedError(
        'offset-mismatch',
        `The box has ${this.#received} bytes of this file, not ${offset}. Ask for the offset, and go on from there.`,
      );
    }
    this.#stop = new AbortController();
    const result = again ? await this.#discard(stream) : await this.#receive(stream);
    if (result.ended === 'too-long') throw interrupted('too-long');
    if (result.ended !== 'end' && !this.complete) throw interrupted(result.ended);
  }

  /** Ends a running `append` early: another request wants this upload. */
  stop(): void {
    this.#stop.abort();
  }

  /**
   * Makes everything received durable and returns the offset that may be reported. While the file is not published
   * it is less than the length: in tus an offset equal to the length means that the file is safe.
   */
  async settle(): Promise<number> {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#finished) return this.#received;
    await this.openFile();
    const position = this.#received;
    if (position > 0 && !this.#folderSynced) {
      await syncFolder(this.#deps.open.disk.resolve(incomingFolder));
      this.#folderSynced = true;
    }
    if (this.#synced < position) {
      await this.#openedFile().datasync();
      this.#synced = position;
    }
    // After the sync, never beside it: what the row says is what counts after a power cut.
    if (!this.#recorded || this.#noted < position) await this.#note(position);
    return this.#length === undefined ? this.#synced : Math.max(0, Math.min(this.#synced, this.#length - 1));
  }

  /** Drops everything from `offset` on. @throws {CodedError} `offset-mismatch` past the end. */
  async truncate(offset: number): Promise<void> {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#finished) throw new CodedError('conflict', 'This upload is finished; the file is safe and stays whole.');
    await this.openFile();
    if (offset > this.#received)
      throw new CodedError('offset-mismatch', `The box has only ${this.#received} bytes of this file.`);
    if (offset === this.#received) return;
    // Before the bytes go: others may take their place, which are not synced.
    await this.#note(Math.min(offset, this.#synced));
    await this.#openedFile().truncate(offset);
    this.#received = offset;
    this.#synced = Math.min(this.#synced, offset);
    this.#hash = offset === 0 ? createHash('sha256') : undefined;
  }

  /**
   * Verifies and publishes the file. When it returns, a pulled plug loses nothing of it. Idempotent, also after any
   * failure and after a restart. @throws {CodedError} `length-mismatch` (nothing changed), `checksum-mismatch`,
   * `empty-picture`, `invalid-name` (refused, the bytes are dropped), `video-tools-missing`, `disk-full`,
   * `disk-missing` (kept; try again).
   */
  async finish(more: FinishFacts = {}): Promise<{ assetId: number | undefined }> {
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#finished) return { assetId: undefined };
    await this.openFile();
    const length = more.length ?? this.#length;
    if (length !== undefined && length !== this.#received) {
      throw new CodedError(
        'length-mismatch',
        `The file was announced with ${length} bytes, and ${this.#received} came. What came is kept.`,
      );
    }
    const facts = { ...this.facts, ...more };
    const path = facts.path ?? '';
    await this.#refuseBad(facts);
    await this.#cutTail();
    const sha256 = await this.#verify(facts);
    const { library, open: openLibrary, rows, now } = this.#deps;
    library.requireToolsFor(path);
    await library.ensurePerson(openLibrary, this.owner.person);
    if (typeof facts.mtime === 'number') await this.#setTimes(facts.mtime);
    const { assetId } = await library.admit(openLibrary, {
      source: this.id,
      phoneId: this.owner.phoneId,
      personId: this.owner.person.id,
      personFolder: this.owner.person.folder,
      baseFolder: this.owner.baseFolder,
      path,
      key: facts.key ?? null,
      mtime: facts.mtime ?? null,
      size: this.#received,
      sha256,
      pair: facts.pair ?? null,
      syncSource: () => this.#openedFile().datasync(),
      record: (assetId) => {
        this.#insert();
        rows.finish(this.id, this.#received, assetId, now());
      },
    });
    this.#recorded = true;
    this.#finished = true;
    await this.#dropFile();
    return { assetId };
  }

  /** Drops the upload and its bytes. A finished one is only forgotten: its file stays. */
  async abort(): Promise<void> {
    if (this.#recorded) await this.#deps.open.database.write(() => this.#deps.rows.remove(this.id));
    this.#refused = new CodedError('upload-gone', 'This upload was ended by its phone. Nothing of it was kept.');
    await this.#dropFile();
  }

  /** Takes over what the catalogue says of an upload that ended before. */
  setEnded(ended: { finished: true; length: number } | { refused: CodedError }): void {
    if ('refused' in ended) {
      this.#refused = ended.refused;
      return;
    }
    this.#finished = true;
    this.#received = ended.length;
  }

  /** Lets the file go, so that the disk can be unmounted; it is opened again when somebody goes on. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #receive(stream: Readable): Promise<Received> {
    const position = this.#received;
    const hash = await this.#runningHash();
    // Should writing fail, the hash has seen more than the file: then it is worked out again from the file.
    this.#hash = undefined;
    const result = await receive(stream, {
      file: this.#openedFile(),
      position,
      hash,
      bytesMax: (this.#length ?? Number.MAX_SAFE_INTEGER) - position,
      idleMs: this.#deps.idleMs,
      stop: this.#stop.signal,
      synced: (at) => this.#noteReceiving(at),
    }).catch(async (error: unknown) => {
      // On a dead disk there is nothing to measure; then the file is measured when it is opened again.
      await this.#measure().catch(() => undefined);
      throw error;
    });
    this.#received = position + result.written;
    this.#hash = hash;
    return result;
  }

  /** After a failed write: what is in the file counts, and it is cut there. */
  async #measure(): Promise<void> {
    const size = (await this.#openedFile().stat()).size;
    this.#received = Math.max(this.#received, Math.min(size, this.#length ?? size));
  }

  async #discard(stream: Readable): Promise<Received> {
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes > 1) return { written: 0, ended: 'too-long' };
    }
    return { written: 0, ended: 'end' };
  }

  async #runningHash(): Promise<Hash> {
    if (this.#hash !== undefined) return this.#hash;
    return await hashOf(this.#path(), 'sha256', this.#received);
  }

  async #verify(facts: FinishFacts): Promise<Buffer> {
    const hash = await this.#runningHash();
    this.#hash = hash;
    const sha256 = hash.copy().digest();
    const wanted: Readonly<Record<string, string | undefined>> = {
      ...facts.checksums,
      ...(facts.sha256 === undefined ? {} : { sha256: facts.sha256 }),
    };
    for (const algorithm of checksumAlgorithms) {
      const expected = wanted[algorithm];
      if (expected === undefined) continue;
      const actual = algorithm === 'sha256' ? sha256 : (await hashOf(this.#path(), algorithm, this.#received)).digest();
      if (actual.toString('hex') === expected.toLowerCase()) continue;
      await this.#refuse(
        new CodedError(
          'checksum-mismatch',
          'The bytes that came are not the ones on the phone. Nothing of them was kept; the phone sends the file again.',
        ),
        facts,
      );
    }
    return sha256;
  }

  /** A write that failed half-way may have left bytes past those that count. */
  async #cutTail(): Promise<void> {
    const file = this.#openedFile();
    if ((await file.stat()).size > this.#received) await file.truncate(this.#received);
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
    if (this.#received === 0 && (kind === 'photo' || kind === 'video')) {
      await this.#refuse(
        new CodedError(
          'empty-picture',
          'This picture has no bytes at all, so there is nothing to keep. Look at it on the phone.',
        ),
        facts,
      );
    }
  }

  /** Ends the upload with its reason; one that is for good is remembered with the phone's item. */
  async #refuse(error: CodedError, facts: UploadFacts): Promise<never> {
    const { open: openLibrary, rows, now } = this.#deps;
    await openLibrary.database.write(() => {
      this.#insert();
      rows.refuse(this.id, error.code, error.message, now());
      if (error.code === 'empty-picture' && facts.path !== undefined) {
        openLibrary.rows.putRefused(
          {
            phoneId: this.owner.phoneId,
            parent: parentOf(facts.path),
            path: facts.path,
            key: facts.key ?? null,
            size: this.#received,
            mtime: facts.mtime ?? null,
            seenAt: now(),
          },
          error.code,
        );
      }
    });
    this.#recorded = true;
    this.#refused = error;
    await this.#dropFile();
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

  async #setTimes(mtime: number): Promise<void> {
    // Beyond what a filesystem can hold the time is only in the catalogue.
    const seconds = mtime / 1_000;
    if (seconds > 0 && seconds < 2 ** 32) await this.#openedFile().utimes(seconds, seconds);
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
    this.#synced = position;
    if (!this.#recorded) return;
    if (position - this.#noted >= noteEveryBytes) await this.#note(position);
    else this.#deps.rows.noteSyncedRelaxed(this.id, position);
  }

  /** Closes and removes the received file. Not synced: what a crash leaves is removed at start. */
  async #dropFile(): Promise<void> {
    await this.close().catch(() => undefined);
    await unlink(this.#path()).catch((error: unknown) => {
      if (systemCode(error) === undefined) throw error;
    });
  }

  #openedFile(): FileHandle {
    if (this.#file === undefined)
      throw new CodedError(
        'disk-missing',
        'The disk went away. What was acknowledged is safe; the box goes on when it is back.',
      );
    return this.#file;
  }

  #path(): string {
    return this.#deps.open.incoming(this.id);
  }
}

async function hashOf(path: string, algorithm: string, bytes: number): Promise<Hash> {
  const hash = createHash(algorithm);
  if (bytes === 0) return hash;
  if ((await stat(path)).size < bytes)
    throw new CodedError('busy', 'The received file changed while it was read. Try again.');
  for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash;
}
