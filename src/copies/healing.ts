/**
 * Gives a damaged or missing original its bytes again, from a copy on a mirror that reads back right. By the rules of every
 * arrival (`library/publishing.ts`): reserved, durable, named, confirmed; the damaged copy is kept aside (`aside.ts`). Then
 * it is read once more where it lies.
 */
import { open as openFile, unlink } from 'node:fs/promises';
import type { Library } from '../library/library.ts';
import { incomingFolder, type OpenLibrary } from '../library/open-library.ts';
import { renewalPrefix } from '../library/publishing.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { copyChecked } from './copy-bytes.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import type { MirroredAsset } from './mirror-store.ts';
import type { OriginalReader } from './read-original.ts';

export type HealingDeps = Readonly<{
  library: Pick<Library, 'renew'>;
  reader: OriginalReader;
  beforePiece: (bytes: number) => Promise<void>;
  now: () => number;
}>;

const restMsFirst = 5_000;
const restMsMax = 24 * 3_600_000;
const restsMax = 10_000;

/** What could not be healed just now is tried ever more seldom: a disk that takes it wrongly would be written to for ever. */
export class HealingRests {
  readonly #rests = new Map<number, { ms: number; until: number }>();

  isOver(assetId: number): boolean {
    return (this.#rests.get(assetId)?.until ?? 0) <= performance.now();
  }

  begin(assetId: number): void {
    const ms = Math.min(restMsMax, 2 * (this.#rests.get(assetId)?.ms ?? restMsFirst / 2));
    if (this.#rests.size >= restsMax) this.#rests.clear();
    this.#rests.set(assetId, { ms, until: performance.now() + ms });
  }
}

/** `bad-copy`: the mirror's is not right either. `not-now`: it is not lost any more, or the library cannot take it. */
export type Healed = 'healed' | 'bad-copy' | 'not-now';

/** @throws what either disk says. */
export async function heal(
  open: OpenLibrary,
  mirror: MirrorDisk,
  asset: MirroredAsset & { copyPath: string },
  { library, reader, beforePiece, now }: HealingDeps,
): Promise<Healed> {
  const source = `${renewalPrefix}${asset.id}`;
  try {
    const copied = () => copyChecked(mirror.disk.resolve(asset.copyPath), open.incoming(source), asset, beforePiece);
    // Wrong once may be the cord, and it may be the last copy there is.
    if (!(await copied()) && !(await copied())) {
      await mirror.disk.check({ byReading: true });
      return 'bad-copy';
    }
    const syncSource = async () => {
      const file = await openFile(open.incoming(source), 'r');
      try {
        await file.datasync();
      } finally {
        await file.close();
      }
      await syncFolder(open.disk.resolve(incomingFolder));
    };
    if (!(await library.renew(open, asset.id, { source, syncSource }))) return 'not-now';
    return (await rightInPlace(open, reader, { asset, beforePiece, now })) ? 'healed' : 'not-now';
  } finally {
    if (!open.closing.aborted && !open.rows.isPublishingFrom(source)) {
      await unlink(open.incoming(source)).catch(ignoreMissing);
    }
  }
}

/** What was given its place is what it should be, on the medium; else it is lost again. */
async function rightInPlace(
  open: OpenLibrary,
  reader: OriginalReader,
  it: { asset: MirroredAsset; beforePiece: (bytes: number) => Promise<void>; now: () => number },
): Promise<boolean> {
  const asset = open.rows.asset(it.asset.id);
  if (asset === undefined || asset.state !== 'present') return true;
  const read = await reader.read(open.disk.resolve(asset.path), it.beforePiece);
  const right = typeof read !== 'string' && read.sha256.equals(asset.sha256);
  await open.database.write(() => {
    if (right) open.rows.markVerified(asset, it.now());
    else open.rows.markLost(asset, read === 'missing' ? 'missing' : 'damaged');
  });
  return right;
}
