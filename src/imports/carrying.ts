/**
 * Carries files from a foreign folder into the library, by the way that a phone's files take: the box is asked what it
 * has, what it may have is hashed where it lies, what it needs goes through the append store. A file counts as imported
 * when that says that it is durable.
 */
import { posix } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkItems, type ItemAnswer, type ToldItem } from '../library/items.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError, type ErrorCode, systemCode } from '../platform/errors.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { ForeignFile } from './foreign-folder.ts';
import { areHalves, halvesOf, otherHalves } from './halves.ts';
import type { LeftOutReason } from './names.ts';
import type { Source } from './sources.ts';
import type { ImportRow, ImportStore } from './store.ts';
import { noteNames, noteTime, takeoutBytesMax } from './takeout.ts';
import type { Tally } from './tally.ts';
import type { FoundFile } from './walk.ts';

export type CarryingDeps = Readonly<{
  library: OpenLibrary;
  uploads: Uploads;
  rows: ImportStore;
  row: ImportRow;
  source: Source;
  tally: Tally;
  now: () => number;
  signal: AbortSignal;
}>;

type Told = Readonly<{ file: FoundFile; item: ToldItem; hasNote: boolean; sha256?: string }>;

const atOnce = 3;
const busyTriesMax = 60;
const busyRestMs = 500;
/** In a row: so many files are not damaged one by one, their disk is. */
const unreadableMax = 100;
/** Left out for what they are; the others go on. */
const ownReasons: ReadonlySet<string> = new Set<LeftOutReason>([
  'empty-picture',
  'invalid-name',
  'video-tools-missing',
  'conflict',
]);
const ownLimits = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EBADF']);
const leftOutOf: Readonly<Record<string, LeftOutReason>> = {
  deleted: 'deleted',
  'empty-picture': 'empty-picture',
  'invalid-name': 'invalid-name',
};

export class Carrying {
  readonly #deps: CarryingDeps;
  #unreadable = 0;

  constructor(deps: CarryingDeps) {
    this.#deps = deps;
  }

  /** What its disk did not give: left out, unless the disk is gone. @throws {CodedError} `not-found` then */
  async unreadable(path: string, error: unknown, kind: FoundFile['kind'] = 'file'): Promise<void> {
    const { signal, source, tally } = this.#deps;
    signal.throwIfAborted();
    if (!isOfFile(error)) throw error;
    await source.check();
    // Gone since its folder was read: nothing is left out.
    if (systemCode(error) === 'ENOENT') return;
    this.#unreadable += 1;
    tally.leftOut(path, 'unreadable', kind);
    if (this.#unreadable < unreadableMax) return;
    throw new CodedError(
      'not-found',
      'The disk that is imported from gives nothing any more. What was imported is safe.',
    );
  }

  async take(files: readonly FoundFile[]): Promise<void> {
    const told: Told[] = [];
    for (const file of files) {
      // What would be refused anyway: cards that failed hold thousands.
      if (file.facts.size === 0 && (file.kind === 'photo' || file.kind === 'video'))
        this.#deps.tally.leftOut(file.path, 'empty-picture', file.kind);
      else told.push(await this.#tellOf(file));
    }
    if (told.length === 0) return;
    const wanted: Told[] = [];
    await this.#ask(told, wanted);
    await inParallel(wanted, atOnce, (it) => this.#carry(it));
  }

  async #tellOf(file: FoundFile): Promise<Told> {
    const { path, facts, kind } = file;
    const note = file.noted && (kind === 'photo' || kind === 'video') ? await this.#noteOf(file) : undefined;
    const mtime = note?.time ?? facts.mtimeMs;
    return {
      file,
      item: { path, size: facts.size, mtime: Number.isSafeInteger(mtime) ? mtime : null },
      hasNote: note?.own === true,
    };
  }

  /** Answers what can be answered, and leaves what has to be carried in `wanted`. */
  async #ask(told: readonly Told[], wanted: Told[]): Promise<void> {
    const { library, row, now, signal } = this.#deps;
    signal.throwIfAborted();
    const teller = { phoneId: row.id, personId: row.person_id, origin: 'app' } as const;
    const items = told.map(({ item, sha256 }) => ({ ...item, ...(sha256 === undefined ? {} : { sha256 }) }));
    const answers = await checkItems(library, teller, items, now());
    const hashed: Told[] = [];
    for (const [index, it] of told.entries()) {
      const answer = answers[index] as ItemAnswer;
      if (answer.answer === 'send-hash') await this.#hash(it, hashed);
      else if (answer.answer === 'need') wanted.push(it);
      else if (answer.answer === 'have') this.#settled(it);
      else this.#leaveOut(it, leftOutOf[answer.code] ?? 'unreadable');
    }
    if (hashed.length > 0) await this.#ask(hashed, wanted);
  }

  async #hash(it: Told, hashed: Told[]): Promise<void> {
    await this.#reading(it, async (file) => {
      const sha256 = await file.sha256(this.#deps.signal).catch((error: unknown) => {
        throw new ReadFailure(error);
      });
      hashed.push({ ...it, sha256: sha256.toString('hex') });
    });
  }

  async #carry(it: Told): Promise<void> {
    await this.#reading(it, async (file) => {
      for (let tries = 1; ; tries++) {
        try {
          await this.#upload(it, file);
          this.#settled(it);
          return;
        } catch (error) {
          if (tries >= busyTriesMax || !(isCoded(error, 'busy') || isCoded(error, 'upload-busy'))) throw error;
          await sleep(busyRestMs, undefined, { signal: this.#deps.signal });
        }
      }
    });
  }

  async #upload({ file: found, item, hasNote, sha256 }: Told, file: ForeignFile): Promise<void> {
    const { uploads, row, signal } = this.#deps;
    const pairIfNone = await this.#pairOf(found, hasNote);
    const facts = {
      path: item.path,
      mtime: item.mtime,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(pairIfNone === undefined ? {} : { pairIfNone }),
    };
    await uploads.begin(row.id, { door: 'import', length: item.size, facts }, async (upload) => {
      const stream = file.stream(signal);
      let broken: { error: unknown } | undefined;
      stream.once('error', (error) => {
        broken = { error };
      });
      try {
        await upload.append(0, stream);
      } catch (error) {
        if (broken !== undefined) throw new ReadFailure(broken.error);
        const silent = file.silentMs >= uploads.limits.idleMs && isCoded(error, 'upload-interrupted');
        throw silent
          ? new ReadFailure(Object.assign(new Error('The disk gave nothing.'), { code: 'ETIMEDOUT' }))
          : error;
      } finally {
        stream.destroy();
      }
      await file.requireSame().catch((error: unknown) => {
        throw new ReadFailure(error);
      });
      await upload.finish();
    });
  }

  /** Runs `read` on the open file. What keeps the file alone is left out; the rest is thrown. */
  async #reading(it: Told, read: (file: ForeignFile) => Promise<void>): Promise<void> {
    const { folder, name, facts } = it.file;
    let file: ForeignFile;
    try {
      file = await folder.file(name, facts);
    } catch (error) {
      return await this.#failed(it, new ReadFailure(error));
    }
    try {
      await read(file);
    } catch (error) {
      this.#deps.signal.throwIfAborted();
      if (error instanceof CodedError && ownReasons.has(error.code)) {
        return this.#leaveOut(it, error.code as LeftOutReason);
      }
      if (isCoded(error, 'checksum-mismatch')) return this.#leaveOut(it, 'changed');
      if (error instanceof ReadFailure) return await this.#failed(it, error);
      throw error;
    } finally {
      await file.close().catch(() => undefined);
    }
  }

  async #failed(it: Told, { error }: ReadFailure): Promise<void> {
    if (isCoded(error, 'conflict')) return this.#leaveOut(it, 'changed');
    await this.unreadable(it.item.path, error, it.file.kind);
  }

  #settled({ item, file }: Told): void {
    const { rows, row, tally } = this.#deps;
    this.#unreadable = 0;
    const outcome = rows.outcome(row, item.path);
    if (outcome?.state === 'trashed' || outcome?.state === 'deleted') tally.leftOut(item.path, 'deleted', file.kind);
    else if (outcome?.first === true) tally.imported(file.kind, item.size);
    else tally.had(file.kind, item.size);
  }

  #leaveOut({ item, file }: Told, reason: LeftOutReason): void {
    this.#deps.tally.leftOut(item.path, reason, file.kind);
  }

  /** The note that Takeout put beside it. `own`: by its own name, not by its other half's. */
  async #noteOf({ folder, name, path, kind }: FoundFile): Promise<{ time: number; own: boolean } | undefined> {
    const text = posix.basename(path);
    if (!Buffer.from(text).equals(name)) return undefined;
    for (const note of noteNames(text)) {
      const time = await readNote(folder, Buffer.from(note));
      if (time !== undefined)
        return { time, own: kind === 'photo' || note.startsWith([...text].slice(0, 46).join('')) };
    }
    return undefined;
  }

  /** What it is called as a half of a Live Photo, where it does not say so itself. */
  async #pairOf(one: FoundFile, hasNote: boolean): Promise<string | undefined> {
    if (one.kind !== 'photo' && one.kind !== 'video') return undefined;
    const { row, rows } = this.#deps;
    const other = await otherHalf(one);
    if (other === undefined) return undefined;
    const otherNote = one.noted && (await this.#noteOf(other))?.own === true;
    const [photo, video] = one.kind === 'photo' ? [one, other] : [other, one];
    const [photoNote, videoNote] = one.kind === 'photo' ? [hasNote, otherNote] : [otherNote, hasNote];
    const name = posix.basename(photo.path);
    if (!areHalves({ name, hasNote: photoNote }, { size: video.facts.size, hasNote: videoNote })) return undefined;
    // The photo came first, and may have said by itself what it is a half of.
    return (one.kind === 'video' ? rows.pairOf(row.id, photo.path) : null) ?? halvesOf(row.id, one.path);
  }
}

async function otherHalf(one: FoundFile): Promise<FoundFile | undefined> {
  for (const name of otherHalves(posix.basename(one.path))) {
    const facts = await one.folder.facts(Buffer.from(name)).catch(() => undefined);
    if (facts?.isFile !== true) continue;
    const path = posix.join(posix.dirname(one.path), name);
    return { ...one, name: Buffer.from(name), path, facts, kind: one.kind === 'photo' ? 'video' : 'photo' };
  }
  return undefined;
}

/** Of the foreign disk, and not of the library's. */
class ReadFailure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function isCoded(error: unknown, code: ErrorCode): boolean {
  return error instanceof CodedError && error.code === code;
}

/** What the kernel says of a file, and not of what this process may hold. */
function isOfFile(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return /^E[A-Z0-9]+$/.test(code) && !ownLimits.has(code);
}

async function readNote(folder: FoundFile['folder'], name: Buffer): Promise<number | undefined> {
  try {
    const facts = await folder.facts(name);
    if (!facts.isFile || facts.size > takeoutBytesMax) return undefined;
    const file = await folder.file(name, facts);
    try {
      return noteTime(await file.text(takeoutBytesMax));
    } finally {
      await file.close();
    }
  } catch {
    // None, or none that can be read: the photo's own dates are left.
    return undefined;
  }
}

async function inParallel<T>(all: readonly T[], times: number, work: (one: T) => Promise<void>): Promise<void> {
  const queue = [...all];
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (let one = queue.shift(); one !== undefined && failure === undefined; one = queue.shift()) {
      await work(one).catch((error: unknown) => {
        failure ??= { error };
      });
    }
  };
  await Promise.all(Array.from({ length: times }, worker));
  if (failure !== undefined) throw failure.error;
}
