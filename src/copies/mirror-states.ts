/** What is told of mirrors: to their page, to the night's report, to the checks. From the rows, and from what goes on now. */
import type { AttachedMirror } from '../disks/disk.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { LastKnown } from './last-known.ts';
import { MirrorListsStore, type MirrorTally } from './mirror-lists-store.ts';
import { type MirrorRow, MirrorStore, type Sum } from './mirror-store.ts';

/** Why it does not go on. `failing`: the mirror is there, and cannot be used. */
export type MirrorProblem = 'full' | 'failing';
export type MirrorState = Readonly<{
  diskId: string;
  name: string;
  attached: boolean;
  running: boolean;
  resting: boolean;
  problem: MirrorProblem | null;
  seenAt: number;
  files: number;
  bytes: number;
  waiting: Sum;
  behindSince: number | null;
  lastCompleteAt: number | null;
  oldestReadAt: number | null;
  catalogueAt: number | null;
  /** Of late; null: nothing is being copied. */
  bytesPerSecond: number | null;
  secondsLeft: number | null;
  /** As of when; null: nobody knows. */
  knownAt: number | null;
}>;
export type MirrorOfNight = MirrorTally &
  Readonly<{ diskId: string; name: string; attached: boolean; waiting: Sum; lastCompleteAt: number | null }>;
/** `waiting`: files. */
export type MirrorStanding = Readonly<{
  disk: string;
  name: string;
  attached: boolean;
  seenAt: number;
  behindSince: number | null;
  waiting: number;
}>;

export type MirrorStatesDeps = Readonly<{
  mirrors: () => readonly AttachedMirror[];
  busy: () => boolean;
  now: () => number;
  lastKnown: Pick<LastKnown, 'of' | 'note'>;
  live: (diskId: string) => { problem: MirrorProblem | null; perSecond: number | undefined; running: boolean };
}>;

/** Asked for by a page every other second, and by the watch: it counts rows. */
const waitingKeptMs = 5_000;
const nothingKnown = { at: null, files: 0, bytes: 0, waiting: { files: 0, bytes: 0 }, lastCompleteAt: null } as const;
/** Fewer are counted at once. */
const waitingManyMin = 1_000;

export class MirrorStates {
  readonly #deps: MirrorStatesDeps;
  readonly #waiting = new Map<string, { at: number; sum: Sum }>();

  constructor(deps: MirrorStatesDeps) {
    this.#deps = deps;
  }

  all(open: OpenLibrary): MirrorState[] {
    const attached = this.#attached();
    return new MirrorStore(open.database).mirrors().map((row) => this.#stateOf(open, row, attached.has(row.diskId)));
  }

  /** Of those that are there, while no catalogue says what they hold: as they were known last. */
  unknown(): MirrorState[] {
    return this.#deps.mirrors().map(({ diskId, name }) => {
      const { at, files, bytes, waiting, lastCompleteAt } = this.#deps.lastKnown.of(diskId) ?? nothingKnown;
      return {
        diskId,
        name,
        attached: true,
        running: false,
        resting: false,
        problem: null,
        seenAt: this.#deps.now(),
        files,
        bytes,
        waiting,
        behindSince: null,
        lastCompleteAt,
        oldestReadAt: null,
        catalogueAt: null,
        bytesPerSecond: null,
        secondsLeft: null,
        knownAt: at,
      };
    });
  }

  /** What is known of one now is what is said of it when the library's disk is gone. On a library that is open. */
  note(row: MirrorRow, waiting: Sum): void {
    const { diskId, files, bytes, completeAt: lastCompleteAt } = row;
    this.#deps.lastKnown.note(diskId, { at: this.#deps.now(), files, bytes, waiting, lastCompleteAt });
  }

  /** What each got in `[from, to)`. */
  report(open: OpenLibrary, { from, to }: { from: number; to: number }): MirrorOfNight[] {
    const rows = new MirrorStore(open.database);
    const tallies = new MirrorListsStore(open.database);
    const attached = this.#attached();
    return rows.mirrors().map((row) => ({
      diskId: row.diskId,
      name: row.name,
      attached: attached.has(row.diskId),
      ...tallies.tally(row.diskId, from, to),
      waiting: rows.waiting(row),
      lastCompleteAt: row.completeAt,
    }));
  }

  standing(open: OpenLibrary): MirrorStanding[] {
    const attached = this.#attached();
    return new MirrorStore(open.database).mirrors().map((row) => ({
      disk: row.diskId,
      name: row.name,
      attached: attached.has(row.diskId),
      seenAt: row.seenAt,
      behindSince: row.behindSince,
      waiting: row.behindSince === null ? 0 : this.#waitingOf(open, row).files,
    }));
  }

  #attached(): ReadonlySet<string> {
    return new Set(this.#deps.mirrors().map(({ diskId }) => diskId));
  }

  #stateOf(open: OpenLibrary, row: MirrorRow, attached: boolean): MirrorState {
    const { completeAt, catalogueAt, diskId, name, seenAt, files, bytes, behindSince } = row;
    const { problem, perSecond, running } = this.#deps.live(diskId);
    const waiting = this.#waitingOf(open, row);
    this.note(row, waiting);
    const rate = running && waiting.files > 0 ? (perSecond ?? null) : null;
    return {
      diskId,
      name,
      attached,
      running,
      resting: running && this.#deps.busy(),
      problem: attached ? problem : null,
      seenAt,
      files,
      bytes,
      waiting,
      behindSince,
      lastCompleteAt: completeAt,
      oldestReadAt: new MirrorStore(open.database).oldestReadAt(diskId) ?? null,
      catalogueAt: catalogueAt === 0 ? null : catalogueAt,
      bytesPerSecond: rate,
      secondsLeft: rate === null || rate === 0 ? null : Math.ceil(waiting.bytes / rate),
      knownAt: this.#deps.now(),
    };
  }

  #waitingOf(open: OpenLibrary, row: MirrorRow): Sum {
    const kept = this.#waiting.get(row.diskId);
    const now = performance.now();
    if (kept !== undefined && kept.sum.files > waitingManyMin && now - kept.at < waitingKeptMs) return kept.sum;
    const sum = new MirrorStore(open.database).waiting(row);
    this.#waiting.set(row.diskId, { at: now, sum });
    return sum;
  }
}
