/**
 * Gives a received file its place: reserve (one durable commit), publish (a link that never overwrites), confirm.
 *
 * The reservation carries the asset, its phone item and the caller's own row, and is committed while the file's bytes
 * are synced; both must have returned before the name is published, and the folder is synced before anything is
 * acknowledged. What a crash interrupts is a row in `publishing`, so start-up knows every name that may be on the disk
 * without its file being whole, and every file that may wait for its name; no folder is ever searched.
 */
import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, publish, syncFile, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { CaptureDate } from './capture-date.ts';
import { mediaKind } from './media-kinds.ts';
import { incomingFolder, type OpenLibrary } from './open-library.ts';
import { candidateNames, fileFolder, pathKey, photoFolder } from './placement.ts';
import type { AssetRow, ItemFacts, PublishingRow } from './store.ts';

/** A whole received file whose checksum is known, and what its phone said of it. */
export type Arrival = Readonly<{
  /** Its name under `.nightjar/incoming`. */
  source: string;
  phoneId: string;
  personId: string;
  personFolder: string;
  baseFolder: string;
  /** The phone's own path, checked. */
  path: string;
  key: string | null;
  mtime: number | null;
  size: number;
  sha256: Buffer;
  pair: string | null;
  /** Makes the received bytes durable. Runs beside the reservation; called only when the file is really new. */
  syncSource: () => Promise<void>;
  /** The caller's own change in the reservation's transaction. Synchronous. */
  record: (assetId: number) => void;
}>;

/** How often a name that turns out to be taken on the disk is replaced by the next. */
const takenNamesMax = 1_000;

/** `file` is a path that another program can open. */
export type CaptureDateOf = (file: string, name: string, mtime: number | null) => Promise<CaptureDate>;

export class Publishing {
  readonly #captureDateOf: CaptureDateOf;
  readonly #now: () => number;
  /** One arrival at a time for each content, so that the same photo from two phones cannot race itself. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(deps: { captureDateOf: CaptureDateOf; now: () => number }) {
    this.#captureDateOf = deps.captureDateOf;
    this.#now = deps.now;
  }

  /**
   * Publishes `arrival`, or finds that its person has this content already. When it returns, a pulled plug loses
   * nothing of it. Safe to repeat after any failure. @throws {CodedError} `disk-missing`, `disk-full`, `disk-foreign`.
   */
  async admit(library: OpenLibrary, arrival: Arrival): Promise<{ assetId: number; alreadyThere: boolean }> {
    const content = `${arrival.personId} ${arrival.sha256.toString('hex')}`;
    const before = this.#underWay.get(content) ?? Promise.resolve();
    const mine = before.then(
      () => this.#admitAlone(library, arrival),
      () => this.#admitAlone(library, arrival),
    );
    this.#underWay.set(content, mine);
    try {
      return await mine;
    } finally {
      if (this.#underWay.get(content) === mine) this.#underWay.delete(content);
    }
  }

  async #admitAlone(library: OpenLibrary, arrival: Arrival): Promise<{ assetId: number; alreadyThere: boolean }> {
    const known = library.rows.assetByContent(arrival.personId, arrival.sha256);
    if (known !== undefined && (await this.#isKept(library, known))) {
      await library.database.write(() => {
        library.rows.putSafe(this.#item(arrival), known.id);
        arrival.record(known.id);
      });
      return { assetId: known.id, alreadyThere: true };
    }
    const assetId = await this.#reserve(library, arrival, known);
    await this.#publish(library, assetId, arrival.source);
    return { assetId, alreadyThere: false };
  }

  /** Whether nothing needs to be stored: the file is in place, or its owner deleted it on purpose. */
  async #isKept(library: OpenLibrary, asset: AssetRow): Promise<boolean> {
    if (asset.state === 'trashed' || asset.state === 'deleted') return true;
    if (asset.state !== 'present') return false;
    const file = await factsOf(library.disk.resolve(asset.path));
    if (file?.isFile() === true && file.size === asset.size) return true;
    // Somebody removed or cut it by hand: the phone's copy takes its place again.
    await library.disk.check();
    return false;
  }

  /** Commits the reservation and syncs the bytes, side by side: neither is of use without the other. */
  async #reserve(library: OpenLibrary, arrival: Arrival, known: AssetRow | undefined): Promise<number> {
    const item = this.#item(arrival);
    if (known !== undefined) {
      const again = library.database.write(() => {
        library.rows.reserveAgain(known.id, arrival.source);
        library.rows.putSafe(item, known.id);
        arrival.record(known.id);
        return known.id;
      });
      return (await bothDone(again, arrival.syncSource()))[0];
    }
    const name = posix.basename(arrival.path);
    const { kind, mediaType } = mediaKind(name);
    const capture = await this.#captureDateOf(
      library.disk.named(`${incomingFolder}/${arrival.source}`),
      name,
      arrival.mtime,
    );
    const place = this.#place(library, arrival, kind, capture);
    const reserved = library.database.write(() => {
      const path = firstFree(library, place.folder, place.name);
      const assetId = library.rows.reserve(
        {
          personId: arrival.personId,
          path,
          pathKey: pathKey(path),
          kind,
          mediaType,
          size: arrival.size,
          sha256: arrival.sha256,
          mtime: arrival.mtime,
          capture,
          pair: arrival.pair,
          addedAt: this.#now(),
        },
        arrival.source,
      );
      library.rows.putSafe(item, assetId);
      arrival.record(assetId);
      return assetId;
    });
    return (await bothDone(reserved, arrival.syncSource()))[0];
  }

  #place(library: OpenLibrary, arrival: Arrival, kind: AssetRow['kind'], capture: CaptureDate) {
    const name = posix.basename(arrival.path);
    if (kind === 'file') return { folder: fileFolder(arrival.personFolder, arrival.path), name };
    if (arrival.pair !== null) {
      const first = library.rows.firstOfPair(arrival.personId, arrival.pair);
      if (first !== undefined) {
        return { folder: posix.dirname(first.path), name: stemOf(posix.basename(first.path)) + posix.extname(name) };
      }
    }
    if (kind === 'sidecar') {
      const sibling = library.rows.siblingOnPhone(arrival.phoneId, parentOf(arrival.path), stemOf(name));
      if (sibling !== undefined) return { folder: posix.dirname(sibling.path), name };
    }
    return { folder: photoFolder(arrival.baseFolder, capture), name };
  }

  /** Publishes a reserved asset from its source and confirms it. Safe to repeat. */
  async #publish(library: OpenLibrary, assetId: number, source: string): Promise<void> {
    for (let tries = 0; tries < takenNamesMax; tries++) {
      const asset = library.rows.asset(assetId);
      if (asset === undefined)
        throw new CodedError('busy', 'The upload changed while it was being stored. Try again; nothing is lost.');
      // Before every publish: the right disk, and still there.
      await library.disk.check();
      const folder = posix.dirname(asset.path);
      await library.folders.make(folder);
      if ((await publish(library.incoming(source), library.disk.resolve(asset.path))) === 'published') {
        // Synced before the answer: the name must survive a power cut.
        await syncFolder(library.disk.resolve(folder));
        library.rows.confirmPublished(assetId);
        return;
      }
      await this.#nextName(library, asset);
    }
    throw new CodedError(
      'conflict',
      'Too many files on the disk have this name already. Nothing was overwritten; tidy that folder, and try again.',
    );
  }

  /** A file that the catalogue does not know has this name: it is left alone, and the asset takes the next name. */
  async #nextName(library: OpenLibrary, asset: AssetRow): Promise<void> {
    const folder = posix.dirname(asset.path);
    for (const name of candidateNames(posix.basename(asset.path))) {
      const path = `${folder}/${name}`;
      const taken = await factsOf(library.disk.resolve(path));
      if (taken !== undefined || library.rows.pathTaken(pathKey(path))) continue;
      await library.database.write(() => library.rows.movePublishing(asset.id, path, pathKey(path)));
      return;
    }
  }

  /** Drives every interrupted publishing to its end, or takes it back whole. Run once when a library opens. */
  async reconcile(library: OpenLibrary): Promise<{ finished: number; dropped: number }> {
    let finished = 0;
    let dropped = 0;
    for (const row of library.rows.unfinishedPublishing()) {
      if (await this.#finishInterrupted(library, row)) finished++;
      else dropped++;
    }
    return { finished, dropped };
  }

  async #finishInterrupted(library: OpenLibrary, row: PublishingRow): Promise<boolean> {
    const target = library.disk.resolve(row.path);
    const source = library.incoming(row.source);
    if (await holds(target, row)) {
      await syncFolder(library.disk.resolve(posix.dirname(row.path)));
      library.rows.confirmPublished(row.asset_id);
      return true;
    }
    if ((await factsOf(source)) === undefined && (await factsOf(target)) !== undefined) {
      // Published and its source removed, so perhaps acknowledged; but the bytes are not what they were. Kept, and
      // asked for again from the phone.
      await library.database.write(() => library.rows.markDamaged(row.asset_id));
      return false;
    }
    // The name may be there for bytes that are not: ours if it is the received file itself, or an empty claim.
    await removeTorn(source, target);
    if (await holds(source, row)) {
      // Whole, but perhaps only in memory: a killed process may not have got to its sync.
      await syncFile(source);
      await this.#publish(library, row.asset_id, row.source);
      return true;
    }
    await library.database.write(() => library.rows.dropReserved(row.asset_id));
    return false;
  }

  #item(arrival: Arrival): ItemFacts {
    return {
      phoneId: arrival.phoneId,
      parent: parentOf(arrival.path),
      path: arrival.path,
      key: arrival.key,
      size: arrival.size,
      mtime: arrival.mtime,
      seenAt: this.#now(),
    };
  }
}

/** The folder part of a phone's path; empty at the top. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

function stemOf(name: string): string {
  return name.slice(0, name.length - posix.extname(name).length);
}

/** Waits for both even when one fails, so that nothing runs on behind the caller's back. */
async function bothDone<A, B>(one: Promise<A>, other: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([one, other]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

function firstFree(library: OpenLibrary, folder: string, name: string): string {
  for (const candidate of candidateNames(name)) {
    const path = `${folder}/${candidate}`;
    if (!library.rows.pathTaken(pathKey(path))) return path;
  }
  throw new CodedError(
    'conflict',
    'Too many photos of that month have this name. Nothing was overwritten; rename it on the phone, and it comes in.',
  );
}

/** Undefined only when nothing is there: any other failure must never be taken for absence. */
async function factsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the file at `path` is whole, by its bytes. */
async function holds(path: string, row: PublishingRow): Promise<boolean> {
  const facts = await factsOf(path);
  if (facts?.isFile() !== true || facts.size !== row.size) return false;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest().equals(row.sha256);
}

async function removeTorn(source: string, target: string): Promise<void> {
  const [from, at] = await Promise.all([factsOf(source), factsOf(target)]);
  if (from === undefined || at === undefined || !at.isFile()) return;
  const ours = from.dev === at.dev && from.ino === at.ino;
  const claim = at.size === 0;
  if (ours || claim) await unlink(target).catch(ignoreMissing);
}
