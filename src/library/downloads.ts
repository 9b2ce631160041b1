/**
 * Owns downloads of a selection: tickets, and the ZIP that each becomes while it is sent.
 * Never writes a file for it, never holds more than one open, never lets a wrong ZIP look whole.
 * Called by its own routes.
 *
 * Stored, not compressed (photos are compressed already), so that its exact length is known before the first byte: what
 * breaks off shows as broken off.
 */
import type { ReadStream } from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import type { ZipFile } from 'yazl';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { factsOf } from './file-facts.ts';
import type { Library } from './library.ts';
import type { OpenLibrary } from './open-library.ts';
import { originalFlags } from './originals.ts';
import { pathKey } from './placement.ts';
import { ownAssets, withCompanions } from './selection.ts';
import type { AssetRow } from './store.ts';

const ticketMs = 600_000;
const ticketsPerPersonMax = 5;
const ticketsMax = 20;
const filesMax = 30_000;
const rowsAtOnce = 200;
const readBytes = 256 * 1024;
const sentAtOnceMax = 8;
/** Of all that are sent: each file costs a kilobyte until the last one is sent. */
const filesSentAtOnceMax = 60_000;
const stalledMs = 300_000;
/** Larger than any file, to tell the first bytes of one from the last of another. */
const sizeMax = 2 ** 50;

type Ticket = Readonly<{ personId: string; ids: readonly number[]; name: string; expiresAt: number }>;
type Entry = Readonly<{ id: number; path: string; size: number; mtime: Date; name: string }>;
export type Offer = Readonly<{ id: string; files: number; bytes: number }>;
/** `stream` ends early with an error when a file cannot be read as it was when it was offered. */
export type ZipDownload = Readonly<{ stream: Readable; bytes: number; name: string }>;

export class Downloads {
  readonly #deps: Readonly<{
    library: Library;
    now: () => number;
    randomBytes: (size: number) => Buffer;
    log: Pick<Logger, 'warn'>;
    filesSentAtOnceMax?: number;
  }>;
  readonly #tickets = new Map<string, Ticket>();
  #sending = 0;
  #filesSending = 0;
  #offering: Promise<unknown> = Promise.resolve();

  constructor(deps: {
    library: Library;
    now: () => number;
    randomBytes: (size: number) => Buffer;
    log: Pick<Logger, 'warn'>;
    filesSentAtOnceMax?: number;
  }) {
    this.#deps = deps;
  }

  /**
   * A ticket for these, with the other halves of pairs and with their sidecars: good for ten minutes, for this person.
   * `bytes` is the length of the whole ZIP. @throws {CodedError} `not-found` for what is not this person's, or is not
   * there (any more); `too-large`. One at a time: a large one holds tens of megabytes.
   */
  async offer(personId: string, ids: readonly number[]): Promise<Offer> {
    const mine = this.#offering.then(() => this.#offerAlone(personId, ids));
    this.#offering = mine.catch(() => undefined);
    return await mine;
  }

  async #offerAlone(personId: string, ids: readonly number[]): Promise<Offer> {
    const { library, now, randomBytes } = this.#deps;
    const open = library.current();
    return await this.#guarded(open, async () => {
      const assets = await selected(open, personId, ids);
      const entries = await entriesOf(open, assets);
      const bytes = await lengthOf(entries);
      const id = randomBytes(16).toString('hex');
      this.#makeRoom(personId);
      this.#tickets.set(id, {
        personId,
        ids: assets.map((asset) => asset.id),
        name: `nightjar-${new Date(now()).toISOString().slice(0, 10)}.zip`,
        expiresAt: now() + ticketMs,
      });
      return { id, files: entries.length, bytes };
    });
  }

  /**
   * The ZIP of a ticket. @throws {CodedError} `not-found` for an unknown, ended or foreign ticket, and when a file is
   * not there any more; `busy` when too many are being sent.
   */
  async zip(personId: string, id: string): Promise<ZipDownload> {
    const { library, now } = this.#deps;
    const ticket = this.#tickets.get(id);
    if (ticket === undefined || ticket.personId !== personId || ticket.expiresAt < now()) {
      throw new CodedError('not-found', 'There is no such download (any more). Choose the photos again.');
    }
    const open = library.current();
    // Before the first wait: of many who ask at once, each counts.
    const end = this.#begin(ticket.ids.length);
    try {
      return await this.#guarded(open, async () => {
        const entries = await entriesOf(open, await byIds(open, personId, ticket.ids));
        const bytes = await lengthOf(entries);
        const stream = this.#stream(open, entries, await newZip());
        stream.once('close', end);
        return { stream, bytes, name: ticket.name };
      });
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Takes a place for so many files, and returns what gives it back. @throws {CodedError} `busy`. */
  #begin(files: number): () => void {
    const filesMax = this.#deps.filesSentAtOnceMax ?? filesSentAtOnceMax;
    if (this.#sending >= sentAtOnceMax || this.#filesSending + files > filesMax) {
      throw new CodedError('busy', 'The box is sending too many downloads just now. Try again in a moment.');
    }
    this.#sending += 1;
    this.#filesSending += files;
    return () => {
      this.#sending -= 1;
      this.#filesSending -= files;
    };
  }

  /** Whatever goes wrong destroys the stream, and with it the connection; whoever goes away closes the file. */
  #stream(open: OpenLibrary, entries: readonly Entry[], zip: ZipFile): Readable {
    const out = new PassThrough({ highWaterMark: readBytes });
    let reading: ReadStream | undefined;
    let opened = 0;
    const fail = (error: unknown) => {
      if (out.destroyed) return;
      this.#deps.log.warn({ err: error }, 'a download was broken off');
      this.#deps.library.failed(open, error).catch(() => undefined);
      out.destroy(error instanceof Error ? error : new Error(String(error)));
    };
    const goneAway = () => fail(new CodedError('disk-missing', 'The disk went away while it was read.'));
    open.closing.addEventListener('abort', goneAway, { once: true });
    let seen = -1;
    // Somebody who takes nothing must not hold a place for ever.
    const stalled = setInterval(() => {
      const sent = opened * sizeMax + (reading?.bytesRead ?? 0);
      if (sent === seen) fail(new CodedError('upload-interrupted', 'Nobody took the download for too long.'));
      seen = sent;
    }, stalledMs).unref();
    out.once('close', () => {
      clearInterval(stalled);
      open.closing.removeEventListener('abort', goneAway);
      reading?.destroy();
    });
    zip.on('error', fail);
    for (const entry of entries) {
      zip.addReadStreamLazy(entry.name, optionsOf(entry), (take) => {
        openWhole(open, entry).then(
          (file) => {
            reading = readWhole(file, entry);
            opened += 1;
            reading.once('error', fail);
            if (out.destroyed) reading.destroy();
            else take(undefined, reading);
          },
          (error: unknown) => fail(error),
        );
      });
    }
    zip.end();
    (zip.outputStream as Readable).pipe(out);
    return out;
  }

  #makeRoom(personId: string): void {
    const now = this.#deps.now();
    for (const [id, ticket] of this.#tickets) if (ticket.expiresAt < now) this.#tickets.delete(id);
    const own = [...this.#tickets].filter(([, ticket]) => ticket.personId === personId);
    const [oldest] = own.length >= ticketsPerPersonMax ? own : this.#tickets.size >= ticketsMax ? this.#tickets : [];
    if (oldest !== undefined) this.#tickets.delete(oldest[0]);
  }

  async #guarded<T>(open: OpenLibrary, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }
}

/** A part at a time, so that others are served while a large selection is looked up. */
async function selected(open: OpenLibrary, personId: string, ids: readonly number[]): Promise<AssetRow[]> {
  const all = new Map<number, AssetRow>();
  for (let from = 0; from < ids.length; from += rowsAtOnce) {
    const chosen = ownAssets(open, personId, ids.slice(from, from + rowsAtOnce));
    for (const asset of chosen) if (asset.state !== 'present') throw notThere(asset);
    for (const asset of withCompanions(open, chosen, { states: ['present'], staying: [] })) all.set(asset.id, asset);
    if (all.size > filesMax) {
      throw new CodedError('too-large', `These are more than ${filesMax} files. Choose fewer at a time.`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [...all.values()];
}

async function byIds(open: OpenLibrary, personId: string, ids: readonly number[]): Promise<AssetRow[]> {
  const all: AssetRow[] = [];
  for (let from = 0; from < ids.length; from += rowsAtOnce) {
    for (const asset of ownAssets(open, personId, ids.slice(from, from + rowsAtOnce))) {
      if (asset.state !== 'present') throw notThere(asset);
      all.push(asset);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return all;
}

/**
 * Looks at every file before anything is sent: what is not there is said now, and not by a broken ZIP. Times before 1970
 * become 1970: the writer of ZIPs throws at them while it writes, where nobody can catch it.
 */
async function entriesOf(open: OpenLibrary, assets: readonly AssetRow[]): Promise<Entry[]> {
  const names = zipNames(assets.map(({ path }) => path));
  const entries: Entry[] = [];
  for (const [index, asset] of assets.entries()) {
    const facts = await factsOf(open.disk.resolve(asset.path));
    if (facts?.isFile() !== true || facts.size !== asset.size) {
      await open.disk.check();
      await open.database.write(() => open.rows.markMissing(asset.id));
      throw notThere(asset);
    }
    const mtime = new Date(Math.max(0, asset.mtime ?? asset.captured_at));
    entries.push({ id: asset.id, path: asset.path, size: asset.size, mtime, name: names[index] ?? asset.path });
  }
  return entries;
}

/**
 * Names inside the ZIP, unique without regard to case: the files' own, where these are; else with their month's folder;
 * else their paths. The halves of a pair keep their common stem in each.
 */
export function zipNames(paths: readonly string[]): string[] {
  const month = (path: string) => `${posix.basename(posix.dirname(path))}/${posix.basename(path)}`;
  for (const nameOf of [posix.basename, month]) {
    const names = paths.map((path) => nameOf(path));
    if (new Set(names.map(pathKey)).size === names.length) return names;
  }
  return [...paths];
}

/** Its size is known and told: what somebody appends meanwhile is no part of it. */
function readWhole(file: FileHandle, { size }: Entry): ReadStream {
  const end = size === 0 ? {} : { start: 0, end: size - 1 };
  return file.createReadStream({ ...end, highWaterMark: readBytes });
}

async function openWhole(open: OpenLibrary, entry: Entry): Promise<FileHandle> {
  const file = await openFile(open.disk.resolve(entry.path), originalFlags);
  const stat = await file.stat();
  if (stat.isFile() && stat.size === entry.size) return file;
  await file.close();
  throw new CodedError('not-found', `The file "${entry.path}" changed while it was sent.`);
}

function optionsOf({ size, mtime }: Entry) {
  return { size, mtime, mode: 0o100644, compress: false };
}

/** The exact length of the ZIP, without a byte of it being made. */
async function lengthOf(entries: readonly Entry[]): Promise<number> {
  const zip = await newZip();
  // The first one waits for ever, so nothing is read.
  for (const entry of entries) zip.addReadStreamLazy(entry.name, optionsOf(entry), () => undefined);
  return await new Promise<number>((resolve) => {
    const told = (bytes?: number) => resolve(bytes ?? -1);
    zip.end({ forceZip64Format: false, comment: '' }, told);
  });
}

/** Loaded where somebody downloads: it holds a megabyte. */
async function newZip(): Promise<ZipFile> {
  const { ZipFile } = await import('yazl');
  return new ZipFile();
}

function notThere({ path }: AssetRow): CodedError {
  return new CodedError('not-found', `The file "${path}" is not in this library any more. Choose the photos again.`);
}
