/**
 * Finds photos and videos by a part of their name. The index has each three letters of every name: it says which names
 * may match, and the name itself decides. What it does not have yet is looked at one by one, so nothing waits for it.
 *
 * Both walk from the last arrival to the first and stop at a limit of what was looked at, whatever was found: a page may
 * be short, and its mark says where to go on. Between the steps others have their turn.
 */
import { posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { LibraryWork } from './library.ts';
import type { OpenLibrary } from './open-library.ts';
import { readItemCursor } from './pages.ts';
import { indexNames, type NamedRow } from './search-store.ts';
import { entriesOf, rangeOf, sourceOf } from './timeline.ts';
import type { Entry, SearchQuery } from './timeline-contract.ts';

type Rows = Pick<OpenLibrary, 'timeline' | 'search'>;

const limitDefault = 200;
export type SearchLimits = Readonly<{
  /** Of one request: rows looked at, and asset ids passed in the index. */
  rowsMax: number;
  idsMax: number;
  /** Of one step, without a turn for others. */
  stepRows: number;
  stepIds: number;
}>;
const searchLimits: SearchLimits = { rowsMax: 20_000, idsMax: 4_000_000, stepRows: 500, stepIds: 50_000 };
/** Letters that the index has together. Words of one or two, as Chinese has them, are looked for in every name. */
const lettersTogether = 3;
/** More of them than this make a search no narrower. */
const triplesMax = 24;

const indexEveryMs = 60_000;
const indexLeaseMs = 600_000;
const namesPerBatch = 200;
/** A library that is indexed for the first time must not keep other jobs waiting until it is done. */
const batchesPerRun = 250;
/** Relaxed writes alone would never let the log be cut. */
const batchesPerSync = 50;

/** @throws {CodedError} `invalid-request` for a day that is none, or a mark that the box did not give. */
export async function searchNames(
  library: Rows,
  personId: string,
  query: SearchQuery,
  limits = searchLimits,
): Promise<{ entries: Entry[]; next: string | null }> {
  const before = query.cursor === undefined ? Number.MAX_SAFE_INTEGER : readItemCursor(query.cursor);
  const matches = matcher(library, personId, query);
  if (matches === undefined) return { entries: [], next: null };
  const walk = new Walk(library, { personId, word: folded(query.name), before, limits });
  const limit = query.limit ?? limitDefault;
  const found: number[] = [];
  while (found.length < limit && !walk.over && !walk.tired) {
    for (const row of walk.step()) {
      if (!matches(row)) continue;
      found.push(row.id);
      if (found.length === limit) walk.endAt(row.id);
      if (found.length === limit) break;
    }
    await setImmediate();
  }
  const next = walk.over ? null : Buffer.from(String(walk.before)).toString('base64url');
  return { entries: entriesOf(library, found), next };
}

/** Fills the index of names, from where it ends, whenever something came. */
export function nameIndexWork({ database }: Pick<OpenLibrary, 'database'>): LibraryWork {
  const run = async (_job: unknown, signal: AbortSignal): Promise<void> => {
    for (let batch = 1; batch <= batchesPerRun; batch++) {
      signal.throwIfAborted();
      // The names and how far they go are one change: a power cut takes back both or neither.
      const passed =
        batch % batchesPerSync === 0
          ? await database.write(() => indexNames((sql) => database.prepare(sql), namesPerBatch, nameOf))
          : database.writeRelaxed((prepare) => indexNames(prepare, namesPerBatch, nameOf));
      if (passed < namesPerBatch) return;
      await setImmediate();
    }
  };
  return { 'index-names': { version: 1, leaseMs: indexLeaseMs, attemptsMax: 5, everyMs: indexEveryMs, run } };
}

/** From the last arrival before `before` down: first what the index does not have, then what it says may match. */
class Walk {
  before: number;
  readonly #library: Rows;
  readonly #personId: string;
  /** Undefined: the word is too short for the index. */
  readonly #match: string | undefined;
  /** What has a smaller id is looked for in the index. */
  readonly #scanFrom: number;
  readonly #limits: SearchLimits;
  #rowsLeft: number;
  #idsLeft: number;

  constructor(
    library: Rows,
    { personId, word, before, limits }: { personId: string; word: string; before: number; limits: SearchLimits },
  ) {
    this.#library = library;
    this.#limits = limits;
    this.#rowsLeft = limits.rowsMax;
    this.#idsLeft = limits.idsMax;
    this.#personId = personId;
    this.#match = matchOf(word);
    this.#scanFrom = this.#match === undefined ? 1 : library.search.indexEnd() + 1;
    this.before = before;
  }

  get over(): boolean {
    return this.before <= 1;
  }

  get tired(): boolean {
    return this.#rowsLeft <= 0 || this.#idsLeft <= 0;
  }

  /** The next rows to look at, the last arrival first; they may be none although the walk is not over. */
  step(): NamedRow[] {
    return this.#match === undefined || this.before > this.#scanFrom ? this.#scan() : this.#look(this.#match);
  }

  /** Nothing after `id` was used: the next page begins there. */
  endAt(id: number): void {
    this.before = id;
  }

  #scan(): NamedRow[] {
    const range = { from: this.#scanFrom, before: this.before };
    const { stepRows } = this.#limits;
    const rows = this.#library.search.present(this.#personId, range, stepRows);
    this.#rowsLeft -= rows.length;
    this.before = rows.length < stepRows ? this.#scanFrom : (rows.at(-1)?.id ?? 1);
    return rows;
  }

  #look(match: string): NamedRow[] {
    const { search } = this.#library;
    const { stepRows, stepIds } = this.#limits;
    const from = Math.max(1, this.before - stepIds);
    const ids = search.candidates(match, { from, before: this.before }, stepRows);
    this.#rowsLeft -= ids.length;
    const reached = ids.length < stepRows ? from : (ids.at(-1) ?? from);
    this.#idsLeft -= this.before - reached;
    this.before = reached;
    return ids.map((id) => search.named(id)).filter((row) => row !== undefined);
  }
}

/** Undefined: nothing can match. */
function matcher(library: Rows, personId: string, query: SearchQuery): ((row: NamedRow) => boolean) | undefined {
  const range = rangeOf(query);
  const source = sourceOf(library, personId, query.phone);
  const word = folded(query.name);
  // No name has this letter, and SQLite takes it for the end.
  if (source === undefined || word.includes('\0')) return undefined;
  return (row) =>
    row.shown === 1 &&
    row.person_id === personId &&
    (query.kind === undefined || row.kind === query.kind) &&
    row.captured_wall >= range.from &&
    row.captured_wall < range.before &&
    nameOf(row.path).includes(word) &&
    (source.of === 'person' || library.search.isOfPhone(source.id, row));
}

function nameOf(path: string): string {
  return folded(posix.basename(path));
}

/** As the index has names and searches for them: small letters, and each in one of its forms. */
function folded(text: string): string {
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}

/** In the words of FTS5: all of its triples. A quotation mark is doubled. */
function matchOf(word: string): string | undefined {
  const letters = [...word];
  const triples = new Set<string>();
  for (let at = 0; at + lettersTogether <= letters.length && triples.size < triplesMax; at++) {
    triples.add(letters.slice(at, at + lettersTogether).join(''));
  }
  if (triples.size === 0) return undefined;
  return [...triples].map((triple) => `"${triple.replaceAll('"', '""')}"`).join(' AND ');
}
