/**
 * Pairing a phone: opening one for a while, looking at it, and using it up, for a new phone or for one that takes the
 * place of another. Decides whose phone comes of it and with which rights; phones.ts is its only caller.
 *
 * A move keeps the phone's row, and with it its person, its folder and all that it sent: the new device is the same phone
 * with none of the old one's credentials. So nothing is sent twice, and nothing that the old device holds opens anything.
 */
import { createHash } from 'node:crypto';
import type { Access, Person } from '../access/access.ts';
import type { Approvers } from '../access/approvers.ts';
import { actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { displayName } from '../platform/display-names.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomCode, randomUuid } from '../platform/identifiers.ts';
import { Throttle } from '../platform/throttle.ts';
import { baseFolder } from './base-folder.ts';
import {
  codeGroups,
  codeTriesMax,
  findOpenPairing,
  type PairingKey,
  pairingCodeDigest,
  pairingMs,
  pairingSecretDigest,
  secretBytes,
} from './pairing.ts';
import { buildPairingLink } from './pairing-link.ts';
import { seesAll } from './phone-list.ts';
import type { PairingRow, PhoneRow, PhonesStore } from './store.ts';

export type BoxFacts = Readonly<{
  name: string;
  /** `host:port` of the https door, best first; at least one. IPv6 in brackets. */
  addresses: readonly string[];
  /** The one of them that the link opens; default: the first. */
  linkAddress?: string;
  /** SHA-256 of the root certificate's DER, lower-case hexadecimal. */
  fingerprint: string;
}>;
export type OpenPairing = Readonly<{
  link: string;
  code: string;
  phone: string;
  person: string;
  fingerprint: string;
  addresses: string[];
  expiresAt: number;
}>;
/** `approver`: the key that it brought may approve sign-ins; then recovery codes too, for a person who had none left. */
export type Redeemed = Readonly<{
  phoneId: string;
  phone: string;
  person: string;
  box: string;
  token: string;
  approver: boolean;
  recoveryCodes: string[];
}>;
/** What a pairing shows before it is used: whose phone it makes, of which box, and where that answers. */
export type PairingLook = Readonly<{
  phone: string;
  person: string;
  baseFolder: string;
  expiresAt: number;
  box: string;
  addresses: string[];
  fingerprint: string;
  /** The name of the phone whose place it takes; null: it is a new one. */
  replaces: string | null;
  /** A key that it brings may approve sign-ins. */
  mayApprove: boolean;
}>;

export type PairingsOptions = Readonly<{
  database: Database;
  store: PhonesStore;
  access: Pick<Access, 'claimed' | 'person' | 'personByName' | 'record'>;
  /** What becomes of a phone's key when the phone comes or goes. */
  approvers: Pick<Approvers, 'mayComeByPairing' | 'openerIsThere' | 'pairedInWrite' | 'phoneEndedInWrite' | 'ofPhone'>;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  boxFacts: () => BoxFacts;
  now: () => number;
  randomBytes: RandomBytes;
}>;
/** What a pairing is opened for: a name for a new phone, or the id of one whose place the new one takes. */
export type AskedPairing = Readonly<{ person?: string; phone?: string; baseFolder?: string; replaces?: string }>;
/** What a phone says of itself; `approverKey`: P-256, SPKI in base64. */
export type Redeemer = Readonly<{ client?: string; clientVersion?: string; approverKey?: string }>;

/** Revoked ones do not count. */
const phonesMax = 200;
const tokenBytes = 32;
/** The name by which the box's own page pairs: its credential is of the door `page`. */
const pageClient = 'web-page';

export class Pairings {
  readonly #options: PairingsOptions;
  readonly #store: PhonesStore;
  readonly #wrongCodes: Throttle;

  constructor(options: PairingsOptions) {
    this.#options = options;
    this.#store = options.store;
    // Over all pairings of the box: five tries of each code must not become five tries every few seconds.
    this.#wrongCodes = new Throttle({
      now: options.now,
      freeTries: 10,
      delayMsFirst: 5_000,
      delayMsMax: 5 * 60_000,
      triesMax: 100,
      restMs: 15 * 60_000,
      keysMax: 1,
    });
  }

  /** As `Phones.createPairing`. */
  async create(caller: PersonCaller | ConsoleCaller, asked: AskedPairing): Promise<OpenPairing> {
    const { database, access, boxFacts, now, randomBytes, approvers } = this.#options;
    if (!access.claimed()) {
      throw new CodedError('not-set-up', 'This box has no owner yet. Set it up first, with its setup code.');
    }
    const { person, phone, folder, replaces } = this.#planned(caller, asked);
    const secret = randomBytes(secretBytes).toString('hex');
    const code = randomCode(randomBytes, codeGroups);
    const createdAt = now();
    const expiresAt = createdAt + pairingMs;
    await database.write(() => {
      if (replaces === undefined && this.#store.phoneCount() >= phonesMax) throw tooManyPhones();
      this.#store.openNewPairing({
        id: randomUuid(randomBytes),
        personId: person.id,
        phoneName: phone,
        baseFolder: folder,
        secretSha256: pairingSecretDigest(secret),
        codeSha256: pairingCodeDigest(code),
        createdAt,
        expiresAt,
        triesLeft: codeTriesMax,
        replacesPhoneId: replaces?.id ?? null,
        mayApprove: approvers.mayComeByPairing(caller, person.id),
        sessionId: caller.kind === 'person' ? caller.sessionId : null,
      });
      const detail = replaces === undefined ? {} : { detail: { replaces: replaces.id } };
      access.record({ event: 'pairing-opened', actor: actorOf(caller), subject: person.id, ...detail });
    });
    const box = boxFacts();
    const host = box.linkAddress ?? box.addresses[0];
    if (host === undefined) throw new CodedError('internal', 'The box does not know its own address yet. Try again.');
    const { name, fingerprint, addresses } = box;
    const link = buildPairingLink({ host, secret, fingerprint, addresses, box: name });
    return { link, code, phone, person: person.name, fingerprint, addresses: [...addresses], expiresAt };
  }

  /** As `Phones.lookAtPairing`. */
  async look(key: PairingKey): Promise<PairingLook> {
    const found = await this.#open(key, (opened) => opened);
    const person = this.#livingPerson(found.person_id);
    const { name: box, addresses, fingerprint } = this.#options.boxFacts();
    const { phone_name: phone, base_folder: folder, expires_at: expiresAt } = found;
    const replaced = found.replaces_phone_id === null ? undefined : this.#store.livingPhone(found.replaces_phone_id);
    return {
      phone,
      person: person.name,
      baseFolder: folder,
      expiresAt,
      box,
      addresses: [...addresses],
      fingerprint,
      replaces: replaced?.name ?? null,
      mayApprove: found.may_approve === 1,
    };
  }

  /** As `Phones.redeemPairing`. */
  async redeem(key: PairingKey, by: Redeemer): Promise<Redeemed> {
    const { access, approvers, boxFacts, now, randomBytes } = this.#options;
    const newId = randomUuid(randomBytes);
    const token = randomBytes(tokenBytes).toString('hex');
    return this.#open(key, (pairing) => {
      const person = this.#livingPerson(pairing.person_id);
      // What a thief had opened must not outlive the change of the password that threw the thief out.
      if (pairing.session_id !== null && !approvers.openerIsThere(pairing.session_id)) throw openerGone();
      const at = now();
      const phoneId = pairing.replaces_phone_id ?? newId;
      if (pairing.replaces_phone_id === null) this.#insert(pairing, phoneId, by, at);
      else this.#move(pairing, phoneId, by);
      this.#store.insertCredential(phoneId, by.client === pageClient ? 'page' : 'api', tokenDigest(token), at, null);
      this.#store.markRedeemed(pairing.id, phoneId, at);
      const moved = pairing.replaces_phone_id !== null;
      access.record({ event: moved ? 'phone-moved' : 'phone-paired', actor: `phone:${phoneId}`, subject: phoneId });
      const phone = { phoneId, personId: person.id, name: pairing.phone_name };
      const key = pairing.may_approve === 1 ? by.approverKey : undefined;
      const approves =
        key === undefined ? undefined : approvers.pairedInWrite(phone, key, pairing.session_id ?? undefined);
      const { recoveryCodes = [] } = approves ?? {};
      const [approver, box] = [approves !== undefined, boxFacts().name];
      return { phoneId, phone: pairing.phone_name, person: person.name, box, token, approver, recoveryCodes };
    });
  }

  #insert(pairing: PairingRow, id: string, by: Redeemer, createdAt: number): void {
    if (this.#store.phoneCount() >= phonesMax) throw tooManyPhones();
    this.#store.insertPhone({
      id,
      personId: pairing.person_id,
      name: pairing.phone_name,
      baseFolder: pairing.base_folder,
      client: by.client ?? null,
      clientVersion: by.clientVersion ?? null,
      createdAt,
    });
  }

  /** All that the old device held ends here, whatever the door; its key approves nothing any more. */
  #move(pairing: PairingRow, phoneId: string, by: Redeemer): void {
    if (this.#store.livingPhone(phoneId)?.person_id !== pairing.person_id) {
      throw new CodedError(
        'pairing-expired',
        'The phone whose place this one was to take is no longer on the box. Nothing was paired; pair it as a new one.',
      );
    }
    const to = { name: pairing.phone_name, client: by.client ?? null, clientVersion: by.clientVersion ?? null };
    this.#store.move(phoneId, to);
    this.#options.approvers.phoneEndedInWrite(phoneId, pairing.person_id, pairing.session_id ?? undefined);
  }

  #planned(
    caller: PersonCaller | ConsoleCaller,
    asked: AskedPairing,
  ): { person: Person; phone: string; folder: string; replaces?: PhoneRow } {
    if (asked.replaces === undefined) {
      const person = this.#personFor(caller, asked.person);
      if (asked.phone === undefined) {
        throw new CodedError('invalid-request', 'Say what the phone is to be called. Nothing was paired.');
      }
      return {
        person,
        phone: displayName(asked.phone, 'a phone'),
        folder: baseFolder(asked.baseFolder, person.folder),
      };
    }
    const replaces = this.#store.livingPhone(asked.replaces);
    if (replaces === undefined || (!seesAll(caller) && replaces.person_id !== caller.personId)) {
      throw new CodedError(
        'not-found',
        'There is no such phone on this box, or it was revoked before. Nothing was paired.',
      );
    }
    // The old phone's end and the new one's rights are as much as a change of the second factor.
    if (caller.kind === 'person') this.#options.requireConfirmed(caller);
    return {
      person: this.#livingPerson(replaces.person_id),
      phone: asked.phone === undefined ? replaces.name : displayName(asked.phone, 'a phone'),
      folder: replaces.base_folder,
      replaces,
    };
  }

  /** Runs `use` on the open pairing of `key`, in the transaction that found it: of two at once, one wins. */
  async #open<T>(key: PairingKey, use: (pairing: PairingRow) => T): Promise<T> {
    const { database, now } = this.#options;
    if ('code' in key) this.#wrongCodes.attempt('box');
    const outcome = await database.write(() => {
      const found = findOpenPairing(this.#store, key, now());
      return 'refused' in found ? found : { value: use(found.row) };
    });
    if ('refused' in outcome) throw outcome.refused;
    if ('code' in key) this.#wrongCodes.succeeded('box');
    return outcome.value;
  }

  #personFor(caller: PersonCaller | ConsoleCaller, name: string | undefined): Person {
    const { access } = this.#options;
    if (name === undefined) {
      if (caller.kind === 'console') {
        throw new CodedError('invalid-request', 'Say whose phone it is. Nothing was paired.');
      }
      return this.#livingPerson(caller.personId);
    }
    const person = access.personByName(name);
    if (!seesAll(caller) && person?.id !== caller.personId) {
      throw new CodedError('forbidden', 'Only the owner pairs phones of other people. Nothing was paired.');
    }
    if (person === undefined) {
      throw new CodedError('not-found', `Nobody on this box is called “${name}”. Nothing was paired; add them first.`);
    }
    return person;
  }

  #livingPerson(id: string): Person {
    const person = this.#options.access.person(id);
    if (person === undefined) {
      throw new CodedError('pairing-expired', 'The person this was for is no longer on the box. Nothing was paired.');
    }
    return person;
  }
}

/** The stored form of a bearer token, which has 256 random bits. */
export function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function openerGone(): CodedError {
  return new CodedError(
    'pairing-expired',
    'Whoever opened this pairing is signed out since. Nothing was paired; sign in and open another.',
  );
}

function tooManyPhones(): CodedError {
  return new CodedError('conflict', `The box has room for ${phonesMax} phones. Nothing was paired; revoke one first.`);
}
