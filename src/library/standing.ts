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
/** What a phone brought. `bytes` of `files`. */
export type Brought = Readonly<{
  /** Empty: a phone that the catalogue does not know any more. */
  phoneId: string;
  /** By its app. */
  files: number;
  bytes: number;
  browserFiles: number;
  browserBytes: number;
  /** Of both, what only took its old place again: it had been taken away by hand, or was damaged. */
  againFiles: number;
  againBytes: number;
}>;
/** Entries of the timeline that came in, by whether there is a picture to look at. */
export type PicturesOf = Readonly<{ phoneId: string; ready: number; waiting: number; refused: number }>;
/** Of the files that a phone has and the box does not. */
export type WaitingKinds = Readonly<{ photos: number; videos: number; others: number }>;
export type NewEntry = Readonly<{
  id: number;
  kind: 'photo' | 'video';
  width: number | null;
  height: number | null;
  thumbhash: Buffer | null;
}>;

/** Every zone's hours begin with one. */
export const arrivalsEveryMs = 5 * 60_000;
