/** How much of the disk an app may speak of: its person's, never the whole house's. */
import type { OpenLibrary } from '../library/open-library.ts';

/** In bytes. `quotaBytes` null: as much as there is. `freeBytes`: what may still come. */
export type Room = Readonly<{ quotaBytes: number | null; usedBytes: number; freeBytes: number }>;

export type RoomDeps = Readonly<{
  /** What a person may use in all; null: as much as there is. */
  quotaOf: (personId: string) => number | null;
  /** Free space that receiving leaves alone. */
  reserveBytes: number;
}>;

/** Asks the disk. */
export async function roomOf(open: OpenLibrary, personId: string, deps: RoomDeps): Promise<Room> {
  const { freeBytes } = await open.disk.room();
  const usedBytes = open.standing.usage(personId).bytes;
  const quotaBytes = deps.quotaOf(personId);
  const left = quotaBytes === null ? Number.POSITIVE_INFINITY : quotaBytes - usedBytes;
  return { quotaBytes, usedBytes, freeBytes: Math.max(0, Math.min(freeBytes - deps.reserveBytes, left)) };
}
