/**
 * Owns links by which a person chooses a password: the invitation to join (7 days) and the one that the box's console
 * gives when a password was forgotten (an hour). Each works once, and a newer one takes the place of an older.
 * Never keeps a secret readable, and never hashes for one that it does not know. Called by its routes and by recovery.
 */
import { createHash } from 'node:crypto';
import type { Caller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { normalCode, randomCode, randomUuid } from '../platform/identifiers.ts';
import { actorOf } from './audit.ts';
import { HouseholdStore, type InvitationRow } from './household-store.ts';
import { buildJoinLink } from './join-link.ts';
import type { PartOptions } from './parts.ts';
import type { PasswordLock } from './password-lock.ts';
import type { SessionPlace } from './session-book.ts';
import type { SignedIn, SignIn } from './sign-in.ts';

export type InvitationsOptions = PartOptions &
  Readonly<{
    boxFacts: () => Readonly<{ name: string; addresses: readonly string[]; fingerprint: string; linkAddress?: string }>;
    lock: Pick<PasswordLock, 'choose' | 'setInWrite'>;
    signIn: Pick<SignIn, 'enterInWrite'>;
  }>;

export type Invitation = Readonly<{ link: string; code: string; validFrom: number; expiresAt: number }>;
export type InvitationLook = Readonly<{
  person: string;
  kind: 'join' | 'reset';
  box: string;
  validFrom: number;
  expiresAt: number;
}>;

const joinMs = 7 * 24 * 60 * 60_000;
const resetMs = 60 * 60_000;
/** 160 bits: it is clicked, not typed. */
const joinGroups = 8;
/** 80 bits: people type it from the box's screen, and nobody guesses it in an hour. */
const resetGroups = 4;
/** How long an ended one is still told apart from one that never was. */
const rememberedMs = 30 * 24 * 60 * 60_000;

export class Invitations {
  readonly #options: InvitationsOptions;
  readonly #rows: HouseholdStore;

  /** On an open database. */
  constructor(options: InvitationsOptions) {
    this.#options = options;
    this.#rows = new HouseholdStore(options.database);
  }

  /**
   * Invites a member who has no password. @throws {CodedError} `not-found`; `conflict` for one who has a password: only
   * that person, or somebody at the box itself, may open their library anew.
   */
  async invite(personId: string, by: Caller): Promise<Invitation> {
    const { database, record } = this.#options;
    return await database.write(() => {
      const person = this.#rows.person(personId);
      if (person === undefined || person.removed_at !== null) throw noSuchPerson();
      if (person.can_sign_in === 1) {
        throw new CodedError(
          'conflict',
          `${person.name} has a password already. Nothing was changed. If it is forgotten, run "nightjar reset-password" on the box.`,
        );
      }
      record({ event: 'person-invited', actor: actorOf(by), subject: personId });
      return this.openInWrite(personId, 'join', this.#options.now());
    });
  }

  /** Inside `database.write`. Closes what was open for this person before. */
  openInWrite(personId: string, kind: 'join' | 'reset', validFrom: number): Invitation {
    const { now, randomBytes, boxFacts } = this.#options;
    const code = randomCode(randomBytes, kind === 'join' ? joinGroups : resetGroups);
    const createdAt = now();
    const expiresAt = validFrom + (kind === 'join' ? joinMs : resetMs);
    const id = randomUuid(randomBytes);
    this.#rows.openInvitation({ id, personId, kind, secretSha256: digestOf(code), createdAt, validFrom, expiresAt });
    return { link: buildJoinLink({ ...boxFacts(), secret: code }), code, validFrom, expiresAt };
  }

  /** Whose it is; does not use it up. @throws {CodedError} `invitation-unknown`, `invitation-used`, `invitation-expired` */
  look(secret: string): InvitationLook {
    const { person, kind, valid_from: validFrom, expires_at: expiresAt } = this.#find(secret);
    return { person, kind, box: this.#options.boxFacts().name, validFrom, expiresAt };
  }

  /**
   * Sets the password and goes in as after signing in with it: a second factor that the person has is still asked for.
   * The invitation is used up in the commit that sets the password; every session of before ends with it.
   * @throws {CodedError} as `look`; `too-early`, `weak-password`, `busy`: then it still works.
   */
  async redeem(asked: { secret: string; password: string }, place: SessionPlace): Promise<SignedIn> {
    const { database, now, record, notify, lock, signIn } = this.#options;
    const found = this.#find(asked.secret);
    const waitMs = found.valid_from - now();
    if (waitMs > 0) throw tooEarly(waitMs);
    const { person_id: personId } = found;
    const chosen = await lock.choose(personId, asked.password);
    return await database.write(() => {
      // Of two at once, one wins.
      const { id, kind } = this.#find(asked.secret);
      this.#rows.useInvitation(id, now());
      lock.setInWrite(chosen, undefined);
      this.#rows.endSessions(personId);
      const event = kind === 'join' ? 'person-joined' : 'password-reset';
      record({ event, actor: `person:${personId}`, subject: personId });
      if (kind === 'reset') notify(personId, 'password-reset');
      return signIn.enterInWrite(personId, place, 'password');
    });
  }

  /** Housekeeping. Returns how many rows went. */
  removeExpired(): Promise<number> {
    return this.#options.database.write(() => this.#rows.removeOldInvitations(this.#options.now() - rememberedMs));
  }

  #find(secret: string): InvitationRow {
    // At least 80 random bits: looking a digest up tells nothing by time.
    const row = this.#rows.invitation(digestOf(secret));
    if (row === undefined) {
      throw new CodedError(
        'invitation-unknown',
        'The box does not know this invitation. Nothing was changed. Open the whole link, or ask for a new one.',
      );
    }
    if (row.used_at !== null) {
      throw new CodedError(
        'invitation-used',
        'This invitation has been used: it works once. If that was not you, tell the owner at once.',
      );
    }
    const now = this.#options.now();
    // Made in the future: the clock was set back, and nobody knows for how long it would be good.
    if (row.expires_at <= now || row.created_at > now) {
      throw new CodedError(
        'invitation-expired',
        'This invitation has run out, or a newer one took its place. Nothing was changed. Ask for a new one.',
      );
    }
    return row;
  }
}

function digestOf(secret: string): Buffer {
  return createHash('sha256')
    .update(`invitation:${normalCode(secret)}`)
    .digest();
}

function tooEarly(waitMs: number): CodedError {
  const minutes = Math.ceil(waitMs / 60_000);
  return new CodedError(
    'too-early',
    `This works in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}: the second factor was taken away just before, and the person is given time to object. Nothing was changed.`,
    { facts: { retryAfterSeconds: Math.ceil(waitMs / 1000) } },
  );
}

function noSuchPerson(): CodedError {
  return new CodedError(
    'not-found',
    'There is no such person on this box. Nothing was changed; look at the list again.',
  );
}
