/**
 * Live Photos and their like: files that carry the same opaque `pair` string are one photo. Pure.
 *
 * The string is what the phone told, or else what the files themselves say: Apple writes one identifier into both
 * halves. A pair that was told and one that was read never meet by accident.
 */
import { posix } from 'node:path';
import { stemOf } from './sidecars.ts';

type PairedState = 'publishing' | 'present' | 'missing' | 'damaged' | 'trashed' | 'deleted';

/** Apple's content identifier, as pairs are named by it; undefined for what is none. */
export function applePair(contentId: string | undefined): string | undefined {
  if (contentId === undefined || !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(contentId)) return undefined;
  return `apple:${contentId.toUpperCase()}`;
}

/**
 * Copies from a browser pair among themselves: whoever deletes one must not delete the original with it. Those that turn
 * out to be the original are named like it from then on (`schema/library/0005`).
 */
export function pairOfCopies(pair: string): string {
  return `browser:${pair}`;
}

/**
 * Where the next file of a pair goes: into the folder of the first, whatever its own date, and under the first one's
 * stem. It keeps its own name when that stands beside another half already, or when the pair has a file with its ending
 * (an edited copy beside the original); what is taken then is taken: the next free name.
 */
export function placeInPair(
  members: ReadonlyArray<Readonly<{ path: string }>>,
  name: string,
): { folder: string; name: string } | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const folder = posix.dirname(first.path);
  const extension = posix.extname(name);
  const names = members.map(({ path }) => posix.basename(path));
  const ownStem = names.some((one) => stemOf(one) === stemOf(name));
  const sameEnding = names.some((one) => posix.extname(one).toLowerCase() === extension.toLowerCase());
  return { folder, name: ownStem || sameEnding ? name : stemOf(posix.basename(first.path)) + extension };
}

/**
 * Whether what arrives goes straight to the trash: it is the half that was wanting of a photo that its owner deleted, and
 * nothing of that is kept. Not a second photo or video of the pair (an edited copy): that one nobody deleted. `others`:
 * the other files of the pair.
 */
export function wasDeleted(
  { kind }: Readonly<{ kind: string }>,
  others: ReadonlyArray<Readonly<{ kind: string; state: PairedState }>>,
): boolean {
  const deleted = others.filter(({ state }) => state === 'trashed' || state === 'deleted');
  return others.length > 0 && deleted.length === others.length && deleted.every((other) => other.kind !== kind);
}
