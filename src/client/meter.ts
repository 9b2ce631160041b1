import { Failure } from './failure.ts';

/**
 * The figures of one run, for whoever shows them. Owns: counts that add up, bytes on their way.
 * Never: prints. Written by backup and restore, read by a report.
 */

export type State = 'safe' | 'waiting' | 'refused';
export type Current = { path: string; offset: number; size: number };
export type Counts = Readonly<{
  seen: number;
  safe: number;
  waiting: number;
  refused: number;
  /** Of the refused: what its owner deleted on the box. */
  deleted?: number;
}>;

/** One run’s figures; every file that was seen is settled exactly once. */
export class Meter {
  readonly #counts = { seen: 0, safe: 0, waiting: 0, refused: 0 };
  #deleted = 0;
  /** Links, hidden files and the like, by reason: they are not among those that were seen. */
  readonly leftOutBy: Record<string, number> = {};
  readonly current = new Map<string, Current>();
  /** Bytes handed to (or taken from) the network: bytes sent twice count twice. */
  bytesMoved = 0;
  filesMoved = 0;
  /** Bytes of finished and of all known transfers; the second is complete once `totalKnown`. */
  bytesDone = 0;
  bytesTotal = 0;
  totalKnown = false;

  get counts(): Counts {
    return { ...this.#counts, ...(this.#deleted === 0 ? {} : { deleted: this.#deleted }) };
  }

  saw(files = 1): void {
    this.#counts.seen += files;
  }

  settle(state: State, files = 1): void {
    this.#counts[state] += files;
  }

  /** The last one that was refused: its owner deleted it on the box. */
  deletedThere(): void {
    this.#deleted += 1;
  }

  leaveOut(code: string): void {
    this.leftOutBy[code] = (this.leftOutBy[code] ?? 0) + 1;
  }

  get leftOut(): number {
    return Object.values(this.leftOutBy).reduce((sum, files) => sum + files, 0);
  }

  begin(path: string, size: number): void {
    this.current.set(path, { path, offset: 0, size });
  }

  moved(path: string, offset: number, bytes: number): void {
    this.bytesMoved += bytes;
    const entry = this.current.get(path);
    if (entry !== undefined) entry.offset = offset;
  }

  end(path: string, size: number): void {
    this.current.delete(path);
    this.bytesDone += size;
  }

  /** Bytes of transfers that are over and of those under way. */
  get bytesThrough(): number {
    let through = this.bytesDone;
    for (const { offset } of this.current.values()) through += offset;
    return through;
  }

  /** Throws when something was seen and not accounted for: a wrong report is worse than none. */
  mustAddUp(): Counts {
    const { seen, safe, waiting, refused } = this.#counts;
    if (seen === safe + waiting + refused) return this.counts;
    throw new Failure('internal', `The counts do not add up: ${JSON.stringify(this.#counts)}. Please report this.`);
  }
}
