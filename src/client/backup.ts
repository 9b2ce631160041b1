import type { libraryContract } from '../library/contract.ts';
import type { Static } from '../platform/schema.ts';
import type { Box } from './box.ts';
import type { ConfigStore } from './config-store.ts';
import { deletedCode, exitCodes, Failure, Refusal, Waiting } from './failure.ts';
import { type Found, hashItem, type Item, labelRoots, leftOutReasons, pages, walk } from './inventory.ts';
import type { Counts, Meter } from './meter.ts';
import { insist, type Patience } from './patience.ts';
import { Pool } from './pool.ts';
import type { ItemEvent } from './report.ts';
import { type Outcome, Uploader } from './upload.ts';

/**
 * Backs folders up. Owns: telling the box what is here, sending what it needs, and accounting for every file.
 * Never: deletes anything, here or there. For main.ts.
 */

export type BackupParts = Readonly<{
  box: Box;
  config: ConfigStore;
  patience: Patience;
  meter: Meter;
  onItem: (event: ItemEvent) => void;
}>;

type CheckReply = Static<typeof libraryContract.checkItems.reply>;
type Checked = { answers: Answer[]; at: number };
type Unreadable = NonNullable<Static<typeof libraryContract.finishInventory.body>['unreadable']>[number];
type Answer = CheckReply['answers'][number];

/** As many as the box takes at once. */
const pageItems = 1000;
const filesAtOnce = 4;
/** Files that the box needs and that wait for their turn: more than these are not asked about yet. */
const heldMax = 20_000;
/** As the start of an inventory: before it nothing was told. */
const forgetNothing = 0;
const leftOutShownMax = 100;
/** What of the files that could not be read here is told to the box: its limits, with room to spare. */
const unreadableMax = 1000;
const unreadablePathCharsMax = 4096;
const unreadableReasonCharsMax = 512;
const unreadableBytesMax = 4 * 1024 * 1024;

/** Resolves with counts that add up: seen = safe + waiting + refused. Throws `Failure` when the run cannot go on. */
export async function backUp(dirs: readonly string[], parts: BackupParts): Promise<Counts> {
  const { roots, folders, isNew } = await mustHaveFolders(dirs, parts.config);
  // Before anything is told to the box: a label that was given once must stay.
  if (isNew) await parts.config.saveFolders(folders);
  return await new Backup(parts, new Uploader(await uploaderParts(parts))).run(walk(roots));
}

/** Throws `no-such-folder` when not one of `dirs` is here, or was before. */
export async function mustHaveFolders(
  dirs: readonly string[],
  config: ConfigStore,
): Promise<Awaited<ReturnType<typeof labelRoots>> & { isNew: boolean }> {
  const known = await config.folders();
  const { roots, folders } = await labelRoots(dirs, known);
  if (roots.every(({ dir }) => folders[dir] === undefined)) {
    throw new Failure('no-such-folder', `There is no folder ${dirs.join(', ')}.`, exitCodes.usage);
  }
  return { roots, folders, isNew: Object.keys(folders).length > Object.keys(known).length };
}

async function uploaderParts(parts: BackupParts): Promise<ConstructorParameters<typeof Uploader>[0]> {
  return {
    box: parts.box,
    patience: parts.patience,
    resumes: await parts.config.openResumes(),
    onBytes: (item, offset, bytes) => parts.meter.moved(item.path, offset, bytes),
    have: async (item, sha256) => (await checkOnce(parts.box, [{ item, sha256 }])).answers[0]?.answer === 'have',
  };
}

class Backup {
  readonly #parts: BackupParts;
  readonly #uploader: Uploader;
  readonly #pool: Pool<Item>;
  #startedAt: number | null = null;
  /** Set when patience ran out: what is not known to be safe is then waiting, and the box is left alone. */
  #gaveUp: Waiting | null = null;
  /** False when a folder could not be read: what is in it was not told, and is not gone. */
  #toldAll = true;
  readonly #unreadable: Unreadable[] = [];
  #unreadableBytes = 0;

  constructor(parts: BackupParts, uploader: Uploader) {
    this.#parts = parts;
    this.#uploader = uploader;
    this.#pool = new Pool(filesAtOnce, heldMax, (item) => this.#send(item));
  }

  async run(found: AsyncIterable<readonly Found[]>): Promise<Counts> {
    try {
      for await (const page of pages(found, pageItems)) await this.#page(page);
      this.#parts.meter.totalKnown = true;
      await this.#pool.drained();
      await this.#finish();
    } catch (error) {
      // Whatever still runs ends now: a revoked phone has no business waiting out its patience.
      const failure = error instanceof Failure ? error : new Failure('internal', String(error));
      this.#parts.patience.stop(failure);
      await this.#pool.drained().catch(() => {});
      throw error;
    }
    return this.#parts.meter.mustAddUp();
  }

  async #page(page: readonly Found[]): Promise<void> {
    const items: Item[] = [];
    for (const found of page) {
      if (found.kind === 'left-out') {
        this.#leaveOut(found);
        continue;
      }
      this.#parts.meter.saw();
      if (found.kind === 'file') items.push(found.item);
      else {
        if (found.folder) this.#toldAll = false;
        this.#settleHere(found.path, { state: 'refused', code: found.code, reason: found.reason });
      }
    }
    if (items.length === 0) return;
    try {
      if (this.#gaveUp !== null) throw this.#gaveUp;
      await this.#ask(items);
    } catch (error) {
      if (!(error instanceof Waiting)) throw error;
      this.#gaveUp = error;
      for (const { path } of items) {
        this.#settle(path, { state: 'waiting', code: error.code, reason: error.message });
      }
    }
  }

  /** Settles or enqueues each of `items`. Throws `Waiting` before it has settled any, or not at all. */
  async #ask(items: readonly Item[]): Promise<void> {
    const first = await check(
      this.#parts,
      items.map((item) => ({ item })),
    );
    this.#startedAt ??= first.at;
    const outcomes = new Map<Item, Outcome>();
    const hashed: { item: Item; sha256: string }[] = [];
    const answers = new Map<Item, Answer>(items.map((item, index) => [item, first.answers[index] as Answer]));
    for (const item of items) {
      if (answers.get(item)?.answer !== 'send-hash') continue;
      try {
        hashed.push({ item, sha256: await hashItem(item) });
      } catch (error) {
        outcomes.set(item, outcomeOf(error));
      }
    }
    if (hashed.length > 0) {
      const second = await check(this.#parts, hashed);
      for (const [index, { item }] of hashed.entries()) answers.set(item, second.answers[index] as Answer);
    }
    for (const item of items) {
      const outcome = outcomes.get(item);
      if (outcome === undefined) await this.#follow(item, answers.get(item) as Answer);
      else this.#settleHere(item.path, outcome);
    }
  }

  async #follow(item: Item, answer: Answer): Promise<void> {
    if (answer.answer === 'have') this.#parts.meter.settle('safe');
    else if (answer.answer === 'refused') {
      this.#settle(item.path, { state: 'refused', code: answer.code, reason: answer.reason });
    } else {
      this.#parts.meter.bytesTotal += item.size;
      await this.#pool.push(item);
    }
  }

  async #send(item: Item): Promise<void> {
    const { meter, patience } = this.#parts;
    meter.begin(item.path, item.size);
    const outcome: Outcome = patience.isOver
      ? { state: 'waiting', code: 'unreachable', reason: 'The box did not answer for too long; the next run goes on.' }
      : await this.#uploader.send(item);
    meter.end(item.path, item.size);
    if (outcome.state === 'safe') meter.filesMoved += 1;
    // The box refuses files for many reasons; this one is known only here.
    if (outcome.state === 'refused' && outcome.code === 'unreadable') this.#noteUnreadable(item.path, outcome.reason);
    this.#settle(item.path, outcome, item.size);
  }

  #leaveOut({ path, code }: Extract<Found, { kind: 'left-out' }>): void {
    const { meter, onItem } = this.#parts;
    meter.leaveOut(code);
    if (meter.leftOut > leftOutShownMax) return;
    onItem({ event: 'item', path, state: 'left-out', code, reason: leftOutReasons[code] });
  }

  /** Settles what came to its end without the box. */
  #settleHere(path: string, outcome: Outcome): void {
    if (outcome.state === 'refused') this.#noteUnreadable(path, outcome.reason);
    this.#settle(path, outcome);
  }

  /** For the end of the list: of what cannot be read here the box knows nothing, or takes it for waiting. */
  #noteUnreadable(path: string, reason: string): void {
    const told = { path: path.slice(0, unreadablePathCharsMax), reason: reason.slice(0, unreadableReasonCharsMax) };
    const bytes = Buffer.byteLength(JSON.stringify(told));
    if (this.#unreadable.length >= unreadableMax || this.#unreadableBytes + bytes > unreadableBytesMax) return;
    this.#unreadableBytes += bytes;
    this.#unreadable.push(told);
  }

  #settle(path: string, outcome: Outcome, size?: number): void {
    this.#parts.meter.settle(outcome.state);
    if (outcome.state === 'refused' && outcome.code === deletedCode) this.#parts.meter.deletedThere();
    this.#parts.onItem({ event: 'item', path, ...outcome, ...(size === undefined ? {} : { size }) });
  }

  /** The box hears what could not be read, and, once all was told, forgets what waits and is no longer here. */
  async #finish(): Promise<void> {
    if (this.#gaveUp !== null || this.#parts.patience.isOver) return;
    try {
      const startedAt = this.#toldAll ? (this.#startedAt ?? (await check(this.#parts, [])).at) : forgetNothing;
      const body = { startedAt, ...(this.#unreadable.length === 0 ? {} : { unreadable: this.#unreadable }) };
      await this.#parts.box.call(
        this.#parts.patience,
        'the end of the list',
        'POST',
        '/api/phone/inventory/finish',
        body,
      );
    } catch (error) {
      // Nothing is lost: the next run tells everything again.
      if (!(error instanceof Waiting)) throw error;
    }
  }
}

type Asked = readonly Readonly<{ item: Item; sha256?: string }>[];

async function check(parts: BackupParts, asked: Asked): Promise<Checked> {
  return await insist(parts.patience, 'the list of files', () => checkOnce(parts.box, asked)).catch(
    (error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      throw new Failure(error.code, `The box does not take the list of files: ${error.message}`);
    },
  );
}

/** Without a key: a folder's files have no lasting name but their path, and their content says when one has moved. */
async function checkOnce(box: Box, asked: Asked): Promise<Checked> {
  const items = asked.map(({ item: { path, size, mtime }, sha256 }) => ({ path, size, mtime, sha256 }));
  const reply = (await box.once('POST', '/api/phone/items/check', { items, runs: true })) as CheckReply;
  const answers = Array.isArray(reply.answers) ? eachOf(reply.answers, items.length) : [];
  if (answers.length !== items.length || !Number.isInteger(reply.at)) {
    throw new Failure('invalid-answer', 'The box’s answer to the list of files cannot be understood.');
  }
  return { answers, at: reply.at };
}

/** One answer for each item again, and never more than one beyond `count`. */
function eachOf(runs: readonly Answer[], count: number): Answer[] {
  const answers: Answer[] = [];
  for (const run of runs) {
    const { times = 1 } = run;
    for (let n = 0; n < times && answers.length <= count; n += 1) answers.push(run);
  }
  return answers;
}

function outcomeOf(error: unknown): Outcome {
  if (error instanceof Waiting) return { state: 'waiting', code: error.code, reason: error.message };
  if (error instanceof Refusal) return { state: 'refused', code: error.code, reason: error.message };
  throw error;
}

/**
 * Waiting first: running again may help there. What its owner deleted on the box stays deleted, as they want it: that
 * alone is no failure.
 */
export function exitCodeOf(counts: Counts): 0 | 1 | 4 {
  if (counts.waiting > 0) return exitCodes.waiting;
  return counts.refused > (counts.deleted ?? 0) ? exitCodes.refused : exitCodes.fine;
}
