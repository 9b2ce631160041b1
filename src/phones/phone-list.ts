/**
 * The phones of the house as their people see them: listing, changing and ending them, and when each means to come next.
 * Decides whose phone is whose: another person's is answered as one that does not exist.
 */
import type { Access } from '../access/access.ts';
import type { Approvers } from '../access/approvers.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { baseFolder } from './base-folder.ts';
import { type Telling, tellingsOf } from './clients.ts';
import type { PhoneRow, PhonesStore } from './store.ts';

export type ListedPhone = Readonly<{
  id: string;
  name: string;
  person: string;
  personId: string;
  baseFolder: string;
  client: string | null;
  clientVersion: string | null;
  createdAt: number;
  joinedAt: number;
  joinedRecently: boolean;
  approver: boolean;
  lastSeenAt: number | null;
  nextAt: number | null;
  plannedAt: number | null;
  /** Until then nobody misses it; null, or past: it is at home. */
  awayUntil: number | null;
  tells: Telling[];
}>;
/** What there is to change of a phone; a folder is for new files only. */
export type PhoneChange = Readonly<{ name?: string; baseFolder?: string }>;
/** `nextAt`: milliseconds since 1970, or null: no schedule. */
export type Plan = Readonly<{ nextAt: number | null; client?: string; clientVersion?: string }>;

export type PhoneListOptions = Readonly<{
  database: Database;
  store: PhonesStore;
  access: Pick<Access, 'record'>;
  approvers: Pick<Approvers, 'ofPhone' | 'phoneEndedInWrite'>;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  now: () => number;
}>;

const dayMs = 24 * 60 * 60_000;
/** A phone that was off tells of a night that is just over; none plans further than a month. */
const planAgoMsMax = dayMs;
const planAheadMsMax = 32 * dayMs;
const awayMsMax = 366 * dayMs;
/** So long after it joined its people may well wonder what it is. */
const recentlyMs = dayMs;
/** A chooser, not a list of the disk. */
const foldersShownMax = 20;
/** On a memory card every write counts: some at once (a schedule that starts, runs and ends), then one each so often. */
const ownWritesAtOnceMax = 6;
const ownWriteMs = 10_000;
const ownWriteKeysMax = 1_000;

export class PhoneList {
  readonly #options: PhoneListOptions;
  /** By phone: when all its writes so far would be done at one every `ownWriteMs`. In memory: a restart forgives. */
  readonly #ownWritesDoneAt = new Map<string, number>();

  constructor(options: PhoneListOptions) {
    this.#options = options;
  }

  /** A member's own phones; all of them for the owner and the console. At most 200, oldest first. */
  list(caller: PersonCaller | ConsoleCaller): ListedPhone[] {
    const { store } = this.#options;
    return (seesAll(caller) ? store.phones() : store.phonesOf(caller.personId)).map((row) => this.#listed(row));
  }

  /**
   * Whether it is the caller's own, and not only one that the caller looks after.
   * @throws {CodedError} `not-found`, also for another person's phone and a revoked one
   */
  isOwn(caller: PersonCaller | ConsoleCaller, id: string): boolean {
    const row = this.#options.store.livingPhone(id);
    if (row === undefined || !maySee(caller, row)) throw noSuchPhone();
    return caller.kind === 'person' && caller.personId === row.person_id;
  }

  /** The phone itself, and the folders that phones of its person have or had, the latest first. */
  own(caller: PhoneCaller): ListedPhone & { folders: string[] } {
    const row = this.#options.store.livingPhone(caller.phoneId);
    if (row === undefined) throw noSuchPhone();
    return { ...this.#listed(row), folders: this.#options.store.foldersOf(row.person_id, foldersShownMax) };
  }

  /**
   * Gives a phone another name (two may have the same) or another folder of its person's. What it is already changes
   * nothing. @throws {CodedError} `invalid-name`; `not-found`, also for another person's phone and a revoked one
   */
  async change(caller: PersonCaller | ConsoleCaller, id: string, asked: PhoneChange): Promise<ListedPhone> {
    return await this.#change(caller, id, asked);
  }

  /**
   * As `change`, by the phone itself: whoever holds its token can send files as it is, and no more by a name or folder.
   * @throws {CodedError} `invalid-name`, `too-many-requests`
   */
  async changeOwn(caller: PhoneCaller, asked: PhoneChange): Promise<ListedPhone> {
    return await this.#change(caller, caller.phoneId, asked);
  }

  #change(caller: PersonCaller | ConsoleCaller | PhoneCaller, id: string, asked: PhoneChange): Promise<ListedPhone> {
    const { database, store, access } = this.#options;
    const name = asked.name === undefined ? undefined : displayName(asked.name, 'a phone');
    return database.write(() => {
      const row = store.livingPhone(id);
      if (row === undefined || (caller.kind !== 'phone' && !maySee(caller, row))) throw noSuchPhone();
      const now = { name: row.name, baseFolder: row.base_folder };
      const folder = asked.baseFolder === undefined ? now.baseFolder : baseFolder(asked.baseFolder, row.person_folder);
      const to = { name: name ?? now.name, baseFolder: folder };
      if (to.name === now.name && to.baseFolder === now.baseFolder) return this.#listed(row);
      if (caller.kind === 'phone') this.#countOwnWrite(id, this.#options.now());
      store.change(id, to);
      const by = { actor: actorOf(caller), subject: id };
      if (to.name !== now.name) {
        access.record({ event: 'phone-renamed', ...by, detail: { from: now.name, to: to.name } });
      }
      if (to.baseFolder !== now.baseFolder) {
        const detail = { from: now.baseFolder, to: to.baseFolder };
        access.record({ event: 'phone-folder-changed', ...by, detail });
      }
      return this.#listed({ ...row, name: to.name, base_folder: to.baseFolder });
    });
  }

  /**
   * Says until when a phone is not to be missed; null: it is at home.
   * @throws {CodedError} `invalid-request` for more than a year, or a time that is over; `not-found` as `change`
   */
  async setAway(caller: PersonCaller | ConsoleCaller, id: string, until: number | null): Promise<ListedPhone> {
    const { database, store, access, now } = this.#options;
    const at = now();
    return await database.write(() => {
      const row = store.livingPhone(id);
      if (row === undefined || !maySee(caller, row)) throw noSuchPhone();
      if (until !== null && (until <= at || until > at + awayMsMax)) {
        throw new CodedError(
          'invalid-request',
          'A phone can be away until some day of the coming year. Nothing was changed.',
        );
      }
      if (row.away_until === until) return this.#listed(row);
      store.setAway(id, until);
      access.record({
        event: 'phone-away-set',
        actor: actorOf(caller),
        subject: id,
        detail: until === null ? { home: true } : { until },
      });
      return this.#listed({ ...row, away_until: until });
    });
  }

  /**
   * Ends every credential of a phone, and its right to approve; the next request is refused. Its photos stay.
   * @throws {CodedError} `not-found`, also for another person's phone; `confirm-first` and `too-early` for one that approves
   */
  async revoke(caller: PersonCaller | ConsoleCaller, id: string): Promise<void> {
    const { database, store, access, approvers, now } = this.#options;
    await database.write(() => {
      const row = store.phone(id);
      if (row === undefined || !maySee(caller, row)) throw noSuchPhone();
      // With it goes a second factor: no page that was left open is enough for that.
      if (caller.kind === 'person' && approvers.ofPhone(id) !== undefined) this.#options.requireConfirmed(caller);
      if (!store.revoke(id, now())) throw noSuchPhone();
      access.record({ event: 'phone-revoked', actor: actorOf(caller), subject: id });
      approvers.phoneEndedInWrite(id, row.person_id, caller.kind === 'person' ? caller.sessionId : undefined);
    });
  }

  /**
   * Takes a phone's word for when it comes next, and for what it runs by now. What is known already is not written again.
   * @throws {CodedError} `invalid-request` for a time that no clock near the box's gives; `too-many-requests`
   */
  async plan(caller: PhoneCaller, plan: Plan): Promise<void> {
    const { database, store, now } = this.#options;
    const at = now();
    if (plan.nextAt !== null && (plan.nextAt < at - planAgoMsMax || plan.nextAt > at + planAheadMsMax)) {
      throw new CodedError(
        'invalid-request',
        '“nextAt” has to lie between a day ago and 32 days ahead by the box’s clock. Nothing was changed. Is the phone’s clock right?',
      );
    }
    const known = store.phone(caller.phoneId);
    if (known === undefined || sameAsKnown(plan, known)) return;
    this.#countOwnWrite(caller.phoneId, at);
    const { nextAt, client = known.client, clientVersion = known.client_version } = plan;
    await database.write(() => store.plan(caller.phoneId, { nextAt, plannedAt: at, client, clientVersion }));
  }

  #listed(row: PhoneRow): ListedPhone {
    const joinedAt = Math.max(row.paired_at ?? row.created_at, row.created_at);
    return {
      id: row.id,
      name: row.name,
      person: row.person,
      personId: row.person_id,
      baseFolder: row.base_folder,
      client: row.client,
      clientVersion: row.client_version,
      createdAt: row.created_at,
      joinedAt,
      joinedRecently: this.#options.now() - joinedAt < recentlyMs,
      approver: this.#options.approvers.ofPhone(row.id) !== undefined,
      lastSeenAt: row.last_seen_at,
      nextAt: row.next_at,
      plannedAt: row.planned_at,
      awayUntil: row.away_until,
      tells: tellingsOf(row.client),
    };
  }

  #countOwnWrite(phoneId: string, now: number): void {
    const longestMs = ownWritesAtOnceMax * ownWriteMs;
    const before = this.#ownWritesDoneAt.get(phoneId) ?? 0;
    // A clock that was set back must not shut a phone out.
    const from = before > now + longestMs ? now : Math.max(before, now);
    const waitMs = from + ownWriteMs - now - longestMs;
    if (waitMs > 0) {
      throw new CodedError(
        'too-many-requests',
        'This phone changed what it tells of itself many times in a row. The last of it holds; tell the next a little later.',
        { facts: { retryAfterSeconds: Math.ceil(waitMs / 1000) } },
      );
    }
    // More than there can be phones: what is left over belongs to revoked ones.
    if (this.#ownWritesDoneAt.size >= ownWriteKeysMax) this.#ownWritesDoneAt.clear();
    this.#ownWritesDoneAt.set(phoneId, from + ownWriteMs);
  }
}

export function seesAll(
  caller: PersonCaller | ConsoleCaller,
): caller is ConsoleCaller | (PersonCaller & { role: 'owner' }) {
  return caller.kind === 'console' || caller.role === 'owner';
}

function maySee(caller: PersonCaller | ConsoleCaller, row: PhoneRow): boolean {
  return seesAll(caller) || row.person_id === caller.personId;
}

function sameAsKnown(plan: Plan, known: PhoneRow): boolean {
  return (
    known.planned_at !== null &&
    plan.nextAt === known.next_at &&
    (plan.client ?? known.client) === known.client &&
    (plan.clientVersion ?? known.client_version) === known.client_version
  );
}

function noSuchPhone(): CodedError {
  return new CodedError(
    'not-found',
    'There is no such phone on this box, or it was revoked before. Nothing was changed.',
  );
}
