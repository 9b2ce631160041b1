/**
 * Owns what people deleted: 30 days in the trash (or as many as their box's owner says), back from there, and gone for
 * good with a tombstone.
 * Never decides by itself what is deleted, never overwrites on the way back, never lets a wrong clock empty the trash.
 * Called by its own routes and by the composition root.
 *
 * One durable commit decides, and the file follows it: `trashed` -> the checksum list without it, then the move to
 * `.nightjar/trash/<id>`; the way back -> the file in its place and synced, then the commit; `deleted` -> the commit,
 * then the file. What a crash interrupts is a row in `relocation`, and is settled as the asset's state says.
 */
import { buildDateMs } from '../platform/build-date.ts';
import { CodedError, diskIsGone } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { ChecksumLists } from './checksum-lists.ts';
import type { Library } from './library.ts';
import type { TellLibrary } from './live.ts';
import type { OpenLibrary } from './open-library.ts';
import { Relocation } from './relocation.ts';
import { ownAssets, withCompanions } from './selection.ts';
import type { AssetRow, AssetState } from './store.ts';
import { type TrashedRow, TrashStore, trashDaysUsual } from './trash-store.ts';

const dayMs = 24 * 3_600_000;
/** Two looks at the calendar closer than this are one day: a look that is repeated counts once. */
const dayMsMin = 20 * 3_600_000;
const settleKind = 'settle-trash';
const emptyKind = 'empty-trash';
const leaseMs = 3_600_000;
const rowsAtOnce = 200;
const told = 1_000;
const kept: readonly AssetState[] = ['present', 'missing', 'damaged'];

export type TrashDeps = Readonly<{
  library: Library;
  lists: ChecksumLists;
  tell: TellLibrary;
  /** Told of what is gone for good, so that its pictures go too. May be told twice; what it throws is tried again. */
  onDeleted: (library: OpenLibrary, assetIds: readonly number[]) => Promise<void> | void;
  /** How long a person's trash keeps what goes there from now on. Default: 30 for everybody. */
  daysOf?: (personId: string) => number;
  now: () => number;
  log: Pick<Logger, 'warn' | 'info'>;
}>;

export type TrashEntry = Readonly<{ asset: AssetRow; trashedAt: number; goneAt: number }>;
/** `missing`: their files were not on the disk any more; a phone that has them sends them again. */
export type Restored = Readonly<{ restored: number[]; missing: number[] }>;

export class Trash {
  readonly #deps: TrashDeps;
  readonly #stores = new WeakMap<OpenLibrary, TrashStore>();
  readonly #turns = new WeakMap<OpenLibrary, Promise<unknown>>();
  readonly #relocation: Relocation;

  constructor(deps: TrashDeps) {
    this.#deps = deps;
    this.#relocation = new Relocation(deps);
  }

  /** Follows the library as it opens. Call before it is opened. */
  open(): void {
    const { library } = this.#deps;
    library.addWork((open) => ({
      [settleKind]: {
        version: 1,
        leaseMs,
        attemptsMax: 10,
        run: (_job, signal) => this.#guarded(open, () => this.#settle(open, signal)),
      },
      [emptyKind]: {
        version: 1,
        leaseMs,
        attemptsMax: 5,
        everyMs: dayMs,
        run: (_job, signal) => this.#guarded(open, () => this.empty(open, signal)),
      },
    }));
    library.onOpened(async (open) => {
      await this.#settle(open, open.closing).catch((error: unknown) => {
        if (diskIsGone(error)) throw error;
        this.#deps.log.warn({ err: error }, 'something on its way to or from the trash could not be settled');
      });
    });
  }

  /**
   * Puts these into the trash, with the other halves of pairs and with their sidecars. Durable when it returns; the
   * files follow. Returns everything that went with them and is in the trash now, also what was there before.
   * @throws {CodedError} `not-found` for what is not this person's or is gone for good, `busy` for what is being stored;
   * then nothing was changed.
   */
  async trash(personId: string, ids: readonly number[]): Promise<number[]> {
    const open = this.#deps.library.current();
    return await this.#guarded(open, async () => {
      const rows = this.#rows(open);
      const { before, moved } = await open.database.write(() => {
        const chosen = ownAssets(open, personId, ids);
        refuse(
          chosen,
          'deleted',
          'not-found',
          'One of these photos was deleted for good already. Nothing was changed.',
        );
        refuse(chosen, 'publishing', 'busy', 'One of these photos is being stored just now. Try again in a moment.');
        const going = withCompanions(open, chosen, { states: kept, staying: [...kept, 'publishing'] });
        const at = this.#deps.now();
        const days = this.#daysOf(personId);
        for (const { id } of going) rows.trash(id, at, days);
        if (going.length > 0) open.jobs.enqueue(settleKind, 'all');
        return {
          before: chosen.filter(({ state }) => state === 'trashed').map(({ id }) => id),
          moved: going.map(({ id }) => id),
        };
      });
      this.#tell(personId, 'trashed', moved);
      if (moved.length > 0) this.#deps.lists.note(open);
      return [...before, ...moved];
    });
  }

  /** Newest first. `goneAt`: when it is deleted at the earliest. */
  page(personId: string, before: { at: number; id: number } | undefined, limit: number): TrashEntry[] {
    const rows = this.#rows(this.#deps.library.current());
    const { day, counted_at: countedAt } = rows.calendar();
    const last = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };
    const daysNow = this.#daysOf(personId);
    return rows.page(personId, before ?? last, limit).map((asset: TrashedRow) => {
      const days = Math.max(daysNow, asset.trash_days);
      const goneAt = Math.max(asset.trashed_at + days * dayMs, countedAt + (days - (day - asset.trashed_day)) * dayMs);
      return { asset, trashedAt: asset.trashed_at, goneAt };
    });
  }

  /** How much of this person's is in the trash. */
  size(personId: string): { count: number; bytes: number } {
    return this.#rows(this.#deps.library.current()).count(personId);
  }

  /**
   * Brings these back, with what went with them. When it returns they are in their places and *have* again, durably.
   * @throws {CodedError} `not-found` for what is not this person's or is gone for good; then nothing was changed.
   */
  async restore(personId: string, ids: readonly number[]): Promise<Restored> {
    const open = this.#deps.library.current();
    return await this.#guarded(open, () =>
      this.#alone(open, async () => {
        const rows = this.#rows(open);
        const coming = await open.database.write(() => {
          const chosen = ownAssets(open, personId, ids);
          refuse(
            chosen,
            'deleted',
            'not-found',
            'One of these photos is not in the trash any more. Nothing was changed.',
          );
          const all = withCompanions(open, chosen, { states: ['trashed'], staying: [] });
          for (const { id } of all) rows.beginRelocation(id);
          return all;
        });
        try {
          return await this.#bringBack(open, personId, coming);
        } catch (error) {
          // Still in the trash, says the catalogue: what lies elsewhere by now goes back there.
          this.settleSoon(open);
          throw error;
        }
      }),
    );
  }

  /**
   * Deletes for good what is in the trash, with what went there with it: for a full disk.
   * @throws {CodedError} `not-found` for what is not this person's, `conflict` for what is not in the trash; then
   * nothing was changed.
   */
  async delete(personId: string, ids: readonly number[]): Promise<number[]> {
    const open = this.#deps.library.current();
    return await this.#guarded(open, () =>
      this.#alone(open, async () => {
        const chosen = ownAssets(open, personId, ids);
        for (const { state } of chosen) {
          if (state === 'trashed' || state === 'deleted') continue;
          throw new CodedError('conflict', 'One of these photos is not in the trash. Nothing was changed.');
        }
        const going = withCompanions(open, chosen, {
          states: ['trashed'],
          staying: [...kept, 'publishing', 'trashed'],
        });
        await this.#deleteAlone(
          open,
          going.map(({ id }) => id),
        );
        return [...chosen.filter(({ state }) => state === 'deleted'), ...going].map(({ id }) => id);
      }),
    );
  }

  /** For `Publishing`'s `onPublished`, when a late half of a deleted photo came in. Synchronous, and never throws. */
  settleSoon(open: OpenLibrary): void {
    open.database
      .write(() => open.jobs.enqueue(settleKind, 'all'))
      // What is not settled now is settled when the library opens.
      .catch((error: unknown) => this.#deps.log.warn({ err: error }, 'the trash is tidied up later'));
  }

  async #bringBack(open: OpenLibrary, personId: string, coming: readonly AssetRow[]): Promise<Restored> {
    const states = await this.#relocation.bringBack(open, coming);
    await open.database.write(() => {
      for (const [id, state] of states) this.#rows(open).restored(id, state);
    });
    const ids = coming.map(({ id }) => id);
    const restored = ids.filter((id) => states.get(id) !== 'missing');
    this.#tell(personId, 'restored', restored);
    if (restored.length > 0) this.#deps.lists.note(open);
    return { restored, missing: ids.filter((id) => states.get(id) === 'missing') };
  }

  /** Of what is still on its way, and ends it as far as it came. Returns what kept the rest from it. */
  async #settleThese(open: OpenLibrary, ids: readonly number[]): Promise<{ error: unknown } | undefined> {
    const assets = ids.flatMap((id) => open.rows.asset(id) ?? []);
    if (assets.length === 0) return undefined;
    const { settled, failure } = await this.#relocation.settle(open, assets);
    const gone = settled.filter(({ state }) => state === 'deleted').map(({ id }) => id);
    if (gone.length > 0) await this.#deps.onDeleted(open, gone);
    this.#rows(open).endRelocations(settled);
    return failure;
  }

  /** Everything that is on its way, as far as it can be settled. @throws what kept the rest from it. */
  async #settle(open: OpenLibrary, signal: AbortSignal): Promise<void> {
    let failure: { error: unknown } | undefined;
    for (let after = 0; ; ) {
      signal.throwIfAborted();
      const ids = this.#rows(open).relocations(after, rowsAtOnce);
      const last = ids.at(-1);
      if (last === undefined) break;
      failure = (await this.#alone(open, () => this.#settleThese(open, ids))) ?? failure;
      after = last;
    }
    if (failure !== undefined) throw failure.error;
  }

  /** One that cannot be moved stays in the trash, and does not hold up the others. @throws what kept it from it, at the end. */
  async #deleteAlone(open: OpenLibrary, ids: readonly number[]): Promise<void> {
    const rows = this.#rows(open);
    let failure: { error: unknown } | undefined;
    for (let from = 0; from < ids.length; from += rowsAtOnce) {
      const all = ids.slice(from, from + rowsAtOnce);
      // What is still on its way there goes there first: from then on its own place is no business of the trash.
      const underWay = all.filter((id) => rows.isRelocating(id));
      failure = (await this.#settleThese(open, underWay)) ?? failure;
      const some = all.filter((id) => !rows.isRelocating(id));
      const people = new Map(some.map((id) => [id, open.rows.asset(id)?.person_id ?? '']));
      await open.database.write(() => {
        for (const id of some) rows.tombstone(id);
        open.jobs.enqueue(settleKind, 'all');
      });
      failure = (await this.#settleThese(open, some)) ?? failure;
      for (const personId of new Set(people.values())) {
        this.#tell(
          personId,
          'deleted',
          some.filter((id) => people.get(id) === personId),
        );
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /**
   * The daily look. Something goes for good when it was in the trash for its days by the clock, and through as many such
   * looks: a clock that was wrong, then or now, takes nothing away early. A box that is off keeps it longer.
   */
  async empty(open: OpenLibrary, signal: AbortSignal): Promise<void> {
    const now = this.#deps.now();
    if (now < buildDateMs) return;
    const rows = this.#rows(open);
    await open.database.write(() => {
      if (Math.abs(now - rows.calendar().counted_at) >= dayMsMin) rows.countDay(now);
      rows.pullBack(now);
    });
    let failure: { error: unknown } | undefined;
    for (const personId of rows.people()) {
      failure = (await this.#emptyOf(open, { personId, now }, signal)) ?? failure;
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Returns what kept some of it from going. @throws when the disk is gone */
  async #emptyOf(
    open: OpenLibrary,
    { personId, now }: { personId: string; now: number },
    signal: AbortSignal,
  ): Promise<{ error: unknown } | undefined> {
    const rows = this.#rows(open);
    const { day } = rows.calendar();
    const days = this.#daysOf(personId);
    let failure: { error: unknown } | undefined;
    for (let afterId = 0; ; ) {
      signal.throwIfAborted();
      const ids = rows.due({ personId, afterId, now, day, days, limit: rowsAtOnce });
      const last = ids.at(-1);
      if (last === undefined) return failure;
      afterId = last;
      await this.#alone(open, () =>
        // Somebody may have brought it back meanwhile.
        this.#deleteAlone(
          open,
          ids.filter((id) => open.rows.asset(id)?.state === 'trashed'),
        ),
      ).then(
        () => this.#deps.log.info({ deleted: ids.length }, 'the trash let go of what had been in it for its days'),
        (error: unknown) => {
          if (diskIsGone(error)) throw error;
          failure ??= { error };
        },
      );
    }
  }

  #daysOf(personId: string): number {
    return this.#deps.daysOf?.(personId) ?? trashDaysUsual;
  }

  /** Files move one caller at a time. */
  async #alone<T>(open: OpenLibrary, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(open) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(
      open,
      mine.catch(() => undefined),
    );
    return await mine;
  }

  async #guarded<T>(open: OpenLibrary, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  #tell(personId: string, type: 'trashed' | 'restored' | 'deleted', ids: readonly number[]): void {
    for (let from = 0; from < ids.length; from += told) {
      this.#deps.tell(personId, { type, assets: ids.slice(from, from + told) });
    }
  }

  #rows(open: OpenLibrary): TrashStore {
    const known = this.#stores.get(open);
    if (known !== undefined) return known;
    const made = new TrashStore(open.database);
    this.#stores.set(open, made);
    return made;
  }
}

function refuse(chosen: readonly AssetRow[], state: AssetState, code: 'not-found' | 'busy', why: string): void {
  if (chosen.some((asset) => asset.state === state)) throw new CodedError(code, why);
}
