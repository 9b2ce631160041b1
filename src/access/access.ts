/**
 * Owns who may come in: the people of the house, the setup code, password locks, sessions, and the audit log.
 * Never knows a photo or a disk; never says which of name and password was wrong; never keeps a secret readable.
 * Called by the composition root, by phones, and by its own routes.
 */
import type { Logger } from 'pino';
import type { PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomUuid } from '../platform/identifiers.ts';
import { Settings } from '../platform/settings.ts';
import type { NoticeEvent } from './account-contract.ts';
import { type AuditEntry, actorOf } from './audit.ts';
import { type AccessParts, makeParts } from './make-parts.ts';
import { checkNewPassword } from './password-rules.ts';
import { type PasswordCost, Passwords } from './passwords.ts';
import { personFolder, personName, personNameKey } from './people.ts';
import type { SessionCaller, SessionPlace } from './session-book.ts';
import { SetupCode } from './setup-code.ts';
import type { Person, SignedIn } from './sign-in.ts';
import { AccessStore } from './store.ts';

export type { SessionPlace } from './session-book.ts';
export type { Person, SignedIn } from './sign-in.ts';

export type AccessOptions = Readonly<{
  database: Database;
  stateDir: string;
  boxName: () => string;
  /** A preset setup code; undefined: one is made. */
  setupCode: string | undefined;
  /**
   * Runs before a claim is committed (adopts the disk). If it throws, nothing is claimed and the same code still works.
   * A claim that died half-way comes again with the same `owner.id`, perhaps another name: it must bear that.
   */
  onClaimed: (owner: Person) => Promise<void>;
  /** Inside the write of the claim. `page`: over the network, not at the console. */
  onClaimedInWrite?: (by: { page: boolean }) => void;
  /** In which the box tells the time of day. Default: the machine's zone. */
  timeZone?: () => string;
  /** Tells a person's pages and phones live. */
  tell?: (personId: string, event: NoticeEvent) => void;
  /** Default: what a real box takes. */
  passwordCost?: PasswordCost | undefined;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;

/** The id that the owner will have, kept from before the disk is adopted until the claim is committed. */
const ownerIdSetting = 'access.owner-id';

export class Access {
  readonly #options: AccessOptions;
  readonly #setupCode: SetupCode;
  readonly #passwords: Passwords;
  #opened: { store: AccessStore; parts: AccessParts } | undefined;
  #claiming = false;

  constructor(options: AccessOptions) {
    const { stateDir, setupCode, passwordCost, now, randomBytes } = options;
    this.#options = options;
    this.#setupCode = new SetupCode({ stateDir, preset: setupCode, now, randomBytes });
    this.#passwords = new Passwords({ randomBytes, cost: passwordCost });
  }

  /** Reads what is there; makes the setup code of a box that nobody owns, removes that of one that is owned. */
  async open(): Promise<void> {
    const store = new AccessStore(this.#options.database);
    this.#opened = { store, parts: await makeParts({ ...this.#options, passwords: this.#passwords }) };
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
    return await this.#settingUp(asked.code, place, async () => ({
      decided: false,
      value: await this.#claimWithRightCode(asked, place),
    }));
  }

  /**
   * Runs another way to set up the box, for who has the setup code and while nobody claims it. Once `run` says that it is
   * decided, nobody claims the box any more as it is now. @throws {CodedError} as `claim`, and what `run` throws
   */
  async insteadOfClaim<T>(
    code: string,
    place: SessionPlace,
    run: () => Promise<{ decided: boolean; value: T }>,
  ): Promise<T> {
    return await this.#settingUp(code, place, run);
  }

  async #settingUp<T>(
    code: string,
    place: SessionPlace,
    run: () => Promise<{ decided: boolean; value: T }>,
  ): Promise<T> {
    if (this.claimed()) throw alreadySetUp();
    if (this.#claiming) {
      throw new CodedError(
        'busy',
        'Someone is setting up this box at this moment. Nothing was changed by this request.',
      );
    }
    this.#claiming = true;
    let decided = false;
    try {
      this.#setupCode.check(code, place === undefined ? 'console' : 'network');
      const done = await run();
      decided = done.decided;
      return done.value;
    } finally {
      this.#claiming = decided;
    }
  }

  async #claimWithRightCode(asked: { person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    const { database, boxName, onClaimed, onClaimedInWrite, now, log } = this.#options;
    const name = personName(asked.person);
    checkNewPassword(asked.password, [name, boxName()]);
    const passwordHash = await this.#passwords.hash(asked.password);
    const id = await this.#ownerId();
    const folder = personFolder(name, this.#foldersTaken());
    const owner: Person = { id, name, folder, role: 'owner' };
    await onClaimed(owner);
    const signedIn = await database.write(() => {
      if (this.claimed()) throw alreadySetUp();
      this.#store.insertPerson({ ...owner, nameKey: personNameKey(name), passwordHash, createdAt: now() });
      this.record({ event: 'box-claimed', actor: `person:${id}`, subject: id });
      onClaimedInWrite?.({ page: place !== undefined });
      return this.signing.claimedInWrite(owner, place);
    });
    try {
      await this.#setupCode.remove();
    } catch (error) {
      // The code is dead all the same: the box has an owner. The next start removes the file.
      log.warn({ err: error }, 'the used setup code could not be removed');
    }
    return signedIn;
  }

  /** The first step in. @throws {CodedError} `not-set-up`; as `SignIn.begin` */
  async signIn(asked: { person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    if (!this.claimed()) throw notSetUp();
    return await this.signing.begin(asked, place);
  }

  /** Ends one session. A session that is gone already is fine. */
  async signOut(sessionId: string, by: SessionCaller): Promise<void> {
    await this.#options.database.write(() => {
      if (this.book.endInWrite(by.personId, sessionId)) {
        this.record({ event: 'signed-out', actor: actorOf(by), subject: sessionId });
      }
    });
  }

  /** One of one's own, at another place. @throws {CodedError} `confirm-first`, `not-found` */
  async endSession(by: PersonCaller, sessionId: string): Promise<void> {
    await this.#options.database.write(() => {
      if (sessionId !== by.sessionId) this.book.requireConfirmed(by);
      if (!this.book.endInWrite(by.personId, sessionId)) {
        throw new CodedError('not-found', 'You are not signed in there any more. Nothing was changed.');
      }
      this.record({ event: 'session-ended', actor: actorOf(by), subject: sessionId });
    });
  }

  /** How many. @throws {CodedError} `confirm-first` */
  async endOtherSessions(by: PersonCaller): Promise<number> {
    return await this.#options.database.write(() => {
      this.book.requireConfirmed(by);
      const ended = this.book.endOthersInWrite(by.personId, by.sessionId);
      this.record({ event: 'sessions-ended', actor: actorOf(by), subject: by.personId, detail: { ended } });
      return ended;
    });
  }

  /** One-time codes that rest may be tried again. @throws {CodedError} `confirm-first` */
  async allowCodes(by: PersonCaller): Promise<void> {
    const { guard, browsers } = this.parts;
    await this.#options.database.write(() => {
      this.book.requireConfirmed(by);
      guard.clearInWrite(by.personId, browsers.idsOf(by.personId));
      this.record({ event: 'codes-allowed', actor: actorOf(by), subject: by.personId });
    });
  }

  /**
   * Who holds this session token, if anyone. Synchronous and cheap. `use: false` for what goes on without anybody there
   * (a stream of events): it does not keep a page from being locked.
   */
  personBySession(token: string, how: { use?: boolean } = {}): SessionCaller | undefined {
    return this.book.callerOf(token, how);
  }

  /** What a page asks first: who is signed in here, and what is still due. */
  current(caller: SessionCaller) {
    const { factors, notices, policies } = this.parts;
    const person = this.#store.person(caller.personId);
    if (person === undefined) throw new CodedError('unauthenticated', 'This person is not here any more.');
    const open = caller.kind === 'person';
    return {
      person,
      stage: open ? ('open' as const) : caller.stage,
      ways: this.signing.waysOf(caller),
      secondFactor: factors.has(caller.personId),
      notices: open ? notices.unseen(caller.personId) : 0,
      idleLockMs: policies.idleLockMs ?? null,
      confirmedUntil: open ? this.book.confirmedUntil(caller) : null,
    };
  }

  person(id: string): Person | undefined {
    return this.#store.person(id);
  }

  /** By name, whatever its case. */
  personByName(name: string): Person | undefined {
    return this.#store.personByKey(personNameKey(name));
  }

  /** Everyone of the house, in the order in which they came; at most 100. */
  people(): Person[] {
    return this.#store.people();
  }

  /** Writes an audit row. Only inside `database.write` of the box state, beside the change that it tells of. */
  record(entry: AuditEntry): void {
    this.parts.record(entry);
  }

  /** The parts, for the composition root to wire and for this room's routes. */
  get parts(): AccessParts {
    return this.#open.parts;
  }

  get signing(): AccessParts['signIn'] {
    return this.parts.signIn;
  }

  get book(): AccessParts['book'] {
    return this.parts.book;
  }

  get #open(): { store: AccessStore; parts: AccessParts } {
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
}

function alreadySetUp(): CodedError {
  return new CodedError('already-set-up', 'This box has an owner already. Nothing was changed; ask them to add you.');
}

function notSetUp(): CodedError {
  return new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
}
