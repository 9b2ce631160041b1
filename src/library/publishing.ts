/**
 * Gives a received file its place: reserve (one durable commit), publish (a link that never overwrites), confirm.
 *
 * The reservation carries the asset, its phone item and the caller's own row, and is committed while the file's bytes
 * are synced; both must have returned before the name is published, and the folder is synced before anything is
 * acknowledged. What a crash interrupts is a row in `publishing`, so start-up knows every name that may be on the disk
 * without its file being whole, and every file that may wait for its name; no folder is ever searched.
 */
import { unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, publish, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsGone, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { setAside } from './aside.ts';
import type { CaptureDate } from './capture-date.ts';
import { factsOf, holds } from './file-facts.ts';
import { type ItemOrigin, itemPath } from './item-origin.ts';
import type { ItemFacts } from './items-store.ts';
import { mediaKind } from './media-kinds.ts';
import { incomingFolder, type OpenLibrary } from './open-library.ts';
import { applePair, pairOfCopies, placeInPair, wasDeleted } from './pairs.ts';
import { candidateNames, fileFolder, parentOf, pathKey, photoFolder } from './placement.ts';
import { requireQuota } from './quota.ts';
import { sidecarName, sidecarTarget } from './sidecars.ts';
import { type AssetRow, pairMembersMax } from './store.ts';

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
  origin: ItemOrigin;
  key: string | null;
  mtime: number | null;
  size: number;
  sha256: Buffer;
  pair: string | null;
  /** What it is a part of if neither its phone nor the file itself says so. */
  pairIfNone?: string;
  /** What its person may use in all; null or not there: as much as there is. */
  quotaBytes?: number | null;
  /** Makes the received bytes durable. Runs beside the reservation; called only when the file is really new. */
  syncSource: () => Promise<void>;
  /** The caller's own change in the reservation's transaction. Synchronous. */
  record: (assetId: number) => void;
}>;

/** Bytes that are known to be those of an asset whose file is damaged or gone. */
export type Renewal = Readonly<{
  /** Its name under `.nightjar/incoming`, which begins with `renewalPrefix`. */
  source: string;
  /** Makes those bytes durable. */
  syncSource: () => Promise<void>;
}>;
/** By this name even start-up knows that no phone sent them. */
export const renewalPrefix = 'heal-';

/** How often a name that turns out to be taken on the disk is replaced by the next. */
const takenNamesMax = 1_000;

/** `file` is a path that another program can open. */
export type CaptureDateOf = (file: string, name: string, mtime: number | null) => Promise<CaptureDate>;

export class Publishing {
  readonly #captureDateOf: CaptureDateOf;
  readonly #now: () => number;
  readonly #onPublished: (library: OpenLibrary, asset: AssetRow) => void;
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(deps: {
    captureDateOf: CaptureDateOf;
    now: () => number;
    /**
     * Told of each asset that is in its place now; synchronous, and never throws. One whose state is `trashed` is
     * on its way to the trash, as the half of a photo that its owner deleted.
     */
    onPublished?: (library: OpenLibrary, asset: AssetRow) => void;
  }) {
    this.#captureDateOf = deps.captureDateOf;
    this.#now = deps.now;
    this.#onPublished = deps.onPublished ?? (() => undefined);
  }

  /**
   * Publishes `arrival`, or finds that its person has this content already. When it returns, a pulled plug loses
   * nothing of it. Safe to repeat after any failure. @throws {CodedError} `disk-missing`, `disk-full`, `disk-foreign`,
   * `over-quota` for content that is new.
   */
  async admit(library: OpenLibrary, arrival: Arrival): Promise<void> {
    await this.#inTurn(arrival.personId, arrival.sha256, () => this.#admitAlone(library, arrival));
  }

  /**
   * Gives a damaged or missing asset its file again, from another disk. False: it is neither any more, and nothing was
   * done. The name of the source stays for the caller to remove. @throws as `admit`
   */
  async renew(library: OpenLibrary, assetId: number, { source, syncSource }: Renewal): Promise<boolean> {
    const asset = library.rows.asset(assetId);
    if (asset === undefined) return false;
    return await this.#inTurn(asset.person_id, asset.sha256, async () => {
      const reserved = library.database.write(() => {
        const now = library.rows.asset(assetId);
        if (now === undefined || (now.state !== 'damaged' && now.state !== 'missing')) return false;
        if (library.rows.isBeingErased(now)) return false;
        library.rows.reserveAgain(assetId, source);
        return true;
      });
      const [row, bytes] = await Promise.allSettled([reserved, syncSource()]);
      if (row.status === 'rejected') throw row.reason;
      if (!row.value) return false;
      try {
        if (bytes.status === 'rejected') throw bytes.reason;
        await this.#publish(library, assetId, source);
      } catch (error) {
        await this.#takeBack(library, assetId).catch(() => undefined);
        throw error;
      }
      return true;
    });
  }

  /**
   * Brings an asset that was left between its reservation and its name to an end: it is present afterwards, or taken
   * back. @throws what kept it from either; then it is left as it was.
   */
  async settle(library: OpenLibrary, assetId: number): Promise<void> {
    const asset = library.rows.asset(assetId);
    if (asset === undefined) return;
    await this.#inTurn(asset.person_id, asset.sha256, () => this.#settleAlone(library, assetId));
  }

  /**
   * Settles every interrupted publishing. Run when a library opens. One that cannot be settled stays, and is said to
   * `log`: it must not keep the others from their people.
   */
  async reconcile(library: OpenLibrary, log: Pick<Logger, 'warn'>): Promise<number> {
    const rows = library.rows.unfinishedPublishing();
    for (const { asset_id: assetId } of rows) {
      await this.settle(library, assetId).catch((error: unknown) => {
        if (diskIsGone(error)) throw error;
        log.warn({ err: error, assetId }, 'an interrupted arrival could not be settled');
      });
    }
    return rows.length;
  }

  /** One at a time for each content of a person, so that the same photo from two phones cannot race itself. */
  async #inTurn<T>(personId: string, sha256: Buffer, work: () => Promise<T>): Promise<T> {
    const content = `${personId} ${sha256.toString('hex')}`;
    const before = this.#underWay.get(content) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#underWay.set(content, mine);
    try {
      return await mine;
    } finally {
      if (this.#underWay.get(content) === mine) this.#underWay.delete(content);
    }
  }

  async #admitAlone(library: OpenLibrary, arrival: Arrival): Promise<void> {
    let known = library.rows.assetByContent(arrival.personId, arrival.sha256);
    if (known?.state === 'publishing') {
      await this.#settleAlone(library, known.id);
      known = library.rows.assetByContent(arrival.personId, arrival.sha256);
    }
    if (known !== undefined && (await this.#isKept(library, known))) {
      const { id } = known;
      await library.database.write(() => {
        refuseErased(library, id);
        library.items.putSafe(this.#item(arrival), id);
        arrival.record(id);
      });
      return;
    }
    const reserved = this.#reserve(library, arrival, known);
    // Both must have returned before the name is published; and both are waited for, so that nothing runs on unseen.
    const [row, bytes] = await Promise.allSettled([reserved, arrival.syncSource()]);
    if (row.status === 'rejected') throw row.reason;
    const assetId = row.value;
    if (assetId === undefined) return;
    try {
      if (bytes.status === 'rejected') throw bytes.reason;
      await this.#publish(library, assetId, arrival.source);
    } catch (error) {
      // Taken back at once where that is possible; else it is settled when it is next asked for, or at start.
      await this.#takeBack(library, assetId).catch(() => undefined);
      throw error;
    }
  }

  /** Whether nothing needs to be stored: the file is in place, or its owner deleted it on purpose. */
  async #isKept(library: OpenLibrary, asset: AssetRow): Promise<boolean> {
    if (isDeleted(asset)) return true;
    if (asset.state !== 'present') return false;
    const file = await factsOf(library.disk.resolve(asset.path));
    if (file?.isFile() === true && file.size === asset.size) return true;
    // Somebody removed or cut it by hand: the phone's copy takes its place again.
    await library.disk.check();
    return false;
  }

  /** Undefined: nothing needs to be stored after all, and that is written down. */
  async #reserve(library: OpenLibrary, arrival: Arrival, known: AssetRow | undefined): Promise<number | undefined> {
    const item = this.#item(arrival);
    if (known !== undefined) {
      return await library.database.write(() => {
        refuseErased(library, known.id);
        // Its owner may have deleted it since it was looked at.
        const deleted = isDeleted(library.rows.asset(known.id));
        if (!deleted) library.rows.reserveAgain(known.id, arrival.source);
        library.items.putSafe(item, known.id);
        arrival.record(known.id);
        return deleted ? undefined : known.id;
      });
    }
    const name = posix.basename(arrival.path);
    const { kind, mediaType } = mediaKind(name);
    const capture = await this.#captureDateOf(
      library.disk.named(`${incomingFolder}/${arrival.source}`),
      name,
      arrival.mtime,
    );
    return await library.database.write(() => {
      const { personId, quotaBytes, size } = arrival;
      requireQuota({ quotaBytes, usedBytes: library.standing.usage(personId).bytes, bytes: size });
      // Here and not before: its other half may have been given a place meanwhile.
      const pair = kind === 'file' ? null : pairOf(library, arrival, capture);
      const place = this.#place(library, { ...arrival, pair }, kind, capture);
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
          pair,
          addedAt: this.#now(),
          fromBrowser: arrival.origin === 'browser',
        },
        arrival.source,
      );
      library.items.putSafe(item, assetId);
      arrival.record(assetId);
      return assetId;
    });
  }

  #place(library: OpenLibrary, arrival: Arrival, kind: AssetRow['kind'], capture: CaptureDate) {
    const name = posix.basename(arrival.path);
    if (kind === 'file') return { folder: freeFolder(library, fileFolder(arrival.personFolder, arrival.path)), name };
    if (arrival.pair !== null) {
      const beside = placeInPair(library.rows.pairMembers(arrival.personId, arrival.pair), name);
      if (beside !== undefined) return beside;
    }
    // A picker tells no folder, so nobody knows what a sidecar from there stood beside.
    if (kind === 'sidecar' && arrival.origin === 'app') {
      // Only when the photo came first: a place is chosen once, so a sidecar that comes first goes by its own date.
      const sibling = library.items.siblingOnPhone(arrival.phoneId, parentOf(arrival.path), sidecarTarget(name));
      if (sibling !== undefined) {
        const { phone_path: phonePath, path } = sibling;
        return {
          folder: posix.dirname(path),
          name: sidecarName(name, posix.basename(phonePath), posix.basename(path)),
        };
      }
    }
    return { folder: photoFolder(arrival.baseFolder, capture), name };
  }

  /** Publishes a reserved asset from its source and confirms it. Safe to repeat. */
  async #publish(library: OpenLibrary, assetId: number, source: string): Promise<void> {
    let foldersForgotten = false;
    for (let tries = 0; tries < takenNamesMax; tries++) {
      const asset = library.rows.asset(assetId);
      if (asset === undefined) {
        throw new CodedError('busy', 'The upload changed while it was being stored. Try again; nothing is lost.');
      }
      // Before every publish: the right disk, and still there.
      await library.disk.check();
      try {
        if (await this.#publishAt(library, source, asset.path)) {
          this.#confirm(library, assetId);
          return;
        }
        // What is known to be damaged makes room; whatever else stands there is somebody's own.
        const damaged = library.rows.publishing(assetId)?.previous === 'damaged';
        if (!damaged || !(await setAside(library, asset, this.#now()))) await this.#nextName(library, asset);
      } catch (error) {
        // Somebody removed a folder by hand that was known to be there: once, it is made again.
        if (foldersForgotten || systemCode(error) !== 'ENOENT') throw error;
        foldersForgotten = true;
        library.folders.forget();
      }
    }
    throw new CodedError(
      'conflict',
      'Too many files on the disk have this name already. Nothing was overwritten; tidy that folder, and try again.',
    );
  }

  #confirm(library: OpenLibrary, assetId: number): void {
    const arrived = library.rows.publishing(assetId)?.source.startsWith(renewalPrefix) !== true;
    const trashed = this.#belongsToDeleted(library, assetId);
    library.rows.confirmPublished(assetId, { at: this.#now(), trashed, arrived });
    const asset = library.rows.asset(assetId);
    if (asset !== undefined) this.#onPublished(library, asset);
  }

  /** Whether it is the late half of a photo that its owner deleted meanwhile. */
  #belongsToDeleted({ rows }: OpenLibrary, assetId: number): boolean {
    const asset = rows.asset(assetId);
    if (asset === undefined || asset.pair === null) return false;
    return wasDeleted(
      asset,
      rows.pairMembers(asset.person_id, asset.pair).filter(({ id }) => id !== assetId),
    );
  }

  /** False: something else has that name. */
  async #publishAt(library: OpenLibrary, source: string, path: string): Promise<boolean> {
    const folder = posix.dirname(path);
    await library.folders.make(folder);
    if ((await publish(library.incoming(source), library.disk.resolve(path))) === 'taken') return false;
    // Synced before the answer: the name must survive a power cut.
    await syncFolder(library.disk.resolve(folder));
    return true;
  }

  /** A file that the catalogue does not know has this name: it is left alone, and the asset takes the next name. */
  async #nextName(library: OpenLibrary, asset: AssetRow): Promise<void> {
    const folder = posix.dirname(asset.path);
    for (const name of candidateNames(posix.basename(asset.path))) {
      const path = `${folder}/${name}`;
      if ((await factsOf(library.disk.resolve(path))) !== undefined) continue;
      const moved = await library.database.write(() => {
        if (library.rows.pathTaken(pathKey(path))) return false;
        library.rows.movePublishing(asset.id, path, pathKey(path));
        return true;
      });
      if (moved) return;
    }
  }

  async #settleAlone(library: OpenLibrary, assetId: number): Promise<void> {
    const row = library.rows.publishing(assetId);
    if (row === undefined) return;
    const target = library.disk.resolve(row.path);
    // Linked only after its bytes were synced: what is whole now was whole then. Only the name may still be lost.
    if (await holds(target, row)) {
      await syncFolder(library.disk.resolve(posix.dirname(row.path)));
      this.#confirm(library, assetId);
      return;
    }
    if ((await factsOf(library.incoming(row.source))) === undefined && (await factsOf(target)) !== undefined) {
      // Published and its source removed, so perhaps acknowledged; but the bytes are not what they were. Kept, and
      // asked for again from the phone.
      await library.database.write(() => library.rows.markDamaged(assetId));
      return;
    }
    await this.#takeBack(library, assetId);
  }

  /**
   * Undoes a reservation, name first. Its received bytes are not published from here: only their upload knows how far
   * they are durable, and goes on from there.
   */
  async #takeBack(library: OpenLibrary, assetId: number): Promise<void> {
    const row = library.rows.publishing(assetId);
    if (row === undefined) return;
    const source = library.incoming(row.source);
    const target = library.disk.resolve(row.path);
    // Renamed over its claim (no links there): the name has the only bytes. Settling it again finds them.
    if ((await factsOf(source)) === undefined && (await factsOf(target)) !== undefined) return;
    if (await removeOurs(source, target)) {
      // A name without a row is worse than a row without a name: the removal is durable first.
      await syncFolder(library.disk.resolve(posix.dirname(row.path)));
    }
    await library.database.write(() => library.rows.dropReserved(assetId, row.previous));
  }

  #item(arrival: Arrival): ItemFacts {
    const { origin } = arrival;
    const path = itemPath(origin, arrival);
    return {
      phoneId: arrival.phoneId,
      origin,
      parent: parentOf(path),
      path,
      key: origin === 'browser' ? null : arrival.key,
      size: arrival.size,
      mtime: arrival.mtime,
      seenAt: this.#now(),
    };
  }
}

function isDeleted(asset: AssetRow | undefined): boolean {
  return asset?.state === 'trashed' || asset?.state === 'deleted';
}

/** @throws {CodedError} `busy`: acknowledged by what is being deleted, it would be lost. */
function refuseErased({ rows }: OpenLibrary, assetId: number): void {
  const asset = rows.asset(assetId);
  if (asset === undefined || !rows.isBeingErased(asset)) return;
  throw new CodedError(
    'busy',
    'What the box had of this person is being deleted, and this photo with it. Send it again in a moment: then it is kept.',
  );
}

/** What the phone told of its own photo counts more than what stands in the file. A pair that is full takes no more. */
function pairOf({ rows }: OpenLibrary, arrival: Arrival, capture: CaptureDate): string | null {
  const named = arrival.pair ?? applePair(capture.contentId) ?? arrival.pairIfNone ?? null;
  const pair = named !== null && arrival.origin === 'browser' ? pairOfCopies(named) : named;
  return pair === null || rows.pairMembers(arrival.personId, pair).length < pairMembersMax ? pair : null;
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

/** Removes a name that is only ours: of the received file itself, or an empty claim for it. Says whether it did. */
async function removeOurs(source: string, target: string): Promise<boolean> {
  const [from, at] = await Promise.all([factsOf(source), factsOf(target)]);
  if (from === undefined || at === undefined || !at.isFile()) return false;
  const ours = from.dev === at.dev && from.ino === at.ino;
  const claim = at.size === 0 && from.size > 0;
  if (ours || claim) await unlink(target).catch(ignoreMissing);
  return ours || claim;
}

/** `folder`, with another name for each part where the catalogue has a file. */
function freeFolder(library: OpenLibrary, folder: string): string {
  let path = '';
  for (const part of folder.split('/')) path = path === '' ? part : `${path}/${freeName(library, path, part)}`;
  return path;
}

function freeName(library: OpenLibrary, parent: string, name: string): string {
  for (const candidate of candidateNames(name)) {
    if (!library.rows.pathTaken(pathKey(`${parent}/${candidate}`))) return candidate;
  }
  return name;
}
