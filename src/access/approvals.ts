/**
 * Owns approving a sign-in by phone: a halfway session's browser shows six digits, the person types them on a phone, the
 * phone's key signs them (`approval-text.ts`), and the session may open.
 * Never opens a session itself, never sends the digits to a phone, and takes no plain yes (NIST SP 800-63B-4).
 * Called by its routes, by sign-in (which takes an approval that was given), and by the composition root.
 *
 * A request goes open -> approved -> done, or from open to denied or dead. `approved` is the synced commit that took the
 * phone's answer; `done` is written in the same commit that opens the session, on the browser's own request, since only
 * the answer to that can carry its new cookie. So no cut in between makes an answer or an approval good twice, and none
 * loses it.
 */
import type { HalfwayCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { randomUuid } from '../platform/identifiers.ts';
import { isSignedBy, randomDigits, sameDigits } from './approval-text.ts';
import { ApprovalWaiters } from './approval-waiters.ts';
import type { ApprovalEvent } from './approvals-contract.ts';
import { type ApprovalRow, type ApprovalState, ApprovalsStore } from './approvals-store.ts';
import { actorOf } from './audit.ts';
import { browserName } from './browser-name.ts';
import type { PartOptions } from './parts.ts';

/** Where the browser is. `known`: this person signed in on it before. */
export type AskingPlace = Readonly<{ userAgent: string; address: string; known: boolean }>;
export type Asked = Readonly<{ id: string; digits: string; expiresAt: number; approvers: string[] }>;
/** What a phone is shown of a request: never the digits. */
export type ShownRequest = Readonly<{
  id: string;
  browser: string;
  address: string;
  home: boolean;
  at: number;
  expiresAt: number;
  triesLeft: number;
}>;
export type Answer = Readonly<{ digits: string; at: number; origin: string; signature: string }>;

export type ApprovalsOptions = PartOptions &
  Readonly<{
    /** Whether a page at this origin is the box's own. */
    isOwnOrigin: (origin: string) => boolean;
    inHomeNetwork: (address: string) => boolean;
    /** To the person's phones and pages, after the commit. */
    tell: (personId: string, event: ApprovalEvent) => void;
    /** Ends the session that a denied request belongs to. Only inside `database.write`. */
    endSessionInWrite: (personId: string, sessionId: string) => void;
  }>;

const approvalMs = 10 * 60_000;
const triesMax = 3;
const hourMs = 60 * 60_000;
/** Who knows the password must not be able to make the phones ring all day; whoever signs in daily is not in their way. */
const unknownPerHourMax = 10;
const knownPerHourMax = 20;
const shownMax = 10;
/** A browser whose last poll was just under way may still take what was given in the last second. */
const takingMs = 60_000;
/** By so much the clock may have been set back since a request was opened; past that its ten minutes mean nothing. */
const clockBackMsMax = 60_000;
const keptMs = 24 * hourMs;
const revokedKeptMs = 400 * keptMs;

export class Approvals {
  readonly #options: ApprovalsOptions;
  readonly #store: ApprovalsStore;
  readonly #waiters = new ApprovalWaiters();

  /** The box state must be open. */
  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#store = new ApprovalsStore(options.database);
  }

  /**
   * Asks the person's phones about this session; what it had asked before is over.
   * @throws {CodedError} `conflict` (not waiting for a second factor, no phone), `too-many-requests`
   */
  async open(caller: HalfwayCaller | PersonCaller, place: AskingPlace): Promise<Asked> {
    const { database, now, randomBytes, inHomeNetwork, record, tell } = this.#options;
    const { personId, sessionId } = caller;
    if (caller.kind !== 'halfway' || caller.stage !== 'second-factor') {
      throw new CodedError('conflict', 'This sign-in does not wait for a second factor. Nothing was asked.');
    }
    const [id, digits] = [randomUuid(randomBytes), randomDigits(randomBytes)];
    const [browser, address] = [browserName(place.userAgent), place.address.replace(/^::ffff:/i, '').slice(0, 64)];
    const home = inHomeNetwork(address);
    const opened = await database.write(() => {
      const approvers = this.#store.approversOf(personId).map((one) => one.phone_name);
      if (approvers.length === 0) {
        throw new CodedError('conflict', 'No phone of yours can approve. Nothing was asked; use a code instead.');
      }
      const at = now();
      // A value and not an error: what is written about a clock that was set back has to stay.
      const refused = this.#rateRefusal(personId, place.known, at);
      if (refused !== undefined) return { refused };
      const over = this.#store.endOfSession(sessionId);
      const row = { id, personId, sessionId, known: place.known, digits, browser, address, home };
      this.#store.insertApproval({ ...row, createdAt: at, expiresAt: at + approvalMs, triesLeft: triesMax });
      record({ event: 'approval-asked', actor: actorOf(caller), subject: personId, detail: { browser, address } });
      return { at, over, approvers };
    });
    if ('refused' in opened) throw opened.refused;
    for (const ended of opened.over) this.#ended(personId, ended, 'dead');
    const { at, approvers } = opened;
    const shown = { id, browser, address, home, at, expiresAt: at + approvalMs, triesLeft: triesMax };
    tell(personId, { type: 'approval-asked', ...shown });
    return { id, digits, expiresAt: at + approvalMs, approvers };
  }

  /** What this phone may answer now, the newest first; nothing for a phone without a key. */
  openFor(caller: PhoneCaller): ShownRequest[] {
    if (this.#store.approverOfPhone(caller.phoneId) === undefined) return [];
    const now = this.#options.now();
    return this.#store.openOf(caller.personId, now, now + clockBackMsMax, shownMax).map(shownRequest);
  }

  /**
   * Takes the digits as they were typed, signed. Wrong ones cost one of three tries; a wrong signature costs none, since
   * who has the phone's token alone must not end what the person is about to answer.
   * @throws {CodedError} `wrong-code` (with `triesLeft`), `approval-over`, `forbidden`, `not-found`
   */
  async answer(caller: PhoneCaller, id: string, answer: Answer): Promise<{ browser: string; address: string }> {
    const { database, now, isOwnOrigin } = this.#options;
    const ownOrigin = isOwnOrigin(answer.origin);
    const outcome = await database.write(() => {
      const row = this.#rowFor(caller, id);
      const approver = this.#store.approverOfPhone(caller.phoneId);
      if (approver === undefined) return { refused: noKey() };
      // All is worked out before anything is decided, so that the time of the answer tells no part of it.
      const signed = isSignedBy(
        approver.public_key,
        { ...answer, requestId: id, phoneId: caller.phoneId },
        answer.signature,
      );
      const [sameTime, same] = [answer.at === row.created_at, sameDigits(answer.digits, row.digits)];
      const state = stateAt(row, now());
      if (state !== 'open') return { refused: over(state) };
      if (!signed || !ownOrigin || !sameTime) return { refused: notSigned() };
      return same ? this.#approve(caller, row, approver.id) : this.#wrong(caller, row);
    });
    if ('dead' in outcome) this.#ended(caller.personId, id, 'dead');
    if ('refused' in outcome) throw outcome.refused;
    this.#ended(caller.personId, id, 'approved');
    return outcome;
  }

  /**
   * "This is not me": the request is over and the browser's session with it; whoever started it knows the password, so
   * the person is told on all devices. @throws {CodedError} `approval-over`, `forbidden`, `not-found`
   */
  async deny(caller: PhoneCaller, id: string): Promise<void> {
    const { database, now, record, notify, endSessionInWrite } = this.#options;
    await database.write(() => {
      const row = this.#rowFor(caller, id);
      if (this.#store.approverOfPhone(caller.phoneId) === undefined) throw noKey();
      const state = stateAt(row, now());
      if (state !== 'open') throw over(state);
      this.#store.setState(id, 'denied');
      const { browser, address, session_id: sessionId } = row;
      record({
        event: 'approval-denied',
        actor: actorOf(caller),
        subject: row.person_id,
        detail: { browser, address },
      });
      notify(row.person_id, 'approval-denied', { browser, address });
      if (sessionId !== null) endSessionInWrite(row.person_id, sessionId);
    });
    this.#ended(caller.personId, id, 'denied');
  }

  /**
   * How a session's own request stands, as soon as it is no longer open and at the latest after `waitMs`.
   * @throws {CodedError} `not-found`, `busy` (too many wait)
   */
  async wait(
    caller: HalfwayCaller | PersonCaller,
    id: string,
    waitMs: number,
    gone: AbortSignal,
  ): Promise<ApprovalState> {
    const row = this.#store.approval(id);
    if (row === undefined || row.session_id !== caller.sessionId) throw noSuchRequest();
    const state = stateAt(row, this.#options.now());
    if (state !== 'open' || waitMs <= 0) return state;
    const told = await this.#waiters.wait(id, caller.sessionId, waitMs, gone);
    if (told !== undefined) return told;
    const later = this.#store.approval(id);
    return later === undefined ? 'dead' : stateAt(later, this.#options.now());
  }

  /**
   * Takes what a phone gave, once. Only inside the `database.write` that opens the session; throws so that nothing else
   * of that is written. @throws {CodedError} `approval-over`, `not-found`
   */
  takeInWrite(sessionId: string, id: string): void {
    const row = this.#store.approval(id);
    if (row === undefined || row.session_id !== sessionId) throw noSuchRequest();
    const state = stateAt(row, this.#options.now());
    if (state !== 'approved') throw over(state);
    this.#store.setState(id, 'done');
  }

  /** Housekeeping: requests of a day ago, approvers that were revoked long ago. How many rows went. */
  removeOld(): Promise<number> {
    const now = this.#options.now();
    return this.#options.database.write(() => this.#store.removeOld(now - keptMs, now - revokedKeptMs));
  }

  /** Answers whoever waits, so that none holds a stop. */
  close(): void {
    this.#waiters.close();
  }

  #approve(caller: PhoneCaller, row: ApprovalRow, approverId: string): { browser: string; address: string } {
    const { now, record } = this.#options;
    const { browser, address } = row;
    this.#store.setState(row.id, 'approved', approverId);
    this.#store.markUsed(approverId, now());
    record({ event: 'approval-given', actor: actorOf(caller), subject: row.person_id, detail: { browser, address } });
    return { browser, address };
  }

  #wrong(caller: PhoneCaller, row: ApprovalRow): { refused: CodedError; dead?: true } {
    const left = row.tries_left - 1;
    this.#store.countTry(row.id);
    this.#options.record({ event: 'approval-wrong-digits', actor: actorOf(caller), subject: row.person_id });
    if (left <= 0) {
      this.#store.setState(row.id, 'dead');
      return { refused: wrongDigits(0), dead: true };
    }
    return { refused: wrongDigits(left) };
  }

  #rowFor(caller: PhoneCaller, id: string): ApprovalRow {
    const row = this.#store.approval(id);
    if (row === undefined || row.person_id !== caller.personId) throw noSuchRequest();
    return row;
  }

  /** Inside `database.write`. Rows of requests that are over count too, whatever became of their sessions. */
  #rateRefusal(personId: string, known: boolean, now: number): CodedError | undefined {
    const max = known ? knownPerHourMax : unknownPerHourMax;
    const began = this.#store.countedSince(personId, known, now - hourMs, now);
    if (began.length < max) return undefined;
    const roomAt = (began[began.length - max] ?? now) + hourMs;
    return new CodedError(
      'too-many-requests',
      'The phones were asked many times within an hour and are left alone for now. Nothing was asked; use a one-time code or a recovery code.',
      { facts: { retryAfterSeconds: Math.max(1, Math.ceil((roomAt - now) / 1000)) } },
    );
  }

  #ended(personId: string, id: string, state: 'approved' | 'denied' | 'dead'): void {
    this.#waiters.wake(id, state);
    this.#options.tell(personId, { type: 'approval-ended', id, state });
  }
}

/** How a request stands by the clock and by its session, whatever its row says. */
function stateAt(row: ApprovalRow, now: number): ApprovalState {
  if (row.state !== 'open' && row.state !== 'approved') return row.state;
  const until = row.state === 'approved' ? row.expires_at + takingMs : row.expires_at;
  const inTime = now < until && now >= row.created_at - clockBackMsMax;
  return inTime && row.waited_for === 1 ? row.state : 'dead';
}

function shownRequest(row: ApprovalRow): ShownRequest {
  const { id, browser, address, created_at: at, expires_at: expiresAt, tries_left: triesLeft } = row;
  return { id, browser, address, home: row.home === 1, at, expiresAt, triesLeft };
}

function noSuchRequest(): CodedError {
  return new CodedError('not-found', 'The box knows no such request. Nothing was approved; start the sign-in again.');
}

function noKey(): CodedError {
  return new CodedError(
    'forbidden',
    'This phone has no key that can approve. Nothing was approved; register it again.',
    {
      facts: { reason: 'no-key' },
    },
  );
}

function notSigned(): CodedError {
  return new CodedError(
    'forbidden',
    'This was not signed by the key that this phone registered, on a page of this box. Nothing was approved; register the phone again.',
    { facts: { reason: 'signature' } },
  );
}

function wrongDigits(triesLeft: number): CodedError {
  const rest = triesLeft === 0 ? 'This request is over; start the sign-in again.' : `Tries left: ${triesLeft}.`;
  return new CodedError('wrong-code', `Not the same digits. Nothing was approved. ${rest}`, { facts: { triesLeft } });
}

function over(state: ApprovalState): CodedError {
  const what: Record<ApprovalState, string> = {
    open: 'Nobody has approved this yet.',
    approved: 'This request was answered already.',
    done: 'This request was answered and used already.',
    denied: 'This request was turned down.',
    dead: 'This request has run out: it lasts ten minutes and three tries.',
  };
  return new CodedError('approval-over', `${what[state]} Nothing was changed; to sign in, start again.`, {
    facts: { state },
  });
}
