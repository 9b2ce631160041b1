/**
 * Owns who may come in: the people of the house, the setup code, password locks, sessions, and the audit log.
 * Never knows a photo or a disk; never says which of name and password was wrong; never keeps a secret readable.
 * Called by the composition root, by phones, and by its own routes.
 */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { Caller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomUuid } from '../platform/identifiers.ts';
import { Settings } from '../platform/settings.ts';
import { Throttle } from '../platform/throttle.ts';
import { Audit, type AuditEntry, actorOf } from './audit.ts';
import { checkNewPassword } from './password-rules.ts';
import { Passwords } from './passwords.ts';
import { personFolder, personName, personNameKey } from './people.ts';
import { newSessionToken, sessionMsMax, sessionsPerPersonMax, sessionTokenDigest, sessionTouchMs } from './sessions.ts';
import { SetupCode } from './setup-code.ts';
import { AccessStore, type NewSession } from './store.ts';

export type Person = Readonly<{ id: string; name: string; folder: string; role: 'owner' | 'member' }>;
/** Where a session is opened; undefined where the transport takes none (the console). */
export type SessionPlace = Readonly<{ userAgent: string; address: string }> | undefined;
/** `token` is undefined when no session was asked for. It is shown here once; the box keeps its digest. */
export type SignedIn = Readonly<{ person: Person; token: string | undefined }>;

export type AccessOptions = Readonly<{
  database: Database;
  stateDir: string;
  boxName: string;
  /** A preset setup code; undefined: one is made. */
  setupCode: string | undefined;
  /**
   * Runs before a claim is committed (adopts the disk). If it throws, nothing is claimed and the same code still works.
   * A claim that died half-way comes again with the same `owner.id`, perhaps another name: it must bear that.
   */
  onClaimed: (owner: Person) => Promise<void>;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;

const peopleMax = 100;
/** The id that the owner will have, kept from before the disk is adopted until the claim is committed. */
const ownerIdSetting = 'access.owner-id';
const unknownNameBuckets = 256;

export class Access {
  readonly #options: AccessOptions;
  readonly #setupCode: SetupCode;
  readonly #passwords: Passwords;
  readonly #failures: Throttle;
  readonly #touching = new Set<string>();
  readonly #bucketSalt: Buffer;
  #opened: { store: AccessStore; audit: Audit; impossibleHash: string } | undefined;
  #claiming = false;

  constructor(options: AccessOptions) {
    const { stateDir, setupCode, now, randomBytes } = options;
    this.#options = options;
    this.#setupCode = new SetupCode({ stateDir, preset: setupCode, now, randomBytes });
    this.#passwords = new Passwords({ randomBytes });
    this.#bucketSalt = randomBytes(16);
    this.#failures = new Throttle({
      now,
      freeTries: 5,
      delayMsFirst: 2_000,
      delayMsMax: 15 * 60_000,
      // NIST SP 800-63B-4, section 3.2.2: at most 100 failures in a row. The console still works.
      triesMax: 100,
      restMs: 24 * 60 * 60_000,
      keysMax: peopleMax + unknownNameBuckets,
    });
  }

  /** Reads what is there; makes the setup code of a box that nobody owns, removes that of one that is owned. */
  async open(): Promise<void> {
    const { database, now } = this.#options;
    const store = new AccessStore(database);
    this.#opened = { store, audit: new Audit(database, now), impossibleHash: this.#passwords.impossibleHash() };
    await this.#setupCode.open(store.owner() !== undefined);
  }

  /** Ends the password thread; what waits for it is refused with `stopping`. */
  async stop(): Promise<void> {
    await this.#passwords.stop();
  }

  claimed(): boolean {
    return this.#store.owner() !== undefined;
  }

  /**
   * Makes the first person the owner. Once only, also when asked twice at the same moment.
   * @throws {CodedError} `already-set-up`, `busy`, `wrong-setup-code`, `too-many-requests`, `invalid-name`,
   * `weak-password`; and whatever `onClaimed` throws, after which the same code still works.
   */
  async claim(asked: { code: string; person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    if (this.claimed()) throw alreadySetUp();
    if (this.#claiming) {
      throw new CodedError(
        'busy',
        'Someone is setting up this box at this moment. Nothing was changed by this request.',
      );
    }
    this.#claiming = true;
    try {
      this.#setupCode.check(asked.code, place === undefined ? 'console' : 'network');
      return await this.#claimWithRightCode(asked, place);
    } finally {
      this.#claiming = false;
    }
  }

  async #claimWithRightCode(asked: { person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    const { database, boxName, onClaimed, now, log } = this.#options;
    const name = personName(asked.person);
    checkNewPassword(asked.password, [name, boxName]);
    const passwordHash = await this.#passwords.hash(asked.password);
    const id = await this.#ownerId();
    const folder = personFolder(name, this.#foldersTaken());
    const owner: Person = { id, name, folder, role: 'owner' };
    await onClaimed(owner);
    const session = this.#newSession(id, place);
    await database.write(() => {
      if (this.claimed()) throw alreadySetUp();
      this.#store.insertPerson({ ...owner, nameKey: personNameKey(name), passwordHash, createdAt: now() });
      if (session.row !== undefined) this.#store.insertSession(session.row, sessionsPerPersonMax);
      this.record({ event: 'box-claimed', actor: `person:${id}`, subject: id });
    });
    try {
      await this.#setupCode.remove();
    } catch (error) {
      // The code is dead all the same: the box has an owner. The next start removes the file.
      log.warn({ err: error }, 'the used setup code could not be removed');
    }
    return { person: owner, token: session.token };
  }

  /**
   * @throws {CodedError} `wrong-password` (also for a name that nobody has, after the same work), `not-set-up`,
   * `too-many-requests` (before any hashing), `busy`
   */
  async signIn(asked: { person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    if (!this.claimed()) throw notSetUp();
    const nameKey = personNameKey(asked.person);
    const row = this.#store.personByKey(nameKey);
    const throttleKey = row === undefined ? this.#bucketOf(nameKey) : row.id;
    this.#failures.attempt(throttleKey);
    const stored = row?.password_hash ?? this.#open.impossibleHash;
    const right = await this.#passwords.verify(asked.password, stored);
    if (!right || row === undefined || row.password_hash === null) {
      await this.#recordAlone({ event: 'sign-in-failed', actor: 'nobody', ...(row && { subject: row.id }) });
      throw new CodedError('wrong-password', 'That name and password do not belong together on this box. Try again.');
    }
    this.#failures.succeeded(throttleKey);
    const person: Person = { id: row.id, name: row.name, folder: row.folder, role: row.role };
    const session = this.#newSession(person.id, place);
    await this.#options.database.write(() => {
      if (session.row !== undefined) this.#store.insertSession(session.row, sessionsPerPersonMax);
      this.record({ event: 'signed-in', actor: `person:${person.id}`, subject: person.id });
    });
    return { person, token: session.token };
  }

  /** Ends one session. A session that is gone already is fine. */
  async signOut(sessionId: string, by: Caller): Promise<void> {
    await this.#options.database.write(() => {
      if (this.#store.deleteSession(sessionId)) {
        this.record({ event: 'signed-out', actor: actorOf(by), subject: sessionId });
      }
    });
  }

  /** Who holds this session token, if anyone. Synchronous and cheap; the last use is written now and then, later. */
  personBySession(token: string): PersonCaller | undefined {
    const now = this.#options.now();
    const row = this.#store.sessionByToken(sessionTokenDigest(token), now);
    if (row === undefined) return undefined;
    if (Math.abs(now - row.last_used_at) >= sessionTouchMs) this.#touchLater(row.id, now);
    return { kind: 'person', personId: row.person_id, role: row.role, sessionId: row.id };
  }

  person(id: string): Person | undefined {
    return this.#store.person(id);
  }

  /** By name, whatever its case. */
  personByName(name: string): Person | undefined {
    const row = this.#store.personByKey(personNameKey(name));
    return row && { id: row.id, name: row.name, folder: row.folder, role: row.role };
  }

  /** Everyone of the house, in the order in which they came; at most 100. */
  people(): Person[] {
    return this.#store.people();
  }

  /** Adds a member, without a password as yet. @throws {CodedError} `not-set-up`, `invalid-name`, `conflict` */
  async addPerson(name: string, by: Caller): Promise<Person> {
    if (!this.claimed()) throw notSetUp();
    const valid = personName(name);
    const id = randomUuid(this.#options.randomBytes);
    return this.#options.database.write(() => {
      const nameKey = personNameKey(valid);
      const taken = this.#store.taken();
      if (taken.some((other) => other.name_key === nameKey)) {
        throw new CodedError(
          'conflict',
          `There is, or was, a person called “${valid}” here. Nothing was changed; choose another name.`,
        );
      }
      if (this.#store.people().length >= peopleMax) {
        throw new CodedError('conflict', `The box has room for ${peopleMax} people. Nothing was changed.`);
      }
      const folder = personFolder(valid, this.#foldersTaken());
      const person: Person = { id, name: valid, folder, role: 'member' };
      this.#store.insertPerson({ ...person, nameKey, passwordHash: null, createdAt: this.#options.now() });
      this.record({ event: 'person-added', actor: actorOf(by), subject: id });
      return person;
    });
  }

  /** Writes an audit row. Only inside `database.write` of the box state, beside the change that it tells of. */
  record(entry: AuditEntry): void {
    this.#open.audit.record(entry);
  }

  get #open(): { store: AccessStore; audit: Audit; impossibleHash: string } {
    if (this.#opened === undefined) throw new CodedError('internal', 'Access was used before it was opened.');
    return this.#opened;
  }

  get #store(): AccessStore {
    return this.#open.store;
  }

  #foldersTaken(): string[] {
    return this.#store.taken().map((other) => other.folder);
  }

  /** The same id for every try to claim this box: the disk may already know it from one that died half-way. */
  async #ownerId(): Promise<string> {
    const { database, randomBytes } = this.#options;
    return await new Settings(database).lasting(ownerIdSetting, () => randomUuid(randomBytes));
  }

  #newSession(personId: string, place: SessionPlace): { token: string | undefined; row: NewSession | undefined } {
    if (place === undefined) return { token: undefined, row: undefined };
    const { now, randomBytes } = this.#options;
    const token = newSessionToken(randomBytes);
    const row = {
      id: randomUuid(randomBytes),
      tokenSha256: sessionTokenDigest(token),
      personId,
      userAgent: place.userAgent.slice(0, 256),
      address: place.address.slice(0, 64),
      createdAt: now(),
      expiresAt: now() + sessionMsMax,
    };
    return { token, row };
  }

  #touchLater(id: string, at: number): void {
    if (this.#touching.has(id)) return;
    this.#touching.add(id);
    this.#options.database
      .write(() => this.#store.touchSession(id, at, at + sessionMsMax))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'a session’s last use could not be written'))
      .finally(() => this.#touching.delete(id));
  }

  #recordAlone(entry: AuditEntry): Promise<void> {
    return this.#options.database.write(() => this.record(entry));
  }

  /** Names that nobody has share some counters, so that inventing names fills no memory; which one is not foreseeable. */
  #bucketOf(nameKey: string): string {
    const digest = createHash('sha256').update(this.#bucketSalt).update(nameKey).digest();
    return `nobody-${digest.readUInt8(0) % unknownNameBuckets}`;
  }
}

function alreadySetUp(): CodedError {
  return new CodedError('already-set-up', 'This box has an owner already. Nothing was changed; ask them to add you.');
}

function notSetUp(): CodedError {
  return new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
}
