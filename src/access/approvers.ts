/**
 * The phones that may approve sign-ins: each by the public half of a key that never leaves it. One key a phone, ten
 * phones a person. Decides which phone's key becomes a second factor, and ends it with its phone; approves nothing.
 *
 * A key comes in by one of two ways:
 *  - in the pairing, when whoever opened that had just confirmed to be there. A pairing that the console opened, or the
 *    owner for somebody else, brings a key only to a person without a second factor: else whoever is at the console
 *    would have password and second factor at once, which no console verb gives, and the owner those of a member.
 *  - later, by a person whose session is open and confirmed a moment ago, on the phone itself: signed in there with a
 *    one-time or a recovery code. A phone's bearer token is not asked for, since a browser that lost its storage lost
 *    that too; and it is never enough, since then whoever copies it would have a second factor.
 */
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { randomUuid } from '../platform/identifiers.ts';
import { approverKey } from './approval-text.ts';
import { ApprovalsStore, type ApproverRow } from './approvals-store.ts';
import { actorOf } from './audit.ts';
import type { Factors } from './factors.ts';
import { HouseholdStore } from './household-store.ts';
import type { PartOptions } from './parts.ts';
import { apartMs } from './recovery.ts';
import type { RecoveryCodes } from './recovery-codes.ts';

export type Approver = Readonly<{
  id: string;
  phoneId: string;
  /** The phone's. */
  name: string;
  createdAt: number;
  lastUsedAt: number | null;
}>;

export type ApproversOptions = PartOptions &
  Readonly<{
    factors: Pick<Factors, 'has' | 'addedInWrite' | 'removedInWrite' | 'lostInWrite'>;
    recoveryCodes: Pick<RecoveryCodes, 'left' | 'replace'>;
    /** A phone that is neither revoked nor of a removed person. */
    livingPhone: (phoneId: string) => Readonly<{ personId: string; name: string }> | undefined;
    /** Ends the bearer token of the phone's page and makes another. Only inside `database.write`. */
    renewPageTokenInWrite: (phoneId: string) => string;
    /** @throws {CodedError} `confirm-first` */
    requireConfirmed: (caller: PersonCaller) => void;
  }>;

const approversPerPersonMax = 10;

export class Approvers {
  readonly #options: ApproversOptions;
  readonly #store: ApprovalsStore;
  readonly #household: HouseholdStore;

  /** The box state must be open. */
  constructor(options: ApproversOptions) {
    this.#options = options;
    this.#store = new ApprovalsStore(options.database);
    this.#household = new HouseholdStore(options.database);
  }

  /** At most ten, the oldest first. */
  list(personId: string): Approver[] {
    return this.#store.approversOf(personId).map(shown);
  }

  count(personId: string): number {
    return this.#store.approversOf(personId).length;
  }

  /** The phone's own, with its key as base64 SPKI: by it a page sees whether its key is still the one. */
  ofPhone(phoneId: string): { id: string; publicKey: string } | undefined {
    const row = this.#store.approverOfPhone(phoneId);
    return row && { id: row.id, publicKey: row.public_key.toString('base64') };
  }

  /**
   * Makes this browser one's own phone `phoneId` (again): its new key, and a new bearer token for its page. Recovery codes
   * come with it for a person who has none left, and are shown here once.
   * @throws {CodedError} `confirm-first`, `not-found`, `conflict`, `invalid-request`
   */
  async register(
    caller: PersonCaller,
    asked: { publicKey: string; phoneId: string },
  ): Promise<{ approver: Approver; token: string; recoveryCodes: string[] }> {
    const { database, livingPhone, requireConfirmed, renewPageTokenInWrite } = this.#options;
    requireConfirmed(caller);
    const key = approverKey(asked.publicKey);
    return await database.write(() => {
      const phone = livingPhone(asked.phoneId);
      if (phone?.personId !== caller.personId) throw noSuchPhone();
      const of = { phoneId: asked.phoneId, personId: phone.personId, name: phone.name };
      const approver = this.#registerInWrite(of, key, caller.sessionId, actorOf(caller));
      const token = renewPageTokenInWrite(asked.phoneId);
      return { approver, token, recoveryCodes: this.#recoveryCodesInWrite(caller.personId) };
    });
  }

  /** Whether the session that opened a pairing goes on: what somebody opened who was thrown out since is over. */
  openerIsThere(sessionId: string): boolean {
    return this.#store.sessionIsOpen(sessionId);
  }

  /** Whether a pairing that `caller` opens may bring a key for this person: see above. */
  mayComeByPairing(caller: PersonCaller | ConsoleCaller, personId: string): boolean {
    const own = caller.kind === 'person' && caller.personId === personId;
    if (!own && this.#options.factors.has(personId)) return false;
    if (caller.kind === 'console') return true;
    try {
      this.#options.requireConfirmed(caller);
      return true;
    } catch (error) {
      if (error instanceof CodedError && error.code === 'confirm-first') return false;
      throw error;
    }
  }

  /**
   * The key that a phone brings when it is paired. Only inside the `database.write` that makes the phone, after its row.
   * `sessionId` opened the pairing and goes on; if it has ended since, or it is not the person's own and they got a
   * second factor since, nothing is registered and the phone is paired without: undefined. Else recovery codes, as by
   * `register`. @throws {CodedError} `conflict`, `invalid-request`
   */
  pairedInWrite(
    phone: { phoneId: string; personId: string; name: string },
    publicKey: string,
    sessionId?: string,
  ): { recoveryCodes: string[] } | undefined {
    const { factors } = this.#options;
    const goesOn = sessionId === undefined || this.#store.sessionIsOpen(sessionId);
    const own = sessionId !== undefined && this.#store.isSessionOf(sessionId, phone.personId);
    if (!goesOn || (!own && factors.has(phone.personId))) return undefined;
    this.#registerInWrite(phone, approverKey(publicKey), sessionId, `phone:${phone.phoneId}`);
    return { recoveryCodes: this.#recoveryCodesInWrite(phone.personId) };
  }

  /** @throws {CodedError} `confirm-first`, `not-found`, `conflict` (the last one, where the policy demands one) */
  async remove(caller: PersonCaller, id: string): Promise<void> {
    const { database, now, factors, record, notify, requireConfirmed } = this.#options;
    requireConfirmed(caller);
    await database.write(() => {
      const row = this.#store.approversOf(caller.personId).find((one) => one.id === id);
      if (row === undefined || !this.#store.revokeOfPhone(row.phone_id, now())) throw noSuchPhone();
      record({ event: 'approver-removed', actor: actorOf(caller), subject: row.phone_id });
      notify(caller.personId, 'approver-removed', { phone: row.phone_name });
      factors.removedInWrite(caller.personId, caller.sessionId);
    });
  }

  /**
   * The phone was revoked, or its credentials go to another phone: its key approves nothing from here on. Only inside
   * the `database.write` that does so. `sessionId` asked for it and goes on. @throws {CodedError} `too-early` when it is
   * the last second factor, somebody else asked, and a new password was asked for at the box just before
   */
  phoneEndedInWrite(phoneId: string, personId: string, sessionId: string | undefined): void {
    const { now, factors, record, notify } = this.#options;
    if (!this.#store.revokeOfPhone(phoneId, now())) return;
    record({ event: 'approver-removed', actor: 'nobody', subject: phoneId, detail: { with: 'phone' } });
    notify(personId, 'approver-removed', { phone: this.#store.phoneName(phoneId) });
    factors.lostInWrite(personId, sessionId);
    if (!factors.has(personId)) this.#lastWentInWrite(personId, sessionId);
  }

  /** As much as a reset of the second factor, so it keeps as far from that of the password (`recovery.ts`). */
  #lastWentInWrite(personId: string, sessionId: string | undefined): void {
    const at = this.#options.now();
    const own = sessionId !== undefined && this.#store.isSessionOf(sessionId, personId);
    const asked = this.#household.passwordResetAt(personId);
    if (!own && asked !== undefined && Math.abs(at - asked) < apartMs) {
      throw new CodedError(
        'too-early',
        'This phone is the last second factor of somebody for whom a new password was asked for just before. Nothing was changed; try again in ten minutes, which are theirs to object.',
        { facts: { retryAfterSeconds: Math.ceil((asked + apartMs - at) / 1000) } },
      );
    }
    const reset = this.#household.factorReset(personId);
    if (reset !== undefined && reset.done_at === null) return;
    this.#household.putFactorReset({ person_id: personId, asked_at: at, valid_from: at, done_at: at });
  }

  /** For somebody whose only factor is a phone, which can be lost like any other. */
  #recoveryCodesInWrite(personId: string): string[] {
    const { recoveryCodes } = this.#options;
    return recoveryCodes.left(personId) === 0 ? recoveryCodes.replace(personId) : [];
  }

  #registerInWrite(
    phone: { phoneId: string; personId: string; name: string },
    publicKey: Buffer,
    sessionId: string | undefined,
    actor: string,
  ): Approver {
    const { now, randomBytes, factors, record, notify } = this.#options;
    const store = this.#store;
    // A key that was taken away stays away, and no two phones share one.
    if (store.keyWasSeen(publicKey)) {
      throw new CodedError(
        'conflict',
        'This key was registered before. Nothing was changed; let the phone make another.',
      );
    }
    const at = now();
    const replaced = store.revokeOfPhone(phone.phoneId, at);
    if (this.count(phone.personId) >= approversPerPersonMax) {
      throw new CodedError(
        'conflict',
        `${approversPerPersonMax} phones approve for you already, and that is the most. Nothing was changed; remove one first.`,
      );
    }
    const id = randomUuid(randomBytes);
    store.insertApprover({ id, personId: phone.personId, phoneId: phone.phoneId, publicKey, createdAt: at });
    record({ event: 'approver-registered', actor, subject: phone.phoneId, detail: { replaced } });
    notify(phone.personId, 'approver-registered', { phone: phone.name });
    factors.addedInWrite(phone.personId, sessionId);
    return { id, phoneId: phone.phoneId, name: phone.name, createdAt: at, lastUsedAt: null };
  }
}

function shown(row: ApproverRow): Approver {
  const { id, phone_id: phoneId, phone_name: name, created_at: createdAt, last_used_at: lastUsedAt } = row;
  return { id, phoneId, name, createdAt, lastUsedAt };
}

function noSuchPhone(): CodedError {
  return new CodedError('not-found', 'None of your phones goes by that. Nothing was changed; look at the list again.');
}
