/**
 * The phones of the house as their people see them: listing, renaming and ending them, and when each means to come next.
 * Decides whose phone is whose: another person's is answered as one that does not exist.
 */
import type { Access } from '../access/access.ts';
import type { Approvers } from '../access/approvers.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
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
  lastSeenAt: number | null;
  nextAt: number | null;
  plannedAt: number | null;
  tells: Telling[];
}>;
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
/** On a memory card every write counts: some at once (a schedule that starts, runs and ends), then one each so often. */
const planWritesAtOnceMax = 6;
const planWriteMs = 10_000;
const planKeysMax = 1_000;

export class PhoneList {
  readonly #options: PhoneListOptions;
  /** By phone: when all its writes so far would be done at one every `planWriteMs`. In memory: a restart forgives. */
  readonly #planWritesDoneAt = new Map<string, number>();

  constructor(options: PhoneListOptions) {
    this.#options = options;
  }

  /** A member's own phones; all of them for the owner and the console. At most 200, oldest first. */
  list(caller: PersonCaller | ConsoleCaller): ListedPhone[] {
    const { store } = this.#options;
    return (seesAll(caller) ? store.phones() : store.phonesOf(caller.personId)).map(listed);
  }

  /**
   * Gives a phone another name; two may have the same. The name that it has already changes nothing.
   * @throws {CodedError} `invalid-name`; `not-found`, also for another person's phone and a revoked one
   */
  rename(caller: PersonCaller | ConsoleCaller, id: string, asked: string): Promise<ListedPhone> {
    const { database, store, access } = this.#options;
    const name = displayName(asked, 'a phone');
    return database.write(() => {
      const row = store.livingPhone(id);
      if (row === undefined || !maySee(caller, row)) throw noSuchPhone();
      if (row.name !== name) {
        store.rename(id, name);
        access.record({
          event: 'phone-renamed',
          actor: actorOf(caller),
          subject: id,
          detail: { from: row.name, to: name },
        });
      }
      return listed({ ...row, name });
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
    this.#countPlanWrite(caller.phoneId, at);
    const { nextAt, client = known.client, clientVersion = known.client_version } = plan;
    await database.write(() => store.plan(caller.phoneId, { nextAt, plannedAt: at, client, clientVersion }));
  }

  #countPlanWrite(phoneId: string, now: number): void {
    const longestMs = planWritesAtOnceMax * planWriteMs;
    const before = this.#planWritesDoneAt.get(phoneId) ?? 0;
    // A clock that was set back must not shut a phone out.
    const from = before > now + longestMs ? now : Math.max(before, now);
    const waitMs = from + planWriteMs - now - longestMs;
    if (waitMs > 0) {
      throw new CodedError(
        'too-many-requests',
        'This phone changed its plan many times in a row. The last one holds; tell the next one a little later.',
        { facts: { retryAfterSeconds: Math.ceil(waitMs / 1000) } },
      );
    }
    // More than there can be phones: what is left over belongs to revoked ones.
    if (this.#planWritesDoneAt.size >= planKeysMax) this.#planWritesDoneAt.clear();
    this.#planWritesDoneAt.set(phoneId, from + planWriteMs);
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

function listed(row: PhoneRow): ListedPhone {
  return {
    id: row.id,
    name: row.name,
    person: row.person,
    personId: row.person_id,
    baseFolder: row.base_folder,
    client: row.client,
    clientVersion: row.client_version,
    createdAt: row.created_at,
    lastSeenAt: row.last_seen_at,
    nextAt: row.next_at,
    plannedAt: row.planned_at,
    tells: tellingsOf(row.client),
  };
}

function noSuchPhone(): CodedError {
  return new CodedError(
    'not-found',
    'There is no such phone on this box, or it was revoked before. Nothing was changed.',
  );
}
