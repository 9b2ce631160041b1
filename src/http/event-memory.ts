/**
 * Owns the last events that were told, in order, for those who come back: within a number and a number of bytes.
 * Never sends anything, and never gives an event to somebody whom it is not for.
 * Only live-events.ts uses it.
 */

/** Whose event it is; `owners`: told to signed-in owners too. */
export type Audience = Readonly<{ personId: string; owners?: boolean }>;
/** Who looks; `owner` only for a signed-in owner, never for a phone. */
export type Viewer = Readonly<{ personId: string; owner: boolean }>;
export type Told = Readonly<{ seq: number; audience: Audience; text: string }>;

export function isFor(viewer: Viewer, audience: Audience): boolean {
  return viewer.personId === audience.personId || (audience.owners === true && viewer.owner);
}

export class EventMemory {
  readonly #limits: { eventsMax: number; bytesMax: number };
  /** In order of `seq`, which never goes back. */
  readonly #told = new Map<number, Told & { bytes: number; latestOf: string | undefined }>();
  readonly #latest = new Map<string, number>();
  /** The newest forgotten event of each person (at most as many as the house has), and of those that owners see. */
  readonly #forgotten = new Map<string, number>();
  #forgottenOfOwners = 0;
  #bytes = 0;
  #seq = 0;

  constructor(limits: { eventsMax: number; bytesMax: number }) {
    this.#limits = limits;
  }

  /** The newest event's number; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Keeps an event, whose text is made with its number. It takes the place of an older one of the same `latestOf`:
   * who comes back wants to know how it stands, not how it stood.
   */
  add(audience: Audience, textOf: (seq: number) => string, latestOf?: string): Told {
    const seq = ++this.#seq;
    const text = textOf(seq);
    const told = { seq, audience, text, bytes: Buffer.byteLength(text), latestOf };
    if (latestOf !== undefined) {
      this.#drop(this.#latest.get(latestOf) ?? 0);
      this.#latest.set(latestOf, seq);
    }
    this.#told.set(seq, told);
    this.#bytes += told.bytes;
    for (const oldest of this.#told.values()) {
      if (this.#told.size <= this.#limits.eventsMax && this.#bytes <= this.#limits.bytesMax) break;
      this.#forget(oldest);
    }
    return told;
  }

  /** Whether everything after `seq` that is for `viewer` is still here. What others missed does not count. */
  isWholeSince(seq: number, viewer: Viewer): boolean {
    const forgotten = Math.max(this.#forgotten.get(viewer.personId) ?? 0, viewer.owner ? this.#forgottenOfOwners : 0);
    return seq >= forgotten && seq <= this.#seq;
  }

  /** What is for `viewer` after `seq`, oldest first. */
  *since(seq: number, viewer: Viewer): Generator<Told> {
    for (const told of this.#told.values()) if (told.seq > seq && isFor(viewer, told.audience)) yield told;
  }

  #forget({ seq, audience }: Told): void {
    this.#drop(seq);
    this.#forgotten.set(audience.personId, seq);
    if (audience.owners === true) this.#forgottenOfOwners = seq;
  }

  #drop(seq: number): void {
    const told = this.#told.get(seq);
    if (told === undefined) return;
    this.#told.delete(seq);
    this.#bytes -= told.bytes;
    if (told.latestOf !== undefined && this.#latest.get(told.latestOf) === seq) this.#latest.delete(told.latestOf);
  }
}
