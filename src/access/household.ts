/**
 * Owns who belongs to the house: adding, renaming and removing people. The owner stays; a removed person's photos stay
 * too, until the owner has them deleted. Never gives a name or a folder to a second person.
 * Called by access, by its own routes, and by the composition root.
 */
import type { Caller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { randomUuid } from '../platform/identifiers.ts';
import { actorOf } from './audit.ts';
import { HouseholdStore } from './household-store.ts';
import type { PartOptions } from './parts.ts';
import { personFolder, personName, personNameKey } from './people.ts';

export type HouseholdOptions = PartOptions &
  Readonly<{
    /** Ends every credential of the person's phones. Inside `database.write`. */
    endPhonesInWrite: (personId: string) => void;
    /**
     * The same because their data is deleted; returns every phone that they ever had. `sessionId` asked for it and goes
     * on. Inside `database.write`.
     */
    gonePhonesInWrite: (personId: string, sessionId: string | undefined) => readonly string[];
  }>;

/** One of the house, as the owner sees them. Times in milliseconds since 1970, UTC. */
export type Housemate = Readonly<{
  id: string;
  name: string;
  folder: string;
  role: 'owner' | 'member';
  /** False: they have no password as yet. */
  canSignIn: boolean;
  secondFactor: boolean;
  /** An invitation that was not used is good until then. */
  invitedUntil: number | null;
  removedAt: number | null;
  /** When the last of their data was gone. */
  erasedAt: number | null;
}>;
type Named = Readonly<{ id: string; name: string; folder: string; role: 'owner' | 'member' }>;

const peopleMax = 100;

export class Household {
  readonly #options: HouseholdOptions;
  readonly #rows: HouseholdStore;

  /** On an open database. */
  constructor(options: HouseholdOptions) {
    this.#options = options;
    this.#rows = new HouseholdStore(options.database);
  }

  /** Everyone, in the order in which they came, also those who were removed. */
  everyone(): Housemate[] {
    return this.#rows.everyone(this.#options.now()).map((row) => ({
      id: row.id,
      name: row.name,
      folder: row.folder,
      role: row.role,
      canSignIn: row.can_sign_in === 1,
      secondFactor: row.second_factor === 1,
      invitedUntil: row.invited_until,
      removedAt: row.removed_at,
      erasedAt: row.erased_at,
    }));
  }

  /** Also one who was removed. */
  person(id: string): (Named & { removed: boolean }) | undefined {
    const row = this.#rows.person(id);
    return row && { id, name: row.name, folder: row.folder, role: row.role, removed: row.removed_at !== null };
  }

  /** As the function below. */
  async addPerson(name: string, by: Caller): Promise<Named> {
    return await addPerson(this.#options, name, by);
  }

  /** The folder keeps its name: photos are never moved in bulk. @throws {CodedError} `invalid-name`, `not-found`, `conflict` */
  async renamePerson(id: string, name: string, by: Caller): Promise<Named> {
    const valid = personName(name);
    return this.#options.database.write(() => {
      const row = this.#living(id);
      const nameKey = freeName(this.#rows, valid, id);
      if (row.name !== valid) {
        this.#rows.rename(id, valid, nameKey);
        const detail = { from: row.name, to: valid };
        this.#options.record({ event: 'person-renamed', actor: actorOf(by), subject: id, detail });
      }
      return { id, name: valid, folder: row.folder, role: row.role };
    });
  }

  /**
   * From here on nothing of theirs opens the box: sessions, known browsers, factors, invitations and the credentials of
   * their phones end in one commit. Their photos stay. @throws {CodedError} `not-found`; `conflict` for the owner.
   */
  async removePerson(id: string, by: Caller): Promise<void> {
    const { database, now, record, endPhonesInWrite } = this.#options;
    await database.write(() => {
      const row = this.#living(id);
      if (row.role === 'owner') {
        throw new CodedError('conflict', 'The owner cannot be removed from their own box. Nothing was changed.');
      }
      endPhonesInWrite(id);
      this.#rows.remove(id, now());
      record({ event: 'person-removed', actor: actorOf(by), subject: id });
    });
  }

  /**
   * The half of deleting a person's data that is access's: their phones may not come any more, since the next backup
   * would bring everything back. `typed` must be their name: nobody does this by one wrong tap. The owner does it for
   * people who were removed; everybody else for themselves. May be repeated.
   * @throws {CodedError} `not-found`; `conflict` for somebody who is on the box; `invalid-request` for another name
   */
  async beginErasure(
    asked: { personId: string; typed: string },
    by: Caller,
  ): Promise<{ folder: string; phones: string[] }> {
    const { database, record, notify, gonePhonesInWrite } = this.#options;
    const { personId } = asked;
    return await database.write(() => {
      const row = this.#rows.person(personId);
      if (row === undefined) throw noSuchPerson();
      const own = by.kind === 'person' && by.personId === personId;
      if (!own && row.removed_at === null) {
        throw new CodedError(
          'conflict',
          `${row.name} is on this box: only they can delete their photos. Nothing was changed; remove them first.`,
        );
      }
      if (asked.typed.normalize('NFC').trim() !== row.name) {
        throw new CodedError(
          'invalid-request',
          `To delete everything, the name has to be typed exactly: “${row.name}”. Nothing was changed.`,
        );
      }
      const phones = [...gonePhonesInWrite(personId, own ? by.sessionId : undefined)];
      record({
        event: 'data-deletion-begun',
        actor: actorOf(by),
        subject: personId,
        detail: { phones: phones.length },
      });
      if (row.removed_at === null) notify(personId, 'data-deletion-begun', { phones: phones.length });
      return { folder: row.folder, phones };
    });
  }

  /** The last of their data is gone: said to them, to the log, and to the owner's list. May be told twice. */
  async erased(id: string, facts: { files: number; foreignFiles: number }): Promise<void> {
    const { database, now, record, notify } = this.#options;
    await database.write(() => {
      const row = this.#rows.person(id);
      if (row === undefined) return;
      this.#rows.setErased(id, now());
      record({ event: 'data-deleted', actor: 'nobody', subject: id, detail: facts });
      if (row.removed_at === null) notify(id, 'data-deleted', facts);
    });
  }

  #living(id: string) {
    const row = this.#rows.person(id);
    if (row !== undefined && row.removed_at === null) return row;
    throw noSuchPerson();
  }
}

/** Adds a member, without a password as yet. @throws {CodedError} `not-set-up`, `invalid-name`, `conflict` */
export async function addPerson(options: PartOptions, name: string, by: Caller): Promise<Named> {
  const { database, now, randomBytes, record } = options;
  const rows = new HouseholdStore(database);
  const valid = personName(name);
  const id = randomUuid(randomBytes);
  return await database.write(() => {
    const taken = rows.taken();
    if (taken.length === 0) {
      throw new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
    }
    const nameKey = freeName(rows, valid, id);
    if (rows.livingCount() >= peopleMax) {
      throw new CodedError('conflict', `The box has room for ${peopleMax} people. Nothing was changed.`);
    }
    const folder = personFolder(
      valid,
      taken.map((other) => other.folder),
    );
    rows.insertPerson({ id, name: valid, nameKey, folder, createdAt: now() });
    record({ event: 'person-added', actor: actorOf(by), subject: id });
    return { id, name: valid, folder, role: 'member' as const };
  });
}

/** The key of a name that nobody else has or had. @throws {CodedError} `conflict` */
function freeName(rows: HouseholdStore, name: string, id: string): string {
  const nameKey = personNameKey(name);
  if (!rows.taken().some((other) => other.name_key === nameKey && other.id !== id)) return nameKey;
  throw new CodedError(
    'conflict',
    `There is, or was, a person called “${name}” here. Nothing was changed; choose another name.`,
  );
}

function noSuchPerson(): CodedError {
  return new CodedError(
    'not-found',
    'There is no such person on this box. Nothing was changed; look at the list again.',
  );
}
