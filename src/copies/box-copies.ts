/**
 * Owns the sealed copies of the box state on the library's disk: one each night, the last seven, and opening one again.
 * Never writes anything of the box's state to the disk in clear, never takes an older copy away before a newer one is
 * durable. Called by the box's jobs, the night's report, its own route, and whoever adopts a disk.
 */
import { createReadStream } from 'node:fs';
import { open as openFile, readdir, rename, unlink } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { fingerprintOf, readWraps } from '../access/key-wraps.ts';
import type { KeyOpener, RecoveryKey } from '../access/recovery-key.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { Database } from '../platform/database.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsFull, diskIsGone, systemCode } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import type { JobHandler } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { snapshot, unpack } from './box-snapshot.ts';
import { sleep } from './pace.ts';
import { headBytesEnough, readHead, type SealedHead, saltBytes, sealed, unsealed } from './sealed-file.ts';

export type BoxCopiesDeps = Readonly<{
  library: Pick<Library, 'current' | 'state' | 'failed'>;
  database: Database;
  stateDir: string;
  recoveryKey: Pick<RecoveryKey, 'dataKey' | 'wrapsForCopy' | 'openCopied'>;
  boxId: string;
  boxName: () => string;
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  /** Free space on the disk that this leaves alone. */
  reserveBytes: number;
  now: () => number;
  randomBytes: RandomBytes;
  log: Pick<Logger, 'info' | 'warn'>;
}>;
/** Why there is no newer copy, where somebody can do something about it. */
export type BoxCopyLack = 'no-recovery-key' | 'key-not-at-hand' | 'disk-full';
export type BoxCopyState = Readonly<{ madeAt: number | null; lack: BoxCopyLack | null }>;

export const copiesFolder = '.nightjar/box-state';
const temporaryName = 'copy.new';
export const copyNameForm = /^\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.sealed$/;
const copiesKept = 7;
const kind = 'seal-box-state';
const lookMs = 10 * 60_000;
/** Longer no other job waits: on a disk that hangs a copy may never end, and who would say so is a job as well. */
const waitedForMs = 30_000;
/** Whatever the nights are. */
const ageMsMax = 36 * 3_600_000;

export class BoxCopies {
  readonly #deps: BoxCopiesDeps;
  #lack: BoxCopyLack | null = null;
  #madeAt: number | null = null;
  #sealing: Promise<void> | undefined;

  constructor(deps: BoxCopiesDeps) {
    this.#deps = deps;
  }

  /** As it was at the last look. */
  get state(): BoxCopyState {
    return { madeAt: this.#madeAt, lack: this.#lack };
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    const run = async (_job: unknown, signal: AbortSignal) => {
      this.#sealing ??= this.sealIfDue()
        .then(() => undefined)
        .finally(() => {
          this.#sealing = undefined;
        });
      // What it came to after that was nobody's to hear; the next look tries again.
      const sealing = this.#sealing;
      sealing.catch(() => undefined);
      await Promise.race([sealing, sleep(waitedForMs, signal)]);
    };
    return { [kind]: { version: 1, leaseMs: lookMs, attemptsMax: 3, everyMs: lookMs, run } };
  }

  /**
   * Makes a copy if none was made this night, or none that today's password opens. Returns its name on the disk;
   * undefined: none is due, or none can be made, which `state` says. @throws {CodedError} `disk-missing`
   */
  async sealIfDue(): Promise<string | undefined> {
    const { library, recoveryKey } = this.#deps;
    if (library.state !== 'ok') return undefined;
    const open = library.current();
    try {
      const newest = await this.#newest(open);
      this.#madeAt = newest?.madeAt ?? null;
      const wraps = recoveryKey.wrapsForCopy();
      this.#lack = wraps === undefined ? 'no-recovery-key' : null;
      if (wraps === undefined || !this.#isDue(newest, wraps)) return undefined;
      const dataKey = await recoveryKey.dataKey();
      if (dataKey === undefined) {
        this.#lack = 'key-not-at-hand';
        return undefined;
      }
      // Made anew just now: the next look finds both of it.
      if (readWraps(wraps)?.fingerprint !== fingerprintOf(dataKey)) return undefined;
      return await this.#seal(open, wraps, dataKey).finally(() => dataKey.fill(0));
    } catch (error) {
      if (!diskIsFull(error)) throw await library.failed(open, error);
      this.#lack = 'disk-full';
      return undefined;
    }
  }

  /**
   * Opens a copy of any box into a new folder, which is there only when all of it was right.
   * @throws {CodedError} `invalid-request` for no copy, `wrong-password`, `wrong-code`, `checksum-mismatch`, `conflict`
   */
  async openCopy(file: string, dir: string, opener: KeyOpener): Promise<{ head: SealedHead; files: string[] }> {
    if (!isAbsolute(file) || !isAbsolute(dir)) {
      throw new CodedError(
        'invalid-request',
        'Name the copy and the folder by their whole paths. Nothing was changed.',
      );
    }
    const { head, lines } = await headOf(file);
    const wraps = readWraps(head.wraps);
    if (wraps === undefined) throw new CodedError('invalid-request', 'The keys of this copy are not understood.');
    const dataKey = await this.#deps.recoveryKey.openCopied(wraps, opener);
    try {
      const rest = piecesOf(file, lines.length);
      return { head, files: await unpack(unsealed({ head, lines }, dataKey, rest), resolve(dir)) };
    } finally {
      dataKey.fill(0);
    }
  }

  #isDue(newest: SealedHead | undefined, wraps: string): boolean {
    const { nightSince, now } = this.#deps;
    if (newest === undefined || newest.wraps !== wraps) return true;
    const since = nightSince();
    return (since !== undefined && newest.madeAt < since) || newest.madeAt < now() - ageMsMax;
  }

  async #newest(open: OpenLibrary): Promise<SealedHead | undefined> {
    for (const name of (await copiesOn(open)).toReversed()) {
      const head = await headOn(open, name);
      // Of a time to come: the clock was wrong then, and the copies after it must not wait for it.
      if (head?.boxId === this.#deps.boxId && head.madeAt <= this.#deps.now()) return head;
    }
    return undefined;
  }

  /** Those of another box stay: whoever adopted its disk may still want to open them. */
  async #removeOld(open: OpenLibrary, made: string): Promise<void> {
    const own: string[] = [];
    for (const name of await copiesOn(open)) {
      if (name === made) continue;
      const head = await headOn(open, name);
      if (head === undefined || head.boxId === this.#deps.boxId) own.push(name);
    }
    for (const old of own.slice(0, Math.max(0, own.length + 1 - copiesKept))) {
      await unlink(open.disk.resolve(`${copiesFolder}/${old}`)).catch(ignoreMissing);
    }
  }

  async #seal(open: OpenLibrary, wraps: string, dataKey: Buffer): Promise<string> {
    const { database, stateDir, boxId, boxName, randomBytes, reserveBytes, now, log } = this.#deps;
    const madeAt = now();
    const taken = await snapshot({ database, stateDir, workDir: join(stateDir, 'copying') });
    try {
      if ((await open.disk.freeBytes()) < reserveBytes + 2 * taken.bytes) {
        throw new CodedError('disk-full', 'There is no room on the disk for a copy of the box’s state.');
      }
      await open.folders.make(copiesFolder);
      const head = { boxId, box: boxName(), madeAt, salt: randomBytes(saltBytes).toString('base64url'), wraps };
      const name = `${new Date(madeAt).toISOString().slice(0, 19).replaceAll(':', '-')}.sealed`;
      await this.#write(open, name, sealed(head, dataKey, taken.content()));
      this.#madeAt = madeAt;
      await this.#removeOld(open, name);
      log.info({ copy: name, bytes: taken.bytes }, 'the box state was copied to the disk, sealed');
      return `${copiesFolder}/${name}`;
    } finally {
      await taken.remove();
    }
  }

  async #write(open: OpenLibrary, name: string, content: AsyncIterable<Buffer>): Promise<void> {
    const temporary = open.disk.resolve(`${copiesFolder}/${temporaryName}`);
    await unlink(temporary).catch(ignoreMissing);
    const file = await openFile(temporary, 'wx', 0o600);
    try {
      for await (const piece of content) await file.writeFile(piece);
      await file.datasync();
    } finally {
      await file.close();
    }
    await open.disk.check();
    await rename(temporary, open.disk.resolve(`${copiesFolder}/${name}`));
    await syncFolder(open.disk.resolve(copiesFolder));
  }
}

/** @throws {CodedError} `not-found`, `invalid-request` for no copy */
export async function headOf(path: string): Promise<{ head: SealedHead; lines: Buffer }> {
  const file = await openFile(path, 'r').catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw new CodedError('not-found', 'There is no such file. Nothing was changed.');
  });
  try {
    const beginning = Buffer.alloc(headBytesEnough);
    const { bytesRead } = await file.read(beginning, 0, beginning.length, 0);
    const { head, lines } = readHead(beginning.subarray(0, bytesRead));
    return { head, lines: Buffer.from(lines) };
  } finally {
    await file.close();
  }
}

/** Undefined: it is no copy; a disk that does not answer is something else. */
async function headOn(open: OpenLibrary, name: string): Promise<SealedHead | undefined> {
  return await headOf(open.disk.resolve(`${copiesFolder}/${name}`)).then(
    ({ head }) => head,
    (error: unknown) => {
      if (diskIsGone(error)) throw error;
      return undefined;
    },
  );
}

/** The oldest first. */
async function copiesOn(open: OpenLibrary): Promise<string[]> {
  const names = (await readdir(open.disk.resolve(copiesFolder)).catch(ignoreMissing)) ?? [];
  return names.filter((name) => copyNameForm.test(name)).sort();
}

/** Opened when the first is asked for: the error of a stream that nobody listens to yet would end the box. */
async function* piecesOf(file: string, start: number): AsyncGenerator<Buffer> {
  yield* createReadStream(file, { start }) as AsyncIterable<Buffer>;
}
