/** What the library keeps of each phone, for those who say how it stands: shapes alone. The rows: standing-store.ts. */

export type PhoneStanding = Readonly<{
  phoneId: string;
  /** As `ItemStore.counts`. */
  seen: number;
  safe: number;
  refused: number;
  deleted: number;
  /** When the last file that it sent was stored. */
  lastArrivedAt: number | null;
  /** When it last told of all that it has. */
  toldAt: number | null;
}>;
/** `at`: when its five minutes begin. */
export type Arrivals = Readonly<{ at: number; phoneId: string; files: number; bytes: number }>;
export type NewEntry = Readonly<{
  id: number;
  kind: 'photo' | 'video';
  width: number | null;
  height: number | null;
  thumbhash: Buffer | null;
}>;

/** Every zone's hours begin with one. */
export const arrivalsEveryMs = 5 * 60_000;
