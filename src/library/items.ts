/**
 * What a phone told of its items, held against what the box has: the answer to "what do you have?", and the counts
 * that add up (seen = safe + waiting + refused).
 */
import { CodedError } from '../platform/errors.ts';
import { type ItemOrigin, itemPath } from './item-origin.ts';
import type { ItemFacts, ItemRow } from './items-store.ts';
import type { OpenLibrary } from './open-library.ts';
import { checkPhonePath, parentOf } from './placement.ts';
import type { AssetState } from './store.ts';

export type ToldItem = {
  path: string;
  key?: string | undefined;
  size: number;
  mtime: number | null;
  sha256?: string | undefined;
};

/** Whose items they are, and how they came to be told of. */
type Teller = Readonly<{ phoneId: string; personId: string; origin: ItemOrigin }>;

export type ItemAnswer =
  | { answer: 'have' }
  | { answer: 'need' }
  | { answer: 'send-hash' }
  | { answer: 'refused'; code: string; reason: string };

/** The sentence for each reason why an item is not taken, now and in later listings. */
const refusalReasons: Readonly<Record<string, string>> = {
  'empty-picture': 'This picture has no bytes at all, so there is nothing to keep. Look at it on the phone.',
  'invalid-name': 'This name cannot be kept as a file. Rename it on the phone, and it comes in.',
  unreadable: 'The phone could not read this file. Look at it there.',
  deleted: 'Its owner deleted it here. It stays deleted, whatever the phone still has.',
};

export function refusalReason(code: string): string {
  return refusalReasons[code] ?? 'The box does not take this file.';
}

/**
 * Answers each item in order, and writes down what is new: an item that the box does not have is waiting from the
 * moment it was told of. *Have* means published and verified, not in the trash. What a person chose in a browser is
 * noted once the box has it, and never waits: nobody would ever say that it is not wanted any more.
 */
export async function checkItems(
  library: OpenLibrary,
  phone: Teller,
  items: readonly ToldItem[],
  now: number,
): Promise<ItemAnswer[]> {
  const pathOf = (item: ToldItem) => itemPath(phone.origin, item);
  const paths = items.map(pathOf);
  const known = library.items.itemsAt(phone.phoneId, paths);
  const changed = new Set<string>();
  const answers = items.map((item) => {
    const changes: Array<() => void> = [];
    const answer = answerTold(library, phone, item, known.get(pathOf(item)), now, changes);
    if (changes.length > 0) changed.add(pathOf(item));
    return answer;
  });
  if (changed.size === 0) return answers;
  // Worked out again where it is written, one item after the other: a file that arrived meanwhile is not set back to
  // waiting.
  return await library.database.write(() =>
    items.map((item, index) => {
      if (!changed.has(pathOf(item))) return answers[index] as ItemAnswer;
      const changes: Array<() => void> = [];
      const answer = answerTold(library, phone, item, library.items.item(phone.phoneId, pathOf(item)), now, changes);
      for (const change of changes) change();
      return answer;
    }),
  );
}

/** The same answers, each once for those in a row that have it. */
export function inRuns(answers: readonly ItemAnswer[]): Array<ItemAnswer & { times?: number }> {
  const runs: Array<ItemAnswer & { times?: number }> = [];
  for (const answer of answers) {
    const last = runs.at(-1);
    if (last !== undefined && isSame(last, answer)) last.times = (last.times ?? 1) + 1;
    else runs.push({ ...answer });
  }
  return runs;
}

function isSame(one: ItemAnswer, other: ItemAnswer): boolean {
  if (one.answer === 'refused' && other.answer === 'refused') {
    return one.code === other.code && one.reason === other.reason;
  }
  return one.answer === other.answer;
}

/** Writes down what the phone could not read: seen, and refused. */
export async function noteUnreadable(
  library: OpenLibrary,
  phoneId: string,
  paths: readonly string[],
  now: number,
): Promise<void> {
  await library.database.write(() => {
    for (const path of paths) {
      const told = { path, key: null, size: 0, mtime: null, seenAt: now };
      const facts = { ...told, phoneId, parent: parentOf(path) };
      // What the box has, or its owner deleted there, is known whether or not the phone can read it just now.
      const state = library.items.item(phoneId, path)?.asset_state ?? null;
      if (state !== 'present' && !isDeleted(state)) library.items.putRefused(facts, 'unreadable');
    }
  });
}

function answerTold(
  library: OpenLibrary,
  phone: Teller,
  item: ToldItem,
  known: ItemRow | undefined,
  now: number,
  changes: Array<() => void>,
): ItemAnswer {
  const facts = factsOf(phone, item, now);
  try {
    checkPhonePath(item.path);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    if (phone.origin === 'app') changes.push(() => library.items.putRefused(facts, error.code));
    return { answer: 'refused', code: error.code, reason: error.message };
  }
  return answerOne(library, phone, item, known, facts, changes);
}

function answerOne(
  library: OpenLibrary,
  phone: Teller,
  item: ToldItem,
  known: ItemRow | undefined,
  facts: ItemFacts,
  changes: Array<() => void>,
): ItemAnswer {
  const { rows } = library;
  const answer = known === undefined ? undefined : answerUnchanged(known, item);
  if (answer !== undefined) {
    // A refused item has no file, so only having been seen tonight keeps it on the phone's list.
    if (known !== undefined && answer.answer === 'refused')
      changes.push(() => library.items.markSeen(known.id, facts.seenAt));
    return answer;
  }
  const held = heldElsewhere(library, phone, item);
  if (held !== undefined) {
    changes.push(() => library.items.putSafe(facts, held.assetId));
    return held.deleted ? refused('deleted') : { answer: 'have' };
  }
  if (phone.origin === 'app') changes.push(() => library.items.putWaiting(facts));
  const mayHave = item.sha256 === undefined && rows.hasAssetOfSize(phone.personId, item.size);
  return { answer: mayHave ? 'send-hash' : 'need' };
}

/** The answer for an item that is as the phone told it before; undefined when its file is wanted (again). */
function answerUnchanged(known: ItemRow, item: ToldItem): ItemAnswer | undefined {
  if (known.size !== item.size || known.mtime !== item.mtime || !mayBeSame(known, item)) return undefined;
  if (known.asset_state === 'present') return { answer: 'have' };
  if (isDeleted(known.asset_state)) return refused('deleted');
  return known.refusal === null ? undefined : refused(known.refusal);
}

/** The same content under another name of this phone (by the phone's own id), or of this person (by checksum). */
function heldElsewhere(
  { rows, items }: OpenLibrary,
  phone: Teller,
  item: ToldItem,
): { assetId: number; deleted: boolean } | undefined {
  const moved =
    item.key === undefined || phone.origin === 'browser' ? undefined : items.itemByKey(phone.phoneId, item.key);
  const unchanged = moved?.size === item.size && moved.mtime === item.mtime && mayBeSame(moved, item);
  if (unchanged && moved.asset_state === 'present' && moved.asset_id !== null) {
    return { assetId: moved.asset_id, deleted: false };
  }
  if (item.sha256 === undefined) return undefined;
  const same = rows.assetByContent(phone.personId, Buffer.from(item.sha256, 'hex'));
  if (same === undefined || rows.isBeingErased(same)) return undefined;
  if (same.state !== 'present' && !isDeleted(same.state)) return undefined;
  return { assetId: same.id, deleted: same.state !== 'present' };
}

/** Size and time say that it is the same; a checksum knows better, and without a time only a checksum knows. */
function mayBeSame(known: ItemRow, item: ToldItem): boolean {
  if (known.asset_sha256 === null) return true;
  if (item.sha256 !== undefined) return known.asset_sha256.toString('hex') === item.sha256;
  return item.mtime !== null;
}

function isDeleted(state: AssetState | null): boolean {
  return state === 'trashed' || state === 'deleted';
}

function refused(code: string): ItemAnswer {
  return { answer: 'refused', code, reason: refusalReason(code) };
}

function factsOf({ phoneId, origin }: Teller, item: ToldItem, now: number): ItemFacts {
  const path = itemPath(origin, item);
  return {
    phoneId,
    origin,
    parent: parentOf(path),
    path,
    key: origin === 'browser' ? null : (item.key ?? null),
    size: item.size,
    mtime: item.mtime,
    seenAt: now,
  };
}
