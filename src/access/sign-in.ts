/**
 * Owns the way in: password, then the second factor where there is one, then a new password where the old one has run
 * out, then enrolling where the policy demands a second factor; then the session is open.
 * Never says whether a name exists, by words or by time; never opens a session outside the commit that uses up what it
 * was opened for. Called by access and by the routes of sessions.
 */
import { createHmac } from 'node:crypto';
import type { HalfwayCaller, PersonCaller } from '../http/caller.ts';
import type { Statement } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import type { Factors, Way } from './factors.ts';
import { type Guard, nobodySubject, type Subject, type TryKind } from './guard.ts';
import type { KnownBrowsers } from './known-browsers.ts';
import type { OneTimeCodes } from './one-time-codes.ts';
import type { PartOptions } from './parts.ts';
import { notYourPassword, type PasswordLock } from './password-lock.ts';
import { personNameKey } from './people.ts';
import type { Policies } from './policies.ts';
import type { RecoveryCodes } from './recovery-codes.ts';
import type { SessionBook, SessionCaller, SessionPlace, SessionStage, SessionWay } from './session-book.ts';

export type Person = Readonly<{ id: string; name: string; folder: string; role: 'owner' | 'member' }>;
/**
 * `token` is undefined when no session was asked for; `known` (the token of a known browser) while the session is not
 * open. Both are shown here once; the box keeps their digests.
 */
export type SignedIn = Readonly<{
  person: Person;
  token: string | undefined;
  known: string | undefined;
  stage: SessionStage;
  ways: Way[];
}>;
type Place = NonNullable<SessionPlace>;

export type SignInOptions = PartOptions &
  Readonly<{
    lock: PasswordLock;
    guard: Guard;
    browsers: KnownBrowsers;
    book: SessionBook;
    factors: Factors;
    policies: Policies;
    codes: Pick<OneTimeCodes, 'take' | 'refused'>;
    recoveryCodes: Pick<RecoveryCodes, 'take'>;
    /** Mixed into names that nobody has, so that nobody foresees which share a counter; the same after a restart. */
    nameSalt: string;
  }>;

const consoleSubject = 'console';

export class SignIn {
  readonly #options: SignInOptions;
  readonly #personByKey: Statement<[string], Person>;
  readonly #person: Statement<[string], Person>;

  constructor(options: SignInOptions) {
    this.#options = options;
    const { database } = options;
    const select = 'SELECT id, name, folder, role FROM person WHERE removed_at IS NULL AND';
    this.#personByKey = database.prepare(`${select} name_key = ?`);
    this.#person = database.prepare(`${select} id = ?`);
  }

  /**
   * The first step, by name and password. Without a place (the console) it only says whether they belong together.
   * @throws {CodedError} `wrong-password` (also for a name that nobody has, after the same work), `too-many-requests`
   * (before any work), `busy`
   */
  async begin(asked: { person: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    const { database, lock, browsers, nameSalt } = this.#options;
    const nameKey = personNameKey(asked.person);
    const person = this.#personByKey.get(nameKey);
    // Worked out for every name alike.
    const nobody = createHmac('sha256', nameSalt).update(nameKey).digest('hex').slice(0, 32);
    const browser = browsers.idOf(place?.known, person?.id ?? nobody);
    const known = place === undefined ? consoleSubject : browser;
    const subject = person === undefined ? nobodySubject(nobody, known) : { person: person.id, known };
    const refusal = 'That name and password do not belong together on this box. Try again.';
    const proven = await lock.try(person?.id, asked.password, subject, refusal);
    return await database.write(() => {
      lock.settleInWrite(proven);
      return this.enterInWrite(proven.personId, place, 'password');
    });
  }

  /**
   * Begins a session of somebody whose password is right (or was just chosen): what is due stays due. Only inside
   * `database.write`.
   */
  enterInWrite(personId: string, place: SessionPlace, way: SessionWay): SignedIn {
    const { browsers, factors, record } = this.#options;
    const person = this.#person.get(personId);
    if (person === undefined) throw new CodedError('unauthenticated', 'This person is not here any more.');
    const stage = factors.has(personId) ? 'second-factor' : this.#stageAfterFactor(personId);
    if (stage === 'open') return this.#openInWrite(person, place, way);
    record({ event: 'password-right', actor: `person:${personId}`, subject: personId, detail: { stage } });
    if (place === undefined) return this.#answer(person, undefined, stage);
    const knownBrowserId = browsers.idOf(place.known, personId);
    const { token } = this.#options.book.beginInWrite(personId, place, {
      stage,
      way,
      knownBrowserId,
      confirmed: false,
    });
    return this.#answer(person, token, stage);
  }

  /** @throws {CodedError} `wrong-code`, `code-used`, `too-many-requests`, `conflict` (no code is due) */
  async code(caller: SessionCaller, code: string, place: Place): Promise<SignedIn> {
    const { codes } = this.#options;
    this.#requireStage(caller, 'second-factor');
    const outcome = await this.#tryInWrite('code', caller, () => {
      const taken = codes.take(caller.personId, code);
      return taken === 'right' ? this.#proceedInWrite(caller, place, 'code') : { refused: codes.refused(taken) };
    });
    return settled(outcome);
  }

  /** @throws {CodedError} `wrong-code`, `too-many-requests`, `conflict` (no code is due) */
  async recovery(caller: SessionCaller, code: string, place: Place): Promise<SignedIn> {
    const { database, recoveryCodes } = this.#options;
    this.#requireStage(caller, 'second-factor');
    // Nobody guesses 80 random bits: the right ones open whatever was tried before. Else who knows the password would
    // only have to use the tries up to keep the person from the one way in that is left to them.
    const opened = await database.write(() =>
      recoveryCodes.take(caller.personId, code) ? this.#proceedInWrite(caller, place, 'recovery') : undefined,
    );
    if (opened !== undefined) return opened;
    return settled(await this.#tryInWrite<SignedIn>('recovery', caller, () => ({ refused: wrongRecoveryCode() })));
  }

  /**
   * The second factor by way of something else (a phone's approval): `proveInWrite` uses it up, or throws, in the commit
   * that goes on with the sign-in.
   */
  async proven(caller: SessionCaller, way: SessionWay, proveInWrite: () => void, place: Place): Promise<SignedIn> {
    return await this.#options.database.write(() => {
      this.#requireStage(caller, 'second-factor');
      proveInWrite();
      return this.#proceedInWrite(caller, place, way);
    });
  }

  /** The password had run out: another one. @throws {CodedError} `weak-password`, `conflict`, `busy` */
  async newPassword(caller: SessionCaller, password: string, place: Place): Promise<SignedIn> {
    const { database, lock } = this.#options;
    this.#requireStage(caller, 'new-password');
    const chosen = await lock.choose(caller.personId, password);
    return await database.write(() => {
      this.#requireStage(caller, 'new-password');
      lock.setInWrite(chosen, caller.sessionId);
      lock.recordChangeInWrite(caller);
      return this.#proceedInWrite(caller, place, undefined);
    });
  }

  /** Somebody who had to enrol a second factor has one. @throws {CodedError} `conflict` while there is none */
  async enrolled(caller: SessionCaller, place: Place): Promise<SignedIn> {
    return await this.#options.database.write(() => {
      this.#requireStage(caller, 'enrol');
      if (!this.#options.factors.has(caller.personId) && this.#options.policies.policy.secondFactorRequired) {
        throw new CodedError('conflict', 'There is no second factor yet. Add one first; nothing was changed.');
      }
      return this.#proceedInWrite(caller, place, undefined);
    });
  }

  /** Opens a session that was left alone. @throws {CodedError} `wrong-password`, `too-many-requests`, `conflict` */
  async unlock(caller: SessionCaller, password: string): Promise<void> {
    const { database, lock, book, record } = this.#options;
    this.#requireStage(caller, 'locked');
    const proven = await lock.try(caller.personId, password, this.subjectOf(caller), notYourPassword);
    await database.write(() => {
      lock.settleInWrite(proven);
      book.unlockInWrite(caller.sessionId);
      record({ event: 'unlocked', actor: `person:${caller.personId}`, subject: caller.personId });
    });
  }

  /**
   * Shows again that it is the person: by password, or by a one-time code. A session from before browsers were known
   * gets one by it: its token is given back. @throws {CodedError} `wrong-password`, `wrong-code`, `code-used`,
   * `too-many-requests`
   */
  async confirm(
    caller: PersonCaller,
    by: Readonly<{ password: string } | { code: string }>,
    place: Place,
  ): Promise<{ known: string | undefined }> {
    const { database, lock, codes } = this.#options;
    if ('code' in by) {
      return settled(
        await this.#tryInWrite('code', caller, () => {
          const taken = codes.take(caller.personId, by.code);
          return taken === 'right' ? this.#confirmInWrite(caller, place) : { refused: codes.refused(taken) };
        }),
      );
    }
    const proven = await lock.try(caller.personId, by.password, this.subjectOf(caller), notYourPassword);
    return await database.write(() => {
      lock.settleInWrite(proven);
      return this.#confirmInWrite(caller, place);
    });
  }

  /** Whose tries a session's are. */
  subjectOf(caller: SessionCaller): Subject {
    const row = this.#options.book.row(caller);
    // An open session was a known browser's once; one from before there were any counts for itself.
    const known = row?.known_browser_id ?? (row?.stage === 'open' ? caller.sessionId : undefined);
    return { person: caller.personId, known };
  }

  /** What a session can show as its second factor now. */
  waysOf(caller: SessionCaller): Way[] {
    return caller.kind === 'halfway' && caller.stage === 'second-factor'
      ? this.#options.factors.ways(caller.personId)
      : [];
  }

  #stageAfterFactor(personId: string): SessionStage {
    const { lock, factors, policies } = this.#options;
    if (lock.hasExpired(personId)) return 'new-password';
    return policies.policy.secondFactorRequired && !factors.has(personId) ? 'enrol' : 'open';
  }

  /** Replaces a session on its way in by the next one, with another token. Only inside `database.write`. */
  #proceedInWrite(caller: SessionCaller, place: Place, shown: SessionWay | undefined): SignedIn {
    const { book } = this.#options;
    const row = book.row(caller);
    const person = this.#person.get(caller.personId);
    if (row === undefined || person === undefined || row.stage === 'open') throw sessionGone();
    const stage = this.#stageAfterFactor(person.id);
    const way = shown ?? row.way ?? 'password';
    book.endInWrite(person.id, row.id);
    if (stage === 'open') return this.#openInWrite(person, place, way);
    const knownBrowserId = row.known_browser_id ?? undefined;
    const { token } = book.beginInWrite(person.id, place, { stage, way, knownBrowserId, confirmed: false });
    return this.#answer(person, token, stage);
  }

  /** Only inside `database.write`. */
  #openInWrite(person: Person, place: SessionPlace, way: SessionWay): SignedIn {
    const { book, browsers, record } = this.#options;
    const actor = `person:${person.id}`;
    if (place === undefined) {
      record({ event: 'signed-in', actor, subject: person.id, detail: { way } });
      return this.#answer(person, undefined, 'open');
    }
    const met = browsers.meetInWrite(place.known, person.id);
    const session = { stage: 'open', way, knownBrowserId: met.id, confirmed: true } as const;
    const { token } = book.beginInWrite(person.id, place, session);
    record({ event: 'signed-in', actor, subject: person.id, detail: { way, knownBrowser: !met.isNew } });
    return { ...this.#answer(person, token, 'open'), known: met.token };
  }

  /** Whoever has just claimed the box is in. Only inside `database.write`, beside the claim, which is what is recorded. */
  claimedInWrite(person: Person, place: SessionPlace): SignedIn {
    if (place === undefined) return this.#answer(person, undefined, 'open');
    const { id: knownBrowserId, token: known } = this.#options.browsers.meetInWrite(place.known, person.id);
    const session = { stage: 'open', way: 'password', knownBrowserId, confirmed: true } as const;
    const { token } = this.#options.book.beginInWrite(person.id, place, session);
    return { ...this.#answer(person, token, 'open'), known };
  }

  #confirmInWrite(caller: PersonCaller, place: Place): { known: string | undefined } {
    const { book, browsers, record } = this.#options;
    const row = book.row(caller);
    if (row === undefined) throw sessionGone();
    record({ event: 'confirmed', actor: `person:${caller.personId}`, subject: caller.personId });
    if (row.known_browser_id !== null) {
      book.confirmInWrite(row.id, row.known_browser_id);
      return { known: undefined };
    }
    const { id, token } = browsers.meetInWrite(place.known, caller.personId);
    book.confirmInWrite(row.id, id);
    return { known: token };
  }

  /**
   * Counts, tries and settles in one commit: a code that was taken is used up, whenever the plug is pulled. A wrong one
   * must stay counted, so `attempt` gives its refusal instead of throwing it.
   */
  async #tryInWrite<T extends object>(
    kind: TryKind,
    caller: SessionCaller,
    attempt: () => T | Refused,
  ): Promise<T | Refused> {
    const { database, guard, record, notify } = this.#options;
    const subject = this.subjectOf(caller);
    guard.check(kind, subject);
    return await database.write(() => {
      const counted = guard.countInWrite(kind, subject);
      const outcome = attempt();
      if (!('refused' in outcome)) {
        guard.succeededInWrite(counted);
        return outcome;
      }
      const { personId } = caller;
      record({ event: `${kind}-failed`, actor: `person:${personId}`, subject: personId });
      if (counted.rests) {
        record({ event: 'codes-rest', actor: 'nobody', subject: personId, detail: { known: counted.known } });
        notify(personId, 'codes-rest', { knownBrowser: counted.known });
      }
      return outcome;
    });
  }

  /** A session that went on, or away, meanwhile is not where its caller says. */
  #requireStage(caller: SessionCaller, stage: HalfwayCaller['stage']): void {
    const row = this.#options.book.row(caller);
    if (row === undefined) throw sessionGone();
    if (caller.kind === 'halfway' && caller.stage === stage) {
      if (row.stage === (stage === 'locked' ? 'open' : stage)) return;
    }
    throw new CodedError('conflict', 'This sign-in does not wait for that. Nothing was changed; look at what is due.');
  }

  #answer(person: Person, token: string | undefined, stage: SessionStage): SignedIn {
    const { id, name, folder, role } = person;
    const ways = stage === 'second-factor' ? this.#options.factors.ways(id) : [];
    return { person: { id, name, folder, role }, token, known: undefined, stage, ways };
  }
}

type Refused = { refused: CodedError };

function settled<T extends object>(outcome: T | Refused): T {
  if ('refused' in outcome) throw outcome.refused;
  return outcome;
}

function sessionGone(): CodedError {
  return new CodedError('unauthenticated', 'This sign-in is over, or went on elsewhere. Sign in again.');
}

function wrongRecoveryCode(): CodedError {
  return new CodedError(
    'wrong-code',
    'That is none of your recovery codes, or it was used. Nothing was changed; each works once.',
  );
}
