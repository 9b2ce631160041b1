import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { AssetView, libraryContract } from '../library/contract.ts';
import type { Static } from '../platform/schema.ts';
import type { Box } from './box.ts';
import { download, localFailure } from './download.ts';
import { exitCodes, Failure, Refusal, Waiting } from './failure.ts';
import type { Counts, Meter, State } from './meter.ts';
import type { Patience } from './patience.ts';
import { findPlace, makeFolders, partOf, publish, safeParts } from './place.ts';
import { Pool } from './pool.ts';
import type { ItemEvent } from './report.ts';

/**
 * Brings files back. Owns: listing what there is, fetching it, and accounting for every file.
 * Never: overwrites a file that differs, or writes outside the chosen folder. For main.ts.
 */

export type RestoreParts = Readonly<{
  box: Box;
  patience: Patience;
  meter: Meter;
  onItem: (event: ItemEvent) => void;
}>;
export type RestoreOptions = Readonly<{ dir: string; own: boolean }>;

type Asset = Static<typeof AssetView>;
type Listed = Readonly<{ path: string; id: number; size: number; sha256: string; mtime: number }>;

const pageItems = 500;
const pagesMax = 100_000;
const filesAtOnce = 4;
const heldMax = 1000;

/** Resolves with counts that add up; `present` of the safe ones were here already. */
export async function restore(options: RestoreOptions, parts: RestoreParts): Promise<Counts & { present: number }> {
  const dir = resolve(options.dir);
  const root = await mkdir(dir, { recursive: true })
    .then(() => realpath(dir))
    .catch((error: unknown) => {
      throw new Failure('unwritable', `The folder ${dir} cannot be made (${String(error)}).`, exitCodes.usage);
    });
  return await new Restore(root, parts).run(listing(parts, options.own));
}

class Restore {
  readonly #root: string;
  readonly #parts: RestoreParts;
  readonly #pool: Pool<Listed>;
  /** Names that differ by case alone may be one file here: the second waits for the first. */
  readonly #busy = new Map<string, Promise<void>>();
  #present = 0;

  constructor(root: string, parts: RestoreParts) {
    this.#root = root;
    this.#parts = parts;
    this.#pool = new Pool(filesAtOnce, heldMax, (listed) => this.#inTurn(listed));
  }

  async run(listed: AsyncIterable<Listed | Unusable>): Promise<Counts & { present: number }> {
    const { meter, patience } = this.#parts;
    try {
      for await (const entry of listed) {
        meter.saw();
        if ('reason' in entry) {
          this.#settle(entry.path, 'refused', { code: 'invalid-answer', reason: entry.reason });
          continue;
        }
        meter.bytesTotal += entry.size;
        await this.#pool.push(entry);
      }
      meter.totalKnown = true;
      await this.#pool.drained();
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure('internal', String(error));
      // What is under way may come to its end when only the list broke off; not when the run is over.
      if (!(error instanceof ListBroke)) patience.stop(failure);
      await this.#pool.drained().catch(() => {});
      throw error;
    }
    return { ...meter.mustAddUp(), present: this.#present };
  }

  async #inTurn(listed: Listed): Promise<void> {
    const key = listed.path.normalize('NFC').toLowerCase();
    while (this.#busy.has(key)) await this.#busy.get(key);
    const work = this.#one(listed).finally(() => this.#busy.delete(key));
    this.#busy.set(
      key,
      work.catch(() => {}),
    );
    await work;
  }

  async #one(listed: Listed): Promise<void> {
    const { meter, patience } = this.#parts;
    meter.begin(listed.path, listed.size);
    try {
      if (patience.isOver)
        throw new Waiting('unreachable', 'The box did not answer for too long; the next run goes on.');
      const { present, file } = await this.#bring(listed);
      if (present) this.#present += 1;
      else meter.filesMoved += 1;
      this.#settle(listed.path, 'safe', { file, size: listed.size });
    } catch (thrown) {
      const error = localFailure(thrown);
      if (!(error instanceof Waiting || error instanceof Refusal)) throw error;
      const state = error instanceof Waiting ? 'waiting' : 'refused';
      this.#settle(listed.path, state, { code: error.code, reason: error.message });
    } finally {
      meter.end(listed.path, listed.size);
    }
  }

  async #bring(listed: Listed): Promise<{ present: boolean; file: string }> {
    const { box, patience, meter } = this.#parts;
    const names = safeParts(listed.path);
    const folder = await makeFolders(this.#root, names.slice(0, -1));
    const wanted = join(folder, names.at(-1) as string);
    const part = partOf(wanted);
    let place = await findPlace(wanted, listed.size, listed.sha256);
    if (place.present) return place;
    const { id, size, sha256, mtime, path } = listed;
    const onBytes = (offset: number, bytes: number) => meter.moved(path, offset, bytes);
    await download({ id, size, sha256, mtime, part, what: path }, { box, patience, onBytes });
    while (!place.present && !(await publish(part, place.file))) place = await findPlace(wanted, size, sha256);
    return { present: false, file: place.file };
  }

  #settle(path: string, state: State, more: Partial<ItemEvent>): void {
    this.#parts.meter.settle(state);
    this.#parts.onItem({ ...more, event: 'item', path, state });
  }
}

/** Something in the list that cannot be fetched, with the reason. */
type Unusable = Readonly<{ path: string; reason: string }>;

/** The list could not be read to its end: what there is cannot be accounted for. */
class ListBroke extends Failure {}

async function* listing(parts: RestoreParts, own: boolean): AsyncGenerator<Listed | Unusable> {
  let cursor: string | null = null;
  for (let page = 0; page < pagesMax; page += 1) {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `${own ? '/api/phone/items' : '/api/assets'}?limit=${pageItems}${query}`;
    const reply = await parts.box.call(parts.patience, 'the list', 'GET', path).catch((error: unknown) => {
      if (!(error instanceof Waiting || error instanceof Refusal)) throw error;
      throw new ListBroke(error.code, `The list could not be read to its end: ${error.message} Run restore again.`);
    });
    const { entries, next } = own ? ownEntries(reply) : allEntries(reply);
    yield* entries;
    if (next === null) return;
    if (next === cursor || typeof next !== 'string') break;
    cursor = next;
  }
  throw new ListBroke('invalid-answer', 'The box’s list does not come to an end.');
}

type Page = { entries: (Listed | Unusable)[]; next: string | null };

function allEntries(reply: unknown): Page {
  const { assets, next } = reply as Partial<Static<typeof libraryContract.listAssets.reply>>;
  if (!Array.isArray(assets)) throw new ListBroke('invalid-answer', 'The box’s list cannot be understood.');
  return { entries: assets.map((asset) => listedFrom(asset?.path, asset, asset?.mtime ?? null)), next: next ?? null };
}

function ownEntries(reply: unknown): Page {
  const { items, next } = reply as Partial<Static<typeof libraryContract.phoneItems.reply>>;
  if (!Array.isArray(items)) throw new ListBroke('invalid-answer', 'The box’s list cannot be understood.');
  const entries = items.map((item) => listedFrom(item?.path, item?.asset, item?.mtime ?? item?.asset?.mtime ?? null));
  return { entries, next: next ?? null };
}

function listedFrom(path: unknown, asset: Asset | undefined, mtime: number | null): Listed | Unusable {
  const shown = typeof path === 'string' ? path : '(no name)';
  if (asset === undefined || asset === null) return { path: shown, reason: 'The box listed no file for it.' };
  const { id, size, sha256 } = asset;
  const time = mtime ?? asset.capturedAt;
  const numbers = [id, size, time].every((value) => Number.isSafeInteger(value)) && id > 0 && size >= 0;
  if (typeof path !== 'string' || !numbers || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    return { path: shown, reason: 'The box’s list is not understood here.' };
  }
  return { path, id, size, sha256, mtime: time };
}
