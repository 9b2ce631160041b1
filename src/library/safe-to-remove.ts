/**
 * What a phone may remove to free its room. Whoever goes by this answer deletes the only other copy, so each file is
 * looked at on the disk before it is named, and whatever is in doubt is left out: in the trash, damaged, being deleted,
 * perhaps no original (it came from a browser), or of another size than the phone has it.
 */
import type { PhoneCaller } from '../http/caller.ts';
import { factsOf } from './file-facts.ts';
import type { SafeRow } from './items-store.ts';
import type { OpenLibrary } from './open-library.ts';
import { pageOf, readItemCursor } from './pages.ts';

export type SafeItem = Readonly<{
  path: string;
  key: string | null;
  size: number;
  mtime: number | null;
  /** yyyy-mm, as on the timeline. */
  month: string;
  sha256: string;
  receivedAt: number;
  verifiedAt: number | null;
  /** On how many other disks it is, and when one of them was last read back right. */
  mirror: Readonly<{ copies: number; verifiedAt: number }> | null;
}>;

/** @throws {CodedError} `disk-missing`, `disk-foreign`, `invalid-request` for the cursor */
export async function safeToRemove(
  library: OpenLibrary,
  { phoneId, personId }: Pick<PhoneCaller, 'phoneId' | 'personId'>,
  { cursor, limit }: { cursor: string | undefined; limit: number },
): Promise<{ items: SafeItem[]; next: string | null }> {
  const found = library.items.safeItems(phoneId, personId, readItemCursor(cursor), limit + 1);
  const { page, next } = pageOf(found, limit, (row) => String(row.item_id));
  const whole = await Promise.all(page.map((row) => isThere(library, row)));
  // After the looking: a disk that was pulled meanwhile, or is another one, has proved nothing.
  await library.disk.check();
  return { items: page.filter((row, index) => whole[index] && !library.doubted.has(row.id)).map(view), next };
}

async function isThere(library: OpenLibrary, { path, size }: SafeRow): Promise<boolean> {
  const file = await factsOf(library.disk.resolve(path));
  return file?.isFile() === true && file.size === size;
}

function view(row: SafeRow): SafeItem {
  return {
    path: row.item_path,
    key: row.item_key,
    size: row.size,
    mtime: row.item_mtime,
    month: row.month,
    sha256: row.sha256.toString('hex'),
    receivedAt: row.added_at,
    verifiedAt: row.verified_at,
    mirror: row.mirrored_at === null ? null : { copies: row.mirrors, verifiedAt: row.mirrored_at },
  };
}
