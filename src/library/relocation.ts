/**
 * Moves an asset's file between its place and the trash. Every step may be repeated, and is right whatever a crash left
 * behind: both names, one, none, an empty claim, or somebody else's file where ours was. Never overwrites, and never
 * removes a file that is not the asset's. Only the trash calls it, one caller at a time.
 */
import { rename, unlink } from 'node:fs/promises';
import { posix } from 'node:path';
import { ignoreMissing, publish, syncFolder } from '../platform/durable-files.ts';
import { CodedError, diskIsGone } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { ChecksumLists } from './checksum-lists.ts';
import { factsOf, holds } from './file-facts.ts';
import { type OpenLibrary, trashFolder } from './open-library.ts';
import { candidateNames, pathKey } from './placement.ts';
import type { AssetRow } from './store.ts';

type Moved = Pick<AssetRow, 'id' | 'path' | 'size' | 'sha256'>;
type Restorable = 'present' | 'missing' | 'damaged';

const namesTriedMax = 1_000;

export class Relocation {
  readonly #deps: Readonly<{ lists: ChecksumLists; log: Pick<Logger, 'warn'> }>;

  constructor(deps: { lists: ChecksumLists; log: Pick<Logger, 'warn'> }) {
    this.#deps = deps;
  }

  /**
   * Puts each file where its asset's state says, durably. One that cannot be moved is left out of `settled`, and is the
   * `failure`: it must not hold up the others. @throws when the disk is gone.
   */
  async settle(
    open: OpenLibrary,
    assets: readonly AssetRow[],
  ): Promise<{ settled: AssetRow[]; failure: { error: unknown } | undefined }> {
    await this.#leaveLists(open, assets);
    await open.disk.check();
    await open.folders.make(trashFolder);
    let failure: { error: unknown } | undefined;
    const settled: AssetRow[] = [];
    const folders = new Set<string>();
    for (const asset of assets) {
      try {
        // In any other state it is where it belongs: the way back ends with the commit that ends the relocation.
        if (asset.state === 'trashed' && (await moveToTrash(open, asset))) folders.add(posix.dirname(asset.path));
        if (asset.state === 'deleted') await removeFromTrash(open, asset.id);
        settled.push(asset);
      } catch (error) {
        if (diskIsGone(error)) throw error;
        this.#deps.log.warn({ err: error, assetId: asset.id }, 'a file could not be moved to or out of the trash');
        failure = { error };
      }
    }
    await syncFolder(open.disk.resolve(trashFolder));
    for (const folder of folders) await syncFolder(open.disk.resolve(folder));
    return { settled, failure };
  }

  /** Brings the files of trashed assets back, durably: what remains is the commit that says so. */
  async bringBack(open: OpenLibrary, assets: readonly AssetRow[]): Promise<Map<number, Restorable>> {
    const states = new Map<number, Restorable>();
    // Somebody may have removed an emptied month by hand.
    open.folders.forget();
    const folders = new Set<string>();
    await open.disk.check();
    await open.folders.make(trashFolder);
    for (const asset of assets) {
      const { state, folder } = await this.#bringOneBack(open, asset);
      states.set(asset.id, state);
      folders.add(folder);
    }
    for (const folder of folders) await syncFolderThere(open, folder);
    for (const { id } of assets) await removeFromTrash(open, id);
    // Before the commit: a name that came back in the trash after a power cut would stay there for ever.
    await syncFolder(open.disk.resolve(trashFolder));
    return states;
  }

  /** Under its own name, or under the next that is free when something else has that by now. */
  async #bringOneBack(open: OpenLibrary, { id }: AssetRow): Promise<{ state: Restorable; folder: string }> {
    for (let tries = 0; tries < namesTriedMax; tries++) {
      const asset = open.rows.asset(id);
      if (asset === undefined) break;
      const folder = posix.dirname(asset.path);
      if ((await factsOf(open.disk.resolve(`${trashFolder}/${id}`))) !== undefined) {
        await open.folders.make(folder);
      }
      const outcome = await putBack(open, asset);
      if (outcome !== 'taken') return { state: outcome === 'in-place' ? 'present' : outcome, folder };
      await this.#nextName(open, asset);
    }
    throw new CodedError(
      'conflict',
      'Too many files on the disk have the name of one of these photos. Nothing was overwritten; tidy that folder, and try again.',
    );
  }

  /** Durable before the file gets that name: a name without a row is never left behind. */
  async #nextName(open: OpenLibrary, asset: AssetRow): Promise<void> {
    const folder = posix.dirname(asset.path);
    for (const name of candidateNames(posix.basename(asset.path))) {
      const path = `${folder}/${name}`;
      if ((await factsOf(open.disk.resolve(path))) !== undefined) continue;
      const renamed = await open.database.write(() => {
        if (open.rows.pathTaken(pathKey(path))) return false;
        open.rows.movePublishing(asset.id, path, pathKey(path));
        return true;
      });
      if (renamed) return;
    }
  }

  /** A list never names what is not in its place, so it is written without them before they move. */
  async #leaveLists(open: OpenLibrary, assets: readonly AssetRow[]): Promise<void> {
    const leaving = assets.filter(({ state, kind }) => state === 'trashed' && kind !== 'file');
    for (const folder of new Set(leaving.map(({ path }) => posix.dirname(path)))) {
      await this.#deps.lists.rewrite(open, folder).catch((error: unknown) => {
        if (diskIsGone(error)) throw error;
        // On a full disk there is no room for a list, and deleting is what makes room: it is written later.
        this.#deps.log.warn({ err: error, folder }, 'a checksum list could not be written before photos left it');
      });
    }
  }
}

function trashPath(assetId: number): string {
  return `${trashFolder}/${assetId}`;
}

/** Whether a name in the asset's own folder changed, so that the folder must be synced. */
async function moveToTrash(open: OpenLibrary, asset: Moved): Promise<boolean> {
  const kept = open.disk.resolve(trashPath(asset.id));
  const place = open.disk.resolve(asset.path);
  const [inTrash, inPlace] = await Promise.all([factsOf(kept), factsOf(place)]);
  if (inPlace?.isFile() !== true) return false;
  if (inTrash === undefined) {
    // Of another length it is not the file that was received: whoever put it there keeps it.
    if (inPlace.size !== asset.size) return false;
    await rename(place, kept);
    return true;
  }
  // A way back that was interrupted: its link, or its claim where there are no links.
  const ours = inPlace.dev === inTrash.dev && inPlace.ino === inTrash.ino;
  const claim = inPlace.size === 0 && asset.size > 0;
  if (ours || claim) await unlink(place).catch(ignoreMissing);
  return ours || claim;
}

/** `taken`: something else has its name. `missing`: there is no such file, neither in the trash nor in its place. */
async function putBack(open: OpenLibrary, asset: Moved): Promise<'in-place' | 'damaged' | 'missing' | 'taken'> {
  const kept = open.disk.resolve(trashPath(asset.id));
  const place = open.disk.resolve(asset.path);
  const inTrash = await factsOf(kept);
  // Not moved yet, or put back by hand: only its bytes can tell.
  if (inTrash === undefined) return (await holds(place, asset)) ? 'in-place' : 'missing';
  if ((await publish(kept, place)) === 'taken') return 'taken';
  return inTrash.size === asset.size ? 'in-place' : 'damaged';
}

/** The second half of the way back, once the place is synced; and the whole of deleting for good. */
async function removeFromTrash(open: OpenLibrary, assetId: number): Promise<void> {
  await unlink(open.disk.resolve(trashPath(assetId))).catch(ignoreMissing);
}

/** A folder that is not there (nothing came back to it) needs no sync. */
async function syncFolderThere(open: OpenLibrary, folder: string): Promise<void> {
  if ((await factsOf(open.disk.resolve(folder))) !== undefined) await syncFolder(open.disk.resolve(folder));
}
