/**
 * What goes together when people choose photos: both halves of a pair, and the sidecars that stand beside them (same
 * folder, same stem). For trash, restoring and downloads. Reads the catalogue only.
 */
import { posix } from 'node:path';
import { CodedError } from '../platform/errors.ts';
import type { OpenLibrary } from './open-library.ts';
import { neighbourKeys, standsBeside } from './sidecars.ts';
import type { AssetRow, AssetState } from './store.ts';

/**
 * The person's assets of these ids, each once. @throws {CodedError} `not-found` when one is not there or is somebody
 * else's: then nothing of the rest is done either.
 */
export function ownAssets({ rows }: OpenLibrary, personId: string, ids: readonly number[]): AssetRow[] {
  const found = [...new Set(ids)].flatMap((id) => {
    const asset = rows.asset(id);
    return asset === undefined || asset.person_id !== personId ? [] : [asset];
  });
  const missing = new Set(ids).size - found.length;
  if (missing === 0) return found;
  throw new CodedError(
    'not-found',
    missing === 1
      ? 'One of these photos is not in this library. Nothing was changed; look at the list again.'
      : `${missing} of these photos are not in this library. Nothing was changed; look at the list again.`,
    { facts: { missing } },
  );
}

/**
 * `chosen` in one of these states, with the other halves of their pairs and with the sidecars that stand beside any of
 * them. A sidecar that also stands beside a photo that stays (a JPEG and its raw file share one) stays with it:
 * `staying` are the states in which a photo stays. A sidecar that is chosen itself takes no photo with it.
 */
export function withCompanions(
  open: OpenLibrary,
  chosen: readonly AssetRow[],
  { states, staying }: { states: readonly AssetState[]; staying: readonly AssetState[] },
): AssetRow[] {
  const all = new Map<number, AssetRow>();
  const take = (asset: AssetRow) => {
    if (states.includes(asset.state)) all.set(asset.id, asset);
  };
  for (const asset of chosen) {
    take(asset);
    if (asset.pair !== null) for (const half of open.rows.pairMembers(asset.person_id, asset.pair)) take(half);
  }
  for (const media of [...all.values()].filter(isMedia)) {
    const beside = neighbours(open, media);
    for (const sidecar of beside.filter(({ kind }) => kind === 'sidecar')) {
      const name = posix.basename(sidecar.path);
      if (!standsBeside(name, posix.basename(media.path))) continue;
      const stays = beside.some(
        (other) =>
          isMedia(other) &&
          !all.has(other.id) &&
          staying.includes(other.state) &&
          standsBeside(name, posix.basename(other.path)),
      );
      if (!stays) take(sidecar);
    }
  }
  return [...all.values()];
}

/** Everything of this person in the same folder with the same stem, in any of the ways that sidecars are called. */
function neighbours(open: OpenLibrary, media: AssetRow): AssetRow[] {
  return neighbourKeys(media.path)
    .flatMap(({ from, to }) => open.rows.assetsBetween(from, to))
    .filter(({ person_id: personId }) => personId === media.person_id);
}

function isMedia({ kind }: AssetRow): boolean {
  return kind === 'photo' || kind === 'video';
}
