/**
 * Owns authenticators: the apps that show a person's one-time codes, and which of their codes were used.
 * Never limits tries (the guard does), never decides whether a code is asked for, never shows a secret a second time.
 * Called by sign-in, and by the routes of codes.
 */
import type { HalfwayCaller, PersonCaller } from '../http/caller.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { randomUuid } from '../platform/identifiers.ts';
import { actorOf } from './audit.ts';
import { type AuthenticatorRow, CodesStore } from './codes-store.ts';
import type { FactorOptions, RecoveryCodes } from './recovery-codes.ts';
import {
  otpauthUrl,
  secretBytes,
  stepMs,
  stepOf,
  stepsAccepted,
  stepsOfCode,
  stepsRecognised,
  textKey,
  typedCode,
} from './totp.ts';

/** `stepsAway`: of 30 s, negative for the past; recognised, so that a wrong clock can be named, and never accepted. */
export type TakenCode = 'right' | 'used' | 'wrong' | { stepsAway: number };
export type Authenticator = Readonly<{
  id: string;
  name: string;
  createdAt: number;
  /** False: shown, and its first six digits are still due. It is not asked for, and dies after 15 minutes. */
  confirmed: boolean;
  lastUsedAt: number | null;
}>;
/** Shown once. `textKey` and `otpauthUrl` hold the same secret. */
export type BegunAuthenticator = Readonly<{
  id: string;
  name: string;
  textKey: string;
  otpauthUrl: string;
  expiresAt: number;
  boxTime: number;
}>;
type Owner = HalfwayCaller | PersonCaller;

const authenticatorsMax = 10;
const unconfirmedMs = 15 * 60_000;

export type OneTimeCodesOptions = FactorOptions &
  Readonly<{
    boxName: () => string;
    recoveryCodes: RecoveryCodes;
    /** In which the box's time is told. Default: the machine's. */
    timeZone?: () => string;
  }>;

export class OneTimeCodes {
  readonly #options: OneTimeCodesOptions;
  readonly #store: CodesStore;

  constructor(options: OneTimeCodesOptions) {
    this.#options = options;
    this.#store = new CodesStore(options.database);
  }

  /**
   * Makes an authenticator that waits for its first code.
   * @throws {CodedError} `invalid-name`, `conflict` (ten are there), `confirm-first`, `sign-in-incomplete`
   */
  async begin(caller: Owner, name: string): Promise<BegunAuthenticator> {
    const { database, now, randomBytes, boxName } = this.#options;
    const valid = displayName(name, 'an authenticator');
    const { personId } = caller;
    const id = randomUuid(randomBytes);
    const secret = randomBytes(secretBytes);
    return database.write(() => {
      this.#requireMayAdd(caller);
      this.#dropDead();
      if (this.#store.authenticators(personId).length >= authenticatorsMax) {
        throw new CodedError(
          'conflict',
          `There is room for ${authenticatorsMax} authenticators. Nothing was changed; remove one that is not used any more.`,
        );
      }
      const createdAt = now();
      this.#store.insertAuthenticator({ id, personId, name: valid, secret, createdAt });
      const account = this.#store.personName(personId) ?? '';
      return {
        id,
        name: valid,
        textKey: textKey(secret),
        otpauthUrl: otpauthUrl(secret, { issuer: boxName(), account }),
        expiresAt: createdAt + unconfirmedMs,
        boxTime: createdAt,
      };
    });
  }

  /**
   * Turns an authenticator on by its first code; from now on one is asked for at every sign-in. `recoveryCodes` is empty
   * when the person has some left. @throws {CodedError} `not-found`, `wrong-code`, `confirm-first`, `sign-in-incomplete`
   */
  confirm(caller: Owner, id: string, code: string): Promise<{ recoveryCodes: string[] }> {
    const { database, now, recoveryCodes, record, notify, onFactorChanged } = this.#options;
    const { personId } = caller;
    return database.write(() => {
      this.#requireMayAdd(caller);
      const row = this.#store.authenticator(id, personId);
      if (row === undefined || row.confirmed_at !== null || this.#isDead(row)) throw notWaiting();
      const current = stepOf(now());
      const typed = typedCode(code);
      const [nearest] = nearestFirst(typed === undefined ? [] : stepsOfCode(row.secret, typed, current), current);
      // Whoever confirms has seen the secret: what is told of a far code tells them nothing that they cannot compute.
      if (nearest === undefined) throw this.refused('wrong');
      if (Math.abs(nearest - current) > stepsAccepted) throw this.refused({ stepsAway: nearest - current });
      this.#store.confirmAuthenticator(id, now(), nearest);
      record({ event: 'authenticator-added', actor: actorOf(caller), subject: personId, detail: { name: row.name } });
      notify(personId, 'authenticator-added', { name: row.name });
      onFactorChanged(personId, caller.sessionId);
      return { recoveryCodes: recoveryCodes.left(personId) === 0 ? recoveryCodes.replace(personId) : [] };
    });
  }

  /** In the order in which they were begun, those that still wait included. */
  list(personId: string): Authenticator[] {
    const alive = this.#store.authenticators(personId).filter((row) => !this.#isDead(row));
    return alive.map((row) => ({
      id: row.id,
      name: row.name,
      createdAt: row.created_at,
      confirmed: row.confirmed_at !== null,
      lastUsedAt: row.last_used_at,
    }));
  }

  /** How many can be asked for a code: confirmed ones. */
  count(personId: string): number {
    return this.#store.countConfirmed(personId);
  }

  /** @throws {CodedError} `not-found`, `invalid-name`, `confirm-first` */
  async rename(caller: PersonCaller, id: string, name: string): Promise<Authenticator> {
    const { database, record, requireConfirmed } = this.#options;
    const valid = displayName(name, 'an authenticator');
    await database.write(() => {
      requireConfirmed(caller);
      this.#own(caller, id);
      this.#store.renameAuthenticator(id, valid);
      record({
        event: 'authenticator-renamed',
        actor: actorOf(caller),
        subject: caller.personId,
        detail: { name: valid },
      });
    });
    const renamed = this.list(caller.personId).find((one) => one.id === id);
    if (renamed === undefined) throw noSuch();
    return renamed;
  }

  /**
   * With the person's last second factor their recovery codes go too: the next enrolment gives new ones.
   * @throws {CodedError} `not-found`, `confirm-first`, and what `onFactorChanged` throws
   */
  remove(caller: PersonCaller, id: string): Promise<void> {
    const { database, recoveryCodes, hasSecondFactor, requireConfirmed, onFactorChanged, record, notify } =
      this.#options;
    const { personId } = caller;
    return database.write(() => {
      requireConfirmed(caller);
      const row = this.#own(caller, id);
      this.#store.deleteAuthenticator(id);
      if (row.confirmed_at === null) return;
      if (!hasSecondFactor(personId)) recoveryCodes.forget(personId);
      record({ event: 'authenticator-removed', actor: actorOf(caller), subject: personId, detail: { name: row.name } });
      notify(personId, 'authenticator-removed', { name: row.name });
      onFactorChanged(personId, caller.sessionId);
    });
  }

  /**
   * Tries a code against all of a person's authenticators and marks the step that it belongs to, also when that is too
   * far: a guess that hit something is of no use later. Only inside the `database.write` that grants what the code is for.
   * Give any answer but `right` out of that write before throwing (`refused`): a write that throws takes the mark back.
   */
  take(personId: string, code: string): TakenCode {
    const current = stepOf(this.#options.now());
    const typed = typedCode(code);
    if (typed === undefined) return 'wrong';
    let used = false;
    let right = false;
    const far: number[] = [];
    // Every one of them, whatever the first says: the time must not tell which it was.
    for (const row of this.#store.authenticators(personId)) {
      if (row.confirmed_at === null) continue;
      for (const step of stepsOfCode(row.secret, typed, current)) {
        if (Math.abs(step - current) > stepsAccepted) far.push(step);
        else if (step <= row.last_step || this.#store.wasSeen(row.id, step)) used = true;
        else {
          right = true;
          this.#store.touchAuthenticator(row.id, this.#options.now());
        }
        this.#mark(row, step, current);
      }
    }
    if (right) return 'right';
    if (used) return 'used';
    const [nearest] = nearestFirst(far, current);
    return nearest === undefined ? 'wrong' : { stepsAway: nearest - current };
  }

  /** Housekeeping: drops what nobody confirmed within 15 minutes; says how many. */
  dropUnconfirmed(): Promise<number> {
    return this.#options.database.write(() => this.#dropDead());
  }

  /** A code ahead of its time is marked alone: the ones before it must still count when the clocks are put right. */
  #mark(row: AuthenticatorRow, step: number, current: number): void {
    if (step <= current + stepsAccepted) this.#store.raiseLastStep(row.id, step);
    else this.#store.markSeen(row.id, step, current - stepsRecognised);
  }

  /**
   * A session that still owes its second factor must not bring its own; nor may one that was to enrol, once another of
   * the person's sessions has: its holder knows the password and no more.
   */
  #requireMayAdd(caller: Owner): void {
    if (caller.kind === 'person') {
      this.#options.requireConfirmed(caller);
    } else if (caller.stage !== 'enrol' || this.#options.hasSecondFactor(caller.personId)) {
      throw new CodedError(
        'sign-in-incomplete',
        'Finish signing in first: an authenticator can be added from an open session. Nothing was changed.',
      );
    }
  }

  #own(caller: PersonCaller, id: string): AuthenticatorRow {
    const row = this.#store.authenticator(id, caller.personId);
    if (row === undefined || this.#isDead(row)) throw noSuch();
    return row;
  }

  /** A clock that jumps back lengthens nothing: what was begun in the future is as dead as what was begun long ago. */
  #isDead(row: AuthenticatorRow): boolean {
    return row.confirmed_at === null && Math.abs(this.#options.now() - row.created_at) >= unconfirmedMs;
  }

  /** The refusal of a code that was not taken, for a person to read. */
  refused(taken: Exclude<TakenCode, 'right'>): CodedError {
    return codeRefused(taken, this.#options.now(), this.#options.timeZone?.());
  }

  #dropDead(): number {
    const now = this.#options.now();
    return this.#store.deleteUnconfirmed(now - unconfirmedMs, now + unconfirmedMs - 1);
  }
}

/**
 * The refusal of a code, as a person reads it. `timeZone`: in which the box's time is told, default the box's own. Facts:
 * `boxTime` (milliseconds UTC), `stepsAway` where there is one.
 */
export function codeRefused(taken: Exclude<TakenCode, 'right'>, now: number, timeZone?: string): CodedError {
  if (taken === 'used') {
    return new CodedError('code-used', 'That code was used before. Nothing was changed; wait for the next one.');
  }
  const facts = { boxTime: now, ...(taken === 'wrong' ? {} : taken) };
  if (taken === 'wrong') {
    return new CodedError(
      'wrong-code',
      'That is not the code of now. Nothing was changed; try the one that your app shows next.',
      { facts },
    );
  }
  const away = awayText(taken.stepsAway);
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone }).format(now);
  return new CodedError(
    'wrong-code',
    `That code is from ${away}. The box thinks it is ${clock}. Nothing was changed; set the clock that is wrong, then type a new code.`,
    { facts },
  );
}

function awayText(stepsAway: number): string {
  const minutes = Math.max(1, Math.round((Math.abs(stepsAway) * stepMs) / 60_000));
  const span = minutes === 1 ? 'a minute' : `${minutes} minutes`;
  return stepsAway < 0 ? `${span} ago` : `${span} ahead`;
}

function nearestFirst(steps: readonly number[], current: number): number[] {
  return steps.toSorted((one, other) => Math.abs(one - current) - Math.abs(other - current));
}

function notWaiting(): CodedError {
  return new CodedError(
    'not-found',
    'That authenticator does not wait for a code: it was confirmed already, or its 15 minutes are over. Begin again.',
  );
}

function noSuch(): CodedError {
  return new CodedError('not-found', 'There is no such authenticator among yours. Nothing was changed.');
}
