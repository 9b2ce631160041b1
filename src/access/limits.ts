/**
 * Owns what the owner lets each person use: bytes on the disk, and how long their trash is kept.
 * Never deletes or refuses anything itself: uploads and the trash ask it. Nothing that is there goes because of a quota.
 * Called by its own routes and by the composition root.
 */
import type { Caller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { actorOf } from './audit.ts';
import { HouseholdStore } from './household-store.ts';
import { LimitsStore } from './limits-store.ts';
import type { PartOptions } from './parts.ts';

export type Limits = Readonly<{
  /** Of all that is theirs on the disk, the trash included; null: as much as there is. */
  quotaBytes: number | null;
  /** What goes to their trash stays so many days. */
  trashDays: number;
}>;
/** What is not there stays as it is; `trashDays` null: as everybody's. */
export type LimitsChange = Readonly<{ quotaBytes?: number | null; trashDays?: number | null }>;

const trashDaysUsual = 30;

export class PersonLimits {
  readonly #options: Pick<PartOptions, 'database' | 'record'>;
  readonly #rows: LimitsStore;
  readonly #people: HouseholdStore;

  /** On an open database. */
  constructor(options: Pick<PartOptions, 'database' | 'record'>) {
    this.#options = options;
    this.#rows = new LimitsStore(options.database);
    this.#people = new HouseholdStore(options.database);
  }

  /** Also of somebody who is not there: nothing is limited. */
  of(personId: string): Limits {
    const row = this.#rows.of(personId);
    return { quotaBytes: row?.quota_bytes ?? null, trashDays: row?.trash_days ?? trashDaysUsual };
  }

  /** As `of`. @throws {CodedError} `not-found` */
  ofPerson(personId: string): Limits {
    this.#require(personId);
    return this.of(personId);
  }

  /**
   * What is in the trash keeps the days that were told when it went there; a quota below what is used lets nothing new in.
   * @throws {CodedError} `not-found`
   */
  async change(personId: string, asked: LimitsChange, by: Caller): Promise<Limits> {
    const { database, record } = this.#options;
    await database.write(() => {
      this.#require(personId);
      const row = this.#rows.of(personId) ?? { quota_bytes: null, trash_days: null };
      const quotaBytes = asked.quotaBytes === undefined ? row.quota_bytes : asked.quotaBytes;
      const trashDays = asked.trashDays === undefined ? row.trash_days : asked.trashDays;
      if (quotaBytes === row.quota_bytes && trashDays === row.trash_days) return;
      this.#rows.put(personId, quotaBytes, trashDays);
      record({
        event: 'limits-changed',
        actor: actorOf(by),
        subject: personId,
        detail: { quotaBytes: quotaBytes ?? 'none', trashDays: trashDays ?? trashDaysUsual },
      });
    });
    return this.of(personId);
  }

  #require(personId: string): void {
    const row = this.#people.person(personId);
    if (row !== undefined && row.removed_at === null) return;
    throw new CodedError(
      'not-found',
      'There is no such person on this box. Nothing was changed; look at the list again.',
    );
  }
}
